/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stage.h - what other lanes leave for a lane, and how the owner takes it.
 */
#ifndef STAGE_H
#define STAGE_H

#include "queue/lane/state.h"

/* Gives the ios of LIST to LANE, which schedules them. Any thread. */
void stage_list(struct lane *lane, struct io_list *list);
/* Gives the ios of LIST, which have ended, to LANE, which calls them back. LIST is empty then. Any
 * thread. */
void stage_returned(struct lane *lane, struct io_list *list);
/* The owner takes what came: ios go to INTO, those that ended elsewhere to ENDED. False: nothing
 * came. */
bool stage_take(struct lane *lane, struct io_list *into, struct io_list *ended,
		struct task_list *tasks);

#endif
