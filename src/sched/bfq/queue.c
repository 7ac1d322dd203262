/* SPDX-License-Identifier: Apache-2.0 */
/*
 * queue.c - finds the queue of a request, and takes queues and groups from pools.
 *
 * Synchronous requests have a queue for each submitter and priority. Background requests have one
 * queue for each class and level, which all submitters without a weight of their own share; a
 * submitter with a weight has its own background queues. All memory was allocated at init. When
 * the pool is empty, the least recently used queue without a request is given to the new
 * submitter, with its history. When all queues have requests, new submitters share one queue, and
 * their requests are counted.
 *
 * Owns the pools and the two hash tables by submitter.
 */
#include "sched/bfq/queue.h"

#include <errno.h>
#include <stdlib.h>

#include "sched/bfq/budget.h"
#include "sched/bfq/inject.h"
#include "sched/bfq/order.h"
#include "sched/bfq/path.h"

#define ASYNC_SLOT 32u /* set in a slot number: a background queue */

static uint32_t queue_bucket(uint32_t submitter)
{
	return submitter * 2654435769u >> 21;
}

_Static_assert(BFQ_BUCKETS == 1u << (32 - 21), "as many as there are hashes");

static unsigned queue_class(uint8_t slot)
{
	return (slot & (ASYNC_SLOT - 1)) / BFQ_LEVELS;
}

/* Returns the class and level of a priority as one number: RT 0-7, BE 8-15, IDLE 16. */
static uint8_t queue_slot(uint16_t ioprio)
{
	static const uint8_t first[] = { 8, 0, 8, 16 };
	unsigned class = ioprio >> 13 & 3;

	return (uint8_t)(first[class] + (class == 3 ? 0 : ioprio & (BFQ_LEVELS - 1)));
}

static unsigned queue_level(uint8_t slot)
{
	slot &= ASYNC_SLOT - 1;
	return slot == BFQ_SLOTS - 1 ? BFQ_LEVELS - 1 : slot % BFQ_LEVELS;
}

struct bfq_group *bfq_queue_group(struct bfq *d, uint32_t submitter)
{
	struct bfq_group *g;

	if (!d->nr_groups)
		return NULL;
	LIST_FOREACH(g, &d->group_bucket[queue_bucket(submitter)], hash)
		if (g->submitter == submitter)
			return g;
	return NULL;
}

static void queue_make(struct bfq *d, struct bfq_queue *q, uint32_t submitter, uint8_t slot,
		       struct bfq_group *g)
{
	*q = (struct bfq_queue){ .submitter = submitter, .slot = slot, .raise = 1, .fresh = true };
	q->sync = !(slot & ASYNC_SLOT);
	q->entity.class = (uint8_t)queue_class(slot);
	q->level_index = (uint8_t)(BFQ_LEVELS - 1 - queue_level(slot));
	q->entity.new_weight = (q->level_index + 1u) * BFQ_LEVEL_WEIGHT;
	q->entity.parent = g;
	q->reason = BFQ_NEVER_SERVED;
	q->io_bound = true;
	q->idle_since_ns = d->now;
	q->window_start_ns = d->now;
	q->max_budget = q->sync ? bfq_budget_max(d) * 2 / 3 : bfq_budget_max(d);
	bfq_order_init(q);
	bfq_inject_reset(d, q);
	g->queues++;
}

int bfq_queue_init(struct bfq *d)
{
	d->pool_size = d->s.env.max_submitters;
	d->pool = calloc(d->pool_size + 1, sizeof(*d->pool));
	d->group_pool = calloc(d->pool_size + 1, sizeof(*d->group_pool));
	if (!d->pool || !d->group_pool) {
		bfq_queue_exit(d);
		return -ENOMEM;
	}
	bfq_path_init(&d->root);
	TAILQ_INIT(&d->quiet);
	queue_make(d, &d->common, 0, BFQ_LEVELS + 4, &d->root);
	for (uint8_t i = 0; i < BFQ_SLOTS; i++)
		queue_make(d, &d->async[i], 0, ASYNC_SLOT | i, &d->root);
	return 0;
}

