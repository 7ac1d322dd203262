/* SPDX-License-Identifier: Apache-2.0 */
/*
 * worker.c - a thread of the queue's own that owns a lane. Any thread starts it and waits for its
 * end.
 */
#include <stdio.h>

#include "base/check.h"
#include "base/error.h"
#include "base/thread.h"
#include "queue/lane/owner.h"
#include "queue/lane/queue.h"

/* A worker's report to the thread that starts it. */
struct worker_report {
	struct lane *lane;
	int result;
	bool known; /* under the queue's lock */
	char error[256];
};

static void worker_said(struct worker_report *start, int result)
{
	struct weir_queue *q = start->lane->q;

	pthread_mutex_lock(&q->lock);
	CHECK(!start->known);
	start->result = result;
	start->known = true;
	pthread_cond_broadcast(&q->changed);
	pthread_mutex_unlock(&q->lock);
}

static bool worker_stopping(const struct weir_queue *q)
{
	return __atomic_load_n(&q->stop, __ATOMIC_SEQ_CST);
}

static void *worker_run(void *arg)
{
	struct worker_report *start = arg;
	struct lane *lane = start->lane;
	int err;

	owner_set_worker(lane->q);
	err = owner_attach(lane);
	if (err)
		snprintf(start->error, sizeof(start->error), "%s", weir_error());
	worker_said(start, err); /* frees START's memory: not used from here on */
	if (err)
		return NULL;
	/* The flag is read again before sleeping: lane_wake() leaves the waking to an earlier
	 * caller where something is staged, and the turn may have taken that already. */
	while (!worker_stopping(lane->q))
		if (!lane_turn(lane) && !worker_stopping(lane->q))
			lane_sleep(lane, UINT64_MAX);
	/* Other workers that it would wait for may have left: who closes runs what is left. */
	owner_leave(lane);
	return NULL;
}

int worker_start(struct lane *lane)
{
	struct worker_report start = { .lane = lane };
	struct weir_queue *q = lane->q;
	char name[THREAD_NAME_BYTES] = "weir-home";
	int err;

	CHECK(!lane->owner.worker_runs);
	/* The lane beyond those that the program asked for is only a home. */
	if (lane->index < q->opts.lanes)
		snprintf(name, sizeof(name), "weir-lane%u", lane->index % 100000u);
	err = thread_start(&lane->owner.worker, name, worker_run, &start);
	if (err)
		return error_sys(err, "cannot start a worker thread");
	pthread_mutex_lock(&q->lock);
	while (!start.known)
		pthread_cond_wait(&q->changed, &q->lock);
	pthread_mutex_unlock(&q->lock);
	if (start.result) {
		pthread_join(lane->owner.worker, NULL);
		return error_set(start.result, "%s", start.error);
	}
	lane->owner.worker_runs = true;
	return 0;
}

void worker_join(struct lane *lane)
{
	if (!lane->owner.worker_runs)
		return;
	lane_wake(lane);
	pthread_join(lane->owner.worker, NULL);
	lane->owner.worker_runs = false;
}
