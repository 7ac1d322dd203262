/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sink.h - the formats of a trace. sweep.c gives a sink all events in the order of their times; the
 * sink writes them down. One thread.
 */
#ifndef TRACE_SINK_H
#define TRACE_SINK_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "trace/record.h"
#include "trace/trace.h"

/* Bits of trace_record.flags: the values of enum sched_rq_flags. */
enum { SINK_SYNC = 1 << 0, SINK_FUA = 1 << 1 };

/* What happens to a request, in this order. */
enum sink_what {
	SINK_QUEUED,
	SINK_TAGGED,
	SINK_ISSUED,
	SINK_ENDED,
	SINK_MERGED,
	SINK_REQUEUED,
	SINK_GAUGED,
};

struct sink_lane {
	uint32_t queue, index;
};

/* What a trace has seen, as its records name it by numbers. */
struct sink_world {
	struct trace_queue *queues;
	uint32_t nr_queues;
	struct sink_lane *lanes;
	uint32_t nr_lanes;
	struct trace_sched *scheds;
	uint32_t nr_scheds;
	uint64_t begin_ns, begin_boot_ns; /* CLOCK_MONOTONIC and _BOOTTIME at the beginning */
};

struct sink_event {
	uint64_t at; /* ns */
	uint64_t order;
	const struct trace_record *record;
	/* where the request begins on the device and how long it is, in sectors, without the ios
	 * that were merged into it after it got its tag */
	uint64_t sector;
	uint32_t sectors;
	uint32_t lane; /* index of sink_world.lanes */
	enum sink_what what;
	/* the tag was given back later than the request was tagged, so it began then (a merged
	 * command that failed is tried again with its tag) */
	uint64_t tagged;
};

struct sink {
	FILE *out;
	const char *path; /* of the file */
	const struct sink_world *world;
	void *state;
};

struct sink_ops {
	int (*begin)(struct sink *sink); /* 0 or -ENOMEM; end() follows either way */
	void (*event)(struct sink *sink, const struct sink_event *e);
	void (*end)(struct sink *sink);
};

extern const struct sink_ops perfetto_sink, blktrace_sink;

/* Returns a word for the operation OP of a record. */
const char *sink_op_word(uint8_t op);
/* Returns why the scheduler chose the request of R, or NULL. */
const char *sink_reason(const struct sink_world *world, const struct trace_record *r);

/* sweep.c: reads LENGTH bytes of chunks at MAP, and gives SINK all events. Returns 0 or -ENOMEM,
 * and counts the requests in *REQUESTS. */
int sweep_run(struct sink *sink, const struct sink_ops *ops, const char *map, size_t length,
	      uint64_t *requests);

#endif
