/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pace.h - the times at which a job may submit its next io: rates for each direction. Belongs to
 * the thread that runs the simulation.
 */
#ifndef SIM_PACE_H
#define SIM_PACE_H

#include "base/prng.h"
#include "sim/jobs.h"

struct pace {
	const struct sim_job *job;
	struct prng *prng;
	uint64_t start_ns;
	uint64_t ios[SIM_DIRS], bytes[SIM_DIRS]; /* ios and bytes submitted since start */
	double poisson_ns[SIM_DIRS];		 /* time of the next io, from the start */
};

/* Starts JOB at START_NS. */
void pace_begin(struct pace *p, const struct sim_job *job, struct prng *prng, uint64_t start_ns);

/*
 * Returns when the next io in direction DIR may be submitted. Rates hold on average: after a delay
 * a job may submit faster.
 */
uint64_t pace_due(const struct pace *p, enum sim_dir dir);

/* Counts an io of BYTES in direction DIR as submitted. */
void pace_issued(struct pace *p, enum sim_dir dir, uint64_t bytes);

#endif
