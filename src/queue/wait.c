/* SPDX-License-Identifier: Apache-2.0 */
/*
 * wait.c - submitting, polling and waiting: what programs call. Owns nothing; any thread.
 */
#include <errno.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/done.h"
#include "base/error.h"
#include "base/parse.h"
#include "queue/lane/lane.h"
#include "queue/validate.h"

int weir_queue_submit(struct weir_queue *q, struct weir_io *io)
{
	struct lane *lane;
	int err = queue_check_process(q);

	if (!err)
		err = validate_io(q, io);
	if (!err)
		err = owner_lane_or_attach(q, &lane);
	if (err)
		return err;
	io->result = 0;
	io->status = 0;
	io->cause = 0;
	io->ring_lost = 0;
	io_priv(io)->cursor = 0;
	io_priv(io)->iov_index = 0;
	io_priv(io)->iov_skip = 0;
	io_priv(io)->parts = 0;
	__atomic_store_n(&io_priv(io)->cancel, 0, __ATOMIC_RELAXED);
	io_priv(io)->step = STEP_NONE;
	io_priv(io)->prio = settings_prio(q, io->submitter, io->prio);
	io_priv(io)->account = settings_account(q, io->submitter);
	done_begin(&io_priv(io)->state);
	if (lane)
		lane_submit(lane, io);
	else
		stage_io(q, io);
	return 0;
}

int weir_io_cancel(struct weir_queue *q, struct weir_io *io)
{
	int err = queue_check_process(q);

	if (err)
		return err;
	if (done_is_idle(&io_priv(io)->state))
		return error_set(-EINVAL, "cancels an io that was never submitted");
	cancel_ask(q, io);
	return 0;
}

int weir_queue_post(struct weir_queue *q, uint32_t index, struct weir_task *task)
{
	int err = queue_check_process(q);

	if (err)
		return err;
	if (index >= q->opts.lanes)
		return error_set(-EINVAL, "no lane %u: the queue has %u", index, q->opts.lanes);
	/* The owner's tasks go this way too, so that they come after those that others posted
	 * before. */
	stage_task(&q->lanes[index], task);
	return 0;
}

/* Finds the lane of Q that the calling thread owns; NULL: none. It may become the owner of lane 0
 * by this. A callback is refused, whichever queue it is of: its own loop stands still meanwhile,
 * and ios of Q may need that loop. */
static int wait_find_lane(struct weir_queue *q, struct lane **lane)
{
	int err = queue_check_process(q);

	if (err)
		return err;
	if (owner_in_callback())
		return error_in_callback("poll or wait: the loop that runs it would stand still");
	return owner_lane_or_attach(q, lane);
}

/* Finds the lane that the calling thread may poll. */
static int wait_polled_lane(struct weir_queue *q, struct lane **lane)
{
	int err = wait_find_lane(q, lane);

	if (err)
		return err;
	return *lane ? 0 : error_set(-EPERM, "this thread owns no lane of the queue");
}

int weir_queue_poll_wait(struct weir_queue *q, uint64_t timeout_ns)
{
	struct lane *lane;
	int err = wait_polled_lane(q, &lane);
	unsigned ended;

	if (err)
		return err;
	ended_expect_task(lane);
	ended = lane_turn(lane);
	if (!ended && !lane->ended.task_ran && timeout_ns) {
		lane_sleep(lane, clock_deadline(queue_now(q), timeout_ns));
		ended = lane_turn(lane);
	}
	lane_rest(lane);
	if (!timeout_ns)
		lane_polled(lane, ended);
	return (int)ended;
}

int weir_queue_poll(struct weir_queue *q)
{
	return weir_queue_poll_wait(q, 0);
}

/* Returns how many ios are outstanding on all lanes together. It may be too high while ios end,
 * never too low. */
static uint64_t wait_outstanding(struct weir_queue *q)
{
	uint64_t begun = 0, done = 0;

	for (uint32_t i = 0; i < q->nr_lanes; i++)
		done += __atomic_load_n(&q->lanes[i].ended.nr_done, __ATOMIC_SEQ_CST);
	for (uint32_t i = 0; i < q->nr_lanes; i++)
		begun += __atomic_load_n(&q->lanes[i].plug.nr_begun, __ATOMIC_RELAXED);
	for (uint32_t i = 0; i < q->nr_ctxs; i++)
		for (int kind = 0; kind < LANE_KINDS; kind++)
			begun += __atomic_load_n(&q->ctxs[i].nr_begun[kind], __ATOMIC_RELAXED);
	CHECK(begun >= done);
	return begun - done;
}

