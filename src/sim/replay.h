/* SPDX-License-Identifier: Apache-2.0 */
/*
 * replay.h - a job whose ios come from a log: the next io, its time, and its place on the drive.
 * Belongs to the thread that runs the simulation; the log belongs to the job.
 */
#ifndef SIM_REPLAY_H
#define SIM_REPLAY_H

#include "sim/jobs.h"

/* The largest number of outstanding ios of a job that keeps the times of its log. */
#define REPLAY_DEPTH 4096u

struct replay {
	const struct sim_job *job;
	uint64_t capacity, block; /* capacity and logical block of the drive, in bytes */
	uint64_t next;		  /* index of the next io in the job's array */
	uint64_t wrapped;	  /* number of ios that lay beyond the end of the drive */
	uint64_t delayed;	  /* number of ios that were later than in the log */
};

void replay_open(struct replay *r, const struct sim_job *job, uint64_t capacity, uint64_t block);

/* Returns true if JOB keeps the times of its log. */
bool replay_keeps_times(const struct sim_job *job);

/* Returns when the next io is due, in ns from the beginning of the job; 0: as soon as possible. */
uint64_t replay_due(const struct replay *r);

/* Returns the same for the last io of JOB. */
uint64_t replay_end(const struct sim_job *job);

/*
 * Takes the next io, which is submitted at NOW (in the time of replay_due()). It is fitted to
 * whole blocks of the drive.
 */
struct iolog_io replay_next(struct replay *r, uint64_t now);

#endif
