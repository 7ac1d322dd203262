/* SPDX-License-Identifier: Apache-2.0 */
/*
 * content.c - reads one used segment: its footer, its batches, and its payloads if these are asked
 * for.
 *
 * A footer says where the batches are; each header that it names is read and compared with it.
 * Without a valid footer the segment is walked block by block. What does not verify is read once
 * more from the device, because a drive or a link may lose or garble a read, and a repair drops
 * what is damaged. This file owns struct content and runs on the thread that checks.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "store/check/content.h"

#define CONTENT_KEYS (64u << 10) /* bytes of keys in one piece of memory */
#define CONTENT_AHEAD (1u << 20) /* bytes read at once while the segment is walked */
#define CONTENT_DEPTH 32u

static_assert(CONTENT_KEYS >= DISK_KEY_MAX, "a key fits");

struct content_keys {
	struct content_keys *next;
	uint32_t used;
	uint8_t bytes[CONTENT_KEYS];
};

static void content_drop_keys(struct content *c)
{
	struct content_keys *keys;

	while ((keys = c->keys)) {
		c->keys = keys->next;
		free(keys);
	}
}

/* Returns a copy of KEY that stays until the content is read again; NULL: no memory. */
static const uint8_t *content_keep_key(struct content *c, const void *key, uint32_t key_len)
{
	struct content_keys *keys = c->keys;
	uint8_t *to;

	if (!keys || keys->used + key_len > CONTENT_KEYS) {
		keys = malloc(sizeof(*keys));
		if (!keys)
			return NULL;
		keys->next = c->keys;
		keys->used = 0;
		c->keys = keys;
	}
	to = keys->bytes + keys->used;
	memcpy(to, key, key_len);
	keys->used += key_len;
	return to;
}

static uint64_t content_bytes(const struct content *c, uint32_t blocks)
{
	return (uint64_t)blocks << c->m->lay->block_shift;
}

/* Reads into the window. */
static bool content_fill(struct content *c, uint32_t block, uint32_t blocks)
{
	size_t bytes = content_bytes(c, blocks);

	c->window_blocks = 0;
	if (bytes > c->window_room) {
		free(c->window);
		c->window = NULL;
		c->window_room = 0;
		if (posix_memalign((void **)&c->window, 65536, bytes)) {
			c->no_memory = true;
			return false;
		}
		c->window_room = bytes;
	}
	if (medium_fetch(c->m->q, layout_offset(c->m->lay, c->number, block), c->window, bytes))
		return false;
	c->window_from = block;
	c->window_blocks = blocks;
	return true;
}

const uint8_t *content_get(struct content *c, uint32_t block, uint32_t blocks)
{
	const struct layout *l = c->m->lay;
	uint32_t ahead = c->walking ? layout_blocks(l, CONTENT_AHEAD) : 0;
	uint32_t left = l->segment_blocks - block;

	CHECK(block < l->segment_blocks && blocks && blocks <= left);
	if (c->again)
		return content_fill(c, block, blocks) ? c->window : NULL;
	if (c->whole)
		return c->whole + content_bytes(c, block);
	if (block < c->window_from || block + blocks > c->window_from + c->window_blocks) {
		ahead = ahead < blocks ? blocks : ahead > left ? left : ahead;
		/* One bad block does not make its neighbours unreadable. */
		if (!content_fill(c, block, ahead) && !content_fill(c, block, blocks))
			return NULL;
	}
	return c->window + content_bytes(c, block - c->window_from);
}

static struct content_batch *content_add_batch(struct content *c, uint32_t block)
{
	struct content_batch *b;

	if (c->batches == c->batch_room) {
		uint32_t room = c->batch_room ? 2 * c->batch_room : 64;

		b = realloc(c->batch, room * sizeof(*b));
		if (!b)
			return NULL;
		c->batch = b;
		c->batch_room = room;
	}
	b = &c->batch[c->batches++];
	memset(b, 0, sizeof(*b));
	b->first = c->records;
	b->h.place = (struct checksum_place){ c->number, block, c->gen };
	return b;
}

