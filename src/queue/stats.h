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

#endif
