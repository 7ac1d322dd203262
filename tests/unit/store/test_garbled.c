/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_garbled.c - one read of an open or a check brings other bytes than lie on the drive: nothing
 * counts as damaged, nothing is lost, and no record comes back. What does not verify is read once
 * more, whatever it is: superblocks, headers and the strikes behind them, footers, batches,
 * payloads.
 */
#include <errno.h>
#include <stdio.h>

#include "memdisk.h"
#include "store/format/format.h"

#define IMAGE (5u << 19)
#define SEGMENT (64u << 10)
#define FIRST 65536u /* where segment 0 begins */
#define BLOCK 4096u
#define VALUE 3000u
#define KEYS 59u

static struct rig rig = { .engine = "posix" };
static uint8_t *image;
static uint64_t expected[KEYS];

/* Which read is garbled, and at which byte; the last byte if it has fewer. */
static unsigned garbled, reads;
static size_t garbled_byte;
static uint64_t garbled_at;
static bool wrote;
/* A place of which so many reads are garbled; the others fail. */
static uint64_t place;
static unsigned place_times, place_reads;

static int set_up(void **state)
{
	(void)state;
	rig_make(&rig, IMAGE, SEGMENT, BLOCK);
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

static void kill_process(void)
{
	memdisk_kill(&rig);
	memcpy(memdisk.medium, memdisk.now, memdisk.bytes);
}

static void garble(const struct weir_cmd *cmd, int ended)
{
	size_t at = garbled_byte < cmd->length ? garbled_byte : cmd->length - 1;

	wrote = wrote || cmd->op == WEIR_OP_WRITE;
	if (!ended || cmd->op != WEIR_OP_READ)
		return;
	if (reads++ != garbled)
		return;
	garbled_at = cmd->offset + at;
	((uint8_t *)cmd->iov[0].iov_base)[at] ^= 0x80;
}

static bool is_there(const struct weir_cmd *cmd)
{
	return cmd->op == WEIR_OP_READ && cmd->offset <= place && cmd->offset + cmd->length > place;
}

static void garble_place(const struct weir_cmd *cmd, int ended)
{
	if (ended && is_there(cmd) && place_reads++ < place_times)
		((uint8_t *)cmd->iov[0].iov_base)[place - cmd->offset] ^= 0x80;
}

static int fails_place(const struct weir_cmd *cmd)
{
	return is_there(cmd) && place_reads >= place_times;
}

/* Opens the image while the first TIMES reads of the byte AT bring another one, and the others
 * fail. Returns the result. */
static int open_place(uint64_t at, unsigned times)
{
	int err;

	memdisk_restore(image);
	memdisk_on(0);
	place = at;
	place_times = times;
	place_reads = 0;
	memdisk.watch = garble_place;
	memdisk.fails_too = fails_place;
	err = memdisk_open(&rig);
	memdisk.watch = NULL;
	memdisk.fails_too = NULL;
	return err;
}

/* What a recovery has found. */
static struct weir_store_stats found(void)
{
	struct weir_store_stats stats;

	rig_stats(&rig, &stats);
	return stats;
}

/* Notes the image of the store, whose process was killed, and what an undisturbed open finds. */
static struct weir_store_stats note_image(void)
{
	struct weir_store_stats stats;

	free(image);
	image = malloc(memdisk.bytes);
	memcpy(image, memdisk.now, memdisk.bytes);
	memdisk_power_on(&rig);
	stats = found();
	for (uint64_t key = 0; key < KEYS; key++)
		expected[key] = rig_version(&rig, key, 2, VALUE);
	kill_process();
	return stats;
}

static void compare(const char *what, uint64_t is, uint64_t was)
{
	if (is != was)
		fail_msg("read %u garbled at byte %zu (0x%llx): %s %llu, not %llu", garbled,
			 garbled_byte, (unsigned long long)garbled_at, what, (unsigned long long)is,
			 (unsigned long long)was);
}

/* Opens the image while its read number GARBLED brings another byte. Returns false if the open
 * needs fewer reads. */
static bool open_garbled(const struct weir_store_stats *want)
{
	struct weir_store_stats is;
	unsigned used;

	memdisk_restore(image);
	reads = 0;
	garbled_at = 0;
	memdisk.watch = garble;
	memdisk_power_on(&rig);
	memdisk.watch = NULL;
	used = reads;
	is = found();
	compare("damaged headers:", is.recovered_bad_headers, want->recovered_bad_headers);
	compare("damaged footers:", is.recovered_bad_footers, want->recovered_bad_footers);
	compare("open segments:", is.recovered_open_segments, want->recovered_open_segments);
	compare("dropped records:", is.recovered_dropped_records, want->recovered_dropped_records);
	compare("skipped blocks:", is.recovered_skipped_blocks, want->recovered_skipped_blocks);
	compare("bad superblocks:", is.recovered_bad_superblocks, want->recovered_bad_superblocks);
	compare("entries:", is.entries, want->entries);
	for (uint64_t key = 0; key < KEYS; key++)
		compare("a key has version", rig_version(&rig, key, 2, VALUE), expected[key]);
	kill_process();
	return used > garbled;
}

/* Garbles each read of an open of the image, at many bytes. */
static void each_read(const struct weir_store_stats *want)
{
	static const size_t bytes[] = { 0,
					8, /* the version of a superblock */
					20,
					offsetof(struct disk_segment, checksum),
					sizeof(struct disk_segment),
					sizeof(struct disk_segment) + 20,
					1000,
					BLOCK - sizeof(struct disk_trailer),
					BLOCK - sizeof(struct disk_trailer) + 20,
					BLOCK + 3,
					2 * BLOCK + 1000,
					SIZE_MAX };
	unsigned rounds = 0;

	for (unsigned n = 0; n < sizeof(bytes) / sizeof(bytes[0]); n++) {
		garbled_byte = bytes[n];
		for (garbled = 0; open_garbled(want); garbled += RIG_EVERY)
			rounds++;
	}
	assert_true(rounds > 40 * sizeof(bytes) / sizeof(bytes[0]) / RIG_EVERY);
}

static void compare_check(const struct weir_check_result *is, const struct weir_check_result *want)
{
	compare("damage:", is->damage, want->damage);
	compare("notes:", is->notes, want->notes);
	compare("unreadable:", is->unreadable, want->unreadable);
	compare("used segments:", is->used_segments, want->used_segments);
	compare("unsealed segments:", is->unsealed_segments, want->unsealed_segments);
	compare("records:", is->records, want->records);
	compare("struck:", is->struck, want->struck);
	compare("entries:", is->entries, want->entries);
	assert_memory_equal(is, want, sizeof(*is));
}

/* Checks the image, with its payloads if DATA, while read number GARBLED brings another byte. It
 * would repair what is intact. Returns false if the check needs fewer reads. */
static bool check_garbled(uint32_t data, const struct weir_check_result *want)
{
	struct weir_check_opts opts = WEIR_CHECK_OPTS_INIT;
	struct weir_check_result is;

	opts.data = data;
	opts.repair = !want->damage;
	reads = 0;
	garbled_at = 0;
	wrote = false;
	memdisk.watch = garble;
	assert_int_equal(memdisk_check(&rig, &opts, &is), 0);
	memdisk.watch = NULL;
	compare_check(&is, want);
	/* Nothing is repaired that is intact. */
	assert_false(wrote);
	return reads > garbled;
}

/* Garbles each read of a check of the image, which finds so much DAMAGE, at many bytes. */
static void each_read_of_check(uint32_t data, uint64_t damage)
{
	static const size_t bytes[] = { 0,
					20,
					sizeof(struct disk_segment),
					sizeof(struct disk_segment) + 20,
					1000,
					BLOCK - sizeof(struct disk_trailer),
					BLOCK,
					BLOCK + 100,
					2 * BLOCK + 1000,
					5 * BLOCK + 100,
					SEGMENT - BLOCK + 20,
					SEGMENT - sizeof(struct disk_trailer),
					SIZE_MAX };
	struct weir_check_opts opts = WEIR_CHECK_OPTS_INIT;
	struct weir_check_result want;

	opts.data = data;
	memdisk_restore(image);
	memdisk_on(0);
	assert_int_equal(memdisk_check(&rig, &opts, &want), 0);
	assert_int_equal(want.damage, damage);
	assert_true(want.records >= KEYS);
	for (unsigned n = 0; n < sizeof(bytes) / sizeof(bytes[0]); n++) {
		garbled_byte = bytes[n];
		for (garbled = 0; check_garbled(data, &want); garbled += RIG_EVERY)
			;
		assert_true(garbled > 40);
	}
}

static void of_a_closed_store(void **state)
{
	struct weir_store_stats want;

	(void)state;
	for (uint64_t key = 0; key < KEYS; key++)
		assert_int_equal(rig_put(&rig, key, 1, VALUE, 0), 0);
	assert_int_equal(rig_delete(&rig, 9, 0), 0);
	assert_int_equal(memdisk_close(&rig), 0);
	memcpy(memdisk.medium, memdisk.now, memdisk.bytes);
	want = note_image();
	each_read(&want);
	each_read_of_check(1, 0);
}

/* Segments without a footer are walked, and payloads verified that no flush covered. */
static void of_a_killed_store(void **state)
{
	struct weir_store_stats want;

	(void)state;
	for (uint64_t key = 0; key < KEYS; key++)
		assert_int_equal(rig_put(&rig, key, 1, VALUE, WEIR_PUT_DURABLE), 0);
	for (uint64_t key = 3; key < 6; key++)
		assert_int_equal(rig_put(&rig, key, 2, VALUE, 0), 0);
	kill_process();
	want = note_image();
	assert_int_equal(expected[3], 2);
	each_read(&want);
	each_read_of_check(0, 0);
	each_read_of_check(1, 0);
}

/* A header of an earlier life came back. That is told by the batch behind it, which is newer, so a
 * read of that batch counts as much as one of the header. */
static void of_a_stale_header(void **state)
{
	uint8_t earlier[BLOCK];

	(void)state;
	for (uint64_t key = 0; key < KEYS; key++)
		assert_int_equal(rig_put(&rig, key, 1, VALUE, 0), 0);
	memcpy(earlier, memdisk.now + FIRST, BLOCK);
	for (uint64_t version = 2; version < 9; version++)
		for (uint64_t key = 0; key < KEYS; key++)
			assert_int_equal(rig_put(&rig, key, version, VALUE, 0), 0);
	assert_int_equal(memdisk_close(&rig), 0);
	assert_memory_not_equal(memdisk.now + FIRST, earlier, BLOCK);
	memcpy(memdisk.now + FIRST, earlier, BLOCK);
	image = malloc(memdisk.bytes);
	memcpy(image, memdisk.now, memdisk.bytes);
	each_read_of_check(0, 1);
}

/* Returns where version 2 of KEY lies on the drive. */
static uint64_t newest_at(uint64_t key)
{
	uint8_t value[VALUE];

	rig_value(key, 2, value, sizeof(value));
	for (uint64_t at = FIRST; at < IMAGE; at += BLOCK)
		if (!memcmp(memdisk.now + at, value, sizeof(value)))
			return at;
	fail_msg("key %u has no version 2", (unsigned)key);
	return 0;
}

/*
 * Version 2 of keys 3 and 5 came back wrong in a life, which dropped them for good, in the footer
 * of their segment or, if that cannot be written, behind its header. Now their bytes are right
 * again. Returns the segment.
 */
static uint64_t make_dropped(bool sealed)
{
	uint64_t at[2], segment;

	for (uint64_t key = 0; key < KEYS; key++)
		assert_int_equal(rig_put(&rig, key, 1, VALUE, WEIR_PUT_DURABLE), 0);
	for (uint64_t key = 3; key < 6; key++)
		assert_int_equal(rig_put(&rig, key, 2, VALUE, 0), 0);
	kill_process();
	for (unsigned n = 0; n < 2; n++)
		at[n] = newest_at(n ? 5 : 3);
	segment = FIRST + (at[0] - FIRST) / SEGMENT * SEGMENT;
	for (unsigned n = 0; n < 2; n++)
		memdisk.now[at[n]] ^= 1;
	if (!sealed) {
		memdisk.fail_op = WEIR_OP_WRITE;
		memdisk.fail_leaves = 1;
		memdisk.fail_from = segment + SEGMENT - BLOCK;
		memdisk.fail_to = segment + SEGMENT;
		memdisk.fails = UINT32_MAX;
	}
	memdisk_power_on(&rig);
	assert_int_equal(found().recovered_dropped_records, 2);
	assert_int_equal(found().recovered_unsealed, !sealed);
	kill_process();
	memdisk_no_fails();
	for (unsigned n = 0; n < 2; n++)
		memdisk.now[at[n]] ^= 1;
	memcpy(memdisk.medium, memdisk.now, memdisk.bytes);
	return segment;
}

static void check_dropped(const struct weir_store_stats *want)
{
	assert_int_equal(want->recovered_dropped_records, 0);
	assert_int_equal(expected[3], 1);
	assert_int_equal(expected[4], 2);
	assert_int_equal(expected[5], 1);
}

/* The strikes behind a header say which records were dropped. */
static void of_strikes(void **state)
{
	struct weir_store_stats want;

	(void)state;
	make_dropped(false);
	want = note_image();
	check_dropped(&want);
	each_read(&want);
	each_read_of_check(1, 0);
}

/* A footer leaves out which records were dropped. */
static void of_a_footer(void **state)
{
	struct weir_store_stats want;

	(void)state;
	make_dropped(true);
	want = note_image();
	check_dropped(&want);
	each_read(&want);
	each_read_of_check(0, 0);
}

/* Strikes that do not verify in two reads are damaged, and counted like the footer that they
 * replace; the header stays valid. */
static void strikes_that_are_damaged(void **state)
{
	uint64_t segment;

	(void)state;
	segment = make_dropped(false);
	note_image();
	assert_int_equal(open_place(segment + sizeof(struct disk_segment) + 20, 2), 0);
	assert_int_equal(found().recovered_bad_footers, 1);
	assert_int_equal(found().recovered_bad_headers, 0);
	assert_int_equal(found().rereads, 1);
	for (uint64_t key = 0; key < KEYS; key++)
		assert_int_equal(rig_version(&rig, key, 2, VALUE), key >= 3 && key < 6 ? 2 : 1);
	kill_process();
}

/* Checks the image while the first read of the byte AT brings another one, and the others fail:
 * what is there cannot be read, and nothing else is damaged. */
static void check_place(uint64_t at)
{
	struct weir_check_opts opts = WEIR_CHECK_OPTS_INIT;
	struct weir_check_result result;

	memdisk_restore(image);
	memdisk_on(0);
	place = at;
	place_times = 1;
	place_reads = 0;
	memdisk.watch = garble_place;
	memdisk.fails_too = fails_place;
	assert_int_equal(memdisk_check(&rig, &opts, &result), 0);
	memdisk.watch = NULL;
	memdisk.fails_too = NULL;
	assert_true(result.unreadable > 0);
	assert_int_equal(result.damage, result.unreadable);
}

/* What did not verify cannot be read once more: nobody knows what is there, so the open fails, and
 * has written nothing. A check says that it cannot be read. */
static void no_second_read(void **state)
{
	uint64_t segment;

	(void)state;
	segment = make_dropped(false);
	note_image();
	for (unsigned n = 0; n < 3; n++) {
		const uint64_t at[] = { segment + sizeof(struct disk_segment) + 20, segment + 20,
					FIRST + SEGMENT - sizeof(struct disk_trailer) + 20 };

		assert_int_equal(open_place(at[n], 1), -EIO);
		if (!strstr(weir_error(), n < 2 ? "header of segment" : "footer of segment"))
			fail_msg("%s", weir_error());
		assert_memory_equal(memdisk.now, image, memdisk.bytes);
		check_place(at[n]);
	}
	check_place(0);
	check_place(FIRST + BLOCK + 20);
	memdisk_restore(image);
	memdisk_power_on(&rig);
	for (uint64_t key = 0; key < KEYS; key++)
		assert_int_equal(rig_version(&rig, key, 2, VALUE), expected[key]);
	kill_process();
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(of_a_closed_store), TEST(of_a_killed_store), TEST(of_a_stale_header),
		TEST(of_strikes),	 TEST(of_a_footer),	  TEST(strikes_that_are_damaged),
		TEST(no_second_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
