/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lone.h - how long requests take that need not wait in the drive: the shortest latency of the
 * last seconds, for each operation and each power of two of lengths. What was never alone cannot
 * tell; what is known of other lengths bounds it.
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
	bool alone; /* one of them was alone in the drive: no other of its side was there */
};

struct pace_lone {
	/* the period before this one, and this one */
	struct pace_lone_length before[PACE_OPS][PACE_LENGTHS], now[PACE_OPS][PACE_LENGTHS];
	uint64_t until_ns;
	/* what a request of each length is taken to need that does not wait, in ns; 0: there was
	 * none */
	uint64_t ns[PACE_OPS][PACE_LENGTHS];
	uint32_t in_use; /* a bit for each length that was in use when others began to be tried */
	/* ns; what follows from them, for short requests and for long ones; 0: nothing is known */
	uint64_t low[PACE_OPS], high[PACE_OPS];
};

/* Returns how long requests of such a length take alone, in ns; 0: there was none. */
uint64_t pace_lone_of(const struct pace_lone *l, enum pace_op op, uint32_t nr_sectors);

/* Counts a request that took LATENCY_NS; ALONE: and was alone in the drive. Returns true if low and
 * high may have changed. */
bool pace_lone_completed(struct pace_lone *l, enum pace_op op, uint32_t nr_sectors,
			 uint64_t latency_ns, bool alone, uint64_t now);

/* From now on requests of OP have lengths that are only tried, until pace_lone_tried(): then those
 * of them that were not in use before count as not seen. */
void pace_lone_try(struct pace_lone *l, enum pace_op op);
void pace_lone_tried(struct pace_lone *l, enum pace_op op);

/* The shortest latencies (keep.h). Those that come back are of the period before this one: unless
 * they are seen again, they are forgotten at the end of it. */
void pace_lone_keep(struct pace_lone *l, struct pace_keep *k);

#endif
