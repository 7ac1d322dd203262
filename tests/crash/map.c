/* SPDX-License-Identifier: Apache-2.0 */
/* map.c - see map.h. It reads the image with the decoders of the store, and owns nothing. */
#include <string.h>

#include "map.h"
#include "store/format/footer.h"
#include "store/format/header.h"
#include "store/store.h"

/* What the functions of this file share. */
struct mapping {
	struct map *map;
	const struct layout *lay;
	const struct checksum_key *key;
	const uint8_t *image;
	struct header header; /* of the segment that is read */
	uint32_t header_place;
	bool sealed;
};

const char *map_kind_name(enum place_kind kind)
{
	static const char *const names[PLACE_KINDS] = {
		"superblock",	"segment header", "free segment header", "batch header", "payload",
		"footer block", "trailer",
	};

	return names[kind];
}

static uint32_t map_add(struct mapping *m, enum place_kind kind, uint64_t offset, uint32_t bytes)
{
	struct place *p = &m->map->place[m->map->count];

	CHECK(m->map->count < MAP_PLACES);
	*p = (struct place){ .kind = kind,
			     .sector = (uint32_t)(offset / DRIVE_SECTOR),
			     .sectors = (bytes + DRIVE_SECTOR - 1) / DRIVE_SECTOR,
			     .bytes = bytes,
			     .sealed = m->sealed };
	return m->map->count++;
}

static void map_record(struct mapping *m, const struct batch_header *h,
		       const struct batch_record *r, uint32_t batch)
{
	struct map_record *to = &m->map->record[m->map->records++];
	uint32_t segment = m->header.segment;

	CHECK(m->map->records <= MAP_RECORDS && r->key_len == sizeof(to->key));
	*to = (struct map_record){ .sequence = r->sequence,
				   .at = { h->place.gen, r->block ? r->block : h->place.block },
				   .tombstone = r->flags & DISK_TOMBSTONE,
				   .header = m->header_place,
				   .batch = batch,
				   .payload = UINT32_MAX };
	memcpy(&to->key, r->key, sizeof(to->key));
	if (!to->tombstone)
		to->payload = map_add(m, PLACE_PAYLOAD, layout_offset(m->lay, segment, r->block),
				      r->length);
}

/* Decodes the batch header at BLOCK. Returns its bytes, or NULL if there is none. */
static const uint8_t *map_decode(const struct mapping *m, uint32_t block, struct batch_header *h)
{
	struct checksum_place place = { m->header.segment, block, m->header.gen };
	const uint8_t *buf = m->image + layout_offset(m->lay, m->header.segment, block);
	uint64_t bytes;

	return batch_peek(buf, place, m->lay, &bytes) && batch_decode(h, buf, place, m->lay, m->key)
		       ? buf
		       : NULL;
}

/* Maps the batch at BLOCK. Returns its length, or 1 if there is none. */
static uint32_t map_batch(struct mapping *m, uint32_t block)
{
	struct batch_header h;
	struct batch_record r;
	const uint8_t *buf = map_decode(m, block, &h);
	uint32_t at = 0, batch;

	if (!buf)
		return 1;
	batch = map_add(m, PLACE_BATCH, (uint64_t)(buf - m->image), h.header_bytes);
	while (batch_next(buf, &h, &at, &r))
		map_record(m, &h, &r, batch);
	return h.blocks;
}

static void map_footer(struct mapping *m)
{
	uint64_t last = layout_offset(m->lay, m->header.segment, m->lay->segment_blocks - 1), first;
	struct footer f;

	m->sealed = false;
	if (footer_peek(&f, m->image + last, m->header.segment, m->header.gen, m->lay) !=
	    FOOTER_VALID)
		return;
	first = layout_offset(m->lay, m->header.segment, f.place.block);
	if (!footer_check(&f, m->image + first, m->lay, m->key))
		return;
	m->sealed = true;
	map_add(m, PLACE_TRAILER, last, m->lay->block_bytes);
	if (first < last)
		map_add(m, PLACE_FOOTER, first, m->lay->block_bytes);
}

