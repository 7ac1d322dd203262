/* SPDX-License-Identifier: Apache-2.0 */
/*
 * switch.c - switches the scheduler of a queue while it runs. lane/control.c explains the steps;
 * here the first one begins. Any thread.
 */
#include "queue/switch.h"

#include <errno.h>

#include "base/check.h"
#include "base/error.h"
#include "queue/lane/lane.h"

void switch_apply_own(struct weir_queue *q)
{
	struct lane *mine = owner_lane(q);

	if (mine && !mine->ended.in_callback)
		control_apply(mine);
}

/* What a switch leads to: HOME schedules for all lanes with OPS; NULL: each for itself. */
struct aim {
	const struct sched_ops *ops;
	struct lane *home;
	bool keeps; /* only the home changes, and what was set stays */
};

/* Makes the instances of AIM for all lanes and stores them in NEXT. */
static int switch_make_all(struct weir_queue *q, struct aim aim, struct sched **next)
{
	const struct sched_ops *ops = aim.ops;
	uint32_t nr_requests = control_nr_requests(q, ops), i;

	if (aim.keeps)
		nr_requests = __atomic_load_n(&q->nr_requests, __ATOMIC_RELAXED);
	for (i = 0; i < q->nr_lanes; i++)
		if (control_make_sched(&q->lanes[i], ops, !aim.home, nr_requests, &next[i]))
			break;
	if (i == q->nr_lanes)
		return 0;
	while (i--)
		next[i]->ops->exit(next[i]);
	return error_set(-ENOMEM, "no memory to switch to %s", ops->name);
}

/* Begins step 1. A switch that is under way gets another aim. Under the lock. */
static void switch_begin(struct weir_queue *q, struct aim aim, struct sched **next)
{
	for (uint32_t i = 0; i < q->nr_lanes; i++) {
		CHECK(next[i]);
		control_set_next(&q->lanes[i], next[i]);
	}
	q->next_ops = aim.ops;
	q->next_home = aim.home;
	q->next_keeps = aim.keeps;
	__atomic_store_n(&q->draining, 1, __ATOMIC_SEQ_CST);
	control_changed(q);
	control_try_finish(q);
}

/* Starts the worker that runs the home of a queue whose lanes are attached, if there is none yet.
 * Where time is not real, the program's thread owns the home like all lanes. */
static int switch_start_home(struct weir_queue *q, struct lane *home)
{
	CHECK(!home || home->q == q);
	if (!home || q->opts.workers || q->opts.lanes == 1 || home->owner.worker_runs ||
	    q->engine_ops->now)
		return 0;
	return worker_start(home);
}

/* Returns true if AIM is not what the queue has or will have. Under the lock: a switch that ends
 * meanwhile must be seen whole, as half of it would look as if nothing were to do. */
static bool switch_is_new_aim(struct weir_queue *q, struct aim aim)
{
	if (q->next_ops)
		return q->next_ops != aim.ops || q->next_home != aim.home;
	return q->sched_ops != aim.ops || q->home != aim.home;
}

/* Finds out what OPS would make of the queue; NULL: the scheduler that it has or will have. Returns
 * false if that is so already. */
static bool switch_find_aim(struct weir_queue *q, const struct sched_ops *ops, struct aim *aim)
{
	bool is_new, keeps;

	pthread_mutex_lock(&q->lock);
	keeps = !ops && (!q->next_ops || q->next_keeps);
	if (!ops)
		ops = q->next_ops ? q->next_ops : q->sched_ops;
	*aim = (struct aim){ ops, control_home(q, ops), keeps };
	is_new = switch_is_new_aim(q, *aim);
	pthread_mutex_unlock(&q->lock);
	return is_new;
}

int switch_scheduler(struct weir_queue *q, const struct sched_ops *ops)
{
	struct sched *next[LANES_MAX + 1] = { NULL };
	struct aim aim;
	int err = 0;

	pthread_mutex_lock(&q->switch_lock);
	/* A queue that is being closed stays as it is: nobody would end another worker. */
	if (!__atomic_load_n(&q->stop, __ATOMIC_ACQUIRE) && switch_find_aim(q, ops, &aim)) {
		err = switch_start_home(q, aim.home);
		if (!err)
			err = switch_make_all(q, aim, next);
		if (!err) {
			pthread_mutex_lock(&q->lock);
			switch_begin(q, aim, next);
			pthread_mutex_unlock(&q->lock);
		}
	}
	pthread_mutex_unlock(&q->switch_lock);
	/* So an idle queue has switched when this returns. */
	if (!err)
		switch_apply_own(q);
	return err;
}
