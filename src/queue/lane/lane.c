/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lane.c - a lane and its loop: take what came, hand it down, reap, call back.
 *
 * The loop is the same whoever runs it, a worker or a thread of the program. The lane's owner,
 * except lane_init() and lane_free().
 */
#include "queue/lane/lane.h"

#include <errno.h>
#include <stdlib.h>

#include "base/check.h"
#include "queue/lane/accept.h"
#include "queue/lane/admit.h"
#include "queue/lane/cancel.h"
#include "queue/lane/control.h"
#include "queue/lane/dispatch.h"
#include "queue/lane/ended.h"
#include "queue/lane/fd.h"
#include "queue/lane/placed.h"
#include "queue/lane/plug.h"
#include "queue/lane/registered.h"
#include "queue/lane/sleep.h"
#include "queue/lane/split.h"
#include "queue/lane/stage.h"
#include "queue/lane/tracing.h"
#include "trace/trace.h"

static void lane_init_lists(struct lane *lane)
{
	io_list_init(&lane->plug.ios);
	io_list_init(&lane->change.held);
	io_list_init(&lane->flush.ios);
	io_list_init(&lane->flush.ready);
	io_list_init(&lane->ended.ios);
	io_list_init(&lane->inbox.forwarded);
	io_list_init(&lane->inbox.returned);
	task_list_init(&lane->ended.tasks);
	task_list_init(&lane->inbox.posted);
	for (unsigned i = 0; i < AWAY_LANES; i++)
		io_list_init(&lane->ended.away[i].ios);
	TAILQ_INIT(&lane->out.dispatch);
}

int lane_init(struct lane *lane, struct weir_queue *q, uint32_t index)
{
	int err;

	CHECK(!lane->q);
	CHECK(index < q->nr_lanes);
	lane->q = q;
	lane->index = index;
	lane->fd.epoll = lane->fd.timer = -1;
	lane->alarm.at = UINT64_MAX;
	lane_init_lists(lane);
	pthread_mutex_init(&lane->inbox.lock, NULL);
	err = sleep_init(lane);
	if (err)
		return err;
	lane->stats = calloc(1, sizeof(*lane->stats));
	err = lane->stats ? tags_init(lane) : -ENOMEM;
	if (!err)
		err = admit_init(lane);
	if (!err)
		err = placed_init(lane);
	if (!err)
		err = control_first(lane);
	return err ? err : tracing_init(lane);
}

void lane_free(struct lane *lane)
{
	if (!lane->q)
		return;
	if (lane->sched)
		lane->sched->ops->exit(lane->sched);
	trace_lane_free(lane->trace);
	if (lane->change.next)
		lane->change.next->ops->exit(lane->change.next);
	fd_close(lane);
	fork_fd_close(&lane->sleep.wake_watch);
	for (uint32_t i = 0; lane->tags.pool && i < lane->tags.nr; i++)
		split_drop(&lane->tags.pool[i]); /* only a child of fork() finds some here */
	tags_destroy(lane);
	admit_destroy(lane);
	free(lane->registered.ranges);
	free(lane->stats);
	free(lane->placed);
}

/* Gives those ios of BATCH to other lanes that are scheduled there. What a home holds when there
 * is none any more goes to the lanes of whoever submitted it: others may have no owner. */
static void lane_forward(struct lane *lane, struct io_list *batch)
{
	struct lane *home = queue_home(lane->q), *to[LANE_KINDS] = { NULL };
	struct io_list all, other[LANE_KINDS];
	struct weir_io *io;

	if (home == lane || (!home && !lane->q->opts.read_lanes))
		return;
	io_list_init(&all);
	for (int kind = 0; kind < LANE_KINDS; kind++)
		io_list_init(&other[kind]);
	io_list_append(&all, batch);
	CHECK(!home || home->q == lane->q);
	while ((io = io_list_pop(&all))) {
		enum lane_kind kind = queue_lane_kind(io);
		struct lane *serves = home ? home : io_priv(io)->lane->serves[kind];

		if (other[kind].first && to[kind] != serves && serves != lane)
			stage_list(to[kind], &other[kind]);
		if (serves != lane)
			to[kind] = serves;
		io_list_add(serves == lane ? batch : &other[kind], io);
	}
	for (int kind = 0; kind < LANE_KINDS; kind++)
		if (other[kind].first)
			stage_list(to[kind], &other[kind]);
}

/* Takes what came: ios that are to be scheduled go to BATCH. */
static void lane_take(struct lane *lane, struct io_list *batch)
{
	struct io_list ended;
	struct task_list tasks;

	if (lane->change.held.first && !lane->change.draining)
		control_take_held(lane, batch);
	plug_take(lane, batch);
	if (!lane_has_staged(lane))
		return;
	io_list_init(&ended);
	task_list_init(&tasks);
	if (!stage_take(lane, batch, &ended, &tasks))
		return;
	ended_add(lane, &ended, &tasks);
	/* This comes after the taking: for a thread that registers memory and then submits, both
	 * are done here. */
	registered_check(lane);
	cancel_check(lane);
}

