/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mq_deadline.c - batches in the order of sectors, so that a drive moves in one direction, and a
 * deadline for each request, so that no request waits too long meanwhile.
 *
 * The idea: reads and writes wait in two lists each, one sorted by sector and one by age. Requests
 * leave in batches of one direction, in ascending sectors. Deadlines are checked only between two
 * batches: if the oldest request of the direction is overdue, the next batch begins with it,
 * otherwise where the last batch ended. Reads go before writes, because somebody waits for a read,
 * but only for a limited number of batches in a row. All of this exists three times, for the
 * priority classes. A class is served only while the higher classes have no request, not even with
 * the drive; a request that has waited very long leaves in spite of that. docs/schedulers.md has a
 * picture, under "mq-deadline".
 *
 * Owns its lists; entered by the home lane's owner only.
 */
#include <errno.h>
#include <stdlib.h>

#include "base/nsec.h"
#include "sched/merge.h"
#include "sched/sched.h"
#include "sched/direction.h"

enum deadline_tunable { PRIO_AGING_EXPIRE = NR_DIRECTION_TUNABLES, ASYNC_DEPTH, NR_TUNABLES };

static const struct sched_tunable deadline_tunables[] = {
	DIRECTION_TUNABLES,
	[PRIO_AGING_EXPIRE] = { .name = "prio_aging_expire",
				.unit = "ms",
				.summary = "after this time a request ignores the higher classes",
				.max = INT_MAX,
				.def = 10000 },
	[ASYNC_DEPTH] = { .name = "async_depth",
			  .unit = "requests",
			  .summary = "writes get a tag while they hold fewer than this",
			  .min = 1,
			  .max = INT_MAX,
			  .def_percent = 100 },
	[NR_TUNABLES] = { .name = NULL },
};

enum deadline_class { CLASS_RT, CLASS_BE, CLASS_IDLE, NR_CLASSES };

struct deadline_prio {
	struct sorted side[NR_DIRECTIONS];
	/* the first sector of the last dispatched request, by direction */
	uint64_t latest_pos[NR_DIRECTIONS];
	/* requests that are inserted and not finished, including those with the drive */
	uint64_t queued;
};

struct deadline {
	struct sched s;
	struct deadline_prio prio[NR_CLASSES];
	struct merge merge;
	/* The classes share these three members. */
	enum direction last_dir;
	int64_t batching; /* number of requests in this batch so far */
	int64_t starved;  /* how often reads went before writes */
	uint64_t waiting; /* number of requests in both sides */
	/* the insertion time of the oldest request that the last dispatch found too young */
	uint64_t young_ns;
	int64_t value[NR_TUNABLES];
};

/* Returns the class of RQ. priv[0] of a request says that it is counted in `queued`. */
static struct deadline_prio *deadline_prio(struct deadline *dd, const struct sched_rq *rq)
{
	static const uint8_t classes[] = { CLASS_BE, CLASS_RT, CLASS_BE, CLASS_IDLE };

	return &dd->prio[classes[rq->ioprio >> 13 & 3]];
}

static struct sorted *deadline_side(struct deadline *dd, const struct sched_rq *rq)
{
	return &deadline_prio(dd, rq)->side[direction_of(rq)];
}

static int deadline_init(struct sched **s, const struct sched_env *env)
{
	struct deadline *dd = calloc(1, sizeof(*dd));

	if (!dd)
		return -ENOMEM;
	dd->s.ops = &sched_mq_deadline;
	dd->s.env = *env;
	for (int p = 0; p < NR_CLASSES; p++) {
		for (int dir = 0; dir < NR_DIRECTIONS; dir++)
			sorted_init(&dd->prio[p].side[dir], &dd->merge, &dd->s.env);
	}
	merge_init(&dd->merge);
	dd->last_dir = DIRECTION_WRITE;
	dd->young_ns = SCHED_NEVER;
	for (int i = 0; i < NR_TUNABLES; i++)
		dd->value[i] = deadline_tunables[i].def;
	dd->value[ASYNC_DEPTH] = env->nr_requests;
	*s = &dd->s;
	return 0;
}

