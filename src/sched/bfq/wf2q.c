/* SPDX-License-Identifier: Apache-2.0 */
/*
 * wf2q.c - chooses the entity to serve next by weight: B-WF2Q+, a tree of entities in virtual
 * time.
 *
 * Imagine an ideal drive that serves all entities at once, each at a speed in proportion to its
 * weight. Virtual time is the clock of that drive: while it advances by one, an entity of weight w
 * gets w. Each entity has a start S, when the ideal drive would begin with its budget, and a
 * finish F, when it would have served all of it: F = S + budget / weight. The real drive serves
 * one entity at a time. It takes, among those that the ideal drive would have begun (S <= now,
 * "eligible"), the one that the ideal drive would finish first. So no entity gets ahead or falls
 * behind by more than about a budget.
 *
 * An entity that leaves rests until the ideal drive would have finished the service that it got:
 * it gains nothing by returning early. The active tree is ordered by F, and each node knows the
 * smallest S below it, so the choice needs one walk down. Times wrap; differences do not.
 *
 * Most entities that arrive start and finish no earlier than the one that arrived before. These
 * stand in a row beside the tree. The first in the row is the best of the row, and if it is not
 * eligible, none in the row is. (An eligible entity stays eligible, because time never runs
 * backwards; its start does not matter any more.) The cost of a row does not depend on its length.
 *
 * Pure: knows nothing of queues, requests and clocks.
 */
#include "sched/bfq/wf2q.h"

static bool wf2q_after(uint64_t a, uint64_t b)
{
	return (int64_t)(a - b) > 0;
}

static int wf2q_cmp(const struct bfq_entity *a, const struct bfq_entity *b)
{
	if (a->finish != b->finish)
		return wf2q_after(b->finish, a->finish) ? -1 : 1;
	if (a->seq != b->seq)
		return a->seq < b->seq ? -1 : 1;
	return 0;
}

static uint64_t wf2q_min_start(const struct bfq_entity *e)
{
	const struct bfq_entity *child[2] = { RB_LEFT(e, node), RB_RIGHT(e, node) };
	uint64_t min = e->start;

	for (int i = 0; i < 2; i++)
		if (child[i] && wf2q_after(min, child[i]->min_start))
			min = child[i]->min_start;
	return min;
}

/*
 * Updates the minimum of E, whose children have changed, and of the nodes above it, up to the
 * first that does not change. The tree calls this for single nodes.
 */
static void wf2q_augment(struct bfq_entity *e)
{
	uint64_t min;

	for (; e; e = RB_PARENT(e, node)) {
		min = wf2q_min_start(e);
		if (min == e->min_start)
			return;
		e->min_start = min;
	}
}

#undef RB_AUGMENT
#define RB_AUGMENT(e) wf2q_augment(e)
RB_GENERATE_INTERNAL(bfq_entities, bfq_entity, node, wf2q_cmp, static __attribute__((unused)))

uint64_t bfq_wf2q_delta(uint64_t service, uint64_t weight)
{
	return (service << BFQ_SERVICE_SHIFT) / weight;
}

void bfq_wf2q_init(struct bfq_tree *t)
{
	RB_INIT(&t->active);
	TAILQ_INIT(&t->resting);
	TAILQ_INIT(&t->row);
}

/* Returns true if E may stand behind LAST in the row of T. */
static bool wf2q_in_order(const struct bfq_tree *t, const struct bfq_entity *last,
			  const struct bfq_entity *e)
{
	return !wf2q_after(last->finish, e->finish) &&
	       (!wf2q_after(last->start, e->start) || !wf2q_after(last->start, t->vtime));
}

static void wf2q_to_tree(struct bfq_tree *t, struct bfq_entity *e)
{
	e->in_row = false;
	/* it begins as a leaf, for which the tree does not call wf2q_augment() */
	e->min_start = e->start;
	RB_INSERT(bfq_entities, &t->active, e);
	if (!t->first || wf2q_cmp(e, t->first) < 0)
		t->first = e;
}

static inline void wf2q_to_row(struct bfq_tree *t, struct bfq_entity *e)
{
	e->in_row = true;
	TAILQ_INSERT_TAIL(&t->row, e, link);
}

