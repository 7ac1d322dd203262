/* SPDX-License-Identifier: Apache-2.0 */
/*
 * wait.c - the blocking calls: submit, wait, and say in words what went wrong.
 *
 * The owner of the loop runs it until the operation has ended; any other thread sleeps on the
 * operation's state. Owns nothing; any thread.
 */
#include <errno.h>
#include <linux/futex.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/error.h"
#include "base/fork.h"
#include "queue/loop.h"
#include "store/impl.h"

int store_check_process(const struct weir_store *s)
{
	return fork_inherited(s->process) ? fork_refuse("store") : 0;
}

int wait_allowed(const struct weir_store *s)
{
	int err = s ? store_check_process(s) : 0;

	if (err)
		return err;
	if (loop_in_callback())
		return error_set(
			-EDEADLK,
			"a callback cannot wait for the loop that runs it: submit instead");
	return 0;
}

static bool op_done(const void *user)
{
	const struct weir_store_op *op = user;

	return __atomic_load_n(&op_priv(op)->state, __ATOMIC_ACQUIRE) == OP_DONE;
}

static void wait_futex(struct weir_store_op *op)
{
	uint32_t state = __atomic_load_n(&op_priv(op)->state, __ATOMIC_ACQUIRE);

	while (state != OP_DONE) {
		if (state == OP_PENDING &&
		    !__atomic_compare_exchange_n(&op_priv(op)->state, &state, OP_WAITED, false,
						 __ATOMIC_ACQUIRE, __ATOMIC_ACQUIRE))
			continue;
		syscall(SYS_futex, &op_priv(op)->state, FUTEX_WAIT_PRIVATE, OP_WAITED, NULL, NULL,
			0);
		state = __atomic_load_n(&op_priv(op)->state, __ATOMIC_ACQUIRE);
	}
}

int wait_op(struct weir_store *s, struct weir_store_op *op)
{
	if (loop_is_mine(s->q))
		loop_run_until(s->q, op_done, op);
	else
		wait_futex(op);
	return op->result;
}

int weir_store_wait(struct weir_store *s, struct weir_store_op *op)
{
	int err = wait_allowed(s);

	if (err)
		return err;
	if (__atomic_load_n(&op_priv(op)->state, __ATOMIC_ACQUIRE) == OP_IDLE)
		return error_set(-EINVAL, "an operation that was never submitted");
	return wait_op(s, op);
}

int wait_call(struct weir_store *s, int (*fn)(struct weir_store *s, void *user), void *user)
{
	struct loop_call call = { fn, user };
	struct weir_store_op op = { .kind = OP_CALL };
	int err = wait_allowed(s);

	op_priv(&op)->private = &call;
	if (!err)
		err = op_post(s, &op);
	return err ? err : wait_op(s, &op);
}

int weir_store_poll(struct weir_store *s)
{
	int err = wait_allowed(s);

	if (err || !loop_is_mine(s->q))
		return err;
	err = weir_queue_poll(s->q);
	return err < 0 ? err : 0;
}

/* What RESULT means, in words. */
static int wait_words(struct weir_store *s, const struct weir_store_op *op, int result)
{
	const char *path = weir_device_path(weir_queue_device(s->q));
	const struct op_words *words = op->kind == WEIR_STORE_GET ? op_priv(op)->private : NULL;
	int lost = __atomic_load_n(&s->ring_lost, __ATOMIC_ACQUIRE);

	if (lost && (result == -EIO || (result == -EROFS && !s->read_only)))
		return error_set(result,
				 "%s: the store's io_uring ring is gone (%s): close and reopen the "
				 "store",
				 path, strerror(lost));
	if (words && words->text[0])
		return error_set(result, "%s: %s", path, words->text);
	switch (result) {
	case 0:
		return 0;
	case -ENOENT:
		return error_set(result, "%s: no such key", path);
	case -EMSGSIZE:
		return error_set(result, "%s: the value has %llu bytes, the buffer only %llu", path,
				 (unsigned long long)op->value_len,
				 (unsigned long long)op->capacity);
	case -EBADMSG:
		return error_set(
			result, "%s: the value is damaged on the medium; put it again or delete it",
			path);
	case -EROFS:
		return error_set(result,
				 s->read_only
					 ? "%s: the store was opened read-only"
					 : "%s: a write could not be made durable, so the store "
					   "is read-only: close it and open it again",
				 path);
	case -ENODEV:
		return error_sys(result, "%s: the device was removed", path);
	default:
		return error_sys(result, "%s", path);
	}
}

static int wait_for(struct weir_store *s, struct weir_store_op *op)
{
	int err = wait_allowed(s);

	if (!err)
		err = op_check(s, op);
	if (!err)
		err = op_post(s, op);
	return err ? err : wait_words(s, op, wait_op(s, op));
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
	struct op_words words = { "" };
	struct weir_store_op op = { .kind = WEIR_STORE_GET,
				    .key = key,
				    .key_len = key_len,
				    .buf = buf,
				    .capacity = capacity };
	int err;

	op_priv(&op)->private = &words;
	err = wait_for(s, &op);
	if (len && (!err || err == -EMSGSIZE))
		*len = op.value_len;
	return err;
}

int weir_store_exists(struct weir_store *s, const void *key, uint32_t key_len, size_t *len)
{
	struct weir_store_op op = { .kind = WEIR_STORE_EXISTS, .key = key, .key_len = key_len };
	int err = wait_for(s, &op);

	if (len && !err)
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
