/* SPDX-License-Identifier: Apache-2.0 */
/* samples.c - the median and the range of some numbers. See bench.h. */
#include <math.h>
#include <stdlib.h>

#include "bench/bench.h"

void bench_samples_add(struct bench_samples *s, double value)
{
	if (s->n < BENCH_ROUNDS_MAX)
		s->value[s->n++] = value;
}

static int samples_compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

struct bench_spread bench_spread_of(const struct bench_samples *s)
{
	double sorted[BENCH_ROUNDS_MAX];
	size_t n = 0;

	for (size_t i = 0; i < s->n; i++)
		if (!isnan(s->value[i]))
			sorted[n++] = s->value[i];
	if (!n)
		return (struct bench_spread){ 0, 0, 0 };
	qsort(sorted, n, sizeof(*sorted), samples_compare);
	return (struct bench_spread){ sorted[(n - 1) / 2], sorted[0], sorted[n - 1] };
}
