/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lane.c - a lane and its loop: take what came, hand it down, reap, call back.
 *
 * The loop is the same whoever runs it, a worker or a thread of the program. Owns everything of
 * struct lane that is marked so there. Owner's thread, except lane_init() and lane_free().
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/error.h"
#include "queue/lane/admit.h"
#include "queue/lane/control.h"
#include "queue/placement.h"
#include "queue/lane/wait_fd.h"

static void lane_lists(struct lane *lane)
{
	io_list_init(&lane->plug);
	io_list_init(&lane->held);
	io_list_init(&lane->flushes);
	io_list_init(&lane->ready);
	io_list_init(&lane->ended);
	io_list_init(&lane->forwarded);
	io_list_init(&lane->returned);
	task_list_init(&lane->tasks);
	task_list_init(&lane->posted);
	TAILQ_INIT(&lane->dispatch);
}

static int lane_pool(struct lane *lane)
{
	uint32_t n = lane->nr_tags, segments = lane->q->max_segments;

	lane->pool = calloc(n, sizeof(*lane->pool));
	lane->free = calloc(n, sizeof(*lane->free));
	lane->pieces = calloc((size_t)n * segments, sizeof(*lane->pieces));
	if (!lane->pool || !lane->free || !lane->pieces)
		return -ENOMEM;
	/* The lowest tags on top, so that few are in use where few are needed. */
	for (uint32_t i = 0; i < n; i++) {
		lane->pool[i].pieces = lane->pieces + (size_t)i * segments;
		lane->free[n - 1 - i] = &lane->pool[i];
	}
	lane->nr_free = n;
	return admit_init(lane);
}

int lane_init(struct lane *lane, struct weir_queue *q, uint32_t index)
{
	int err;

	lane->q = q;
	lane->index = index;
	lane->nr_tags = q->opts.depth > NR_REQUESTS_MAX ? q->opts.depth : NR_REQUESTS_MAX;
	lane->epoll_fd = lane->timer_fd = -1;
	lane->asleep = 1;
	lane_lists(lane);
	pthread_mutex_init(&lane->lock, NULL);
	lane->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (lane->wake_fd < 0)
		return error_sys(-errno, "no eventfd for lane %u (see ulimit -n)", index);
	fork_fd_watch(&lane->wake_watch, &lane->wake_fd);
	lane->stats = calloc(1, sizeof(*lane->stats));
	err = lane->stats ? lane_pool(lane) : -ENOMEM;
	if (!err)
		err = placement_init(lane);
	return err ? err : control_first(lane);
}

void lane_free(struct lane *lane)
{
	if (!lane->q)
		return;
	if (lane->sched)
		lane->sched->ops->exit(lane->sched);
	if (lane->next_sched)
		lane->next_sched->ops->exit(lane->next_sched);
	fork_fd_close(&lane->epoll_watch);
	fork_fd_close(&lane->timer_watch);
	fork_fd_close(&lane->wake_watch);
	for (uint32_t i = 0; lane->pool && i < lane->nr_tags; i++)
		split_drop(&lane->pool[i]); /* there are some in a child only */
	free(lane->pool);
	free(lane->free);
	admit_destroy(lane);
	free(lane->pieces);
	free(lane->fixed);
	free(lane->stats);
	free(lane->placed);
}

/* Ios of BATCH that another lane schedules go there. */
static void forward(struct lane *lane, struct io_list *batch)
{
	struct lane *home = queue_home(lane->q);
	struct io_list all, other[LANE_KINDS];
	struct weir_io *io;

	if (home == lane || (!home && !lane->q->opts.read_lanes))
		return;
	io_list_init(&all);
	for (int kind = 0; kind < LANE_KINDS; kind++)
		io_list_init(&other[kind]);
	io_list_append(&all, batch);
	while ((io = io_list_pop(&all))) {
		struct lane *to = home ? home : lane->serves[lane_kind(io)];

		io_list_add(to == lane ? batch : &other[lane_kind(io)], io);
	}
	for (int kind = 0; kind < LANE_KINDS; kind++)
		if (other[kind].first)
			stage_list(home ? home : lane->serves[kind], &other[kind]);
}

static void take_plug(struct lane *lane, struct io_list *into)
{
	io_list_append(into, &lane->plug);
	lane->plug_runs = 0;
	lane->plug_run_bytes = 0;
}

void lane_hold(struct lane *lane, struct io_list *list)
{
	struct weir_io *io;

	while ((io = io_list_pop(list))) {
		/* What has written something goes on to its end. */
		if (!(io->flags & WEIR_IO_NOWAIT) || io_priv(io)->cursor ||
		    io_priv(io)->sequence > SEQ_READY) {
			io_list_add(&lane->held, io);
			continue;
		}
		io->result = -EAGAIN;
		io_priv(io)->failed_offset = io->offset;
		complete_io(lane, io);
	}
}

static void check_control(struct lane *lane)
{
	if (lane->seen != __atomic_load_n(&lane->q->generation, __ATOMIC_ACQUIRE))
		control_apply(lane);
}

void lane_push(struct lane *lane)
{
	struct io_list batch;

	check_control(lane);
	io_list_init(&batch);
	if (!lane->draining)
		io_list_append(&batch, &lane->held);
	take_plug(lane, &batch);
	stage_take(lane, &batch);
	lane->now = queue_now(lane->q);
	if (lane->draining) {
		lane_hold(lane, &batch);
	} else {
		forward(lane, &batch);
		accept_ios(lane, &batch);
	}
	dispatch_run(lane);
}

