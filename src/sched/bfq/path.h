/* SPDX-License-Identifier: Apache-2.0 */
/*
 * path.h - the trees of weights for queues and groups.
 *
 * With many submitters each io is a service, whose steps are here. Most queues are in the root's
 * trees themselves, so that part is inline, and path.c has what a group needs.
 */
#ifndef BFQ_PATH_H
#define BFQ_PATH_H

#include "sched/bfq/bfq.h"

void bfq_path_init(struct bfq_group *g);
void bfq_path_rebudget(struct bfq *d, struct bfq_queue *q);
/*
 * Limits the debt between E, the entity of a queue or group, and the others, in both directions,
 * to one service of MAX sectors. Called when budgets become smaller.
 */
void bfq_path_forgive(struct bfq *d, struct bfq_entity *e, uint64_t max);
void bfq_path_requeue(struct bfq *d, struct bfq_queue *q);
/* Puts the queue to serve next into service and returns it; NULL if none is busy. */
struct bfq_queue *bfq_path_take(struct bfq *d);
/* Returns the queue that would be next, or NULL. */
struct bfq_queue *bfq_path_peek(struct bfq *d);
/* A queue of G, which is not the root, has become active, or has begun to rest after it waited or
 * was SERVED. */
void bfq_path_activated_group(struct bfq *d, struct bfq_group *g, bool backshift);
void bfq_path_deactivated_group(struct bfq *d, struct bfq_group *g, bool served);

static inline struct bfq_tree *bfq_path_tree(const struct bfq_entity *e)
{
	return &e->parent->tree[e->class];
}

static inline void bfq_path_activate(struct bfq *d, struct bfq_queue *q, bool backshift)
{
	bfq_wf2q_activate(bfq_path_tree(&q->entity), &q->entity, backshift, q->raise);
	if (q->entity.parent != &d->root)
		bfq_path_activated_group(d, q->entity.parent, backshift);
}

static inline void bfq_path_deactivate(struct bfq *d, struct bfq_queue *q)
{
	bool served = q->entity.place == BFQ_SERVED;

	bfq_wf2q_deactivate(bfq_path_tree(&q->entity), &q->entity);
	if (q->entity.parent != &d->root)
		bfq_path_deactivated_group(d, q->entity.parent, served);
}

static inline void bfq_path_serve(struct bfq *d, struct bfq_queue *q, uint64_t sectors)
{
	struct bfq_group *g = q->entity.parent;

	q->entity.service += sectors;
	bfq_wf2q_serve(bfq_path_tree(&q->entity), sectors);
	if (g == &d->root)
		return;
	g->entity.service += sectors;
	bfq_wf2q_serve(bfq_path_tree(&g->entity), sectors);
}

/* Finds the first two entities in which the paths to two queues differ. */
static inline void bfq_path_part(const struct bfq *d, const struct bfq_entity **a,
				 const struct bfq_entity **b)
{
	if ((*a)->parent == (*b)->parent)
		return;
	if ((*a)->parent != &d->root)
		*a = &(*a)->parent->entity;
	if ((*b)->parent != &d->root)
		*b = &(*b)->parent->entity;
}

/* Returns true if Q has a higher class or weight than CUR. */
static inline bool bfq_path_higher(const struct bfq *d, const struct bfq_queue *q,
				   const struct bfq_queue *cur)
{
	const struct bfq_entity *a = &q->entity, *b = &cur->entity;

	bfq_path_part(d, &a, &b);
	return a->class != b->class ? a->class < b->class : a->new_weight > b->new_weight;
}

/* Returns true if Q, which is active, would be served before CUR, which is in service. */
static inline bool bfq_path_before(const struct bfq *d, const struct bfq_queue *q,
				   const struct bfq_queue *cur)
{
	const struct bfq_entity *a = &q->entity, *b = &cur->entity;

	bfq_path_part(d, &a, &b);
	if (a->class != b->class)
		return a->class < b->class;
	return (int64_t)(a->start - bfq_path_tree(a)->vtime) <= 0 &&
	       (int64_t)(a->finish - b->finish) < 0;
}

#endif
