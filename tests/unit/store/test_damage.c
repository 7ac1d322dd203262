/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_damage.c - damaged blocks cost only what they touch, and are counted; images that are no
 * store say why.
 */
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "rig.h"

#define BYTES (12u << 20)
#define SEGMENT (256u << 10)
#define BLOCK 4096u
#define FIRST 65536u /* where segment 0 begins */
#define SECOND_COPY (BYTES - 65536u)

static struct rig rig = { .attach = 1 };

static int set_up(void **state)
{
	(void)state;
	rig_make(&rig, BYTES, SEGMENT, BLOCK);
	rig_open(&rig);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	rig_remove(&rig);
	return 0;
}

static void damage_all(uint64_t from, uint64_t length)
{
	uint64_t n;

	for (n = 0; n < length; n += 512)
		rig_damage(&rig, from + n);
}

/* Erases a footer, as if the process had been killed; the trailer is in the last block of the
 * segment. */
static void lose_footer(uint32_t segment)
{
	static const uint8_t zeroes[BLOCK];

	rig_poke(&rig, FIRST + (uint64_t)(segment + 1) * SEGMENT - BLOCK, zeroes, BLOCK);
}

static void one_superblock_is_enough(void **state)
{
	int copy, round;

	(void)state;
	assert_int_equal(rig_put(&rig, 1, 1, 5000, 0), 0);
	for (round = 0; round < 4; round++) {
		copy = round % 2;
		rig_close(&rig);
		damage_all(copy ? SECOND_COPY : 0, 4096);
		rig_open(&rig);
		assert_int_equal(rig_get(&rig, 1, 1, 5000), 1);
		/* Opening repaired this copy, so the other one may be damaged now. */
	}
}

static void the_newer_superblock_counts(void **state)
{
	struct weir_store_info info = WEIR_STORE_INFO_INIT;
	static uint8_t old[4096];
	uint64_t epoch;

	(void)state;
	rig_close(&rig);
	rig_peek(&rig, SECOND_COPY, old, sizeof(old));
	rig_open(&rig);
	assert_int_equal(weir_store_get_info(rig.s, &info), 0);
	epoch = info.epoch;
	rig_close(&rig);
	rig_poke(&rig, SECOND_COPY, old, sizeof(old));
	rig_open(&rig);
	assert_int_equal(weir_store_get_info(rig.s, &info), 0);
	assert_int_equal(info.epoch, epoch + 1);
}

static void both_superblocks(void **state)
{
	static const uint8_t zeroes[65536];

	(void)state;
	rig_close(&rig);
	rig_damage(&rig, 100);
	rig_damage(&rig, SECOND_COPY + 100);
	assert_int_equal(rig_try_open(&rig, 0), -EBADMSG);
	assert_non_null(strstr(weir_error(), "both superblock copies are damaged"));
	rig_poke(&rig, 0, zeroes, sizeof(zeroes));
	rig_poke(&rig, SECOND_COPY, zeroes, sizeof(zeroes));
	assert_int_equal(rig_try_open(&rig, 0), -EMEDIUMTYPE);
	assert_non_null(strstr(weir_error(), "not a weir store (weir_store_format() makes one)"));
}

static void another_version(void **state)
{
	static const uint8_t two[4] = { 2 };

	(void)state;
	rig_close(&rig);
	rig_poke(&rig, 16, two, 4);
	rig_poke(&rig, SECOND_COPY + 16, two, 4);
	assert_int_equal(rig_try_open(&rig, 0), -EPROTONOSUPPORT);
	assert_non_null(strstr(weir_error(), "version 2"));
}

static void truncated(void **state)
{
	(void)state;
	rig_close(&rig);
	assert_int_equal(truncate(rig.path, BYTES / 2), 0);
	assert_int_equal(rig_try_open(&rig, 0), -ENODATA);
	assert_non_null(strstr(weir_error(), "6291456"));
	assert_non_null(strstr(weir_error(), "12582912"));
	assert_int_equal(truncate(rig.path, 1000), 0);
	assert_true(rig_try_open(&rig, 0) < 0);
}

