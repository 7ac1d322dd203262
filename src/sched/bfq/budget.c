/* SPDX-License-Identifier: Apache-2.0 */
/*
 * budget.c - computes how large a budget may be, and whether a queue has used its own.
 *
 * The largest budget is what the drive can do in timeout_sync, once its rate is known.
 */
#include "sched/bfq/budget.h"

#include "base/nsec.h"
#include "sched/bfq/busy.h"
#include "sched/bfq/path.h"
#include "sched/bfq/rate.h"

#define DEFAULT_BUDGET 16384u /* sectors; used until the drive's rate is known */
#define MIN_BUDGETS 32u	      /* the smallest budget is this part of the largest */
/* Moving average of "a service began" (0 to 256, weight 1/8): above it the drive was busy for a
 * while, and its rate counts. */
#define ASSIGNED_TRUSTED 194u

uint64_t bfq_budget_max(const struct bfq *d)
{
	uint64_t usec = (uint64_t)d->value[TIMEOUT_SYNC] * (NSEC_PER_MSEC / NSEC_PER_USEC), max;

	if (d->value[MAX_BUDGET])
		return (uint64_t)d->value[MAX_BUDGET];
	if (d->budgets_assigned < ASSIGNED_TRUSTED)
		return DEFAULT_BUDGET;
	max = (d->rate.peak * usec) >> BFQ_RATE_SHIFT;
	return max ? max : 1;
}

uint64_t bfq_budget_min(const struct bfq *d)
{
	uint64_t min = bfq_budget_max(d) / MIN_BUDGETS;

	return min ? min : 1;
}

bool bfq_budget_third_left(const struct bfq_queue *q)
{
	return bfq_budget_left(q) >= (int64_t)(q->entity.budget / 3);
}

bool bfq_budget_timeout_ends(const struct bfq *d, const struct bfq_queue *q)
{
	return bfq_budget_timed_out(d, q) &&
	       (d->idle_until == SCHED_NEVER || bfq_budget_third_left(q));
}

void bfq_budget_refit(struct bfq *d, struct bfq_queue *q)
{
	uint64_t need;

	if (!q->busy || q == d->in_service || !q->next)
		return;
	need = q->entity.service + bfq_busy_cost(d, q, q->next);
	if (need <= q->entity.budget)
		return;
	q->entity.budget = need;
	bfq_path_rebudget(d, q);
}
