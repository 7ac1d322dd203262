/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench.h - what the parts of `weir bench` share. One thread, but for the flag that signals set.
 */
#ifndef CLI_BENCH_H
#define CLI_BENCH_H

#include <jansson.h>
#include <signal.h>
#include <stdbool.h>

#include "bench/bench.h"

#define BENCH_LIST_MAX 16

/* Values of an option with commas between. */
struct bench_numbers {
	uint64_t value[BENCH_LIST_MAX];
	size_t n;
};

struct bench_names {
	const char *name[BENCH_LIST_MAX];
	size_t n;
	char text[256]; /* what the names point into */
};

extern const struct command command_bench_layer, command_bench_run, command_bench_tails,
	command_bench_fairness, command_bench_scale, command_bench_isolation, command_bench_recover,
	command_bench_store, command_bench_probe;

/* The value of a time option that was not given. */
#define BENCH_TIME_DEFAULT 0

/*
 * Read TEXT, the value of OPTION ("depth"): numbers from MIN to MAX, the names of schedulers
 * ("all": each), or words of WORDS, which end with NULL. Return 0, or an exit code after the error
 * was printed.
 */
int bench_read_numbers(const char *option, const char *text, uint64_t min, uint64_t max,
		       struct bench_numbers *out);
int bench_read_scheds(const char *option, const char *text, struct bench_names *out);
int bench_read_words(const char *option, const char *text, const char *const *words,
		     struct bench_names *out);

/* Checks that no more LANES are wanted than a queue can have. Returns 0, or an exit code after the
 * error was printed, which names OPTION. */
int bench_check_lanes(const char *option, const struct bench_numbers *lanes);

/* Returns {"median": ..., "min": ..., "max": ...}; NULL: out of memory. */
json_t *bench_json_spread(const struct bench_samples *s);
/* Returns {"version": ..., "kernel": ..., "cpus": ...}: where the figures come from. */
json_t *bench_json_machine(void);

/* Writes the median with DIGITS behind the point, and its range, into BUF: "71.8 (70.1-75.3)". */
const char *bench_text_spread(const struct bench_samples *s, int digits, char *buf, size_t size);

/* What is shown on a terminal while it runs: done of all measurements. */
struct bench_progress {
	bool possible, shown;
	size_t done, all;
	uint64_t start_ns;
};

void bench_progress_begin(struct bench_progress *p, size_t all);
/* Shows that one more begins, which WHAT names. */
void bench_progress_next(struct bench_progress *p, const char *what);
/* Removes the line. */
void bench_progress_end(struct bench_progress *p);

struct tracing;

/*
 * Checks the options T and opens the trace that they ask for. Returns 0, or an exit code after the
 * error was printed. The caller calls tracing_end() if it was 0.
 */
int bench_tracing_begin(const struct tracing *t);

/*
 * From bench_catch_signals() on, the first SIGINT, SIGTERM or SIGHUP sets a flag, which ends what
 * runs, and a program that runs beside (fio), so that what was measured is reported. The next one
 * ends the process, and kills that program. Files that were made are removed both times.
 */
extern volatile sig_atomic_t bench_stopped;
void bench_catch_signals(void);

#endif
