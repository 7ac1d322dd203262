/* SPDX-License-Identifier: Apache-2.0 */
/*
 * write.c - from a batch to one write on the device.
 *
 * The header blocks and what must be copied (tails of blocks, values that are not aligned) go
 * out of the batch's own memory; whole blocks of an aligned value go out of the caller's. Owns
 * the batch's memory until the write has ended; the loop's thread.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "store/impl.h"

/* The pieces of the write while they are put together. */
struct gather {
	struct iovec *iov;
	uint32_t count;
	uint8_t *free; /* of the batch's memory, not used yet */
};

/* Whole blocks of R's value that need no copy. */
static uint32_t rec_direct_blocks(const struct weir_store *s, const struct rec *r)
{
	if ((uintptr_t)r->op->value & s->memory_mask)
		return 0;
	return r->length >> s->lay->block_shift;
}

static void gather_add(struct gather *g, const void *from, size_t length)
{
	struct iovec *last = g->count ? &g->iov[g->count - 1] : NULL;

	if (last && (const uint8_t *)last->iov_base + last->iov_len == from) {
		last->iov_len += length;
		return;
	}
	g->iov[g->count].iov_base = (void *)(uintptr_t)from;
	g->iov[g->count++].iov_len = length;
}

static void gather_rec(struct weir_store *s, struct gather *g, const struct rec *r)
{
	const struct layout *l = s->lay;
	size_t direct = (size_t)rec_direct_blocks(s, r) << l->block_shift;
	size_t rest = r->length - direct;
	size_t padded = (size_t)layout_blocks(l, rest) << l->block_shift;

	if (direct)
		gather_add(g, r->op->value, direct);
	if (!rest)
		return;
	memcpy(g->free, (const uint8_t *)r->op->value + direct, rest);
	memset(g->free + rest, 0, padded - rest);
	gather_add(g, g->free, padded);
	g->free += padded;
}

/* The batch's own memory: header blocks and copies. */
static int batch_memory(struct weir_store *s, struct batch *b)
{
	const struct layout *l = s->lay;
	uint64_t blocks = layout_blocks(l, b->header_bytes);
	const struct rec *r;

	for (r = b->first; r; r = r->next)
		blocks += layout_blocks(l, r->length) - rec_direct_blocks(s, r);
	b->buf_bytes = blocks << l->block_shift;
	b->buf = bufpool_get(&s->pool, b->buf_bytes);
	b->iov = calloc(1 + 2 * (size_t)b->count, sizeof(*b->iov));
	if (b->buf && b->iov && !segment_entries_reserve(b->seg, b->count))
		return 0;
	bufpool_put(&s->pool, b->buf, b->buf_bytes);
	free(b->iov);
	b->buf = NULL;
	b->iov = NULL;
	return -ENOMEM;
}

/* Gives the batch and each of its records a place in the segment. */
static void batch_place(struct batch *b)
{
	const struct layout *l = b->log->s->lay;
	uint32_t at = b->seg->used + layout_blocks(l, b->header_bytes);
	struct rec *r;

	b->block = b->seg->used;
	for (r = b->first; r; r = r->next) {
		r->block = r->flags & DISK_TOMBSTONE ? 0 : at;
		at += layout_blocks(l, r->length);
	}
	b->blocks = at - b->block;
	b->seg->used = at;
}

static struct checksum_place rec_place(const struct batch *b, uint32_t block)
{
	return (struct checksum_place){ b->seg->number, block, b->seg->gen };
}

/* R into the header and into the footer to be. The payload is summed here, once, just before
 * it is submitted. */
static void rec_encode(struct batch *b, struct rec *r, uint32_t *at)
{
	struct weir_store *s = b->log->s;
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
		r->checksum = checksum_data(&s->checksum, CHECKSUM_PAYLOAD, rec_place(b, r->block),
					    r->op->value, r->length);
	record.checksum = entry.checksum = r->checksum;
	batch_add(b->buf, at, &record);
	footer_entry_encode(&b->seg->entries[b->seg->records++], &entry);
}

static void batch_encode(struct batch *b)
{
	struct weir_store *s = b->log->s;
	struct batch_header h = { .place = rec_place(b, b->block),
				  .mark = b->log->durable,
				  .header_bytes = b->header_bytes,
				  .blocks = b->blocks,
				  .count = b->count,
				  .time_ns = clock_now() };
	uint32_t at = 0;
	struct rec *r;

	b->first_entry = b->seg->records;
	for (r = b->first; r; r = r->next)
		rec_encode(b, r, &at);
	batch_finish(b->buf, &h, s->lay, &s->checksum);
}

/* Puts the pieces of the write together; how many. */
static uint32_t batch_gather(struct batch *b)
{
	const struct layout *l = b->log->s->lay;
	size_t header = (size_t)layout_blocks(l, b->header_bytes) << l->block_shift;
	struct gather g = { b->iov, 0, b->buf + header };
	const struct rec *r;

	gather_add(&g, b->buf, header);
	for (r = b->first; r; r = r->next)
		gather_rec(b->log->s, &g, r);
	return g.count;
}

void batch_submit(struct batch *b)
{
	struct log *l = b->log;
	struct weir_store *s = l->s;
	uint64_t bytes;
	uint32_t pieces;

	if (batch_memory(s, b)) {
		batch_fail(b, -ENOMEM);
		return;
	}
	batch_place(b);
	batch_encode(b);
	bytes = (uint64_t)b->blocks << s->lay->block_shift;
	l->admitted_bytes += bytes;
	b->seg->batches++;
	STAILQ_INSERT_TAIL(&l->batches, b, link);
	pieces = batch_gather(b);
	weir_io_writev(&b->sio.io, layout_offset(s->lay, b->seg->number, b->block), b->iov, pieces);
	/* The io of the batch has the rank of what it carries: the first speaks for all. */
	b->sio.io.length = bytes;
	b->sio.io.prio = b->first->op->prio;
	b->sio.io.submitter = b->first->op->submitter;
	b->sio.io.placement = l->placing.id;
	log_submit(l, &b->sio, batch_written);
}
