/* SPDX-License-Identifier: Apache-2.0 */
/*
 * retime.c - applies a changed tunable to queues that wait, are served, or are idled for.
 *
 * Values that were computed from the old tunable would keep it alive: the end of a wait that may
 * be days away, a budget of a terabyte, or a start in virtual time so far ahead that its queue
 * would not be served again. None of them may be later or larger than if it were computed now with
 * the new value. A larger value changes nothing that was computed before.
 */
#include "sched/bfq/retime.h"

#include "sched/bfq/budget.h"
#include "sched/bfq/busy.h"
#include "sched/bfq/idle.h"
#include "sched/bfq/path.h"

static void retime_service(struct bfq *d)
{
	struct bfq_queue *q = d->in_service;
	uint64_t timeout, until;

	if (!q)
		return;
	timeout = bfq_budget_timeout_at(d, q);
	if (timeout < q->timeout_ns)
		q->timeout_ns = timeout;
	until = d->now + (bfq_idle_is_better(d, q) ? bfq_idle_for_ns(d, q) : 0);
	if (d->idle_until != SCHED_NEVER && until < d->idle_until)
		d->idle_until = until;
}

/* Limits the budget of Q to MAX, or to the size of its next request. */
static void retime_budget(struct bfq *d, struct bfq_queue *q, uint64_t max)
{
	struct bfq_entity *e = &q->entity;
	uint64_t budget = max;

	if (q->max_budget > max)
		q->max_budget = max;
	if (!q->busy)
		return;
	if (q->next && e->service + bfq_busy_cost(d, q, q->next) > budget)
		budget = e->service + bfq_busy_cost(d, q, q->next);
	if (e->budget > budget)
		e->budget = budget;
}

static void retime_queue(struct bfq *d, struct bfq_queue *q, uint64_t max)
{
	retime_budget(d, q, max);
	bfq_path_forgive(d, &q->entity, max);
}

/* Limits the budgets of all existing queues and groups. */
static void retime_budgets(struct bfq *d)
{
	uint64_t max = bfq_budget_max(d);

	for (uint32_t i = 0; i < BFQ_SLOTS; i++)
		retime_queue(d, &d->async[i], max);
	retime_queue(d, &d->common, max);
	for (uint32_t i = 0; i < d->pool_used; i++)
		retime_queue(d, &d->pool[i], max);
	for (uint32_t i = 0; i < d->group_pool_used; i++)
		bfq_path_forgive(d, &d->group_pool[i].entity, max);
}

void bfq_retime(struct bfq *d, enum bfq_tunable tunable)
{
	if (tunable == MAX_BUDGET || tunable == TIMEOUT_SYNC)
		retime_budgets(d);
	retime_service(d);
}
