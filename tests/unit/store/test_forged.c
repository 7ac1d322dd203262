/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_forged.c - images whose checksums are right and whose contents no writer makes: an open
 * refuses them or copes with them, and the program goes on.
 */
#include <errno.h>

#include "rig.h"
#include "store/format/batch.h"
#include "store/format/header.h"
#include "store/format/super.h"

#define BYTES (12u << 20)
#define SEGMENT (256u << 10)
#define BLOCK 4096u
#define FIRST 65536u /* where segment 0 begins */
#define SECOND_COPY (BYTES - 65536u)

static struct rig rig = { .attach = 1 };
static struct super super;
static struct checksum_key key;

/* Reads the superblock of the closed store. */
static void read_super(void)
{
	struct disk_super disk;
	uint32_t version;

	rig_peek(&rig, 0, &disk, sizeof(disk));
	assert_int_equal(super_decode(&super, &disk, 1, &version), SUPER_VALID);
	checksum_key_make(&key, super.uuid, super.secret, 0);
}

static int set_up(void **state)
{
	(void)state;
	rig_make(&rig, BYTES, SEGMENT, BLOCK);
	rig_open(&rig);
	assert_int_equal(rig_put(&rig, 1, 1, 5000, 0), 0);
	rig_close(&rig);
	read_super();
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	rig_remove(&rig);
	return 0;
}

static void write_super(uint32_t copy)
{
	struct disk_super disk;

	super_encode(&disk, &super, copy);
	rig_poke(&rig, copy == 1 ? 0 : SECOND_COPY, &disk, sizeof(disk));
}

/* Returns the number of the segment with the key, and reads its header. */
static uint32_t used_segment(struct header *h)
{
	struct disk_segment disk;

	for (uint32_t n = 0; n < super.layout.segments; n++) {
		rig_peek(&rig, FIRST + (uint64_t)n * SEGMENT, &disk, sizeof(disk));
		assert_true(header_decode(h, &disk, n, &key, super.uuid));
		if (h->state == DISK_USED)
			return n;
	}
	fail();
	return 0;
}

/* A batch up to the last block of its segment leaves no room for a footer. */
static void no_room_for_a_footer(void **state)
{
	static const uint8_t zeroes[BLOCK];
	static uint8_t buf[BLOCK] __attribute__((aligned(8)));
	struct batch_record record = {
		.sequence = 1, .key = "key", .length = 1000, .block = 2, .key_len = 3
	};
	struct batch_header batch = { .blocks = SEGMENT / BLOCK - 1, .count = 1 };
	struct header h;
	uint32_t n;

	(void)state;
	n = used_segment(&h);
	batch_add(buf, &batch.header_bytes, &record);
	batch.place = (struct checksum_place){ n, 1, h.gen };
	batch_finish(buf, &batch, &super.layout, &key);
	rig_poke(&rig, FIRST + (uint64_t)n * SEGMENT + BLOCK, buf, sizeof(buf));
	rig_poke(&rig, FIRST + (uint64_t)(n + 1) * SEGMENT - BLOCK, zeroes, sizeof(zeroes));
	rig_open(&rig);
	assert_int_equal(rig_put(&rig, 2, 1, 5000, 0), 0);
	rig_close(&rig);
	rig_open(&rig);
	assert_int_equal(rig_get(&rig, 2, 1, 5000), 1);
}

static int check_key(const struct weir_store_entry *entry, void *user)
{
	(void)user;
	assert_in_range(entry->key_len, 1, WEIR_KEY_MAX);
	return 0;
}

