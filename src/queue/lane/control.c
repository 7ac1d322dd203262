/* SPDX-License-Identifier: Apache-2.0 */
/*
 * control.c - changing a queue while it runs: switching the scheduler, and handing new values to
 * the lanes.
 *
 * A switch goes in three steps. (1) `draining` is set: every lane holds what comes in, and works
 * off the requests it has. (2) The last lane without a request makes the new scheduler the
 * queue's; a lane that nobody owns has none. (3) Each lane, on its next turn, takes the new
 * instance that was made for it beforehand, and goes on with what it held, which may belong to
 * another lane now. So nothing is lost, nobody waits inside a call, and memory is asked for only
 * before anything has changed.
 *
 * Owns the control fields of struct weir_queue, under its lock, and each lane's next instance.
 */
#include <errno.h>

#include "base/error.h"
#include "queue/lane/admit.h"
#include "queue/lane/control.h"

uint32_t control_nr_requests(const struct weir_queue *q, const struct sched_ops *ops)
{
	uint32_t depth = q->opts.depth;

	if (ops->flags & SCHED_DIRECT)
		return __atomic_load_n(&q->depth, __ATOMIC_RELAXED);
	return 2 * (depth < SCHED_DEPTH_BASE ? depth : SCHED_DEPTH_BASE);
}

struct lane *control_home(struct weir_queue *q, const struct sched_ops *ops)
{
	if (ops->scope != SCHED_PER_QUEUE)
		return NULL;
	/* Lane 0's owner may be a thread of the program that polls only now and then. */
	return q->opts.workers || q->opts.lanes == 1 ? &q->lanes[0] : &q->lanes[q->opts.lanes];
}

static int make_sched(struct lane *lane, const struct sched_ops *ops, uint32_t nr_requests,
		      struct sched **s)
{
	struct weir_queue *q = lane->q;
	bool per_lane = ops->scope == SCHED_PER_LANE;
	struct sched_env env = {
		.nr_requests = nr_requests,
		.depth = q->opts.depth,
		.nr_lanes = per_lane ? q->opts.lanes : 1,
		.lane = per_lane && lane->index < q->opts.lanes ? lane->index : 0,
		.nr_ctxs = q->nr_ctxs + q->nr_lanes,
		.max_submitters = 1024,
		.rotational = q->info->rotational,
		.merging = (uint8_t)__atomic_load_n(&q->merging, __ATOMIC_RELAXED),
		.max_discard_segments = q->max_discard_ranges,
		.merge = join_requests,
		.owner = lane,
	};

	return ops->init(s, &env);
}

int control_first(struct lane *lane)
{
	int err = make_sched(lane, lane->q->sched_ops, lane->q->opts.nr_requests, &lane->sched);

	if (!err)
		admit_scheduler(lane);
	return err;
}

static void wake_all(struct weir_queue *q)
{
	for (uint32_t i = 0; i < q->nr_lanes; i++)
		lane_wake(&q->lanes[i]);
}

void control_changed(struct weir_queue *q)
{
	__atomic_add_fetch(&q->generation, 1, __ATOMIC_SEQ_CST);
	wake_all(q);
}

void control_refresh(struct weir_queue *q, struct sched *s)
{
	const struct sched_tunable *t = s->ops->tunables;

	for (unsigned i = 0; t && t[i].name; i++)
		q->tunable[i].value = s->ops->get(s, i);
}

/* Every lane has drained: the new scheduler is the queue's. Under the lock. */
static void finish_switch(struct weir_queue *q)
{
	const struct sched_ops *ops = q->next_ops;

	q->next_ops = NULL;
	__atomic_store_n(&q->sched_ops, ops, __ATOMIC_RELEASE);
	__atomic_store_n(&q->nr_requests, control_nr_requests(q, ops), __ATOMIC_RELAXED);
	__atomic_store_n(&q->home, control_home(q, ops), __ATOMIC_SEQ_CST);
	for (unsigned i = 0; i < SCHED_TUNABLES_MAX; i++)
		q->tunable[i].set_at = 0;
	control_refresh(q, q->lanes[0].next_sched);
	__atomic_store_n(&q->draining, 0, __ATOMIC_SEQ_CST);
	control_changed(q);
}

/* Under the lock. */
static void try_finish(struct weir_queue *q)
{
	for (uint32_t i = 0; i < q->nr_lanes; i++)
		if (!q->lanes[i].drained && __atomic_load_n(&q->lanes[i].owned, __ATOMIC_SEQ_CST))
			return;
	finish_switch(q);
}

/* What waits without a request may belong to another lane after the switch. */
static void hold_waiting(struct lane *lane)
{
	struct io_list old, later;
	struct weir_io *io;

	io_list_init(&old);
	io_list_init(&later);
	io_list_append(&old, &lane->ready);
	io_list_append(&old, &lane->flushes);
	admit_drain(lane, &old);
	for (io = old.first; io; io = io_priv(io)->next)
		if (io_priv(io)->sequence == SEQ_DATA)
			io_priv(io)->sequence = SEQ_READY;
	lane->sequenced = 0;
	io_list_append(&later, &lane->held);
	lane_hold(lane, &old);
	io_list_append(&lane->held, &later);
}

