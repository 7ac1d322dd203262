/* SPDX-License-Identifier: Apache-2.0 */
/*
 * uring.c - the io_uring engine: its life and its operations.
 *
 * Owns the ring and the commands in it; used by the lane's owner only (the ring refuses other
 * threads). One system call a batch: submit() starts what queue() accepted, and the kernel
 * posts what has ended in the same call. A discard is an ioctl that no ring can do: submit()
 * does it at once, so a lane with discards waits for each.
 */
#include "engine/uring.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/error.h"
#include "engine/progress.h"

static int uring_probe(const struct weir_device *dev, char *why, size_t size)
{
	struct uring *u;
	int err = blocking_suits(dev, why, size);

	if (err)
		return err;
	u = calloc(1, sizeof(*u));
	if (!u) {
		snprintf(why, size, "no memory");
		return -ENOMEM;
	}
	blocking_target(&u->target, dev);
	err = uring_setup(u, 1, why, size);
	if (!err) {
		snprintf(why, size, "%s", u->text);
		uring_teardown(u);
	}
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
	u = calloc(1, sizeof(*u));
	if (!u)
		return error_set(-ENOMEM, "no memory for the uring engine");
	u->engine.ops = &engine_uring;
	u->engine.params = *params;
	u->retry_at = UINT64_MAX;
	blocking_target(&u->target, params->dev);
	u->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (u->event_fd < 0) {
		err = error_sys(-errno, "no eventfd for the uring engine (see ulimit -n)");
		free(u);
		return err;
	}
	err = uring_setup(u, params->depth, why, sizeof(why));
	if (err) {
		close(u->event_fd);
		free(u);
		return error_set(err, "uring engine: %s", why);
	}
	*e = &u->engine;
	return 0;
}

static void uring_close(struct engine *e)
{
	struct uring *u = (struct uring *)e;

	uring_teardown(u);
	close(u->event_fd);
	free(u);
}

static int uring_queue(struct engine *e, struct weir_cmd *cmd)
{
	struct uring *u = (struct uring *)e;
	struct io_uring_sqe *sqe;

	if (u->in_flight >= e->params.depth)
		return -EBUSY;
	progress_begin(cmd);
	if (u->broken) {
		uring_fail(u, cmd, u->broken);
	} else if (cmd->op == WEIR_OP_DISCARD) {
		cmds_push(&u->discards, cmd);
	} else {
		sqe = io_uring_get_sqe(&u->ring);
		if (!sqe)
			return -EBUSY;
		uring_prep(u, sqe, cmd);
	}
	u->in_flight++;
	return 0;
}

/*
 * An eventfd, as a ring's own descriptor does not wake pollers while completions wait for this
 * thread (DEFER_TASKRUN). The kernel is told of it only when somebody asks: it costs something
 * with each completion.
 */
static int uring_fd(struct engine *e)
{
	struct uring *u = (struct uring *)e;

	if (u->announced)
		return u->event_fd;
	if (io_uring_register_eventfd(&u->ring, u->event_fd) < 0)
		return -1;
	u->announced = true;
	uring_announce(u); /* what has ended already */
	return u->event_fd;
}

static uint64_t uring_next_event(struct engine *e)
{
	struct uring *u = (struct uring *)e;

	return u->done.head ? 0 : u->retry_at;
}

static const char *uring_describe(struct engine *e)
{
	return ((struct uring *)e)->text;
}

const struct engine_ops engine_uring = {
	.name = "uring",
	.summary = "io_uring: one system call a batch, fixed file and buffers",
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
	.describe = uring_describe,
};
