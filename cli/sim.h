/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sim.h - what the files of `weir sim` share. One thread.
 */
#ifndef CLI_SIM_H
#define CLI_SIM_H

#include <jansson.h>

#include "cli/options.h"
#include "sim/run.h"

/* The options of the command. */
struct sim_args {
	const char *device, *sched, *print_device, *series, *log, *iolog, *iolog_speed;
	struct opt_list set;
	uint64_t seed, lanes, depth, depth_bytes, nr_requests, window_ns, iolog_depth;
	unsigned json;
};

/* What was simulated, as the report names it. */
struct sim_report {
	const char *device; /* as the user named it */
	const struct sim_run_opts *opts;
	const struct sim_result *result;
};

/* sim_run.c: simulates the jobs in the file PATH, or of the log that ARGS name, with SETS as
 * tunables. The exit code. */
int sim_with_jobs(const struct sim_args *args, const char *path, const struct sim_set *sets);

/* sim_report.c: tells NOTES on stderr. */
void sim_report_notes(const struct remarks *notes);

/* sim_report.c: prints N runs of the same jobs, a line for each and job. The exit code. */
int sim_report_compare(const struct sim_report *runs, size_t n);

/* sim_report.c: prints it for people. Returns the exit code. */
int sim_report_print(const struct sim_report *r);

/* sim_report.c: so much in a second; the mean; "reads", "writes", "trims". */
double sim_rate(uint64_t n, uint64_t ns);
uint64_t sim_mean(const struct weir_latency *l);
extern const char *const sim_dir_names[SIM_DIRS];

/* sim_json.c: all of it, the caller's; NULL: out of memory. */
json_t *sim_json(const struct sim_report *r);

#endif
