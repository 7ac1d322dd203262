/* SPDX-License-Identifier: Apache-2.0 */
/*
 * nsec.h - longer units of time in nanoseconds. They are not in clock.h, because schedulers may not
 * include that: they are told the time and never read a clock.
 */
#ifndef NSEC_H
#define NSEC_H

#define NSEC_PER_SEC 1000000000ull
#define NSEC_PER_MSEC 1000000ull
#define NSEC_PER_USEC 1000ull

#endif
