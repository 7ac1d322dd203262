/* SPDX-License-Identifier: Apache-2.0 */
/*
 * job_logs.h - the logs that jobs replay: those that a job file names, and jobs that are made from
 * one log. Any thread may call it.
 */
#ifndef SIM_JOB_LOGS_H
#define SIM_JOB_LOGS_H

#include "sim/jobs.h"

/* The number of outstanding ios of a job of sim_jobs_from_log() if the log has no times. */
#define JOB_LOGS_IODEPTH 32u

/* Options of the replay of a log. */
struct job_logs_opts {
	double speed;	  /* replay this many times as fast as recorded; above 0 */
	bool no_stall;	  /* ignore the times; IODEPTH limits the outstanding ios */
	uint64_t iodepth; /* 0: JOB_LOGS_IODEPTH */
};

/*
 * Makes JOBS from the log at PATH, a string that the caller keeps: one job for each stream of the
 * log. Returns 0 or -errno with weir_error() set. The caller frees JOBS in both cases.
 */
int sim_jobs_from_log(struct sim_jobs *jobs, const char *path, const struct job_logs_opts *opts);

/* Reads the logs that JOBS name. Errors are added to the mistakes of JOBS. */
void job_logs_read(struct sim_jobs *jobs);

/* Parses the value of read_iolog. */
int job_logs_path(void *job, size_t offset, const char *text);

/* Frees the logs of JOBS. */
void job_logs_free(struct sim_jobs *jobs);

#endif
