/* SPDX-License-Identifier: Apache-2.0 */
/*
 * uring_cmd_prep.c - turns the rest of a command into an SQE with an NVMe command, and the drive's
 * answer into the next step of the command.
 *
 * It touches no ring, and runs on the lane's owner. A drive moves all of a command or nothing, so a
 * command is always repeated as a whole. Only a write-zeroes may be longer than one NVMe command.
 *
 * Linux 6.1 refuses a registered command (-EINVAL) if there are more segments from its first byte
 * to the end of the registered buffer than a command may have, even if the command itself is short.
 * So a refused command is tried once on ordinary memory. If that works, the buffer is not used for
 * registered commands any more.
 */
#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>

#include "engine/nvme_cmd.h"
#include "engine/nvme_status.h"
#include "engine/progress.h"
#include "engine/uring_cmd.h"

/* A command waits so often for a drive that cannot be reached now: 10 s. */
#define CMD_WAITS 500u

_Static_assert(sizeof(struct nvme_uring_cmd) <= 80, "the command area of a big SQE");

/* Returns how much of the rest of CMD, a write-zeroes, the next NVMe command covers. */
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
	/* A payload is taken once for all attempts; there is one for each command in flight. */
	if (!cmd->resubmits)
		cmd->e_done = c->free_payloads[--c->nr_free_payloads];
	nvme_cmd_payload(&c->payloads[cmd->e_done], n);
	n->memory = &c->payloads[cmd->e_done];
}

static void cmd_prep_memory(const struct uring_cmd *c, struct weir_cmd *cmd, struct nvme_cmd *n)
{
	if (cmd->buf_index >= 0 && uring_buffer_is_refused(&c->u, (uint32_t)cmd->buf_index))
		cmd->buf_index = -1;
	n->memory = cmd->iovcnt == 1 ? cmd->iov[0].iov_base : (void *)cmd->iov;
	n->pieces = cmd->iovcnt == 1 ? 0 : cmd->iovcnt;
}

/* Returns true if CMD is submitted as a registered command. e_done of a command on registered
 * memory says that it was refused as such. */
static bool cmd_is_registered(const struct weir_cmd *cmd)
{
	return cmd->buf_index >= 0 && cmd->iovcnt == 1 && !cmd->e_done;
}

static void cmd_fill_sqe(const struct uring_cmd *c, struct io_uring_sqe *sqe,
			 const struct weir_cmd *cmd, const struct nvme_cmd *n)
{
	memset(sqe, 0, 2 * sizeof(*sqe));
	sqe->opcode = IORING_OP_URING_CMD;
	sqe->fd = c->u.target.fd;
	sqe->cmd_op = n->pieces ? NVME_URING_CMD_IO_VEC : NVME_URING_CMD_IO;
	if (cmd_is_registered(cmd)) {
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
		.timeout_ms = c->u.engine.params.tuning.timeout_ms,
		.placement = cmd->placement,
		.op = cmd->op,
		.fua = cmd->fua,
	};

	if (cmd->op == WEIR_OP_WRITE_ZEROES)
		cmd_prep_zeroes(c, cmd, &n);
	else if (nvme_cmd_has_payload(cmd->op))
		cmd_prep_payload(c, cmd, &n);
	else if (cmd->op != WEIR_OP_FLUSH)
		cmd_prep_memory(c, cmd, &n);
	cmd_fill_sqe(c, sqe, cmd, &n);
	uring_finish_sqe(u, sqe, cmd, n.op == cmd->op ? 0 : URING_WRITES_ZEROES);
}

static enum progress cmd_done(struct uring_cmd *c, struct weir_cmd *cmd)
{
	if (cmd->buf_index >= 0 && cmd->e_done)
		uring_set_buffer_refused(&c->u, (uint32_t)cmd->buf_index, true);
	if (cmd->op != WEIR_OP_WRITE_ZEROES)
		return progress_end(cmd, 0);
	cmd->e_done += cmd_zeroes(c, cmd);
	return cmd->e_done == cmd->length ? progress_end(cmd, 0) : PROGRESS_AGAIN;
}

/* Tries the whole command again if a try is left; otherwise it finishes with ERR. */
static enum progress cmd_retry(struct weir_cmd *cmd, int err, enum progress when)
{
	if (cmd->resubmits - cmd->e_waits >= NVME_STATUS_RETRIES)
		return progress_end(cmd, err);
	cmd->resubmits++;
	return when;
}

/*
 * Waits for a drive that cannot be reached now. Waiting uses up no tries. It is of no use if the
 * drive will not come back.
 */
static enum progress cmd_wait(const struct uring_cmd *c, struct weir_cmd *cmd, int err)
{
	if (device_is_removed(c->u.engine.params.dev))
		return progress_end(cmd, -ENODEV);
	if (cmd->e_waits >= CMD_WAITS)
		return progress_end(cmd, err);
	cmd->e_waits++;
	cmd->resubmits++;
	return PROGRESS_LATER;
}

/*
 * Handles -EINVAL. Either the kernel does not accept the command, or it has no path to the
 * namespace, as while its controllers are reset. In the second case it cannot even tell the
 * namespace's id. If a path is found between the two questions, the next try succeeds.
 */
static enum progress cmd_invalid(const struct uring_cmd *c, struct weir_cmd *cmd)
{
	bool away = ioctl(c->u.target.fd, NVME_IOCTL_ID) < 0 && errno == EAGAIN;

	if (away)
		return cmd_wait(c, cmd, -EINVAL);
	if (cmd_is_registered(cmd))
		cmd->e_done = 1;
	return cmd_retry(cmd, -EINVAL, PROGRESS_AGAIN);
}

/*
 * Handles -EFAULT. Either the memory is not the program's, or a worker of the kernel took an
 * address for a 32-bit one (see uring_setup.c). The next try may need no worker. A registered
 * command meets neither problem.
 */
static enum progress cmd_fault(struct weir_cmd *cmd)
{
	if (cmd_is_registered(cmd))
		return progress_end(cmd, -EFAULT);
	return cmd_retry(cmd, -EFAULT, PROGRESS_LATER);
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
		return cmd_wait(c, cmd, err);
	return cmd_retry(cmd, err, PROGRESS_AGAIN);
}

static enum progress cmd_progress(struct uring_cmd *c, struct weir_cmd *cmd, bool wrote_zeroes,
				  int res)
{
	cmd->status = 0;
	if (res > 0)
		return cmd_refused(c, cmd, wrote_zeroes, (uint16_t)res);
	if (!res)
		return cmd_done(c, cmd);
	/* A timeout or a reset has cancelled it. */
	if (res == -EINTR)
		return cmd_retry(cmd, res, PROGRESS_LATER);
	if (res == -EINVAL)
		return cmd_invalid(c, cmd);
	if (res == -EFAULT)
		return cmd_fault(cmd);
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
