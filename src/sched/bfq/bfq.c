/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bfq.c - the operations and tunables of bfq. Begin with bfq.h, which explains bfq and its files.
 *
 * Every event enters here with its time, and is passed to the file that handles it. This file also
 * has the parts without decisions: the list of requests that go before all others, merging and its
 * counters, and the share of the tags.
 *
 * Owns struct bfq; entered by the home lane's owner only.
 */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>

#include "sched/bfq/bfq.h"
#include "sched/bfq/arrive.h"
#include "sched/bfq/budget.h"
#include "sched/bfq/expire.h"
#include "sched/bfq/habit.h"
#include "sched/bfq/idle.h"
#include "sched/bfq/inject.h"
#include "sched/bfq/order.h"
#include "sched/bfq/queue.h"
#include "sched/bfq/raise.h"
#include "sched/bfq/rate.h"
#include "sched/bfq/retime.h"
#include "sched/bfq/select.h"
#include "sched/bfq/submitter.h"

#define STRICT_IDLE_US 8000
#define MAX_US 2147483647000 /* INT_MAX ms */

#define BFQ_TUNABLE(tunable, of_unit, least, most, value, words)                                   \
	{                                                                                          \
		.name = tunable, .unit = of_unit, .summary = words, .min = least, .max = most,     \
		.def = value                                                                       \
	}
#define BFQ_SEEN(seen, of_unit, words)                                                             \
	{                                                                                          \
		.name = seen, .unit = of_unit, .summary = words, .max = INT64_MAX,                 \
		.read_only = true                                                                  \
	}

static const struct sched_tunable bfq_tunables[] = {
	[FIFO_EXPIRE_SYNC] = BFQ_TUNABLE("fifo_expire_sync", "ms", 1, INT_MAX, 125,
					 "a synchronous request is overdue after this time"),
	[FIFO_EXPIRE_ASYNC] = BFQ_TUNABLE("fifo_expire_async", "ms", 1, INT_MAX, 250,
					  "a background request is overdue after this time"),
	[BACK_SEEK_MAX] = BFQ_TUNABLE("back_seek_max", "KiB", 0, INT_MAX, 16384,
				      "a request this far behind the head may still be chosen"),
	[BACK_SEEK_PENALTY] = BFQ_TUNABLE("back_seek_penalty", "times", 1, INT_MAX, 2,
					  "a distance backwards counts this many times"),
	[SLICE_IDLE] = BFQ_TUNABLE("slice_idle", "ms", 0, INT_MAX, 8,
				   "how long the drive stays idle for a queue that paused"),
	[SLICE_IDLE_US] = BFQ_TUNABLE("slice_idle_us", "us", 0, MAX_US, 8000,
				      "slice_idle in microseconds: the same setting"),
	[MAX_BUDGET] = BFQ_TUNABLE("max_budget", "sectors", 0, INT_MAX, 0,
				   "the largest budget; 0: what the drive can do in timeout_sync"),
	[TIMEOUT_SYNC] = BFQ_TUNABLE("timeout_sync", "ms", 1, INT_MAX, 125,
				     "the longest service of a queue, in time"),
	[STRICT_GUARANTEES] = BFQ_TUNABLE("strict_guarantees", "bool", 0, 1, 0,
					  "always idle, with one request in the drive at a time"),
	[LOW_LATENCY] = BFQ_TUNABLE("low_latency", "bool", 0, 1, 1,
				    "a queue that just began has 30 times its weight for a while"),
	[PEAK_RATE] = BFQ_SEEN("peak_rate", "KiB/s", "the speed of the drive, as measured so far"),
	[BUDGET_NOW] = BFQ_SEEN("budget", "sectors", "the largest budget at the moment"),
	[CATCH_ALL] = BFQ_SEEN("catch_all", "requests",
			       "inserted in shared queues: there were too many submitters"),
	[NR_TUNABLES] = { .name = NULL },
};

static void bfq_exit(struct sched *s)
{
	bfq_queue_exit((struct bfq *)s);
	free(s);
}

static int bfq_init(struct sched **s, const struct sched_env *env)
{
	struct bfq *d = calloc(1, sizeof(*d));

	if (!d)
		return -ENOMEM;
	d->s.ops = &sched_bfq;
	d->s.env = *env;
	merge_init(&d->merge[0]);
	merge_init(&d->merge[1]);
	for (int i = 0; i < NR_TUNABLES; i++)
		d->value[i] = bfq_tunables[i].def;
	if (env->steady)
		d->value[LOW_LATENCY] = 0;
	d->idle_until = SCHED_NEVER;
	d->queueing = env->depth > 3; /* assumed until the samples show otherwise */
	bfq_rate_init(d);
	if (bfq_queue_init(d)) {
		free(d);
		return -ENOMEM;
	}
	*s = &d->s;
	return 0;
}

