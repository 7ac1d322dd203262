/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_sizes.c - every size of a device has a store, a value of half a segment fits, and what a
 * refusal advises works when it is done.
 */
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "base/parse.h"
#include "rig.h"
#include "store/format/layout.h"

#define MIB (1ull << 20)

static struct rig rig;

static void make(uint64_t bytes, uint64_t segment_bytes, uint64_t max_value)
{
	struct weir_store_format_opts opts = WEIR_STORE_FORMAT_OPTS_INIT;
	const char *dir = getenv("TMPDIR");

	snprintf(rig.path, sizeof(rig.path), "%s/weir-sizes-%d", dir ? dir : "/tmp", (int)getpid());
	unlink(rig.path);
	opts.create_bytes = bytes;
	opts.segment_bytes = segment_bytes;
	opts.max_value_bytes = max_value;
	if (weir_store_format(rig.path, &opts))
		fail_msg("format of %llu: %s", (unsigned long long)bytes, weir_error());
	rig_open(&rig);
}

static void layout_of(struct layout *l, uint64_t device, uint64_t max_value)
{
	struct layout_wish wish = { .device_bytes = device,
				    .logical_block_bytes = 512,
				    .max_value_bytes = max_value };

	if (layout_make(l, &wish, "x"))
		fail_msg("%s", weir_error());
}

/* No size from 5 MiB up is refused, and each gives at least 64 segments. */
static void every_size(void **state)
{
	struct layout l;
	uint64_t bytes;

	(void)state;
	for (bytes = 5 * MIB; bytes <= 100 * MIB; bytes += 64 << 10) {
		layout_of(&l, bytes, 0);
		assert_true(l.segments >= LAYOUT_SEGMENTS_MIN);
		assert_true(l.segment_bytes <= MIB);
		/* Twice as long segments would be too few, or longer than wished. */
		assert_true(l.segment_bytes == MIB || l.segments < 2 * LAYOUT_SEGMENTS_MIN + 1);
	}
	for (bytes = 100 * MIB; bytes <= 1ull << 44; bytes = bytes * 9 / 8)
		layout_of(&l, bytes, 0);
}

/* Files of every whole MiB are formatted, opened, and take a value of half a segment. */
static void every_file(void **state)
{
	struct weir_store_info info;
	uint64_t mib;

	(void)state;
	for (mib = 5; mib <= 100; mib += mib < 20 ? 1 : 7) {
		make(mib * MIB, 0, 0);
		info = (struct weir_store_info)WEIR_STORE_INFO_INIT;
		assert_int_equal(weir_store_get_info(rig.s, &info), 0);
		assert_int_equal(info.max_value_bytes, info.segment_bytes / 2);
		assert_int_equal(rig_put(&rig, mib, 1, info.max_value_bytes, 0), 0);
		rig_close(&rig);
		rig_open(&rig);
		assert_int_equal(rig_get(&rig, mib, 1, info.max_value_bytes), 1);
		rig_remove(&rig);
	}
}

/* A value of each power of two is as long as half a segment, with the longest key. */
static void every_power_of_two(void **state)
{
	static uint8_t got[32 * MIB], value[32 * MIB];
	static char key[WEIR_KEY_MAX];
	uint64_t length;
	size_t len = 0;

	(void)state;
	memset(key, 'k', sizeof(key));
	for (length = 32 << 10; length <= 32 * MIB; length *= length < MIB ? 2 : 8) {
		uint64_t segment = 2 * length;

		rig_make(&rig, segment * 9 + 128 * 1024, segment, 0);
		rig_open(&rig);
		rig_value(length, 1, value, length);
		for (int again = 0; again < 12; again++)
			assert_int_equal(weir_store_put(rig.s, key, sizeof(key), value, length, 0),
					 0);
		assert_int_equal(weir_store_put(rig.s, key, sizeof(key), value, length + 1, 0),
				 -EFBIG);
		rig_close(&rig);
		rig_open(&rig);
		assert_int_equal(weir_store_get(rig.s, key, sizeof(key), got, length, &len), 0);
		assert_int_equal(len, length);
		assert_memory_equal(got, value, length);
		rig_remove(&rig);
	}
}

/* With each block size, a value of the largest length fits beside the longest key. */
static void every_block(void **state)
{
	uint32_t block;
	uint64_t segment;

	(void)state;
	for (block = LAYOUT_BLOCK_MIN; block <= LAYOUT_BLOCK_MAX; block *= 2)
		for (segment = LAYOUT_SEGMENT_MIN; segment <= LAYOUT_SEGMENT_MAX; segment *= 2) {
			struct layout l = { .device_bytes = 64 * segment + 128 * 1024,
					    .segments = 64,
					    .data_offset = DISK_SUPER_ROOM,
					    .block_bytes = block,
					    .segment_bytes = segment };

			if (!layout_sizes_valid(&l))
				continue;
			assert_int_equal(layout_derive(&l), 0);
			assert_int_equal(l.max_value_bytes, segment / 2);
			assert_true(1 + layout_blocks(&l, 128 + 32 + 1024) +
					    layout_blocks(&l, l.max_value_bytes) +
					    layout_footer_blocks(&l, 1) <=
				    l.segment_blocks);
		}
}

