/* SPDX-License-Identifier: Apache-2.0 */
/*
 * policy.c - checks the eviction policy of a store, and gives its budget. Pure functions; own
 * nothing, any thread.
 */
#include <errno.h>

#include <weir/store.h>

#include "base/error.h"
#include "base/evict.h"
#include "store/format/policy.h"

int policy_check(uint32_t policy, uint32_t percent)
{
	if (policy > WEIR_POLICY_FIFO)
		return error_set(-EINVAL, "no such eviction policy: %u", policy);
	if (percent > EVICT_REWRITE_MAX)
		return error_set(-EINVAL,
				 "a rewrite budget of %u %%: it is at most %u %% of a segment, so "
				 "that reclaiming wins space (%s)",
				 percent, EVICT_REWRITE_MAX, error_name(ERROR_REWRITE));
	return 0;
}

int policy_check_write_budget(uint64_t bytes)
{
	if (!bytes || bytes >= POLICY_WRITE_BUDGET_MIN)
		return 0;
	return error_set(-EINVAL,
			 "a write budget of %llu bytes a day for a device: it is at least 16 MiB, "
			 "or 0 for none",
			 (unsigned long long)bytes);
}

bool policy_marks_good(uint32_t low, uint32_t high)
{
	if (low == WEIR_FREE_LOW_NONE)
		return !high;
	return low <= POLICY_FREE_MAX && high <= POLICY_FREE_MAX && (!high || low <= high);
}

int policy_check_marks(uint32_t low, uint32_t high)
{
	if (policy_marks_good(low, high))
		return 0;
	if (low == WEIR_FREE_LOW_NONE)
		return error_set(-EINVAL,
				 "a high mark of %u %% without a low one: reclaiming in the "
				 "background begins at the low one (%s)",
				 high, error_name(ERROR_FREE_LOW));
	if (low <= POLICY_FREE_MAX && high <= POLICY_FREE_MAX)
		return error_set(-EINVAL,
				 "a low mark of %u %% above the high one of %u %%: reclaiming "
				 "stops at the high one (%s)",
				 low, high, error_name(ERROR_FREE_HIGH));
	return error_set(-EINVAL,
			 "marks of %u and %u %%: at most %u %% of the segments are kept free "
			 "(%s, %s)",
			 low, high, POLICY_FREE_MAX, error_name(ERROR_FREE_LOW),
			 error_name(ERROR_FREE_HIGH));
}

struct policy_marks policy_marks(uint32_t low, uint32_t high, uint32_t segments)
{
	struct policy_marks marks = { 0, 0 };

	if (low == WEIR_FREE_LOW_NONE)
		return marks;
	if (!low)
		low = POLICY_FREE_LOW_DEFAULT;
	if (!high)
		high = 2 * low < POLICY_FREE_MAX ? 2 * low : POLICY_FREE_MAX;
	marks.low = (uint32_t)((uint64_t)segments * low / 100);
	if (marks.low)
		marks.high = (uint32_t)((uint64_t)segments * high / 100);
	return marks;
}

uint64_t policy_budget(uint32_t policy, uint32_t percent, uint64_t segment_bytes, uint64_t left)
{
	if (policy == WEIR_POLICY_FIFO)
		return 0;
	return evict_budget(percent ? percent : POLICY_REWRITE_DEFAULT, segment_bytes, left);
}
