/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tree.c - cfq: the queues that wait for a slice, and the choice of the next one. Each class has
 * three trees, for three kinds of load that disturb each other: queues for which idling is useful,
 * queues that seek or pause, and asynchronous queues. One tree is served for some time, then the
 * one whose first queue has waited longest. Within a tree, queues are sorted by the time when they
 * were added; queues with shorter slices are placed later.
 */
#include "sched/cfq/cfq.h"

static int cfq_tree_cmp(const struct cfq_queue *a, const struct cfq_queue *b)
{
	if (a->key != b->key)
		return a->key < b->key ? -1 : 1;
	if (a->seq != b->seq)
		return a->seq < b->seq ? -1 : 1;
	return 0;
}

RB_GENERATE_INTERNAL(cfq_order, cfq_queue, node, cfq_tree_cmp, static __attribute__((unused)))

enum cfq_type cfq_tree_type(const struct cfq_queue *q)
{
	if (q->class == CFQ_IDLE)
		return CFQ_SYNC; /* class IDLE has one tree for all types */
	if (!q->sync)
		return CFQ_ASYNC;
	return q->idle_window ? CFQ_SYNC : CFQ_SYNC_NOIDLE;
}

uint32_t cfq_tree_busy(const struct cfq *cfq)
{
	return cfq->busy[CFQ_RT] + cfq->busy[CFQ_BE] + cfq->busy[CFQ_IDLE];
}

/*
 * Returns the type whose first queue has waited longest, or CFQ_NR_TYPES if no queue of the class
 * waits.
 */
static enum cfq_type cfq_tree_oldest(struct cfq *cfq, enum cfq_class class, int64_t *key)
{
	enum cfq_type oldest = CFQ_NR_TYPES;

	for (int type = 0; type < CFQ_NR_TYPES; type++) {
		struct cfq_queue *first = RB_MIN(cfq_order, &cfq->tree[class][type].order);

		if (!first || (oldest != CFQ_NR_TYPES && first->key >= *key))
			continue;
		oldest = (enum cfq_type)type;
		*key = first->key;
	}
	return oldest;
}

/* Computes the key of Q in its tree. The number of busy queues already includes Q. */
static int64_t cfq_tree_key(struct cfq *cfq, const struct cfq_queue *q, bool front)
{
	uint64_t longest = cfq_slice_of_level(cfq, true, 0);
	uint64_t slice = cfq_slice_of_level(cfq, q->sync, q->level);
	int64_t key = (int64_t)cfq->now;

	if (front && cfq_tree_oldest(cfq, q->class, &key) != CFQ_NR_TYPES)
		return key - 1;
	key += (int64_t)(longest - slice) * (cfq_tree_busy(cfq) - 1);
	return key - q->residue;
}

void cfq_tree_add(struct cfq *cfq, struct cfq_queue *q, bool front)
{
	cfq->busy[q->class]++;
	q->key = cfq_tree_key(cfq, q, front);
	q->seq = ++cfq->last_seq;
	q->tree = &cfq->tree[q->class][cfq_tree_type(q)];
	q->tree->count++;
	RB_INSERT(cfq_order, &q->tree->order, q);
}

void cfq_tree_remove(struct cfq *cfq, struct cfq_queue *q)
{
	RB_REMOVE(cfq_order, &q->tree->order, q);
	q->tree->count--;
	q->tree = NULL;
	cfq->busy[q->class]--;
}

void cfq_tree_retime(struct cfq *cfq)
{
	struct cfq_queue *q, *next;

	for (int class = 0; class < CFQ_NR_CLASSES; class ++)
		for (int type = 0; type < CFQ_NR_TYPES; type++) {
			struct cfq_order *order = &cfq->tree[class][type].order;

			/*
			 * Queues only move forward, so the loop does not meet a moved queue again.
			 */
			RB_FOREACH_SAFE(q, cfq_order, order, next)
			{
				int64_t key = cfq_tree_key(cfq, q, false);

				if (key >= q->key)
					continue;
				RB_REMOVE(cfq_order, order, q);
				q->key = key;
				RB_INSERT(cfq_order, order, q);
			}
		}
}

struct cfq_queue *cfq_tree_next(struct cfq *cfq)
{
	enum cfq_class class = CFQ_RT;
	int64_t key = 0;

	while (class < CFQ_IDLE && !cfq->busy[class])
		class ++;
	if (class != cfq->class || cfq->now >= cfq->workload_end ||
	    !cfq->tree[class][cfq->type].count) {
		enum cfq_type type = cfq_tree_oldest(cfq, class, &key);

		if (type == CFQ_NR_TYPES)
			return NULL;
		cfq->class = class;
		cfq->type = type;
		cfq->workload_end = cfq->now + cfq_slice_of_workload(cfq, class, type);
	}
	return RB_MIN(cfq_order, &cfq->tree[class][cfq->type].order);
}
