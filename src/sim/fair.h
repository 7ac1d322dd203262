/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fair.h - measures how evenly submitters were served: Jain's index over windows of virtual time.
 * Whom the scheduler takes for one counts as one: the jobs of a group, or of one submitter.
 * Belongs to the thread that runs the simulation.
 */
#ifndef SIM_FAIR_H
#define SIM_FAIR_H

#include "sim/load.h"
#include "sim/run.h"

/* The largest number of windows that are evaluated. */
#define FAIR_WINDOWS_MAX 1000000u

struct fair {
	struct load *loads;
	size_t count;
	uint32_t *whose; /* for each load, the first one of the same group or submitter */
	uint64_t window_ns, begin_ns, end_ns; /* length, begin and end of the current window */
	double *index;			      /* the index of each finished window */
	size_t looked;			      /* number of finished windows */
	size_t windows, room;
	int err;
	/* Called at the end of each window, while the loads know their bytes in it; may be NULL. */
	void (*ended)(void *user, uint64_t begin_ns, uint64_t end_ns);
	void *user;
};

/* Returns Jain's index of the N amounts X, or 1 if all of them are 0. */
double fair_jain(const double *x, size_t n);

/* Starts to evaluate the COUNT jobs in LOADS, in windows of WINDOW_NS, from NOW on. */
void fair_begin(struct fair *f, struct load *loads, size_t count, uint64_t window_ns, uint64_t now);

/* Ends the windows that are over at NOW. Call it before any io that completes later is counted. */
void fair_until(struct fair *f, uint64_t now);

/*
 * Computes the summary, with JOBS as the results of the loads, and frees what F holds. Returns 0
 * or -ENOMEM.
 */
int fair_end(struct fair *f, const struct sim_job_result *jobs, struct sim_fairness *result);

#endif
