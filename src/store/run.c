/* SPDX-License-Identifier: Apache-2.0 */
/*
 * run.c - runs many operations in one call. It owns nothing; any thread.
 */
#include <errno.h>

#include "base/error.h"
#include "store/parts.h"

/* Refuses operations with an `end`: a program that sets it counts on it, and calls that wait for
 * all operations never call it. */
static int run_check_end(const struct weir_store_op *ops, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (ops[i].end)
			return error_set(-EINVAL,
					 "operation %zu of %zu has an `end`, which this call would "
					 "not call: submit it with weir_store_submit()",
					 i + 1, n);
	return 0;
}

/* Sets weir_error() to the words for the error of OP. */
static void run_words(struct weir_store *s, const struct weir_store_op *op)
{
	struct weir_store *part =
		parts_route(s, op->key, op->kind < WEIR_STORE_SYNC ? op->key_len : 0);

	/* An operation that was refused is checked again, which sets the same words. */
	if (part && op_check(part, op) != op->result)
		words_set(&parts_of_op(s, op)->io, op);
}

/* Returns the first error of OPS that is not ALLOWED, with its words. */
static int run_result(struct weir_store *s, const struct weir_store_op *ops, size_t n, int allowed)
{
	for (size_t i = 0; i < n; i++) {
		int err = ops[i].result;

		if (!err || err == allowed)
			continue;
		run_words(s, &ops[i]);
		return n == 1 ? err
			      : error_set(err, "operation %zu of %zu: %s", i + 1, n, weir_error());
	}
	return 0;
}

int weir_store_run(struct weir_store *s, struct weir_store_op *ops, size_t n)
{
	int err = wait_allowed(s);
	size_t i;

	if (!err)
		err = run_check_end(ops, n);
	if (err)
		return err;
	op_submit_many(s, ops, n);
	/* Usually the last one ends last, so who waits for it sleeps once. */
	for (i = n; i-- > 0;)
		wait_op(s, &ops[i]);
	return run_result(s, ops, n, 0);
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
		err = run_check_end(ops, n);
	if (err)
		return err;
	for (i = 0; i < n; i++)
		ops[i].kind = WEIR_STORE_GET;
	weir_store_run(s, ops, n);
	return run_result(s, ops, n, -ENOENT);
}
