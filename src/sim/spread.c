/* SPDX-License-Identifier: Apache-2.0 */
/*
 * spread.c - draws numbers from even, zipf, pareto and normal distributions. See spread.h.
 *
 * Zipf and pareto first give a rank; rank 0 is the most frequent. Without a centre, a
 * multiplication scatters the ranks over the range; two ranks never get the same place. With a
 * centre, each rank lies next to the one before it, around the centre.
 *
 * log() and pow() may differ in their last bit between C libraries. So for one seed the offsets of
 * zipf and pareto are the same on one machine, but not necessarily on all.
 */
#include <math.h>
#include <stdbool.h>

#include "sim/spread.h"

/* The factor that scatters ranks. It is enlarged until it has no common divisor with their number.
 */
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

/* Returns true if THETA is so near to 1 that the general formula loses all its digits. */
static bool zipf_is_harmonic(double theta)
{
	return fabs(theta - 1) < 1e-6;
}

/* Compute the integral of x^-THETA from 1 to X, and its inverse. */
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
 * Draws rank k, from 1 to N, in proportion to k^-THETA, by rejection: a curve lies above the
 * steps. An x below the curve is drawn with the inverse of its integral, and it is kept if it lies
 * below the step too. There is no table, so N may be large.
 */
static uint64_t spread_zipf(struct prng *prng, double theta, uint64_t n)
{
	/*
	 * The curve begins in the middle of the first step and ends in the middle of the last one.
	 */
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

/*
 * Draws from the self-similar distribution: a share H of the places gets 1 - H of the accesses,
 * and the same holds within each part.
 */
static uint64_t spread_pareto(struct prng *prng, double h, uint64_t n)
{
	double rank = (double)n * pow(prng_unit(prng), log(h) / log(1 - h));

	return rank < (double)n ? (uint64_t)rank : n - 1;
}

/*
 * Draws from a nearly normal distribution: the sum of twelve even numbers, which is the same on
 * all machines. A number outside of the range is drawn again.
 */
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
