/* SPDX-License-Identifier: Apache-2.0 */
/* keyargs.h - the arguments that put, get and del have in common: a store and keys. */
#ifndef KEYARGS_H
#define KEYARGS_H

#include "cli/opening.h"

struct keyargs {
	struct opening store;
	unsigned escaped; /* keys are written as `weir ls` prints them */
	unsigned json;
};

/* Options for the member struct keyargs AT in the struct of a command's arguments. */
#define KEYARGS_OPTIONS(at)                                                                        \
	{ .name = "escaped",                                                                       \
	  .letter = 'e',                                                                           \
	  .type = OPT_FLAG,                                                                        \
	  .offset = (at) + offsetof(struct keyargs, escaped),                                      \
	  .help = "KEY is written as `weir ls` prints it: \\xNN, \\\\" },                          \
		OPENING_OPTIONS((at) + offsetof(struct keyargs, store)),                           \
		JSON_OPTION((at) + offsetof(struct keyargs, json))

#endif
