/* SPDX-License-Identifier: Apache-2.0 */
/*
 * plug.h - ios that the owner has submitted gather, so that they can be merged and handed down
 * together, until the loop takes them.
 *
 * Owns lane->plug; only lane.c calls it, for each io, so it is inline. The lane's owner.
 */
#ifndef PLUG_H
#define PLUG_H

#include "queue/lane/state.h"

/* The owner gathers so many runs of ios; then they are handed down without being polled. */
#define PLUG_MAX 32u
/* A run so long is handed down at once, with what has gathered: the drive begins while the next io
 * is being prepared. (blk-mq's plug has the same two rules, with 128 KiB.) */
#define PLUG_BYTES (512u << 10)

static inline bool plug_continues(const struct weir_io *last, const struct weir_io *io)
{
	if ((last->flags | io->flags) & (WEIR_IO_NOMERGE | WEIR_IO_FUA | WEIR_IO_PREFLUSH))
		return false;
	return last->op == io->op && (last->offset + last->length == io->offset ||
				      io->offset + io->length == last->offset);
}

/* Ios that will be one request count once, or a long run could not become one. */
static inline void plug_add(struct lane *lane, struct weir_io *io)
{
	struct lane_plug *p = &lane->plug;

	if (!p->ios.first || lane->sched->env.merging == SCHED_MERGING_OFF ||
	    !plug_continues(p->last, io)) {
		p->runs++;
		p->run_bytes = 0;
	}
	p->run_bytes += io->length;
	p->last = io;
	io_list_add(&p->ios, io);
	__atomic_store_n(&p->nr_begun, p->nr_begun + 1, __ATOMIC_RELAXED);
}

/* True if the loop should take the plug now, and not wait until it is polled. */
static inline bool plug_is_full(const struct lane *lane)
{
	return lane->plug.runs >= PLUG_MAX || lane->plug.run_bytes >= PLUG_BYTES;
}

/* Moves the plug behind INTO. */
static inline void plug_take(struct lane *lane, struct io_list *into)
{
	io_list_append(into, &lane->plug.ios);
	lane->plug.runs = 0;
	lane->plug.run_bytes = 0;
}

#endif
