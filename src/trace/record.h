/* SPDX-License-Identifier: Apache-2.0 */
/*
 * record.h - what a lane writes down: records of 64 bytes, one for each request that has completed,
 * and some for what happened to it before.
 *
 * One record has all times of a request, because the request carries them anyway: that is a fifth
 * of the memory that one record for each event would take, and a record that is lost leaves no
 * event without its counterpart. Times are queue_now(), in ns.
 */
#ifndef TRACE_RECORD_H
#define TRACE_RECORD_H

#include <stdint.h>

#define TRACE_GAUGES 5u

enum trace_kind {
	TRACE_COMPLETED, /* a request has completed */
	/* an io became part of a request that holds `tag` already; `detail` is the side */
	TRACE_MERGED,
	/* the request of `tag` became part of that of `other`; `detail` is the side */
	TRACE_JOINED,
	TRACE_REQUEUED, /* the engine refused the request of `tag` */
	TRACE_GAUGED,	/* the figures of the scheduler at `at` */
};

enum trace_side { TRACE_BACK, TRACE_FRONT, TRACE_RANGE };

struct trace_record {
	uint64_t at; /* when it happened; of TRACE_COMPLETED: the end */
	union {
		struct {
			uint64_t queued; /* the first of its ios was submitted */
			uint64_t tagged; /* it got its tag, and went to the scheduler */
			uint64_t issued; /* it was handed to the engine */
			uint64_t offset; /* bytes */
			uint32_t sectors;
			uint32_t submitter;
		};
		int64_t gauge[TRACE_GAUGES];
	};
	uint16_t tag, other;
	uint16_t prio;
	int16_t result; /* 0 or -errno */
	uint16_t nr_ios;
	uint8_t kind, op; /* enum trace_kind, enum weir_op */
	uint8_t flags;	  /* enum sched_rq_flags */
	uint8_t reason;	  /* 0: none; else an index of the scheduler's reasons, plus 1 */
	uint8_t sched;	  /* index of trace_sched() */
	uint8_t detail;
};

_Static_assert(sizeof(struct trace_record) == 64, "a record has one cache line");

#endif
