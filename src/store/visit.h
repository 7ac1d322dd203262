/* SPDX-License-Identifier: Apache-2.0 */
/*
 * visit.h - looks at the devices of a store without opening the store.
 */
#ifndef STORE_VISIT_H
#define STORE_VISIT_H

#include <weir/queue.h>

/* How devices are opened for a visit. */
struct visit {
	uint32_t flags;	       /* WEIR_DEVICE_... */
	uint64_t lock_wait_ns; /* with WEIR_DEVICE_LOCK */
	const char *engine, *engine_opts;
	struct weir_trace *trace; /* NULL: none */
};

/*
 * Opens the devices that PATH names ("A,B,C"), each with a queue, calls RUN with the COUNT queues
 * and USER on the calling thread, which owns their loops meanwhile, and closes all. Several devices
 * are refused unless they are of one store; their queues are in the order of their numbers. Returns
 * what RUN returned, or -errno.
 */
int visit_devices(const char *path, const struct visit *how,
		  int (*run)(struct weir_queue *const *queues, uint32_t count, void *user),
		  void *user);

#endif
