/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_aside.c - reads that fail while a segment is reclaimed say nothing about what is there: the
 * segment is set aside with what could not be moved, and nothing is destroyed.
 *
 * The store has room for all keys, so none may leave. Some keys are put once; others again and
 * again, until the segments of the first have been reclaimed many times. Meanwhile a read fails.
 * Each key must have the version that was acknowledged last, at once and in later lives; while a
 * place cannot be read, a get of a value there may fail with -EIO.
 */
#include <errno.h>
#include <stdio.h>

#include "cold.h"
#include "store/format/xxh.h"
#include "store/store.h"

/* Lets reads fail from the Nth one on, so many TIMES at its place. */
static void fail_reads(unsigned n, unsigned times)
{
	memdisk_no_fails();
	memdisk.fail_op = WEIR_OP_READ;
	memdisk.fail_from = FIRST;
	memdisk.fail_to = memdisk.bytes - 65536;
	memdisk.fail_skip = n;
	memdisk.fails = times;
	memdisk.fail_sticks = 1;
}

/* Changes keys that may lie in a segment that was set aside, and lets what superseded them leave.
 * Then nothing old may come back. */
static void supersede(void)
{
	for (uint64_t key = 0; key < COLD; key += 3)
		assert_int_equal(cold_put(key, WEIR_PUT_DURABLE), 0);
	for (uint64_t key = 1; key < COLD; key += 3) {
		assert_int_equal(rig_delete(&cold_rig, key, WEIR_PUT_DURABLE), 0);
		cold_version[key] = 0;
	}
	assert_int_equal(cold_churn(2 * ROUND), 0);
	for (uint64_t key = 0; key < COLD; key += 6) {
		assert_int_equal(rig_delete(&cold_rig, key, WEIR_PUT_DURABLE), 0);
		cold_version[key] = 0;
	}
	assert_int_equal(cold_churn(2 * ROUND), 0);
	assert_int_equal(weir_store_sync(cold_rig.s), 0);
}

/* The second recovery, tools/recover.py, finds the same in the image of the closed store; so does a
 * check, which finds no damage. */
static void check_image(void)
{
	struct weir_check_result result = WEIR_CHECK_RESULT_INIT;
	char line[400], payload[20], expected[20];
	uint8_t value[VALUE];
	unsigned lines = 0, there = 0;
	uint64_t key;
	FILE *out = memdisk_recover(&cold_rig);

	if (!out)
		return;
	for (; fgets(line, sizeof(line), out); lines++) {
		unsigned long long swapped;

		assert_int_equal(sscanf(line, "%*s %*s %*s %16s %*s %16llx", payload, &swapped), 2);
		key = __builtin_bswap64(swapped);
		assert_true(key < KEYS && cold_version[key]);
		rig_value(key, cold_version[key], value, VALUE);
		snprintf(expected, sizeof(expected), "%016llx",
			 (unsigned long long)XXH3_64bits(value, VALUE));
		assert_string_equal(payload, expected);
	}
	assert_int_equal(pclose(out), 0);
	for (key = 0; key < KEYS; key++)
		there += cold_version[key] > 0;
	assert_int_equal(lines, there);
	assert_int_equal(weir_store_check(cold_rig.path, NULL, &result), 0);
	assert_int_equal(result.entries, there);
	assert_int_equal(result.damage, 0);
}

/* The Nth read fails. Returns false if there are fewer reads. */
static bool one_read(unsigned n, unsigned times, uint64_t *set_aside)
{
	uint64_t out;
	bool reached;

	cold_restore();
	fail_reads(n, times);
	assert_int_equal(cold_churn(ROUND), 0);
	reached = memdisk.fails < times;
	if (!reached)
		memdisk_no_fails();
	out = cold_stats().recovered_out_of_use;
	*set_aside += out;
	assert_true(out <= 1 && (times >= 3 || !out));
	cold_check("when it fails", n, times > 3);
	memdisk_no_fails();
	cold_check("when it is over", n, false);
	assert_int_equal(weir_store_sync(cold_rig.s), 0);
	memdisk_power_off(&cold_rig);
	memdisk_power_on(&cold_rig);
	assert_int_equal(cold_stats().recovered_out_of_use, out);
	cold_check("after a power cut", n, false);
	supersede();
	cold_check("after changes", n, false);
	memdisk_power_off(&cold_rig);
	memdisk_power_on(&cold_rig);
	cold_check("after changes and a power cut", n, false);
	memdisk_reopen(&cold_rig);
	cold_check("in a later life", n, false);
	assert_int_equal(cold_stats().recovered_out_of_use, out);
	memdisk_close(&cold_rig);
	if (n % 5 == 0)
		check_image();
	return reached;
}

