/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sim_report.c - what came of a simulation, in words and as JSON. See sim.h.
 */
#include <inttypes.h>

#include "base/clock.h"
#include "base/parse.h"
#include "cli/describe.h"
#include "cli/report.h"
#include "cli/sim.h"
#include "cli/table.h"

/* So much in a second. */
static double sim_rate(uint64_t n, uint64_t ns)
{
	return ns ? (double)n * 1e9 / (double)ns : 0;
}

static uint64_t sim_mean(const struct weir_latency *l)
{
	return l->count ? l->sum_ns / l->count : 0;
}

/* A row of the table: IOS of a job that ran for ACTIVE_NS; SHARE may be "". */
static void sim_report_row(struct table *t, const char *name, const struct sim_ios *ios,
			   uint64_t active_ns, const char *share)
{
	const uint64_t times[] = {
		sim_mean(&ios->latency), ios->latency.p50_ns,  ios->p95_ns,
		ios->latency.p99_ns,	 ios->latency.p999_ns, ios->latency.max_ns
	};
	char iops[32], mbps[32], text[6][32];

	format_count((uint64_t)(sim_rate(ios->ios, active_ns) + 0.5), iops, sizeof(iops));
	snprintf(mbps, sizeof(mbps), "%.1f", sim_rate(ios->bytes, active_ns) / 1e6);
	for (int i = 0; i < 6; i++)
		format_time(times[i], text[i], sizeof(text[i]));
	table_row(t, name, iops, mbps, share, text[0], text[1], text[2], text[3], text[4], text[5]);
}

static const char *const sim_dir_names[SIM_DIRS] = { "reads", "writes", "trims" };

/* A job, and where it went in several directions, each of them. */
static void sim_report_rows(struct table *t, const struct sim_job_result *j)
{
	struct sim_ios all = {
		.ios = j->ios, .bytes = j->bytes, .latency = j->latency, .p95_ns = j->p95_ns
	};
	char share[32], name[32];
	int dirs = 0;

	snprintf(share, sizeof(share), "%.1f %%", 100 * j->share);
	sim_report_row(t, j->name, &all, j->active_ns, share);
	for (int dir = 0; dir < SIM_DIRS; dir++)
		dirs += j->dir[dir].latency.count > 0;
	for (int dir = 0; dir < SIM_DIRS && dirs > 1; dir++) {
		if (!j->dir[dir].latency.count)
			continue;
		snprintf(name, sizeof(name), "  %s", sim_dir_names[dir]);
		sim_report_row(t, name, &j->dir[dir], j->active_ns, "");
	}
}

void sim_report_notes(const struct remarks *notes)
{
	for (size_t i = 0; i < notes->count; i++)
		report_note("%s", notes->line[i]);
	if (notes->dropped)
		report_note("%zu more notes are not shown", notes->dropped);
}

int sim_report_print(const struct sim_report *r)
{
	const struct sim_result *res = r->result;
	struct table t = { .columns = "lrrrrrrrrr" };
	char bytes[32], window[32];
	int err;

	sim_report_notes(&res->notes);
	printf("%.3f s on %s, scheduler %s, %u requests and %s at once\n\n",
	       (double)res->duration_ns / 1e9, r->device, res->scheduler, res->depth,
	       format_size(res->depth_bytes, bytes, sizeof(bytes)));
	table_row(&t, "job", "io/s", "MB/s", "share", "mean", "p50", "p95", "p99", "p99.9", "max");
	for (size_t i = 0; i < res->count; i++)
		sim_report_rows(&t, &res->job[i]);
	err = table_print(&t, 0, stdout);
	table_free(&t);
	if (err)
		return report_error("out of memory");
	printf("\nthe drive had something to do for %.1f %% of the time; %.1f %% of it worked\n",
	       100 * res->busy, 100 * res->worked);
	if (res->count > 1)
		printf("fairness (Jain, bytes): %.4f", res->fairness.whole);
	if (res->count > 1 && res->fairness.windows)
		printf("; in %" PRIu64 " windows of %s: median %.4f, minimum %.4f",
		       res->fairness.windows,
		       format_time(r->opts->window_ns, window, sizeof(window)),
		       res->fairness.median, res->fairness.min);
	if (res->count > 1)
		putchar('\n');
	return 0;
}

