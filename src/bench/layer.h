/* SPDX-License-Identifier: Apache-2.0 */
/*
 * layer.h - what an io costs above a drive that costs nothing: the null device. Everything counts
 * that an io needs: preparing, submitting, tags, the scheduler, statistics, completion, callback.
 */
#ifndef BENCH_LAYER_H
#define BENCH_LAYER_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

#include "bench/bench.h"

#define BENCH_DEPTH_MAX 1024u
#define BENCH_THREADS_MAX 64u

struct weir_trace;

struct bench_layer {
	const char *sched;
	uint32_t lanes;
	/* As many as lanes: each thread owns one and polls it. Otherwise the lanes have threads of
	 * their own, and these threads only submit, and wait for their oldest io. */
	uint32_t threads;
	uint32_t depth;	     /* ios that each thread has outstanding, and tags of a lane */
	uint32_t batch;	     /* ios that a thread submits before it polls; at most depth */
	uint32_t submitters; /* the ios come from so many in turn */
	uint32_t burst;	     /* ios of one submitter in a row */
	bool merging;	     /* merge what is adjacent; false: each io is a request */
	bool random;	     /* offsets; false: one after another */
	uint64_t ns;	     /* how long to measure; there is a fourth of it before, to warm up */
	uint64_t ios;	     /* not 0: so many ios of each thread instead, without warming up */
	struct weir_trace *trace; /* as weir_queue_opts.trace */
	/* Not NULL: it ends soon after this is no longer 0; the result says nothing, then. */
	const volatile sig_atomic_t *stop;
};

struct bench_layer_result {
	uint64_t ios; /* of all threads, those of the warming up too */
	/* Million ios a second, of all threads; of threads that poll without the time in which they
	 * waited for a processor. */
	double mega_ios;
	double ns_per_io;    /* 1000 / mega_ios */
	double instructions; /* an io; 0: not counted */
	/* Of all threads, those of the lanes too. Other programs that run do not change them much.
	 */
	double cpu_ns;	   /* an io: the processors' time */
	double switches;   /* an io: how often a thread slept, or lost its processor */
	double wait;	   /* share of its time that a thread waited for a processor (mean) */
	bool steps;	   /* the next three are known: there is one thread, which polls */
	double prepare_ns; /* an io: to fill in the struct */
	double submit_ns;  /* to submit it */
	double poll_ns;	   /* to dispatch and complete it, and to call back */
	bool polls;	   /* each thread owns a lane */
};

/*
 * Measures once. C may be closed (fd -1). Returns 0, or -errno with weir_error() set. Blocks; it
 * starts threads and ends them.
 */
int bench_layer_run(const struct bench_layer *l, const struct bench_counter *c,
		    struct bench_layer_result *result);

#endif
