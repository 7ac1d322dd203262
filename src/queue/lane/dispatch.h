/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dispatch.h - from requests to commands. The lane's owner.
 */
#ifndef DISPATCH_H
#define DISPATCH_H

#include "queue/lane/state.h"

/* Delay before a command that the engine refused is offered again while nothing is in flight. */
#define DISPATCH_RERUN_NS (3 * NSEC_PER_MSEC)

/* RQ goes to the engine without the scheduler, behind others of the kind. */
void dispatch_add(struct lane *lane, struct request *rq);
/* Hands BATCH, which is new, to the scheduler; straight to the engine where that is allowed. */
void dispatch_hand_on(struct lane *lane, struct sched_list *batch);
/* Hands requests to the engine while there is room, and has it begin. */
void dispatch_run(struct lane *lane);
/* CMD has left the engine. */
void dispatch_ended(struct lane *lane, const struct weir_cmd *cmd);
/* True if there is room and nothing goes before what the scheduler holds. */
bool dispatch_may_ask(const struct lane *lane);

#endif
