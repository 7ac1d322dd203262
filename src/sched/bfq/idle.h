/* SPDX-License-Identifier: Apache-2.0 */
/* idle.h - when the drive is kept free for a queue that has no request now. */
#ifndef BFQ_IDLE_H
#define BFQ_IDLE_H

#include "sched/bfq/bfq.h"
#include "sched/bfq/busy.h"
#include "sched/bfq/habit.h"

/* if the drive has this many requests of others, they delay a raised queue */
#define BFQ_FOREIGN_MANY 4u

/* Returns how long the drive would be kept free for Q. */
uint64_t bfq_idle_for_ns(const struct bfq *d, const struct bfq_queue *q);
/* Keeps the drive free for Q, which is in service, empty and without a request in the drive. */
void bfq_idle_begin(struct bfq *d, struct bfq_queue *q);

/* Returns true if keeping the drive free for Q makes the drive faster. */
static inline bool bfq_idle_boosts(const struct bfq *d, const struct bfq_queue *q)
{
	bool rotational = d->s.env.rotational;

	if ((!rotational && d->queueing) || (d->busy_raised && !bfq_busy_all_raised(d)))
		return false;
	return (rotational && !d->queueing) ||
	       (!bfq_habit_seeky(q) && q->io_bound && bfq_habit_short_think(d, q));
}

/* Returns true if others that are busy would take away from the share that Q's weight guarantees.
 */
static inline bool bfq_idle_is_needed(const struct bfq *d, const struct bfq_queue *q)
{
	if (q->raise > 1 &&
	    (d->busy_raised < d->busy || d->in_drive >= q->in_drive + BFQ_FOREIGN_MANY))
		return true;
	return bfq_busy_asymmetric(d, q);
}

/* Returns true if the drive should be kept free for Q, in service, when Q has no request. */
static inline bool bfq_idle_is_better(const struct bfq *d, const struct bfq_queue *q)
{
	if (q->gone) /* no request will come */
		return false;
	if (d->value[STRICT_GUARANTEES])
		return true;
	if (!d->value[SLICE_IDLE_US] || !q->sync || q->entity.class == BFQ_IDLE)
		return false;
	/* The cheapest first: with many submitters, each io asks this more than once. */
	return d->busy == 1 || bfq_idle_is_needed(d, q) || bfq_idle_boosts(d, q);
}

#endif
