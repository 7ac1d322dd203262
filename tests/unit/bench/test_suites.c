/* SPDX-License-Identifier: Apache-2.0 */
/* test_suites.c - rounds of the isolation suite become one result. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>

#include "bench/suites.h"

static struct suite_result rounds[3], out;

/* Makes three rounds of two schedulers, in which all is 1, 3 and 2. */
static int make(void **state)
{
	static const double values[] = { 1, 3, 2 };

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		rounds[i] = (struct suite_result){ .rows = 2 };
		rounds[i].base.most_iops = rounds[i].base.full_mbps = values[i];
		for (size_t r = 0; r < 2; r++)
			for (size_t c = 0; c < SUITE_CASES; c++)
				rounds[i].row[r].value[c][0] = values[i];
	}
	return 0;
}

static void all_figures_are_medians(void **state)
{
	(void)state;
	bench_suites_median(&out, rounds, 3);
	assert_true(out.base.most_iops == 2 && out.base.full_mbps == 2);
	assert_true(out.row[0].value[0][0] == 2 && out.row[1].value[SUITE_CASES - 1][0] == 2);
	assert_false(out.bound || out.row[0].bound || out.row[1].bound || out.interrupted);
}

static void what_one_round_was_all_are(void **state)
{
	(void)state;
	rounds[1].bound = true;
	rounds[2].row[1].bound = true;
	bench_suites_median(&out, rounds, 3);
	assert_true(out.bound && !out.row[0].bound && out.row[1].bound);
}

/* The last round was interrupted after its first scheduler, or before its base was complete. */
static void a_round_that_was_cut_off(void **state)
{
	(void)state;
	rounds[2].interrupted = true;
	rounds[2].rows = 1;
	rounds[2].row[0].bound = rounds[2].row[1].bound = true;
	bench_suites_median(&out, rounds, 3);
	assert_true(out.interrupted && out.rows == 2);
	assert_true(out.row[0].value[0][0] == 2 && out.row[1].value[0][0] == 1);
	assert_true(out.row[0].bound && !out.row[1].bound);
	rounds[2].rows = 0;
	rounds[2].base = (struct suite_base){ .most_iops = 0 };
	bench_suites_median(&out, rounds, 3);
	assert_true(out.base.most_iops == 1);
}

static void rounds_without_a_figure(void **state)
{
	(void)state;
	rounds[0].row[0].value[0][0] = NAN;
	bench_suites_median(&out, rounds, 3);
	assert_true(out.row[0].value[0][0] == 2);
	for (size_t i = 0; i < 3; i++)
		rounds[i].row[0].value[0][0] = NAN;
	bench_suites_median(&out, rounds, 3);
	assert_true(isnan(out.row[0].value[0][0]));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(all_figures_are_medians, make),
		cmocka_unit_test_setup(what_one_round_was_all_are, make),
		cmocka_unit_test_setup(a_round_that_was_cut_off, make),
		cmocka_unit_test_setup(rounds_without_a_figure, make),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