static void each_read(unsigned times, bool sets_aside)
{
	unsigned n, reads = 0;
	uint64_t out = 0;

	memdisk_close(&cold_rig);
	for (n = 0; one_read(n, times, &out); n += 7 * RIG_EVERY)
		reads++;
	assert_true(reads > 4 / RIG_EVERY);
	if (sets_aside && RIG_EVERY == 1)
		assert_true(out > 2);
	memdisk_power_on(&cold_rig);
}

static void fails_once(void **state)
{
	(void)state;
	each_read(1, false);
}

static void fails_three_times(void **state)
{
	(void)state;
	each_read(3, true);
}

static void fails_for_good(void **state)
{
	(void)state;
	each_read(UINT32_MAX, true);
}

/* Nothing of a segment can be read, its footer neither. What is named by its batch headers and its
 * footer is there when they can be read again, in this life. */
static void a_whole_segment(void **state)
{
	unsigned unread;

	(void)state;
	cold_bad_reads(cold_segment(cold_place(0)), SEGMENT);
	assert_int_equal(cold_churn(ROUND), 0);
	assert_int_equal(cold_stats().aside_segments, 1);
	unread = cold_check("while it is bad", 0, true);
	assert_true(unread > 1);
	assert_int_equal(cold_stats().aside_bytes, unread * VALUE);
	memdisk.fails_too = NULL;
	cold_check("when it is good again", 0, false);
	for (uint64_t key = 0; key < COLD; key++)
		assert_int_equal(cold_put(key, WEIR_PUT_DURABLE), 0);
	assert_int_equal(cold_stats().aside_bytes, 0);
	assert_int_equal(cold_churn(2 * ROUND), 0);
	memdisk_reopen(&cold_rig);
	cold_check("in a later life", 0, false);
}

/* The footer and a value cannot be read: the footer is written anew, from the batch headers. */
static void without_a_footer(void **state)
{
	uint64_t at = cold_place(0), footer = cold_segment(at) + SEGMENT - BLOCK;

	(void)state;
	cold_bad_reads(at, footer - at);
	cold_heals_from = footer;
	assert_int_equal(cold_churn(ROUND), 0);
	assert_int_equal(cold_stats().aside_segments, 1);
	assert_true(cold_check("while it is bad", 0, true) >= 1);
	memdisk.fails_too = NULL;
	cold_check("when it is good again", 0, false);
	memdisk_close(&cold_rig);
	check_image();
	memdisk_power_on(&cold_rig);
	supersede();
	memdisk_close(&cold_rig);
	check_image();
	memdisk_power_on(&cold_rig);
	cold_check("in a later life", 0, false);
}

/* The footer can neither be read nor written, so it cannot say what lives in its segment: that is
 * found until the store is closed, and nothing old comes back. */
static void nothing_names_them(void **state)
{
	uint64_t at = cold_place(0), footer = cold_segment(at) + SEGMENT - BLOCK;
	unsigned gone = 0;

	(void)state;
	cold_bad_reads(at, BLOCK);
	cold_worn = footer;
	assert_int_equal(cold_churn(ROUND), 0);
	assert_int_equal(cold_stats().aside_segments, 1);
	assert_int_equal(cold_check("while it is bad", 0, true), 1);
	memdisk.fails_too = NULL;
	cold_check("when it is good again", 0, false);
	assert_int_equal(cold_churn(ROUND), 0);
	memdisk_reopen(&cold_rig);
	assert_int_equal(cold_stats().recovered_out_of_use, 1);
	assert_int_equal(cold_stats().aside_segments, 0);
	for (uint64_t key = 0; key < KEYS; key++)
		if (rig_get(&cold_rig, key, cold_version[key], VALUE) == -ENOENT) {
			cold_version[key] = 0;
			gone++;
		}
	assert_int_equal(gone, 1);
	cold_check("in a later life", 0, false);
}

