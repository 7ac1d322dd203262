/* SPDX-License-Identifier: Apache-2.0 */
/*
 * policy.c - the eviction policies: clock and fifo.
 *
 * With clock, an entry that was read since it was last written is appended again when its segment
 * is reclaimed, as far as the rewrite budget goes; then it must be read again to stay once more.
 * With fifo the budget is 0. Pure functions; own nothing, any thread.
 */
#include <errno.h>

#include <weir/store.h>

#include "base/error.h"
#include "store/format/policy.h"

int policy_check(uint32_t policy, uint32_t percent)
{
	if (policy > WEIR_POLICY_FIFO)
		return error_set(-EINVAL, "no such eviction policy: %u", policy);
	if (percent > POLICY_REWRITE_MAX)
		return error_set(-EINVAL,
				 "a rewrite budget of %u %%: it is at most %u %% of a segment, so "
				 "that reclaiming wins space (--rewrite)",
				 percent, POLICY_REWRITE_MAX);
	return 0;
}

uint64_t policy_budget(uint32_t policy, uint32_t percent, uint64_t segment_bytes)
{
	if (policy == WEIR_POLICY_FIFO)
		return 0;
	return segment_bytes / 100 * (percent ? percent : POLICY_REWRITE_DEFAULT);
}
