/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ops.c - an operation's way to the loop and back.
 *
 * Any thread checks and posts; the rest runs on the loop. The caller owns the operation's memory
 * until it has ended, and again from the moment its state says so: after that not a byte of it
 * is touched.
 */
#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/parse.h"
#include "store/impl.h"

static int op_too_long(struct weir_store *s, uint64_t length)
{
	char is[32], max[32], fit[32];
	uint64_t segment = layout_segment_for(s->lay, length);

	format_size(length, is, sizeof(is));
	format_size(s->lay->max_value_bytes, max, sizeof(max));
	if (!segment)
		return error_set(-EFBIG, "value of %s is longer than any store can hold (%s here)",
				 is, max);
	return error_set(-EFBIG, "value of %s is longer than %s: format with --segment-bytes %s",
			 is, max, format_size(segment, fit, sizeof(fit)));
}

static int op_check_stream(struct weir_store *s, uint32_t stream)
{
	/* There may be a log for one more, whose superblock is on the way or could not be written.
	 */
	uint32_t n = __atomic_load_n(&s->super.streams, __ATOMIC_ACQUIRE);

	if (stream < n)
		return 0;
	return error_set(-EINVAL,
			 "no such stream: %u (there are %u; weir_store_add_tenant() gives them)",
			 stream, n);
}

static int op_check_write(struct weir_store *s, const struct weir_store_op *op)
{
	if (op->flags & ~(uint32_t)WEIR_PUT_DURABLE)
		return error_set(-EINVAL, "flags 0x%x: a put or delete has WEIR_PUT_DURABLE only",
				 op->flags);
	return op_check_stream(s, op->stream);
}

int op_check(struct weir_store *s, const struct weir_store_op *op)
{
	if (op->kind >= WEIR_STORE_OP_COUNT)
		return error_set(-EINVAL, "no such operation: %u", op->kind);
	/* The queue would refuse the whole batch that it came first in. */
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
	if (op->kind == WEIR_STORE_GET && op->capacity && !op->buf)
		return error_set(-EINVAL, "get without a buffer");
	if (op->kind != WEIR_STORE_PUT)
		return 0;
	if (!op->value || !op->value_len)
		return error_set(-EINVAL, "value of no length: values have at least 1 byte");
	return op->value_len > s->lay->max_value_bytes ? op_too_long(s, op->value_len) : 0;
}

static void op_count(struct weir_store *s, const struct weir_store_op *op, int result)
{
	struct weir_store_stats *stats = &s->stats;

	switch (op->kind) {
	case WEIR_STORE_PUT:
		stats->puts += !result;
		stats->put_bytes += result ? 0 : op->value_len;
		hist_record(&s->put_hist, clock_now() - op_priv(op)->start_ns);
		break;
	case WEIR_STORE_GET:
		stats->gets++;
		stats->hits += !result;
		stats->get_bytes += result ? 0 : op->value_len;
		hist_record(&s->get_hist, clock_now() - op_priv(op)->start_ns);
		break;
	case WEIR_STORE_DELETE:
		stats->deletes += !result;
		break;
	default:
		break;
	}
}

void op_end(struct weir_store *s, struct weir_store_op *op, int result)
{
	void (*end)(struct weir_store_op *) = op->end;
	uint32_t before;

	op_count(s, op, result);
	if (result)
		words_note(s, op, result);
	op->result = result;
	s->ops--;
	before = __atomic_exchange_n(&op_priv(op)->state, OP_DONE, __ATOMIC_ACQ_REL);
	/* From here on both the operation and, where this ended the closing, the store are the
	 * caller's: only the address is used for the waking. */
	if (before == OP_WAITED)
		syscall(SYS_futex, &op_priv(op)->state, FUTEX_WAKE_PRIVATE, INT_MAX, NULL, NULL, 0);
	if (end)
		end(op);
}

static void op_write(struct weir_store *s, struct weir_store_op *op)
{
	if (s->read_only || s->broken)
		op_end(s, op, s->broken ? s->broken : -EROFS);
	else
		log_append(logs_choose(s, op), op);
}

static void op_sync(struct weir_store *s, struct weir_store_op *op)
{
	if (s->read_only || s->broken) {
		op_end(s, op, s->broken ? s->broken : -EROFS);
		return;
	}
	flush_wait_op(s, op, 0);
	flush_kick(s);
}

static void op_run(struct weir_store_op *op)
{
	struct weir_store *s = op_priv(op)->store;
	struct loop_call *call;

	s->ops++;
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
	case OP_LIST:
		list_step(s, op);
		break;
	case OP_TENANT:
		tenant_op(s, op);
		break;
	case OP_CALL:
		call = op_priv(op)->private;
		op_end(s, op, call->fn(s, call->user));
		break;
	case OP_CLOSE:
		s->closing = op;
		close_check(s);
		break;
	}
}

