/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lane.h - all of a lane that the queue's own files use. The other headers of this folder are for
 * its files only.
 *
 * A lane belongs to one thread, its owner. The functions below run on the owner's thread unless
 * they say otherwise.
 */
#ifndef LANE_H
#define LANE_H

#include "queue/lane/queue.h"
#include "queue/lane/state.h"

/* lane.c: life and loop. */

/* Makes lane INDEX of Q, whose memory is zero. 0 or -errno, words set but for -ENOMEM. */
int lane_init(struct lane *lane, struct weir_queue *q, uint32_t index);
/* Frees what LANE has; its locks are left as they are. */
void lane_free(struct lane *lane);
/* Submits IO, which is prepared, as the owner. */
void lane_submit(struct lane *lane, struct weir_io *io);
/* One turn of the loop; returns how many ios were called back. */
unsigned lane_turn(struct lane *lane);
/* Takes what the drive has completed, and hands down what waits; calls nobody back, so a callback
 * may call it. */
void lane_keep_busy(struct lane *lane);
/* Runs the lane until DONE says so or DEADLINE has come (UINT64_MAX: never), but one turn at
 * least unless DONE says so at once; sleeps while there is nothing to do, and rests the lane.
 * Returns true if DONE said so. */
bool lane_run_until(struct lane *lane, bool (*done)(const void *user), const void *user,
		    uint64_t deadline);
/* Runs the lane until it is idle. */
void lane_drain(struct lane *lane);
/* True if nothing is outstanding, waiting or staged. */
bool lane_idle(struct lane *lane);
/* True if LANE would do something in a turn, now or when commands end; false where it only waits
 * for other lanes. */
bool lane_has_own_work(struct lane *lane);
/* Runs the lane until it has no work of its own: other lanes may still have ios that end here. */
void lane_finish(struct lane *lane);

/* ended.c: forgets that tasks ran: lane->ended.task_ran says whether one did since. */
void ended_expect_task(struct lane *lane);

/* sleep.c: sleeping. */

/* Sleeps until there may be something to do, or until DEADLINE. */
void lane_sleep(struct lane *lane, uint64_t deadline);

/* Has the lane run TASK at AT, of queue_now(), or soon after. It replaces the alarm that was set.
 * UINT64_MAX: there is none. */
void lane_set_alarm(struct lane *lane, struct weir_task *task, uint64_t at);
/* The owner returns to its program, which may sleep in a way of its own: marks the lane asleep,
 * and sees to it that the descriptor fires for what is there and when. */
void lane_rest(struct lane *lane);
/* The owner has polled without sleeping, and ENDED ios were called back. */
void lane_polled(struct lane *lane, unsigned ended);
/* When the lane must run although nothing happens; UINT64_MAX: never. */
uint64_t lane_next_event(struct lane *lane);
/* wake.c: waking. Any thread. */

/* Something may be staged for LANE: its owner is to look. */
void lane_wake(struct lane *lane);
/* Wakes every lane of Q. */
void lane_wake_all(struct weir_queue *q);
/* True if lane_wake() was called and the owner has not looked since. */
static inline bool lane_has_staged(const struct lane *lane)
{
	return __atomic_load_n(&lane->sleep.staged, __ATOMIC_SEQ_CST);
}

/* stage.c: how ios come in from other threads. Any thread. */
void stage_io(struct weir_queue *q, struct weir_io *io);
void stage_task(struct lane *lane, struct weir_task *task);

/* fd.c: the descriptor for event loops; 0, or -errno with words. */
int fd_make(struct lane *lane);

/* owner.c: who runs a lane. */

/* The lane of Q that the calling thread owns, or NULL. Any thread. */
struct lane *owner_lane(const struct weir_queue *q);
/* As owner_lane(), but takes lane 0 of a queue without workers if it is free. The caller has asked
 * queue_check_process(). 0, or what the engine said; *LANE may be NULL. */
int owner_lane_or_attach(struct weir_queue *q, struct lane **lane);
/* True if the calling thread is inside a callback of any queue. */
bool owner_in_callback(void);
/* Makes the calling thread the owner. 0, -EBUSY without words, or what the engine said. */
int owner_attach(struct lane *lane);
/* Drains the lane and gives it back. */
void owner_detach(struct lane *lane);
/* Gives the lane back when it has no work of its own; other lanes may still stage some. */
void owner_leave(struct lane *lane);
/* The calling thread owns LANE and others of its queue: owner_lane() is LANE from now on. */
void owner_use(struct lane *lane);
/* True if LANE is the calling thread's, or was before the fork(). */
bool owner_has(const struct lane *lane);
/* In a child of fork(): frees the engine of LANE if owner_has() it, and it is no longer. */
void owner_forget(struct lane *lane);
/* True if some thread owns LANE. Any thread. */
static inline bool owner_is_there(const struct lane *lane)
{
	return __atomic_load_n(&lane->owner.owned, __ATOMIC_SEQ_CST);
}

