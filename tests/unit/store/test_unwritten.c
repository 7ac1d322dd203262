/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_unwritten.c - blocks that cannot be written while a store is opened: one of them never locks
 * the store, nothing acknowledged is lost, and records that were dropped, or that lost a conflict,
 * come back in no later life.
 */
#include <errno.h>
#include <stdio.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "memdisk.h"
#include "store/format/format.h"

#define IMAGE (5u << 19)
#define SEGMENT (64u << 10)
#define FIRST 65536u /* where segment 0 begins */
#define BLOCK 4096u
#define VALUE 3000u
#define KEYS 60u

#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__) || defined(WEIR_FEWER_ROUNDS)
#define EVERY 3u
#else
#define EVERY 1u
#endif

static struct rig rig = { .engine = "posix" };
static uint8_t *image;
static uint64_t expected[KEYS];
static uint32_t stream_a, stream_b;

static int set_up(void **state)
{
	(void)state;
	rig_make(&rig, IMAGE, SEGMENT, BLOCK);
	memdisk_load(&rig, 512, 7);
	memdisk_power_on(&rig);
	assert_true(weir_store_add_tenant(rig.s, "a", &stream_a) >= 0);
	assert_true(weir_store_add_tenant(rig.s, "b", &stream_b) >= 0);
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
	memcpy(memdisk.medium, image, memdisk.bytes);
	memdisk_power_on(&rig);
	for (uint64_t key = 0; key < KEYS; key++)
		expected[key] = rig_version(&rig, key, 3, VALUE);
	memdisk_kill(&rig);
	memdisk_restore(image);
}

static void check_all(const char *when, unsigned n)
{
	for (uint64_t key = 0; key < KEYS; key++)
		if (rig_version(&rig, key, 3, VALUE) != expected[key])
			fail_msg("key %u has version %u, not %u, %s write %u failed", (unsigned)key,
				 (unsigned)rig_version(&rig, key, 3, VALUE),
				 (unsigned)expected[key], when, n);
}

/* Returns the version of KEY whose payload has the checksum in TEXT; 0: it has none. */
static uint64_t version_with(uint64_t key, const char *text)
{
	uint8_t value[VALUE];
	char is[32];

	for (uint64_t version = 1; version <= 3; version++) {
		rig_value(key, version, value, sizeof(value));
		snprintf(is, sizeof(is), "%016llx",
			 (unsigned long long)XXH3_64bits(value, sizeof(value)));
		if (!strcmp(is, text))
			return version;
	}
	return 0;
}

/* The second recovery, tools/recover.py, finds the same in what the store left; so does a check. */
static void check_second(const char *when, unsigned n)
{
	char line[400], payload[20];
	struct weir_check_result result = WEIR_CHECK_RESULT_INIT;
	uint64_t versions[KEYS] = { 0 }, key, entries = 0;
	uint8_t bytes[8];
	FILE *out = memdisk_recover(&rig);

	if (!out)
		return;
	while (fgets(line, sizeof(line), out)) {
		const char *hex = strrchr(line, ' ');

		assert_non_null(hex);
		assert_int_equal(sscanf(line, "%*s %*s %*s %16s", payload), 1);
		for (unsigned i = 0; i < 8; i++)
			assert_int_equal(sscanf(hex + 1 + 2 * i, "%2hhx", &bytes[i]), 1);
		memcpy(&key, bytes, sizeof(key));
		assert_true(key < KEYS);
		versions[key] = version_with(key, payload);
	}
	assert_int_equal(pclose(out), 0);
	assert_int_equal(weir_store_check(rig.path, NULL, &result), 0);
	for (key = 0; key < KEYS; key++)
		entries += expected[key] > 0;
	assert_int_equal(result.entries, entries);
	for (key = 0; key < KEYS; key++)
		if (versions[key] != expected[key])
			fail_msg("the second recovery finds version %u of key %u, not %u, %s %u",
				 (unsigned)versions[key], (unsigned)key, (unsigned)expected[key],
				 when, n);
}

/* Lets writes fail from the Nth one on, so many TIMES; STICKS: only at the place of the first. */
static void fail_writes(unsigned n, unsigned times, int sticks, int error)
{
	memdisk_no_fails();
	memdisk.fail_op = WEIR_OP_WRITE;
	memdisk.fail_from = 0;
	memdisk.fail_to = memdisk.bytes;
	memdisk.fail_skip = n;
	memdisk.fails = times;
	memdisk.fail_error = error;
	memdisk.fail_sticks = sticks;
}

