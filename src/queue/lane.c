/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lane.c - a lane and its loop: take what came, hand it down, reap, call back.
 *
 * The loop is the same whoever runs it, a worker or a thread of the program. Owns everything of
 * struct lane that is marked so there. Owner's thread, except lane_init() and lane_destroy().
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/error.h"
#include "queue/lane.h"
#include "queue/wait_fd.h"

static void lane_lists(struct lane *lane)
{
	io_list_init(&lane->plug);
	for (int kind = 0; kind < WAIT_KINDS; kind++)
		io_list_init(&lane->waiting[kind]);
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
	return 0;
}

int lane_init(struct lane *lane, struct weir_queue *q, uint32_t index)
{
	struct sched_env env = {
		.nr_requests = q->opts.nr_requests,
		.depth = q->opts.depth,
		.nr_lanes = q->sched_ops->scope == SCHED_PER_LANE ? q->nr_lanes : 1,
		.lane = q->sched_ops->scope == SCHED_PER_LANE ? index : 0,
		.nr_ctxs = q->nr_ctxs + q->nr_lanes,
		.max_submitters = 1024,
		.rotational = q->info->rotational,
		.merging = (uint8_t)q->merging,
		.max_discard_segments = q->max_discard_ranges,
		.join = join_requests,
		.owner = lane,
	};
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
	lane->stats = calloc(1, sizeof(*lane->stats));
	err = lane->stats ? lane_pool(lane) : -ENOMEM;
	return err ? err : q->sched_ops->init(&lane->sched, &env);
}

void lane_destroy(struct lane *lane)
{
	if (!lane->q)
		return;
	if (lane->sched)
		lane->sched->ops->exit(lane->sched);
	if (lane->wake_fd >= 0)
		close(lane->wake_fd);
	pthread_mutex_destroy(&lane->lock);
	free(lane->pool);
	free(lane->free);
	free(lane->pieces);
	free(lane->fixed);
	free(lane->stats);
}

/* All of a PER_QUEUE scheduler's ios are scheduled on its home lane. */
static bool forward(struct lane *lane)
{
	struct weir_queue *q = lane->q;

	if (!q->home || q->home == lane)
		return false;
	if (lane->plug.first) {
		stage_list(q->home, &lane->plug);
		lane->plug_runs = 0;
	}
	return true;
}

static void take_plug(struct lane *lane, struct io_list *into)
{
	io_list_join(into, &lane->plug);
	lane->plug_runs = 0;
	lane->plug_run_bytes = 0;
}

void lane_push(struct lane *lane)
{
	struct io_list batch;

	if (forward(lane)) {
		io_list_init(&batch);
		stage_take(lane, &batch);
		return;
	}
	io_list_init(&batch);
	take_plug(lane, &batch);
	stage_take(lane, &batch);
	lane->now = queue_now(lane->q);
	dispatch_accept(lane, &batch);
	dispatch_run(lane);
}

bool lane_mark_asleep(struct lane *lane)
{
	lane->marked = true;
	__atomic_store_n(&lane->asleep, 1, __ATOMIC_SEQ_CST);
	if (!__atomic_load_n(&lane->inbox, __ATOMIC_SEQ_CST))
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
	return lane->plug.first || __atomic_load_n(&lane->inbox, __ATOMIC_RELAXED);
}

/* Something waits that room below could let go on. */
static bool has_old_work(const struct lane *lane)
{
	return lane->nr_waiting || lane->flushes.first || lane->ready.first ||
	       !TAILQ_EMPTY(&lane->dispatch) || lane->sched->ops->has_work(lane->sched);
}

unsigned lane_turn(struct lane *lane)
{
	unsigned ended;

	lane_awake(lane);
	if (has_new_work(lane) || has_old_work(lane))
		lane_push(lane);
	/* After a sleep, and where somebody watches the descriptor, only a wake-up may be there to
	 * be taken off the ring; left, it would end every further sleep at once. */
	if (lane->in_flight || lane->waited || lane->epoll_fd >= 0) {
		lane->waited = false;
		lane->now = queue_now(lane->q);
		if (lane->engine->ops->reap(lane->engine, lane->now) && has_old_work(lane))
			lane_push(lane);
	}
	ended = complete_callbacks(lane);
	if (lane->plug.first)
		lane_push(lane);
	return ended;
}

uint64_t lane_next_event(struct lane *lane)
{
	struct sched *s = lane->sched;
	uint64_t next = UINT64_MAX, t;

	if (lane->plug.first || lane->ended.first || lane->tasks.first)
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

bool lane_idle(struct lane *lane)
{
	return !lane->in_flight && !lane->plug.first && !lane->ended.first && !lane->tasks.first &&
	       !has_old_work(lane) && !__atomic_load_n(&lane->inbox, __ATOMIC_SEQ_CST) &&
	       lane->own_done == lane->nr_begun;
}

void lane_drain(struct lane *lane)
{
	while (!lane_idle(lane)) {
		/* Looked at again after each turn: an idle lane would sleep for ever. */
		if (!lane_turn(lane) && !lane_idle(lane))
			lane_sleep(lane, UINT64_MAX);
	}
}
