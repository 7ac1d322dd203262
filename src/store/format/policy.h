/* SPDX-License-Identifier: Apache-2.0 */
/*
 * policy.h - which entries of a segment are appended again when it is reclaimed by the eviction
 * policy.
 */
#ifndef POLICY_H
#define POLICY_H

#include <stdbool.h>
#include <stdint.h>

#define POLICY_REWRITE_DEFAULT 75u /* percent of a segment */
/* With more, reclaiming would win too little space for what it writes. */
#define POLICY_REWRITE_MAX 90u
/* A stream has at most so much of the store as its share, in percent. */
#define POLICY_SHARE_MAX 100u

/* Returns 0, or -EINVAL with words: POLICY is an enum weir_policy, PERCENT its rewrite budget. */
int policy_check(uint32_t policy, uint32_t percent);

/* Returns how many bytes of a segment of SEGMENT_BYTES the policy appends again. */
uint64_t policy_budget(uint32_t policy, uint32_t percent, uint64_t segment_bytes);

/* Returns true if an entry of BYTES, which was READ since it was last written, is appended again;
 * the bytes are then taken off *BUDGET. */
static inline bool policy_keeps(uint64_t *budget, bool read, uint64_t bytes)
{
	if (!read || bytes > *budget)
		return false;
	*budget -= bytes;
	return true;
}

#endif
