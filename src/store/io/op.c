/* SPDX-License-Identifier: Apache-2.0 */
/*
 * op.c - ends operations: each is counted, its waiters are woken, `end` is called.
 *
 * This file owns the counters of operations. It runs on the loop's thread.
 */
#include <errno.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/done.h"
#include "base/probe.h"
#include "store/io/io.h"

static void op_count_put(struct store_io *io, const struct weir_store_op *op, int result)
{
	uint64_t ns = clock_now() - op_priv(op)->start_ns;
	struct io_counts *counts = &io->counts;

	counts->puts += !result;
	counts->put_bytes += result ? 0 : op->value_len;
	hist_record(&counts->put_hist, ns);
	tally_put(&io->tally, op_priv(op)->log, op->value_len, ns, result);
}

static void op_count_get(struct store_io *io, const struct weir_store_op *op, int result)
{
	uint64_t ns = clock_now() - op_priv(op)->start_ns;
	struct io_counts *counts = &io->counts;

	counts->gets++;
	counts->hits += !result;
	counts->get_bytes += result ? 0 : op->value_len;
	hist_record(&counts->get_hist, ns);
	tally_get(&io->tally, op_priv(op)->log, op->value_len, ns, result);
}

static void op_count(struct store_io *io, const struct weir_store_op *op, int result)
{
	switch (op->kind) {
	case WEIR_STORE_PUT:
		op_count_put(io, op, result);
		break;
	case WEIR_STORE_GET:
		op_count_get(io, op, result);
		break;
	case WEIR_STORE_DELETE:
		io->counts.deletes += !result && !(op->flags & OP_DAMAGED);
		break;
	default:
		break;
	}
}

/* Returns true if RESULT is an error. A miss, and a key that is there already, are answers. */
static bool op_failed(const struct weir_store_op *op, int result)
{
	return op->kind < WEIR_STORE_OP_COUNT && result && result != -ENOENT && result != -EEXIST;
}

void op_begin(struct store_io *io, struct weir_store_op *op)
{
	CHECK(!done_is_finished(&op_priv(op)->state));
	io->ops++;
	io->begun++;
	PROBE(op_begin, op, op->kind, op->stream, op->key, op->key_len, op->value_len);
}

void op_end(struct store_io *io, struct weir_store_op *op, int result)
{
	void (*end)(struct weir_store_op *) = op->end;
	uint32_t *state = &op_priv(op)->state;

	CHECK(io->ops > 0);
	CHECK(!done_is_idle(state) && !done_is_finished(state));
	op_count(io, op, result);
	PROBE(op_end, op, op->kind, op_priv(op)->log, op->value_len, op_priv(op)->start_ns, result);
	io->counts.failed += op_failed(op, result);
	if (result)
		words_note(io, op, result);
	op->result = result;
	io->ops--;
	/* From here on the operation is the caller's, and so is the store if this was the closing.
	 * Only the address is used, to wake waiters. */
	done_finish(state);
	if (end)
		end(op);
}
