/* SPDX-License-Identifier: Apache-2.0 */
/*
 * jobs.h - what loads a simulated drive: a file in fio's job syntax. Read once, then constant.
 */
#ifndef SIM_JOBS_H
#define SIM_JOBS_H

#include <stdint.h>
#include <stdio.h>

#define SIM_NAME_MAX 64
#define SIM_JOBS_MAX 4096

enum sim_rw { SIM_RW_READ = 1, SIM_RW_WRITE = 2, SIM_RW_TRIM = 4, SIM_RW_RANDOM = 8 };

/* One section, [global] added. Every uint64_t is the key of the same name; SIM_UNSET: not given
 * and without a default. */
struct sim_job {
	char name[SIM_NAME_MAX];
	unsigned line;
	uint64_t rw; /* bits of enum sim_rw */
	uint64_t rwmixread, bs, iodepth, numjobs;
	uint64_t offset, size;
	uint64_t runtime, startdelay; /* ns */
	uint64_t time_based;
	uint64_t rate;	    /* bytes a second */
	uint64_t rate_iops; /* ios a second */
	uint64_t thinktime; /* ns */
	uint64_t prioclass, prio;
	uint64_t weight, submitter;
	uint64_t background; /* 1: nobody waits for the writes */
};

struct sim_jobs {
	struct sim_job *job;
	size_t count;
	const char *path; /* the caller's */
};

/* Reads IN, which messages call PATH. 0 or -errno with weir_error() naming file and line. */
int sim_jobs_read(struct sim_jobs *jobs, FILE *in, const char *path);

/* Frees what JOBS holds. */
void sim_jobs_free(struct sim_jobs *jobs);

#endif
