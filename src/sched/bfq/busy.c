/* SPDX-License-Identifier: Apache-2.0 */
/*
 * busy.c - counts the busy queues: all, by class, by weight, raised ones, and groups with one.
 *
 * The counts answer two questions. May all busy queues get the same share? If so, bfq can save the
 * effort of separating them. And what does a background sector cost? It costs more than one sector
 * if no other queue loses by that.
 */
#include "sched/bfq/busy.h"

/* The cost of a background sector, if no queue would get more than its share by that. */
#define ASYNC_FACTOR 3

/*
 * Returns the index of a queue's weight, lightest first: the eight levels, then the same levels
 * raised.
 */
static uint8_t busy_index(const struct bfq_queue *q)
{
	return (uint8_t)(q->level_index + (q->raise > 1 ? BFQ_LEVELS : 0));
}

static void busy_uncount(struct bfq *d, const struct bfq_queue *q)
{
	if (!--d->by_weight[q->weight_index])
		d->weights_used &= ~(1u << q->weight_index);
	if (q->weight_index >= BFQ_LEVELS)
		d->busy_raised--;
}

static void busy_count(struct bfq *d, struct bfq_queue *q)
{
	q->weight_index = busy_index(q);
	d->by_weight[q->weight_index]++;
	d->weights_used |= 1u << q->weight_index;
	if (q->weight_index >= BFQ_LEVELS)
		d->busy_raised++;
}

void bfq_busy_reweigh(struct bfq *d, struct bfq_queue *q)
{
	if (!q->busy)
		return;
	busy_uncount(d, q);
	busy_count(d, q);
}

void bfq_busy_add(struct bfq *d, struct bfq_queue *q)
{
	q->busy = true;
	d->busy++;
	d->busy_class[q->entity.class]++;
	if (!q->entity.parent->busy++)
		d->busy_groups++;
	busy_count(d, q);
}

void bfq_busy_remove(struct bfq *d, struct bfq_queue *q)
{
	busy_uncount(d, q);
	if (!--q->entity.parent->busy)
		d->busy_groups--;
	d->busy_class[q->entity.class]--;
	d->busy--;
	q->busy = false;
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
