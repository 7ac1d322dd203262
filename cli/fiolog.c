/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fiolog.c - results in the formats of fio. See fiolog.h. The members, their types and units are
 * those of fio 3.33, beside which tests/cli/test_report.py holds them: bw in KiB a second, runtime
 * in ms, latencies in ns, percentiles in clat_ns only and only where there was an io; and in logs
 * milliseconds, value, direction (0 read, 1 write, 2 trim), block size, offset. What results do not
 * have is as fio has it when it took no sample: 0, and the number of samples 0.
 */
#include "cli/fiolog.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/error.h"
#include "cli/output.h"

#define FIO_DIRS 3u

static const char *const fio_dirs[FIO_DIRS] = { "read", "write", "trim" };
static const char *const weir_dirs[FIO_DIRS] = { "reads", "writes", "trims" };

static double fiolog_get(const json_t *object, const char *key)
{
	return json_number_value(json_object_get(object, key));
}

/* Returns fio's times of LATENCY; NULL: there are none. */
static json_t *fiolog_times(const json_t *latency)
{
	return json_pack("{s:i, s:I, s:f, s:f, s:I}", "min", 0, "max",
			 (json_int_t)fiolog_get(latency, "max_ns"), "mean",
			 fiolog_get(latency, "mean_ns"), "stddev", 0.0, "N",
			 (json_int_t)fiolog_get(latency, "count"));
}

/* Returns the same with percentiles, if there was an io. */
static json_t *fiolog_percentiles(const json_t *latency)
{
	static const struct {
		const char *fio, *weir;
	} percentiles[] = { { "50.000000", "p50_ns" },	{ "90.000000", "p90_ns" },
			    { "95.000000", "p95_ns" },	{ "99.000000", "p99_ns" },
			    { "99.900000", "p999_ns" }, { "99.990000", "p9999_ns" } };
	json_t *times = fiolog_times(latency), *values = json_object();

	for (size_t i = 0; i < sizeof(percentiles) / sizeof(percentiles[0]); i++) {
		if (!json_object_get(latency, percentiles[i].weir))
			continue;
		json_object_set_new(
			values, percentiles[i].fio,
			json_integer((json_int_t)fiolog_get(latency, percentiles[i].weir)));
	}
	if (fiolog_get(latency, "count") > 0)
		json_object_set(times, "percentile", values);
	json_decref(values);
	return times;
}

/* Adds fio's figures of NAME ("bw", "iops") over its samples, of which there are none, to OUT. */
static void fiolog_no_samples(json_t *out, const char *name, const char *deviation)
{
	static const char *const whole[] = { "min", "max", "samples" };
	const char *real[] = { "mean", deviation };
	char key[32];

	for (size_t i = 0; i < sizeof(whole) / sizeof(whole[0]); i++) {
		snprintf(key, sizeof(key), "%s_%s", name, whole[i]);
		json_object_set_new(out, key, json_integer(0));
	}
	for (size_t i = 0; i < sizeof(real) / sizeof(real[0]); i++) {
		snprintf(key, sizeof(key), "%s_%s", name, real[i]);
		json_object_set_new(out, key, json_real(0));
	}
}

static json_t *fiolog_direction(const json_t *dir, double active_ns)
{
	const json_t *latency = json_object_get(dir, "latency");
	double bw = fiolog_get(dir, "mbps") * 1e6, ios = fiolog_get(dir, "ios");
	json_t *out = json_pack(
		"{s:I, s:I, s:I, s:I, s:f, s:I, s:I, s:i, s:i, s:o, s:o, s:o, s:f}", "io_bytes",
		(json_int_t)fiolog_get(dir, "bytes"), "io_kbytes",
		(json_int_t)(fiolog_get(dir, "bytes") / 1024), "bw_bytes", (json_int_t)bw, "bw",
		(json_int_t)(bw / 1024), "iops", fiolog_get(dir, "iops"), "runtime",
		(json_int_t)(ios > 0 ? active_ns / 1e6 : 0), "total_ios", (json_int_t)ios,
		"short_ios", 0, "drop_ios", 0, "slat_ns", fiolog_times(NULL), "clat_ns",
		fiolog_percentiles(latency), "lat_ns", fiolog_times(latency), "bw_agg", 0.0);

	fiolog_no_samples(out, "bw", "dev");
	fiolog_no_samples(out, "iops", "stddev");
	return out;
}

