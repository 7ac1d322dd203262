/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_cfq_slices.c - cfq: which queue has the slice, when it ends, when the drive stays idle, and
 * which queue preempts which. Event by event.
 */
#include "cfq_rig.h"

/*
 * Submitter WHO has the slice since a completion at 1 ms: it ends at 101 ms. It has N requests
 * left, with numbers from ID.
 */
static void has_slice(int id, int n, uint32_t who)
{
	reads_row(id, n + 1, who, 0);
	expect(0, id);
	rig_complete(id, 1 * MS);
}

static void waits_for_the_same_reader(void **state)
{
	(void)state;
	has_slice(0, 0, 1);
	reads(1, 2, PLACE(2), 2 * MS);
	expect(3 * MS, NONE);
	/* It arrives in time: no other queue was served. */
	reads(2, 1, PLACE(1) + 8, 4 * MS);
	expect(4 * MS, 2);
	/* It is in the drive: no timer is needed. */
	expect(5 * MS, NONE);
	expect_wakeup(101 * MS);
	rig_complete(2, 6 * MS);
	expect_wakeup(14 * MS);
	expect(14 * MS, 1);
	drain_all(15 * MS);
}

static void the_wait_is_over_though_nobody_asked(void **state)
{
	(void)state;
	has_slice(0, 0, 1);
	/* At 9 ms the slice has ended; both are new then, in this order. */
	reads(1, 2, PLACE(2), 10 * MS);
	reads(2, 1, PLACE(1), 11 * MS);
	expect(11 * MS, 1);
	drain_all(12 * MS);
}

static void a_tick_ends_it_too(void **state)
{
	(void)state;
	has_slice(0, 0, 1);
	reads(1, 2, PLACE(2), 2 * MS);
	rig.s->ops->tick(rig.s, 9 * MS - 1);
	expect_wakeup(9 * MS);
	rig.s->ops->tick(rig.s, 9 * MS);
	expect_wakeup(SCHED_NEVER);
	expect(9 * MS, 1);
	drain_all(10 * MS);
}

static void a_slice_begins_with_its_first_completion(void **state)
{
	(void)state;
	reads_row(0, 50, 1, 0);
	reads(90, 2, PLACE(2), 0);
	expect(0, 0);
	rig_complete(0, 700 * MS);
	expect(799 * MS, 1);
	rig_complete(1, 799 * MS);
	expect(800 * MS, 90);
	drain_all(801 * MS);
}

static void what_was_waited_for_goes_though_the_slice_is_over(void **state)
{
	(void)state;
	has_slice(0, 1, 1);
	expect(1 * MS, 1);
	rig_complete(1, 95 * MS);
	reads(90, 2, PLACE(2), 96 * MS);
	expect(96 * MS, NONE);
	reads(2, 1, PLACE(1) + 16, 97 * MS);
	reads(3, 1, PLACE(1) + 24, 97 * MS);
	/* One request only. */
	expect(102 * MS, 2);
	expect(102 * MS, 90);
	drain_all(103 * MS);
}

static void the_end_of_the_slice_ends_the_wait(void **state)
{
	(void)state;
	has_slice(0, 1, 1);
	expect(1 * MS, 1);
	rig_complete(1, 95 * MS);
	reads(90, 2, PLACE(2), 96 * MS);
	expect_wakeup(101 * MS);
	expect(101 * MS, 90);
	drain_all(102 * MS);
}

/* Sends requests one at a time, each GAP_MS after the last one had completed. */
static uint64_t one_by_one(int n, uint32_t who, uint64_t gap_ms, uint64_t step, uint64_t now)
{
	for (int i = 0; i < n; i++) {
		reads(1000, who, PLACE(who) + (uint64_t)i * step, now);
		assert_int_equal(rig_dispatch(now), 1000);
		rig_complete(1000, now += 1 * MS);
		now += gap_ms * MS;
	}
	return now;
}