/* Lets all writes that touch FROM to TO fail. */
static void fail_place(uint64_t from, uint64_t to, int error)
{
	fail_writes(0, UINT32_MAX, 1, error);
	memdisk.stuck_from = from;
	memdisk.stuck_to = to;
}

/* Opens the image while its Nth write fails at its place, in two lives, and once more without a
 * failure. Each must open, and find everything. Returns false if the open needs fewer writes. */
static bool open_unwritten(unsigned n, unsigned times, int error)
{
	bool reached = false;

	memdisk_restore(image);
	fail_writes(n, times, 1, error);
	for (unsigned life = 0; life < 3; life++) {
		memdisk_on(0);
		if (memdisk_open(&rig))
			fail_msg("write %u fails in life %u: %s", n, life, weir_error());
		check_all("while", n);
		if (!life)
			reached = memdisk.fails < times;
		memdisk_kill(&rig);
		if (life)
			memdisk_no_fails();
	}
	return reached;
}

/* From the Nth write on all fail. Whether the store opens or not, nothing is lost. */
static bool open_read_only_medium(unsigned n, int error)
{
	bool reached;
	int err;

	memdisk_restore(image);
	fail_writes(n, UINT32_MAX, 0, error);
	memdisk_on(0);
	err = memdisk_open(&rig);
	reached = memdisk.fails < UINT32_MAX;
	if (!err)
		check_all("while", n);
	else
		assert_true(err == error && strstr(weir_error(), "write at 0x"));
	memdisk_no_fails();
	if (!err)
		memdisk_kill(&rig);
	memdisk_power_on(&rig);
	check_all("after", n);
	memdisk_kill(&rig);
	return reached;
}

static void each_write(unsigned least)
{
	unsigned n, writes = 0;

	for (int error = 0; error < 2; error++) {
		for (unsigned times = 1; times; times = times == 1 ? UINT32_MAX : 0)
			for (n = 0; open_unwritten(n, times, error ? -ENOSPC : -EIO); n += EVERY)
				writes++;
		for (n = 0; open_read_only_medium(n, error ? -ENOSPC : -EIO); n += EVERY)
			;
	}
	assert_true(writes >= 4 * least / EVERY);
}

static void of_a_closed_store(void **state)
{
	(void)state;
	for (uint64_t key = 0; key < KEYS; key++)
		assert_int_equal(rig_put(&rig, key, 1, VALUE, 0), 0);
	memdisk_close(&rig);
	note_image();
	each_write(2);
}

/* Returns where the payload of the record with SEQUENCE is on the drive. */
static uint64_t payload_at(uint64_t key, uint64_t version)
{
	uint8_t value[VALUE];

	rig_value(key, version, value, sizeof(value));
	for (uint64_t at = FIRST; at < IMAGE; at += BLOCK)
		if (!memcmp(memdisk.now + at, value, sizeof(value)))
			return at;
	fail_msg("key %u has no version %u", (unsigned)key, (unsigned)version);
	return 0;
}

/* Puts many keys, and kills the process. Version 2 of keys 3 and 5 was not covered by a flush, and
 * is lost; that of key 4, between them, is not. All three are in one segment; it would be flushed
 * for the header of the next one if it were half full. */
static void make_dropped(void)
{
	static const uint64_t lost[] = { 3, 5 };

	for (uint64_t key = 0; key < 56; key++)
		assert_int_equal(rig_put(&rig, key, 1, VALUE, WEIR_PUT_DURABLE), 0);
	for (uint64_t key = 3; key < 6; key++)
		assert_int_equal(rig_put(&rig, key, 2, VALUE, 0), 0);
	memdisk_kill(&rig);
	for (unsigned n = 0; n < 2; n++)
		memdisk.now[payload_at(lost[n], 2)] ^= 1;
	note_image();
	assert_int_equal(expected[3], 1);
	assert_int_equal(expected[4], 2);
	assert_int_equal(expected[5], 1);
}

static void of_a_killed_store(void **state)
{
	(void)state;
	make_dropped();
	each_write(3);
}

/* Returns the start of the segment in which AT lies. */
static uint64_t segment_of(uint64_t at)
{
	return FIRST + (at - FIRST) / SEGMENT * SEGMENT;
}

static uint64_t unsealed(void)
{
	struct weir_store_stats stats;

	rig_stats(&rig, &stats);
	return stats.recovered_unsealed;
}

/* A write that failed may have written some sectors, or even all. Here it has written none: the
 * block of the footer of the segment at SEGMENT_AT stays as it was. */
