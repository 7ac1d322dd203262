/* SPDX-License-Identifier: Apache-2.0 */
/*
 * placed.h - how much was written by each placement id of the drive, counted by each lane.
 */
#ifndef PLACED_H
#define PLACED_H

#include "queue/lane/state.h"

/* Makes the counters of LANE. 0 or -ENOMEM. */
int placed_init(struct lane *lane);
/* Counts IO, a write that has ended. The lane's owner; where the drive has ids. */
void placed_count(struct lane *lane, const struct weir_io *io);

#endif
