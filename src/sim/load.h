/* SPDX-License-Identifier: Apache-2.0 */
/*
 * load.h - jobs at work: each keeps its ios in flight, as far as rates and pauses let it. Belongs
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
#include "sim/pace.h"
#include "sim/pattern.h"
#include "sim/replay.h"
#include "sim/sim.h"

struct load;
struct watch;

/* What all jobs of a run share. */
struct load_env {
	struct weir_queue *q;
	struct sim *sim;
	struct events arrivals; /* what happens without the drive */
	const char *path;	/* of the job file */
	void *buffer;		/* as long as the longest block, never touched */
	struct load *loads;
	size_t count;
	struct watch *watch;
	uint32_t lanes;
	bool series;	   /* jobs keep what happens in each window */
	size_t running;	   /* that have not ended */
	size_t group;	   /* that runs now: the jobs from one stonewall to the next */
	size_t group_left; /* of its jobs */
	bool stopping;	   /* nothing more is to be submitted */
	int err;	   /* of an io */
};

struct load_io {
	struct weir_io io;
	struct load *load;
	enum sim_dir dir;
	uint64_t start_ns;
	uint64_t drive_ns;    /* when the drive got the first of it; 0: not yet */
	struct load_io *next; /* free ones */
};

/* What came of a job's ios in one direction. */
struct load_stats {
	uint64_t ios, bytes; /* that ended while it ran */
	uint64_t late;	     /* ios that ended after its runtime */
	struct hist latency;
	struct hist queued; /* of it: until the drive got the io ... */
	struct hist drive;  /* ... and from then on */
};

/* One job; numjobs of them for each section. */
struct load {
	struct event timer; /* first: the next io may go, or the job begins or ends */
	struct load_env *env;
	const struct sim_job *job;
	char name[SIM_NAME_MAX + 16];
	uint32_t submitter;
	size_t group;
	uint32_t lane; /* where it submits */
	struct prng prng;
	struct pattern pattern;
	struct pace pace;
	struct replay replay; /* instead of both, where its ios come from a log */
	struct load_io *ios, *free;
	uint64_t in_flight;
	uint64_t total_bytes, total_ios;   /* to be issued; UINT64_MAX: any number */
	uint64_t issued_bytes, issued_ios; /* without flushes */
	enum sim_dir chosen;		   /* direction of the next io; SIM_DIRS: not drawn yet */
	/* Its ios are issued until all are in flight, and again when this few are left. */
	uint64_t resume_at;
	bool filling;
	/* It waits until nothing is in flight, for a flush or a pause. */
	bool settling, flush_due;
	uint64_t burst;	    /* ios since the last pause */
	uint64_t unflushed; /* writes since the last flush */
	/* EVENTS_NEVER: not yet, or no end in sight. */
	uint64_t start_ns;
	uint64_t measure_ns; /* when ramp_time is over */
	uint64_t stop_ns;
	uint64_t pause_ns;   /* thinktime: not before */
	uint64_t stopped_ns; /* when it stopped; EVENTS_NEVER: still running */
	uint64_t last_ns;    /* end of its last io */
	bool timer_set;
	uint64_t window_bytes; /* since the window began */
	uint64_t nr_flushes;
	struct load_stats dir[SIM_DIRS];
	struct load_stats *window; /* as dir, of the window that is open; NULL: nobody asks */
};

/* Makes L from JOB, as its number CLONE of a section, in GROUP. 0 or -errno, weir_error() set. */
int load_open(struct load *l, struct load_env *env, const struct sim_job *job, uint64_t clone,
	      size_t group, uint64_t seed);
void load_close(struct load *l);

/* Starts the jobs of ENV that wait for nobody. */
void load_begin_first(struct load_env *env);

/* The longest io of JOB, bytes. */
uint64_t load_longest(const struct sim_job *job);

#endif
