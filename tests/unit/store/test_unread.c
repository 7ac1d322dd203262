/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_unread.c - reads that fail while a store is opened say nothing about what is there: either
 * all entries are found, or the open fails, has written nothing, and another one finds them all.
 */
#include <errno.h>
#include <stdio.h>

#include "../../crash/alloc.h"
#include "memdisk.h"
#include "store/format/super.h"
#include "store/recover/conflict.h"
#include "store/store.h"

#define IMAGE (5u << 19)
#define SEGMENT (64u << 10)
#define FIRST 65536u /* where segment 0 begins */
#define VALUE 3000u
#define KEYS 100u
#define CONFLICTS 1500u /* more than a piece of the index holds */

/* The sanitizers are slow, so of repeated steps only every Nth runs with them. */
#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__) || defined(WEIR_FEWER_ROUNDS)
#define EVERY 5u
#else
#define EVERY 1u
#endif

static struct rig rig = { .engine = "posix" };
static uint8_t *image;
static uint64_t expected[KEYS];

static int set_up(void **state)
{
	(void)state;
	rig_make(&rig, IMAGE, SEGMENT, 4096);
	memdisk_load(&rig, 512, 7);
	memdisk_power_on(&rig);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	memdisk_free();
	rig_remove(&rig);
	free(image);
	image = NULL;
	return 0;
}

/* Notes the image of the closed store, and what an undisturbed open finds in it. */
static void note_image(void)
{
	image = malloc(memdisk.bytes);
	memcpy(image, memdisk.now, memdisk.bytes);
	memdisk_power_on(&rig);
	for (uint64_t key = 0; key < KEYS; key++)
		expected[key] = rig_version(&rig, key, 3, VALUE);
	memdisk_power_off(&rig);
	memdisk_restore(image);
}

/* Fails the test unless an undisturbed open finds all entries. */
static void check_all(const char *when, unsigned n, unsigned times)
{
	for (uint64_t key = 0; key < KEYS; key++)
		if (rig_version(&rig, key, 3, VALUE) != expected[key])
			fail_msg("key %u has version %u, not %u, %s io %u failed %u times",
				 (unsigned)key, (unsigned)rig_version(&rig, key, 3, VALUE),
				 (unsigned)expected[key], when, n, times);
}

/* Lets reads fail from the Nth one on, so many TIMES at its place. */
static void fail_reads(unsigned n, unsigned times)
{
	memdisk_no_fails();
	memdisk.fail_op = WEIR_OP_READ;
	memdisk.fail_from = 0;
	memdisk.fail_to = memdisk.bytes;
	memdisk.fail_skip = n;
	memdisk.fails = times;
	memdisk.fail_sticks = 1;
}

/* Opens the image while its Nth read fails. Returns false if the open needs fewer reads. */
static bool open_unread(unsigned n, unsigned times)
{
	bool reached;
	int err;

	memdisk_restore(image);
	fail_reads(n, times);
	memdisk_on(0);
	err = memdisk_open(&rig);
	reached = memdisk.fails < times;
	memdisk_no_fails();
	if (!err) {
		check_all("when", n, times);
		memdisk_power_off(&rig);
		return reached;
	}
	assert_int_equal(err, -EIO);
	assert_true(times >= 3);
	assert_non_null(strstr(weir_error(), "read at 0x"));
	assert_memory_equal(memdisk.now, image, memdisk.bytes);
	memdisk_power_on(&rig);
	check_all("after", n, times);
	memdisk_power_off(&rig);
	return reached;
}

static void each_read(void)
{
	static const unsigned times[] = { 1, 2, 3, UINT32_MAX };
	unsigned n, i, reads = 0;

	for (i = 0; i < 4; i++)
		for (n = 0; open_unread(n, times[i]); n += EVERY)
			reads++;
	assert_true(reads > 4 * 40 / EVERY);
}

/* A store that was closed: only footers are read. */
static void of_a_closed_store(void **state)
{
	(void)state;
	for (uint64_t key = 0; key < KEYS; key++)
		assert_int_equal(rig_put(&rig, key, 1, VALUE, 0), 0);
	assert_int_equal(rig_put(&rig, 3, 2, VALUE, 0), 0);
	assert_int_equal(rig_delete(&rig, 4, 0), 0);
	memdisk_close(&rig);
	note_image();
	each_read();
}

