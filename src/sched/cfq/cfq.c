/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cfq.c - completely fair queuing, for hard disks: each queue gets the drive for a slice of time.
 *
 * The idea: on a disk the movement of the head costs more than the bytes, so cfq shares out time.
 * The requests that a submitter waits for have a queue of their own, sorted by sector. One queue
 * at a time has the disk to itself, for a slice of time that is longer at a higher priority. If
 * that queue becomes empty before its slice ends, the disk may stay idle for some milliseconds
 * (idle.c): the next request of a sequential reader saves more time than a seek to another queue's
 * requests and back would use. Requests that nobody waits for share queues, and other queues
 * preempt these (preempt.c).
 *
 * pool.c chooses the queue of a request, tree.c the queue that gets the next slice, slice_length.c
 * the length of the slice, slice.c the end of a slice, and pick.c the request that leaves a queue.
 * This file handles the events.
 *
 * It follows an outline of what Linux had until 5.0, for study and for hard disks: there is one
 * group, and submitters that read the same place together are not recognised. docs/schedulers.md
 * has a picture, under "cfq". Owns its queues; entered by the home lane's owner only.
 */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>

#include "sched/cfq/cfq.h"

#define MS_MAX 1000000

static const struct sched_tunable cfq_tunables[] = {
	[CFQ_QUANTUM] = { .name = "quantum",
			  .unit = "requests",
			  .summary = "requests of one queue in the drive while other queues wait",
			  .min = 1,
			  .max = INT_MAX,
			  .def = 8 },
	[CFQ_FIFO_EXPIRE_SYNC] = { .name = "fifo_expire_sync",
				   .unit = "ms",
				   .summary = "a synchronous request is overdue after this time",
				   .min = 1,
				   .max = MS_MAX,
				   .def = 125 },
	[CFQ_FIFO_EXPIRE_ASYNC] = { .name = "fifo_expire_async",
				    .unit = "ms",
				    .summary = "an asynchronous request is overdue after this time",
				    .min = 1,
				    .max = MS_MAX,
				    .def = 250 },
	[CFQ_BACK_SEEK_MAX] = { .name = "back_seek_max",
				.unit = "KiB",
				.summary = "a request farther behind the head than this comes last",
				.max = INT_MAX,
				.def = 16384 },
	[CFQ_BACK_SEEK_PENALTY] = { .name = "back_seek_penalty",
				    .unit = "factor",
				    .summary = "a distance backwards counts this many times",
				    .min = 1,
				    .max = INT_MAX,
				    .def = 2 },
	[CFQ_SLICE_SYNC] = { .name = "slice_sync",
			     .unit = "ms",
			     .summary = "slice of a synchronous queue at level 4",
			     .min = 1,
			     .max = MS_MAX,
			     .def = 100 },
	[CFQ_SLICE_ASYNC] = { .name = "slice_async",
			      .unit = "ms",
			      .summary = "slice of an asynchronous queue at level 4",
			      .min = 1,
			      .max = MS_MAX,
			      .def = 40 },
	[CFQ_SLICE_ASYNC_RQ] = { .name = "slice_async_rq",
				 .unit = "requests",
				 .summary =
					 "an asynchronous slice ends after 2 x this x (8 - level)",
				 .min = 1,
				 .max = INT_MAX,
				 .def = 2 },
	[CFQ_SLICE_IDLE] = { .name = "slice_idle",
			     .unit = "ms",
			     .summary = "how long the drive stays idle for a queue; 0: never",
			     .max = MS_MAX,
			     .def = 8 },
	[CFQ_GROUP_IDLE] = { .name = "group_idle",
			     .unit = "ms",
			     .summary = "how long it stays idle for the last busy queue; 0: never",
			     .max = MS_MAX,
			     .def = 8 },
	[CFQ_LOW_LATENCY] = { .name = "low_latency",
			      .unit = "bool",
			      .summary =
				      "shorter slices if there are many queues, fewer asynchronous",
			      .max = 1,
			      .def = 1 },
	[CFQ_TARGET_LATENCY] = { .name = "target_latency",
				 .unit = "ms",
				 .summary = "the time in which each queue should get a slice",
				 .min = 1,
				 .max = MS_MAX,
				 .def = 300 },
	[CFQ_SHARED_INSERTS] = { .name = "shared_inserts",
				 .unit = "requests",
				 .summary = "inserted in shared queues: no other queue was free",
				 .max = INT64_MAX,
				 .read_only = true },
	[CFQ_NR_TUNABLES] = { .name = NULL },
};

/*
 * Takes the place of the owner's merge callback: requests of two different queues are not merged.
 */
static bool cfq_merge(void *owner, struct sched_rq *into, struct sched_rq *gone,
		      enum sched_merge how)
{
	const struct cfq *cfq = owner;

