/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_merging.c - which ios are merged, and which must not be. A second thread stages ios, then
 * the owner polls and takes all at once. test_merge_limits.c tests memory, limits and results;
 * test_merged_data.c real bytes.
 */
#include <errno.h>

#include "blocks.h"

static void behind(void **state)
{
	(void)state;
	blocks_reset(0);
	blocks_open("none");
	blocks_make(W, 3, 4);
	blocks_make(W, 4, 5);
	blocks_stage(0);
	assert_int_equal(rig.nr_log, 1);
	blocks_expect_cmd(0, 3, 5);
	assert_int_equal(rig.log[0].iovcnt, 2);
	assert_ptr_equal(rig.log[0].iov[0].iov_base, blocks_memory[0]);
	assert_ptr_equal(rig.log[0].iov[1].iov_base, blocks_memory[2]);
	assert_int_equal(blocks_stats().back_merges, 1);
	assert_int_equal(blocks_stats().front_merges, 0);
	blocks_close();
}

static void before(void **state)
{
	(void)state;
	blocks_reset(0);
	blocks_open("none");
	blocks_make(R, 4, 5);
	blocks_make(R, 3, 4);
	blocks_stage(0);
	assert_int_equal(rig.nr_log, 1);
	blocks_expect_cmd(0, 3, 5);
	assert_ptr_equal(rig.log[0].iov[0].iov_base, blocks_memory[2]);
	assert_ptr_equal(rig.log[0].iov[1].iov_base, blocks_memory[0]);
	assert_int_equal(blocks_stats().front_merges, 1);
	blocks_close();
	assert_int_equal(blocks_memory[0][0], (char)0xa5);
	assert_int_equal(blocks_memory[2][BLOCK - 1], (char)0xa5);
}

static const unsigned orders[6][3] = { { 0, 1, 2 }, { 0, 2, 1 }, { 1, 0, 2 },
				       { 1, 2, 0 }, { 2, 0, 1 }, { 2, 1, 0 } };

/* 3-6, 6-7 and 7-9, in every order, staged by others or submitted by the owner. */
static void three_become_one_in_every_order(void **state)
{
	static const unsigned at[] = { 3, 6, 7, 9 };

	(void)state;
	for (unsigned n = 0; n < 3 * 6 * 2; n++) {
		blocks_reset(0);
		blocks_open(blocks_schedulers[n / 12]);
		for (unsigned i = 0; i < 3; i++) {
			unsigned part = orders[n / 2 % 6][i];

			blocks_make(W, at[part], at[part + 1]);
		}
		if (n % 2)
			blocks_stage(0);
		else
			blocks_give(0);
		assert_int_equal(rig.nr_log, 1);
		blocks_expect_cmd(0, 3, 9);
		/* Each io's memory is at the place that follows from its offset. */
		for (unsigned i = 0, piece = 0; i < 3; i++) {
			for (unsigned j = 0; j < 3; j++)
				if (orders[n / 2 % 6][j] == i)
					assert_ptr_equal(rig.log[0].iov[piece].iov_base,
							 blocks_io[j].buf);
			piece++;
		}
		blocks_close();
	}
}

static void requests_become_one_when_a_gap_closes(void **state)
{
	(void)state;
	blocks_reset(0);
	blocks_open("none");
	blocks_make(W, 0, 1);
	blocks_make(W, 2, 3);
	blocks_make(W, 1, 2);
	blocks_stage(0);
	assert_int_equal(rig.nr_log, 1);
	blocks_expect_cmd(0, 0, 3);
	assert_int_equal(blocks_stats().request_merges, 1);
	assert_int_equal(rig.q->lanes[0].tags.nr - rig.q->lanes[0].tags.nr_free, 1);
	blocks_close();
}