static void map_segment(struct mapping *m, uint32_t number, const uint8_t uuid[16])
{
	uint64_t offset = layout_offset(m->lay, number, 0);

	m->sealed = false;
	if (!header_decode(&m->header, (const void *)(m->image + offset), number, m->key, uuid))
		return;
	if (m->header.state == DISK_FREE) {
		map_add(m, PLACE_FREE, offset, sizeof(struct disk_segment));
		return;
	}
	map_footer(m);
	m->header_place = map_add(m, PLACE_HEADER, offset, sizeof(struct disk_segment));
	for (uint32_t block = 1; block < m->lay->segment_blocks;)
		block += map_batch(m, block);
}

/* Notes what the newest record of KEY needs. */
static void map_key(struct map *map, uint64_t key, const struct model_found *found)
{
	const struct map_record *newest = NULL, *r;

	for (r = map->record; r < map->record + map->records; r++) {
		if (r->key != key || (found->hash ? r->sequence != found->sequence : !r->tombstone))
			continue;
		if (!newest || r->sequence > newest->sequence ||
		    (r->sequence == newest->sequence && logpos_compare(r->at, newest->at) > 0))
			newest = r;
	}
	if (!newest)
		return;
	map->place[newest->header].keys |= 1ull << key;
	if (newest->payload != UINT32_MAX)
		map->place[newest->payload].keys |= 1ull << key;
	if (!map->place[newest->batch].sealed)
		map->place[newest->batch].keys |= 1ull << key;
}

/* Returns true if the image has a tombstone of KEY that is newer than SEQUENCE. */
static bool map_is_deleted(const struct map *map, uint64_t key, uint64_t sequence)
{
	for (const struct map_record *r = map->record; r < map->record + map->records; r++)
		if (r->key == key && r->tombstone && r->sequence > sequence)
			return true;
	return false;
}

/* Returns the keys that nothing supersedes, and that the batch at *BLOCK brings back. Goes on to
 * the next one. */
static uint64_t map_back_batch(const struct mapping *m, uint32_t *block,
			       const struct model_found found[MODEL_KEYS])
{
	struct batch_header h;
	struct batch_record r;
	const uint8_t *buf = map_decode(m, *block, &h);
	uint64_t key, back = 0;
	uint32_t at = 0;

	*block += buf ? h.blocks : 1;
	while (buf && batch_next(buf, &h, &at, &r)) {
		memcpy(&key, r.key, sizeof(key));
		if (!(r.flags & DISK_TOMBSTONE) && !found[key].hash &&
		    !map_is_deleted(m->map, key, r.sequence))
			back |= 1ull << key;
	}
	return back;
}

void map_stale(struct map *map, const struct run *run, const uint8_t *image, const uint8_t *stale,
	       const struct model_found found[MODEL_KEYS])
{
	struct mapping m = {
		.map = map, .lay = run->s->io.lay, .key = &run->s->io.key, .image = image
	};

	for (struct place *p = map->place; p < map->place + map->count; p++) {
		uint64_t offset = (uint64_t)p->sector * DRIVE_SECTOR;
		uint32_t n = (uint32_t)((offset - m.lay->data_offset) / m.lay->segment_bytes);

		if ((p->kind != PLACE_HEADER && p->kind != PLACE_FREE) ||
		    !header_decode(&m.header, (const void *)(stale + offset), n, m.key,
				   run->s->io.super.uuid) ||
		    m.header.state == DISK_FREE)
			continue;
		for (uint32_t block = 1; block < m.lay->segment_blocks;)
			p->back |= map_back_batch(&m, &block, found);
	}
}

void map_make(struct map *map, const struct run *run, const uint8_t *image,
	      const struct model_found found[MODEL_KEYS])
{
	struct mapping m = {
		.map = map, .lay = run->s->io.lay, .key = &run->s->io.key, .image = image
	};

	map->count = map->records = 0;
	for (int copy = 0; copy < 2; copy++)
		map_add(&m, PLACE_SUPER, m.lay->copy_offset[copy], DISK_SUPER_BYTES);
	for (uint32_t n = 0; n < m.lay->segments; n++)
		map_segment(&m, n, run->s->io.super.uuid);
	for (uint64_t key = 0; key < MODEL_KEYS; key++)
		map_key(map, key, &found[key]);
}
