/* SPDX-License-Identifier: Apache-2.0 */
/*
 * urgency.h - how urgent the ios of a store are. The scheduler below acts on it.
 *
 * A program waits for a get before it can go on, and for a put only if it asks for that. Reclaiming
 * is done ahead of need. All of them stay in one class: mq-deadline lets a lower class wait up to
 * 10 s while a higher one has ios, and then puts would end, or find space, that late.
 */
#ifndef STORE_IO_URGENCY_H
#define STORE_IO_URGENCY_H

#include <stdint.h>

#include <weir/store.h>

#define URGENCY_GET WEIR_PRIO_BE(0)
#define URGENCY_RECLAIM WEIR_PRIO_BE(7)

/* Gives IO, a read, the urgency of OP, a get. */
static inline void urgency_of_get(struct weir_io *io, const struct weir_store_op *op)
{
	io->prio = op->prio ? op->prio : URGENCY_GET;
	io->submitter = op->submitter;
	io->deadline_ns = op->deadline_ns;
}

/* Gives IO the urgency of reclaiming. */
static inline void urgency_of_reclaim(struct weir_io *io)
{
	io->prio = URGENCY_RECLAIM;
	io->flags |= WEIR_IO_BACKGROUND;
}

/*
 * Gives IO, which begins a segment that puts wait for, its urgency where the scheduler keeps the
 * drive free after a synchronous io: it is an urgent background io. Otherwise the drive would be
 * kept free for the next such io, which comes only with the next segment, while gets wait.
 */
static inline void urgency_of_begin(struct weir_io *io)
{
	io->prio = URGENCY_GET;
	io->flags |= WEIR_IO_BACKGROUND;
}

/* The urgency of a write of many operations: that of the most urgent of them. */
struct urgency {
	uint16_t prio; /* 0: there is no operation yet */
	uint16_t flags;
	uint32_t submitter;
	uint64_t deadline_ns; /* the earliest of those that somebody waits for; 0: there is none */
};

/* Adds OP, a put, a delete or a survivor, to U. */
static inline void urgency_add(struct urgency *u, const struct weir_store_op *op)
{
	uint16_t prio = op->prio ? op->prio : WEIR_PRIO_DEFAULT;

	/* A level without a class is one of BE, as in the queue. Smaller numbers are more urgent.
	 */
	prio = prio >> 13 ? prio : (uint16_t)(prio | WEIR_PRIO_BE(0));
	if (!u->prio)
		u->flags = WEIR_IO_BACKGROUND;
	if (!u->prio || prio < u->prio) {
		u->prio = prio;
		u->submitter = op->submitter;
	}
	if (!(op->flags & WEIR_PUT_FOREGROUND))
		return;
	u->flags = 0;
	if (op->deadline_ns && (!u->deadline_ns || op->deadline_ns < u->deadline_ns))
		u->deadline_ns = op->deadline_ns;
}

#endif
