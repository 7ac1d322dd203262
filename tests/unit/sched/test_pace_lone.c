/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_pace_lone.c - what pace takes for the latency of a request that is alone, when some lengths
 * were only seen in a full drive, and when others were only tried.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sched/pace/lone.h"

#define US 1000ull
#define SEC (1000000 * US)
#define KB 2u /* sectors */

static struct pace_lone lone;
static uint64_t now;

static int setup(void **state)
{
	(void)state;
	lone = (struct pace_lone){ .until_ns = 10 * SEC };
	now = 1;
	return 0;
}

/* Ten of them complete, ALONE or in a full drive. */
static void complete(enum pace_op op, uint32_t kb, uint64_t us, bool alone)
{
	for (int i = 0; i < 10; i++)
		pace_lone_completed(&lone, op, kb * KB, us * US, alone, now++);
}

static uint64_t lone_us(enum pace_op op, uint32_t kb)
{
	return pace_lone_of(&lone, op, kb * KB) / US;
}

static void two_of_half_the_length_bound_one(void **state)
{
	(void)state;
	complete(PACE_WRITES, 32, 93, true);
	complete(PACE_WRITES, 64, 471, false);
	assert_int_equal(lone_us(PACE_WRITES, 64), 186);
	complete(PACE_WRITES, 256, 2000, false);
	assert_int_equal(lone_us(PACE_WRITES, 256), 744);
	assert_int_equal(lone.high[PACE_WRITES], 744 * US);
	assert_int_equal(lone_us(PACE_WRITES, 128), 0); /* there was none */
}

static void a_longer_one_bounds_a_shorter_one(void **state)
{
	(void)state;
	complete(PACE_WRITES, 32, 766, false);
	complete(PACE_WRITES, 64, 152, true);
	assert_int_equal(lone_us(PACE_WRITES, 32), 152);
	assert_int_equal(lone.low[PACE_WRITES], 152 * US);
	assert_int_equal(lone.high[PACE_WRITES], 152 * US);
}

/* A short write that goes to the medium may take longer than a long one that ends in a cache, and a
 * flush longer than a discard. */
static void what_was_alone_is_believed(void **state)
{
	(void)state;
	complete(PACE_WRITES, 4, 2000, true);
	complete(PACE_WRITES, 128, 270, true);
	assert_int_equal(lone_us(PACE_WRITES, 4), 2000);
	assert_int_equal(lone.high[PACE_WRITES], 2000 * US);
	complete(PACE_OTHERS, 0, 9000, false);
	complete(PACE_OTHERS, 1024, 100, true);
	assert_int_equal(lone.high[PACE_OTHERS], 9000 * US);
}

/* The window is 1.5 times the highest, and a full drive is as slow as the window lets it be. Pieces
 * of now this and now that length must not make it wider and wider. */
static void a_full_drive_does_not_widen_its_window(void **state)
{
	uint64_t us = 270;

	(void)state;
	for (int i = 0; i < 20; i++, now += 5 * SEC) {
		complete(PACE_WRITES, i % 2 ? 32 : 128, i % 2 ? 93 : 270, true);
		complete(PACE_WRITES, 64, us * 3 / 2, false);
		complete(PACE_WRITES, 256, us * 3 / 2, false);
		us = lone.high[PACE_WRITES] / US;
	}
	assert_in_range(us, 270, 744);
}

static void what_was_only_tried_leaves_no_trace(void **state)
{
	(void)state;
	complete(PACE_WRITES, 128, 270, true);
	pace_lone_try(&lone, PACE_WRITES);
	complete(PACE_WRITES, 256, 500, false);
	assert_int_equal(lone.high[PACE_WRITES], 500 * US);
	complete(PACE_WRITES, 128, 800, false);
	pace_lone_tried(&lone, PACE_WRITES);
	assert_int_equal(lone.high[PACE_WRITES], 270 * US);
	/* what pays comes again */
	complete(PACE_WRITES, 256, 500, false);
	assert_int_equal(lone.high[PACE_WRITES], 500 * US);
}

int main(void)
{
#define T(test) cmocka_unit_test_setup(test, setup)
	const struct CMUnitTest tests[] = {
		T(two_of_half_the_length_bound_one),	T(a_longer_one_bounds_a_shorter_one),
		T(what_was_alone_is_believed),		T(a_full_drive_does_not_widen_its_window),
		T(what_was_only_tried_leaves_no_trace),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