/* Everything but reaping and calling back: takes, dispatches, submits. */
static void lane_push(struct lane *lane)
{
	struct io_list batch;

	control_check(lane);
	io_list_init(&batch);
	lane_take(lane, &batch);
	lane->now = queue_now(lane->q);
	if (lane->change.draining) {
		control_hold(lane, &batch);
	} else {
		lane_forward(lane, &batch);
		if (accept_has_some(lane, &batch))
			accept_ios(lane, &batch);
	}
	dispatch_run(lane);
	/* Perhaps nothing else comes that would let in those that wait for these tags, or say that
	 * the lane has drained. */
	while (dispatch_has_dropped(lane)) {
		if (lane->change.draining) {
			control_check_drained(lane);
			return;
		}
		accept_ios(lane, &batch);
		dispatch_run(lane);
	}
}

void lane_submit(struct lane *lane, struct weir_io *io)
{
	CHECK(lane_is_mine(lane));
	io_priv(io)->lane = lane;
	io_priv(io)->ctx = (uint16_t)(lane->q->nr_ctxs + lane->index);
	if (!lane->plug.ios.first && !lane->ended.in_callback)
		lane->now = queue_now(lane->q);
	io_priv(io)->start_ns = lane->now;
	tracing_queued(lane, io);
	plug_add(lane, io);
	if (plug_is_full(lane))
		lane_push(lane);
}

/* Where submitters share the tags, free tags are not given away yet: first the submitters whose
 * ios have just ended are called back and can submit the next. */
static void lane_push_after_reap(struct lane *lane)
{
	if (lane->ended.ios.first && admit_by_submitter(lane))
		dispatch_run(lane);
	else
		lane_push(lane);
}

static void lane_reap(struct lane *lane)
{
	lane->now = queue_now(lane->q);
	if (lane->engine->ops->reap(lane->engine, lane->now) && sleep_has_old_work(lane))
		lane_push_after_reap(lane);
	if (__builtin_expect(lane->now >= lane->look_ns, 0))
		tracing_look(lane);
}

unsigned lane_turn(struct lane *lane)
{
	unsigned ended;

	CHECK(lane_is_mine(lane));
	CHECK(!lane->ended.in_callback);
	sleep_end(lane);
	control_check(lane);
	if (sleep_has_new_work(lane) || sleep_has_old_work(lane))
		lane_push(lane);
	if (sleep_must_reap(lane))
		lane_reap(lane);
	if (lane->registered.unsettled)
		registered_settle(lane);
	control_check_drained(lane);
	ended = ended_call_back(lane);
	if (lane->plug.ios.first || (ended && admit_by_submitter(lane)))
		lane_push(lane);
	return ended;
}

void lane_keep_busy(struct lane *lane)
{
	CHECK(lane_is_mine(lane));
	if (lane->plug.ios.first)
		lane_push(lane);
	if (lane->out.commands)
		lane_reap(lane);
	/* Nothing else would give them back before this lane sleeps. */
	ended_give_back(lane);
}

/* Returns true if ios have begun that will be called back here, whichever lane schedules them.
 * It may count too many while others stage ios, never too few. */
static bool lane_awaits_ends(const struct lane *lane)
{
	const struct weir_queue *q = lane->q;
	uint64_t begun = lane->plug.nr_begun;

	for (uint32_t i = 0; i < q->nr_ctxs; i++)
		for (int kind = 0; kind < LANE_KINDS; kind++)
			if (q->ctxs[i].lane[kind] == lane)
				begun += __atomic_load_n(&q->ctxs[i].nr_begun[kind],
							 __ATOMIC_SEQ_CST);
	CHECK(begun >= lane->ended.nr_done);
	return begun != lane->ended.nr_done;
}

bool lane_has_own_work(struct lane *lane)
{
	CHECK(lane_is_mine(lane));
	return lane->out.commands || sleep_has_new_work(lane) || lane->ended.ios.first ||
	       lane->ended.tasks.first || sleep_has_old_work(lane);
}

bool lane_idle(struct lane *lane)
{
	return !lane_has_own_work(lane) && !lane->change.held.first && !lane_awaits_ends(lane);
}

bool lane_run_until(struct lane *lane, bool (*done)(const void *user), const void *user,
		    uint64_t deadline)
{
	bool is_done = done(user);

	while (!is_done) {
		/* There is a turn however short the time is: a program that waits again and again
		 * must get on. It takes the wake-up, so DONE is asked again after it. */
		unsigned ended = lane_turn(lane);

		is_done = done(user);
		if (is_done || (deadline != UINT64_MAX && queue_now(lane->q) >= deadline))
			break;
		if (!ended)
			lane_sleep(lane, deadline);
	}
	lane_rest(lane);
	return is_done;
}

void lane_drain(struct lane *lane)
{
	CHECK(!lane->ended.in_callback);
	while (!lane_idle(lane)) {
		/* An idle lane would sleep for ever, so it is asked again after each turn. */
		if (!lane_turn(lane) && !lane_idle(lane))
			lane_sleep(lane, UINT64_MAX);
	}
}

void lane_finish(struct lane *lane)
{
	CHECK(!lane->ended.in_callback);
	while (lane_has_own_work(lane))
		if (!lane_turn(lane) && lane_has_own_work(lane))
			lane_sleep(lane, UINT64_MAX);
}