static struct content_record *content_add_record(struct content *c)
{
	struct content_record *r;

	if (c->records == c->record_room) {
		uint32_t room = c->record_room ? 2 * c->record_room : 256;

		r = realloc(c->record, room * sizeof(*r));
		if (!r)
			return NULL;
		c->record = r;
		c->record_room = room;
	}
	r = &c->record[c->records++];
	memset(r, 0, sizeof(*r));
	return r;
}

/* Decodes the trailer at the end of the segment. */
static enum footer_state content_peek(struct content *c, const uint8_t *last_block)
{
	return footer_peek(&c->f, last_block, c->number, c->gen, c->m->lay);
}

static void content_read_trailer(struct content *c)
{
	const uint8_t *buf = content_get(c, c->m->lay->segment_blocks - 1, 1);

	c->footer_unreadable = !buf;
	c->footer = buf ? content_peek(c, buf) : FOOTER_NONE;
}

/* Reads the footer whose trailer is valid. Returns it, or NULL. */
static const uint8_t *content_read_footer(struct content *c)
{
	uint32_t blocks = c->f.blocks;
	const uint8_t *buf = content_get(c, c->f.place.block, blocks);

	c->footer_unreadable = !buf;
	c->footer = FOOTER_DAMAGED;
	/* The trailer that was read with it counts. */
	if (!buf || content_peek(c, buf + content_bytes(c, blocks - 1)) != FOOTER_VALID ||
	    c->f.blocks != blocks || !footer_check(&c->f, buf, c->m->lay, &c->m->key))
		return NULL;
	c->footer = FOOTER_VALID;
	return buf;
}

enum footer_state content_trailer(struct content *c)
{
	content_read_trailer(c);
	if (c->footer != FOOTER_VALID && !c->footer_unreadable) {
		c->again = true;
		content_read_trailer(c);
		c->again = false;
	}
	return c->footer;
}

/* Reads the footer again, from its trailer on. */
static const uint8_t *content_footer_again(struct content *c)
{
	const uint8_t *buf = NULL;

	c->again = true;
	content_read_trailer(c);
	if (c->footer == FOOTER_VALID)
		buf = content_read_footer(c);
	c->again = false;
	return buf;
}

/* Reads the footer, if there is a valid one. Returns 0 or -ENOMEM. */
static int content_footer(struct content *c)
{
	const uint8_t *buf;
	size_t bytes;

	if (content_trailer(c) != FOOTER_VALID)
		return 0;
	buf = content_read_footer(c);
	if (!buf && !c->footer_unreadable)
		buf = content_footer_again(c);
	if (!buf)
		return 0;
	bytes = content_bytes(c, c->f.blocks);
	if (posix_memalign((void **)&c->footer_buf, 65536, bytes))
		return -ENOMEM;
	memcpy(c->footer_buf, buf, bytes);
	strikes_apply(c->m->seg[c->number].strikes, (struct disk_entry *)c->footer_buf, c->f.count,
		      false);
	return 0;
}

/* Makes records and batches of what the footer says. */
static int content_from_footer(struct content *c)
{
	const struct disk_entry *disk = (const struct disk_entry *)c->footer_buf;
	struct content_batch *b = NULL;
	struct content_record *r;
	uint32_t n;

	for (n = 0; n < c->f.count; n++) {
		r = content_add_record(c);
		if (!r)
			return -ENOMEM;
		footer_entry_decode(&r->e, &disk[n]);
		r->flags = footer_entry_struck(&disk[n]) ? CONTENT_STRUCK : 0;
		if (!b || b->h.place.block != r->e.batch) {
			c->records--;
			b = content_add_batch(c, r->e.batch);
			c->records++;
			if (!b)
				return -ENOMEM;
		}
		b->count++;
	}
	c->end = c->f.end;
	return 0;
}

/* Returns the blocks of a header whose records the footer names. It may be longer, as recovery
 * leaves records out. */