static void no_footer(uint64_t segment_at)
{
	memset(memdisk.now + segment_at + SEGMENT - BLOCK, 0, BLOCK);
	memset(memdisk.medium + segment_at + SEGMENT - BLOCK, 0, BLOCK);
}

/* The footer of a segment cannot be written in any life, and records of it were dropped because
 * their bytes came back wrong. Later the bytes are right; the records stay dropped. */
static void dropped_over_lives(void **state)
{
	static const uint64_t lost[] = { 3, 5 };
	uint64_t at[2], segment;

	(void)state;
	make_dropped();
	segment = segment_of(payload_at(4, 2));
	for (unsigned n = 0; n < 2; n++) {
		at[n] = payload_at(4, 2) + (lost[n] - 4) * 2 * BLOCK;
		assert_int_equal(segment_of(at[n]), segment);
	}
	for (unsigned life = 0; life < 4; life++) {
		fail_place(segment + SEGMENT - BLOCK, segment + SEGMENT, -EIO);
		memdisk_power_on(&rig);
		assert_int_equal(unsealed(), 1);
		check_all("while", life);
		memdisk_kill(&rig);
		no_footer(segment);
		check_second("after life", life);
		/* From the second life on the bytes are as they were written. */
		for (unsigned n = 0; n < 2 && !life; n++) {
			memdisk.now[at[n]] ^= 1;
			memdisk.medium[at[n]] ^= 1;
		}
	}
	/* And when the block can be written again, and is. */
	memdisk_no_fails();
	for (unsigned life = 0; life < 2; life++) {
		memdisk_power_on(&rig);
		assert_int_equal(unsealed(), 0);
		check_all("after", life);
		memdisk_kill(&rig);
		check_second("after a good life", life);
	}
}

static int note_highest(const struct weir_store_entry *entry, void *user)
{
	uint64_t *highest = user;

	if (entry->sequence > *highest)
		*highest = entry->sequence;
	return 0;
}

static uint64_t highest_number(void)
{
	uint64_t highest = 0;

	assert_int_equal(weir_store_list(rig.s, note_highest, &highest), 0);
	return highest;
}

/* The last record is dropped. Its number is not given to another one: its bytes may come back. */
static void dropped_numbers_stay_dropped(void **state)
{
	uint64_t last;

	(void)state;
	for (uint64_t key = 0; key < 3; key++)
		assert_int_equal(rig_put(&rig, key, 1, VALUE, key < 2 ? WEIR_PUT_DURABLE : 0), 0);
	last = highest_number();
	memdisk_kill(&rig);
	memdisk.now[payload_at(2, 1)] ^= 1;
	memdisk_power_on(&rig);
	assert_int_equal(rig_version(&rig, 2, 3, VALUE), 0);
	assert_int_equal(highest_number(), last - 1);
	assert_int_equal(rig_put(&rig, 2, 2, VALUE, 0), 0);
	assert_true(highest_number() > last);
	memdisk_kill(&rig);
}

/* Damages the headers of all segments that are not in use. */
static void damage_free_headers(void)
{
	for (uint64_t at = FIRST; at < IMAGE - FIRST; at += SEGMENT) {
		struct disk_segment *header = (struct disk_segment *)(memdisk.now + at);

		if (le32toh(header->state) == DISK_FREE)
			memset(header, 0, sizeof(*header));
	}
	memcpy(memdisk.medium, memdisk.now, memdisk.bytes);
}

/* Numbers go on from the highest one that footers tell, also where no header tells it. */
static void numbers_go_on(void **state)
{
	(void)state;
	for (uint64_t life = 1; life <= 3; life++) {
		uint64_t last = highest_number();

		for (uint64_t key = 0; key < KEYS; key++, last++) {
			assert_int_equal(rig_put(&rig, key, life, VALUE, 0), 0);
			assert_true(highest_number() > last);
		}
		assert_int_equal(memdisk_close(&rig), 0);
		damage_free_headers();
		memdisk_power_on(&rig);
	}
	memdisk_close(&rig);
}

/* Neither the footer nor the header of the segment can be written, so nothing notes what was
 * dropped. Each life drops it again: what later lives have flushed does not vouch for it. */