/*
 * Returns true if the drive stays idle for WHO, which reads at OFFSET of its place, while another
 * request arrives.
 */
static bool is_waited_for_at(uint32_t who, uint64_t offset, uint64_t now)
{
	bool waits;

	reads(1000, who, PLACE(who) + offset, now);
	while (rig_dispatch(now) != 1000)
		now = rig.s->ops->next_wakeup(rig.s);
	reads(1001, who + 1, PLACE(who + 1), now);
	rig_complete(1000, now);
	waits = rig_dispatch(now) == NONE;
	if (waits)
		expect(rig.s->ops->next_wakeup(rig.s), 1001);
	rig_complete(1001, now + 20 * MS);
	return waits;
}

static bool is_waited_for(uint32_t who, uint64_t now)
{
	return is_waited_for_at(who, 0, now);
}

static void who_thinks_long_is_not_waited_for(void **state)
{
	uint64_t now;

	(void)state;
	now = one_by_one(6, 1, 20, 8, 0);
	assert_false(is_waited_for(1, now));
	now = one_by_one(6, 3, 3, 8, now + 100 * MS);
	assert_true(is_waited_for(3, now));
	/* And it is learned again. */
	now = one_by_one(30, 1, 1, 8, now + 100 * MS);
	assert_true(is_waited_for(1, now));
}

static void two_who_seek_are_not_waited_for(void **state)
{
	uint64_t now;

	(void)state;
	now = one_by_one(40, 1, 1, 5000, 0);
	now = one_by_one(40, 2, 1, 5000, now + 100 * MS);
	now += 100 * MS;
	assert_false(is_waited_for(1, now));
}

static void four_seeks_of_32_are_forgiven(void **state)
{
	uint64_t now;

	(void)state;
	now = one_by_one(40, 2, 1, 5000, 0);
	/* The very first request is not a seek. */
	now = one_by_one(16, 1, 1, 0, now + 100 * MS);
	for (int i = 0; i < 2; i++) {
		/* There and back. */
		reads(1000, 1, PLACE(1) + 5000, now);
		expect(now, 1000);
		rig_complete(1000, now + 1);
		now = one_by_one(1, 1, 1, 8, now + 1 * MS);
	}
	assert_true(is_waited_for(1, now + 100 * MS));
	now += 200 * MS;
	reads(1000, 1, PLACE(1) + 5000, now);
	expect(now, 1000);
	rig_complete(1000, now + 1);
	assert_false(is_waited_for_at(1, 5008, now + 100 * MS));
}

static void the_last_of_those_who_seek_is(void **state)
{
	uint64_t now;

	(void)state;
	now = one_by_one(40, 1, 1, 5000, 0);
	reads(1000, 1, PLACE(1), now);
	expect(now, 1000);
	writes_row(1001, 1, 2, now);
	rig_complete(1000, now);
	expect(now, NONE);
	expect_wakeup(now + 8 * MS);
	/*
	 * Another seeky queue serves the same purpose as the one that the drive stays idle for; it
	 * does not seek yet.
	 */
	drain_all(now + 8 * MS);
	now = one_by_one(40, 3, 1, 5000, now + 100 * MS);
	reads(1000, 1, PLACE(1), now + 100 * MS);
	expect(now + 100 * MS, 1000);
	rig_complete(1000, now + 101 * MS);
	reads(1000, 3, PLACE(3), now + 102 * MS);
	expect(now + 102 * MS, 1000);
	drain_all(now + 103 * MS);
}

/*
 * Submitter 1 sends N requests at once. Returns true if the drive then stays idle for it while 2
 * waits.
 */
static bool deep_is_waited_for(int n, uint64_t now)
{
	bool waits;

	for (int i = 0; i < n; i++)
		reads(i, 1, PLACE(1) + (uint64_t)i * 9000, now);
	for (int i = 0; i < n; i++)
		assert_true(rig_dispatch(now) < n);
	reads(90, 2, PLACE(2), now);
	for (int i = 0; i < n; i++)
		rig_complete(i, now);
	waits = rig_dispatch(now) == NONE;
	drain_all(now);
	return waits;
}

