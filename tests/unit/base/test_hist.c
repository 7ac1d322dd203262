/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_hist.c - percentiles are as exact as the bucket size promises.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/hist.h"

#define SAMPLES 20000u

/* Returns numbers that look random but are always the same (an LCG), spread over many powers of
 * two. */
static uint64_t sample(uint64_t *seed)
{
	*seed = *seed * 6364136223846793005ull + 1442695040888963407ull;
	return (*seed >> 24) >> (*seed >> 59);
}

static int compare(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

static void test_empty(void **state)
{
	struct hist h = { 0 };
	struct weir_latency sum;

	(void)state;
	memset(&sum, 0xff, sizeof(sum));
	hist_summary(&h, &sum);
	assert_true(!sum.count && !sum.sum_ns && !sum.min_ns && !sum.max_ns);
	assert_true(!sum.p50_ns && !sum.p90_ns && !sum.p99_ns && !sum.p999_ns);
}

static void test_buckets_are_ordered(void **state)
{
	uint32_t last = 0;

	(void)state;
	for (uint64_t v = 0; v < 1u << 14; v++) {
		uint32_t b = hist_bucket(v);

		assert_true(b == last || b == last + 1);
		last = b;
	}
	for (unsigned bit = 14; bit < 64; bit++) {
		uint32_t below = hist_bucket((1ull << bit) - 1), at = hist_bucket(1ull << bit);

		assert_true(at < HIST_BUCKETS);
		if (bit < HIST_MAX_BITS)
			assert_int_equal(at, below + 1);
		else
			assert_int_equal(at, HIST_BUCKETS - 1);
	}
}

static void test_percentiles(void **state)
{
	static const uint32_t permille[] = { 1, 10, 250, 500, 900, 990, 999, 1000 };
	static uint64_t values[SAMPLES];
	static struct hist h;
	uint64_t seed = 1;

	(void)state;
	for (uint32_t i = 0; i < SAMPLES; i++) {
		values[i] = sample(&seed);
		hist_record(&h, values[i]);
	}
	qsort(values, SAMPLES, sizeof(values[0]), compare);
	for (size_t i = 0; i < sizeof(permille) / sizeof(permille[0]); i++) {
		uint64_t rank = ((uint64_t)SAMPLES * permille[i] + 999) / 1000;
		uint64_t truth = values[rank - 1], got = hist_permille(&h, permille[i]);

		assert_true(got >= truth);
		assert_true(got <= truth + truth / HIST_SUB);
	}
	assert_true(hist_permille(&h, 1000) == values[SAMPLES - 1]);
}

static void test_summary(void **state)
{
	struct hist h = { 0 };
	struct weir_latency sum;

	(void)state;
	for (uint64_t v = 1; v <= 100; v++)
		hist_record(&h, v * 1000);
	hist_summary(&h, &sum);
	assert_true(sum.count == 100);
	assert_true(sum.sum_ns == 5050000);
	assert_true(sum.min_ns == 1000);
	assert_true(sum.max_ns == 100000);
	assert_true(sum.p50_ns >= 50000 && sum.p50_ns < 51600);
	assert_true(sum.p999_ns == 100000);
}

static void test_extremes(void **state)
{
	struct hist h = { 0 };
	struct weir_latency sum;

	(void)state;
	hist_record(&h, 0);
	hist_record(&h, 5);
	hist_summary(&h, &sum);
	assert_true(sum.count == 2 && sum.min_ns == 0 && sum.max_ns == 5);
	assert_true(sum.p50_ns == 0);
	hist_record(&h, 1ull << 50);
	hist_summary(&h, &sum);
	assert_true(sum.max_ns == 1ull << 50);
	assert_true(sum.p999_ns == 1ull << 50);
}

static void test_merge(void **state)
{
	static struct hist one, two, both;
	struct weir_latency merged, truth;
	uint64_t seed = 2;

	(void)state;
	for (uint32_t i = 0; i < 1000; i++) {
		uint64_t v = sample(&seed);

		hist_record(i & 1 ? &one : &two, v);
		hist_record(&both, v);
	}
	hist_merge(&one, &two);
	assert_memory_equal(&one, &both, sizeof(one));
	memset(&two, 0, sizeof(two));
	hist_merge(&one, &two);
	hist_merge(&two, &one);
	hist_summary(&two, &merged);
	hist_summary(&both, &truth);
	assert_memory_equal(&merged, &truth, sizeof(truth));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_empty),	    cmocka_unit_test(test_buckets_are_ordered),
		cmocka_unit_test(test_percentiles), cmocka_unit_test(test_summary),
		cmocka_unit_test(test_extremes),    cmocka_unit_test(test_merge),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
