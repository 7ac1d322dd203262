/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pattern.h - what a job does next: which operation, where, how long. Follows from the job and
 * from chance alone, never from the drive. Belongs to the thread that runs the simulation.
 */
#ifndef SIM_PATTERN_H
#define SIM_PATTERN_H

#include <stdint.h>

#include "base/prng.h"
#include "sim/jobs.h"

/* Where on the drive a job works. */
struct pattern_range {
	uint64_t offset, bytes;
};

struct pattern {
	const struct sim_job *job;
	struct prng *prng;
	struct pattern_range range;
	uint64_t next[SIM_DIRS];      /* in the range: behind the last io */
	uint64_t repeat[SIM_DIRS];    /* ios that go on from there before the next random offset */
	struct pattern_range trimmed; /* trimwrite: is written next; 0 bytes: nothing */
};

/* One io. */
struct pattern_io {
	enum sim_dir dir;
	uint64_t offset, bytes;
};

/* Makes P for clone number CLONE of JOB on a drive of CAPACITY bytes. 0 or -EINVAL, weir_error()
 * set with what the drive cannot do. BLOCK is its logical block, bytes. */
int pattern_open(struct pattern *p, const struct sim_job *job, struct prng *prng, uint64_t clone,
		 uint64_t capacity, uint64_t block);

/* The direction of the next io. */
enum sim_dir pattern_direction(struct pattern *p);

/* Another direction than DIR that P could go in, or DIR. */
enum sim_dir pattern_other(const struct pattern *p, enum sim_dir dir);

/* The next io in direction DIR. */
struct pattern_io pattern_next(struct pattern *p, enum sim_dir dir);

/* The shortest io of P. */
uint64_t pattern_shortest(const struct pattern *p);

#endif
