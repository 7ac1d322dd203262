/* SPDX-License-Identifier: Apache-2.0 */
/*
 * replay.h - a job whose ios come from a log: which is next, when, and where it fits on the drive.
 * Belongs to the thread that runs the simulation; the log is its job's.
 */
#ifndef SIM_REPLAY_H
#define SIM_REPLAY_H

#include "sim/jobs.h"

/* Ios of a job that the log's times may have outstanding at once. */
#define REPLAY_DEPTH 4096u

struct replay {
	const struct sim_job *job;
	uint64_t capacity, block; /* bytes, of the drive */
	uint64_t next;		  /* index into the job's ios */
	uint64_t wrapped;	  /* ios that lay beyond the end of the drive */
	uint64_t delayed;	  /* ios that went later than the log says */
};

void replay_open(struct replay *r, const struct sim_job *job, uint64_t capacity, uint64_t block);

/* JOB keeps to the times of its log. */
bool replay_keeps_times(const struct sim_job *job);

/* When the next io goes, ns from the beginning of the job; 0: as soon as it can. */
uint64_t replay_due(const struct replay *r);

/* When the last io of JOB goes, in the same way. */
uint64_t replay_end(const struct sim_job *job);

/* Takes the next io, which goes at NOW (as replay_due()): in whole blocks, and on the drive. */
struct iolog_io replay_next(struct replay *r, uint64_t now);

#endif
