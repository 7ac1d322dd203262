/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_survive.c - garbage is reclaimed first: as long as the store is not full, no key leaves it,
 * whatever overwrites, restarts and tenants do.
 */
#include <errno.h>
#include <stdio.h>

#include "store/log/logs.h"
#include "store/store.h"
#include "survive.h"

#define SEGMENT (64u << 10)
/* The sanitizers are slow. */
#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__) || defined(WEIR_FEWER_ROUNDS)
#define SLOW 8u
#else
#define SLOW 1u
#endif

/* Each of many processes puts one small key and ends. A restart begins a segment, and there are
 * more restarts than segments. */
static void restarts_keep_keys(void **state)
{
	uint64_t key;

	(void)state;
	memdisk_set_up(&rig, 66 * SEGMENT, SEGMENT, 9);
	for (key = 0; key < 300; key++) {
		put(key, 1, 10, 0);
		assert_int_equal(memdisk_reopen(&rig), 0);
	}
	for (key = 0; key < 300; key++)
		has(key, 1, 10);
	assert_int_equal(stats_of().entries, 300);
	memdisk_tear_down(&rig);
}

/* Tenants that put 10 bytes at each restart take nothing from one that fills half of the store. */
static void restarts_of_tenants_keep_others(void **state)
{
	uint32_t stream[30];
	char name[16];
	uint64_t key, keys = 137 * 1024 / 300, n, round;

	(void)state;
	rig_make(&rig, 256ull << 20, 1 << 20, 4096);
	rig_open(&rig);
	for (n = 0; n < 30; n++) {
		snprintf(name, sizeof(name), "tenant%d", (int)n);
		assert_true(weir_store_add_tenant(rig.s, name, &stream[n]) >= 0);
	}
	for (key = 0; key < keys; key++)
		put(key, 1, 300 << 10, 0);
	for (round = 0; round < 100 / SLOW; round++) {
		rig_close(&rig);
		rig_open(&rig);
		for (n = 0; n < 30; n++)
			put(1000000 + n, round, 10, RIG_STREAM(stream[n]));
		if (round % 10 == 0)
			put(2000000 + round, 1, 10, 0);
		assert_int_equal(stats_of().evicted_entries, 0);
	}
	for (key = 0; key < keys; key++)
		has(key, 1, 300 << 10);
	for (n = 0; n < 30; n++)
		has(1000000 + n, round - 1, 10);
	for (n = 0; n < round; n += 10)
		has(2000000 + n, 1, 10);
	rig_check_counts(rig.s);
	rig_remove(&rig);
}

/* Overwrites of one key evict nobody, although the oldest segments are full of other keys. */
static void overwrites_evict_nobody(void **arg)
{
	const uint32_t *scene = *arg; /* block size, length of the others and of the one */
	uint64_t others = 20ull * SEGMENT / (scene[1] + 2 * scene[0]), key, version;
	/* Fewer short values would not fill the store. */
	uint64_t versions = scene[2] < 1000 ? 10000 : 10000 / SLOW;
	struct weir_store_stats stats;

	rig_make(&rig, 66 * SEGMENT, SEGMENT, scene[0]);
	memdisk_load(&rig, scene[0], 9);
	assert_int_equal(memdisk_open(&rig), 0);
	for (key = 1; key <= others; key++)
		put(key, 1, scene[1], 0);
	for (version = 1; version <= versions; version++)
		put(0, version, scene[2], 0);
	stats = stats_of();
	assert_int_equal(stats.evicted_entries, 0);
	assert_true(stats.evicted_segments > 64 / SLOW);
	assert_int_equal(stats.entries, others + 1);
	for (key = 1; key <= others; key++)
		has(key, 1, scene[1]);
	has(0, version - 1, scene[2]);
	/* On average at most two bytes are moved for each that is put. */
	assert_true(stats.written_bytes < 4 * versions * (scene[2] + 2ull * scene[0]));
	rig_check_counts(rig.s);
	memdisk_tear_down(&rig);
}

/* Deletes leave garbage as overwrites do, and the tombstones go with it. */
static void deletes_evict_nobody(void **state)
{
	uint64_t key, n;

	(void)state;
	memdisk_set_up(&rig, 66 * SEGMENT, SEGMENT, 9);
	for (key = 0; key < 100; key++)
		put(key, 1, 9000, 0);
	for (n = 0; n < 3000 / SLOW; n++) {
		put(1000 + n, 1, 9000, 0);
		assert_int_equal(rig_delete(&rig, 1000 + n, 0), 0);
	}
	for (key = 0; key < 100; key++)
		has(key, 1, 9000);
	assert_int_equal(stats_of().evicted_entries, 0);
	assert_int_equal(stats_of().entries, 100);
	memdisk_tear_down(&rig);
}

