/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sleep.c - an owner sleeps while its lane has nothing to do.
 *
 * It sleeps in its engine, which a wake-up (wake.c) reaches, or in a way of its own, where the
 * descriptor of fd.c fires. An owner whose engine has nothing to do either looks for a moment
 * first: the next ios may come so soon that neither the owner nor their submitter needs a system
 * call. Owns lane->sleep but for the flag `staged`. The lane's owner.
 */
#include "queue/lane/sleep.h"

#include <errno.h>
#include <sched.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/check.h"
#include "base/error.h"
#include "queue/lane/dispatch.h"
#include "queue/lane/fd.h"
#include "queue/lane/flush_steps.h"
#include "queue/lane/lane.h"

/* An owner that polls has polled so often in vain, for some microseconds, before it gives its
 * processor away. */
#define EMPTY_POLLS 64u

int sleep_init(struct lane *lane)
{
	lane->sleep.asleep = 1;
	lane->sleep.wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (lane->sleep.wake_fd < 0)
		return error_sys(-errno, "no eventfd for lane %u (see ulimit -n)", lane->index);
	fork_fd_watch(&lane->sleep.wake_watch, &lane->sleep.wake_fd);
	return 0;
}

/* Marks the lane asleep; false if something came meanwhile (and it is awake again). */
static bool sleep_mark(struct lane *lane)
{
	lane->sleep.marked = true;
	__atomic_store_n(&lane->sleep.asleep, 1, __ATOMIC_SEQ_CST);
	/* A change of values is announced by `staged` too, but whoever announced it may have met
	 * one that was set already, and the owner cleared it after it had looked at the values. */
	if (!lane_has_staged(lane) &&
	    lane->change.seen == __atomic_load_n(&lane->q->generation, __ATOMIC_SEQ_CST))
		return true;
	__atomic_store_n(&lane->sleep.asleep, 0, __ATOMIC_RELAXED);
	return false;
}

void lane_rest(struct lane *lane)
{
	CHECK(lane_is_mine(lane));
	CHECK(!lane->ended.in_callback);
	/* Without the descriptor nothing can wake the program, and nobody needs to try. */
	if (lane->fd.epoll < 0)
		return;
	if (!sleep_mark(lane))
		(void)!eventfd_write(lane->sleep.wake_fd, 1);
	fd_arm(lane, lane_next_event(lane));
}

/* Gives the processor away after polls in vain, where another lane's thread schedules the ios of
 * this one: that thread may be waiting for this very processor. */
void lane_polled(struct lane *lane, unsigned ended)
{
	const struct lane *home = queue_home(lane->q);

	if (ended)
		lane->sleep.empty_polls = 0;
	else if (home && home != lane && ++lane->sleep.empty_polls > EMPTY_POLLS)
		sched_yield();
}

/* Clears the wake-up of somebody who saw that the lane was asleep. Where somebody watches the
 * descriptor it is cleared in any case: the writer may have come too late for the turn that took
 * what it staged, and nobody else would clear it. */
void sleep_end(struct lane *lane)
{
	eventfd_t ignored;
	bool woken = lane->sleep.marked &&
		     !__atomic_exchange_n(&lane->sleep.asleep, 0, __ATOMIC_RELAXED);

	lane->sleep.marked = false;
	if (woken || lane->fd.epoll >= 0)
		(void)!eventfd_read(lane->sleep.wake_fd, &ignored);
}

/* After a sleep, and where somebody watches the descriptor, the ring may hold nothing but a
 * wake-up. It must be taken off, or it would end every further sleep at once. */
bool sleep_must_reap(struct lane *lane)
{
	bool must = lane->out.commands || lane->sleep.waited || lane->fd.epoll >= 0;

	lane->sleep.waited = false;
	return must;
}

static bool sleep_has_held(const struct lane *lane)
{
	return lane->change.held.first && !lane->change.draining;
}

bool sleep_has_new_work(const struct lane *lane)
{
	return lane->plug.ios.first || sleep_has_held(lane) ||
	       __atomic_load_n(&lane->sleep.staged, __ATOMIC_RELAXED);
}

bool sleep_has_old_work(const struct lane *lane)
{
	return lane->waiting.nr || lane->flush.ios.first || lane->flush.ready.first ||
	       !TAILQ_EMPTY(&lane->out.dispatch) || lane->sched->ops->has_work(lane->sched);
}

static uint64_t sleep_earlier(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

uint64_t lane_next_event(struct lane *lane)
{
	struct sched *s = lane->sched;
	uint64_t next = UINT64_MAX, wakeup = SCHED_NEVER;

	CHECK(lane_is_mine(lane));
	if (lane->plug.ios.first || lane->ended.ios.first || lane->ended.tasks.first ||
	    sleep_has_held(lane))
		return 0;
	if (lane->engine->ops->next_event)
		next = lane->engine->ops->next_event(lane->engine);
	if (s->ops->next_wakeup)
		wakeup = s->ops->next_wakeup(s);
	/* The scheduler's timer is ignored while it may not be asked: it would expire again and
	 * again, and the lane would spin. */
	if (wakeup < next && s->ops->has_work(s) && dispatch_may_ask(lane))
		next = wakeup;
	next = sleep_earlier(next, flush_steps_next_event(lane));
	next = sleep_earlier(next, lane->alarm.at);
	if (!lane->out.commands && !TAILQ_EMPTY(&lane->out.dispatch))
		next = sleep_earlier(next, lane->out.rerun_ns);
	return next;
}

static bool sleep_spin_ready(const void *lane)
{
	return lane_has_staged(lane);
}

/* Looks for a moment before a sleep; true: something came. Not while the engine has commands: their
 * ends are seen in its wait() only. A time that is not real does not pass meanwhile. */
static bool sleep_look(struct lane *lane, uint64_t until)
{
	return !lane->out.commands && !lane->q->engine_ops->now &&
	       spin_wait(&lane->sleep.spin, sleep_spin_ready, lane, until);
}

void lane_sleep(struct lane *lane, uint64_t deadline)
{
	uint64_t next = lane_next_event(lane);

	CHECK(!lane->ended.in_callback);
	if (!next || sleep_look(lane, sleep_earlier(next, deadline)) || !sleep_mark(lane))
		return;
	hist_add(&lane->stats->sleeps, 1);
	lane->engine->ops->wait(lane->engine, sleep_earlier(next, deadline));
	lane->sleep.waited = true;
	/* wait() has read wake_fd; a late writer only costs a wake-up for nothing. */
	lane->sleep.marked = false;
	__atomic_store_n(&lane->sleep.asleep, 0, __ATOMIC_RELAXED);
}
