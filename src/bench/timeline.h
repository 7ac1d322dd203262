/* SPDX-License-Identifier: Apache-2.0 */
/*
 * timeline.h - what operations of two kinds did in each window of 100 ms, as a table of windows.
 * The owner begins and closes it; any thread adds.
 */
#ifndef BENCH_TIMELINE_H
#define BENCH_TIMELINE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#define BENCH_TIMELINE_WAYS 2u

/* A kind of operations: what the table calls it, and whether they are its writes or its reads. */
struct bench_timeline_way {
	const char *job; /* the caller's memory */
	bool writes;
};

struct bench_timeline;

/*
 * Opens *OUT, a table of the kinds WAYS, and writes its first line to FILE, which is the caller's.
 * Returns 0, or -ENOMEM with weir_error() set.
 */
int bench_timeline_open(struct bench_timeline **out, FILE *file,
			const struct bench_timeline_way ways[BENCH_TIMELINE_WAYS]);

/*
 * From NOW_NS on the windows have a line for each kind of the set SHOWN, bits of its number. The
 * first call is the beginning of the table; another one ends the window that is open.
 */
void bench_timeline_show(struct bench_timeline *t, unsigned shown, uint64_t now_ns);

/* Adds an operation of kind WAY with BYTES that took LATENCY_NS and ended at NOW_NS. */
void bench_timeline_add(struct bench_timeline *t, unsigned way, uint64_t bytes, uint64_t latency_ns,
			uint64_t now_ns);

/* Writes the last windows, which end at END_NS, and frees T. */
void bench_timeline_close(struct bench_timeline *t, uint64_t end_ns);

/* Frees T without another line. */
void bench_timeline_drop(struct bench_timeline *t);

#endif
