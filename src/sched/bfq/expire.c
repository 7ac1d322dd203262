/* SPDX-License-Identifier: Apache-2.0 */
/*
 * expire.c - ends a service: it charges the queue, and computes the next budget.
 *
 * A queue is charged for sectors. If that would be unfair to others, because it used much time of
 * the drive for few sectors (it seeks, or was slow to ask), it is charged for the time instead: as
 * many sectors as the largest budget has for that time. The next budget depends on how the last
 * service ended: a queue that used all of its budget gets more, one that made the drive wait gets
 * less.
 */
#include "sched/bfq/expire.h"

#include "base/nsec.h"
#include "sched/bfq/budget.h"
#include "sched/bfq/habit.h"
#include "sched/bfq/path.h"

/* A shorter service says nothing about speed; a longer one does. */
#define SLOW_SHORT_NS NSEC_PER_MSEC
#define SLOW_LONG_NS (20 * NSEC_PER_MSEC)

static bool expire_slow(const struct bfq *d, const struct bfq_queue *q)
{
	uint64_t took = d->now - q->service_start_ns;

	if (!q->sync)
		return false;
	if (took < SLOW_SHORT_NS)
		return bfq_habit_seeky(q);
	return took > SLOW_LONG_NS && q->entity.service < bfq_budget_max(d) / 2;
}

/* Charges Q for the time of its service, converted to sectors. Most services end without this, and
 * need fewer registers. */
static __attribute__((noinline)) void expire_charge_time(struct bfq *d, struct bfq_queue *q)
{
	uint64_t timeout = (uint64_t)d->value[TIMEOUT_SYNC] * NSEC_PER_MSEC;
	uint64_t took = d->now - q->service_start_ns, charge;

	/* Microseconds, so that no product overflows. */
	took = (took < timeout ? took : timeout) / NSEC_PER_USEC;
	charge = bfq_budget_max(d) * took / (timeout / NSEC_PER_USEC);
	if (charge > q->entity.service)
		bfq_path_serve(d, q, charge - q->entity.service);
}

/* Returns the next budget of Q, which is synchronous and not raised. It depends on REASON. */
static uint64_t expire_feedback(const struct bfq *d, const struct bfq_queue *q,
				enum bfq_reason reason)
{
	uint64_t b = q->max_budget, min = bfq_budget_min(d);

	switch (reason) {
	case BFQ_TOO_IDLE:
		/* The queue may be waiting for its own request in the drive. */
		if (q->in_drive)
			return 2 * b;
		return b > 5 * min ? b - 4 * min : min;
	case BFQ_TIMEOUT:
		return 2 * b;
	case BFQ_EXHAUSTED:
		return 4 * b;
	case BFQ_NO_MORE:
		return q->entity.service > min ? q->entity.service : min;
	default:
		return b;
	}
}

/* Returns the budget of Q's next service. */
static uint64_t expire_next_budget(const struct bfq *d, const struct bfq_queue *q,
				   enum bfq_reason reason)
{
	uint64_t b, max = bfq_budget_max(d);

	if (!q->sync)
		return max;
	if (q->raise > 1)
		return 2 * bfq_budget_min(d);
	b = expire_feedback(d, q, reason);
	return b < max ? b : max;
}

void bfq_expire(struct bfq *d, enum bfq_reason reason)
{
	struct bfq_queue *q = d->in_service;
	uint64_t cost;

	if ((q->raise == 1 || bfq_busy_all_raised(d)) &&
	    (expire_slow(d, q) || (reason == BFQ_TIMEOUT && bfq_budget_third_left(q))))
		expire_charge_time(d, q);
	q->max_budget = expire_next_budget(d, q, reason);
	q->budget_left = bfq_budget_left(q);
	q->reason = (uint8_t)reason;
	q->expired_empty = !q->next && reason != BFQ_TIMEOUT && reason != BFQ_EXHAUSTED;
	d->in_service = NULL;
	d->idle_until = SCHED_NEVER;
	if (!q->next) {
		bfq_path_deactivate(d, q);
		bfq_expire_not_busy(d, q);
		return;
	}
	cost = bfq_busy_cost(d, q, q->next);
	q->entity.budget = q->max_budget > cost ? q->max_budget : cost;
	bfq_path_requeue(d, q);
}

void bfq_expire_idle(struct bfq *d)
{
	struct bfq_queue *q = d->in_service;

	/* The event may be handled late. */
	if (d->idle_until > d->now)
		d->now = d->idle_until;
	d->idle_until = SCHED_NEVER;
	bfq_expire(d, bfq_budget_timed_out(d, q) ? BFQ_TIMEOUT : BFQ_TOO_IDLE);
}
