/* SPDX-License-Identifier: Apache-2.0 */
/*
 * clock.h - the one clock of the project: CLOCK_MONOTONIC in ns.
 *
 * Reading the clock costs about 30 ns. So callers read it once for each stage of a batch, and pass
 * the time down.
 */
#ifndef CLOCK_H
#define CLOCK_H

#include <stdint.h>
#include <time.h>

#include "base/nsec.h"

/* Returns the time in ns since an arbitrary start. */
static inline uint64_t clock_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * NSEC_PER_SEC + (uint64_t)ts.tv_nsec;
}

/* Returns the time that is TIMEOUT_NS after NOW; UINT64_MAX, which means never, where there is no
 * such time. */
static inline uint64_t clock_deadline(uint64_t now, uint64_t timeout_ns)
{
	return timeout_ns > UINT64_MAX - now ? UINT64_MAX : now + timeout_ns;
}

/* Returns the wall clock (CLOCK_REALTIME) in ns since 1970, for what is kept on a medium. */
static inline uint64_t clock_wall(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (uint64_t)ts.tv_sec * NSEC_PER_SEC + (uint64_t)ts.tv_nsec;
}

/* Returns the same time in seconds, for benchmarks. */
static inline double clock_seconds(void)
{
	return (double)clock_now() * 1e-9;
}

#endif
