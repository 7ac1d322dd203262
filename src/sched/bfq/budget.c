/* SPDX-License-Identifier: Apache-2.0 */
/*
 * budget.c - a turn ends: what it is charged, and how long the next one may be.
 *
 * A queue pays in sectors. Where that would be unfair to the others, because it took the drive
 * much time for few sectors (it seeks, or was slow to ask), it pays for the time instead: as many
 * sectors as the largest budget has for that time. Budgets follow from how the last turn ended:
 * who used all of it gets more, who made the drive wait gets less. The largest budget is what the
 * drive can do in timeout_sync, once its rate is known.
 *
 * Entered by select.c, arrive.c, idle.c and queue.c.
 */
#include "sched/bfq/bfq.h"

/* So many of 256, where each turn weighs an eighth: the drive has been busy for a while. */
#define ASSIGNED_TRUSTED 194u
/* A turn shorter than this says nothing about speed; a longer one than that does. */
#define SLOW_SHORT_NS BFQ_MSEC
#define SLOW_LONG_NS (20 * BFQ_MSEC)

uint64_t budget_max(const struct bfq *d)
{
	uint64_t usec = (uint64_t)d->value[TIMEOUT_SYNC] * (BFQ_MSEC / BFQ_USEC), max;

	if (d->value[MAX_BUDGET])
		return (uint64_t)d->value[MAX_BUDGET];
	if (d->budgets_assigned < ASSIGNED_TRUSTED)
		return BFQ_DEFAULT_BUDGET;
	max = (d->rate.peak * usec) >> BFQ_RATE_SHIFT;
	return max ? max : 1;
}

uint64_t budget_min(const struct bfq *d)
{
	uint64_t min = budget_max(d) / BFQ_MIN_BUDGETS;

	return min ? min : 1;
}

/* At least a third of the budget is left. */
static bool budget_third_left(const struct bfq_queue *q)
{
	return select_left(q) >= (int64_t)(q->entity.budget / 3);
}

bool budget_timeout_ends(const struct bfq *d, const struct bfq_queue *q)
{
	return budget_timed_out(d, q) && (d->idle_until == SCHED_NEVER || budget_third_left(q));
}

static bool budget_slow(const struct bfq *d, const struct bfq_queue *q)
{
	uint64_t took = d->now - q->turn_start_ns;

	if (!q->sync)
		return false;
	if (took < SLOW_SHORT_NS)
		return idle_seeky(q);
	return took > SLOW_LONG_NS && q->entity.service < budget_max(d) / 2;
}

/* What the turn cost in time, in sectors. */
static void budget_charge_time(struct bfq *d, struct bfq_queue *q)
{
	uint64_t timeout = (uint64_t)d->value[TIMEOUT_SYNC] * BFQ_MSEC;
	uint64_t took = d->now - q->turn_start_ns, charge;

	/* In microseconds: no product overflows. */
	took = (took < timeout ? took : timeout) / BFQ_USEC;
	charge = budget_max(d) * took / (timeout / BFQ_USEC);
	if (charge > q->entity.service)
		path_serve(d, q, charge - q->entity.service);
}

/* What is learnt from how the turn of Q, which is waited for and not raised, ended. */
static uint64_t budget_feedback(const struct bfq *d, const struct bfq_queue *q,
				enum bfq_reason reason)
{
	uint64_t b = q->max_budget, min = budget_min(d);

	switch (reason) {
	case BFQ_TOO_IDLE:
		/* What it waits for may be what is in the drive. */
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

/* The budget of Q's next turn. */
static uint64_t budget_next(const struct bfq *d, const struct bfq_queue *q, enum bfq_reason reason)
{
	uint64_t b, max = budget_max(d);

	if (!q->sync)
		return max;
	if (q->raise > 1)
		return 2 * budget_min(d);
	b = budget_feedback(d, q, reason);
	return b < max ? b : max;
}

void budget_expire(struct bfq *d, enum bfq_reason reason)
{
	struct bfq_queue *q = d->in_service;
	uint64_t cost;

	if (q->raise == 1 && (budget_slow(d, q) || (reason == BFQ_TIMEOUT && budget_third_left(q))))
		budget_charge_time(d, q);
	q->max_budget = budget_next(d, q, reason);
	q->budget_left = select_left(q);
	q->reason = (uint8_t)reason;
	q->expired_empty = !q->next && reason != BFQ_TIMEOUT && reason != BFQ_EXHAUSTED;
	d->in_service = NULL;
	d->idle_until = SCHED_NEVER;
	if (!q->next) {
		path_deactivate(d, q);
		arrive_not_busy(d, q);
		return;
	}
	cost = select_cost(d, q, q->next);
	q->entity.budget = q->max_budget > cost ? q->max_budget : cost;
	path_requeue(d, q);
}
