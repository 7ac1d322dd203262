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
static uint32_t in_drive; /* writes, of which one completes */

static int setup(void **state)
{
	(void)state;
	gain = (struct pace_gain){ 0 };
	pace_gain_fix(&gain, PACE_WRITE_CHUNK, true);
	now = 1000 * MS;
	in_drive = 1;
	return 0;
}

static unsigned step(void)
{
	return pace_gain_step(&gain, PACE_WRITE_WINDOW);
}

/* A request completes after NS in which the drive had nothing else to end. */
static void complete(enum pace_op op, uint32_t kb, uint64_t ns)
{
	struct pace_gain_event e = {
		.op = op, .nr_sectors = kb * KB, .waits = op == PACE_WRITES, .in_drive = in_drive
	};

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
		if (!gain.trying || gain.below || step() || gain.began_ns == turn ||
		    now - gain.began_ns < 8 * MS)
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
	for (int i = 0; i < 20000; i++) {
		in_drive = pace_gain_half(&gain) ? 1 : 2u << step();
		complete(PACE_WRITES, 128, in_drive < 8 ? 800 * US / in_drive : 100 * US);
	}
	assert_int_equal(gain.at[PACE_WRITE_WINDOW], 2);
}

/* Half a window keeps this drive busy. Reads must not wait for a trial of two. */
static void a_drive_that_half_a_window_keeps_busy_gets_no_more(void **state)
{
	unsigned halves = 0;

	(void)state;
	for (int i = 0; i < 200000; i++) {
		in_drive = pace_gain_half(&gain) ? 3 : 6;
		halves += pace_gain_half(&gain);
		complete(PACE_WRITES, 32, 75 * US);
		assert_int_equal(step(), 0);
	}
	assert_true(halves);
}

/* A usual write takes longer than two windows, so one is in the drive with each. That half a window
 * moves as much says nothing. */
static void a_half_that_is_no_less_says_nothing(void **state)
{
	(void)state;
	for (int i = 0; i < 20000; i++) {
		in_drive = step() ? 2 : 1;
		complete(PACE_WRITES, 128, step() ? 200 * US : 400 * US);
	}
	assert_true(gain.at[PACE_WRITE_WINDOW]);
}

/* What the first writes move says nothing of later ones: nobody knows yet what they cost. */
static void the_first_writes_are_no_trial(void **state)
{
	bool tried = false;

	(void)state;
	for (int i = 0; i < 1000; i++) {
		complete(PACE_WRITES, 128, 100 * US);
		assert_false(gain.trying);
	}
	for (int i = 0; i < 2000; i++) {
		complete(PACE_WRITES, 128, 100 * US);
		tried |= gain.trying;
	}
	assert_true(tried);
}

/* Somebody sets the window while half of it is tried. */
static void a_window_that_is_set_is_whole(void **state)
{
	(void)state;
	for (int i = 0; i < 20000 && !pace_gain_half(&gain); i++)
		complete(PACE_WRITES, 128, 100 * US);
	assert_true(pace_gain_half(&gain));
	pace_gain_fix(&gain, PACE_WRITE_WINDOW, true);
	assert_false(pace_gain_half(&gain));
	for (int i = 0; i < 20000; i++) {
		complete(PACE_WRITES, 128, 100 * US);
		assert_false(pace_gain_half(&gain));
	}
}

/* A rented disk has a bucket of bytes, which is filled every PERIOD with what BURST writes need. It
 * moves them as fast as it can, and then stands still, whatever the window is. */
static void rented_disk(uint64_t burst, uint64_t period)
{
	for (uint64_t i = 0; i < 200000; i++) {
		uint64_t each = 10 * US >> step();

		complete(PACE_WRITES, 128, i % burst ? each : period - (burst - 1) * each);
	}
}

/* What it moves in a burst is no gain, whatever part of the time bursts take: a turn counts from
 * the end of one stall to the end of another. */
static void bursts_between_stalls_are_no_gain(void **state)
{
	static const uint64_t periods[] = { 10 * MS, 11 * MS, 12 * MS, 17 * MS, 20 * MS, 50 * MS };
	static const uint64_t bursts[] = { 50, 200, 400, 800 };

	for (int i = 0; i < 24; i++) {
		setup(state);
		rented_disk(bursts[i % 4], periods[i / 4]);
		assert_int_equal(gain.at[PACE_WRITE_WINDOW], 0);
	}
}

/* A turn counts whole bursts with their stalls, wherever between two of them it began. */
static void a_turn_has_whole_stalls(void **state)
{
	const uint64_t burst = 800, period = 17 * MS;
	unsigned turns = 0, was = 0;

	(void)state;
	for (uint64_t i = 0; i < 200000; i++) {
		const struct pace_arm *arm = &gain.arm[0];

		complete(PACE_WRITES, 128, i % burst ? 10 * US : period - (burst - 1) * 10 * US);
		if (gain.trying && gain.turn == 1 && was == 0) {
			assert_true(arm->ns);
			assert_int_equal(arm->ns % period, 0);
			assert_int_equal(arm->completed, arm->ns / period * burst);
			assert_int_equal(arm->sectors, arm->completed * 128 * KB);
			assert_int_equal(arm->in_drive, arm->completed);
			turns++;
		}
		was = gain.turn;
	}
	assert_true(turns > 1);
}

/* Where stalls are not to blame, more that moves between them is a gain: the bucket is not empty
 * before the time comes to fill it. */
static void what_moves_more_between_stalls_is_a_gain(void **state)
{
	(void)state;
	for (uint64_t i = 0; i < 100000 && !gain.at[PACE_WRITE_WINDOW]; i++) {
		uint64_t burst = 100u << step(), each = 50 * US >> step();

		complete(PACE_WRITES, 128, i % burst ? each : 5 * MS);
	}
	assert_true(gain.at[PACE_WRITE_WINDOW]);
}

/* A drive that stood still once is tried like any other: no second stall is waited for. */
static void one_stall_is_none(void **state)
{
	(void)state;
	for (int i = 0; i < 20000 && !gain.trying; i++)
		complete(PACE_WRITES, 128, 100 * US);
	for (int i = 0; i < 100; i++)
		complete(PACE_WRITES, 128, 100 * US);
	assert_int_equal(gain.turn, 0);
	complete(PACE_WRITES, 128, 40 * MS);
	for (int i = 0; i < 20000 && gain.trying && !gain.turn; i++)
		complete(PACE_WRITES, 128, 100 * US);
	/* a turn that waits for one says nothing after 500 ms, and ends the trial */
	assert_true(gain.trying);
}

int main(void)
{
#define T(test) cmocka_unit_test_setup(test, setup)
	const struct CMUnitTest tests[] = {
		T(reads_of_one_turn_are_no_gain_of_the_other),
		T(the_window_grows_while_more_moves),
		T(a_drive_that_half_a_window_keeps_busy_gets_no_more),
		T(a_half_that_is_no_less_says_nothing),
		T(the_first_writes_are_no_trial),
		T(a_window_that_is_set_is_whole),
		T(bursts_between_stalls_are_no_gain),
		T(a_turn_has_whole_stalls),
		T(what_moves_more_between_stalls_is_a_gain),
		T(one_stall_is_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
