/* SPDX-License-Identifier: Apache-2.0 */
/*
 * retime.c - cfq: adapts points in time after a tunable was changed while queues have a slice or
 * wait for one.
 *
 * The end of a slice, the end of a tree's time, the end of idling and the place of a queue among
 * the others are points in time. They were computed from the old tunables: with a slice_sync of
 * minutes they may be hours away. None of them may be later than if it were computed now with the
 * new values. Larger values change nothing that was computed before.
 */
#include "sched/cfq/cfq.h"

static void cfq_sooner(uint64_t *at, uint64_t than)
{
	if (than < *at)
		*at = than;
}

void cfq_retime(struct cfq *cfq)
{
	struct cfq_queue *q = cfq->active;

	cfq_sooner(&cfq->workload_end,
		   cfq->now + cfq_slice_of_workload(cfq, cfq->class, cfq->type));
	if (q)
		cfq_sooner(&q->slice_end, cfq->now + cfq_slice_scaled(cfq, q));
	if (q && cfq->idle_until != SCHED_NEVER)
		cfq_sooner(&cfq->idle_until, cfq->now + cfq_idle_time(cfq, q));
	cfq_tree_retime(cfq);
}
