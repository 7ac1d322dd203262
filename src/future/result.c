/* SPDX-License-Identifier: Apache-2.0 */
/*
 * result.c - what came out of a future, as numbers and in words. See future.h.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "future/future.h"

static bool kind_asks(uint32_t kind)
{
	return kind == WEIR_FUTURE_EXISTS || kind == WEIR_FUTURE_LEASE;
}

static void settle_op(struct future *future, size_t i)
{
	const struct weir_store_op *op = &future->ops[i];
	bool get = op->kind == WEIR_STORE_GET;

	if (kind_asks(future->result.kind)) { /* of a remote store */
		future->results[i] = op->result;
		future->lengths[i] = op->result ? 0 : op->value_len;
		return;
	}
	future->results[i] = future->shed ? -EAGAIN : op->result;
	future->lengths[i] = get && (!op->result || op->result == -EMSGSIZE) ? op->value_len : 0;
	if (get && future->flags & WEIR_FUTURE_EXACT && !op->result &&
	    op->value_len != op->capacity)
		future->results[i] = -EMSGSIZE;
}

void future_settle(struct future *future)
{
	struct weir_future_result *r = &future->result;
	size_t i;

	for (i = 0; i < r->n; i++) {
		if (!kind_asks(r->kind) || !future->store)
			settle_op(future, i);
		if (!r->error)
			r->error = future->results[i];
	}
	if (kind_asks(r->kind) && !future->store)
		while (r->leading < r->n && !future->results[r->leading])
			r->leading++;
}

void weir_future_free(const struct weir_future_result *result)
{
	/* The result is the first member of the future. */
	free((void *)(uintptr_t)result);
}

static const char *kind_name(uint32_t kind)
{
	static const char *const names[WEIR_FUTURE_KIND_COUNT] = {
		[WEIR_FUTURE_PUT] = "put",	 [WEIR_FUTURE_GET] = "get",
		[WEIR_FUTURE_EXISTS] = "exists", [WEIR_FUTURE_LEASE] = "lease",
		[WEIR_FUTURE_DELETE] = "delete", [WEIR_FUTURE_SYNC] = "sync",
	};

	return kind < WEIR_FUTURE_KIND_COUNT ? names[kind] : "operation";
}

static const char *words_of(const struct weir_future_result *result, size_t index)
{
	int32_t err = result->results[index];

	if (!err)
		return "done";
	if (err == -ENOENT)
		return "no such key";
	if (err == -EMSGSIZE && result->kind == WEIR_FUTURE_GET)
		return "the value has another length than the room for it";
	if (err == -EAGAIN && result->kind == WEIR_FUTURE_PUT)
		return "refused: too many bytes of puts are under way";
	return strerror(-err);
}

const char *weir_future_strerror(const struct weir_future_result *result, size_t index, char *buf,
				 size_t size)
{
	const struct future *future = (const struct future *)(const void *)result;

	if (index >= result->n)
		snprintf(buf, size, "there are %zu results only", result->n);
	else if (*future->why && future->refused == index)
		snprintf(buf, size, "%s: %s", kind_name(result->kind), future->why);
	else if (future->ops[index].result)
		weir_store_op_strerror(&future->ops[index], buf, size);
	else
		snprintf(buf, size, "%s: %s", kind_name(result->kind), words_of(result, index));
	return buf;
}
