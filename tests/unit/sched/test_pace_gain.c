/* SPDX-License-Identifier: Apache-2.0 */
/* test_pace_gain.c - pace's trials: what they find on drives that are a few lines here. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sched/pace/gain.h"

#define US 1000ull
#define MS (1000 * US)
#define KB 2u /* sectors */

static struct pace_gain gain;
static uint64_t now;

static int setup(void **state)
{
	(void)state;
	gain = (struct pace_gain){ 0 };
	pace_gain_fix(&gain, PACE_WRITE_CHUNK, true);
	now = 1000 * MS;
	return 0;
}

static unsigned step(void)
{
	return pace_gain_step(&gain, PACE_WRITE_WINDOW);
}

/* A request completes after NS in which the drive had nothing else to end. */
static void complete(enum pace_op op, uint32_t kb, uint64_t ns)
{
	struct pace_gain_event e = { .op = op, .nr_sectors = kb * KB, .waits = op == PACE_WRITES };

	now += ns;
	e.now = now;
	e.latency_ns = ns;
	if (pace_gain_is_due(&gain, now))
		pace_gain_completed(&gain, &e);
}

/* The drive moves the same whatever the window is, reads too. Reads that come every 27 ms fall into
 * each second turn: each low one, as it happens. */
static void reads_of_one_turn_are_no_gain_of_the_other(void **state)
{
	uint64_t turn = 0;

	(void)state;
	for (int i = 0; i < 20000; i++) {
		complete(PACE_WRITES, 128, 250 * US);
		if (!gain.trying || step() || gain.began_ns == turn || now - gain.began_ns < 8 * MS)
			continue;
		turn = gain.began_ns;
		complete(PACE_READS, 1024, 2 * MS);
	}
	assert_true(turn);
	assert_int_equal(step(), 0);
}

/* Up to a window four times as large the drive writes more. */
static void the_window_grows_while_more_moves(void **state)
{
	(void)state;
	for (int i = 0; i < 20000; i++)
		complete(PACE_WRITES, 128, step() < 2 ? 400 * US >> step() : 100 * US);
	assert_int_equal(gain.at[PACE_WRITE_WINDOW], 2);
}

int main(void)
{
#define T(test) cmocka_unit_test_setup(test, setup)
	const struct CMUnitTest tests[] = {
		T(reads_of_one_turn_are_no_gain_of_the_other),
		T(the_window_grows_while_more_moves),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
