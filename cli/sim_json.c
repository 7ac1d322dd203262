/* SPDX-License-Identifier: Apache-2.0 */
/* sim_json.c - the results of a simulation as JSON. See sim.h. */
#include "cli/describe.h"
#include "cli/sim.h"
#include "sim/job_text.h"

json_t *sim_json_latency(const struct weir_latency *l, uint64_t p95_ns)
{
	json_t *latency = describe_latency(l);

	if (latency) {
		json_object_set_new(latency, "mean_ns", json_integer((json_int_t)sim_mean(l)));
		json_object_set_new(latency, "p95_ns", json_integer((json_int_t)p95_ns));
	}
	return latency;
}

/* Returns the results of the job for each direction (reads, writes, trims). */
static json_t *sim_json_dirs(const struct sim_job_result *j)
{
	json_t *dirs = json_object();

	for (int dir = 0; dir < SIM_DIRS; dir++) {
		const struct sim_ios *ios = &j->dir[dir];

		if (ios->latency.count)
			json_object_set_new(
				dirs, sim_dir_names[dir],
				json_pack("{s:I, s:I, s:I, s:I, s:f, s:f, s:o, s:o, s:o}", "ios",
					  (json_int_t)ios->ios, "bytes", (json_int_t)ios->bytes,
					  "late_ios", (json_int_t)ios->late, "missed_deadlines",
					  (json_int_t)ios->missed, "iops",
					  sim_rate(ios->ios, j->active_ns), "mbps",
					  sim_rate(ios->bytes, j->active_ns) / 1e6, "latency",
					  sim_json_latency(&ios->latency, ios->p95_ns), "queued",
					  describe_latency(&ios->queued), "drive",
					  describe_latency(&ios->drive)));
	}
	return dirs;
}

json_t *sim_json_options(const struct sim_job *job)
{
	char rw[32], bs[SIM_DIRS * SIM_BS_TEXT];

	return json_pack("{s:s, s:s, s:I, s:I}", "rw", job_text_rw(job, rw, sizeof(rw)), "bs",
			 job_text_bs(job, bs, sizeof(bs)), "iodepth", (json_int_t)job->iodepth,
			 "numjobs", (json_int_t)job->numjobs);
}

json_t *sim_json_ranges(const uint64_t range[SIM_RANGES])
{
	json_t *ranges = json_array();

	for (size_t i = 0; i < SIM_RANGES; i++) {
		uint64_t end = sim_range_end(i);

		if (range[i])
			json_array_append_new(
				ranges, json_pack("{s:o, s:I}", "up_to_ns",
						  end == UINT64_MAX ? json_null()
								    : json_integer((json_int_t)end),
						  "ios", (json_int_t)range[i]));
	}
	return ranges;
}

static json_t *sim_json_job(const struct sim_job_result *j, const struct sim_job *section)
{
	json_t *job = json_pack(
		"{s:s, s:I, s:I, s:I, s:I, s:I, s:f, s:f, s:f, s:o}", "name", j->name, "submitter",
		(json_int_t)j->submitter, "ios", (json_int_t)j->ios, "bytes", (json_int_t)j->bytes,
		"late_ios", (json_int_t)j->late, "active_ns", (json_int_t)j->active_ns, "iops",
		sim_rate(j->ios, j->active_ns), "mbps", sim_rate(j->bytes, j->active_ns) / 1e6,
		"share", j->share, "latency", sim_json_latency(&j->latency, j->p95_ns));

	if (job && j->weight)
		json_object_set_new(job, "weight", json_integer((json_int_t)j->weight));
	if (job && j->deadline_ns) {
		json_object_set_new(job, "deadline_ns", json_integer((json_int_t)j->deadline_ns));
		json_object_set_new(job, "missed_deadlines", json_integer((json_int_t)j->missed));
	}
	if (job) {
		json_object_set_new(job, "flushes", json_integer((json_int_t)j->flushes));
		json_object_set_new(job, "queued", describe_latency(&j->queued));
		json_object_set_new(job, "drive", describe_latency(&j->drive));
		json_object_set_new(job, "directions", sim_json_dirs(j));
		json_object_set_new(job, "ranges", sim_json_ranges(j->range));
		if (!section->replay.io)
			json_object_set_new(job, "options", sim_json_options(section));
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
				 (json_int_t)r->result->window_ns, "windows", 0);
	return json_pack("{s:f, s:I, s:I, s:f, s:f}", "bytes", f->whole, "window_ns",
			 (json_int_t)r->result->window_ns, "windows", (json_int_t)f->windows,
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

static json_t *sim_json_device(const struct sim_report *r)
{
	const struct sim_result *res = r->result;

	return json_pack("{s:s, s:f, s:f, s:I, s:I, s:b}", "name", r->device, "busy", res->busy,
			 "worked", res->worked, "written_bytes", (json_int_t)res->written_bytes,
			 "capacity_bytes", (json_int_t)res->capacity_bytes, "beyond_model",
			 (int)res->beyond_model);
}

static json_t *sim_json_queue(const struct sim_result *res)
{
	return json_pack("{s:I, s:I, s:I, s:I}", "lanes", (json_int_t)res->lanes, "depth",
			 (json_int_t)res->depth, "nr_requests", (json_int_t)res->nr_requests,
			 "depth_bytes", (json_int_t)res->depth_bytes);
}

static json_t *sim_json_jobs(const struct sim_report *r)
{
	const struct sim_result *res = r->result;
	json_t *jobs = json_array();

	for (size_t i = 0; i < res->count; i++)
		json_array_append_new(
			jobs, sim_json_job(&res->job[i], &r->opts->jobs->job[res->job[i].section]));
	return jobs;
}

json_t *sim_json(const struct sim_report *r)
{
	const struct sim_result *res = r->result;

	return json_pack("{s:s, s:I, s:I, s:b, s:o, s:o, s:o, s:o, s:o, s:o}", "schema",
			 "weir.sim.v1", "seed", (json_int_t)r->opts->seed, "duration_ns",
			 (json_int_t)res->duration_ns, "interrupted", (int)res->interrupted,
			 "device", sim_json_device(r), "scheduler", sim_json_scheduler(res),
			 "queue", sim_json_queue(res), "jobs", sim_json_jobs(r), "jain",
			 sim_json_jain(r), "notes", sim_json_notes(r));
}
