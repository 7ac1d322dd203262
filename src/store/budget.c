/* SPDX-License-Identifier: Apache-2.0 */
/*
 * budget.c - sets the write budget of a store, and tells the superblock what was spent of it.
 *
 * The superblock is changed by one operation at a time (tenant.c), so this takes its turn among
 * those. It runs on the loop.
 */
#include <errno.h>

#include "base/clock.h"
#include "base/container.h"
#include "base/done.h"
#include "queue/loop.h"
#include "store/tenants.h"

static void budget_saved(struct weir_store_op *op)
{
	struct weir_store *s = container_of(op, struct weir_store, budget.op);

	/* If that failed, the next time tries again. */
	s->io.wear.saving = false;
}

static void budget_run_save(struct weir_store *s, struct weir_store_op *op)
{
	struct super next;

	if (tenant_waits(s, op))
		return;
	next = s->io.super;
	if (s->budget.ending)
		wear_spend(&s->io.wear, 2 * superio_bytes(weir_device_get_info(s->io.dev)));
	wear_save(&s->io.wear, &next, clock_wall(), loop_now(s->io.q), s->budget.ending);
	tenant_write(s, op, &next);
}

void budget_save(struct weir_store *s)
{
	struct weir_store_op *op = &s->budget.op;

	*op = (struct weir_store_op){ .kind = OP_INNER, .end = budget_saved };
	s->io.wear.saving = true;
	s->budget.inner.run = budget_run_save;
	op_priv(op)->private = &s->budget.inner;
	op_priv(op)->store = s;
	op_priv(op)->start_ns = clock_now();
	done_begin(&op_priv(op)->state);
	op_begin(&s->io, op);
	budget_run_save(s, op);
}

bool budget_end(struct weir_store *s)
{
	if (!s->io.wear.spend.per_day || s->io.read_only || s->io.broken || s->budget.ending)
		return false;
	s->budget.ending = true;
	budget_save(s);
	return true;
}

void budget_run_set(struct weir_store *s, struct weir_store_op *op)
{
	const struct budget_question *ask = op_priv(op)->private;
	struct super next;
	int err = s->io.read_only || s->io.broken ? -EROFS : 0;

	if (tenant_waits(s, op))
		return;
	if (!err && ask->bytes)
		err = logs_ration(s->logs);
	if (err) {
		op_end(&s->io, op, err);
		return;
	}
	next = s->io.super;
	wear_change(&s->io.wear, &next, ask->bytes, clock_wall());
	tenant_write(s, op, &next);
}
