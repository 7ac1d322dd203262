/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_events.c - events fire in the order of their times, and in the order of adding if times are
 * equal.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sim/events.h"

static struct events events;
static struct event pool[8];
static int log_of[64], fired;
static uint64_t seen_now;

static void note(struct event *ev, uint64_t now)
{
	log_of[fired++] = (int)(ev - pool);
	seen_now = now;
}

/* An event that adds itself again until time 30. */
static void again(struct event *ev, uint64_t now)
{
	note(ev, now);
	if (ev->due < 30)
		events_add(&events, ev, ev->due + 10);
}

static int setup(void **state)
{
	(void)state;
	events_init(&events);
	fired = 0;
	for (int i = 0; i < 8; i++)
		pool[i].fire = note;
	return 0;
}

static void expect(int n, const int *ids)
{
	assert_int_equal(fired, n);
	for (int i = 0; i < n; i++)
		assert_int_equal(log_of[i], ids[i]);
}

static void by_time_then_by_order(void **state)
{
	(void)state;
	assert_true(events_next(&events) == EVENTS_NEVER);
	events_add(&events, &pool[0], 20);
	events_add(&events, &pool[1], 10);
	events_add(&events, &pool[2], 20);
	events_add(&events, &pool[3], 10);
	events_add(&events, &pool[4], 5);
	assert_int_equal(events_next(&events), 5);
	events_fire(&events, 20);
	expect(5, (const int[]){ 4, 1, 3, 0, 2 });
	assert_true(events_next(&events) == EVENTS_NEVER);
}

static void only_what_is_due(void **state)
{
	(void)state;
	events_add(&events, &pool[0], 10);
	events_add(&events, &pool[1], 11);
	events_fire(&events, 9);
	expect(0, NULL);
	events_fire(&events, 10);
	expect(1, (const int[]){ 0 });
	assert_int_equal(seen_now, 10);
	assert_int_equal(events_next(&events), 11);
}

static void added_while_it_fires(void **state)
{
	(void)state;
	pool[0].fire = again;
	events_add(&events, &pool[0], 10);
	events_add(&events, &pool[1], 15);
	events_fire(&events, 20);
	expect(3, (const int[]){ 0, 1, 0 });
	assert_int_equal(events_next(&events), 30);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(by_time_then_by_order, setup),
		cmocka_unit_test_setup(only_what_is_due, setup),
		cmocka_unit_test_setup(added_while_it_fires, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
