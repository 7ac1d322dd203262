/* SPDX-License-Identifier: Apache-2.0 */
/*
 * select.c - takes the next request from the queue in service, or from the next queue.
 *
 * The queue in service keeps the drive until its time or its budget is used, or until it has no
 * request left. If it has no request at the moment, the drive may be kept free for it ("idling"):
 * then no request is dispatched, unless one of another queue can be injected (inject.c).
 *
 * Called by dispatch() only.
 */
#include "sched/bfq/select.h"

#include "sched/bfq/budget.h"
#include "sched/bfq/busy.h"
#include "sched/bfq/expire.h"
#include "sched/bfq/idle.h"
#include "sched/bfq/inject.h"
#include "sched/bfq/order.h"
#include "sched/bfq/path.h"
#include "sched/bfq/queue.h"
#include "sched/bfq/raise.h"
#include "sched/bfq/rate.h"

static void select_begin_service(struct bfq *d)
{
	struct bfq_queue *q = bfq_path_take(d);

	d->in_service = q;
	d->idle_until = SCHED_NEVER;
	if (!q)
		return;
	d->budgets_assigned = (d->budgets_assigned * 7 + 256) / 8;
	q->fifo_checked = false;
	q->service_start_ns = d->now;
	q->timeout_ns = bfq_budget_timeout_at(d, q);
}

/*
 * Checks *Q, which is in service. Returns true if its service ends, for *REASON. Returns false if
 * it continues: *Q becomes the queue from which to take, or NULL if nothing is dispatched now.
 */
static bool select_from(struct bfq *d, struct bfq_queue **q, enum bfq_reason *reason)
{
	struct bfq_queue *cur = *q;

	*reason = BFQ_TIMEOUT;
	if (bfq_budget_timeout_ends(d, cur) && (cur->next || !bfq_idle_is_better(d, cur)))
		return true;
	*reason = BFQ_EXHAUSTED;
	if (cur->next)
		return (int64_t)bfq_busy_cost(d, cur, cur->next) > bfq_budget_left(cur);
	*reason = BFQ_NO_MORE;
	if (d->idle_until == SCHED_NEVER && !(cur->in_drive && bfq_idle_is_better(d, cur)))
		return true;
	*q = bfq_inject_choose(d, cur, bfq_queue_async_of(d, cur));
	return false;
}

static struct bfq_queue *select_queue(struct bfq *d)
{
	enum bfq_reason reason;
	struct bfq_queue *q;

	for (;;) {
		if (!d->in_service)
			select_begin_service(d);
		q = d->in_service;
		if (!q || !select_from(d, &q, &reason))
			return q;
		bfq_expire(d, reason);
	}
}

/* Puts Q in its new place after one of its requests was injected. */
static void select_injected(struct bfq *d, struct bfq_queue *q)
{
	if (q->next) {
		bfq_budget_refit(d, q);
		return;
	}
	bfq_path_deactivate(d, q);
	bfq_expire_not_busy(d, q);
}

static struct sched_rq *select_serve(struct bfq *d, struct bfq_queue *q)
{
	struct sched_rq *rq = q->next;

	bfq_path_serve(d, q, bfq_busy_cost(d, q, rq));
	bfq_rate_dispatch(d, rq);
	bfq_order_remove(d, q, rq, true);
	merge_remove(&d->merge[q->sync], rq);
	q->in_drive++;
	d->last_end = bfq_end(rq);
	bfq_raise_served(d, q, rq->nr_sectors);
	if (q != d->in_service)
		select_injected(d, q);
	else if (q->entity.class == BFQ_IDLE && d->busy > 1)
		bfq_expire(d, BFQ_EXHAUSTED);
	return rq;
}

struct sched_rq *bfq_select(struct bfq *d)
{
	struct bfq_queue *q;

	if (!d->waiting || (d->value[STRICT_GUARANTEES] && d->in_drive))
		return NULL;
	q = select_queue(d);
	return q ? select_serve(d, q) : NULL;
}
