/* SPDX-License-Identifier: Apache-2.0 */
/*
 * run.h - a whole simulation (jobs, a queue with a scheduler, a drive) and its results. One thread
 * from beginning to end.
 */
#ifndef SIM_RUN_H
#define SIM_RUN_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <weir/base.h>

#include "base/hist.h"
#include "sim/config.h"
#include "sim/jobs.h"

#define SIM_TUNABLES_MAX 32

/* A tunable and its value: "fifo_batch" and "4". */
struct sim_set {
	const char *name, *value;
};

struct sched_ops;
struct weir_trace;

struct sim_run_opts {
	const struct sim_config *config;
	const struct sim_jobs *jobs;
	const char *scheduler; /* NULL: the queue's default */
	/* not NULL: this scheduler, which need not be in the table */
	const struct sched_ops *sched;
	const struct sim_set *sets;
	size_t nr_sets;
	uint64_t seed;
	/*
	 * Not NULL: the jobs run on this device, in real time, and CONFIG is not used. There is one
	 * lane, which the calling thread owns. What the results say about the model of
	 * a drive is 0 then.
	 */
	struct weir_device *device;
	const char *engine;			  /* of the device; NULL: the best that works */
	uint64_t lanes;				  /* number of lanes; 0: one */
	uint64_t depth, depth_bytes, nr_requests; /* 0: the defaults of the queue */
	/* fairness is measured in windows of this length; 0: 100 ms, or more if needed */
	uint64_t window_ns;
	/* Called from time to time with how much of the longest job is over; may be NULL. */
	void (*progress)(void *user, uint64_t done_ns, uint64_t total_ns);
	void *user;
	/*
	 * Called at the end of each window with the bytes that each of N jobs moved in it, in the
	 * order of the results; may be NULL.
	 */
	void (*window)(void *user, const uint64_t *bytes, size_t n);
	void *window_user;
	/* If not NULL: the run ends when this becomes nonzero, with the results so far. */
	const volatile sig_atomic_t *stop;
	/*
	 * CSV files of the caller; NULL: not wanted. One gets every submission, dispatch and
	 * completion, the other what each job did in each window.
	 */
	FILE *log, *series;
	struct weir_trace *trace; /* as weir_queue_opts.trace */
	/* What the scheduler is to begin with (weir_queue_load_state()); NULL: nothing. If it is
	 * refused, a note of the result says why. */
	const char *state;
	size_t state_length;
	bool keep_state; /* the result gets what it has learned in the end */
};

/* The results of some ios. */
struct sim_ios {
	uint64_t ios, bytes;	     /* those that ended while the job ran */
	uint64_t late;		     /* number of ios that ended after its runtime */
	uint64_t missed;	     /* ios that ended after their deadlines, the late ones too */
	struct weir_latency latency; /* of all these ios, the late ones too */
	uint64_t p95_ns, p9999_ns;
	/* Its parts: until the drive got the io, and in the drive. */
	struct weir_latency queued, drive;
};

/*
 * The ranges in which fio counts latencies: up to 2, 4, 10, 20, 50, 100, 250, 500, 750 and 1000 of
 * ns, us and ms, up to 2000 ms, and above.
 */
#define SIM_RANGES 32
/* Returns the upper end of range I in ns; UINT64_MAX: it has none. */
uint64_t sim_range_end(size_t i);
/* Adds the latencies in H to their ranges. */
void sim_ranges(const struct hist *h, uint64_t range[SIM_RANGES]);

struct sim_job_result {
	char name[SIM_NAME_MAX + 16];
	size_t section;		    /* the number of its job in sim_run_opts.jobs */
	uint64_t range[SIM_RANGES]; /* ios by their latency; within 3 % of an end on either side */
	uint32_t submitter;
	uint64_t weight;	     /* 0: the job has no weight */
	uint64_t ios, bytes;	     /* those that ended while the job ran */
	uint64_t late;		     /* number of ios that ended after its runtime */
	uint64_t deadline_ns;	     /* 0: its ios have none */
	uint64_t missed;	     /* ios that ended after their deadlines, the late ones too */
	uint64_t active_ns;	     /* its time without ramp_time */
	double share;		     /* its share of the bytes of all jobs */
	struct weir_latency latency; /* of all ios, the late ones too */
	uint64_t p95_ns, p9999_ns;
	struct weir_latency queued, drive;
	struct sim_ios dir[SIM_DIRS]; /* the same for reads, writes and trims */
	uint64_t flushes;
};

/*
 * Jain's index of bytes a second, divided by the weight: 1 is perfectly fair; 1/n if one job has
 * everything.
 */
struct sim_fairness {
	double whole;
	uint64_t windows; /* number of windows during which at least two jobs ran all the time */
	double min, median;
};

struct sim_result {
	struct sim_job_result *job;
	size_t count;
	/* virtual time from the start of the first job to the end of the last io */
	uint64_t duration_ns;
	double busy;	   /* share of that time in which the drive had commands */
	double worked;	   /* average share of the drive's units that worked */
	bool interrupted;  /* ended by sim_run_opts.stop */
	uint64_t total_ns; /* the time that all jobs would have taken, as far as it was known */
	uint64_t ended;	   /* ios that ended, also during ramp_time; without flushes */
	uint64_t written_bytes, capacity_bytes;
	/* An SSD was written more than once completely; a real one could not keep this speed. */
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
	struct remarks notes; /* notes for the reader of the results */
	/* On a real device: what the thread that submitted used of the time, and for how much of
	 * it it waited for a processor: 0 to 1. Above SIM_BOUND together, it was the bottleneck. */
	double cpu, cpu_wait;
	uint64_t cpu_ns; /* CPU time of that thread */
	const char *engine;
	bool bound;
	/* What the scheduler has learned (weir_queue_save_state()); NULL: nothing, or not asked. */
	char *state;
	size_t state_length;
};

#define SIM_BOUND 0.95

/*
 * Runs the whole simulation. Returns 0 or -errno with weir_error() set; -EINVAL: OPTS contains
 * something that is not possible.
 */
int sim_run(struct sim_result *result, const struct sim_run_opts *opts);

/* Frees what RESULT holds. */
void sim_result_free(struct sim_result *result);

#endif
