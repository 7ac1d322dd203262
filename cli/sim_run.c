/* SPDX-License-Identifier: Apache-2.0 */
/* sim_run.c - reads the input of `weir sim`, runs the simulation and reports. See sim.h. */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "cli/apart.h"
#include "cli/line.h"
#include "cli/opening.h"
#include "cli/output.h"
#include "cli/report.h"
#include "cli/sim.h"
#include "sim/job_logs.h"
#include "text/text.h"

#define SIM_SCHEDS_MAX 16
#define SIM_PROGRESS_NS (200 * NSEC_PER_MSEC)

/* Prints that the file is wrong or cannot be read. Returns the exit code. */
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
	if (total_ns)
		line_show("%.1f of %.1f s of virtual time", (double)done_ns / 1e9,
			  (double)total_ns / 1e9);
	else
		line_show("%.1f s of virtual time", (double)done_ns / 1e9);
}

/* Prints all mistakes of a job file in one message, one line for each. */
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

/* Does the same as sim_run(), but SIGINT ends the simulation early. */
static int sim_run_until_interrupted(struct sim_result *result, const struct sim_run_opts *opts)
{
	struct sim_run_opts with = *opts;
	struct sigaction old;
	int err;

	with.stop = sim_interrupt_begin(&old);
	err = sim_run(result, &with);
	sigaction(SIGINT, &old, NULL);
	return err;
}

/*
 * Runs one simulation with the scheduler that OPTS names. Returns 0, or an exit code after the
 * error was printed.
 */
static int sim_simulate(struct sim_result *result, const struct sim_run_opts *opts)
{
	uint64_t next_ns = clock_now() + SIM_PROGRESS_NS;
	struct sim_run_opts with = *opts;
	int err;

	if (isatty(STDERR_FILENO)) {
		with.progress = sim_progress;
		with.user = &next_ns;
	}
	err = sim_run_until_interrupted(result, &with);
	if (with.progress)
		line_clear();
	return err ? sim_failed(err, opts->jobs->path) : 0;
}

static int sim_simulate_one(const struct sim_args *args, struct sim_run_opts opts)
{
	struct sim_result result;
	struct sim_report report = { args->device, &opts, &result };
	struct input state = { .data = NULL };
	int exit_code = sim_state_read(args->state, &opts, &state);

	if (!exit_code)
		exit_code = sim_simulate(&result, &opts);
	input_free(&state);
	if (exit_code)
		return exit_code;
	exit_code = sim_state_write(args->state, result.state, result.state_length);
	if (exit_code) {
		sim_result_free(&result);
		return exit_code;
	}
	exit_code = args->json ? report_json(sim_json(&report), 0) : sim_report_print(&report);
	if (!exit_code && result.interrupted)
		exit_code = REPORT_INTERRUPTED;
	sim_result_free(&result);
	return exit_code;
}

/* Prints one line of JSON for each of N runs. */
static int sim_report_lines(const struct sim_report *runs, size_t n)
{
	int exit_code = 0;

	for (size_t i = 0; i < n && !exit_code; i++)
		exit_code = report_json(sim_json(&runs[i]), 1);
	return exit_code;
}

/*
 * Simulates the same jobs with each of N schedulers. After an interrupt it reports what was
 * simulated until then.
 */
static int sim_simulate_all(const struct sim_args *args, struct sim_run_opts opts,
			    const char *const *names, size_t n)
{
	struct sim_result *results = calloc(n, sizeof(*results));
	struct sim_report *runs = calloc(n, sizeof(*runs));
	size_t done = 0;
	int exit_code = 0;

	if (!results || !runs) {
		free(results);
		free(runs);
		return report_error("out of memory");
	}
	while (!exit_code && done < n && !sim_interrupt_came()) {
		opts.scheduler = names[done];
		exit_code = sim_simulate(&results[done], &opts);
		runs[done] = (struct sim_report){ args->device, &opts, &results[done] };
		done += !exit_code;
	}
	if (!exit_code)
		exit_code =
			args->json ? sim_report_lines(runs, done) : sim_report_compare(runs, done);
	if (!exit_code && sim_interrupt_came())
		exit_code = REPORT_INTERRUPTED;
	for (size_t i = 0; i < done; i++)
		sim_result_free(&results[i]);
	free(results);
	free(runs);
	return exit_code;
}

/*
 * Splits LIST into names, whose bytes are kept in TEXT; without LIST it takes all schedulers.
 * Returns their number, or 0 after an error was printed.
 */
static size_t sim_schedulers(const char *list, char *text, size_t size, const char **names)
{
	const struct weir_named *known;
	char *rest = text;
	size_t n = 0, count;

	if (!strcmp(list, "all")) {
		known = weir_schedulers(&count);
		for (; n < SIM_SCHEDS_MAX && n < count; n++)
			names[n] = known[n].name;
		return n;
	}
	snprintf(text, size, "%s", list);
	while (n < SIM_SCHEDS_MAX && rest) {
		names[n] = strsep(&rest, ",");
		if (opening_check(&(struct opening){ .scheduler = names[n++] }))
			return 0;
	}
	return n;
}

int sim_check_logs(const struct sim_jobs *jobs, struct apart_file *files, size_t n)
{
	int exit_code = 0;

	for (size_t i = 0; i < jobs->nr_logs && !exit_code; i++) {
		files[n] = (struct apart_file){ "", jobs->log[i].path, OPT_READS };
		exit_code = apart_check(files, n + 1);
	}
	return exit_code;
}

