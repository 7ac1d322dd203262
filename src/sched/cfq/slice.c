/* SPDX-License-Identifier: Apache-2.0 */
/*
 * slice.c - cfq: which queue has the slice, when a slice ends, and how many requests its queue may
 * have with the drive at once.
 */
#include "sched/cfq/cfq.h"

void cfq_slice_finish(struct cfq *cfq, bool keep)
{
	struct cfq_queue *q = cfq->active;

	q->residue = 0;
	if (keep && q->slice_begun)
		q->residue = (int64_t)q->slice_end - (int64_t)cfq->now;
	else if (keep)
		q->residue = (int64_t)cfq_slice_scaled(cfq, q);
	cfq->active = NULL;
	cfq->idle_until = SCHED_NEVER;
	cfq_slice_average(cfq);
	cfq_tree_remove(cfq, q);
	if (q->waiting)
		cfq_tree_add(cfq, q, false);
	else
		cfq_pool_put(cfq, q);
}

static struct cfq_queue *cfq_slice_take_next(struct cfq *cfq)
{
	struct cfq_queue *q = cfq_tree_next(cfq);

	cfq->active = q;
	if (!q)
		return NULL;
	q->slice_begun = false;
	q->fifo_checked = false;
	q->must_dispatch = false;
	q->slice_dispatched = 0;
	return q;
}

bool cfq_slice_over(struct cfq *cfq, struct cfq_queue *q)
{
	if (!cfq_slice_used(cfq, q) || q->must_dispatch)
		return false;
	if (cfq->busy[CFQ_RT] + cfq->busy[CFQ_BE] > 1 || !cfq->busy[CFQ_IDLE] ||
	    !cfq_idle_worth(cfq, q))
		return true;
	cfq_slice_start_time(cfq, q);
	return false;
}

void cfq_slice_stop_idling(struct cfq *cfq)
{
	if (cfq->now < cfq->idle_until)
		return;
	cfq->active->deep = false; /* idling brought no request */
	cfq_slice_finish(cfq, false);
}

struct cfq_queue *cfq_slice_queue(struct cfq *cfq)
{
	struct cfq_queue *q;

	cfq_slice_stop_idling(cfq);
	q = cfq->active;
	if (!q)
		return cfq_slice_take_next(cfq);
	if (cfq_slice_over(cfq, q)) {
		cfq_slice_finish(cfq, true);
		return cfq_slice_take_next(cfq);
	}
	if (q->waiting)
		return q;
	if (cfq->idle_until != SCHED_NEVER || (q->with_drive && cfq_idle_worth(cfq, q)))
		return NULL;
	cfq_slice_finish(cfq, false);
	return cfq_slice_take_next(cfq);
}

/*
 * Returns true if Q is early in its slice: the remaining time is enough for the requests that it
 * has with the drive, so it may send more.
 */
static bool cfq_slice_is_early(const struct cfq *cfq, const struct cfq_queue *q)
{
	uint64_t needed = cfq_ms(cfq, CFQ_SLICE_IDLE) * q->with_drive;

	return q->slice_begun && cfq->now + needed <= q->slice_end;
}

static uint64_t cfq_slice_limit(const struct cfq *cfq, const struct cfq_queue *q)
{
	uint64_t quantum = (uint64_t)cfq->value[CFQ_QUANTUM];

	if (q->class == CFQ_IDLE)
		return 1;
	if (cfq_tree_busy(cfq) == 1)
		return UINT64_MAX;
	if (cfq_slice_is_early(cfq, q))
		return quantum;
	return quantum > 2 ? quantum / 2 : 1;
}

/*
 * Returns how many asynchronous requests Q may have with the drive: the limit grows with the time
 * since a synchronous request last took too long.
 */
static uint64_t cfq_slice_async_limit(const struct cfq *cfq, const struct cfq_queue *q)
{
	uint64_t limit = UINT64_MAX;

	if (cfq->has_delayed_sync)
		limit = (cfq->now - cfq->last_delayed_sync) / cfq_ms(cfq, CFQ_SLICE_SYNC);
	return !limit && !q->with_drive ? 1 : limit;
}

bool cfq_slice_allows(const struct cfq *cfq, const struct cfq_queue *q)
{
	uint64_t limit = cfq_slice_limit(cfq, q);

	if (cfq->with_drive[false] && cfq_idle_worth(cfq, q))
		return false;
	if (cfq->with_drive[true] && !q->sync)
		return false;
	if (!q->sync && cfq->value[CFQ_LOW_LATENCY] && cfq_slice_async_limit(cfq, q) < limit)
		limit = cfq_slice_async_limit(cfq, q);
	return q->with_drive < limit;
}

void cfq_slice_dispatched(struct cfq *cfq, struct cfq_queue *q)
{
	uint64_t most =
		2 * (uint64_t)cfq->value[CFQ_SLICE_ASYNC_RQ] * (uint64_t)(CFQ_LEVELS - q->level);

	q->must_dispatch = false;
	q->slice_dispatched++;
	if (cfq_tree_busy(cfq) == 1)
		return;
	if (q->class == CFQ_IDLE || (!q->sync && q->slice_dispatched >= most))
		cfq_slice_finish(cfq, false);
}
