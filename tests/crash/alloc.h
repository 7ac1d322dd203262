/* SPDX-License-Identifier: Apache-2.0 */
/*
 * alloc.h - lets allocations of this program fail. It replaces the functions of the C library,
 * except under a sanitizer, which has its own; then none fails.
 */
#ifndef CRASH_ALLOC_H
#define CRASH_ALLOC_H

#include <stdint.h>

/* Lets TIMES allocations fail after SKIP others. Returns how many failed since the last call. */
uint64_t alloc_fail(unsigned skip, unsigned times);

#endif