	return into->priv[0] == gone->priv[0] &&
	       cfq->owner_merge(cfq->merge_owner, into, gone, how);
}

static void cfq_exit(struct sched *s)
{
	cfq_pool_exit((struct cfq *)s);
	free(s);
}

static int cfq_init(struct sched **s, const struct sched_env *env)
{
	struct cfq *cfq = calloc(1, sizeof(*cfq));

	if (!cfq)
		return -ENOMEM;
	cfq->s.ops = &sched_cfq;
	cfq->s.env = *env;
	cfq->owner_merge = env->merge;
	cfq->merge_owner = env->owner;
	cfq->s.env.merge = env->merge ? cfq_merge : NULL;
	cfq->s.env.owner = cfq;
	merge_init(&cfq->merge);
	cfq->idle_until = SCHED_NEVER;
	cfq->hw_tag = true; /* assumed until the samples show otherwise */
	for (int i = 0; i < CFQ_NR_TUNABLES; i++)
		cfq->value[i] = cfq_tunables[i].def;
	*s = &cfq->s;
	if (cfq_pool_init(cfq) == 0)
		return 0;
	cfq_exit(*s);
	return -ENOMEM;
}

/* Removes GONE, a waiting request that was merged into INTO. */
static void cfq_absorb(void *sched, struct sched_rq *into, struct sched_rq *gone)
{
	struct cfq *cfq = sched;
	struct cfq_queue *q = into->priv[0];

	if (q->next == gone)
		q->next = into;
	sorted_absorb(&q->requests, into, gone);
	q->waiting--;
	cfq->waiting--;
}

static void cfq_insert_one(struct cfq *cfq, struct cfq_queue *q, struct sched_rq *rq)
{
	cfq_idle_arrival(cfq, q, rq);
	rq->inserted_ns = cfq->now;
	sorted_add(&q->requests, rq);
	q->next = cfq_pick_nearer(cfq, q->next, rq, cfq->last_position);
	q->waiting++;
	cfq->waiting++;
	if (!q->tree)
		cfq_tree_add(cfq, q, false);
	if (q == cfq->active && cfq->idle_until != SCHED_NEVER) {
		cfq->idle_until = SCHED_NEVER;
		q->must_dispatch = true;
	} else if (cfq_preempts(cfq, q, rq)) {
		cfq_preempt(cfq, q);
	}
}

static void cfq_insert(struct sched *s, struct sched_list *list, uint64_t now)
{
	struct cfq *cfq = (struct cfq *)s;
	struct sched_rq *rq;

	cfq->now = now;
	cfq_slice_stop_idling(cfq);
	while ((rq = TAILQ_FIRST(list))) {
		TAILQ_REMOVE(list, rq, fifo);
		rq->priv[0] = cfq_pool_find(cfq, rq, true);
		if (!merge_new(&cfq->merge, &s->env, rq, cfq_absorb, cfq))
			cfq_insert_one(cfq, rq->priv[0], rq);
	}
}

static enum sched_merge cfq_find_merge(struct sched *s, const struct sched_rq *rq,
				       struct sched_rq **into)
{
	struct cfq *cfq = (struct cfq *)s;
	struct cfq_queue *q = cfq_pool_find(cfq, rq, false);
	enum sched_merge how = sorted_find(&q->requests, rq, true, into);

	return how && (*into)->priv[0] == q ? how : SCHED_MERGE_NONE;
}

static void cfq_merged(struct sched *s, struct sched_rq *rq, enum sched_merge how,
		       uint64_t old_sector)
{
	struct cfq *cfq = (struct cfq *)s;
	struct cfq_queue *q = rq->priv[0];
	struct sched_rq *into, *gone;

	(void)old_sector;
	if (sorted_grown(&q->requests, rq, how, &into, &gone))
		cfq_absorb(cfq, into, gone);
	else if (how == SCHED_MERGE_FRONT)
		q->next = cfq_pick_nearer(cfq, q->next, rq, cfq->last_position);
}

static struct sched_rq *cfq_take(struct cfq *cfq, struct cfq_queue *q)
{
	struct sched_rq *rq = cfq_pick(cfq, q);

	q->next = cfq_pick_after(cfq, q, rq);
	sorted_remove(&q->requests, rq);
	q->waiting--;
	cfq->waiting--;
	q->with_drive++;
	cfq->with_drive[q->sync]++;
	cfq->last_position = rq->sector + rq->nr_sectors;
	rq->flags |= SCHED_RQ_STARTED;
	cfq_slice_dispatched(cfq, q);
	return rq;
}

static struct sched_rq *cfq_dispatch(struct sched *s, uint64_t now)
{
	struct cfq *cfq = (struct cfq *)s;
	struct cfq_queue *q;

