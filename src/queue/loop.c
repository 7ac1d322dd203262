/* SPDX-License-Identifier: Apache-2.0 */
/*
 * loop.c - runs the loop of lane 0 for the layer above. Owns nothing; lane 0's owner, but for the
 * questions who that is.
 */
#include "queue/loop.h"

#include "base/check.h"
#include "device/device.h"
#include "queue/lane/lane.h"

bool loop_in_callback(void)
{
	return owner_in_callback();
}

bool loop_is_mine(const struct weir_queue *q)
{
	const struct lane *lane = owner_lane(q);

	return lane && !lane->index;
}

bool loop_run_until(struct weir_queue *q, bool (*done)(const void *user), const void *user,
		    uint64_t deadline)
{
	struct lane *lane = owner_lane(q);

	CHECK(lane);
	return lane_run_until(lane, done, user, deadline);
}

void loop_keep_busy(const struct weir_queue *q)
{
	struct lane *lane = owner_lane(q);

	CHECK(lane);
	lane_keep_busy(lane);
}

void loop_narrow(const struct weir_queue *q, bool narrow)
{
	struct lane *lane = owner_lane(q);

	CHECK(lane);
	lane->out.narrow = narrow;
}

uint64_t loop_now(const struct weir_queue *q)
{
	return queue_now(q);
}

void loop_set_alarm(struct weir_queue *q, struct weir_task *task, uint64_t at)
{
	struct lane *lane = owner_lane(q);

	CHECK(lane && !lane->index);
	lane_set_alarm(lane, task, at);
}

bool loop_device_is_removed(const struct weir_queue *q)
{
	return device_is_removed(q->dev);
}

bool loop_learns(const struct weir_queue *q)
{
	return __atomic_load_n(&q->sched_ops, __ATOMIC_ACQUIRE)->save;
}

bool loop_idles(const struct weir_queue *q)
{
	return __atomic_load_n(&q->sched_ops, __ATOMIC_ACQUIRE)->flags & SCHED_IDLES;
}
