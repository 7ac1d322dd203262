/* SPDX-License-Identifier: Apache-2.0 */
/*
 * names.h - the functions of the public headers and of the version script, so that a test can say
 * that it left none out.
 */
#ifndef NAMES_H
#define NAMES_H

#include <stdbool.h>
#include <stddef.h>

#define NAMES_MAX 256
#define NAME_BYTES 64

struct names {
	size_t n;
	char name[NAMES_MAX][NAME_BYTES];
};

/* The functions of include/weir that return int, by declaration. */
void names_of_headers(struct names *names);

/* All functions of libweir.map. */
void names_of_map(struct names *names);

bool names_have(const struct names *names, const char *name);

#endif
