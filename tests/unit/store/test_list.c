/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_list.c - listings that stop early, that run while segments are reclaimed, and that meet
 * damaged batch headers.
 */
#include <endian.h>
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "memdisk.h"
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

/* Puts KEY, of LENGTH bytes. */
static void put_named(const char *key, uint32_t length)
{
	assert_int_equal(weir_store_put(rig.s, key, length, "value", 5, 0), 0);
}

/* Lists the keys that begin with PREFIX, and returns how many there are, or -errno. */
static int count_prefix(const void *prefix, uint32_t length)
{
	struct weir_list_opts opts = WEIR_LIST_OPTS_INIT;
	struct weir_store_list_counts counts = WEIR_STORE_LIST_COUNTS_INIT;
	unsigned n = 0;
	int err;

	opts.prefix = prefix;
	opts.prefix_len = length;
	err = weir_store_list_counted(rig.s, &opts, count, &n, &counts);
	assert_int_equal(counts.listed, n);
	return err ? err : (int)n;
}

static void lists_a_prefix(void **state)
{
	char longest[WEIR_KEY_MAX + 1];

	(void)state;
	memset(longest, 'z', sizeof(longest));
	put_named("a", 1);
	put_named("a/1", 3);
	put_named("a/2", 3);
	put_named("a\0b", 3);
	put_named("\xff\n", 2);
	put_named(longest, WEIR_KEY_MAX);
	assert_int_equal(weir_store_delete(rig.s, "a/2", 3, 0), 0);
	assert_int_equal(count_prefix(NULL, 0), 5);
	assert_int_equal(count_prefix("a", 1), 3);
	assert_int_equal(count_prefix("a/", 2), 1);
	assert_int_equal(count_prefix("a\0", 2), 1);
	assert_int_equal(count_prefix("\xff", 1), 1);
	assert_int_equal(count_prefix("b", 1), 0);
	assert_int_equal(count_prefix(longest, WEIR_KEY_MAX), 1);
	assert_int_equal(count_prefix(longest, WEIR_KEY_MAX + 1), -EINVAL);
	assert_int_equal(count_prefix(NULL, 1), -EINVAL);
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
	assert_int_equal(weir_store_list(rig.s, count, &n), -EBADMSG);
	assert_int_equal(n, 2);
}

/* Lists the store: the result must be ERR, with these counts, and with words that have them. */
static void lists(int err, unsigned listed, unsigned hidden, unsigned unread)
{
	struct weir_store_list_counts counts = WEIR_STORE_LIST_COUNTS_INIT;
	char words[64];
	unsigned n = 0;

	assert_int_equal(weir_store_list_counted(rig.s, NULL, count, &n, &counts), err);
	assert_int_equal(n, listed);
	assert_int_equal(counts.listed, listed);
	assert_int_equal(counts.hidden, hidden);
	assert_int_equal(counts.unread, unread);
	snprintf(words, sizeof(words), err == -EIO ? "%u keys are not listed" : "hide %u keys",
		 err == -EIO ? unread : hidden);
	if (err && !strstr(weir_error(), words))
		fail_msg("\"%s\" lacks \"%s\"", weir_error(), words);
}

/* Damaged headers hide the keys of their batches, and nothing else; the values are there. Keys that
 * are deleted or put again elsewhere are hidden no more. */
static void damaged_headers_are_counted(void **state)
{
	uint64_t at = FIRST;
	unsigned n;

	(void)state;
	for (n = 0; n < 40; n++)
		assert_int_equal(rig_put(&rig, n, 1, 3000, 0), 0);
	rig_close(&rig);
	for (n = 0; n < 24; n++) {
		at = rig_find(&rig, "weirBAT1", at + BLOCK, BLOCK);
		/* Some alone, some next to each other, the first of a segment too. */
		if (n % 5 != 4 && n % 2 == 0)
			rig_damage(&rig, at + 200);
	}
	rig_open(&rig);
	lists(-EBADMSG, 30, 10, 0);
	assert_non_null(strstr(weir_error(), "weir fsck"));
	for (n = 0; n < 40; n++)
		assert_int_equal(rig_get(&rig, n, 1, 3000), 1);
	assert_int_equal(rig_delete(&rig, 0, 0), 0);
	assert_int_equal(rig_put(&rig, 2, 2, 3000, 0), 0);
	lists(-EBADMSG, 31, 8, 0);
}

/* So do damaged headers in the segment that is open, which has no footer yet. */
static void damaged_in_the_open_segment(void **state)
{
	uint64_t at;

	(void)state;
	assert_int_equal(rig_put(&rig, 1, 1, 3000, 0), 0);
	assert_int_equal(rig_put(&rig, 2, 1, 3000, 0), 0);
	at = rig_find(&rig, "weirBAT1", FIRST, BLOCK);
	rig_damage(&rig, at + 200);
	lists(-EBADMSG, 1, 1, 0);
	assert_int_equal(rig_put(&rig, 3, 1, 3000, 0), 0);
	lists(-EBADMSG, 2, 1, 0);
	rig_damage(&rig, at + 200);
	lists(0, 3, 0, 0);
}

static int set_up_memory(void **state)
{
	(void)state;
	rig_make(&rig, 2 << 20, SEGMENT, BLOCK);
	memdisk_load(&rig, BLOCK, 1);
	memdisk_power_on(&rig);
	alarm(30);
	return 0;
}

static int tear_down_memory(void **state)
{
	(void)state;
	alarm(0);
	memdisk_tear_down(&rig);
	return 0;
}

