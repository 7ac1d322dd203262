/* SPDX-License-Identifier: Apache-2.0 */
/* idle.h - when the drive is kept free for a queue that has no request now. */
#ifndef BFQ_IDLE_H
#define BFQ_IDLE_H

#include "sched/bfq/bfq.h"
#include "sched/bfq/habit.h"

/* Returns true if the drive should be kept free for Q, in service, when Q has no request. */
bool bfq_idle_is_better(const struct bfq *d, const struct bfq_queue *q);
/* Returns how long the drive would be kept free for Q. */
uint64_t bfq_idle_for_ns(const struct bfq *d, const struct bfq_queue *q);
/* Keeps the drive free for Q, which is in service, empty and without a request in the drive. */
void bfq_idle_begin(struct bfq *d, struct bfq_queue *q);

/* Returns true if keeping the drive free for Q makes the drive faster. */
static inline bool bfq_idle_boosts(const struct bfq *d, const struct bfq_queue *q)
{
	bool rotational = d->s.env.rotational;

	if (d->busy_raised || (!rotational && d->queueing))
		return false;
	return (rotational && !d->queueing) ||
	       (!bfq_habit_seeky(q) && q->io_bound && bfq_habit_short_think(d, q));
}

#endif