static void dropped_again_by_each_life(void **state)
{
	uint64_t segment;

	(void)state;
	make_dropped();
	segment = segment_of(payload_at(4, 2));
	fail_place(segment, segment + SEGMENT, -EIO);
	memdisk.fail_leaves = 1;
	for (unsigned life = 0; life < 4; life++) {
		memdisk_power_on(&rig);
		assert_int_equal(unsealed(), 1);
		check_all("in life", life);
		for (unsigned n = 0; n < 3; n++)
			assert_int_equal(rig_put(&rig, 0, expected[0], VALUE, WEIR_PUT_DURABLE), 0);
		memdisk_kill(&rig);
		check_second("after the life", life);
	}
}

/* Key 1 is alive in two streams, as after a power cut that lost its tombstone. WALKED: the segment
 * of the loser has no footer. Returns the segment of the loser. */
static uint64_t make_conflict(int walked)
{
	uint8_t *before = malloc(IMAGE), *after = malloc(IMAGE);
	uint64_t loser;

	for (uint64_t key = 0; key < 8; key++)
		assert_int_equal(
			rig_put(&rig, key, 1, VALUE, RIG_STREAM(key % 2 ? stream_a : stream_b)), 0);
	/* In the first stream an older version lies before the one that loses. */
	assert_int_equal(rig_put(&rig, 1, 2, VALUE, 0), 0);
	assert_int_equal(weir_store_sync(rig.s), 0);
	loser = segment_of(payload_at(1, 2));
	memcpy(before, memdisk.now, IMAGE);
	assert_int_equal(rig_delete(&rig, 1, 0), 0);
	memcpy(after, memdisk.now, IMAGE);
	assert_int_equal(rig_put(&rig, 1, 3, VALUE, RIG_STREAM(stream_b)), 0);
	if (walked)
		memdisk_kill(&rig);
	else
		memdisk_close(&rig);
	/* The tombstone was lost, and all that came later was kept. In a closed store the footer
	 * names the tombstone, so that is struck out of it by hand: a store that was closed here
	 * before the delete has the footer without. */
	for (unsigned at = 0; at < IMAGE; at += 512)
		if (memcmp(before + at, after + at, 512) != 0)
			memcpy(memdisk.now + at, before + at, 512);
	if (!walked) {
		uint64_t winner = segment_of(payload_at(1, 3));

		memcpy(after, memdisk.now, IMAGE);
		memcpy(memdisk.now, before, IMAGE);
		memcpy(memdisk.medium, before, IMAGE);
		memdisk_power_on(&rig);
		memdisk_kill(&rig);
		memcpy(before, memdisk.now, IMAGE);
		memcpy(memdisk.now, after, IMAGE);
		memcpy(memdisk.now + loser, before + loser, SEGMENT);
		assert_true(winner != loser);
	}
	free(before);
	free(after);
	note_image();
	assert_int_equal(expected[1], 3);
	return loser;
}

static void of_a_conflict(void **state)
{
	(void)state;
	make_conflict(1);
	each_write(4);
}

static void of_a_conflict_with_footers(void **state)
{
	(void)state;
	make_conflict(0);
	each_write(3);
}

/* The winner of the conflict is deleted. The loser does not come back, in any life, although the
 * footer that should say so can never be written. */
static void struck_over_lives(int walked, int error)
{
	uint64_t loser = make_conflict(walked);

	for (unsigned life = 0; life < 4; life++) {
		fail_place(loser + SEGMENT - BLOCK, loser + SEGMENT, error);
		memdisk_power_on(&rig);
		if (!life || walked)
			assert_int_equal(unsealed(), 1);
		check_all("while", life);
		if (!life)
			assert_int_equal(rig_delete(&rig, 1, WEIR_PUT_DURABLE), 0);
		expected[1] = 0;
		check_all("after the delete, while", life);
		memdisk_kill(&rig);
		if (walked)
			no_footer(loser);
		check_second("after life", life);
	}
	memdisk_no_fails();
	for (unsigned life = 0; life < 2; life++) {
		memdisk_power_on(&rig);
		check_all("after", life);
		assert_int_equal(rig_put(&rig, 1, 2, VALUE, RIG_STREAM(stream_b)), 0);
		expected[1] = 2;
		check_all("after the put, after", life);
		memdisk_kill(&rig);
	}
}

static void struck_walked(void **state)
{
	(void)state;
	struck_over_lives(1, -EIO);
}

static void struck_in_a_footer(void **state)
{
	(void)state;
	struck_over_lives(0, -EIO);
}

static void struck_without_space(void **state)
{
	(void)state;
	struck_over_lives(1, -ENOSPC);
}

/* Neither the footer nor the header can be written: the store opens read-only, or when the segment
 * is given up. */
