/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_mq_deadline.c - the order of requests: directions, batches, deadlines, classes, ageing and
 * tunables of mq-deadline, event by event.
 */
#include <limits.h>
#include <string.h>

#include "rig.h"

static int setup(void **state)
{
	(void)state;
	rig_reset();
	rig_open(&sched_mq_deadline);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	rig_close();
	return 0;
}

static void thirty_two_reads_sixteen_writes(void **state)
{
	/* The first batch has writes: that is the first direction. */
	static const int runs[] = { 16, 32, 16, 32, 16, 32 };

	(void)state;
	rig_backlog(200);
	rig_expect_runs(true, 6, runs);
}

static void fifo_batch_and_writes_starved_shape_it(void **state)
{
	static const int runs[] = { 4, 4, 4, 4 }, more[] = { 8, 4, 12, 4, 12 };

	(void)state;
	rig_set("fifo_batch", 4);
	rig_set("writes_starved", 1);
	rig_backlog(200);
	rig_expect_runs(true, 4, runs);
	rig_set("writes_starved", 3);
	/* One of the three batches of reads has already gone. */
	rig_expect_runs(false, 5, more);
}

static void a_batch_of_one(void **state)
{
	static const int runs[] = { 1, 2, 1, 2, 1 };

	(void)state;
	rig_set("fifo_batch", 1);
	rig_backlog(20);
	rig_expect_runs(true, 5, runs);
}

static void a_batch_of_none_is_one(void **state)
{
	/* But no batch is continued, not even one that never began. */
	static const int runs[] = { 2, 1, 2, 1 };

	(void)state;
	rig_set("fifo_batch", 0);
	rig_backlog(20);
	rig_expect_runs(false, 4, runs);
}

static void with_writes_starved_0_writes_always_win(void **state)
{
	static const int runs[] = { 100, 100 };

	(void)state;
	rig_set("writes_starved", 0);
	rig_set("fifo_batch", 7);
	rig_backlog(100);
	rig_expect_runs(true, 2, runs);
}

/* As in a kernel: with a value below 0 no number of batches is too many. */
static void below_0_reads_always_win(int64_t starved)
{
	/* The very first batch has writes, as always. */
	static const int runs[] = { 7, 100, 93 };

	rig_set("writes_starved", starved);
	rig_set("fifo_batch", 7);
	rig_backlog(100);
	rig_expect_runs(true, 3, runs);
}

static void with_writes_starved_negative(void **state)
{
	(void)state;
	below_0_reads_always_win(-1);
}

static void with_writes_starved_least(void **state)
{
	(void)state;
	below_0_reads_always_win(INT_MIN);
}

static void writes_alone_starve_nobody(void **state)
{
	(void)state;
	rig_set("fifo_batch", 1);
	rig_insert(9, W, 0, 8, 0);
	rig_expect(0, 1, 9);
	rig_insert(0, R, 0, 8, 0);
	rig_insert(1, W, 8, 8, 0);
	/* One batch went before the write, which then went because it was alone ... */
	rig_expect(0, 2, 0, 1);
	rig_insert(2, R, 8, 8, 0);
	rig_insert(3, R, 16, 8, 0);
	rig_insert(4, R, 24, 8, 0);
	rig_insert(5, W, 16, 8, 0);
	/* ... and the counter starts again. */
	rig_expect(0, 4, 2, 3, 5, 4);
}

static void never_backwards_in_a_batch(void **state)
{
	(void)state;
	rig_insert(0, R, 100, 8, 0);
	rig_insert(1, R, 50, 8, 1);
	rig_insert(2, R, 5000000, 8, 2);
	rig_insert(3, R, 20, 8, 3);
	/* Ascending from 0; none lies behind 5000000, so the oldest one begins the next batch. */
	rig_expect(4, 4, 3, 1, 0, 2);
	rig_insert(4, R, 700, 8, 5);
	rig_insert(5, R, 300, 8, 6);
	rig_insert(6, R, 800, 8, 7);
	rig_expect(8, 3, 4, 6, 5);
}

static void equal_sectors_in_order(void **state)
{
	(void)state;
	for (int i = 0; i < 6; i++)
		rig_insert(i, R, 64, 8, 0);
	rig_insert(6, R, 8, 8, 0);
	rig_expect(0, 3, 6, 0, 1);
	/* The first sector of the last one counts as in front of the position. */
	rig_insert(7, R, 64, 8, 0);
	rig_expect(0, 5, 2, 3, 4, 5, 7);
}

