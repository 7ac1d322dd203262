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

static void sim_report_row(struct table *t, const struct sim_job_result *j)
{
	char iops[32], mbps[32], share[32], p50[32], p99[32], p999[32], max[32];

	format_count((uint64_t)(sim_rate(j->ios, j->active_ns) + 0.5), iops, sizeof(iops));
	snprintf(mbps, sizeof(mbps), "%.1f", sim_rate(j->bytes, j->active_ns) / 1e6);
	snprintf(share, sizeof(share), "%.1f %%", 100 * j->share);
	table_row(t, j->name, iops, mbps, share, format_time(j->latency.p50_ns, p50, sizeof(p50)),
		  format_time(j->latency.p99_ns, p99, sizeof(p99)),
		  format_time(j->latency.p999_ns, p999, sizeof(p999)),
		  format_time(j->latency.max_ns, max, sizeof(max)));
}

int sim_report_print(const struct sim_report *r)
{
	const struct sim_result *res = r->result;
	struct table t = { .columns = "lrrrrrrr" };
	char bytes[32], window[32];
	int err;

	printf("%.3f s on %s, scheduler %s, %u requests and %s at once\n\n",
	       (double)res->duration_ns / 1e9, r->device, res->scheduler, res->depth,
	       format_size(res->depth_bytes, bytes, sizeof(bytes)));
	table_row(&t, "job", "io/s", "MB/s", "share", "p50", "p99", "p99.9", "max");
	for (size_t i = 0; i < res->count; i++)
		sim_report_row(&t, &res->job[i]);
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

static json_t *sim_json_job(const struct sim_job_result *j)
{
	json_t *job = json_pack(
		"{s:s, s:I, s:I, s:I, s:I, s:I, s:f, s:f, s:f, s:o}", "name", j->name, "submitter",
		(json_int_t)j->submitter, "ios", (json_int_t)j->ios, "bytes", (json_int_t)j->bytes,
		"late_ios", (json_int_t)j->late, "active_ns", (json_int_t)j->active_ns, "iops",
		sim_rate(j->ios, j->active_ns), "mbps", sim_rate(j->bytes, j->active_ns) / 1e6,
		"share", j->share, "latency", describe_latency(&j->latency));

	if (job && j->weight)
		json_object_set_new(job, "weight", json_integer((json_int_t)j->weight));
	return job;
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
		json_pack("{s:s, s:I, s:I, s:{s:s, s:f, s:f}, s:o, s:{s:I, s:I, s:I}, s:o, s:o}",
			  "schema", "weir.sim.v1", "seed", (json_int_t)r->opts->seed, "duration_ns",
			  (json_int_t)res->duration_ns, "device", "name", r->device, "busy",
			  res->busy, "worked", res->worked, "scheduler", sim_json_scheduler(res),
			  "queue", "depth", (json_int_t)res->depth, "nr_requests",
			  (json_int_t)res->nr_requests, "depth_bytes", (json_int_t)res->depth_bytes,
			  "jobs", jobs, "jain", sim_json_jain(r)),
		0);
}