/* The drive is busy, so new ios wait in the scheduler and merge there, batch by batch. */
static void merges_with_requests_in_the_scheduler(void **state)
{
	(void)state;
	for (unsigned n = 0; n < 3; n++) {
		blocks_reset(0);
		rig_open(&(struct weir_queue_opts){ .size = sizeof(struct weir_queue_opts),
						    .scheduler = blocks_schedulers[n],
						    .depth = 1,
						    .nr_requests = 64 },
			 NULL);
		assert_int_equal(weir_queue_poll(rig.q), 0);
		blocks_make(W, 100, 101);
		blocks_give(0);
		for (unsigned i = 1; i <= 8; i++) {
			blocks_make(W, 9 - i, 10 - i); /* 8, 7, ... 1 */
			blocks_give(i);
		}
		blocks_make(W, 9, 10);
		blocks_give(9);
		assert_int_equal(rig.nr_log, 1);
		assert_int_equal(blocks_stats().front_merges, 7);
		assert_int_equal(blocks_stats().back_merges, 1);
		rig_complete(1);
		assert_int_equal(rig.nr_log, 2);
		blocks_expect_cmd(1, 1, 10);
		blocks_close();
	}
}

/* mq-deadline's hash and its sorted list find more requests than the last eight. */
static void mq_deadline_finds_any(void **state)
{
	(void)state;
	blocks_reset(0);
	rig_open(&(struct weir_queue_opts){ .size = sizeof(struct weir_queue_opts),
					    .scheduler = "mq-deadline",
					    .depth = 1,
					    .nr_requests = 128 },
		 NULL);
	assert_int_equal(weir_queue_poll(rig.q), 0);
	blocks_make(W, 9000, 9001);
	blocks_give(0);
	for (unsigned i = 0; i < 40; i++)
		blocks_make(W, 10 * i + 5, 10 * i + 6);
	blocks_give(1);
	blocks_make(W, 6, 7); /* behind the first */
	blocks_give(41);
	blocks_make(W, 14, 15); /* before the second */
	blocks_give(42);
	blocks_make(W, 7, 14); /* and between both */
	blocks_give(43);
	assert_int_equal(blocks_stats().back_merges + blocks_stats().front_merges, 3);
	assert_int_equal(blocks_stats().request_merges, 1);
	rig_complete(1);
	blocks_expect_cmd(1, 5, 16);
	blocks_close();
}

static void discards_need_not_touch(void **state)
{
	(void)state;
	blocks_reset(0);
	rig.max_discard_ranges = 4;
	blocks_open("none");
	for (unsigned i = 0; i < 6; i++)
		blocks_make(D, 50 * i, 50 * i + 1 + i);
	blocks_stage(0);
	assert_int_equal(rig.nr_log, 2);
	assert_int_equal(rig.log[0].iovcnt, 4);
	assert_int_equal(rig.log[0].length, (1 + 2 + 3 + 4) * BLOCK);
	for (unsigned i = 0; i < 4; i++) {
		assert_int_equal(rig.log[0].ranges[i].offset, 50ull * i * BLOCK);
		assert_int_equal(rig.log[0].ranges[i].length, (1ull + i) * BLOCK);
	}
	/* The io behind the limit begins the next command. */
	assert_int_equal(rig.log[1].iovcnt, 2);
	assert_int_equal(blocks_stats().discard_merges, 4);
	blocks_close();
}

static void discards_of_one_range_must_touch(void **state)
{
	(void)state;
	blocks_reset(0);
	blocks_open("none");
	blocks_make(D, 0, 2);
	blocks_make(D, 10, 11);
	blocks_make(D, 2, 4);
	blocks_stage(0);
	assert_int_equal(rig.nr_log, 2);
	blocks_expect_cmd(0, 0, 4);
	assert_int_equal(rig.log[0].iovcnt, 0);
	blocks_close();
}

static void discards_stay_below_the_longest(void **state)
{
	(void)state;
	blocks_reset(0);
	rig.max_discard_ranges = 16;
	rig.info.discard_max_bytes = 8ull * BLOCK;
	blocks_open("mq-deadline");
	for (unsigned i = 0; i < 4; i++)
		blocks_make(D, 50 * i, 50 * i + 3);
	blocks_stage(0);
	assert_int_equal(rig.nr_log, 2);
	assert_int_equal(rig.log[0].length, 6 * BLOCK);
	blocks_close();
}

