/* SPDX-License-Identifier: Apache-2.0 */
/*
 * read_drop.c - drops entries that a get has found damaged. See read_drop.h.
 *
 * A program that deleted such a key itself might delete a value that somebody has put meanwhile.
 * The loop can see that nothing newer is there. Several gets may find the same entry damaged at the
 * same time: they share one tombstone, and all end with it. This file owns the drops under way, and
 * runs on the loop's thread.
 */
#include "store/read_drop.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/container.h"
#include "base/done.h"

struct read_drop {
	LIST_ENTRY(read_drop) link;
	struct weir_store *s;
	struct weir_store_op tombstone;
	struct op_list gets; /* they end when the tombstone has ended */
	uint8_t key[];	     /* a copy: a get with a deadline ends before the tombstone */
};

static void read_drop_done(struct weir_store_op *tombstone)
{
	struct read_drop *drop = container_of(tombstone, struct read_drop, tombstone);
	struct weir_store_op *op;

	LIST_REMOVE(drop, link);
	while ((op = op_list_pop(&drop->gets)))
		op_end(&drop->s->io, op, -EBADMSG);
	free(drop);
}

static struct read_drop *read_drop_find(struct weir_store *s, const uint64_t hash[2])
{
	struct read_drop *drop;

	LIST_FOREACH(drop, &s->reads.drops, link)
		if (!memcmp(op_priv(&drop->tombstone)->hash, hash, 2 * sizeof(*hash)))
			return drop;
	return NULL;
}

static void read_drop_begin(struct read_drop *drop)
{
	struct weir_store_op *tombstone = &drop->tombstone;

	op_priv(tombstone)->store = drop->s;
	op_priv(tombstone)->start_ns = clock_now();
	done_begin(&op_priv(tombstone)->state);
	op_begin(&drop->s->io, tombstone);
	logs_append(drop->s->logs, tombstone);
}

/* Begins to drop the entry of OP's key. NULL: there is no memory, so it stays. */
static struct read_drop *read_drop_new(struct weir_store *s, const struct weir_store_op *op)
{
	struct read_drop *drop = calloc(1, sizeof(*drop) + op->key_len);

	if (!drop)
		return NULL;
	memcpy(drop->key, op->key, op->key_len);
	drop->s = s;
	op_list_init(&drop->gets);
	drop->tombstone = (struct weir_store_op){ .kind = WEIR_STORE_DELETE,
						  .flags = OP_DAMAGED,
						  .key = drop->key,
						  .key_len = op->key_len,
						  .end = read_drop_done };
	memcpy(op_priv(&drop->tombstone)->hash, op_priv(op)->hash, sizeof(op_priv(op)->hash));
	LIST_INSERT_HEAD(&s->reads.drops, drop, link);
	read_drop_begin(drop);
	return drop;
}

static bool read_drop_may(struct weir_store *s, const uint64_t hash[2],
			  const struct index_value *value)
{
	struct index_value now;

	return !s->io.read_only && !s->io.broken && logs_find(s->logs, hash, &now) &&
	       now.position == value->position && logs_is_settled(s->logs, hash);
}

void read_drop(struct weir_store *s, struct weir_store_op *op, const struct index_value *value)
{
	const uint64_t *hash = op_priv(op)->hash;
	struct read_drop *drop = read_drop_find(s, hash);

	if (!drop && read_drop_may(s, hash, value))
		drop = read_drop_new(s, op);
	if (drop && !op->deadline_ns)
		op_list_add(&drop->gets, op);
	else
		op_end(&s->io, op, -EBADMSG);
}
