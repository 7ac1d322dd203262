/* SPDX-License-Identifier: Apache-2.0 */
/*
 * placement.h - the placement ids of the drive, for opening a queue.
 */
#ifndef QUEUE_PLACEMENT_H
#define QUEUE_PLACEMENT_H

#include "queue/lane/lane.h"

/* Makes the list of Q's ids, before its lanes. 0 or -ENOMEM. */
int placement_open(struct weir_queue *q);

#endif
