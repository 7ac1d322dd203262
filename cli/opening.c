/* SPDX-License-Identifier: Apache-2.0 */
/*
 * opening.c - opens stores for subcommands and prints why that failed. The caller owns the store.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cli/devices.h"
#include "cli/opening.h"
#include "cli/report.h"
#include "cli/placement.h"
#include "base/error.h"
#include "base/suggest.h"

#define OPENING_NAMES_MAX 32
#define OPENING_OPTS_BYTES 1024

/* Checks that NAME, if given, is EXTRA (may be NULL) or one of the N names in TABLE. */
static int opening_check_name(const char *option, const char *name, const char *extra,
			      const struct weir_named *table, size_t n)
{
	const char *names[OPENING_NAMES_MAX];
	const char *near;
	char all[256] = "";
	size_t count = 0;

	if (extra)
		names[count++] = extra;
	for (size_t i = 0; i < n && count < OPENING_NAMES_MAX; i++)
		names[count++] = table[i].name;
	for (size_t i = 0; i < count; i++) {
		size_t used = strlen(all);

		if (!name || !strcmp(name, names[i]))
			return 0;
		snprintf(all + used, sizeof(all) - used, "%s%s", i ? ", " : "", names[i]);
	}
	near = suggest_nearest(name, strlen(name), names, count);
	if (near)
		return report_usage("--%s: there is no \"%s\": did you mean %s?", option, name,
				    near);
	return report_usage("--%s: there is no \"%s\": there are %s", option, name, all);
}

/* Refuses options that only passthrough has if NAME is another engine. */
static int opening_check_passthrough(const struct opening *o)
{
	const char *name = o->engine, *option = o->passthrough ? "passthrough" : "timeout";

	if (!o->passthrough && !o->timeout_ns)
		return 0;
	if (!name || !strcmp(name, "auto") || !strcmp(name, "uring_cmd"))
		return 0;
	return report_usage(
		"--%s needs NVMe passthrough, which engine %s does not do: drop --%s, or "
		"--engine %s",
		option, name, option, name);
}

int opening_wants_nvme(const struct opening *o)
{
	return o->passthrough || o->timeout_ns || (o->engine && !strcmp(o->engine, "uring_cmd"));
}

int opening_check(const struct opening *o)
{
	const struct weir_named *table;
	uint32_t placement;
	size_t n;
	int exit_code;

	table = weir_engines(&n);
	exit_code = opening_check_name("engine", o->engine, "auto", table, n);
	if (exit_code)
		return exit_code;
	exit_code = opening_check_passthrough(o);
	if (exit_code)
		return exit_code;
	exit_code = placement_read(o->placement, &placement);
	if (!exit_code)
		exit_code = tracing_check(&o->tracing);
	if (exit_code)
		return exit_code;
	return opening_check_scheduler("sched", o->scheduler);
}

int opening_check_scheduler(const char *option, const char *name)
{
	size_t n;
	const struct weir_named *table = weir_schedulers(&n);

	return opening_check_name(option, name, NULL, table, n);
}

/* Prints notes, once, for users who write to the store. */
static void opening_notes(struct weir_store *s, const char *path)
{
	struct weir_store_info info = WEIR_STORE_INFO_INIT;

	if (!weir_store_get_info(s, &info) && info.placement_why)
		report_note(
			"%s: formatted for placement by stream, but placement is not possible: %s",
			path, info.placement_why);
}

/* --engine-opts and --timeout as one text, in BUF; NULL where neither is given. */
static const char *opening_engine_opts(const struct opening *o, char *buf, size_t size)
{
	const char *given = o->engine_opts ? o->engine_opts : "";

	if (!o->timeout_ns)
		return o->engine_opts;
	snprintf(buf, size, "%s%stimeout=%lluns", given, *given ? "," : "",
		 (unsigned long long)o->timeout_ns);
	return buf;
}

int opening_try(struct weir_store **s, const char *path, const struct opening *o, int flags)
{
	struct weir_store_opts opts = WEIR_STORE_OPTS_INIT;
	char engine_opts[OPENING_OPTS_BYTES];
	int err;

	opts.attach = !(flags & OPENING_SHARED);
	opts.read_only = !!(flags & OPENING_READ_ONLY);
	opts.engine = o->passthrough ? "uring_cmd" : o->engine;
	opts.engine_opts = opening_engine_opts(o, engine_opts, sizeof(engine_opts));
	opts.scheduler = o->scheduler;
	opts.lock_wait_ns = o->wait_ns;
	opts.salvage = o->salvage;
	opts.degraded = o->degraded;
	opts.max_put_bytes = o->max_put_bytes;
	placement_read(o->placement, &opts.placement);
	/* A command that is done at once needs no thread to answer others. */
	opts.control = flags & OPENING_LONG ? WEIR_CONTROL_DEFAULT : WEIR_CONTROL_OFF;
	err = tracing_begin(&o->tracing, &opts.trace);
	if (err)
		return err;
	err = weir_store_open(s, path, &opts);
	if (err)
		tracing_end(err);
	return err;
}