/* Returns the options of JOB as fio has them, all of them texts. */
static json_t *fiolog_options(const json_t *job, const char *name, const char *scheduler,
			      const char *file)
{
	const json_t *from = json_object_get(job, "options"), *value;
	json_t *out = json_pack("{s:s}", "name", name);
	const char *key;
	char text[32];

	if (scheduler)
		json_object_set_new(out, "scheduler", json_string(scheduler));
	if (file)
		json_object_set_new(out, "filename", json_string(file));
	json_object_foreach((json_t *)(uintptr_t)from, key, value) {
		snprintf(text, sizeof(text), "%lld", (long long)json_integer_value(value));
		json_object_set_new(out, key,
				    json_is_string(value) ? json_incref((json_t *)(uintptr_t)value)
							  : json_string(text));
	}
	return out;
}

/*
 * Adds what part of the ios of JOB was in each of fio's ranges, in percent: from the end of the one
 * before to END of units of UNIT ns. The last range of ms has no end.
 */
static void fiolog_ranges(json_t *out, const json_t *job)
{
	static const struct {
		const char *name;
		double ns;
	} units[] = { { "latency_ns", 1 }, { "latency_us", 1e3 }, { "latency_ms", 1e6 } };
	static const unsigned ends[] = { 2, 4, 10, 20, 50, 100, 250, 500, 750, 1000, 2000 };
	const json_t *ranges = json_object_get(job, "ranges"), *range;
	double all = fiolog_get(json_object_get(job, "latency"), "count"), part;
	size_t i;

	for (size_t u = 0; u < 3; u++) {
		json_t *unit = json_object();

		for (size_t e = 0; e < (u == 2 ? 12 : 10); e++) {
			char key[16];

			part = 0;
			json_array_foreach(ranges, i, range) {
				const json_t *end = json_object_get(range, "up_to_ns");

				if (e < 11 ? json_number_value(end) == ends[e] * units[u].ns
					   : json_is_null(end))
					part = fiolog_get(range, "ios");
			}
			snprintf(key, sizeof(key), e < 11 ? "%u" : ">=%u", ends[e < 11 ? e : 10]);
			json_object_set_new(unit, key, json_real(all > 0 ? 100 * part / all : 0));
		}
		json_object_set_new(out, units[u].name, unit);
	}
}

/* Returns JOB, which ran under SCHEDULER on FILE; either may be NULL: not known. */
static json_t *fiolog_job(const json_t *job, const char *scheduler, const char *file)
{
	const char *name = json_string_value(json_object_get(job, "name"));
	double active_ns = fiolog_get(job, "active_ns");
	json_t *out = json_pack("{s:s, s:i, s:i, s:I, s:o, s:{s:I, s:o}, s:I, s:f, s:f}", "jobname",
				name ? name : "job", "groupid", 0, "error", 0, "elapsed",
				(json_int_t)(active_ns / 1e9), "job options",
				fiolog_options(job, name ? name : "job", scheduler, file), "sync",
				"total_ios", (json_int_t)fiolog_get(job, "flushes"), "lat_ns",
				fiolog_times(NULL), "job_runtime", (json_int_t)(active_ns / 1e6),
				"usr_cpu", 0.0, "sys_cpu", 0.0);

	fiolog_ranges(out, job);
	for (size_t dir = 0; dir < FIO_DIRS; dir++) {
		const json_t *of =
			json_object_get(json_object_get(job, "directions"), weir_dirs[dir]);

		json_object_set_new(out, fio_dirs[dir], fiolog_direction(of, active_ns));
	}
	return out;
}

static double fiolog_median(const json_t *row, const char *key)
{
	return fiolog_get(json_object_get(row, key), "median");
}

