/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_fields.c - each field of each structure on the device is set to extreme values, with a right
 * checksum. Opening, listing, getting and putting may fail then, but the program goes on.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "memdisk.h"
#include "store/format/batch.h"
#include "store/format/footer.h"
#include "store/format/header.h"
#include "store/format/super.h"

#define SEGMENT (64u << 10)
#define SEGMENTS 16u
#define IMAGE (SEGMENTS * SEGMENT + (128u << 10))
#define KEYS 12u
#define VALUE 9000u
#define FRESH 100u /* the first key that the image does not have */
#define PUTS 40u   /* so many large values fill the store, so segments are reclaimed */
#define PUT_BYTES 24000u

/* The sanitizers are slow, so of the values only every Nth is set with them. */
#if defined(__SANITIZE_THREAD__)
#define EVERY 5u
#elif defined(__SANITIZE_ADDRESS__) || defined(WEIR_FEWER_ROUNDS)
#define EVERY 4u
#else
#define EVERY 1u
#endif

struct field {
	const char *name;
	size_t at, bytes;
};

#define FIELD(type, member)                                                                        \
	{                                                                                          \
#type "." #member, offsetof(struct type, member),                                  \
			sizeof(((struct type *)NULL)->member)                                      \
	}

static struct rig rig = { .engine = "posix" };
static uint8_t *image; /* the contents before anything is forged */
static struct super super;
static struct checksum_key key;
static char forging[128];
static unsigned forged, opened;

/* The structure that is forged: its segment, its block there, and its offset on the device. */
static struct checksum_place place;
static uint64_t offset;

/* Says which field ended the program, or stopped it. */
static void tell(int signal)
{
	ssize_t written = write(STDERR_FILENO, forging, strlen(forging));

	_exit(written < 0 ? 1 : 128 + signal);
}

static uint64_t offset_of(uint32_t segment, uint32_t block)
{
	return layout_offset(&super.layout, segment, block);
}

/* Makes two streams with a sealed segment and an open one each, then kills the process. */
static void fill_image(void)
{
	uint32_t stream;
	uint64_t n;

	assert_int_equal(memdisk_open(&rig), 0);
	assert_int_equal(weir_store_add_tenant(rig.s, "tenant", &stream), 1);
	for (n = 0; n < KEYS; n++)
		assert_int_equal(rig_put(&rig, n, 1, VALUE, RIG_STREAM(n % 2 ? stream : 0)), 0);
	assert_int_equal(rig_put(&rig, 2, 2, 100, 0), 0);
	assert_int_equal(rig_delete(&rig, 4, 0), 0);
	memdisk.keep = 1;
	memdisk_cut();
	memdisk_close(&rig);
}

static int set_up(void **state)
{
	uint32_t version;

	(void)state;
	forged = opened = 0;
	signal(SIGABRT, tell);
	signal(SIGALRM, tell);
	rig_make(&rig, IMAGE, SEGMENT, 4096);
	memdisk_load(&rig, 4096, 3);
	memdisk.shuffle = 0;
	fill_image();
	image = malloc(memdisk.bytes);
	memcpy(image, memdisk.now, memdisk.bytes);
	assert_int_equal(super_decode(&super, (struct disk_super *)image, 1, &version),
			 SUPER_VALID);
	checksum_key_make(&key, super.uuid, super.secret, 0);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	/* The forging reaches the store: many of the images are opened, and not all. The few that
	 * are refused may be missing where only some of the values are set. */
	print_message("%u images, opened %u times\n", forged, opened);
	assert_true(opened > forged / 2);
	assert_true(EVERY > 1 || opened < 2 * forged);
	free(image);
	memdisk_free();
	rig_remove(&rig);
	return 0;
}

/* Callers have room for keys of the permitted length. */
static int check_entry(const struct weir_store_entry *entry, void *user)
{
	(void)user;
	assert_in_range(entry->key_len, 1, WEIR_KEY_MAX);
	return 0;
}

