/* SPDX-License-Identifier: Apache-2.0 */
/*
 * batch_write.c - writes a batch to the device.
 *
 * The header and all copies (tails of blocks, values that are not aligned) are written from the
 * batch's own memory. Whole blocks of an aligned value are written from the caller's memory.
 *
 * A small batch is one io. A large one is written in parts: the drive gets each part as soon as its
 * checksum is computed, and works while the next part's is. The header comes last, because it holds
 * the checksums. That changes nothing for a recovery: the blocks of one io reach the medium in any
 * order too, so it verifies payloads that no flush covers.
 *
 * The end of a write is only noted; publish.c takes the batch. This file runs on the loop's thread.
 */
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/container.h"
#include "queue/loop.h"
#include "store/format/batch.h"
#include "store/log/logs.h"

/* A part has about so many bytes. Less than 512 KiB would not begin earlier: the queue hands ios of
 * one run down when they reach that number. Drives write longer ios faster: 896 KiB gave a virtual
 * one 10 % and 13 % more than 512 KiB for values of 4 and 32 MiB. From 1 MiB on an io of scattered
 * pages may have more pieces than a request takes (virtio: 254), and the kernel then hands it to a
 * thread of its own. */
#define BATCH_PART_BYTES (896u << 10)

/* A part of a batch's write, with an io of its own. */
struct batch_part {
	struct sio sio;
	struct batch *batch;
};

/* The write of a batch while it is put together. */
struct batch_writer {
	struct batch *b;
	struct batch_part *part; /* the next one */
	struct iovec *iov;	 /* pieces of the next part */
	uint32_t pieces;
	uint64_t bytes;	  /* in these pieces */
	uint64_t written; /* bytes of the batch in front of the next part */
	struct urgency urgency;
	uint8_t *free; /* unused rest of the batch's memory */
	bool in_parts;
};

static size_t batch_header_size(const struct batch *b)
{
	const struct layout *l = b->log->io->lay;

	return (size_t)layout_blocks(l, b->header_bytes) << l->block_shift;
}

static uint32_t batch_parts_max(const struct batch *b)
{
	uint64_t payload = (uint64_t)b->payload_blocks << b->log->io->lay->block_shift;

	return 2 + (uint32_t)(payload / BATCH_PART_BYTES);
}

static void batch_drop_memory(struct batch *b)
{
	bufpool_put(&b->log->io->pool, b->buf, b->buf_bytes);
	free(b->iov);
	free(b->parts);
	b->buf = NULL;
	b->iov = NULL;
	b->parts = NULL;
}

/* Takes the batch's own memory, for its header, for copies, and for its parts. Returns 0 or
 * -ENOMEM. */
