/* SPDX-License-Identifier: Apache-2.0 */
/*
 * owner.c - who owns a lane: attaching, detaching, worker threads.
 *
 * A thread remembers the lanes that it owns in a thread-local list (one for each queue, mostly
 * one in all), so that the owner's calls need no lock. The engine lives while the lane has an
 * owner and is opened and closed on that thread.
 */
#include <errno.h>
#include <stdio.h>

#include "base/error.h"
#include "base/thread.h"
#include "queue/lane/control.h"
#include "queue/lane/wait_fd.h"

static __thread struct lane *owned;
/* A worker has no time for the lanes of other queues, so it does not become their owner. The
 * number of the process: where a callback of a worker calls fork(), the child is none. */
static __thread uint32_t worker_in;

struct lane *owner_lane(const struct weir_queue *q)
{
	struct lane *lane = owned;

	while (lane && lane->q != q)
		lane = lane->next_owned;
	return lane;
}

bool owner_in_callback(void)
{
	/* A child that a callback made is not inside it for what is the child's own. */
	for (struct lane *lane = owned; lane; lane = lane->next_owned)
		if (lane->in_callback && !fork_inherited(lane->q->process))
			return true;
	return false;
}

int owner_attach(struct lane *lane)
{
	struct weir_queue *q = lane->q;
	struct engine_params params = {
		.dev = q->dev,
		.depth = q->opts.depth,
		.wake_fd = lane->wake_fd,
		.posix_threads = q->opts.posix_threads,
		.null_latency_ns = q->opts.null_latency_ns,
		/* In whole ones, never less than what was asked for. */
		.timeout_ms = (uint32_t)((q->opts.timeout_ns + NSEC_PER_MSEC - 1) / NSEC_PER_MSEC),
		.complete = complete_cmd,
		.owner = lane,
		.ops = q->engine_ops,
	};
	struct error_scope scope;
	uint32_t nobody = 0;
	int err;

	if (!__atomic_compare_exchange_n(&lane->owned, &nobody, 1, false, __ATOMIC_SEQ_CST,
					 __ATOMIC_RELAXED))
		return -EBUSY;
	error_begin(&scope);
	err = q->engine_ops->open(&lane->engine, &params);
	error_end(&scope, err, "%s: engine %s", weir_device_path(q->dev), q->engine_ops->name);
	if (err) {
		control_disown(lane);
		return err;
	}
	lane->next_owned = owned;
	owned = lane;
	register_settle(lane);
	return 0;
}

static void disown(struct lane *lane)
{
	struct lane **link = &owned;

	while (*link != lane)
		link = &(*link)->next_owned;
	*link = lane->next_owned;
}

void owner_detach(struct lane *lane)
{

	lane_drain(lane);
	wait_fd_close(lane);
	lane->engine->ops->close(lane->engine);
	lane->engine = NULL;
	register_leave(lane);
	disown(lane);
	/* Submitters need not know that nobody listens: the next owner looks first. */
	control_disown(lane);
}

bool owner_has(const struct lane *lane)
{
	const struct lane *mine = owned;

	while (mine && mine != lane)
		mine = mine->next_owned;
	return mine;
}

void owner_forget(struct lane *lane)
{
	if (!owner_has(lane))
		return;
	lane->engine->ops->close(lane->engine);
	lane->engine = NULL;
	disown(lane);
}

void owner_use(struct lane *lane)
{
	struct lane **link = &owned;

	while (*link != lane)
		link = &(*link)->next_owned;
	*link = lane->next_owned;
	lane->next_owned = owned;
	owned = lane;
}

int owner_lane_or_attach(struct weir_queue *q, struct lane **lane)
{
	int err = queue_check_process(q);

	*lane = NULL;
	if (err)
		return err;
	*lane = owner_lane(q);
	if (*lane || q->opts.workers || worker_in == q->process ||
	    __atomic_load_n(&q->lanes[0].owned, __ATOMIC_RELAXED))
		return 0;
	err = owner_attach(&q->lanes[0]);
	if (!err)
		*lane = &q->lanes[0];
	return err == -EBUSY ? 0 : err;
}

