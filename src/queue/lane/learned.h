/* SPDX-License-Identifier: Apache-2.0 */
/*
 * learned.h - what the schedulers of the lanes have learned of the drive, on its way to and from
 * programs. See learned.c.
 */
#ifndef LEARNED_H
#define LEARNED_H

#include "queue/lane/lane.h"

/* LANE shows what its scheduler has learned so far, if that can be kept. The owner, under the
 * queue's lock. */
void learned_show(struct lane *lane);
/* LANE's scheduler takes over what it was given after generation SINCE; TAKEN: it is new, and what
 * learned_move() has left counts first. The owner, under the lock. */
void learned_take(struct lane *lane, uint32_t since, bool taken);
/* The home becomes HOME (NULL: each lane schedules for itself), with new instances of the same
 * scheduler: leaves to them what the home, or the first lane, has shown. Under the lock. */
void learned_move(struct weir_queue *q, struct lane *home);

#endif
