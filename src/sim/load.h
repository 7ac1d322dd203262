/* SPDX-License-Identifier: Apache-2.0 */
/*
 * load.h - running jobs: each keeps its ios in flight, as far as rates and pauses permit. Belongs
 * to the thread that runs the simulation.
 */
#ifndef SIM_LOAD_H
#define SIM_LOAD_H

#include <stdbool.h>

#include <weir/queue.h>

#include "base/hist.h"
#include "base/prng.h"
#include "sim/events.h"
#include "sim/jobs.h"
#include "sim/keys.h"
#include "sim/pace.h"
#include "sim/pattern.h"
#include "sim/replay.h"
#include "sim/sim.h"

struct load;
struct watch;

/* The state that all jobs of a run share. */
struct load_env {
	struct weir_queue *q;
	struct sim *sim;
	struct events arrivals; /* events that do not come from the drive */
	const char *path;	/* path of the job file */
	/* memory for the ios of a simulation, as long as the longest; its bytes are never used */
	void *buffer;
	uint64_t memory_bytes; /* memory that the jobs of a real drive have for their ios */
	struct load *loads;
	size_t count;
	struct watch *watch;
	uint32_t lanes;
	bool series;	   /* jobs record the results of each window */
	size_t running;	   /* number of jobs that have not ended */
	size_t group;	   /* the running group: the jobs between two stonewalls */
	size_t group_left; /* number of its jobs that have not ended */
	bool stopping;	   /* no more ios may be submitted */
	int err;	   /* the error of an io */
};

struct load_io {
	struct weir_io io;
	struct load *load;
	enum sim_dir dir;
	void *memory; /* what it reads into or writes */
	uint64_t start_ns;
	uint64_t drive_ns;    /* when the drive got its first part; 0: not yet */
	struct load_io *next; /* links free ones */
};

/* The results of a job's ios in one direction. */
struct load_stats {
	uint64_t ios, bytes; /* those that ended while it ran */
	uint64_t late;	     /* number of ios that ended after its runtime */
	uint64_t missed;     /* ios that ended after their deadlines */
	struct hist latency;
	struct hist queued; /* parts of the latency: until the drive got the io ... */
	struct hist drive;  /* ... and after that */
};

/* One job; a section has numjobs of them. */
struct load {
	/* must be first; the time of the next io, or of the job's beginning or end */
	struct event timer;
	struct load_env *env;
	const struct sim_job *job;
	char name[SIM_NAME_MAX + 16];
	uint32_t submitter;
	size_t group;
	uint32_t lane; /* the lane to which it submits */
	struct prng prng;
	struct pattern pattern;
	struct pace pace;
	struct replay replay; /* instead of pattern and pace, if its ios come from a log */
	struct load_io *ios, *free;
	/* memory of its ios on a real drive; NULL: they use that of the simulation */
	void *memory;
	size_t memory_bytes;
	uint64_t in_flight;
	uint64_t total_bytes, total_ios;   /* what it has to submit; UINT64_MAX: no limit */
	uint64_t issued_bytes, issued_ios; /* without flushes */
	enum sim_dir chosen;		   /* direction of the next io; SIM_DIRS: not chosen yet */
	/* It submits until all slots are in flight, and again when this few are left. */
	uint64_t resume_at;
	bool filling;
	/* It waits until nothing is in flight, for a flush or a pause. */
	bool settling, flush_due;
	uint64_t burst;	    /* number of ios since the last pause */
	uint64_t unflushed; /* number of writes since the last flush */
	/* EVENTS_NEVER: not started yet, or no end known. */
	uint64_t start_ns;
	uint64_t measure_ns; /* when ramp_time is over */
	uint64_t stop_ns;
	uint64_t pause_ns;   /* no io before this time, because of thinktime */
	uint64_t stopped_ns; /* when it stopped; EVENTS_NEVER: it is running */
	uint64_t last_ns;    /* the end of its last io */
	bool timer_set;
	uint64_t window_bytes; /* bytes since the window began */
	uint64_t nr_flushes;
	uint64_t ended; /* ios that ended, also during ramp_time; without flushes */
	struct load_stats dir[SIM_DIRS];
	struct load_stats *window; /* the same as dir, for the current window; NULL: not wanted */
};

/*
 * Makes L from JOB, as copy number CLONE of a section, in GROUP. Returns 0 or -errno with
 * weir_error() set.
 */
int load_open(struct load *l, struct load_env *env, const struct sim_job *job, uint64_t clone,
	      size_t group, uint64_t seed);
void load_close(struct load *l);

/* Submits what may be submitted now: the timer of the load EV has fired. */
void load_timer_fires(struct event *ev, uint64_t now);

/* Starts the jobs of ENV that do not wait for others. */
void load_begin_first(struct load_env *env);

/*
 * load_memory.c: gives each of the N ios of L its own memory of STRIDE bytes, registered with the
 * queue, with random bytes if L writes. Returns 0, or -ENOMEM with weir_error() set.
 */
int load_memory_open(struct load *l, uint64_t n, uint64_t stride);
/* Frees that memory; the queue must be closed. */
void load_memory_close(struct load *l);

/* Returns the length of the longest io of JOB, in bytes. */
uint64_t load_longest(const struct sim_job *job);

/* Returns the submitter whom the scheduler takes L for: its group, or itself. */
static inline uint32_t load_account(const struct load *l)
{
	return l->job->group == SIM_UNSET ? l->submitter : (uint32_t)l->job->group;
}

#endif
