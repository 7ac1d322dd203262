/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench_compare.h - runs of jobs that are compared: each of several entries once in each round, in
 * turn, and their figures. One thread.
 */
#ifndef CLI_BENCH_COMPARE_H
#define CLI_BENCH_COMPARE_H

#include "bench/outcome.h"
#include "cli/bench_device.h"
#include "cli/output.h"

/* The figures of a job in one direction, one for each round. If no io ended in a round, the times
 * have none of it. */
struct bench_compare_row {
	char job[SIM_NAME_MAX + 16];
	enum sim_dir dir;
	const struct sim_job *section; /* NULL: fio ran it */
	struct bench_samples ios, iops, mbps, mean, p50, p99, p999, p9999, max;
};

#define BENCH_COMPARE_ERROR 512

/* What is compared: jobs under a scheduler, or jobs run by fio. */
struct bench_compare_entry {
	const char *name;  /* of its line; the caller's memory */
	const char *sched; /* NULL: fio runs it */
	const struct sim_jobs *jobs;
	struct bench_compare_row *row;
	size_t n;
	struct bench_samples cpu, cpu_ns, cpu_wait;
	size_t runs, bound; /* how often it ran, and the submitter was the bottleneck */
	const char *engine;
	char error[BENCH_COMPARE_ERROR]; /* of the run that failed, after which it does not run */
};

#define COMPARE_MAX (BENCH_LIST_MAX + 8)

struct bench_compare {
	const struct bench_device_args *args;
	struct bench_target *target;
	struct bench_compare_entry entry[COMPARE_MAX];
	size_t n;
	uint64_t window_ns; /* 0: no windows */
	void (*window)(void *user, const uint64_t *bytes, size_t n);
	void *window_user;
	bool wait_noted; /* a note has said that others used the processor */
	bool in_order;	 /* each round begins with the first */
	size_t needed;	 /* without the first so many entries the others say nothing */
	bool failed;	 /* a run failed, and something was measured */
	bool series_whole;
	/* Not NULL: called before each run of E, and may change its jobs. 0 or an exit code. */
	int (*before)(struct bench_compare *c, struct bench_compare_entry *e, void *user);
	/* Not NULL: called after each run of E whose figures were added. */
	void (*after)(struct bench_compare *c, struct bench_compare_entry *e, void *user);
	void *user;
	struct bench_progress *progress; /* not NULL: this is one of several parts of it */
	/* What each scheduler begins with in each run, the caller's memory; NULL: nothing. */
	const char *state;
	size_t state_length;
	/* Not NULL: gets what each job of entry SERIES_OF did in each window of its first run. */
	FILE *series;
	size_t series_of;
	bool keep_state; /* KEPT becomes what the scheduler of the last run had learned */
	char *kept;	 /* bench_compare_free() frees it; NULL: nothing */
	size_t kept_length;
};

/* Adds an entry, and returns it. There is room for COMPARE_MAX. */
struct bench_compare_entry *bench_compare_add(struct bench_compare *c, const char *name,
					      const char *sched, const struct sim_jobs *jobs);

/*
 * Opens OUT, the file of --series in ARGS, and gives it to C; without the option it does nothing.
 * It is for one scheduler. Returns 0, or an exit code after the error was printed. After 0 the
 * caller calls bench_series_end(), which gives the file up if the run that it is of failed, and
 * returns EXIT_CODE or that of its own error.
 */
int bench_series_begin(struct bench_compare *c, struct output *out,
		       const struct bench_device_args *args, const struct bench_names *scheds);
int bench_series_end(const struct bench_compare *c, struct output *out, int exit_code);

/* Returns how long each run may take, if there are RUNS entries. */
uint64_t bench_compare_run_ns(const struct bench_device_args *args, size_t runs);

/*
 * Runs all entries in all rounds. Each round begins with another entry, unless they are to run in
 * order. An entry of which a run fails has its error, which is printed, and the others go on. After
 * a signal it stops. Returns 0 if something is to be reported, or an exit code.
 */
int bench_compare_run(struct bench_compare *c);

/* Returns with what a bench ends that has reported with EXIT_CODE: 1 if a run failed. */
int bench_compare_exit(const struct bench_compare *c, int exit_code);

/* Runs E once. Returns 0 or an exit code. */
int bench_compare_run_entry(struct bench_compare *c, struct bench_compare_entry *e, uint64_t seed);

void bench_compare_free(struct bench_compare *c);

/* Returns the median of times in ns, written into BUF for people; "-" if there are none. */
const char *bench_compare_time(const struct bench_samples *s, char *buf, size_t size);

/* Returns E as JSON: its rows as "jobs", and what it used of the processor. */
json_t *bench_compare_json(const struct bench_compare_entry *e);

/* Returns all entries as an array. */
json_t *bench_compare_json_all(const struct bench_compare *c);

/* Returns "*" if the submitter was the bottleneck in at least half of E's runs, else "". */
const char *bench_compare_mark(const struct bench_compare_entry *e);

/* Prints which entries failed, what the mark means, if an entry has it, and whether others used the
 * processor. */
void bench_compare_print_marks(struct bench_compare *c);

#endif