static void look(void)
{
	struct weir_store_tenant tenant = { .size = sizeof(tenant) };
	struct weir_store_stats stats;
	uint64_t n;

	weir_store_list(rig.s, check_entry, NULL);
	for (n = 0; n < KEYS; n++) {
		rig_get(&rig, n, 1, VALUE);
		weir_store_exists(rig.s, &n, sizeof(n), NULL);
	}
	for (n = 0; n < DISK_TENANTS; n++)
		weir_store_get_tenant(rig.s, (uint32_t)n, &tenant);
	rig_stats(&rig, &stats);
}

static void change(void)
{
	uint32_t stream;
	uint64_t n;

	weir_store_add_tenant(rig.s, "tenant", &stream);
	weir_store_add_tenant(rig.s, "another", &stream);
	rig_delete(&rig, 1, 0);
	for (n = 0; n < PUTS; n++) {
		rig_put(&rig, n % 2 ? FRESH + n : n % KEYS, 2, PUT_BYTES, 0);
		if (n % 8 == 0)
			rig_check_counts(rig.s);
	}
	weir_store_sync(rig.s);
	look();
}

/* Uses the store on the forged image as far as it lets itself be used, and opens it again. */
static void use(void)
{
	forged++;
	alarm(60);
	for (int round = 0; round < 2; round++) {
		memdisk_on(0);
		if (memdisk_open(&rig)) {
			assert_true(weir_error()[0]);
			break;
		}
		opened++;
		look();
		if (!round)
			change();
		memdisk_close(&rig);
	}
	alarm(0);
}

/* The values of a number: both ends, their neighbours, half-way, the neighbours of what it is, and
 * what takes a segment to its last block or beyond. */
#define VALUES 11u
static uint64_t extreme(uint64_t is, uint64_t max, unsigned n)
{
	uint64_t blocks = super.layout.segment_blocks;
	const uint64_t values[VALUES] = { 0,
					  1,
					  max,
					  max - 1,
					  max / 2,
					  max / 2 + 1,
					  is - 1,
					  is + 1,
					  blocks,
					  blocks - 1,
					  blocks - place.block };

	return values[n];
}

static void set_field(uint8_t *at, size_t bytes, unsigned n)
{
	uint64_t is = 0, value;

	if (bytes > sizeof(is)) {
		memset(at, (int)extreme(at[0], 0xff, n), bytes);
		return;
	}
	/* Everything on the device is little-endian. */
	memcpy(&is, at, bytes);
	value = htole64(extreme(le64toh(is), UINT64_MAX >> (64 - 8 * bytes), n));
	memcpy(at, &value, bytes);
}

/* Forges each of COUNT fields of the structure at BASE. FIX makes the checksum right again. */
static void forge(const struct field *fields, size_t count, uint64_t base, void (*fix)(void))
{
	for (unsigned n = 0; n < count * VALUES; n += EVERY) {
		const struct field *f = &fields[n / VALUES];

		memcpy(memdisk.now, image, memdisk.bytes);
		set_field(memdisk.now + base + f->at, f->bytes, n % VALUES);
		if (!memcmp(memdisk.now, image, memdisk.bytes))
			continue;
		fix();
		memcpy(memdisk.medium, memdisk.now, memdisk.bytes);
		snprintf(forging, sizeof(forging), "%s, value number %u\n", f->name, n % VALUES);
		use();
	}
}

#define FORGE(fields, base, fix) forge(fields, sizeof(fields) / sizeof(*(fields)), base, fix)