static void deadlines_count_between_batches_only(void **state)
{
	(void)state;
	rig_set("fifo_batch", 4);
	rig_insert(0, R, 0, 8, 0);
	rig_insert(1, R, 10000, 8, 0); /* moves the position behind the requests that follow */
	rig_expect(0, 2, 0, 1);
	rig_insert(9, R, 500, 8, 0); /* due at 500 ms */
	for (int i = 2; i < 12; i++)
		if (i != 9)
			rig_insert(i, R, 10000 + (uint64_t)i * 8, 8, 400 * MS);
	/* Two of the batch are left: they come first, overdue or not. */
	rig_expect(600 * MS, 2, 2, 3);
	/* Then the overdue one begins a batch. */
	rig_expect(600 * MS, 4, 9, 4, 5, 6);
	rig_expect(600 * MS, 4, 7, 8, 10, 11);
}

static void overdue_is_at_the_deadline(void **state)
{
	(void)state;
	rig_set("fifo_batch", 1);
	rig_insert(0, R, 1000, 8, 0);
	rig_expect(0, 1, 0);
	rig_insert(1, R, 500, 8, 7);
	for (int i = 2; i < 6; i++)
		rig_insert(i, R, 2000 + (uint64_t)i * 8, 8, 8);
	rig_expect(500 * MS + 6, 1, 2); /* 1 ns too early */
	rig_expect(500 * MS + 7, 4, 1, 3, 4, 5);
	rig_insert(0, W, 1000, 8, 0);
	rig_expect(0, 1, 0);
	rig_insert(1, W, 500, 8, 0);
	for (int i = 2; i < 6; i++)
		rig_insert(i, W, 2000 + (uint64_t)i * 8, 8, 8);
	rig_expect(5 * SEC - 1, 1, 2);
	rig_expect(5 * SEC, 1, 1);
	rig_expect(5 * SEC, 3, 3, 4, 5);
}

static void with_expiry_0_batches_begin_with_the_oldest(void **state)
{
	(void)state;
	rig_set("read_expire", 0);
	rig_set("write_expire", 0);
	rig_set("fifo_batch", 2);
	rig_insert(0, W, 0, 8, 0);
	rig_insert(1, W, 0, 8, 0);
	rig_expect(0, 2, 0, 1);
	rig_insert(2, R, 900, 8, 1);
	rig_insert(3, R, 100, 8, 2);
	rig_insert(4, R, 950, 8, 3);
	rig_insert(5, R, 500, 8, 4);
	rig_expect(4, 4, 2, 4, 3, 5);
}

static void each_direction_resumes_where_it_was(void **state)
{
	(void)state;
	rig_set("fifo_batch", 2);
	for (int i = 0; i < 8; i++)
		rig_insert(i, R, 100 + (uint64_t)i * 8, 8, 0);
	rig_insert(10, W, 5000, 8, 0);
	rig_insert(11, W, 5008, 8, 0);
	rig_insert(12, W, 0, 8, 0);
	rig_expect(0, 6, 12, 10, 0, 1, 2, 3);
	rig_insert(20, R, 0, 8, 0); /* in front of the position, and not overdue */
	rig_expect(0, 3, 11, 4, 5);
}

static void discards_count_as_writes(void **state)
{
	(void)state;
	rig_set("fifo_batch", 1);
	rig_set("writes_starved", 1);
	for (int i = 0; i < 4; i++) {
		rig_insert(i, R, (uint64_t)i * 8, 8, 0);
		rig_insert(10 + i, i % 2 ? D : SCHED_WRITE_ZEROES, (uint64_t)i * 8, 8, 0);
	}
	rig_expect(0, 8, 10, 0, 11, 1, 12, 2, 13, 3);
}

static void insert_prio(int id, uint16_t prio, uint64_t sector, uint64_t now)
{
	rig.prio = prio;
	rig_insert(id, R, sector, 8, now);
}

static void classes_are_strict(void **state)
{
	(void)state;
	insert_prio(0, IDLE, 0, 0);
	insert_prio(1, BE(0), 0, 0);
	insert_prio(2, BE(7), 8, 0);
	insert_prio(3, RT(7), 0, 0);
	insert_prio(4, RT(0), 8, 0);
	insert_prio(5, 4, 16, 0); /* no class: best effort */
	rig_expect(0, 6, 3, 4, 1, 2, 5, 0);
}

static void a_class_waits_for_the_driver(void **state)
{
	(void)state;
	insert_prio(0, RT(0), 0, 0);
	insert_prio(1, BE(0), 0, 0);
	insert_prio(2, IDLE, 0, 0);
	assert_int_equal(rig_dispatch(0), 0);
	assert_int_equal(rig_dispatch(0), NONE);
	/* Even if no event happens: when the lower classes have waited long enough. */
	assert_int_equal(rig.s->ops->next_wakeup(rig.s), 10 * SEC);
	rig_complete(0, 5);
	assert_int_equal(rig_dispatch(5), 1);
	assert_int_equal(rig_dispatch(5), NONE);
	rig_complete(1, 6);
	assert_int_equal(rig_serve(6), 2);
	assert_int_equal(rig_dispatch(6), NONE);
	assert_true(rig.s->ops->next_wakeup(rig.s) == SCHED_NEVER);
}