static void deep_queues_are_waited_for_though_they_seek(void **state)
{
	uint64_t now = one_by_one(40, 1, 1, 5000, 0);

	(void)state;
	now = one_by_one(40, 2, 1, 5000, now + 100 * MS);
	assert_false(deep_is_waited_for(3, now + 1 * SEC));
	assert_true(deep_is_waited_for(4, now + 2 * SEC));
	/* The idling was in vain and ends. */
	assert_false(deep_is_waited_for(3, now + 3 * SEC));
}

static int setup_ssd(void **state)
{
	(void)state;
	rig_reset();
	rig_open(&sched_cfq);
	return 0;
}

static void sized_read(int id, uint32_t who, uint32_t nr, uint64_t now)
{
	rig.submitter = who;
	rig.flags = SCHED_RQ_SYNC;
	rig_insert(id, R, PLACE(who) + (uint64_t)id * 1000, nr, now);
}

/*
 * WHO and the next submitter have read NR sectors at a time, one by one. Returns true if the drive
 * stays idle for WHO.
 */
static bool ssd_waits(uint32_t who, uint32_t nr, uint64_t now)
{
	bool waits;

	for (int i = 0; i < 12; i++, now += 1 * MS) {
		sized_read(0, who + (i > 5), nr, now);
		while (rig_dispatch(now) != 0)
			now = rig.s->ops->next_wakeup(rig.s);
		rig_complete(0, now);
	}
	now += 100 * MS;
	sized_read(0, who, nr, now);
	expect(now, 0);
	sized_read(1, who + 1, nr, now);
	rig_complete(0, now + 1);
	waits = rig_dispatch(now + 1) == NONE;
	drain_all(now + 1);
	return waits;
}

/* 40 requests wait, and the drive has one or all of them at a time. */
static void show_the_drive(bool one_at_a_time, uint64_t now)
{
	for (int i = 0; i < 40; i++)
		sized_read(i, 99, 64, now);
	for (int i = 0; i < 40; i++)
		assert_true((one_at_a_time ? rig_serve(now) : rig_dispatch(now)) != NONE);
	drain_all(now);
}

static void without_seeks_only_where_the_drive_takes_one_at_a_time(void **state)
{
	(void)state;
	assert_false(ssd_waits(1, 64, 0));
	show_the_drive(true, 1 * SEC);
	assert_true(ssd_waits(3, 64, 2 * SEC));
	show_the_drive(false, 3 * SEC);
	assert_false(ssd_waits(5, 64, 4 * SEC));
	show_the_drive(true, 5 * SEC);
	show_the_drive(true, 6 * SEC);
	assert_true(ssd_waits(7, 64, 7 * SEC));
}

static void one_reader_alone_says_nothing_of_the_drive(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < 30; i++)
		assert_false(ssd_waits(1 + 2 * i, i < 5 ? 64 : 63, i * SEC));
	assert_false(ssd_waits(90, 64, 40 * SEC));
}

static void many_who_have_one_each_say_nothing_of_it(void **state)
{
	(void)state;
	for (uint64_t now = 0; now < 10 * SEC; now += 1 * SEC) {
		for (int i = 0; i < 10; i++)
			sized_read(i, (uint32_t)(now / SEC) * 10 + (uint32_t)i, 64, now);
		drain_all(now);
	}
	assert_false(ssd_waits(200, 64, 20 * SEC));
}

static void without_seeks_small_ones_count_as_such(void **state)
{
	(void)state;
	show_the_drive(true, 0);
	assert_true(ssd_waits(1, 64, 1 * SEC));
	assert_false(ssd_waits(3, 63, 2 * SEC));
}

