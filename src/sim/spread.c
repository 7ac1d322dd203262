/* SPDX-License-Identifier: Apache-2.0 */
/*
 * spread.c - even, zipf, pareto and normal. See spread.h.
 *
 * Zipf and pareto first give a rank, 0 being the most wanted. Without a centre the ranks are
 * scattered over the range by a multiplication that no two ranks leave at the same place; with
 * one they stand around it, each to the right of the one before.
 *
 * log() and pow() may differ in their last bit from one C library to another, so the offsets of
 * zipf and pareto are the same for one seed on one machine, not necessarily on all.
 */
#include <math.h>
#include <stdbool.h>

#include "sim/spread.h"

/* Multiplied with a rank, it scatters; primes that do not divide the number of places. */
#define SCATTER 0x9e3779b97f4a7c15ull

static uint64_t spread_gcd(uint64_t a, uint64_t b)
{
	while (b) {
		uint64_t rest = a % b;

		a = b;
		b = rest;
	}
	return a;
}

static uint64_t spread_place(const struct sim_distribution *d, uint64_t rank, uint64_t n)
{
	uint64_t factor = SCATTER % n;

	if (d->centre >= 0)
		return (rank + (uint64_t)(d->centre * (double)(n - 1))) % n;
	while (spread_gcd(factor, n) != 1)
		factor++;
	return (uint64_t)((unsigned __int128)rank * factor % n);
}

/* So near to 1 the formula for other thetas has no digits left. */
static bool zipf_is_harmonic(double theta)
{
	return fabs(theta - 1) < 1e-6;
}

/* The integral of x^-THETA from 1 to X, and its inverse: of the curve below. */
static double zipf_area(double x, double theta)
{
	return zipf_is_harmonic(theta) ? log(x) : (pow(x, 1 - theta) - 1) / (1 - theta);
}

static double zipf_at(double area, double theta)
{
	if (zipf_is_harmonic(theta))
		return exp(area);
	return pow(1 + area * (1 - theta), 1 / (1 - theta));
}

/*
 * Rank k is drawn in proportion to k^-THETA, k from 1 to N, by rejection: a curve lies over the
 * steps, an x below it is drawn by the inverse of its integral, and is kept where it is below
 * the step, too. No table, so that N may be large.
 */
static uint64_t spread_zipf(struct prng *prng, double theta, uint64_t n)
{
	/* The curve begins in the middle of the first step and ends in that of the last. */
	double low = zipf_area(1.5, theta) - 1, high = zipf_area((double)n + 0.5, theta);

	for (;;) {
		double area = low + prng_unit(prng) * (high - low);
		double x = zipf_at(area, theta);
		double k = floor(x + 0.5);

		k = k < 1 ? 1 : k;
		k = k > (double)n ? (double)n : k;
		if (area >= zipf_area(k + 0.5, theta) - pow(k, -theta))
			return (uint64_t)k - 1;
	}
}

/* The self-similar one: a share of H of the places gets 1 - H of the accesses, and so on within
 * each part. */
static uint64_t spread_pareto(struct prng *prng, double h, uint64_t n)
{
	double rank = (double)n * pow(prng_unit(prng), log(h) / log(1 - h));

	return rank < (double)n ? (uint64_t)rank : n - 1;
}

/* The sum of twelve even numbers is nearly normal, and the same everywhere. Who falls out of the
 * range is drawn again. */
static uint64_t spread_normal(struct prng *prng, const struct sim_distribution *d, uint64_t n)
{
	double middle = d->centre * (double)n, deviation = d->value / 100 * (double)n, x;

	do {
		x = -6;
		for (int i = 0; i < 12; i++)
			x += prng_unit(prng);
		x = middle + x * deviation;
	} while (x < 0 || x >= (double)n);
	return (uint64_t)x;
}

uint64_t spread_below(struct prng *prng, const struct sim_distribution *d, uint64_t n)
{
	switch (d->kind) {
	case SIM_RANDOM_ZIPF:
		return spread_place(d, spread_zipf(prng, d->value, n), n);
	case SIM_RANDOM_PARETO:
		return spread_place(d, spread_pareto(prng, d->value, n), n);
	case SIM_RANDOM_NORMAL:
		return spread_normal(prng, d, n);
	default:
		return prng_below(prng, n);
	}
}
