/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fsck.c - checks a store that nobody has open, and repairs it.
 *
 * A repair frees segments, then opens and closes the store, which writes superblocks and footers
 * again, and then strikes records in the footers. It runs on the calling thread, and owns device
 * and queue until it ends.
 */
#include <errno.h>
#include <stdlib.h>

#include "base/error.h"
#include "base/opts.h"
#include "store/check/check.h"
#include "store/fsck.h"
#include "store/store.h"
#include "store/visit.h"

struct fsck {
	const struct weir_check_opts *opts;
	struct weir_check_result *result;
	struct weir_queue *q;
	struct check first, second;
};

/* Lets a recovery write superblocks and footers again. */
static int fsck_reopen(struct fsck *f)
{
	struct weir_store_opts opts = WEIR_STORE_OPTS_INIT;
	struct weir_store *s;
	int err;

	opts.attach = 1;
	opts.placement = WEIR_PLACEMENT_NONE; /* nothing is put */
	opts.degraded = 1;		      /* the store's other devices are not needed */
	err = weir_store_open_queues(&s, &f->q, 1, &opts);
	return err ? err : weir_store_close(s);
}

static int fsck_repair(struct fsck *f)
{
	struct weir_check_opts quiet = *f->opts;
	int err = syncio_flush(f->q);

	quiet.found = NULL;
	quiet.progress = NULL;
	if (!err)
		err = check_write_supers(&f->first);
	if (!err)
		err = check_free_marked(&f->first);
	if (!err)
		err = fsck_reopen(f);
	if (!err)
		err = check_open(&f->second, f->q, &quiet, f->result);
	if (!err)
		err = check_strike_marked(&f->second, &f->first);
	f->result->repaired = !err;
	return err ? error_set(err, "%s (during the repair; make it again)", weir_error()) : 0;
}

int fsck_on(struct weir_queue *q, const struct weir_check_opts *opts,
	    struct weir_check_result *result)
{
	struct fsck *f = calloc(1, sizeof(*f));
	int err;

	if (!f)
		return error_sys(-ENOMEM, "cannot check the store");
	f->opts = opts;
	f->result = result;
	f->q = q;
	err = check_open(&f->first, q, opts, result);
	if (!err)
		err = check_run(&f->first);
	if (!err && opts->repair && result->damage)
		err = fsck_repair(f);
	check_close(&f->second);
	check_close(&f->first);
	free(f);
	return err;
}

/* What a visit of the device needs. */
struct fsck_visit {
	const struct weir_check_opts *opts;
	struct weir_check_result *result;
};

static int fsck_queue(struct weir_queue *q, void *user)
{
	const struct fsck_visit *v = user;

	return fsck_on(q, v->opts, v->result);
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
	};

	return visit_device(path, &how, fsck_queue, &v);
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
	return err ? err : opts_give(result, result->size, &found, sizeof(found));
}

int weir_store_check(const char *path, const struct weir_check_opts *opts,
		     struct weir_check_result *result)
{
	struct error_scope scope;

	error_begin(&scope);
	return error_end(&scope, fsck_check(path, opts, result), "%s", path);
}
