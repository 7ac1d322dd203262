/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_none.c - no scheduler, step by step: the order of arrival within a staging queue,
 * alternation among staging queues, and merging with the last eight requests.
 */
#include "rig.h"

static void reset(void)
{
	rig_reset();
	rig.env.merging = SCHED_MERGING_ALL;
}

static void insert_from(uint32_t ctx, int id)
{
	rig.ctx = ctx;
	rig_insert(id, id % 2 ? W : R, (uint64_t)id * 100, 8, 0);
}

static void one_ctx_is_a_fifo(void **state)
{
	(void)state;
	reset();
	rig_open(&sched_none);
	assert_int_equal(rig_dispatch(0), NONE);
	for (int id = 0; id < 40; id++)
		insert_from(3, 39 - id);
	for (int id = 0; id < 40; id++)
		assert_int_equal(rig_serve(0), 39 - id);
	assert_int_equal(rig_dispatch(0), NONE);
	rig_close();
}

static void ctxs_alternate(void **state)
{
	(void)state;
	reset();
	rig_open(&sched_none);
	for (int id = 0; id < 6; id++)
		insert_from(5, id);
	insert_from(0, 10);
	insert_from(0, 11);
	insert_from(129, 20); /* the last possible one */
	insert_from(129, 21);
	insert_from(129, 22);
	rig_expect(0, 11, 0, 10, 20, 1, 11, 21, 2, 22, 3, 4, 5);
	rig_close();
}

/* A staging queue that returns goes behind those that wait. */
static void who_had_nothing_begins_at_the_end(void **state)
{
	(void)state;
	reset();
	rig_open(&sched_none);
	insert_from(1, 0);
	insert_from(2, 1);
	insert_from(2, 2);
	insert_from(3, 3);
	insert_from(3, 4);
	rig_expect(0, 1, 0);
	insert_from(1, 5);
	insert_from(1, 6);
	rig_expect(0, 6, 1, 3, 5, 2, 4, 6);
	rig_close();
}

static void ios_merge_with_the_last_eight_of_their_ctx(void **state)
{
	(void)state;
	reset();
	rig_open(&sched_none);
	for (int id = 0; id < 9; id++) {
		rig.ctx = 1;
		rig_insert(id, W, (uint64_t)id * 100, 8, 0);
	}
	/* The ninth from the end is too far away. */
	assert_int_equal(rig_submit(20, W, 8, 8, 0), SCHED_MERGE_NONE);
	/* That one was inserted now, so the next one is too far away too. */
	assert_int_equal(rig_submit(21, W, 108, 8, 0), SCHED_MERGE_NONE);
	assert_int_equal(rig_submit(22, W, 308, 8, 0), SCHED_MERGE_BACK);
	assert_int_equal(rig_submit(23, W, 392, 8, 0), SCHED_MERGE_FRONT);
	assert_int_equal(rig.into[22], 3);
	assert_int_equal(rig.into[23], 4);
	/* Other ctxs are not searched. */
	rig.ctx = 2;
	assert_int_equal(rig_submit(24, W, 808, 8, 0), SCHED_MERGE_NONE);
	/* A request that has left is not found. */
	rig.ctx = 1;
	rig_expect(0, 2, 0, 24);
	assert_int_equal(rig_submit(25, W, 100 - 8, 8, 0), SCHED_MERGE_NONE);
	rig_expect(0, 4, 1, 2, 3, 4);
	assert_int_equal(rig_submit(26, W, 316, 8, 0), SCHED_MERGE_NONE);
	rig_close();
}

static void nothing_merges_where_that_is_off(void **state)
{
	(void)state;
	for (unsigned merging = SCHED_MERGING_OFF; merging <= SCHED_MERGING_ALL; merging++) {
		rig_reset();
		rig.env.merging = (uint8_t)merging;
		rig_open(&sched_none);
		rig_insert(0, W, 0, 8, 0);
		assert_int_equal(rig_submit(1, W, 8, 8, 0), merging == SCHED_MERGING_OFF
								    ? SCHED_MERGE_NONE
								    : SCHED_MERGE_BACK);
		rig_close();
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_ctx_is_a_fifo),
		cmocka_unit_test(ctxs_alternate),
		cmocka_unit_test(who_had_nothing_begins_at_the_end),
		cmocka_unit_test(ios_merge_with_the_last_eight_of_their_ctx),
		cmocka_unit_test(nothing_merges_where_that_is_off),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
