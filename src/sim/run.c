/* SPDX-License-Identifier: Apache-2.0 */
/*
 * run.c - the loop of a simulation. See run.h; run_result.c collects the results.
 *
 * The queue runs until it would sleep. It sleeps until the next event of the drive or of a job,
 * and this advances the clock.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/parse.h"
#include "queue/lanes.h"
#include "queue/open.h"
#include "sim/fair.h"
#include "sim/keys.h"
#include "sim/load.h"
#include "sim/run.h"
#include "sim/run_result.h"
#include "sim/tune.h"
#include "sim/watch.h"

#define PROGRESS_TURNS 4096u
#define DEFAULT_WINDOW (100 * NSEC_PER_MSEC)

/* The queue begins with what it is given. */
static int run_take_state(struct run *r)
{
	const struct sim_run_opts *o = r->opts;
	int err = o->state ? weir_queue_load_state(r->env.q, o->state, o->state_length) : 0;

	if (!err || err == -ENOMEM)
		return err;
	remarks_add(&r->result->notes, "the scheduler begins anew: %s", weir_error());
	return 0;
}

static int run_open_queue(struct run *r)
{
	const struct sim_run_opts *o = r->opts;
	struct weir_queue_opts opts = WEIR_QUEUE_OPTS_INIT;
	int err;

	opts.scheduler = o->scheduler;
	opts.engine = o->device ? o->engine : NULL;
	opts.lanes = r->env.lanes;
	opts.depth = (uint32_t)o->depth;
	opts.depth_bytes = o->depth_bytes;
	opts.nr_requests = (uint32_t)o->nr_requests;
	opts.trace = o->trace;
	opts.watched = o->device != NULL; /* a simulation has no drive to look at */
	err = queue_open(&r->env.q, sim_device(r->env.sim), &opts, sim_engine(r->env.sim),
			 o->sched);
	if (!err && r->env.lanes > 1)
		err = lanes_own(r->env.q);
	for (size_t i = 0; i < o->nr_sets && !err; i++)
		err = tune_set(r->env.q, o->sets[i].name, o->sets[i].value, &r->result->notes);
	if (!err)
		err = run_take_state(r);
	return err;
}

/* Gives the result what the queue has learned. */
static int run_keep_state(struct run *r)
{
	size_t length = 0;
	int err = r->opts->keep_state ? weir_queue_save_state(r->env.q, NULL, 0, &length) : 0;

	if (err == -ENOSPC) {
		r->result->state = malloc(length + 1);
		if (!r->result->state)
			return error_sys(-ENOMEM, "what was learned");
		err = weir_queue_save_state(r->env.q, r->result->state, length + 1,
					    &r->result->state_length);
	} else if (err && err != -ENOMEM) {
		remarks_add(&r->result->notes, "no state is kept: %s", weir_error());
		err = 0;
	}
	return err;
}

static int run_alloc(struct run *r)
{
	const struct weir_device_info *info = weir_device_get_info(sim_device(r->env.sim));
	uint64_t longest = 1;

	for (size_t i = 0; i < r->opts->jobs->count; i++) {
		const struct sim_job *job = &r->opts->jobs->job[i];

		r->env.count += job->numjobs;
		longest = load_longest(job) > longest ? load_longest(job) : longest;
	}
	r->env.loads = calloc(r->env.count, sizeof(*r->env.loads));
	/* The ios of a log are enlarged to whole blocks. */
	r->env.buffer = malloc(longest + 2 * (size_t)info->logical_block_bytes);
	r->window_bytes = calloc(r->env.count, sizeof(*r->window_bytes));
	return r->env.loads && r->env.buffer && r->window_bytes ? 0
								: error_sys(-ENOMEM, "the jobs");
}

/*
 * Returns the first number for jobs that name no submitter: each of them is one submitter, with a
 * number above the named ones.
 */
static uint32_t run_first_free_submitter(const struct sim_jobs *jobs)
{
	uint64_t first = 1;

	for (size_t i = 0; i < jobs->count; i++) {
		if (jobs->job[i].submitter != SIM_UNSET && jobs->job[i].submitter >= first)
			first = jobs->job[i].submitter + 1;
		if (jobs->job[i].group != SIM_UNSET && jobs->job[i].group >= first)
			first = jobs->job[i].group + 1;
	}
	return (uint32_t)first;
}

