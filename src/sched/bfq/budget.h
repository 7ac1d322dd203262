/* SPDX-License-Identifier: Apache-2.0 */
/* budget.h - the limits of budgets, and the rest of one. */
#ifndef BFQ_BUDGET_H
#define BFQ_BUDGET_H

#include "base/nsec.h"
#include "sched/bfq/bfq.h"

/* Returns the largest and the smallest budget, in sectors. */
uint64_t bfq_budget_max(const struct bfq *d);
uint64_t bfq_budget_min(const struct bfq *d);
/* Returns true if the time of Q, in service, is over and its service must end for that reason. */
bool bfq_budget_timeout_ends(const struct bfq *d, const struct bfq_queue *q);
/* Returns true if at least a third of Q's budget is left. */
bool bfq_budget_third_left(const struct bfq_queue *q);
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

/* Returns the end of the time of Q, in service, with the current tunables. */
static inline uint64_t bfq_budget_timeout_at(const struct bfq *d, const struct bfq_queue *q)
{
	return q->service_start_ns + (uint64_t)d->value[TIMEOUT_SYNC] * NSEC_PER_MSEC * q->raise;
}

/* Returns true if the time of Q, in service, is over. */
static inline bool bfq_budget_timed_out(const struct bfq *d, const struct bfq_queue *q)
{
	return d->now >= q->timeout_ns;
}

#endif
