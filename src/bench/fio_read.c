/* SPDX-License-Identifier: Apache-2.0 */
/* fio_read.c - reads fio's results. See fio.h. */
#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "bench/fio.h"
#include "sim/job_text.h"

static double fio_value(const json_t *object, const char *name)
{
	return json_number_value(json_object_get(object, name));
}

static void fio_line(struct bench_line *line, const char *job, enum sim_dir dir,
		     const json_t *figures)
{
	const json_t *lat = json_object_get(figures, "lat_ns");
	const json_t *percentile = json_object_get(lat, "percentile");

	snprintf(line->job, sizeof(line->job), "%s", job);
	line->dir = dir;
	line->ios = fio_value(figures, "total_ios");
	line->iops = fio_value(figures, "iops");
	line->mbps = fio_value(figures, "bw_bytes") / 1e6;
	line->mean = fio_value(lat, "mean");
	line->p50 = fio_value(percentile, "50.000000");
	line->p99 = fio_value(percentile, "99.000000");
	line->p999 = fio_value(percentile, "99.900000");
	line->p9999 = fio_value(percentile, "99.990000");
	line->max = fio_value(lat, "max");
}

/* What is read, and where in the jobs that fio was given. */
struct fio_reading {
	struct bench_outcome *result;
	const struct sim_jobs *jobs;
	size_t section; /* of the next job in fio's results, and which copy of it */
	uint64_t clone;
	double group, group_ms; /* jobs that ran at the same time, and how long they did */
	double ms, cpu_ms, ios; /* of all; the time is that of the groups before this one */
};

/* Sets NAME to what weir calls the next job. fio gives all copies of a section one name, so they
 * are told by their places. */
static void fio_name(struct fio_reading *f, const json_t *job, char *name, size_t size)
{
	const char *fios = json_string_value(json_object_get(job, "jobname"));
	const struct sim_job *section;

	snprintf(name, size, "%s", fios ? fios : "?");
	if (f->section == f->jobs->count)
		return;
	section = &f->jobs->job[f->section];
	job_text_name(section, f->clone, name, size);
	if (++f->clone == section->numjobs) {
		f->section++;
		f->clone = 0;
	}
}

/* Adds the processor's time of JOB. Groups run one after another, and the jobs of one at the same
 * time. Returns true if it was busy all the time. */
static bool fio_cpu(struct fio_reading *f, const json_t *job, uint64_t delay_ns)
{
	double share = (fio_value(job, "usr_cpu") + fio_value(job, "sys_cpu")) / 100;
	double ms = fio_value(job, "job_runtime"), group = fio_value(job, "groupid");
	double end_ms = ms + (double)delay_ns / 1e6;

	if (group != f->group) {
		f->ms += f->group_ms;
		f->group_ms = 0;
		f->group = group;
	}
	f->group_ms = end_ms > f->group_ms ? end_ms : f->group_ms;
	f->cpu_ms += share * ms;
	f->result->bound |= share > SIM_BOUND;
	return share > SIM_BOUND;
}

/* Adds the lines of one job, and its processor time. */
static void fio_job(struct fio_reading *f, const json_t *job)
{
	static const char *const dirs[SIM_DIRS] = { "read", "write", "trim" };
	const struct sim_job *section =
		f->section < f->jobs->count ? &f->jobs->job[f->section] : NULL;
	char name[SIM_NAME_MAX + 16];
	bool bound;

	fio_name(f, job, name, sizeof(name));
	bound = fio_cpu(f, job, section ? section->startdelay : 0);
	for (int dir = 0; dir < SIM_DIRS; dir++) {
		const json_t *figures = json_object_get(job, dirs[dir]);

		if (fio_value(figures, "total_ios") < 1)
			continue;
		f->ios += fio_value(figures, "total_ios");
		fio_line(&f->result->line[f->result->n], name, (enum sim_dir)dir, figures);
		f->result->line[f->result->n++].bound = bound;
	}
}

static void fio_jobs(struct bench_outcome *result, const json_t *list, const struct sim_jobs *jobs)
{
	struct fio_reading f = { .result = result, .jobs = jobs };
	const json_t *job;
	size_t i;

	json_array_foreach(list, i, job)
		fio_job(&f, job);
	f.ms += f.group_ms;
	result->cpu = f.ms > 0 ? f.cpu_ms / f.ms : 0;
	result->cpu_ns = f.ios > 0 ? f.cpu_ms * 1e6 / f.ios : 0;
}

int bench_fio_read(struct bench_outcome *result, const char *text, size_t length,
		   const struct sim_jobs *jobs)
{
	const char *begin = memchr(text, '{', length);
	json_error_t why = { .text = "it printed no JSON" };
	json_t *root = NULL;
	const json_t *list;

	*result = (struct bench_outcome){ .n = 0 };
	if (begin)
		root = json_loadb(begin, length - (size_t)(begin - text), JSON_DISABLE_EOF_CHECK,
				  &why);
	list = json_object_get(root, "jobs");
	if (!list) {
		json_decref(root);
		return error_set(-EPROTO, "fio: its results cannot be read: %s", why.text);
	}
	result->line = calloc(json_array_size(list) * SIM_DIRS + 1, sizeof(*result->line));
	if (result->line)
		fio_jobs(result, list, jobs);
	json_decref(root);
	return result->line ? 0 : error_sys(-ENOMEM, "fio's results");
}