static void deadline_exit(struct sched *s)
{
	free(s);
}

static void deadline_remove(struct deadline *dd, struct sched_rq *rq)
{
	sorted_remove(deadline_side(dd, rq), rq);
	dd->waiting--;
}

static void deadline_uncount(struct deadline *dd, struct sched_rq *rq)
{
	if (rq->priv[0])
		deadline_prio(dd, rq)->queued--;
	rq->priv[0] = NULL;
}

/* Removes GONE, a waiting request that was merged into INTO. */
static void deadline_absorb(void *sched, struct sched_rq *into, struct sched_rq *gone)
{
	struct deadline *dd = sched;

	sorted_absorb(deadline_side(dd, into), into, gone);
	dd->waiting--;
	deadline_uncount(dd, gone);
}

static void deadline_insert_one(struct deadline *dd, struct sched_rq *rq, uint64_t now)
{
	rq->priv[0] = dd;
	deadline_prio(dd, rq)->queued++;
	dd->waiting++;
	rq->inserted_ns = now;
	sorted_add(deadline_side(dd, rq), rq);
}

static void deadline_insert(struct sched *s, struct sched_list *list, uint64_t now)
{
	struct deadline *dd = (struct deadline *)s;
	struct sched_rq *rq;

	while ((rq = TAILQ_FIRST(list))) {
		TAILQ_REMOVE(list, rq, fifo);
		if (!merge_new(&dd->merge, &s->env, rq, deadline_absorb, dd))
			deadline_insert_one(dd, rq, now);
	}
}

/* Returns the first request at or behind the sector where the last one of this direction began. */
static struct sched_rq *deadline_next(struct deadline_prio *prio, enum direction dir)
{
	return sorted_from(&prio->side[dir], prio->latest_pos[dir]);
}

static struct sched_rq *deadline_begin_batch(struct deadline *dd, struct deadline_prio *prio,
					     uint64_t now)
{
	struct sched_rq *next, *oldest;
	enum direction dir;

	if (!direction_choose(dd->value, prio->side, &dd->starved, &dir))
		return NULL;
	next = deadline_next(prio, dir);
	oldest = sorted_oldest(&prio->side[dir]);
	dd->last_dir = dir;
	dd->batching = 0;
	return !next || direction_overdue(dd->value, oldest, now) ? oldest : next;
}

/* Returns the time after which a request need not wait for higher classes. */
static uint64_t deadline_age_ns(const struct deadline *dd)
{
	return (uint64_t)dd->value[PRIO_AGING_EXPIRE] * NSEC_PER_MSEC;
}

/* Returns true if RQ was inserted less than AGE ago. */
static bool deadline_too_young(struct deadline *dd, const struct sched_rq *rq, uint64_t now,
			       uint64_t age)
{
	if (rq->inserted_ns + age <= now)
		return false;
	if (rq->inserted_ns < dd->young_ns)
		dd->young_ns = rq->inserted_ns;
	return true;
}

static void deadline_started(struct deadline *dd, struct sched_rq *rq)
{
	deadline_prio(dd, rq)->latest_pos[direction_of(rq)] = rq->sector;
	rq->flags |= SCHED_RQ_STARTED;
}

/*
 * Chooses the next request of a class that has waited for at least AGE. The age of the first
 * candidate is checked last, when a batch may already have been ended for it.
 */
static struct sched_rq *deadline_pick(struct deadline *dd, struct deadline_prio *prio, uint64_t now,
				      uint64_t age)
{
	struct sched_rq *rq = NULL;

	if (dd->batching < dd->value[FIFO_BATCH])
		rq = deadline_next(prio, dd->last_dir);
	if (!rq)
		rq = deadline_begin_batch(dd, prio, now);
	if (!rq || deadline_too_young(dd, rq, now, age))
		return NULL;
	dd->batching++;
	deadline_remove(dd, rq);
	deadline_started(dd, rq);
	return rq;
}