bool lane_mark_asleep(struct lane *lane)
{
	lane->marked = true;
	__atomic_store_n(&lane->asleep, 1, __ATOMIC_SEQ_CST);
	/* A change of values is announced through the inbox too, but whoever announced it may have
	 * met one that was set already, and we cleared it after we had looked at the values. */
	if (!__atomic_load_n(&lane->inbox, __ATOMIC_SEQ_CST) &&
	    lane->seen == __atomic_load_n(&lane->q->generation, __ATOMIC_SEQ_CST))
		return true;
	__atomic_store_n(&lane->asleep, 0, __ATOMIC_RELAXED);
	return false;
}

void lane_rest(struct lane *lane)
{
	bool asleep = lane_mark_asleep(lane);

	if (lane->epoll_fd < 0)
		return;
	if (!asleep)
		(void)!eventfd_write(lane->wake_fd, 1);
	wait_fd_arm(lane);
}

/* Ends what lane_mark_asleep() began; clears the wake-up of somebody who saw it. Where somebody
 * watches the descriptor, clears it in any case: the writer may have come too late for the turn
 * that took what it staged, and nobody else would. */
static void lane_awake(struct lane *lane)
{
	eventfd_t ignored;
	bool woken = lane->marked && !__atomic_exchange_n(&lane->asleep, 0, __ATOMIC_RELAXED);

	lane->marked = false;
	if (woken || lane->epoll_fd >= 0)
		(void)!eventfd_read(lane->wake_fd, &ignored);
}

static bool has_new_work(const struct lane *lane)
{
	return lane->plug.first || (lane->held.first && !lane->draining) ||
	       __atomic_load_n(&lane->inbox, __ATOMIC_RELAXED);
}

/* Something waits that room below could let go on. */
static bool has_old_work(const struct lane *lane)
{
	return lane->nr_waiting || lane->flushes.first || lane->ready.first ||
	       !TAILQ_EMPTY(&lane->dispatch) || lane->sched->ops->has_work(lane->sched);
}

/* Where submitters share the tags, those that are free now are not given away before the
 * submitters whose ios have ended could submit the next. */
static void push_after_reap(struct lane *lane)
{
	if (lane->ended.first && admit_by_submitter(lane))
		dispatch_run(lane);
	else
		lane_push(lane);
}

unsigned lane_turn(struct lane *lane)
{
	unsigned ended;

	lane_awake(lane);
	check_control(lane);
	if (has_new_work(lane) || has_old_work(lane))
		lane_push(lane);
	/* After a sleep, and where somebody watches the descriptor, only a wake-up may be there to
	 * be taken off the ring; left, it would end every further sleep at once. */
	if (lane->in_flight || lane->waited || lane->epoll_fd >= 0) {
		lane->waited = false;
		lane->now = queue_now(lane->q);
		if (lane->engine->ops->reap(lane->engine, lane->now) && has_old_work(lane))
			push_after_reap(lane);
	}
	if (lane->registering)
		register_settle(lane);
	if (lane->draining && lane->nr_free == lane->nr_tags)
		control_drained(lane);
	ended = complete_callbacks(lane);
	if (lane->plug.first || (ended && admit_by_submitter(lane)))
		lane_push(lane);
	return ended;
}

uint64_t lane_next_event(struct lane *lane)
{
	struct sched *s = lane->sched;
	uint64_t next = UINT64_MAX, t;

	if (lane->plug.first || lane->ended.first || lane->tasks.first ||
	    (lane->held.first && !lane->draining))
		return 0;
	if (lane->engine->ops->next_event)
		next = lane->engine->ops->next_event(lane->engine);
	/* Its time would pass again and again where it cannot be asked. */
	if (s->ops->next_wakeup && s->ops->has_work(s) && dispatch_may_ask(lane)) {
		t = s->ops->next_wakeup(s);
		next = t < next ? t : next;
	}
	t = sequence_next_event(lane);
	next = t < next ? t : next;
	if (!lane->in_flight && !TAILQ_EMPTY(&lane->dispatch) && lane->rerun_ns < next)
		next = lane->rerun_ns;
	return next;
}

void lane_sleep(struct lane *lane, uint64_t deadline)
{
	uint64_t next = lane_next_event(lane);

	if (!next || !lane_mark_asleep(lane))
		return;
	hist_add(&lane->stats->sleeps, 1);
	lane->engine->ops->wait(lane->engine, next < deadline ? next : deadline);
	lane->waited = true;
	/* wait() has read wake_fd; a late writer only costs a wake-up for nothing. */
	lane->marked = false;
	__atomic_store_n(&lane->asleep, 0, __ATOMIC_RELAXED);
}

/* Ios whose end is to run here have begun and not ended, be they with the lane that schedules for
 * all. May be too many while others stage some, never too few. */
static bool awaits_ends(const struct lane *lane)
{
	const struct weir_queue *q = lane->q;
	uint64_t begun = lane->nr_begun;

	for (uint32_t i = 0; i < q->nr_ctxs; i++)
		for (int kind = 0; kind < LANE_KINDS; kind++)
			if (q->ctxs[i].lane[kind] == lane)
				begun += __atomic_load_n(&q->ctxs[i].nr_begun[kind],
							 __ATOMIC_SEQ_CST);
	return begun != lane->nr_done;
}

bool lane_idle(struct lane *lane)
{
	return !lane->in_flight && !lane->plug.first && !lane->held.first && !lane->ended.first &&
	       !lane->tasks.first && !has_old_work(lane) &&
	       !__atomic_load_n(&lane->inbox, __ATOMIC_SEQ_CST) && !awaits_ends(lane);
}

void lane_drain(struct lane *lane)
{
	while (!lane_idle(lane)) {
		/* Looked at again after each turn: an idle lane would sleep for ever. */
		if (!lane_turn(lane) && !lane_idle(lane))
			lane_sleep(lane, UINT64_MAX);
	}
}
