/* SPDX-License-Identifier: Apache-2.0 */
/*
 * uring.c - the io_uring engine for files and block devices.
 *
 * A ring cannot do a discard, which is an ioctl. submit() does it at once, so a lane waits for each
 * discard. Only the lane's owner uses this.
 */
#include "engine/uring.h"

#include <stdlib.h>

static bool uring_divert(struct uring *u, struct weir_cmd *cmd)
{
	if (cmd->op != WEIR_OP_DISCARD)
		return false;
	cmds_push(&u->discards, cmd);
	return true;
}

static struct uring *uring_make(const struct weir_device *dev, uint32_t depth)
{
	struct uring *u = calloc(1, sizeof(*u));

	(void)depth;
	if (u)
		blocking_target(&u->target, dev);
	return u;
}

static void uring_free(struct uring *u)
{
	free(u);
}

static const struct uring_kind uring_kind = {
	.name = "uring",
	.suits = blocking_suits,
	.make = uring_make,
	.free = uring_free,
	.divert = uring_divert,
	.prep = uring_prep,
	.result = uring_result,
};

static int uring_probe(const struct weir_device *dev, char *why, size_t size)
{
	return uring_probe_kind(&uring_kind, dev, why, size);
}

static int uring_open(struct engine **e, const struct engine_params *params)
{
	return uring_open_kind(&uring_kind, &engine_uring, e, params);
}

const struct engine_ops engine_uring = {
	.name = "uring",
	.summary = "io_uring: few system calls a batch, registered file and buffers",
	.max_discard_ranges = 64,
	.probe = uring_probe,
	.open = uring_open,
	.close = uring_close,
	.queue = uring_queue,
	.submit = uring_submit,
	.reap = uring_reap,
	.wait = uring_wait,
	.fd = uring_fd,
	.next_event = uring_next_event,
	.register_buffer = uring_register_buffer,
	.unregister_buffer = uring_unregister_buffer,
	.describe = uring_describe,
};
