/* SPDX-License-Identifier: Apache-2.0 */
/*
 * submit.c - hands operations to the link. See remote.h.
 */
#include <errno.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/error.h"
#include "queue/loop.h"
#include "remote/remote.h"

int remote_lost(const struct weir_remote *r, int err)
{
	if (err == -ETIMEDOUT)
		return error_set(err, "pid %d, which has the store open, does not answer",
				 (int)r->owner);
	if (err == -EPROTO)
		return error_set(err, "what pid %d answers is not understood", (int)r->owner);
	if (err == -ESHUTDOWN)
		return error_set(err, "the remote store is being closed");
	return error_set(err, "pid %d, which had the store open, has ended or closed it",
			 (int)r->owner);
}

/* Checks the memory of OP's value, or the room for it, which has LENGTH bytes. */
static int check_memory(const struct weir_store_op *op, uint64_t length)
{
	uint64_t sum = 0;

	if (op->nr_iov > WEIR_STORE_IOV_MAX)
		return error_set(-EINVAL, "a value in %u pieces: the most are %u", op->nr_iov,
				 WEIR_STORE_IOV_MAX);
	if (length && !op->buf)
		return error_set(-EINVAL, "a value without memory");
	for (uint32_t i = 0; i < op->nr_iov; i++) {
		if (op->iov[i].iov_len && !op->iov[i].iov_base)
			return error_set(-EINVAL, "piece %u of %u has no memory", i + 1,
					 op->nr_iov);
		if (__builtin_add_overflow(sum, op->iov[i].iov_len, &sum))
			sum = UINT64_MAX;
	}
	if (!op->nr_iov || sum == length)
		return 0;
	return error_set(-EINVAL, "%u pieces of %llu bytes together, but the operation says %llu",
			 op->nr_iov, (unsigned long long)sum, (unsigned long long)length);
}

static int check_put(const struct weir_remote *r, const struct weir_store_op *op)
{
	if (!op->value_len)
		return error_set(-EINVAL, "a value of 0 bytes");
	if (op->value_len > r->max_value)
		return error_set(-EFBIG,
				 "a value of %llu bytes: the longest in this store has "
				 "%llu",
				 (unsigned long long)op->value_len,
				 (unsigned long long)r->max_value);
	return check_memory(op, op->value_len);
}

static int check_op(const struct weir_remote *r, const struct weir_store_op *op)
{
	if (op->kind >= WEIR_STORE_OP_COUNT)
		return error_set(-EINVAL, "there is no operation %u", op->kind);
	if (op->kind == WEIR_STORE_SYNC)
		return 0;
	if (!op->key || !op->key_len || op->key_len > WEIR_KEY_MAX)
		return error_set(-EINVAL, "a key of %u bytes: it has 1 to %u", op->key_len,
				 WEIR_KEY_MAX);
	if (op->kind == WEIR_STORE_PUT)
		return check_put(r, op);
	return op->kind == WEIR_STORE_GET ? check_memory(op, op->capacity) : 0;
}

/* Adds LIST to the queue, or nothing of it. */
static int submit_list(struct weir_remote *r, struct remote_list *list)
{
	bool idle;
	int err;

	pthread_mutex_lock(&r->lock);
	err = r->stopping ? -ESHUTDOWN : r->error;
	idle = !r->queue.count;
	if (!err && list->count) {
		remote_list_append(&r->queue, list);
		if (idle)
			link_kick(r);
	}
	pthread_mutex_unlock(&r->lock);
	return err ? remote_lost(r, err) : 0;
}

/* Submits those of the N OPS that may be; the others have ended. Where the owner is gone, all have.
 */
static int submit_batch(struct weir_remote *r, struct weir_store_op *ops, size_t n,
			struct remote_batch *batch)
{
	struct remote_list list;
	struct weir_store_op *op;
	int err;

	remote_list_init(&list);
	for (size_t i = 0; i < n; i++) {
		ops[i].result = check_op(r, &ops[i]);
		if (ops[i].result)
			continue;
		*remote_op(&ops[i]) = (struct remote_op){ .batch = batch };
		remote_list_add(&list, &ops[i]);
	}
	batch->left = list.count;
	err = submit_list(r, &list);
	while ((op = remote_list_pop(&list))) {
		memset(op->priv, 0, sizeof(op->priv));
		op->result = err;
	}
	return err;
}

int weir_remote_wait_end(struct weir_remote *r, uint64_t timeout_ns)
{
	uint64_t deadline = clock_deadline(clock_now(), timeout_ns);
	struct timespec at = { .tv_sec = (time_t)(deadline / NSEC_PER_SEC),
			       .tv_nsec = (long)(deadline % NSEC_PER_SEC) };
	int err = remote_check(r), timed = 0;

	if (err)
		return err;
	if (loop_in_callback())
		return error_in_callback("wait for the end of an owner");
	pthread_mutex_lock(&r->lock);
	while (!r->error && !timed)
		timed = deadline == UINT64_MAX ? pthread_cond_wait(&r->changed, &r->lock)
					       : pthread_cond_timedwait(&r->changed, &r->lock, &at);
	err = r->error ? 0 : -ETIMEDOUT;
	pthread_mutex_unlock(&r->lock);
	return err ? error_set(err, "the owner has not ended in this time") : 0;
}

int weir_remote_submit(struct weir_remote *r, struct weir_store_op *op)
{
	struct remote_list list;
	int err = remote_check(r);

	if (!err)
		err = check_op(r, op);
	if (err)
		return err;
	remote_list_init(&list);
	memset(op->priv, 0, sizeof(op->priv));
	remote_list_add(&list, op);
	return submit_list(r, &list);
}

/* Returns the first error of OPS, with its words. */
static int run_result(const struct weir_remote *r, const struct weir_store_op *ops, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		int err = ops[i].result;

		/* One that was refused is checked again, which sets the same words. */
		if (err && check_op(r, &ops[i]) != err)
			error_set(err, "an operation of a remote store failed");
		if (err)
			return err;
	}
	return 0;
}

int weir_remote_run(struct weir_remote *r, struct weir_store_op *ops, size_t n)
{
	struct remote_batch batch;
	int err = remote_check(r);

	if (!err && loop_in_callback())
		err = error_in_callback("run operations");
	for (size_t i = 0; i < n && !err; i++)
		if (ops[i].end)
			err = error_set(-EINVAL, "operation %zu has an `end`", i);
	if (!err && n)
		err = submit_batch(r, ops, n, &batch);
	if (err || !n)
		return err;
	pthread_mutex_lock(&r->lock);
	while (batch.left)
		pthread_cond_wait(&r->changed, &r->lock);
	pthread_mutex_unlock(&r->lock);
	return run_result(r, ops, n);
}