void opening_note_damage(const struct weir_store_stats *stats, const char *path)
{
	if (!stats->recovered_bad_headers && !stats->recovered_out_of_use &&
	    !stats->recovered_bad_superblocks)
		return;
	report_note("%s: damaged: segments lost with their keys: %" PRIu64 ", out of use: %" PRIu64
		    ", superblock copies not valid: %" PRIu64 "; `weir fsck` names the places (is "
		    "it a copy that is not complete?)",
		    path, stats->recovered_bad_headers, stats->recovered_out_of_use,
		    stats->recovered_bad_superblocks);
}

/* Prints what recovery has found, once, for users of a store that is open here. */
static void opening_look_damage(struct weir_store *s, const char *path)
{
	struct weir_store_stats stats = WEIR_STORE_STATS_INIT;

	if (!weir_store_get_stats(s, &stats))
		opening_note_damage(&stats, path);
}

int opening_store(struct weir_store **s, const char *path, const struct opening *o, int flags)
{
	int exit_code = opening_check(o);

	if (exit_code)
		return exit_code;
	if (opening_try(s, path, o, flags) < 0)
		return report_failed(path);
	devices_notes(*s, path);
	opening_look_damage(*s, path);
	if (!(flags & OPENING_READ_ONLY))
		opening_notes(*s, path);
	return 0;
}

int opening_look(struct weir_store_info *info, const char *path, const struct opening *o)
{
	struct weir_store_opts opts = WEIR_STORE_OPTS_INIT;
	char engine_opts[OPENING_OPTS_BYTES];

	opts.engine = o->passthrough ? "uring_cmd" : o->engine;
	opts.engine_opts = opening_engine_opts(o, engine_opts, sizeof(engine_opts));
	opts.degraded = o->degraded;
	return weir_store_peek(info, path, &opts);
}

/* Opens one device of a store with the lock of a reader, and closes it again. */
static int opening_lock_device(const char *path, void *user)
{
	struct weir_device_opts opts = WEIR_DEVICE_OPTS_INIT;
	const struct opening *o = user;
	struct weir_device *dev;
	int err;

	opts.flags = WEIR_DEVICE_READ_ONLY | WEIR_DEVICE_LOCK;
	opts.lock_wait_ns = o->wait_ns;
	err = weir_device_open(&dev, path, &opts);
	if (err < 0)
		return err == -EBUSY ? err : 0;
	weir_device_close(dev);
	return 0;
}

/* What is on the device is no store. If another process writes there, a store may be on its way:
 * waits for that process as O says, and looks again. */
int opening_peek(struct weir_store_info *info, const char *path, const struct opening *o)
{
	int err = opening_look(info, path, o);
	char words[ERROR_BYTES], busy[ERROR_BYTES];
	struct opening copy = *o;

	if (!err)
		return 0;
	snprintf(words, sizeof(words), "%s", weir_error());
	if (devices_each(path, opening_lock_device, &copy) != -EBUSY)
		return opening_look(info, path, o);
	snprintf(busy, sizeof(busy), "%s", weir_error());
	return error_set(-EBUSY, "%s; what is there now cannot be read: %s", busy, words);
}

/*
 * Checks one device of a store. The caller is going to write. "The device is mounted" is a better
 * message than "there is no store".
 */
static int opening_check_device(const char *path, void *user)
{
	const struct opening *o = user;
	struct weir_device *dev;

	int err = weir_device_open(&dev, path, NULL);

	/* Who waits for the lock is told by the real open. */
	if (err == -EBUSY && o->wait_ns)
		return 0;
	if (err < 0)
		return o->degraded ? 0 : report_failed(path);
	weir_device_close(dev);
	return 0;
}

int opening_ask(struct weir_store_info *info, const char *path, const struct opening *o)
{
	struct opening copy = *o;
	int exit_code = devices_each(path, opening_check_device, &copy);

	if (exit_code)
		return exit_code;
	return opening_peek(info, path, o) < 0 ? report_failed(path) : 0;
}

int opening_close(struct weir_store *s, const char *path, int exit_code)
{
	struct weir_close_report dropped = WEIR_CLOSE_REPORT_INIT;

	/* A command that failed already said why. That more was lost is news. */
	if (weir_store_close_report(s, &dropped) < 0) {
		exit_code = exit_code && !dropped.at_risk ? exit_code : report_failed(path);
		return tracing_end(exit_code);
	}
	if (!exit_code && dropped.failed_ops)
		exit_code = report_error(
			"%s: operations that failed while the store was closed: %" PRIu64 "%s%s",
			path, dropped.failed_ops, dropped.words[0] ? "; first " : "",
			dropped.words);
	return tracing_end(exit_code);
}
