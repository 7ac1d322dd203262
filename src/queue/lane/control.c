/* SPDX-License-Identifier: Apache-2.0 */
/*
 * control.c - lanes take over what changes while a queue runs: values, and the scheduler.
 *
 * A switch of the scheduler goes in three steps. (1) switch.c sets `draining`: every lane holds
 * what comes in, and works off the requests it has. (2) The last lane without a request makes the
 * new scheduler the queue's; a lane that nobody owns has none. (3) Each lane, on its next turn,
 * takes the new instance that was made for it beforehand, and goes on with what it held, which may
 * belong to another lane now. So nothing is lost, nobody waits inside a call, and memory is asked
 * for only before anything has changed.
 *
 * Owns lane->change, and the control fields of struct weir_queue under its lock.
 */
#include "queue/lane/control.h"

#include <errno.h>

#include "base/check.h"
#include "base/nsec.h"
#include "queue/lane/admit.h"
#include "queue/lane/ended.h"
#include "queue/lane/flush_steps.h"
#include "queue/lane/learned.h"
#include "queue/lane/merge.h"
#include "queue/lane/queue.h"
#include "queue/lane/settings.h"
#include "queue/lane/tracing.h"

/* A scheduler has twice the driver's depth, counted as at most 128: blk-mq's rule. */
#define CONTROL_DEPTH_BASE 128u
/* While a lane works, it shows this often what its scheduler has learned. */
#define CONTROL_SHOW_NS (100 * NSEC_PER_MSEC)

uint32_t control_nr_requests(const struct weir_queue *q, const struct sched_ops *ops)
{
	uint32_t depth = q->opts.depth;

	if (ops->flags & SCHED_DIRECT)
		return __atomic_load_n(&q->depth, __ATOMIC_RELAXED);
	return 2 * (depth < CONTROL_DEPTH_BASE ? depth : CONTROL_DEPTH_BASE);
}

/* Returns true if one instance of OPS serves all lanes. Weights and groups say what submitters get
 * compared with others, and an instance knows those of its own lanes only. Under the lock. */
static bool control_is_shared(const struct weir_queue *q, const struct sched_ops *ops)
{
	if (ops->scope == SCHED_PER_QUEUE)
		return true;
	if (q->opts.lanes == 1 || ops->flags & SCHED_DIRECT || q->sharing == SHARING_NEVER)
		return false;
	return q->sharing == SHARING_ALWAYS || (ops->set_weight && settings_unlike(q));
}

struct lane *control_home(struct weir_queue *q, const struct sched_ops *ops)
{
	if (!control_is_shared(q, ops))
		return NULL;
	CHECK(q->opts.workers || q->opts.lanes == 1 || q->nr_lanes > q->opts.lanes);
	/* Lane 0's owner may be a thread of the program that polls only now and then. */
	return q->opts.workers || q->opts.lanes == 1 ? &q->lanes[0] : &q->lanes[q->opts.lanes];
}

static uint32_t control_weight_of(void *owner, uint32_t submitter)
{
	struct lane *lane = owner;

	return settings_weight_of(lane->q, submitter);
}

int control_make_sched(struct lane *lane, const struct sched_ops *ops, bool per_lane,
		       uint32_t nr_requests, struct sched **s)
{
	struct weir_queue *q = lane->q;
	struct sched_env env = {
		.nr_requests = nr_requests,
		.depth = q->opts.depth,
		.nr_lanes = per_lane ? q->opts.lanes : 1,
		.lane = per_lane && lane->index < q->opts.lanes ? lane->index : 0,
		.nr_ctxs = q->nr_ctxs + q->nr_lanes,
		.max_submitters = 1024,
		.rotational = q->info->rotational,
		.steady = q->steady,
		.merging = (uint8_t)__atomic_load_n(&q->merging, __ATOMIC_RELAXED),
		.max_discard_segments = q->max_discard_ranges,
		.merge = merge_requests,
		.weight_of = control_weight_of,
		.owner = lane,
	};

	return ops->init(s, &env);
}

int control_first(struct lane *lane)
{
	int err;

	CHECK(!lane->sched);
	err = control_make_sched(lane, lane->q->sched_ops, !lane->q->home,
				 lane->q->opts.nr_requests, &lane->sched);

	if (!err)
		admit_scheduler(lane);
	return err;
}

void control_changed(struct weir_queue *q)
{
	__atomic_add_fetch(&q->generation, 1, __ATOMIC_SEQ_CST);
	lane_wake_all(q);
}

