/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sleep.h - what the engines' wait() share, beside engine_sleep().
 */
#ifndef SLEEP_H
#define SLEEP_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

/* Empties the eventfd WAKE_FD. Returns true if it was readable. It never blocks, whatever the
 * descriptor's flags are. */
bool sleep_clear(int wake_fd);

/* Sets *TS to the time from now to DEADLINE (ns of clock_now()), or to 0 if it has passed. Returns
 * TS, or NULL for UINT64_MAX: no timeout. */
struct timespec *sleep_timeout(uint64_t deadline, struct timespec *ts);

#endif
