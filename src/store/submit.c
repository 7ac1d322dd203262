/* SPDX-License-Identifier: Apache-2.0 */
/*
 * submit.c - the way of an operation to the loop.
 *
 * Any thread checks and posts operations; the rest runs on the loop. The caller owns the
 * operation's memory until it has ended, and again as soon as its state says so; after that no byte
 * of it is touched.
 */
#include <assert.h>
#include <errno.h>

#include <weir/pin.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/done.h"
#include "base/error.h"
#include "base/fork.h"
#include "base/parse.h"
#include "store/parts.h"

static_assert(WEIR_KEY_MAX == DISK_KEY_MAX, "recovery finds each key that a put may have");

int store_check_process(const struct weir_store *s)
{
	return fork_inherited(s->owner.process) ? fork_refuse("store") : 0;
}

static int op_too_long(const struct layout *l, uint64_t length)
{
	struct layout_wish wish = { .capacity_bytes = l->capacity_bytes,
				    .block_bytes = l->block_bytes,
				    .max_value_bytes = length };
	char is[32], max[32], advice[160];

	return error_set(-EFBIG, "value of %s is longer than %s, the longest here: %s",
			 format_size_word(length, is, sizeof(is)),
			 format_size_word(l->max_value_bytes, max, sizeof(max)),
			 layout_advise(&wish, advice, sizeof(advice)));
}

static int op_check_stream(struct weir_store *s, uint32_t stream)
{
	/* There may already be one more log, whose superblock is being written or could not be
	 * written. Of several devices the first one has all streams that anybody was told; another
	 * one may have failed at that moment (keys_choose_log()). */
	const struct weir_store *first = s->parts ? s->parts->first : s;
	uint32_t n = __atomic_load_n(&first->io.super.streams, __ATOMIC_ACQUIRE);

	if (stream < n)
		return 0;
	return error_set(-EINVAL,
			 "no such stream: %u (there are %u; weir_store_add_tenant() gives them)",
			 stream, n);
}

static int op_check_write(struct weir_store *s, const struct weir_store_op *op)
{
	bool put = op->kind == WEIR_STORE_PUT;
	uint32_t known = WEIR_PUT_DURABLE | WEIR_PUT_FOREGROUND |
			 (put ? WEIR_PUT_IF_ABSENT : WEIR_DELETE_UNHELD);

	if (op->flags & ~known)
		return error_set(-EINVAL, "flags 0x%x: a %s has WEIR_PUT_DURABLE%s only", op->flags,
				 put ? "put" : "delete",
				 put ? ", WEIR_PUT_IF_ABSENT and WEIR_PUT_FOREGROUND"
				     : ", WEIR_PUT_FOREGROUND and WEIR_DELETE_UNHELD");
	return op_check_stream(s, op->stream);
}

/* Checks the pieces of OP's value, which should have LENGTH bytes. */
static int op_check_pieces(const struct weir_store_op *op, uint64_t length)
{
	uint64_t sum = 0;

	if (op->nr_iov > WEIR_STORE_IOV_MAX)
		return error_set(-EINVAL, "a value in %u pieces: at most %u", op->nr_iov,
				 WEIR_STORE_IOV_MAX);
	for (uint32_t i = 0; i < op->nr_iov; i++) {
		if (op->iov[i].iov_len && !op->iov[i].iov_base)
			return error_set(-EINVAL, "piece %u of %u has no memory", i + 1,
					 op->nr_iov);
		if (__builtin_add_overflow(sum, op->iov[i].iov_len, &sum))
			sum = UINT64_MAX;
	}
	if (sum == length)
		return 0;
	return error_set(-EINVAL, "%u pieces of %llu bytes together, but the operation says %llu",
			 op->nr_iov, (unsigned long long)sum, (unsigned long long)length);
}

static int op_check_get(const struct weir_store_op *op)
{
	const uint32_t known = WEIR_GET_DROP_DAMAGED | WEIR_GET_KEEP_LEASE;

	if (op->flags & ~known)
		return error_set(-EINVAL,
				 "flags 0x%x: a get has WEIR_GET_DROP_DAMAGED and "
				 "WEIR_GET_KEEP_LEASE only",
				 op->flags);
	if (op->capacity && !op->buf)
		return error_set(-EINVAL, "get without a buffer");
	return op->nr_iov ? op_check_pieces(op, op->capacity) : 0;
}

