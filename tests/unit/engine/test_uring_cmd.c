/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How the passthrough engine encodes commands and handles answers, without a drive: the entries of
 * the ring, and what follows each kind of result.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include <cmocka.h>

#include "device/state.h"
#include "engine/nvme_cmd.h"
#include "engine/nvme_status.h"
#include "engine/uring_cmd.h"

#define SLOTS 2u
#define BLOCK 4096u
#define ZEROES_MAX (16u * BLOCK)
#define DNR 0x4000

static struct uring_cmd c;
static struct weir_device dev; /* a device of no kind that can be removed */
static union nvme_payload payloads[SLOTS];
static uint32_t free_payloads[SLOTS];
static struct iovec iov[2];
static struct weir_cmd cmd;
static union {
	struct io_uring_sqe sqe;
	char bytes[128];
} entry;

static bool away;

/* Replaces the function of the C library, to be a kernel that has lost the path to the namespace,
 * or has not. */
int ioctl(int fd, unsigned long request, ...)
{
	assert_int_equal(fd, 17);
	assert_int_equal(request, NVME_IOCTL_ID);
	if (!away)
		return 3;
	errno = EAGAIN;
	return -1;
}

static int setup(void **state)
{
	(void)state;
	away = false;
	memset(&c, 0, sizeof(c));
	c.u.target.fd = 17;
	c.u.engine.params.dev = &dev;
	c.nvme = (struct device_nvme){
		.nsid = 3, .lba_shift = 12, .max_bytes = 128 * BLOCK, .zeroes_max = ZEROES_MAX
	};
	c.payloads = payloads;
	c.free_payloads = free_payloads;
	c.nr_free_payloads = SLOTS;
	free_payloads[0] = 0;
	free_payloads[1] = 1;
	return 0;
}

static const struct nvme_uring_cmd *prepare(void)
{
	memset(&entry, 0xa5, sizeof(entry));
	uring_cmd_prep(&c.u, &entry.sqe, &cmd);
	return (const struct nvme_uring_cmd *)entry.sqe.cmd;
}

static const struct nvme_uring_cmd *begin(enum weir_op op, uint64_t offset, uint64_t length)
{
	memset(&cmd, 0, sizeof(cmd));
	cmd.op = (uint8_t)op;
	cmd.offset = offset;
	cmd.length = length;
	cmd.buf_index = -1;
	iov[0] = (struct iovec){ (void *)0x10000, length };
	cmd.iov = iov;
	cmd.iovcnt = 1;
	cmd.result = 12345;
	return prepare();
}

/* Returns what follows the answer RES. */
static enum progress next(int res)
{
	return uring_cmd_result(&c.u, &cmd, entry.sqe.user_data & URING_WRITES_ZEROES, res);
}

/* Gives the answer RES. Returns true if the command has finished; otherwise it continues at
 * once. */
static bool answer(int res)
{
	enum progress p = next(res);

	assert_int_not_equal(p, PROGRESS_LATER);
	return p == PROGRESS_ENDED;
}

static void entries(void **state)
{
	const struct nvme_uring_cmd *n = begin(WEIR_OP_WRITE, 5 * BLOCK, 2 * BLOCK);

	(void)state;
	assert_int_equal(entry.sqe.opcode, IORING_OP_URING_CMD);
	assert_int_equal(entry.sqe.fd, 17);
	assert_int_equal(entry.sqe.flags, 0);
	assert_int_equal(entry.sqe.cmd_op, NVME_URING_CMD_IO);
	assert_int_equal(entry.sqe.uring_cmd_flags, 0);
	assert_int_equal(entry.sqe.user_data, (uintptr_t)&cmd);
	assert_ptr_equal(n, entry.bytes + 48);
	assert_int_equal(n->opcode, nvme_cmd_write);
	assert_int_equal(n->nsid, 3);
	assert_int_equal(n->cdw10, 5);
	assert_int_equal(n->cdw12, 1);
	assert_int_equal(n->addr, 0x10000);
	assert_int_equal(n->data_len, 2 * BLOCK);
	assert_int_equal(n->cdw13, 0);
	cmd.placement = 6;
	assert_int_equal(prepare()->cdw13, 6 << 16);
	/* Nothing is left of earlier contents. */
	for (size_t i = 48 + sizeof(*n); i < sizeof(entry); i++)
		assert_int_equal(entry.bytes[i], 0);
	assert_int_equal(n->timeout_ms, 0);
	c.u.engine.params.tuning.timeout_ms = 2000;
	assert_int_equal(begin(WEIR_OP_READ, 0, BLOCK)->timeout_ms, 2000);
	assert_int_equal(begin(WEIR_OP_DISCARD, 0, BLOCK)->timeout_ms, 2000);
	c.u.registered_file = true;
	begin(WEIR_OP_FLUSH, 0, 0);
	assert_int_equal(entry.sqe.fd, 0);
	assert_int_equal(entry.sqe.flags, IOSQE_FIXED_FILE);
}