void control_refresh(struct weir_queue *q, struct sched *s)
{
	const struct sched_tunable *t = s->ops->tunables;

	for (unsigned i = 0; t && t[i].name; i++) {
		CHECK(i < SCHED_TUNABLES_MAX);
		q->tunable[i].value = s->ops->get(s, i);
	}
}

/* As control_refresh(), for a lane among others: what it has not learned another one may know.
 * Beside a home the instances of other lanes have nothing to say. */
static void control_show(const struct lane *lane)
{
	struct weir_queue *q = lane->q;
	struct sched *s = lane->sched;
	const struct sched_tunable *t = s->ops->tunables;

	if (q->home && q->home != lane)
		return;
	for (unsigned i = 0; t && t[i].name; i++) {
		int64_t value = s->ops->get(s, i);

		CHECK(i < SCHED_TUNABLES_MAX);
		if (value || !t[i].read_only)
			q->tunable[i].value = value;
	}
}

static __attribute__((noinline)) void control_show_learned(struct lane *lane)
{
	struct weir_queue *q = lane->q;

	lane->change.shown_ns = lane->now;
	pthread_mutex_lock(&q->lock);
	/* A value that was just set is not yet the scheduler's: its old one is not shown for it. */
	if (lane->sched->ops == q->sched_ops &&
	    lane->change.seen == __atomic_load_n(&q->generation, __ATOMIC_RELAXED))
		control_show(lane);
	if (lane->sched->ops == q->sched_ops)
		learned_show(lane);
	pthread_mutex_unlock(&q->lock);
}

/* The queue has another scheduler, whose values are its defaults. Under the lock. */
static void control_set_ops(struct weir_queue *q, const struct sched_ops *ops)
{
	__atomic_store_n(&q->sched_ops, ops, __ATOMIC_RELEASE);
	__atomic_store_n(&q->nr_requests, control_nr_requests(q, ops), __ATOMIC_RELAXED);
	for (unsigned i = 0; i < SCHED_TUNABLES_MAX; i++)
		q->tunable[i].set_at = 0;
	for (uint32_t i = 0; i < q->nr_lanes; i++)
		q->lanes[i].change.learned.nr = 0;
	control_refresh(q, q->lanes[0].change.next);
}

/* Every lane has drained: the new scheduler is the queue's. Under the lock. */
static void control_finish_switch(struct weir_queue *q)
{
	const struct sched_ops *ops = q->next_ops;

	CHECK(ops);
	CHECK(q->lanes[0].change.next);
	q->next_ops = NULL;
	if (q->next_keeps && q->sched_ops == ops)
		learned_move(q, q->next_home);
	else
		control_set_ops(q, ops);
	__atomic_store_n(&q->home, q->next_home, __ATOMIC_SEQ_CST);
	__atomic_store_n(&q->draining, 0, __ATOMIC_SEQ_CST);
	control_changed(q);
}

void control_try_finish(struct weir_queue *q)
{
	for (uint32_t i = 0; i < q->nr_lanes; i++)
		if (!q->lanes[i].change.drained &&
		    __atomic_load_n(&q->lanes[i].owner.owned, __ATOMIC_SEQ_CST))
			return;
	control_finish_switch(q);
}

void control_hold(struct lane *lane, struct io_list *list)
{
	struct weir_io *io;

	CHECK(lane_is_mine(lane));
	CHECK(lane->change.draining);
	while ((io = io_list_pop(list))) {
		/* An io that has written something goes on to its end. */
		if (!(io->flags & WEIR_IO_NOWAIT) || io_priv(io)->cursor ||
		    io_priv(io)->step > STEP_READY)
			io_list_add(&lane->change.held, io);
		else
			ended_again(lane, io);
	}
	ended_give_back(lane);
}

void control_take_held(struct lane *lane, struct io_list *into)
{
	CHECK(!lane->change.draining);
	io_list_append(into, &lane->change.held);
}

/* Holds all ios that wait without a request: they may belong to another lane after the switch. */
static void control_hold_waiting(struct lane *lane)
{
	struct io_list old, later;

	io_list_init(&old);
	io_list_init(&later);
	flush_steps_drain(lane, &old);
	admit_drain(lane, &old);
	for (struct weir_io *io = old.first; io; io = io_priv(io)->next)
		if (io_priv(io)->step == STEP_DATA)
			io_priv(io)->step = STEP_READY;
	io_list_append(&later, &lane->change.held);
	control_hold(lane, &old);
	io_list_append(&lane->change.held, &later);
}

