/* SPDX-License-Identifier: Apache-2.0 */
/* submitter.c - a submitter leaves, or gets a weight of its own, and then has a group. */
#include "sched/bfq/submitter.h"

#include <errno.h>

#include "sched/bfq/busy.h"
#include "sched/bfq/expire.h"
#include "sched/bfq/path.h"
#include "sched/bfq/queue.h"

void bfq_submitter_leaves(struct bfq *d, uint32_t submitter)
{
	struct bfq_queue *q, *next;
	struct bfq_group *g = bfq_queue_group(d, submitter);

	if (g)
		g->gone = true;
	for (q = bfq_queue_first(d, submitter); q; q = next) {
		next = LIST_NEXT(q, hash);
		if (q->submitter != submitter)
			continue;
		q->gone = true;
		/* No request will come any more, so idling is useless. */
		if (q == d->in_service && !q->waiting)
			bfq_expire(d, BFQ_NO_MORE);
		else if (q->quiet)
			bfq_queue_free(d, q);
	}
	g = bfq_queue_group(d, submitter);
	if (g)
		bfq_queue_group_settle(d, g);
}

/* Moves Q to group G. */
static void submitter_move(struct bfq *d, struct bfq_queue *q, struct bfq_group *g)
{
	q->gone = false;
	if (q == d->in_service)
		bfq_expire(d, BFQ_PREEMPTED);
	if (q->busy) {
		bfq_path_deactivate(d, q);
		bfq_busy_move(d, q, g);
	}
	bfq_queue_leave_group(d, q);
	q->entity.parent = g;
	q->entity.finish = 0;
	q->expired_empty = false;
	g->queues++;
	if (q->busy)
		bfq_path_activate(d, q, false);
}

int bfq_submitter_weigh(struct bfq *d, uint32_t submitter, uint32_t weight)
{
	struct bfq_group *g = bfq_queue_group(d, submitter);
	struct bfq_queue *q;

	if (!g) {
		g = bfq_queue_new_group(d, submitter, weight);
		if (!g)
			return -ENOSPC;
		for (q = bfq_queue_first(d, submitter); q; q = LIST_NEXT(q, hash))
			if (q->submitter == submitter)
				submitter_move(d, q, g);
	}
	g->gone = false;
	g->entity.new_weight = weight;
	return 0;
}
