/* SPDX-License-Identifier: Apache-2.0 */
/*
 * parts_budget.c - sets the write budget of a store.
 *
 * Each device has the same part of it, as each gets as many keys as the others. It owns nothing;
 * any thread.
 */
#include "base/error.h"
#include "store/format/policy.h"
#include "store/parts.h"
#include "store/tenants.h"

int weir_store_set_write_budget(struct weir_store *s, uint64_t bytes_per_day)
{
	struct budget_question ask = { { budget_run_set }, bytes_per_day / parts_count(s) };
	const char *path = weir_device_path(weir_queue_device(s->io.q));
	struct weir_store *part;
	uint32_t n;
	int err = wait_allowed(s);

	/* A budget that is less than a byte for each device is none at all, and too small. */
	if (bytes_per_day && !ask.bytes)
		ask.bytes = 1;
	if (!err)
		err = policy_check_write_budget(ask.bytes);
	if (err)
		return err;
	PARTS_FOREACH(s, part, n)
	if (!err)
		err = wait_inner(part, &ask.inner);
	return err ? error_sys(err, "%s: cannot set the write budget", path) : 0;
}
