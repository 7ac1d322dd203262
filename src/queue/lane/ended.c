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

/* So many threads that wait are woken together; more are woken in several steps. */
#define WAKES_MAX 32u

/* Collects IO, so that one lock and one wake-up serve all ios that go to lane HOME together. */
static __attribute__((noinline)) void ended_away(struct lane *lane, struct lane *home,
						 struct weir_io *io)
{
	struct lane_away *away = &lane->ended.away[home->index % AWAY_LANES];

	if (away->ios.first && away->to != home)
		stage_returned(away->to, &away->ios);
	away->to = home;
	io_list_add(&away->ios, io);
	lane->ended.has_away = true;
}

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
		ended_away(lane, home, io);
}

void ended_give_back(struct lane *lane)
{
	if (!lane->ended.has_away)
		return;
	CHECK(lane_is_mine(lane));
	lane->ended.has_away = false;
	for (unsigned i = 0; i < AWAY_LANES; i++)
		if (lane->ended.away[i].ios.first)
			stage_returned(lane->ended.away[i].to, &lane->ended.away[i].ios);
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

/* Threads that wait for ios of one batch, by the words on which they sleep. */
struct ended_wakes {
	uint32_t *word[WAKES_MAX];
	uint32_t n;
};

/* Wakes them. Owners of other lanes that wait for an io sleep in their engines, where no futex
 * wakes them. */
static __attribute__((noinline, cold)) void ended_wake(struct weir_queue *q,
						       struct ended_wakes *wakes)
{
	struct lane_waiter *waiter;

	for (uint32_t i = 0; i < wakes->n; i++)
		done_wake(wakes->word[i]);
	wakes->n = 0;
	if (!__atomic_load_n(&q->nr_waiters, __ATOMIC_SEQ_CST))
		return;
	pthread_mutex_lock(&q->lock);
	LIST_FOREACH(waiter, &q->waiters, link)
		lane_wake(waiter->lane);
	pthread_mutex_unlock(&q->lock);
}

static bool ended_has_callback(const struct weir_io *io)
{
	while (io && !io->end)
		io = io_priv(io)->next;
	return io;
}

/* A thread that sleeps on WORD is woken after the ios behind it, which it finds ended then, unless
 * one of these, REST, has a callback: that belongs to the program, and may take long or need what
 * the thread holds. */
static __attribute__((noinline, cold)) void
ended_note(struct weir_queue *q, struct ended_wakes *wakes, uint32_t *word, struct weir_io *rest)
{
	wakes->word[wakes->n++] = word;
	if (wakes->n == WAKES_MAX || ended_has_callback(rest))
		ended_wake(q, wakes);
}

/* The io is the caller's from done_mark() on, so `end` is read before. */
static inline void ended_call(struct lane *lane, struct weir_io *io, struct ended_wakes *wakes,
			      struct weir_io *rest)
{
	void (*end)(struct weir_io *) = io->end;

	if (__builtin_expect(done_mark(&io_priv(io)->state), 0))
		ended_note(lane->q, wakes, &io_priv(io)->state, rest);
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
	struct ended_wakes wakes;
	struct io_list ended;
	struct weir_io *io;
	unsigned n;

	ended_give_back(lane);
	if (!lane->ended.ios.first && !lane->ended.tasks.first && !alarm_is_due(lane))
		return 0;
	CHECK(lane_is_mine(lane));
	CHECK(!lane->ended.in_callback);
	io_list_init(&ended);
	io_list_append(&ended, &lane->ended.ios);
	n = ended.count;
	wakes.n = 0;
	lane->ended.in_callback = true;
	while ((io = io_list_pop(&ended)))
		ended_call(lane, io, &wakes, ended.first);
	if (wakes.n)
		ended_wake(lane->q, &wakes);
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
