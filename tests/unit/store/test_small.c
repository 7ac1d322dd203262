/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_small.c - extreme sizes: eight segments, the largest values, the shortest and the longest
 * keys, batches of many pieces of memory, and drives on which headers cannot be written.
 */
#include <errno.h>
#include <unistd.h>

#include "memdisk.h"

#define SEGMENT (64u << 10)
#define FIRST 65536u
#define PIECES 3000u

static struct rig rig = { .engine = "posix" };

static int set_up(void **state)
{
	(void)state;
	alarm(100);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	alarm(0);
	return 0;
}

/* Headers cannot be written in a store of few segments: no operation waits for ever. */
static void few_segments_without_headers(void **state)
{
	uint64_t key;
	int err = 0;

	(void)state;
	rig_make(&rig, 8 * SEGMENT + 2 * 65536, SEGMENT, 4096);
	memdisk_load(&rig, 4096, 3);
	assert_int_equal(memdisk_open(&rig), 0);
	memdisk.fail_op = WEIR_OP_WRITE;
	memdisk.fail_from = FIRST;
	memdisk.fail_to = memdisk.bytes;
	memdisk.fails = 1000000;
	for (key = 0; key < 20 && !err; key++)
		err = rig_put(&rig, key, 1, 5000, 0);
	assert_true(err == -EROFS || err == -EIO);
	memdisk.fails = 0;
	assert_int_equal(memdisk_close(&rig), -EIO);
	assert_int_equal(memdisk_open(&rig), 0);
	assert_int_equal(rig_put(&rig, 1, 1, 5000, 0), 0);
	assert_int_equal(memdisk_close(&rig), 0);
	rig.s = NULL;
	memdisk_free();
	rig_remove(&rig);
}

static int count_entry(const struct weir_store_entry *entry, void *user)
{
	(void)entry;
	++*(unsigned *)user;
	return 0;
}

/* Fills the store several times with deletes in between, values up to the largest, keys of 1 and
 * 1024 bytes. */
static void refilled(void **arg)
{
	const uint32_t *scene = *arg;
	static uint8_t value[65536] __attribute__((aligned(4096))), got[65536];
	struct weir_store_info info = WEIR_STORE_INFO_INIT;
	struct weir_store_stats stats;
	uint64_t state = scene[0], n;
	unsigned listed = 0;
	char key[1024];

	rig_make(&rig, scene[0] * SEGMENT + 2 * 65536, SEGMENT, scene[1]);
	rig.attach = scene[0] == 8;
	rig_open(&rig);
	assert_int_equal(weir_store_get_info(rig.s, &info), 0);
	assert_int_equal(info.segments, scene[0]);
	for (n = 0; n < 1000; n++) {
		uint64_t dice = rig_random(&state) % 8, id = rig_random(&state) % 60;
		uint32_t key_len = id % 2 ? 1 : WEIR_KEY_MAX;
		size_t length, len = 0;
		int err;

		memset(key, (int)id + 1, sizeof(key));
		length = dice < 3   ? info.max_value_bytes - dice % 2
			 : dice < 5 ? 1 + rig_random(&state) % 600
				    : 1 + rig_random(&state) % info.max_value_bytes;
		if (dice == 7) {
			err = weir_store_delete(rig.s, key, key_len, n % 2);
			assert_true(!err || err == -ENOENT);
			assert_int_equal(weir_store_get(rig.s, key, key_len, got, 65536, &len),
					 -ENOENT);
			continue;
		}
		rig_value(id, n, value, length);
		assert_int_equal(weir_store_put(rig.s, key, key_len, value, length, dice == 6), 0);
		assert_int_equal(weir_store_get(rig.s, key, key_len, got, 65536, &len), 0);
		assert_int_equal(len, length);
		assert_memory_equal(got, value, length);
		if (n % 250 == 249) {
			rig_close(&rig);
			rig_open(&rig);
		}
	}
	assert_int_equal(weir_store_put(rig.s, "k", 1, value, info.max_value_bytes + 1, 0), -EFBIG);
	assert_int_equal(weir_store_list(rig.s, count_entry, &listed), 0);
	rig_stats(&rig, &stats);
	assert_int_equal(listed, stats.entries);
	assert_int_equal(stats.checksum_errors, 0);
	rig_remove(&rig);
	rig.attach = 0;
}