/* The first copy says where the second one is. What lies at the new end is another store's. */
static void grown(void **state)
{
	struct rig other = { .engine = "posix" };
	struct weir_store_stats stats;
	uint8_t copy[BLOCK];

	(void)state;
	assert_int_equal(rig_put(&rig, 1, 1, 5000, 0), 0);
	rig_close(&rig);
	assert_int_equal(truncate(rig.path, 2 * BYTES), 0);
	rig_open(&rig);
	assert_int_equal(rig_get(&rig, 1, 1, 5000), 1);
	rig_stats(&rig, &stats);
	assert_int_equal(stats.recovered_bad_superblocks, 0);
	rig_close(&rig);
	rig_make(&other, 2 * BYTES, SEGMENT, BLOCK);
	rig_peek(&other, 2 * BYTES - 65536, copy, sizeof(copy));
	rig_remove(&other);
	rig_poke(&rig, 2 * BYTES - 65536, copy, sizeof(copy));
	rig_open(&rig);
	assert_int_equal(rig_get(&rig, 1, 1, 5000), 1);
	rig_stats(&rig, &stats);
	assert_int_equal(stats.recovered_bad_superblocks, 0);
}

static void a_payload(void **state)
{
	struct weir_store_stats stats;

	(void)state;
	assert_int_equal(rig_put(&rig, 1, 1, 5000, 0), 0);
	assert_int_equal(rig_put(&rig, 2, 1, 5000, 0), 0);
	rig_close(&rig);
	/* The blocks are header, batch header, payload. */
	rig_damage(&rig, FIRST + 2 * BLOCK + 4999);
	rig_open(&rig);
	assert_int_equal(rig_get(&rig, 1, 1, 5000), -EBADMSG);
	assert_int_equal(rig_get(&rig, 2, 1, 5000), 1);
	rig_stats(&rig, &stats);
	assert_int_equal(stats.checksum_errors, 1);
	/* Damage in the padding behind the value has no effect. */
	rig_close(&rig);
	rig_damage(&rig, FIRST + 2 * BLOCK + 4999);
	rig_damage(&rig, FIRST + 2 * BLOCK + 5000);
	rig_open(&rig);
	assert_int_equal(rig_get(&rig, 1, 1, 5000), 1);
}

static void a_footer(void **state)
{
	struct weir_store_stats stats;

	(void)state;
	assert_int_equal(rig_put(&rig, 1, 1, 5000, 0), 0);
	assert_int_equal(rig_put(&rig, 2, 1, 5000, 0), 0);
	assert_int_equal(rig_delete(&rig, 1, 0), 0);
	rig_close(&rig);
	rig_damage(&rig, FIRST + SEGMENT - BLOCK);
	rig_open(&rig);
	assert_int_equal(rig_get(&rig, 1, 1, 5000), -ENOENT);
	assert_int_equal(rig_get(&rig, 2, 1, 5000), 1);
	rig_stats(&rig, &stats);
	assert_int_equal(stats.recovered_bad_footers, 1);
	assert_int_equal(stats.recovered_open_segments, 1);
	/* Recovery sealed the segment again. */
	rig_close(&rig);
	rig_open(&rig);
	rig_stats(&rig, &stats);
	assert_int_equal(stats.recovered_open_segments, 0);
	assert_int_equal(rig_get(&rig, 2, 1, 5000), 1);
}

static void a_batch_header(void **state)
{
	struct weir_store_stats stats;

	(void)state;
	assert_int_equal(rig_put(&rig, 1, 1, 5000, 0), 0);
	assert_int_equal(rig_put(&rig, 2, 1, 5000, 0), 0);
	assert_int_equal(rig_put(&rig, 3, 1, 5000, 0), 0);
	rig_close(&rig);
	/* With a footer the batch headers are not needed. */
	rig_damage(&rig, FIRST + BLOCK + 200);
	rig_open(&rig);
	assert_int_equal(rig_get(&rig, 1, 1, 5000), 1);
	rig_close(&rig);
	/* Without a footer, the walk continues behind the damage. */
	lose_footer(0);
	rig_open(&rig);
	assert_int_equal(rig_get(&rig, 1, 1, 5000), -ENOENT);
	assert_int_equal(rig_get(&rig, 2, 1, 5000), 1);
	assert_int_equal(rig_get(&rig, 3, 1, 5000), 1);
	rig_stats(&rig, &stats);
	assert_int_equal(stats.recovered_skipped_blocks, 3);
}

