/* SPDX-License-Identifier: Apache-2.0 */
/*
 * publish.c - publishes written batches in log order: index entries and acknowledgements.
 *
 * Many batches are written at a time, and their writes end in any order. A record is published only
 * when its batch and all earlier ones are written. Otherwise a crash could lose a record of an
 * earlier batch and keep a later one that was acknowledged, and the index would hold entries that a
 * recovery cannot find. This file takes batches off the log. It runs on the loop's thread.
 */
#include "base/check.h"
#include "store/log/logs.h"

/* Counts a survivor. It stays marked as read if it moved only to make room. */
static void publish_again(struct logs *ls, const struct rec *r, struct index_value *value)
{
	struct index_value old;

	ls->survivors++;
	ls->survivor_bytes += r->length;
	if (survivor_of(r->op)->keeps_read && logs_find(ls, op_priv(r->op)->hash, &old))
		value->flags = old.flags & INDEX_READ;
}

static void publish_rec(struct logs *ls, const struct batch *b, const struct rec *r)
{
	bool again = r->op->kind == OP_SURVIVOR;
	struct index_value value = { .position =
					     layout_position(ls->io->lay, b->seg->number, r->block),
				     .checksum = r->checksum,
				     .length = r->length };

	if (r->flags & DISK_TOMBSTONE) {
		if (entries_remove(ls, op_priv(r->op)->hash))
			leave_note(ls, op_priv(r->op)->hash, r->op->key, r->op->key_len,
				   r->op->flags & OP_DAMAGED ? WEIR_LEAVE_DAMAGED
							     : WEIR_LEAVE_DELETED);
		return;
	}
	if (again)
		publish_again(ls, r, &value);
	/* Room in the index was reserved at admission. */
	CHECK(!entries_set(ls, op_priv(r->op)->hash, &value));
	if (!again && !(r->op->flags & WEIR_PUT_DURABLE))
		flush_count_put(ls->io);
}

static void publish_batch(struct log *l, struct batch *b)
{
	struct logpos to = { b->seg->gen, b->block + b->blocks };
	const struct rec *r;

	flush_mark_publish(l->io, &l->mark, to, (uint64_t)b->blocks << l->io->lay->block_shift);
	segment_publish(b->seg, to.block);
	for (r = b->first; r; r = r->next)
		publish_rec(l->all, b, r);
	batch_end(b, 0);
}

/*
 * Returns true if B must wait for a footer. A segment with a failed batch is closed, and nothing
 * behind that batch is acknowledged (nor counted into the watermark) before a footer leaves it out:
 * a recovery that walks the segment could find a half-written batch and accept it. The other logs
 * wait too, because a key whose put failed may live in one of them by now, and be deleted there.
 */
static bool publish_held_back(const struct log *of, const struct batch *b)
{
	const struct segment *seg;
	const struct log *l;
	uint32_t i;

	/* Law failed-batch: nothing behind a failed batch is acknowledged before a footer leaves
	 * it out. */
	if (!of->all->segs.failing)
		return false;
	LOGS_FOREACH(of->all, l, i)
	TAILQ_FOREACH(seg, &l->segs.sealing, sealing)
		if (seg->failed && (l != of || generation_compare(seg->gen, b->seg->gen) <= 0))
			return true;
	return false;
}

static void publish_log(struct log *l)
{
	struct batch *b;

	/* Law log-order: a batch is published, and its puts acknowledged, only when it and all
	 * earlier batches of its log are written. */
	while ((b = STAILQ_FIRST(&l->batches)) && b->ended) {
		int result = b->result ? b->result : l->io->broken;

		if (!result && publish_held_back(l, b))
			break;
		CHECK(!b->parts_busy && b->log == l);
		STAILQ_REMOVE_HEAD(&l->batches, link);
		if (result) {
			flush_mark_pass(l->io, &l->mark,
					(uint64_t)b->blocks << l->io->lay->block_shift);
			batch_end(b, result);
		} else {
			publish_batch(l, b);
		}
	}
}

void logs_publish(struct logs *ls)
{
	uint32_t mask = ls->round;
	struct log *l;

	LOGS_IN(ls, l, mask)
	publish_log(l);
}
