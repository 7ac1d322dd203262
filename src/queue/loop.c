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

/* Returns false if DEADLINE came first. */
static bool loop_run(struct lane *lane, bool (*done)(const void *user), const void *user,
		     uint64_t deadline)
{
	while (!done(user)) {
		/* There is a turn however short the time is, as in weir_io_wait(). */
		unsigned ended = lane_turn(lane);

		if (done(user))
			break;
		if (deadline != UINT64_MAX && queue_now(lane->q) >= deadline)
			return false;
		if (!ended)
			lane_sleep(lane, deadline);
	}
	return true;
}

bool loop_run_until(struct weir_queue *q, bool (*done)(const void *user), const void *user,
		    uint64_t deadline)
{
	struct lane *lane = owner_lane(q);
	bool is_done;

	CHECK(lane);
	is_done = loop_run(lane, done, user, deadline);
	lane_rest(lane); /* the program may watch the descriptor from now on */
	return is_done;
}

bool loop_device_is_removed(const struct weir_queue *q)
{
	return device_is_removed(q->dev);
}
