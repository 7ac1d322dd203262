/* SPDX-License-Identifier: Apache-2.0 */
/*
 * superjob.h - replacing the superblock of an open store.
 */
#ifndef STORE_IO_SUPERJOB_H
#define STORE_IO_SUPERJOB_H

#include <stdbool.h>

#include "store/format/super.h"
#include "store/io/flush.h"
#include "store/io/sio.h"

/* The change of the superblock that is under way. */
struct superjob {
	struct sio sio;
	struct flush_waiter flushed;
	struct store_io *io;
	struct super next;
	unsigned first;	  /* the copy to begin with: the one that failed last may be damaged */
	unsigned written; /* copies written so far */
	void *buf;	  /* NULL: no change is under way */
	size_t bytes;
	void *user; /* of who started it */
	void (*done)(struct superjob *job, int result);
};

/*
 * Writes NEXT to both copies, each flushed before the next one is touched. If that succeeds, the
 * store has NEXT's tables before DONE is called; USER is in the job. Returns 0 or -ENOMEM; then
 * DONE is not called. There is one change at a time. Runs on the loop's thread.
 */
int superjob_start(struct store_io *io, const struct super *next,
		   void (*done)(struct superjob *job, int result), void *user);

/* Returns true if a change is under way. */
bool superjob_busy(const struct store_io *io);

#endif
