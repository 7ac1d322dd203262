/* SPDX-License-Identifier: Apache-2.0 */
/*
 * logs.c - the logs of a store, one for each stream, and which of them a key belongs to.
 *
 * While a key is alive, or an operation on it is under way, its new versions and its tombstone go
 * to the log it lives in: position order is version order within a log only. So pending
 * operations are known by key until they are admitted. Owns the logs and the table of what is
 * pending; the loop's thread.
 */
#include <errno.h>
#include <stdlib.h>

#include "store/impl.h"

int logs_make(struct weir_store *s, uint32_t n)
{
	while (s->nr_logs < n) {
		struct log *l = calloc(1, sizeof(*l));

		if (!l)
			return -ENOMEM;
		log_init(l, s, s->nr_logs);
		/* All that is there is published; durable it is called only after a flush of this
		 * life. */
		l->published = (struct logpos){ { s->super.epoch, 0 }, 0 };
		s->logs[s->nr_logs] = l;
		s->nr_logs++;
	}
	return 0;
}

void logs_free(struct weir_store *s)
{
	for (uint32_t i = 0; i < s->nr_logs; i++)
		free(s->logs[i]);
}

static struct claims *claims_of(struct weir_store *s, const uint64_t hash[2])
{
	return &s->claims[hash[0] % CLAIM_BUCKETS];
}

void logs_claim(struct weir_store *s, struct weir_store_op *op, const struct log *l)
{
	struct claims *c = claims_of(s, op_priv(op)->hash);

	op_priv(op)->log = l->stream;
	op_priv(op)->private = NULL;
	if (c->first)
		op_priv(c->last)->private = op;
	else
		c->first = op;
	c->last = op;
}

void logs_unclaim(struct weir_store *s, struct weir_store_op *op)
{
	struct claims *c = claims_of(s, op_priv(op)->hash);
	struct weir_store_op *before = NULL, *at = c->first;

	/* What is admitted came first, mostly. */
	while (at != op) {
		before = at;
		at = op_priv(at)->private;
	}
	if (before)
		op_priv(before)->private = op_priv(op)->private;
	else
		c->first = op_priv(op)->private;
	if (c->last == op)
		c->last = before;
}

static struct weir_store_op *claim_find(struct weir_store *s, const uint64_t hash[2])
{
	struct weir_store_op *op = claims_of(s, hash)->first;

	while (op && (op_priv(op)->hash[0] != hash[0] || op_priv(op)->hash[1] != hash[1]))
		op = op_priv(op)->private;
	return op;
}

struct log *logs_choose(struct weir_store *s, const struct weir_store_op *op)
{
	struct weir_store_op *pending = claim_find(s, op_priv(op)->hash);
	struct rec *admitted = pending ? NULL : admitted_find(s, op_priv(op)->hash);
	struct log *l;

	if (pending)
		return s->logs[op_priv(pending)->log];
	if (admitted)
		return admitted->log;
	l = entries_log(s, op_priv(op)->hash);
	return l ? l : s->logs[op->stream];
}

void logs_kick(struct weir_store *s)
{
	struct log *l;
	uint32_t i;

	LOGS_FOREACH(s, l, i)
	if (l->pending.first)
		log_kick(l);
}

void logs_publish(struct weir_store *s)
{
	struct log *l;
	uint32_t i;

	LOGS_FOREACH(s, l, i)
	log_publish(l);
}
