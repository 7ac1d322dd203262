/* SPDX-License-Identifier: Apache-2.0 */
/*
 * control.h - what changes while a queue runs, for the files of a lane.
 */
#ifndef CONTROL_H
#define CONTROL_H

#include "queue/lane/lane.h"

/* Makes the first scheduler of LANE, which must not run yet. 0 or -ENOMEM. */
int control_first(struct lane *lane);
/* Takes over what has changed since the owner last looked. */
void control_check(struct lane *lane);
/* While the queue drains: the ios of LIST wait, or end if they must not wait. */
void control_hold(struct lane *lane, struct io_list *list);
/* Moves what was held to INTO. The queue does not drain any more. */
void control_take_held(struct lane *lane, struct io_list *into);
/* While the queue drains: notes that LANE has no request left, if it has none. */
void control_check_drained(struct lane *lane);
/* LANE has no owner any more. That thread's last touch of the queue. */
void control_disown(struct lane *lane);

#endif
