/* SPDX-License-Identifier: Apache-2.0 */
/*
 * urgent.h - the waiting requests that have a deadline, by deadline.
 *
 * They wait in the lines of their flows like all others (flow.h); here is which of them is due
 * first. A deadline that can no longer be kept gives nothing: who is late anyway does not make
 * others late.
 *
 * Owned by the instance; entered by the lane's owner.
 */
#ifndef PACE_URGENT_H
#define PACE_URGENT_H

#include "sched/pace/flow.h"
#include "sched/sched.h"

RB_HEAD(pace_urgent_tree, sched_rq);

struct pace_urgent {
	struct pace_urgent_tree tree[PACE_BACKGROUND]; /* of reads and of awaited writes */
	uint32_t waiting;			       /* requests in both */
	uint64_t added; /* requests so far: of two with one deadline the first goes first */
};

void pace_urgent_init(struct pace_urgent *u);

/* Adds RQ, which waits in LINE, of KIND. It uses node and priv of RQ while RQ is here. */
void pace_urgent_add(struct pace_urgent *u, struct pace_flow_line *line, enum pace_line kind,
		     struct sched_rq *rq);
/* Returns the line of RQ if it is here, or NULL. */
static inline struct pace_flow_line *pace_urgent_line(const struct sched_rq *rq)
{
	return rq->priv[0];
}

/* Removes RQ, which is here. */
void pace_urgent_remove(struct pace_urgent *u, enum pace_line kind, struct sched_rq *rq);

/* Returns the request of KIND with the first deadline, or NULL. Forgets those whose deadlines are
 * over at NOW. */
struct sched_rq *pace_urgent_first(struct pace_urgent *u, enum pace_line kind, uint64_t now);
/* Returns the request of the kind of RQ with the next deadline, or NULL. */
struct sched_rq *pace_urgent_next(struct sched_rq *rq);

#endif
