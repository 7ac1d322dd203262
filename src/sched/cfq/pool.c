/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pool.c - cfq: chooses the queue of a request. A request that somebody waits for goes to a queue
 * of its submitter and priority, from a pool. A queue without requests is given to the next
 * submitter that needs one, the least recently used first. All other requests, and those that
 * arrive when no queue of the pool is unused, go to shared queues; there is one for each class and
 * level.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "sched/cfq/cfq.h"

static bool cfq_is_sync(const struct sched_rq *rq)
{
	return rq->op == SCHED_READ || (rq->flags & (SCHED_RQ_SYNC | SCHED_RQ_FUA));
}

static enum cfq_class cfq_class(const struct sched_rq *rq)
{
	static const uint8_t classes[] = { CFQ_BE, CFQ_RT, CFQ_BE, CFQ_IDLE };

	return (enum cfq_class)classes[rq->ioprio >> 13 & 3];
}

static uint8_t cfq_level(const struct sched_rq *rq)
{
	return cfq_class(rq) == CFQ_IDLE ? CFQ_LEVELS - 1 : rq->ioprio % CFQ_LEVELS;
}

static void cfq_pool_reset(struct cfq *cfq, struct cfq_queue *q, bool sync, enum cfq_class class,
			   uint8_t level)
{
	memset(q, 0, sizeof(*q));
	sorted_init(&q->requests, &cfq->merge, &cfq->s.env);
	q->sync = sync;
	q->class = class;
	q->level = level;
	q->idle_window = sync && class != CFQ_IDLE;
}

static void cfq_pool_init_shared(struct cfq *cfq)
{
	struct cfq_queue *q = cfq->shared;

	for (int sync = 0; sync < 2; sync++) {
		for (int class = 0; class < CFQ_NR_CLASSES; class ++) {
			for (uint8_t level = 0; level < CFQ_LEVELS; level++, q++) {
				cfq_pool_reset(cfq, q, sync, (enum cfq_class) class, level);
				q->shared = true;
				cfq->shared_queue[sync][class][level] = q;
			}
		}
	}
}

int cfq_pool_init(struct cfq *cfq)
{
	uint32_t n = cfq->s.env.max_submitters;

	TAILQ_INIT(&cfq->unused);
	cfq->nr_buckets = n ? n : 1;
	cfq->bucket = calloc(cfq->nr_buckets, sizeof(*cfq->bucket));
	cfq->pool = calloc(cfq->nr_buckets, sizeof(*cfq->pool));
	cfq->shared = calloc((size_t)2 * CFQ_NR_CLASSES * CFQ_LEVELS, sizeof(*cfq->shared));
	if (!cfq->bucket || !cfq->pool || !cfq->shared)
		return -ENOMEM;
	cfq_pool_init_shared(cfq);
	for (uint32_t i = 0; i < n; i++) {
		cfq->pool[i].unused = cfq->pool[i].gone = true;
		TAILQ_INSERT_TAIL(&cfq->unused, &cfq->pool[i], unused_link);
	}
	return 0;
}

void cfq_pool_exit(struct cfq *cfq)
{
	free(cfq->bucket);
	free(cfq->pool);
	free(cfq->shared);
}

static struct cfq_bucket *cfq_pool_bucket(struct cfq *cfq, const struct sched_rq *rq)
{
	uint64_t hash =
		((uint64_t)rq->submitter << 5 | (uint64_t)cfq_class(rq) << 3 | cfq_level(rq)) *
		0x9e3779b97f4a7c15ull;

	return &cfq->bucket[(hash >> 32) % cfq->nr_buckets];
}

/* Takes an unused queue for RQ's submitter and priority. Returns NULL if there is none. */
static struct cfq_queue *cfq_pool_make(struct cfq *cfq, const struct sched_rq *rq)
{
	struct cfq_queue *q = TAILQ_FIRST(&cfq->unused);

	if (!q)
		return NULL;
	TAILQ_REMOVE(&cfq->unused, q, unused_link);
	if (!q->gone)
		LIST_REMOVE(q, hash);
	cfq_pool_reset(cfq, q, true, cfq_class(rq), cfq_level(rq));
	q->submitter = rq->submitter;
	LIST_INSERT_HEAD(cfq_pool_bucket(cfq, rq), q, hash);
	return q;
}

static struct cfq_queue *cfq_pool_own(struct cfq *cfq, const struct sched_rq *rq)
{
	struct cfq_queue *q;

	LIST_FOREACH(q, cfq_pool_bucket(cfq, rq), hash)
		if (q->submitter == rq->submitter && q->class == cfq_class(rq) &&
		    q->level == cfq_level(rq))
			return q;
	return NULL;
}

struct cfq_queue *cfq_pool_find(struct cfq *cfq, const struct sched_rq *rq, bool make)
{
	bool sync = cfq_is_sync(rq);
	struct cfq_queue *q = sync ? cfq_pool_own(cfq, rq) : NULL;

	if (q && make && q->unused) {
		TAILQ_REMOVE(&cfq->unused, q, unused_link);
		q->unused = false;
	}
	if (!q && sync && make)
		q = cfq_pool_make(cfq, rq);
	if (q)
		return q;
	if (sync && make)
		cfq->value[CFQ_SHARED_INSERTS]++;
	return cfq->shared_queue[sync][cfq_class(rq)][cfq_level(rq)];
}

/* Clears the unused queue Q: no data about its submitter may remain. */
static void cfq_pool_forget(struct cfq *cfq, struct cfq_queue *q)
{
	LIST_REMOVE(q, hash);
	TAILQ_REMOVE(&cfq->unused, q, unused_link);
	TAILQ_INSERT_HEAD(&cfq->unused, q, unused_link);
}

void cfq_pool_put(struct cfq *cfq, struct cfq_queue *q)
{
	if (q->shared || q->unused || q->tree || q->waiting || q->with_drive)
		return;
	q->unused = true;
	TAILQ_INSERT_TAIL(&cfq->unused, q, unused_link);
	if (q->gone)
		cfq_pool_forget(cfq, q);
}

void cfq_pool_submitter_gone(struct cfq *cfq, uint32_t submitter)
{
	for (uint32_t i = 0; i < cfq->s.env.max_submitters; i++) {
		struct cfq_queue *q = &cfq->pool[i];

		if (q->submitter != submitter || q->gone)
			continue;
		q->gone = true;
		if (q->unused)
			cfq_pool_forget(cfq, q);
	}
}