/* A store whose process was killed: segments are walked, and payloads verified. */
static void of_a_killed_store(void **state)
{
	(void)state;
	for (uint64_t key = 0; key < KEYS; key++)
		assert_int_equal(rig_put(&rig, key, 1, VALUE, WEIR_PUT_DURABLE), 0);
	for (uint64_t key = 0; key < 10; key++)
		assert_int_equal(rig_put(&rig, key, 2, VALUE, 0), 0);
	assert_int_equal(rig_delete(&rig, 4, 0), 0);
	memdisk_kill(&rig);
	note_image();
	each_read();
}

/* Key 1 is alive in two streams: both footers are read again to settle it. TURNED: the newer
 * version is in the stream that is read first. */
static void make_conflict(bool turned)
{
	uint8_t *before = malloc(IMAGE), *after = malloc(IMAGE);
	struct weir_store_stats stats;
	uint32_t a, b;

	assert_true(weir_store_add_tenant(rig.s, "a", turned ? &b : &a) >= 0);
	assert_true(weir_store_add_tenant(rig.s, "b", turned ? &a : &b) >= 0);
	for (uint64_t key = 0; key < 30; key++)
		assert_int_equal(rig_put(&rig, key, 1, VALUE, RIG_STREAM(key % 2 ? a : b)), 0);
	assert_int_equal(weir_store_sync(rig.s), 0);
	memcpy(before, memdisk.now, IMAGE);
	assert_int_equal(rig_delete(&rig, 1, 0), 0);
	memcpy(after, memdisk.now, IMAGE);
	assert_int_equal(rig_put(&rig, 1, 2, VALUE, RIG_STREAM(b)), 0);
	memdisk_close(&rig);
	/* The power cut lost the delete, and kept what came later, footers included. */
	for (unsigned at = 0; at < IMAGE; at += 512)
		if (memcmp(before + at, after + at, 512) != 0)
			memcpy(memdisk.now + at, before + at, 512);
	/* The first stream's segment lost its footer with it. */
	for (unsigned n = 0; n < (IMAGE - 2 * FIRST) / SEGMENT; n++)
		if (memcmp(before + FIRST + n * SEGMENT + 4096, after + FIRST + n * SEGMENT + 4096,
			   SEGMENT - 4096) != 0)
			memset(memdisk.now + FIRST + (n + 1) * SEGMENT - 4096, 0, 4096);
	free(before);
	free(after);
	note_image();
	assert_int_equal(expected[1], 2);
	memdisk_power_on(&rig);
	rig_stats(&rig, &stats);
	assert_int_equal(stats.recovered_conflicts, 1);
	memdisk_power_off(&rig);
	memdisk_restore(image);
}

static void of_a_conflict(void **state)
{
	(void)state;
	make_conflict(false);
	each_read();
}

static void of_a_conflict_the_other_way_round(void **state)
{
	(void)state;
	make_conflict(true);
	each_read();
}

/* The byte of a footer's block that comes back wrong from the read number GARBLED of that block. */
static uint64_t garbled_at;
static unsigned garbled, block_reads;

static void garble(const struct weir_cmd *cmd, int ended)
{
	if (!ended || cmd->op != WEIR_OP_READ || cmd->offset > garbled_at ||
	    cmd->offset + cmd->length <= garbled_at || ++block_reads != garbled)
		return;
	((uint8_t *)cmd->iov[0].iov_base)[garbled_at - cmd->offset] ^= 0x80;
}

/* Returns where the footer is that names the newest version of key 1. Each has one block. */
static uint64_t footer_of_conflict(void)
{
	uint8_t value[VALUE];

	rig_value(1, 2, value, sizeof(value));
	for (uint64_t at = FIRST; at < IMAGE; at += 4096)
		if (!memcmp(memdisk.now + at, value, sizeof(value)))
			return FIRST + (at - FIRST) / SEGMENT * SEGMENT + SEGMENT - 4096;
	fail_msg("key 1 has no version 2");
	return 0;
}

/* A footer is read for the third time to settle a conflict. If it brings other bytes than before,
 * whatever they are, the open fails, and writes nothing. */
