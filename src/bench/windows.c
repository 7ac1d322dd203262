/* SPDX-License-Identifier: Apache-2.0 */
/* windows.c - Jain's index over short windows, and when a job has its share. See windows.h. */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "bench/windows.h"

#define WINDOWS_SHARE 0.9

void bench_windows_add(void *windows, const uint64_t *bytes, size_t n)
{
	struct bench_windows *w = windows;

	if (w->n == w->room || w->jobs != n) {
		size_t room = w->room ? 2 * w->room : 256;
		uint64_t *more = reallocarray(w->bytes, room * n, sizeof(*more));

		if (!more) {
			w->failed = 1;
			return;
		}
		w->bytes = more;
		w->room = room;
		w->jobs = n;
	}
	memcpy(w->bytes + w->n++ * n, bytes, n * sizeof(*bytes));
}

void bench_windows_clear(struct bench_windows *w)
{
	w->n = 0;
}

void bench_windows_free(struct bench_windows *w)
{
	free(w->bytes);
	*w = (struct bench_windows){ .n = 0 };
}

/* Returns what JOB moved in MERGED windows from FIRST on, in parts of DUE. */
static double windows_moved(const struct bench_windows *w, size_t first, size_t merged, size_t job,
			    const double *due)
{
	uint64_t bytes = 0;

	for (size_t i = first; i < first + merged; i++)
		bytes += w->bytes[i * w->jobs + job];
	return due[job] > 0 ? (double)bytes / due[job] : 0;
}

/* A window in which nothing ended at all is no unfairness: 1. */
static double windows_jain(const struct bench_windows *w, size_t first, size_t merged,
			   const double *due)
{
	double sum = 0, squares = 0;

	for (size_t job = 0; job < w->jobs; job++) {
		double x = windows_moved(w, first, merged, job, due);

		sum += x;
		squares += x * x;
	}
	return squares > 0 ? sum * sum / ((double)w->jobs * squares) : 1;
}

double bench_windows_worst(const struct bench_windows *w, size_t merged, const double *due)
{
	double worst = 1;

	for (size_t first = 1; first + merged < w->n; first += merged) {
		double jain = windows_jain(w, first, merged, due);

		worst = jain < worst ? jain : worst;
	}
	return worst;
}

/* Returns true if JOB has its share in MERGED windows from FIRST on. */
static bool windows_has_share(const struct bench_windows *w, size_t first, size_t merged,
			      size_t job, const double *due)
{
	double all = 0;

	for (size_t i = 0; i < w->jobs; i++)
		all += windows_moved(w, first, merged, i, due);
	return windows_moved(w, first, merged, job, due) * (double)w->jobs >= WINDOWS_SHARE * all;
}

double bench_windows_settled(const struct bench_windows *w, size_t job, size_t merged,
			     size_t lasting, const double *due)
{
	size_t begin = 0, lasted = 0;

	while (begin < w->n && !w->bytes[begin * w->jobs + job])
		begin++;
	for (size_t first = begin; first + merged < w->n; first++) {
		lasted = windows_has_share(w, first, merged, job, due) ? lasted + 1 : 0;
		if (lasted == lasting)
			return (double)(first + 1 - lasting - begin);
	}
	return -1;
}
