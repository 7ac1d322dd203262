/* SPDX-License-Identifier: Apache-2.0 */
/*
 * raise.h - more weight for queues that have just begun.
 */
#ifndef BFQ_RAISE_H
#define BFQ_RAISE_H

#include "base/nsec.h"
#include "sched/bfq/bfq.h"

#define BFQ_RAISE_IDLE_NS (2 * NSEC_PER_SEC)
#define BFQ_RAISE_SECTORS 120000u

/* Raises Q if it has just begun and is of the kind that is raised, or ends its raise if that is
 * over. */
void bfq_raise_change(struct bfq *d, struct bfq_queue *q);
void bfq_raise_end(struct bfq *d, struct bfq_queue *q);
/* Ends the raise of all queues. */
void bfq_raise_end_all(struct bfq *d);

/* The drive has turned out to be faster than it seemed: no queue stays raised for longer than one
 * that would be raised now. */
void bfq_raise_shorten(struct bfq *d);

/* Returns true if Q is new, or had no request for long. */
static inline bool bfq_raise_begins(const struct bfq *d, const struct bfq_queue *q)
{
	uint64_t since = q->last_done_ns > q->idle_since_ns ? q->last_done_ns : q->idle_since_ns;

	return q->fresh || d->now - since >= BFQ_RAISE_IDLE_NS;
}

/* Returns true if the raise of Q was long enough, or enough was served. */
static inline bool bfq_raise_over(const struct bfq *d, const struct bfq_queue *q)
{
	return d->now - q->raise_start_ns >= q->raise_ns || q->raise_service > BFQ_RAISE_SECTORS;
}

/* Raises Q, which becomes busy, if it has just begun. Ends its raise if the time is over. */
static inline void bfq_raise_activation(struct bfq *d, struct bfq_queue *q)
{
	if (bfq_raise_begins(d, q) || (q->raise > 1 && bfq_raise_over(d, q)))
		bfq_raise_change(d, q);
}

/* Counts SECTORS that were served for Q; after enough of them its raise ends. */
static inline void bfq_raise_served(struct bfq *d, struct bfq_queue *q, uint64_t sectors)
{
	if (q->raise == 1)
		return;
	q->raise_service += sectors;
	if (bfq_raise_over(d, q))
		bfq_raise_end(d, q);
}

#endif