/* nomerges 1 keeps the cheap ways: the last request, and the batch; 2 keeps none. */
static void nomerges(void **state)
{
	static const unsigned expect[] = { 3, 4, 44 };

	(void)state;
	for (unsigned level = 0; level <= 2; level++) {
		blocks_reset(level);
		rig_open(&(struct weir_queue_opts){ .size = sizeof(struct weir_queue_opts),
						    .scheduler = "mq-deadline",
						    .depth = 1,
						    .nr_requests = 128 },
			 NULL);
		assert_int_equal(weir_queue_poll(rig.q), 0);
		blocks_make(W, 9000, 9001);
		blocks_give(0);
		for (unsigned i = 0; i < 40; i++)
			blocks_make(W, 100 + i, 101 + i); /* a run: found in the batch */
		blocks_give(1);
		blocks_make(W, 500, 501);
		blocks_give(41);
		/* found once it is the request that was merged or inserted last */
		blocks_make(W, 501, 502);
		blocks_give(42);
		blocks_make(W, 140, 141); /* only the hash finds it */
		blocks_give(43);
		rig.hold = false;
		assert_int_equal(weir_queue_wait(rig.q), 0);
		if (level == 1) /* last_merge stays with the run until the run is served */
			assert_in_range(rig.nr_log, 4, 5);
		else
			assert_int_equal(rig.nr_log, expect[level]);
		blocks_close();
	}
}

/* Two neighbours, of which the second differs in one property, are not merged. */
static void change(unsigned what, struct weir_io *io)
{
	switch (what) {
	case 0:
		io->submitter = 7;
		break;
	case 1:
		io->placement = 3;
		break;
	case 2:
		io->op = R;
		break;
	case 3:
		io->prio = WEIR_PRIO_BE(5);
		break;
	case 4:
		io->prio = WEIR_PRIO_RT(4);
		break;
	case 5:
		io->flags = WEIR_IO_FUA;
		break;
	case 6:
		io->flags = WEIR_IO_NOMERGE;
		break;
	case 7:
		io->flags = WEIR_IO_PREFLUSH;
		break;
	case 8:
		io->op = WEIR_OP_WRITE_ZEROES;
		break;
	default:
		io->op = D;
	}
}

static void ios_that_differ_never_merge(void **state)
{
	(void)state;
	for (unsigned n = 0; n < 3 * 10 * 2 * 2; n++) {
		unsigned odd = n / 3 % 2, reverse = n / 6 % 2;

		blocks_reset(0);
		rig_open(&(struct weir_queue_opts){ .size = sizeof(struct weir_queue_opts),
						    .scheduler = blocks_schedulers[n % 3],
						    .depth = 1,
						    .nr_requests = 64 },
			 NULL);
		assert_int_equal(weir_queue_poll(rig.q), 0);
		blocks_make(R, 5000, 5001);
		blocks_give(0);
		blocks_make(W, reverse ? 2 : 1, reverse ? 3 : 2);
		blocks_make(W, reverse ? 1 : 2, reverse ? 2 : 3);
		change(n / 12, &blocks_io[1 + odd]);
		blocks_give(1);
		blocks_close();
		for (unsigned i = 0; i < rig.nr_log; i++)
			assert_true(rig.log[i].length <= BLOCK);
	}
}

/* Priority 0 means the default, and a level without a class means best effort. */
static void the_same_priority_in_other_words_merges(void **state)
{
	(void)state;
	blocks_reset(0);
	blocks_open("none");
	blocks_make(W, 1, 2);
	blocks_make(W, 2, 3)->prio = WEIR_PRIO_BE(4);
	blocks_make(W, 3, 4)->prio = 4;
	blocks_make(W, 4, 5)->flags = WEIR_IO_BACKGROUND; /* no reason not to merge */
	blocks_stage(0);
	assert_int_equal(rig.nr_log, 1);
	blocks_expect_cmd(0, 1, 5);
	blocks_close();
}

/* An io that is merged needs no tag, so it does not wait for one, and NOWAIT does not fail. */
static void merging_needs_no_tag(void **state)
{
	(void)state;
	blocks_reset(0);
	rig_open(&(struct weir_queue_opts){ .size = sizeof(struct weir_queue_opts),
					    .scheduler = "mq-deadline",
					    .depth = 1,
					    .nr_requests = 2 },
		 NULL);
	assert_int_equal(weir_queue_poll(rig.q), 0);
	blocks_make(W, 100, 101);
	blocks_make(W, 1, 2);
	blocks_make(W, 50, 51); /* waits */
	blocks_make(W, 2, 3)->flags = WEIR_IO_NOWAIT;
	blocks_give(0);
	assert_int_equal(rig.q->lanes[0].waiting.nr, 1);
	blocks_close();
	assert_int_equal(blocks_io[3].result, 0);
	assert_int_equal(rig.nr_log, 3);
}

