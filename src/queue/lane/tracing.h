/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tracing.h - the one hook of traces: a lane that has one makes a record for each request that has
 * completed, was merged or was refused. Without a trace it costs one comparison. What the scheduler
 * says of itself goes to the statistics, too. The probes of the queue are at the same
 * places; they have six arguments at most, because bpftrace reads no more.
 *
 * Owns lane->trace and lane->look_ns. The lane's owner.
 */
#ifndef TRACING_H
#define TRACING_H

#include "base/probe.h"
#include "queue/lane/state.h"

/* Makes LANE a part of its queue's trace, if there is one. 0 or -ENOMEM. */
int tracing_init(struct lane *lane);
/* LANE has a new scheduler. Statistics of the old one's decisions go. */
void tracing_sched(struct lane *lane);

/* Looks at the gauges of the scheduler. */
void tracing_look(struct lane *lane);

/* What is called only where there is a trace. */
void tracing_do_completed(struct lane *lane, const struct request *rq);
void tracing_do_merged(struct lane *lane, const struct request *into, const struct weir_io *io,
		       enum sched_merge how);
void tracing_do_joined(struct lane *lane, const struct request *into, const struct request *gone,
		       enum sched_merge how);
void tracing_do_requeued(struct lane *lane, const struct request *rq);

/* IO was submitted, and is to end on LANE. Any thread. */
static inline void tracing_queued(const struct lane *lane, const struct weir_io *io)
{
	PROBE(io_queued, io, io->op, io->submitter, io->offset, io->length, lane->index);
}

/* RQ has its tag, and goes to the scheduler. */
static inline void tracing_inserted(const struct lane *lane, const struct request *rq)
{
	PROBE(rq_inserted, rq, rq->cmd.op, rq->rq.submitter, rq->cmd.offset, rq->cmd.length,
	      lane->index);
}

/* RQ has gone to the engine; REASONS are its scheduler's, or NULL. */
static inline void tracing_issued(const struct lane *lane, const struct request *rq,
				  const char *const *reasons)
{
	PROBE(rq_chosen, rq, rq->cmd.op, rq->rq.submitter, reasons, rq->rq.reason);
	PROBE(rq_issued, rq, rq->cmd.op, rq->rq.submitter, rq->submit_ns, lane->now,
	      rq->cmd.length);
}

/* RQ has completed; its result is known. */
static inline void tracing_completed(struct lane *lane, const struct request *rq)
{
	PROBE(rq_completed, rq, rq->cmd.op, rq->rq.submitter, rq->rq.io_start_ns, lane->now,
	      rq->cmd.result);
	if (__builtin_expect(lane->trace != NULL, 0))
		tracing_do_completed(lane, rq);
}

/* IO became part of INTO. */
static inline void tracing_merged(struct lane *lane, const struct request *into,
				  const struct weir_io *io, enum sched_merge how)
{
	PROBE(io_merged, io, io->op, io->submitter, io->offset, io->length, into);
	if (__builtin_expect(lane->trace != NULL, 0))
		tracing_do_merged(lane, into, io, how);
}

/* GONE became part of INTO. */
static inline void tracing_joined(struct lane *lane, const struct request *into,
				  const struct request *gone, enum sched_merge how)
{
	if (__builtin_expect(lane->trace != NULL, 0))
		tracing_do_joined(lane, into, gone, how);
}

/* The engine had no room for RQ. */
static inline void tracing_requeued(struct lane *lane, const struct request *rq)
{
	PROBE(rq_requeued, rq, lane->index);
	if (__builtin_expect(lane->trace != NULL, 0))
		tracing_do_requeued(lane, rq);
}

#endif
