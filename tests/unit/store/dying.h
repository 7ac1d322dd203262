/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dying.h - a store on several files, of which one fails every command from a moment on that the
 * test chooses: a drive that died. The commands of the others are done by the posix engine.
 */
#ifndef DYING_H
#define DYING_H

#include "rig.h"

#define DYING_DEVICES 3u

struct dying {
	struct rig rig; /* its store, on all devices */
	char file[DYING_DEVICES][256];
	char all[1024]; /* "A,B,C" */
	struct weir_device *dev[DYING_DEVICES];
	struct weir_queue *queue[DYING_DEVICES];
};

/* Makes and formats the files, with segments of SEGMENT bytes. */
void dying_make(struct dying *d, uint64_t bytes, uint64_t segment);
/* Opens the store. WORKERS: each queue has a thread of its own; else the caller owns all loops.
 * Fails the test if that does not work. */
void dying_open(struct dying *d, int workers);
/* Closes the store and all queues. Returns the result of closing the store. */
int dying_close(struct dying *d);
void dying_remove(struct dying *d);

/* Device N fails every command after AFTER others (0: from now on). Any thread. */
void dying_kill(uint32_t n, uint64_t after);
/* It works again. */
void dying_revive(uint32_t n);
/* Returns how many commands device N has failed. */
uint64_t dying_failed(uint32_t n);

/* Returns the device that KEY belongs to. */
uint32_t dying_device_of(struct dying *d, uint64_t key);

#endif
