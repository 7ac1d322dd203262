/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dispatch.h - from requests to commands. What runs for each command is inline. The lane's owner.
 */
#ifndef DISPATCH_H
#define DISPATCH_H

#include "base/check.h"
#include "queue/lane/state.h"

/* Delay before a command that the engine refused is offered again while nothing is in flight. */
#define DISPATCH_RERUN_NS (3 * NSEC_PER_MSEC)

/* Hands BATCH, which is new, to the scheduler; straight to the engine where that is allowed. */
void dispatch_hand_on(struct lane *lane, struct sched_list *batch);
/* Hands requests to the engine while there is room, and has it begin. */
void dispatch_run(struct lane *lane);
/* True if there is room and nothing goes before what the scheduler holds. */
bool dispatch_may_ask(const struct lane *lane);

/* True if a request was dropped since this was last asked: ios that wait may have its tag. */
static inline bool dispatch_has_dropped(struct lane *lane)
{
	if (__builtin_expect(!lane->out.dropped, 1))
		return false;
	lane->out.dropped = false;
	return true;
}

/* What CMD counts for against depth_bytes. */
static inline uint64_t dispatch_bytes(const struct weir_cmd *cmd)
{
	return cmd->op == WEIR_OP_READ || cmd->op == WEIR_OP_WRITE ? cmd->length : 0;
}

/* CMD is with the engine (N: 1), or no longer (-1). */
static inline void dispatch_count(struct lane *lane, int n, const struct weir_cmd *cmd)
{
	uint64_t bytes = dispatch_bytes(cmd);

	CHECK(n > 0 || lane->out.commands);
	__atomic_store_n(&lane->out.commands, lane->out.commands + (uint32_t)n, __ATOMIC_RELAXED);
	__atomic_store_n(&lane->out.bytes,
			 n > 0 ? lane->out.bytes + bytes : lane->out.bytes - bytes,
			 __ATOMIC_RELAXED);
}

/* RQ goes to the engine without the scheduler, behind others of the kind. */
static inline void dispatch_add(struct lane *lane, struct request *rq)
{
	CHECK(rq->state == REQUEST_TAKEN);
	TAILQ_INSERT_TAIL(&lane->out.dispatch, rq, link);
}

/* CMD has left the engine. */
static inline void dispatch_ended(struct lane *lane, const struct weir_cmd *cmd)
{
	dispatch_count(lane, -1, cmd);
	lane->out.refused = false; /* there is room in the engine now */
}

#endif
