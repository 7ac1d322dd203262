/* SPDX-License-Identifier: Apache-2.0 */
/*
 * nsec.h - nanoseconds in longer units. Not in clock.h, which schedulers may not include: they are
 * told the time and never read a clock.
 */
#ifndef NSEC_H
#define NSEC_H

#define NSEC_PER_SEC 1000000000ull
#define NSEC_PER_MSEC 1000000ull
#define NSEC_PER_USEC 1000ull

#endif