static void nothing_of_the_segment(void **state)
{
	uint64_t loser = make_conflict(1);
	struct weir_store_stats stats;

	(void)state;
	fail_place(loser, loser + SEGMENT, -EIO);
	memdisk_on(0);
	assert_int_equal(memdisk_open(&rig), -EIO);
	assert_non_null(strstr(weir_error(), "(salvage)"));
	memdisk_no_fails();
	memdisk_power_on(&rig);
	check_all("after", 0);
	memdisk_kill(&rig);
	memdisk_restore(image);
	fail_place(loser, loser + SEGMENT, -EIO);
	memdisk.salvage = 1;
	memdisk_on(0);
	assert_int_equal(memdisk_open(&rig), 0);
	memdisk.salvage = 0;
	rig_stats(&rig, &stats);
	assert_int_equal(stats.recovered_out_of_use, 1);
	assert_int_equal(rig_version(&rig, 1, 3, VALUE), 3);
	memdisk_kill(&rig);
	memdisk_no_fails();
	memdisk_power_on(&rig);
	rig_stats(&rig, &stats);
	assert_int_equal(stats.recovered_out_of_use, 1);
	assert_int_equal(rig_version(&rig, 1, 3, VALUE), 3);
	memdisk_kill(&rig);
}

/* The power goes at each command of an open whose footer cannot be written. */
static void a_cut_at_each_command(void **state)
{
	uint64_t loser = make_conflict(1), commands;

	(void)state;
	fail_place(loser + SEGMENT - BLOCK, loser + SEGMENT, -EIO);
	memdisk_power_on(&rig);
	commands = memdisk.commands;
	memdisk_power_off(&rig);
	for (uint64_t cut = 1; cut <= commands; cut += EVERY) {
		memdisk_restore(image);
		fail_place(loser + SEGMENT - BLOCK, loser + SEGMENT, -EIO);
		memdisk_on(cut);
		if (!memdisk_open(&rig))
			memdisk_close(&rig);
		memdisk_cut();
		memdisk_power_on(&rig);
		check_all("after a cut, while", (unsigned)cut);
		memdisk_kill(&rig);
	}
	memdisk_no_fails();
}

/* Versions are compared over lives by epoch, then by sequence number: a record of a later life is
 * the newer one, although its number is lower. */
static void an_old_life_with_a_higher_number(void **state)
{
	uint8_t *empty = malloc(IMAGE), *old = malloc(IMAGE);
	uint64_t at;

	(void)state;
	memdisk_close(&rig);
	memcpy(empty, memdisk.now, IMAGE);
	memdisk_power_on(&rig);
	for (uint64_t key = 10; key < 40; key++)
		assert_int_equal(rig_put(&rig, key, 1, VALUE, RIG_STREAM(stream_b)), 0);
	assert_int_equal(rig_put(&rig, 1, 1, VALUE, RIG_STREAM(stream_a)), 0);
	memdisk_close(&rig);
	at = segment_of(payload_at(1, 1));
	memcpy(old, memdisk.now, IMAGE);
	memcpy(memdisk.now, empty, IMAGE);
	memcpy(memdisk.medium, empty, IMAGE);
	for (unsigned life = 0; life < 3; life++) {
		memdisk_power_on(&rig);
		if (life == 2)
			assert_int_equal(rig_put(&rig, 1, 2, VALUE, RIG_STREAM(stream_b)), 0);
		memdisk_close(&rig);
	}
	assert_true(segment_of(payload_at(1, 2)) != at);
	memcpy(memdisk.now + at, old + at, SEGMENT);
	free(empty);
	free(old);
	note_image();
	assert_int_equal(expected[1], 2);
	for (unsigned life = 0; life < 3; life++) {
		memdisk_power_on(&rig);
		check_all("in life", life);
		if (!life)
			assert_int_equal(rig_delete(&rig, 1, 0), 0);
		expected[1] = 0;
		memdisk_close(&rig);
	}
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(of_a_closed_store),
		TEST(of_a_killed_store),
		TEST(dropped_over_lives),
		TEST(dropped_again_by_each_life),
		TEST(dropped_numbers_stay_dropped),
		TEST(numbers_go_on),
		TEST(of_a_conflict),
		TEST(of_a_conflict_with_footers),
		TEST(struck_walked),
		TEST(struck_in_a_footer),
		TEST(struck_without_space),
		TEST(nothing_of_the_segment),
		TEST(a_cut_at_each_command),
		TEST(an_old_life_with_a_higher_number),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