static void wait_from_outside(struct weir_queue *q)
{
	__atomic_fetch_add(&q->drain_waiters, 1, __ATOMIC_SEQ_CST);
	pthread_mutex_lock(&q->lock);
	while (wait_outstanding(q))
		pthread_cond_wait(&q->changed, &q->lock);
	pthread_mutex_unlock(&q->lock);
	__atomic_fetch_sub(&q->drain_waiters, 1, __ATOMIC_SEQ_CST);
}

int weir_queue_wait(struct weir_queue *q)
{
	struct lane *lane;
	int err = wait_find_lane(q, &lane);

	if (err)
		return err;
	if (!lane) {
		wait_from_outside(q);
		return 0;
	}
	lane_drain(lane);
	lane_rest(lane);
	return 0;
}

/* Returns the result of IO, which has ended, and sets the words if it is an error. */
static int wait_result(const struct weir_queue *q, const struct weir_io *io)
{
	char text[400];

	if (!io->result)
		return 0;
	return error_set(io->result, "%s: %s", weir_device_path(q->dev),
			 weir_io_strerror(io, text, sizeof(text)));
}

/* From now on LANE is woken by the end of ios on other lanes that are announced (base/done.h). */
static void wait_enter(struct lane_waiter *waiter, struct lane *lane)
{
	struct weir_queue *q = lane->q;

	waiter->lane = lane;
	pthread_mutex_lock(&q->lock);
	LIST_INSERT_HEAD(&q->waiters, waiter, link);
	__atomic_fetch_add(&q->nr_waiters, 1, __ATOMIC_SEQ_CST);
	pthread_mutex_unlock(&q->lock);
}

static void wait_leave(struct lane_waiter *waiter)
{
	struct weir_queue *q = waiter->lane->q;

	pthread_mutex_lock(&q->lock);
	CHECK(q->nr_waiters);
	LIST_REMOVE(waiter, link);
	__atomic_fetch_sub(&q->nr_waiters, 1, __ATOMIC_SEQ_CST);
	pthread_mutex_unlock(&q->lock);
}

static bool wait_io_ended(const void *io)
{
	return done_is_finished(&io_priv((const struct weir_io *)io)->state);
}

/* Runs the caller's lane until IO has ended; false: DEADLINE came first. The end of an io on
 * another lane wakes this one. */
static bool wait_as_owner(struct lane *lane, struct weir_io *io, uint64_t deadline)
{
	struct lane_waiter waiter;
	bool ended;

	if (io_priv(io)->lane == lane)
		return lane_run_until(lane, wait_io_ended, io, deadline);
	wait_enter(&waiter, lane);
	(void)done_announce(&io_priv(io)->state); /* lane_run_until() sees if it has ended */
	ended = lane_run_until(lane, wait_io_ended, io, deadline);
	wait_leave(&waiter);
	return ended;
}

int weir_io_wait(struct weir_queue *q, struct weir_io *io, uint64_t timeout_ns)
{
	struct lane *lane;
	int err = wait_find_lane(q, &lane);
	bool ended;
	char time[32];

	if (err)
		return err;
	/* Perhaps it was refused at submit, and nobody looked at the result. */
	if (done_is_idle(&io_priv(io)->state))
		return error_set(-EINVAL, "waits for an io that was never submitted");
	if (lane)
		ended = wait_as_owner(lane, io, clock_deadline(queue_now(q), timeout_ns));
	else if (done_is_finished(&io_priv(io)->state))
		ended = true; /* without the clock, which costs as much as a submission */
	else
		ended = done_wait(&io_priv(io)->state, clock_deadline(clock_now(), timeout_ns));
	if (ended)
		return wait_result(q, io);
	return error_set(-ETIMEDOUT, "the io has not ended within %s; it goes on",
			 format_time(timeout_ns, time, sizeof(time)));
}

int weir_queue_fd(struct weir_queue *q)
{
	struct lane *lane;
	int err = queue_check_process(q);

	if (!err)
		err = owner_lane_or_attach(q, &lane);
	if (err)
		return err;
	if (!lane)
		return error_set(-EPERM, "this thread owns no lane of the queue");
	if (lane->fd.epoll >= 0)
		return lane->fd.epoll;
	err = fd_make(lane);
	if (err)
		return err;
	if (!lane->ended.in_callback) /* else the call that runs the loop does it at its end */
		lane_rest(lane);
	return lane->fd.epoll;
}
