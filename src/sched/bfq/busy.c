/* SPDX-License-Identifier: Apache-2.0 */
/* busy.c - counts busy queues anew that change, and the cost of background sectors. See busy.h. */
#include "sched/bfq/busy.h"

/* The cost of a background sector, if no queue would get more than its share by that. */
#define ASYNC_FACTOR 3

void bfq_busy_reweigh(struct bfq *d, struct bfq_queue *q)
{
	if (!q->busy)
		return;
	bfq_busy_uncount(d, q);
	bfq_busy_count(d, q);
}

void bfq_busy_move(struct bfq *d, const struct bfq_queue *q, struct bfq_group *to)
{
	if (!--q->entity.parent->busy)
		d->busy_groups--;
	if (!to->busy++)
		d->busy_groups++;
}

uint64_t bfq_busy_async_cost(const struct bfq *d, const struct sched_rq *rq)
{
	return (uint64_t)rq->nr_sectors * (bfq_busy_asymmetric(d, NULL) ? 1 : ASYNC_FACTOR);
}