/* --max-value gives segments of 32 values where 64 of them fit, else smaller ones. */
static void max_value(void **state)
{
	static const struct {
		uint64_t device, value, segment;
	} table[] = {
		{ 1ull << 30, 0, 4 * MIB },
		{ 4ull << 30, MIB, 32 * MIB },
		{ 1ull << 30, MIB, 8 * MIB },
		{ 1ull << 30, 4 * MIB, 8 * MIB },
		{ 130 * MIB, MIB, 2 * MIB },
		{ 1ull << 40, 64 << 10, 1ull << 30 },
		{ 1ull << 40, 64 * MIB, 1ull << 30 },
		{ 1ull << 40, 512 * MIB, 1ull << 30 },
		{ 100 * MIB, 1000, MIB },
		{ 4ull << 30, MIB + 1, 32 * MIB },
	};
	struct layout l;
	size_t n;

	(void)state;
	for (n = 0; n < sizeof(table) / sizeof(table[0]); n++) {
		layout_of(&l, table[n].device, table[n].value);
		if (l.segment_bytes != table[n].segment)
			fail_msg("row %zu: segments of %llu", n,
				 (unsigned long long)l.segment_bytes);
		assert_true(l.max_value_bytes >= table[n].value);
	}
}

/* Returns the size behind WORDS in the error text. */
static uint64_t size_behind(const char *words)
{
	const char *at = strstr(weir_error(), words);
	char word[32];
	uint64_t bytes = 0;

	if (!at)
		return 0;
	assert_int_equal(sscanf(at + strlen(words), "%31[^ ,;]", word), 1);
	if (parse_size(word, &bytes))
		fail_msg("\"%s\" is no size", word);
	return bytes;
}

/* A value that is too long: what the error advises is done, and then the value fits. */
static void advice_for_a_value(void **state)
{
	static uint8_t value[8 * MIB];
	static const struct {
		uint64_t device, length;
	} table[] = {
		{ 5 * MIB, 33 << 10 },	 { 5 * MIB, MIB },	 { 8 * MIB, (64 << 10) + 1 },
		{ 64 * MIB, 512 << 10 }, { 100 * MIB, 2 * MIB }, { 200 * MIB, MIB },
		{ 200 * MIB, 7777777 },
	};
	size_t n;

	(void)state;
	for (n = 0; n < sizeof(table) / sizeof(table[0]); n++) {
		uint64_t device = table[n].device, larger, most;

		make(device, 0, 0);
		assert_int_equal(weir_store_put(rig.s, "k", 1, value, table[n].length, 0), -EFBIG);
		assert_non_null(strstr(weir_error(), "format "));
		most = size_behind("max_value_bytes ");
		larger = size_behind("device of ");
		assert_int_equal(most, table[n].length);
		assert_int_equal(size_behind("value of "), table[n].length);
		assert_true(size_behind("longer than ") < table[n].length);
		assert_true(!larger || larger > device);
		rig_remove(&rig);
		make(larger ? larger : device, 0, most);
		if (weir_store_put(rig.s, "k", 1, value, table[n].length, 0))
			fail_msg("row %zu: %s", n, weir_error());
		rig_remove(&rig);
	}
}

/* A store that is too small for a wish: both sizes that the error names are large enough. */
static void advice_for_a_device(void **state)
{
	struct layout_wish wish = { .device_bytes = 20 * MIB,
				    .logical_block_bytes = 512,
				    .max_value_bytes = MIB };
	struct layout l;
	uint64_t device, value;

	(void)state;
	assert_int_equal(layout_make(&l, &wish, "x"), -ENOSPC);
	device = size_behind("make it ");
	value = size_behind("max_value_bytes ");
	wish.max_value_bytes = value;
	assert_int_equal(layout_make(&l, &wish, "x"), 0);
	assert_true(l.max_value_bytes >= value);
	wish.max_value_bytes = MIB;
	wish.device_bytes = device;
	assert_int_equal(layout_make(&l, &wish, "x"), 0);
	wish.device_bytes = device - MIB;
	assert_int_equal(layout_make(&l, &wish, "x"), -ENOSPC);
	wish.device_bytes = 1ull << 40;
	wish.max_value_bytes = 513 * MIB;
	assert_int_equal(layout_make(&l, &wish, "x"), -EINVAL);
	assert_int_equal(size_behind("up to "), 512 * MIB);
	wish.segment_bytes = MIB;
	wish.max_value_bytes = MIB;
	assert_int_equal(layout_make(&l, &wish, "x"), -EINVAL);
	wish.max_value_bytes = size_behind("max_value_bytes ");
	assert_int_equal(layout_make(&l, &wish, "x"), 0);
}

/* Values of half a segment leave nearly half of it unused, and the statistics say so, before and
 * after the store is opened again. */
static void unused(void **state)
{
	struct weir_store_stats stats;
	uint64_t n;

	(void)state;
	rig_make(&rig, 20 * MIB + (128 << 10), MIB, 0);
	rig_open(&rig);
	for (n = 0; n < 5; n++)
		assert_int_equal(rig_put(&rig, n, 1, 512 << 10, 0), 0);
	for (int again = 0; again < 2; again++) {
		rig_close(&rig);
		rig_open(&rig);
		rig_stats(&rig, &stats);
		assert_int_equal(stats.sealed_bytes, 5 * MIB);
		assert_in_range(stats.unused_bytes, 5 * (480 << 10), 5 * (512 << 10));
	}
	/* What is reclaimed does not count any more. */
	for (n = 0; n < 400; n++)
		assert_int_equal(rig_put(&rig, n, 1, 100 << 10, 0), 0);
	rig_stats(&rig, &stats);
	assert_in_range(stats.sealed_bytes, 10 * MIB, 20 * MIB);
	assert_true(stats.unused_bytes < stats.sealed_bytes / 8);
	rig_remove(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_size),	       cmocka_unit_test(every_file),
		cmocka_unit_test(every_power_of_two),  cmocka_unit_test(every_block),
		cmocka_unit_test(max_value),	       cmocka_unit_test(advice_for_a_value),
		cmocka_unit_test(advice_for_a_device), cmocka_unit_test(unused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
