/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_list.c - listings that stop early, that run while segments are reclaimed, and that meet
 * damaged batch headers.
 */
#include <endian.h>
#include <errno.h>
#include <unistd.h>

#include "rig.h"
#include "store/format/format.h"

#define FIRST 65536u
#define SEGMENT (64u << 10)
#define BLOCK 4096u

static struct rig rig = { .attach = 1 };

static int set_up(void **state)
{
	(void)state;
	rig_make(&rig, 2 << 20, SEGMENT, BLOCK);
	rig_open(&rig);
	alarm(30);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	alarm(0);
	rig_remove(&rig);
	return 0;
}

static int stop_at(const struct weir_store_entry *entry, void *user)
{
	unsigned *left = user;

	assert_int_equal(entry->key_len, 8);
	return --*left ? 0 : -77;
}

static int count(const struct weir_store_entry *entry, void *user)
{
	(void)entry;
	++*(unsigned *)user;
	return 0;
}

static void stops_early(void **state)
{
	unsigned n, left;

	(void)state;
	for (n = 0; n < 60; n++)
		assert_int_equal(rig_put(&rig, n, 1, 3000, 0), 0);
	for (n = 1; n <= 60; n++) {
		left = n;
		assert_int_equal(weir_store_list(rig.s, stop_at, &left), -77);
		assert_int_equal(left, 0);
	}
}

/* Fills the store several times from inside the listing. */
static int put_more(const struct weir_store_entry *entry, void *user)
{
	unsigned *n = user;
	int i;

	assert_int_equal(entry->key_len, 8);
	if (*n > 1200)
		return 1;
	for (i = 0; i < 10; i++)
		assert_int_equal(rig_put(&rig, 1000 + (*n)++, 1, 15000, 0), 0);
	return 0;
}

static void reclaimed_meanwhile(void **state)
{
	unsigned n;

	(void)state;
	for (n = 0; n < 100; n++)
		assert_int_equal(rig_put(&rig, n, 1, 10000, 0), 0);
	n = 0;
	assert_int_equal(weir_store_list(rig.s, put_more, &n), 1);
}

/* The last header of a segment says that its batch ends behind the segment. */
static void a_header_that_is_too_long(void **state)
{
	static uint8_t block[BLOCK];
	struct disk_batch *batch = (struct disk_batch *)block;
	uint64_t at = FIRST + BLOCK, next;
	unsigned n;

	(void)state;
	for (n = 0; n < 3; n++)
		assert_int_equal(rig_put(&rig, n, 1, 3000, 0), 0);
	rig_close(&rig);
	while ((next = rig_find(&rig, "weirBAT1", at + BLOCK, BLOCK)) != UINT64_MAX)
		at = next;
	rig_peek(&rig, at, block, sizeof(block));
	batch->header_bytes = htole32(9 * BLOCK);
	batch->blocks = htole32(9);
	rig_poke(&rig, at, block, sizeof(block));
	rig_open(&rig);
	n = 0;
	assert_int_equal(weir_store_list(rig.s, count, &n), 0);
	assert_int_equal(n, 2);
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(stops_early),
		TEST(reclaimed_meanwhile),
		TEST(a_header_that_is_too_long),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
