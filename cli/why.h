/* SPDX-License-Identifier: Apache-2.0 */
/*
 * why.h - tells why a key is not in a store.
 */
#ifndef CLI_WHY_H
#define CLI_WHY_H

#include "cli/key.h"
#include "cli/opening.h"

/* Prints whether KEY is in the store at PATH, or why it is not. Returns the exit code. */
int why_print(const char *path, const struct opening *o, const struct key *key, int json);

#endif
