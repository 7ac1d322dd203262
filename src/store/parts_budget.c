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

static int parts_budget_set(struct weir_store *part, const struct parts_setting *setting,
			    const struct parts_value *value)
{
	struct budget_question ask = { { budget_run_set }, value->first };

	(void)setting;
	return wait_inner(part, &ask.inner);
}

static void parts_budget_note(struct weir_store *s, struct parts_setting *setting,
			      struct parts_value *value)
{
	(void)setting;
	value->first = s->io.super.write_budget;
}

int weir_store_set_write_budget(struct weir_store *s, uint64_t bytes_per_day)
{
	struct parts_setting setting = { .note = parts_budget_note,
					 .set = parts_budget_set,
					 .value.first = bytes_per_day / parts_count(s) };
	int err = wait_allowed(s);

	/* A budget that is less than a byte for each device is none at all, and too small. */
	if (bytes_per_day && !setting.value.first)
		setting.value.first = 1;
	if (!err)
		err = policy_check_write_budget(setting.value.first);
	return err ? err : parts_setting_change(s, &setting, "the write budget");
}
