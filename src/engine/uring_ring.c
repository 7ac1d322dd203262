/* SPDX-License-Identifier: Apache-2.0 */
/*
 * uring_ring.c - what the io_uring engines share: open, close and the operations.
 *
 * Owns the ring and the commands in it; only the lane's owner uses it (the ring refuses other
 * threads). A short batch takes one system call: submit() starts the commands that queue() has
 * accepted. Of a long one queue() starts the first parts already (uring_push_part()).
 */
#include <errno.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/error.h"
#include "engine/progress.h"
#include "engine/uring.h"

int uring_try(struct uring *u, char *why, size_t size)
{
	int err = uring_setup(u, 1, why, size);

	if (!err) {
		snprintf(why, size, "%s", u->text);
		uring_teardown(u);
	}
	return err;
}

int uring_probe_kind(const struct uring_kind *kind, const struct weir_device *dev, char *why,
		     size_t size)
{
	struct uring *u;
	int err = kind->suits(dev, why, size);

	if (err)
		return err;
	u = kind->make(dev, 1);
	if (!u) {
		snprintf(why, size, "no memory");
		return -ENOMEM;
	}
	u->kind = kind;
	err = uring_try(u, why, size);
	kind->free(u);
	return err;
}

/* Makes the ring of U, which is all zeroes except kind and target. If it fails, U stays as it is.
 */
static int uring_start(struct uring *u, const struct engine_ops *ops,
		       const struct engine_params *params)
{
	char why[256];
	int err;

	u->engine.ops = ops;
	u->engine.params = *params;
	u->retry_at = u->later_at = UINT64_MAX;
	u->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (u->event_fd < 0)
		return error_sys(-errno, "no eventfd for the %s engine (see ulimit -n)",
				 u->kind->name);
	u->process = fork_process();
	fork_fd_watch(&u->event_watch, &u->event_fd);
	err = uring_setup(u, params->depth, why, sizeof(why));
	if (err) {
		fork_fd_close(&u->event_watch);
		return error_set(err, "%s engine: %s", u->kind->name, why);
	}
	/* A ring lives as long as its descriptor and its memory do, and it holds the device's file
	 * with its lock. So a child gets neither. */
	(void)io_uring_ring_dontfork(&u->ring);
	fork_fd_watch(&u->ring_watch, &u->ring.ring_fd);
	return 0;
}

int uring_open_kind(const struct uring_kind *kind, const struct engine_ops *ops, struct engine **e,
		    const struct engine_params *params)
{
	struct uring *u;
	char why[256];
	int err;

	if (kind->suits(params->dev, why, sizeof(why)) < 0)
		return error_set(-EOPNOTSUPP, "%s: %s", weir_device_path(params->dev), why);
	u = kind->make(params->dev, params->depth);
	if (!u)
		return error_set(-ENOMEM, "no memory for the %s engine", kind->name);
	u->kind = kind;
	err = uring_start(u, ops, params);
	if (err) {
		kind->free(u);
		return err;
	}
	*e = &u->engine;
	return 0;
}

/* Leaves U's ring in a child. The ring is the parent's: the kernel is not called, and its memory is
 * not mapped here. */
static void uring_leave(struct uring *u)
{
	fork_fd_close(&u->ring_watch);
	fork_fd_close(&u->event_watch);
	fork_fd_close(&u->gone_watch);
	uring_slots_free(u);
}

void uring_close(struct engine *e)
{
	struct uring *u = (struct uring *)e;

	if (fork_inherited(u->process)) {
		uring_leave(u);
	} else {
		uring_teardown(u);
		fork_fd_close(&u->event_watch);
	}
	u->kind->free(u);
}

int uring_queue(struct engine *e, struct weir_cmd *cmd)
{
	struct uring *u = (struct uring *)e;

	if (u->in_flight >= e->params.depth)
		return -EBUSY;
	progress_begin(cmd);
	if (u->broken) {
		uring_fail(u, cmd);
	} else if (!u->kind->divert(u, cmd)) {
		u->kind->prep(u, uring_slot_take(u, &cmd->e_slot), cmd);
	}
	u->in_flight++;
	uring_push_part(u);
	return 0;
}

void uring_finish_sqe(const struct uring *u, struct io_uring_sqe *sqe, const struct weir_cmd *cmd,
		      uint64_t mark)
{
	sqe->user_data = (uint64_t)(uintptr_t)cmd | mark;
	if (u->registered_file) {
		sqe->fd = 0;
		sqe->flags |= IOSQE_FIXED_FILE;
	}
}

/*
 * Makes an eventfd, because a ring's own descriptor does not wake pollers while completions wait
 * for this thread (DEFER_TASKRUN). It is given to the kernel only when somebody asks, because it
 * makes each completion cost more.
 */
int uring_fd(struct engine *e)
{
	struct uring *u = (struct uring *)e;

	if (u->announced)
		return u->event_fd;
	if (!u->broken && io_uring_register_eventfd(&u->ring, u->event_fd) < 0)
		return -1;
	u->announced = true;
	uring_announce(u); /* for the completions that are there already */
	return u->event_fd;
}

uint64_t uring_next_event(struct engine *e)
{
	struct uring *u = (struct uring *)e;

	if (u->done.head)
		return 0;
	return u->retry_at < u->later_at ? u->retry_at : u->later_at;
}

const char *uring_describe(struct engine *e)
{
	return ((struct uring *)e)->text;
}
