/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fair.h - how evenly jobs were served: Jain's index over windows of virtual time. Belongs to the
 * thread that runs the simulation.
 */
#ifndef SIM_FAIR_H
#define SIM_FAIR_H

#include "sim/load.h"
#include "sim/run.h"

/* So many windows are looked at, at most. */
#define FAIR_WINDOWS_MAX 1000000u

struct fair {
	struct load *loads;
	size_t count;
	uint64_t window_ns, begin_ns, end_ns; /* of the window that is open */
	double *index;			      /* of each window */
	size_t looked;			      /* windows that have ended */
	size_t windows, room;
	int err;
	/* Called when a window has ended; may be NULL. */
	void (*ended)(void *user, uint64_t begin_ns, uint64_t end_ns);
	void *user;
};

/* Jain's index of N amounts X; 1 if they are all 0. */
double fair_jain(const double *x, size_t n);

/* Looks at LOADS, COUNT of them, every WINDOW_NS from NOW on. */
void fair_begin(struct fair *f, struct load *loads, size_t count, uint64_t window_ns, uint64_t now);

/* Closes the windows that have ended by NOW; to be called before any io that ends later. */
void fair_until(struct fair *f, uint64_t now);

/* Sums up, with JOBS as the results of the loads, and frees what F holds. 0 or -ENOMEM. */
int fair_end(struct fair *f, const struct sim_job_result *jobs, struct sim_fairness *result);

#endif
