/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_merge.c - which requests are merged, how they are found, and what happens to places and
 * deadlines: merging in mq-deadline (one-hit cache, hash, tree, neighbours) and in kyber (the last
 * few of a ctx).
 */
#include <string.h>

#include "rig.h"

static int setup(void **state)
{
	(void)state;
	rig_reset();
	rig.env.merging = SCHED_MERGING_ALL;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	rig_close();
	return 0;
}

static void open_deadline(void)
{
	rig_open(&sched_mq_deadline);
}

static void expect_span(int id, uint64_t sector, uint32_t nr)
{
	assert_int_equal(rig.rq[id].sector, sector);
	assert_int_equal(rig.rq[id].nr_sectors, nr);
}

static void back_and_front_of_the_last(void **state)
{
	(void)state;
	open_deadline();
	assert_int_equal(rig_submit(0, R, 100, 8, 5), SCHED_MERGE_NONE);
	assert_int_equal(rig_submit(1, R, 108, 8, 6), SCHED_MERGE_BACK);
	assert_int_equal(rig_submit(2, R, 92, 8, 7), SCHED_MERGE_FRONT);
	expect_span(0, 92, 24);
	assert_int_equal(rig.rq[0].start_ns, 5);
	assert_int_equal(rig_submit(3, R, 117, 8, 8), SCHED_MERGE_NONE); /* a gap of one */
	rig_expect(8, 2, 0, 3);
	assert_int_equal(rig_dispatch(8), NONE);
}

static void by_hash_and_tree(void **state)
{
	(void)state;
	open_deadline();
	for (int i = 0; i < 10; i++)
		/* 0 is the remembered one: it was inserted first */
		rig_insert(i, R, (uint64_t)i * 100, 8, 0);
	assert_int_equal(rig_submit(10, R, 508, 8, 0), SCHED_MERGE_BACK);
	expect_span(5, 500, 16);
	assert_int_equal(rig_submit(11, R, 692, 8, 0), SCHED_MERGE_FRONT);
	expect_span(6, 600, 8);
	expect_span(7, 692, 16);
	/* it has grown: found */
	assert_int_equal(rig_submit(12, R, 692 + 16, 8, 0), SCHED_MERGE_BACK);
	expect_span(7, 692, 24);
	/* not the remembered one */
	assert_int_equal(rig_submit(13, R, 516, 8, 0), SCHED_MERGE_BACK);
	expect_span(5, 500, 24);
	rig_expect(0, 10, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9);
}

static void without_front_merges(void **state)
{
	(void)state;
	open_deadline();
	rig_set("front_merges", 0);
	rig_insert(0, R, 100, 8, 0);
	rig_insert(1, R, 200, 8, 0);
	assert_int_equal(rig_submit(2, R, 192, 8, 0), SCHED_MERGE_NONE);
	/* The cache ignores the tunable. */
	assert_int_equal(rig_submit(3, R, 92, 8, 0), SCHED_MERGE_FRONT);
	expect_span(0, 92, 16);
}

static void a_front_merge_moves_it_in_the_tree(void **state)
{
	(void)state;
	open_deadline();
	rig_insert(0, R, 1000, 8, 0);
	/* the position is 1000: a batch ends there, the next one begins by age */
	rig_expect(0, 1, 0);
	rig_insert(1, R, 2000, 8, 0);
	rig_insert(2, R, 1996, 4, 0); /* it would be a front merge, but it is inserted as a whole */
	assert_int_equal(rig.state[2], RIG_WAITING);
	assert_int_equal(rig_submit(3, R, 1988, 8, 0), SCHED_MERGE_FRONT);
	expect_span(2, 1988, 12);
	assert_int_equal(rig.state[1], RIG_WAITING); /* only the request in front is checked */
	rig_insert(4, R, 1990, 1, 0);
	rig_expect(0, 3, 2, 4, 1);
}

static void a_front_merge_moves_it_before_others(void **state)
{
	(void)state;
	open_deadline();
	rig_insert(0, R, 40, 8, 0);
	rig_insert(1, R, 30, 2, 0);
	assert_int_equal(rig_submit(2, R, 20, 20, 0), SCHED_MERGE_FRONT); /* 20 ... 47, over 30 */
	rig_expect(0, 2, 0, 1);
}

static void a_closed_gap_merges_the_neighbours(void **state)
{
	(void)state;
	open_deadline();
	rig.prio = RT(0);
	rig_insert(0, W, 108, 8, 1);
	rig_insert(1, W, 92, 8, 2);
	assert_int_equal(rig.merges, 0);
	/* 0 is the remembered one */
	assert_int_equal(rig_submit(2, W, 100, 8, 3), SCHED_MERGE_FRONT);
	assert_int_equal(rig.into[2], 0);
	assert_int_equal(rig.into[0], 1); /* then the one before it absorbs it */
	expect_span(1, 92, 24);
	assert_int_equal(rig.rq[1].start_ns, 1);
	rig_expect(3, 1, 1);
	assert_int_equal(rig_dispatch(3), NONE);
	/* An absorbed request is not queued any more, and delays no other one. */
	rig.prio = BE(4);
	rig_insert(4, W, 0, 8, 3);
	assert_int_equal(rig_serve(3), 4);
}

