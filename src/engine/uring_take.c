/* SPDX-License-Identifier: Apache-2.0 */
/*
 * uring_take.c - handles one completion of the ring: its command has finished, or continues.
 *
 * Uses the ring of struct uring; lane's owner only.
 */
#include "base/clock.h"
#include "engine/uring.h"

#ifdef WEIR_VALGRIND
#include <valgrind/memcheck.h>
#endif

/* Handles a CQE of the poll on wake_fd. */
static void take_wake(struct uring *u, const struct io_uring_cqe *cqe)
{
	if (!(cqe->flags & IORING_CQE_F_MORE)) {
		u->wake_armed = false;
		uring_slot_put(u, u->wake_slot);
	}
	if (u->wake_noticed)
		u->wake_noticed--;
	else
		u->wake_pending = true;
}

/* Makes CMD wait; all commands that wait continue together. */
static void take_later(struct uring *u, struct weir_cmd *cmd)
{
	if (!u->later.head)
		u->later_at = clock_now() + URING_LATER_NS;
	cmds_push(&u->later, cmd);
}

#ifdef WEIR_VALGRIND
/* Tells valgrind what a read has brought, because it sees no write of the kernel's to this memory
 * and would call the bytes uninitialised. RES is the kernel's result: bytes, or 0 for all of them
 * (passthrough). */
static void take_note_read(const struct weir_cmd *cmd, int res)
{
	uint64_t left = res ? (uint64_t)res : cmd->length;

	if (res < 0 || cmd->op != WEIR_OP_READ)
		return;
	for (uint32_t i = 0; i < cmd->iovcnt && left; i++) {
		size_t n = cmd->iov[i].iov_len < left ? cmd->iov[i].iov_len : (size_t)left;

		VALGRIND_MAKE_MEM_DEFINED(cmd->iov[i].iov_base, n);
		left -= n;
	}
}
#endif

struct weir_cmd *uring_take(struct uring *u, const struct io_uring_cqe *cqe)
{
	uint64_t data = cqe->user_data;
	enum progress next;
	struct weir_cmd *cmd;

	if (data == URING_WAKE) {
		take_wake(u, cqe);
		return NULL;
	}
	cmd = (struct weir_cmd *)(uintptr_t)(data & ~URING_WRITES_ZEROES);
	uring_slot_put(u, cmd->e_slot);
#ifdef WEIR_VALGRIND
	take_note_read(cmd, cqe->res);
#endif
	next = u->kind->result(u, cmd, data & URING_WRITES_ZEROES, cqe->res);
	if (next == PROGRESS_ENDED)
		return cmd;
	if (u->broken)
		uring_fail(u, cmd);
	else if (next == PROGRESS_LATER)
		take_later(u, cmd);
	else
		cmds_push(&u->again, cmd);
	return NULL;
}
