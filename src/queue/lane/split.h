/* SPDX-License-Identifier: Apache-2.0 */
/*
 * split.h - several commands from one io. The lane's owner.
 */
#ifndef SPLIT_H
#define SPLIT_H

#include "queue/lane/state.h"

/* Makes RQ the next part of IO; 0 or -ENOMEM. */
int split_next(struct lane *lane, struct weir_io *io, struct request *rq);
/* Returns the length of the longest command for IO, bytes: by the device and the scheduler. */
uint64_t split_longest(const struct lane *lane, const struct weir_io *io);
/* Returns how many commands the rest of IO makes, or more than MOST. */
uint64_t split_parts(const struct lane *lane, const struct weir_io *io, uint64_t most);
/* Returns true if IO makes one command, with its memory as it is. */
bool split_whole(const struct lane *lane, const struct weir_io *io);
/* Gives back what a bounce buffer read, and frees it. */
void split_unbounce(struct request *rq, struct weir_io *io);
/* Frees what split_next() made, unused. */
void split_drop(struct request *rq);

/* Returns what a scheduler is told of IO: enum sched_rq_flags. */
static inline uint8_t split_flags(const struct weir_io *io)
{
	bool sync =
		io->op == WEIR_OP_READ || !(io->flags & WEIR_IO_BACKGROUND) || io_priv(io)->step;

	return (uint8_t)((sync ? SCHED_RQ_SYNC : 0) | (io->flags & WEIR_IO_FUA ? SCHED_RQ_FUA : 0));
}

/* Returns the deadline of IO, or 0 if there is none or it is over: then it says nothing any more.
 */
static inline uint64_t split_deadline(const struct lane *lane, const struct weir_io *io)
{
	return io->deadline_ns > lane->now ? io->deadline_ns : 0;
}

#endif
