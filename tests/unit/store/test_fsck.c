/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_fsck.c - a check finds each kind of damage to each structure, and names it. After a repair
 * the check is clean, and everything beyond the damaged part is intact.
 */
#include <errno.h>
#include <stdio.h>

#include "rig.h"
#include "store/check/check.h"

#define IMAGE (2u << 20)
#define SEGMENT (64u << 10)
#define BLOCK 4096u
#define FIRST 65536u
#define SEGMENTS ((IMAGE - 2 * FIRST) / SEGMENT)
#define KEYS 60u

static struct rig rig = { .attach = 1, .engine = "posix" };

/* The same store at two times, and another store. */
static uint8_t early[IMAGE], late[IMAGE], other[IMAGE], image[IMAGE], after[IMAGE];
/* The version of each key in `late`; 0: it is not there. */
static uint64_t version[KEYS];
/* The sequence number of its newest record. */
static uint64_t sequence[KEYS];

/* What is known about `late`. */
static struct {
	struct super super;
	struct checksum_key key;
	struct header header[SEGMENTS], old[SEGMENTS]; /* in late and in early */
	bool valid[SEGMENTS];
	uint32_t target;  /* a sealed segment with live entries that was used before */
	uint32_t partner; /* another one like it */
	uint32_t unused;  /* a free one */
} known;

static size_t length_of(uint64_t key)
{
	return 1 + key * 977 % 9000;
}

static uint64_t segment_at(uint32_t segment, uint32_t block)
{
	return FIRST + (uint64_t)segment * SEGMENT + (uint64_t)block * BLOCK;
}

static void fill(uint64_t from, uint64_t to)
{
	for (uint64_t n = from; n < to; n++) {
		uint64_t key = n % KEYS;

		if (n % 13 == 5 && version[key]) {
			assert_int_equal(rig_delete(&rig, key, 0), 0);
			version[key] = 0;
			continue;
		}
		assert_int_equal(rig_put(&rig, key, n + 1, length_of(key), 0), 0);
		version[key] = n + 1;
	}
}

static int note_sequence(const struct weir_store_entry *e, void *user)
{
	uint64_t key;

	(void)user;
	memcpy(&key, e->key, sizeof(key));
	sequence[key] = e->sequence;
	return 0;
}

static void decode_all(const uint8_t *bytes, struct header *h)
{
	for (uint32_t n = 0; n < SEGMENTS; n++)
		assert_true(header_decode(&h[n], (const void *)(bytes + segment_at(n, 0)), n,
					  &known.key, known.super.uuid));
}

static bool is_sealed(const uint8_t *bytes, const struct header *h, uint32_t n)
{
	struct footer f;

	return h[n].state == DISK_USED &&
	       footer_peek(&f, bytes + segment_at(n, SEGMENT / BLOCK - 1), n, h[n].gen,
			   &known.super.layout) == FOOTER_VALID;
}

/* Chooses the two newest segments but one that were also sealed in `early`. */
static void choose(void)
{
	uint32_t version_found, best[3] = { SEGMENTS, SEGMENTS, SEGMENTS };

	assert_int_equal(super_decode(&known.super, (const void *)late, 1, &version_found),
			 SUPER_VALID);
	checksum_key_make(&known.key, known.super.uuid, known.super.secret, 0);
	decode_all(late, known.header);
	decode_all(early, known.old);
	known.unused = SEGMENTS;
	for (uint32_t n = 0; n < SEGMENTS; n++) {
		if (known.header[n].state == DISK_FREE)
			known.unused = n;
		if (!is_sealed(late, known.header, n) || !is_sealed(early, known.old, n) ||
		    !generation_compare(known.header[n].gen, known.old[n].gen))
			continue;
		for (uint32_t i = 0; i < 3; i++) {
			if (best[i] < SEGMENTS &&
			    generation_compare(known.header[n].gen, known.header[best[i]].gen) < 0)
				continue;
			memmove(&best[i + 1], &best[i], (2 - i) * sizeof(best[0]));
			best[i] = n;
			break;
		}
	}
	assert_true(best[2] < SEGMENTS && known.unused < SEGMENTS);
	known.target = best[1];
	known.partner = best[2];
}

