/* SPDX-License-Identifier: Apache-2.0 */
/*
 * holders.h - the processes that have the lock of a device. Plain values; any thread.
 */
#ifndef DEVICE_HOLDERS_H
#define DEVICE_HOLDERS_H

#include <stdbool.h>
#include <stddef.h>

#define HOLDERS_MAX 8
#define HOLDERS_BYTES 256 /* enough for the text about them */

struct stat;

struct device_holders {
	unsigned count; /* of locks that the kernel shows; those of other containers it does not */
	int pids[HOLDERS_MAX];
	bool exclusive; /* the lock is a writer's; else it is shared by readers */
};

/* Fills in H with the processes that have the lock on the file ST. LOCKS is /proc/locks, or a
 * test's copy of it. */
void device_holders_find(struct device_holders *h, const char *locks, const struct stat *st);

/* Returns true if none of the processes in H is alive. The kernel keeps the lock of a killed
 * process until its last write has finished. */
bool device_holders_are_gone(const struct device_holders *h);

/* Writes "pid 42 (weir), pid 43 (ended)" to TEXT, and returns TEXT. */
const char *device_holders_text(const struct device_holders *h, char *text, size_t size);

#endif
