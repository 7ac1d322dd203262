/* SPDX-License-Identifier: Apache-2.0 */
/*
 * run.c - the loop of a simulation. See run.h.
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
#include "sim/tune.h"
#include "sim/watch.h"

#define PROGRESS_TURNS 4096u
#define DEFAULT_WINDOW (100 * NSEC_PER_MSEC)

struct run {
	const struct sim_run_opts *opts;
	struct load_env env;
	struct sim_result *result;
	struct fair fair;
	struct watch watch;
	uint64_t total_ns; /* the time of all jobs, as far as it is known */
	uint32_t next_submitter;
	bool weightless; /* a note has said that weights are not used */
};

static int run_open_queue(struct run *r)
{
	const struct sim_run_opts *o = r->opts;
	struct weir_queue_opts opts = WEIR_QUEUE_OPTS_INIT;
	int err;

	opts.scheduler = o->scheduler;
	opts.lanes = r->env.lanes;
	opts.depth = (uint32_t)o->depth;
	opts.depth_bytes = o->depth_bytes;
	opts.nr_requests = (uint32_t)o->nr_requests;
	err = queue_open(&r->env.q, sim_device(r->env.sim), &opts, sim_engine(r->env.sim),
			 o->sched);
	if (!err && r->env.lanes > 1)
		err = lanes_own(r->env.q);
	for (size_t i = 0; i < o->nr_sets && !err; i++)
		err = tune_set(r->env.q, o->sets[i].name, o->sets[i].value, &r->result->notes);
	return err;
}

static int run_alloc(struct run *r)
{
	uint64_t longest = 1;

	for (size_t i = 0; i < r->opts->jobs->count; i++) {
		const struct sim_job *job = &r->opts->jobs->job[i];

		r->env.count += job->numjobs;
		longest = load_longest(job) > longest ? load_longest(job) : longest;
	}
	r->env.loads = calloc(r->env.count, sizeof(*r->env.loads));
	/* The ios of a log are enlarged to whole blocks. */
	r->env.buffer = malloc(longest + 2 * r->opts->config->logical_block);
	return r->env.loads && r->env.buffer ? 0 : error_sys(-ENOMEM, "the jobs");
}

/*
 * Returns the first number for jobs that name no submitter: each of them is one submitter, with a
 * number above the named ones.
 */
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
	for (const struct load *other = r->env.loads; other < l; other++)
		if (other->submitter == l->submitter && other->job->weight != job->weight)
			return error_set(
				-EINVAL,
				"%s:%u: [%s]: the same submitter has another weight in [%s]",
				r->env.path, job->line, job->name, other->job->name);
	err = weir_queue_submitter_set_weight(r->env.q, l->submitter, (uint32_t)job->weight);
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

