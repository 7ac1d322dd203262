/* SPDX-License-Identifier: Apache-2.0 */
/*
 * merge.h - finds requests that touch each other, for all schedulers that keep one order for the
 * whole queue. It has two cheap ways: it remembers the request that was merged or inserted last,
 * and it has a hash table by the sector behind each request. A scheduler itself looks up the
 * requests behind another one, in its sorted tree.
 *
 * Owns its lists, not the requests; entered by the scheduler's thread only.
 */
#ifndef MERGE_H
#define MERGE_H

#include "sched/sched.h"

#define MERGE_BUCKETS 64u

struct merge {
	LIST_HEAD(merge_bucket, sched_rq) bucket[MERGE_BUCKETS];
	/* the last merged or inserted request, which waits and can be merged; may be NULL */
	struct sched_rq *last;
};

void merge_init(struct merge *m);

/* Adds the waiting RQ, so that it can be found, unless RQ or ENV do not permit merging. */
void merge_add(struct merge *m, const struct sched_env *env, struct sched_rq *rq);
/* Removes RQ, which was added before and does not wait any more. */
void merge_remove(struct merge *m, struct sched_rq *rq);
/* Updates the hash table after RQ, which was added before, has grown. */
void merge_grown(struct merge *m, struct sched_rq *rq);

/* Returns false if merge_side() would refuse anyway: this check is cheaper, and most fail it. */
static inline bool merge_touches(const struct sched_rq *into, const struct sched_rq *rq)
{
	return into->sector + into->nr_sectors == rq->sector ||
	       rq->sector + rq->nr_sectors == into->sector || rq->op == SCHED_DISCARD;
}

/*
 * Returns the side of INTO at which RQ can be merged: they touch, are of one kind, and both may be
 * merged.
 */
enum sched_merge merge_side(const struct sched_env *env, const struct sched_rq *into,
			    const struct sched_rq *rq);

/*
 * Finds a request into which RQ can be merged: the last one, at either side, or else one that ends
 * where RQ begins.
 */
enum sched_merge merge_find(struct merge *m, const struct sched_env *env, const struct sched_rq *rq,
			    struct sched_rq **into);

/*
 * Asks the owner to merge GONE into INTO, at its end (or anywhere, if both are discards), if they
 * touch. INTO grows. Returns false if they were not merged.
 */
bool merge_pair(const struct sched_env *env, struct sched_rq *into, struct sched_rq *gone);

/*
 * Merges RQ, a whole request, into the one that ends where RQ begins. Returns that one, or NULL if
 * there is none.
 */
struct sched_rq *merge_whole(struct merge *m, const struct sched_env *env, struct sched_rq *rq);

/*
 * Merges RQ, a whole request that is about to be inserted, into one that waits. Returns false if
 * that is not possible. A merge may close the gap to another request, which is then merged too,
 * and so on: ABSORB is called for each GONE that waited.
 */
bool merge_new(struct merge *m, const struct sched_env *env, struct sched_rq *rq,
	       void (*absorb)(void *sched, struct sched_rq *into, struct sched_rq *gone),
	       void *sched);

#endif
