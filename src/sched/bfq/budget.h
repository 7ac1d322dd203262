/* SPDX-License-Identifier: Apache-2.0 */
/*
 * budget.h - how large a budget may be, and what is left of one.
 */
#ifndef BFQ_BUDGET_H
#define BFQ_BUDGET_H

#include "base/nsec.h"
#include "sched/bfq/bfq.h"

/* Returns the largest and the smallest budget, in sectors. */
uint64_t bfq_budget_max(const struct bfq *d);
uint64_t bfq_budget_min(const struct bfq *d);
/* True if Q, in service, has had its time and shall be expired for that. */
bool bfq_budget_timeout_ends(const struct bfq *d, const struct bfq_queue *q);
/* True if at least a third of Q's budget is left. */
bool bfq_budget_third_left(const struct bfq_queue *q);
/* Gives Q, which waits for service, a budget that is enough for its next request: that one has
 * changed. */
void bfq_budget_refit(struct bfq *d, struct bfq_queue *q);

/* Returns how many sectors Q may still have in this service. */
static inline int64_t bfq_budget_left(const struct bfq_queue *q)
{
	return (int64_t)(q->entity.budget - q->entity.service);
}

/* Returns when Q, in service, will have had its time, by the tunables as they are now. */
static inline uint64_t bfq_budget_timeout_at(const struct bfq *d, const struct bfq_queue *q)
{
	return q->service_start_ns + (uint64_t)d->value[TIMEOUT_SYNC] * NSEC_PER_MSEC * q->raise;
}

/* True if Q, in service, has had its time. */
static inline bool bfq_budget_timed_out(const struct bfq *d, const struct bfq_queue *q)
{
	return d->now >= q->timeout_ns;
}

#endif