static void whole_ones_are_not_queued_any_more(void **state)
{
	(void)state;
	open_deadline();
	rig.prio = RT(0);
	rig_insert(0, W, 100, 8, 1);
	rig_insert(1, W, 108, 8, 1);
	assert_int_equal(rig.into[1], 0);
	rig_expect(3, 1, 0);
	rig.prio = BE(4);
	rig_insert(4, W, 0, 8, 3);
	assert_int_equal(rig_serve(3), 4);
}

static void the_earlier_deadline_and_place_stay(void **state)
{
	(void)state;
	open_deadline();
	rig_set("fifo_batch", 1);
	rig_insert(9, R, 5000, 8, 0);
	rig_expect(0, 1, 9); /* the position is behind all of them */
	rig_insert(0, R, 300, 8, 1);
	rig_insert(1, R, 108, 8, 2);
	rig_insert(2, R, 200, 8, 3);
	rig_insert(3, R, 92, 8, 4);
	assert_int_equal(rig_submit(4, R, 100, 8, 5), SCHED_MERGE_BACK);
	assert_int_equal(rig.into[1], 3);
	assert_int_equal(rig.rq[3].inserted_ns, 2);
	/* By age: 0, then 3 in the place of 1, then 2. */
	assert_int_equal(rig_serve(6), 0);
	rig_insert(10, R, 300, 8, 6);
	assert_int_equal(rig_serve(500 * MS + 2), 3);
	rig_expect(SEC, 2, 2, 10);
}

static void a_later_deadline_changes_nothing(void **state)
{
	(void)state;
	open_deadline();
	rig_insert(0, R, 92, 8, 1);
	rig_insert(1, R, 108, 8, 2);
	assert_int_equal(rig_submit(2, R, 100, 8, 5), SCHED_MERGE_BACK);
	assert_int_equal(rig.into[1], 0);
	assert_int_equal(rig.rq[0].inserted_ns, 1);
	rig_expect(5, 1, 0);
}

static void whole_requests_merge_when_inserted(void **state)
{
	(void)state;
	open_deadline();
	rig_insert(0, R, 24, 8, 0);
	rig_insert(1, R, 500, 8, 0);
	rig_insert(2, R, 508, 8, 0); /* by the hash */
	assert_int_equal(rig.into[2], 1);
	rig_insert(3, R, 516, 8, 0); /* by the cache */
	assert_int_equal(rig.into[3], 1);
	rig_insert(4, R, 492, 8, 0); /* only at the back */
	assert_int_equal(rig.state[4], RIG_WAITING);
	rig_insert(5, R, 8, 8, 0);
	rig_insert(6, R, 16, 8,
		   0); /* it does not reach 24: only a request that ends at its start is searched */
	assert_int_equal(rig.into[6], 5);
	rig_expect(0, 4, 5, 0, 4, 1);
}

static void a_grown_request_goes_on_merging(void **state)
{
	(void)state;
	open_deadline();
	rig.max_sectors = 16;
	rig_insert(0, R, 0, 8, 1);
	rig_insert(1, R, 24, 8, 2);
	rig_insert(2, R, 8, 16, 3); /* together too long: 0 must stay alone from now on */
	assert_int_equal(rig.merges, 0);
	assert_true(rig.rq[0].flags & SCHED_RQ_NOMERGE);
	rig.max_sectors = 2560;
	rig_insert(3, R, 32, 8, 4); /* 3 is merged behind 1, and then 1 behind 2 */
	assert_int_equal(rig.into[3], 1);
	assert_int_equal(rig.into[1], 2);
	expect_span(2, 8, 32);
	assert_int_equal(rig.rq[2].inserted_ns, 2);		       /* 1 was due earlier */
	assert_int_equal(rig_submit(4, R, 8, 8, 5), SCHED_MERGE_NONE); /* 0 was taken out */
	rig_expect(5, 3, 0, 2, 4);
}

