/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_deadline.c - deadline: batches that begin with its next request, where it differs from
 * mq-deadline, and the effect of each tunable.
 */
#include <string.h>

#include "rig.h"

static void open_with(const struct sched_ops *ops, uint8_t merging)
{
	rig_reset();
	rig.env.merging = merging;
	rig_open(ops);
}

static int setup(void **state)
{
	(void)state;
	open_with(&sched_deadline, SCHED_MERGING_OFF);
	return 0;
}

static int setup_merging(void **state)
{
	(void)state;
	open_with(&sched_deadline, SCHED_MERGING_ALL);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	rig_close();
	return 0;
}

/* Reads of a batch leave at 100 and 150, then a write. RESUMES is the read that leaves next. */
static void resume(const struct sched_ops *ops, int resumes, int then)
{
	open_with(ops, SCHED_MERGING_OFF);
	rig_set("fifo_batch", 2);
	rig_set("writes_starved", 0);
	rig_insert(1, R, 100, 8, 0);
	rig_insert(2, R, 150, 8, 0);
	rig_insert(0, R, 800, 8, 1);
	rig_insert(3, R, 200, 8, 2);
	rig_expect(3, 2, 1, 2);
	rig_insert(9, W, 0, 8, 4);
	rig_expect(5, 3, 9, resumes, then);
	rig_close();
}

static void it_starts_from_the_oldest_and_mq_deadline_where_it_stood(void **state)
{
	(void)state;
	/*
	 * 0 at sector 800 came before 3 at 200; both directions wait, and no deadline has passed.
	 */
	resume(&sched_mq_deadline, 3, 0);
	resume(&sched_deadline, 0, 3);
}

/* A request that arrives between the last one and the next one does not become the next one. */
static void a_late_comer(const struct sched_ops *ops, int a, int b, int c)
{
	open_with(ops, SCHED_MERGING_OFF);
	rig_insert(0, R, 100, 8, 0);
	rig_insert(1, R, 300, 8, 0);
	rig_expect(0, 1, 0);
	rig_insert(2, R, 200, 8, 0);
	rig_expect(0, 2, a, b);
	rig_insert(3, R, 400, 8, 0);
	rig_expect(0, 1, c);
	rig_close();
}

static void the_next_one_is_chosen_when_the_last_one_leaves(void **state)
{
	(void)state;
	a_late_comer(&sched_mq_deadline, 2, 1, 3);
	a_late_comer(&sched_deadline, 1, 2, 3);
}

static void thirty_two_reads_sixteen_writes(void **state)
{
	/* Unlike mq-deadline it begins with reads: there is no last direction yet. */
	static const int runs[] = { 32, 16, 32, 16, 32, 16 };

	(void)state;
	rig_backlog(200);
	rig_expect_runs(false, 6, runs);
}

static void fifo_batch_is_the_length_of_a_batch(void **state)
{
	static const int runs[] = { 8, 4, 8, 4 };

	(void)state;
	rig_set("fifo_batch", 4);
	rig_backlog(100);
	rig_expect_runs(false, 4, runs);
}

static void writes_starved_is_how_many_batches_of_reads(void **state)
{
	static const int runs[] = { 80, 16, 80, 16 };

	(void)state;
	rig_set("writes_starved", 5);
	rig_backlog(200);
	rig_expect_runs(false, 4, runs);
}

static void reads_win_with_writes_starved_negative(void **state)
{
	static const int runs[] = { 50, 50 };

	(void)state;
	rig_set("writes_starved", -1);
	rig_backlog(50);
	rig_expect_runs(false, 2, runs);
}

static void writes_win_with_writes_starved_0(void **state)
{
	static const int runs[] = { 50, 50 };

	(void)state;
	rig_set("writes_starved", 0);
	rig_backlog(50);
	rig_expect_runs(true, 2, runs);
}

/*
 * Batches of one request: OLD at 900 waits while others are next. It leaves at once if its
 * deadline, EXPIRE_MS after 0, has passed between two batches.
 */
static void overdue(uint8_t op, uint64_t expire_ms)
{
	const uint64_t due = expire_ms * MS;

	rig_set("fifo_batch", 1);
	for (int i = 0; i < 4; i++)
		rig_insert(i, op, 100 + (uint64_t)i * 8, 8, 0);
	rig_expect(0, 1, 0);
	rig_insert(8, op, 50, 8, 0);
	/*
	 * 1 is older than 8, and due; but it is also the next one. After it 8 is the second
	 * oldest.
	 */
	rig_expect(due - 1, 2, 1, 2);
	rig_insert(9, op, 90, 8, due - 1);
	rig_expect(due - 1, 1, 3);
	rig_insert(10, op, 10, 8, due - 1);
	rig_expect(due - 1, 1, 8);
	/* The next one is 9 at 90, behind 50; then 11 arrives, which is the next one after 9. */
	rig_insert(11, op, 95, 8, due - 1);
	rig_expect(due - 1, 1, 9);
	/* 10 is older, but not yet overdue: the next one leaves. */
	rig_insert(12, op, 99, 8, due - 1);
	rig_expect(2 * due - 2, 1, 11);
	/* Now it is overdue. */
	rig_expect(2 * due - 1, 2, 10, 12);
}

