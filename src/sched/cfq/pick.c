/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pick.c - cfq: chooses the request of a queue that leaves first. It takes the nearest one to the
 * head, where a distance backwards counts several times, so that a disk mostly moves in one
 * direction. Once in a slice it takes the oldest request, if that is overdue.
 */
#include "sched/cfq/cfq.h"

/*
 * Computes the cost of moving the head from sector FROM to RQ. Returns false if RQ is too far
 * back.
 */
static bool cfq_pick_cost(const struct cfq *cfq, const struct sched_rq *rq, uint64_t from,
			  uint64_t *cost)
{
	uint64_t back = from - rq->sector;

	*cost = rq->sector - from;
	if (rq->sector >= from)
		return true;
	*cost = back * (uint64_t)cfq->value[CFQ_BACK_SEEK_PENALTY];
	return back <= (uint64_t)cfq->value[CFQ_BACK_SEEK_MAX] * 2;
}

struct sched_rq *cfq_pick_nearer(const struct cfq *cfq, struct sched_rq *a, struct sched_rq *b,
				 uint64_t from)
{
	uint64_t cost_a, cost_b;
	bool near_a, near_b;

	if (!a || !b || a == b)
		return a ? a : b;
	near_a = cfq_pick_cost(cfq, a, from, &cost_a);
	near_b = cfq_pick_cost(cfq, b, from, &cost_b);
	if (near_a != near_b)
		return near_a ? a : b;
	if (!near_a) /* both are too far back: one long seek to the lower one, and then upwards */
		return a->sector <= b->sector ? a : b;
	if (cost_a != cost_b)
		return cost_a < cost_b ? a : b;
	return a->sector >= b->sector ? a : b;
}

struct sched_rq *cfq_pick_after(const struct cfq *cfq, struct cfq_queue *q, struct sched_rq *rq)
{
	struct sched_rq *next = sorted_next(rq);

	if (!next)
		next = sorted_first(&q->requests);
	return cfq_pick_nearer(cfq, next == rq ? NULL : next, sorted_prev(rq), rq->sector);
}

struct sched_rq *cfq_pick(struct cfq *cfq, struct cfq_queue *q)
{
	struct sched_rq *oldest = sorted_oldest(&q->requests);
	uint64_t expire = cfq_ms(cfq, q->sync ? CFQ_FIFO_EXPIRE_SYNC : CFQ_FIFO_EXPIRE_ASYNC);
	bool overdue = !q->fifo_checked && oldest->inserted_ns + expire <= cfq->now;

	q->fifo_checked = true;
	return overdue ? oldest : q->next;
}
