/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dry.h - `weir replay --dry`: which part of a trace a store would hit, without a store.
 */
#ifndef DRY_H
#define DRY_H

#include <stdbool.h>
#include <stdint.h>

#include "cli/trace.h"

/* Bytes of a header or footer. A segment has both, and a free mark when it is reclaimed. */
#define DRY_HEADER 4096u
#define DRY_SEGMENT_HEADERS 3u
#define DRY_BATCH 8u
/* Survivors are appended as they are read: so many share a batch, as was seen. */
#define DRY_SURVIVOR_BATCH 2u

/* The last two are there to compare with: no store has them. DRY_SECOND is clock, and puts only
 * what was asked for before. */
enum dry_policy { DRY_FIFO, DRY_CLOCK, DRY_LRU, DRY_SECOND, DRY_POLICIES };

/* One run: what is simulated, and what came out. */
struct dry_run {
	enum dry_policy policy;
	uint32_t rewrite_percent; /* clock: of a segment */
	uint64_t capacity;	  /* of the store, in blocks */
	uint64_t segment;	  /* blocks in a segment */
	uint64_t segment_bytes;	  /* with headers, and what is left over at its end */
	uint64_t block_bytes;
	uint64_t budget; /* bytes that may be written in a day; 0: any. Of fifo and clock only. */
	double speed;	 /* the clock runs so many times as fast as the trace's */
	uint64_t blocks, hits;	  /* hits are leading ones, as in a replay */
	uint64_t puts, rewritten; /* blocks that were put, and those appended again */
	uint64_t refused;	  /* blocks that the write budget did not admit */
};

/* Returns the name of POLICY, as --policy takes it. */
const char *dry_policy_name(enum dry_policy policy);
/* Returns true if POLICY appends again what was read. */
bool dry_policy_rewrites(enum dry_policy policy);
/* Returns true if a write budget counts under POLICY. */
bool dry_policy_has_budget(enum dry_policy policy);
/* Returns the number of different blocks in T, or -ENOMEM. */
int64_t dry_working_set(const struct trace *t);
/* Simulates RUN with the requests of T. Returns 0 or -ENOMEM. */
int dry_simulate(const struct trace *t, struct dry_run *run);

#endif