static void what_must_not_merge(void **state)
{
	static const struct {
		uint8_t op, flags;
		uint16_t prio;
		uint32_t submitter;
	} with[] = {
		{ W, SCHED_RQ_SYNC, BE(4), 1 },
		{ SCHED_WRITE_ZEROES, SCHED_RQ_SYNC, BE(4), 1 },
		{ R, SCHED_RQ_SYNC | SCHED_RQ_NOMERGE, BE(4), 1 },
		{ R, SCHED_RQ_SYNC | SCHED_RQ_FUA, BE(4), 1 },
		{ R, SCHED_RQ_SYNC, BE(5), 1 },
		{ R, SCHED_RQ_SYNC, RT(4), 1 },
		{ R, SCHED_RQ_SYNC, BE(4), 2 },
	};
	struct sched_rq *into;

	(void)state;
	open_deadline();
	rig.submitter = 1;
	rig_insert(0, R, 100, 8, 0);
	rig_insert(1, R, 200, 8, 0);
	for (int i = 0; i < 7; i++) {
		rig.flags = with[i].flags;
		rig.prio = with[i].prio;
		rig.submitter = with[i].submitter;
		/* The cache, the hash, the tree, and in reverse. */
		for (uint64_t at = 92; at < 300; at += at == 92 ? 16 : at == 108 ? 84 : 16) {
			rig_make(10, with[i].op, at, 8, 0);
			assert_int_equal(rig.s->ops->find_merge(rig.s, &rig.rq[10], &into),
					 SCHED_MERGE_NONE);
		}
		rig_insert(20 + i, with[i].op, 108, 8, 0);
		rig_insert(30 + i, with[i].op, 208, 8, 0);
	}
	assert_int_equal(rig.merges, 0);
	for (int i = 0; i < 16; i++)
		assert_int_not_equal(rig_serve(0), NONE);
}

static void what_has_left_is_not_found(void **state)
{
	(void)state;
	open_deadline();
	rig_insert(0, R, 0, 8, 0);
	rig_insert(1, R, 100, 8, 0);
	assert_int_equal(rig_dispatch(0), 0);
	assert_int_equal(rig_dispatch(0), 1);
	assert_int_equal(rig_submit(2, R, 8, 8, 0), SCHED_MERGE_NONE);
	assert_int_equal(rig_submit(3, R, 108, 8, 0), SCHED_MERGE_NONE);
	assert_int_equal(rig_submit(4, R, 92, 8, 0), SCHED_MERGE_NONE);
}

static void levels(void **state)
{
	(void)state;
	open_deadline();
	rig.s->env.merging = SCHED_MERGING_ONE_HIT;
	rig_insert(0, R, 100, 8, 0);
	rig_insert(1, R, 200, 8, 0);
	assert_int_equal(rig_submit(2, R, 208, 8, 0), SCHED_MERGE_NONE);
	assert_int_equal(rig_submit(3, R, 192, 8, 0), SCHED_MERGE_NONE);
	assert_int_equal(rig.merges, 0);
	assert_int_equal(rig_submit(4, R, 108, 8, 0), SCHED_MERGE_BACK);
	rig.s->env.merging = SCHED_MERGING_OFF;
	assert_int_equal(rig_submit(5, R, 116, 8, 0), SCHED_MERGE_NONE);
	rig.s->env.merging = SCHED_MERGING_ALL;
	assert_int_equal(rig_submit(6, R, 216, 8, 0), SCHED_MERGE_BACK);
	assert_int_equal(rig.into[6], 2);
	assert_int_equal(rig_submit(7, R, 124, 8, 0), SCHED_MERGE_NONE); /* 5 was never added */
}

static void the_last_is_what_was_merged_last(void **state)
{
	(void)state;
	open_deadline();
	rig_insert(0, R, 100, 8, 0);
	rig_insert(1, R, 200, 8, 0);
	rig_insert(2, R, 224, 8, 0);
	assert_int_equal(rig_submit(3, R, 208, 8, 0), SCHED_MERGE_BACK);
	rig.s->env.merging = SCHED_MERGING_ONE_HIT;
	/* And at this setting no neighbour is checked. */
	assert_int_equal(rig_submit(4, R, 216, 8, 0), SCHED_MERGE_BACK);
	assert_int_equal(rig.into[4], 1);
	assert_int_equal(rig.state[2], RIG_WAITING);
	assert_int_equal(rig_submit(5, R, 108, 8, 0), SCHED_MERGE_NONE);
}

static void what_was_found_to_be_alone_is_dropped(void **state)
{
	(void)state;
	open_deadline();
	rig_insert(0, R, 0, 8, 0); /* the remembered one */
	rig_insert(1, R, 100, 8, 0);
	rig.rq[1].flags |= SCHED_RQ_NOMERGE;
	assert_int_equal(rig_submit(2, R, 108, 1, 0), SCHED_MERGE_NONE);
	rig.rq[1].flags &= (uint8_t)~SCHED_RQ_NOMERGE;
	assert_int_equal(rig_submit(3, R, 108, 2, 0), SCHED_MERGE_NONE);
}

