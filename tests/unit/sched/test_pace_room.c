/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_pace_room.c - when background writes pause for the drive's write cache: on a drive that is a
 * cache in front of slower flash, one whose cache holds little, and one without a cache.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sched/pace/room.h"

#define US 1000ull
#define MS (1000 * US)
#define SECTORS 256u /* of a write */

/* What the drive of these tests does, and the state. */
static struct {
	struct pace_room room;
	uint64_t now, cache_us, flash_us; /* a write takes so long to the cache, and from it */
	int64_t most_us, cached_us;	  /* the cache holds so much time of the flash */
	uint64_t moved, slow;		  /* writes, and those that waited for the cache */
} t;

static int setup(void **state)
{
	(void)state;
	t = (typeof(t)){ .now = MS, .cache_us = 20, .flash_us = 100, .most_us = 20000 };
	for (int i = 0; i < 300; i++)
		pace_room_read(&t.room, 1, t.now);
	return 0;
}

static void pass(uint64_t us)
{
	t.now += us * US;
	t.cached_us -= (int64_t)us;
	t.cached_us = t.cached_us > 0 ? t.cached_us : 0;
}

/* One write goes as soon as it may, one at a time. HOLD, as pace_room_completed(). */
static void write_one(bool waits, bool hold)
{
	int64_t over;
	uint64_t sent;

	if (!pace_room_lets(&t.room, 0, t.now))
		pass((t.room.until_ns - t.now + US - 1) / US);
	sent = t.now;
	over = t.cached_us + (int64_t)t.flash_us - (int64_t)t.cache_us - t.most_us;
	t.slow += over > 0;
	pass(t.cache_us + (over > 0 ? (uint64_t)over : 0));
	t.cached_us += (int64_t)t.flash_us;
	t.moved++;
	pace_room_completed(&t.room, SECTORS, sent, waits, hold, t.now);
}

/* Writes for MS_, with reads that meet IN_DRIVE others. Returns the percentage of time that the
 * flash worked. */
static uint64_t run(uint64_t ms, uint32_t in_drive, bool hold)
{
	uint64_t began = t.now;

	t.moved = t.slow = 0;
	while (t.now - began < ms * MS) {
		pace_room_read(&t.room, in_drive, t.now);
		write_one(true, hold);
	}
	return t.moved * t.flash_us * US * 100 / (t.now - began);
}

static void a_full_cache_is_left_room(void **state)
{
	(void)state;
	run(500, 1, false);
	/* no less moves, and hardly any write waits */
	assert_in_range(run(1000, 1, false), 99, 101);
	assert_true(t.moved > 9000);
	assert_true(t.slow * 10 < t.moved);
}

static void reads_that_meet_none_need_no_pause(void **state)
{
	(void)state;
	run(10, 0, false);
	run(500, 0, false);
	assert_int_equal(t.slow, t.moved);
}

static void nothing_pauses_while_something_is_tried(void **state)
{
	(void)state;
	run(500, 1, true);
	assert_false(pace_room_works(&t.room));
	run(100, 1, true);
	assert_int_equal(t.slow, t.moved);
}

/* A pause of more than a millisecond would empty it. */
static void a_small_cache_has_short_pauses(void **state)
{
	(void)state;
	t.most_us = 2000;
	run(500, 1, false);
	assert_in_range(run(1000, 1, false), 95, 101);
	assert_true(t.slow * 2 < t.moved);
}

static void a_drive_without_a_cache_soon_is_left_alone(void **state)
{
	(void)state;
	t.cache_us = t.flash_us;
	run(3000, 1, false);
	assert_in_range(run(4000, 1, false), 99, 100);
	assert_false(pace_room_works(&t.room));
}

static void no_more_writes_no_pause(void **state)
{
	(void)state;
	run(500, 1, false);
	assert_true(pace_room_works(&t.room));
	write_one(false, false);
	assert_true(pace_room_lets(&t.room, 100, t.now));
}

static void few_go_after_a_pause(void **state)
{
	(void)state;
	run(500, 1, false);
	assert_true(pace_room_works(&t.room));
	assert_true(pace_room_lets(&t.room, PACE_ROOM_IN_DRIVE - 1, t.now + 10 * MS));
	assert_false(pace_room_lets(&t.room, PACE_ROOM_IN_DRIVE, t.now + 10 * MS));
}

int main(void)
{
#define T(test) cmocka_unit_test_setup(test, setup)
	const struct CMUnitTest tests[] = {
		T(a_full_cache_is_left_room),
		T(reads_that_meet_none_need_no_pause),
		T(nothing_pauses_while_something_is_tried),
		T(a_small_cache_has_short_pauses),
		T(a_drive_without_a_cache_soon_is_left_alone),
		T(no_more_writes_no_pause),
		T(few_go_after_a_pause),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