void bfq_queue_exit(struct bfq *d)
{
	free(d->pool);
	free(d->group_pool);
}

void bfq_queue_group_settle(struct bfq *d, struct bfq_group *g)
{
	if (!g->gone || g->queues)
		return;
	bfq_wf2q_forget(&d->root.tree[BFQ_BE], &g->entity);
	LIST_REMOVE(g, hash);
	LIST_INSERT_HEAD(&d->unused_groups, g, hash);
	d->nr_groups--;
	d->forgot_groups = true;
}

void bfq_queue_leave_group(struct bfq *d, struct bfq_queue *q)
{
	struct bfq_group *g = q->entity.parent;

	bfq_wf2q_forget(&g->tree[q->entity.class], &q->entity);
	g->queues--;
	bfq_queue_group_settle(d, g);
}

void bfq_queue_free(struct bfq *d, struct bfq_queue *q)
{
	TAILQ_REMOVE(&d->quiet, q, quiet_link);
	LIST_REMOVE(q, hash);
	bfq_queue_leave_group(d, q);
	if (d->last_found == q)
		d->last_found = NULL;
	LIST_INSERT_HEAD(&d->unused, q, hash);
}

static struct bfq_queue *queue_alloc(struct bfq *d)
{
	struct bfq_queue *q = LIST_FIRST(&d->unused);

	if (!q && d->pool_used < d->pool_size)
		return &d->pool[d->pool_used++];
	if (!q && !TAILQ_EMPTY(&d->quiet)) {
		bfq_queue_free(d, TAILQ_FIRST(&d->quiet));
		q = LIST_FIRST(&d->unused);
	}
	if (q)
		LIST_REMOVE(q, hash);
	return q;
}

static struct bfq_queue *queue_lookup(struct bfq *d, uint32_t submitter, uint8_t slot)
{
	struct bfq_queue *q = d->last_found;

	if (q && q->submitter == submitter && q->slot == slot)
		return q;
	LIST_FOREACH(q, &d->bucket[queue_bucket(submitter)], hash) {
		if (q->submitter == submitter && q->slot == slot) {
			d->last_found = q;
			return q;
		}
	}
	return NULL;
}

/* Returns the weight that SUBMITTER, who has no group, had when it left, or 0. While queues of its
 * are beside the groups, as there was no room for a group, it has none. */
static uint32_t queue_old_weight(struct bfq *d, uint32_t submitter)
{
	const struct sched_env *env = &d->s.env;
	const struct bfq_queue *q;

	if (!d->forgot_groups || !env->weight_of)
		return 0;
	LIST_FOREACH(q, &d->bucket[queue_bucket(submitter)], hash)
		if (q->submitter == submitter)
			return 0;
	return env->weight_of(env->owner, submitter);
}

/* SUBMITTER has a request. Returns its group, which it gets again if it had left; NULL: none. */
static struct bfq_group *queue_group_again(struct bfq *d, uint32_t submitter)
{
	struct bfq_group *g = bfq_queue_group(d, submitter);
	uint32_t weight = g ? 0 : queue_old_weight(d, submitter);

	if (weight)
		g = bfq_queue_new_group(d, submitter, weight);
	if (g)
		g->gone = false;
	return g;
}

static uint8_t queue_slot_of(const struct sched_rq *like)
{
	uint8_t slot = queue_slot(like->ioprio);

	return like->flags & SCHED_RQ_SYNC ? slot : slot | ASYNC_SLOT;
}

struct bfq_queue *bfq_queue_find(struct bfq *d, const struct sched_rq *like)
{
	uint8_t slot = queue_slot_of(like);

	if ((slot & ASYNC_SLOT) && !bfq_queue_group(d, like->submitter))
		return &d->async[slot & (ASYNC_SLOT - 1)];
	return queue_lookup(d, like->submitter, slot);
}