int weir_queue_attach(struct weir_queue *q, uint32_t index)
{
	int err = queue_check_process(q);

	if (err)
		return err;
	if (owner_in_callback())
		return error_set(-EDEADLK, "a callback cannot attach to a queue");
	if (owner_lane(q))
		return error_set(-EEXIST, "this thread owns lane %u already", owner_lane(q)->index);
	if (q->opts.workers)
		return error_set(-EBUSY, "the queue's own workers run its lanes");
	if (index != WEIR_LANE_ANY && index >= q->opts.lanes)
		return error_set(-EINVAL, "no lane %u: the queue has %u", index, q->opts.lanes);
	err = -EBUSY;
	if (index != WEIR_LANE_ANY)
		err = owner_attach(&q->lanes[index]);
	for (uint32_t i = 0; index == WEIR_LANE_ANY && i < q->opts.lanes && err == -EBUSY; i++)
		err = owner_attach(&q->lanes[i]);
	return err == -EBUSY ? error_set(err, "another thread owns the lane; detach it first")
			     : err;
}

int weir_queue_detach(struct weir_queue *q)
{
	struct lane *lane = owner_lane(q);
	int err = queue_check_process(q);

	if (err)
		return err;
	if (owner_in_callback())
		return error_set(-EDEADLK, "a callback cannot detach from a queue");
	if (!lane || q->opts.workers)
		return error_set(-EPERM, "this thread owns no lane of the queue");
	owner_detach(lane);
	return 0;
}

/* What a worker tells the thread that starts it. */
struct start {
	struct lane *lane;
	int result;
	bool known; /* under the queue's lock */
	char error[256];
};

static void start_said(struct start *start, int result)
{
	struct weir_queue *q = start->lane->q;

	pthread_mutex_lock(&q->lock);
	start->result = result;
	start->known = true;
	pthread_cond_broadcast(&q->changed);
	pthread_mutex_unlock(&q->lock);
}

static bool stopping(const struct weir_queue *q)
{
	return __atomic_load_n(&q->stop, __ATOMIC_SEQ_CST);
}

static void *worker(void *arg)
{
	struct start *start = arg;
	struct lane *lane = start->lane;
	int err = owner_attach(lane);

	worker_in = lane->q->process;
	if (err)
		snprintf(start->error, sizeof(start->error), "%s", weir_error());
	start_said(start, err); /* frees START's memory: not used from here on */
	if (err)
		return NULL;
	/* Looked at again between taking and sleeping: who stops us leaves the waking to somebody
	 * else where something is staged, and that may be taken already. */
	while (!stopping(lane->q))
		if (!lane_turn(lane) && !stopping(lane->q))
			lane_sleep(lane, UINT64_MAX);
	owner_detach(lane);
	return NULL;
}

int owner_start_worker(struct lane *lane)
{
	struct start start = { .lane = lane };
	struct weir_queue *q = lane->q;
	char name[THREAD_NAME_BYTES] = "weir-home";
	int err;

	/* The lane beyond those that were asked for is a home and nothing else. */
	if (lane->index < q->opts.lanes)
		snprintf(name, sizeof(name), "weir-lane%u", lane->index % 100000u);
	err = thread_start(&lane->worker, name, worker, &start);
	if (err)
		return error_sys(err, "cannot start a worker thread");
	pthread_mutex_lock(&q->lock);
	while (!start.known)
		pthread_cond_wait(&q->changed, &q->lock);
	pthread_mutex_unlock(&q->lock);
	if (start.result) {
		pthread_join(lane->worker, NULL);
		return error_set(start.result, "%s", start.error);
	}
	lane->worker_runs = true;
	return 0;
}
