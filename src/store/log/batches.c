/* SPDX-License-Identifier: Apache-2.0 */
/*
 * batches.c - gathers records into batches, and writes each batch with one io.
 *
 * The header and all copies (tails of blocks, values that are not aligned) are written from the
 * batch's own memory. Whole blocks of an aligned value are written from the caller's memory. The
 * end of a write is only noted; publish.c takes the batch. This file owns struct batch and struct
 * rec and runs on the loop's thread.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/container.h"
#include "base/check.h"
#include "base/clock.h"
#include "store/format/batch.h"
#include "store/log/logs.h"

struct batch *batch_new(struct log *l, struct segment *seg)
{
	struct batch *b = calloc(1, sizeof(*b));

	if (!b)
		return NULL;
	CHECK(seg->log == l && seg->state == SEGMENT_OPEN);
	b->log = l;
	b->seg = seg;
	b->last = &b->first;
	b->header_bytes = sizeof(struct disk_batch);
	return b;
}

bool batch_takes(const struct batch *b, const struct weir_store_op *op)
{
	const struct layout *lay = b->log->io->lay;
	uint64_t header = b->header_bytes + batch_record_bytes(op->key_len);
	uint64_t payload = b->payload_blocks + layout_blocks(lay, batch_payload_bytes(op));

	return b->count < BATCH_RECORDS_MAX && header <= BATCH_HEADER_MAX &&
	       ((payload + layout_blocks(lay, header)) << lay->block_shift) <=
		       b->log->all->batch_bytes &&
	       segment_fits(lay, b->seg, header, payload, b->count + 1);
}

int batch_take(struct batch *b, struct weir_store_op *op)
{
	struct logs *ls = b->log->all;
	struct rec *r = calloc(1, sizeof(*r));

	/* An admitted record must find room in the index when it is published. */
	if (!r || index_reserve(&ls->index)) {
		free(r);
		return -ENOMEM;
	}
	r->op = op;
	r->log = b->log;
	r->length = (uint32_t)batch_payload_bytes(op);
	r->flags = op->kind == WEIR_STORE_DELETE ? DISK_TOMBSTONE : 0;
	CHECK(r->flags || r->length);
	r->sequence = ls->sequence++;
	op_list_init(&r->followers);
	*b->last = r;
	b->last = &r->next;
	b->count++;
	b->header_bytes += batch_record_bytes(op->key_len);
	b->payload_blocks += layout_blocks(ls->io->lay, r->length);
	keys_add_admitted(&ls->keys, r);
	return 0;
}

void batch_follow(struct rec *tombstone, struct weir_store_op *op)
{
	CHECK(tombstone->flags & DISK_TOMBSTONE && op->kind == WEIR_STORE_DELETE);
	op_list_add(&tombstone->followers, op);
}

/* Ends the deletes that follow a tombstone. */
static void batch_end_followers(struct store_io *io, struct op_list *followers, int result)
{
	struct weir_store_op *op;

	while ((op = op_list_pop(followers))) {
		if (!result && op->flags & WEIR_PUT_DURABLE)
			flush_wait_op(io, op, -ENOENT);
		else
			op_end(io, op, result ? result : -ENOENT);
	}
}

/* Ends R's operation and its followers, and frees R. */
static void batch_end_rec(struct logs *ls, struct rec *r, int result)
{
	struct op_list followers;
	struct weir_store_op *op = r->op;

	/* The end of the list may point into the record, which is freed here. */
	op_list_init(&followers);
	op_list_append(&followers, &r->followers);
	keys_remove_admitted(&ls->keys, r);
	index_unreserve(&ls->index);
	free(r);
	if (!result && op->flags & WEIR_PUT_DURABLE)
		flush_wait_op(ls->io, op, 0);
	else
		op_end(ls->io, op, result);
	batch_end_followers(ls->io, &followers, result);
}