/* worker.c: threads of the queue's own. */
int worker_start(struct lane *lane);
/* Waits for the end of LANE's worker, which has been told to stop; nothing if there is none. */
void worker_join(struct lane *lane);

/* control.c: what may change while a queue runs, and how the lanes hear of it.
 *
 * Whoever changes something writes it under the queue's lock, counts `generation` up and wakes the
 * lanes (control_changed()); each lane sees that the number has moved and takes over what is new,
 * on its owner's thread, before it schedules anything else. */

/* The owner takes over what has changed. */
void control_apply(struct lane *lane);
/* Values of Q have changed: the lanes are to look. Any thread, under the lock. */
void control_changed(struct weir_queue *q);
/* Asks S for the values of its tunables. Under Q's lock. */
void control_refresh(struct weir_queue *q, struct sched *s);
/* The default of nr_requests for OPS: as many as the pools of lanes would hold. */
uint32_t control_nr_requests(const struct weir_queue *q, const struct sched_ops *ops);
/* The lane that schedules for all under OPS, or NULL: each for itself. Under the lock, or before
 * others know of Q. */
struct lane *control_home(struct weir_queue *q, const struct sched_ops *ops);
/* Makes an instance of OPS for LANE, one of several or for all lanes. 0 or -ENOMEM. Any thread. */
int control_make_sched(struct lane *lane, const struct sched_ops *ops, bool per_lane,
		       uint32_t nr_requests, struct sched **s);
/* Stores NEXT, which LANE takes as its scheduler when the queue has drained. Any thread, under
 * the lock. */
void control_set_next(struct lane *lane, struct sched *next);
/* Ends the switch of the scheduler that is under way if every lane has drained. Under the lock. */
void control_try_finish(struct weir_queue *q);

/* registered.c: memory that is registered. */

/* Registers new pieces and lets go of those that leave. A failure is noted, and ios go on
 * without the piece. */
void registered_settle(struct lane *lane);
/* Frees the place of piece INDEX if the piece leaves and no lane has it. Any thread, under the
 * queue's lock. */
void registered_free_piece(struct weir_queue *q, uint32_t index);

/* cancel.c: asks for IO, which was submitted on Q, to end before the drive sees it. Any thread;
 * never blocks. */
void cancel_ask(struct weir_queue *q, struct weir_io *io);

/* admit.c: SUBMITTER will have no more ios. The account it had is the next one to be used for
 * another. */
void admit_forget(struct lane *lane, uint32_t submitter);

/* settings.c: what is set for single submitters. */
/* Returns what the policy of SUBMITTER makes of PRIO, where settings exist. Any thread. */
uint16_t settings_prio_set(struct settings *settings, uint32_t submitter, uint16_t prio);
/* Returns the priority that counts for PRIO of SUBMITTER. Any thread. */
static inline uint16_t settings_prio(const struct weir_queue *q, uint32_t submitter, uint16_t prio)
{
	struct settings *settings = __atomic_load_n(&q->settings, __ATOMIC_ACQUIRE);

	if (settings)
		prio = settings_prio_set(settings, submitter, prio);
	if (!prio)
		return WEIR_PRIO_DEFAULT;
	return prio >> 13 ? prio : (uint16_t)(prio | WEIR_PRIO_BE(0));
}
/* Returns the group of SUBMITTER, or itself, where settings exist. Any thread. */
uint32_t settings_group_of(struct settings *settings, uint32_t submitter);
/* Returns the number by which the scheduler knows SUBMITTER: its group's, or its own. Any thread.
 */
static inline uint32_t settings_account(const struct weir_queue *q, uint32_t submitter)
{
	struct settings *settings = __atomic_load_n(&q->settings, __ATOMIC_ACQUIRE);

	return settings ? settings_group_of(settings, submitter) : submitter;
}
/* Sets the group of SUBMITTER. As settings_set_weight(). */
int settings_set_group(struct weir_queue *q, uint32_t submitter, uint32_t group);
/* Sets the weight of SUBMITTER as of the next generation. 0, -ENOMEM or -ENOSPC with words. Under
 * the queue's lock. */
int settings_set_weight(struct weir_queue *q, uint32_t submitter, uint32_t weight);
/* Sets the policy of SUBMITTER. As settings_set_weight(). */
int settings_set_policy(struct weir_queue *q, uint32_t submitter, uint32_t policy);
/* Frees all settings. */
void settings_destroy(struct weir_queue *q);

#endif
