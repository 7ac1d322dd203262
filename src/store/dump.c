/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dump.c - shows what is on the device of a store that nobody has open. It runs on the calling
 * thread and owns nothing that outlives a call.
 */
#include <errno.h>

#include "base/error.h"
#include "base/opts.h"
#include "store/check/check.h"
#include "store/visit.h"
#include "store/store.h"

/* Shows each device. It is an error where no device has the segment that is asked for. */
static int dump_devices(struct weir_queue *const *queues, uint32_t count, void *user)
{
	const struct weir_dump_opts *opts = user;
	uint32_t n, without = 0;
	int err = 0;

	for (n = 0; n < count && !err; n++) {
		err = show_store(queues[n], opts);
		if (err == -EINVAL && opts->one_segment && ++without < count)
			err = 0;
	}
	return err;
}

static int dump_path(const char *path, struct weir_dump_opts *opts)
{
	const struct visit how = { .flags = WEIR_DEVICE_LOCK | WEIR_DEVICE_READ_ONLY,
				   .lock_wait_ns = opts->lock_wait_ns,
				   .engine = opts->engine,
				   .engine_opts = opts->engine_opts,
				   .trace = opts->trace };

	return visit_devices(path, &how, dump_devices, opts);
}

static int dump_run(const char *path, const struct weir_dump_opts *opts)
{
	struct weir_dump_opts all = WEIR_DUMP_OPTS_INIT;
	int err = wait_allowed(NULL);

	if (!err)
		err = opts_copy(&all, sizeof(all), opts, opts ? opts->size : 0);
	if (!err && all.key && (!all.key_len || all.key_len > WEIR_KEY_MAX))
		err = error_set(-EINVAL, "key of %u bytes: keys have 1 to %u", all.key_len,
				WEIR_KEY_MAX);
	return err ? err : dump_path(path, &all);
}

int weir_store_dump(const char *path, const struct weir_dump_opts *opts)
{
	struct error_scope scope;

	error_begin(&scope);
	return error_end(&scope, dump_run(path, opts), "%s", path);
}