static struct merge *bfq_merge_of(struct bfq *d, const struct sched_rq *rq)
{
	return &d->merge[!!(rq->flags & SCHED_RQ_SYNC)];
}

/* Subtracts RQ, which leaves for good, from the count of its queue. */
static void bfq_drop(struct bfq *d, struct sched_rq *rq)
{
	struct bfq_queue *q = bfq_of(rq);

	rq->priv[0] = NULL;
	if (q)
		bfq_queue_release(d, q);
}

/*
 * Removes GONE, a waiting request that was merged into INTO. INTO counts as waiting since the
 * earlier of the two.
 */
static void bfq_absorb(struct bfq *d, struct sched_rq *into, struct sched_rq *gone)
{
	struct bfq_queue *q = bfq_of(into), *from = bfq_of(gone);

	if (q == from && gone->inserted_ns < into->inserted_ns) {
		TAILQ_REMOVE(&q->fifo, into, fifo);
		TAILQ_INSERT_BEFORE(gone, into, fifo);
		into->inserted_ns = gone->inserted_ns;
	}
	merge_remove(bfq_merge_of(d, gone), gone);
	/* Replace it first: the next request of a queue is never NULL while requests wait. */
	bfq_order_remove(d, from, gone, false);
	merge_grown(bfq_merge_of(d, into), into);
	bfq_drop(d, gone);
}

static bool bfq_merge_new(struct bfq *d, struct sched_rq *rq)
{
	struct merge *m = bfq_merge_of(d, rq);
	struct sched_rq *into = merge_whole(m, &d->s.env, rq);

	if (!into)
		return false;
	merge_grown(m, into);
	for (rq = into; (into = merge_whole(m, &d->s.env, rq)); rq = into)
		bfq_absorb(d, into, rq);
	bfq_budget_refit(d, bfq_of(rq));
	return true;
}

/* Counts RQ, dispatched before, as no longer with the drive. */
static void bfq_came_back(struct bfq *d, struct sched_rq *rq)
{
	struct bfq_queue *q = bfq_of(rq);

	bfq_habit_completion(d, q);
	rq->priv[1] = NULL;
	bfq_inject_completion(d, q);
	if (q != d->in_service || q->waiting)
		return;
	if (!bfq_idle_is_better(d, q))
		bfq_expire(d, bfq_budget_timeout_ends(d, q) ? BFQ_TIMEOUT : BFQ_NO_MORE);
	else if (!q->in_drive)
		bfq_idle_begin(d, q);
}

static void bfq_insert_one(struct bfq *d, struct sched_rq *rq)
{
	struct bfq_queue *q = bfq_queue_get(d, rq);

	rq->priv[0] = q;
	bfq_queue_hold(d, q);
	merge_add(bfq_merge_of(d, rq), &d->s.env, rq);
	bfq_arrive(d, rq);
}

static void bfq_insert(struct sched *s, struct sched_list *list, uint64_t now)
{
	struct bfq *d = (struct bfq *)s;
	struct sched_rq *rq;

	bfq_expire_due(d, now);
	while ((rq = TAILQ_FIRST(list))) {
		TAILQ_REMOVE(list, rq, fifo);
		if (!bfq_merge_new(d, rq))
			bfq_insert_one(d, rq);
	}
}

static struct sched_rq *bfq_dispatch(struct sched *s, uint64_t now)
{
	struct bfq *d = (struct bfq *)s;
	struct sched_rq *rq;

	bfq_expire_due(d, now);
	rq = bfq_select(d);
	if (!rq)
		return NULL;
	d->in_drive++;
	rq->priv[1] = d; /* says that it is with the drive */
	rq->flags |= SCHED_RQ_STARTED;
	return rq;
}

static void bfq_completed(struct sched *s, struct sched_rq *rq, uint64_t now)
{
	struct bfq *d = (struct bfq *)s;

	bfq_expire_due(d, now);
	if (d->s.env.rotational && bfq_rate_run(d, rq))
		bfq_raise_shorten(d);
	bfq_rate_completion(d);
	bfq_came_back(d, rq);
}

static void bfq_finish(struct sched *s, struct sched_rq *rq)
{
	struct bfq *d = (struct bfq *)s;

	if (rq->priv[1])
		bfq_came_back(d, rq);
	bfq_drop(d, rq);
}

static enum sched_merge bfq_find_merge(struct sched *s, const struct sched_rq *rq,
				       struct sched_rq **into)
{
	struct bfq *d = (struct bfq *)s;
	enum sched_merge how = merge_find(bfq_merge_of(d, rq), &s->env, rq, into);
	struct bfq_queue *q;