static json_t *sim_json_latency(const struct weir_latency *l, uint64_t p95_ns)
{
	json_t *latency = describe_latency(l);

	if (latency) {
		json_object_set_new(latency, "mean_ns", json_integer((json_int_t)sim_mean(l)));
		json_object_set_new(latency, "p95_ns", json_integer((json_int_t)p95_ns));
	}
	return latency;
}

/* The directions that the job went in. */
static json_t *sim_json_dirs(const struct sim_job_result *j)
{
	json_t *dirs = json_object();

	for (int dir = 0; dir < SIM_DIRS; dir++) {
		const struct sim_ios *ios = &j->dir[dir];

		if (ios->latency.count)
			json_object_set_new(
				dirs, sim_dir_names[dir],
				json_pack("{s:I, s:I, s:I, s:f, s:f, s:o}", "ios",
					  (json_int_t)ios->ios, "bytes", (json_int_t)ios->bytes,
					  "late_ios", (json_int_t)ios->late, "iops",
					  sim_rate(ios->ios, j->active_ns), "mbps",
					  sim_rate(ios->bytes, j->active_ns) / 1e6, "latency",
					  sim_json_latency(&ios->latency, ios->p95_ns)));
	}
	return dirs;
}

static json_t *sim_json_job(const struct sim_job_result *j)
{
	json_t *job = json_pack(
		"{s:s, s:I, s:I, s:I, s:I, s:I, s:f, s:f, s:f, s:o}", "name", j->name, "submitter",
		(json_int_t)j->submitter, "ios", (json_int_t)j->ios, "bytes", (json_int_t)j->bytes,
		"late_ios", (json_int_t)j->late, "active_ns", (json_int_t)j->active_ns, "iops",
		sim_rate(j->ios, j->active_ns), "mbps", sim_rate(j->bytes, j->active_ns) / 1e6,
		"share", j->share, "latency", sim_json_latency(&j->latency, j->p95_ns));

	if (job && j->weight)
		json_object_set_new(job, "weight", json_integer((json_int_t)j->weight));
	if (job) {
		json_object_set_new(job, "flushes", json_integer((json_int_t)j->flushes));
		json_object_set_new(job, "directions", sim_json_dirs(j));
	}
	return job;
}

static void sim_json_lines(json_t *array, const struct remarks *notes)
{
	for (size_t i = 0; i < notes->count; i++)
		json_array_append_new(array, json_string(notes->line[i]));
}

static json_t *sim_json_notes(const struct sim_report *r)
{
	json_t *notes = json_array();

	sim_json_lines(notes, &r->opts->jobs->notes);
	sim_json_lines(notes, &r->result->notes);
	return notes;
}

static json_t *sim_json_jain(const struct sim_report *r)
{
	const struct sim_fairness *f = &r->result->fairness;

	if (!f->windows)
		return json_pack("{s:f, s:I, s:i}", "bytes", f->whole, "window_ns",
				 (json_int_t)r->opts->window_ns, "windows", 0);
	return json_pack("{s:f, s:I, s:I, s:f, s:f}", "bytes", f->whole, "window_ns",
			 (json_int_t)r->opts->window_ns, "windows", (json_int_t)f->windows,
			 "window_min", f->min, "window_median", f->median);
}

static json_t *sim_json_scheduler(const struct sim_result *res)
{
	json_t *tunables = json_object();

	for (size_t i = 0; i < res->nr_tunables; i++)
		json_object_set_new(tunables, res->tunable[i].name,
				    json_integer(res->tunable[i].value));
	return json_pack("{s:s, s:o}", "name", res->scheduler, "tunables", tunables);
}

int sim_report_json(const struct sim_report *r)
{
	const struct sim_result *res = r->result;
	json_t *jobs = json_array();

	for (size_t i = 0; i < res->count; i++)
		json_array_append_new(jobs, sim_json_job(&res->job[i]));
	return report_json(
		json_pack(
			"{s:s, s:I, s:I, s:{s:s, s:f, s:f}, s:o, s:{s:I, s:I, s:I}, s:o, s:o, s:o}",
			"schema", "weir.sim.v1", "seed", (json_int_t)r->opts->seed, "duration_ns",
			(json_int_t)res->duration_ns, "device", "name", r->device, "busy",
			res->busy, "worked", res->worked, "scheduler", sim_json_scheduler(res),
			"queue", "depth", (json_int_t)res->depth, "nr_requests",
			(json_int_t)res->nr_requests, "depth_bytes", (json_int_t)res->depth_bytes,
			"jobs", jobs, "jain", sim_json_jain(r), "notes", sim_json_notes(r)),
		0);
}
