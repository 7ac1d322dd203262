/* SPDX-License-Identifier: Apache-2.0 */
/* test_noop.c - noop: the order of arrival, and the two ways of merging. */
#include <string.h>

#include "rig.h"

static int setup(void **state)
{
	(void)state;
	rig_reset();
	rig.env.merging = SCHED_MERGING_ALL;
	rig_open(&sched_noop);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	rig_close();
	return 0;
}

static void in_the_order_in_which_they_came(void **state)
{
	(void)state;
	rig_insert(0, W, 900, 8, 0);
	rig.prio = IDLE;
	rig_insert(1, R, 500, 8, 1);
	rig.prio = RT(0);
	rig_insert(2, R, 100, 8, 2);
	rig_insert(3, D, 700, 8, 3);
	rig_expect(4, 4, 0, 1, 2, 3);
	assert_int_equal(rig_dispatch(5), NONE);
}

static void one_list_keeps_its_order(void **state)
{
	struct sched_list list = TAILQ_HEAD_INITIALIZER(list);

	(void)state;
	rig_insert(0, R, 0, 8, 0);
	for (int i = 1; i < 4; i++) {
		struct sched_rq *rq = rig_make(i, R, (uint64_t)i * 100, 8, 0);

		TAILQ_INSERT_TAIL(&list, rq, fifo);
		rig.state[i] = RIG_WAITING;
		rig.waiting++;
	}
	rig.s->ops->insert(rig.s, &list, 0);
	rig_expect(0, 4, 0, 1, 2, 3);
}

static void merges_with_the_last_at_either_side(void **state)
{
	(void)state;
	rig_insert(0, R, 100, 8, 0);
	assert_int_equal(rig_submit(1, R, 108, 8, 0), SCHED_MERGE_BACK);
	assert_int_equal(rig_submit(2, R, 92, 8, 0), SCHED_MERGE_FRONT);
	assert_int_equal(rig.rq[0].sector, 92);
	assert_int_equal(rig.rq[0].nr_sectors, 24);
	rig_expect(0, 1, 0);
}

static void merges_behind_any_by_its_end(void **state)
{
	(void)state;
	rig_insert(0, R, 100, 8, 0);
	rig_insert(1, R, 500, 8, 0);
	rig_insert(2, R, 900, 8, 0);
	/* The remembered one is 0, the first: 2 is found by its end ... */
	assert_int_equal(rig_submit(3, R, 908, 8, 0), SCHED_MERGE_BACK);
	/* ... and after it has grown, too; now it is the remembered one, for a front merge. */
	assert_int_equal(rig_submit(4, R, 508, 8, 0), SCHED_MERGE_BACK);
	assert_int_equal(rig_submit(5, R, 916, 8, 0), SCHED_MERGE_BACK);
	assert_int_equal(rig_submit(6, R, 892, 8, 0), SCHED_MERGE_FRONT);
	/* noop does not search for a request that begins where a new one ends. */
	assert_int_equal(rig_submit(7, R, 92, 8, 0), SCHED_MERGE_NONE);
	rig_expect(0, 4, 0, 1, 2, 7);
}

static void a_whole_request_closes_gaps(void **state)
{
	(void)state;
	rig_insert(0, W, 0, 8, 0);
	rig_insert(1, R, 500, 8, 0);
	rig_insert(2, W, 16, 8, 0);
	/* Merged behind 0, in its place; 2 is not searched for. */
	rig_insert(3, W, 8, 8, 0);
	assert_int_equal(rig.state[3], RIG_MERGED);
	assert_int_equal(rig.into[3], 0);
	/* 4 touches the new end of 0. */
	rig_insert(4, R, 508, 8, 0);
	assert_int_equal(rig.into[4], 1);
	rig_expect(0, 3, 0, 1, 2);
}

static void a_chain_of_gaps(void **state)
{
	(void)state;
	rig_insert(0, R, 0, 8, 0);
	rig_insert(1, R, 900, 8, 0);
	rig_insert(2, R, 16, 8, 0);
	assert_int_equal(rig_submit(3, R, 908, 8, 0), SCHED_MERGE_BACK);
	/* 2 grows at its back. The merged request is checked again, and 0 is not behind it. */
	rig_insert(4, R, 24, 8, 0);
	assert_int_equal(rig.into[4], 2);
	/* It grows at its front by an io; the next whole request closes both gaps. */
	assert_int_equal(rig_submit(5, R, 8, 8, 0), SCHED_MERGE_FRONT);
	rig_insert(6, R, 32, 8, 0);
	assert_int_equal(rig.into[6], 2);
	assert_int_equal(rig.into[2], 0);
	assert_int_equal(rig.rq[0].nr_sectors, 40);
	rig_expect(0, 2, 0, 1);
}

static void what_has_left_takes_nobody(void **state)
{
	(void)state;
	rig_insert(0, R, 100, 8, 0);
	assert_int_equal(rig_dispatch(0), 0);
	assert_int_equal(rig_submit(1, R, 108, 8, 0), SCHED_MERGE_NONE);
	rig_complete(0, 1);
	/* 1 is the remembered one now. */
	assert_int_equal(rig_submit(2, R, 100, 8, 0), SCHED_MERGE_FRONT);
	rig_expect(1, 1, 1);
}

static void merging_is_the_owners_choice(void **state)
{
	(void)state;
	rig_insert(0, R, 100, 8, 0);
	rig_insert(1, R, 500, 8, 0);
	rig.s->env.merging = SCHED_MERGING_ONE_HIT;
	assert_int_equal(rig_submit(2, R, 508, 8, 0), SCHED_MERGE_NONE);
	assert_int_equal(rig_submit(3, R, 108, 8, 0), SCHED_MERGE_BACK);
	rig.s->env.merging = SCHED_MERGING_OFF;
	assert_int_equal(rig_submit(4, R, 116, 8, 0), SCHED_MERGE_NONE);
	rig_expect(0, 4, 0, 1, 2, 4);
}

static void its_place(void **state)
{
	(void)state;
	assert_int_equal(sched_noop.scope, SCHED_PER_QUEUE);
	assert_null(sched_noop.tunables);
	assert_non_null(strstr(sched_noop.summary, "successor is none"));
	assert_ptr_equal(sched_find("noop"), &sched_noop);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(in_the_order_in_which_they_came, setup, teardown),
		cmocka_unit_test_setup_teardown(one_list_keeps_its_order, setup, teardown),
		cmocka_unit_test_setup_teardown(merges_with_the_last_at_either_side, setup,
						teardown),
		cmocka_unit_test_setup_teardown(merges_behind_any_by_its_end, setup, teardown),
		cmocka_unit_test_setup_teardown(a_whole_request_closes_gaps, setup, teardown),
		cmocka_unit_test_setup_teardown(a_chain_of_gaps, setup, teardown),
		cmocka_unit_test_setup_teardown(what_has_left_takes_nobody, setup, teardown),
		cmocka_unit_test_setup_teardown(merging_is_the_owners_choice, setup, teardown),
		cmocka_unit_test(its_place),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
