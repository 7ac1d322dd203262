/* SPDX-License-Identifier: Apache-2.0 */
/*
 * idle.c - decides when the drive is kept free for a queue that has no request now ("idling").
 *
 * There are two reasons. It can be faster: on a hard disk the next request of a sequential reader
 * is near, and all others are far away. And it can be a guarantee: a queue that sends one request
 * at a time would lose the drive after each one, and so its share, if weights differ.
 *
 * While the drive is kept free, dispatch() returns NULL; at idle_until it is called again.
 */
#include "sched/bfq/idle.h"

#include "base/nsec.h"
#include "sched/bfq/busy.h"

#define SEEKY_SLICE_NS (2 * NSEC_PER_MSEC)
#define RAISED_SLICE_NS (20 * NSEC_PER_MSEC)
/* if the drive has this many requests of others, they delay a raised queue */
#define FOREIGN_MANY 4u

/* Returns true if others would take away from the share that Q's weight guarantees. */
static bool idle_is_needed(const struct bfq *d, const struct bfq_queue *q)
{
	if (q->raise > 1 && (d->busy_raised < d->busy || d->in_drive >= q->in_drive + FOREIGN_MANY))
		return true;
	return bfq_busy_asymmetric(d, q) || d->busy == 1;
}

bool bfq_idle_is_better(const struct bfq *d, const struct bfq_queue *q)
{
	if (q->gone) /* no request will come */
		return false;
	if (d->value[STRICT_GUARANTEES])
		return true;
	if (!d->value[SLICE_IDLE_US] || !q->sync || q->entity.class == BFQ_IDLE)
		return false;
	return bfq_idle_boosts(d, q) || idle_is_needed(d, q);
}

uint64_t bfq_idle_for_ns(const struct bfq *d, const struct bfq_queue *q)
{
	uint64_t slice = bfq_habit_slice_ns(d);

	if (q->raise > 1)
		return slice > RAISED_SLICE_NS ? slice : RAISED_SLICE_NS;
	if (bfq_habit_seeky(q) && !bfq_busy_asymmetric(d, q))
		return slice < SEEKY_SLICE_NS ? slice : SEEKY_SLICE_NS;
	return slice;
}

void bfq_idle_begin(struct bfq *d, struct bfq_queue *q)
{
	d->idle_until = d->now + bfq_idle_for_ns(d, q);
}
