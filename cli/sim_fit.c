/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sim_fit.c - `weir sim --fit` finds the model of a drive for what probes measured, and
 * `weir sim --probes` runs the probes on a model. See sim.h.
 */
#include "cli/line.h"
#include "cli/sim_fit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "cli/output.h"
#include "cli/probes_json.h"
#include "cli/report.h"
#include "cli/sim.h"

#define FIT_LIMIT 1.25
#define FIT_PROGRESS_NS (200 * NSEC_PER_MSEC)

/* Returns 0, or an exit code if ARGS contain what neither of the two has a use for. */
static int sim_fit_check(const struct sim_args *args)
{
	const char *option = args->fit ? "--fit" : "--probes";

	if (args->fit && args->probes)
		return report_usage("--fit and --probes: give one of them");
	if (args->series || args->log || args->window_ns || args->set.count || args->iolog ||
	    args->tracing.path || args->suite || args->sched || args->state || args->lanes ||
	    args->depth || args->depth_bytes || args->nr_requests || args->runtime_ns ||
	    args->iolog_speed || args->iolog_depth)
		return report_usage("%s has its own jobs, scheduler and queue: only %s--seed and "
				    "--json go with it",
				    option, args->fit ? "--device, --output, --limit, " : "");
	if (args->probes && strcmp(args->device, "nvme") != 0)
		return report_usage("--probes names the drive itself: give it without --device");
	if (args->probes && (args->output || args->limit))
		return report_usage("--output and --limit are for --fit");
	return 0;
}

/* Reads a ratio: 1.2. Returns 0 or an exit code. */
static int sim_fit_limit(const char *text, double *out)
{
	char *end = NULL;

	*out = FIT_LIMIT;
	if (!text)
		return 0;
	*out = *text >= '0' && *text <= '9' ? strtod(text, &end) : 0;
	if (!end || *end || !(*out >= 1 && *out <= 1000))
		return report_usage("--limit: \"%s\" is not a ratio: give 1 to 1000, 1.25 for "
				    "example",
				    text);
	return 0;
}

/* Shows on a terminal what is done. */
static void sim_fit_progress(void *user, const char *what, unsigned trials)
{
	uint64_t *next_ns = user, now = clock_now();

	if (now < *next_ns)
		return;
	*next_ns = now + FIT_PROGRESS_NS;
	line_show("trial %u: %s", trials + 1, what);
}

/* Writes the description, and prints the report. Returns the exit code. */
static int sim_fit_report(const struct fit_report *r, bool json)
{
	struct output out;
	int exit_code;

	if (r->output && output_open(&out, r->output) < 0)
		return report_error("%s", weir_error());
	if (r->output)
		sim_fit_write(r, out.file);
	if (r->output && output_close(&out) < 0)
		return report_error("%s", weir_error());
	exit_code = json ? report_json(sim_fit_json(r), 0) : sim_fit_print(r);
	if (!exit_code && !sim_fit_good(r))
		return report_error("the model does not fit %s: nine of ten figures are within a "
				    "factor of %.2f, and the limit is %.2f (--limit)",
				    r->source, r->result->most_of, r->limit);
	return exit_code;
}

/* Fits, until SIGINT comes. Returns 0, or an exit code after the error was printed. */
static int sim_fit_search(struct fit_result *result, const struct fit_opts *plan, const char *path)
{
	uint64_t next_ns = clock_now() + FIT_PROGRESS_NS;
	bool shown = isatty(STDERR_FILENO);
	struct fit_opts opts = *plan;
	struct sigaction old;
	int err;

	opts.stop = sim_interrupt_begin(&old);
	opts.progress = shown ? sim_fit_progress : NULL;
	opts.user = &next_ns;
	err = fit_run(result, &opts);
	sigaction(SIGINT, &old, NULL);
	if (shown)
		line_clear();
	if (err == -EINTR)
		return REPORT_INTERRUPTED;
	if (err == -EINVAL)
		return report_usage("%s: %s", path, weir_error());
	return err ? report_error("%s", weir_error()) : 0;
}

static int sim_fit_with(const struct sim_args *args, const struct probe_set *set,
			const char *source, double limit)
{
	struct sim_config base;
	struct fit_result *result = calloc(1, sizeof(*result));
	struct fit_opts opts = { .measured = set, .base = &base, .seed = args->seed };
	struct fit_report report = { source, args->device, args->output, limit, result };
	int exit_code = 0;

	if (!result)
		return report_error("out of memory");
	if (sim_config_load(&base, args->device))
		exit_code = report_failed(args->device);
	else if (base.kind != SIM_SSD)
		exit_code = report_usage("--fit makes models of SSDs: --device %s is none",
					 args->device);
	if (!exit_code)
		exit_code = sim_fit_search(result, &opts, args->fit);
	if (!exit_code)
		exit_code = sim_fit_report(&report, args->json);
	free(result);
	return exit_code;
}

int sim_fit(const struct sim_args *args)
{
	char source[PROBES_SOURCE_MAX];
	struct probe_set *set = calloc(1, sizeof(*set));
	double limit;
	int exit_code = sim_fit_check(args);

	if (!set)
		return report_error("out of memory");
	if (!exit_code)
		exit_code = sim_fit_limit(args->limit, &limit);
	if (!exit_code)
		exit_code = probes_read(set, args->fit, source);
	if (!exit_code)
		exit_code = sim_fit_with(args, set, source, limit);
	free(set);
	return exit_code;
}

int sim_probes(const struct sim_args *args)
{
	struct probe_set *set = calloc(1, sizeof(*set));
	struct probes_report report = { args->probes, true, set };
	struct sim_config config;
	struct sim_run_opts run = { .config = &config, .seed = args->seed };
	struct probes_opts opts = { .run = &run, .flood_ns = probe_point_ns(PROBE_MODEL_POINT) };
	struct sigaction old;
	int err, exit_code = sim_fit_check(args);

	if (!set)
		return report_error("out of memory");
	if (!exit_code && sim_config_load(&config, args->probes))
		exit_code = report_failed(args->probes);
	if (exit_code) {
		free(set);
		return exit_code;
	}
	run.stop = sim_interrupt_begin(&old);
	err = probes_run(set, &opts);
	sigaction(SIGINT, &old, NULL);
	if (err == -EINTR)
		exit_code = REPORT_INTERRUPTED;
	else
		exit_code = err ? report_error("%s", weir_error())
				: report_json(probes_json(&report), 0);
	free(set);
	return exit_code;
}