static void without_merge_requests_stay_whole(void **state)
{
	(void)state;
	open_deadline();
	rig.s->env.merge = NULL;
	rig_insert(0, R, 100, 8, 0);
	rig_insert(1, R, 108, 8, 0);
	assert_int_equal(rig.merges, 0);
	rig_insert(2, R, 124, 8, 0);
	assert_int_equal(rig_submit(3, R, 116, 8, 0), SCHED_MERGE_BACK);
	assert_int_equal(rig.into[3], 1);
	assert_int_equal(rig.state[2], RIG_WAITING);
}

static void discards_merge_across_gaps(void **state)
{
	(void)state;
	rig.env.max_discard_segments = 256;
	open_deadline();
	rig_insert(0, D, 1000, 8, 0);
	assert_int_equal(rig_submit(1, D, 5000, 8, 0), SCHED_MERGE_DISCARD);
	rig_insert(2, D, 200, 8, 0);
	assert_int_equal(rig.into[2], 0);
	expect_span(0, 1000, 24);
	assert_int_equal(rig_submit(3, W, 5000, 8, 0), SCHED_MERGE_NONE);
	rig_expect(0, 2, 0, 3);
}

static void a_length_beyond_32_bits_never_comes(void **state)
{
	(void)state;
	open_deadline();
	rig.max_sectors = UINT32_MAX;
	rig_insert(0, D, 0, UINT32_MAX - 4, 0);
	assert_int_equal(rig_submit(1, D, UINT32_MAX - 4, 8, 0), SCHED_MERGE_NONE);
}

static void kyber_looks_at_the_last_eight(void **state)
{
	(void)state;
	rig_open(&sched_kyber);
	for (int i = 0; i < 9; i++)
		rig_insert(i, R, (uint64_t)i * 100, 8, 0);
	/* behind 0: the ninth from the end */
	assert_int_equal(rig_submit(10, R, 8, 8, 0), SCHED_MERGE_NONE);
	assert_int_equal(rig_submit(11, R, 308, 8, 0), SCHED_MERGE_BACK); /* the eighth is 2 now */
	assert_int_equal(rig.into[11], 3);
	assert_int_equal(rig_submit(12, R, 292, 8, 0), SCHED_MERGE_FRONT);
	expect_span(3, 292, 24);
	assert_int_equal(rig_submit(13, R, 208, 8, 0), SCHED_MERGE_BACK);
	assert_int_equal(rig.into[13], 2);
	rig_expect(0, 4, 0, 1, 2, 3); /* its place does not change */
}

static void kyber_merges_in_one_ctx_and_kind(void **state)
{
	(void)state;
	rig_open(&sched_kyber);
	rig.ctx = 3;
	rig_insert(0, R, 100, 8, 0);
	rig.ctx = 4;
	assert_int_equal(rig_submit(1, R, 108, 8, 0), SCHED_MERGE_NONE);
	rig.ctx = 3;
	assert_int_equal(rig_submit(2, W, 108, 8, 0), SCHED_MERGE_NONE);
	assert_int_equal(rig_submit(3, R, 108, 8, 0), SCHED_MERGE_BACK);
	assert_int_equal(rig_submit(4, R, 300, 8, 0), SCHED_MERGE_NONE);
	/* A request that was taken from the ctx is not found, although it still waits. */
	rig_expect(0, 1, 0);
	assert_int_equal(rig_submit(5, R, 308, 8, 0), SCHED_MERGE_NONE);
	rig_expect(0, 1, 4);
	rig.s->env.merging = SCHED_MERGING_OFF;
	assert_int_equal(rig_submit(6, R, 316, 8, 0), SCHED_MERGE_NONE);
	rig.s->env.merging = SCHED_MERGING_ONE_HIT;
	assert_int_equal(rig_submit(7, R, 324, 8, 0), SCHED_MERGE_BACK);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		T(back_and_front_of_the_last),
		T(by_hash_and_tree),
		T(without_front_merges),
		T(a_front_merge_moves_it_in_the_tree),
		T(a_front_merge_moves_it_before_others),
		T(a_closed_gap_merges_the_neighbours),
		T(whole_ones_are_not_queued_any_more),
		T(the_earlier_deadline_and_place_stay),
		T(a_later_deadline_changes_nothing),
		T(whole_requests_merge_when_inserted),
		T(a_grown_request_goes_on_merging),
		T(what_must_not_merge),
		T(what_has_left_is_not_found),
		T(levels),
		T(the_last_is_what_was_merged_last),
		T(what_was_found_to_be_alone_is_dropped),
		T(without_merge_requests_stay_whole),
		T(discards_merge_across_gaps),
		T(a_length_beyond_32_bits_never_comes),
		T(kyber_looks_at_the_last_eight),
		T(kyber_merges_in_one_ctx_and_kind),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
