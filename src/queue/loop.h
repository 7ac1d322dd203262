/* SPDX-License-Identifier: Apache-2.0 */
/*
 * loop.h - the loop of lane 0, for the layer above that keeps its state there.
 */
#ifndef LOOP_H
#define LOOP_H

#include <stdbool.h>
#include <stdint.h>

#include <weir/queue.h>

/* Returns true if the calling thread is inside a callback of any queue: then it may not wait. */
bool loop_in_callback(void);

/* Returns true if the calling thread owns lane 0 of Q. */
bool loop_is_mine(const struct weir_queue *q);

/* Runs the loop, which must be the calling thread's, until DONE says so or DEADLINE has come
 * (UINT64_MAX: never); sleeps while there is nothing to do. DONE turns true in a callback or a
 * task of the loop. Returns true where DONE said so. */
bool loop_run_until(struct weir_queue *q, bool (*done)(const void *user), const void *user,
		    uint64_t deadline);

/*
 * Takes what the drive has completed on the calling thread's lane, and hands it what waits. Nobody
 * is called back before the next turn of the loop, so callbacks and tasks may call it: between the
 * parts of a long computation, so that the drive does not stand still for it.
 */
void loop_keep_busy(const struct weir_queue *q);

/* While NARROW, the drive gets half of Q's depth_bytes at a time from the calling thread's lane. */
void loop_narrow(const struct weir_queue *q, bool narrow);

/* Returns the time of Q, ns: clock_now(), or that of a simulated drive. Any thread. */
uint64_t loop_now(const struct weir_queue *q);

/* Has the loop, which must be the calling thread's, run TASK at AT, of loop_now(), or soon after.
 * It replaces the alarm that was set; UINT64_MAX: there is none. */
void loop_set_alarm(struct weir_queue *q, struct weir_task *task, uint64_t at);

/* Returns true if the device below Q was removed since it was opened. Any thread. */
bool loop_device_is_removed(const struct weir_queue *q);

/* Returns true if the scheduler of Q learns something that can be kept. Any thread. */
bool loop_learns(const struct weir_queue *q);

/* Returns true if the scheduler of Q may keep the drive free after a synchronous io, for the next
 * one of its kind, and lets background ios go meanwhile. Any thread. */
bool loop_idles(const struct weir_queue *q);

#endif