/* Returns ROW, a direction of a job of weir bench, as a simulation has a direction: its medians. */
static json_t *fiolog_of_row(const json_t *row)
{
	static const char *const times[] = { "mean_ns", "p50_ns",   "p99_ns",
					     "p999_ns", "p9999_ns", "max_ns" };
	double ios = fiolog_median(row, "ios"), iops = fiolog_median(row, "iops");
	double bytes = iops > 0 ? fiolog_median(row, "mbps") * 1e6 * ios / iops : 0;
	json_t *latency = json_pack("{s:I}", "count", (json_int_t)ios);

	for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++)
		json_object_set_new(latency, times[i], json_real(fiolog_median(row, times[i])));
	return json_pack("{s:I, s:I, s:f, s:f, s:o}", "ios", (json_int_t)ios, "bytes",
			 (json_int_t)bytes, "iops", iops, "mbps", fiolog_median(row, "mbps"),
			 "latency", latency);
}

/* Returns the place of the direction of ROW among those of a job; FIO_DIRS: it is none. */
static size_t fiolog_place(const json_t *row)
{
	const char *name = json_string_value(json_object_get(row, "direction"));
	size_t dir = 0;

	while (dir < FIO_DIRS && (!name || strcmp(name, weir_dirs[dir]) != 0))
		dir++;
	return dir;
}

/* Returns true if row N of ROWS begins another job than that of the row before. Rows of a job
 * follow one another, in the order of directions; in older results two jobs may have the same name.
 */
static bool fiolog_begins(const json_t *rows, size_t n)
{
	const json_t *row = json_array_get(rows, n),
		     *before = n ? json_array_get(rows, n - 1) : NULL;

	return !n || !json_equal(json_object_get(row, "name"), json_object_get(before, "name")) ||
	       fiolog_place(row) <= fiolog_place(before) ||
	       (json_object_get(row, "options") &&
		!json_equal(json_object_get(row, "options"), json_object_get(before, "options")));
}

/* Returns the job of row FIRST of ROWS with all its directions, as a simulation has it. */
static json_t *fiolog_of_rows(const json_t *rows, size_t first)
{
	const json_t *row = json_array_get(rows, first);
	const char *name = json_string_value(json_object_get(row, "name"));
	json_t *dirs = json_object(), *options = json_object_get(row, "options");
	double iops = fiolog_median(row, "iops");

	for (size_t i = first; i == first || (i < json_array_size(rows) && !fiolog_begins(rows, i));
	     i++) {
		const json_t *of = json_array_get(rows, i);
		size_t place = fiolog_place(of);

		if (place < FIO_DIRS)
			json_object_set_new(dirs, weir_dirs[place], fiolog_of_row(of));
	}
	return json_pack("{s:s, s:O*, s:f, s:o}", "name", name ? name : "job", "options", options,
			 "active_ns", iops > 0 ? fiolog_median(row, "ios") / iops * 1e9 : 0.0,
			 "directions", dirs);
}

/* Returns the path or the name of the drive of RUN; NULL: it has none. */
static const char *fiolog_drive(const json_t *run)
{
	const json_t *device = json_object_get(run, "device"),
		     *path = json_object_get(device, "path");

	return json_string_value(path ? path : json_object_get(device, "name"));
}

/* Adds the jobs of RUN, which has what weir bench compared, to JOBS. What fio ran is left out: fio
 * itself writes that. */
static void fiolog_bench(json_t *jobs, const json_t *run)
{
	const json_t *entry, *row;
	size_t i, k;

	json_array_foreach(json_object_get(run, "entries"), i, entry) {
		const json_t *rows = json_object_get(entry, "jobs");
		const char *by = json_string_value(json_object_get(entry, "by"));

		json_array_foreach(rows, k, row) {
			json_t *job;

			if (!by || strcmp(by, "weir") != 0 || !fiolog_begins(rows, k))
				continue;
			job = fiolog_of_rows(rows, k);
			json_array_append_new(
				jobs,
				fiolog_job(job, json_string_value(json_object_get(entry, "name")),
					   fiolog_drive(run)));
			json_decref(job);
		}
	}
}

/* Adds RUN to JOBS, if it is a replay. */
static void fiolog_replay(json_t *jobs, const json_t *run)
{
	const char *schema = json_string_value(json_object_get(run, "schema"));
	json_t *job;

	if (!schema || strcmp(schema, "weir.replay.v1") != 0)
		return;
	job = fiolog_replay_job(run);
	json_array_append_new(jobs,
			      fiolog_job(job, json_string_value(json_object_get(run, "scheduler")),
					 json_string_value(json_object_get(run, "store"))));
	json_decref(job);
}

