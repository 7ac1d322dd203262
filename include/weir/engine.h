/* SPDX-License-Identifier: Apache-2.0 */
/*
 * weir/engine.h - the engines of this library. An engine moves bytes to a drive and back.
 *
 * Caveat: a probe tells what works now, in this process. If a sandbox or a limit changes later,
 * weir_queue_open() or weir_queue_attach() returns the error.
 */
#ifndef WEIR_ENGINE_H
#define WEIR_ENGINE_H

#include <stddef.h>

#include <weir/base.h>
#include <weir/device.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Returns the *COUNT engines, the best one first. The array is static. Any thread. */
const struct weir_named *weir_engines(size_t *count);

/*
 * Tells whether ENGINE ("auto": any of them) would work on DEV. Returns 0, and WHY of SIZE bytes
 * says how the engine would be set up; or -errno, and WHY says the reason, such as "the kernel
 * refuses io_uring: ...".
 * Errors: -ENOENT (no such engine), -EOPNOTSUPP and what the system said. Any thread.
 */
int weir_engine_probe(const char *engine, struct weir_device *dev, char *why, size_t size);

#ifdef __cplusplus
}
#endif
#endif
