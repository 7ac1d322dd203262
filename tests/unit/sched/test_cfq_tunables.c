/* SPDX-License-Identifier: Apache-2.0 */
/* test_cfq_tunables.c - cfq: the effect of each tunable, measured. */
#include <string.h>

#include "cfq_rig.h"

static void defaults(void **state)
{
	static const struct {
		const char *name;
		int64_t value;
	} all[] = {
		{ "quantum", 8 },
		{ "fifo_expire_sync", 125 },
		{ "fifo_expire_async", 250 },
		{ "back_seek_max", 16384 },
		{ "back_seek_penalty", 2 },
		{ "slice_sync", 100 },
		{ "slice_async", 40 },
		{ "slice_async_rq", 2 },
		{ "slice_idle", 8 },
		{ "group_idle", 8 },
		{ "low_latency", 1 },
		{ "target_latency", 300 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		assert_int_equal(rig_get(all[i].name), all[i].value);
		rig_set(all[i].name, 1);
		assert_int_equal(rig_get(all[i].name), 1);
	}
	assert_non_null(strstr(sched_cfq.summary, "successor is bfq"));
	assert_int_equal(sched_cfq.scope, SCHED_PER_QUEUE);
	assert_ptr_equal(sched_find("cfq"), &sched_cfq);
}

/*
 * Number 0 has the slice and 49 more requests waiting, 90 waits for a slice. Returns how many of
 * the first leave.
 */
static int at_once(uint64_t now)
{
	int n = 0;

	while (rig_dispatch(now) != NONE)
		n++;
	return n;
}

static void quantum(void **state)
{
	(void)state;
	for (int q = 8; q >= 2; q -= 6) {
		rig_set("quantum", q);
		reads_row(0, 50, 1, 0);
		reads(90, 2, PLACE(2), 0);
		/* Half as many while the speed of the drive is not known ... */
		assert_int_equal(at_once(0), q / 2);
		rig_complete(0, 1 * MS);
		/* ... all of them early in the slice, which ends at 101 ms ... */
		assert_int_equal(at_once(1 * MS), q / 2 + 1);
		rig_complete(1, 90 * MS);
		/* ... and half again when there is hardly time for those in the drive. */
		assert_int_equal(at_once(90 * MS), q == 2 ? 1 : 0);
		drain_all(91 * MS);
		rig_close();
		cfq_setup(NULL);
	}
}

static void alone_there_is_no_quantum(void **state)
{
	(void)state;
	reads_row(0, 50, 1, 0);
	assert_int_equal(at_once(0), 50);
	drain_all(1);
}

/* Returns which request leaves first at NOW: an old one far away, or a younger one nearby. */
static int first_at(uint8_t op, uint8_t flags, uint64_t now)
{
	int first;

	rig.flags = flags;
	rig_insert(0, op, 5000, 8, 0);
	rig_insert(1, op, 100, 8, 1 * MS);
	first = rig_dispatch(now);
	drain_all(now);
	rig_close();
	cfq_setup(NULL);
	return first;
}

static void fifo_expire(void **state)
{
	(void)state;
	for (uint8_t sync = 0; sync < 2; sync++) {
		const char *name = sync ? "fifo_expire_sync" : "fifo_expire_async";
		uint64_t def = sync ? 125 : 250;

		assert_int_equal(first_at(W, sync, def * MS - 1), 1);
		assert_int_equal(first_at(W, sync, def * MS), 0);
		rig_set(name, 20);
		assert_int_equal(first_at(W, sync, 20 * MS), 0);
		rig_set(name, 20);
		assert_int_equal(first_at(W, sync, 20 * MS - 1), 1);
	}
}

static void in_each_slice(void **state)
{
	(void)state;
	reads(0, 1, 5000, 0);
	rig_expect(0, 1, 0);
	rig.prio = RT(0);
	reads(9, 2, 100, 1);
	rig_expect(1, 1, 9);
	rig.prio = BE(4);
	reads(1, 1, 5000, 2);
	reads(2, 1, 200, 3);
	rig_expect(1000 * MS, 2, 1, 2);
}

static void once_a_slice_only(void **state)
{
	(void)state;
	reads(0, 1, 5000, 0);
	reads(1, 1, 4000, 1);
	reads(2, 1, 6000, 2);
	reads(3, 1, 5008, 3);
	/* All are overdue; after the oldest one come the near ones. */
	rig_expect(1000 * MS, 4, 0, 3, 2, 1);
}

/* After a request at sector 100008: 1 is AHEAD sectors ahead of it, 2 BACK sectors behind. */
static int after(uint64_t ahead, uint64_t back)
{
	int next;

	reads(0, 1, 100000, 0);
	assert_int_equal(rig_dispatch(0), 0);
	reads(3, 1, 100008, 0);
	reads(1, 1, 100008 + ahead, 0);
	reads(2, 1, 100008 - back, 0);
	/* 3 is where the head is; after it one of the others is chosen. */
	assert_int_equal(rig_dispatch(0), 3);
	next = rig_dispatch(0);
	drain_all(0);
	return next;
}

static void back_seek_penalty(void **state)
{
	(void)state;
	assert_int_equal(after(300, 149), 2);
	assert_int_equal(after(300, 150), 1);
	rig_set("back_seek_penalty", 1);
	assert_int_equal(after(300, 299), 2);
	assert_int_equal(after(300, 300), 1);
	rig_set("back_seek_penalty", 5);
	assert_int_equal(after(300, 61), 1);
}

static void back_seek_max(void **state)
{
	(void)state;
	assert_int_equal(after(90000, 32768), 2);
	assert_int_equal(after(90000, 32769), 1);
	rig_set("back_seek_max", 10);
	assert_int_equal(after(90000, 20), 2);
	assert_int_equal(after(90000, 21), 1);
	rig_set("back_seek_max", 0);
	assert_int_equal(after(90000, 1), 1);
}

/*
 * Numbers 0 to 499 have the slice, ID waits; one is served each ms. Returns the length of the
 * slice in ms, from its first completion.
 */
static uint64_t slice_length(int other)
{
	uint64_t now;
	int id = rig_dispatch(0);

	assert_int_equal(id, 0);
	rig_complete(0, 1 * MS);
	for (now = 1; (id = rig_serve(now * MS)) != other; now++)
		assert_true(id < 500);
	drain_all(now * MS);
	return now - 1;
}

static uint64_t sync_slice(unsigned level)
{
	uint64_t time;

	rig_set("low_latency", 0);
	rig.prio = BE(level);
	reads_row(0, 400, 1, 0);
	rig.prio = BE(4);
	reads(500, 2, PLACE(2), 0);
	time = slice_length(500);
	rig_close();
	cfq_setup(NULL);
	return time;
}

static void slice_sync(void **state)
{
	(void)state;
	assert_int_equal(sync_slice(4), 100);
	assert_int_equal(sync_slice(3), 120);
	rig_set("slice_sync", 50);
	assert_int_equal(sync_slice(4), 50);
	rig_set("slice_sync", 50);
	assert_int_equal(sync_slice(3), 60);
}

static uint64_t async_slice(unsigned level)
{
	uint64_t time;

	rig_set("slice_async_rq", 1000);
	rig.prio = BE(level);
	writes_row(0, 400, 1, 0);
	rig.prio = BE(7);
	writes_row(500, 1, 2, 0);
	time = slice_length(500);
	rig_close();
	cfq_setup(NULL);
	return time;
}

static void slice_async(void **state)
{
	(void)state;
	assert_int_equal(async_slice(4), 40);
	assert_int_equal(async_slice(0), 72);
	rig_set("slice_async", 60);
	assert_int_equal(async_slice(4), 60);
}

static void slice_async_rq(void **state)
{
	static const int values[] = { 2, 1, 5 };

	(void)state;
	for (int i = 0; i < 3; i++) {
		rig_set("slice_async_rq", values[i]);
		rig.prio = BE(4);
		writes_row(0, 100, 1, 0);
		assert_true(rig_serve(0) < 500);
		rig.prio = BE(0);
		writes_row(500, 50, 2, 0);
		for (int k = 1; k < 2 * values[i] * (8 - 4); k++)
			assert_true(rig_serve(0) < 500);
		assert_true(rig_serve(0) >= 500);
		drain_all(0);
		rig_close();
		cfq_setup(NULL);
	}
}

static void slice_async_rq_in_each_slice(void **state)
{
	(void)state;
	rig_set("quantum", 1000);
	writes_row(0, 100, 1, 0);
	expect(0, 0);
	rig.prio = BE(0);
	writes_row(500, 50, 2, 0);
	for (int i = 1; i < 16; i++)
		assert_true(rig_dispatch(0) < 500);
	for (int i = 0; i < 32; i++)
		assert_true(rig_dispatch(50 * MS) >= 500);
	for (int i = 0; i < 16; i++)
		assert_true(rig_dispatch(50 * MS) < 500);
	assert_true(rig_dispatch(100 * MS) >= 500);
	drain_all(100 * MS);
}

/*
 * A reader is empty since 1 ms, and another request arrives at 2 ms. Returns when that is served.
 */
static uint64_t waited(uint8_t op)
{
	uint64_t now = 2 * MS;

	reads(0, 1, PLACE(1), 0);
	expect(0, 0);
	rig_complete(0, 1 * MS);
	rig.submitter = 2;
	rig.flags = op == R ? SCHED_RQ_SYNC : 0;
	rig_insert(1, op, PLACE(2), 8, now);
	if (rig_dispatch(now) == NONE) {
		now = rig.s->ops->next_wakeup(rig.s);
		expect(now - 1, NONE);
		expect(now, 1);
	}
	rig_complete(1, now);
	rig_close();
	cfq_setup(NULL);
	return now;
}

static void slice_idle(void **state)
{
	(void)state;
	assert_int_equal(waited(R), 9 * MS);
	assert_int_equal(waited(W), 9 * MS);
	rig_set("slice_idle", 20);
	assert_int_equal(waited(R), 21 * MS);
	rig_set("slice_idle", 0);
	assert_int_equal(waited(R), 2 * MS);
}

static void group_idle(void **state)
{
	(void)state;
	rig_set("slice_idle", 0);
	assert_int_equal(waited(W), 9 * MS);
	rig_set("slice_idle", 0);
	rig_set("group_idle", 30);
	assert_int_equal(waited(W), 31 * MS);
	rig_set("slice_idle", 0);
	rig_set("group_idle", 0);
	assert_int_equal(waited(W), 2 * MS);
	/* Where slice_idle counts, group_idle does not. */
	rig_set("group_idle", 30);
	assert_int_equal(waited(W), 9 * MS);
}

static void group_idle_is_for_the_last_busy_one(void **state)
{
	(void)state;
	rig_set("slice_idle", 0);
	reads(0, 1, PLACE(1), 0);
	expect(0, 0);
	writes_row(1, 2, 2, 0);
	rig_complete(0, 1 * MS);
	expect(1 * MS, 1);
	drain_all(1 * MS);
}

/* Returns the length of the first slice in ms among N readers, from number 100. */
static uint64_t slice_among(int n, int low_latency, int target)
{
	uint64_t now;

	rig_set("low_latency", low_latency);
	rig_set("target_latency", target);
	reads_row(0, 200, 1, 0);
	for (int i = 1; i < n; i++)
		reads(500 + i, (uint32_t)i + 1, PLACE(i + 1), 0);
	now = slice_length(501);
	rig_close();
	cfq_setup(NULL);
	return now;
}

static void low_latency_shortens_slices(void **state)
{
	(void)state;
	assert_int_equal(slice_among(3, 1, 300), 100);
	assert_int_equal(slice_among(6, 1, 300), 50);
	assert_int_equal(slice_among(6, 0, 300), 100);
	/* The recent number of queues counts. */
	rig_set("slice_idle", 0);
	for (int i = 0; i < 12; i++)
		reads(600 + i, (uint32_t)i, PLACE(i), 0);
	for (int i = 0; i < 12; i++)
		rig_serve(0);
	assert_int_equal(slice_among(2, 1, 300), 75);
	rig_set("slice_idle", 100);
	assert_int_equal(slice_among(6, 1, 300), 100);
	/* But not below two times slice_idle. */
	assert_int_equal(slice_among(16, 1, 80), 16);
}

static void target_latency(void **state)
{
	(void)state;
	assert_int_equal(slice_among(6, 1, 600), 100);
	assert_int_equal(slice_among(6, 1, 180), 30);
}

static void low_latency_holds_writes_back(void **state)
{
	(void)state;
	/* A read that took 200 ms was late. */
	reads(0, 1, PLACE(1), 0);
	expect(0, 0);
	writes_row(1, 50, 2, 0);
	rig_complete(0, 200 * MS);
	assert_int_equal(at_once(200 * MS), 0);
	expect_wakeup(208 * MS);
	/* One, and one more for each slice_sync since. */
	assert_int_equal(at_once(208 * MS), 1);
	assert_int_equal(at_once(399 * MS), 0);
	assert_int_equal(at_once(400 * MS), 1);
	assert_int_equal(at_once(700 * MS), 3);
	rig_set("slice_sync", 50);
	assert_int_equal(at_once(700 * MS), 5);
	rig_set("low_latency", 0);
	assert_int_equal(at_once(700 * MS), 40);
	drain_all(700 * MS);
}

static void a_read_in_time_holds_nobody_back(void **state)
{
	(void)state;
	reads(0, 1, PLACE(1), 0);
	expect(0, 0);
	rig_complete(0, 125 * MS - 1);
	writes_row(1, 50, 2, 200 * MS);
	assert_int_equal(at_once(200 * MS), 50);
	drain_all(200 * MS);
}

#define STEPPED(test) cmocka_unit_test_setup_teardown(test, cfq_setup, cfq_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		STEPPED(defaults),
		STEPPED(quantum),
		STEPPED(alone_there_is_no_quantum),
		STEPPED(fifo_expire),
		STEPPED(in_each_slice),
		STEPPED(once_a_slice_only),
		STEPPED(back_seek_penalty),
		STEPPED(back_seek_max),
		STEPPED(slice_sync),
		STEPPED(slice_async),
		STEPPED(slice_async_rq),
		STEPPED(slice_async_rq_in_each_slice),
		STEPPED(slice_idle),
		STEPPED(group_idle),
		STEPPED(group_idle_is_for_the_last_busy_one),
		STEPPED(low_latency_shortens_slices),
		STEPPED(target_latency),
		STEPPED(low_latency_holds_writes_back),
		STEPPED(a_read_in_time_holds_nobody_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
