/* SPDX-License-Identifier: Apache-2.0 */
/* preempt.c - cfq: decides which requests end the slice of another queue at once. */
#include "sched/cfq/cfq.h"

static bool cfq_close(const struct cfq *cfq, const struct sched_rq *rq)
{
	uint64_t far = rq->sector > cfq->last_position ? rq->sector - cfq->last_position
						       : cfq->last_position - rq->sector;

	return far <= CFQ_CLOSE_SECTORS;
}

/*
 * Returns true if Q's request serves the same purpose as the one that the drive stays idle for:
 * the active queue is empty and was the last of a tree of seeky queues, and Q now is the second
 * one in that tree.
 */
static bool cfq_same_wait(const struct cfq_queue *active, const struct cfq_queue *q)
{
	return !active->waiting && cfq_tree_type(active) == CFQ_SYNC_NOIDLE &&
	       q->tree == active->tree && q->tree->count == 2;
}

bool cfq_preempts(const struct cfq *cfq, const struct cfq_queue *q, const struct sched_rq *rq)
{
	const struct cfq_queue *active = cfq->active;

	if (!active || q == active || q->class == CFQ_IDLE)
		return false;
	if (active->class == CFQ_IDLE)
		return true;
	if (active->class == CFQ_RT && q->class != CFQ_RT)
		return false;
	if (q->class == CFQ_RT && active->class != CFQ_RT)
		return true;
	/*
	 * Wait until the active queue has sent one request. Asynchronous queues wait until the
	 * drive has completed all synchronous requests; without this rule, a submitter that never
	 * pauses would preempt every slice of them.
	 */
	if (q->sync && !active->sync)
		return active->slice_dispatched > 0;
	if (cfq_slice_used(cfq, active))
		return true;
	if (!q->sync)
		return false;
	return cfq_same_wait(active, q) || (cfq->idle_until != SCHED_NEVER && cfq_close(cfq, rq));
}

void cfq_preempt(struct cfq *cfq, struct cfq_queue *q)
{
	cfq_slice_finish(cfq, true);
	cfq_tree_remove(cfq, q);
	cfq_tree_add(cfq, q, true);
	if (q->tree != &cfq->tree[cfq->class][cfq->type])
		cfq->workload_end = cfq->now;
}
