/* SPDX-License-Identifier: Apache-2.0 */
/*
 * why.h - tells why a key is not in a store.
 */
#ifndef CLI_WHY_H
#define CLI_WHY_H

#include "cli/opening.h"

/* Prints whether the key TEXT is in the store at PATH, or why it is not. Returns the exit code. */
int why_print(const char *path, const struct opening *o, const char *text, int json);

#endif
