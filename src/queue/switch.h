/* SPDX-License-Identifier: Apache-2.0 */
/*
 * switch.h - switching the scheduler.
 */
#ifndef QUEUE_SWITCH_H
#define QUEUE_SWITCH_H

#include <weir/queue.h>

#include "sched/sched.h"

/* Makes OPS the scheduler once every lane has drained; NULL: the one that the queue has or will
 * have, which gets a home or loses it if what decides that has changed. 0, or -ENOMEM with nothing
 * changed. Any thread. */
int switch_scheduler(struct weir_queue *q, const struct sched_ops *ops);

/* The lane of Q that the calling thread owns takes over what has changed; it need not wait for its
 * next turn. Nothing, if the thread owns none or is inside a callback. Any thread. */
void switch_apply_own(struct weir_queue *q);

#endif
