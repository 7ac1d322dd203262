/* SPDX-License-Identifier: Apache-2.0 */
/*
 * policy.h - the eviction policy of a store, as its superblock and its options say it.
 */
#ifndef POLICY_H
#define POLICY_H

#include <stdbool.h>
#include <stdint.h>

#define POLICY_REWRITE_DEFAULT 75u /* percent of a segment */
/* Percent of the segments. Segments are begun ahead of the log, so that most waits are short
 * anyway; more than this would cost hits. */
#define POLICY_FREE_LOW_DEFAULT 1u
#define POLICY_FREE_MAX 50u
/* Bytes a day; with less, noting what was spent would spend it. */
#define POLICY_WRITE_BUDGET_MIN (16ull << 20)

/* Returns 0, or -EINVAL with words: POLICY is an enum weir_policy, PERCENT its rewrite budget. */
int policy_check(uint32_t policy, uint32_t percent);

/* Returns 0, or -EINVAL with words: BYTES a day is the write budget of one device, 0: none. */
int policy_check_write_budget(uint64_t bytes);

/* Returns true if LOW and HIGH can be marks, as weir_store_opts has them. */
bool policy_marks_good(uint32_t low, uint32_t high);
/* Returns 0, or -EINVAL with words if they cannot. */
int policy_check_marks(uint32_t low, uint32_t high);

/* The marks of a store, in free segments beyond the reserve. */
struct policy_marks {
	uint32_t low, high; /* both 0: there are none */
};

/* Returns the marks LOW and HIGH of a store with SEGMENTS. */
struct policy_marks policy_marks(uint32_t low, uint32_t high, uint32_t segments);

/* Returns how many bytes of a segment of SEGMENT_BYTES the policy appends again, if the segments
 * before it have left LEFT of their budgets. */
uint64_t policy_budget(uint32_t policy, uint32_t percent, uint64_t segment_bytes, uint64_t left);

#endif
