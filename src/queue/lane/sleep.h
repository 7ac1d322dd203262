/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sleep.h - how the loop notices that it was asleep, and what it has to do. The lane's owner.
 */
#ifndef SLEEP_H
#define SLEEP_H

#include "queue/lane/state.h"

/* Makes the eventfd that wakes the lane. 0, or -errno with words. */
int sleep_init(struct lane *lane);
/* Ends what lane_rest() began. */
void sleep_end(struct lane *lane);
/* True if the engine may have something for reap(); after a sleep perhaps only a wake-up. */
bool sleep_must_reap(struct lane *lane);
/* True if ios came that were not scheduled yet. */
bool sleep_has_new_work(const struct lane *lane);
/* Returns true if anything waits that could go on if a tag were free or the engine had room. */
bool sleep_has_old_work(const struct lane *lane);

#endif
