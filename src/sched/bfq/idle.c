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
