/* SPDX-License-Identifier: Apache-2.0 */
/*
 * uring_break.c - marks a ring as broken, and ends the commands that the kernel had not taken.
 * uring_lost.c does the rest. Lane's owner only.
 */
#include <errno.h>
#include <string.h>

#include "base/error.h"
#include "engine/uring.h"

void uring_fail(struct uring *u, struct weir_cmd *cmd)
{
	cmd->ring_lost = (uint16_t)-u->broken;
	progress_end(cmd, -EIO);
	cmds_push(&u->done, cmd);
}

/* Finishes the commands in the SQ, which the kernel will never take. */
static void break_unsent(struct uring *u)
{
	struct io_uring_sq *sq = &u->ring.sq;
	unsigned head = __atomic_load_n(sq->khead, __ATOMIC_ACQUIRE);

	for (; head != sq->sqe_tail; head++) {
		uint64_t data = uring_unsent(u, head);
		struct weir_cmd *cmd = (struct weir_cmd *)(uintptr_t)(data & ~URING_WRITES_ZEROES);

		if (data == URING_WAKE) {
			uring_slot_put(u, u->wake_slot);
			continue;
		}
		uring_slot_put(u, cmd->e_slot);
		uring_fail(u, cmd);
	}
}

void uring_break(struct uring *u, int err)
{
	struct weir_cmd *cmd;

	if (u->broken)
		return;
	u->broken = err;
	break_unsent(u);
	cmds_append(&u->again, &u->later);
	u->later_at = UINT64_MAX;
	while ((cmd = cmds_pop(&u->again)))
		uring_fail(u, cmd);
	u->retry_at = 0; /* so that reap() continues with it */
	error_set(-EIO, "%s: the queue's io_uring ring is gone (%s): close and reopen the queue",
		  weir_device_path(u->engine.params.dev), strerror(-err));
}