/*
 * E cannot stand behind LAST, the end of the row of T. LAST goes to the tree, because it may be the
 * one that is out of order, and then it must not keep all later entities out of the row.
 */
static __attribute__((noinline)) void wf2q_out_of_order(struct bfq_tree *t, struct bfq_entity *last,
							struct bfq_entity *e)
{
	TAILQ_REMOVE(&t->row, last, link);
	wf2q_to_tree(t, last);
	last = TAILQ_LAST(&t->row, bfq_row);
	if (!last || wf2q_in_order(t, last, e))
		wf2q_to_row(t, e);
	else
		wf2q_to_tree(t, e);
}

static inline void wf2q_activated(struct bfq_tree *t, struct bfq_entity *e)
{
	struct bfq_entity *last = TAILQ_LAST(&t->row, bfq_row);

	e->place = BFQ_ACTIVE;
	e->seq = ++t->last_seq;
	if (!last || wf2q_in_order(t, last, e))
		wf2q_to_row(t, e);
	else
		wf2q_out_of_order(t, last, e);
}

static __attribute__((noinline)) void wf2q_remove_from_tree(struct bfq_tree *t,
							    struct bfq_entity *e)
{
	if (e == t->first)
		t->first = RB_NEXT(bfq_entities, &t->active, e);
	RB_REMOVE(bfq_entities, &t->active, e);
}

/* Removes E from the active entities. */
static inline void wf2q_remove(struct bfq_tree *t, struct bfq_entity *e)
{
	if (e->in_row)
		TAILQ_REMOVE(&t->row, e, link);
	else
		wf2q_remove_from_tree(t, e);
}

static void wf2q_reweigh(struct bfq_tree *t, struct bfq_entity *e)
{
	t->weights += e->new_weight;
	t->weights -= e->weight;
	e->weight = e->new_weight;
}

/* E, which is in no list any more, is nowhere from now on. */
static inline void wf2q_leave(struct bfq_tree *t, struct bfq_entity *e)
{
	t->weights -= e->weight;
	e->weight = 0;
	e->place = BFQ_NOWHERE;
}

/* Removes E, which rests, from T. */
static inline void wf2q_rest_over(struct bfq_tree *t, struct bfq_entity *e)
{
	TAILQ_REMOVE(&t->resting, e, link);
	wf2q_leave(t, e);
}

void bfq_wf2q_forget(struct bfq_tree *t, struct bfq_entity *e)
{
	if (e->place == BFQ_RESTING)
		TAILQ_REMOVE(&t->resting, e, link);
	else if (e->place == BFQ_ACTIVE)
		wf2q_remove(t, e);
	else if (e->place == BFQ_SERVED)
		t->served--;
	wf2q_leave(t, e);
}

void bfq_wf2q_activate(struct bfq_tree *t, struct bfq_entity *e, bool backshift, uint32_t raise)
{
	bool behind = wf2q_after(t->vtime, e->finish), resting = e->place == BFQ_RESTING;
	uint64_t push;

	if (resting)
		wf2q_rest_over(t, e);
	e->start = (resting && !behind) || (backshift && behind) ? e->finish : t->vtime;
	wf2q_reweigh(t, e);
	e->finish = e->start + bfq_wf2q_delta(e->budget, e->weight);
	if (backshift && wf2q_after(t->vtime, e->finish)) {
		push = (t->vtime - e->finish) / raise;
		e->start += push;
		e->finish += push;
	}
	wf2q_activated(t, e);
}

void bfq_wf2q_rebudget(struct bfq_tree *t, struct bfq_entity *e)
{
	wf2q_remove(t, e);
	e->finish = e->start + bfq_wf2q_delta(e->budget, e->weight);
	wf2q_activated(t, e);
}

void bfq_wf2q_forgive(struct bfq_tree *t, struct bfq_entity *e, uint64_t max)
{
	uint64_t service = bfq_wf2q_delta(max, e->weight);
	uint64_t earliest = t->vtime - service, latest = t->vtime + service;

	if (e->place == BFQ_RESTING) {
		if (wf2q_after(e->finish, latest))
			e->finish = latest;
		return;
	}
	if (e->place == BFQ_ACTIVE)
		wf2q_remove(t, e);
	if (wf2q_after(e->start, latest))
		e->start = latest;
	else if (wf2q_after(earliest, e->start))
		e->start = earliest;
	e->finish = e->start + bfq_wf2q_delta(e->budget, e->weight);
	if (e->place == BFQ_ACTIVE)
		wf2q_activated(t, e);
}

