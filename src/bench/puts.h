/* SPDX-License-Identifier: Apache-2.0 */
/*
 * puts.h - puts many values into a store and gets them in random order: what a store moves. Blocks;
 * it starts threads and ends them.
 */
#ifndef BENCH_PUTS_H
#define BENCH_PUTS_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

#include <weir/base.h>

struct bench_timeline;
struct weir_trace;

struct bench_puts {
	const char *engine; /* NULL: the best that works */
	uint64_t value_bytes, count;
	/* Each thread keeps so many operations under way. One thread owns the store's loop; several
	 * hand their operations to the store's own thread. */
	uint32_t depth, threads;
	struct weir_trace *trace; /* as weir_store_opts.trace */
	/* Not NULL: gets what ends well; ways 0 and 1 are puts and gets. */
	struct bench_timeline *timeline;
	/* Not NULL: it ends soon after this is no longer 0; the result says nothing, then. */
	const volatile sig_atomic_t *stop;
};

/* What one way through all values took. */
struct bench_puts_way {
	double mbps;		     /* 10^6 bytes of values a second; of puts, with the sync */
	double cpu_per_gb;	     /* seconds of CPU of the process for 10^9 bytes */
	struct weir_latency latency; /* of an operation */
	/* The thread that owned the store's loop was the bottleneck; with several threads that is
	 * not known. */
	bool bound;
};

struct bench_puts_result {
	struct bench_puts_way put, get;
	double write_amplification; /* bytes written to the device for each byte of a value */
	uint64_t flushes;
	double index_bytes; /* of memory for each entry of the index */
};

/*
 * Puts and gets the values of P in the store at PATH, which is empty and large enough. Returns 0,
 * or -errno with weir_error() set.
 */
int bench_puts_run(const char *path, const struct bench_puts *p, struct bench_puts_result *result);

#endif
