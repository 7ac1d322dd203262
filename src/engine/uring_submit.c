/* SPDX-License-Identifier: Apache-2.0 */
/*
 * uring_submit.c - hands the kernel what was accepted, once, and deals with what it leaves.
 *
 * Works on the ring of struct uring; lane's owner only.
 */
#include <errno.h>

#include "base/clock.h"
#include "engine/progress.h"
#include "engine/uring.h"

/* Calls in a row that leave something in the SQ, before it is left for later. */
#define URING_SUBMIT_TRIES 8

void uring_fail(struct uring *u, struct weir_cmd *cmd, int err)
{
	progress_end(cmd, err);
	cmds_push(&u->done, cmd);
}

void uring_break(struct uring *u, int err)
{
	struct io_uring_sq *sq = &u->ring.sq;
	unsigned head = __atomic_load_n(sq->khead, __ATOMIC_ACQUIRE);
	struct weir_cmd *cmd;

	u->broken = err;
	for (; head != sq->sqe_tail; head++) {
		uint64_t data = uring_unsent(u, head);

		if (data != URING_WAKE)
			uring_fail(u, (struct weir_cmd *)(uintptr_t)(data & ~URING_WRITES_ZEROES),
				   err);
	}
	cmds_append(&u->again, &u->later);
	u->later_at = UINT64_MAX;
	while ((cmd = cmds_pop(&u->again)))
		uring_fail(u, cmd, err);
}

bool uring_transient(int err)
{
	return err == -EINTR || err == -EAGAIN || err == -EBUSY || err == -ETIME;
}

void uring_push(struct uring *u)
{
	int ret;

	for (int i = 0; i < URING_SUBMIT_TRIES && io_uring_sq_ready(&u->ring) && !u->broken; i++) {
		ret = io_uring_submit(&u->ring);
		if (ret < 0 && !uring_transient(ret))
			uring_break(u, ret);
	}
	u->retry_at = UINT64_MAX;
	if (!u->broken && io_uring_sq_ready(&u->ring))
		u->retry_at = clock_now() + URING_RETRY_NS;
}

/* SQEs for the commands that go on. */
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
}
