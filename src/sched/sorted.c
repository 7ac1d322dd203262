/* SPDX-License-Identifier: Apache-2.0 */
/* sorted.c - waiting requests, by sector and by age. See sorted.h. */
#include "sched/sorted.h"

/* Returns the number that orders requests at the same sector. */
static uintptr_t sorted_seq(const struct sched_rq *rq)
{
	return (uintptr_t)rq->priv[1];
}

static int sorted_cmp(const struct sched_rq *a, const struct sched_rq *b)
{
	if (a->sector != b->sector)
		return a->sector < b->sector ? -1 : 1;
	if (sorted_seq(a) != sorted_seq(b))
		return sorted_seq(a) < sorted_seq(b) ? -1 : 1;
	return 0;
}

RB_GENERATE_INTERNAL(sorted_tree, sched_rq, node, sorted_cmp, static __attribute__((unused)))

void sorted_init(struct sorted *s, struct merge *merge, const struct sched_env *env)
{
	RB_INIT(&s->tree);
	TAILQ_INIT(&s->fifo);
	s->last_seq = 0;
	s->merge = merge;
	s->env = env;
}

static void sorted_place(struct sorted *s, struct sched_rq *rq)
{
	rq->priv[1] = (void *)(uintptr_t)++s->last_seq;
	RB_INSERT(sorted_tree, &s->tree, rq);
}

void sorted_add(struct sorted *s, struct sched_rq *rq)
{
	sorted_place(s, rq);
	TAILQ_INSERT_TAIL(&s->fifo, rq, fifo);
	merge_add(s->merge, s->env, rq);
}

void sorted_remove(struct sorted *s, struct sched_rq *rq)
{
	RB_REMOVE(sorted_tree, &s->tree, rq);
	TAILQ_REMOVE(&s->fifo, rq, fifo);
	merge_remove(s->merge, rq);
}

bool sorted_empty(const struct sorted *s)
{
	return TAILQ_EMPTY(&s->fifo);
}

struct sched_rq *sorted_oldest(const struct sorted *s)
{
	return TAILQ_FIRST(&s->fifo);
}

struct sched_rq *sorted_first(struct sorted *s)
{
	return RB_MIN(sorted_tree, &s->tree);
}

struct sched_rq *sorted_from(struct sorted *s, uint64_t sector)
{
	/* seq 0 sorts before all others at its sector */
	struct sched_rq at = { .sector = sector };

	return RB_NFIND(sorted_tree, &s->tree, &at);
}

struct sched_rq *sorted_next(struct sched_rq *rq)
{
	return RB_NEXT(sorted_tree, NULL, rq);
}

struct sched_rq *sorted_prev(struct sched_rq *rq)
{
	return RB_PREV(sorted_tree, NULL, rq);
}

enum sched_merge sorted_find(struct sorted *s, const struct sched_rq *rq, bool front,
			     struct sched_rq **into)
{
	enum sched_merge how = merge_find(s->merge, s->env, rq, into);

	if (how || !front || s->env->merging != SCHED_MERGING_ALL)
		return how;
	*into = sorted_from(s, rq->sector + rq->nr_sectors);
	return *into ? merge_side(s->env, *into, rq) : SCHED_MERGE_NONE;
}

bool sorted_grown(struct sorted *s, struct sched_rq *rq, enum sched_merge how,
		  struct sched_rq **into, struct sched_rq **gone)
{
	bool front = how == SCHED_MERGE_FRONT;

	if (front) {
		/* This uses the links only: RQ's place in the tree no longer fits its sector. */
		RB_REMOVE(sorted_tree, &s->tree, rq);
		sorted_place(s, rq);
	}
	merge_grown(s->merge, rq);
	if (s->env->merging != SCHED_MERGING_ALL)
		return false;
	*into = front ? sorted_prev(rq) : rq;
	*gone = front ? rq : sorted_next(rq);
	return *into && *gone && merge_pair(s->env, *into, *gone);
}

void sorted_absorb(struct sorted *s, struct sched_rq *into, struct sched_rq *gone)
{
	if (gone->inserted_ns < into->inserted_ns) {
		TAILQ_REMOVE(&s->fifo, into, fifo);
		TAILQ_INSERT_BEFORE(gone, into, fifo);
		into->inserted_ns = gone->inserted_ns;
	}
	sorted_remove(s, gone);
	merge_grown(s->merge, into);
}
