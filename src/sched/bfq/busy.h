/* SPDX-License-Identifier: Apache-2.0 */
/*
 * busy.h - counts the busy queues: all, by class, by weight, raised ones, and groups with one.
 *
 * The counts answer two questions. May all busy queues get the same share? If so, bfq can save the
 * effort of separating them. And what does a background sector cost? It costs more than one sector
 * if no other queue loses by that.
 *
 * With many submitters a queue becomes busy with each io, so counting is inline.
 */
#ifndef BFQ_BUSY_H
#define BFQ_BUSY_H

#include "sched/bfq/bfq.h"

/* Counts Q, if it is busy, at the weight that it has now. */
void bfq_busy_reweigh(struct bfq *d, struct bfq_queue *q);
/* Counts busy Q in group TO instead of its own. */
void bfq_busy_move(struct bfq *d, const struct bfq_queue *q, struct bfq_group *to);
/* Returns the cost of serving RQ of an asynchronous queue, in sectors. */
uint64_t bfq_busy_async_cost(const struct bfq *d, const struct sched_rq *rq);

/* Counts Q no longer, or again, at its weight, lightest first: the eight levels, then the same
 * levels raised. */
static inline void bfq_busy_uncount(struct bfq *d, const struct bfq_queue *q)
{
	if (!--d->by_weight[q->weight_index])
		d->weights_used &= ~(1u << q->weight_index);
	if (q->weight_index >= BFQ_LEVELS)
		d->busy_raised--;
}

static inline void bfq_busy_count(struct bfq *d, struct bfq_queue *q)
{
	q->weight_index = (uint8_t)(q->level_index + (q->raise > 1 ? BFQ_LEVELS : 0));
	d->by_weight[q->weight_index]++;
	d->weights_used |= 1u << q->weight_index;
	if (q->weight_index >= BFQ_LEVELS)
		d->busy_raised++;
}

/* Counts Q as busy, in its class, group and weight. */
static inline void bfq_busy_add(struct bfq *d, struct bfq_queue *q)
{
	q->busy = true;
	d->busy++;
	d->busy_class[q->entity.class]++;
	if (!q->entity.parent->busy++)
		d->busy_groups++;
	bfq_busy_count(d, q);
}

static inline void bfq_busy_remove(struct bfq *d, struct bfq_queue *q)
{
	bfq_busy_uncount(d, q);
	if (!--q->entity.parent->busy)
		d->busy_groups--;
	d->busy_class[q->entity.class]--;
	d->busy--;
	q->busy = false;
}

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

/* Returns true if several queues are busy and all of them are raised, so that raising favours none
 * of them. */
static inline bool bfq_busy_all_raised(const struct bfq *d)
{
	return d->busy > 1 && d->busy_raised == d->busy;
}

/* Returns the cost of serving RQ of Q, in sectors. */
static inline uint64_t bfq_busy_cost(const struct bfq *d, const struct bfq_queue *q,
				     const struct sched_rq *rq)
{
	return q->sync ? rq->nr_sectors : bfq_busy_async_cost(d, rq);
}

#endif
