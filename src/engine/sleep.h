/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sleep.h - what the engines' wait() have in common beside engine_sleep().
 */
#ifndef SLEEP_H
#define SLEEP_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

/* Empties the eventfd WAKE_FD: true if it was readable. Never blocks, whatever its flags. */
bool sleep_clear(int wake_fd);

/* The time from now to DEADLINE (ns of clock_now()) in *TS, zero if it has passed. Returns TS,
 * or NULL for UINT64_MAX: no timeout. */
struct timespec *sleep_timeout(uint64_t deadline, struct timespec *ts);

#endif