static void other_bytes(bool turned)
{
	const size_t trailer = 4096 - sizeof(struct disk_trailer);
	const size_t bytes[] = { 0, 8, trailer, trailer + 20,
				 trailer + offsetof(struct disk_trailer, count) + 2 };

	make_conflict(turned);
	for (unsigned n = 0; n < sizeof(bytes) / sizeof(bytes[0]); n++) {
		memdisk_restore(image);
		memdisk_on(0);
		garbled_at = footer_of_conflict() + bytes[n];
		garbled = 3;
		block_reads = 0;
		memdisk.watch = garble;
		if (memdisk_open(&rig) != -EIO || !strstr(weir_error(), "other bytes than before"))
			fail_msg("byte %zu: %s, after %u reads", bytes[n], weir_error(),
				 block_reads);
		memdisk.watch = NULL;
		assert_memory_equal(memdisk.now, image, memdisk.bytes);
		memdisk_power_on(&rig);
		check_all("after", n, 1);
		memdisk_power_off(&rig);
	}
}

static void other_bytes_in_a_conflict(void **state)
{
	(void)state;
	other_bytes(false);
}

/* What is read after the bad footer is good. */
static void other_bytes_before_good_ones(void **state)
{
	(void)state;
	other_bytes(true);
}

/* There is no memory to settle as many conflicts as there are, though there is for the last ones.
 */
static void no_memory_for_conflicts(void **state)
{
	const struct index_value value = { .position = 1, .length = 1 };
	struct conflict c;
	int err;

	(void)state;
	assert_int_equal(conflict_init(&c, &rig.s->io, rig.s->logs), 0);
	for (uint64_t n = 0; n < CONFLICTS; n++) {
		uint64_t hash[2] = { n << 32, n };

		assert_int_equal(index_set(&c.here, hash, &value), 0);
	}
	alloc_fail(0, 1);
	err = conflict_settle(&c, NULL, 0);
	assert_int_equal(err, alloc_fail(0, 0) ? -ENOMEM : 0);
	conflict_free(&c);
	memdisk_power_off(&rig);
}

static void put_all(void)
{
	for (uint64_t key = 0; key < KEYS; key++)
		assert_int_equal(rig_put(&rig, key, 1, VALUE, WEIR_PUT_DURABLE), 0);
	memdisk_close(&rig);
	note_image();
}

/* In one life no read succeeds after the first SKIP ones. */
static void one_blind_life(unsigned skip, const char *what)
{
	put_all();
	fail_reads(skip, UINT32_MAX);
	memdisk.fail_sticks = 0;
	memdisk_on(0);
	assert_int_equal(memdisk_open(&rig), -EIO);
	if (!strstr(weir_error(), what))
		fail_msg("\"%s\" lacks \"%s\"", weir_error(), what);
	memdisk_no_fails();
	memdisk_power_on(&rig);
	check_all("after", 0, UINT32_MAX);
	memdisk_power_off(&rig);
}

static void no_header(void **state)
{
	(void)state;
	one_blind_life(2, "header of segment 0");
}

static void nothing_behind_the_headers(void **state)
{
	(void)state;
	one_blind_life(2 + (IMAGE - 2 * 65536) / SEGMENT, "footer of segment 0");
}

/* Opens the image with the option `salvage`, while reads fail for ever from the Nth one on, at its
 * place. Returns false if the open needs fewer reads. */
static bool salvage_open(unsigned n)
{
	memdisk_restore(image);
	fail_reads(n, UINT32_MAX);
	memdisk_on(0);
	memdisk.salvage = 1;
	if (memdisk_open(&rig))
		fail_msg("read %u fails: %s", n, weir_error());
	memdisk.salvage = 0;
	return memdisk.fails < UINT32_MAX;
}

static uint64_t out_of_use(void)
{
	struct weir_store_stats stats;

	rig_stats(&rig, &stats);
	return stats.recovered_out_of_use;
}

/* Fills the store until every segment that can be used was used. */
static void fill_store(void)
{
	for (uint64_t key = 1000; key < 1000 + 2 * IMAGE / VALUE; key++)
		assert_int_equal(rig_put(&rig, key, 1, VALUE, 0), 0);
}

static void note_versions(uint64_t *versions)
{
	for (uint64_t key = 0; key < KEYS; key++)
		versions[key] = rig_version(&rig, key, 3, VALUE);
}

/* Each read fails in turn, and its segment is given up. What is found then is found in every later
 * life, although everything can be read again. */
