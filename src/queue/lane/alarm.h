/* SPDX-License-Identifier: Apache-2.0 */
/*
 * alarm.h - a task that the lane runs when a time has come, for the layer above.
 */
#ifndef LANE_ALARM_H
#define LANE_ALARM_H

#include <stdbool.h>

struct lane;

/* Returns true if the time has come. */
bool alarm_is_due(const struct lane *lane);
/* Runs the task if the time has come; the alarm is off then. Called where callbacks are. */
void alarm_ring(struct lane *lane);

#endif