/* Deletes all keys of a full store, many at once, with puts around them that wait. */
static void deletes_on_a_full_store(void **arg)
{
	const uint32_t *scene = *arg;
	static struct weir_store_op ops[600];
	static uint64_t keys[600];
	static uint8_t value[24576];
	uint64_t round, n;

	rig_make(&rig, scene[0] * SEGMENT + 2 * 65536, SEGMENT, scene[1]);
	rig_open(&rig);
	for (round = 0; round < 12; round++) {
		memset(ops, 0, sizeof(ops));
		for (n = 0; n < 600; n++) {
			keys[n] = n / 2 + round % 3 * 7;
			ops[n].key = &keys[n];
			ops[n].key_len = sizeof(keys[n]);
			ops[n].flags = n % 5 ? 0 : WEIR_PUT_DURABLE;
			ops[n].kind = (n / 50 + round) % 2 ? WEIR_STORE_DELETE : WEIR_STORE_PUT;
			if (ops[n].kind == WEIR_STORE_DELETE)
				continue;
			ops[n].value = value;
			ops[n].value_len = 1 + n * 40;
		}
		weir_store_run(rig.s, ops, 600);
		for (n = 0; n < 600; n++)
			assert_true(!ops[n].result ||
				    (ops[n].kind == WEIR_STORE_DELETE && ops[n].result == -ENOENT));
	}
	rig_remove(&rig);
}

/* A batch has more pieces than a system call takes. */
static void many_pieces(void **state)
{
	static struct weir_store_op ops[PIECES];
	static uint64_t keys[PIECES];
	static uint8_t values[PIECES][1024] __attribute__((aligned(4096)));
	struct weir_store_opts opts = WEIR_STORE_OPTS_INIT;
	uint8_t got[512];
	uint64_t n;

	(void)state;
	for (int engine = 0; engine < 2; engine++) {
		opts.engine = engine ? "uring" : "posix";
		if (!rig_has(opts.engine))
			continue;
		opts.batch_bytes = 8 << 20;
		rig_make(&rig, 100 << 20, 8 << 20, 512);
		assert_int_equal(weir_store_open(&rig.s, rig.path, &opts), 0);
		memset(ops, 0, sizeof(ops));
		for (n = 0; n < PIECES; n++) {
			keys[n] = n;
			rig_value(n, 1, values[n], 512);
			ops[n].key = &keys[n];
			ops[n].key_len = sizeof(keys[n]);
			ops[n].value = values[n];
			ops[n].value_len = 512;
		}
		assert_int_equal(weir_store_run(rig.s, ops, PIECES), 0);
		for (n = 0; n < PIECES; n++) {
			assert_int_equal(weir_store_get(rig.s, &n, sizeof(n), got, 512, NULL), 0);
			assert_memory_equal(got, values[n], 512);
		}
		rig_remove(&rig);
	}
}

int main(void)
{
	static uint32_t eight[] = { 8, 4096 }, eight_512[] = { 8, 512 }, all[] = { 64, 512 },
			eight_large[] = { 8, 8192 };
	const struct CMUnitTest tests[] = {
		{ "few_segments_without_headers", few_segments_without_headers, set_up, tear_down,
		  NULL },
		{ "many_pieces", many_pieces, set_up, tear_down, NULL },
		{ "refilled_8", refilled, NULL, NULL, eight },
		{ "refilled_8_blocks_512", refilled, NULL, NULL, eight_512 },
		{ "refilled_8_blocks_8192", refilled, NULL, NULL, eight_large },
		{ "refilled_64", refilled, NULL, NULL, all },
		{ "deletes_8", deletes_on_a_full_store, NULL, NULL, eight },
		{ "deletes_8_blocks_8192", deletes_on_a_full_store, NULL, NULL, eight_large },
		{ "deletes_64", deletes_on_a_full_store, NULL, NULL, all },
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
