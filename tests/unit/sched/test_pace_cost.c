/* SPDX-License-Identifier: Apache-2.0 */
/* test_pace_cost.c - what pace thinks that requests cost, on drives that are a few lines here. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sched/pace/cost.h"

#define US 1000ull
#define MS (1000 * US)
#define SECTORS 256u /* 128 KiB */

static struct pace_cost cost;
static uint64_t now;

static int setup(void **state)
{
	(void)state;
	cost = (struct pace_cost){ 0 };
	pace_cost_init(&cost, 64);
	now = 1000 * MS;
	return 0;
}

/* A write completes after NS in which the drive had nothing else to end. Returns true at the end of
 * a period. */
static bool complete(uint64_t ns)
{
	now += ns;
	return pace_cost_completed(&cost, PACE_WRITES, SECTORS, 500 * US, now);
}

/* Returns what a write costs, in parts of EACH, << 8. */
static uint64_t parts(uint64_t each)
{
	return (pace_cost_of(&cost, PACE_WRITES, SECTORS) << 8) / each;
}

/* A rented disk has a bucket of bytes, which is filled every PERIOD with what BURST writes need. It
 * moves them, each in EACH, and then stands still until the next time. */
static void rented_disk(uint64_t burst, uint64_t each, uint64_t period, uint64_t writes)
{
	for (uint64_t i = 1; i <= writes; i++) {
		complete(i % burst ? each : period - (burst - 1) * each);
		if (i < writes / 2)
			continue;
		/* what it takes in a burst is a small part of this, and in a stall much more */
		assert_in_range(parts(period / burst), 256 * 3 / 4, 256 * 4 / 3);
	}
}

/* A write costs its part of the time, stalls included, and does so all the time. */
static void a_stall_is_a_part_of_what_is_between(void **state)
{
	static const uint64_t periods[] = { 10 * MS, 12 * MS, 17 * MS };

	for (int i = 0; i < 12; i++) {
		setup(state);
		rented_disk(i & 1 ? 50 : 200, i & 2 ? 10 * US : 40 * US, periods[i / 4], 40000);
	}
}

/* Bursts that take most of the time, and stalls in which nothing else is to be seen. */
static void short_stalls_and_long_ones_count_alike(void **state)
{
	setup(state);
	rented_disk(800, 10 * US, 11 * MS, 80000);
	setup(state);
	rented_disk(800, 10 * US, 17 * MS, 80000);
	setup(state);
	rented_disk(30, 10 * US, 30 * MS, 4000);
}

/* A drive that is steady is known after 4 ms, and each 4 ms anew. */
static void a_steady_drive_is_soon_known(void **state)
{
	unsigned periods = 0;

	(void)state;
	for (int i = 0; i < 400; i++)
		periods += complete(100 * US);
	assert_in_range(periods, 9, 10);
	assert_in_range(parts(100 * US), 250, 262);
	for (int i = 0; i < 400; i++)
		periods += complete(300 * US);
	assert_in_range(periods, 9 + 28, 10 + 30);
	assert_in_range(parts(300 * US), 250, 262);
}

/* A stall of a second does not keep the drive from being known for four. */
static void a_long_stall_is_soon_over(void **state)
{
	(void)state;
	for (int i = 0; i < 1000; i++)
		complete(100 * US);
	complete(1000 * MS);
	for (int i = 0; i < 2500; i++)
		complete(200 * US);
	assert_in_range(parts(200 * US), 240, 272);
}

/* While the drive had nothing to do it did not stall: such a period teaches nothing, and ends. */
static void who_had_nothing_to_do_did_not_stall(void **state)
{
	uint64_t before;

	(void)state;
	for (int i = 0; i < 1000; i++)
		complete(100 * US);
	before = pace_cost_of(&cost, PACE_WRITES, SECTORS);
	cost.spare = true;
	assert_true(complete(100 * MS));
	assert_false(cost.spare);
	assert_int_equal(pace_cost_of(&cost, PACE_WRITES, SECTORS), before);
	for (int i = 0; i < 400; i++)
		complete(200 * US);
	assert_in_range(parts(200 * US), 240, 272);
}

int main(void)
{
#define T(test) cmocka_unit_test_setup(test, setup)
	const struct CMUnitTest tests[] = {
		T(a_stall_is_a_part_of_what_is_between), T(short_stalls_and_long_ones_count_alike),
		T(a_steady_drive_is_soon_known),	 T(a_long_stall_is_soon_over),
		T(who_had_nothing_to_do_did_not_stall),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
