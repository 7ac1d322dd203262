/* SPDX-License-Identifier: Apache-2.0 */
/*
 * open.c - a store comes and goes: device, queue, recovery, memory.
 *
 * Owns struct weir_store. The opening thread; the loop gets to know the store by its first
 * operation, so what is filled in here is handed over with that.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <weir/fdp.h>

#include "base/error.h"
#include "base/fork.h"
#include "base/opts.h"
#include "store/open.h"
#include "store/io/superio.h"

#define DEFAULT_BATCH_BYTES (1ull << 20)

void store_free(struct weir_store *s)
{
	uint32_t n;

	for (n = 0; s->segments && n < s->super.layout.segments; n++)
		free(s->segments[n].entries);
	free(s->segments);
	weir_fdp_free(s->fdp);
	logs_free(s);
	index_free(&s->index);
	bufpool_free(&s->pool);
	free(s);
}

void store_release(struct weir_store *s)
{
	if (s->detach)
		weir_queue_detach(s->q);
	if (s->own) {
		weir_queue_close(s->q);
		weir_device_close(s->dev);
	}
	store_free(s);
}

/* Features that a newer weir put in, by what they allow. */
static int store_check_features(const struct weir_store *s)
{
	const char *path = weir_device_path(s->dev);
	uint64_t unknown = s->super.incompat & ~DISK_INCOMPAT_KNOWN;

	if (unknown)
		return error_set(-EPROTONOSUPPORT,
				 "%s: the store uses features 0x%llx that this weir does not know: "
				 "use a newer one",
				 path, (unsigned long long)unknown);
	unknown = s->super.ro_compat & ~DISK_RO_COMPAT_KNOWN;
	if (unknown && !s->read_only)
		return error_set(-EPROTONOSUPPORT,
				 "%s: the store uses features 0x%llx that this weir cannot write: "
				 "open it read-only, or use a newer weir",
				 path, (unsigned long long)unknown);
	if (s->super.device_count != 1)
		return error_set(-EPROTONOSUPPORT,
				 "%s: one of %u devices of a store: this weir knows stores on one",
				 path, s->super.device_count);
	return 0;
}

static int store_memory(struct weir_store *s, const struct weir_store_opts *opts)
{
	const struct weir_device_info *info = weir_device_get_info(s->dev);

	s->lay = &s->super.layout;
	checksum_key_make(&s->checksum, s->super.uuid, s->super.secret, s->super.device_index);
	s->memory_mask = info->memory_align_bytes ? info->memory_align_bytes - 1 : 0;
	/* Holes in a file would be gone as space when they are needed again. */
	s->discards = info->kind != WEIR_DEVICE_FILE && info->discard_max_bytes;
	s->batch_bytes = opts->batch_bytes ? opts->batch_bytes : DEFAULT_BATCH_BYTES;
	if (s->batch_bytes > s->lay->segment_bytes)
		s->batch_bytes = s->lay->segment_bytes;
	TAILQ_INIT(&s->free);
	flush_init(s);
	tenant_init(s);
	bufpool_init(&s->pool, info->memory_align_bytes);
	s->segments = calloc(s->lay->segments, sizeof(*s->segments));
	if (!s->segments || index_init(&s->index) || logs_make(s, s->super.streams))
		return error_sys(-ENOMEM, "%s: opening the store", weir_device_path(s->dev));
	return 0;
}

static int store_open(struct weir_store *s, const struct weir_store_opts *opts)
{
	struct superio_found supers;
	int err = superio_read(s->q, &s->super, &supers);

	if (!err)
		err = store_check_features(s);
	if (!err)
		err = store_memory(s, opts);
	if (!err)
		err = placing_open(s, opts->placement);
	return err ? err : recover_run(s, &supers);
}

/* The caller becomes the owner of lane 0 where it is free. Another thread's is used as it is,
 * unless OPTS ask for this one. */
static int store_attach(struct weir_store *s, const struct weir_store_opts *opts)
{
	int err = weir_queue_attach(s->q, 0);

	if (!err)
		s->detach = true;
	if (!err || err == -EEXIST || (err == -EBUSY && !opts->attach))
		return 0;
	return err;
}

static int store_open_own(struct weir_store *s, const char *path,
			  const struct weir_store_opts *opts)
{
	struct weir_device_opts device = WEIR_DEVICE_OPTS_INIT;
	struct weir_queue_opts queue = WEIR_QUEUE_OPTS_INIT;
	int err;

	device.flags = WEIR_DEVICE_LOCK | (s->read_only ? WEIR_DEVICE_READ_ONLY : 0);
	queue.engine = opts->engine;
	queue.scheduler = opts->scheduler;
	queue.depth = opts->depth;
	queue.depth_bytes = opts->depth_bytes;
	queue.timeout_ns = opts->timeout_ns;
	queue.workers = !opts->attach;
	queue.retry_merged = 1; /* a bad block is to cost the key that lies there, and no other */
	s->own = true;
	err = weir_device_open(&s->dev, path, &device);
	if (!err)
		err = weir_queue_open(&s->q, s->dev, &queue);
	if (!err && opts->attach)
		err = store_attach(s, opts);
	return err;
}

/* Takes options and memory for a store. */
static int store_new(struct weir_store **s, struct weir_store_opts *all,
		     const struct weir_store_opts *opts)
{
	int err = opts_copy(all, sizeof(*all), opts, opts ? opts->size : 0);

	if (!err)
		err = wait_allowed(NULL);
	if (err)
		return err;
	*s = calloc(1, sizeof(**s));
	if (!*s)
		return error_sys(-ENOMEM, "opening a store");
	(*s)->process = fork_process();
	(*s)->read_only = all->read_only;
	return 0;
}

static int store_result(struct weir_store **result, struct weir_store *s, int err)
{
	if (err)
		store_release(s);
	else
		*result = s;
	return err;
}

static int store_open_path(struct weir_store **result, const char *path,
			   const struct weir_store_opts *opts)
{
	struct weir_store_opts all = WEIR_STORE_OPTS_INIT;
	struct weir_store *s;
	int err = store_new(&s, &all, opts);

	if (err)
		return err;
	err = store_open_own(s, path, &all);
	if (!err)
		err = store_open(s, &all);
	return store_result(result, s, err);
}

int weir_store_open(struct weir_store **result, const char *path,
		    const struct weir_store_opts *opts)
{
	struct error_scope scope;

	error_begin(&scope);
	return error_end(&scope, store_open_path(result, path, opts), "%s", path);
}

static int store_open_queues(struct weir_store **result, struct weir_queue **queues, uint32_t n,
			     const struct weir_store_opts *opts)
{
	struct weir_store_opts all = WEIR_STORE_OPTS_INIT;
	struct weir_store *s;
	int err;

	if (n != 1)
		return error_set(-EOPNOTSUPP, "a store on %u devices: this version has one each",
				 n);
	err = store_new(&s, &all, opts);
	if (err)
		return err;
	s->q = queues[0];
	s->dev = weir_queue_device(s->q);
	err = store_attach(s, &all);
	if (!err)
		err = store_open(s, &all);
	return store_result(result, s, err);
}

int weir_store_open_queues(struct weir_store **result, struct weir_queue **queues, uint32_t n,
			   const struct weir_store_opts *opts)
{
	struct error_scope scope;

	error_begin(&scope);
	return error_end(&scope, store_open_queues(result, queues, n, opts), "opening a store");
}