/* Opens the jobs of one section, the first as L and in GROUP. */
static int run_open_section(struct run *r, const struct sim_job *job, struct load *l, size_t group)
{
	int err = 0;

	for (uint64_t clone = 0; clone < job->numjobs && !err; clone++, l++) {
		err = load_open(l, &r->env, job, clone, group,
				prng_mix(r->opts->seed) + (uint64_t)(l - r->env.loads) + 1);
		l->lane = (uint32_t)(l - r->env.loads) % r->env.lanes;
		l->submitter = job->submitter == SIM_UNSET ? r->next_submitter++
							   : (uint32_t)job->submitter;
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
	if (sim_in_flight(r->env.sim) && r->fair.end_ns < next)
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

static void run_ios(const struct load_stats *stats, struct sim_ios *out)
{
	out->ios = stats->ios;
	out->bytes = stats->bytes;
	out->late = stats->late;
	hist_summary(&stats->latency, &out->latency);
	out->p95_ns = hist_permille(&stats->latency, 950);
	hist_summary(&stats->queued, &out->queued);
	hist_summary(&stats->drive, &out->drive);
}

/* Adds the results of all directions of L. */
static void run_all_ios(const struct load *l, struct load_stats *all)
{
	memset(all, 0, sizeof(*all));
	for (int dir = 0; dir < SIM_DIRS; dir++) {
		all->ios += l->dir[dir].ios;
		all->bytes += l->dir[dir].bytes;
		all->late += l->dir[dir].late;
		hist_merge(&all->latency, &l->dir[dir].latency);
		hist_merge(&all->queued, &l->dir[dir].queued);
		hist_merge(&all->drive, &l->dir[dir].drive);
	}
}

static void run_job_result(const struct load *l, struct load_stats *all, struct sim_job_result *out)
{
	struct sim_ios sum;
	uint64_t end = l->last_ns;

	if (l->stopped_ns == EVENTS_NEVER) /* the run was interrupted */
		end = sim_now(l->env->sim);
	/* It ran until its end, also while no io was left. */
	else if (l->stopped_ns == l->stop_ns)
		end = l->stop_ns;
	run_all_ios(l, all);
	run_ios(all, &sum);
	memcpy(out->name, l->name, sizeof(out->name));
	out->submitter = l->submitter;
	out->weight = l->job->weight == SIM_UNSET ? 0 : l->job->weight;
	out->ios = sum.ios;
	out->bytes = sum.bytes;
	out->late = sum.late;
	out->latency = sum.latency;
	out->p95_ns = sum.p95_ns;
	out->queued = sum.queued;
	out->drive = sum.drive;
	out->flushes = l->nr_flushes;
	out->active_ns = end > l->measure_ns ? end - l->measure_ns : 0;
	for (int dir = 0; dir < SIM_DIRS; dir++)
		run_ios(&l->dir[dir], &out->dir[dir]);
}

static int run_job_results(struct run *r, struct sim_result *result)
{
	struct load_stats *all = malloc(sizeof(*all));
	uint64_t bytes = 0;

	result->job = calloc(r->env.count, sizeof(*result->job));
	for (size_t i = 0; all && result->job && i < r->env.count; i++) {
		run_job_result(&r->env.loads[i], all, &result->job[i]);
		bytes += result->job[i].bytes;
		result->count = i + 1;
	}
	free(all);
	for (size_t i = 0; i < result->count && bytes; i++)
		result->job[i].share = (double)result->job[i].bytes / (double)bytes;
	return result->count == r->env.count ? 0 : error_sys(-ENOMEM, "the results");
}

/* Adds a note if the drive was asked for something that its model does not cover. */
static void run_note_wear(struct run *r, struct sim_result *result)
{
	char written[32], capacity[32];

	result->written_bytes = sim_written_bytes(r->env.sim);
	result->capacity_bytes = r->opts->config->capacity;
	result->beyond_model =
		r->opts->config->kind == SIM_SSD && result->written_bytes > result->capacity_bytes;
	if (result->beyond_model)
		remarks_add(&result->notes,
			    "%s were written to a drive of %s, and the model has no garbage "
			    "collection: a real drive would have become slower",
			    format_size(result->written_bytes, written, sizeof(written)),
			    format_size(result->capacity_bytes, capacity, sizeof(capacity)));
}

/* Adds a note if a log was not replayed exactly. */
static void run_note_replays(struct run *r, struct sim_result *result)
{
	uint64_t ios = 0, wrapped = 0, delayed = 0;
	char capacity[32];

	for (size_t i = 0; i < r->env.count; i++) {
		const struct replay *replay = &r->env.loads[i].replay;

		ios += replay->next;
		wrapped += replay->wrapped;
		delayed += replay->delayed;
	}
	if (wrapped)
		remarks_add(
			&result->notes,
			"%llu of %llu ios of the log were beyond the end of the drive (%s): they "
			"went to their offset modulo its size",
			(unsigned long long)wrapped, (unsigned long long)ios,
			format_size(r->opts->config->capacity, capacity, sizeof(capacity)));
	if (delayed)
		remarks_add(&result->notes,
			    "%llu of %llu ios of the log were submitted later than it says: %u of "
			    "their job "
			    "were outstanding",
			    (unsigned long long)delayed, (unsigned long long)ios, REPLAY_DEPTH);
}

static int run_result(struct run *r, struct sim_result *result)
{
	struct weir_queue_info info = WEIR_QUEUE_INFO_INIT;
	uint64_t duration = sim_now(r->env.sim) - SIM_START_NS;
	int err = run_job_results(r, result);

	if (err)
		return err;
	result->duration_ns = duration;
	result->busy = duration ? (double)sim_busy_ns(r->env.sim) / (double)duration : 0;
	result->worked = duration ? (double)sim_worked_ns(r->env.sim) / (double)duration : 0;
	(void)weir_queue_get_info(r->env.q, &info);
	result->scheduler = info.scheduler;
	result->lanes = r->env.lanes;
	result->depth = info.depth;
	result->nr_requests = info.nr_requests;
	result->depth_bytes = info.depth_bytes;
	tune_get(r->env.q, result);
	result->interrupted = r->env.stopping;
	result->total_ns = r->total_ns;
	run_note_replays(r, result);
	run_note_wear(r, result);
	if (r->fair.looked == FAIR_WINDOWS_MAX)
		remarks_add(&result->notes, "fairness was measured in the first %u windows only",
			    FAIR_WINDOWS_MAX);
	return fair_end(&r->fair, result->job, &result->fairness);
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
}

int sim_run(struct sim_result *result, const struct sim_run_opts *opts)
{
	struct run r = { .opts = opts, .result = result, .env.path = opts->jobs->path };
	int err;

	memset(result, 0, sizeof(*result));
	events_init(&r.env.arrivals);
	r.env.watch = &r.watch;
	r.env.lanes = opts->lanes ? (uint32_t)opts->lanes : 1;
	r.env.series = opts->series != NULL;
	err = sim_open(&r.env.sim, opts->config, prng_mix(opts->seed));
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
	if (!err) {
		load_begin_first(&r.env);
		fair_begin(&r.fair, r.env.loads, r.env.count, result->window_ns,
			   sim_now(r.env.sim));
		r.fair.ended = run_window_ended;
		r.fair.user = &r;
		err = run_loop(&r);
		watch_window(&r.watch, r.fair.begin_ns, sim_now(r.env.sim));
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
	remarks_free(&result->notes);
}