	if (how || s->env.merging != SCHED_MERGING_ALL)
		return how;
	q = bfq_queue_find(d, rq);
	*into = q ? bfq_order_from(q, bfq_end(rq)) : NULL;
	return *into ? merge_side(&s->env, *into, rq) : SCHED_MERGE_NONE;
}

static void bfq_merged(struct sched *s, struct sched_rq *rq, enum sched_merge how,
		       uint64_t old_sector)
{
	struct bfq *d = (struct bfq *)s;
	struct bfq_queue *q = bfq_of(rq);
	struct sched_rq *into = rq, *gone;

	(void)old_sector;
	if (how == SCHED_MERGE_FRONT)
		bfq_order_moved(d, q, rq);
	merge_grown(bfq_merge_of(d, rq), rq);
	if (how == SCHED_MERGE_FRONT)
		into = bfq_order_before(q, rq);
	gone = how == SCHED_MERGE_FRONT ? rq : bfq_order_after(q, rq);
	if (into && gone && s->env.merging == SCHED_MERGING_ALL && merge_pair(&s->env, into, gone))
		bfq_absorb(d, into, gone);
	bfq_budget_refit(d, q);
}

static uint32_t bfq_limit_depth(struct sched *s, const struct sched_rq *like)
{
	const struct bfq *d = (struct bfq *)s;
	uint32_t nr = s->env.nr_requests, depth = nr;

	if (!(like->flags & SCHED_RQ_SYNC))
		depth = d->busy_raised ? nr * 3 / 16 : nr / 2;
	else if (like->op != SCHED_READ)
		depth = d->busy_raised ? nr * 6 / 16 : nr * 3 / 4;
	return depth ? depth : 1;
}

static uint32_t bfq_weight(struct sched *s, const struct sched_rq *like)
{
	return bfq_queue_weight((struct bfq *)s, like);
}

static void bfq_depth_changed(struct sched *s, uint32_t nr_requests)
{
	s->env.nr_requests = nr_requests;
}

static void bfq_submitter_gone(struct sched *s, uint32_t submitter)
{
	bfq_submitter_leaves((struct bfq *)s, submitter);
}

static int bfq_set_weight(struct sched *s, uint32_t submitter, uint32_t weight)
{
	return bfq_submitter_weigh((struct bfq *)s, submitter, weight);
}

static bool bfq_has_work(struct sched *s)
{
	return ((struct bfq *)s)->waiting;
}

static uint64_t bfq_next_wakeup(struct sched *s)
{
	return ((struct bfq *)s)->idle_until;
}

static void bfq_tick(struct sched *s, uint64_t now)
{
	bfq_expire_due((struct bfq *)s, now);
}

static int bfq_set(struct sched *s, unsigned tunable, int64_t value)
{
	struct bfq *d = (struct bfq *)s;

	if (tunable == SLICE_IDLE)
		d->value[SLICE_IDLE_US] = value * 1000;
	else
		d->value[tunable] = value;
	if (tunable == STRICT_GUARANTEES && value && d->value[SLICE_IDLE_US] < STRICT_IDLE_US)
		d->value[SLICE_IDLE_US] = STRICT_IDLE_US;
	if (tunable == LOW_LATENCY && !value)
		bfq_raise_end_all(d);
	bfq_retime(d, (enum bfq_tunable)tunable);
	return 0;
}

static int64_t bfq_get(struct sched *s, unsigned tunable)
{
	const struct bfq *d = (struct bfq *)s;

	switch (tunable) {
	case SLICE_IDLE:
		return d->value[SLICE_IDLE_US] / 1000;
	case PEAK_RATE: /* a sector is half a KiB, a second a million microseconds */
		return (int64_t)(d->rate.peak * 500000 >> BFQ_RATE_SHIFT);
	case BUDGET_NOW:
		return (int64_t)bfq_budget_max(d);
	default:
		return d->value[tunable];
	}
}

const struct sched_ops sched_bfq = {
	.name = "bfq",
	.summary = "shares of the drive by weight, and quick answers: for hard disks and tenants",
	.scope = SCHED_PER_QUEUE,
	.flags = SCHED_BY_SUBMITTER | SCHED_UNSIGNED | SCHED_IDLES,
	.tunables = bfq_tunables,
	.init = bfq_init,
	.exit = bfq_exit,
	.insert = bfq_insert,
	.find_merge = bfq_find_merge,
	.merged = bfq_merged,
	.dispatch = bfq_dispatch,
	.completed = bfq_completed,
	.finish = bfq_finish,
	.limit_depth = bfq_limit_depth,
	.weight = bfq_weight,
	.depth_changed = bfq_depth_changed,
	.submitter_gone = bfq_submitter_gone,
	.set_weight = bfq_set_weight,
	.has_work = bfq_has_work,
	.next_wakeup = bfq_next_wakeup,
	.tick = bfq_tick,
	.set = bfq_set,
	.get = bfq_get,
};