static void registered_and_vectored(void **state)
{
	const struct nvme_uring_cmd *n;

	(void)state;
	begin(WEIR_OP_READ, 0, 2 * BLOCK);
	cmd.buf_index = 9;
	prepare();
	assert_int_equal(entry.sqe.uring_cmd_flags, IORING_URING_CMD_FIXED);
	assert_int_equal(entry.sqe.buf_index, 9);
	/* A command of several pieces is vectored, and never a registered command. */
	iov[0].iov_len = BLOCK;
	iov[1] = (struct iovec){ (void *)0x40000, BLOCK };
	cmd.iovcnt = 2;
	n = prepare();
	assert_int_equal(entry.sqe.cmd_op, NVME_URING_CMD_IO_VEC);
	assert_int_equal(entry.sqe.uring_cmd_flags, 0);
	assert_int_equal(entry.sqe.buf_index, 0);
	assert_int_equal(n->addr, (uintptr_t)iov);
	assert_int_equal(n->data_len, 2);
	assert_int_equal(n->cdw12, 1);
}

static void done_at_once(void **state)
{
	(void)state;
	begin(WEIR_OP_READ, 0, BLOCK);
	assert_true(answer(0));
	assert_int_equal(cmd.result, 0);
	assert_int_equal(cmd.status, 0);
	assert_int_equal(cmd.resubmits, 0);
}

static void check_retried(int res, int result, uint16_t status, unsigned most, enum progress when)
{
	begin(WEIR_OP_WRITE, 0, 2 * BLOCK);
	for (unsigned i = 0; i < most; i++) {
		assert_int_equal(next(res), when);
		/* The whole command is prepared again. */
		assert_int_equal(prepare()->data_len, 2 * BLOCK);
	}
	assert_int_equal(next(res), PROGRESS_ENDED);
	assert_int_equal(cmd.result, result);
	assert_int_equal(cmd.status, status);
	assert_int_equal(cmd.resubmits, most);
}

static void what_the_drive_allows_is_tried_again(void **state)
{
	(void)state;
	check_retried(0x280, -EIO, 0x280, NVME_STATUS_RETRIES, PROGRESS_AGAIN);
	check_retried(0x281, -EIO, 0x281, NVME_STATUS_RETRIES, PROGRESS_AGAIN);
	begin(WEIR_OP_WRITE, 0, BLOCK);
	assert_false(answer(0x280));
	assert_true(answer(0));
	assert_int_equal(cmd.result, 0);
	assert_int_equal(cmd.status, 0);
	assert_int_equal(cmd.resubmits, 1);
	/* The result is the last error, not the first. */
	begin(WEIR_OP_WRITE, 0, BLOCK);
	for (unsigned i = 0; i < NVME_STATUS_RETRIES; i++)
		assert_false(answer(0x280));
	assert_true(answer(-EINTR));
	assert_int_equal(cmd.result, -EINTR);
	assert_int_equal(cmd.status, 0);
}

/* A reset cancels commands, and refuses others for a while until it is over. */
static void a_drive_that_is_away_is_waited_for(void **state)
{
	(void)state;
	check_retried(-EINTR, -EINTR, 0, NVME_STATUS_RETRIES, PROGRESS_LATER);
	check_retried(0x371, -EIO, 0x371, 500, PROGRESS_LATER);
	check_retried(0x370, -EIO, 0x370, 500, PROGRESS_LATER);
	away = true;
	check_retried(-EINVAL, -EINVAL, 0, 500, PROGRESS_LATER);
	begin(WEIR_OP_WRITE, 0, BLOCK);
	for (unsigned i = 0; i < 100; i++)
		assert_int_equal(next(-EINVAL), PROGRESS_LATER);
	assert_true(answer(0));
	assert_int_equal(cmd.result, 0);
}

/* A command that waited has the same number of tries left. If a path is found at that moment, that
 * counts as a try. */
static void waiting_takes_no_tries_away(void **state)
{
	(void)state;
	begin(WEIR_OP_WRITE, 0, BLOCK);
	away = true;
	for (unsigned i = 0; i < 100; i++)
		assert_int_equal(next(i & 1 ? -EINVAL : 0x371), PROGRESS_LATER);
	away = false;
	assert_int_equal(next(-EINVAL), PROGRESS_AGAIN);
	assert_int_equal(next(-EINTR), PROGRESS_LATER);
	assert_int_equal(next(0x280), PROGRESS_AGAIN);
	assert_true(answer(0x280));
	assert_int_equal(cmd.result, -EIO);
	assert_int_equal(cmd.resubmits, 103);
}