void control_drained(struct lane *lane)
{
	struct weir_queue *q = lane->q;

	hold_waiting(lane);
	pthread_mutex_lock(&q->lock);
	if (__atomic_load_n(&q->draining, __ATOMIC_RELAXED) && !lane->drained) {
		lane->drained = true;
		try_finish(q);
	}
	pthread_mutex_unlock(&q->lock);
}

/* A switch that came when the owner took no turn any more waits for nothing else, perhaps. */
void control_disown(struct lane *lane)
{
	struct weir_queue *q = lane->q;

	pthread_mutex_lock(&q->lock);
	__atomic_store_n(&lane->owned, 0, __ATOMIC_SEQ_CST);
	if (__atomic_load_n(&q->draining, __ATOMIC_RELAXED))
		try_finish(q);
	pthread_mutex_unlock(&q->lock);
}

/* The instance that was made for LANE, if it is time for it; the old one is returned. */
static struct sched *take_next(struct lane *lane)
{
	struct sched *old = NULL;

	if (!lane->draining && lane->next_sched) {
		old = lane->sched;
		lane->sched = lane->next_sched;
		lane->next_sched = NULL;
		admit_scheduler(lane);
	}
	return old;
}

/* Under the lock: what has changed after generation SINCE. */
static void apply_values(struct lane *lane, uint32_t since)
{
	struct weir_queue *q = lane->q;
	struct sched *s = lane->sched;
	uint32_t nr_requests = __atomic_load_n(&q->nr_requests, __ATOMIC_RELAXED);

	s->env.merging = (uint8_t)__atomic_load_n(&q->merging, __ATOMIC_RELAXED);
	if (s->ops != q->sched_ops)
		return; /* drains for another: these are the other's values */
	if (s->env.nr_requests != nr_requests && s->ops->depth_changed)
		s->ops->depth_changed(s, nr_requests);
	for (unsigned i = 0; s->ops->tunables && s->ops->tunables[i].name; i++)
		if (q->tunable[i].set_at > since)
			(void)s->ops->set(s, i, q->tunable[i].set);
	submitter_apply(q, s, since);
	control_refresh(q, s);
}

void control_apply(struct lane *lane)
{
	struct weir_queue *q = lane->q;
	struct sched *old;
	uint32_t since;

	pthread_mutex_lock(&q->lock);
	since = lane->seen;
	lane->seen = __atomic_load_n(&q->generation, __ATOMIC_SEQ_CST);
	lane->draining = __atomic_load_n(&q->draining, __ATOMIC_SEQ_CST);
	if (!lane->draining)
		lane->drained = false;
	old = take_next(lane);
	apply_values(lane, old ? 0 : since);
	pthread_mutex_unlock(&q->lock);
	if (old)
		old->ops->exit(old);
	if (lane->draining && lane->nr_free == lane->nr_tags)
		control_drained(lane);
}

/* Instances of OPS for all lanes go to NEXT. */
static int make_all(struct weir_queue *q, const struct sched_ops *ops, struct sched **next)
{
	uint32_t nr_requests = control_nr_requests(q, ops), i;

	for (i = 0; i < q->nr_lanes; i++)
		if (make_sched(&q->lanes[i], ops, nr_requests, &next[i]))
			break;
	if (i == q->nr_lanes)
		return 0;
	while (i--)
		next[i]->ops->exit(next[i]);
	return error_set(-ENOMEM, "no memory to switch to %s", ops->name);
}

/* Step 1, under the lock. A switch that is under way gets another aim. */
static void begin_switch(struct weir_queue *q, const struct sched_ops *ops, struct sched **next)
{
	for (uint32_t i = 0; i < q->nr_lanes; i++) {
		struct lane *lane = &q->lanes[i];

		if (lane->next_sched)
			lane->next_sched->ops->exit(lane->next_sched);
		lane->next_sched = next[i];
		if (!q->next_ops)
			lane->drained = false;
	}
	q->next_ops = ops;
	__atomic_store_n(&q->draining, 1, __ATOMIC_SEQ_CST);
	control_changed(q);
	try_finish(q);
}

/* The home of a queue whose lanes are attached is run by a worker, from the first need on. */
static int start_home(struct weir_queue *q, const struct sched_ops *ops)
{
	struct lane *home = control_home(q, ops);

	if (!home || q->opts.workers || q->opts.lanes == 1 || home->worker_runs)
		return 0;
	return owner_start_worker(home);
}

/* A switch that ends meanwhile must be seen whole, or this one could be taken for done. */
static bool is_new_aim(struct weir_queue *q, const struct sched_ops *ops)
{
	bool is_new;

	pthread_mutex_lock(&q->lock);
	is_new = q->next_ops || q->sched_ops != ops;
	pthread_mutex_unlock(&q->lock);
	return is_new;
}

int control_switch(struct weir_queue *q, const struct sched_ops *ops)
{
	struct sched *next[LANES_MAX + 1];
	struct lane *mine = owner_lane(q);
	int err;

	pthread_mutex_lock(&q->switch_lock);
	err = start_home(q, ops);
	if (!err && is_new_aim(q, ops))
		err = make_all(q, ops, next);
	else
		ops = NULL;
	if (!err && ops) {
		pthread_mutex_lock(&q->lock);
		begin_switch(q, ops, next);
		pthread_mutex_unlock(&q->lock);
	}
	pthread_mutex_unlock(&q->switch_lock);
	/* An idle queue has switched when this returns. */
	if (!err && mine && !mine->in_callback)
		control_apply(mine);
	return err;
}
