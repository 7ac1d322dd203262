/* SPDX-License-Identifier: Apache-2.0 */
/*
 * settings.h - what is set for single submitters, for the files of a lane.
 */
#ifndef SETTINGS_H
#define SETTINGS_H

#include "queue/lane/lane.h"

/* Returns true if some submitters have a weight of their own or a group. Under the queue's lock. */
bool settings_unlike(const struct weir_queue *q);

/* Tells S every weight that was set after generation SINCE. Under the queue's lock. */
void settings_apply(const struct weir_queue *q, struct sched *s, uint32_t since);

/* Returns the weight that was set for SUBMITTER, or 0. Any thread. */
uint32_t settings_weight_of(const struct weir_queue *q, uint32_t submitter);

#endif
