/* SPDX-License-Identifier: Apache-2.0 */
/*
 * merge.h - finds requests that lie side by side: what the schedulers with a queue-wide order
 * share. Two ways, both cheap: the request that was merged or inserted last, and a hash by the
 * sector behind each request's end. Looking up what lies behind is the scheduler's own business,
 * in its sorted tree.
 *
 * Owns its lists, not the requests; entered by the scheduler's thread only.
 */
#ifndef MERGE_H
#define MERGE_H

#include "sched/sched.h"

#define MERGE_BUCKETS 64u

struct merge {
	LIST_HEAD(merge_bucket, sched_rq) bucket[MERGE_BUCKETS];
	struct sched_rq *last; /* may be NULL; waits, and is mergeable */
};

void merge_init(struct merge *m);

/* RQ waits from now on, and may be found unless it must stay alone or ENV says so. */
void merge_add(struct merge *m, const struct sched_env *env, struct sched_rq *rq);
/* RQ, added before, does not wait any more. */
void merge_remove(struct merge *m, struct sched_rq *rq);
/* RQ, added before, has grown. */
void merge_grown(struct merge *m, struct sched_rq *rq);

/* At which side of INTO RQ could join it: they touch, are of a kind, and neither must be alone. */
enum sched_merge merge_side(const struct sched_env *env, const struct sched_rq *into,
			    const struct sched_rq *rq);

/* A request that RQ could join: the last one at any side, else one that ends where RQ begins. */
enum sched_merge merge_find(struct merge *m, const struct sched_env *env, const struct sched_rq *rq,
			    struct sched_rq **into);

/* Has the owner join GONE behind INTO (or to it, where both are discards) if they touch; INTO
 * grows. False: they stay two. */
bool merge_join(const struct sched_env *env, struct sched_rq *into, struct sched_rq *gone);

/* For a whole request: finds the one that it could be behind, and joins it. NULL: there is none. */
struct sched_rq *merge_whole(struct merge *m, const struct sched_env *env, struct sched_rq *rq);

/* For a whole request that is about to be inserted: true if it became part of one that waits. That
 * may close the gap to the one before, and so on; ABSORB is told of each GONE that waited, too. */
bool merge_new(struct merge *m, const struct sched_env *env, struct sched_rq *rq,
	       void (*absorb)(void *sched, struct sched_rq *into, struct sched_rq *gone),
	       void *sched);

#endif
