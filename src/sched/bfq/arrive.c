/* SPDX-License-Identifier: Apache-2.0 */
/*
 * arrive.c - a request comes: its queue may become busy, and may be more urgent than the queue in
 * service.
 *
 * A queue that becomes busy gets a budget and a place in the tree. If its last service ended only
 * because it had no request, and it returns soon with some of its budget left, it continues at its
 * old place, so a short pause costs it nothing. It takes the drive from the queue in service under
 * two conditions: it has a reason (it returned in this way, or has a higher class or weight, or
 * idling for the other one is not useful any more), and the tree would have served it first.
 */
#include "sched/bfq/arrive.h"

#include "sched/bfq/budget.h"
#include "sched/bfq/busy.h"
#include "sched/bfq/expire.h"
#include "sched/bfq/habit.h"
#include "sched/bfq/idle.h"
#include "sched/bfq/inject.h"
#include "sched/bfq/order.h"
#include "sched/bfq/path.h"
#include "sched/bfq/raise.h"

/* A queue that returns within this many times slice_idle may continue at its old place. */
#define BACK_IN_TIME 3

/* Returns true if Q may continue at its old place. */
static bool arrive_goes_on(const struct bfq *d, const struct bfq_queue *q)
{
	int64_t cost = (int64_t)bfq_busy_cost(d, q, q->next);

	return q->expired_empty && q->budget_left >= cost &&
	       d->now - q->last_done_ns <= BACK_IN_TIME * bfq_habit_slice_ns(d);
}

static uint64_t arrive_larger(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

/*
 * Lets Q take the drive from the queue in service if it may. If idling for that queue is no longer
 * useful, Q need not even be earlier in the tree.
 */
static void arrive_preempt(struct bfq *d, const struct bfq_queue *q, bool goes_on)
{
	const struct bfq_queue *cur = d->in_service;
	bool better;

	if (!cur)
		return;
	better = bfq_idle_is_better(d, cur);
	if (better && !(goes_on && q->raise >= cur->raise) && !bfq_path_higher(d, q, cur))
		return;
	if ((!better && !cur->waiting) || bfq_path_before(d, q, cur))
		bfq_expire(d, BFQ_PREEMPTED);
}

/* Makes Q busy: it has a request. */
static void arrive_activate(struct bfq *d, struct bfq_queue *q)
{
	bool goes_on;
	uint64_t cost;

	bfq_raise_activation(d, q);
	bfq_busy_add(d, q);
	/* The largest budget may have changed since. */
	if (!q->sync || q->max_budget > bfq_budget_max(d))
		q->max_budget = bfq_budget_max(d);
	goes_on = arrive_goes_on(d, q);
	cost = bfq_busy_cost(d, q, q->next);
	q->entity.budget = arrive_larger(q->max_budget, cost);
	if (goes_on && (uint64_t)q->budget_left < q->entity.budget)
		q->entity.budget = (uint64_t)q->budget_left;
	q->expired_empty = false;
	q->fresh = false;
	bfq_path_activate(d, q, goes_on);
	arrive_preempt(d, q, goes_on);
}

void bfq_arrive(struct bfq *d, struct sched_rq *rq)
{
	struct bfq_queue *q = bfq_of(rq);
	bool first = !q->waiting;

	bfq_habit_arrival(d, q, rq);
	bfq_order_add(d, q, rq);
	if (!q->busy) {
		arrive_activate(d, q);
	} else if (q == d->in_service) {
		d->idle_until = SCHED_NEVER;
		if (first)
			bfq_inject_arrival(d, q);
	} else {
		bfq_budget_refit(d, q);
	}
}