int op_check(struct weir_store *s, const struct weir_store_op *op)
{
	if (op->kind >= WEIR_STORE_OP_COUNT)
		return error_set(-EINVAL, "no such operation: %u", op->kind);
	/* The queue would refuse the whole batch whose first record this is. */
	if (op->prio >> 13 > WEIR_PRIO_IDLE >> 13)
		return error_set(-EINVAL, "no such priority class: %u", op->prio >> 13);
	if (op->kind == WEIR_STORE_SYNC)
		return 0;
	if (!op->key || !op->key_len || op->key_len > WEIR_KEY_MAX)
		return error_set(-EINVAL, "key of %u bytes: keys have 1 to %u", op->key_len,
				 WEIR_KEY_MAX);
	if (op->kind == WEIR_STORE_PUT || op->kind == WEIR_STORE_DELETE) {
		int err = op_check_write(s, op);

		if (err)
			return err;
	}
	if (op->kind == WEIR_STORE_GET)
		return op_check_get(op);
	if (op->kind != WEIR_STORE_PUT)
		return 0;
	if (!op->value || !op->value_len)
		return error_set(-EINVAL, "value of no length: values have at least 1 byte");
	if (op->nr_iov && op_check_pieces(op, op->value_len))
		return -EINVAL;
	return op->value_len > s->io.lay->max_value_bytes ? op_too_long(s->io.lay, op->value_len)
							  : 0;
}

static void op_write(struct weir_store *s, struct weir_store_op *op)
{
	if (s->io.read_only || s->io.broken)
		op_end(&s->io, op, s->io.broken ? s->io.broken : -EROFS);
	else
		logs_append(s->logs, op);
}

static void op_sync(struct weir_store *s, struct weir_store_op *op)
{
	if (s->io.read_only || s->io.broken)
		op_end(&s->io, op, s->io.broken ? s->io.broken : -EROFS);
	else
		flush_wait_op(&s->io, op, 0);
}

static void op_run(struct weir_store *s, struct weir_store_op *op)
{
	const struct inner_op *inner;

	CHECK(op_priv(op)->store == s);
	op_begin(&s->io, op);
	if (op_is_cancelled(op)) {
		op_end(&s->io, op, -ECANCELED);
		return;
	}
	if (deadline_is_over(s, op)) {
		op_end(&s->io, op, -ETIMEDOUT);
		return;
	}
	switch (op->kind) {
	case WEIR_STORE_PUT:
	case WEIR_STORE_DELETE:
		op_write(s, op);
		break;
	case WEIR_STORE_GET:
		read_get(s, op);
		break;
	case WEIR_STORE_EXISTS:
		read_exists(s, op);
		break;
	case WEIR_STORE_SYNC:
		op_sync(s, op);
		break;
	default:
		inner = op_priv(op)->private;
		CHECK(op->kind == OP_INNER && inner);
		inner->run(s, op);
		break;
	}
}

/* Runs a chain of operations that were submitted together. This is one of the two entries of the
 * store's loop. */
static void op_task(struct weir_task *task)
{
	struct weir_store_op *op = op_of_task(task), *next;
	struct weir_store *s = op_priv(op)->store;

	io_check_owner(&s->io);
	for (; op; op = next) {
		next = op_priv(op)->next;
		op_run(s, op);
	}
	store_turn(&s->io);
}

static void op_prepare(struct weir_store *s, struct weir_store_op *op, uint64_t now)
{
	op_priv(op)->store = s;
	op_priv(op)->start_ns = now;
	op_priv(op)->next = NULL;
	op_priv(op)->noted = OP_NOTE_NONE;
	op_priv(op)->afforded = 0;
	__atomic_store_n(&op_priv(op)->cancel, 0, __ATOMIC_RELAXED);
	if (op->kind < WEIR_STORE_SYNC)
		checksum_identity(&s->io.key, op->key, op->key_len, op_priv(op)->hash);
	done_begin(&op_priv(op)->state);
}

void op_run_here(struct weir_store *s, struct weir_store_op *op)
{
	op_priv(op)->private = NULL;
	op_prepare(s, op, clock_now());
	op_run(s, op);
}

int op_post(struct weir_store *s, struct weir_store_op *op)
{
	op_prepare(s, op, clock_now());
	op_priv(op)->task.fn = op_task;
	return weir_queue_post(s->io.q, 0, &op_priv(op)->task);
}

int op_post_inner(struct weir_store *s, struct weir_store_op *op, struct inner_op *inner)
{
	*op = (struct weir_store_op){ .kind = OP_INNER };
	op_priv(op)->private = inner;
	return op_post(s, op);
}

void op_chain_add(struct op_chain *chain, struct weir_store *s, struct weir_store_op *op,
		  uint64_t now)
{
	op_priv(op)->private = NULL;
	op_prepare(s, op, now);
	if (chain->last)
		op_priv(chain->last)->next = op;
	else
		chain->first = op;
	chain->last = op;
}

void op_chain_post(struct op_chain *chain, struct weir_store *s)
{
	if (!chain->first)
		return;
	op_priv(chain->first)->task.fn = op_task;
	weir_queue_post(s->io.q, 0, &op_priv(chain->first)->task);
}
