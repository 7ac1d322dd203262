/* SPDX-License-Identifier: Apache-2.0 */
/* sim_suite.c - `weir sim --suite`: a suite of loads for several schedulers. See sim.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/nsec.h"
#include "cli/line.h"
#include "cli/report.h"
#include "cli/sim.h"
#include "cli/suite_report.h"

#define SUITE_RUNTIME NSEC_PER_SEC

static int sim_suite_run(struct suite_result *result, const struct suite_opts *opts,
			 const struct sim_args *args)
{
	struct suite_report report = { args->device, args->seed, opts->runtime_ns, result };
	int exit_code, err = suite_run(result, opts);

	if (opts->progress)
		line_clear();
	if (err)
		return report_error("%s", weir_error());
	exit_code = args->json ? report_json(suite_report_json(&report), 0)
			       : suite_report_print(&report);
	return !exit_code && result->interrupted ? REPORT_INTERRUPTED : exit_code;
}

/* Returns 0, or an exit code if ARGS contain what a suite has no use for. */
static int sim_suite_check(const struct sim_args *args)
{
	if (strcmp(args->suite, "isolation"))
		return report_usage("--suite: there is no \"%s\": there is isolation", args->suite);
	if (args->series || args->log || args->window_ns || args->set.count || args->iolog ||
	    args->tracing.path)
		return report_usage(
			"--suite has its own jobs: --series, --log, --window, --set, --iolog "
			"and --trace are for JOBS");
	return 0;
}

int sim_suite(const struct sim_args *args, const char *const *schedulers, size_t n)
{
	struct suite_result *result = calloc(1, sizeof(*result));
	struct sim_config config;
	struct sigaction old;
	struct sim_run_opts run = {
		.config = &config,
		.seed = args->seed,
		.lanes = args->lanes,
		.depth = args->depth,
		.depth_bytes = args->depth_bytes,
		.nr_requests = args->nr_requests,
	};
	struct suite_opts opts = {
		.run = &run,
		.schedulers = schedulers,
		.nr_schedulers = n,
		.runtime_ns = args->runtime_ns ? args->runtime_ns : SUITE_RUNTIME,
		.progress = isatty(STDERR_FILENO) ? suite_report_progress : NULL,
	};
	int exit_code = sim_suite_check(args);

	if (!result)
		return report_error("out of memory");
	if (!exit_code && sim_config_load(&config, args->device))
		exit_code = report_failed(args->device);
	run.stop = sim_interrupt_begin(&old);
	if (!exit_code)
		exit_code = sim_suite_run(result, &opts, args);
	sigaction(SIGINT, &old, NULL);
	free(result);
	return exit_code;
}