static int make_images(void **state)
{
	(void)state;
	rig_make(&rig, IMAGE, SEGMENT, BLOCK);
	rig_open(&rig);
	fill(0, 7000);
	rig_close(&rig);
	rig_peek(&rig, 0, other, IMAGE);
	rig_remove(&rig);
	memset(version, 0, sizeof(version));
	rig_make(&rig, IMAGE, SEGMENT, BLOCK);
	rig_open(&rig);
	fill(0, 300);
	rig_close(&rig);
	rig_peek(&rig, 0, early, IMAGE);
	rig_open(&rig);
	fill(300, 830);
	assert_int_equal(weir_store_list(rig.s, note_sequence, NULL), 0);
	rig_close(&rig);
	rig_peek(&rig, 0, late, IMAGE);
	choose();
	return 0;
}

static int remove_images(void **state)
{
	(void)state;
	rig_remove(&rig);
	return 0;
}

/* What a check reported. */
static struct {
	uint32_t kinds; /* a bit for each kind of damage */
	uint32_t notes; /* a bit for each kind of note */
	uint32_t with_key;
	struct weir_check_result result;
} seen;

static void on_found(void *user, const struct weir_finding *f)
{
	assert_ptr_equal(user, &seen);
	assert_int_equal(f->size, sizeof(*f));
	assert_true(f->kind && f->kind < WEIR_FINDING_KINDS && f->text[0]);
	assert_true(f->offset + f->length <= IMAGE);
	if (f->damage)
		seen.kinds |= 1u << f->kind;
	else
		seen.notes |= 1u << f->kind;
	seen.with_key += f->key != NULL;
	assert_true(!f->key || f->key_len == 8);
}

static void check(uint32_t repair)
{
	struct weir_check_opts opts = WEIR_CHECK_OPTS_INIT;

	memset(&seen, 0, sizeof(seen));
	seen.result = (struct weir_check_result)WEIR_CHECK_RESULT_INIT;
	opts.data = 1;
	opts.repair = repair;
	opts.engine = "posix";
	opts.found = on_found;
	opts.user = &seen;
	if (weir_store_check(rig.path, &opts, &seen.result))
		fail_msg("check: %s", weir_error());
}

static void write_image(void)
{
	rig_poke(&rig, 0, image, IMAGE);
}

enum structure {
	SUPER_1,
	SUPER_2,
	HEADER,
	FREE_MARK,
	BATCH,
	PAYLOAD,
	FOOTER,
	STRUCTURES,
};

static const char *const structure_names[STRUCTURES] = { "superblock 1", "superblock 2", "header",
							 "free mark",	 "batch header", "payload",
							 "footer" };

enum damage { BIT, BYTE, ZERO, STALE, OTHER, SWAPPED, SHIFTED, DAMAGES };

static const char *const damage_names[DAMAGES] = { "bit",   "byte",    "zero",	 "earlier life",
						   "other", "swapped", "shifted" };

/* The batch whose header and first payload are damaged: the first in SEGMENT with a live key. */
static uint32_t batch_block(uint32_t segment, uint32_t *payload, uint64_t *key)
{
	const struct layout *l = &known.super.layout;
	uint32_t block = 1, at;

	while (block < l->segment_blocks) {
		struct checksum_place place = { segment, block, known.header[segment].gen };
		const uint8_t *buf = late + segment_at(segment, block);
		struct batch_header h;
		struct batch_record r;

		assert_true(batch_decode(&h, buf, place, l, &known.key));
		for (at = 0; batch_next(buf, &h, &at, &r);) {
			memcpy(key, r.key, sizeof(*key));
			*payload = r.block;
			if (r.sequence == sequence[*key] && r.length > 600)
				return block;
		}
		block += h.blocks;
	}
	fail_msg("no batch with a payload");
	return 0;
}

/* Returns where a structure is, in the target or (SECOND) in its partner. */
static uint64_t place_of(enum structure s, bool second)
{
	uint32_t segment = second ? known.partner : known.target, payload;
	uint64_t key;

	switch (s) {
	case SUPER_1:
		/* Two swapped copies would be two damaged ones, and no store. */
		return second ? segment_at(segment, 0) : 0;
	case SUPER_2:
		return second ? segment_at(segment, 0) : IMAGE - FIRST;
	case HEADER:
		return segment_at(segment, 0);
	case FREE_MARK:
		return segment_at(second ? known.partner : known.unused, 0);
	case BATCH:
		return segment_at(segment, batch_block(segment, &payload, &key));
	case PAYLOAD:
		batch_block(segment, &payload, &key);
		return segment_at(segment, payload);
	default:
		return segment_at(segment, SEGMENT / BLOCK - 1);
	}
}

