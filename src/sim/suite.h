/* SPDX-License-Identifier: Apache-2.0 */
/*
 * suite.h - the isolation suite: seven cases that ask how well a scheduler keeps submitters apart.
 * The loads are data, so the same suite runs on a model and on a real device. One thread.
 */
#ifndef SIM_SUITE_H
#define SIM_SUITE_H

#include <stdio.h>

#include "sim/run.h"

#define SUITE_SCHEDS_MAX 16

/* A figure of a case. Each is a ratio: 1 is what nobody could do better. */
struct suite_figure {
	const char *name; /* "p99", unique in its case */
	const char *what; /* what it is a ratio of */
	/* It meets its bar if it is from LOW to HIGH; 0: no limit on this side. */
	double low, high;
};

struct suite_case {
	const char *name;
	const char *question;
	const char *jobs;	       /* the load: a job file with {words} for measured numbers */
	struct suite_figure figure[3]; /* a NULL name follows the last one */
};

#define SUITE_CASES 7
#define SUITE_FIGURES 2 /* the most of a case */

extern const struct suite_case suite_cases[SUITE_CASES];

/* What the drive does without any scheduler, which the ratios refer to. */
struct suite_base {
	double most_iops;	       /* reads of 128 KiB, 64 deep */
	double alone_p99;	       /* of the steady reader without others, ns */
	double steady_iops;	       /* what the steady reader asks for */
	double small_mbps, large_mbps; /* of eight readers of 4 KiB, and of 128 KiB, each */
	double flood_mbps;	       /* writes of 1 MiB alone */
	double floor_p999;	       /* of the steady reader beside writes that are paced, ns */
	double full_mbps;	       /* the flood beside the reader, with the scheduler none */
};

struct suite_row {
	const char *scheduler;
	/* NAN: nothing ended of what the figure is about. */
	double value[SUITE_CASES][SUITE_FIGURES];
	/* The submitting thread was the bottleneck of one of its runs (real devices only). */
	bool bound;
};

struct suite_result {
	struct suite_base base;
	struct suite_row row[SUITE_SCHEDS_MAX];
	size_t rows;	   /* those that are complete */
	bool bound;	   /* one of the runs of the base was bound */
	bool series_whole; /* the run that the series is of has ended */
	bool interrupted;
};

struct suite_opts {
	/*
	 * The drive (config, or device), seed, lanes, depth, stop; scheduler, jobs, tunables and
	 * windows are not used.
	 */
	const struct sim_run_opts *run;
	const char *const *schedulers;
	size_t nr_schedulers;
	/* Not NULL: gets what each job did in each window of case SERIES_CASE of the first
	 * scheduler; of the tenants, where they are the most. */
	FILE *series;
	int series_case;
	uint64_t runtime_ns; /* length of most runs; those with writes take three times as long */
	/* Called before each run with what it is and how many of all are done; may be NULL. */
	void (*progress)(void *user, const char *scheduler, const char *name, unsigned done,
			 unsigned all);
	void *user;
};

/*
 * Runs the suite. Returns 0 or -errno with weir_error() set; -ENODATA: nothing ended in time of
 * what the figures are ratios of. An interrupt is no error: the rows
 * that are complete are in RESULT.
 */
int suite_run(struct suite_result *result, const struct suite_opts *opts);

/* Returns true if VALUE meets the bar of F; NAN meets none. */
bool suite_meets(const struct suite_figure *f, double value);

#endif
