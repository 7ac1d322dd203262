/* SPDX-License-Identifier: Apache-2.0 */
/*
 * expire.h - a service ends.
 */
#ifndef BFQ_EXPIRE_H
#define BFQ_EXPIRE_H

#include "sched/bfq/bfq.h"
#include "sched/bfq/busy.h"
#include "sched/bfq/queue.h"

/* Ends the service of the queue in service. */
void bfq_expire(struct bfq *d, enum bfq_reason reason);
/*
 * Ends the service of the queue in service, because the drive was idle for it and no request came.
 */
void bfq_expire_idle(struct bfq *d);

/* Records that Q, in service or not, is not busy any more. It has already left its tree. */
static inline void bfq_expire_not_busy(struct bfq *d, struct bfq_queue *q)
{
	bfq_busy_remove(d, q);
	q->idle_since_ns = d->now;
	if (!q->tags) /* it is not settled before its last request is finished */
		bfq_queue_settle(d, q);
}

/* Sets the time to NOW, and does what was due until then. */
static inline void bfq_expire_due(struct bfq *d, uint64_t now)
{
	if (d->idle_until <= now)
		bfq_expire_idle(d);
	if (now > d->now)
		d->now = now;
}

#endif
