/* SPDX-License-Identifier: Apache-2.0 */
/*
 * visit.c - opens the device of a store for one call, and closes it. It owns device and queue until
 * the call has ended.
 */
#include "store/visit.h"

static int visit_queue(struct weir_queue *q, int (*run)(struct weir_queue *, void *), void *user)
{
	int err = weir_queue_attach(q, 0);

	if (err)
		return err;
	err = run(q, user);
	weir_queue_detach(q);
	return err;
}

int visit_device(const char *path, const struct visit *how,
		 int (*run)(struct weir_queue *q, void *user), void *user)
{
	struct weir_device_opts device = WEIR_DEVICE_OPTS_INIT;
	struct weir_queue_opts queue = WEIR_QUEUE_OPTS_INIT;
	struct weir_device *dev = NULL;
	struct weir_queue *q = NULL;
	int err;

	device.flags = how->flags;
	device.lock_wait_ns = how->lock_wait_ns;
	queue.engine = how->engine;
	queue.engine_opts = how->engine_opts;
	queue.retry_merged = 1; /* a bad block must cost only what lies there */
	err = weir_device_open(&dev, path, &device);
	if (!err)
		err = weir_queue_open(&q, dev, &queue);
	if (!err)
		err = visit_queue(q, run, user);
	weir_queue_close(q);
	weir_device_close(dev);
	return err;
}
