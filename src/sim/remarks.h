/* SPDX-License-Identifier: Apache-2.0 */
/*
 * remarks.h - lines of text that are collected while a file is read or a run is prepared, to be
 * printed together. Belongs to one thread. A struct of zeroes is an empty list.
 */
#ifndef SIM_REMARKS_H
#define SIM_REMARKS_H

#include <stdbool.h>
#include <stddef.h>

/* Lines beyond this number are counted but not kept. */
#define REMARKS_MAX 100

struct remarks {
	char **line;
	size_t count;	/* number of lines that are kept */
	size_t dropped; /* number of lines beyond REMARKS_MAX */
	bool failed;	/* memory ran out: a line is missing */
};

/* Adds a line. If memory runs out, it sets FAILED. */
void remarks_add(struct remarks *r, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Frees what R holds and makes it empty. */
void remarks_free(struct remarks *r);

#endif