void control_check_drained(struct lane *lane)
{
	struct weir_queue *q = lane->q;

	if (!lane->change.draining || !tags_all_free(lane))
		return;
	CHECK(!lane->out.commands);
	CHECK(!lane->out.bytes);
	CHECK(TAILQ_EMPTY(&lane->out.dispatch));
	control_hold_waiting(lane);
	pthread_mutex_lock(&q->lock);
	if (__atomic_load_n(&q->draining, __ATOMIC_RELAXED) && !lane->change.drained) {
		lane->change.drained = true;
		control_try_finish(q);
	}
	pthread_mutex_unlock(&q->lock);
}

/* A switch that began after the last turn of this owner may wait for nothing else. */
void control_disown(struct lane *lane)
{
	struct weir_queue *q = lane->q;

	CHECK(owner_is_there(lane));
	CHECK(!lane->owner.thread);
	pthread_mutex_lock(&q->lock);
	if (lane->sched->ops == q->sched_ops)
		learned_show(lane);
	__atomic_store_n(&lane->owner.owned, 0, __ATOMIC_SEQ_CST);
	if (__atomic_load_n(&q->draining, __ATOMIC_RELAXED))
		control_try_finish(q);
	pthread_mutex_unlock(&q->lock);
}

/* Takes the instance that was made for LANE, if the queue has drained, and returns the old one;
 * NULL: it is not time. */
static struct sched *control_take_next(struct lane *lane)
{
	struct sched *old = NULL;

	if (!lane->change.draining && lane->change.next) {
		old = lane->sched;
		CHECK(!old->ops->has_work(old)); /* it holds no request, and no io waits for one */
		lane->sched = lane->change.next;
		tracing_sched(lane);
		lane->change.next = NULL;
		admit_scheduler(lane);
	}
	return old;
}

/* Takes over the values that changed after generation SINCE; TAKEN: the instance is new. Under the
 * lock. */
static void control_apply_values(struct lane *lane, uint32_t since, bool taken)
{
	struct weir_queue *q = lane->q;
	struct sched *s = lane->sched;
	uint32_t nr_requests = __atomic_load_n(&q->nr_requests, __ATOMIC_RELAXED);

	s->env.merging = (uint8_t)__atomic_load_n(&q->merging, __ATOMIC_RELAXED);
	if (s->ops != q->sched_ops)
		return; /* the queue drains for another scheduler, and these are the other's values
			 */
	if (s->env.nr_requests != nr_requests && s->ops->depth_changed)
		s->ops->depth_changed(s, nr_requests);
	for (unsigned i = 0; s->ops->tunables && s->ops->tunables[i].name; i++)
		if (q->tunable[i].set_at > since)
			(void)s->ops->set(s, i, q->tunable[i].set);
	settings_apply(q, s, since);
	learned_take(lane, since, taken);
	control_show(lane);
	learned_show(lane);
}

void control_apply(struct lane *lane)
{
	struct weir_queue *q = lane->q;
	struct sched *old;
	uint32_t since;

	CHECK(lane_is_mine(lane));
	pthread_mutex_lock(&q->lock);
	since = lane->change.seen;
	lane->change.seen = __atomic_load_n(&q->generation, __ATOMIC_SEQ_CST);
	lane->change.draining = __atomic_load_n(&q->draining, __ATOMIC_SEQ_CST);
	if (!lane->change.draining)
		lane->change.drained = false;
	old = control_take_next(lane);
	control_apply_values(lane, old ? 0 : since, old != NULL);
	pthread_mutex_unlock(&q->lock);
	if (old)
		old->ops->exit(old);
	control_check_drained(lane);
}

void control_check(struct lane *lane)
{
	if (lane->change.seen != __atomic_load_n(&lane->q->generation, __ATOMIC_ACQUIRE))
		control_apply(lane);
	if (lane->now - lane->change.shown_ns >= CONTROL_SHOW_NS)
		control_show_learned(lane);
}

/* If a switch is under way already, it leads to NEXT now. */
void control_set_next(struct lane *lane, struct sched *next)
{
	if (lane->change.next)
		lane->change.next->ops->exit(lane->change.next);
	CHECK(next);
	CHECK(next != lane->sched);
	lane->change.next = next;
	if (!lane->q->next_ops)
		lane->change.drained = false;
}
