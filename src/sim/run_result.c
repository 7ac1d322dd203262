/* SPDX-License-Identifier: Apache-2.0 */
/*
 * run_result.c - collects the results of a simulation that has ended.
 */
#include "sim/run_result.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/nsec.h"
#include "base/parse.h"
#include "sim/keys.h"
#include "sim/tune.h"

static void run_ios(const struct load_stats *stats, struct sim_ios *out)
{
	out->ios = stats->ios;
	out->bytes = stats->bytes;
	out->late = stats->late;
	out->missed = stats->missed;
	hist_summary(&stats->latency, &out->latency);
	out->p95_ns = hist_permille(&stats->latency, 950);
	out->p9999_ns = hist_quantile(&stats->latency, 9999, 10000);
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
		all->missed += l->dir[dir].missed;
		hist_merge(&all->latency, &l->dir[dir].latency);
		hist_merge(&all->queued, &l->dir[dir].queued);
		hist_merge(&all->drive, &l->dir[dir].drive);
	}
}

uint64_t sim_range_end(size_t i)
{
	static const uint64_t ends[] = { 2, 4, 10, 20, 50, 100, 250, 500, 750, 1000 };
	static const uint64_t units[] = { 1, NSEC_PER_USEC, NSEC_PER_MSEC };
	size_t n = sizeof(ends) / sizeof(ends[0]);

	if (i < 3 * n)
		return ends[i % n] * units[i / n];
	return i == 3 * n ? 2 * NSEC_PER_SEC : UINT64_MAX;
}

void sim_ranges(const struct hist *h, uint64_t range[SIM_RANGES])
{
	size_t i = 0;

	for (uint32_t b = 0; b < HIST_BUCKETS; b++) {
		while (hist_middle(b) > sim_range_end(i))
			i++;
		range[i] += h->bucket[b];
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
	sim_ranges(&all->latency, out->range);
	memcpy(out->name, l->name, sizeof(out->name));
	out->submitter = l->submitter;
	out->weight = l->job->weight == SIM_UNSET ? 0 : l->job->weight;
	out->ios = sum.ios;
	out->bytes = sum.bytes;
	out->late = sum.late;
	out->missed = sum.missed;
	out->deadline_ns = l->job->deadline;
	out->latency = sum.latency;
	out->p95_ns = sum.p95_ns;
	out->p9999_ns = sum.p9999_ns;
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
		result->job[i].section = (size_t)(r->env.loads[i].job - r->opts->jobs->job);
		bytes += result->job[i].bytes;
		result->ended += r->env.loads[i].ended;
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

	if (sim_is_real(r->env.sim))
		return;
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
			format_size(weir_device_get_info(sim_device(r->env.sim))->capacity_bytes,
				    capacity, sizeof(capacity)));
	if (delayed)
		remarks_add(&result->notes,
			    "%llu of %llu ios of the log were submitted later than it says: %u of "
			    "their job "
			    "were outstanding",
			    (unsigned long long)delayed, (unsigned long long)ios, REPLAY_DEPTH);
}

int run_result(struct run *r, struct sim_result *result)
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
	result->engine = info.engine;
	result->lanes = r->env.lanes;
	result->cpu = usage_share(&r->usage, r->usage.cpu_ns);
	result->cpu_wait = usage_share(&r->usage, r->usage.wait_ns);
	result->cpu_ns = r->usage.cpu_ns;
	result->bound = result->cpu + result->cpu_wait > SIM_BOUND;
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

void sim_result_free(struct sim_result *result)
{
	free(result->job);
	result->job = NULL;
	result->count = 0;
	remarks_free(&result->notes);
	free(result->state);
	result->state = NULL;
}
