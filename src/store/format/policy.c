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
				 "that reclaiming wins space (--rewrite)",
				 percent, EVICT_REWRITE_MAX);
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

uint64_t policy_budget(uint32_t policy, uint32_t percent, uint64_t segment_bytes, uint64_t left)
{
	if (policy == WEIR_POLICY_FIFO)
		return 0;
	return evict_budget(percent ? percent : POLICY_REWRITE_DEFAULT, segment_bytes, left);
}
