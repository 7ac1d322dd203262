/* SPDX-License-Identifier: Apache-2.0 */
/*
 * default.h - WEIR_STORE in the environment: the store that is meant where no PATH is given. Owns
 * nothing; one thread.
 *
 * Where the number of operands tells whether PATH was left out, it counts: `get KEY`, `put KEY`,
 * `del KEY`, `ls` have none; `get A B` and `put A B C` have one. Where it does not (`put A B`,
 * `del A B ...`), A is PATH if it is a device or a file with a store in it, and else a key.
 */
#ifndef DEFAULT_H
#define DEFAULT_H

#include <stdbool.h>

#include "cli/command.h"

/* What WEIR_STORE says, or NULL. */
const char *default_store(void);

/* Was PATH left out of the N OPERANDS of CMD, and is there a WEIR_STORE to stand in for it? */
bool default_is_wanted(const struct command *cmd, char **operands, int n);

#endif