static void swap(uint8_t *a, uint8_t *b)
{
	static uint8_t between[BLOCK];

	memcpy(between, a, BLOCK);
	memcpy(a, b, BLOCK);
	memcpy(b, between, BLOCK);
}

static void make_damage(enum structure s, enum damage d)
{
	uint64_t at = place_of(s, false), partner = place_of(s, true);
	/* In the trailer, in a record, or in the first bytes of a value. */
	uint64_t byte =
		at + (s == FOOTER ? BLOCK - 100 : 130 - 100 * (s == HEADER || s == FREE_MARK));

	memcpy(image, late, IMAGE);
	switch (d) {
	case BIT:
		image[byte] ^= 4;
		break;
	case BYTE:
		image[byte] = (uint8_t)~image[byte];
		break;
	case ZERO:
		memset(image + at, 0, BLOCK);
		break;
	case STALE:
		memcpy(image + at, early + at, BLOCK);
		break;
	case OTHER:
		memcpy(image + at, other + at, BLOCK);
		break;
	case SWAPPED:
		swap(image + at, image + partner);
		break;
	default:
		memmove(image + at + 512, image + at, BLOCK - 512);
		memset(image + at, 0, 512);
		break;
	}
	write_image();
}

/* Returns the findings of which one must be there. */
static uint32_t expected(enum structure s, enum damage d)
{
	switch (s) {
	case SUPER_1:
	case SUPER_2:
		return 1u << WEIR_FINDING_SUPERBLOCK;
	case HEADER:
	case FREE_MARK:
		return 1u << (d == STALE ? WEIR_FINDING_STALE_HEADER : WEIR_FINDING_HEADER);
	case BATCH:
		return 1u << WEIR_FINDING_BATCH;
	case PAYLOAD:
		return 1u << WEIR_FINDING_PAYLOAD;
	default:
		return 1u << WEIR_FINDING_FOOTER;
	}
}

/* Checks every key of the store: intact, or lost with the damaged part. Returns how many are lost.
 */
static uint32_t check_keys(const char *what, uint32_t most)
{
	uint32_t lost = 0;

	rig_open(&rig);
	for (uint64_t key = 0; key < KEYS; key++) {
		int got = version[key] ? rig_get(&rig, key, version[key], length_of(key)) : 1;

		if (got != 1 && got != -ENOENT && most < KEYS)
			fail_msg("%s: key %d: %d", what, (int)key, got);
		lost += got != 1;
	}
	rig_check_counts(rig.s);
	rig_close(&rig);
	if (lost > most)
		fail_msg("%s: %u keys are lost, at most %u may be", what, lost, most);
	return lost;
}

/* Returns how many keys a damaged structure may cost. */
static uint32_t may_lose(enum structure s, enum damage d)
{
	if (s == FOOTER || (s != HEADER && s < BATCH && d != SWAPPED))
		return 0;
	/* The header of a segment costs its entries; older versions of their keys may return. */
	if (s < BATCH)
		return KEYS;
	return d == SWAPPED ? 2 : 1;
}

static void one(enum structure s, enum damage d)
{
	char what[64];
	uint32_t lost;

	snprintf(what, sizeof(what), "%s, %s", structure_names[s], damage_names[d]);
	make_damage(s, d);
	check(0);
	if ((s == SUPER_1 || s == SUPER_2) && d == STALE) {
		/* A power cut between the two writes leaves the same. */
		assert_int_equal(seen.kinds, 0);
		assert_true(seen.notes & 1u << WEIR_FINDING_SUPERBLOCK);
		return;
	}
	if (!(seen.kinds & expected(s, d)) || !seen.result.damage)
		fail_msg("%s: found 0x%x, not 0x%x", what, seen.kinds, expected(s, d));
	if (s == PAYLOAD)
		assert_true(seen.with_key);
	/* Without repair nothing is written. */
	rig_peek(&rig, 0, after, IMAGE);
	assert_memory_equal(after, image, IMAGE);
	check(1);
	assert_true(seen.result.repaired);
	check(0);
	if (seen.result.damage || seen.notes & ~(1u << WEIR_FINDING_SUPERBLOCK))
		fail_msg("%s: after the repair 0x%x, notes 0x%x", what, seen.kinds, seen.notes);
	lost = check_keys(what, may_lose(s, d));
	if (s == PAYLOAD || s == BATCH)
		assert_int_equal(lost, may_lose(s, d));
}

