/* SPDX-License-Identifier: Apache-2.0 */
/*
 * blocking.c - runs commands with ordinary system calls, on the thread that asks.
 *
 * Owns a block of zeroes that is never written to; everything else belongs to the caller. Any
 * thread.
 */
#include "engine/blocking.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/falloc.h>
#include <linux/fs.h>
#include <sched.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "engine/progress.h"

/* It is not const, so that it takes space in .bss and not in the file. */
static char blocking_zero_block[BLOCKING_ZERO_BYTES] __attribute__((aligned(4096)));

void *blocking_zeroes(void)
{
	return blocking_zero_block;
}

void blocking_target(struct blocking_target *target, const struct weir_device *dev)
{
	const struct weir_device_info *info = weir_device_get_info(dev);

	target->fd = device_fd(dev);
	target->block_bytes = info->logical_block_bytes ? info->logical_block_bytes : 1;
	target->block_device = info->kind == WEIR_DEVICE_BLOCK;
	target->discard = target->block_device && info->discard_max_bytes;
}

int blocking_suits(const struct weir_device *dev, char *why, size_t size)
{
	switch (weir_device_get_info(dev)->kind) {
	case WEIR_DEVICE_FILE:
	case WEIR_DEVICE_BLOCK:
		return 0;
	case WEIR_DEVICE_NULL:
		snprintf(why, size, "a null device has no storage: only the null engine suits it");
		return -EOPNOTSUPP;
	case WEIR_DEVICE_NVME_CHAR:
		snprintf(why, size, "only the uring_cmd engine drives NVMe character devices");
		return -EOPNOTSUPP;
	default:
		snprintf(why, size, "it needs a regular file or a block device");
		return -EOPNOTSUPP;
	}
}

bool blocking_zero_refused(int64_t err)
{
	return err == -EOPNOTSUPP || err == -EINVAL || err == -ENOTTY || err == -ENODEV;
}

static int64_t sys_result(int64_t err)
{
	return err < 0 ? -errno : err;
}

/* Writes the rest of CMD once. If the system does not know RWF_DSYNC, a flush follows. */
static int64_t blocking_write(const struct blocking_target *t, const struct weir_cmd *cmd,
			      const struct iovec *iov, int count)
{
	off_t at = (off_t)(cmd->offset + cmd->e_done);
	int64_t moved = sys_result(pwritev2(t->fd, iov, count, at, cmd->fua ? RWF_DSYNC : 0));

	if (!cmd->fua || moved != -EOPNOTSUPP)
		return moved;
	moved = sys_result(pwritev2(t->fd, iov, count, at, 0));
	if (moved > 0 && fdatasync(t->fd) < 0)
		return -errno;
	return moved;
}

/* Waits a moment before a busy device is asked again. */
static void blocking_pause(int64_t res)
{
	if (res == -EAGAIN)
		sched_yield();
}

static void blocking_move(const struct blocking_target *t, struct weir_cmd *cmd)
{
	int64_t res;

	do {
		struct iovec *iov;
		int count = (int)progress_pieces(cmd, &iov, IOV_MAX);

		if (cmd->op == WEIR_OP_WRITE)
			res = blocking_write(t, cmd, iov, count);
		else
			res = sys_result(
				preadv2(t->fd, iov, count, (off_t)(cmd->offset + cmd->e_done), 0));
		blocking_pause(res);
	} while (progress_moved(cmd, res, t->block_bytes) == PROGRESS_AGAIN);
}

static void blocking_flush(const struct blocking_target *t, struct weir_cmd *cmd)
{
	int64_t res;

	do {
		res = sys_result(fdatasync(t->fd));
		blocking_pause(res);
	} while (progress_attempt(cmd, res) == PROGRESS_AGAIN);
}

/* Runs the Nth range of CMD with an ioctl. */
static int64_t discard_range(const struct blocking_target *t, const struct weir_cmd *cmd,
			     uint32_t n)
{
	struct cmd_range at = { cmd->offset, cmd->length };
	uint64_t range[2];

	if (cmd->iovcnt)
		at = cmd->ranges[n];
	range[0] = at.offset;
	range[1] = at.length;
	return sys_result(ioctl(t->fd, BLKDISCARD, range));
}

static void blocking_discard(const struct blocking_target *t, struct weir_cmd *cmd)
{
	uint32_t n = 0;
	int64_t res;

	if (!t->discard) {
		progress_end(cmd, 0);
		return;
	}
	do {
		res = discard_range(t, cmd, n);
		while (!res && ++n < cmd->iovcnt)
			res = discard_range(t, cmd, n);
		/* A discard is a hint: it is no error if the device does not take it. */
		if (res == -EOPNOTSUPP)
			res = 0;
		blocking_pause(res);
	} while (progress_attempt(cmd, res) == PROGRESS_AGAIN);
}

static void blocking_write_zeroes(const struct blocking_target *t, struct weir_cmd *cmd)
{
	int64_t res;

	do {
		uint64_t left = cmd->length - cmd->e_done;
		struct iovec iov = { .iov_base = blocking_zeroes() };

		iov.iov_len = left < BLOCKING_ZERO_BYTES ? (size_t)left : BLOCKING_ZERO_BYTES;
		res = blocking_write(t, cmd, &iov, 1);
		blocking_pause(res);
	} while (progress_moved(cmd, res, t->block_bytes) == PROGRESS_AGAIN);
}

static int64_t blocking_zero_range(const struct blocking_target *t, const struct weir_cmd *cmd)
{
	uint64_t range[2] = { cmd->offset, cmd->length };
	int64_t res;

	if (t->block_device)
		res = sys_result(ioctl(t->fd, BLKZEROOUT, range));
	else
		res = sys_result(fallocate(t->fd, FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE,
					   (off_t)cmd->offset, (off_t)cmd->length));
	if (!res && cmd->fua)
		res = sys_result(fdatasync(t->fd));
	return res;
}

static void blocking_zero(const struct blocking_target *t, struct weir_cmd *cmd)
{
	int64_t res;

	do {
		res = blocking_zero_range(t, cmd);
		if (blocking_zero_refused(res)) {
			blocking_write_zeroes(t, cmd);
			return;
		}
		blocking_pause(res);
	} while (progress_attempt(cmd, res) == PROGRESS_AGAIN);
}

void blocking_run(const struct blocking_target *t, struct weir_cmd *cmd)
{
	switch (cmd->op) {
	case WEIR_OP_READ:
	case WEIR_OP_WRITE:
		blocking_move(t, cmd);
		break;
	case WEIR_OP_FLUSH:
		blocking_flush(t, cmd);
		break;
	case WEIR_OP_DISCARD:
		blocking_discard(t, cmd);
		break;
	case WEIR_OP_WRITE_ZEROES:
		blocking_zero(t, cmd);
		break;
	default:
		progress_end(cmd, -EINVAL);
	}
}
