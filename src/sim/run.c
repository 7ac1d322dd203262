/* SPDX-License-Identifier: Apache-2.0 */
/*
 * run.c - the loop of a simulation. See run.h.
 *
 * The queue runs until it would sleep; it sleeps until the drive has done something or a job has,
 * whatever comes first, and that moves the clock.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "queue/open.h"
#include "sim/fair.h"
#include "sim/keys.h"
#include "sim/load.h"
#include "sim/run.h"
#include "sim/tune.h"

#define PROGRESS_TURNS 4096u

struct run {
	const struct sim_run_opts *opts;
	struct load_env env;
	struct load *loads;
	size_t count;
	struct fair fair;
	uint64_t end_ns; /* when the last job will have ended, if that is known */
};

static int run_open_queue(struct run *r)
{
	const struct sim_run_opts *o = r->opts;
	struct weir_queue_opts opts = WEIR_QUEUE_OPTS_INIT;
	int err;

	opts.scheduler = o->scheduler;
	opts.depth = (uint32_t)o->depth;
	opts.depth_bytes = o->depth_bytes;
	opts.nr_requests = (uint32_t)o->nr_requests;
	err = queue_open(&r->env.q, sim_device(r->env.sim), &opts, sim_engine(r->env.sim),
			 o->sched);
	for (size_t i = 0; i < o->nr_sets && !err; i++)
		err = tune_set(r->env.q, o->sets[i].name, o->sets[i].value);
	return err;
}

static int run_alloc(struct run *r)
{
	uint64_t longest = 1;

	for (size_t i = 0; i < r->opts->jobs->count; i++) {
		const struct sim_job *job = &r->opts->jobs->job[i];

		r->count += job->numjobs;
		longest = job->bs > longest ? job->bs : longest;
	}
	r->loads = calloc(r->count, sizeof(*r->loads));
	r->env.buffer = malloc(longest);
	return r->loads && r->env.buffer ? 0 : error_sys(-ENOMEM, "the jobs");
}

/* Jobs that name no submitter are one each, beyond those that are named. */
static uint32_t run_first_free_submitter(const struct sim_jobs *jobs)
{
	uint64_t first = 1;

	for (size_t i = 0; i < jobs->count; i++)
		if (jobs->job[i].submitter != SIM_UNSET && jobs->job[i].submitter >= first)
			first = jobs->job[i].submitter + 1;
	return (uint32_t)first;
}

static int run_weigh(struct run *r, const struct load *l)
{
	const struct sim_job *job = l->job;
	int err;

	if (job->weight == SIM_UNSET)
		return 0;
	for (const struct load *other = r->loads; other < l; other++)
		if (other->submitter == l->submitter && other->job->weight != job->weight)
			return error_set(-EINVAL,
					 "%s:%u: [%s]: its submitter has another weight in [%s]",
					 r->env.path, job->line, job->name, other->job->name);
	err = weir_submitter_set_weight(r->env.q, l->submitter, (uint32_t)job->weight);
	return err ? error_set(err, "%s:%u: [%s]: %s", r->env.path, job->line, job->name,
			       weir_error())
		   : 0;
}

static int run_open_loads(struct run *r)
{
	const struct sim_jobs *jobs = r->opts->jobs;
	uint32_t submitter = run_first_free_submitter(jobs);
	struct load *l = r->loads;
	int err = 0;

	for (size_t i = 0; i < jobs->count; i++) {
		for (uint64_t clone = 0; clone < jobs->job[i].numjobs && !err; clone++, l++) {
			err = load_open(l, &r->env, &jobs->job[i], clone,
					prng_mix(r->opts->seed) + (uint64_t)(l - r->loads) + 1);
			l->submitter = jobs->job[i].submitter == SIM_UNSET
					       ? submitter++
					       : (uint32_t)jobs->job[i].submitter;
			if (!err)
				err = run_weigh(r, l);
			if (l->stop_ns != EVENTS_NEVER && l->stop_ns > r->end_ns)
				r->end_ns = l->stop_ns;
		}
	}
	return err;
}

