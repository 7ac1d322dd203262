/* SPDX-License-Identifier: Apache-2.0 */
/*
 * placement.h - how much was written by each placement id of the drive: between the files of the
 * queue.
 */
#ifndef QUEUE_PLACEMENT_H
#define QUEUE_PLACEMENT_H

#include "queue/lane/lane.h"

/* Makes the list of Q's ids, before its lanes. 0 or -ENOMEM. */
int placement_open(struct weir_queue *q);

/* Makes the counters of LANE. 0 or -ENOMEM. */
int placement_init(struct lane *lane);

/* Counts IO, a write that has ended. The lane's owner; where the drive has ids. */
void placement_count(struct lane *lane, const struct weir_io *io);

#endif
