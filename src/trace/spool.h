/* SPDX-License-Identifier: Apache-2.0 */
/*
 * spool.h - the two files of a trace: the spool, which has no name and holds chunks of records, and
 * the file that a user gets. One thread.
 */
#ifndef TRACE_SPOOL_H
#define TRACE_SPOOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

struct spool {
	char *path;
	int fd;	     /* of the file at path, with an flock */
	int records; /* of the spool */
	bool made;   /* the file was not there before */
};

/* Opens the file PATH, unchanged, and a spool beside it. 0 or -errno with words. */
int spool_open(struct spool *spool, const char *path);
/* Maps what was written to the spool. *LENGTH may become 0. 0 or -errno with words. */
int spool_map(const struct spool *spool, const char **map, size_t *length);
void spool_unmap(const char *map, size_t length);
/* Empties the file and returns a stream to it, which the caller closes; NULL with words. */
FILE *spool_write(struct spool *spool);
/* Closes both. DROP: and removes the file if spool_open() made it. */
void spool_close(struct spool *spool, bool drop);

#endif
