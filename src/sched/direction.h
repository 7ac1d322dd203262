/* SPDX-License-Identifier: Apache-2.0 */
/*
 * direction.h - what deadline and mq-deadline share: the two directions, reads and writes; five
 * tunables; and the choice of the direction of the next batch.
 *
 * Owns nothing; entered by the scheduler's thread only.
 */
#ifndef DIRECTION_H
#define DIRECTION_H

#include <limits.h>

#include "sched/sorted.h"

enum direction { DIRECTION_READ, DIRECTION_WRITE, NR_DIRECTIONS };

enum direction_tunable {
	READ_EXPIRE,
	WRITE_EXPIRE,
	WRITES_STARVED,
	FIFO_BATCH,
	FRONT_MERGES,
	NR_DIRECTION_TUNABLES,
};

/* clang-format off */
#define DIRECTION_TUNABLES                                                              \
	[READ_EXPIRE] = { .name = "read_expire",                                        \
			  .unit = "ms",                                                 \
			  .summary = "a read is overdue after this time",               \
			  .max = INT_MAX,                                               \
			  .def = 500 },                                                 \
	[WRITE_EXPIRE] = { .name = "write_expire",                                      \
			   .unit = "ms",                                                \
			   .summary = "a write is overdue after this time",             \
			   .max = INT_MAX,                                              \
			   .def = 5000 },                                               \
	[WRITES_STARVED] = { .name = "writes_starved",                                  \
			     .unit = "batches",                                         \
			     .summary = "batches of reads before one of writes; below 0: all", \
			     .min = INT_MIN,                                            \
			     .max = INT_MAX,                                            \
			     .def = 2 },                                                \
	[FIFO_BATCH] = { .name = "fifo_batch",                                          \
			 .unit = "requests",                                            \
			 .summary = "the largest batch of one direction",               \
			 .max = INT_MAX,                                                \
			 .def = 16 },                                                   \
	[FRONT_MERGES] = { .name = "front_merges",                                      \
			   .unit = "bool",                                              \
			   .summary = "look for requests that begin where a new one ends", \
			   .max = 1,                                                    \
			   .def = 1 }
/* clang-format on */

/* Returns the direction of RQ. All requests except reads count as writes. */
enum direction direction_of(const struct sched_rq *rq);

/*
 * Returns true if RQ has waited longer than the expiry time of its direction. VALUE has the
 * tunables, by enum direction_tunable.
 */
bool direction_overdue(const int64_t *value, const struct sched_rq *rq, uint64_t now);

/*
 * Chooses the direction of the next batch of SIDE[NR_DIRECTIONS]. *STARVED counts how often reads
 * went before writes. Returns false if no request waits.
 */
bool direction_choose(const int64_t *value, const struct sorted *side, int64_t *starved,
		      enum direction *dir);

#endif