void batch_end(struct batch *b, int result)
{
	struct logs *ls = b->log->all;
	struct rec *r, *next;

	for (r = b->first; r; r = next) {
		next = r->next;
		batch_end_rec(ls, r, result);
	}
	free(b);
}

bool batch_writes(const struct log *l)
{
	const struct batch *b;

	STAILQ_FOREACH(b, &l->batches, link)
		if (!b->ended)
			return true;
	return false;
}

/* The pieces of a write while they are collected. */
struct batch_pieces {
	struct iovec *iov;
	uint32_t count;
	uint8_t *free; /* unused rest of the batch's memory */
};

/* Returns the number of whole blocks of R's value that need no copy. */
static uint32_t batch_direct_blocks(const struct store_io *io, const struct rec *r)
{
	if ((uintptr_t)r->op->value & io->memory_mask)
		return 0;
	return r->length >> io->lay->block_shift;
}

static void batch_add_piece(struct batch_pieces *g, const void *from, size_t length)
{
	struct iovec *last = g->count ? &g->iov[g->count - 1] : NULL;

	if (last && (const uint8_t *)last->iov_base + last->iov_len == from) {
		last->iov_len += length;
		return;
	}
	g->iov[g->count].iov_base = (void *)(uintptr_t)from;
	g->iov[g->count++].iov_len = length;
}

static void batch_add_payload(const struct store_io *io, struct batch_pieces *g,
			      const struct rec *r)
{
	const struct layout *l = io->lay;
	size_t direct = (size_t)batch_direct_blocks(io, r) << l->block_shift;
	size_t rest = r->length - direct;
	size_t padded = (size_t)layout_blocks(l, rest) << l->block_shift;

	if (direct)
		batch_add_piece(g, r->op->value, direct);
	if (!rest)
		return;
	memcpy(g->free, (const uint8_t *)r->op->value + direct, rest);
	memset(g->free + rest, 0, padded - rest);
	batch_add_piece(g, g->free, padded);
	g->free += padded;
}

static void batch_drop_memory(struct batch *b)
{
	bufpool_put(&b->log->io->pool, b->buf, b->buf_bytes);
	free(b->iov);
	b->buf = NULL;
	b->iov = NULL;
}

/* Takes the batch's own memory, for its header and for copies. Returns 0 or -ENOMEM. */
static int batch_take_memory(struct batch *b)
{
	struct store_io *io = b->log->io;
	uint64_t blocks = layout_blocks(io->lay, b->header_bytes);
	const struct rec *r;

	for (r = b->first; r; r = r->next)
		blocks += layout_blocks(io->lay, r->length) - batch_direct_blocks(io, r);
	b->buf_bytes = blocks << io->lay->block_shift;
	b->buf = bufpool_get(&io->pool, b->buf_bytes);
	b->iov = calloc(1 + 2 * (size_t)b->count, sizeof(*b->iov));
	if (b->buf && b->iov && !segment_reserve_entries(b->seg, b->count))
		return 0;
	batch_drop_memory(b);
	return -ENOMEM;
}

/* Gives the batch and each of its records a place in the segment. */
static void batch_place(struct batch *b)
{
	const struct layout *l = b->log->io->lay;
	uint32_t at = layout_blocks(l, b->header_bytes);
	struct rec *r;

	b->blocks = at + b->payload_blocks;
	b->block = segment_place(b->seg, b->blocks);
	at += b->block;
	for (r = b->first; r; r = r->next) {
		r->block = r->flags & DISK_TOMBSTONE ? 0 : at;
		at += layout_blocks(l, r->length);
	}
	CHECK(at == b->block + b->blocks);
}

static struct checksum_place batch_place_of(const struct batch *b, uint32_t block)
{
	return (struct checksum_place){ b->seg->number, block, b->seg->gen };
}

/* Adds R to the batch header and to the footer's entries. The payload's checksum is computed here,
 * once, just before it is submitted. */