	cfq->now = now;
	if (!cfq->waiting)
		return NULL;
	q = cfq_slice_queue(cfq);
	return q && cfq_slice_allows(cfq, q) ? cfq_take(cfq, q) : NULL;
}

/* Counts RQ as no longer with the drive. */
static void cfq_leave(struct cfq *cfq, struct sched_rq *rq)
{
	struct cfq_queue *q = rq->priv[0];

	rq->priv[0] = NULL;
	q->with_drive--;
	cfq->with_drive[q->sync]--;
}

/* Handles a completion of Q, which has the current slice. */
static void cfq_slice_completed(struct cfq *cfq, struct cfq_queue *q)
{
	if (!q->slice_begun)
		cfq_slice_start_time(cfq, q);
	if (q->class == CFQ_IDLE || (q->gone && !q->waiting && !q->with_drive))
		cfq_slice_finish(cfq, false);
	else if (cfq_slice_over(cfq, q))
		cfq_slice_finish(cfq, true);
	else if (q->sync)
		cfq_idle_begin(cfq, q);
}

static void cfq_completed(struct sched *s, struct sched_rq *rq, uint64_t now)
{
	struct cfq *cfq = (struct cfq *)s;
	struct cfq_queue *q = rq->priv[0];

	cfq->now = now;
	cfq_slice_stop_idling(cfq);
	cfq_idle_sample(cfq);
	cfq_leave(cfq, rq);
	q->has_completed = true;
	q->last_completed = now;
	if (q->sync && rq->start_ns + cfq_ms(cfq, CFQ_FIFO_EXPIRE_SYNC) <= now) {
		cfq->has_delayed_sync = true;
		cfq->last_delayed_sync = now;
	}
	if (q == cfq->active)
		cfq_slice_completed(cfq, q);
	cfq_pool_put(cfq, q);
}

static void cfq_finish(struct sched *s, struct sched_rq *rq)
{
	struct cfq *cfq = (struct cfq *)s;
	struct cfq_queue *q = rq->priv[0];

	if (!q)
		return;
	cfq_leave(cfq, rq);
	cfq_pool_put(cfq, q);
}

static void cfq_submitter_gone(struct sched *s, uint32_t submitter)
{
	struct cfq *cfq = (struct cfq *)s;
	const struct cfq_queue *q = cfq->active;

	if (q && !q->shared && q->submitter == submitter && !q->waiting && !q->with_drive)
		cfq_slice_finish(cfq, false); /* no request of this submitter will come */
	cfq_pool_submitter_gone(cfq, submitter);
}

/* Returns the weight of an io: it is proportional to the slice of its level. */
static uint32_t cfq_weight(struct sched *s, const struct sched_rq *like)
{
	uint8_t level = like->ioprio & (CFQ_LEVELS - 1);

	(void)s;
	return 9u - level;
}

static bool cfq_has_work(struct sched *s)
{
	return ((struct cfq *)s)->waiting;
}

static uint64_t cfq_next_wakeup(struct sched *s)
{
	const struct cfq *cfq = (struct cfq *)s;
	const struct cfq_queue *q = cfq->active;

	if (q && q->slice_begun && q->slice_end < cfq->idle_until)
		return q->slice_end;
	return cfq->idle_until;
}

static void cfq_tick(struct sched *s, uint64_t now)
{
	struct cfq *cfq = (struct cfq *)s;

	cfq->now = now;
	cfq_slice_stop_idling(cfq);
}

static int cfq_set(struct sched *s, unsigned tunable, int64_t value)
{
	struct cfq *cfq = (struct cfq *)s;

	cfq->value[tunable] = value;
	if (tunable >= CFQ_SLICE_SYNC) /* these tunables determine points in time */
		cfq_retime(cfq);
	return 0;
}

static int64_t cfq_get(struct sched *s, unsigned tunable)
{
	return ((struct cfq *)s)->value[tunable];
}

const struct sched_ops sched_cfq = {
	.name = "cfq",
	.summary = "time slices for submitters; Linux dropped it in 5.0: its successor is bfq",
	.scope = SCHED_PER_QUEUE,
	.flags = SCHED_BY_SUBMITTER | SCHED_UNSIGNED,
	.tunables = cfq_tunables,
	.init = cfq_init,
	.exit = cfq_exit,
	.insert = cfq_insert,
	.find_merge = cfq_find_merge,
	.merged = cfq_merged,
	.dispatch = cfq_dispatch,
	.completed = cfq_completed,
	.finish = cfq_finish,
	.weight = cfq_weight,
	.submitter_gone = cfq_submitter_gone,
	.has_work = cfq_has_work,
	.next_wakeup = cfq_next_wakeup,
	.tick = cfq_tick,
	.set = cfq_set,
	.get = cfq_get,
};
