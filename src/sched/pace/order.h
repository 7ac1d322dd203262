/* SPDX-License-Identifier: Apache-2.0 */
/*
 * order.h - a queue of lines in the order of virtual time: the line with the smallest key first.
 *
 * It is a radix heap: bucket B holds the keys whose highest bit that differs from `last` is bit
 * B - 1, and bucket 0 those that are not above `last`, sorted. Virtual time hardly ever goes back,
 * so a line moves to a lower bucket at most 63 times in its stay, and mostly never. Finding the
 * first bucket that is not empty is one instruction. A tree would compare at each level.
 *
 * Owns the links of the nodes only; entered by the lane's owner.
 */
#ifndef PACE_ORDER_H
#define PACE_ORDER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#define PACE_ORDER_BUCKETS 64u

struct pace_node {
	uint64_t key;
	TAILQ_ENTRY(pace_node) link;
	uint8_t bucket;
	bool waiting; /* it is in the order */
};

struct pace_order {
	TAILQ_HEAD(pace_bucket, pace_node) bucket[PACE_ORDER_BUCKETS];
	uint64_t filled; /* one bit for each bucket that is not empty */
	uint64_t last;	 /* no key that was looked for and found is above it */
};

void pace_order_init(struct pace_order *o);

/* Adds NODE with KEY. Nodes of one key keep the order in which they were added. */
void pace_order_add(struct pace_order *o, struct pace_node *node, uint64_t key);

/* Removes NODE, which is in O. */
void pace_order_remove(struct pace_order *o, struct pace_node *node);

/* Spreads the first bucket that is not empty over those below it. */
void pace_order_settle(struct pace_order *o);

/* Returns the node with the smallest key, which stays where it is, or NULL. */
static inline struct pace_node *pace_order_first(struct pace_order *o)
{
	if (__builtin_expect(o->filled && !(o->filled & 1), 0))
		pace_order_settle(o);
	return TAILQ_FIRST(&o->bucket[0]);
}

#endif
