/* SPDX-License-Identifier: Apache-2.0 */
/*
 * job_logs.h - the logs that jobs replay: those of a job file, and jobs made from one log. Any
 * thread.
 */
#ifndef SIM_JOB_LOGS_H
#define SIM_JOB_LOGS_H

#include "sim/jobs.h"

/* Ios that a job of sim_jobs_from_log() keeps outstanding where no time tells. */
#define JOB_LOGS_IODEPTH 32u

/* How a log is replayed. */
struct job_logs_opts {
	double speed;	  /* times as fast as it was recorded; above 0 */
	bool no_stall;	  /* as fast as IODEPTH allows */
	uint64_t iodepth; /* 0: JOB_LOGS_IODEPTH */
};

/*
 * Makes JOBS of the log at PATH, which the caller keeps: one of each of its streams. 0 or -errno,
 * weir_error() set. JOBS is to be freed in either case.
 */
int sim_jobs_from_log(struct sim_jobs *jobs, const char *path, const struct job_logs_opts *opts);

/* Reads the logs that JOBS name; what is wrong is added to their mistakes. */
void job_logs_read(struct sim_jobs *jobs);

/* The value of read_iolog. */
int job_logs_path(void *job, size_t offset, const char *text);

/* Frees the logs of JOBS. */
void job_logs_free(struct sim_jobs *jobs);

#endif
