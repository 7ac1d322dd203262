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

/* Takes AMOUNT that load I moved, divided by its weight. X has the sum of each submitter or group
 * at its first load, and -1 where nobody counts. */
static void fair_count(const struct fair *f, double *x, size_t i, double amount)
{
	double *sum = &x[f->whose[i]];

	/* The first load of them says which weight they have, if one does (run.c). */
	amount /= fair_weight(f->loads[f->whose[i]].job);
	*sum = (*sum < 0 ? 0 : *sum) + amount;
}

/* Returns COUNT places for fair_count(), in which nobody counts yet; NULL: no memory. */
static double *fair_nobody(size_t count)
{
	double *x = malloc((count + 1) * sizeof(*x));

	for (size_t i = 0; x && i < count; i++)
		x[i] = -1;
	return x;
}

/* Moves the sums of X to its beginning. Returns how many there are. */
static size_t fair_gather(double *x, size_t count)
{
	size_t n = 0;

	for (size_t i = 0; i < count; i++)
		if (x[i] >= 0)
			x[n++] = x[i];
	return n;
}

/* Ends a window. Only jobs that ran during all of it count, and these must be of two submitters at
 * least. */
static void fair_window(struct fair *f, uint64_t now)
{
	double *x = f->whose ? fair_nobody(f->count) : NULL, sum = 0;
	size_t n;

	if (!x) {
		f->err = -ENOMEM;
		return;
	}
	for (size_t i = 0; i < f->count; i++) {
		const struct load *l = &f->loads[i];

		if (l->measure_ns <= f->begin_ns && l->stopped_ns >= now)
			fair_count(f, x, i, (double)l->window_bytes);
	}
	n = fair_gather(x, f->count);
	for (size_t i = 0; i < n; i++)
		sum += x[i];
	if (n > 1 && sum > 0 && !f->err)
		f->err = fair_add(f, fair_jain(x, n));
	free(x);
	if (f->ended)
		f->ended(f->user, f->begin_ns, now);
	for (size_t i = 0; i < f->count; i++)
		f->loads[i].window_bytes = 0;
	f->begin_ns = now;
	f->end_ns = ++f->looked < FAIR_WINDOWS_MAX ? now + f->window_ns : EVENTS_NEVER;
}

void fair_until(struct fair *f, uint64_t now)
{
	while (f->end_ns <= now && !f->err)
		fair_window(f, f->end_ns);
}

/* A load whose place in the order is that of its account. */
struct fair_place {
	uint32_t account, at;
};

static int fair_compare_places(const void *a, const void *b)
{
	const struct fair_place *x = a, *y = b;

	if (x->account != y->account)
		return x->account < y->account ? -1 : 1;
	return x->at < y->at ? -1 : x->at > y->at;
}

/* Finds for each load the first one of its group or, without one, of its submitter. */
static int fair_find_first(struct fair *f)
{
	struct fair_place *p = calloc(f->count + 1, sizeof(*p));

	f->whose = calloc(f->count + 1, sizeof(*f->whose));
	if (!p || !f->whose) {
		free(p);
		return -ENOMEM;
	}
	for (size_t i = 0; i < f->count; i++)
		p[i] = (struct fair_place){ load_account(&f->loads[i]), (uint32_t)i };
	qsort(p, f->count, sizeof(*p), fair_compare_places);
	for (size_t i = 0, first = 0; i < f->count; i++) {
		first = i && p[i].account == p[i - 1].account ? first : i;
		f->whose[p[i].at] = p[first].at;
	}
	free(p);
	return 0;
}

void fair_begin(struct fair *f, struct load *loads, size_t count, uint64_t window_ns, uint64_t now)
{
	*f = (struct fair){ .loads = loads,
			    .count = count,
			    .window_ns = window_ns,
			    .begin_ns = now,
			    .end_ns = now + window_ns };
	f->err = fair_find_first(f);
}

static int fair_compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

int fair_end(struct fair *f, const struct sim_job_result *jobs, struct sim_fairness *result)
{
	double *x = f->whose ? fair_nobody(f->count) : NULL;
	int err = x ? f->err : -ENOMEM;

	*result = (struct sim_fairness){ .whole = 1, .windows = f->windows };
	for (size_t i = 0; x && i < f->count; i++)
		/* it counts even if it moved nothing */
		fair_count(f, x, i,
			   jobs[i].active_ns ? (double)jobs[i].bytes / (double)jobs[i].active_ns
					     : 0);
	if (x)
		result->whole = fair_jain(x, fair_gather(x, f->count));
	if (f->windows) {
		qsort(f->index, f->windows, sizeof(*f->index), fair_compare);
		result->min = f->index[0];
		result->median = f->index[f->windows / 2];
	}
	free(x);
	free(f->whose);
	free(f->index);
	f->whose = NULL;
	f->index = NULL;
	return err ? error_sys(err, "fairness") : 0;
}