static void ageing_lets_a_low_class_go(void **state)
{
	uint64_t now = 1 * SEC;
	int id = 10;

	(void)state;
	insert_prio(0, IDLE, 0, 1 * SEC);
	insert_prio(1, BE(4), 0, 1 * SEC);
	for (; now < 11 * SEC; now += 250 * MS) {
		insert_prio(id, BE(4), (uint64_t)id * 8, now);
		assert_int_not_equal(rig_serve(now), 0);
		id++;
	}
	/* One of BE is left; a ns before its time the idle one waits for it, then it does not. */
	assert_int_equal(rig.waiting, 2);
	insert_prio(id, BE(4), (uint64_t)id * 8, now - 1);
	assert_int_equal(rig_serve(11 * SEC - 1), id - 1);
	assert_int_equal(rig_serve(11 * SEC), 0);
	assert_int_equal(rig_serve(11 * SEC), id);
}

static void ageing_looks_at_best_effort_first(void **state)
{
	(void)state;
	rig_set("prio_aging_expire", 5);
	insert_prio(0, RT(0), 0, 0);
	insert_prio(1, IDLE, 0, 0);
	insert_prio(2, BE(0), 0, 0);
	insert_prio(3, RT(0), 8, 4 * MS);
	rig_expect(5 * MS, 4, 2, 1, 0, 3);
}

static void ageing_needs_a_second_class(void **state)
{
	(void)state;
	/* With one class, it behaves step by step as without ageing: the overdue one begins. */
	rig_set("fifo_batch", 1);
	insert_prio(0, BE(4), 100, 0);
	rig_expect(0, 1, 0);
	insert_prio(1, BE(4), 0, 0);
	insert_prio(2, BE(4), 200, 0);
	rig_expect(600 * MS, 2, 1, 2);
}

static void looking_for_the_aged_ends_a_batch(void **state)
{
	(void)state;
	/*
	 * As above, but while an idle request waits. The search for aged requests finds the
	 * overdue one, which is too young for that, and has begun a batch; so the position
	 * decides.
	 */
	rig_set("fifo_batch", 1);
	insert_prio(0, BE(4), 100, 0);
	rig_expect(0, 1, 0);
	insert_prio(1, BE(4), 0, 0);
	insert_prio(2, BE(4), 200, 0);
	insert_prio(3, IDLE, 0, 0);
	rig_expect(600 * MS, 3, 2, 1, 3);
}

static void the_classes_share_direction_and_batch(void **state)
{
	(void)state;
	rig_set("fifo_batch", 3);
	insert_prio(0, BE(4), 0, 0);
	insert_prio(1, BE(4), 8, 0);
	rig_expect(0, 2, 0, 1); /* two of a batch of reads */
	insert_prio(2, RT(0), 0, 0);
	insert_prio(3, RT(0), 8, 0);
	rig_insert(4, W, 0, 8, 0);
	rig_insert(5, W, 8, 8, 0);
	rig_insert(6, W, 16, 8, 0);
	rig_insert(7, W, 24, 8, 0);
	rig_set("writes_starved", 0);
	/* One read of the batch is left, although the class is another one. */
	rig_expect(0, 6, 2, 4, 5, 6, 7, 3);
}

/* The age of a request does not depend on the expiry at the time of its arrival. */
static void another_expiry_makes_nobody_younger(void **state)
{
	static const int64_t expire[] = { 0, 1, 200, 500, INT_MAX };

	(void)state;
	for (int i = 0; i < 25; i++) {
		rig_set("read_expire", expire[i / 5]);
		rig_insert(i, R, 0, 8, 100 * MS);
		rig_set("read_expire", expire[i % 5]);
		assert_int_equal(rig_serve(100 * MS), i);
	}
}

static void a_shorter_expiry_holds_at_once(void **state)
{
	(void)state;
	rig_set("fifo_batch", 1);
	rig_insert(0, R, 1000, 8, 0);
	rig_expect(0, 1, 0);
	rig_insert(1, R, 500, 8, 0); /* behind the position, to be overdue after 500 ms */
	for (int i = 2; i < 6; i++)
		rig_insert(i, R, 2000 + (uint64_t)i * 8, 8, 0);
	rig_expect(20 * MS - 1, 1, 2);
	rig_set("read_expire", 20);
	rig_expect(20 * MS - 1, 1, 3);
	rig_expect(20 * MS, 3, 1, 4, 5);
}

