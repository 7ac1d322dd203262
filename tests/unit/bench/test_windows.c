/* SPDX-License-Identifier: Apache-2.0 */
/* test_windows.c - medians, Jain's index over short windows, and when a job has its share. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "bench/bench.h"
#include "bench/windows.h"

static const double even[2] = { 1, 1 };

static void the_median_is_one_of_the_rounds(void **state)
{
	struct bench_samples s = { .n = 0 };

	(void)state;
	assert_true(bench_spread_of(&s).median == 0);
	bench_samples_add(&s, 9);
	bench_samples_add(&s, 2);
	bench_samples_add(&s, 4);
	bench_samples_add(&s, 3);
	assert_true(bench_spread_of(&s).median == 3);
	assert_true(bench_spread_of(&s).min == 2 && bench_spread_of(&s).max == 9);
	for (uint32_t i = 0; i < 2 * BENCH_ROUNDS_MAX; i++)
		bench_samples_add(&s, 1);
	assert_int_equal(s.n, BENCH_ROUNDS_MAX);
}

/* The first window and the last one do not count, and neither do empty ones. */
static void the_worst_window_counts(void **state)
{
	static const uint64_t windows[][2] = { { 0, 9 }, { 5, 5 }, { 0, 0 }, { 4, 0 },
					       { 0, 4 }, { 5, 5 }, { 9, 0 } };
	struct bench_windows w = { .n = 0 };
	const double double_due[2] = { 1, 2 };

	(void)state;
	for (size_t i = 0; i < 7; i++)
		bench_windows_add(&w, windows[i], 2);
	assert_true(bench_windows_worst(&w, 1, even) == 0.5);
	/* 5,5 and 0,0; then 4,0 and 0,4: each pair is even. */
	assert_true(bench_windows_worst(&w, 2, even) == 1);
	assert_true(bench_windows_worst(&w, 2, double_due) < 1);
	bench_windows_clear(&w);
	assert_true(bench_windows_worst(&w, 1, even) == 1);
	bench_windows_free(&w);
}

static void a_newcomer_settles_when_it_keeps_its_share(void **state)
{
	static const uint64_t windows[][2] = { { 9, 0 }, { 9, 0 }, { 9, 1 }, { 5, 5 }, { 9, 1 },
					       { 5, 5 }, { 5, 5 }, { 5, 5 }, { 5, 5 } };
	struct bench_windows w = { .n = 0 };

	(void)state;
	for (size_t i = 0; i < 9; i++)
		bench_windows_add(&w, windows[i], 2);
	/* It comes in window 2, and has its share from window 5 on. */
	assert_true(bench_windows_settled(&w, 1, 1, 2, even) == 3);
	assert_true(bench_windows_settled(&w, 1, 1, 1, even) == 1);
	assert_true(bench_windows_settled(&w, 1, 1, 9, even) == -1);
	bench_windows_free(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_median_is_one_of_the_rounds),
		cmocka_unit_test(the_worst_window_counts),
		cmocka_unit_test(a_newcomer_settles_when_it_keeps_its_share),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