/* What leaves a segment that is set aside cannot be noted: in later lives nothing of it counts. */
static void cannot_be_struck(void **state)
{
	uint64_t at = cold_place(0), footer = cold_segment(at) + SEGMENT - BLOCK;

	(void)state;
	cold_bad_reads(at, BLOCK);
	assert_int_equal(cold_churn(ROUND), 0);
	assert_int_equal(cold_stats().aside_segments, 1);
	cold_bad_reads(0, 0);
	cold_worn = footer;
	supersede();
	cold_check("after changes", 0, false);
	memdisk.fails_too = NULL;
	memdisk_reopen(&cold_rig);
	for (uint64_t key = 2; key < COLD; key += 3)
		if (rig_get(&cold_rig, key, cold_version[key], VALUE) == -ENOENT)
			cold_version[key] = 0;
	cold_check("in a later life", 0, false);
	assert_int_equal(cold_stats().aside_segments, 0);
}

static unsigned supers_written;

/* A write of the footer WORN fails, and at that moment a flush fails too. */
static int breaks_at_worn(const struct weir_cmd *cmd)
{
	int bad = cold_is_bad(cmd);

	if (bad && cmd->op == WEIR_OP_WRITE && !cold_rig.s->io.broken)
		io_break(&cold_rig.s->io, -EIO);
	return bad;
}

static void count_supers(const struct weir_cmd *cmd, int ended)
{
	supers_written += !ended && cmd->op == WEIR_OP_WRITE && cmd->offset < FIRST;
}

/* Whose flush has failed does not know what is on the medium, and gives no segment up for it. */
static void a_broken_store_gives_nothing_up(void **state)
{
	uint64_t at = cold_place(0), cold = 1;

	(void)state;
	cold_bad_reads(cold_segment(at) + BLOCK, SEGMENT - 2 * BLOCK);
	assert_int_equal(cold_churn(ROUND), 0);
	assert_int_equal(cold_stats().aside_segments, 1);
	cold_bad_reads(0, 0);
	cold_worn = cold_segment(at) + SEGMENT - BLOCK;
	memdisk.fails_too = breaks_at_worn;
	supers_written = 0;
	memdisk.watch = count_supers;
	assert_int_equal(cold_put(cold, WEIR_PUT_DURABLE), 0);
	assert_int_not_equal(cold_churn(ROUND), 0);
	memdisk.watch = NULL;
	memdisk.fails_too = NULL;
	assert_int_not_equal(cold_rig.s->io.broken, 0);
	assert_int_equal(supers_written, 0);
	memdisk_reopen(&cold_rig);
	assert_int_equal(rig_get(&cold_rig, 2, cold_version[2], VALUE), 1);
}

/* Keys leave a store that is full, but not those that were read lately: if one of these cannot be
 * read, its segment is set aside, and nothing of it leaves. */
static void what_was_used_stays(void **state)
{
	uint64_t at, key, more, all = SEGMENTS * 12;
	uint8_t value[VALUE];

	(void)state;
	memdisk_close(&cold_rig);
	rig_remove(&cold_rig);
	memdisk_free();
	memdisk_set_up(&cold_rig, IMAGE, SEGMENT, 7);
	for (key = 0; key < all; key++)
		assert_int_equal(rig_put(&cold_rig, key, 1, VALUE, 0), 0);
	for (key = all / 2; rig_get(&cold_rig, key, 1, VALUE) != 1; key++)
		;
	rig_value(key, 1, value, VALUE);
	for (at = FIRST; memcmp(memdisk.now + at, value, VALUE) != 0; at += BLOCK)
		;
	cold_bad_reads(at, BLOCK);
	for (more = all; more < 4 * all; more++)
		assert_int_equal(rig_put(&cold_rig, more, 1, VALUE, 0), 0);
	assert_true(cold_stats().evicted_entries > 0);
	assert_int_equal(cold_stats().aside_segments, 1);
	assert_true(cold_stats().aside_bytes > VALUE);
	assert_int_equal(rig_get(&cold_rig, key, 1, VALUE), -EIO);
	memdisk.fails_too = NULL;
	assert_int_equal(rig_get(&cold_rig, key, 1, VALUE), 1);
	memdisk_reopen(&cold_rig);
	assert_int_equal(rig_get(&cold_rig, key, 1, VALUE), 1);
}

