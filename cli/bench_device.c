/* SPDX-License-Identifier: Apache-2.0 */
/* bench_device.c - opens what a bench measures, and describes it. See bench_device.h. */
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include <weir/store.h>

#include "base/parse.h"
#include "cli/bench_device.h"
#include "cli/describe.h"
#include "cli/meter.h"
#include "cli/report.h"
#include "cli/temporary.h"

static bool bench_device_progress(void *user, uint64_t done, uint64_t total)
{
	meter_show(user, done, total);
	return bench_stopped;
}

int bench_device_check(const struct bench_device_args *args)
{
	return opening_check(&(struct opening){ .engine = args->engine, .tracing = args->tracing });
}

int bench_device_open(struct bench_target *t, const char *path, bool writes,
		      const struct bench_device_args *args)
{
	struct meter meter;
	struct bench_target_opts opts = { .writes = writes,
					  .force = args->force,
					  .bytes = args->size,
					  .progress = bench_device_progress,
					  .user = &meter };
	struct weir_trace *trace;
	const char *note;
	int err, exit_code = bench_device_check(args);

	if (exit_code)
		return exit_code;
	if (tracing_begin(&args->tracing, &trace))
		return report_error("%s", weir_error());
	meter_begin(&meter, "writing the file");
	if (bench_target_is_new(path))
		temporary_note(path);
	err = bench_target_open(t, path, &opts);
	meter_clear(&meter);
	if (!t->made)
		temporary_forget(path);
	if (err == -EINTR)
		return REPORT_INTERRUPTED;
	if (err)
		return report_failed(path);
	note = weir_device_note(t->dev);
	if (note)
		report_note("%s: %s", path, note);
	return 0;
}

void bench_device_close(struct bench_target *t)
{
	bench_target_close(t);
	temporary_forget(t->path);
}

int bench_device_least(const struct bench_target *t, uint64_t least)
{
	uint64_t bytes = weir_device_get_info(t->dev)->capacity_bytes;
	char has[32], needs[32];

	if (bytes >= least && bytes >= BENCH_LEAST)
		return 0;
	return report_error(
		"%s: %s is too small: this bench needs %s", t->path,
		format_size(bytes, has, sizeof(has)),
		format_size(least > BENCH_LEAST ? least : BENCH_LEAST, needs, sizeof(needs)));
}

static bool bench_device_is_null(const char *path)
{
	struct weir_device *dev;
	bool null;

	if (weir_device_open(&dev, path, NULL))
		return false;
	null = weir_device_get_info(dev)->kind == WEIR_DEVICE_NULL;
	weir_device_close(dev);
	return null;
}

int bench_store_make(struct bench_store_file *file, const char *path, uint64_t bytes,
		     uint64_t segment_bytes, unsigned force)
{
	struct weir_store_format_opts opts = WEIR_STORE_FORMAT_OPTS_INIT;
	bool is_new = access(path, F_OK) != 0;
	int err;

	file->path = NULL;
	if (bench_device_is_null(path))
		return report_usage("%s: a null device keeps no store: give a file or a device",
				    path);
	opts.create_bytes = is_new ? bytes : 0;
	opts.block_bytes = 512;
	opts.segment_bytes = segment_bytes;
	opts.force = force;
	if (is_new)
		temporary_note(path);
	err = weir_store_format(path, &opts);
	if (err == -EINVAL) { /* the blocks of the device are longer */
		opts.block_bytes = 4096;
		err = weir_store_format(path, &opts);
	}
	if (err) {
		temporary_forget(path);
		return report_failed(path);
	}
	file->path = is_new ? path : NULL;
	return 0;
}

void bench_store_remove(struct bench_store_file *file)
{
	if (!file->path)
		return;
	unlink(file->path);
	temporary_forget(file->path);
	file->path = NULL;
}

json_t *bench_device_json(const struct bench_target *t)
{
	const struct weir_device_info *info = weir_device_get_info(t->dev);

	return json_pack("{s:o, s:s, s:I, s:b, s:b}", "path", report_text(t->path), "kind",
			 describe_kind(info->kind), "bytes", (json_int_t)info->capacity_bytes,
			 "direct", (int)info->direct, "made", (int)t->made);
}

const char *bench_device_text(const struct bench_target *t, char *buf, size_t size)
{
	const struct weir_device_info *info = weir_device_get_info(t->dev);
	char bytes[32];

	snprintf(buf, size, "%s (%s, %s)", t->path, describe_kind(info->kind),
		 format_size(info->capacity_bytes, bytes, sizeof(bytes)));
	return buf;
}
