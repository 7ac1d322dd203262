/* SPDX-License-Identifier: Apache-2.0 */
/*
 * peek.c - tells what a store is, from its superblock alone. Nothing is locked or recovered, and
 * another process may have it open. This file owns nothing that outlives a call.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/opts.h"
#include "store/paths.h"
#include "store/store.h"
#include "store/visit.h"

static int peek_super(struct weir_queue *const *queues, uint32_t count, void *user)
{
	(void)count;
	return superio_read(queues[0], user, NULL);
}

static int peek_give(struct weir_store_info *info, const struct super *super)
{
	struct weir_store_info all = {
		.size = sizeof(all),
		.version = DISK_VERSION,
		.block_bytes = super->layout.block_bytes,
		.capacity_bytes = super->layout.capacity_bytes,
		.segment_bytes = super->layout.segment_bytes,
		.max_value_bytes = super->layout.max_value_bytes,
		.segments = super->layout.segments,
		.epoch = super->epoch,
		.revision = super->revision,
		.streams = super->streams,
		.tenants = super->tenants,
		.placement = WEIR_PLACEMENT_NONE,
		.devices = super->device_count,
		.write_budget = super->write_budget,
		.placement_asked = super->placement ? WEIR_PLACEMENT_STREAM : WEIR_PLACEMENT_NONE,
	};

	memcpy(all.uuid, super->uuid, sizeof(all.uuid));
	return opts_give(info, OPTS_SIZE(info), &all, sizeof(all));
}

static int peek_one(struct weir_store_info *info, const char *path,
		    const struct weir_store_opts *opts)
{
	struct weir_store_opts all = WEIR_STORE_OPTS_INIT;
	struct visit how = { .flags = WEIR_DEVICE_READ_ONLY };
	struct super *super;
	int err = opts_copy(&all, sizeof(all), opts, opts ? opts->size : 0);

	if (!err)
		err = wait_allowed(NULL);
	if (err)
		return err;
	super = malloc(sizeof(*super));
	if (!super)
		return error_sys(-ENOMEM, "%s", path);
	how.engine = all.engine;
	how.engine_opts = all.engine_opts;
	err = visit_devices(path, &how, peek_super, super);
	if (!err)
		err = peek_give(info, super);
	free(super);
	return err;
}

/* Adds what ONE device has to ALL, which is empty at first. */
static void peek_add(struct weir_store_info *all, const struct weir_store_info *one)
{
	if (!all->devices) {
		*all = *one;
		return;
	}
	all->capacity_bytes += one->capacity_bytes;
	all->segments += one->segments;
	all->write_budget += one->write_budget;
	if (one->max_value_bytes < all->max_value_bytes)
		all->max_value_bytes = one->max_value_bytes;
}

/* Looks at each device. Whether they belong together is left to weir_store_open(). */
static int peek_run(struct weir_store_info *info, const char *text,
		    const struct weir_store_opts *opts)
{
	struct weir_store_info all = WEIR_STORE_INFO_INIT, one = WEIR_STORE_INFO_INIT;
	struct paths paths;
	uint32_t seen = 0;
	int err = paths_split(&paths, text);

	for (uint32_t n = 0; n < paths.count && !err; n++) {
		err = peek_one(&one, paths.path[n], opts);
		if (!err) {
			peek_add(&all, &one);
			seen++;
		} else if (opts && opts->size >= sizeof(*opts) && opts->degraded &&
			   (seen || n + 1 < paths.count)) {
			err = 0;
		}
	}
	all.devices_missing = seen < all.devices ? all.devices - seen : 0;
	paths_free(&paths);
	return err ? err : opts_give(info, OPTS_SIZE(info), &all, sizeof(all));
}

int weir_store_peek(struct weir_store_info *info, const char *path,
		    const struct weir_store_opts *opts)
{
	struct error_scope scope;

	error_begin(&scope);
	return error_end(&scope, peek_run(info, path, opts), "%s", path);
}
