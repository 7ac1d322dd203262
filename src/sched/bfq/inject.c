/* SPDX-License-Identifier: Apache-2.0 */
/*
 * inject.c - while the drive is kept free for one queue, requests of other queues may be
 * dispatched ("injected"), as long as they do not delay that queue much.
 *
 * bfq learns the limit by experiment. It measures the time from the arrival of a request of the
 * queue to its completion, first with no request of others in the drive, later with some. If the
 * time becomes longer by half, fewer may be injected, otherwise one more.
 *
 * Owns the inject_ fields of a queue.
 */
#include "sched/bfq/inject.h"

#include "base/nsec.h"
#include "sched/bfq/budget.h"
#include "sched/bfq/busy.h"
#include "sched/bfq/idle.h"
#include "sched/bfq/path.h"

#define UPDATE_NS (10 * NSEC_PER_MSEC)
#define RESET_NS NSEC_PER_SEC

void bfq_inject_reset(const struct bfq *d, struct bfq_queue *q)
{
	q->inject_limit = bfq_habit_short_think(d, q) ? 0 : 1;
	q->inject_base_ns = 0;
	q->inject_start_ns = 0;
	q->inject_reset_ns = d->now;
}

void bfq_inject_arrival(struct bfq *d, struct bfq_queue *q)
{
	if (d->now - q->inject_reset_ns >= RESET_NS)
		bfq_inject_reset(d, q);
	if (q->in_drive || (q->inject_update_ns && d->now - q->inject_update_ns < UPDATE_NS))
		return;
	q->inject_start_ns = d->now;
	q->inject_foreign = d->in_drive;
}

void bfq_inject_completion(struct bfq *d, struct bfq_queue *q)
{
	uint64_t took = d->now - q->inject_start_ns;

	if (!q->inject_start_ns)
		return;
	q->inject_start_ns = 0;
	q->inject_update_ns = d->now;
	if (!q->inject_foreign) {
		if (!q->inject_base_ns || took < q->inject_base_ns)
			q->inject_base_ns = took;
		if (!q->inject_limit)
			q->inject_limit = 1;
	} else if (q->inject_base_ns && took * 2 >= q->inject_base_ns * 3) {
		q->inject_limit -= q->inject_limit > 0;
	} else if (q->inject_base_ns && q->inject_limit <= d->max_in_drive) {
		q->inject_limit++;
	}
}

/* Returns true if Q's next request is within its budget. */
static bool inject_fits(const struct bfq *d, const struct bfq_queue *q)
{
	return q->next && (int64_t)bfq_busy_cost(d, q, q->next) <= bfq_budget_left(q);
}

struct bfq_queue *bfq_inject_choose(struct bfq *d, struct bfq_queue *q, struct bfq_queue *async)
{
	struct bfq_queue *other;

	if (d->value[STRICT_GUARANTEES])
		return NULL;
	if (async && inject_fits(d, async))
		return async;
	if (d->in_drive >= q->inject_limit || bfq_idle_boosts(d, q) ||
	    (q->raise > 1 && d->busy_raised < 2 && bfq_habit_short_think(d, q)))
		return NULL;
	other = bfq_path_peek(d);
	if (!other || !inject_fits(d, other))
		return NULL;
	/* On flash, two requests at once, one of them large, would delay the next one. */
	if (!d->s.env.rotational && d->in_drive && other->next->nr_sectors >= BFQ_SMALL_SECTORS)
		return NULL;
	return other;
}