static int run_turn(struct run *r)
{
	uint64_t now = sim_now(r->env.sim), next;
	int ended;

	fair_until(&r->fair, now);
	events_fire(&r->env.arrivals, now);
	if (!r->env.running)
		return 0;
	next = events_next(&r->env.arrivals);
	/* An io that ends behind a window is not to be counted in it. Where none can end, the
	 * windows' ends must not keep alive what nothing else would. */
	if (sim_in_flight(r->env.sim) && r->fair.end_ns < next)
		next = r->fair.end_ns;
	ended = weir_queue_poll_wait(r->env.q, next == EVENTS_NEVER ? EVENTS_NEVER : next - now);
	if (ended < 0)
		return ended;
	if (sim_stalled(r->env.sim))
		return error_set(-EDEADLK,
				 "the scheduler holds ios, and nothing will ever wake it");
	return r->env.err;
}

static int run_loop(struct run *r)
{
	int err = 0;

	for (uint64_t turns = 1; r->env.running && !err; turns++) {
		err = run_turn(r);
		if (!(turns % PROGRESS_TURNS) && r->opts->progress)
			r->opts->progress(r->opts->user, sim_now(r->env.sim) - SIM_START_NS,
					  r->end_ns ? r->end_ns - SIM_START_NS : 0);
	}
	return err;
}

static void run_job_result(const struct load *l, struct sim_job_result *out)
{
	uint64_t end = l->last_ns;

	/* It ran to its end: also while it waited for nothing to come. */
	if (l->stopped_ns == l->stop_ns)
		end = l->stop_ns;
	memcpy(out->name, l->name, sizeof(out->name));
	out->submitter = l->submitter;
	out->weight = l->job->weight == SIM_UNSET ? 0 : l->job->weight;
	out->ios = l->nr_ios;
	out->bytes = l->bytes;
	out->late = l->late;
	out->active_ns = end > l->start_ns ? end - l->start_ns : 0;
	hist_summary(&l->latency, &out->latency);
}

static int run_result(struct run *r, struct sim_result *result)
{
	struct weir_queue_info info = WEIR_QUEUE_INFO_INIT;
	uint64_t bytes = 0, duration = sim_now(r->env.sim) - SIM_START_NS;

	result->job = calloc(r->count, sizeof(*result->job));
	if (!result->job)
		return error_sys(-ENOMEM, "the results");
	result->count = r->count;
	for (size_t i = 0; i < r->count; i++) {
		run_job_result(&r->loads[i], &result->job[i]);
		bytes += result->job[i].bytes;
	}
	for (size_t i = 0; i < r->count && bytes; i++)
		result->job[i].share = (double)result->job[i].bytes / (double)bytes;
	result->duration_ns = duration;
	result->busy = duration ? (double)sim_busy_ns(r->env.sim) / (double)duration : 0;
	result->worked = duration ? (double)sim_worked_ns(r->env.sim) / (double)duration : 0;
	(void)weir_queue_info(r->env.q, &info);
	result->scheduler = info.scheduler;
	result->depth = info.depth;
	result->nr_requests = info.nr_requests;
	result->depth_bytes = info.depth_bytes;
	tune_get(r->env.q, result);
	return fair_end(&r->fair, result->job, &result->fairness);
}

static void run_close(struct run *r)
{
	/* What has stalled cannot be drained: such a queue stays, and nobody touches it again. */
	if (!r->env.sim || !sim_stalled(r->env.sim)) {
		weir_queue_close(r->env.q);
		sim_close(r->env.sim);
	}
	for (size_t i = 0; r->loads && i < r->count; i++)
		load_close(&r->loads[i]);
	free(r->loads);
	free(r->env.buffer);
}

int sim_run(struct sim_result *result, const struct sim_run_opts *opts)
{
	struct run r = { .opts = opts, .env.path = opts->jobs->path };
	int err;

	memset(result, 0, sizeof(*result));
	events_init(&r.env.arrivals);
	err = sim_open(&r.env.sim, opts->config, prng_mix(opts->seed));
	if (!err)
		err = run_alloc(&r);
	if (!err)
		err = run_open_queue(&r);
	if (!err)
		err = run_open_loads(&r);
	if (!err) {
		fair_begin(&r.fair, r.loads, r.count, opts->window_ns, sim_now(r.env.sim));
		err = run_loop(&r);
	}
	if (!err)
		err = run_result(&r, result);
	if (err)
		free(r.fair.index);
	if (err)
		sim_result_free(result);
	run_close(&r);
	return err;
}

void sim_result_free(struct sim_result *result)
{
	free(result->job);
	result->job = NULL;
	result->count = 0;
}
