/* SPDX-License-Identifier: Apache-2.0 */
/*
 * wait.c - the blocking calls: they submit, wait, and say in words what went wrong.
 *
 * The owner of the loop runs it until the operation has ended; any other thread sleeps on the
 * operation's state. This file owns nothing; any thread.
 */
#include <errno.h>

#include "base/clock.h"
#include "base/done.h"
#include "base/error.h"
#include "base/parse.h"
#include "queue/loop.h"
#include "store/parts.h"

int wait_allowed(const struct weir_store *s)
{
	int err = s ? store_check_process(s) : 0;

	if (err)
		return err;
	if (loop_in_callback())
		return error_in_callback("wait for the loop that runs it: submit instead");
	return 0;
}

static bool op_done(const void *user)
{
	const struct weir_store_op *op = user;

	return done_is_finished(&op_priv(op)->state);
}

/* Returns true if OP has ended, false if DEADLINE, of clock_now(), came first. */
static bool wait_until(struct weir_store *s, struct weir_store_op *op, uint64_t deadline)
{
	if (loop_is_mine(s->io.q) && s->parts)
		return parts_wait_until(s->parts, op_done, op, deadline);
	if (loop_is_mine(s->io.q))
		return loop_run_until(s->io.q, op_done, op, deadline);
	return done_wait(&op_priv(op)->state, deadline);
}

int wait_op(struct weir_store *s, struct weir_store_op *op)
{
	wait_until(s, op, UINT64_MAX);
	return op->result;
}

int weir_store_wait(struct weir_store *s, struct weir_store_op *op, uint64_t timeout_ns)
{
	int err = wait_allowed(s);
	char time[32];

	if (err)
		return err;
	if (done_is_idle(&op_priv(op)->state))
		return error_set(-EINVAL, "an operation that was never submitted");
	if (wait_until(s, op, clock_deadline(clock_now(), timeout_ns)))
		return words_set(&parts_of_op(s, op)->io, op);
	return error_set(-ETIMEDOUT, "the operation has not ended within %s; it goes on",
			 format_time(timeout_ns, time, sizeof(time)));
}

int wait_inner(struct weir_store *s, struct inner_op *inner)
{
	struct weir_store_op op;
	int err = wait_allowed(s);

	if (!err)
		err = op_post_inner(s, &op, inner);
	return err ? err : wait_op(s, &op);
}

/* A call of a function on the loop. What the function returns is the operation's result. */
struct wait_call {
	struct inner_op inner; /* first */
	int (*fn)(struct weir_store *s, void *user);
	void *user;
};

static void wait_call_run(struct weir_store *s, struct weir_store_op *op)
{
	const struct wait_call *call = op_priv(op)->private;

	op_end(&s->io, op, call->fn(s, call->user));
}

int wait_call(struct weir_store *s, int (*fn)(struct weir_store *s, void *user), void *user)
{
	struct wait_call call = { { wait_call_run }, fn, user };

	return wait_inner(s, &call.inner);
}

int weir_store_fd(struct weir_store *s)
{
	int err = store_check_process(s);

	if (err)
		return err;
	if (!loop_is_mine(s->io.q))
		return error_set(-EPERM,
				 "%s: this thread does not run the store's loop: open the store "
				 "with opts.attach, on this thread",
				 weir_device_path(s->io.dev));
	return s->parts ? parts_wait_fd(s->parts) : weir_queue_fd(s->io.q);
}

int weir_store_poll(struct weir_store *s)
{
	int err = wait_allowed(s);

	if (err || !loop_is_mine(s->io.q))
		return err;
	err = s->parts ? parts_wait_poll(s->parts) : weir_queue_poll(s->io.q);
	return err < 0 ? err : 0;
}

static int wait_for(struct weir_store *s, struct weir_store_op *op)
{
	int err = wait_allowed(s);

	if (!err)
		err = op_submit(s, op);
	if (err)
		return err;
	wait_op(s, op);
	return words_set(&parts_of_op(s, op)->io, op);
}

int weir_store_put(struct weir_store *s, const void *key, uint32_t key_len, const void *value,
		   size_t value_len, uint32_t flags)
{
	struct weir_store_op op = { .kind = WEIR_STORE_PUT,
				    .flags = flags,
				    .key = key,
				    .key_len = key_len,
				    .value = value,
				    .value_len = value_len };

	return wait_for(s, &op);
}

int weir_store_get(struct weir_store *s, const void *key, uint32_t key_len, void *buf,
		   size_t capacity, size_t *len)
{
	struct weir_store_op op = { .kind = WEIR_STORE_GET,
				    .key = key,
				    .key_len = key_len,
				    .buf = buf,
				    .capacity = capacity };
	int err = wait_for(s, &op);
	if (len && (!err || err == -EMSGSIZE))
		*len = op.value_len;
	return err;
}

int weir_store_delete(struct weir_store *s, const void *key, uint32_t key_len, uint32_t flags)
{
	struct weir_store_op op = {
		.kind = WEIR_STORE_DELETE, .flags = flags, .key = key, .key_len = key_len
	};

	return wait_for(s, &op);
}

int weir_store_sync(struct weir_store *s)
{
	struct weir_store_op op = { .kind = WEIR_STORE_SYNC };

	return wait_for(s, &op);
}