/* Lets reads that touch FROM to TO fail, N times. */
static void let_reads_fail(uint64_t from, uint64_t to, unsigned n)
{
	memdisk.fail_op = WEIR_OP_READ;
	memdisk.fail_from = 0;
	memdisk.fail_to = memdisk.bytes;
	memdisk.fail_sticks = 1;
	memdisk.stuck_from = from;
	memdisk.stuck_to = to;
	memdisk.fail_error = -EIO;
	memdisk.fails = n;
}

static uint64_t header_in_memory(unsigned n)
{
	uint64_t at = FIRST;

	while (memcmp(memdisk.now + at, "weirBAT1", 8) != 0 || n--)
		at += BLOCK;
	return at;
}

/* A read that fails is tried again. One that fails for good is no damage, is counted apart, and
 * does not keep the other keys. */
static void a_header_that_cannot_be_read(void **state)
{
	uint64_t at;
	unsigned n;

	(void)state;
	for (n = 0; n < 40; n++)
		assert_int_equal(rig_put(&rig, n, 1, 3000, 0), 0);
	at = header_in_memory(3);
	let_reads_fail(0, memdisk.bytes, 2);
	lists(0, 40, 0, 0);
	/* A payload is not needed to list its key. */
	let_reads_fail(at + BLOCK, at + 2 * BLOCK, UINT32_MAX);
	lists(0, 40, 0, 0);
	let_reads_fail(at, at + BLOCK, UINT32_MAX);
	lists(-EIO, 39, 0, 1);
	memdisk.now[header_in_memory(8) + 200] ^= 1;
	lists(-EIO, 38, 1, 1);
	/* Nothing can be read: that ends, and the number of tries has a limit. */
	let_reads_fail(0, memdisk.bytes, UINT32_MAX);
	lists(-EIO, 0, 0, 40);
	assert_true(UINT32_MAX - memdisk.fails < 1000);
	memdisk.fails = 0;
	lists(-EBADMSG, 39, 1, 0);
}

/* After so many blocks that cannot be read the rest of a segment is passed. */
static void a_segment_that_cannot_be_read(void **state)
{
	(void)state;
	memdisk_tear_down(&rig);
	memdisk_set_up(&rig, 64 * 4 * SEGMENT, 4 * SEGMENT, 3);
	for (unsigned n = 0; n < 30; n++)
		assert_int_equal(rig_put(&rig, n, 1, 3000, 0), 0);
	let_reads_fail(0, memdisk.bytes, UINT32_MAX);
	lists(-EIO, 0, 0, 30);
	/* Three tries of each of 16 blocks. */
	assert_int_equal(UINT32_MAX - memdisk.fails, 48);
	memdisk.fails = 0;
}

/* A header that was garbled by the link is read again. */
static void a_header_that_came_garbled(void **state)
{
	(void)state;
	assert_int_equal(rig_put(&rig, 1, 1, 3000, 0), 0);
	assert_int_equal(rig_put(&rig, 2, 1, 3000, 0), 0);
	memdisk.lost_length = 4 * BLOCK;
	memdisk.lost = 1;
	lists(0, 2, 0, 0);
	assert_int_equal(memdisk.lost, 0);
}

static uint64_t bad_blocks[2];

static int is_bad(const struct weir_cmd *cmd)
{
	for (unsigned n = 0; n < 2; n++)
		if (cmd->op == WEIR_OP_READ && cmd->offset < bad_blocks[n] + BLOCK &&
		    cmd->offset + cmd->length > bad_blocks[n])
			return 1;
	return 0;
}

/* Puts more than the store holds when the second entry comes. */
static int fills_at_the_second(const struct weir_store_entry *entry, void *user)
{
	unsigned *n = user;

	(void)entry;
	if (++*n != 2)
		return 0;
	memdisk.fails_too = NULL;
	for (unsigned i = 0; i < 300; i++)
		assert_int_equal(rig_put(&rig, 1000 + i, 1, 3000, 0), 0);
	return 0;
}

/* A segment is reclaimed while it is listed, behind a header that could not be read: what that hid
 * has left the store, and what lies at the same place of another segment is not hidden. */
static void reclaimed_behind_a_bad_header(void **state)
{
	struct weir_store_list_counts counts = WEIR_STORE_LIST_COUNTS_INIT;
	unsigned n = 0;

	(void)state;
	for (n = 0; n < 40; n++)
		assert_int_equal(rig_put(&rig, n, 1, 3000, 0), 0);
	bad_blocks[0] = header_in_memory(1);
	bad_blocks[1] = header_in_memory(4);
	memdisk.fails_too = is_bad;
	n = 0;
	assert_int_equal(weir_store_list_counted(rig.s, NULL, fills_at_the_second, &n, &counts), 0);
	assert_true(n > 100);
	assert_int_equal(counts.unread, 0);
	assert_int_equal(counts.hidden, 0);
}

#define MEMORY(test) cmocka_unit_test_setup_teardown(test, set_up_memory, tear_down_memory)
#define TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(stops_early),
		TEST(lists_a_prefix),
		TEST(reclaimed_meanwhile),
		TEST(a_header_that_is_too_long),
		TEST(damaged_headers_are_counted),
		TEST(damaged_in_the_open_segment),
		MEMORY(a_header_that_cannot_be_read),
		MEMORY(a_segment_that_cannot_be_read),
		MEMORY(a_header_that_came_garbled),
		MEMORY(reclaimed_behind_a_bad_header),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
