/* SPDX-License-Identifier: Apache-2.0 */
/*
 * arrive.c - a request comes: its queue may become busy, and may be more urgent than the one that
 * is in service.
 *
 * A queue that becomes busy gets a budget and a place in the tree. If its last turn ended only
 * because it had nothing to send, and it is back at once with some of its budget left, it goes on
 * where it was, so that a short absence costs it nothing. It takes the drive from the queue in
 * service if it has reason to (it came back so, or is of a higher class or weight, or idling for
 * the other one does not pay any more) and if the tree would have served it first.
 *
 * Keeps count of the queues that are busy.
 */
#include "sched/bfq/bfq.h"

/* How often slice_idle a queue may stay away and still go on where it was. */
#define BACK_IN_TIME 3

/* Lightest first: the eight levels, then the same raised. */
static uint8_t arrive_weight_index(const struct bfq_queue *q)
{
	return (uint8_t)(q->level_index + (q->raise > 1 ? BFQ_LEVELS : 0));
}

static void arrive_uncount_weight(struct bfq *d, const struct bfq_queue *q)
{
	if (!--d->by_weight[q->weight_index])
		d->weights_used &= ~(1u << q->weight_index);
	if (q->weight_index >= BFQ_LEVELS)
		d->busy_raised--;
}

static void arrive_add_weight(struct bfq *d, struct bfq_queue *q)
{
	q->weight_index = arrive_weight_index(q);
	d->by_weight[q->weight_index]++;
	d->weights_used |= 1u << q->weight_index;
	if (q->weight_index >= BFQ_LEVELS)
		d->busy_raised++;
}

void arrive_count_weight(struct bfq *d, struct bfq_queue *q)
{
	if (!q->busy)
		return;
	arrive_uncount_weight(d, q);
	arrive_add_weight(d, q);
}

static void arrive_busy(struct bfq *d, struct bfq_queue *q)
{
	q->busy = true;
	d->busy++;
	d->busy_class[q->entity.class]++;
	if (!q->entity.parent->busy++)
		d->busy_groups++;
	arrive_add_weight(d, q);
}

void arrive_not_busy(struct bfq *d, struct bfq_queue *q)
{
	arrive_uncount_weight(d, q);
	if (!--q->entity.parent->busy)
		d->busy_groups--;
	d->busy_class[q->entity.class]--;
	d->busy--;
	q->busy = false;
	q->idle_since_ns = d->now;
	queue_settle(d, q);
}

/* Q has what it needs to go on where it was. */
static bool arrive_goes_on(const struct bfq *d, const struct bfq_queue *q)
{
	int64_t cost = (int64_t)select_cost(d, q, q->next);

	return q->expired_empty && q->budget_left >= cost &&
	       d->now - q->last_done_ns <= BACK_IN_TIME * idle_slice_ns(d);
}

static uint64_t arrive_larger(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

/* Q may take the drive from the queue in service. One that is waited for, and does not deserve it
 * any more, need not even be later in the tree. */
static void arrive_preempt(struct bfq *d, const struct bfq_queue *q, bool goes_on)
{
	const struct bfq_queue *cur = d->in_service;
	bool better;

	if (!cur)
		return;
	better = idle_is_better(d, cur);
	if (better && !(goes_on && q->raise >= cur->raise) && !path_higher(d, q, cur))
		return;
	if ((!better && !cur->waiting) || path_before(d, q, cur))
		budget_expire(d, BFQ_PREEMPTED);
}

/* Q was not busy and has a request. */
static void arrive_activate(struct bfq *d, struct bfq_queue *q)
{
	bool goes_on;
	uint64_t cost;

	raise_activation(d, q);
	arrive_busy(d, q);
	/* It may have been changed since. */
	if (!q->sync || q->max_budget > budget_max(d))
		q->max_budget = budget_max(d);
	goes_on = arrive_goes_on(d, q);
	cost = select_cost(d, q, q->next);
	q->entity.budget = arrive_larger(q->max_budget, cost);
	if (goes_on && (uint64_t)q->budget_left < q->entity.budget)
		q->entity.budget = (uint64_t)q->budget_left;
	q->expired_empty = false;
	q->fresh = false;
	path_activate(d, q, goes_on);
	arrive_preempt(d, q, goes_on);
}

void arrive_next_changed(struct bfq *d, struct bfq_queue *q)
{
	uint64_t need;

	if (!q->busy || q == d->in_service || !q->next)
		return;
	need = q->entity.service + select_cost(d, q, q->next);
	if (need <= q->entity.budget)
		return;
	q->entity.budget = need;
	path_rebudget(d, q);
}

void arrive_insert(struct bfq *d, struct sched_rq *rq)
{
	struct bfq_queue *q = bfq_of(rq);
	bool first = !q->waiting;

	idle_arrival(d, q, rq);
	order_add(d, q, rq);
	if (!q->busy) {
		arrive_activate(d, q);
	} else if (q == d->in_service) {
		d->idle_until = SCHED_NEVER;
		if (first)
			inject_arrival(d, q);
	} else {
		arrive_next_changed(d, q);
	}
}
