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
#include "sim/sim.h"

struct load;

/* What all jobs of a run share. */
struct load_env {
	struct weir_queue *q;
	struct sim *sim;
	struct events arrivals; /* what happens without the drive */
	const char *path;	/* of the job file */
	void *buffer;		/* as long as the longest block, never touched */
	size_t running;
	int err; /* of an io */
};

struct load_io {
	struct weir_io io;
	struct load *load;
	uint64_t start_ns;
	struct load_io *next; /* free ones */
};

/* One job; numjobs of them for each section. */
struct load {
	struct event timer; /* first: the next io may go, or the job begins or ends */
	struct load_env *env;
	const struct sim_job *job;
	char name[SIM_NAME_MAX + 16];
	uint32_t submitter;
	struct prng prng;
	struct load_io *ios, *free;
	uint64_t in_flight;
	uint64_t blocks;	/* in its range */
	uint64_t next_block[3]; /* of sequential reads, writes, trims */
	uint64_t issued;	/* ios */
	uint64_t start_ns, stop_ns;
	uint64_t pause_ns;   /* thinktime: not before */
	uint64_t stopped_ns; /* when it stopped; EVENTS_NEVER: still running */
	uint64_t last_ns;    /* end of its last io */
	bool timer_set;
	uint64_t nr_ios, bytes, late;
	uint64_t window_bytes; /* since the window began */
	struct hist latency;
};

/* Makes L from JOB, as its number CLONE of a section; starts it when its time comes. 0 or -errno,
 * weir_error() set. */
int load_open(struct load *l, struct load_env *env, const struct sim_job *job, uint64_t clone,
	      uint64_t seed);
void load_close(struct load *l);

#endif