static void given_up_for_good(void)
{
	uint64_t first[KEYS], later[KEYS];
	unsigned n, outs = 0;

	for (n = 0; salvage_open(n); n += EVERY) {
		uint64_t out = out_of_use();

		memdisk_no_fails();
		assert_true(out <= 1);
		outs += out > 0;
		note_versions(first);
		if (!out)
			assert_memory_equal(first, expected, sizeof(first));
		memdisk_power_off(&rig);
		memdisk_power_on(&rig);
		assert_int_equal(out_of_use(), out);
		note_versions(later);
		assert_memory_equal(first, later, sizeof(first));
		memdisk_power_off(&rig);
	}
	memdisk_no_fails();
	memdisk_power_off(&rig);
	assert_true(outs > 20 / EVERY);
}

static void of_a_closed_store_given_up(void **state)
{
	(void)state;
	put_all();
	given_up_for_good();
}

static void of_a_killed_store_given_up(void **state)
{
	(void)state;
	for (uint64_t key = 0; key < KEYS; key++)
		assert_int_equal(
			rig_put(&rig, key, 1 + key % 2, VALUE, key % 7 ? 0 : WEIR_PUT_DURABLE), 0);
	memdisk_kill(&rig);
	note_image();
	given_up_for_good();
}

/* Nothing is written to a segment that is out of use, however often the others are used again. */
static void never_used_again(void **state)
{
	struct weir_store_stats stats;

	(void)state;
	put_all();
	/* The first reads are of the superblocks, then come the headers. */
	assert_true(salvage_open(2 + 1));
	memdisk_no_fails();
	assert_int_equal(out_of_use(), 1);
	for (unsigned life = 0; life < 3; life++) {
		fill_store();
		assert_memory_equal(memdisk.now + FIRST + SEGMENT, image + FIRST + SEGMENT,
				    SEGMENT);
		memdisk_reopen(&rig);
		assert_int_equal(out_of_use(), 1);
	}
	rig_stats(&rig, &stats);
	assert_true(stats.free_segments + stats.used_segments == (IMAGE - 2 * 65536) / SEGMENT);
	memdisk_power_off(&rig);
}

/* More segments than the table has room for: nothing is written. */
static void too_many_to_give_up(void **state)
{
	(void)state;
	put_all();
	fail_reads(2, UINT32_MAX);
	memdisk.fail_sticks = 0;
	memdisk_on(0);
	memdisk.salvage = 1;
	assert_int_equal(memdisk_open(&rig), -EIO);
	memdisk.salvage = 0;
	assert_non_null(strstr(weir_error(), "24 segments are out of use"));
	assert_memory_equal(memdisk.now, image, memdisk.bytes);
	memdisk_no_fails();
	memdisk_power_on(&rig);
	check_all("after", 0, UINT32_MAX);
	memdisk_power_off(&rig);
}

/* The power goes at each command of an open that gives a segment up. A later open finds what the
 * image held, or what it held without that segment. */
static void a_cut_while_giving_up(void **state)
{
	uint64_t without[KEYS], now[KEYS];
	unsigned cut, whole = 0, given = 0;
	uint64_t commands;

	(void)state;
	put_all();
	assert_true(salvage_open(2));
	commands = memdisk.commands;
	memdisk_no_fails();
	note_versions(without);
	assert_memory_not_equal(without, expected, sizeof(without));
	memdisk_power_off(&rig);
	for (cut = 1; cut <= commands + 1; cut++) {
		memdisk_restore(image);
		fail_reads(2, UINT32_MAX);
		memdisk_on(cut);
		memdisk.salvage = 1;
		if (!memdisk_open(&rig))
			memdisk_close(&rig);
		memdisk.salvage = 0;
		memdisk_no_fails();
		memdisk_cut();
		memdisk_power_on(&rig);
		note_versions(now);
		whole += !memcmp(now, expected, sizeof(now));
		given += !memcmp(now, without, sizeof(now));
		assert_int_equal(whole + given, cut);
		memdisk_power_off(&rig);
	}
	assert_true(whole && given);
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(of_a_closed_store),
		TEST(of_a_killed_store),
		TEST(of_a_conflict),
		TEST(of_a_conflict_the_other_way_round),
		TEST(other_bytes_in_a_conflict),
		TEST(other_bytes_before_good_ones),
		TEST(no_memory_for_conflicts),
		TEST(no_header),
		TEST(nothing_behind_the_headers),
		TEST(of_a_closed_store_given_up),
		TEST(of_a_killed_store_given_up),
		TEST(never_used_again),
		TEST(too_many_to_give_up),
		TEST(a_cut_while_giving_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
