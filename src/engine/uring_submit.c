/* SPDX-License-Identifier: Apache-2.0 */
/*
 * uring_submit.c - gives accepted commands to the kernel, each once, and handles those that it does
 * not take.
 *
 * Uses the ring of struct uring; lane's owner only.
 */
#include <errno.h>

#include "base/clock.h"
#include "engine/progress.h"
#include "engine/uring.h"

/* After so many calls in a row that leave something in the SQ, the rest waits. */
#define URING_SUBMIT_TRIES 8

/* So many SQEs are the first part of a batch; see uring_push_part(). */
#define URING_FIRST_PART 2

bool uring_transient(int err)
{
	return err == -EINTR || err == -EAGAIN || err == -EBUSY || err == -ETIME;
}

void uring_push(struct uring *u)
{
	int err;

	for (int i = 0; !u->broken && i < URING_SUBMIT_TRIES && io_uring_sq_ready(&u->ring); i++) {
		err = io_uring_submit(&u->ring);
		/* The kernel took nothing and gave no reason: another ring has the descriptor
		 * now. */
		if (!err)
			uring_break(u, -EBADF);
		else if (err < 0 && !uring_transient(err))
			uring_break(u, err);
	}
	if (u->broken)
		return;
	u->retry_at = UINT64_MAX;
	if (io_uring_sq_ready(&u->ring))
		u->retry_at = clock_now() + URING_RETRY_NS;
}

/*
 * A drive below a virtual machine, and any drive that is fast, often ends all that it has before
 * this thread runs again. It would then have nothing to do until a whole batch is ready: so 32
 * reads of 4 KiB took 18 % longer (docs/performance.md). A short first part keeps the drive busy
 * while this thread prepares the rest. Each further part is as long as all before it together, so
 * there are few system calls.
 */
void uring_push_part(struct uring *u)
{
	unsigned staged;

	if (u->broken)
		return;
	staged = io_uring_sq_ready(&u->ring);
	if (staged < URING_FIRST_PART || staged < u->pushed)
		return;
	uring_push(u);
	/* What the kernel does not take now, it takes at submit(). */
	u->pushed = u->broken || io_uring_sq_ready(&u->ring) ? UINT32_MAX : u->pushed + staged;
}

/* Makes SQEs for the commands that continue. */
static void uring_prep_again(struct uring *u)
{
	struct weir_cmd *cmd;

	while ((cmd = cmds_pop(&u->again)))
		u->kind->prep(u, uring_slot_take(u, &cmd->e_slot), cmd);
}

static void uring_run_discards(struct uring *u)
{
	struct weir_cmd *cmd;

	while ((cmd = cmds_pop(&u->discards))) {
		blocking_run(&u->target, cmd);
		cmds_push(&u->done, cmd);
	}
}

void uring_stage(struct uring *u)
{
	if (u->discards.head)
		uring_run_discards(u);
	if (u->again.head && !u->broken)
		uring_prep_again(u);
}

void uring_submit(struct engine *e)
{
	struct uring *u = (struct uring *)e;

	uring_stage(u);
	uring_push(u);
	u->pushed = 0;
}
