/* SPDX-License-Identifier: Apache-2.0 */
/* tracing.c - makes the records of a trace. See tracing.h. */
#include "queue/lane/tracing.h"

#include <string.h>

#include "queue/lane/queue.h"
#include "trace/trace.h"

/* A scheduler changes its windows with each request; one look in a millisecond shows how. */
#define TRACING_LOOK_NS NSEC_PER_MSEC

int tracing_init(struct lane *lane)
{
	int err = 0;

	if (lane->q->trace)
		err = trace_lane_new(&lane->trace, lane->q->trace, lane->q->trace_number,
				     lane->index);
	if (!err)
		tracing_sched(lane);
	return err;
}

/* A reader may see the old counters with the new scheduler, but never a pointer that is not valid:
 * schedulers are static. */
void tracing_sched(struct lane *lane)
{
	const struct sched_ops *ops = lane->sched->ops;

	for (uint32_t i = 0; i < SCHED_REASONS_MAX; i++)
		__atomic_store_n(&lane->stats->reasons[i], 0, __ATOMIC_RELAXED);
	for (uint32_t i = 0; i < SCHED_GAUGES_MAX; i++)
		__atomic_store_n(&lane->stats->gauge[i], 0, __ATOMIC_RELAXED);
	__atomic_store_n(&lane->stats->sched, ops, __ATOMIC_RELEASE);
	lane->look_ns = ops->gauge ? 0 : UINT64_MAX;
	if (lane->trace)
		trace_lane_sched(lane->trace,
				 &(struct trace_sched){ ops->name, ops->reasons, ops->gauges });
}

_Static_assert(SCHED_GAUGES_MAX >= TRACE_GAUGES, "a record has the first gauges");

static uint16_t tracing_tag(const struct lane *lane, const struct request *rq)
{
	return (uint16_t)(rq - lane->tags.pool);
}

void tracing_look(struct lane *lane)
{
	int64_t values[SCHED_GAUGES_MAX] = { 0 };

	lane->look_ns = lane->now + TRACING_LOOK_NS;
	lane->sched->ops->gauge(lane->sched, values);
	for (uint32_t i = 0; i < SCHED_GAUGES_MAX; i++)
		__atomic_store_n(&lane->stats->gauge[i], values[i], __ATOMIC_RELAXED);
	if (!lane->trace)
		return;
	memcpy(trace_lane_record(lane->trace, TRACE_GAUGED, lane->now)->gauge, values,
	       TRACE_GAUGES * sizeof(*values));
}

/* Begins a record with all that RQ says of itself. */
static inline struct trace_record *tracing_begin(struct lane *lane, enum trace_kind kind,
						 const struct request *rq)
{
	struct trace_record *r = trace_lane_record(lane->trace, kind, lane->now);

	r->queued = rq->submit_ns;
	r->tagged = rq->rq.start_ns;
	r->issued = rq->rq.io_start_ns;
	r->offset = rq->cmd.offset;
	r->sectors = (uint32_t)(rq->cmd.length >> SCHED_SECTOR_SHIFT);
	r->submitter = rq->first->submitter;
	r->tag = tracing_tag(lane, rq);
	r->other = 0;
	r->prio = rq->cmd.prio;
	r->nr_ios = rq->nr_ios < UINT16_MAX ? (uint16_t)rq->nr_ios : UINT16_MAX;
	r->op = rq->cmd.op;
	r->flags = rq->rq.flags;
	r->result = 0;
	r->reason = 0;
	r->detail = 0;
	return r;
}

void tracing_do_completed(struct lane *lane, const struct request *rq)
{
	struct trace_record *r = tracing_begin(lane, TRACE_COMPLETED, rq);

	r->result = (int16_t)rq->cmd.result;
	if (rq->scheduled && lane->sched->ops->reasons)
		r->reason = (uint8_t)(rq->rq.reason + 1);
}

static uint8_t tracing_side(enum sched_merge how)
{
	if (how == SCHED_MERGE_DISCARD)
		return TRACE_RANGE;
	return how == SCHED_MERGE_FRONT ? TRACE_FRONT : TRACE_BACK;
}

void tracing_do_merged(struct lane *lane, const struct request *into, const struct weir_io *io,
		       enum sched_merge how)
{
	struct trace_record *r = tracing_begin(lane, TRACE_MERGED, into);

	r->queued = io_priv(io)->start_ns;
	r->offset = io->offset;
	r->sectors = (uint32_t)(io->length >> SCHED_SECTOR_SHIFT);
	r->submitter = io->submitter;
	r->nr_ios = 1;
	r->detail = tracing_side(how);
}

void tracing_do_joined(struct lane *lane, const struct request *into, const struct request *gone,
		       enum sched_merge how)
{
	struct trace_record *r = tracing_begin(lane, TRACE_JOINED, gone);

	r->other = tracing_tag(lane, into);
	r->detail = tracing_side(how);
}

void tracing_do_requeued(struct lane *lane, const struct request *rq)
{
	tracing_begin(lane, TRACE_REQUEUED, rq);
}
