/* SPDX-License-Identifier: Apache-2.0 */
/*
 * publish.c - from written batches to index entries and acknowledgements, in log order.
 *
 * Batches are written many at a time and end in any order. A record is published when its batch
 * and all earlier ones have been written: were it earlier, a crash could take a record of a
 * former batch and keep a later one that was acknowledged, or the other way round, and the index
 * would hold what a recovery cannot find. Owns the FIFO of batches; the loop's thread.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "store/impl.h"

static void rec_free(struct weir_store *s, struct rec *r)
{
	admitted_remove(s, r);
	index_unreserve(&s->index);
	free(r);
}

/* Ends R's operation and those that follow it. */
static void rec_end(struct weir_store *s, struct rec *r, int result)
{
	struct op_list followers = r->followers;
	struct weir_store_op *op = r->op;

	/* The list's end may point into the record, which goes now. */
	if (!followers.first)
		op_list_init(&followers);
	rec_free(s, r);
	if (result)
		op_end(s, op, result);
	else if (op->flags & WEIR_PUT_DURABLE)
		flush_wait_op(s, op, 0);
	else
		op_end(s, op, 0);
	while ((op = op_list_pop(&followers))) {
		if (!result && op->flags & WEIR_PUT_DURABLE)
			flush_wait_op(s, op, -ENOENT);
		else
			op_end(s, op, result ? result : -ENOENT);
	}
}

void batch_fail(struct batch *b, int result)
{
	struct weir_store *s = b->log->s;
	struct rec *r, *next;

	for (r = b->first; r; r = next) {
		next = r->next;
		rec_end(s, r, result);
	}
	free(b);
}

static void rec_publish(struct weir_store *s, const struct batch *b, struct rec *r)
{
	struct index_value value = { .position = layout_position(s->lay, b->seg->number, r->block),
				     .checksum = r->checksum,
				     .length = r->length };

	if (r->flags & DISK_TOMBSTONE) {
		entries_remove(s, op_priv(r->op)->hash);
		return;
	}
	/* Cannot fail: room was reserved at admission. */
	entries_set(s, op_priv(r->op)->hash, &value);
	s->flusher.unflushed_puts += !(r->op->flags & WEIR_PUT_DURABLE);
}

static void batch_publish(struct batch *b)
{
	struct weir_store *s = b->log->s;
	struct log *l = b->log;
	struct rec *r, *next;

	l->published = (struct logpos){ b->seg->gen, b->block + b->blocks };
	l->published_bytes += (uint64_t)b->blocks << s->lay->block_shift;
	b->seg->end = b->block + b->blocks;
	for (r = b->first; r; r = next) {
		next = r->next;
		rec_publish(s, b, r);
		rec_end(s, r, 0);
	}
	free(b);
}

/*
 * A segment with a batch that could not be written is closed, and nothing behind that batch is
 * acknowledged (nor counted into the watermark) before a footer says that it is left out: a
 * recovery that walks the segment could find half of it and take it for a good one. The other
 * logs wait too: a key whose put failed may live in one of them by now, and be deleted there.
 */
static bool batch_held_back(const struct batch *b)
{
	const struct weir_store *s = b->log->s;
	const struct segment *seg;
	const struct log *l;
	uint32_t i;

	LOGS_FOREACH(s, l, i)
	TAILQ_FOREACH(seg, &l->sealing, sealing)
		if (seg->failed && (l != b->log || generation_compare(seg->gen, b->seg->gen) <= 0))
			return true;
	return false;
}

bool publish_failing(const struct weir_store *s)
{
	const struct segment *seg;
	const struct log *l;
	uint32_t i;

	LOGS_FOREACH(s, l, i)
	TAILQ_FOREACH(seg, &l->sealing, sealing)
		if (seg->failed)
			return true;
	return false;
}

void log_publish(struct log *l)
{
	struct weir_store *s = l->s;
	struct batch *b;

	while ((b = STAILQ_FIRST(&l->batches)) && b->ended) {
		int result = b->result ? b->result : s->broken;

		if (!result && batch_held_back(b))
			break;
		STAILQ_REMOVE_HEAD(&l->batches, link);
		if (result) {
			/* Not there, but not in front of the watermark either. */
			l->published_bytes += (uint64_t)b->blocks << s->lay->block_shift;
			batch_fail(b, result);
		} else {
			batch_publish(b);
		}
	}
	if (l->published_bytes - l->flushing_bytes >= FLUSH_EVERY_BYTES)
		flush_want(s);
	flush_kick(s);
}

/* Its records are struck from the footer to be. */
static void batch_not_written(struct batch *b)
{
	struct disk_entry *from = b->seg->entries + b->first_entry;

	memset(from, 0, b->count * sizeof(*from));
	b->seg->failed = true;
	if (b->seg->state == SEGMENT_OPEN)
		seal_close(b->log, b->seg);
}

void batch_written(struct sio *sio, int result)
{
	struct batch *b = container_of(sio, struct batch, sio);
	struct weir_store *s = sio->s;
	struct log *l = b->log;

	bufpool_put(&s->pool, b->buf, b->buf_bytes);
	free(b->iov);
	b->buf = NULL;
	b->iov = NULL;
	b->ended = true;
	b->result = result ? sio_error(result) : 0;
	b->seg->batches--;
	if (result) {
		for (struct rec *r = b->first; r; r = r->next)
			words_note_io(r->op, &sio->io);
		batch_not_written(b);
	}
	log_publish(l);
	seal_kick(l);
	if (l->pending.first)
		log_kick(l);
}
