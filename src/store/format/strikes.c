/* SPDX-License-Identifier: Apache-2.0 */
/*
 * strikes.c - encodes, decodes, makes and applies the strikes in a header. Pure functions; own
 * nothing.
 */
#include <string.h>

#include "base/check.h"
#include "store/format/strikes.h"

#define STRIKES_AT sizeof(struct disk_segment)
/* In `from`: the records were dropped. No segment has so many blocks. */
#define STRIKES_DROPPED (1u << 31)

static struct checksum_place strikes_place(uint32_t segment, struct generation gen)
{
	return (struct checksum_place){ segment, 0, gen };
}

static bool strikes_is_empty(const struct disk_strikes *disk)
{
	static const struct disk_strikes zeroes;

	return !memcmp(disk, &zeroes, sizeof(zeroes));
}

enum strikes_state strikes_decode(struct strikes *s, const void *block, uint32_t segment,
				  struct generation gen, const struct checksum_key *key)
{
	struct disk_strikes disk;
	uint32_t n;

	memcpy(&disk, (const uint8_t *)block + STRIKES_AT, sizeof(disk));
	s->count = 0;
	if (strikes_is_empty(&disk))
		return STRIKES_NONE;
	if (le64toh(disk.magic) != DISK_STRIKES_MAGIC || le32toh(disk.count) > DISK_STRIKES ||
	    !checksum_holds(key, CHECKSUM_STRIKES, strikes_place(segment, gen), &disk,
			    sizeof(disk)))
		return STRIKES_DAMAGED;
	for (n = 0; n < le32toh(disk.count); n++) {
		uint32_t from = le32toh(disk.strike[n].from);

		s->list[n].from = from & ~STRIKES_DROPPED;
		s->list[n].to = le32toh(disk.strike[n].to);
		s->list[n].kind = from & STRIKES_DROPPED ? STRIKE_DROPPED : STRIKE_STRUCK;
	}
	s->count = n;
	return STRIKES_VALID;
}

void strikes_encode(void *block, const struct strikes *s, uint32_t segment, struct generation gen,
		    const struct checksum_key *key)
{
	struct disk_strikes disk = { .magic = htole64(DISK_STRIKES_MAGIC),
				     .count = htole32(s->count) };

	CHECK(s->count <= DISK_STRIKES);
	for (uint32_t n = 0; n < s->count; n++) {
		const struct strike *strike = &s->list[n];
		uint32_t dropped = strike->kind == STRIKE_DROPPED ? STRIKES_DROPPED : 0;

		disk.strike[n].from = htole32(strike->from | dropped);
		disk.strike[n].to = htole32(strike->to);
	}
	checksum_write(key, CHECKSUM_STRIKES, strikes_place(segment, gen), &disk, sizeof(disk));
	memcpy((uint8_t *)block + STRIKES_AT, &disk, sizeof(disk));
}

enum strike_kind strikes_find(const struct strikes *s, uint32_t block)
{
	for (uint32_t n = 0; s && block && n < s->count; n++)
		if (block >= s->list[n].from && block <= s->list[n].to)
			return s->list[n].kind;
	return STRIKE_NOT;
}

static enum strike_kind strikes_kind(const struct disk_entry *disk)
{
	if (!disk->key_len)
		return STRIKE_DROPPED;
	return footer_entry_struck(disk) ? STRIKE_STRUCK : STRIKE_NOT;
}

/* Adds the payload at BLOCK. NEXT: no put lies between it and the last one that was added. */
static bool strikes_add_one(struct strikes *s, uint32_t block, enum strike_kind kind, bool next)
{
	struct strike *last = s->count ? &s->list[s->count - 1] : NULL;

	if (next && last && last->kind == kind) {
		last->to = block;
		return true;
	}
	if (s->count == DISK_STRIKES)
		return false;
	s->list[s->count++] = (struct strike){ block, block, kind };
	return true;
}

bool strikes_add(struct strikes *s, const struct disk_entry *entries, uint32_t count)
{
	bool next = false;

	for (uint32_t n = 0; n < count; n++) {
		uint32_t block = le32toh(entries[n].block);
		enum strike_kind kind = strikes_kind(&entries[n]);
		bool known = strikes_find(s, block) != STRIKE_NOT;

		/* Tombstones are never struck, and have no payload. */
		if (!block)
			continue;
		if (kind != STRIKE_NOT && !known && !strikes_add_one(s, block, kind, next))
			return false;
		next = kind != STRIKE_NOT && !known;
	}
	return true;
}

void strikes_apply(const struct strikes *s, struct disk_entry *entries, uint32_t count, bool walked)
{
	for (uint32_t n = 0; s && n < count; n++) {
		enum strike_kind kind = strikes_find(s, le32toh(entries[n].block));

		if (kind == STRIKE_DROPPED && walked)
			footer_entry_drop(&entries[n]);
		else if (kind == STRIKE_STRUCK)
			footer_entry_strike(&entries[n]);
	}
}