static void clean(void **state)
{
	struct weir_store_stats stats;

	(void)state;
	memcpy(image, late, IMAGE);
	write_image();
	check(1);
	assert_int_equal(seen.kinds | seen.notes, 0);
	assert_false(seen.result.repaired);
	assert_true(seen.result.verified > 100 && seen.result.batches > 100);
	assert_int_equal(seen.result.segments, SEGMENTS);
	rig_peek(&rig, 0, image, IMAGE);
	assert_memory_equal(image, late, IMAGE);
	/* It finds the entries that recovery finds. */
	rig_open(&rig);
	rig_stats(&rig, &stats);
	assert_int_equal(stats.entries, seen.result.entries);
	assert_int_equal(stats.live_bytes, seen.result.live_bytes);
	rig_close(&rig);
	check_keys("clean", 0);
}

static void every_damage(void **state)
{
	(void)state;
	for (enum structure s = 0; s < STRUCTURES; s++)
		for (enum damage d = 0; d < DAMAGES; d++) {
			/* A header that says "used" over a free mark may be one that the drive
			 * never overwrote: nothing else tells. */
			if (s == FREE_MARK && d == STALE)
				continue;
			one(s, d);
		}
}

/* The headers of the newest segments are damaged: no header tells which generation they had. */
static void newest_headers(void **state)
{
	uint32_t n, i, newest;

	(void)state;
	memcpy(image, late, IMAGE);
	for (i = 0; i < 10; i++) {
		for (newest = n = 0; n < SEGMENTS; n++)
			if (generation_compare(known.header[n].gen, known.header[newest].gen) > 0)
				newest = n;
		memset(&known.header[newest].gen, 0, sizeof(known.header[newest].gen));
		image[segment_at(newest, 0) + 40] ^= 1;
	}
	write_image();
	check(1);
	assert_int_equal(seen.result.freed_segments, 10);
	check(0);
	if (seen.result.damage)
		fail_msg("0x%x is left", seen.kinds);
	decode_all(late, known.header);
	check_keys("newest headers", KEYS);
}

/* Overwrites 1 to 6 random places with what may come from anywhere. */
static void damage_at_random(uint64_t *random)
{
	const uint8_t *const from[] = { early, late, other };
	uint64_t n = 1 + rig_random(random) % 6;

	memcpy(image, late, IMAGE);
	while (n--) {
		uint64_t r = rig_random(random), at = r % (IMAGE - BLOCK);
		uint64_t block = at / BLOCK * BLOCK;

		switch (r >> 32 & 3) {
		case 0:
			image[at] ^= (uint8_t)(1u << (r >> 40 & 7));
			break;
		case 1:
			memset(image + block, 0, BLOCK);
			break;
		case 2:
			memcpy(image + block, from[(r >> 40) % 3] + block, BLOCK);
			break;
		default:
			memcpy(image + block, late + (r >> 40) % (IMAGE / BLOCK) * BLOCK, BLOCK);
			break;
		}
	}
	write_image();
}

/* After any damage a repair ends, the check behind it is clean, the store opens with the entries
 * that the check counts, and no get returns other bytes. */
static void made_up(void **state)
{
	uint64_t random = 7, repaired = 0;
	struct weir_store_stats stats;

	(void)state;
	for (uint32_t n = 0; n < 60; n++) {
		damage_at_random(&random);
		check(1);
		repaired += seen.result.repaired;
		check(0);
		if (seen.result.damage)
			fail_msg("image %u: 0x%x is left", n, seen.kinds);
		rig_open(&rig);
		rig_stats(&rig, &stats);
		assert_int_equal(stats.entries, seen.result.entries);
		for (uint64_t key = 0; key < KEYS; key++) {
			int got = rig_get(&rig, key, version[key], length_of(key));

			/* An older version may come back with a lost segment. */
			assert_true(got == 1 || got == 0 || got == -ENOENT);
		}
		rig_check_counts(rig.s);
		rig_close(&rig);
	}
	assert_true(repaired > 30);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(clean),
		cmocka_unit_test(every_damage),
		cmocka_unit_test(newest_headers),
		cmocka_unit_test(made_up),
	};

	return cmocka_run_group_tests_name("store_fsck", tests, make_images, remove_images);
}