static int batch_take_memory(struct batch *b)
{
	struct store_io *io = b->log->io;
	uint32_t parts = batch_parts_max(b);
	size_t iov = parts;
	const struct rec *r;

	b->buf_bytes = (size_t)layout_blocks(io->lay, b->header_bytes) << io->lay->block_shift;
	for (r = b->first; r; r = r->next) {
		b->buf_bytes += pieces_copied(pieces_begin(r->op, r->length), io_rule(io));
		/* Two runs begin in each piece at most, and one goes through to the next. */
		iov += 2 * (size_t)pieces_count(r->op) + 1;
	}
	b->buf = bufpool_get(&io->pool, b->buf_bytes);
	/* Each part cuts one piece in two. */
	b->iov = calloc(iov, sizeof(*b->iov));
	b->parts = calloc(parts, sizeof(*b->parts));
	if (b->buf && b->iov && b->parts && !segment_reserve_entries(b->seg, b->count))
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

/* Law failed-segment (segment_fail): a batch whose write failed closes its segment, and its records
 * are in no footer. */
static void batch_ended(struct batch *b)
{
	batch_drop_memory(b);
	b->ended = true;
	room_give(b->log->all, b->put_bytes);
	segment_write_ended(b->seg);
	if (b->result) {
		segment_fail(&b->log->all->segs, b->seg, b->first_entry, b->count);
		if (b->seg->state == SEGMENT_OPEN)
			segment_close(b->seg);
	}
	log_ask_to_publish(b->log);
}

/* Notes that a part of a batch's write has ended. The first error is the batch's. */
static void batch_part_written(struct sio *sio, int result)
{
	struct batch *b = container_of(sio, struct batch_part, sio)->batch;

	CHECK(!b->ended && b->parts_busy);
	if (result && !b->result) {
		b->result = sio_error(result);
		for (struct rec *r = b->first; r; r = r->next)
			words_note_io(r->op, &sio->io);
	}
	if (!--b->parts_busy)
		batch_ended(b);
}

static void batch_add_piece(struct batch_writer *w, const void *from, size_t length)
{
	struct iovec *last = w->pieces ? &w->iov[w->pieces - 1] : NULL;

	CHECK(w->iov);
	w->bytes += length;
	if (last && (const uint8_t *)last->iov_base + last->iov_len == from) {
		last->iov_len += length;
		return;
	}
	w->iov[w->pieces].iov_base = (void *)(uintptr_t)from;
	w->iov[w->pieces++].iov_len = length;
}

/* Submits the pieces that have gathered, which belong AT bytes behind the start of the batch. */
static void batch_submit_part(struct batch_writer *w, uint64_t at)
{
	struct batch *b = w->b;
	struct log *l = b->log;
	struct weir_io *io = &w->part->sio.io;

	CHECK(w->part < b->parts + batch_parts_max(b));
	w->part->batch = b;
	weir_io_writev(io, layout_offset(l->io->lay, b->seg->number, b->block) + at, w->iov,
		       w->pieces);
	io->length = w->bytes;
	io->prio = w->urgency.prio;
	io->submitter = w->urgency.submitter;
	io->deadline_ns = w->urgency.deadline_ns;
	io->flags = w->urgency.flags;
	io->placement = l->placement.id;
	b->parts_busy++;
	sio_submit(l->io, &w->part->sio, batch_part_written);
	w->part++;
	w->iov += w->pieces;
	w->pieces = 0;
	w->bytes = 0;
}

/* Submits the payload that has gathered if it is worth an io. */
static void batch_submit_some(struct batch_writer *w)
{
	if (!w->in_parts || w->bytes < BATCH_PART_BYTES)
		return;
	w->written += w->bytes;
	batch_submit_part(w, w->written - w->bytes);
	/* The checksum of a long value takes longer than the drive needs for what it has. */
	loop_keep_busy(w->b->log->io->q);
}

static struct checksum_place batch_place_of(const struct batch *b, uint32_t block)
{
	return (struct checksum_place){ b->seg->number, block, b->seg->gen };
}

/* The value of a record while its checksum is computed. */
struct batch_value {
	struct batch_writer *w;
	struct pieces pieces;
};

/* Copies the next N bytes of V into the batch's own memory, and adds them to the write. Returns
 * where they are. */
static const void *batch_copy(struct batch_value *v, size_t n)
{
	struct batch_writer *w = v->w;
	const struct layout *l = w->b->log->io->lay;
	size_t padded = (size_t)layout_blocks(l, n) << l->block_shift;
	uint8_t *to = w->free;

	pieces_gather(&v->pieces, to, n);
	memset(to + n, 0, padded - n);
	batch_add_piece(w, to, padded);
	w->free += padded;
	return to;
}

/* Adds the bytes that were summed last to the write. Returns the length of the next ones. */
static size_t batch_next_bytes(void *user, const void **data)
{
	struct batch_value *v = user;
	struct pieces_run run;

	/* The checksum of what has gathered is known. */
	batch_submit_some(v->w);
	run = pieces_run(&v->pieces, io_rule(v->w->b->log->io), BATCH_PART_BYTES);
	if (!run.bytes)
		return 0;
	if (!run.direct) {
		*data = batch_copy(v, run.bytes);
		return run.bytes;
	}
	*data = run.direct;
	batch_add_piece(v->w, run.direct, run.bytes);
	pieces_skip(&v->pieces, run.bytes);
	return run.bytes;
}

/*
 * Adds the payload of R to the write. Its checksum is computed here, once, just before each part is
 * submitted.
 *
 * Law sum-once (batch_next_bytes): the checksum of a payload is computed once, from the bytes of
 * the caller, just before they are submitted.
 */
static uint64_t batch_write_payload(struct batch_writer *w, const struct rec *r)
{
	struct store_io *io = w->b->log->io;
	struct checksum_place place = batch_place_of(w->b, r->block);
	struct batch_value v = { w, pieces_begin(r->op, r->length) };
	const void *data;
	uint64_t sum;

	if (r->length > BATCH_PART_BYTES || r->op->nr_iov)
		return checksum_pieces(&io->key, CHECKSUM_PAYLOAD, place, batch_next_bytes, &v);
	/* This is faster for few bytes. */
	sum = checksum_data(&io->key, CHECKSUM_PAYLOAD, place, r->op->value, r->length);
	while (batch_next_bytes(&v, &data))
		;
	return sum;
}

/* Adds R to the batch header, to the footer's entries, and to the write. */
static void batch_write_rec(struct batch_writer *w, struct rec *r, uint32_t *at)
{
	struct batch *b = w->b;
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
		r->checksum = batch_write_payload(w, r);
	record.checksum = entry.checksum = r->checksum;
	batch_add(b->buf, at, &record);
	segment_add_entry(b->seg, &entry);
}

static void batch_encode_header(struct batch *b)
{
	struct store_io *io = b->log->io;
	struct batch_header h = { .place = batch_place_of(b, b->block),
				  .mark = b->log->mark.durable,
				  .header_bytes = b->header_bytes,
				  .blocks = b->blocks,
				  .count = b->count,
				  .time_ns = clock_wall() };

	batch_finish(b->buf, &h, io->lay, &io->key);
}

/* Submits the rest of the payload, and the header. */
static void batch_write_rest(struct batch_writer *w)
{
	struct batch *b = w->b;
	size_t header = batch_header_size(b);

	batch_encode_header(b);
	CHECK(w->free == b->buf + b->buf_bytes);
	if (w->in_parts) {
		if (w->bytes)
			batch_submit_part(w, w->written);
		batch_add_piece(w, b->buf, header);
	}
	batch_submit_part(w, 0);
}

static void batch_write(struct batch *b)
{
	size_t header = batch_header_size(b);
	uint64_t payload = (uint64_t)b->payload_blocks << b->log->io->lay->block_shift;
	struct batch_writer w = { .b = b,
				  .part = b->parts,
				  .iov = b->iov,
				  .written = header,
				  .free = b->buf + header,
				  .in_parts = payload > BATCH_PART_BYTES };
	uint32_t at = 0;
	struct rec *r;

	CHECK(b->count);
	b->first_entry = b->seg->records;
	for (r = b->first; r; r = r->next)
		urgency_add(&w.urgency, r->op);
	if (!w.in_parts)
		batch_add_piece(&w, b->buf, header);
	for (r = b->first; r; r = r->next)
		batch_write_rec(&w, r, &at);
	CHECK(at == b->header_bytes && b->seg->records == b->first_entry + b->count);
	batch_write_rest(&w);
}

void batch_submit(struct batch *b)
{
	struct log *l = b->log;
	uint64_t bytes;

	if (batch_take_memory(b)) {
		batch_end(b, -ENOMEM);
		return;
	}
	batch_place(b);
	bytes = (uint64_t)b->blocks << l->io->lay->block_shift;
	l->admitted_bytes += bytes;
	l->written_bytes += bytes;
	segment_write_begun(b->seg);
	room_take(l->all, b->put_bytes);
	pass_take(l, bytes);
	STAILQ_INSERT_TAIL(&l->batches, b, link);
	batch_write(b);
}
