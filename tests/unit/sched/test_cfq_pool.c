/* SPDX-License-Identifier: Apache-2.0 */
/* test_cfq_pool.c - cfq: which requests belong to one queue, and which may be merged. */
#include "cfq_rig.h"

static int setup_small(void **state)
{
	(void)state;
	rig_reset();
	rig.env.rotational = true;
	rig.env.max_submitters = 2;
	rig_open(&sched_cfq);
	rig_set("slice_idle", 0);
	rig_set("group_idle", 0);
	return 0;
}

static int setup_merging(void **state)
{
	(void)state;
	rig_reset();
	rig.env.merging = SCHED_MERGING_ALL;
	rig_open(&sched_cfq);
	return 0;
}

/*
 * Submitters A and B, at levels LEVEL_A and LEVEL_B, have the sectors 0, 20 and 10, 30. They are
 * one queue if the requests leave in the order of sectors.
 */
static bool are_one(uint32_t a, unsigned level_a, uint32_t b, unsigned level_b, uint8_t op,
		    uint8_t flags)
{
	static uint64_t base;
	int order[4];

	base += 1000; /* always ahead of the head; otherwise the order would begin elsewhere */
	rig.flags = flags;
	for (int i = 0; i < 4; i++) {
		rig.submitter = i % 2 ? b : a;
		rig.prio = BE(i % 2 ? level_b : level_a);
		rig_insert(i, op, base + (uint64_t)i * 10, 8, 100 * SEC + (uint64_t)i);
	}
	for (int i = 0; i < 4; i++)
		order[i] = rig_serve(100 * SEC + 5);
	return order[0] == 0 && order[1] == 1 && order[2] == 2 && order[3] == 3;
}

static void a_queue_for_each_submitter_and_priority(void **state)
{
	(void)state;
	assert_false(are_one(1, 4, 2, 4, W, SCHED_RQ_SYNC));
	assert_false(are_one(1, 4, 1, 5, W, SCHED_RQ_SYNC));
	assert_true(are_one(1, 4, 1, 4, W, SCHED_RQ_SYNC));
}

static void what_nobody_waits_for_is_shared(void **state)
{
	(void)state;
	assert_true(are_one(1, 4, 2, 4, W, 0));
	assert_false(are_one(1, 4, 2, 5, W, 0));
	assert_int_equal(rig_get("shared_inserts"), 0);
}

static void beyond_the_pool_they_share(void **state)
{
	(void)state;
	reads(10, 8, PLACE(1), 0);
	reads(11, 9, PLACE(1), 0);
	assert_int_equal(rig_get("shared_inserts"), 0);
	/* These have no queue of their own; another level goes to another shared queue. */
	for (int i = 0; i < 4; i++)
		reads(i, (uint32_t)i, PLACE(5) + (uint64_t)(40 - i * 10), 1);
	rig.prio = BE(0);
	reads(4, 4, PLACE(2), 2);
	assert_int_equal(rig_get("shared_inserts"), 5);
	/* First the queue of the pool, then level 0, whose slice is the longest and comes first. */
	rig_expect(3, 3, 10, 4, 11);
	rig_expect(3, 4, 3, 2, 1, 0);
	/* The queues of the pool are unused now and are given to others. */
	rig.prio = BE(4);
	assert_false(are_one(20, 4, 21, 4, W, SCHED_RQ_SYNC));
	assert_int_equal(rig_get("shared_inserts"), 5);
}

static void a_queue_is_kept_for_the_one_who_used_it_last(void **state)
{
	(void)state;
	rig_set("slice_idle", 8);
	/* 1 is known to think long; then 2 and 3 arrive, and 3 gets the queue of 1. */
	for (int i = 0; i < 6; i++) {
		reads(0, 1, PLACE(1), (uint64_t)i * SEC);
		assert_int_equal(rig_serve((uint64_t)i * SEC), 0);
	}
	reads(0, 1, PLACE(1), 7 * SEC);
	expect(7 * SEC, 0);
	reads(1, 2, PLACE(2), 7 * SEC);
	rig_complete(0, 7 * SEC);
	expect(7 * SEC, 1);
	rig_complete(1, 7 * SEC);
	reads(2, 3, PLACE(3), 8 * SEC);
	expect(8 * SEC, 2);
	rig_complete(2, 8 * SEC);
	/* 3 is new: the drive stays idle for it. */
	reads(0, 2, PLACE(2), 8 * SEC);
	expect(8 * SEC, NONE);
	drain_all(8 * SEC);
}

static void gone(void **state)
{
	(void)state;
	rig_set("slice_idle", 8);
	for (int i = 0; i < 6; i++) {
		reads(0, 1, PLACE(1), (uint64_t)i * SEC);
		assert_int_equal(rig_serve((uint64_t)i * SEC), 0);
	}
	rig.s->ops->submitter_gone(rig.s, 1);
	/*
	 * The same number is another submitter now, and the drive stays idle for it; but not after
	 * it leaves.
	 */
	reads(0, 1, PLACE(1), 7 * SEC);
	expect(7 * SEC, 0);
	reads(1, 2, PLACE(2), 7 * SEC);
	rig_complete(0, 7 * SEC);
	expect(7 * SEC, NONE);
	rig.s->ops->submitter_gone(rig.s, 1);
	expect(7 * SEC, 1);
	rig_complete(1, 7 * SEC);
}

