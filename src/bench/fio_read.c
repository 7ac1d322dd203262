/* SPDX-License-Identifier: Apache-2.0 */
/* fio_read.c - reads fio's results. See fio.h. */
#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "bench/fio.h"

static double fio_value(const json_t *object, const char *name)
{
	return json_number_value(json_object_get(object, name));
}

static void fio_line(struct bench_line *line, const char *job, enum sim_dir dir,
		     const json_t *figures)
{
	const json_t *lat = json_object_get(figures, "lat_ns");
	const json_t *percentile = json_object_get(lat, "percentile");

	snprintf(line->job, sizeof(line->job), "%s", job ? job : "?");
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

/* Adds the lines of one job to RESULT, and its processor time to CPU_NS. Returns its ios. */
static double fio_job(struct bench_outcome *result, const json_t *job, double *cpu_ns)
{
	static const char *const dirs[SIM_DIRS] = { "read", "write", "trim" };
	const char *name = json_string_value(json_object_get(job, "jobname"));
	double ios = 0, share = fio_value(job, "usr_cpu") + fio_value(job, "sys_cpu");

	for (int dir = 0; dir < SIM_DIRS; dir++) {
		const json_t *figures = json_object_get(job, dirs[dir]);

		if (fio_value(figures, "total_ios") < 1)
			continue;
		ios += fio_value(figures, "total_ios");
		fio_line(&result->line[result->n++], name, (enum sim_dir)dir, figures);
	}
	*cpu_ns += share / 100 * fio_value(job, "job_runtime") * 1e6;
	result->cpu += share / 100;
	return ios;
}

int bench_fio_read(struct bench_outcome *result, const char *text, size_t length)
{
	const char *begin = memchr(text, '{', length);
	json_error_t why = { .text = "it printed no JSON" };
	json_t *root = NULL;
	const json_t *jobs;
	double ios = 0, cpu_ns = 0;

	*result = (struct bench_outcome){ .n = 0 };
	if (begin)
		root = json_loadb(begin, length - (size_t)(begin - text), JSON_DISABLE_EOF_CHECK,
				  &why);
	jobs = json_object_get(root, "jobs");
	if (!jobs) {
		json_decref(root);
		return error_set(-EPROTO, "fio: its results cannot be read: %s", why.text);
	}
	result->line = calloc(json_array_size(jobs) * SIM_DIRS + 1, sizeof(*result->line));
	for (size_t i = 0; result->line && i < json_array_size(jobs); i++)
		ios += fio_job(result, json_array_get(jobs, i), &cpu_ns);
	json_decref(root);
	result->cpu_ns = ios > 0 ? cpu_ns / ios : 0;
	return result->line ? 0 : error_sys(-ENOMEM, "fio's results");
}
