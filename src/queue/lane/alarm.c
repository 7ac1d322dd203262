/* SPDX-License-Identifier: Apache-2.0 */
/*
 * alarm.c - runs a task of the layer above when its time has come. Owns lane->alarm. The lane's
 * owner.
 */
#include "queue/lane/alarm.h"

#include "base/check.h"
#include "queue/lane/lane.h"

void lane_set_alarm(struct lane *lane, struct weir_task *task, uint64_t at)
{
	CHECK(lane_is_mine(lane));
	CHECK(task || at == UINT64_MAX);
	lane->alarm.task = task;
	lane->alarm.at = at;
}

bool alarm_is_due(const struct lane *lane)
{
	return lane->alarm.at != UINT64_MAX && queue_now(lane->q) >= lane->alarm.at;
}

void alarm_ring(struct lane *lane)
{
	struct weir_task *task = lane->alarm.task;

	if (!alarm_is_due(lane))
		return;
	lane->alarm.at = UINT64_MAX;
	lane->alarm.task = NULL;
	task->fn(task);
}
