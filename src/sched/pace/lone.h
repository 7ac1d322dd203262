/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lone.h - how long requests take that need not wait in the drive: the shortest latency of the
 * last seconds, for each operation and each power of two of lengths.
 *
 * Owned by the instance; entered by the lane's owner.
 */
#ifndef PACE_LONE_H
#define PACE_LONE_H

#include <stdbool.h>
#include <stdint.h>

#include "sched/pace/cost.h"
#include "sched/pace/keep.h"

#define PACE_LENGTHS 16u

/* What is known of the requests of one operation and of similar length, in one period. */
struct pace_lone_length {
	uint64_t shortest_ns;
	uint32_t requests;
};

struct pace_lone {
	/* the period before this one, and this one */
	struct pace_lone_length before[PACE_OPS][PACE_LENGTHS], now[PACE_OPS][PACE_LENGTHS];
	uint64_t until_ns;
	/* ns; what follows from them, for short requests and for long ones; 0: nothing is known */
	uint64_t low[PACE_OPS], high[PACE_OPS];
};

/* Returns the shortest latency of requests of such a length, in ns; 0: there was none. */
uint64_t pace_lone_of(const struct pace_lone *l, enum pace_op op, uint32_t nr_sectors);

/* Counts a request that took LATENCY_NS. Returns true if low and high may have changed. */
bool pace_lone_completed(struct pace_lone *l, enum pace_op op, uint32_t nr_sectors,
			 uint64_t latency_ns, uint64_t now);

/* The shortest latencies (keep.h). Those that come back are of the period before this one: unless
 * they are seen again, they are forgotten at the end of it. */
void pace_lone_keep(struct pace_lone *l, struct pace_keep *k);

#endif
