/* SPDX-License-Identifier: Apache-2.0 */
/*
 * default.h - the environment variable WEIR_STORE: the store that a command uses if no PATH is
 * given. Owns nothing; one thread.
 *
 * Often the number of operands shows whether PATH was left out: `get KEY`, `put KEY`, `del KEY`
 * and `ls` have no PATH; `get A B` and `put A B C` have one. Where the number does not show it
 * (`put A B`, `del A B ...`), A is PATH if it is a device or a file with a store in it; otherwise
 * A is a key.
 */
#ifndef DEFAULT_H
#define DEFAULT_H

#include <stdbool.h>

#include "cli/command.h"

/* Returns the value of WEIR_STORE, or NULL if it is not set. */
const char *default_store(void);

/* Returns true if the N OPERANDS of CMD contain no PATH and WEIR_STORE names a store. */
bool default_is_wanted(const struct command *cmd, char **operands, int n);

#endif
