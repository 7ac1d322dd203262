/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fsck.c - checks a store that nobody has open, and repairs it.
 *
 * A repair frees segments, then opens and closes the store, which writes superblocks and footers
 * again, and then strikes records in the footers. Each device of a store is repaired by itself. It
 * runs on the calling thread, and owns devices and queues until it ends.
 */
#include <errno.h>
#include <stdlib.h>

#include "base/error.h"
#include "base/opts.h"
#include "store/check/check.h"
#include "store/fsck.h"
#include "store/store.h"
#include "store/visit.h"

/* A device of the store. */
struct fsck_device {
	struct weir_queue *q;
	struct check first, second;
	uint64_t damage; /* findings on it */
};

struct fsck {
	const struct weir_check_opts *opts;
	struct weir_check_result *result;
	uint32_t count;
	struct fsck_device device[];
};

/* Lets a recovery write superblocks and footers again. */
static int fsck_reopen(struct fsck_device *d)
{
	struct weir_store_opts opts = WEIR_STORE_OPTS_INIT;
	struct weir_store *s;
	int err;

	opts.attach = 1;
	opts.control = WEIR_CONTROL_OFF;
	opts.placement = WEIR_PLACEMENT_NONE; /* nothing is put */
	opts.degraded = 1;		      /* the store's other devices are not needed */
	err = weir_store_open_queues(&s, &d->q, 1, &opts);
	return err ? err : weir_store_close(s);
}

/* Sets the words for a repair of D that failed with ERR. */
static int fsck_failed(const struct fsck_device *d, int err)
{
	if (err == -ENOMEM)
		return error_sys(err, "%s: during the repair; make it again",
				 weir_device_path(weir_queue_device(d->q)));
	/* Any other error has words of its own, and they say which io failed. */
	return error_set(err, "%s (during the repair; make it again)", weir_error());
}

static int fsck_repair(struct fsck *f, struct fsck_device *d)
{
	struct weir_check_opts quiet = *f->opts;
	int err = syncio_flush(d->q);

	quiet.found = NULL;
	quiet.progress = NULL;
	if (!err)
		err = check_write_supers(&d->first);
	if (!err)
		err = check_free_marked(&d->first);
	if (!err)
		err = fsck_reopen(d);
	if (!err)
		err = check_open(&d->second, d->q, &quiet, f->result);
	if (!err)
		err = check_strike_marked(&d->second, &d->first);
	check_close(&d->second);
	f->result->repaired = !err;
	return err ? fsck_failed(d, err) : 0;
}

/* Reads what the devices are. The progress is that of all of them. */
static int fsck_begin(struct fsck *f)
{
	uint64_t total = 0;
	uint32_t n;
	int err = 0;

	for (n = 0; n < f->count && !err; n++) {
		err = check_open(&f->device[n].first, f->device[n].q, f->opts, f->result);
		if (err)
			break;
		f->device[n].first.done_bytes = total;
		total += check_bytes(&f->device[n].first);
	}
	for (n = 0; n < f->count; n++)
		f->device[n].first.total_bytes = total;
	return err;
}

/* Reports the devices of the store that are not among those that are checked. */
static void fsck_absent(struct fsck *f)
{
	uint32_t next = 0, n, count = f->device[0].first.m.super.device_count;

	for (n = 0; n < count; n++) {
		if (next < f->count && f->device[next].first.m.super.device_index == n)
			next++;
		else
			check_absent(&f->device[0].first, n);
	}
}

static int fsck_device(struct fsck *f, struct fsck_device *d)
{
	uint64_t before = f->result->damage;
	int err = check_run(&d->first);

	d->damage = f->result->damage - before;
	return err;
}

static int fsck_all(struct fsck *f)
{
	uint32_t n;
	int err = fsck_begin(f);

	if (!err)
		fsck_absent(f);
	for (n = 0; n < f->count && !err; n++)
		err = fsck_device(f, &f->device[n]);
	/* Nothing is written before all could be looked at. */
	for (n = 0; n < f->count && !err && f->opts->repair; n++)
		if (f->device[n].damage)
			err = fsck_repair(f, &f->device[n]);
	return err;
}

int fsck_on(struct weir_queue *const *queues, uint32_t count, const struct weir_check_opts *opts,
	    struct weir_check_result *result)
{
	struct fsck *f = calloc(1, sizeof(*f) + count * sizeof(f->device[0]));
	int err;

	if (!f)
		return error_sys(-ENOMEM, "cannot check the store");
	f->opts = opts;
	f->result = result;
	f->count = count;
	for (uint32_t n = 0; n < count; n++)
		f->device[n].q = queues[n];
	err = fsck_all(f);
	for (uint32_t n = 0; n < count; n++)
		check_close(&f->device[n].first);
	free(f);
	return err;
}

/* What a visit of the devices needs. */
struct fsck_visit {
	const struct weir_check_opts *opts;
	struct weir_check_result *result;
};

static int fsck_queues(struct weir_queue *const *queues, uint32_t count, void *user)
{
	const struct fsck_visit *v = user;

	return fsck_on(queues, count, v->opts, v->result);
}

static int fsck_path(const char *path, const struct weir_check_opts *opts,
		     struct weir_check_result *result)
{
	struct fsck_visit v = { opts, result };
	const struct visit how = {
		.flags = WEIR_DEVICE_LOCK | (opts->repair ? 0 : WEIR_DEVICE_READ_ONLY),
		.lock_wait_ns = opts->lock_wait_ns,
		.engine = opts->engine,
		.engine_opts = opts->engine_opts,
		.trace = opts->trace,
	};

	return visit_devices(path, &how, fsck_queues, &v);
}

static int fsck_check(const char *path, const struct weir_check_opts *opts,
		      struct weir_check_result *result)
{
	struct weir_check_opts all = WEIR_CHECK_OPTS_INIT;
	struct weir_check_result found = WEIR_CHECK_RESULT_INIT;
	int err = wait_allowed(NULL);

	if (!err)
		err = opts_copy(&all, sizeof(all), opts, opts ? opts->size : 0);
	if (!err)
		err = fsck_path(path, &all, &found);
	return err || !result ? err : opts_give(result, result->size, &found, sizeof(found));
}

int weir_store_check(const char *path, const struct weir_check_opts *opts,
		     struct weir_check_result *result)
{
	struct error_scope scope;

	error_begin(&scope);
	return error_end(&scope, fsck_check(path, opts, result), "%s", path);
}
