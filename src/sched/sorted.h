/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sorted.h - requests that wait, in two orders at once: by sector, so that a drive can move in one
 * direction, and by age, so that none is forgotten. What the schedulers that sort have in common.
 * Uses node, fifo and priv[1] of a request; priv[0] is the scheduler's.
 *
 * Owns its lists, not the requests; entered by the scheduler's thread only.
 */
#ifndef SORTED_H
#define SORTED_H

#include "sched/merge.h"
#include "sched/sched.h"

RB_HEAD(sorted_tree, sched_rq);

struct sorted {
	struct sorted_tree tree;
	struct sched_list fifo;
	uint64_t last_seq;
	/* The scheduler's: where requests that lie side by side are found, and what may be. */
	struct merge *merge;
	const struct sched_env *env;
};

void sorted_init(struct sorted *s, struct merge *merge, const struct sched_env *env);

/* RQ waits here from now on, as the youngest; among those at its sector it is the last. */
void sorted_add(struct sorted *s, struct sched_rq *rq);
void sorted_remove(struct sorted *s, struct sched_rq *rq);

bool sorted_empty(const struct sorted *s);
struct sched_rq *sorted_oldest(const struct sorted *s);
/* By sector: the first of all, the first at or behind SECTOR, and the neighbours; or NULL. */
struct sched_rq *sorted_first(struct sorted *s);
struct sched_rq *sorted_from(struct sorted *s, uint64_t sector);
struct sched_rq *sorted_next(struct sched_rq *rq);
struct sched_rq *sorted_prev(struct sched_rq *rq);

/* A request that RQ could join, as sched_ops.merge; FRONT: look for what begins where RQ ends,
 * too. Only what lies behind RQ is sure to be of this list. */
enum sched_merge sorted_find(struct sorted *s, const struct sched_rq *rq, bool front,
			     struct sched_rq **into);
/* RQ, which waits here, grew at the side that HOW says: finds its new place. If that closed a gap
 * the owner has joined GONE to INTO, and sorted_absorb() is to follow: true. */
bool sorted_grown(struct sorted *s, struct sched_rq *rq, enum sched_merge how,
		  struct sched_rq **into, struct sched_rq **gone);
/* GONE, which waits here, has become part of INTO: it waits since the earlier one does. */
void sorted_absorb(struct sorted *s, struct sched_rq *into, struct sched_rq *gone);

#endif