static struct sched_rq *deadline_pick_aged(struct deadline *dd, uint64_t now)
{
	uint64_t age = deadline_age_ns(dd);
	struct sched_rq *rq = NULL;
	int classes = 0;

	for (int p = 0; p < NR_CLASSES; p++)
		classes += dd->prio[p].queued > 0;
	for (int p = CLASS_BE; p < NR_CLASSES && classes > 1 && !rq; p++)
		rq = deadline_pick(dd, &dd->prio[p], now, age);
	return rq;
}

static struct sched_rq *deadline_dispatch(struct sched *s, uint64_t now)
{
	struct deadline *dd = (struct deadline *)s;
	struct sched_rq *rq;

	dd->young_ns = SCHED_NEVER;
	rq = deadline_pick_aged(dd, now);
	for (int p = 0; p < NR_CLASSES && !rq; p++) {
		rq = deadline_pick(dd, &dd->prio[p], now, 0);
		if (dd->prio[p].queued)
			break;
	}
	return rq;
}

static void deadline_finish(struct sched *s, struct sched_rq *rq)
{
	deadline_uncount((struct deadline *)s, rq);
}

static enum sched_merge deadline_find_merge(struct sched *s, const struct sched_rq *rq,
					    struct sched_rq **into)
{
	struct deadline *dd = (struct deadline *)s;

	return sorted_find(deadline_side(dd, rq), rq, dd->value[FRONT_MERGES], into);
}

static void deadline_merged(struct sched *s, struct sched_rq *rq, enum sched_merge how,
			    uint64_t old_sector)
{
	struct deadline *dd = (struct deadline *)s;
	struct sched_rq *into, *gone;

	(void)old_sector;
	if (sorted_grown(deadline_side(dd, rq), rq, how, &into, &gone))
		deadline_absorb(dd, into, gone);
}

static uint32_t deadline_limit_depth(struct sched *s, const struct sched_rq *like)
{
	const struct deadline *dd = (struct deadline *)s;
	int64_t depth = dd->value[ASYNC_DEPTH];

	if ((like->op == SCHED_READ && (like->flags & SCHED_RQ_SYNC)) || depth > s->env.nr_requests)
		return s->env.nr_requests;
	return (uint32_t)depth;
}

static void deadline_depth_changed(struct sched *s, uint32_t nr_requests)
{
	s->env.nr_requests = nr_requests;
	((struct deadline *)s)->value[ASYNC_DEPTH] = nr_requests;
}

static bool deadline_has_work(struct sched *s)
{
	return ((struct deadline *)s)->waiting;
}

static uint64_t deadline_next_wakeup(struct sched *s)
{
	const struct deadline *dd = (struct deadline *)s;

	return dd->young_ns == SCHED_NEVER ? SCHED_NEVER : dd->young_ns + deadline_age_ns(dd);
}

static int deadline_set(struct sched *s, unsigned tunable, int64_t value)
{
	((struct deadline *)s)->value[tunable] = value;
	return 0;
}

static int64_t deadline_get(struct sched *s, unsigned tunable)
{
	return ((struct deadline *)s)->value[tunable];
}

const struct sched_ops sched_mq_deadline = {
	.name = "mq-deadline",
	.summary = "sorted batches, reads first, and a deadline for all: for hard disks and SATA",
	.scope = SCHED_PER_QUEUE,
	.flags = SCHED_BY_CLASS | SCHED_LIMITS_WRITES,
	.tunables = deadline_tunables,
	.init = deadline_init,
	.exit = deadline_exit,
	.insert = deadline_insert,
	.find_merge = deadline_find_merge,
	.merged = deadline_merged,
	.dispatch = deadline_dispatch,
	.finish = deadline_finish,
	.limit_depth = deadline_limit_depth,
	.depth_changed = deadline_depth_changed,
	.has_work = deadline_has_work,
	.next_wakeup = deadline_next_wakeup,
	.set = deadline_set,
	.get = deadline_get,
};
