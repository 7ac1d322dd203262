/* SPDX-License-Identifier: Apache-2.0 */
/*
 * path.c - the path from the root to a queue: the choice among submitters, and then within one of
 * them.
 *
 * A submitter with a weight of its own is a group: an entity of that weight in the root's
 * best-effort tree, with three trees for its queues. The queues of all other submitters are in the
 * root's trees themselves. A group stands for the queue that would be its next: it has the budget
 * of that queue, and the service of its queues is its own service. In a group as in the root, RT
 * goes before BE, and BE before IDLE; but the IDLE tree is considered every 200 ms in any case.
 *
 * Uses nothing except trees and entities.
 */
#include "sched/bfq/path.h"

#include "base/nsec.h"

#define IDLE_CLASS_NS (200 * NSEC_PER_MSEC)

void bfq_path_init(struct bfq_group *g)
{
	for (int i = 0; i < BFQ_CLASSES; i++)
		bfq_wf2q_init(&g->tree[i]);
}

/* Returns the next of G's entities. CHOOSE says that it will go into service now. */
static inline struct bfq_entity *path_next(struct bfq *d, struct bfq_group *g, bool choose)
{
	bool idle_due = d->now - g->idle_ns >= IDLE_CLASS_NS;
	int class = BFQ_RT;

	if (choose && idle_due)
		g->idle_ns = d->now;
	if (idle_due && !bfq_wf2q_empty(&g->tree[BFQ_IDLE]))
		return bfq_wf2q_next(&g->tree[BFQ_IDLE], choose);
	while (class < BFQ_IDLE && bfq_wf2q_empty(&g->tree[class]))
		class ++;
	if (choose && class == BFQ_IDLE)
		g->idle_ns = d->now;
	return bfq_wf2q_next(&g->tree[class], choose);
}

/* Gives the group the budget of its next queue. Returns false if it has none. */
static bool path_mirror(struct bfq *d, struct bfq_group *g)
{
	const struct bfq_entity *next = path_next(d, g, false);

	if (next)
		g->entity.budget = next->budget;
	return next;
}

/* Updates the trees after the waiting queues of group G have changed. */
static void path_group_changed(struct bfq *d, struct bfq_group *g)
{
	struct bfq_entity *e = &g->entity;
	uint64_t before = e->budget;

	if (e->place != BFQ_ACTIVE)
		return;
	if (!path_mirror(d, g))
		bfq_wf2q_deactivate(bfq_path_tree(e), e);
	else if (e->budget != before)
		bfq_wf2q_rebudget(bfq_path_tree(e), e);
}

void bfq_path_activated_group(struct bfq *d, struct bfq_group *g, bool backshift)
{
	uint8_t place = g->entity.place;

	path_group_changed(d, g);
	if (place != BFQ_NOWHERE && place != BFQ_RESTING)
		return;
	path_mirror(d, g);
	bfq_wf2q_activate(bfq_path_tree(&g->entity), &g->entity, backshift, 1);
}

void bfq_path_rebudget(struct bfq *d, struct bfq_queue *q)
{
	bfq_wf2q_rebudget(bfq_path_tree(&q->entity), &q->entity);
	if (q->entity.parent != &d->root)
		path_group_changed(d, q->entity.parent);
}

void bfq_path_forgive(struct bfq *d, struct bfq_entity *e, uint64_t max)
{
	if (e->place == BFQ_NOWHERE)
		return;
	bfq_wf2q_forgive(bfq_path_tree(e), e, max);
	if (e->parent != &d->root)
		path_group_changed(d, e->parent);
}

void bfq_path_requeue(struct bfq *d, struct bfq_queue *q)
{
	struct bfq_group *g = q->entity.parent;

	bfq_wf2q_requeue(bfq_path_tree(&q->entity), &q->entity);
	if (g == &d->root)
		return;
	path_mirror(d, g);
	bfq_wf2q_requeue(bfq_path_tree(&g->entity), &g->entity);
}

void bfq_path_deactivated_group(struct bfq *d, struct bfq_group *g, bool served)
{
	if (!served) {
		path_group_changed(d, g);
		return;
	}
	if (path_mirror(d, g))
		bfq_wf2q_requeue(bfq_path_tree(&g->entity), &g->entity);
	else
		bfq_wf2q_deactivate(bfq_path_tree(&g->entity), &g->entity);
}

static struct bfq_queue *path_queue(struct bfq_entity *e)
{
	return (struct bfq_queue *)e;
}

struct bfq_queue *bfq_path_take(struct bfq *d)
{
	struct bfq_entity *e = path_next(d, &d->root, true), *of;

	if (!e)
		return NULL;
	bfq_wf2q_take(bfq_path_tree(e), e);
	if (!e->is_group)
		return path_queue(e);
	of = path_next(d, (struct bfq_group *)e, true);
	bfq_wf2q_take(bfq_path_tree(of), of);
	return path_queue(of);
}

struct bfq_queue *bfq_path_peek(struct bfq *d)
{
	struct bfq_entity *e = path_next(d, &d->root, false);

	if (e && e->is_group)
		e = path_next(d, (struct bfq_group *)e, false);
	return e ? path_queue(e) : NULL;
}
