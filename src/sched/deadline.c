/* SPDX-License-Identifier: Apache-2.0 */
/*
 * deadline.c - batches in the order of sectors, and a deadline for each request. mq-deadline was
 * made from this scheduler; here there are no priorities.
 *
 * The idea: reads and writes wait in two lists each, one sorted by sector and one by age, and
 * leave in batches of one direction, in ascending sectors. The scheduler keeps one "next" request
 * for each direction. Whenever a request leaves, it forgets both and keeps only the sorted
 * successor of that request. So a batch continues there, and another batch of the same direction
 * does too. But after a change of direction there is no next request, and the batch begins with
 * the oldest one, where mq-deadline continues at the sector where the last batch of this direction
 * ended.
 *
 * Linux had it until 5.0. Owns its lists; entered by the home lane's owner only.
 */
#include <errno.h>
#include <stdlib.h>

#include "sched/merge.h"
#include "sched/sched.h"
#include "sched/direction.h"

static const struct sched_tunable deadline_tunables[] = {
	DIRECTION_TUNABLES,
	[NR_DIRECTION_TUNABLES] = { .name = NULL },
};

struct deadline {
	struct sched s;
	struct sorted side[NR_DIRECTIONS];
	/* the next request of each direction, which waits; at most one is not NULL */
	struct sched_rq *next[NR_DIRECTIONS];
	struct merge merge;
	int64_t batching; /* number of requests in this batch so far */
	int64_t starved;  /* how often reads went before writes */
	int64_t value[NR_DIRECTION_TUNABLES];
};

static struct sorted *deadline_side(struct deadline *dd, const struct sched_rq *rq)
{
	return &dd->side[direction_of(rq)];
}

static int deadline_init(struct sched **s, const struct sched_env *env)
{
	struct deadline *dd = calloc(1, sizeof(*dd));

	if (!dd)
		return -ENOMEM;
	dd->s.ops = &sched_deadline;
	dd->s.env = *env;
	for (int dir = 0; dir < NR_DIRECTIONS; dir++)
		sorted_init(&dd->side[dir], &dd->merge, &dd->s.env);
	merge_init(&dd->merge);
	for (int i = 0; i < NR_DIRECTION_TUNABLES; i++)
		dd->value[i] = deadline_tunables[i].def;
	*s = &dd->s;
	return 0;
}

static void deadline_exit(struct sched *s)
{
	free(s);
}

/* Removes GONE, a waiting request that was merged into INTO. */
static void deadline_absorb(void *sched, struct sched_rq *into, struct sched_rq *gone)
{
	struct deadline *dd = sched;
	enum direction dir = direction_of(gone);

	if (dd->next[dir] == gone) /* the request behind GONE becomes the next one */
		dd->next[dir] = sorted_next(gone);
	sorted_absorb(deadline_side(dd, into), into, gone);
}

static void deadline_insert(struct sched *s, struct sched_list *list, uint64_t now)
{
	struct deadline *dd = (struct deadline *)s;
	struct sched_rq *rq;

	while ((rq = TAILQ_FIRST(list))) {
		TAILQ_REMOVE(list, rq, fifo);
		if (!merge_new(&dd->merge, &s->env, rq, deadline_absorb, dd)) {
			rq->inserted_ns = now;
			sorted_add(deadline_side(dd, rq), rq);
		}
	}
}

/* Returns the first request of the next batch, or NULL. */
static struct sched_rq *deadline_begin_batch(struct deadline *dd, uint64_t now)
{
	struct sched_rq *oldest;
	enum direction dir;

	if (!direction_choose(dd->value, dd->side, &dd->starved, &dir))
		return NULL;
	dd->batching = 0;
	oldest = sorted_oldest(&dd->side[dir]);
	return !dd->next[dir] || direction_overdue(dd->value, oldest, now) ? oldest : dd->next[dir];
}

static struct sched_rq *deadline_pick(struct deadline *dd, uint64_t now)
{
	struct sched_rq *rq =
		dd->next[DIRECTION_WRITE] ? dd->next[DIRECTION_WRITE] : dd->next[DIRECTION_READ];

	if (!rq || dd->batching >= dd->value[FIFO_BATCH])
		rq = deadline_begin_batch(dd, now);
	if (!rq)
		return NULL;
	dd->batching++;
	dd->next[DIRECTION_READ] = dd->next[DIRECTION_WRITE] = NULL;
	dd->next[direction_of(rq)] = sorted_next(rq);
	sorted_remove(deadline_side(dd, rq), rq);
	return rq;
}

static struct sched_rq *deadline_dispatch(struct sched *s, uint64_t now)
{
	struct sched_rq *rq = deadline_pick((struct deadline *)s, now);

	if (rq)
		rq->flags |= SCHED_RQ_STARTED;
	return rq;
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

static bool deadline_has_work(struct sched *s)
{
	const struct deadline *dd = (struct deadline *)s;

	return !sorted_empty(&dd->side[DIRECTION_READ]) ||
	       !sorted_empty(&dd->side[DIRECTION_WRITE]);
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

const struct sched_ops sched_deadline = {
	.name = "deadline",
	.summary = "sorted batches, reads first; Linux dropped it in 5.0: its successor is "
		   "mq-deadline",
	.scope = SCHED_PER_QUEUE,
	.tunables = deadline_tunables,
	.init = deadline_init,
	.exit = deadline_exit,
	.insert = deadline_insert,
	.find_merge = deadline_find_merge,
	.merged = deadline_merged,
	.dispatch = deadline_dispatch,
	.has_work = deadline_has_work,
	.set = deadline_set,
	.get = deadline_get,
};
