/* SPDX-License-Identifier: Apache-2.0 */
/*
 * trace.h - the queue's side of a trace: queues and lanes that it sees, and the record that a
 * lane's owner fills in. The format of the file is the sinks' affair (sink.h).
 */
#ifndef TRACE_H
#define TRACE_H

#include <stdbool.h>
#include <stdint.h>

#include <weir/trace.h>

#include "trace/ring.h"

/* A longer name of a queue is cut. */
#define TRACE_PATH_BYTES 512u

/* What a trace knows of a queue. */
struct trace_queue {
	/* of the device, and the scheduler at the beginning: queues of one device that follow one
	 * another are told apart by it; trace_queue_begin() copies it */
	char *path;
	uint32_t major, minor;
	bool virtual_time; /* the engine's clock is not CLOCK_MONOTONIC */
};

/* What a trace knows of a scheduler. Strings and arrays are static. */
struct trace_sched {
	const char *name;
	const char *const *reasons; /* NULL: it gives none */
	const char *const *gauges;  /* ends with NULL; NULL: it has none */
};

/* A lane's end of a trace. The lane's owner. */
struct trace_lane {
	struct ring_lane ring;
	uint8_t sched;
	struct weir_trace *trace;
};

/* TRACE sees one queue more, which gets *NUMBER. 0, -EINVAL or -ENOMEM, with words. Any thread. */
int trace_queue_begin(struct weir_trace *trace, const struct trace_queue *queue, uint32_t *number);
/* A queue of TRACE is closed, and its lanes are freed. Any thread. */
void trace_queue_end(struct weir_trace *trace);

/* Makes *LANE the end of lane INDEX of queue number QUEUE. 0, or -ENOMEM without words. */
int trace_lane_new(struct trace_lane **lane, struct weir_trace *trace, uint32_t queue,
		   uint32_t index);
/* Gives away what LANE has, and frees it. NULL is allowed. */
void trace_lane_free(struct trace_lane *lane);
/* The lane has the scheduler SCHED from now on. */
void trace_lane_sched(struct trace_lane *lane, const struct trace_sched *sched);

/* Returns the next record of LANE, with AT and the scheduler. The caller fills in the rest. */
static inline struct trace_record *trace_lane_record(struct trace_lane *lane, enum trace_kind kind,
						     uint64_t at)
{
	struct trace_record *r = ring_record(&lane->ring);

	r->at = at;
	r->kind = (uint8_t)kind;
	r->sched = lane->sched;
	return r;
}

#endif
