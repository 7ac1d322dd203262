/* SPDX-License-Identifier: Apache-2.0 */
/*
 * uring_prep.c - turns the rest of a command into an SQE, and the result of a CQE into the next
 * step of the command.
 *
 * It touches no ring, and runs on the lane's owner. Priorities are used by weir's schedulers, and
 * are not passed on to the kernel's.
 */
#include <errno.h>
#include <limits.h>
#include <linux/falloc.h>
#include <sys/uio.h>

#include "engine/progress.h"
#include "engine/uring.h"

/* An SQE's length has 32 bits, and the kernel moves less than 2 GiB at once. */
#define PREP_MAX_BYTES (1u << 30)

static unsigned prep_length(uint64_t bytes)
{
	return bytes < PREP_MAX_BYTES ? (unsigned)bytes : PREP_MAX_BYTES;
}

static void prep_one(const struct uring *u, struct io_uring_sqe *sqe, const struct weir_cmd *cmd,
		     const struct iovec *iov)
{
	bool write = cmd->op == WEIR_OP_WRITE;
	bool registered = cmd->buf_index >= 0 && cmd->iovcnt == 1;
	int op;

	if (registered)
		op = write ? IORING_OP_WRITE_FIXED : IORING_OP_READ_FIXED;
	else
		op = write ? IORING_OP_WRITE : IORING_OP_READ;
	io_uring_prep_rw(op, sqe, u->target.fd, iov->iov_base, prep_length(iov->iov_len),
			 cmd->offset + cmd->e_done);
	if (registered)
		sqe->buf_index = (uint16_t)cmd->buf_index;
}

static void prep_move(const struct uring *u, struct io_uring_sqe *sqe, const struct weir_cmd *cmd)
{
	struct iovec *iov;
	unsigned count = progress_pieces(cmd, &iov, IOV_MAX);

	if (count == 1)
		prep_one(u, sqe, cmd, iov);
	else
		io_uring_prep_rw(cmd->op == WEIR_OP_WRITE ? IORING_OP_WRITEV : IORING_OP_READV, sqe,
				 u->target.fd, iov, count, cmd->offset + cmd->e_done);
	if (cmd->fua && cmd->op == WEIR_OP_WRITE)
		sqe->rw_flags = RWF_DSYNC;
}

/*
 * Zeroing has two states: zeroing (one call, or writes of zeroes one after another), and then, if
 * the call does not sync by itself, syncing. e_done == length means syncing.
 */
static uint64_t prep_zero(const struct uring *u, struct io_uring_sqe *sqe,
			  const struct weir_cmd *cmd)
{
	uint64_t left = cmd->length - cmd->e_done;

	if (!left) {
		io_uring_prep_fsync(sqe, u->target.fd, IORING_FSYNC_DATASYNC);
		return 0;
	}
	if (!u->writes_zeroes) {
		io_uring_prep_fallocate(sqe, u->target.fd,
					FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE,
					(off_t)cmd->offset, (off_t)cmd->length);
		return 0;
	}
	io_uring_prep_write(sqe, u->target.fd, blocking_zeroes(),
			    left < BLOCKING_ZERO_BYTES ? (unsigned)left : BLOCKING_ZERO_BYTES,
			    cmd->offset + cmd->e_done);
	if (cmd->fua)
		sqe->rw_flags = RWF_DSYNC;
	return URING_WRITES_ZEROES;
}

void uring_prep(struct uring *u, struct io_uring_sqe *sqe, struct weir_cmd *cmd)
{
	uint64_t mark = 0;

	if (cmd->op == WEIR_OP_FLUSH)
		io_uring_prep_fsync(sqe, u->target.fd, IORING_FSYNC_DATASYNC);
	else if (cmd->op == WEIR_OP_WRITE_ZEROES)
		mark = prep_zero(u, sqe, cmd);
	else
		prep_move(u, sqe, cmd);
	uring_finish_sqe(u, sqe, cmd, mark);
}

static enum progress result_zero(struct uring *u, struct weir_cmd *cmd, int res)
{
	bool syncing = cmd->e_done == cmd->length;

	if (!syncing && blocking_zero_refused(res)) {
		u->writes_zeroes = true;
		return PROGRESS_AGAIN;
	}
	if (!syncing && !res) {
		cmd->e_done = cmd->length;
		if (cmd->fua)
			return PROGRESS_AGAIN;
	}
	return progress_attempt(cmd, res);
}

enum progress uring_result(struct uring *u, struct weir_cmd *cmd, bool wrote_zeroes, int res)
{
	if (wrote_zeroes || cmd->op == WEIR_OP_READ || cmd->op == WEIR_OP_WRITE)
		return progress_moved(cmd, res, u->target.block_bytes);
	if (cmd->op == WEIR_OP_WRITE_ZEROES)
		return result_zero(u, cmd, res);
	return progress_attempt(cmd, res);
}
