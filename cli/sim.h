/* SPDX-License-Identifier: Apache-2.0 */
/* sim.h - declarations that the files of `weir sim` share. One thread. */
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

/* One simulation, as the report describes it. */
struct sim_report {
	const char *device; /* name of the device, as the user gave it */
	const struct sim_run_opts *opts;
	const struct sim_result *result;
};

/*
 * sim_run.c: simulates the jobs in the file PATH, or the log that ARGS name, with the tunables
 * SETS. Returns the exit code.
 */
int sim_with_jobs(const struct sim_args *args, const char *path, const struct sim_set *sets);

/* sim_report.c: prints NOTES to stderr. */
void sim_report_notes(const struct remarks *notes);

/*
 * sim_report.c: prints N runs of the same jobs, one line for each run and job. Returns the exit
 * code.
 */
int sim_report_compare(const struct sim_report *runs, size_t n);

/* sim_report.c: prints the report as text. Returns the exit code. */
int sim_report_print(const struct sim_report *r);

/* sim_report.c: the rate of N in a second, the mean, and the names "reads", "writes", "trims". */
double sim_rate(uint64_t n, uint64_t ns);
uint64_t sim_mean(const struct weir_latency *l);
extern const char *const sim_dir_names[SIM_DIRS];

/* sim_json.c: returns the whole report, which the caller owns; NULL: out of memory. */
json_t *sim_json(const struct sim_report *r);

#endif
