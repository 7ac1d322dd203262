/* SPDX-License-Identifier: Apache-2.0 */
/*
 * visit.h - looks at the device of a store without opening the store.
 */
#ifndef STORE_VISIT_H
#define STORE_VISIT_H

#include <weir/queue.h>

/* How a device is opened for a visit. */
struct visit {
	uint32_t flags;	       /* WEIR_DEVICE_... */
	uint64_t lock_wait_ns; /* with WEIR_DEVICE_LOCK */
	const char *engine, *engine_opts;
};

/*
 * Opens the device at PATH with a queue, calls RUN with USER on the calling thread, which owns the
 * queue's loop meanwhile, and closes both. Returns what RUN returned, or -errno.
 */
int visit_device(const char *path, const struct visit *how,
		 int (*run)(struct weir_queue *q, void *user), void *user);

#endif
