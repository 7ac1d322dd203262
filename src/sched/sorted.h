/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sorted.h - waiting requests in two orders at once: by sector, so that a drive can move in one
 * direction, and by age, so that no request waits too long. The schedulers that sort share it. It
 * uses node, fifo and priv[1] of a request; priv[0] is the scheduler's.
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
	/* The scheduler's: it finds requests that touch and says which ones may be merged. */
	struct merge *merge;
	const struct sched_env *env;
};

void sorted_init(struct sorted *s, struct merge *merge, const struct sched_env *env);

/* Adds RQ as the youngest request; among those at its sector it is the last. */
void sorted_add(struct sorted *s, struct sched_rq *rq);
void sorted_remove(struct sorted *s, struct sched_rq *rq);

bool sorted_empty(const struct sorted *s);
struct sched_rq *sorted_oldest(const struct sorted *s);
/*
 * Return a request by sector, or NULL: the first of all, the first at or behind SECTOR, and the
 * neighbours.
 */
struct sched_rq *sorted_first(struct sorted *s);
struct sched_rq *sorted_from(struct sorted *s, uint64_t sector);
struct sched_rq *sorted_next(struct sched_rq *rq);
struct sched_rq *sorted_prev(struct sched_rq *rq);

/*
 * Finds a request with which RQ can be merged, as sched_ops.find_merge does. FRONT says that it
 * also looks for one that begins where RQ ends. Only a request that lies behind RQ is certain to
 * be in this list.
 */
enum sched_merge sorted_find(struct sorted *s, const struct sched_rq *rq, bool front,
			     struct sched_rq **into);
/*
 * Finds the new place of RQ, which waits here and grew at the side HOW. Returns true if that
 * closed a gap and the owner has merged GONE into INTO; the caller must then call sorted_absorb().
 */
bool sorted_grown(struct sorted *s, struct sched_rq *rq, enum sched_merge how,
		  struct sched_rq **into, struct sched_rq **gone);
/*
 * Removes GONE, which waits here and was merged into INTO. INTO then counts as waiting since the
 * earlier of the two.
 */
void sorted_absorb(struct sorted *s, struct sched_rq *into, struct sched_rq *gone);

#endif