json_t *fiolog_json(const json_t *runs)
{
	json_t *jobs = json_array();
	const json_t *run, *job;
	size_t i, k;

	json_array_foreach(runs, i, run) {
		const json_t *scheduler =
			json_object_get(json_object_get(run, "scheduler"), "name");

		json_array_foreach(json_object_get(run, "jobs"), k, job) {
			if (json_object_get(job, "directions"))
				json_array_append_new(jobs,
						      fiolog_job(job, json_string_value(scheduler),
								 fiolog_drive(run)));
		}
		fiolog_bench(jobs, run);
		fiolog_replay(jobs, run);
	}
	return json_pack("{s:s, s:I, s:s, s:o}", "fio version", "fio-3.33", "timestamp",
			 (json_int_t)time(NULL), "generated by", "weir report", "jobs", jobs);
}

/* What a log has: its name, and which value of a window. */
enum fiolog_kind { FIOLOG_BW, FIOLOG_IOPS, FIOLOG_LAT, FIOLOG_KINDS };

static double fiolog_value(const struct series_line *l, enum fiolog_kind kind, size_t i)
{
	if (kind == FIOLOG_BW)
		return l->mbps[i] * 1e6 / 1024;
	return kind == FIOLOG_IOPS ? l->iops[i] : l->mean_ns[i];
}

/* Writes the lines of job number FIRST of S, and of its other directions, in the order of time. */
static void fiolog_lines(FILE *out, const struct series *s, size_t first, enum fiolog_kind kind)
{
	for (size_t i = 0;; i++) {
		bool any = false;

		for (size_t k = first; k < s->lines; k++) {
			const struct series_line *l = &s->line[k];

			if (strcmp(l->job, s->line[first].job) || i >= l->n)
				continue;
			any = true;
			if (kind == FIOLOG_LAT && !(l->iops[i] > 0))
				continue; /* no io, no latency: fio has no line then */
			fprintf(out, "%.0f, %.0f, %u, 0, 0\n", l->end_s[i] * 1e3,
				fiolog_value(l, kind, i), l->direction);
		}
		if (!any)
			return;
	}
}

char *fiolog_path(const char *prefix, size_t i)
{
	static const char *const names[FIOLOG_KINDS] = { "bw", "iops", "lat" };
	char *path;

	return asprintf(&path, "%s_%s.%zu.log", prefix, names[i % FIOLOG_KINDS],
			i / FIOLOG_KINDS + 1) < 0
		       ? NULL
		       : path;
}

/* Writes file I, with the lines of the job whose first line is number FIRST of S. */
static int fiolog_file(const struct series *s, size_t first, size_t i, const char *prefix)
{
	char *path = fiolog_path(prefix, i);
	struct output out;
	int err;

	if (!path)
		return error_sys(-ENOMEM, "logs");
	err = output_open(&out, path);
	if (!err) {
		fiolog_lines(out.file, s, first, (enum fiolog_kind)(i % FIOLOG_KINDS));
		err = output_close(&out);
	}
	free(path);
	return err;
}

/* Returns true if line I of S is the first one of its job. */
static bool fiolog_begins_job(const struct series *s, size_t i)
{
	for (size_t k = 0; k < i; k++)
		if (!strcmp(s->line[k].job, s->line[i].job))
			return false;
	return true;
}

size_t fiolog_files(const struct series *s)
{
	size_t n = 0;

	for (size_t i = 0; i < s->lines; i++)
		n += fiolog_begins_job(s, i) ? FIOLOG_KINDS : 0;
	return n;
}

int fiolog_write(const struct series *s, const char *prefix)
{
	size_t n = 0;
	int err = 0;

	for (size_t i = 0; i < s->lines && !err; i++)
		for (size_t kind = 0; fiolog_begins_job(s, i) && kind < FIOLOG_KINDS && !err;
		     kind++)
			err = fiolog_file(s, i, n++, prefix);
	return err;
}