/* Runs a chain of operations that were submitted together. */
static void op_task(struct weir_task *task)
{
	struct weir_store_op *op = op_of_task(task), *next;

	for (; op; op = next) {
		struct weir_store *s = op_priv(op)->store;

		next = op_priv(op)->next;
		op_run(op);
		close_check(s);
	}
}

static void op_prepare(struct weir_store *s, struct weir_store_op *op, uint64_t now)
{
	op_priv(op)->store = s;
	op_priv(op)->start_ns = now;
	op_priv(op)->next = NULL;
	op_priv(op)->noted = OP_NOTE_NONE;
	if (op->kind < WEIR_STORE_SYNC)
		checksum_identity(&s->checksum, op->key, op->key_len, op_priv(op)->hash);
	__atomic_store_n(&op_priv(op)->state, OP_PENDING, __ATOMIC_RELAXED);
}

int op_post(struct weir_store *s, struct weir_store_op *op)
{
	op_prepare(s, op, clock_now());
	op_priv(op)->task.fn = op_task;
	return weir_queue_post(s->q, 0, &op_priv(op)->task);
}

int weir_store_submit(struct weir_store *s, struct weir_store_op *op)
{
	int err = store_check_process(s);

	if (!err)
		err = op_check(s, op);
	op_priv(op)->private = NULL;
	return err ? err : op_post(s, op);
}

/* Those that cannot be submitted end here. The others are linked into a chain, *FIRST. */
static void ops_chain(struct weir_store *s, struct weir_store_op *ops, size_t n,
		      struct weir_store_op **first)
{
	struct weir_store_op *last = NULL;
	uint64_t now = clock_now();
	size_t i;

	*first = NULL;
	for (i = 0; i < n; i++) {
		ops[i].result = op_check(s, &ops[i]);
		__atomic_store_n(&op_priv(&ops[i])->state, OP_DONE, __ATOMIC_RELAXED);
		if (ops[i].result)
			continue;
		op_priv(&ops[i])->private = NULL;
		op_prepare(s, &ops[i], now);
		if (last)
			op_priv(last)->next = &ops[i];
		else
			*first = &ops[i];
		last = &ops[i];
	}
}

/* A program that sets `end` counts on it; calls that wait for all operations never call it. */
static int ops_check_end(const struct weir_store_op *ops, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (ops[i].end)
			return error_set(-EINVAL,
					 "operation %zu of %zu has an `end`, which this call would "
					 "not call: submit it with weir_store_submit()",
					 i + 1, n);
	return 0;
}

/* The first error of OPS that is not ALLOWED, with its words. */
static int ops_result(struct weir_store *s, const struct weir_store_op *ops, size_t n, int allowed)
{
	for (size_t i = 0; i < n; i++) {
		int err = ops[i].result;

		if (!err || err == allowed)
			continue;
		/* One that was refused says so again, in the same words. */
		if (op_check(s, &ops[i]) != err)
			words_set(s, &ops[i]);
		return n == 1 ? err
			      : error_set(err, "operation %zu of %zu: %s", i + 1, n, weir_error());
	}
	return 0;
}

int weir_store_run(struct weir_store *s, struct weir_store_op *ops, size_t n)
{
	struct weir_store_op *first;
	int err = wait_allowed(s);
	size_t i;

	if (!err)
		err = ops_check_end(ops, n);
	if (err)
		return err;
	ops_chain(s, ops, n, &first);
	if (first) {
		op_priv(first)->task.fn = op_task;
		weir_queue_post(s->q, 0, &op_priv(first)->task);
	}
	/* The last ends last, mostly: who waits for it sleeps once. */
	for (i = n; i-- > 0;)
		wait_op(s, &ops[i]);
	return ops_result(s, ops, n, 0);
}

int weir_store_put_many(struct weir_store *s, struct weir_store_op *ops, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		ops[i].kind = WEIR_STORE_PUT;
	return weir_store_run(s, ops, n);
}

int weir_store_get_many(struct weir_store *s, struct weir_store_op *ops, size_t n)
{
	size_t i;
	int err = wait_allowed(s);

	if (!err)
		err = ops_check_end(ops, n);
	if (err)
		return err;
	for (i = 0; i < n; i++)
		ops[i].kind = WEIR_STORE_GET;
	weir_store_run(s, ops, n);
	return ops_result(s, ops, n, -ENOENT);
}
