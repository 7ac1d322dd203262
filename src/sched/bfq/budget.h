/* SPDX-License-Identifier: Apache-2.0 */
/*
 * budget.h - computes how large a budget may be, and whether a queue has used its own.
 *
 * The largest budget is what the drive can do in timeout_sync, once its rate is known. With many
 * submitters each io is a service, which asks all of this several times, so it is inline.
 */
#ifndef BFQ_BUDGET_H
#define BFQ_BUDGET_H

#include "base/nsec.h"
#include "sched/bfq/bfq.h"
#include "sched/bfq/busy.h"
#include "sched/bfq/rate.h"

#define BFQ_DEFAULT_BUDGET 16384u /* sectors; used until the drive's rate is known */
#define BFQ_MIN_BUDGETS 32u	  /* the smallest budget is this part of the largest */
/* Moving average of "a service began" (0 to 256, weight 1/8): above it the drive was busy for a
 * while, and its rate counts. */
#define BFQ_ASSIGNED_TRUSTED 194u

/*
 * Gives Q, which waits for service, a budget that is large enough for its next request, which has
 * changed.
 */
void bfq_budget_refit(struct bfq *d, struct bfq_queue *q);

/* Returns how many more sectors Q may have in this service. */
static inline int64_t bfq_budget_left(const struct bfq_queue *q)
{
	return (int64_t)(q->entity.budget - q->entity.service);
}

/* Returns the largest budget, in sectors. */
static inline uint64_t bfq_budget_max(const struct bfq *d)
{
	uint64_t usec = (uint64_t)d->value[TIMEOUT_SYNC] * (NSEC_PER_MSEC / NSEC_PER_USEC), max;

	if (d->value[MAX_BUDGET])
		return (uint64_t)d->value[MAX_BUDGET];
	if (d->budgets_assigned < BFQ_ASSIGNED_TRUSTED)
		return BFQ_DEFAULT_BUDGET;
	max = (d->rate.peak * usec) >> BFQ_RATE_SHIFT;
	return max ? max : 1;
}

/* Returns the smallest budget, in sectors. */
static inline uint64_t bfq_budget_min(const struct bfq *d)
{
	uint64_t min = bfq_budget_max(d) / BFQ_MIN_BUDGETS;

	return min ? min : 1;
}

/* Returns true if at least a third of Q's budget is left. */
static inline bool bfq_budget_third_left(const struct bfq_queue *q)
{
	return bfq_budget_left(q) >= (int64_t)(q->entity.budget / 3);
}

/* Returns the end of the time of Q, in service, with the current tunables. */
static inline uint64_t bfq_budget_timeout_at(const struct bfq *d, const struct bfq_queue *q)
{
	uint32_t raise = bfq_busy_all_raised(d) ? 1 : q->raise;

	return q->service_start_ns + (uint64_t)d->value[TIMEOUT_SYNC] * NSEC_PER_MSEC * raise;
}

/* Returns true if the time of Q, in service, is over. */
static inline bool bfq_budget_timed_out(const struct bfq *d, const struct bfq_queue *q)
{
	return d->now >= q->timeout_ns;
}

/* Returns true if the time of Q, in service, is over and its service must end for that reason. */
static inline bool bfq_budget_timeout_ends(const struct bfq *d, const struct bfq_queue *q)
{
	return bfq_budget_timed_out(d, q) &&
	       (d->idle_until == SCHED_NEVER || bfq_budget_third_left(q));
}

#endif
