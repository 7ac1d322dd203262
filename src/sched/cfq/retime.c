/* SPDX-License-Identifier: Apache-2.0 */
/*
 * retime.c - cfq: a tunable has changed while queues have a turn or wait for one.
 *
 * A slice, the time of a tree, the wait for a queue and a place among the others are points in
 * time, worked out from the tunables as they were: with a slice_sync of minutes they may be hours
 * away. None of them may be later than the new values would make it from here. Values that went up
 * change nothing that exists already.
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