static void writes_and_reads_are_kept_apart(void **state)
{
	(void)state;
	writes_row(0, 20, 1, 0);
	expect(0, 0);
	expect(0, 1);
	/* A read gets the slice, but the writes must complete before the disk is its own. */
	reads(90, 2, PLACE(2), 1 * MS);
	expect(1 * MS, NONE);
	rig_complete(0, 2 * MS);
	expect(2 * MS, NONE);
	rig_complete(1, 3 * MS);
	expect(3 * MS, 90);
	/*
	 * No write is sent while a read is in the drive, even if the drive does not stay idle for
	 * the reader.
	 */
	rig_set("slice_idle", 0);
	rig_set("group_idle", 0);
	expect(4 * MS, NONE);
	rig_complete(90, 5 * MS);
	expect(5 * MS, 2);
	drain_all(6 * MS);
}

static void classes(void **state)
{
	(void)state;
	rig.prio = IDLE;
	reads_row(0, 4, 1, 0);
	expect(0, 0);
	/* One at a time only. */
	expect(0, NONE);
	rig_complete(0, 1);
	rig.prio = BE(7);
	reads(10, 2, PLACE(2), 1);
	rig.prio = RT(7);
	reads(20, 3, PLACE(3), 1);
	expect(1, 20);
	rig_complete(20, 2);
	/* The drive stays idle 8 ms for RT, and for BE too; not for IDLE. */
	expect(2, NONE);
	expect(2 + 8 * MS, 10);
	rig_complete(10, 3 + 8 * MS);
	expect(3 + 8 * MS, NONE);
	expect(3 + 16 * MS, 1);
	rig_complete(1, 4 + 16 * MS);
	expect(4 + 16 * MS, 2);
	drain_all(5 + 16 * MS);
}

static void idle_queues_alternate(void **state)
{
	(void)state;
	rig.prio = IDLE;
	reads_row(0, 3, 1, 0);
	reads_row(10, 3, 2, 1);
	rig_expect(2, 1, 0);
	rig_expect(3, 1, 10);
	rig_expect(4, 4, 1, 11, 2, 12);
	/* One request for each. */
	reads_row(0, 3, 1, 5);
	reads_row(10, 3, 2, 6);
	assert_true(rig_dispatch(7) < 10);
	assert_true(rig_dispatch(7) >= 10);
	expect(7, NONE);
	drain_all(8);
}

/* Reader 1 has used its slice until 101 ms and has no request at 102 ms. OTHER has one. */
static void used_up(uint32_t other)
{
	has_slice(0, 1, 1);
	if (other)
		reads(90, other, PLACE(other), 1 * MS);
	expect(1 * MS, 1);
	rig_complete(1, 102 * MS);
}

static void idle_queues_do_not_end_a_slice(void **state)
{
	(void)state;
	rig.prio = IDLE;
	reads(80, 2, PLACE(2), 0);
	rig.prio = BE(4);
	used_up(0);
	/* Another slice: it ends then, unless the idling ends before. */
	expect(102 * MS, NONE);
	expect_wakeup(110 * MS);
	expect(110 * MS, 80);
	drain_all(111 * MS);
}

static void but_others_do(void **state)
{
	(void)state;
	rig.prio = IDLE;
	reads(80, 2, PLACE(2), 0);
	rig.prio = BE(4);
	used_up(3);
	expect(102 * MS, 90);
	drain_all(103 * MS);
}

static void and_who_comes_later(void **state)
{
	(void)state;
	used_up(0);
	reads(90, 3, PLACE(3), 103 * MS);
	expect(103 * MS, 90);
	drain_all(104 * MS);
}

