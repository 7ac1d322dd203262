/* SPDX-License-Identifier: Apache-2.0 */
/*
 * weir/sched.h - who goes first: the schedulers that this library has.
 *
 * Caveat: a scheduler can only order what waits. Above a device queue that takes everything at
 * once it is a FIFO; a queue's depth and depth_bytes are what make it real.
 */
#ifndef WEIR_SCHED_H
#define WEIR_SCHED_H

#include <stddef.h>

#include <weir/base.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The schedulers; *COUNT of them. Static. Any thread. */
const struct weir_named *weir_schedulers(size_t *count);

#ifdef __cplusplus
}
#endif
#endif
