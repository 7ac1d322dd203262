/* SPDX-License-Identifier: Apache-2.0 */
/*
 * uring_cmd_prep.c - turns what is left of a command into an SQE that carries an NVMe command,
 * and the drive's answer into what happens to the command next.
 *
 * Touches no ring; runs on the lane's owner. A drive moves all of a command or none: what has to be
 * repeated is repeated whole. Only a write of zeroes may be longer than one NVMe command.
 */
#include <errno.h>
#include <string.h>

#include "engine/nvme_cmd.h"
#include "engine/nvme_status.h"
#include "engine/progress.h"
#include "engine/uring_cmd.h"

/* So often a command waits for a drive that cannot be reached now: 10 s. */
#define CMD_WAITS 500u

_Static_assert(sizeof(struct nvme_uring_cmd) <= 80, "the command area of a big SQE");

/* How much of what is left of CMD, a write of zeroes, the next NVMe command does. */
static uint64_t cmd_zeroes(const struct uring_cmd *c, const struct weir_cmd *cmd)
{
	uint64_t left = cmd->length - cmd->e_done, most = c->nvme.zeroes_max;

	if (c->u.writes_zeroes)
		most = c->nvme.max_bytes < BLOCKING_ZERO_BYTES ? c->nvme.max_bytes
							       : BLOCKING_ZERO_BYTES;
	else if (most >> c->nvme.lba_shift > NVME_CMD_BLOCKS_MAX)
		most = (uint64_t)NVME_CMD_BLOCKS_MAX << c->nvme.lba_shift;
	return left < most ? left : most;
}

static void cmd_prep_zeroes(const struct uring_cmd *c, const struct weir_cmd *cmd,
			    struct nvme_cmd *n)
{
	n->offset += cmd->e_done;
	n->length = cmd_zeroes(c, cmd);
	if (!c->u.writes_zeroes)
		return;
	n->op = WEIR_OP_WRITE;
	n->memory = blocking_zeroes();
}

static void cmd_prep_payload(struct uring_cmd *c, struct weir_cmd *cmd, struct nvme_cmd *n)
{
	/* Taken once for all attempts; there is one for each command in flight. */
	if (!cmd->resubmits)
		cmd->e_done = c->free_payloads[--c->nr_free_payloads];
	nvme_cmd_payload(&c->payloads[cmd->e_done], n);
	n->memory = &c->payloads[cmd->e_done];
}

static void cmd_prep_memory(const struct weir_cmd *cmd, struct nvme_cmd *n)
{
	n->memory = cmd->iovcnt == 1 ? cmd->iov[0].iov_base : (void *)cmd->iov;
	n->pieces = cmd->iovcnt == 1 ? 0 : cmd->iovcnt;
}

static void cmd_fill_sqe(const struct uring_cmd *c, struct io_uring_sqe *sqe,
			 const struct weir_cmd *cmd, const struct nvme_cmd *n)
{
	memset(sqe, 0, 2 * sizeof(*sqe));
	sqe->opcode = IORING_OP_URING_CMD;
	sqe->fd = c->u.target.fd;
	sqe->cmd_op = n->pieces ? NVME_URING_CMD_IO_VEC : NVME_URING_CMD_IO;
	if (cmd->buf_index >= 0 && cmd->iovcnt == 1) {
		sqe->uring_cmd_flags = IORING_URING_CMD_FIXED;
		sqe->buf_index = (uint16_t)cmd->buf_index;
	}
	nvme_cmd_build((struct nvme_uring_cmd *)sqe->cmd, n);
}

void uring_cmd_prep(struct uring *u, struct io_uring_sqe *sqe, struct weir_cmd *cmd)
{
	struct uring_cmd *c = (struct uring_cmd *)u;
	struct nvme_cmd n = {
		.offset = cmd->offset,
		.length = cmd->length,
		.nsid = c->nvme.nsid,
		.lba_shift = c->nvme.lba_shift,
		.placement = cmd->placement,
		.op = cmd->op,
		.fua = cmd->fua,
	};

	if (cmd->op == WEIR_OP_WRITE_ZEROES)
		cmd_prep_zeroes(c, cmd, &n);
	else if (nvme_cmd_has_payload(cmd->op))
		cmd_prep_payload(c, cmd, &n);
	else if (cmd->op != WEIR_OP_FLUSH)
		cmd_prep_memory(cmd, &n);
	cmd_fill_sqe(c, sqe, cmd, &n);
	uring_finish_sqe(u, sqe, cmd, n.op == cmd->op ? 0 : URING_WRITES_ZEROES);
}

static enum progress cmd_done(const struct uring_cmd *c, struct weir_cmd *cmd)
{
	if (cmd->op != WEIR_OP_WRITE_ZEROES)
		return progress_end(cmd, 0);
	cmd->e_done += cmd_zeroes(c, cmd);
	return cmd->e_done == cmd->length ? progress_end(cmd, 0) : PROGRESS_AGAIN;
}

/* Another try of the whole, if there is one left of MOST; else ERR. */
static enum progress cmd_retry(struct weir_cmd *cmd, int err, unsigned most, enum progress when)
{
	if (cmd->resubmits >= most)
		return progress_end(cmd, err);
	cmd->resubmits++;
	return when;
}

static enum progress cmd_refused(struct uring_cmd *c, struct weir_cmd *cmd, bool wrote_zeroes,
				 uint16_t status)
{
	int err = nvme_status_errno(status);

	cmd->status = status;
	if (cmd->op == WEIR_OP_WRITE_ZEROES && !wrote_zeroes && err == -EOPNOTSUPP) {
		c->u.writes_zeroes = true;
		return PROGRESS_AGAIN;
	}
	if (!nvme_status_may_retry(status))
		return progress_end(cmd, err);
	if (nvme_status_is_path(status))
		return cmd_retry(cmd, err, CMD_WAITS, PROGRESS_LATER);
	return cmd_retry(cmd, err, NVME_STATUS_RETRIES, PROGRESS_AGAIN);
}

static enum progress cmd_progress(struct uring_cmd *c, struct weir_cmd *cmd, bool wrote_zeroes,
				  int res)
{
	cmd->status = 0;
	if (res > 0)
		return cmd_refused(c, cmd, wrote_zeroes, (uint16_t)res);
	if (!res)
		return cmd_done(c, cmd);
	/* Cancelled by a timeout or a reset. */
	if (res == -EINTR)
		return cmd_retry(cmd, res, NVME_STATUS_RETRIES, PROGRESS_LATER);
	/* What the kernel says, too, of a namespace whose controllers are all being reset. */
	if (res == -EINVAL)
		return cmd_retry(cmd, res, CMD_WAITS, PROGRESS_LATER);
	return progress_attempt(cmd, res);
}

enum progress uring_cmd_result(struct uring *u, struct weir_cmd *cmd, bool wrote_zeroes, int res)
{
	struct uring_cmd *c = (struct uring_cmd *)u;
	enum progress next = cmd_progress(c, cmd, wrote_zeroes, res);

	if (next == PROGRESS_ENDED && nvme_cmd_has_payload(cmd->op))
		c->free_payloads[c->nr_free_payloads++] = (uint32_t)cmd->e_done;
	return next;
}
