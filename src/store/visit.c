/* SPDX-License-Identifier: Apache-2.0 */
/*
 * visit.c - opens the devices of a store for one call, and closes them. All are locked before
 * anything is looked at. It owns devices and queues until the call has ended.
 */
#include <stdlib.h>

#include "base/error.h"
#include "store/io/io.h"
#include "store/parts.h"
#include "store/paths.h"
#include "store/visit.h"

/* Devices that are open, each with a queue whose loop is the visitor's. */
struct visited {
	struct paths paths;
	struct weir_device *dev[WEIR_DEVICES_MAX];
	struct weir_queue *queue[WEIR_DEVICES_MAX];
	uint32_t count;
};

static const char *visit_path(const struct visited *v, uint32_t n)
{
	return weir_device_path(weir_queue_device(v->queue[n]));
}

static int visit_open_one(struct visited *v, uint32_t n, const struct visit *how)
{
	struct weir_device_opts device = WEIR_DEVICE_OPTS_INIT;
	struct weir_queue_opts queue = WEIR_QUEUE_OPTS_INIT;
	int err;

	device.flags = how->flags;
	device.lock_wait_ns = how->lock_wait_ns;
	queue.engine = how->engine;
	queue.engine_opts = how->engine_opts;
	queue.trace = how->trace;
	queue.retry_merged = 1; /* a bad block must cost only what lies there */
	err = weir_device_open(&v->dev[n], v->paths.path[n], &device);
	if (!err)
		err = weir_queue_open(&v->queue[n], v->dev[n], &queue);
	if (!err)
		err = weir_queue_attach(v->queue[n], 0);
	if (!err)
		v->count++;
	return err;
}

/* Puts queue N where it belongs among those before it, which are in order. */
static void visit_sort(struct visited *v, struct super *supers, uint32_t n)
{
	struct weir_queue *q = v->queue[n];
	struct super super = supers[n];

	for (; n && supers[n - 1].device_index > super.device_index; n--) {
		supers[n] = supers[n - 1];
		v->queue[n] = v->queue[n - 1];
	}
	supers[n] = super;
	v->queue[n] = q;
}

/* Sorts the queues, and refuses devices that are not of one store. */
static int visit_check(struct visited *v)
{
	struct super *supers = calloc(v->count, sizeof(*supers));
	int err = 0;

	if (!supers)
		return error_sys(-ENOMEM, "cannot look at the store");
	for (uint32_t n = 0; n < v->count && !err; n++) {
		err = superio_read(v->queue[n], &supers[n], NULL);
		for (uint32_t i = 0; i < n && !err; i++)
			err = parts_check_other(visit_path(v, n), &supers[n], visit_path(v, i),
						&supers[i]);
		if (!err)
			visit_sort(v, supers, n);
	}
	free(supers);
	return err;
}

static int visit_open(struct visited *v, const char *path, const struct visit *how)
{
	int err = paths_split(&v->paths, path);

	for (uint32_t n = 0; n < v->paths.count && !err; n++)
		err = visit_open_one(v, n, how);
	/* What one device alone holds is looked at whatever its superblocks say. */
	return err || v->count < 2 ? err : visit_check(v);
}

static void visit_close(struct visited *v)
{
	for (uint32_t n = 0; n < WEIR_DEVICES_MAX; n++) {
		if (n < v->count)
			weir_queue_detach(v->queue[n]);
		weir_queue_close(v->queue[n]);
	}
	for (uint32_t n = 0; n < WEIR_DEVICES_MAX; n++)
		weir_device_close(v->dev[n]);
	paths_free(&v->paths);
}

int visit_devices(const char *path, const struct visit *how,
		  int (*run)(struct weir_queue *const *queues, uint32_t count, void *user),
		  void *user)
{
	struct visited v = { .count = 0 };
	int err = visit_open(&v, path, how);

	if (!err)
		err = run(v.queue, v.count, user);
	visit_close(&v);
	return err;
}
