/* SPDX-License-Identifier: Apache-2.0 */
/* sim.h - declarations that the files of `weir sim` share. One thread. */
#ifndef CLI_SIM_H
#define CLI_SIM_H

#include <signal.h>
#include <stdbool.h>

#include <jansson.h>

#include "cli/apart.h"
#include "cli/input.h"
#include "cli/options.h"
#include "cli/tracing.h"
#include "sim/run.h"

/* The options of the command. */
struct sim_args {
	const char *device, *sched, *print_device, *series, *log, *iolog, *iolog_speed, *suite;
	const char *state;
	const char *fit, *probes, *output, *limit;
	struct opt_list set;
	uint64_t seed, lanes, depth, depth_bytes, nr_requests, window_ns, iolog_depth, runtime_ns;
	unsigned json;
	struct tracing tracing;
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

/* The option --state, a string at offset AT. */
#define SIM_STATE_OPTION(at)                                                                       \
	{                                                                                          \
		.name = "state", .type = OPT_STRING, .file = OPT_WRITES_MORE, .offset = (at),      \
		.arg = "FILE",                                                                     \
		.help = "begin each run with what the scheduler had learned at\n"                  \
			"the end of the one that wrote FILE, if there is one, and\n"               \
			"write what it knows then. Only pace learns so"                            \
	}

/* sim_state.c: has OPTS begin with what is in the file of --state, whose bytes the caller frees,
 * and keep what is learned. Returns 0, or an exit code after the error was printed. */
int sim_state_read(const char *path, struct sim_run_opts *opts, struct input *in);
/*
 * sim_state.c: writes the LENGTH bytes TEXT, what a scheduler has learned, to that file; does
 * nothing if PATH or TEXT is NULL. Returns as sim_state_read().
 */
int sim_state_write(const char *path, const char *text, size_t length);

/* sim_run.c: reads the job file PATH ("-": standard input) into JOBS, which the caller frees.
 * Returns 0, or an exit code after its mistakes were printed. */
int sim_read_jobs(struct sim_jobs *jobs, const char *path);

/*
 * sim_run.c: checks that none of the N FILES, which the command writes, is a log that a job in JOBS
 * reads: their names are known only now. FILES have room for one more. Returns 0, or an exit code
 * after the error was printed.
 */
int sim_check_logs(const struct sim_jobs *jobs, struct apart_file *files, size_t n);

/*
 * sim_suite.c: runs the suite that ARGS name with N schedulers. Returns the exit code.
 */
int sim_suite(const struct sim_args *args, const char *const *schedulers, size_t n);

/*
 * sim_fit.c: fits a model to the probes that ARGS name, or runs the probes on the model that they
 * name. Return the exit code.
 */
int sim_fit(const struct sim_args *args);
int sim_probes(const struct sim_args *args);

/*
 * sim_interrupt.c: lets the first SIGINT set the flag that is returned; the next one kills the
 * process as usual. OLD gets what was set before.
 */
const volatile sig_atomic_t *sim_interrupt_begin(struct sigaction *old);

/* sim_interrupt.c: returns true if SIGINT has come. */
bool sim_interrupt_came(void);

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
/* Returns what JOB was to do, in fio's words. */
json_t *sim_json_options(const struct sim_job *job);
/* Returns L with its mean, and with P95_NS. */
json_t *sim_json_latency(const struct weir_latency *l, uint64_t p95_ns);
/* Returns how many of the latencies were in which RANGE, those without one left out. */
json_t *sim_json_ranges(const uint64_t range[SIM_RANGES]);

#endif