static uint32_t content_header_blocks(const struct content *c, const struct content_batch *b)
{
	uint64_t bytes = sizeof(struct disk_batch);
	uint32_t n, blocks, left = c->m->lay->segment_blocks - b->h.place.block;

	for (n = 0; n < b->count; n++)
		bytes += batch_record_bytes(c->record[b->first + n].e.key_len);
	blocks = layout_blocks(c->m->lay, bytes);
	return blocks < left ? blocks : left;
}

static bool content_agrees(const struct content_record *r, const struct batch_record *is,
			   const uint64_t hash[2])
{
	const struct footer_entry *e = &r->e;

	if (e->sequence != is->sequence || e->hash[0] != hash[0] || e->hash[1] != hash[1] ||
	    e->key_len != is->key_len || e->checksum != is->checksum)
		return false;
	return r->flags & CONTENT_STRUCK ||
	       (e->length == is->length && e->block == is->block && e->flags == is->flags);
}

/* Compares the records of batch B in the footer with those in its header at BUF. Records that the
 * footer leaves out are none. */
static int content_compare(struct content *c, struct content_batch *b, const void *buf)
{
	struct content_record *r = &c->record[b->first], *end = r + b->count;
	struct batch_record is;
	uint32_t at = 0;
	uint64_t hash[2];

	/* What was named without its batch header has no sequence number. */
	while (r < end && r->e.sequence && batch_next(buf, &b->h, &at, &is)) {
		checksum_identity(&c->m->key, is.key, is.key_len, hash);
		if (is.sequence != r->e.sequence)
			continue;
		if (!content_agrees(r, &is, hash))
			r->flags |= CONTENT_MISMATCH;
		r->key = content_keep_key(c, is.key, is.key_len);
		if (!r->key)
			return -ENOMEM;
		r++;
	}
	for (; r < end; r++)
		if (r->e.sequence)
			r->flags |= CONTENT_MISMATCH;
	return 0;
}

/* Decodes the header of B, of which BLOCKS are at BUF (NULL: they cannot be read). Returns its
 * memory if it is valid, or NULL. */
static const uint8_t *content_decode(struct content *c, struct content_batch *b, const uint8_t *buf,
				     uint32_t blocks)
{
	struct checksum_place place = b->h.place;
	const struct layout *l = c->m->lay;
	uint64_t bytes = 0;

	b->state = buf ? CONTENT_DAMAGED : CONTENT_UNREADABLE;
	if (!buf || !batch_peek(buf, place, l, &bytes))
		return NULL;
	if (layout_blocks(l, bytes) > blocks)
		buf = content_get(c, place.block, layout_blocks(l, bytes));
	if (!buf)
		b->state = CONTENT_UNREADABLE;
	if (!buf || !batch_decode(&b->h, buf, place, l, &c->m->key))
		return NULL;
	b->state = CONTENT_GOOD;
	return buf;
}

/* Decodes the header of B as content_decode(), and again if it is damaged, as a repair drops its
 * records. Compares it with the footer. */
static int content_header(struct content *c, struct content_batch *b, const uint8_t *buf,
			  uint32_t blocks)
{
	buf = content_decode(c, b, buf, blocks);
	if (b->state == CONTENT_DAMAGED) {
		c->again = true;
		blocks = content_header_blocks(c, b);
		buf = content_decode(c, b, content_get(c, b->h.place.block, blocks), blocks);
		c->again = false;
	}
	return buf ? content_compare(c, b, buf) : 0;
}

static void content_place(struct syncio_many *many, uint64_t i, uint64_t *offset, size_t *length)
{
	const struct content *c = many->user;
	const struct content_batch *b = &c->batch[i];

	*offset = layout_offset(c->m->lay, c->number, b->h.place.block);
	*length = content_bytes(c, content_header_blocks(c, b));
}

