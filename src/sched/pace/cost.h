/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cost.h - what a request costs, in time of the drive: base + slope x length, learned for reads,
 * writes and everything else.
 *
 * The time of the drive is that part of a second which nobody else can have: a drive that serves
 * 64 reads side by side in 64 us gives each 1 us. Nobody can measure it on one request. But as
 * long as requests wait for the drive, the costs of all that it completes add up to the time that
 * has passed. This one equation is enough to correct a guess again and again.
 *
 * Owned by the instance; entered by the lane's owner.
 */
#ifndef PACE_COST_H
#define PACE_COST_H

#include <stdbool.h>
#include <stdint.h>

enum pace_op { PACE_READS, PACE_WRITES, PACE_OTHERS, PACE_OPS };

/* Numbers with this many bits behind the point. */
#define PACE_COST_BITS 8

struct pace_cost_op {
	uint64_t base, slope;	    /* ns a request, ns a sector; both << PACE_COST_BITS */
	uint64_t requests, sectors; /* completed in this period */
	uint64_t longest_ns;	    /* the highest latency so far */
};

struct pace_cost {
	struct pace_cost_op op[PACE_OPS];
	/* requests that the drive serves at a time, if none moves many bytes */
	uint64_t side_by_side;
	uint64_t scale;	   /* << 16: of all costs, while reads and writes share the drive */
	uint64_t since_ns; /* when the period began */
	bool spare;	   /* in this period the drive could have had more than there was */
};

/* DEPTH: requests that the drive takes at a time. */
void pace_cost_init(struct pace_cost *c, uint32_t depth);

/* Returns what a request costs, in ns, at least 1. */
uint64_t pace_cost_of(const struct pace_cost *c, enum pace_op op, uint32_t nr_sectors);

/* Counts a request that took LATENCY_NS. Returns true, and has learned, at the end of a period. */
bool pace_cost_completed(struct pace_cost *c, enum pace_op op, uint32_t nr_sectors,
			 uint64_t latency_ns, uint64_t now);

#endif
