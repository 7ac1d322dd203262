/* SPDX-License-Identifier: Apache-2.0 */
/*
 * keys.c - chooses the log for each operation on a key.
 *
 * As long as a key is alive, or an operation on it is under way, its new records go to the log
 * where it lives, because positions order the records of one log only. Therefore operations are
 * found by key from their arrival until they are published. This file owns the two tables and runs
 * on the loop's thread.
 */
#include "base/check.h"
#include "store/log/logs.h"

static struct rec **keys_bucket(struct keys *k, const uint64_t hash[2])
{
	return &k->admitted[hash[0] % KEYS_ADMITTED_BUCKETS];
}

struct rec *keys_find_admitted(const struct keys *k, const uint64_t hash[2])
{
	struct rec *r = k->admitted[hash[0] % KEYS_ADMITTED_BUCKETS];

	while (r && (op_priv(r->op)->hash[0] != hash[0] || op_priv(r->op)->hash[1] != hash[1]))
		r = r->chain;
	return r;
}

void keys_add_admitted(struct keys *k, struct rec *r)
{
	struct rec **head = keys_bucket(k, op_priv(r->op)->hash);

	r->chain = *head;
	*head = r;
}

void keys_remove_admitted(struct keys *k, struct rec *r)
{
	struct rec **link = keys_bucket(k, op_priv(r->op)->hash);

	while (*link != r) {
		CHECK(*link);
		link = &(*link)->chain;
	}
	*link = r->chain;
}

static struct keys_pending *keys_pending_of(struct keys *k, const uint64_t hash[2])
{
	return &k->pending[hash[0] % KEYS_PENDING_BUCKETS];
}

void keys_add_pending(struct keys *k, struct weir_store_op *op, const struct log *l)
{
	struct keys_pending *p = keys_pending_of(k, op_priv(op)->hash);

	CHECK(!p->first == !p->last);
	op_priv(op)->log = l->stream;
	op_priv(op)->private = NULL;
	if (p->first)
		op_priv(p->last)->private = op;
	else
		p->first = op;
	p->last = op;
}

void keys_remove_pending(struct keys *k, struct weir_store_op *op)
{
	struct keys_pending *p = keys_pending_of(k, op_priv(op)->hash);
	struct weir_store_op *before = NULL, *at = p->first;

	/* Usually the admitted operation is the first one. */
	while (at != op) {
		CHECK(at);
		before = at;
		at = op_priv(at)->private;
	}
	if (before)
		op_priv(before)->private = op_priv(op)->private;
	else
		p->first = op_priv(op)->private;
	if (p->last == op)
		p->last = before;
}

static struct weir_store_op *keys_find_pending(struct keys *k, const uint64_t hash[2])
{
	struct weir_store_op *op = keys_pending_of(k, hash)->first;

	while (op && (op_priv(op)->hash[0] != hash[0] || op_priv(op)->hash[1] != hash[1]))
		op = op_priv(op)->private;
	return op;
}

bool logs_is_settled(struct logs *ls, const uint64_t hash[2])
{
	return !keys_find_pending(&ls->keys, hash) && !keys_find_admitted(&ls->keys, hash);
}

/* Law one-log: a key is alive in one log: its new versions and its tombstone go to the log in which
 * it lives. */
struct log *keys_choose_log(struct logs *ls, const struct weir_store_op *op)
{
	struct weir_store_op *pending = keys_find_pending(&ls->keys, op_priv(op)->hash);
	struct rec *admitted = pending ? NULL : keys_find_admitted(&ls->keys, op_priv(op)->hash);
	struct log *l;

	CHECK(ls->io->super.streams <= ls->count);
	if (pending)
		return ls->log[op_priv(pending)->log];
	if (admitted)
		return admitted->log;
	l = entries_log(ls, op_priv(op)->hash);
	if (l)
		return l;
	/* This device could not be told of the stream: until it is, at the next open or when the
	 * tenant asks again, its new keys belong to no tenant here. */
	return ls->log[op->stream < ls->io->super.streams ? op->stream : 0];
}