static int content_arrived(struct syncio_many *many, uint64_t i, void *buf, int result)
{
	struct content *c = many->user;
	struct content_batch *b = &c->batch[i];
	uint32_t blocks = content_header_blocks(c, b);

	return content_header(c, b, result ? content_get(c, b->h.place.block, blocks) : buf,
			      blocks);
}

/* Reads the headers of all batches that the footer names. */
static int content_headers(struct content *c)
{
	struct syncio_many many = { .q = c->m->q,
				    .count = c->batches,
				    .depth = CONTENT_DEPTH,
				    .op = WEIR_OP_READ,
				    .place = content_place,
				    .done = content_arrived,
				    .user = c };
	uint32_t n;
	int err = 0;

	if (!c->whole)
		return syncio_many(&many);
	for (n = 0; n < c->batches && !err; n++) {
		uint32_t block = c->batch[n].h.place.block;

		err = content_header(c, &c->batch[n], content_get(c, block, 1),
				     c->m->lay->segment_blocks - block);
	}
	return err;
}

static int content_walk_record(struct content *c, struct content_batch *b,
			       const struct batch_record *is)
{
	enum strike_kind strike = strikes_find(c->m->seg[c->number].strikes, is->block);
	struct content_record *r;

	if (strike == STRIKE_DROPPED)
		return 0;
	r = content_add_record(c);
	if (!r)
		return -ENOMEM;
	b->count++;
	r->e = (struct footer_entry){ .sequence = is->sequence,
				      .checksum = is->checksum,
				      .length = is->length,
				      .block = is->block,
				      .batch = b->h.place.block,
				      .flags = is->flags,
				      .key_len = is->key_len };
	if (strike == STRIKE_STRUCK) {
		r->e.flags = DISK_TOMBSTONE;
		r->e.length = r->e.block = 0;
		r->flags = CONTENT_STRUCK;
	}
	checksum_identity(&c->m->key, is->key, is->key_len, r->e.hash);
	r->key = content_keep_key(c, is->key, is->key_len);
	return r->key ? 0 : -ENOMEM;
}

/* Reads the batch at BLOCK of a segment without a footer. Returns its blocks, 0 if there is none,
 * or -ENOMEM. */
static int64_t content_walk_batch(struct content *c, uint32_t block)
{
	struct checksum_place place = { c->number, block, c->gen };
	const struct layout *l = c->m->lay;
	const uint8_t *buf = content_get(c, block, 1);
	struct content_batch *b;
	struct batch_header h;
	struct batch_record r;
	uint32_t at = 0;
	uint64_t bytes;

	c->unreadable += !buf;
	if (!buf || !batch_peek(buf, place, l, &bytes))
		return 0;
	buf = content_get(c, block, layout_blocks(l, bytes));
	if (!buf || !batch_decode(&h, buf, place, l, &c->m->key))
		return 0;
	b = content_add_batch(c, block);
	if (!b)
		return -ENOMEM;
	b->h = h;
	while (batch_next(buf, &h, &at, &r))
		if (content_walk_record(c, b, &r))
			return -ENOMEM;
	return h.blocks;
}

/* Reads the batch that is expected at BLOCK, behind another one: once more if there is none, as
 * recovery does. */
static int64_t content_walk_expected(struct content *c, uint32_t block)
{
	uint32_t unreadable = c->unreadable;
	int64_t blocks = content_walk_batch(c, block);

	if (blocks || c->unreadable != unreadable)
		return blocks;
	c->again = true;
	blocks = content_walk_batch(c, block);
	c->again = false;
	return blocks;
}

static int content_walk(struct content *c)
{
	uint32_t block = 1, skipped = 0;
	int64_t blocks = 0;

	c->walking = true;
	c->end = 1;
	while (block < c->m->lay->segment_blocks && blocks >= 0) {
		blocks = skipped ? content_walk_batch(c, block) : content_walk_expected(c, block);
		if (blocks > 0) {
			if (skipped && !c->skipped)
				c->skipped_at = c->end;
			c->skipped += skipped;
			skipped = 0;
			block += (uint32_t)blocks;
			c->end = block;
		} else if (!blocks) {
			block++;
			skipped++;
		}
	}
	c->walking = false;
	return blocks < 0 ? (int)blocks : 0;
}

