/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_unmarked.c - a segment whose header block takes no free mark while the store runs: it is put
 * out of use, the store goes on, and nothing that it held comes back in a later life.
 */
#include <errno.h>

#include "memdisk.h"
#include "store/format/format.h"
#include "store/io/io.h"
#include "store/store.h"

#define IMAGE (5u << 19)
#define SEGMENT (64u << 10)
#define FIRST 65536u /* where segment 0 begins */
#define BLOCK 4096u
#define VALUE 3000u
#define KEYS 10u
#define FILL_KEYS (IMAGE / VALUE)

static struct rig rig = { .engine = "posix" };

static int set_up(void **state)
{
	(void)state;
	memdisk_set_up(&rig, IMAGE, SEGMENT, 7);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	memdisk.fails = memdisk.fail_error = 0;
	memdisk_tear_down(&rig);
	return 0;
}

static uint64_t out_of_use(void)
{
	struct weir_store_stats stats;

	rig_stats(&rig, &stats);
	return stats.recovered_out_of_use;
}

/* The first version of each key lies in segment 0; then all are put again, and key 4 is deleted. */
static void put_and_supersede(void)
{
	for (uint64_t version = 1; version <= 2; version++)
		for (uint64_t key = 0; key < KEYS; key++)
			assert_int_equal(rig_put(&rig, key, version, VALUE, WEIR_PUT_DURABLE), 0);
	assert_int_equal(rig_delete(&rig, 4, WEIR_PUT_DURABLE), 0);
}

/* Puts more than the store holds. Returns the first error. */
static int fill(void)
{
	int err = 0;

	for (uint64_t key = 1000; key < 1000 + FILL_KEYS && !err; key++)
		err = rig_put(&rig, key, 1, VALUE, 0);
	return err;
}

/* Lets so many writes of the header blocks of the first SEGMENTS segments fail. */
static void fail_marks(unsigned segments, unsigned times)
{
	memdisk.fail_op = WEIR_OP_WRITE;
	memdisk.fail_from = FIRST;
	memdisk.fail_to = FIRST + (segments - 1) * SEGMENT + BLOCK;
	memdisk.fails = times;
}

/* Each key has its newest version, or has left; the deleted one is not there. */
static void check_keys(void)
{
	for (uint64_t key = 0; key < KEYS; key++) {
		int found = rig_get(&rig, key, 2, VALUE);

		if (found != -ENOENT && (found != 1 || key == 4))
			fail_msg("key %u: %d", (unsigned)key, found);
	}
}

static void is_put_out_of_use(void **state)
{
	uint8_t *was = malloc(SEGMENT);

	(void)state;
	put_and_supersede();
	fail_marks(1, UINT32_MAX);
	assert_int_equal(fill(), 0);
	assert_int_equal(out_of_use(), 1);
	memcpy(was, memdisk.now + FIRST, SEGMENT);
	for (unsigned round = 0; round < 2; round++)
		assert_int_equal(fill(), 0);
	assert_int_equal(out_of_use(), 1);
	assert_int_equal(rig_put(&rig, 5000, 1, VALUE, WEIR_PUT_DURABLE), 0);
	rig_check_counts(rig.s);
	memdisk.fails = 0;
	for (unsigned life = 0; life < 3; life++) {
		memdisk_reopen(&rig);
		assert_int_equal(out_of_use(), 1);
		assert_int_equal(rig_get(&rig, 5000, 1, VALUE), 1);
		check_keys();
	}
	assert_int_equal(fill(), 0);
	assert_memory_equal(memdisk.now + FIRST, was, SEGMENT);
	free(was);
}

/* A write that fails once or twice is tried again. */
static void is_tried_again(void **state)
{
	(void)state;
	put_and_supersede();
	fail_marks(1, 2);
	assert_int_equal(fill(), 0);
	assert_int_equal(memdisk.fails, 0);
	assert_int_equal(out_of_use(), 0);
}

/* One that fails three times is not. */
static void is_not_tried_for_ever(void **state)
{
	(void)state;
	put_and_supersede();
	fail_marks(1, 3);
	assert_int_equal(fill(), 0);
	assert_int_equal(memdisk.fails, 0);
	assert_int_equal(out_of_use(), 1);
}

static unsigned marks_failed;

/* Returns true for free marks only: headers of segments that are begun go well. */
static int is_free_mark(const struct weir_cmd *cmd)
{
	const struct disk_segment *header = cmd->op == WEIR_OP_WRITE ? cmd->iov[0].iov_base : NULL;

	if (!header || cmd->offset < FIRST || (cmd->offset - FIRST) % SEGMENT ||
	    le64toh(header->magic) != DISK_SEGMENT_MAGIC || le32toh(header->state) != DISK_FREE)
		return 0;
	marks_failed++;
	return 1;
}

/* If no free mark can be written, at most a quarter of the segments is put out of use, and at most
 * as many as the table has room for. Then the store stops writing. */
static void a_part_is_put_out(void **state)
{
	const uint64_t *scene = *state; /* bytes of the store, segments put out of use */
	int err = 0;

	memdisk_set_up(&rig, scene[0], SEGMENT, 7);
	memdisk.fails_too = is_free_mark;
	for (unsigned round = 0; round < 8 && !err; round++)
		err = fill();
	assert_true(err == -EROFS || err == -EIO);
	assert_int_equal(out_of_use(), scene[1]);
	memdisk.fails_too = NULL;
	memdisk_reopen(&rig);
	assert_int_equal(out_of_use(), scene[1]);
	assert_int_equal(fill(), 0);
	memdisk_tear_down(&rig);
}

