/* SPDX-License-Identifier: Apache-2.0 */
/*
 * open.c - opens and frees a store: device, queue, recovery, memory.
 *
 * This file owns struct weir_store. It runs on the opening thread. The loop gets to know the store
 * by its first operation, which hands over everything that was filled in here.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <weir/fdp.h>

#include "base/check.h"
#include "base/error.h"
#include "base/fork.h"
#include "queue/open.h"
#include "store/format/policy.h"
#include "store/learned.h"
#include "store/open.h"

#define DEFAULT_BATCH_BYTES (1ull << 20)

void store_free(struct weir_store *s)
{
	CHECK(!s->io.ops && !s->io.ios);
	logs_free(s->logs);
	io_free(&s->io);
	free(s);
}

void store_release(struct weir_store *s)
{
	if (s->owner.detach)
		weir_queue_detach(s->io.q);
	learned_end(s);
	if (s->owner.own) {
		weir_queue_close(s->io.q);
		weir_device_close(s->io.dev);
	}
	store_free(s);
}

/* Refuses a store that uses features of a newer weir, as far as these say. */
static int store_check_features(const struct weir_store *s)
{
	const char *path = weir_device_path(s->io.dev);
	uint64_t unknown = s->io.super.incompat & ~DISK_INCOMPAT_KNOWN;

	if (unknown)
		return error_set(-EPROTONOSUPPORT,
				 "%s: the store uses features 0x%llx that this weir does not know: "
				 "use a newer one",
				 path, (unsigned long long)unknown);
	unknown = s->io.super.ro_compat & ~DISK_RO_COMPAT_KNOWN;
	if (unknown && !s->io.read_only)
		return error_set(-EPROTONOSUPPORT,
				 "%s: the store uses features 0x%llx that this weir cannot write: "
				 "open it read-only, or use a newer weir",
				 path, (unsigned long long)unknown);
	return 0;
}

/* Reads the superblock, and makes what the store has in memory. */
static int store_load_super(struct weir_store *s, const struct weir_store_opts *opts,
			    struct superio_found *supers)
{
	uint64_t batch_bytes = opts->batch_bytes ? opts->batch_bytes : DEFAULT_BATCH_BYTES;
	struct super super;
	int err = superio_read(s->io.q, &super, supers);

	if (err)
		return err;
	io_set_super(&s->io, &super);
	err = store_check_features(s);
	if (err)
		return err;
	s->logs = logs_new(&s->io, batch_bytes);
	if (!s->logs || logs_remember(s->logs, opts))
		return error_sys(-ENOMEM, "%s: cannot open the store", weir_device_path(s->io.dev));
	if (super.write_budget && logs_ration(s->logs))
		return error_sys(-ENOMEM, "%s: cannot open the store", weir_device_path(s->io.dev));
	err = policy_check(opts->policy, opts->rewrite_percent);
	if (err)
		return err;
	err = policy_check_marks(opts->free_low_percent, opts->free_high_percent);
	if (err)
		return err;
	logs_set_room(s->logs, opts->max_put_bytes);
	logs_set_marks(s->logs, opts->free_low_percent, opts->free_high_percent);
	logs_set_policy(s->logs, opts->policy, opts->rewrite_percent);
	return log_placement_open(s->logs, opts->placement);
}

int store_load(struct weir_store *s, const struct weir_store_opts *opts,
	       struct superio_found *supers)
{
	io_init(&s->io, store_turn);
	tenant_init(s);
	deadline_init(s);
	return store_load_super(s, opts, supers);
}

int store_recover_begin(struct weir_store *s, const struct weir_store_opts *opts,
			const struct superio_found *supers, struct recover **recovery)
{
	return recover_begin(recovery, &s->io, s->logs, supers, opts->salvage, &s->recovered);
}

/* Makes the caller the owner of lane 0 if that is free. Another owner is accepted, unless OPTS ask
 * for this thread. */
static int store_attach(struct weir_store *s, const struct weir_store_opts *opts)
{
	int err = weir_queue_attach(s->io.q, 0);

	if (!err)
		s->owner.detach = true;
	if (!err || err == -EEXIST || (err == -EBUSY && !opts->attach))
		return 0;
	return err;
}

/*
 * What nobody chose. Below a store reads that somebody waits for meet long background writes, and
 * on flash kyber keeps the reads short at no cost for the writes (docs/tuning.md has the figures).
 * On a hard disk order matters more: NULL is the queue's default.
 */
static const char *store_scheduler(const struct weir_device *dev)
{
	return weir_device_get_info(dev)->rotational ? NULL : "kyber";
}

int store_open_own(struct weir_store *s, const char *path, const struct weir_store_opts *opts)
{
	struct weir_device_opts device = WEIR_DEVICE_OPTS_INIT;
	struct weir_queue_opts queue = WEIR_QUEUE_OPTS_INIT;
	int err;

	device.flags = WEIR_DEVICE_LOCK | (s->io.read_only ? WEIR_DEVICE_READ_ONLY : 0);
	device.lock_wait_ns = opts->lock_wait_ns;
	queue.engine = opts->engine;
	queue.depth = opts->depth;
	queue.depth_bytes = opts->depth_bytes;
	queue.engine_opts = opts->engine_opts;
	queue.trace = opts->trace;
	queue.workers = !opts->attach;
	queue.retry_merged = 1; /* a bad block must cost only the key that lies there */
	s->owner.own = true;
	err = weir_device_open(&s->io.dev, path, &device);
	if (err)
		return err;
	queue.scheduler = opts->scheduler ? opts->scheduler : store_scheduler(s->io.dev);
	err = queue_open_steady(&s->io.q, s->io.dev, &queue);
	if (!err && opts->attach)
		err = store_attach(s, opts);
	return err;
}

int store_open_queue(struct weir_store *s, struct weir_queue *q, const struct weir_store_opts *opts)
{
	s->io.q = q;
	s->io.dev = weir_queue_device(q);
	return store_attach(s, opts);
}

int store_new(struct weir_store **s, const struct weir_store_opts *opts)
{
	*s = calloc(1, sizeof(**s));
	if (!*s)
		return error_sys(-ENOMEM, "cannot open a store");
	(*s)->owner.process = fork_process();
	(*s)->io.read_only = opts->read_only;
	return 0;
}