int sim_read_jobs(struct sim_jobs *jobs, const char *path)
{
	FILE *in = text_open(path);
	int err;

	if (!in)
		return report_error("%s", weir_error());
	err = sim_jobs_read(jobs, in, text_name(path));
	text_close(in);
	if (err && jobs->mistakes.count)
		return sim_mistaken(&jobs->mistakes);
	return err ? sim_failed(err, path) : 0;
}

/* Reads a speed: "2x", "0.5", "max". Returns 0 or an exit code. */
static int sim_speed(const char *text, struct job_logs_opts *opts)
{
	char *end = NULL;

	if (!text)
		return 0;
	opts->no_stall = !strcmp(text, "max");
	if (opts->no_stall)
		return 0;
	opts->speed = *text >= '0' && *text <= '9' ? strtod(text, &end) : 0;
	if (!end || opts->speed < 0.001 || opts->speed > 1e6 || (*end && strcmp(end, "x")))
		return report_usage(
			"--iolog-speed: \"%s\" is not a speed: give 0.001x to 1000000x, or max",
			text);
	return 0;
}

static int sim_read_log(struct sim_jobs *jobs, const struct sim_args *args)
{
	struct job_logs_opts opts = { .speed = 1, .iodepth = args->iolog_depth };
	int err, exit_code = sim_speed(args->iolog_speed, &opts);

	if (exit_code)
		return exit_code;
	err = sim_jobs_from_log(jobs, args->iolog, &opts);
	return err ? sim_failed(err, args->iolog) : 0;
}

/* Checks that no output is a log that a job reads. Returns 0 or an exit code. */
static int sim_check_outputs_logs(const struct sim_args *args, const struct sim_jobs *jobs)
{
	struct apart_file files[] = {
		{ "--series", args->series, OPT_WRITES_MORE },
		{ "--log", args->log, OPT_WRITES_MORE },
		{ "--trace", args->tracing.path, OPT_WRITES_MORE },
		{ "--state", args->state, OPT_WRITES_MORE },
		{ .path = NULL },
	};

	return sim_check_logs(jobs, files, sizeof(files) / sizeof(files[0]) - 1);
}

/* Simulates, with the outputs that ARGS name. */
static int sim_with_outputs(const struct sim_args *args, struct sim_run_opts opts)
{
	struct output series = { .file = NULL }, log = { .file = NULL };
	int exit_code = 0;

	if (args->series && output_open(&series, args->series) < 0)
		return report_error("%s", weir_error());
	if (args->log && output_open(&log, args->log) < 0)
		exit_code = report_error("%s", weir_error());
	if (!exit_code && tracing_begin(&args->tracing, &opts.trace))
		exit_code = report_error("%s", weir_error());
	opts.series = series.file;
	opts.log = log.file;
	if (!exit_code)
		exit_code = sim_simulate_one(args, opts);
	exit_code = tracing_end(exit_code);
	/* Files that were written before an interrupt are complete, too. */
	if (exit_code && exit_code != REPORT_INTERRUPTED) {
		if (series.file)
			output_drop(&series);
		if (log.file)
			output_drop(&log);
		return exit_code;
	}
	if (args->series && output_close(&series) < 0)
		exit_code = report_error("%s", weir_error());
	if (args->log && output_close(&log) < 0)
		exit_code = report_error("%s", weir_error());
	return exit_code;
}

static int sim_check_outputs(const struct sim_args *args, size_t scheds)
{
	if (scheds > 1 && (args->series || args->log || args->tracing.path))
		return report_usage("--series, --log and --trace take one scheduler: give --sched "
				    "its name");
	if (scheds > 1 && args->set.count)
		return report_usage("--set is for one scheduler: give --sched its name");
	return 0;
}

int sim_with_jobs(const struct sim_args *args, const char *path, const struct sim_set *sets)
{
	const char *scheds[SIM_SCHEDS_MAX];
	struct sim_config config;
	struct sim_jobs jobs = { .count = 0 };
	struct sim_run_opts opts = {
		.config = &config,
		.jobs = &jobs,
		.sets = sets,
		.nr_sets = args->set.count,
		.seed = args->seed,
		.lanes = args->lanes,
		.depth = args->depth,
		.depth_bytes = args->depth_bytes,
		.nr_requests = args->nr_requests,
		.window_ns = args->window_ns,
	};
	char text[256];
	const char *list = args->sched ? args->sched : args->suite ? "all" : "none";
	size_t n = sim_schedulers(list, text, sizeof(text), scheds);
	int err, exit_code;

	if (!n)
		return REPORT_USAGE;
	if (args->state && (n > 1 || args->suite))
		return report_usage("--state takes one scheduler: give --sched its name");
	if (args->suite)
		return sim_suite(args, scheds, n);
	exit_code = sim_check_outputs(args, n);
	if (exit_code)
		return exit_code;
	opts.scheduler = scheds[0];
	err = sim_config_load(&config, args->device);
	if (err)
		return sim_failed(err, args->device);
	exit_code = args->iolog ? sim_read_log(&jobs, args) : sim_read_jobs(&jobs, path);
	if (!exit_code)
		exit_code = sim_check_outputs_logs(args, &jobs);
	if (!exit_code && !args->json)
		sim_report_notes(&jobs.notes);
	if (!exit_code)
		exit_code = n > 1 ? sim_simulate_all(args, opts, scheds, n)
				  : sim_with_outputs(args, opts);
	sim_jobs_free(&jobs);
	return exit_code;
}
