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

/* Makes instances of OPS for all lanes and stores them in NEXT. */
static int switch_make_all(struct weir_queue *q, const struct sched_ops *ops, struct sched **next)
{
	uint32_t nr_requests = control_nr_requests(q, ops), i;

	for (i = 0; i < q->nr_lanes; i++)
		if (control_make_sched(&q->lanes[i], ops, nr_requests, &next[i]))
			break;
	if (i == q->nr_lanes)
		return 0;
	while (i--)
		next[i]->ops->exit(next[i]);
	return error_set(-ENOMEM, "no memory to switch to %s", ops->name);
}

/* Begins step 1. A switch that is under way gets another aim. Under the lock. */
static void switch_begin(struct weir_queue *q, const struct sched_ops *ops, struct sched **next)
{
	for (uint32_t i = 0; i < q->nr_lanes; i++) {
		CHECK(next[i]);
		control_set_next(&q->lanes[i], next[i]);
	}
	q->next_ops = ops;
	__atomic_store_n(&q->draining, 1, __ATOMIC_SEQ_CST);
	control_changed(q);
	control_try_finish(q);
}

/* Starts the worker that runs the home of a queue whose lanes are attached, if there is none
 * yet. */
static int switch_start_home(struct weir_queue *q, const struct sched_ops *ops)
{
	struct lane *home = control_home(q, ops);

	CHECK(!home || home->q == q);
	if (!home || q->opts.workers || q->opts.lanes == 1 || home->owner.worker_runs)
		return 0;
	return worker_start(home);
}

/* Returns true if OPS is not what the queue has or will have. A switch that ends meanwhile must
 * be seen whole, hence the lock: half of it would look as if nothing were to do. */
static bool switch_is_new_aim(struct weir_queue *q, const struct sched_ops *ops)
{
	bool is_new;

	pthread_mutex_lock(&q->lock);
	is_new = q->next_ops || q->sched_ops != ops;
	pthread_mutex_unlock(&q->lock);
	return is_new;
}

int switch_scheduler(struct weir_queue *q, const struct sched_ops *ops)
{
	struct sched *next[LANES_MAX + 1] = { NULL };
	int err;

	pthread_mutex_lock(&q->switch_lock);
	err = switch_start_home(q, ops);
	if (!err && switch_is_new_aim(q, ops))
		err = switch_make_all(q, ops, next);
	else
		ops = NULL;
	if (!err && ops) {
		pthread_mutex_lock(&q->lock);
		switch_begin(q, ops, next);
		pthread_mutex_unlock(&q->lock);
	}
	pthread_mutex_unlock(&q->switch_lock);
	/* So an idle queue has switched when this returns. */
	if (!err)
		switch_apply_own(q);
	return err;
}