/*
 * Returns the entity in the tree with the smallest finish among those eligible at VTIME, or NULL.
 */
static struct bfq_entity *wf2q_first_eligible(const struct bfq_tree *t, uint64_t vtime)
{
	struct bfq_entity *e = RB_ROOT(&t->active), *left;

	while (e) {
		left = RB_LEFT(e, node);
		if (left && !wf2q_after(left->min_start, vtime))
			e = left;
		else if (!wf2q_after(e->start, vtime))
			return e;
		else
			e = RB_RIGHT(e, node);
	}
	return NULL;
}

/*
 * Returns the smallest start of all active entities, if it is after the time of T; otherwise that
 * time.
 */
static uint64_t wf2q_earliest(const struct bfq_tree *t)
{
	const struct bfq_entity *row = TAILQ_FIRST(&t->row), *root = RB_ROOT(&t->active);
	uint64_t min = row ? row->start : root->min_start;

	if (root && wf2q_after(min, root->min_start))
		min = root->min_start;
	return wf2q_after(min, t->vtime) ? min : t->vtime;
}

struct bfq_entity *bfq_wf2q_next(struct bfq_tree *t, bool jump)
{
	struct bfq_entity *row = TAILQ_FIRST(&t->row), *e = t->first;
	uint64_t vtime;

	/* In most cases it is the first of the row. */
	if (row && !wf2q_after(row->start, t->vtime) && (!e || wf2q_cmp(row, e) < 0))
		return row;
	if (!row && !e)
		return NULL;
	vtime = wf2q_earliest(t);
	if (jump)
		t->vtime = vtime;
	e = wf2q_first_eligible(t, vtime);
	if (!row || wf2q_after(row->start, vtime))
		return e;
	return !e || wf2q_cmp(row, e) < 0 ? row : e;
}

void bfq_wf2q_take(struct bfq_tree *t, struct bfq_entity *e)
{
	e->place = BFQ_SERVED;
	t->served++;
	wf2q_remove(t, e);
}

void bfq_wf2q_requeue(struct bfq_tree *t, struct bfq_entity *e)
{
	t->served--;
	e->start += bfq_wf2q_delta(e->service, e->weight);
	e->service = 0;
	wf2q_reweigh(t, e);
	e->finish = e->start + bfq_wf2q_delta(e->budget, e->weight);
	wf2q_activated(t, e);
}

void bfq_wf2q_deactivate(struct bfq_tree *t, struct bfq_entity *e)
{
	if (e->place == BFQ_SERVED)
		t->served--;
	else
		wf2q_remove(t, e);
	e->finish = e->start + bfq_wf2q_delta(e->service, e->weight);
	e->service = 0;
	if (wf2q_after(e->finish, t->last_finish))
		t->last_finish = e->finish;
	/* If no entity is active or in service, the ideal drive finishes all that it had. */
	if (bfq_wf2q_empty(t) && !t->served && wf2q_after(t->last_finish, t->vtime))
		t->vtime = t->last_finish;
	if (!wf2q_after(e->finish, t->vtime)) {
		wf2q_leave(t, e);
		return;
	}
	e->place = BFQ_RESTING;
	TAILQ_INSERT_TAIL(&t->resting, e, link);
}

/* Looks at one resting entity in each call, at another one each time, so all are forgotten soon. */
void bfq_wf2q_serve(struct bfq_tree *t, uint64_t sectors)
{
	struct bfq_entity *e = TAILQ_FIRST(&t->resting);

	t->vtime += bfq_wf2q_delta(sectors, t->weights);
	if (!e)
		return;
	if (!wf2q_after(e->finish, t->vtime)) {
		wf2q_rest_over(t, e);
	} else if (TAILQ_NEXT(e, link)) {
		TAILQ_REMOVE(&t->resting, e, link);
		TAILQ_INSERT_TAIL(&t->resting, e, link);
	}
}
