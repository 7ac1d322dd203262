/* SPDX-License-Identifier: Apache-2.0 */
/*
 * intent.h - a writer that waits for the lock of a device says so, so that new readers let it go
 * first. Each function is for the thread that opens the device.
 */
#ifndef DEVICE_INTENT_H
#define DEVICE_INTENT_H

#include <stdbool.h>

struct weir_device;

/* Says that DEV, a writer, waits. Filesystems without such locks say nothing. */
void device_intent_set(const struct weir_device *dev);
/* Takes that back. A process that is killed takes it back too. */
void device_intent_clear(const struct weir_device *dev);
/* Returns true if a writer waits for what DEV, a reader, is about to lock. */
bool device_intent_is_set(const struct weir_device *dev);

#endif
