/* SPDX-License-Identifier: Apache-2.0 */
/*
 * raise.c - gives a queue that has just begun much more than its share, for a limited time.
 *
 * A program that a person waits for begins with many requests and then pauses. A queue of the
 * usual priority that is new, or was idle for 2 s, has 30 times its weight: for the time in which
 * such a drive starts a large program, or until it has been served as much as such a start needs.
 *
 * Owns the raise_ fields of a queue.
 */
#include "sched/bfq/raise.h"

#include "sched/bfq/budget.h"
#include "sched/bfq/busy.h"
#include "sched/bfq/rate.h"

static void raise_set(struct bfq *d, struct bfq_queue *q, uint32_t raise)
{
	q->entity.new_weight = q->entity.new_weight / q->raise * raise;
	q->raise = raise;
	bfq_busy_reweigh(d, q);
}

void bfq_raise_end(struct bfq *d, struct bfq_queue *q)
{
	if (q->raise > 1)
		raise_set(d, q, 1);
}

static bool raise_interactive(const struct bfq *d, const struct bfq_queue *q)
{
	return bfq_raise_begins(d, q) && d->value[LOW_LATENCY] && q->pooled && q->sync &&
	       q->entity.class == BFQ_BE && q->entity.new_weight / q->raise == BFQ_DEFAULT_WEIGHT &&
	       !q->in_drive;
}

void bfq_raise_change(struct bfq *d, struct bfq_queue *q)
{
	if (raise_interactive(d, q)) {
		raise_set(d, q, BFQ_RAISED);
		q->raise_start_ns = d->now;
		q->raise_ns = bfq_rate_raise_ns(d);
		q->raise_service = 0;
		q->max_budget = 2 * bfq_budget_min(d);
	} else if (bfq_raise_over(d, q)) {
		bfq_raise_end(d, q);
	}
}

void bfq_raise_shorten(struct bfq *d)
{
	uint64_t most = bfq_rate_raise_ns(d);

	for (uint32_t i = 0; i < d->pool_used; i++)
		if (d->pool[i].raise_ns > most)
			d->pool[i].raise_ns = most;
}

void bfq_raise_end_all(struct bfq *d)
{
	for (uint32_t i = 0; i < d->pool_used; i++)
		bfq_raise_end(d, &d->pool[i]);
}