static void gone_with_a_request_with_the_drive(void **state)
{
	(void)state;
	rig_set("slice_idle", 8);
	for (int i = 0; i < 6; i++) {
		reads(0, 1, PLACE(1), (uint64_t)i * SEC);
		assert_int_equal(rig_serve((uint64_t)i * SEC), 0);
	}
	reads(0, 1, PLACE(1), 7 * SEC);
	expect(7 * SEC, 0);
	rig.s->ops->submitter_gone(rig.s, 1);
	rig_complete(0, 7 * SEC);
	/* Its data was cleared. */
	reads(0, 1, PLACE(1), 7 * SEC);
	expect(7 * SEC, 0);
	reads(1, 2, PLACE(2), 7 * SEC);
	rig_complete(0, 7 * SEC);
	expect(7 * SEC, NONE);
	drain_all(7 * SEC);
	assert_false(are_one(3, 4, 4, 4, W, SCHED_RQ_SYNC));
	assert_int_equal(rig_get("shared_inserts"), 0);
}

static void one_that_never_completes_is_counted_off(void **state)
{
	(void)state;
	writes_row(0, 2, 1, 0);
	expect(0, 0);
	/* The engine refused it, and the lane gives it up. */
	rig.s->ops->finish(rig.s, &rig.rq[0]);
	rig.state[0] = RIG_FREE;
	/* No asynchronous request is in the drive then: no need to wait for its end. */
	rig_set("slice_idle", 8);
	reads(5, 1, PLACE(3), 1);
	expect(1, 5);
	drain_all(2);
}

static void merges_in_a_queue(void **state)
{
	(void)state;
	reads(0, 1, 100, 0);
	reads(9, 1, 900, 0);
	assert_int_equal(rig_submit(1, R, 108, 8, 0), SCHED_MERGE_BACK);
	assert_int_equal(rig_submit(2, R, 892, 8, 0), SCHED_MERGE_FRONT);
	assert_int_equal(rig_submit(3, R, 92, 8, 0), SCHED_MERGE_FRONT);
	/* This closes a gap. */
	reads(4, 1, 124, 0);
	assert_int_equal(rig_submit(5, R, 116, 8, 0), SCHED_MERGE_BACK);
	assert_int_equal(rig.into[4], 0);
	reads(6, 1, 132, 0);
	assert_int_equal(rig.into[6], 0);
	rig_expect(0, 2, 0, 9);
}

static void growing_to_the_front_may_make_it_the_next(void **state)
{
	(void)state;
	reads(0, 1, 992, 0);
	expect(0, 0);
	reads(1, 1, 900, 0);
	reads(2, 1, 1300, 0);
	/* The distance back counts 200, forwards 300; then 190. */
	rig.submitter = 1;
	assert_int_equal(rig_submit(3, R, 1190, 110, 0), SCHED_MERGE_FRONT);
	expect(0, 2);
	drain_all(0);
}

static void but_not_across_queues(void **state)
{
	(void)state;
	rig.submitter = 1;
	rig.flags = 0;
	rig_insert(0, W, 100, 8, 0);
	rig.flags = SCHED_RQ_SYNC;
	/* The last one, of the same submitter and priority, but asynchronous. */
	assert_int_equal(rig_submit(1, W, 108, 8, 0), SCHED_MERGE_NONE);
	rig.flags = 0;
	rig_insert(2, W, 116, 8, 0);
	assert_int_equal(rig.state[2], RIG_WAITING);
	assert_int_equal(rig_submit(3, W, 92, 8, 0), SCHED_MERGE_FRONT);
	drain_all(0);
}

static void writes_that_are_waited_for(void **state)
{
	(void)state;
	/* With FUA it is synchronous. A read always is. */
	assert_true(are_one(1, 4, 2, 4, W, 0));
	assert_false(are_one(1, 4, 2, 4, W, SCHED_RQ_FUA));
	assert_false(are_one(1, 4, 2, 4, R, 0));
}

#define SMALL(test) cmocka_unit_test_setup_teardown(test, setup_small, cfq_teardown)
#define MERGING(test) cmocka_unit_test_setup_teardown(test, setup_merging, cfq_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		SMALL(a_queue_for_each_submitter_and_priority),
		SMALL(what_nobody_waits_for_is_shared),
		SMALL(beyond_the_pool_they_share),
		SMALL(a_queue_is_kept_for_the_one_who_used_it_last),
		SMALL(gone),
		SMALL(gone_with_a_request_with_the_drive),
		SMALL(one_that_never_completes_is_counted_off),
		MERGING(merges_in_a_queue),
		MERGING(growing_to_the_front_may_make_it_the_next),
		MERGING(but_not_across_queues),
		SMALL(writes_that_are_waited_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