/* A drive that reads nothing loses no segment. Puts fail and say why, until it reads again. */
static void a_blind_drive(void **state)
{
	char words[256];

	(void)state;
	cold_bad_reads(0, memdisk.bytes);
	for (unsigned i = 0; i < 50; i++)
		assert_int_equal(cold_churn(3 * ROUND), -EIO);
	snprintf(words, sizeof(words), "%s", weir_error());
	if (!strstr(words, "cannot be read"))
		fail_msg("\"%s\"", words);
	assert_int_equal(cold_stats().recovered_out_of_use, 0);
	assert_int_equal(cold_stats().read_only, 0);
	memdisk.fails_too = NULL;
	cold_check("when it reads again", 0, false);
	assert_int_equal(cold_churn(3 * ROUND), 0);
	cold_check("after puts", 0, false);
	memdisk_reopen(&cold_rig);
	cold_check("in a later life", 0, false);
	/* Only a reclaim whose reads failed just before may have lost one. */
	assert_true(cold_stats().recovered_out_of_use <= 1);
}

/* Only the superblocks can be read: a quarter of the segments is set aside, and then puts fail. */
static void too_many(void **state)
{
	int err = 0;

	(void)state;
	cold_bad_reads(FIRST, SEGMENTS * SEGMENT);
	for (unsigned i = 0; i < 50 && !err; i++)
		err = cold_churn(ROUND);
	assert_int_equal(err, -EIO);
	assert_non_null(strstr(weir_error(), "no more segments can be put out of use"));
	assert_true(cold_stats().aside_segments <= SEGMENTS / 4);
	assert_true(cold_stats().aside_segments > 1);
	memdisk.fails_too = NULL;
	cold_check("when it reads again", 0, false);
	assert_int_equal(cold_churn(3 * ROUND), 0);
	cold_check("after puts", 0, false);
	memdisk_reopen(&cold_rig);
}

static int note_key(const struct weir_store_entry *entry, void *user)
{
	uint64_t key;

	assert_int_equal(entry->key_len, sizeof(key));
	memcpy(&key, entry->key, sizeof(key));
	assert_true(key < KEYS);
	((unsigned *)user)[key]++;
	return 0;
}

/* A listing names what lives in a segment that is set aside. */
static void is_listed(void **state)
{
	unsigned listed[KEYS] = { 0 };

	(void)state;
	cold_bad_reads(cold_place(3), BLOCK);
	assert_int_equal(cold_churn(ROUND), 0);
	assert_int_equal(cold_stats().aside_segments, 1);
	for (unsigned life = 0; life < 2; life++) {
		memset(listed, 0, sizeof(listed));
		assert_int_equal(weir_store_list(cold_rig.s, note_key, listed), 0);
		for (uint64_t key = 0; key < KEYS; key++)
			assert_int_equal(listed[key], 1);
		memdisk_reopen(&cold_rig);
	}
	assert_int_equal(rig_get(&cold_rig, 3, cold_version[3], VALUE), -EIO);
}

/* What cannot be read of the footer of such a segment while the store is opened, is not passed. */
static void footer_unread_at_open(void **state)
{
	uint64_t at = cold_place(0), footer = cold_segment(at) + SEGMENT - BLOCK;

	(void)state;
	cold_bad_reads(at, BLOCK);
	assert_int_equal(cold_churn(ROUND), 0);
	assert_int_equal(cold_stats().aside_segments, 1);
	memdisk_close(&cold_rig);
	cold_bad_reads(footer, BLOCK);
	memdisk_on(0);
	assert_int_equal(memdisk_open(&cold_rig), -EIO);
	assert_non_null(strstr(weir_error(), "footer of segment"));
	memdisk.fails_too = NULL;
	memdisk_power_on(&cold_rig);
	cold_check("when it can be read", 0, false);
	memdisk_close(&cold_rig);
	cold_bad_reads(footer, BLOCK);
	memdisk.salvage = 1;
	memdisk_power_on(&cold_rig);
	memdisk.salvage = 0;
	assert_int_equal(cold_stats().aside_segments, 0);
	assert_int_equal(cold_stats().recovered_out_of_use, 1);
	memdisk.fails_too = NULL;
	memdisk_reopen(&cold_rig);
	assert_int_equal(cold_stats().aside_segments, 0);
	assert_int_equal(rig_get(&cold_rig, 0, 1, VALUE), -ENOENT);
	cold_version[0] = 0;
	cold_check("when it was given up", 0, false);
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, cold_set_up, cold_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(fails_once),
		TEST(fails_three_times),
		TEST(fails_for_good),
		TEST(a_whole_segment),
		TEST(without_a_footer),
		TEST(nothing_names_them),
		TEST(cannot_be_struck),
		TEST(a_broken_store_gives_nothing_up),
		TEST(what_was_used_stays),
		TEST(a_blind_drive),
		TEST(too_many),
		TEST(is_listed),
		TEST(footer_unread_at_open),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
