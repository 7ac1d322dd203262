/* SPDX-License-Identifier: Apache-2.0 */
/*
 * control.h - what may change while a queue runs, and how the lanes hear of it.
 *
 * Whoever changes something writes it under the queue's lock, counts `generation` up and wakes the
 * lanes; each lane sees that the number has moved and takes over what is new, on its owner's
 * thread, before it schedules anything else.
 */
#ifndef CONTROL_H
#define CONTROL_H

#include "queue/lane/lane.h"

/* The owner takes over what has changed. */
void control_apply(struct lane *lane);

/* The owner has no request left while the queue drains for a switch. */
void control_drained(struct lane *lane);

/* LANE has no owner any more. That thread's last touch of the queue. */
void control_disown(struct lane *lane);

/* Makes OPS the scheduler once every lane has drained. 0, or -ENOMEM with nothing changed. */
int control_switch(struct weir_queue *q, const struct sched_ops *ops);

/* Makes a scheduler for LANE, which must not run yet. 0 or -ENOMEM. */
int control_first(struct lane *lane);

/* As many lane pools would hold: the default of nr_requests for OPS. */
uint32_t control_nr_requests(const struct weir_queue *q, const struct sched_ops *ops);

/* The lane that schedules for all under OPS, or NULL: each for itself. */
struct lane *control_home(struct weir_queue *q, const struct sched_ops *ops);

/* Q's values have changed: the lanes are to look. Any thread, under the lock. */
void control_changed(struct weir_queue *q);

/* Asks S for its tunables' values. Under Q's lock. */
void control_refresh(struct weir_queue *q, struct sched *s);

/* submitter.c: tells SCHED every weight set after generation SINCE. Under the queue's lock. */
void submitter_apply(const struct weir_queue *q, struct sched *s, uint32_t since);
/* submitter.c: the priority that counts for PRIO of SUBMITTER. Any thread. */
uint16_t submitter_prio(const struct weir_queue *q, uint32_t submitter, uint16_t prio);
/* submitter.c: frees what was set. */
void submitter_destroy(struct weir_queue *q);

#endif