static void a_payload_that_no_flush_vouches_for(void **state)
{
	struct weir_store_stats stats;

	(void)state;
	assert_int_equal(rig_put(&rig, 1, 1, 5000, WEIR_PUT_DURABLE), 0);
	assert_int_equal(rig_put(&rig, 1, 2, 6000, 0), 0);
	rig_close(&rig);
	lose_footer(0);
	/* Version 2 is damaged: the flushed version 1 must not be replaced by it. */
	rig_damage(&rig, FIRST + 5 * BLOCK + 10);
	rig_open(&rig);
	assert_int_equal(rig_get(&rig, 1, 1, 5000), 1);
	rig_stats(&rig, &stats);
	assert_int_equal(stats.recovered_dropped_records, 1);
	/* It stays dropped after another open. */
	rig_close(&rig);
	rig_open(&rig);
	assert_int_equal(rig_get(&rig, 1, 1, 5000), 1);
	rig_stats(&rig, &stats);
	assert_int_equal(stats.recovered_dropped_records, 0);
}

/* A walk tells a value that never reached the medium from one that did and is damaged since then:
 * the mark of a later batch vouches for it, so no older version takes its place. */
static void a_payload_that_a_flush_vouches_for(void **state)
{
	struct weir_store_stats stats;

	(void)state;
	assert_int_equal(rig_put(&rig, 1, 1, 5000, WEIR_PUT_DURABLE), 0);
	assert_int_equal(rig_put(&rig, 1, 2, 6000, WEIR_PUT_DURABLE), 0);
	assert_int_equal(rig_put(&rig, 2, 1, 5000, 0), 0);
	rig_close(&rig);
	lose_footer(0);
	rig_damage(&rig, FIRST + 5 * BLOCK + 10);
	rig_open(&rig);
	rig_stats(&rig, &stats);
	assert_int_equal(stats.recovered_dropped_records, 0);
	assert_int_equal(rig_get(&rig, 1, 2, 6000), -EBADMSG);
	assert_int_equal(rig_get(&rig, 2, 1, 5000), 1);
}

static void a_segment_header(void **state)
{
	struct weir_store_stats stats;
	uint64_t key, there = 0;

	(void)state;
	for (key = 0; key < 10; key++)
		assert_int_equal(rig_put(&rig, key, 1, 60000, 0), 0);
	rig_close(&rig);
	rig_damage(&rig, FIRST + 40);
	rig_open(&rig);
	rig_stats(&rig, &stats);
	assert_int_equal(stats.recovered_bad_headers, 1);
	for (key = 0; key < 10; key++)
		there += rig_get(&rig, key, 1, 60000) == 1;
	assert_true(there < 10 && there >= 5);
	/* The segment is used again, after all others. */
	for (key = 100; key < 300; key++)
		assert_int_equal(rig_put(&rig, key, 1, 60000, 0), 0);
	rig_close(&rig);
	rig_open(&rig);
	rig_stats(&rig, &stats);
	assert_int_equal(stats.recovered_bad_headers, 0);
}

/* A copy of a batch header inside a value is no batch header. */
static void a_header_inside_a_value(void **state)
{
	static uint8_t value[3 * BLOCK] __attribute__((aligned(4096)));
	struct weir_store_stats stats;
	uint64_t at;

	(void)state;
	assert_int_equal(rig_put(&rig, 1, 1, 5000, 0), 0);
	assert_int_equal(rig_delete(&rig, 1, 0), 0);
	rig_close(&rig);
	rig_peek(&rig, FIRST + BLOCK, value, sizeof(value));
	rig_open(&rig);
	assert_int_equal(weir_store_put(rig.s, "copy", 4, value, sizeof(value), 0), 0);
	rig_close(&rig);
	/* The batch that holds the value is damaged, so the walk looks inside the value. */
	at = rig_find(&rig, "weirBAT1", FIRST + SEGMENT, BLOCK);
	lose_footer((uint32_t)((at - FIRST) / SEGMENT));
	rig_damage(&rig, at + 130);
	rig_open(&rig);
	assert_int_equal(rig_get(&rig, 1, 1, 5000), -ENOENT);
	rig_stats(&rig, &stats);
	assert_int_equal(stats.entries, 0);
}

