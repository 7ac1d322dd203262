/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pace.h - when a job may submit its next io: rates by direction. Belongs to the thread that runs
 * the simulation.
 */
#ifndef SIM_PACE_H
#define SIM_PACE_H

#include "base/prng.h"
#include "sim/jobs.h"

struct pace {
	const struct sim_job *job;
	struct prng *prng;
	uint64_t start_ns;
	uint64_t ios[SIM_DIRS], bytes[SIM_DIRS]; /* issued since */
	double poisson_ns[SIM_DIRS];		 /* after start: when the next comes */
};

/* JOB begins at START_NS. */
void pace_begin(struct pace *p, const struct sim_job *job, struct prng *prng, uint64_t start_ns);

/* When the next io in direction DIR may go. Rates hold on average: who was held up catches up. */
uint64_t pace_due(const struct pace *p, enum sim_dir dir);

/* An io of BYTES has been issued in direction DIR. */
void pace_issued(struct pace *p, enum sim_dir dir, uint64_t bytes);

#endif
