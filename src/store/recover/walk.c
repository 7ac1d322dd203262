/* SPDX-License-Identifier: Apache-2.0 */
/*
 * walk.c - finds the batches of a segment that has no valid footer.
 *
 * It goes from header to header. Where there is no header, it goes on block by block to the end of
 * the segment. A header with the right checksum belongs to this segment in this generation,
 * whatever was skipped before it, because the seed contains secret, place and generation. Owns a
 * window of the segment while it walks.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "store/recover/walk.h"

/* Sizes of reads: small if the next header's place is known, large while it is searched. */
#define WALK_JUMP (64u << 10)
#define WALK_SCAN (1u << 20)

struct walk {
	struct store_io *io;
	struct segment *seg;
	struct walk_result *result;
	uint8_t *window;
	size_t room;
	uint32_t from, blocks; /* the blocks of the segment in the window */
	bool scanning;
};

static int walk_read(struct walk *w, uint32_t block, uint32_t blocks)
{
	const struct layout *l = w->io->lay;
	size_t bytes = (size_t)blocks << l->block_shift;
	int err;

	if (bytes > w->room) {
		free(w->window);
		w->window = NULL;
		w->room = w->blocks = 0;
		if (posix_memalign((void **)&w->window, 65536, bytes))
			return -ENOMEM;
		w->room = bytes;
	}
	CHECK(block + blocks <= l->segment_blocks);
	w->from = block;
	w->blocks = 0;
	err = syncio_read(w->io->q, layout_offset(l, w->seg->number, block), w->window, bytes);
	if (!err)
		w->blocks = blocks;
	return err;
}

/* Returns BLOCKS blocks from BLOCK on, or NULL and *ERR. */
static const uint8_t *walk_fetch(struct walk *w, uint32_t block, uint32_t blocks, int *err)
{
	const struct layout *l = w->io->lay;
	uint32_t ahead = layout_blocks(l, w->scanning ? WALK_SCAN : WALK_JUMP);
	uint32_t left = l->segment_blocks - block;

	*err = 0;
	if (block < w->from || block + blocks > w->from + w->blocks) {
		ahead = ahead < blocks ? blocks : ahead;
		*err = walk_read(w, block, ahead < left ? ahead : left);
		/* Read again without the neighbours: a bad block in a payload that is not needed
		 * should not make a header unreadable. */
		if (*err && *err != -ENOMEM)
			*err = walk_read(w, block, blocks);
		if (*err)
			return NULL;
	}
	return w->window + ((size_t)(block - w->from) << l->block_shift);
}

static int walk_record(struct walk *w, const struct batch_header *h, const struct batch_record *r)
{
	struct segment *seg = w->seg;
	struct footer_entry e = { .sequence = r->sequence,
				  .checksum = r->checksum,
				  .length = r->length,
				  .block = r->block,
				  .batch = h->place.block,
				  .flags = r->flags,
				  .key_len = r->key_len };

	if (segment_reserve_entries(seg, 1))
		return -ENOMEM;
	checksum_identity(&w->io->key, r->key, r->key_len, e.hash);
	segment_add_entry(seg, &e);
	if (r->sequence > w->result->sequence)
		w->result->sequence = r->sequence;
	return 0;
}

/* Reads the batch at BLOCK. Returns its length in blocks, 0 if there is none, or -errno. */
static int64_t walk_batch(struct walk *w, uint32_t block)
{
	const struct layout *l = w->io->lay;
	struct checksum_place place = { w->seg->number, block, w->seg->gen };
	struct batch_header h;
	struct batch_record r;
	const uint8_t *buf;
	uint32_t at = 0;
	uint64_t bytes;
	int err;

	buf = walk_fetch(w, block, 1, &err);
	if (!buf)
		return err;
	if (!batch_peek(buf, place, l, &bytes))
		return 0;
	buf = walk_fetch(w, block, layout_blocks(l, bytes), &err);
	if (!buf)
		return err;
	if (!batch_decode(&h, buf, place, l, &w->io->key))
		return 0;
	while (batch_next(buf, &h, &at, &r)) {
		err = walk_record(w, &h, &r);
		if (err)
			return err;
	}
	w->result->batches++;
	if (logpos_compare(h.mark, w->result->mark) > 0)
		w->result->mark = h.mark;
	return h.blocks;
}

/* Law walk-on (walk_batch): behind a batch header that is damaged, a walk goes on block by block to
 * the end of the segment. */
static int walk_all(struct walk *w)
{
	uint32_t block = 1, skipped = 0;
	int64_t blocks;

	while (block < w->io->lay->segment_blocks) {
		blocks = walk_batch(w, block);
		/* A header is expected here, so it is read once more before the walk searches
		 * on. */
		if (!blocks && !w->scanning) {
			w->blocks = 0;
			blocks = walk_batch(w, block);
		}
		if (blocks < 0)
			return (int)blocks;
		w->scanning = !blocks;
		if (!blocks) {
			block++;
			skipped++;
			continue;
		}
		block += (uint32_t)blocks;
		CHECK(block <= w->io->lay->segment_blocks);
		segment_set_end(w->seg, block);
		/* The blocks behind the last batch were never written, so nothing was lost
		 * there. */
		w->result->skipped += skipped;
		skipped = 0;
	}
	return 0;
}

int walk_segment(struct store_io *io, struct segment *seg, struct walk_result *result)
{
	struct walk w = { .io = io, .seg = seg, .result = result };
	int err;

	memset(result, 0, sizeof(*result));
	segment_rewind(seg);
	err = walk_all(&w);
	free(w.window);
	return err;
}
