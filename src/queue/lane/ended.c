/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ended.c - ios that have ended are collected, and called back at the top level of the loop, with
 * nothing held.
 *
 * An io is called back by the lane that it was submitted on, whichever lane scheduled it. Owns
 * lane->ended. The lane's owner.
 */
#include "queue/lane/ended.h"

#include <errno.h>

#include "base/check.h"
#include "base/done.h"
#include "queue/lane/alarm.h"
#include "queue/lane/lane.h"
#include "queue/lane/placed.h"
#include "queue/lane/stage.h"

void ended_io(struct lane *lane, struct weir_io *io)
{
	struct lane *home = io_priv(io)->lane;

	CHECK(!done_is_finished(&io_priv(io)->state)); /* an io ends once */
	hist_add(&lane->stats->op[io->op].ios, 1);
	if (io->result)
		hist_add(&lane->stats->op[io->op].errors, 1);
	else
		hist_add(&lane->stats->op[io->op].bytes, io->length);
	if (lane->placed && io->op == WEIR_OP_WRITE)
		placed_count(lane, io);
	if (home == lane)
		io_list_add(&lane->ended.ios, io);
	else
		stage_returned(home, io);
}

void ended_again(struct lane *lane, struct weir_io *io)
{
	io->result = -EAGAIN;
	io_priv(io)->failed_offset = io->offset;
	ended_io(lane, io);
}

void ended_expect_task(struct lane *lane)
{
	CHECK(lane_is_mine(lane));
	lane->ended.task_ran = false;
}

void ended_add(struct lane *lane, struct io_list *ios, struct task_list *tasks)
{
	io_list_append(&lane->ended.ios, ios);
	task_list_append(&lane->ended.tasks, tasks);
}

/* Owners of other lanes that wait for an io sleep in their engines, where no futex wakes them. */
static __attribute__((cold)) void ended_wake(struct weir_queue *q, uint32_t *word)
{
	struct lane_waiter *waiter;

	done_wake(word);
	if (!__atomic_load_n(&q->nr_waiters, __ATOMIC_SEQ_CST))
		return;
	pthread_mutex_lock(&q->lock);
	LIST_FOREACH(waiter, &q->waiters, link)
		lane_wake(waiter->lane);
	pthread_mutex_unlock(&q->lock);
}

/* The io is the caller's from done_mark() on, so `end` is read before. */
static void ended_call(struct lane *lane, struct weir_io *io)
{
	void (*end)(struct weir_io *) = io->end;
	if (done_mark(&io_priv(io)->state))
		ended_wake(lane->q, &io_priv(io)->state);
	if (end)
		end(io);
}

static void ended_run_tasks(struct lane *lane)
{
	struct task_list tasks;
	struct weir_task *task;

	task_list_init(&tasks);
	task_list_append(&tasks, &lane->ended.tasks);
	while ((task = task_list_pop(&tasks))) {
		task->fn(task);
		lane->ended.task_ran = true;
	}
}

/* Wakes the threads that wait for the whole queue: they look again. */
static void ended_tell_drain_waiters(struct weir_queue *q)
{
	if (!__atomic_load_n(&q->drain_waiters, __ATOMIC_SEQ_CST))
		return;
	pthread_mutex_lock(&q->lock);
	pthread_cond_broadcast(&q->changed);
	pthread_mutex_unlock(&q->lock);
}

unsigned ended_call_back(struct lane *lane)
{
	struct io_list ended;
	struct weir_io *io;
	unsigned n;

	if (!lane->ended.ios.first && !lane->ended.tasks.first && !alarm_is_due(lane))
		return 0;
	CHECK(lane_is_mine(lane));
	CHECK(!lane->ended.in_callback);
	io_list_init(&ended);
	io_list_append(&ended, &lane->ended.ios);
	n = ended.count;
	lane->ended.in_callback = true;
	while ((io = io_list_pop(&ended)))
		ended_call(lane, io);
	CHECK(!ended.count); /* the list had as many as were counted */
	ended_run_tasks(lane);
	alarm_ring(lane);
	lane->ended.in_callback = false;
	if (n) {
		__atomic_store_n(&lane->ended.nr_done, lane->ended.nr_done + n, __ATOMIC_SEQ_CST);
		ended_tell_drain_waiters(lane->q);
	}
	return n;
}
