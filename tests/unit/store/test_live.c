/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_live.c - each segment counts the bytes of values that the index finds in it.
 */
#include <errno.h>

#include "memdisk.h"
#include "store/store.h"

#define IMAGE (2u << 20)
#define SEGMENT (64u << 10)

static struct rig rig = { .engine = "posix" };

static int set_up(void **state)
{
	(void)state;
	memdisk_set_up(&rig, IMAGE, SEGMENT, 11);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	memdisk_tear_down(&rig);
	return 0;
}

/* Returns the segment that holds key number KEY. */
static struct segment *segment_of(uint64_t key)
{
	struct index_value value;
	uint64_t hash[2];

	checksum_identity(&rig.s->io.key, &key, sizeof(key), hash);
	assert_true(logs_find(rig.s->logs, hash, &value));
	return logs_segment_of(rig.s->logs, &value);
}

static void put(uint64_t key, uint64_t version, size_t length)
{
	assert_int_equal(rig_put(&rig, key, version, length, 0), 0);
}

static void counts(void **state)
{
	struct segment *first, *last;

	(void)state;
	put(1, 1, 5000);
	put(2, 1, 7000);
	first = segment_of(1);
	assert_ptr_equal(first, segment_of(2));
	assert_int_equal(first->live_bytes, 12000);
	/* This puts a shorter version into the same segment. */
	put(2, 2, 100);
	assert_int_equal(first->live_bytes, 5100);
	/* The first segment is full, so a version goes to the next one. */
	for (uint64_t key = 10; segment_of(2) == first; key++) {
		put(key, 1, 9000);
		put(2, key, 100);
	}
	last = segment_of(2);
	assert_int_equal(last->live_bytes % 9000, 100);
	assert_int_equal(first->live_bytes % 9000, 5000);
	assert_int_equal(rig_delete(&rig, 1, 0), 0);
	assert_int_equal(first->live_bytes % 9000, 0);
	rig_check_counts(rig.s);
}

static void recovery_counts(void **state)
{
	uint64_t live;
	uint32_t first;

	(void)state;
	put(1, 1, 5000);
	put(2, 1, 7000);
	put(1, 2, 6000);
	put(3, 1, 40);
	assert_int_equal(rig_delete(&rig, 3, 0), 0);
	first = segment_of(1)->number;
	live = segment_of(1)->live_bytes;
	assert_int_equal(live, 13000);
	/* The bytes are counted from the footer and, after a power cut, from the batches. */
	assert_int_equal(memdisk_reopen(&rig), 0);
	assert_int_equal(segment_of(1)->number, first);
	assert_int_equal(segment_of(1)->live_bytes, live);
	put(4, 1, 3000);
	assert_int_equal(weir_store_sync(rig.s), 0);
	memdisk_power_off(&rig);
	memdisk_power_on(&rig);
	assert_int_equal(segment_of(4)->live_bytes, 3000);
	assert_int_equal(segment_of(1)->live_bytes, live);
}

/* Segments are reclaimed by their footers, or by the whole index if these cannot be read. */
static void reclaim_counts(void **state)
{
	struct weir_store_stats stats;
	uint64_t key;

	(void)state;
	for (key = 0; key < 400; key++) {
		put(key % 150, key, 1 + key * 37 % 20000);
		if (key == 200) {
			memdisk.fail_op = WEIR_OP_READ;
			memdisk.fail_to = memdisk.bytes;
			memdisk.fails = 20;
		}
		rig_check_counts(rig.s);
	}
	rig_stats(&rig, &stats);
	assert_true(stats.evicted_segments > 40 && !memdisk.fails);
	assert_int_equal(memdisk_reopen(&rig), 0);
}

/* Puts whose write failed are not counted, and the earlier versions stay. */
static void failed_writes(void **state)
{
	uint64_t live;

	(void)state;
	put(1, 1, 5000);
	live = segment_of(1)->live_bytes;
	memdisk.fail_op = WEIR_OP_WRITE;
	memdisk.fail_from = 0;
	memdisk.fail_to = memdisk.bytes;
	memdisk.fails = 1;
	assert_int_equal(rig_put(&rig, 1, 2, 6000, 0), -EIO);
	assert_int_equal(segment_of(1)->live_bytes, live);
	rig_check_counts(rig.s);
	put(1, 3, 100);
	assert_int_equal(segment_of(1)->live_bytes, 100);
	assert_int_equal(memdisk_reopen(&rig), 0);
	assert_int_equal(segment_of(1)->live_bytes, 100);
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(counts),
		TEST(recovery_counts),
		TEST(reclaim_counts),
		TEST(failed_writes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
