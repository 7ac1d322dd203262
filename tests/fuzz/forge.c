/* SPDX-License-Identifier: Apache-2.0 */
/*
 * forge.c - see forge.h. The image to begin with has a sealed segment with a tombstone, an open
 * one, and free ones. It is made once in a process.
 */
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <unistd.h>

#include <weir/store.h>

#include "forge.h"
#include "fuzz.h"
#include "store/format/batch.h"
#include "store/format/footer.h"
#include "store/format/header.h"
#include "store/format/super.h"

#define FORGE_PLACES 64u
#define FORGE_SEGMENT 65536u
#define FORGE_BLOCK 512u
#define FORGE_PIECE 6u

enum forge_kind { FORGE_SUPER, FORGE_HEADER, FORGE_BATCH, FORGE_FOOTER, FORGE_VALUE };

/* A structure that can be changed. */
struct forge_place {
	enum forge_kind kind;
	uint32_t offset, bytes;
	struct checksum_place place;
};

static struct forge_place forge_places[FORGE_PLACES];
static unsigned forge_count;
static uint8_t forge_base[FORGE_BYTES], forge_now[FORGE_BYTES];
static struct super forge_super;
static struct checksum_key forge_key;

/* The secret of the image is the same in every process, so that an input means the same. */
ssize_t getrandom(void *buf, size_t length, unsigned flags)
{
	(void)flags;
	memset(buf, 7, length);
	return (ssize_t)length;
}

static void forge_put(struct weir_store *s, unsigned number, size_t length)
{
	static uint8_t value[FORGE_SEGMENT];
	char key[16];

	memset(value, (int)number, length);
	snprintf(key, sizeof(key), "key %u", number);
	FUZZ_CHECK(!weir_store_put(s, key, 5, value, length, WEIR_PUT_DURABLE));
}

static void forge_fill(const char *path)
{
	struct weir_store_opts opts = WEIR_STORE_OPTS_INIT;
	/* Left open; known to whoever looks for leaks. */
	static struct weir_store *s;

	opts.attach = 1;
	opts.engine = "posix";
	FUZZ_CHECK(!weir_store_open(&s, path, &opts));
	for (unsigned n = 0; n < 4; n++)
		forge_put(s, n, 700);
	FUZZ_CHECK(!weir_store_delete(s, "key 1", 5, WEIR_PUT_DURABLE));
	FUZZ_CHECK(!weir_store_close(s));
	FUZZ_CHECK(!weir_store_open(&s, path, &opts));
	for (unsigned n = 3; n < FORGE_KEYS; n++)
		forge_put(s, n, 900);
}

static void forge_add(enum forge_kind kind, uint64_t offset, uint64_t bytes,
		      struct checksum_place place)
{
	FUZZ_CHECK(forge_count < FORGE_PLACES);
	forge_places[forge_count++] =
		(struct forge_place){ kind, (uint32_t)offset, (uint32_t)bytes, place };
}

static void forge_segment(uint32_t number)
{
	const struct layout *l = &forge_super.layout;
	const uint8_t *at = forge_base + layout_offset(l, number, 0);
	struct checksum_place place = { .segment = number };
	struct header h;
	struct footer f;
	uint64_t bytes;

	FUZZ_CHECK(header_decode(&h, (const void *)at, number, &forge_key, forge_super.uuid));
	forge_add(FORGE_HEADER, layout_offset(l, number, 0), sizeof(struct disk_segment), place);
	if (h.state == DISK_FREE)
		return;
	place.gen = h.gen;
	for (place.block = 1; place.block < l->segment_blocks; place.block++) {
		uint64_t offset = layout_offset(l, number, place.block);

		if (!batch_peek(forge_base + offset, place, l, &bytes))
			continue;
		forge_add(FORGE_BATCH, offset, bytes, place);
		forge_add(FORGE_VALUE, offset + bytes, FORGE_BLOCK, place);
	}
	if (footer_peek(&f, at + FORGE_SEGMENT - FORGE_BLOCK, number, h.gen, l) == FOOTER_VALID)
		forge_add(FORGE_FOOTER, layout_offset(l, number, f.place.block),
			  (uint64_t)f.blocks * FORGE_BLOCK, f.place);
}