static void a_read_is_overdue_after_read_expire(void **state)
{
	(void)state;
	overdue(R, 500);
}

static void a_write_is_overdue_after_write_expire(void **state)
{
	(void)state;
	overdue(W, 5000);
}

static void read_expire_can_be_set(void **state)
{
	(void)state;
	rig_set("read_expire", 7);
	overdue(R, 7);
}

static void write_expire_can_be_set(void **state)
{
	(void)state;
	rig_set("write_expire", 9);
	overdue(W, 9);
}

static void front_merges_can_be_spared(void **state)
{
	(void)state;
	for (int on = 1; on >= 0; on--) {
		rig_set("front_merges", on);
		rig_insert(0, R, 500, 8, 0);
		rig_insert(1, R, 100, 8, 0);
		/* 0 is the last one; 1 is found by its beginning. */
		assert_int_equal(rig_submit(2, R, 92, 8, 0),
				 on ? SCHED_MERGE_FRONT : SCHED_MERGE_NONE);
		/* The last request is checked all the same. */
		assert_int_equal(rig_submit(3, R, on ? 84 : 492, 8, 0), SCHED_MERGE_FRONT);
		while (rig_serve(0) != NONE)
			;
		rig.state[2] = rig.state[3] = RIG_FREE;
	}
}

static void when_the_next_one_is_absorbed(void **state)
{
	(void)state;
	rig_set("fifo_batch", 8);
	rig_insert(0, R, 0, 8, 0);
	rig_insert(1, R, 100, 8, 0);
	rig_insert(2, R, 116, 8, 0);
	rig_insert(3, R, 300, 8, 0);
	rig_expect(0, 1, 0);
	rig_expect(0, 1, 1);
	/* The next one is 2; it is merged into 4, which is new, and 3 is next. */
	rig_insert(4, R, 100, 8, 0);
	assert_int_equal(rig_submit(5, R, 108, 8, 0), SCHED_MERGE_BACK);
	assert_int_equal(rig.into[2], 4);
	rig_expect(0, 2, 3, 4);
}

static void growing_to_the_front_may_overtake(void **state)
{
	(void)state;
	/* The first request that leaves shows where the batch is. */
	rig_insert(9, R, 10, 8, 0);
	rig_insert(0, R, 100, 8, 0);
	rig_insert(1, R, 96, 2, 0);
	assert_int_equal(rig_submit(2, R, 92, 8, 0), SCHED_MERGE_FRONT);
	rig_expect(0, 3, 9, 0, 1);
}

static void what_was_due_earlier_stays_due(void **state)
{
	(void)state;
	rig_set("fifo_batch", 1);
	rig_insert(9, R, 50, 8, 0);
	rig_insert(0, R, 108, 8, 0);
	rig_expect(0, 1, 9);
	rig_insert(1, R, 40, 8, 1);
	rig_insert(2, R, 92, 8, 2);
	assert_int_equal(rig_submit(3, R, 100, 8, 2), SCHED_MERGE_BACK);
	assert_int_equal(rig.into[0], 2);
	rig_insert(4, R, 60, 8, 3);
	/* 2 has the place of 0 now: it is the oldest. */
	rig_expect(500 * MS, 3, 2, 1, 4);
}

static void its_place(void **state)
{
	(void)state;
	assert_int_equal(sched_deadline.scope, SCHED_PER_QUEUE);
	assert_non_null(strstr(sched_deadline.summary, "successor is mq-deadline"));
	assert_ptr_equal(sched_find("deadline"), &sched_deadline);
}

#define STEPPED(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
#define MERGING(test) cmocka_unit_test_setup_teardown(test, setup_merging, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_starts_from_the_oldest_and_mq_deadline_where_it_stood),
		cmocka_unit_test(the_next_one_is_chosen_when_the_last_one_leaves),
		STEPPED(thirty_two_reads_sixteen_writes),
		STEPPED(fifo_batch_is_the_length_of_a_batch),
		STEPPED(writes_starved_is_how_many_batches_of_reads),
		STEPPED(reads_win_with_writes_starved_negative),
		STEPPED(writes_win_with_writes_starved_0),
		STEPPED(a_read_is_overdue_after_read_expire),
		STEPPED(a_write_is_overdue_after_write_expire),
		STEPPED(read_expire_can_be_set),
		STEPPED(write_expire_can_be_set),
		MERGING(front_merges_can_be_spared),
		MERGING(when_the_next_one_is_absorbed),
		MERGING(growing_to_the_front_may_overtake),
		MERGING(what_was_due_earlier_stays_due),
		cmocka_unit_test(its_place),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
