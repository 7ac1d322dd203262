/* SPDX-License-Identifier: Apache-2.0 */
/*
 * footer.c - encodes footers, and decodes only valid ones. Pure functions; own nothing.
 *
 * The trailer is at the very end of the segment, so that a reader finds it without knowing the
 * length of the footer. The entries begin at the first byte of the footer.
 */
#include <string.h>

#include "base/check.h"
#include "store/format/footer.h"

void footer_entry_encode(struct disk_entry *disk, const struct footer_entry *e)
{
	CHECK(e->key_len && e->batch);
	disk->hash[0] = htole64(e->hash[0]);
	disk->hash[1] = htole64(e->hash[1]);
	disk->sequence = htole64(e->sequence);
	disk->checksum = htole64(e->checksum);
	disk->length = htole32(e->length);
	disk->block = htole32(e->block);
	disk->flags = htole16(e->flags);
	disk->key_len = htole16(e->key_len);
	disk->batch = htole32(e->batch);
}

bool footer_entry_struck(const struct disk_entry *disk)
{
	return (le16toh(disk->flags) & ~DISK_RECORD_KNOWN) == DISK_STRUCK;
}

void footer_entry_strike(struct disk_entry *disk)
{
	disk->flags |= htole16(DISK_STRUCK);
}

void footer_entry_drop(struct disk_entry *disk)
{
	*disk = (struct disk_entry){ .block = disk->block };
}

void footer_entry_decode(struct footer_entry *e, const struct disk_entry *disk)
{
	e->hash[0] = le64toh(disk->hash[0]);
	e->hash[1] = le64toh(disk->hash[1]);
	e->sequence = le64toh(disk->sequence);
	e->checksum = le64toh(disk->checksum);
	e->length = le32toh(disk->length);
	e->block = le32toh(disk->block);
	e->flags = le16toh(disk->flags);
	e->key_len = le16toh(disk->key_len);
	e->batch = le32toh(disk->batch);
	if (!footer_entry_struck(disk))
		return;
	e->flags = DISK_TOMBSTONE;
	e->length = e->block = 0;
}

static size_t footer_bytes(const struct footer *f, const struct layout *l)
{
	return (size_t)f->blocks << l->block_shift;
}

/* The bytes before the trailer, given piece by piece as if no entry were struck. */
struct footer_body {
	const struct disk_entry *entries;
	size_t count; /* number of entries */
	size_t bytes; /* of the whole body */
	size_t at;
	struct disk_entry entry;
};

static size_t footer_body_next(void *user, const void **data)
{
	struct footer_body *b = user;
	size_t n = b->at / sizeof(*b->entries), from = b->at;

	if (n < b->count && footer_entry_struck(&b->entries[n])) {
		b->entry = b->entries[n];
		b->entry.flags &= htole16(DISK_RECORD_KNOWN);
		*data = &b->entry;
		b->at += sizeof(b->entry);
		return sizeof(b->entry);
	}
	while (n < b->count && !footer_entry_struck(&b->entries[n]))
		n++;
	b->at = n < b->count ? n * sizeof(*b->entries) : b->bytes;
	*data = (const uint8_t *)b->entries + from;
	return b->at - from;
}

/* Returns the checksum over the trailer and everything before it. */
static uint64_t footer_checksum(const struct footer *f, const void *buf, const struct layout *l,
				const struct checksum_key *key)
{
	size_t body = footer_bytes(f, l) - sizeof(struct disk_trailer);
	struct footer_body pieces = { .entries = buf, .count = f->count, .bytes = body };
	uint64_t sums[2] = {
		htole64(checksum_pieces(key, CHECKSUM_FOOTER, f->place, footer_body_next, &pieces)),
		htole64(checksum_data(key, CHECKSUM_FOOTER, f->place,
				      (const uint8_t *)buf + body + DISK_CHECKSUM_FROM,
				      sizeof(struct disk_trailer) - DISK_CHECKSUM_FROM)),
	};

	return checksum_data(key, CHECKSUM_FOOTER, f->place, sums, sizeof(sums));
}

void footer_seal(void *buf, const struct footer *f, const struct layout *l,
		 const struct checksum_key *key)
{
	size_t body = footer_bytes(f, l) - sizeof(struct disk_trailer);
	size_t used = (size_t)f->count * sizeof(struct disk_entry);
	struct disk_trailer trailer = {
		.magic = htole64(DISK_FOOTER_MAGIC),
		.epoch = htole64(f->place.gen.epoch),
		.counter = htole64(f->place.gen.counter),
		.segment = htole32(f->place.segment),
		.device = htole32(key->device),
		.blocks = htole32(f->blocks),
		.count = htole32(f->count),
		.end = htole32(f->end),
	};

	CHECK(used <= body && f->end <= f->place.block);
	CHECK(f->place.block + f->blocks == l->segment_blocks);
	memset((uint8_t *)buf + used, 0, body - used);
	memcpy((uint8_t *)buf + body, &trailer, sizeof(trailer));
	trailer.checksum = htole64(footer_checksum(f, buf, l, key));
	memcpy((uint8_t *)buf + body, &trailer, sizeof(trailer));
}

enum footer_state footer_peek(struct footer *f, const void *last_block, uint32_t segment,
			      struct generation gen, const struct layout *l)
{
	struct disk_trailer t;

	memcpy(&t, (const uint8_t *)last_block + l->block_bytes - sizeof(t), sizeof(t));
	if (le64toh(t.magic) != DISK_FOOTER_MAGIC || le64toh(t.epoch) != gen.epoch ||
	    le64toh(t.counter) != gen.counter || le32toh(t.segment) != segment)
		return FOOTER_NONE;
	f->blocks = le32toh(t.blocks);
	f->count = le32toh(t.count);
	f->end = le32toh(t.end);
	if (f->count > l->segment_bytes / sizeof(struct disk_entry) ||
	    f->blocks != layout_footer_blocks(l, f->count) || f->blocks >= l->segment_blocks ||
	    f->end < 1 || f->end > l->segment_blocks - f->blocks)
		return FOOTER_DAMAGED;
	f->place.segment = segment;
	f->place.block = l->segment_blocks - f->blocks;
	f->place.gen = gen;
	return FOOTER_VALID;
}

static bool footer_entry_valid(const struct footer *f, const struct footer_entry *e,
			       const struct layout *l)
{
	if (!format_key_valid(e->key_len) || e->flags & ~DISK_RECORD_KNOWN || e->batch < 1 ||
	    e->batch >= f->end)
		return false;
	if (e->flags & DISK_TOMBSTONE)
		return !e->length && !e->block;
	return e->length && e->length <= l->max_value_bytes && e->block > e->batch &&
	       e->block < f->end && layout_blocks(l, e->length) <= f->end - e->block;
}

bool footer_check(const struct footer *f, const void *buf, const struct layout *l,
		  const struct checksum_key *key)
{
	size_t body = footer_bytes(f, l) - sizeof(struct disk_trailer);
	const struct disk_entry *disk = buf;
	struct disk_trailer t;
	struct footer_entry e;
	uint32_t n;

	memcpy(&t, (const uint8_t *)buf + body, sizeof(t));
	if (le64toh(t.magic) != DISK_FOOTER_MAGIC || le32toh(t.device) != key->device ||
	    le64toh(t.checksum) != footer_checksum(f, buf, l, key))
		return false;
	for (n = 0; n < f->count; n++) {
		footer_entry_decode(&e, &disk[n]);
		if (!footer_entry_valid(f, &e, l))
			return false;
	}
	return true;
}
