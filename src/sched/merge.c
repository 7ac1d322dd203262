/* SPDX-License-Identifier: Apache-2.0 */
/* merge.c - decides which requests may be merged, and finds candidates. See merge.h. */
#include "sched/merge.h"

static bool merge_alone(const struct sched_rq *rq)
{
	if (rq->flags & (SCHED_RQ_NOMERGE | SCHED_RQ_FUA | SCHED_RQ_STARTED))
		return true;
	return rq->op != SCHED_READ && rq->op != SCHED_WRITE && rq->op != SCHED_DISCARD;
}

static bool merge_same_kind(const struct sched_rq *a, const struct sched_rq *b)
{
	return a->op == b->op && a->ioprio == b->ioprio && a->submitter == b->submitter;
}

static uint64_t merge_end(const struct sched_rq *rq)
{
	return rq->sector + rq->nr_sectors;
}

static struct merge_bucket *merge_bucket(struct merge *m, uint64_t end)
{
	/* Fibonacci hashing, because the ends of requests of equal size differ in few bits only. */
	return &m->bucket[end * 0x9e3779b97f4a7c15ull >> 58];
}

void merge_init(struct merge *m)
{
	for (unsigned i = 0; i < MERGE_BUCKETS; i++)
		LIST_INIT(&m->bucket[i]);
	m->last = NULL;
}

static void merge_unhash(struct sched_rq *rq)
{
	if (rq->hash.le_prev)
		LIST_REMOVE(rq, hash);
	rq->hash.le_prev = NULL;
}

void merge_add(struct merge *m, const struct sched_env *env, struct sched_rq *rq)
{
	rq->hash.le_prev = NULL;
	if (env->merging == SCHED_MERGING_OFF || merge_alone(rq))
		return;
	LIST_INSERT_HEAD(merge_bucket(m, merge_end(rq)), rq, hash);
	if (!m->last)
		m->last = rq;
}

void merge_remove(struct merge *m, struct sched_rq *rq)
{
	merge_unhash(rq);
	if (m->last == rq)
		m->last = NULL;
}

void merge_grown(struct merge *m, struct sched_rq *rq)
{
	merge_unhash(rq);
	LIST_INSERT_HEAD(merge_bucket(m, merge_end(rq)), rq, hash);
	m->last = rq;
}

enum sched_merge merge_side(const struct sched_env *env, const struct sched_rq *into,
			    const struct sched_rq *rq)
{
	if (into == rq || merge_alone(into) || merge_alone(rq) || !merge_same_kind(into, rq) ||
	    rq->nr_sectors > UINT32_MAX - into->nr_sectors)
		return SCHED_MERGE_NONE;
	if (rq->op == SCHED_DISCARD && env->max_discard_segments > 1)
		return SCHED_MERGE_DISCARD;
	if (merge_end(into) == rq->sector)
		return SCHED_MERGE_BACK;
	return merge_end(rq) == into->sector ? SCHED_MERGE_FRONT : SCHED_MERGE_NONE;
}

/* Returns a request that ends where RQ begins, or NULL. */
static struct sched_rq *merge_find_before(struct merge *m, const struct sched_env *env,
					  const struct sched_rq *rq)
{
	struct sched_rq *at, *next;

	for (at = LIST_FIRST(merge_bucket(m, rq->sector)); at; at = next) {
		next = LIST_NEXT(at, hash);
		/* A request may have become unmergeable after it was added; take it out. */
		if (merge_alone(at))
			merge_unhash(at);
		else if (merge_end(at) == rq->sector && merge_side(env, at, rq))
			return at;
	}
	return NULL;
}

enum sched_merge merge_find(struct merge *m, const struct sched_env *env, const struct sched_rq *rq,
			    struct sched_rq **into)
{
	enum sched_merge how = SCHED_MERGE_NONE;

	if (env->merging == SCHED_MERGING_OFF)
		return SCHED_MERGE_NONE;
	*into = m->last;
	if (m->last)
		how = merge_side(env, m->last, rq);
	if (how || env->merging != SCHED_MERGING_ALL)
		return how;
	*into = merge_find_before(m, env, rq);
	return *into ? merge_side(env, *into, rq) : SCHED_MERGE_NONE;
}

void sched_grow(struct sched_rq *into, const struct sched_rq *gone, enum sched_merge how)
{
	if (how == SCHED_MERGE_FRONT)
		into->sector = gone->sector;
	into->nr_sectors += gone->nr_sectors;
	if (gone->start_ns < into->start_ns)
		into->start_ns = gone->start_ns;
	/* Without a deadline, 0 - 1 is the largest number: the deadline of the other one counts. */
	if (gone->deadline_ns - 1 < into->deadline_ns - 1)
		into->deadline_ns = gone->deadline_ns;
}

bool merge_pair(const struct sched_env *env, struct sched_rq *into, struct sched_rq *gone)
{
	enum sched_merge how = merge_side(env, into, gone);

	if (how != SCHED_MERGE_BACK && how != SCHED_MERGE_DISCARD)
		return false;
	if (!env->merge || !env->merge(env->owner, into, gone, how))
		return false;
	sched_grow(into, gone, how);
	return true;
}

struct sched_rq *merge_whole(struct merge *m, const struct sched_env *env, struct sched_rq *rq)
{
	struct sched_rq *into = m->last;

	if (env->merging == SCHED_MERGING_OFF || !env->merge)
		return NULL;
	if (into && merge_pair(env, into, rq))
		return into;
	if (env->merging != SCHED_MERGING_ALL)
		return NULL;
	into = merge_find_before(m, env, rq);
	return into && merge_pair(env, into, rq) ? into : NULL;
}

bool merge_new(struct merge *m, const struct sched_env *env, struct sched_rq *rq,
	       void (*absorb)(void *sched, struct sched_rq *into, struct sched_rq *gone),
	       void *sched)
{
	struct sched_rq *into = merge_whole(m, env, rq);

	if (!into)
		return false;
	merge_grown(m, into);
	for (rq = into; (into = merge_whole(m, env, rq)); rq = into)
		absorb(sched, into, rq);
	return true;
}
