/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pattern.h - the next io of a job: its operation, place and length. They follow from the job and
 * random numbers only, never from the drive. Belongs to the thread that runs the simulation.
 */
#ifndef SIM_PATTERN_H
#define SIM_PATTERN_H

#include <stdint.h>

#include "base/prng.h"
#include "sim/jobs.h"

/* The part of the drive that a job uses. */
struct pattern_range {
	uint64_t offset, bytes;
};

struct pattern {
	const struct sim_job *job;
	struct prng *prng;
	struct pattern_range range;
	uint64_t next[SIM_DIRS];      /* offset in the range behind the last io */
	uint64_t repeat[SIM_DIRS];    /* sequential ios that remain before the next random offset */
	struct pattern_range trimmed; /* trimwrite: the range to write next; 0 bytes: none */
};

/* One io. */
struct pattern_io {
	enum sim_dir dir;
	uint64_t offset, bytes;
};

/*
 * Makes P for clone number CLONE of JOB on a drive of CAPACITY bytes. BLOCK is the drive's logical
 * block in bytes. Returns 0, or -EINVAL with weir_error() naming what the drive does not support.
 */
int pattern_open(struct pattern *p, const struct sim_job *job, struct prng *prng, uint64_t clone,
		 uint64_t capacity, uint64_t block);

/* Returns the direction of the next io. */
enum sim_dir pattern_direction(struct pattern *p);

/* Returns another direction in which P can continue, or DIR if there is none. */
enum sim_dir pattern_other(const struct pattern *p, enum sim_dir dir);

/* Returns the next io in direction DIR. */
struct pattern_io pattern_next(struct pattern *p, enum sim_dir dir);

/* Returns the length of the shortest io of P. */
uint64_t pattern_shortest(const struct pattern *p);

#endif
