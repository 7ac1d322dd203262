/* SPDX-License-Identifier: Apache-2.0 */
/*
 * clock.c - time and chance of the crash tests: the same in every run, so that a failure can be
 * repeated. These two functions replace those of the C library in this program.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "drive.h"

#define CLOCK_STEP_NS 1000u
#define CLOCK_WALL_S 1700000000

int clock_gettime(clockid_t id, struct timespec *ts)
{
	*ts = (struct timespec){ .tv_sec = CLOCK_WALL_S };
	if (id == CLOCK_REALTIME)
		return 0;
	drive_time += CLOCK_STEP_NS;
	ts->tv_sec = (time_t)(drive_time / 1000000000u);
	ts->tv_nsec = (long)(drive_time % 1000000000u);
	return 0;
}

ssize_t getrandom(void *buf, size_t length, unsigned flags)
{
	static uint64_t state = 1;

	(void)flags;
	for (size_t n = 0; n < length; n++)
		((uint8_t *)buf)[n] = (uint8_t)drive_random(&state);
	return (ssize_t)length;
}
