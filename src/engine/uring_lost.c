/* SPDX-License-Identifier: Apache-2.0 */
/*
 * uring_lost.c - gives up a ring that the kernel refuses, with the commands in it.
 *
 * The program may have closed the ring's descriptor by accident, or a filter may forbid the call.
 * Commands that the kernel had not taken finish at once. The others may still be moving data, and
 * nobody can ask for their results any more. So the ring is closed; then the kernel cancels what it
 * can and waits for the rest, in the background. To learn when that is done, the ring has the only
 * writing end of a pipe among its registered files. The kernel releases these last, after all
 * commands, and then the reading end hangs up. Until then no command is given back.
 *
 * If somebody else has the ring too (a duplicate of its descriptor), or if a drive hangs, the wait
 * ends after URING_ORPHANS_NS, which is longer than the kernel's own limit for a command. Lane's
 * owner only.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "engine/uring.h"

/* NVMe and SCSI drivers give a command 30 s by default. */
#define URING_ORPHANS_NS (60 * NSEC_PER_SEC)

/* Limit of the time that a close waits for the kernel to end a ring without commands. */
#define URING_GONE_NS (5 * NSEC_PER_SEC)

/* Commands that have finished keep their result. */
static void lost_take_ended(struct uring *u)
{
	struct io_uring_cqe *cqe;
	struct weir_cmd *cmd;

	while (!io_uring_peek_cqe(&u->ring, &cqe)) {
		cmd = uring_take(u, cqe);
		if (cmd)
			cmds_push(&u->done, cmd);
		io_uring_cqe_seen(&u->ring, cqe);
	}
}

static void lost_close(struct uring *u)
{
	/* With these errors the descriptor is closed, or belongs to another file. */
	bool mine = u->broken != -EBADF && u->broken != -EOPNOTSUPP;

	if (mine)
		(void)io_uring_get_events(&u->ring);
	lost_take_ended(u);
	uring_slots_list(u, u->engine.params.depth + 1, &u->orphans);
	uring_ring_close(u, mine);
	u->orphans_until = clock_now() + URING_ORPHANS_NS;
}

static bool lost_is_gone(const struct uring *u)
{
	struct pollfd fd = { .fd = u->gone_fd };

	return (poll(&fd, 1, 0) > 0 && fd.revents & POLLHUP) || clock_now() >= u->orphans_until;
}

void uring_lose(struct uring *u)
{
	struct weir_cmd *cmd;

	if (!u->broken)
		return;
	if (!u->closed)
		lost_close(u);
	if (u->orphans.head && lost_is_gone(u))
		while ((cmd = cmds_pop(&u->orphans)))
			uring_fail(u, cmd);
	u->retry_at = u->orphans.head ? clock_now() + URING_RETRY_NS : UINT64_MAX;
}

void uring_gone_open(struct uring *u, struct fork_fd *watch, int *end)
{
	int fds[2];

	if (pipe2(fds, O_CLOEXEC))
		return;
	u->gone_fd = fds[0];
	*end = fds[1];
	fork_fd_watch(&u->gone_watch, &u->gone_fd);
	fork_fd_watch(watch, end);
}

void uring_ring_close(struct uring *u, bool mine)
{
	fork_fd_unwatch(&u->ring_watch); /* liburing closes this descriptor */
	if (!mine)
		u->ring.ring_fd = -1;
	io_uring_queue_exit(&u->ring);
	u->closed = true;
}

void uring_gone_wait(const struct uring *u)
{
	uint64_t until = clock_now() + URING_GONE_NS;
	struct pollfd fd = { .fd = u->gone_fd };

	/* poll() may be interrupted by work that the kernel has for this thread. */
	while (u->gone_fd >= 0 && poll(&fd, 1, 10) <= 0 && clock_now() < until)
		continue;
}