static const struct field super_fields[] = {
	FIELD(disk_super, version),
	FIELD(disk_super, copy),
	FIELD(disk_super, compat),
	FIELD(disk_super, ro_compat),
	FIELD(disk_super, incompat),
	FIELD(disk_super, uuid),
	FIELD(disk_super, revision),
	FIELD(disk_super, epoch),
	FIELD(disk_super, created_ns),
	FIELD(disk_super, device_index),
	FIELD(disk_super, device_count),
	FIELD(disk_super, device_bytes),
	FIELD(disk_super, capacity_bytes),
	FIELD(disk_super, data_offset),
	FIELD(disk_super, segment_bytes),
	FIELD(disk_super, segments),
	FIELD(disk_super, block_bytes),
	FIELD(disk_super, streams),
	FIELD(disk_super, tenants),
	FIELD(disk_super, placement),
	FIELD(disk_super, secret),
	FIELD(disk_super, stream[0].id),
	FIELD(disk_super, stream[0].placement),
	FIELD(disk_super, stream[0].share),
	FIELD(disk_super, stream[0].flags),
	FIELD(disk_super, tenant[0].tenant),
	FIELD(disk_super, tenant[0].stream),
	FIELD(disk_super, tenant[0].flags),
	FIELD(disk_super, name[0]),
	FIELD(disk_super, sequence_floor),
	FIELD(disk_super, policy),
	FIELD(disk_super, rewrite_percent),
	FIELD(disk_super, write_budget),
	FIELD(disk_super, budget_spent),
	FIELD(disk_super, budget_time_ns),
	FIELD(disk_super, out_count),
	FIELD(disk_super, out[0]),
	FIELD(disk_super, free_low),
	FIELD(disk_super, free_high),
	FIELD(disk_super, out_aside),
	FIELD(disk_super, reserved),
};

static void fix_first_super(void)
{
	struct disk_super *first = (struct disk_super *)memdisk.now;

	first->checksum = htole64(checksum_super(first));
}

static void fix_both_supers(void)
{
	struct disk_super *second =
		(struct disk_super *)(memdisk.now + super.layout.copy_offset[1]);

	fix_first_super();
	memcpy(second, memdisk.now, sizeof(*second));
	second->copy = htole32(2);
	second->checksum = htole64(checksum_super(second));
}

/* Leaves the forged copy as the only one. */
static void fix_only_super(void)
{
	fix_first_super();
	memset(memdisk.now + super.layout.copy_offset[1], 0, sizeof(struct disk_super));
}

static void supers(void **state)
{
	(void)state;
	FORGE(super_fields, 0, fix_first_super);
	FORGE(super_fields, 0, fix_only_super);
	FORGE(super_fields, 0, fix_both_supers);
}

static const struct field segment_fields[] = {
	FIELD(disk_segment, uuid),    FIELD(disk_segment, epoch),    FIELD(disk_segment, counter),
	FIELD(disk_segment, device),  FIELD(disk_segment, segment),  FIELD(disk_segment, state),
	FIELD(disk_segment, stream),  FIELD(disk_segment, unused),   FIELD(disk_segment, sequence),
	FIELD(disk_segment, time_ns), FIELD(disk_segment, reserved),
};

static void fix_header(void)
{
	checksum_write(&key, CHECKSUM_SEGMENT, (struct checksum_place){ .segment = place.segment },
		       memdisk.now + offset, sizeof(struct disk_segment));
}

/* Chooses segment N, and reads its header. Returns whether it is used. */
static bool choose_segment(uint32_t n)
{
	struct header h;

	offset = offset_of(n, 0);
	assert_true(
		header_decode(&h, (struct disk_segment *)(image + offset), n, &key, super.uuid));
	place = (struct checksum_place){ n, 0, h.gen };
	return h.state == DISK_USED;
}

/* Forges the headers of the used segments, which come first, and that of one free one. */
static void headers(void **state)
{
	uint32_t n = 0;

	(void)state;
	do {
		bool used = choose_segment(n);

		FORGE(segment_fields, offset, fix_header);
		if (!used)
			break;
	} while (++n < super.layout.segments);
	assert_true(n >= 4);
}

static const struct field batch_fields[] = {
	FIELD(disk_batch, epoch),	 FIELD(disk_batch, counter),
	FIELD(disk_batch, segment),	 FIELD(disk_batch, block),
	FIELD(disk_batch, header_bytes), FIELD(disk_batch, blocks),
	FIELD(disk_batch, count),	 FIELD(disk_batch, flags),
	FIELD(disk_batch, mark_epoch),	 FIELD(disk_batch, mark_counter),
	FIELD(disk_batch, mark_block),	 FIELD(disk_batch, device),
	FIELD(disk_batch, time_ns),	 FIELD(disk_batch, reserved),
};

