/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How a command continues after a part of it was moved. This code is pure: each way to split small
 * arrays is tried.
 */
#include <errno.h>
#include <string.h>

#include "engine/progress.h"
#include "rig.h"

static char memory[64];

/* Sets IOV to pieces with the lengths in LENS over memory[]; returns their sum. */
static size_t lay_out(struct iovec *iov, const size_t *lens, uint32_t n)
{
	size_t sum = 0;

	for (uint32_t i = 0; i < n; i++) {
		iov[i].iov_base = memory + sum;
		iov[i].iov_len = lens[i];
		sum += lens[i];
	}
	return sum;
}

/* Checks that the bytes that are left, in order, are exactly those after the first MOVED. */
static void check_left(const struct iovec *iov, uint32_t n, size_t moved, size_t sum)
{
	size_t at = moved;

	for (uint32_t i = 0; i < n; i++) {
		if (!iov[i].iov_len)
			continue;
		assert_ptr_equal(iov[i].iov_base, memory + at);
		at += iov[i].iov_len;
	}
	assert_int_equal(at, sum);
}

/* Each array of 1 to 4 pieces of 0 to 4 bytes, advanced by every A and then every B. */
static void iov_every_way(void **state)
{
	struct iovec iov[4];
	size_t lens[4], sum;

	(void)state;
	for (uint32_t n = 1; n <= 4; n++)
		for (unsigned code = 0; code < 625; code++) {
			for (unsigned i = 0, c = code; i < 4; i++, c /= 5)
				lens[i] = c % 5;
			sum = lay_out(iov, lens, n);
			for (size_t a = 0; a <= sum; a++)
				for (size_t b = 0; a + b <= sum; b++) {
					lay_out(iov, lens, n);
					progress_iov_advance(iov, n, a);
					check_left(iov, n, a, sum);
					progress_iov_advance(iov, n, b);
					check_left(iov, n, a + b, sum);
				}
		}
}

static void pieces_skip_the_empty(void **state)
{
	size_t lens[4] = { 4, 4, 4, 4 };
	struct iovec iov[4], *first;
	struct weir_cmd cmd = { .iov = iov, .iovcnt = 4 };

	(void)state;
	lay_out(iov, lens, 4);
	assert_int_equal(progress_pieces(&cmd, &first, 1024), 4);
	assert_ptr_equal(first, iov);
	progress_iov_advance(iov, 4, 9);
	assert_int_equal(progress_pieces(&cmd, &first, 1024), 2);
	assert_ptr_equal(first, iov + 2);
	assert_int_equal(progress_pieces(&cmd, &first, 1), 1);
	progress_iov_advance(iov, 4, 7);
	assert_int_equal(progress_pieces(&cmd, &first, 1024), 1);
	assert_ptr_equal(first, iov + 3);
}

static void start(struct weir_cmd *cmd, struct iovec *iov, enum weir_op op)
{
	memset(cmd, 0, sizeof(*cmd));
	iov->iov_base = memory;
	iov->iov_len = 64;
	cmd->op = (uint8_t)op;
	cmd->length = 64;
	cmd->iov = iov;
	cmd->iovcnt = 1;
	cmd->result = 1;
}

static void short_goes_on(void **state)
{
	struct weir_cmd cmd;
	struct iovec iov;

	(void)state;
	start(&cmd, &iov, WEIR_OP_READ);
	assert_int_equal(progress_moved(&cmd, 16, 16), PROGRESS_AGAIN);
	assert_int_equal(cmd.e_done, 16);
	assert_int_equal(cmd.resubmits, 1);
	assert_ptr_equal(iov.iov_base, memory + 16);
	/* A block that was moved partly does not count. */
	assert_int_equal(progress_moved(&cmd, 25, 16), PROGRESS_AGAIN);
	assert_int_equal(cmd.e_done, 32);
	assert_int_equal(iov.iov_len, 32);
	assert_int_equal(progress_moved(&cmd, 32, 16), PROGRESS_ENDED);
	assert_int_equal(cmd.result, 0);
	assert_int_equal(cmd.resubmits, 2);
	/* Neither the place nor the size of the command has changed. */
	assert_int_equal(cmd.length, 64);
	assert_int_equal(cmd.offset, 0);
}

static void no_block_is_an_error(void **state)
{
	struct weir_cmd cmd;
	struct iovec iov;

	(void)state;
	for (int64_t res = 0; res < 16; res++) {
		start(&cmd, &iov, WEIR_OP_READ);
		assert_int_equal(progress_moved(&cmd, res, 16), PROGRESS_ENDED);
		assert_int_equal(cmd.result, -ENODATA);
		start(&cmd, &iov, WEIR_OP_WRITE);
		assert_int_equal(progress_moved(&cmd, res, 16), PROGRESS_ENDED);
		assert_int_equal(cmd.result, -EIO);
	}
}

/* The command is in memory that an earlier command used. */
static void begins_with_nothing(void **state)
{
	struct weir_cmd cmd;

	(void)state;
	memset(&cmd, 0xa5, sizeof(cmd));
	progress_begin(&cmd);
	assert_int_equal(cmd.e_done, 0);
	assert_int_equal(cmd.status, 0);
	assert_int_equal(cmd.resubmits, 0);
	assert_int_equal(cmd.e_waits, 0);
}

static void retries_are_bounded(void **state)
{
	const int again[2] = { -EAGAIN, -EINTR };
	struct weir_cmd cmd;
	struct iovec iov;

	(void)state;
	for (int k = 0; k < 2; k++) {
		start(&cmd, &iov, WEIR_OP_WRITE);
		for (int i = 0; i < PROGRESS_RETRIES; i++)
			assert_int_equal(progress_moved(&cmd, again[k], 16), PROGRESS_AGAIN);
		assert_int_equal(cmd.resubmits, PROGRESS_RETRIES);
		assert_int_equal(progress_moved(&cmd, again[k], 16), PROGRESS_ENDED);
		assert_int_equal(cmd.result, again[k]);
	}
	start(&cmd, &iov, WEIR_OP_FLUSH);
	assert_int_equal(progress_attempt(&cmd, -EIO), PROGRESS_ENDED);
	assert_int_equal(cmd.result, -EIO);
	assert_int_equal(progress_attempt(&cmd, 0), PROGRESS_ENDED);
	assert_int_equal(cmd.result, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(iov_every_way),       cmocka_unit_test(pieces_skip_the_empty),
		cmocka_unit_test(short_goes_on),       cmocka_unit_test(no_block_is_an_error),
		cmocka_unit_test(begins_with_nothing), cmocka_unit_test(retries_are_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
