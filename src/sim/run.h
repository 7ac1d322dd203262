/* SPDX-License-Identifier: Apache-2.0 */
/*
 * run.h - a whole simulation: jobs, a queue with a scheduler, a drive; and what came of it. One
 * thread from beginning to end.
 */
#ifndef SIM_RUN_H
#define SIM_RUN_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <weir/base.h>

#include "sim/config.h"
#include "sim/jobs.h"

#define SIM_TUNABLES_MAX 32

/* "fifo_batch" and "4". */
struct sim_set {
	const char *name, *value;
};

struct sched_ops;

struct sim_run_opts {
	const struct sim_config *config;
	const struct sim_jobs *jobs;
	const char *scheduler;	       /* NULL: the queue's default */
	const struct sched_ops *sched; /* not NULL: this one, which is in no table */
	const struct sim_set *sets;
	size_t nr_sets;
	uint64_t seed;
	uint64_t lanes;				  /* 0: one */
	uint64_t depth, depth_bytes, nr_requests; /* 0: the queue's defaults */
	uint64_t window_ns; /* fairness is looked at once in each; 0: 100 ms, or what is needed */
	/* Called now and then with how much of the longest job is over; may be NULL. */
	void (*progress)(void *user, uint64_t done_ns, uint64_t total_ns);
	void *user;
	/* Not NULL: the run ends, with what there is by then, when this is not 0 any more. */
	const volatile sig_atomic_t *stop;
	/* CSV, the caller's; NULL: not wanted. Every submission, dispatch and completion; and what
	 * each job did in each window. */
	FILE *log, *series;
};

/* What came of some ios. */
struct sim_ios {
	uint64_t ios, bytes;	     /* that ended while the job ran */
	uint64_t late;		     /* ios that ended after its runtime */
	struct weir_latency latency; /* of all of them, the late ones too */
	uint64_t p95_ns;
	/* Parts of it: until the drive got the io, and with the drive. */
	struct weir_latency queued, drive;
};

struct sim_job_result {
	char name[SIM_NAME_MAX + 16];
	uint32_t submitter;
	uint64_t weight;	     /* 0: it has none */
	uint64_t ios, bytes;	     /* that ended while the job ran */
	uint64_t late;		     /* ios that ended after its runtime */
	uint64_t active_ns;	     /* without its ramp_time */
	double share;		     /* of all jobs' bytes */
	struct weir_latency latency; /* of all ios, the late ones too */
	uint64_t p95_ns;
	struct weir_latency queued, drive;
	struct sim_ios dir[SIM_DIRS]; /* reads, writes and trims apart */
	uint64_t flushes;
};

/* Jain's index: 1 is perfectly fair, 1/n all for one. By bytes a second and weight. */
struct sim_fairness {
	double whole;
	uint64_t windows; /* in which at least two jobs ran from end to end */
	double min, median;
};

struct sim_result {
	struct sim_job_result *job;
	size_t count;
	uint64_t duration_ns; /* virtual, from the first job's start to the end of the last io */
	double busy;	      /* share of it in which the drive had something to do */
	double worked;	      /* share of the drive's units that worked, on average */
	bool interrupted;     /* by sim_run_opts.stop */
	uint64_t total_ns;    /* what all jobs would have taken, as far as that was known */
	uint64_t written_bytes, capacity_bytes;
	/* An SSD was written more than once over, which a real one would not do at this speed. */
	bool beyond_model;
	struct sim_fairness fairness;
	uint64_t window_ns;
	const char *scheduler;
	uint32_t lanes, depth, nr_requests;
	uint64_t depth_bytes;
	struct {
		const char *name;
		int64_t value;
	} tunable[SIM_TUNABLES_MAX];
	size_t nr_tunables;
	struct remarks notes; /* what a reader should know of the run */
};

/* Runs it all. 0 or -errno, weir_error() set; -EINVAL: something in OPTS cannot be. */
int sim_run(struct sim_result *result, const struct sim_run_opts *opts);

/* Frees what RESULT holds. */
void sim_result_free(struct sim_result *result);

#endif