static void no_wait_longer_than_the_slice(void **state)
{
	uint64_t now = one_by_one(10, 1, 5, 8, 0) + 1 * SEC;

	(void)state;
	for (int left = 20; left >= 2; left -= 18) {
		/* Then a new slice. */
		now = one_by_one(10, 1, 5, 8, now) + 50 * MS;
		reads(0, 1, PLACE(1) + 80, now);
		reads(1, 1, PLACE(1) + 88, now);
		expect(now, 0);
		rig_complete(0, now + 1 * MS);
		expect(now + 1 * MS, 1);
		reads(90, 2, PLACE(2), now + 2 * MS);
		rig_complete(1, now + (101 - (uint64_t)left) * MS);
		/* It thinks for 7 ms: with 2 ms left idling is useless. */
		assert_int_equal(rig_dispatch(now + (101 - (uint64_t)left) * MS),
				 left == 2 ? 90 : NONE);
		drain_all(now + 110 * MS);
		now += 1 * SEC;
	}
}

static void the_last_one_is_not_waited_for_if_it_thinks_long(void **state)
{
	uint64_t now = one_by_one(6, 1, 20, 8, 0);

	(void)state;
	reads(0, 1, PLACE(1), now);
	expect(now, 0);
	rig_complete(0, now);
	writes_row(1, 1, 2, now + 1);
	expect(now + 1, 1);
	drain_all(now + 2);
}

/*
 * Submitter 1 at PRIO has the slice and 50 requests waiting. One of submitter 2 at OTHER arrives.
 * Returns true if that leaves next.
 */
static bool takes_it(uint16_t prio, uint8_t flags, uint16_t other, uint8_t other_flags)
{
	bool takes;

	rig_reset();
	rig.env.rotational = true;
	rig_open(&sched_cfq);
	rig_set("slice_idle", 0);
	rig_set("slice_async_rq", 100);
	rig.submitter = 1;
	rig.prio = prio;
	rig.flags = flags;
	for (int i = 0; i < 50; i++)
		rig_insert(i, W, PLACE(1) + (uint64_t)i * 8, 8, 0);
	rig_expect(1 * MS, 2, 0, 1);
	rig.submitter = 2;
	rig.prio = other;
	rig.flags = other_flags;
	rig_insert(99, W, PLACE(2), 8, 2 * MS);
	takes = rig_dispatch(2 * MS) == 99;
	drain_all(2 * MS);
	rig_close();
	return takes;
}

static void which_queue_preempts_which(void **state)
{
	enum { A, S }; /* asynchronous, synchronous */

	(void)state;
	assert_false(takes_it(BE(4), S, BE(4), S));
	assert_false(takes_it(BE(4), S, BE(0), S));
	assert_false(takes_it(BE(4), S, BE(0), A));
	assert_true(takes_it(BE(4), A, BE(4), S));
	assert_true(takes_it(BE(0), A, BE(7), S));
	assert_false(takes_it(BE(4), A, BE(0), A));
	assert_true(takes_it(BE(0), S, RT(7), S));
	assert_true(takes_it(BE(0), S, RT(7), A));
	assert_false(takes_it(RT(7), S, BE(0), S));
	assert_false(takes_it(RT(7), A, BE(0), S));
	assert_true(takes_it(RT(7), A, RT(7), S));
	assert_false(takes_it(RT(7), S, RT(0), S));
	assert_false(takes_it(BE(7), A, IDLE, S));
}

static void idle_gives_way_at_once(void **state)
{
	(void)state;
	rig.prio = IDLE;
	reads_row(0, 3, 1, 0);
	expect(0, 0);
	/* It is alone and has the slice, with a request in the drive. */
	rig.prio = BE(7);
	writes_row(10, 1, 2, 0);
	rig_complete(0, 1);
	expect(1, 10);
	drain_all(2);
}

