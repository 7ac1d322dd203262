/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ended.h - ios that have ended, and their callbacks. The lane's owner.
 */
#ifndef ENDED_H
#define ENDED_H

#include "queue/lane/state.h"

/* IO has ended: counts it, and it will be called back by the lane that it was submitted on. */
void ended_io(struct lane *lane, struct weir_io *io);
/* IO ends with -EAGAIN, as WEIR_IO_NOWAIT asks for. */
void ended_again(struct lane *lane, struct weir_io *io);
/* Hands the ios that have ended here to the lanes that call them back. ended_call_back() does it
 * too. */
void ended_give_back(struct lane *lane);
/* Moves what was posted, and what ended on other lanes, to the owner's lists. */
void ended_add(struct lane *lane, struct io_list *ios, struct task_list *tasks);
/* Calls everything back that has ended, and runs the tasks. At the top level of the loop, with
 * nothing held. Returns how many ios were called back. */
unsigned ended_call_back(struct lane *lane);

#endif