static void read_only_writes_nothing(void **state)
{
	static uint8_t before[BYTES], after[BYTES];

	(void)state;
	assert_int_equal(rig_put(&rig, 1, 1, 5000, 0), 0);
	rig_close(&rig);
	lose_footer(0);
	rig_peek(&rig, 0, before, sizeof(before));
	assert_int_equal(rig_try_open(&rig, 1), 0);
	assert_int_equal(rig_get(&rig, 1, 1, 5000), 1);
	assert_int_equal(rig_put(&rig, 2, 1, 50, 0), -EROFS);
	assert_int_equal(rig_delete(&rig, 1, 0), -EROFS);
	assert_int_equal(weir_store_sync(rig.s), -EROFS);
	rig_close(&rig);
	rig_peek(&rig, 0, after, sizeof(after));
	assert_memory_equal(before, after, sizeof(before));
}

static void two_opens(void **state)
{
	struct rig second = rig;

	(void)state;
	second.s = NULL;
	assert_int_equal(rig_try_open(&second, 0), -EBUSY);
	assert_int_equal(rig_try_open(&second, 1), -EBUSY);
	rig_close(&rig);
	assert_int_equal(rig_try_open(&second, 0), 0);
	rig_close(&second);
}

static void format_refuses(void **state)
{
	struct weir_store_format_opts opts = WEIR_STORE_FORMAT_OPTS_INIT;
	char path[300];

	(void)state;
	rig_close(&rig);
	assert_int_equal(weir_store_format(rig.path, NULL), -EEXIST);
	assert_non_null(strstr(weir_error(), "holds a weir store"));
	assert_int_equal(weir_store_format("/nonexistent/x", NULL), -ENOENT);
	snprintf(path, sizeof(path), "%s.new", rig.path);
	opts.create_bytes = 4 << 20;
	assert_int_equal(weir_store_format(path, &opts), -ENOSPC);
	assert_non_null(strstr(weir_error(), "4224KiB"));
	opts.create_bytes = 9 << 20;
	opts.segment_bytes = 1 << 20;
	assert_int_equal(weir_store_format(path, &opts), -ENOSPC);
	assert_non_null(strstr(weir_error(), "segment_bytes 128KiB"));
	assert_int_equal(access(path, F_OK), -1);
	opts.segment_bytes = 128 << 10;
	assert_int_equal(weir_store_format(path, &opts), 0);
	/* The file does not contain only zeroes. */
	assert_int_equal(weir_store_format(path, &opts), -EEXIST);
	opts.force = 1;
	assert_int_equal(weir_store_format(path, &opts), 0);
	unlink(path);
}

static void format_forgets(void **state)
{
	struct weir_store_format_opts opts = WEIR_STORE_FORMAT_OPTS_INIT;
	struct weir_store_stats stats;

	(void)state;
	assert_int_equal(rig_put(&rig, 1, 1, 5000, 0), 0);
	rig_close(&rig);
	opts.force = 2;
	opts.segment_bytes = SEGMENT;
	assert_int_equal(weir_store_format(rig.path, &opts), 0);
	rig_open(&rig);
	assert_int_equal(rig_get(&rig, 1, 1, 5000), -ENOENT);
	rig_stats(&rig, &stats);
	assert_int_equal(stats.recovered_bad_headers, 0);
	assert_int_equal(stats.used_segments, 0);
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(one_superblock_is_enough),
		TEST(the_newer_superblock_counts),
		TEST(both_superblocks),
		TEST(another_version),
		TEST(truncated),
		TEST(grown),
		TEST(a_payload),
		TEST(a_footer),
		TEST(a_batch_header),
		TEST(a_payload_that_no_flush_vouches_for),
		TEST(a_payload_that_a_flush_vouches_for),
		TEST(a_segment_header),
		TEST(a_header_inside_a_value),
		TEST(read_only_writes_nothing),
		TEST(two_opens),
		TEST(format_refuses),
		TEST(format_forgets),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