/* The drive is there: the kernel does not accept the command itself. */
static void what_the_kernel_refuses_ends_at_once(void **state)
{
	(void)state;
	check_retried(-EINVAL, -EINVAL, 0, NVME_STATUS_RETRIES, PROGRESS_AGAIN);
}

/* A worker of the kernel that shortens addresses finds no memory there; or there really is none. */
static void memory_that_is_not_found_is_looked_for_again(void **state)
{
	(void)state;
	check_retried(-EFAULT, -EFAULT, 0, NVME_STATUS_RETRIES, PROGRESS_LATER);
}

/* Returns true if a read on buffer INDEX is a registered command. */
static bool goes_registered(int16_t index)
{
	begin(WEIR_OP_READ, 0, BLOCK);
	cmd.buf_index = index;
	prepare();
	return entry.sqe.uring_cmd_flags == IORING_URING_CMD_FIXED;
}

/* Linux 6.1 refuses a registered command if much memory lies behind what it needs. */
static void refused_as_registered_goes_without(void **state)
{
	(void)state;
	assert_true(goes_registered(7));
	assert_false(answer(-EINVAL));
	prepare();
	assert_int_equal(entry.sqe.uring_cmd_flags, 0);
	assert_int_equal(entry.sqe.buf_index, 0);
	assert_true(answer(0));
	assert_int_equal(cmd.result, 0);
	assert_int_equal(cmd.resubmits, 1);
	/* This is remembered for the buffer, until another buffer has its number. */
	assert_false(goes_registered(7));
	assert_int_equal(cmd.buf_index, -1);
	assert_true(answer(0));
	assert_true(goes_registered(6));
	assert_true(answer(0));
	assert_true(goes_registered(71));
	uring_set_buffer_refused(&c.u, 7, false);
	assert_true(goes_registered(7));
}

/* A command that is refused without registration too was refused for another reason. Nothing is
 * remembered while the drive is away either. */
static void refused_for_another_reason(void **state)
{
	(void)state;
	goes_registered(7);
	for (unsigned i = 0; i < NVME_STATUS_RETRIES; i++) {
		assert_false(answer(-EINVAL));
		prepare();
	}
	assert_true(answer(-EINVAL));
	assert_int_equal(cmd.result, -EINVAL);
	assert_true(goes_registered(7));
	away = true;
	assert_int_equal(next(-EINVAL), PROGRESS_LATER);
	prepare();
	assert_int_equal(entry.sqe.uring_cmd_flags, IORING_URING_CMD_FIXED);
}

static void what_it_does_not_allow_is_not(void **state)
{
	(void)state;
	begin(WEIR_OP_WRITE, 0, BLOCK);
	assert_true(answer(DNR | 0x280));
	assert_int_equal(cmd.result, -EIO);
	assert_int_equal(cmd.status, DNR | 0x280);
	begin(WEIR_OP_READ, 0, BLOCK);
	assert_true(answer(DNR | 0x80));
	assert_int_equal(cmd.result, -ERANGE);
	begin(WEIR_OP_READ, 0, BLOCK);
	cmd.buf_index = 9;
	prepare();
	assert_true(answer(-EFAULT));
	assert_int_equal(cmd.result, -EFAULT);
	begin(WEIR_OP_READ, 0, BLOCK);
	assert_false(answer(-EAGAIN));
	assert_true(answer(0));
	assert_int_equal(cmd.resubmits, 1);
}

static void zeroes_in_several_commands(void **state)
{
	const uint64_t length = 2 * ZEROES_MAX + 3 * BLOCK;
	const struct nvme_uring_cmd *n = begin(WEIR_OP_WRITE_ZEROES, BLOCK, length);

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(n->opcode, nvme_cmd_write_zeroes);
		assert_int_equal(n->cdw10, 1 + i * ZEROES_MAX / BLOCK);
		assert_int_equal(n->cdw12, ZEROES_MAX / BLOCK - 1);
		assert_int_equal(n->addr, 0);
		/* The rest is tried again from the same place. */
		assert_false(answer(0x06));
		n = prepare();
		assert_int_equal(n->cdw10, 1 + i * ZEROES_MAX / BLOCK);
		assert_false(answer(0));
		n = prepare();
	}
	assert_int_equal(n->cdw10, 1 + 2 * ZEROES_MAX / BLOCK);
	assert_int_equal(n->cdw12, 2);
	assert_true(answer(0));
	assert_int_equal(cmd.result, 0);
	/* A command cannot express more, whatever the kernel allows. */
	c.nvme.zeroes_max = UINT32_MAX / BLOCK * BLOCK;
	assert_int_equal(begin(WEIR_OP_WRITE_ZEROES, 0, 1u << 30)->cdw12, 0xffff);
	assert_false(answer(0));
	assert_int_equal(cmd.e_done, (uint64_t)NVME_CMD_BLOCKS_MAX * BLOCK);
}

