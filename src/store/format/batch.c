/* SPDX-License-Identifier: Apache-2.0 */
/*
 * batch.c - encodes batch headers, and decodes only valid ones. Pure functions; own nothing.
 *
 * The reader trusts nothing before it has verified the checksum, and checks every length even then:
 * a wrong length must never make it read outside the buffer.
 */
#include <string.h>

#include "base/check.h"
#include "store/format/batch.h"

void batch_add(void *buf, uint32_t *at, const struct batch_record *r)
{
	struct disk_record disk = {
		.sequence = htole64(r->sequence),
		.checksum = htole64(r->checksum),
		.length = htole32(r->length),
		.block = htole32(r->block),
		.key_len = htole16(r->key_len),
		.flags = htole16(r->flags),
	};
	uint8_t *to;
	uint32_t pad = -(uint32_t)r->key_len & 7;

	CHECK(r->key_len && !(r->flags & ~DISK_RECORD_KNOWN));
	if (!*at)
		*at = sizeof(struct disk_batch);
	to = (uint8_t *)buf + *at;
	memcpy(to, &disk, sizeof(disk));
	memcpy(to + sizeof(disk), r->key, r->key_len);
	memset(to + sizeof(disk) + r->key_len, 0, pad);
	*at += batch_record_bytes(r->key_len);
}

void batch_finish(void *buf, const struct batch_header *h, const struct layout *l,
		  const struct checksum_key *key)
{
	struct disk_batch *disk = buf;
	size_t whole = (size_t)layout_blocks(l, h->header_bytes) << l->block_shift;

	CHECK(h->count && h->header_bytes > sizeof(*disk));
	CHECK(h->blocks >= layout_blocks(l, h->header_bytes));
	CHECK(h->place.block + h->blocks <= l->segment_blocks);
	memset(disk, 0, sizeof(*disk));
	disk->magic = htole64(DISK_BATCH_MAGIC);
	disk->epoch = htole64(h->place.gen.epoch);
	disk->counter = htole64(h->place.gen.counter);
	disk->segment = htole32(h->place.segment);
	disk->block = htole32(h->place.block);
	disk->header_bytes = htole32(h->header_bytes);
	disk->blocks = htole32(h->blocks);
	disk->count = htole32(h->count);
	disk->mark_epoch = htole64(h->mark.gen.epoch);
	disk->mark_counter = htole64(h->mark.gen.counter);
	disk->mark_block = htole32(h->mark.block);
	disk->device = htole32(key->device);
	disk->time_ns = htole64(h->time_ns);
	memset((uint8_t *)buf + h->header_bytes, 0, whole - h->header_bytes);
	checksum_write(key, CHECKSUM_BATCH, h->place, buf, whole);
}

bool batch_peek(const void *buf, struct checksum_place place, const struct layout *l,
		uint64_t *bytes)
{
	const struct disk_batch *disk = buf;
	uint32_t length = le32toh(disk->header_bytes), blocks = le32toh(disk->blocks);

	if (le64toh(disk->magic) != DISK_BATCH_MAGIC || le64toh(disk->epoch) != place.gen.epoch ||
	    le64toh(disk->counter) != place.gen.counter ||
	    le32toh(disk->segment) != place.segment || le32toh(disk->block) != place.block)
		return false;
	if (length <= sizeof(*disk) || length > l->segment_bytes ||
	    blocks < layout_blocks(l, length) || blocks > l->segment_blocks - place.block)
		return false;
	*bytes = (uint64_t)layout_blocks(l, length) << l->block_shift;
	return true;
}

static bool batch_record_valid(const struct batch_header *h, const struct batch_record *r,
			       const struct layout *l)
{
	uint32_t from = h->place.block + layout_blocks(l, h->header_bytes);
	uint32_t to = h->place.block + h->blocks;

	if (!format_key_valid(r->key_len) || r->flags & ~DISK_RECORD_KNOWN)
		return false;
	if (r->flags & DISK_TOMBSTONE)
		return !r->length && !r->block;
	return r->length && r->length <= l->max_value_bytes && r->block >= from && r->block < to &&
	       layout_blocks(l, r->length) <= to - r->block;
}

bool batch_decode(struct batch_header *h, const void *buf, struct checksum_place place,
		  const struct layout *l, const struct checksum_key *key)
{
	const struct disk_batch *disk = buf;
	struct batch_record r;
	uint32_t at = 0, count = 0;
	uint64_t bytes;

	if (!batch_peek(buf, place, l, &bytes) ||
	    !checksum_holds(key, CHECKSUM_BATCH, place, buf, bytes) ||
	    le32toh(disk->device) != key->device)
		return false;
	h->place = place;
	h->mark.gen.epoch = le64toh(disk->mark_epoch);
	h->mark.gen.counter = le64toh(disk->mark_counter);
	h->mark.block = le32toh(disk->mark_block);
	h->header_bytes = le32toh(disk->header_bytes);
	h->blocks = le32toh(disk->blocks);
	h->count = le32toh(disk->count);
	h->time_ns = le64toh(disk->time_ns);
	while (batch_next(buf, h, &at, &r)) {
		if (!batch_record_valid(h, &r, l))
			return false;
		count++;
	}
	return count == h->count;
}

bool batch_next(const void *buf, const struct batch_header *h, uint32_t *at, struct batch_record *r)
{
	struct disk_record disk;
	const uint8_t *from;

	if (!*at)
		*at = sizeof(struct disk_batch);
	if (h->header_bytes - *at < sizeof(disk))
		return false;
	from = (const uint8_t *)buf + *at;
	memcpy(&disk, from, sizeof(disk));
	r->sequence = le64toh(disk.sequence);
	r->checksum = le64toh(disk.checksum);
	r->length = le32toh(disk.length);
	r->block = le32toh(disk.block);
	r->key_len = le16toh(disk.key_len);
	r->flags = le16toh(disk.flags);
	r->key = from + sizeof(disk);
	if (batch_record_bytes(r->key_len) > h->header_bytes - *at)
		return false;
	*at += batch_record_bytes(r->key_len);
	return true;
}