static void batch_encode_rec(struct batch *b, struct rec *r, uint32_t *at)
{
	struct store_io *io = b->log->io;
	struct batch_record record = { .sequence = r->sequence,
				       .key = r->op->key,
				       .length = r->length,
				       .block = r->block,
				       .key_len = (uint16_t)r->op->key_len,
				       .flags = r->flags };
	struct footer_entry entry = { .hash = { op_priv(r->op)->hash[0], op_priv(r->op)->hash[1] },
				      .sequence = r->sequence,
				      .length = r->length,
				      .block = r->block,
				      .batch = b->block,
				      .flags = r->flags,
				      .key_len = (uint16_t)r->op->key_len };

	if (r->length)
		r->checksum = checksum_data(&io->key, CHECKSUM_PAYLOAD, batch_place_of(b, r->block),
					    r->op->value, r->length);
	record.checksum = entry.checksum = r->checksum;
	batch_add(b->buf, at, &record);
	segment_add_entry(b->seg, &entry);
}

static void batch_encode(struct batch *b)
{
	struct store_io *io = b->log->io;
	struct batch_header h = { .place = batch_place_of(b, b->block),
				  .mark = b->log->mark.durable,
				  .header_bytes = b->header_bytes,
				  .blocks = b->blocks,
				  .count = b->count,
				  .time_ns = clock_wall() };
	uint32_t at = 0;
	struct rec *r;

	CHECK(b->count);
	b->first_entry = b->seg->records;
	for (r = b->first; r; r = r->next)
		batch_encode_rec(b, r, &at);
	CHECK(at == b->header_bytes && b->seg->records == b->first_entry + b->count);
	batch_finish(b->buf, &h, io->lay, &io->key);
}

/* Collects the pieces of the write. Returns how many there are. */
static uint32_t batch_put_together(struct batch *b)
{
	const struct layout *l = b->log->io->lay;
	size_t header = (size_t)layout_blocks(l, b->header_bytes) << l->block_shift;
	struct batch_pieces g = { b->iov, 0, b->buf + header };
	const struct rec *r;

	batch_add_piece(&g, b->buf, header);
	for (r = b->first; r; r = r->next)
		batch_add_payload(b->log->io, &g, r);
	CHECK(g.free == b->buf + b->buf_bytes && g.count <= 1 + 2 * b->count);
	return g.count;
}

/* Notes that the write of a batch has ended. */
static void batch_written(struct sio *sio, int result)
{
	struct batch *b = container_of(sio, struct batch, sio);

	CHECK(!b->ended);
	batch_drop_memory(b);
	b->ended = true;
	b->result = result ? sio_error(result) : 0;
	segment_write_ended(b->seg);
	if (result) {
		for (struct rec *r = b->first; r; r = r->next)
			words_note_io(r->op, &sio->io);
		segment_fail(&b->log->all->segs, b->seg, b->first_entry, b->count);
		if (b->seg->state == SEGMENT_OPEN)
			segment_close(b->seg);
	}
	log_ask_to_publish(b->log);
}

void batch_submit(struct batch *b)
{
	struct log *l = b->log;
	const struct layout *lay = l->io->lay;
	uint64_t bytes;
	uint32_t pieces;

	if (batch_take_memory(b)) {
		batch_end(b, -ENOMEM);
		return;
	}
	batch_place(b);
	batch_encode(b);
	bytes = (uint64_t)b->blocks << lay->block_shift;
	l->admitted_bytes += bytes;
	l->written_bytes += bytes;
	segment_write_begun(b->seg);
	STAILQ_INSERT_TAIL(&l->batches, b, link);
	pieces = batch_put_together(b);
	weir_io_writev(&b->sio.io, layout_offset(lay, b->seg->number, b->block), b->iov, pieces);
	/* The io has the priority and the submitter of the batch's first record. */
	b->sio.io.length = bytes;
	b->sio.io.prio = b->first->op->prio;
	b->sio.io.submitter = b->first->op->submitter;
	b->sio.io.placement = l->placement.id;
	sio_submit(l->io, &b->sio, batch_written);
}
