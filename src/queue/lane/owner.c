/* SPDX-License-Identifier: Apache-2.0 */
/*
 * owner.c - which thread owns a lane: attaching and detaching.
 *
 * A thread remembers the lanes that it owns in a thread-local list (one for each queue, mostly
 * one in all), so that the owner's calls need no lock. The engine lives while the lane has an
 * owner and is opened and closed on that thread. Owns lane->owner and lane->engine.
 */
#include "queue/lane/owner.h"

#include <errno.h>

#include "base/check.h"
#include "base/error.h"
#include "queue/lane/complete.h"
#include "queue/lane/control.h"
#include "queue/lane/fd.h"
#include "queue/lane/queue.h"
#include "queue/lane/registered.h"
#include "queue/lane/tags.h"

static __thread struct lane *owner_lanes;
/* The process in which this thread is a worker; 0: it is none. A worker has no time for the
 * lanes of other queues, so it does not become their owner. Where a callback of a worker calls
 * fork(), the child's thread is no worker. */
static __thread uint32_t owner_worker_in;

struct lane *owner_lane(const struct weir_queue *q)
{
	struct lane *lane = owner_lanes;

	while (lane && lane->q != q)
		lane = lane->owner.next;
	return lane;
}

bool owner_in_callback(void)
{
	/* If a callback called fork(), the child's thread is not inside a callback of the
	 * child's own queues. */
	for (struct lane *lane = owner_lanes; lane; lane = lane->owner.next)
		if (lane->ended.in_callback && !fork_inherited(lane->q->process))
			return true;
	return false;
}

int owner_attach(struct lane *lane)
{
	struct weir_queue *q = lane->q;
	struct engine_params params = {
		.dev = q->dev,
		.depth = q->opts.depth,
		.wake_fd = lane->sleep.wake_fd,
		.tuning = q->tuning,
		.complete = complete_cmd,
		.owner = lane,
		.ops = q->engine_ops,
	};
	struct error_scope scope;
	uint32_t nobody = 0;
	int err;

	if (!__atomic_compare_exchange_n(&lane->owner.owned, &nobody, 1, false, __ATOMIC_SEQ_CST,
					 __ATOMIC_RELAXED))
		return -EBUSY;
	CHECK(!lane->engine);
	error_begin(&scope);
	err = q->engine_ops->open(&lane->engine, &params);
	error_end(&scope, err, "%s: engine %s", weir_device_path(q->dev), q->engine_ops->name);
	if (err) {
		control_disown(lane);
		return err;
	}
	lane->owner.next = owner_lanes;
	owner_lanes = lane;
	lane->owner.thread = thread_number();
	registered_settle(lane);
	return 0;
}

static void owner_unlink(struct lane *lane)
{
	struct lane **link = &owner_lanes;

	for (; *link != lane; link = &(*link)->owner.next)
		CHECK(*link); /* the calling thread owns it */
	*link = lane->owner.next;
	lane->owner.thread = 0;
}

void owner_leave(struct lane *lane)
{
	lane_finish(lane);
	CHECK(tags_all_free(lane));
	CHECK(!lane->waiting.nr);
	CHECK(!lane->out.commands);
	CHECK(!lane->out.bytes);
	CHECK(!lane->sched->ops->has_work(lane->sched));
	fd_close(lane);
	lane->engine->ops->close(lane->engine);
	lane->engine = NULL;
	registered_leave(lane);
	owner_unlink(lane);
	/* Submitters need not know that the lane has no owner: the next one looks at what they
	 * staged. */
	control_disown(lane);
}

void owner_detach(struct lane *lane)
{
	lane_drain(lane);
	owner_leave(lane);
}

bool owner_has(const struct lane *lane)
{
	const struct lane *mine = owner_lanes;

	while (mine && mine != lane)
		mine = mine->owner.next;
	return mine;
}

void owner_forget(struct lane *lane)
{
	if (!owner_has(lane))
		return;
	lane->engine->ops->close(lane->engine);
	lane->engine = NULL;
	owner_unlink(lane);
}

void owner_use(struct lane *lane)
{
	struct lane **link = &owner_lanes;

	for (; *link != lane; link = &(*link)->owner.next)
		CHECK(*link); /* the calling thread owns it */
	*link = lane->owner.next;
	lane->owner.next = owner_lanes;
	owner_lanes = lane;
}

int owner_lane_or_attach(struct weir_queue *q, struct lane **lane)
{
	int err;

	*lane = owner_lane(q);
	if (*lane || q->opts.workers || owner_worker_in == q->process ||
	    __atomic_load_n(&q->lanes[0].owner.owned, __ATOMIC_RELAXED))
		return 0;
	err = owner_attach(&q->lanes[0]);
	if (!err)
		*lane = &q->lanes[0];
	return err == -EBUSY ? 0 : err;
}

void owner_set_worker(const struct weir_queue *q)
{
	owner_worker_in = q->process;
}
