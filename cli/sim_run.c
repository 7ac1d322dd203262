/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sim_run.c - reads what `weir sim` is given, runs it, and reports. See sim.h.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <weir/base.h>

#include "base/clock.h"
#include "cli/report.h"
#include "cli/sim.h"

#define SIM_PROGRESS_NS (200 * NSEC_PER_MSEC)

/* The file or what it says is wrong. */
static int sim_failed(int err, const char *path)
{
	if (err == -EINVAL || err == -EOPNOTSUPP)
		return report_usage("%s", weir_error());
	return report_failed(path);
}

static void sim_progress(void *user, uint64_t done_ns, uint64_t total_ns)
{
	uint64_t *next_ns = user, now = clock_now();

	if (now < *next_ns)
		return;
	*next_ns = now + SIM_PROGRESS_NS;
	fprintf(stderr, "\r\033[K%.1f", (double)done_ns / 1e9);
	if (total_ns)
		fprintf(stderr, " of %.1f", (double)total_ns / 1e9);
	fprintf(stderr, " s of virtual time");
	fflush(stderr);
}

/* All mistakes of a job file in one message, a line each. */
static int sim_mistaken(const struct remarks *mistakes)
{
	size_t len = 1;
	char *text, *at;

	for (size_t i = 0; i < mistakes->count; i++)
		len += strlen(mistakes->line[i]) + 1;
	text = malloc(len);
	if (!text)
		return report_error("out of memory");
	at = text;
	for (size_t i = 0; i < mistakes->count; i++)
		at += sprintf(at, "%s%s", i ? "\n" : "", mistakes->line[i]);
	if (mistakes->dropped)
		report_note("%zu more mistakes are not shown", mistakes->dropped);
	report_usage("%s", text);
	free(text);
	return REPORT_USAGE;
}

/* Set by the first SIGINT; the next one kills as ever. */
static volatile sig_atomic_t sim_interrupted;

static void sim_interrupt(int sig)
{
	(void)sig;
	sim_interrupted = 1;
}

/* As sim_run(), but SIGINT only cuts it short. */
static int sim_run_until_interrupted(struct sim_result *result, const struct sim_run_opts *opts)
{
	struct sigaction on = { .sa_handler = sim_interrupt, .sa_flags = (int)SA_RESETHAND }, old;
	int err;

	sigaction(SIGINT, &on, &old);
	err = sim_run(result, opts);
	sigaction(SIGINT, &old, NULL);
	return err;
}

static int sim_simulate(const struct sim_args *args, struct sim_run_opts opts)
{
	uint64_t next_ns = clock_now() + SIM_PROGRESS_NS;
	struct sim_report report;
	struct sim_result result;
	int err, ret;

	if (isatty(STDERR_FILENO)) {
		opts.progress = sim_progress;
		opts.user = &next_ns;
	}
	opts.stop = &sim_interrupted;
	err = sim_run_until_interrupted(&result, &opts);
	if (opts.progress)
		fprintf(stderr, "\r\033[K");
	if (err)
		return sim_failed(err, opts.jobs->path);
	report = (struct sim_report){ args->device, &opts, &result };
	ret = args->json ? report_json(sim_json(&report), 0) : sim_report_print(&report);
	if (!ret && result.interrupted)
		ret = REPORT_INTERRUPTED;
	sim_result_free(&result);
	return ret;
}

static int sim_read_jobs(struct sim_jobs *jobs, const char *path)
{
	FILE *in = strcmp(path, "-") ? fopen(path, "r") : stdin;
	int err;

	if (!in)
		return report_error("%s: %s", path, strerror(errno));
	err = sim_jobs_read(jobs, in, strcmp(path, "-") ? path : "standard input");
	if (in != stdin)
		fclose(in);
	if (err && jobs->mistakes.count)
		return sim_mistaken(&jobs->mistakes);
	return err ? sim_failed(err, path) : 0;
}

int sim_with_jobs(const struct sim_args *args, const char *path, const struct sim_set *sets)
{
	struct sim_config config;
	struct sim_jobs jobs = { .count = 0 };
	struct sim_run_opts opts = {
		.config = &config,
		.jobs = &jobs,
		.scheduler = args->sched,
		.sets = sets,
		.nr_sets = args->set.count,
		.seed = args->seed,
		.depth = args->depth,
		.depth_bytes = args->depth_bytes,
		.nr_requests = args->nr_requests,
		.window_ns = args->window_ns,
	};
	int err, ret;

	err = sim_config_load(&config, args->device);
	if (err)
		return sim_failed(err, args->device);
	ret = sim_read_jobs(&jobs, path);
	if (!ret && !args->json)
		sim_report_notes(&jobs.notes);
	if (!ret)
		ret = sim_simulate(args, opts);
	sim_jobs_free(&jobs);
	return ret;
}
