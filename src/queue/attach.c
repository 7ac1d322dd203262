/* SPDX-License-Identifier: Apache-2.0 */
/*
 * attach.c - a thread of the program becomes the owner of a lane, and stops being it. Owns nothing;
 * any thread.
 */
#include <errno.h>

#include "base/check.h"
#include "base/error.h"
#include "queue/lane/lane.h"

int weir_queue_attach(struct weir_queue *q, uint32_t index)
{
	int err = queue_check_process(q);

	if (err)
		return err;
	if (owner_in_callback())
		return error_in_callback("attach to a queue");
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
		return error_in_callback("detach from a queue");
	if (!lane || q->opts.workers)
		return error_set(-EPERM, "this thread owns no lane of the queue");
	owner_detach(lane);
	CHECK(!owner_lane(q));
	return 0;
}
