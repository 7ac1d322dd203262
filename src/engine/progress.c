/* SPDX-License-Identifier: Apache-2.0 */
/*
 * progress.c - decides how a command continues after the kernel has moved a part of it.
 *
 * Pure: owns nothing, uses only the command, on the thread that has it.
 */
#include "engine/progress.h"

#include <errno.h>

void progress_iov_advance(struct iovec *iov, uint32_t iovcnt, uint64_t bytes)
{
	for (uint32_t i = 0; i < iovcnt && bytes; i++) {
		size_t part = bytes < iov[i].iov_len ? (size_t)bytes : iov[i].iov_len;

		iov[i].iov_base = (char *)iov[i].iov_base + part;
		iov[i].iov_len -= part;
		bytes -= part;
	}
}

uint32_t progress_pieces(const struct weir_cmd *cmd, struct iovec **iov, uint32_t limit)
{
	uint32_t first = 0, left;

	while (first + 1 < cmd->iovcnt && !cmd->iov[first].iov_len)
		first++;
	*iov = cmd->iov + first;
	left = cmd->iovcnt - first;
	return left < limit ? left : limit;
}

static void progress_count(struct weir_cmd *cmd)
{
	if (cmd->resubmits < UINT16_MAX)
		cmd->resubmits++;
}

enum progress progress_attempt(struct weir_cmd *cmd, int64_t res)
{
	bool again = res == -EINTR || res == -EAGAIN;

	if (!again || cmd->resubmits >= PROGRESS_RETRIES)
		return progress_end(cmd, res < 0 ? (int)res : 0);
	progress_count(cmd);
	return PROGRESS_AGAIN;
}

enum progress progress_moved(struct weir_cmd *cmd, int64_t res, uint32_t block_bytes)
{
	uint64_t left = cmd->length - cmd->e_done;
	uint64_t moved;

	if (res < 0)
		return progress_attempt(cmd, res);
	if ((uint64_t)res >= left) {
		cmd->e_done = cmd->length;
		return progress_end(cmd, 0);
	}
	moved = (uint64_t)res - (uint64_t)res % block_bytes;
	if (!moved)
		return progress_end(cmd, cmd->op == WEIR_OP_READ ? -ENODATA : -EIO);
	cmd->e_done += moved;
	progress_iov_advance(cmd->iov, cmd->iovcnt, moved);
	progress_count(cmd);
	return PROGRESS_AGAIN;
}
