/* SPDX-License-Identifier: Apache-2.0 */
/*
 * clock.h - the one clock: CLOCK_MONOTONIC in ns.
 *
 * A read costs about 30 ns, so callers read it once for each stage of a batch and pass it down.
 */
#ifndef CLOCK_H
#define CLOCK_H

#include <stdint.h>
#include <time.h>

#include "base/nsec.h"

/* Now, in ns since an arbitrary start. */
static inline uint64_t clock_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * NSEC_PER_SEC + (uint64_t)ts.tv_nsec;
}

/* The same in seconds, for benchmarks. */
static inline double clock_seconds(void)
{
	return (double)clock_now() * 1e-9;
}

#endif