/* As on Linux: 256 neighbours of 4 KiB, 128 segments a command. */
static void two_of_512_kib_from_256_of_4_kib(void **state)
{
	(void)state;
	for (unsigned n = 0; n < 3 * 2 * 2; n++) {
		blocks_reset(n / 3 % 2 ? 2 : 0);
		blocks_open(blocks_schedulers[n % 3]);
		for (unsigned i = 0; i < 256; i++)
			blocks_make(R, i, i + 1);
		if (n / 6)
			blocks_stage(0);
		else
			blocks_give(0);
		if (n / 3 % 2) {
			rig.hold = false;
			assert_int_equal(weir_queue_wait(rig.q), 0);
			assert_int_equal(rig.nr_log, 256);
		} else {
			assert_int_equal(rig.nr_log, 2);
			for (unsigned i = 0; i < 2; i++) {
				blocks_expect_cmd(i, 128 * i, 128 * (i + 1));
				assert_int_equal(rig.log[i].iovcnt, 128);
			}
		}
		blocks_close();
	}
}

/* Ios that will be one command are collected; others are submitted when the plug has 32. */
static void ios_that_cannot_merge_are_not_collected(void **state)
{
	static const uint16_t flags[] = { WEIR_IO_NOMERGE, WEIR_IO_FUA, WEIR_IO_PREFLUSH, 0 };

	(void)state;
	for (unsigned n = 0; n < 4; n++) {
		blocks_reset(0);
		blocks_open("none");
		for (unsigned i = 0; i < 33; i++) {
			blocks_make(W, i, i + 1)->flags = flags[n];
			assert_int_equal(weir_queue_submit(rig.q, &blocks_io[i]), 0);
		}
		assert_int_equal(rig.nr_log != 0, n != 3);
		blocks_close();
	}
}

static void an_io_that_may_not_wait_and_needs_a_split(void **state)
{
	(void)state;
	blocks_reset(0);
	rig.info.max_io_bytes = 8ull * BLOCK;
	blocks_open("none");
	blocks_make(W, 4, 20)->flags = WEIR_IO_NOWAIT;
	blocks_give(0);
	assert_int_equal(rig.nr_log, 2);
	blocks_close();
	assert_int_equal(blocks_io[0].result, 0);
}

/* No room below: submitters alternate, one request each. */
static void none_alternates_between_staging_queues(void **state)
{
	(void)state;
	blocks_reset(0);
	rig_open(&(struct weir_queue_opts){ .size = sizeof(struct weir_queue_opts),
					    .scheduler = "none",
					    .depth = 1,
					    .nr_requests = 32 },
		 NULL);
	assert_int_equal(weir_queue_poll(rig.q), 0);
	for (unsigned i = 0; i < 5; i++)
		blocks_make(W, 10 * i, 10 * i + 1);
	blocks_give(0);
	for (unsigned i = 0; i < 3; i++)
		blocks_make(R, 10 * i, 10 * i + 1);
	blocks_stage(5);
	for (unsigned i = 0; i < 8; i++)
		rig_complete(1);
	for (unsigned i = 0; i < 8; i++)
		assert_int_equal(rig.log[i].op, i == 2 || i == 4 || i == 6 ? R : W);
	blocks_close();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(behind),
		cmocka_unit_test(before),
		cmocka_unit_test(three_become_one_in_every_order),
		cmocka_unit_test(requests_become_one_when_a_gap_closes),
		cmocka_unit_test(merges_with_requests_in_the_scheduler),
		cmocka_unit_test(mq_deadline_finds_any),
		cmocka_unit_test(discards_need_not_touch),
		cmocka_unit_test(discards_of_one_range_must_touch),
		cmocka_unit_test(discards_stay_below_the_longest),
		cmocka_unit_test(nomerges),
		cmocka_unit_test(ios_that_differ_never_merge),
		cmocka_unit_test(the_same_priority_in_other_words_merges),
		cmocka_unit_test(merging_needs_no_tag),
		cmocka_unit_test(two_of_512_kib_from_256_of_4_kib),
		cmocka_unit_test(ios_that_cannot_merge_are_not_collected),
		cmocka_unit_test(an_io_that_may_not_wait_and_needs_a_split),
		cmocka_unit_test(none_alternates_between_staging_queues),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