/* Makes the image to begin with. The store stays open, as if the process had been killed. */
static void forge_make(void)
{
	struct weir_store_format_opts opts = WEIR_STORE_FORMAT_OPTS_INIT;
	struct checksum_place none = { 0 };
	int fd = memfd_create("forge", MFD_CLOEXEC);
	uint32_t version;
	char path[64];

	FUZZ_CHECK(fd >= 0 && !ftruncate(fd, FORGE_BYTES));
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	opts.segment_bytes = FORGE_SEGMENT;
	opts.block_bytes = FORGE_BLOCK;
	opts.force = 2;
	FUZZ_CHECK(!weir_store_format(path, &opts));
	forge_fill(path);
	FUZZ_CHECK(pread(fd, forge_base, FORGE_BYTES, 0) == FORGE_BYTES);
	FUZZ_CHECK(super_decode(&forge_super, (const void *)forge_base, 1, &version) ==
		   SUPER_VALID);
	checksum_key_make(&forge_key, forge_super.uuid, forge_super.secret, 0);
	for (int copy = 0; copy < 2; copy++)
		forge_add(FORGE_SUPER, forge_super.layout.copy_offset[copy], DISK_SUPER_BYTES,
			  none);
	for (uint32_t n = 0; n < forge_super.layout.segments; n++)
		forge_segment(n);
}

/* Takes the fields of a changed trailer, as far as a footer can have them. */
static void forge_footer(uint8_t *at, const struct forge_place *p)
{
	const struct layout *l = &forge_super.layout;
	const struct disk_trailer *t = (const void *)(at + p->bytes - sizeof(struct disk_trailer));
	struct footer f = { .place = p->place,
			    .blocks = p->bytes / FORGE_BLOCK,
			    .count = le32toh(t->count),
			    .end = le32toh(t->end) };

	if (f.count > (p->bytes - sizeof(*t)) / sizeof(struct disk_entry) || f.end > f.place.block)
		return;
	footer_seal(at, &f, l, &forge_key);
}

static void forge_seal(uint8_t *at, const struct forge_place *p)
{
	struct disk_super *super = (void *)at;

	switch (p->kind) {
	case FORGE_SUPER:
		super->checksum = htole64(checksum_super(super));
		break;
	case FORGE_HEADER:
		checksum_write(&forge_key, CHECKSUM_SEGMENT, p->place, at, p->bytes);
		break;
	case FORGE_BATCH:
		checksum_write(&forge_key, CHECKSUM_BATCH, p->place, at, p->bytes);
		break;
	case FORGE_FOOTER:
		forge_footer(at, p);
		break;
	default:
		break;
	}
}

static void forge_piece(const uint8_t piece[FORGE_PIECE])
{
	const struct forge_place *p = &forge_places[piece[0] % forge_count];
	const struct forge_place *from = &forge_places[piece[4] % forge_count];
	uint8_t *at = forge_now + p->offset;
	uint32_t n = (piece[1] | (uint32_t)piece[2] << 8) % p->bytes;
	uint32_t copied = from->bytes < p->bytes ? from->bytes : p->bytes;

	switch (piece[3] % 5) {
	case 0:
		at[n] = piece[4];
		break;
	case 1:
		at[n] ^= (uint8_t)(1u << piece[4] % 8);
		break;
	case 2:
		memset(at + n, piece[4] % 2 ? 0xff : 0, p->bytes - n < 8 ? p->bytes - n : 8);
		break;
	case 3:
		memset(at, piece[4], p->bytes);
		break;
	default:
		memcpy(at, forge_base + from->offset, copied);
		break;
	}
	if (piece[5] % 2)
		forge_seal(at, p);
}

uint8_t *forge_image(const uint8_t *data, size_t size)
{
	if (!forge_count)
		forge_make();
	memcpy(forge_now, forge_base, FORGE_BYTES);
	for (; size >= FORGE_PIECE; size -= FORGE_PIECE, data += FORGE_PIECE)
		forge_piece(data);
	return forge_now;
}