static void a_shorter_ageing_holds_at_once(void **state)
{
	(void)state;
	insert_prio(0, RT(0), 0, 0);
	insert_prio(1, IDLE, 0, 5 * MS);
	assert_int_equal(rig_dispatch(5 * MS), 0);
	assert_int_equal(rig_dispatch(5 * MS), NONE);
	rig_set("prio_aging_expire", 10);
	assert_int_equal(rig.s->ops->next_wakeup(rig.s), 15 * MS);
	assert_int_equal(rig_dispatch(15 * MS - 1), NONE);
	assert_int_equal(rig_serve(15 * MS), 1);
	rig_complete(0, 15 * MS);
}

static void depth_for_writes(void **state)
{
	const struct sched_ops *ops = &sched_mq_deadline;

	(void)state;
	assert_int_equal(rig_get("async_depth"), 256);
	assert_int_equal(rig_limit_depth(W, SCHED_RQ_SYNC), 256);
	rig_set("async_depth", 10);
	assert_int_equal(rig_limit_depth(R, SCHED_RQ_SYNC), 256);
	assert_int_equal(rig_limit_depth(W, SCHED_RQ_SYNC), 10);
	assert_int_equal(rig_limit_depth(W, 0), 10);
	assert_int_equal(rig_limit_depth(D, SCHED_RQ_SYNC), 10);
	rig_set("async_depth", 1000);
	assert_int_equal(rig_limit_depth(W, 0), 256);
	ops->depth_changed(rig.s, 64);
	assert_int_equal(rig_get("async_depth"), 64);
	assert_int_equal(rig_limit_depth(W, 0), 64);
	assert_int_equal(rig_limit_depth(R, SCHED_RQ_SYNC), 64);
}

static void tunables_are_what_sysfs_has(void **state)
{
	static const struct {
		const char *name;
		int64_t def, min;
	} expected[] = {
		{ "read_expire", 500, 0 },	  { "write_expire", 5000, 0 },
		{ "writes_starved", 2, INT_MIN }, { "fifo_batch", 16, 0 },
		{ "front_merges", 1, 0 },	  { "prio_aging_expire", 10000, 0 },
		{ "async_depth", 256, 1 },
	};
	const struct sched_tunable *t = sched_mq_deadline.tunables;

	(void)state;
	for (int i = 0; i < 7; i++) {
		assert_string_equal(t[i].name, expected[i].name);
		assert_int_equal(rig_get(t[i].name), expected[i].def);
		assert_true(t[i].min == expected[i].min);
		assert_int_equal(t[i].def_percent ? t[i].def_percent * 256 / 100 : t[i].def,
				 expected[i].def);
		assert_false(t[i].read_only);
	}
	assert_null(t[7].name);
	assert_int_equal(sched_find_tunable(&sched_mq_deadline, "fifo_batc"), -1);
	assert_int_equal(sched_find_tunable(&sched_none, "fifo_batch"), -1);
	assert_ptr_equal(sched_find("mq-deadline"), &sched_mq_deadline);
}

static void what_was_merged_keeps_no_class_waiting(void **state)
{
	(void)state;
	rig_reset();
	rig.env.merging = SCHED_MERGING_ALL;
	rig_open(&sched_mq_deadline);
	rig.prio = BE(4);
	rig_insert(0, R, 500, 8, 0);
	rig.prio = RT(0);
	rig_insert(1, R, 100, 8, 0);
	rig_insert(2, R, 108, 8, 0);
	assert_int_equal(rig.into[2], 1);
	rig_expect(0, 2, 1, 0);
	rig_close();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		T(thirty_two_reads_sixteen_writes),
		T(fifo_batch_and_writes_starved_shape_it),
		T(a_batch_of_one),
		T(a_batch_of_none_is_one),
		T(with_writes_starved_0_writes_always_win),
		T(with_writes_starved_negative),
		T(with_writes_starved_least),
		T(writes_alone_starve_nobody),
		T(never_backwards_in_a_batch),
		T(equal_sectors_in_order),
		T(deadlines_count_between_batches_only),
		T(overdue_is_at_the_deadline),
		T(with_expiry_0_batches_begin_with_the_oldest),
		T(each_direction_resumes_where_it_was),
		T(discards_count_as_writes),
		T(classes_are_strict),
		T(a_class_waits_for_the_driver),
		T(ageing_lets_a_low_class_go),
		T(ageing_looks_at_best_effort_first),
		T(ageing_needs_a_second_class),
		T(looking_for_the_aged_ends_a_batch),
		T(the_classes_share_direction_and_batch),
		T(another_expiry_makes_nobody_younger),
		T(a_shorter_expiry_holds_at_once),
		T(a_shorter_ageing_holds_at_once),
		T(depth_for_writes),
		T(tunables_are_what_sysfs_has),
		cmocka_unit_test(what_was_merged_keeps_no_class_waiting),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
