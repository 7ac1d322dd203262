/* SPDX-License-Identifier: Apache-2.0 */
/* order.c - a radix heap. See order.h. */
#include "sched/pace/order.h"

#include <stddef.h>

void pace_order_init(struct pace_order *o)
{
	for (unsigned i = 0; i < PACE_ORDER_BUCKETS; i++)
		TAILQ_INIT(&o->bucket[i]);
	o->filled = 0;
	o->last = 0;
}

/* Returns the bucket of KEY. Keys from 2^63 on, which nobody reaches, share the last one. */
static unsigned order_bucket(const struct pace_order *o, uint64_t key)
{
	unsigned bit;

	if (key <= o->last)
		return 0;
	bit = 64u - (unsigned)__builtin_clzll(key ^ o->last);
	return bit < PACE_ORDER_BUCKETS ? bit : PACE_ORDER_BUCKETS - 1;
}

/* Adds NODE, whose key is below the last one, to bucket 0, where such nodes come first, in the
 * order of their keys. They are few: flows that began to wait while others were ahead of their
 * kind. */
static void order_add_below(struct pace_order *o, struct pace_node *node)
{
	struct pace_node *at;

	TAILQ_FOREACH(at, &o->bucket[0], link)
		if (at->key > node->key)
			break;
	if (at)
		TAILQ_INSERT_BEFORE(at, node, link);
	else
		TAILQ_INSERT_TAIL(&o->bucket[0], node, link);
}

void pace_order_add(struct pace_order *o, struct pace_node *node, uint64_t key)
{
	unsigned b;

	if (!o->filled && key > o->last)
		o->last = key; /* the only node is the first one, and needs no settling */
	b = order_bucket(o, key);
	node->key = key;
	node->bucket = (uint8_t)b;
	node->waiting = true;
	if (key < o->last)
		order_add_below(o, node);
	else
		TAILQ_INSERT_TAIL(&o->bucket[b], node, link);
	o->filled |= 1ull << b;
}

void pace_order_remove(struct pace_order *o, struct pace_node *node)
{
	TAILQ_REMOVE(&o->bucket[node->bucket], node, link);
	if (TAILQ_EMPTY(&o->bucket[node->bucket]))
		o->filled &= ~(1ull << node->bucket);
	node->waiting = false;
}

/* The smallest key of the bucket is the last one from now on, so each of its nodes finds a place
 * further down. */
void pace_order_settle(struct pace_order *o)
{
	struct pace_bucket nodes = TAILQ_HEAD_INITIALIZER(nodes), *bucket;
	struct pace_node *node, *least;
	unsigned b = (unsigned)__builtin_ctzll(o->filled);

	bucket = &o->bucket[b];
	least = TAILQ_FIRST(bucket);
	TAILQ_FOREACH(node, bucket, link)
		if (node->key < least->key)
			least = node;
	o->last = least->key;
	TAILQ_CONCAT(&nodes, bucket, link);
	o->filled &= ~(1ull << b);
	while ((node = TAILQ_FIRST(&nodes))) {
		TAILQ_REMOVE(&nodes, node, link);
		pace_order_add(o, node, node->key);
	}
}
