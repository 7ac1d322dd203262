/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_drive_errors.c - a drive refuses commands, times out and is reset: each io of such a
 * command gets the error, in the words of the drive, and no other io does.
 */
#include <errno.h>
#include <string.h>

#include "blocks.h"

#define WRITE_FAULT 0x4280
#define ABORTED 0x371 /* by the host, which gave up waiting or reset the controller */

static void fail_at(uint64_t offset, int error, uint16_t status)
{
	rig.fail_offset = offset;
	rig.fail_error = error;
	rig.fail_status = status;
}

static void check_says(const struct weir_io *io, const char *words)
{
	char text[256];

	assert_string_equal(weir_io_strerror(io, text, sizeof(text)), words);
}

static void an_io_that_the_drive_refuses_for_good(void **state)
{
	(void)state;
	blocks_reset(0);
	blocks_open("none");
	blocks_make(W, 1, 2);
	blocks_make(W, 4, 5);
	fail_at(BLOCK, -EIO, WRITE_FAULT);
	blocks_give(0);
	blocks_close();
	assert_int_equal(blocks_io[0].result, -EIO);
	assert_int_equal(blocks_io[0].status, WRITE_FAULT);
	check_says(&blocks_io[0],
		   "write at 0x1000+4096: Write Fault (SCT 0x2 SC 0x80), do not retry");
	assert_int_equal(blocks_io[1].result, 0);
	assert_int_equal(blocks_io[1].status, 0);
}

/* One command of three ios on a drive that is reset; beside it one that completes. */
static void reset_under_merged_ios(void **state)
{
	(void)state;
	blocks_reset(0);
	blocks_open("none");
	blocks_make(W, 3, 6);
	blocks_make(W, 7, 9);
	blocks_make(W, 6, 7);
	blocks_make(W, 20, 21);
	blocks_stage(0);
	assert_int_equal(rig.nr_log, 2);
	fail_at(3ull * BLOCK, -EIO, ABORTED);
	blocks_close();
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(blocks_io[i].result, -EIO);
		assert_int_equal(blocks_io[i].status, ABORTED);
	}
	check_says(&blocks_io[1],
		   "write at 0x7000+8192: Command Aborted By Host (SCT 0x3 SC 0x71), "
		   "outcome unknown");
	assert_int_equal(blocks_io[3].result, 0);
	assert_int_equal(blocks_io[3].status, 0);
	assert_int_equal(blocks_nr_ends, 4);
}

/* The kernel gives up a part of an io: the other parts complete, and the io fails. */
static void timeout_of_a_part(void **state)
{
	(void)state;
	blocks_reset(2);
	rig.info.max_hw_bytes = rig.info.max_io_bytes = 4 * BLOCK;
	blocks_open("none");
	blocks_make(R, 8, 18);
	fail_at(12ull * BLOCK, -EINTR, 0);
	blocks_give(0);
	blocks_close();
	assert_int_equal(rig.nr_log, 3);
	assert_int_equal(blocks_io[0].result, -EINTR);
	assert_int_equal(blocks_io[0].status, 0);
	check_says(&blocks_io[0],
		   "read at 0x8000+40960 (its part at 0xc000): cancelled (timeout or "
		   "reset of the drive), outcome unknown");
	assert_int_equal(blocks_nr_ends, 1);
}

/* No error stays in an io that is used again. */
static void an_io_that_failed_may_succeed_later(void **state)
{
	(void)state;
	blocks_reset(2);
	rig.hold = false;
	blocks_open("none");
	blocks_make(W, 1, 2);
	fail_at(BLOCK, -EIO, WRITE_FAULT);
	blocks_give(0);
	assert_int_equal(weir_queue_wait(rig.q), 0);
	assert_int_equal(blocks_io[0].status, WRITE_FAULT);
	fail_at(0, 0, 0);
	blocks_give(0);
	assert_int_equal(weir_queue_wait(rig.q), 0);
	assert_int_equal(blocks_io[0].result, 0);
	assert_int_equal(blocks_io[0].status, 0);
	rig_close();
	check_says(&blocks_io[0], "write at 0x1000+4096: success");
}

/* An errno of a block device for bad blocks has another meaning for readers of results. */
static void medium_error_of_a_block_device(void **state)
{
	(void)state;
	blocks_reset(0);
	blocks_open("none");
	blocks_make(R, 1, 2);
	blocks_make(R, 4, 5);
	fail_at(BLOCK, -ENODATA, 0);
	blocks_give(0);
	blocks_close();
	assert_int_equal(blocks_io[0].result, -EIO);
	assert_int_equal(blocks_io[0].cause, ENODATA);
	assert_int_equal(blocks_io[1].result, 0);
	assert_int_equal(blocks_io[1].cause, 0);
	check_says(
		&blocks_io[0],
		"read at 0x1000+4096: medium error: the drive cannot read these blocks (ENODATA)");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_io_that_the_drive_refuses_for_good),
		cmocka_unit_test(reset_under_merged_ios),
		cmocka_unit_test(timeout_of_a_part),
		cmocka_unit_test(an_io_that_failed_may_succeed_later),
		cmocka_unit_test(medium_error_of_a_block_device),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
