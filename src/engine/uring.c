/* SPDX-License-Identifier: Apache-2.0 */
/*
 * uring.c - the io_uring engine for files and block devices.
 *
 * A ring cannot do a discard, which is an ioctl. submit() does it at once, so a lane waits for each
 * discard. Only the lane's owner uses this.
 */
#include "engine/uring.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/error.h"

static bool uring_divert(struct uring *u, struct weir_cmd *cmd)
{
	if (cmd->op != WEIR_OP_DISCARD)
		return false;
	cmds_push(&u->discards, cmd);
	return true;
}

static const struct uring_kind uring_kind = {
	.name = "uring",
	.divert = uring_divert,
	.prep = uring_prep,
	.result = uring_result,
};

static struct uring *uring_new(const struct weir_device *dev)
{
	struct uring *u = calloc(1, sizeof(*u));

	if (!u)
		return NULL;
	u->kind = &uring_kind;
	blocking_target(&u->target, dev);
	return u;
}

static int uring_probe(const struct weir_device *dev, char *why, size_t size)
{
	struct uring *u;
	int err = blocking_suits(dev, why, size);

	if (err)
		return err;
	u = uring_new(dev);
	if (!u) {
		snprintf(why, size, "no memory");
		return -ENOMEM;
	}
	err = uring_try(u, why, size);
	free(u);
	return err;
}

static int uring_open(struct engine **e, const struct engine_params *params)
{
	struct uring *u;
	char why[256];
	int err;

	if (blocking_suits(params->dev, why, sizeof(why)) < 0)
		return error_set(-EOPNOTSUPP, "%s: %s", weir_device_path(params->dev), why);
	u = uring_new(params->dev);
	if (!u)
		return error_set(-ENOMEM, "no memory for the uring engine");
	err = uring_start(u, &engine_uring, params);
	if (err) {
		free(u);
		return err;
	}
	*e = &u->engine;
	return 0;
}

static void uring_close(struct engine *e)
{
	struct uring *u = (struct uring *)e;

	uring_stop(u);
	free(u);
}

const struct engine_ops engine_uring = {
	.name = "uring",
	.summary = "io_uring: one system call a batch, registered file and buffers",
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
