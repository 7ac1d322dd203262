/* SPDX-License-Identifier: Apache-2.0 */
/*
 * busy.h - counts of busy queues, and what follows from them.
 */
#ifndef BFQ_BUSY_H
#define BFQ_BUSY_H

#include "sched/bfq/bfq.h"

/* Counts Q as busy, in its class, group and weight. */
void bfq_busy_add(struct bfq *d, struct bfq_queue *q);
void bfq_busy_remove(struct bfq *d, struct bfq_queue *q);
/* Counts Q, if it is busy, at the weight that it has now. */
void bfq_busy_reweigh(struct bfq *d, struct bfq_queue *q);
/* Counts busy Q in group TO instead of its own. */
void bfq_busy_move(struct bfq *d, const struct bfq_queue *q, struct bfq_group *to);
/* Returns the cost of serving RQ of an asynchronous queue, in sectors. */
uint64_t bfq_busy_async_cost(const struct bfq *d, const struct sched_rq *rq);

/*
 * Returns true if the busy queues should not all get the same, because they differ in class, group
 * or weight. Q (may be NULL) is not affected by other weights if its own is the smallest.
 */
static inline bool bfq_busy_asymmetric(const struct bfq *d, const struct bfq_queue *q)
{
	const uint32_t *in = d->busy_class, all = d->busy;

	if (d->weights_used & (d->weights_used - 1) &&
	    (!q || !q->busy || q->weight_index != __builtin_ctz(d->weights_used)))
		return true;
	return (in[BFQ_RT] != all && in[BFQ_BE] != all && in[BFQ_IDLE] != all) ||
	       d->busy_groups > 1;
}

/* Returns the cost of serving RQ of Q, in sectors. */
static inline uint64_t bfq_busy_cost(const struct bfq *d, const struct bfq_queue *q,
				     const struct sched_rq *rq)
{
	return q->sync ? rq->nr_sectors : bfq_busy_async_cost(d, rq);
}

#endif