/* Programs that list keys have room for WEIR_KEY_MAX bytes, so a longer key is damage. */
static void a_key_that_is_too_long(void **state)
{
	static const uint8_t zeroes[BLOCK], name[WEIR_KEY_MAX + 1] = { 1 };
	static uint8_t buf[BLOCK] __attribute__((aligned(8)));
	uint64_t end;
	struct header h;
	uint32_t n;

	(void)state;
	n = used_segment(&h);
	end = FIRST + (uint64_t)(n + 1) * SEGMENT;
	for (uint16_t length = WEIR_KEY_MAX; length <= WEIR_KEY_MAX + 1; length++) {
		struct batch_record record = {
			.sequence = 1, .key = name, .length = 100, .block = 2, .key_len = length
		};
		struct batch_header batch = { .blocks = 2, .count = 1 };
		struct checksum_place place = { n, 1, h.gen };

		batch_add(buf, &batch.header_bytes, &record);
		batch.place = place;
		batch_finish(buf, &batch, &super.layout, &key);
		assert_int_equal(batch_decode(&batch, buf, place, &super.layout, &key),
				 length == WEIR_KEY_MAX);
	}
	rig_poke(&rig, FIRST + (uint64_t)n * SEGMENT + BLOCK, buf, sizeof(buf));
	rig_poke(&rig, end - BLOCK, zeroes, sizeof(zeroes));
	rig_open(&rig);
	assert_int_equal(weir_store_list(rig.s, check_key, NULL), 0);
	assert_int_equal(rig_put(&rig, 2, 1, 5000, 0), 0);
}

/* Revision 0 is not taken for the revision of a copy that is not there. */
static void revision_zero(void **state)
{
	(void)state;
	super.revision = 0;
	write_super(1);
	rig_damage(&rig, SECOND_COPY + 100);
	rig_open(&rig);
	assert_int_equal(rig_get(&rig, 1, 1, 5000), 1);
}

static void no_epoch_is_left(void **state)
{
	(void)state;
	super.epoch = UINT64_MAX;
	write_super(1);
	write_super(2);
	assert_int_equal(rig_try_open(&rig, 0), -EBADMSG);
	assert_non_null(strstr(weir_error(), "no epoch is left"));
	assert_int_equal(rig_try_open(&rig, 1), -EBADMSG);
}

/* The superblock has an epoch to go on with, and a segment has the last one. */
static void a_segment_of_the_last_epoch(void **state)
{
	struct disk_segment disk;
	struct header h;
	uint32_t n;

	(void)state;
	n = used_segment(&h);
	h.gen.epoch = UINT64_MAX;
	header_encode(&disk, &h, &key, super.uuid);
	rig_poke(&rig, FIRST + (uint64_t)n * SEGMENT, &disk, sizeof(disk));
	assert_int_equal(rig_try_open(&rig, 0), -EBADMSG);
	assert_non_null(strstr(weir_error(), "no epoch is left"));
}

static void no_sequence_is_left(void **state)
{
	struct disk_segment disk;
	struct header h;
	uint32_t n;

	(void)state;
	n = used_segment(&h);
	h.sequence = UINT64_MAX;
	header_encode(&disk, &h, &key, super.uuid);
	rig_poke(&rig, FIRST + (uint64_t)n * SEGMENT, &disk, sizeof(disk));
	assert_int_equal(rig_try_open(&rig, 0), -EBADMSG);
	assert_non_null(strstr(weir_error(), "no sequence number is left"));
}

/* With more streams than segments suffice for, a put into some of them would never end. */
static void more_streams_than_segments_suffice_for(void **state)
{
	struct disk_segment disk;
	uint32_t most = layout_streams_max(&super.layout), n;
	struct header h;

	(void)state;
	super.streams = most + 1;
	write_super(1);
	write_super(2);
	assert_int_equal(rig_try_open(&rig, 0), -EBADMSG);
	assert_non_null(strstr(weir_error(), "streams"));
	super.streams = 1;
	write_super(1);
	write_super(2);
	n = used_segment(&h);
	h.stream = most;
	header_encode(&disk, &h, &key, super.uuid);
	rig_poke(&rig, FIRST + (uint64_t)n * SEGMENT, &disk, sizeof(disk));
	assert_int_equal(rig_try_open(&rig, 0), -EBADMSG);
	assert_non_null(strstr(weir_error(), "streams"));
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(no_room_for_a_footer),
		TEST(a_key_that_is_too_long),
		TEST(revision_zero),
		TEST(no_epoch_is_left),
		TEST(a_segment_of_the_last_epoch),
		TEST(no_sequence_is_left),
		TEST(more_streams_than_segments_suffice_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
