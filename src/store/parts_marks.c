/* SPDX-License-Identifier: Apache-2.0 */
/*
 * parts_marks.c - sets the marks between which segments are reclaimed in the background.
 *
 * They are a percentage of the segments of a device, so each device has the same. It owns nothing;
 * any thread, but marks and superblock of a part are changed on its loop.
 */
#include <errno.h>

#include "base/error.h"
#include "store/format/policy.h"
#include "store/parts.h"
#include "store/tenants.h"

static void parts_marks_run(struct weir_store *s, struct weir_store_op *op)
{
	const struct marks_question *ask = op_priv(op)->private;
	struct super next = s->io.super;

	if (tenant_waits(s, op))
		return;
	if (s->io.read_only || s->io.broken) {
		op_end(&s->io, op, -EROFS);
		return;
	}
	next.free_low = ask->low;
	next.free_high = ask->high;
	tenant_write(s, op, &next);
}

static int parts_marks_set(struct weir_store *part, const struct parts_setting *setting,
			   const struct parts_value *value)
{
	struct marks_question ask = { { parts_marks_run },
				      (uint32_t)value->first,
				      (uint32_t)value->second };

	(void)setting;
	return wait_inner(part, &ask.inner);
}

static void parts_marks_note(struct weir_store *s, struct parts_setting *setting,
			     struct parts_value *value)
{
	(void)setting;
	*value = (struct parts_value){ s->io.super.free_low, s->io.super.free_high };
}

static int parts_marks_copy(struct weir_store *s, void *user)
{
	parts_marks_note(s, NULL, user);
	return 0;
}

static int parts_marks_use(struct weir_store *s, void *user)
{
	(void)user;
	logs_use_marks(s->logs, s->io.super.free_low, s->io.super.free_high);
	return 0;
}

int parts_marks_equal(struct store_parts *parts, struct weir_store *from, bool own)
{
	struct parts_value newest, is;
	struct weir_store *part;
	uint32_t n;
	int err = wait_call(from, parts_marks_copy, &newest);

	PARTS_FOREACH(parts->first, part, n)
	{
		if (!err)
			err = wait_call(part, parts_marks_copy, &is);
		if (err || (is.first == newest.first && is.second == newest.second))
			continue;
		err = parts_marks_set(part, NULL, &newest);
		if (!err && !own)
			err = wait_call(part, parts_marks_use, NULL);
	}
	return err;
}

int weir_store_set_free_marks(struct weir_store *s, uint32_t low_percent, uint32_t high_percent)
{
	struct parts_setting setting = { .note = parts_marks_note,
					 .set = parts_marks_set,
					 .value = { low_percent, high_percent } };
	struct weir_store *part;
	uint32_t n;
	int err = wait_allowed(s);

	if (!err)
		err = policy_check_marks(low_percent, high_percent);
	if (!err)
		err = parts_setting_change(s, &setting, "the marks of free segments");
	PARTS_FOREACH(s, part, n)
	if (!err)
		err = wait_call(part, parts_marks_use, NULL);
	return err;
}
