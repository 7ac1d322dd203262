/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dry.h - `weir replay --dry`: which part of a trace a store would hit, without a store.
 */
#ifndef DRY_H
#define DRY_H

#include <stdint.h>

#include "cli/trace.h"

enum dry_policy { DRY_FIFO, DRY_CLOCK, DRY_LRU, DRY_POLICIES };

/* One run: what is simulated, and what came out. */
struct dry_run {
	enum dry_policy policy;
	uint32_t rewrite_percent; /* clock: of a segment */
	uint64_t capacity;	  /* of the store, in blocks */
	uint64_t blocks, hits;	  /* hits are leading ones, as in a replay */
	uint64_t puts, rewritten; /* blocks that were put, and those appended again */
};

/* Returns the name of POLICY, as --policy takes it. */
const char *dry_policy_name(enum dry_policy policy);
/* Returns the number of different blocks in T, or -ENOMEM. */
int64_t dry_working_set(const struct trace *t);
/* Simulates RUN with the requests of T. Returns 0 or -ENOMEM. */
int dry_simulate(const struct trace *t, struct dry_run *run);

#endif