static const struct field record_fields[] = {
	FIELD(disk_record, sequence), FIELD(disk_record, checksum), FIELD(disk_record, length),
	FIELD(disk_record, block),    FIELD(disk_record, key_len),  FIELD(disk_record, flags),
	FIELD(disk_record, reserved),
};

static void fix_batch(void)
{
	const struct disk_batch *disk = (struct disk_batch *)(memdisk.now + offset);
	uint64_t bytes = le32toh(disk->header_bytes), block = super.layout.block_bytes;

	bytes = (bytes + block - 1) / block * block;
	/* No reader looks at the checksum of a header that is too long. */
	if (bytes && bytes <= SEGMENT - place.block * block)
		checksum_write(&key, CHECKSUM_BATCH, place, memdisk.now + offset, bytes);
}

static enum footer_state peek(struct footer *f, uint32_t segment)
{
	uint64_t last = offset_of(segment, super.layout.segment_blocks - 1);

	return footer_peek(f, image + last, segment, place.gen, &super.layout);
}

/* Forges all batches of segments without a footer: puts and a delete. */
static void batches(void **state)
{
	unsigned found = 0;
	struct footer f;

	(void)state;
	for (uint32_t n = 0; n < super.layout.segments && choose_segment(n); n++) {
		if (peek(&f, n) == FOOTER_VALID)
			continue;
		for (uint32_t block = 1; block < super.layout.segment_blocks; block++) {
			struct batch_header h;

			place.block = block;
			offset = offset_of(n, block);
			if (!batch_decode(&h, image + offset, place, &super.layout, &key))
				continue;
			FORGE(batch_fields, offset, fix_batch);
			FORGE(record_fields, offset + sizeof(struct disk_batch), fix_batch);
			found++;
		}
	}
	assert_true(found >= 3);
}

static const struct field trailer_fields[] = {
	FIELD(disk_trailer, epoch),  FIELD(disk_trailer, counter), FIELD(disk_trailer, segment),
	FIELD(disk_trailer, device), FIELD(disk_trailer, blocks),  FIELD(disk_trailer, count),
	FIELD(disk_trailer, end),    FIELD(disk_trailer, flags),   FIELD(disk_trailer, reserved),
};

static const struct field entry_fields[] = {
	FIELD(disk_entry, hash),    FIELD(disk_entry, sequence), FIELD(disk_entry, checksum),
	FIELD(disk_entry, length),  FIELD(disk_entry, block),	 FIELD(disk_entry, flags),
	FIELD(disk_entry, key_len), FIELD(disk_entry, batch),
};

/* Makes the checksum of a footer right: docs/format.md says how it is computed. */
static void fix_footer(void)
{
	size_t bytes = (size_t)(super.layout.segment_blocks - place.block)
		       << super.layout.block_shift;
	uint8_t *at = memdisk.now + offset;
	struct disk_trailer *t = (struct disk_trailer *)(at + bytes - sizeof(*t));
	uint64_t both[2] = {
		htole64(checksum_data(&key, CHECKSUM_FOOTER, place, at, bytes - sizeof(*t))),
		htole64(checksum_data(&key, CHECKSUM_FOOTER, place,
				      (uint8_t *)t + DISK_CHECKSUM_FROM,
				      sizeof(*t) - DISK_CHECKSUM_FROM)),
	};

	t->checksum = htole64(checksum_data(&key, CHECKSUM_FOOTER, place, both, sizeof(both)));
}

static void footers(void **state)
{
	unsigned found = 0;
	struct footer f;

	(void)state;
	for (uint32_t n = 0; n < super.layout.segments && choose_segment(n); n++) {
		if (peek(&f, n) != FOOTER_VALID)
			continue;
		place.block = f.place.block;
		offset = offset_of(n, place.block);
		memcpy(memdisk.now, image, memdisk.bytes);
		fix_footer();
		assert_memory_equal(memdisk.now, image, memdisk.bytes);
		FORGE(trailer_fields, offset_of(n + 1, 0) - sizeof(struct disk_trailer),
		      fix_footer);
		FORGE(entry_fields, offset, fix_footer);
		found++;
	}
	assert_true(found >= 2);
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(supers),
		TEST(headers),
		TEST(batches),
		TEST(footers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
