/* SPDX-License-Identifier: Apache-2.0 */
/*
 * retime.c - a tunable has changed while queues wait, have a turn, or are waited for.
 *
 * What was worked out from the old value and is still to be used would keep that value alive: the
 * end of a wait that may be days away, a budget of a terabyte, or a start in virtual time so far
 * ahead that its queue would not be served again. None of it may be later, or more, than the new
 * value would make it from here. Values that went up change nothing that exists already.
 *
 * Entered from bfq_set().
 */
#include "sched/bfq/bfq.h"

static void retime_turn(struct bfq *d)
{
	struct bfq_queue *q = d->in_service;
	uint64_t timeout, until;

	if (!q)
		return;
	timeout = budget_timeout_at(d, q);
	if (timeout < q->timeout_ns)
		q->timeout_ns = timeout;
	until = d->now + (idle_is_better(d, q) ? idle_for_ns(d, q) : 0);
	if (d->idle_until != SCHED_NEVER && until < d->idle_until)
		d->idle_until = until;
}

/* Q's turn, if it waits for one or has one, is at most MAX, or what its next request needs. */
static void retime_budget(struct bfq *d, struct bfq_queue *q, uint64_t max)
{
	struct bfq_entity *e = &q->entity;
	uint64_t budget = max;

	if (q->max_budget > max)
		q->max_budget = max;
	if (!q->busy)
		return;
	if (q->next && e->service + select_cost(d, q, q->next) > budget)
		budget = e->service + select_cost(d, q, q->next);
	if (e->budget > budget)
		e->budget = budget;
}

static void retime_queue(struct bfq *d, struct bfq_queue *q, uint64_t max)
{
	retime_budget(d, q, max);
	path_forgive(d, &q->entity, max);
}

/* For all queues and groups that exist. */
static void retime_budgets(struct bfq *d)
{
	uint64_t max = budget_max(d);

	for (uint32_t i = 0; i < BFQ_SLOTS; i++)
		retime_queue(d, &d->async[i], max);
	retime_queue(d, &d->common, max);
	for (uint32_t i = 0; i < d->pool_used; i++)
		retime_queue(d, &d->pool[i], max);
	for (uint32_t i = 0; i < d->group_pool_used; i++)
		path_forgive(d, &d->group_pool[i].entity, max);
}

void retime(struct bfq *d, enum bfq_tunable tunable)
{
	if (tunable == MAX_BUDGET || tunable == TIMEOUT_SYNC)
		retime_budgets(d);
	retime_turn(d);
}
