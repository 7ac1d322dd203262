/* SPDX-License-Identifier: Apache-2.0 */
/*
 * make.c - the memory of a future, and its operations. See future.h.
 *
 * The caller's items may be gone as soon as the submit has returned, so everything but the values
 * is copied. One allocation holds all, because a future lives as long as its longest operation.
 */
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "future/future.h"

/* The bytes of each part of a future, in the order in which they lie in memory. */
struct sizes {
	size_t ops, lengths, iovs, results, keys, all;
};

static bool kind_has_values(uint32_t kind)
{
	return kind == WEIR_FUTURE_PUT || kind == WEIR_FUTURE_GET;
}

/* Returns false if the sum does not fit into a size_t. */
static bool sizes_of(struct sizes *z, uint32_t kind, const struct weir_future_item *items, size_t n)
{
	size_t i, nr_iov = 0;
	bool fits = true;

	*z = (struct sizes){ 0 };
	for (i = 0; i < n; i++) {
		fits = fits && !__builtin_add_overflow(z->keys, items[i].key_len, &z->keys);
		if (kind_has_values(kind))
			fits = fits && !__builtin_add_overflow(nr_iov, items[i].nr_iov, &nr_iov);
	}
	n += !n;
	fits = fits && !__builtin_mul_overflow(n, sizeof(struct weir_store_op), &z->ops);
	fits = fits && !__builtin_mul_overflow(n, sizeof(uint64_t), &z->lengths);
	fits = fits && !__builtin_mul_overflow(n, sizeof(int32_t), &z->results);
	fits = fits && !__builtin_mul_overflow(nr_iov, sizeof(struct iovec), &z->iovs);
	z->all = sizeof(struct future);
	fits = fits && !__builtin_add_overflow(z->all, z->ops, &z->all);
	fits = fits && !__builtin_add_overflow(z->all, z->lengths, &z->all);
	fits = fits && !__builtin_add_overflow(z->all, z->iovs, &z->all);
	fits = fits && !__builtin_add_overflow(z->all, z->results, &z->all);
	return fits && !__builtin_add_overflow(z->all, z->keys, &z->all);
}

static uint32_t op_kind(uint32_t kind)
{
	static const uint32_t kinds[WEIR_FUTURE_KIND_COUNT] = {
		[WEIR_FUTURE_PUT] = WEIR_STORE_PUT,	  [WEIR_FUTURE_GET] = WEIR_STORE_GET,
		[WEIR_FUTURE_EXISTS] = WEIR_STORE_EXISTS, [WEIR_FUTURE_LEASE] = WEIR_STORE_EXISTS,
		[WEIR_FUTURE_DELETE] = WEIR_STORE_DELETE, [WEIR_FUTURE_SYNC] = WEIR_STORE_SYNC,
	};

	CHECK(kind < WEIR_FUTURE_KIND_COUNT);
	return kinds[kind];
}

static uint32_t op_flags(uint32_t kind, uint32_t flags)
{
	if (kind == WEIR_STORE_GET)
		return (flags & WEIR_FUTURE_DROP_DAMAGED ? (uint32_t)WEIR_GET_DROP_DAMAGED : 0) |
		       (flags & WEIR_FUTURE_KEEP_LEASE ? (uint32_t)WEIR_GET_KEEP_LEASE : 0);
	return (flags & WEIR_FUTURE_DURABLE ? (uint32_t)WEIR_PUT_DURABLE : 0) |
	       (flags & WEIR_FUTURE_IF_ABSENT ? (uint32_t)WEIR_PUT_IF_ABSENT : 0);
}

/* Sets the value of OP. *IOV is where the next array of pieces is copied to. */
static void op_set_value(struct weir_store_op *op, const struct weir_future_item *item,
			 struct iovec **iov)
{
	op->nr_iov = item->nr_iov;
	if (item->nr_iov) {
		memcpy(*iov, item->iov, item->nr_iov * sizeof(**iov));
		op->iov = *iov;
		*iov += item->nr_iov;
	} else {
		op->buf = item->buf;
	}
	if (op->kind == WEIR_STORE_PUT)
		op->value_len = item->length;
	else
		op->capacity = item->length;
}

static void op_set(struct weir_store_op *op, const struct weir_future *future,
		   const struct weir_future_item *item)
{
	op->flags = op_flags(op->kind, future->flags);
	op->key_len = item->key_len;
	op->submitter = item->submitter;
	op->prio = item->prio;
	op->stream = op->kind == WEIR_STORE_PUT ? item->stream : 0;
	op->deadline_ns = future->until_ns;
}

struct future *future_make(struct weir_futures *f, const struct weir_future *future,
			   const struct weir_future_item *items, size_t n)
{
	struct future *made;
	struct sizes z;
	struct iovec *iov;
	char *keys;
	size_t i;

	if (!sizes_of(&z, future->kind, items, n))
		return NULL;
	made = calloc(1, z.all);
	if (!made)
		return NULL;
	made->home = f;
	made->ops = (struct weir_store_op *)(void *)(made + 1);
	made->lengths = (uint64_t *)(void *)((char *)made->ops + z.ops);
	iov = (struct iovec *)(void *)((char *)made->lengths + z.lengths);
	made->results = (int32_t *)(void *)((char *)iov + z.iovs);
	keys = (char *)made->results + z.results;
	made->flags = future->flags;
	for (i = 0; i < n + !n; i++)
		made->ops[i].kind = op_kind(future->kind);
	for (i = 0; i < n; i++) {
		op_set(&made->ops[i], future, &items[i]);
		if (kind_has_values(future->kind))
			op_set_value(&made->ops[i], &items[i], &iov);
		made->ops[i].key = keys;
		if (items[i].key_len)
			memcpy(keys, items[i].key, items[i].key_len);
		keys += items[i].key_len;
	}
	made->result = (struct weir_future_result){
		.size = sizeof(made->result),
		.kind = future->kind,
		.n = n + !n,
		.results = made->results,
		.lengths = made->lengths,
		.user = future->user,
	};
	return made;
}
