/* SPDX-License-Identifier: Apache-2.0 */
/*
 * parts_submit.c - hands operations to the part of the store that they belong to.
 *
 * A sync belongs to all parts: it is an operation of its own on each, and ends with the last of
 * them. Several loops count down what is left, so that is an atomic. Any thread.
 */
#include <errno.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/done.h"
#include "base/error.h"
#include "store/parts.h"

struct parts_sync {
	struct weir_store_op *op; /* the caller's */
	uint32_t count;
	uint32_t left; /* atomic; operations that have not ended */
	struct weir_store_op each[];
};

/* Gives the caller's operation the result of the first part that failed, and its words. */
static void parts_sync_result(const struct parts_sync *sync)
{
	struct op_priv *to = op_priv(sync->op);
	const struct op_priv *from;

	sync->op->result = 0;
	for (uint32_t n = 0; n < sync->count && !sync->op->result; n++) {
		from = op_priv(&sync->each[n]);
		sync->op->result = sync->each[n].result;
		to->store = from->store;
		to->noted = from->noted;
		to->io_offset = from->io_offset;
		to->io_length = from->io_length;
		to->io_failed_offset = from->io_failed_offset;
		to->io_status = from->io_status;
		to->io_cause = from->io_cause;
		to->io_op = from->io_op;
	}
}

static void parts_sync_ended(struct weir_store_op *each)
{
	struct parts_sync *sync = each->user;
	struct weir_store_op *op = sync->op;
	void (*end)(struct weir_store_op *) = op->end;
	uint32_t *state = &op_priv(op)->state;

	if (__atomic_sub_fetch(&sync->left, 1, __ATOMIC_ACQ_REL))
		return;
	parts_sync_result(sync);
	free(sync);
	/* As in op.c: from here on the operation is the caller's. */
	done_finish(state);
	if (end)
		end(op);
}

static int parts_sync(struct weir_store *s, struct weir_store_op *op)
{
	uint32_t count = s->parts->count - s->parts->missing, n = 0, i;
	struct parts_sync *sync = calloc(1, sizeof(*sync) + count * sizeof(sync->each[0]));
	struct weir_store *part;
	int err;

	if (!sync)
		return error_sys(-ENOMEM, "cannot sync the store");
	sync->op = op;
	sync->count = sync->left = count;
	op_priv(op)->store = s;
	op_priv(op)->start_ns = clock_now();
	op_priv(op)->noted = OP_NOTE_NONE;
	done_begin(&op_priv(op)->state);
	for (i = 0; i < count; i++)
		sync->each[i] = (struct weir_store_op){ .kind = WEIR_STORE_SYNC,
							.prio = op->prio,
							.submitter = op->submitter,
							.deadline_ns = op->deadline_ns,
							.end = parts_sync_ended,
							.user = sync };
	PARTS_FOREACH(s, part, i)
	{
		/* From here on it is the part's: it may have ended, and the last one frees all. */
		struct weir_store_op *each = &sync->each[n++];

		CHECK(n <= count);
		err = op_post(part, each);
		if (!err)
			continue;
		each->result = err;
		parts_sync_ended(each);
	}
	/* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): the part that ends last frees it. */
	return 0;
}

/* Returns the part for OP. NULL: it is missing, and weir_error() says so. */
static struct weir_store *parts_for(struct weir_store *s, const struct weir_store_op *op)
{
	if (op->kind >= WEIR_STORE_SYNC)
		return s;
	return parts_route(s, op->key, op->key_len);
}

int op_submit(struct weir_store *s, struct weir_store_op *op)
{
	struct weir_store *part = parts_for(s, op);
	int err = part ? op_check(part, op) : -ENODEV;

	op_priv(op)->private = NULL;
	/* If OP is refused, its words are not those of its last life. */
	op_priv(op)->noted = OP_NOTE_NONE;
	if (err)
		return err;
	if (op->kind == WEIR_STORE_SYNC && s->parts)
		return parts_sync(s, op);
	return op_post(part, op);
}

/* Adds OP to the chain of its part. Returns 0 or -errno with words. */
static int parts_chain(struct op_chain *chains, struct weir_store *s, struct weir_store_op *op,
		       uint64_t now)
{
	struct weir_store *part = parts_for(s, op);
	int err = part ? op_check(part, op) : -ENODEV;

	op_priv(op)->noted = OP_NOTE_NONE;
	if (err)
		return err;
	if (op->kind == WEIR_STORE_SYNC && s->parts) {
		op_priv(op)->private = NULL;
		return parts_sync(s, op);
	}
	op_chain_add(&chains[s->parts ? part->io.super.device_index : 0], part, op, now);
	return 0;
}

void op_submit_many(struct weir_store *s, struct weir_store_op *ops, size_t n)
{
	struct op_chain chains[WEIR_DEVICES_MAX];
	uint64_t now = clock_now();
	uint32_t i;

	for (i = 0; i < parts_count(s); i++)
		chains[i] = (struct op_chain){ NULL, NULL };
	for (size_t op = 0; op < n; op++) {
		int err = parts_chain(chains, s, &ops[op], now);

		if (!err)
			continue;
		ops[op].result = err;
		done_mark(&op_priv(&ops[op])->state);
	}
	for (i = 0; i < parts_count(s); i++)
		if (chains[i].first)
			op_chain_post(&chains[i], parts_get(s, i));
}

int weir_store_submit(struct weir_store *s, struct weir_store_op *op)
{
	int err = store_check_process(s);

	return err ? err : op_submit(s, op);
}