static int run_weigh(struct run *r, const struct load *l)
{
	const struct sim_job *job = l->job;
	int err;

	if (job->weight == SIM_UNSET)
		return 0;
	for (const struct load *other = r->env.loads; other < l; other++)
		if (load_account(other) == load_account(l) && other->job->weight != job->weight)
			return error_set(
				-EINVAL,
				"%s:%u: [%s]: the same submitter has another weight in [%s]",
				r->env.path, job->line, job->name, other->job->name);
	err = weir_queue_submitter_set_weight(r->env.q, load_account(l), (uint32_t)job->weight);
	if (err == -EOPNOTSUPP) {
		/* A job file is for any scheduler, so one note is enough. */
		if (!r->weightless)
			remarks_add(&r->result->notes, "%s:%u: [%s]: weight is not used: %s",
				    r->env.path, job->line, job->name, weir_error());
		r->weightless = true;
		return 0;
	}
	return err ? error_set(err, "%s:%u: [%s]: %s", r->env.path, job->line, job->name,
			       weir_error())
		   : 0;
}

/* Adds a note if the scheduler knows no deadlines: one for all jobs. */
static void run_note_deadlines(struct run *r, const struct sim_job *job)
{
	struct weir_queue_info info = WEIR_QUEUE_INFO_INIT;

	if (!job->deadline || r->deadlineless || weir_queue_get_info(r->env.q, &info) ||
	    info.deadlines)
		return;
	remarks_add(&r->result->notes,
		    "%s:%u: [%s]: deadline is not used: %s knows no deadlines (pace does); those "
		    "missed are counted",
		    r->env.path, job->line, job->name, info.scheduler);
	r->deadlineless = true;
}

/* Opens the jobs of one section, the first as L and in GROUP. */
static int run_open_section(struct run *r, const struct sim_job *job, struct load *l, size_t group)
{
	int err = 0;

	run_note_deadlines(r, job);
	for (uint64_t clone = 0; clone < job->numjobs && !err; clone++, l++) {
		err = load_open(l, &r->env, job, clone, group,
				prng_mix(r->opts->seed) + (uint64_t)(l - r->env.loads) + 1);
		l->lane = (uint32_t)(l - r->env.loads) % r->env.lanes;
		l->submitter = job->submitter == SIM_UNSET ? r->next_submitter++
							   : (uint32_t)job->submitter;
		if (!err && job->group != SIM_UNSET)
			err = weir_queue_submitter_set_group(r->env.q, l->submitter,
							     load_account(l));
		if (!err)
			err = run_weigh(r, l);
	}
	return err;
}

/* Returns how long JOB takes, as far as that is known. */
static uint64_t run_job_ns(const struct sim_job *job)
{
	uint64_t ns = job->runtime == SIM_UNSET ? 0 : job->runtime, end;

	if (job->replay.io) {
		end = replay_end(job);
		ns = job->runtime == SIM_UNSET || end < ns ? end : ns;
	}
	return job->startdelay_max + job->ramp_time + ns;
}

static int run_open_loads(struct run *r)
{
	const struct sim_jobs *jobs = r->opts->jobs;
	struct load *l = r->env.loads;
	uint64_t longest = 0;
	size_t group = 1;
	int err = 0;

	r->next_submitter = run_first_free_submitter(jobs);
	for (size_t i = 0; i < jobs->count && !err; l += jobs->job[i++].numjobs) {
		const struct sim_job *job = &jobs->job[i];

		if (job->stonewall && i) {
			group++;
			r->total_ns += longest;
			longest = 0;
		}
		longest = run_job_ns(job) > longest ? run_job_ns(job) : longest;
		err = run_open_section(r, job, l, group);
	}
	r->total_ns += longest;
	return err;
}

/*
 * Sets the window. It refuses windows that would be more work than the run itself. The time of
 * jobs without a runtime is not known; for these, fair.c stops in time.
 */
static int run_set_window(struct run *r, uint64_t window_ns)
{
	uint64_t least_ns = r->total_ns / FAIR_WINDOWS_MAX + 1;
	char window[32], total[32], least[32];

	r->result->window_ns = window_ns;
	if (!window_ns)
		r->result->window_ns = least_ns > DEFAULT_WINDOW ? least_ns : DEFAULT_WINDOW;
	if (r->total_ns / r->result->window_ns <= FAIR_WINDOWS_MAX)
		return 0;
	if (r->opts->device) /* a bench, which has no option for it */
		return error_set(-EINVAL,
				 "a run of %s has too many windows of %s: give less --time, or "
				 "more --rounds",
				 format_time(r->total_ns, total, sizeof(total)),
				 format_time(window_ns, window, sizeof(window)));
	return error_set(-EINVAL,
			 "--window %s: %s would have %llu windows, and %u is the most; give %s or "
			 "more",
			 format_time(window_ns, window, sizeof(window)),
			 format_time(r->total_ns, total, sizeof(total)),
			 (unsigned long long)(r->total_ns / r->result->window_ns), FAIR_WINDOWS_MAX,
			 format_time(least_ns, least, sizeof(least)));
}