static void a_close_one_while_waiting(void **state)
{
	/* The head is at PLACE(1) + 8. */
	static const uint64_t close[] = { 8200, 8201 };

	(void)state;
	for (int i = 0; i < 2; i++) {
		has_slice(0, 0, 1);
		reads(1, 2, PLACE(1) + close[i], 2 * MS);
		assert_int_equal(rig_dispatch(2 * MS), i ? NONE : 1);
		drain_all(50 * MS);
		rig_close();
		cfq_setup(NULL);
	}
	/* Nor does an asynchronous write. */
	has_slice(0, 0, 1);
	rig.flags = 0;
	rig_insert(1, W, PLACE(1) + 8, 8, 2 * MS);
	expect(2 * MS, NONE);
	drain_all(50 * MS);
	rig_close();
	cfq_setup(NULL);
	/* Not while it has requests. */
	has_slice(0, 2, 1);
	reads(9, 2, PLACE(1) + 100, 2 * MS);
	expect(2 * MS, 1);
	drain_all(3 * MS);
}

static void a_used_slice_is_anybodys(void **state)
{
	(void)state;
	has_slice(0, 9, 1);
	reads(20, 3, PLACE(3), 2 * MS);
	/* 2 came later, and finds the slice used. */
	reads(30, 2, PLACE(2), 101 * MS);
	expect(101 * MS, 30);
	drain_all(102 * MS);
}

static void what_was_taken_is_given_back(void **state)
{
	(void)state;
	has_slice(0, 9, 1);
	reads(20, 2, PLACE(2), 6 * MS);
	rig.prio = RT(0);
	reads(30, 3, PLACE(3), 11 * MS);
	expect(11 * MS, 30);
	rig_complete(30, 12 * MS);
	/* 1 had 10 ms of 100: it goes before 2, which came at 6 ms. */
	expect(20 * MS, 1);
	drain_all(21 * MS);
}

static void a_slice_that_had_not_begun_is_given_back_whole(void **state)
{
	(void)state;
	reads_row(0, 3, 1, 0);
	expect(0, 0);
	reads(20, 2, PLACE(2), 6 * MS);
	rig.prio = RT(0);
	reads(30, 3, PLACE(3), 11 * MS);
	rig_complete(0, 11 * MS);
	expect(11 * MS, 30);
	rig_complete(30, 12 * MS);
	expect(20 * MS, 1);
	drain_all(21 * MS);
}

static void who_had_its_slice_is_behind(void **state)
{
	(void)state;
	has_slice(0, 9, 1);
	reads(20, 2, PLACE(2), 6 * MS);
	expect(101 * MS, 20);
	drain_all(102 * MS);
}

static void short_slices_come_later(void **state)
{
	(void)state;
	rig_set("slice_idle", 0);
	rig.prio = BE(7);
	reads(1, 1, PLACE(1), 0);
	rig.prio = BE(0);
	reads(2, 2, PLACE(2), 1);
	rig.prio = BE(4);
	reads(3, 3, PLACE(3), 2);
	rig_expect(3, 3, 1, 2, 3);
	/* 1 was alone when it arrived; now all arrive with others there. */
	reads(9, 9, PLACE(9), 1 * MS);
	rig.prio = BE(7);
	reads(1, 1, PLACE(1), 1 * MS);
	rig.prio = BE(4);
	reads(3, 3, PLACE(3), 1 * MS);
	rig.prio = BE(0);
	reads(2, 2, PLACE(2), 1 * MS);
	rig_expect(2 * MS, 4, 9, 2, 3, 1);
}

/*
 * Readers 1 and 2 think long, 3 and 4 do not; all have many requests, one a ms. Returns how often
 * service changes between the two kinds in 1200 ms.
 */
static int changes_of_kind(int target, int slice)
{
	int changes = 0, last = -1, kind, served[2] = { 0 };
	uint64_t now;

	rig_set("target_latency", target);
	now = one_by_one(6, 1, 20, 8, 0);
	now = one_by_one(6, 2, 20, 8, now);
	rig_set("slice_sync", slice);
	for (uint32_t who = 1; who <= 4; who++)
		for (int i = 0; i < 900; i++)
			reads((int)who * 900 - 900 + i, who, PLACE(who) + (uint64_t)i * 8, now);
	for (int i = 0; i < 1200; i++, now += 1 * MS) {
		kind = rig_serve(now) < 1800;
		served[kind]++;
		changes += kind != last;
		last = kind;
	}
	assert_in_range(served[0], 500, 700);
	drain_all(now);
	return changes;
}

