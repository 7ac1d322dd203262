/* SPDX-License-Identifier: Apache-2.0 */
/*
 * evict.h - the decisions of the eviction policies clock and fifo, for the store and for the
 * simulation of `weir replay --dry`.
 *
 * With clock, an entry that was read since it was last written is appended again when its segment
 * is reclaimed, as far as the rewrite budget goes; then it must be read again to stay once more.
 * With fifo the budget is 0. Pure functions; own nothing, any thread.
 */
#ifndef EVICT_H
#define EVICT_H

#include <stdbool.h>
#include <stdint.h>

/* With more percent of a segment, reclaiming would win too little space for what it writes. */
#define EVICT_REWRITE_MAX 90u

/* Returns how many bytes of a segment of SEGMENT_BYTES are appended again, if the segments before
 * it have left LEFT of their budgets. PERCENT is the rewrite budget; 0: nothing is. What is read is
 * not spread evenly, so a segment may have what an earlier one did not need; on average it stays
 * the budget. */
static inline uint64_t evict_budget(uint32_t percent, uint64_t segment_bytes, uint64_t left)
{
	uint64_t most = segment_bytes * EVICT_REWRITE_MAX / 100;
	uint64_t budget = segment_bytes * percent / 100;

	if (!percent || budget >= most)
		return percent ? most : 0;
	return left < most - budget ? budget + left : most;
}

/* Returns true if an entry of BYTES, which was READ since it was last written, is appended again;
 * the bytes are then taken off *BUDGET. */
static inline bool evict_keeps(uint64_t *budget, bool read, uint64_t bytes)
{
	if (!read || bytes > *budget)
		return false;
	*budget -= bytes;
	return true;
}

#endif
