/* SPDX-License-Identifier: Apache-2.0 */
/*
 * refuse.c - keeps a store within its write budget, by refusing puts.
 *
 * Survivors, tombstones and headers are always written, and are spent like puts. Keys that were
 * never seen before are refused while some of the budget is left, which is kept for the others: a
 * key that was put before, is there, or has left is wanted more often. It runs on the loop's thread
 * and counts what it refuses.
 */
#include "queue/loop.h"
#include "store/log/logs.h"
#include "store/log/refuse.h"

/* Returns true if the key of HASH is there, or will be. */
static bool refuse_is_there(const struct logs *ls, const uint64_t hash[2], const struct rec *newest)
{
	return newest ? !(newest->flags & DISK_TOMBSTONE) : index_get(&ls->index, hash, NULL);
}

bool refuse_put(struct log *l, struct weir_store_op *op, const struct rec *newest)
{
	struct spend *spend = &l->io->wear.spend;
	const uint64_t *hash = op_priv(op)->hash;
	struct logs *ls = l->all;
	bool there, seen;
	uint64_t when;

	if (!spend->per_day || op->kind != WEIR_STORE_PUT || op_priv(op)->afforded)
		return false;
	there = refuse_is_there(ls, hash, newest);
	/* The table begins with the budget; a key that has left may be known from before that. */
	seen = seen_note(&ls->seen, hash[1]) || there || leave_find(ls, hash, &when);
	spend_advance(spend, loop_now(l->io->q));
	op_priv(op)->afforded = spend_admits(spend, seen);
	if (op_priv(op)->afforded)
		return false;
	ls->refused++;
	ls->refused_bytes += op->value_len;
	/* What is there stays as it was. */
	if (!there)
		leave_note_refused(ls, hash);
	return true;
}
