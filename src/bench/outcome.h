/* SPDX-License-Identifier: Apache-2.0 */
/*
 * outcome.h - what a run of jobs gave, whoever ran them: weir or fio. One thread.
 */
#ifndef BENCH_OUTCOME_H
#define BENCH_OUTCOME_H

#include "sim/run.h"

/* The ios of one job in one direction. Times are in ns. */
struct bench_line {
	char job[SIM_NAME_MAX + 16];
	enum sim_dir dir;
	const struct sim_job *section; /* what it was to do; NULL: fio ran it */
	bool none;		       /* no io has ended: there are no times */
	bool bound;		       /* fio's thread of this job was the bottleneck */
	double ios, iops, mbps;	       /* MB are 10^6 bytes */
	double mean, p50, p99, p999, p9999, max;
};

struct bench_outcome {
	struct bench_line *line; /* jobs in their order, with each direction that they have */
	size_t n;
	double cpu;	 /* share of a processor that the submitting threads used together */
	double cpu_ns;	 /* the same for each io */
	double cpu_wait; /* share of the time that they waited for a processor; 0: not known */
	bool bound;	 /* the thread that submits was the bottleneck */
	bool interrupted;
};

/*
 * Makes OUT of R, the results of JOBS. A direction that a job has is there even if no io of it has
 * ended. Returns 0, or -ENOMEM with weir_error() set.
 */
int bench_outcome_of(struct bench_outcome *out, const struct sim_result *r,
		     const struct sim_jobs *jobs);
void bench_outcome_free(struct bench_outcome *out);

#endif
