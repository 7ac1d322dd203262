/* SPDX-License-Identifier: Apache-2.0 */
/*
 * select.c - the next request: from the queue in service while its turn lasts, else from the next.
 *
 * The queue in service keeps the drive until its time or its budget is up or it has nothing left.
 * When it has nothing for the moment, the drive may be kept free for it ("idling"): then nothing
 * goes, unless another queue's request can be slipped in (inject.c).
 *
 * Entered by dispatch() only.
 */
#include "sched/bfq/bfq.h"

/* A background sector counts for so many, where nobody would get more than he should by that. */
#define ASYNC_FACTOR 3

uint64_t select_async_cost(const struct bfq *d, const struct sched_rq *rq)
{
	return (uint64_t)rq->nr_sectors * (idle_asymmetric(d, NULL) ? 1 : ASYNC_FACTOR);
}

static void select_begin_turn(struct bfq *d)
{
	struct bfq_queue *q = path_take(d);

	d->in_service = q;
	d->idle_until = SCHED_NEVER;
	if (!q)
		return;
	d->budgets_assigned = (d->budgets_assigned * 7 + 256) / 8;
	q->fifo_checked = false;
	q->turn_start_ns = d->now;
	q->timeout_ns = budget_timeout_at(d, q);
}

/* What the queue in service has to say. True: *REASON is why its turn ends. False: Q is the queue
 * to take from, or NULL: nothing for now. */
static bool select_from(struct bfq *d, struct bfq_queue **q, enum bfq_reason *reason)
{
	struct bfq_queue *cur = *q;

	*reason = BFQ_TIMEOUT;
	if (budget_timeout_ends(d, cur) && (cur->next || !idle_is_better(d, cur)))
		return true;
	*reason = BFQ_EXHAUSTED;
	if (cur->next)
		return (int64_t)select_cost(d, cur, cur->next) > select_left(cur);
	*reason = BFQ_NO_MORE;
	if (d->idle_until == SCHED_NEVER && !(cur->in_drive && idle_is_better(d, cur)))
		return true;
	*q = inject_choose(d, cur);
	return false;
}

static struct bfq_queue *select_queue(struct bfq *d)
{
	enum bfq_reason reason;
	struct bfq_queue *q;

	for (;;) {
		if (!d->in_service)
			select_begin_turn(d);
		q = d->in_service;
		if (!q || !select_from(d, &q, &reason))
			return q;
		budget_expire(d, reason);
	}
}

/* Q, which is not in service, was served between two requests of the one that is. */
static void select_injected(struct bfq *d, struct bfq_queue *q)
{
	if (q->next) {
		arrive_next_changed(d, q);
		return;
	}
	path_deactivate(d, q);
	arrive_not_busy(d, q);
}

static struct sched_rq *select_serve(struct bfq *d, struct bfq_queue *q)
{
	struct sched_rq *rq = q->next;

	path_serve(d, q, select_cost(d, q, rq));
	rate_dispatch(d, rq);
	order_remove(d, q, rq, true);
	merge_remove(&d->merge[q->sync], rq);
	q->in_drive++;
	d->last_end = bfq_end(rq);
	raise_served(d, q, rq->nr_sectors);
	if (q != d->in_service)
		select_injected(d, q);
	else if (q->entity.class == BFQ_IDLE && d->busy > 1)
		budget_expire(d, BFQ_EXHAUSTED);
	return rq;
}

struct sched_rq *select_next(struct bfq *d)
{
	struct bfq_queue *q;

	if (!d->waiting || (d->value[STRICT_GUARANTEES] && d->in_drive))
		return NULL;
	q = select_queue(d);
	return q ? select_serve(d, q) : NULL;
}
