/* SPDX-License-Identifier: Apache-2.0 */
/*
 * weir/engine.h - how bytes move: the engines that this library has.
 *
 * Caveat: a probe says what works now and for this process; a sandbox or a limit that changes
 * afterwards shows as an error of weir_queue_open() or weir_queue_attach().
 */
#ifndef WEIR_ENGINE_H
#define WEIR_ENGINE_H

#include <stddef.h>

#include <weir/base.h>
#include <weir/device.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The engines, best first; *COUNT of them. Static. Any thread. */
const struct weir_named *weir_engines(size_t *count);

/*
 * Says whether ENGINE ("auto": any) would work on DEV: 0, or -errno with the reason in WHY (as
 * "the kernel refuses io_uring: ...") of SIZE bytes. On success WHY says how it would be set up.
 * Errors: -ENOENT (no such engine), -EOPNOTSUPP and what the system said. Any thread.
 */
int weir_engine_probe(const char *engine, struct weir_device *dev, char *why, size_t size);

#ifdef __cplusplus
}
#endif
#endif
