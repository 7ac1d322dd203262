/* SPDX-License-Identifier: Apache-2.0 */
/*
 * wf2q.h - one tree of entities that are served by weight, in virtual time.
 */
#ifndef BFQ_WF2Q_H
#define BFQ_WF2Q_H

#include <stdbool.h>
#include <stdint.h>

#include "sched/sched.h"

#define BFQ_SERVICE_SHIFT 22

/* The place of an entity: forgotten, waiting for service, remembered for a while, or in service. */
enum bfq_place { BFQ_NOWHERE, BFQ_ACTIVE, BFQ_RESTING, BFQ_SERVED };

struct bfq_group;

/* An entity is a queue or a group: it has a weight and a place in a tree. All times are virtual. */
struct bfq_entity {
	RB_ENTRY(bfq_entity) node;    /* used while it is active, in the tree */
	TAILQ_ENTRY(bfq_entity) link; /* used while it is active, in the row; or resting */
	uint64_t start, finish;
	uint64_t min_start;	  /* the smallest start in the subtree */
	uint64_t seq;		  /* orders equal finishes */
	uint64_t budget, service; /* sectors of this service: allowed and used */
	uint32_t weight;	  /* its weight in the sums of the tree */
	uint32_t new_weight;	  /* its weight from the next activation or requeue on */
	uint8_t class;		  /* enum bfq_class */
	uint8_t place;		  /* enum bfq_place */
	bool in_row;		  /* active, in the row and not in the tree */
	bool is_group;
	struct bfq_group *parent;
};

RB_HEAD(bfq_entities, bfq_entity);

/* One class of a group. */
struct bfq_tree {
	struct bfq_entities active; /* the active entities that are not in the row */
	struct bfq_entity *first;   /* the one of these that finishes first */
	/* The other active entities, in the order in which they start and finish. */
	TAILQ_HEAD(bfq_row, bfq_entity) row;
	TAILQ_HEAD(, bfq_entity) resting;
	uint64_t vtime, last_seq;
	uint64_t last_finish; /* the latest finish of all that ever rested */
	/* the sum of the weights of all entities that are not at BFQ_NOWHERE */
	uint64_t weights;
	uint32_t served; /* entities in service: 0 or 1 */
};

/* Returns true if no entity in T is active. */
static inline bool bfq_wf2q_empty(const struct bfq_tree *t)
{
	return TAILQ_EMPTY(&t->row) && !t->first;
}

/* Returns the virtual time of SERVICE for an entity of WEIGHT. */
uint64_t bfq_wf2q_delta(uint64_t service, uint64_t weight);
void bfq_wf2q_init(struct bfq_tree *t);
/*
 * Makes E active. It is nowhere or resting, and its budget and new_weight are set. With BACKSHIFT
 * a short pause costs E little of its place; the larger RAISE is, the less it costs.
 */
void bfq_wf2q_activate(struct bfq_tree *t, struct bfq_entity *e, bool backshift, uint32_t raise);
/* Moves E, which is active, to the place that follows from its new budget. */
void bfq_wf2q_rebudget(struct bfq_tree *t, struct bfq_entity *e);
/*
 * Returns the entity to serve next, or NULL. With JUMP, if no entity may be served yet, virtual
 * time advances until one may.
 */
struct bfq_entity *bfq_wf2q_next(struct bfq_tree *t, bool jump);
/* Puts E, which is active, into service. */
void bfq_wf2q_take(struct bfq_tree *t, struct bfq_entity *e);
/* Makes E, which is in service, active again. Its budget is that of its next service. */
void bfq_wf2q_requeue(struct bfq_tree *t, struct bfq_entity *e);
/* Makes E, which is active or in service, rest: it has no requests any more. */
void bfq_wf2q_deactivate(struct bfq_tree *t, struct bfq_entity *e);
/* Removes E from T. */
void bfq_wf2q_forget(struct bfq_tree *t, struct bfq_entity *e);
/* Limits the debt between E and the others, in both directions, to one service of MAX sectors. */
void bfq_wf2q_forgive(struct bfq_tree *t, struct bfq_entity *e, uint64_t max);
/* Advances the time of T: SECTORS of one of its entities were served. */
void bfq_wf2q_serve(struct bfq_tree *t, uint64_t sectors);

#endif
