/* SPDX-License-Identifier: Apache-2.0 */
/* fair.c - computes Jain's index. See fair.h. */
#include <errno.h>
#include <stdlib.h>

#include "base/error.h"
#include "sim/fair.h"
#include "sim/keys.h"

#define DEFAULT_WEIGHT 100

double fair_jain(const double *x, size_t n)
{
	double sum = 0, squares = 0, index = 1;

	for (size_t i = 0; i < n; i++) {
		sum += x[i];
		squares += x[i] * x[i];
	}
	if (squares > 0)
		index = sum * sum / ((double)n * squares);
	return index < 1 ? index : 1; /* rounding may make it larger than 1 */
}

static double fair_weight(const struct sim_job *job)
{
	return (double)(job->weight == SIM_UNSET ? DEFAULT_WEIGHT : job->weight);
}

static int fair_add(struct fair *f, double index)
{
	if (f->windows == f->room) {
		size_t room = f->room ? 2 * f->room : 256;
		double *more = reallocarray(f->index, room, sizeof(*more));

		if (!more)
			return -ENOMEM;
		f->index = more;
		f->room = room;
	}
	f->index[f->windows++] = index;
	return 0;
}

/* Ends a window. Only jobs that ran during all of it count, and there must be at least two. */
static void fair_window(struct fair *f, uint64_t now)
{
	double *x = calloc(f->count, sizeof(*x)), sum = 0;
	size_t n = 0;

	if (!x) {
		f->err = -ENOMEM;
		return;
	}
	for (size_t i = 0; i < f->count; i++) {
		struct load *l = &f->loads[i];

		if (l->measure_ns <= f->begin_ns && l->stopped_ns >= now) {
			x[n] = (double)l->window_bytes / fair_weight(l->job);
			sum += x[n++];
		}
		l->window_bytes = 0;
	}
	if (n > 1 && sum > 0 && !f->err)
		f->err = fair_add(f, fair_jain(x, n));
	free(x);
	if (f->ended)
		f->ended(f->user, f->begin_ns, now);
	f->begin_ns = now;
	f->end_ns = ++f->looked < FAIR_WINDOWS_MAX ? now + f->window_ns : EVENTS_NEVER;
}

void fair_until(struct fair *f, uint64_t now)
{
	while (f->end_ns <= now && !f->err)
		fair_window(f, f->end_ns);
}

void fair_begin(struct fair *f, struct load *loads, size_t count, uint64_t window_ns, uint64_t now)
{
	*f = (struct fair){ .loads = loads,
			    .count = count,
			    .window_ns = window_ns,
			    .begin_ns = now,
			    .end_ns = now + window_ns };
}

static int fair_compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

int fair_end(struct fair *f, const struct sim_job_result *jobs, struct sim_fairness *result)
{
	double *x = calloc(f->count + 1, sizeof(*x));
	int err = x ? f->err : -ENOMEM;

	*result = (struct sim_fairness){ .whole = 1, .windows = f->windows };
	for (size_t i = 0; x && i < f->count; i++)
		if (jobs[i].active_ns)
			x[i] = (double)jobs[i].bytes / (double)jobs[i].active_ns /
			       fair_weight(f->loads[i].job);
	if (x)
		result->whole = fair_jain(x, f->count);
	if (f->windows) {
		qsort(f->index, f->windows, sizeof(*f->index), fair_compare);
		result->min = f->index[0];
		result->median = f->index[f->windows / 2];
	}
	free(x);
	free(f->index);
	f->index = NULL;
	return err ? error_sys(err, "fairness") : 0;
}