/* What lives is spread over all segments: one long-lived key in each, among short-lived ones. */
static void spread_evenly(void **state)
{
	uint64_t key, n;

	(void)state;
	memdisk_set_up(&rig, 66 * SEGMENT, SEGMENT, 9);
	for (n = 0; n < 4000 / SLOW; n++) {
		/* A key of 12 KiB in about 64 KiB, overwritten after a round of the store. */
		put(n % 64, n, 12000, 0);
		for (key = 0; key < 5; key++)
			put(100 + key, n, 9000, 0);
	}
	assert_int_equal(stats_of().evicted_entries, 0);
	for (key = 0; key < 64; key++)
		has(key, n - 64 + (key + 64 - n % 64) % 64, 12000);
	rig_check_counts(rig.s);
	memdisk_tear_down(&rig);
}

/* Pinned keys stay in a store that is full of other keys and evicts; so they do when overwritten.
 */
static void pins_survive(void **state)
{
	uint64_t key, n;

	(void)state;
	memdisk_set_up(&rig, 66 * SEGMENT, SEGMENT, 9);
	for (key = 0; key < 40; key++) {
		put(key, 1, 20000, 0);
		assert_int_equal(rig_hold(&rig, key), 0);
	}
	for (n = 0; n < 2000; n++) {
		put(1000 + n, 1, 20000, 0);
		if (n % 100 == 99)
			put(n % 40, n, 20000, 0);
	}
	assert_true(stats_of().evicted_entries > 1000);
	for (key = 0; key < 40; key++)
		has(key, key == 19 ? 1899 : key == 39 ? 1999 : 1, 20000);
	rig_check_counts(rig.s);
	memdisk_tear_down(&rig);
}

/* Puts that come in while survivors are under way win over them, and so do deletes. */
static void newer_versions_win(void **state)
{
	static struct weir_store_op ops[300];
	static uint64_t keys[300];
	static uint8_t values[300][12000];
	uint64_t seed = 5, version[60] = { 0 }, round, n;

	(void)state;
	memdisk_set_up(&rig, 66 * SEGMENT, SEGMENT, 9);
	for (round = 0; round < 60 / SLOW; round++) {
		memset(ops, 0, sizeof(ops));
		for (n = 0; n < 300; n++) {
			keys[n] = rig_random(&seed) % 60;
			ops[n].key = &keys[n];
			ops[n].key_len = sizeof(keys[n]);
			if (rig_random(&seed) % 6 == 0) {
				ops[n].kind = WEIR_STORE_DELETE;
				version[keys[n]] = 0;
				continue;
			}
			version[keys[n]] = round * 300 + n + 1;
			rig_value(keys[n], version[keys[n]], values[n], sizeof(values[n]));
			ops[n].value = values[n];
			ops[n].value_len = sizeof(values[n]);
		}
		weir_store_run(rig.s, ops, 300);
		for (n = 0; n < 60; n++)
			assert_int_equal(rig_get(&rig, n, version[n], sizeof(values[n])),
					 version[n] ? 1 : -ENOENT);
	}
	assert_int_equal(stats_of().evicted_entries, 0);
	assert_true(stats_of().survivors > 10);
	assert_int_equal(memdisk_reopen(&rig), 0);
	for (n = 0; n < 60; n++)
		assert_int_equal(rig_get(&rig, n, version[n], sizeof(values[n])),
				 version[n] ? 1 : -ENOENT);
	memdisk_tear_down(&rig);
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	static uint32_t medium[] = { 4096, 9000, 8000 }, tiny[] = { 512, 20, 500 },
			large[] = { 4096, 30000, 25000 };
	const struct CMUnitTest tests[] = {
		TEST(restarts_keep_keys),
		TEST(restarts_of_tenants_keep_others),
		{ "overwrites_evict_nobody", overwrites_evict_nobody, set_up, tear_down, medium },
		{ "overwrites_evict_nobody_512", overwrites_evict_nobody, set_up, tear_down, tiny },
		{ "overwrites_evict_nobody_large", overwrites_evict_nobody, set_up, tear_down,
		  large },
		TEST(deletes_evict_nobody),
		TEST(spread_evenly),
		TEST(pins_survive),
		TEST(newer_versions_win),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