struct bfq_queue *bfq_queue_get(struct bfq *d, const struct sched_rq *like)
{
	uint8_t slot = queue_slot_of(like);
	struct bfq_group *g = NULL;
	struct bfq_queue *q;

	if ((slot & ASYNC_SLOT) && (d->nr_groups || d->forgot_groups))
		g = queue_group_again(d, like->submitter);
	if ((slot & ASYNC_SLOT) && !bfq_queue_group(d, like->submitter))
		return &d->async[slot & (ASYNC_SLOT - 1)];
	q = queue_lookup(d, like->submitter, slot);
	if (q) {
		q->gone = false;
		if (q->entity.parent != &d->root)
			q->entity.parent->gone = false;
		return q;
	}
	if (!g)
		g = queue_group_again(d, like->submitter);
	q = queue_alloc(d);
	if (!q && (slot & ASYNC_SLOT))
		return &d->async[slot & (ASYNC_SLOT - 1)];
	if (!q) {
		d->value[CATCH_ALL]++;
		return &d->common;
	}
	queue_make(d, q, like->submitter, slot, g ? g : &d->root);
	q->pooled = q->quiet = true;
	LIST_INSERT_HEAD(&d->bucket[queue_bucket(q->submitter)], q, hash);
	TAILQ_INSERT_TAIL(&d->quiet, q, quiet_link);
	d->last_found = q;
	return q;
}

struct bfq_queue *bfq_queue_async_of(struct bfq *d, const struct bfq_queue *q)
{
	struct bfq_queue *async;

	if (q->entity.parent == &d->root)
		async = &d->async[q->slot & (ASYNC_SLOT - 1)];
	else
		async = queue_lookup(d, q->submitter, q->slot | ASYNC_SLOT);
	return async && async != q && async->busy ? async : NULL;
}

void bfq_queue_hold(struct bfq *d, struct bfq_queue *q)
{
	q->tags++;
	if (!q->quiet)
		return;
	q->quiet = false;
	TAILQ_REMOVE(&d->quiet, q, quiet_link);
}

void bfq_queue_settle(struct bfq *d, struct bfq_queue *q)
{
	if (!q->pooled || q->busy || q->tags || q->quiet)
		return;
	q->quiet = true;
	TAILQ_INSERT_TAIL(&d->quiet, q, quiet_link);
	if (q->gone)
		bfq_queue_free(d, q);
}

void bfq_queue_release(struct bfq *d, struct bfq_queue *q)
{
	q->tags--;
	bfq_queue_settle(d, q);
}

struct bfq_group *bfq_queue_new_group(struct bfq *d, uint32_t submitter, uint32_t weight)
{
	struct bfq_group *g = LIST_FIRST(&d->unused_groups);

	if (!g && d->group_pool_used < d->pool_size)
		g = &d->group_pool[d->group_pool_used++];
	else if (g)
		LIST_REMOVE(g, hash);
	else
		return NULL;
	*g = (struct bfq_group){ .submitter = submitter, .idle_ns = d->now };
	g->entity.class = BFQ_BE;
	g->entity.new_weight = weight;
	g->entity.is_group = true;
	g->entity.parent = &d->root;
	bfq_path_init(g);
	LIST_INSERT_HEAD(&d->group_bucket[queue_bucket(submitter)], g, hash);
	d->nr_groups++;
	return g;
}

struct bfq_queue *bfq_queue_first(struct bfq *d, uint32_t submitter)
{
	return LIST_FIRST(&d->bucket[queue_bucket(submitter)]);
}

uint32_t bfq_queue_weight(struct bfq *d, const struct sched_rq *like)
{
	const struct bfq_group *g = bfq_queue_group(d, like->submitter);
	uint32_t weight = g ? g->entity.new_weight : queue_old_weight(d, like->submitter);

	if (weight)
		return weight;
	return (BFQ_LEVELS - queue_level(queue_slot(like->ioprio))) * BFQ_LEVEL_WEIGHT;
}
