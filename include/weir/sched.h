/* SPDX-License-Identifier: Apache-2.0 */
/*
 * weir/sched.h - the schedulers of this library. A scheduler decides which io goes first.
 *
 * Caveat: a scheduler can only order ios that wait. If the device takes everything at once, every
 * scheduler is a FIFO. The options depth and depth_bytes of a queue keep ios waiting above it.
 */
#ifndef WEIR_SCHED_H
#define WEIR_SCHED_H

#include <stddef.h>

#include <weir/base.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Returns the *COUNT schedulers. The array is static. Any thread. */
const struct weir_named *weir_schedulers(size_t *count);

#ifdef __cplusplus
}
#endif
#endif
