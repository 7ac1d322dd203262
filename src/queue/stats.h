/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stats.h - the histograms behind the statistics of a queue, for the layer above. Owns nothing; any
 * thread, at any time.
 */
#ifndef QUEUE_STATS_H
#define QUEUE_STATS_H

#include <stdbool.h>
#include <stdint.h>

#include <weir/queue.h>

#include "base/hist.h"

/* Adds how long requests for OP waited in Q, and how long the device took, to WAIT and DEVICE. */
void stats_hists(const struct weir_queue *q, enum weir_op op, struct hist *wait,
		 struct hist *device);

/* The latency that a scheduler wants reads to keep, and whether they did. */
struct stats_target {
	uint64_t ns; /* when the last read ended; 0: none */
	/* Requests for reads that kept it, or took longer, while a scheduler with a target ran. */
	uint64_t reads_in, reads_over;
};

/* Fills in OUT. Returns false if the scheduler of Q has no such target. */
bool stats_targets(const struct weir_queue *q, struct stats_target *out);

/* What the scheduler of a lane says of itself. Strings are static. */
struct stats_figure {
	const char *name; /* of a reason to choose a request, or of a gauge, with its unit */
	uint64_t count;	  /* requests that were chosen for this reason since the lane has it */
	int64_t value;	  /* of a gauge, lately */
};

/* Fills in OUT with reason N of lane LANE of Q, if REASON, or else with gauge N. Returns false if
 * there is none, or no such lane. */
bool stats_figure(const struct weir_queue *q, uint32_t lane, bool reason, uint32_t n,
		  struct stats_figure *out);

#endif
