/* SPDX-License-Identifier: Apache-2.0 */
/*
 * remarks.h - lines of text that are gathered while a file is read or a run prepared, to be told
 * all together. Belongs to one thread. All zeroes is an empty list.
 */
#ifndef SIM_REMARKS_H
#define SIM_REMARKS_H

#include <stdbool.h>
#include <stddef.h>

/* More than these are counted, but not kept. */
#define REMARKS_MAX 100

struct remarks {
	char **line;
	size_t count;	/* that are kept */
	size_t dropped; /* beyond REMARKS_MAX */
	bool failed;	/* memory was short: a line is missing */
};

/* Adds a line. Short memory is remembered in FAILED. */
void remarks_add(struct remarks *r, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Frees what R holds and empties it. */
void remarks_free(struct remarks *r);

#endif