void content_reset(struct content *c, const struct medium *m, uint32_t number)
{
	content_drop_keys(c);
	free(c->footer_buf);
	c->footer_buf = NULL;
	c->whole = NULL;
	c->m = m;
	c->number = number;
	c->gen = m->seg[number].h.gen;
	c->batches = c->records = 0;
	c->skipped = c->skipped_at = c->unreadable = 0;
	c->window_blocks = 0;
	c->end = 1;
	c->footer = FOOTER_NONE;
	c->footer_unreadable = false;
}

int content_memory(const struct content *c, int err)
{
	return c->no_memory ? -ENOMEM : err;
}

static int content_read_all(struct content *c)
{
	int err = content_footer(c);

	if (err)
		return err;
	if (c->footer != FOOTER_VALID)
		return c->m->seg[c->number].aside ? 0 : content_walk(c);
	err = content_from_footer(c);
	return err ? err : content_headers(c);
}

int content_read(struct content *c, const struct medium *m, uint32_t number, const uint8_t *whole)
{
	content_reset(c, m, number);
	c->whole = whole;
	return content_memory(c, content_read_all(c));
}

int content_read_freed(struct content *c, const struct medium *m, uint32_t number)
{
	struct generation gen;

	content_reset(c, m, number);
	if (!content_is_batch(c, 1, &gen))
		return content_memory(c, 0);
	c->gen = gen;
	return content_memory(c, content_walk(c));
}

/* Returns true if the payload of R is at BUF. */
static bool content_verifies(const struct content *c, const struct content_record *r,
			     const uint8_t *buf)
{
	struct checksum_place place = { c->number, r->e.block, c->gen };

	return checksum_data(&c->m->key, CHECKSUM_PAYLOAD, place, buf, r->e.length) ==
	       r->e.checksum;
}

uint64_t content_verify(struct content *c, uint32_t n)
{
	struct content_record *r = &c->record[n];
	uint32_t blocks = layout_blocks(c->m->lay, r->e.length);
	const uint8_t *buf;

	if (r->e.flags & DISK_TOMBSTONE)
		return 0;
	buf = content_get(c, r->e.block, blocks);
	/* A value that does not verify is read once more: a link may have garbled it. */
	if (buf && !content_verifies(c, r, buf)) {
		c->again = true;
		buf = content_get(c, r->e.block, blocks);
		c->again = false;
		if (buf && !content_verifies(c, r, buf))
			r->flags |= CONTENT_WRONG;
	}
	if (!buf && !c->no_memory)
		r->flags |= CONTENT_UNREAD;
	return r->e.length;
}

static bool content_batch_at(struct content *c, uint32_t block, struct generation *gen)
{
	const struct layout *l = c->m->lay;
	const uint8_t *buf = content_get(c, block, 1);
	struct checksum_place place = { .segment = c->number, .block = block };
	struct disk_batch disk;
	uint64_t bytes;

	if (!buf)
		return false;
	memcpy(&disk, buf, sizeof(disk));
	place.gen.epoch = le64toh(disk.epoch);
	place.gen.counter = le64toh(disk.counter);
	*gen = place.gen;
	if (!batch_peek(buf, place, l, &bytes))
		return false;
	buf = content_get(c, block, layout_blocks(l, bytes));
	return buf && checksum_holds(&c->m->key, CHECKSUM_BATCH, place, buf, bytes);
}

bool content_is_batch(struct content *c, uint32_t block, struct generation *gen)
{
	bool is = content_batch_at(c, block, gen);

	c->again = !is;
	is = is || content_batch_at(c, block, gen);
	c->again = false;
	return is;
}

void content_free(struct content *c)
{
	content_drop_keys(c);
	free(c->footer_buf);
	free(c->batch);
	free(c->record);
	free(c->window);
	memset(c, 0, sizeof(*c));
}
