/* SPDX-License-Identifier: Apache-2.0 */
/*
 * windows.h - what several jobs moved in short windows, and how even that is. The caller owns the
 * struct; one thread.
 */
#ifndef BENCH_WINDOWS_H
#define BENCH_WINDOWS_H

#include <stddef.h>
#include <stdint.h>

struct bench_windows {
	size_t jobs;	 /* in each window */
	uint64_t *bytes; /* window after window */
	size_t n, room;
	int failed; /* memory ran out */
};

/* Adds a window in which job I moved BYTES[I], of N jobs: a callback of sim_run(). */
void bench_windows_add(void *windows, const uint64_t *bytes, size_t n);
/* Forgets all windows. */
void bench_windows_clear(struct bench_windows *w);
void bench_windows_free(struct bench_windows *w);

/*
 * Returns the least of Jain's indices of windows that are MERGED of those in W long. Job I counts
 * with its bytes divided by DUE[I]. The first window and the last do not count, nor do
 * those in which no job moved anything. 1 if there is none.
 */
double bench_windows_worst(const struct bench_windows *w, size_t merged, const double *due);

/*
 * Returns after how many windows from the first in which JOB moved something it had 0.9 of its due
 * share in LASTING windows in a row, on average over each MERGED; or -1 if it never had.
 */
double bench_windows_settled(const struct bench_windows *w, size_t job, size_t merged,
			     size_t lasting, const double *due);

#endif
