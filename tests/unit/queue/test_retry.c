/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_retry.c - a merged command that fails: its ios go once more, each by itself, and each ends
 * with its own result.
 */
#include <errno.h>
#include <string.h>

#include "op_stats.h"
#include "blocks.h"

#define IOS 8u
#define BAD 5u
#define UNREAD 0x11
#define READ_ERROR 0x4281 /* unrecovered read error, do not retry */
#define ABORTED_BY_HOST 0x371

static void bad_block(unsigned block, int error, uint16_t status)
{
	rig.fail_covers = true;
	rig.fail_offset = block * (uint64_t)BLOCK;
	rig.fail_error = error;
	rig.fail_status = status;
}

/* Submits IOS adjacent ios of a block each, which become one command. */
static void give_merged(uint8_t op)
{
	memset(blocks_memory, UNREAD, sizeof(blocks_memory));
	for (unsigned i = 0; i < IOS; i++)
		blocks_make(op, i, i + 1);
	blocks_stage(0);
	assert_int_equal(rig.nr_log, 1);
}

static void check_each(uint8_t op)
{
	char words[256];

	for (unsigned i = 0; i < IOS; i++) {
		assert_int_equal(blocks_io[i].result, i == BAD ? -EIO : 0);
		assert_int_equal(blocks_io[i].status, i == BAD ? READ_ERROR : 0);
		if (op == R && i != BAD)
			assert_int_equal((uint8_t)blocks_memory[2 * i][0], 0xa5);
	}
	weir_io_strerror(&blocks_io[BAD], words, sizeof(words));
	assert_non_null(strstr(words, "at 0x5000+4096: "));
}

static void one_bad_block(uint8_t op, const char *scheduler)
{
	struct weir_queue_stats stats;

	blocks_reset(0);
	blocks_open_retrying(scheduler);
	bad_block(BAD, -EIO, READ_ERROR);
	give_merged(op);
	rig.hold = false;
	assert_int_equal(weir_queue_wait(rig.q), 0);
	/* Each once, in order. */
	assert_int_equal(rig.nr_log, 1 + IOS);
	for (unsigned i = 0; i < IOS; i++)
		blocks_expect_cmd(1 + i, i, i + 1);
	check_each(op);
	stats = blocks_stats();
	assert_int_equal(stats.retried_merges, 1);
	assert_int_equal(stats.requests, 1 + IOS);
	assert_int_equal(op_stats(rig.q, op).errors, 1);
	assert_int_equal(stats.in_flight, 0);
	/* The tag is free again: all tags can be taken. */
	bad_block(0, 0, 0);
	for (unsigned turn = 0; turn < 600; turn++)
		assert_int_equal(weir_queue_submit(rig.q, &blocks_io[turn % IOS]) ||
					 weir_io_wait(rig.q, &blocks_io[turn % IOS], UINT64_MAX),
				 0);
	rig_close();
}

static void only_the_bad_one_fails(void **state)
{
	(void)state;
	for (unsigned i = 0; i < BLOCKS_SCHEDULERS; i++) {
		one_bad_block(R, blocks_schedulers[i]);
		one_bad_block(W, blocks_schedulers[i]);
		one_bad_block(D, blocks_schedulers[i]);
	}
}

/* With one tag, and with room for one command: a retry needs no more. */
static void with_one_tag(void **state)
{
	(void)state;
	blocks_reset(0);
	blocks_open_retrying("none");
	assert_int_equal(weir_queue_set_depth(rig.q, 1), 0);
	assert_int_equal(weir_queue_set_depth_bytes(rig.q, 1), 0);
	bad_block(BAD, -EIO, READ_ERROR);
	give_merged(R);
	/* Other ios arrive meanwhile, and none is merged with them. */
	for (unsigned i = 0; i < IOS; i++)
		blocks_make(R, IOS + i, IOS + i + 1);
	blocks_stage(IOS);
	rig.hold = false;
	assert_int_equal(weir_queue_wait(rig.q), 0);
	check_each(R);
	for (unsigned i = IOS; i < 2 * IOS; i++)
		assert_int_equal(blocks_io[i].result, 0);
	assert_int_equal(rig.nr_log, 2 + IOS);
	rig_close();
}

static void fails_as_one(int error, uint16_t status, bool retrying)
{
	blocks_reset(0);
	if (retrying)
		blocks_open_retrying("none");
	else
		blocks_open("none");
	bad_block(BAD, error, status);
	give_merged(W);
	rig.hold = false;
	assert_int_equal(weir_queue_wait(rig.q), 0);
	assert_int_equal(rig.nr_log, 1);
	for (unsigned i = 0; i < IOS; i++)
		assert_int_equal(blocks_io[i].result, error);
	assert_int_equal(blocks_stats().retried_merges, 0);
	rig_close();
}

/* Cases without a retry: not requested; cancelled; the drive is gone. */
static void not_tried_again(void **state)
{
	(void)state;
	fails_as_one(-EIO, READ_ERROR, false);
	fails_as_one(-EINTR, 0, true);
	fails_as_one(-EIO, ABORTED_BY_HOST, true);
	fails_as_one(-ENODEV, 0, true);
}

/* The kernel's errno for a bad block. */
static void a_medium_error_of_a_block_device(void **state)
{
	(void)state;
	blocks_reset(0);
	blocks_open_retrying("none");
	bad_block(BAD, -ENODATA, 0);
	give_merged(R);
	rig.hold = false;
	assert_int_equal(weir_queue_wait(rig.q), 0);
	for (unsigned i = 0; i < IOS; i++)
		assert_int_equal(blocks_io[i].result, i == BAD ? -EIO : 0);
	rig_close();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_the_bad_one_fails),
		cmocka_unit_test(with_one_tag),
		cmocka_unit_test(not_tried_again),
		cmocka_unit_test(a_medium_error_of_a_block_device),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