static void run_window_ended(void *user, uint64_t begin_ns, uint64_t end_ns)
{
	struct run *r = user;

	watch_window(&r->watch, begin_ns, end_ns);
	for (size_t i = 0; i < r->env.count; i++)
		r->window_bytes[i] = r->env.loads[i].window_bytes;
	if (r->opts->window)
		r->opts->window(r->opts->window_user, r->window_bytes, r->env.count);
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
	/*
	 * An io that ends after a window must not be counted in it. If no io can end, the end of
	 * the window must not keep the simulation running.
	 */
	if ((sim_is_real(r->env.sim) || sim_in_flight(r->env.sim)) && r->fair.end_ns < next)
		next = r->fair.end_ns;
	next = next == EVENTS_NEVER ? EVENTS_NEVER : next - now;
	ended = r->env.lanes > 1 ? lanes_poll_wait(r->env.q, next)
				 : weir_queue_poll_wait(r->env.q, next);
	if (ended < 0)
		return ended;
	if (sim_stalled(r->env.sim))
		return error_set(-EDEADLK, "the scheduler holds ios, and no event will wake it");
	return r->env.err;
}

static int run_loop(struct run *r)
{
	int err = 0;

	for (uint64_t turns = 1; r->env.running && !err; turns++) {
		if (r->opts->stop && *r->opts->stop) {
			r->env.stopping = true;
			break;
		}
		err = run_turn(r);
		if (!(turns % PROGRESS_TURNS) && r->opts->progress)
			r->opts->progress(r->opts->user, sim_now(r->env.sim) - SIM_START_NS,
					  r->total_ns);
	}
	return err;
}

static void run_close(struct run *r)
{
	/* A queue that has stalled cannot be drained: it stays open and is never used again. */
	if (!r->env.sim || !sim_stalled(r->env.sim)) {
		if (r->env.q && r->env.lanes > 1)
			lanes_disown(r->env.q);
		weir_queue_close(r->env.q);
		sim_close(r->env.sim);
	}
	for (size_t i = 0; r->env.loads && i < r->env.count; i++)
		load_close(&r->env.loads[i]);
	free(r->env.loads);
	free(r->env.buffer);
	free(r->window_bytes);
}

static int run_open_drive(struct run *r)
{
	if (r->opts->device)
		return sim_open_real(&r->env.sim, r->opts->device);
	return sim_open(&r->env.sim, r->opts->config, prng_mix(r->opts->seed));
}

/* Runs all jobs, from the first to the last io. */
static int run_jobs(struct run *r)
{
	int err;

	usage_begin(&r->usage);
	load_begin_first(&r->env);
	fair_begin(&r->fair, r->env.loads, r->env.count, r->result->window_ns, sim_now(r->env.sim));
	r->fair.ended = run_window_ended;
	r->fair.user = r;
	err = run_loop(r);
	usage_end(&r->usage);
	watch_window(&r->watch, r->fair.begin_ns, sim_now(r->env.sim));
	return err ? err : run_keep_state(r);
}

int sim_run(struct sim_result *result, const struct sim_run_opts *opts)
{
	struct run r = { .opts = opts, .result = result, .env.path = opts->jobs->path };
	int err;

	memset(result, 0, sizeof(*result));
	events_init(&r.env.arrivals);
	r.env.watch = &r.watch;
	r.env.lanes = opts->lanes && !opts->device ? (uint32_t)opts->lanes : 1;
	r.env.series = opts->series != NULL;
	err = run_open_drive(&r);
	if (!err)
		err = run_alloc(&r);
	if (!err)
		err = run_open_queue(&r);
	if (!err)
		err = run_open_loads(&r);
	if (!err)
		watch_begin(&r.watch, &r.env, opts->log, opts->series);
	if (!err)
		err = run_set_window(&r, opts->window_ns);
	if (!err)
		err = run_jobs(&r);
	if (!err)
		err = run_result(&r, result);
	if (err) {
		free(r.fair.whose);
		free(r.fair.index);
	}
	if (err)
		sim_result_free(result);
	run_close(&r);
	return err;
}
