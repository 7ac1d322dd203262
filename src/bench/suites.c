/* SPDX-License-Identifier: Apache-2.0 */
/* suites.c - medians of rounds of the isolation suite. See suites.h. Owns nothing. */
#include "bench/suites.h"

#include <math.h>
#include <string.h>

#include "bench/bench.h"

/* Returns the median, or NAN where no round has a value. */
static double suites_median_of(const struct bench_samples *s)
{
	for (size_t i = 0; i < s->n; i++)
		if (!isnan(s->value[i]))
			return bench_spread_of(s).median;
	return NAN;
}

/* The figures of a base, which are all doubles. */
#define SUITES_BASE (sizeof(struct suite_base) / sizeof(double))

/* Takes the medians of the bases of the rounds that have a complete one. */
static void suites_base(struct suite_result *out, const struct suite_result *round, size_t n)
{
	struct bench_samples values[SUITES_BASE] = { { .n = 0 } };
	double figure[SUITES_BASE];

	_Static_assert(sizeof(figure) == sizeof(out->base), "a base has doubles only");
	for (size_t i = 0; i < n; i++) {
		memcpy(figure, &round[i].base, sizeof(figure));
		for (size_t k = 0; k < SUITES_BASE && round[i].rows; k++)
			bench_samples_add(&values[k], figure[k]);
	}
	for (size_t k = 0; k < SUITES_BASE && values[0].n; k++)
		figure[k] = bench_spread_of(&values[k]).median;
	if (values[0].n)
		memcpy(&out->base, figure, sizeof(figure));
}

/* Takes the medians of row R. */
static void suites_row(struct suite_row *out, const struct suite_result *round, size_t n, size_t r)
{
	for (size_t i = 0; i < SUITE_CASES; i++)
		for (size_t k = 0; k < SUITE_FIGURES; k++) {
			struct bench_samples values = { .n = 0 };

			for (size_t j = 0; j < n; j++)
				if (r < round[j].rows)
					bench_samples_add(&values, round[j].row[r].value[i][k]);
			out->value[i][k] = suites_median_of(&values);
		}
	for (size_t j = 0; j < n; j++)
		out->bound |= r < round[j].rows && round[j].row[r].bound;
}

void bench_suites_median(struct suite_result *out, const struct suite_result *round, size_t n)
{
	*out = round[0];
	suites_base(out, round, n);
	for (size_t j = 0; j < n; j++) {
		out->bound |= round[j].bound;
		out->interrupted |= round[j].interrupted;
	}
	for (size_t r = 0; r < out->rows; r++)
		suites_row(&out->row[r], round, n, r);
}
