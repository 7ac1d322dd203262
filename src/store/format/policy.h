/* SPDX-License-Identifier: Apache-2.0 */
/*
 * policy.h - the eviction policy of a store, as its superblock and its options say it.
 */
#ifndef POLICY_H
#define POLICY_H

#include <stdint.h>

#define POLICY_REWRITE_DEFAULT 75u /* percent of a segment */
/* Bytes a day; with less, noting what was spent would spend it. */
#define POLICY_WRITE_BUDGET_MIN (16ull << 20)

/* Returns 0, or -EINVAL with words: POLICY is an enum weir_policy, PERCENT its rewrite budget. */
int policy_check(uint32_t policy, uint32_t percent);

/* Returns 0, or -EINVAL with words: BYTES a day is the write budget of one device, 0: none. */
int policy_check_write_budget(uint64_t bytes);

/* Returns how many bytes of a segment of SEGMENT_BYTES the policy appends again, if the segments
 * before it have left LEFT of their budgets. */
uint64_t policy_budget(uint32_t policy, uint32_t percent, uint64_t segment_bytes, uint64_t left);

#endif