static unsigned writes_later;

/* Stops all writing with the first free mark, which fails; counts the writes that come later. */
static int breaks_at_a_free_mark(const struct weir_cmd *cmd)
{
	if (marks_failed) {
		writes_later += cmd->op == WEIR_OP_WRITE;
		return 0;
	}
	if (!is_free_mark(cmd))
		return 0;
	io_break(&rig.s->io, -EIO);
	return 1;
}

/* Nothing is written after a flush has failed: not once more the free mark that failed too, and no
 * superblock. */
static void nothing_is_tried_when_broken(void **state)
{
	(void)state;
	put_and_supersede();
	marks_failed = writes_later = 0;
	memdisk.fails_too = breaks_at_a_free_mark;
	assert_int_equal(fill(), -EROFS);
	assert_int_equal(memdisk_close(&rig), -EIO);
	memdisk.fails_too = NULL;
	assert_int_equal(marks_failed, 1);
	assert_int_equal(writes_later, 0);
	memdisk_power_on(&rig);
	assert_int_equal(out_of_use(), 0);
}

/* A tenant that is added meanwhile is in the superblock too. */
static void tenants_are_kept(void **state)
{
	uint32_t stream[8], again;
	char name[2] = "a";
	unsigned n;

	(void)state;
	put_and_supersede();
	fail_marks(1, UINT32_MAX);
	for (n = 0; n < 8; n++) {
		name[0] = (char)('a' + n);
		for (uint64_t key = 0; key < FILL_KEYS / 8; key++)
			assert_int_equal(rig_put(&rig, 1000 + n * 100 + key, 1, VALUE, 0), 0);
		assert_true(weir_store_add_tenant(rig.s, name, &stream[n]) >= 0);
	}
	assert_int_equal(fill(), 0);
	assert_int_equal(out_of_use(), 1);
	memdisk.fails = 0;
	memdisk_reopen(&rig);
	assert_int_equal(out_of_use(), 1);
	for (n = 0; n < 8; n++) {
		name[0] = (char)('a' + n);
		assert_true(weir_store_add_tenant(rig.s, name, &again) >= 0);
		assert_int_equal(again, stream[n]);
	}
}

/* With many bad blocks the store stops writing, and what it has can be read. */
static void many_stop_writing(void **state)
{
	int err = 0;

	(void)state;
	put_and_supersede();
	assert_int_equal(fill(), 0);
	fail_marks(IMAGE / SEGMENT, UINT32_MAX);
	for (unsigned round = 0; round < 3 && !err; round++)
		err = fill();
	assert_true(err == -EROFS || err == -EIO);
	check_keys();
	memdisk.fails = 0;
	memdisk_reopen(&rig);
	check_keys();
	assert_int_equal(fill(), 0);
}

/* A full filesystem is no bad block. */
static void no_space_below(void **state)
{
	(void)state;
	put_and_supersede();
	fail_marks(1, UINT32_MAX);
	memdisk.fail_error = -ENOSPC;
	assert_int_equal(fill(), -ENOSPC);
	assert_int_equal(out_of_use(), 0);
	memdisk.fails = memdisk.fail_error = 0;
	memdisk_reopen(&rig);
	assert_int_equal(fill(), 0);
	assert_int_equal(out_of_use(), 0);
}

/* The power goes at each command around the change of the superblock. */
static void power_cuts(void **state)
{
	uint8_t *image = malloc(IMAGE);
	uint64_t commands;

	(void)state;
	put_and_supersede();
	memdisk_close(&rig);
	memcpy(image, memdisk.now, IMAGE);
	memdisk_power_on(&rig);
	fail_marks(1, UINT32_MAX);
	assert_int_equal(fill(), 0);
	assert_int_equal(out_of_use(), 1);
	commands = memdisk.commands;
	memdisk.fails = 0;
	memdisk_power_off(&rig);
	for (uint64_t cut = 20; cut < commands; cut += 23 * RIG_EVERY) {
		memcpy(memdisk.now, image, IMAGE);
		memcpy(memdisk.medium, image, IMAGE);
		fail_marks(1, UINT32_MAX);
		memdisk_on(cut);
		if (!memdisk_open(&rig)) {
			(void)fill();
			memdisk_close(&rig);
		}
		memdisk.fails = 0;
		memdisk_cut();
		memdisk_power_on(&rig);
		check_keys();
		memdisk_power_off(&rig);
	}
	free(image);
	memdisk_power_on(&rig);
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	static uint64_t small[] = { IMAGE, 9 }, large[] = { 8u << 20, DISK_OUT_MAX };
	const struct CMUnitTest tests[] = {
		TEST(is_put_out_of_use),
		TEST(is_tried_again),
		TEST(is_not_tried_for_ever),
		TEST(nothing_is_tried_when_broken),
		{ "a_part_is_put_out", a_part_is_put_out, NULL, NULL, small },
		{ "as_many_are_put_out_as_the_table_has_room_for", a_part_is_put_out, NULL, NULL,
		  large },
		TEST(tenants_are_kept),
		TEST(many_stop_writing),
		TEST(no_space_below),
		TEST(power_cuts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