static void zeroes_that_are_written(void **state)
{
	const struct nvme_uring_cmd *n;

	(void)state;
	begin(WEIR_OP_WRITE_ZEROES, BLOCK, BLOCKING_ZERO_BYTES + BLOCK);
	cmd.fua = true;
	assert_false(answer(DNR | 0x01)); /* the drive does not know the command */
	n = prepare();
	assert_int_equal(n->opcode, nvme_cmd_write);
	assert_int_equal(n->addr, (uintptr_t)blocking_zeroes());
	assert_int_equal(n->cdw12, (BLOCKING_ZERO_BYTES / BLOCK - 1) | 1u << 30);
	assert_int_equal(n->cdw10, 1);
	assert_int_equal(entry.sqe.user_data & URING_WRITES_ZEROES, URING_WRITES_ZEROES);
	assert_false(answer(0));
	n = prepare();
	assert_int_equal(n->cdw10, 1 + BLOCKING_ZERO_BYTES / BLOCK);
	assert_int_equal(n->data_len, BLOCK);
	assert_true(answer(0));
	assert_int_equal(cmd.result, 0);
	/* This works only once: a write that the drive does not know is an error. */
	begin(WEIR_OP_WRITE_ZEROES, 0, BLOCK);
	assert_true(answer(DNR | 0x01));
	assert_int_equal(cmd.result, -EOPNOTSUPP);
	/* One command does not carry more than the drive accepts. */
	c.nvme.max_bytes = 2 * BLOCK;
	assert_int_equal(begin(WEIR_OP_WRITE_ZEROES, 0, 8 * BLOCK)->data_len, 2 * BLOCK);
}

static void discards_and_updates_share_the_slots(void **state)
{
	struct weir_cmd first;
	const struct nvme_uring_cmd *n;

	(void)state;
	for (unsigned i = 0; i < 10; i++) {
		n = begin(WEIR_OP_DISCARD, 8 * BLOCK, 4 * BLOCK);
		first = cmd;
		assert_int_equal(n->addr, (uintptr_t)&payloads[1]);
		assert_int_equal(n->data_len, sizeof(struct nvme_dsm_range));
		n = begin(WEIR_OP_DISCARD, 16 * BLOCK, BLOCK);
		assert_int_equal(n->addr, (uintptr_t)&payloads[0]);
		assert_int_equal(payloads[1].range.slba, 8);
		assert_int_equal(payloads[1].range.nlb, 4);
		assert_int_equal(payloads[0].range.slba, 16);
		/* Another try has the same range. */
		assert_false(answer(0x06));
		assert_int_equal(prepare()->addr, (uintptr_t)&payloads[0]);
		assert_int_equal(c.nr_free_payloads, 0);
		assert_true(answer(i & 1 ? DNR | 0x06 : 0));
		assert_int_equal(cmd.result, i & 1 ? -EIO : 0);
		cmd = first;
		assert_true(answer(0));
		assert_int_equal(c.nr_free_payloads, SLOTS);
		begin(WEIR_OP_PLACEMENT_UPDATE, 0, 0);
		cmd.placement = (uint16_t)(0x100 + i);
		c.nr_free_payloads = SLOTS;
		n = prepare();
		assert_int_equal(n->opcode, nvme_cmd_io_mgmt_send);
		assert_int_equal(n->addr, (uintptr_t)&payloads[c.nr_free_payloads]);
		assert_int_equal(payloads[c.nr_free_payloads].placement, 0x100 + i);
		assert_false(answer(0x06));
		assert_int_equal(prepare()->addr, n->addr);
		assert_true(answer(0));
		assert_int_equal(c.nr_free_payloads, SLOTS);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup(name, setup)
		T(entries),
		T(registered_and_vectored),
		T(done_at_once),
		T(what_the_drive_allows_is_tried_again),
		T(a_drive_that_is_away_is_waited_for),
		T(waiting_takes_no_tries_away),
		T(what_the_kernel_refuses_ends_at_once),
		T(memory_that_is_not_found_is_looked_for_again),
		T(refused_as_registered_goes_without),
		T(refused_for_another_reason),
		T(what_it_does_not_allow_is_not),
		T(zeroes_in_several_commands),
		T(zeroes_that_are_written),
		T(discards_and_updates_share_the_slots),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