static void kinds_alternate(void **state)
{
	(void)state;
	/* Two queues of four: 150 ms each of 300, not 10. */
	assert_in_range(changes_of_kind(300, 10), 7, 10);
}

static void kinds_have_time_for_two_pauses(void **state)
{
	(void)state;
	/* 16 ms: eight slices of 2, not one for each queue. */
	rig_set("low_latency", 0);
	assert_in_range(changes_of_kind(2, 2), 65, 80);
}

static void writes_have_less_of_it(void **state)
{
	int reads_served = 0;

	(void)state;
	rig_set("slice_sync", 10);
	rig_set("slice_async", 4);
	rig_set("slice_async_rq", 1000);
	for (int i = 0; i < 2; i++)
		reads_row(i * 900, 900, (uint32_t)i + 1, 0);
	for (int i = 2; i < 4; i++) {
		rig.prio = BE(i);
		writes_row(i * 900, 900, (uint32_t)i + 1, 0);
	}
	for (uint64_t now = 0; now < 1200; now++)
		reads_served += rig_serve(now * MS) < 1800;
	/* 150 ms and 40 % of that, in whole slices. */
	assert_in_range(reads_served, 1200 * 66 / 100, 1200 * 75 / 100);
	drain_all(1200 * MS);
}

#define STEPPED(test) cmocka_unit_test_setup_teardown(test, cfq_setup, cfq_teardown)
#define ON_SSD(test) cmocka_unit_test_setup_teardown(test, setup_ssd, cfq_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		STEPPED(waits_for_the_same_reader),
		STEPPED(the_wait_is_over_though_nobody_asked),
		STEPPED(a_tick_ends_it_too),
		STEPPED(a_slice_begins_with_its_first_completion),
		STEPPED(what_was_waited_for_goes_though_the_slice_is_over),
		STEPPED(the_end_of_the_slice_ends_the_wait),
		STEPPED(who_thinks_long_is_not_waited_for),
		STEPPED(two_who_seek_are_not_waited_for),
		STEPPED(four_seeks_of_32_are_forgiven),
		STEPPED(the_last_of_those_who_seek_is),
		STEPPED(deep_queues_are_waited_for_though_they_seek),
		ON_SSD(without_seeks_only_where_the_drive_takes_one_at_a_time),
		ON_SSD(many_who_have_one_each_say_nothing_of_it),
		ON_SSD(one_reader_alone_says_nothing_of_the_drive),
		ON_SSD(without_seeks_small_ones_count_as_such),
		STEPPED(writes_and_reads_are_kept_apart),
		STEPPED(classes),
		STEPPED(idle_queues_alternate),
		STEPPED(idle_queues_do_not_end_a_slice),
		STEPPED(but_others_do),
		STEPPED(and_who_comes_later),
		STEPPED(no_wait_longer_than_the_slice),
		STEPPED(the_last_one_is_not_waited_for_if_it_thinks_long),
		cmocka_unit_test(which_queue_preempts_which),
		STEPPED(idle_gives_way_at_once),
		STEPPED(a_close_one_while_waiting),
		STEPPED(a_used_slice_is_anybodys),
		STEPPED(what_was_taken_is_given_back),
		STEPPED(a_slice_that_had_not_begun_is_given_back_whole),
		STEPPED(who_had_its_slice_is_behind),
		STEPPED(short_slices_come_later),
		STEPPED(kinds_alternate),
		STEPPED(kinds_have_time_for_two_pauses),
		STEPPED(writes_have_less_of_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
