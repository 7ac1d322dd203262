/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_flush_steps.c - flushes, and writes that need one before or after: when they start, which
 * ios share one, the effect of a failure of each step, and which steps a device or an engine makes
 * unnecessary.
 */
#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "rig.h"

#define N 16
#define BLOCK 4096u
#define F WEIR_OP_FLUSH
#define R WEIR_OP_READ
#define W WEIR_OP_WRITE
#define PRE WEIR_IO_PREFLUSH
#define POST WEIR_IO_FUA

static struct weir_io ios[N];
static unsigned ends[N];
static char memory[N][2 * 65536] __attribute__((aligned(4096)));

static void on_end(struct weir_io *io)
{
	ends[io - ios]++;
}

static void submit(struct weir_io *io)
{
	io->end = on_end;
	assert_int_equal(weir_queue_submit(rig.q, io), 0);
}

/* Makes io I, which writes a block at its own place; these ios do not touch. */
static struct weir_io *make(unsigned i, uint8_t op, uint16_t flags)
{
	if (op == F)
		weir_io_flush(&ios[i]);
	else
		weir_io_write(&ios[i], (uint64_t)(i + 1) * 1048576, memory[i], BLOCK);
	ios[i].op = op;
	ios[i].flags = flags;
	return &ios[i];
}

static void give(unsigned i, uint8_t op, uint16_t flags)
{
	submit(make(i, op, flags));
}

static void poll(void)
{
	assert_true(weir_queue_poll(rig.q) >= 0);
}

/* Asserts the commands of the engine, as letters. */
static void expect_log(const char *ops)
{
	static const char letters[] = { 'R', 'W', 'F', 'D', 'Z' };

	assert_int_equal(rig.nr_log, strlen(ops));
	for (unsigned i = 0; i < rig.nr_log; i++)
		assert_int_equal(letters[rig.log[i].op], ops[i]);
}

static void reset(uint32_t engine_flags)
{
	memset(ends, 0, sizeof(ends));
	rig_init();
	rig.hold = true;
	rig.engine_flags = engine_flags;
}

static void open_with(const struct weir_queue_opts *opts)
{
	rig_open(opts, NULL);
	poll();
}

static void no_volatile_cache(void)
{
	rig.info.kind = WEIR_DEVICE_BLOCK;
	rig.info.direct = true;
	rig.info.write_cache = false;
}

static void one_flush_at_a_time_and_the_next_is_shared(void **state)
{
	(void)state;
	reset(0);
	open_with(NULL);
	give(0, F, 0);
	poll();
	give(1, F, 0);
	poll();
	give(2, F, 0);
	poll();
	expect_log("F");
	rig_complete(1);
	assert_int_equal(ends[0], 1);
	assert_int_equal(ends[1] + ends[2], 0);
	expect_log("FF");
	rig_complete(1);
	assert_int_equal(ends[1], 1);
	assert_int_equal(ends[2], 1);
	expect_log("FF");
	rig_close();
}

static void a_flush_waits_for_data_that_may_share_it(void **state)
{
	(void)state;
	reset(ENGINE_NO_FUA);
	open_with(NULL);
	give(0, W, POST);
	poll();
	give(1, F, 0);
	poll();
	expect_log("W");
	rig_complete(1);
	expect_log("WF");
	assert_int_equal(ends[0] + ends[1], 0);
	rig_complete(1);
	expect_log("WF");
	assert_int_equal(ends[0], 1);
	assert_int_equal(ends[1], 1);
	rig_close();
}

/* A flush does not wait for writes without flush steps. */
static void a_flush_does_not_wait_for_other_data(void **state)
{
	(void)state;
	reset(ENGINE_NO_FUA);
	open_with(NULL);
	give(0, W, 0);
	give(1, F, 0);
	poll();
	assert_int_equal(rig.nr_log, 2);
	rig_complete(2);
	rig_close();
}

static void a_flush_waits_for_data_at_most_5_s(void **state)
{
	(void)state;
	reset(ENGINE_NO_FUA);
	rig.own_clock = true;
	rig.now_ns = NSEC_PER_SEC;
	open_with(NULL);
	give(0, W, POST);
	poll();
	rig.now_ns += NSEC_PER_SEC;
	give(1, F, 0);
	poll();
	rig.now_ns += 5 * NSEC_PER_SEC - 1;
	give(2, F, 0);
	poll();
	expect_log("W");
	assert_int_equal(lane_next_event(&rig.q->lanes[0]), 7 * NSEC_PER_SEC);
	/* The lane wakes up for it by itself. */
	assert_int_equal(weir_queue_poll_wait(rig.q, 10 * NSEC_PER_SEC), 0);
	assert_int_equal(rig.now_ns, 7 * NSEC_PER_SEC);
	expect_log("WF");
	/* The data completes meanwhile, and needs a flush that begins later. */
	rig_complete(1);
	expect_log("WF");
	rig_complete(1);
	assert_int_equal(ends[1], 1);
	assert_int_equal(ends[2], 1);
	assert_int_equal(ends[0], 0);
	expect_log("WFF");
	rig_complete(1);
	assert_int_equal(ends[0], 1);
	rig_close();
}

/* It is overdue and has no tag, so only a completion helps: the lane may sleep. */
static void an_overdue_flush_without_a_tag_sleeps(void **state)
{
	(void)state;
	reset(ENGINE_NO_FUA);
	rig.own_clock = true;
	open_with(&(struct weir_queue_opts){
		.size = sizeof(struct weir_queue_opts), .depth = 2, .nr_requests = 2 });
	give(0, W, POST);
	give(1, W, 0);
	give(2, F, 0);
	poll();
	rig.now_ns += 6 * NSEC_PER_SEC;
	poll();
	expect_log("WW");
	assert_true(lane_next_event(&rig.q->lanes[0]) == UINT64_MAX);
	rig_complete(1);
	rig_complete(2);
	assert_int_equal(ends[0] + ends[1] + ends[2], 3);
	rig_close();
}

/* No flush starts during a switch of the scheduler: the lane may sleep until the data completes. */
static void an_overdue_flush_sleeps_through_a_switch(void **state)
{
	(void)state;
	reset(ENGINE_NO_FUA);
	rig.own_clock = true;
	open_with(NULL);
	give(0, W, POST);
	give(1, F, 0);
	poll();
	assert_int_equal(weir_queue_set(rig.q, "scheduler", "kyber"), 0);
	rig.now_ns += 6 * NSEC_PER_SEC;
	poll();
	expect_log("W");
	assert_true(lane_next_event(&rig.q->lanes[0]) == UINT64_MAX);
	rig_complete(1);
	poll();
	expect_log("WF");
	rig_complete(1);
	assert_int_equal(ends[0] + ends[1], 2);
	rig_close();
}

static void preflush_goes_before_the_data(void **state)
{
	(void)state;
	for (unsigned no_fua = 0; no_fua < 2; no_fua++) {
		reset(no_fua ? ENGINE_NO_FUA : 0);
		open_with(NULL);
		give(0, W, PRE);
		poll();
		expect_log("F");
		rig_complete(1);
		expect_log("FW");
		assert_int_equal(ends[0], 0);
		rig_complete(1);
		assert_int_equal(ends[0], 1);
		expect_log("FW");
		rig_close();
	}
}

static void fua_is_passed_down_where_that_works(void **state)
{
	(void)state;
	reset(0);
	open_with(NULL);
	give(0, W, POST);
	give(1, WEIR_OP_WRITE_ZEROES, POST);
	give(2, W, 0);
	poll();
	expect_log("WZW");
	assert_true(rig.log[0].fua);
	assert_true(rig.log[1].fua);
	assert_false(rig.log[2].fua);
	rig_complete(3);
	expect_log("WZW");
	assert_int_equal(ends[0] + ends[1] + ends[2], 3);
	rig_close();
}

static void without_fua_a_flush_follows_the_data(void **state)
{
	(void)state;
	reset(ENGINE_NO_FUA);
	open_with(NULL);
	give(0, W, POST);
	give(1, WEIR_OP_WRITE_ZEROES, POST);
	poll();
	expect_log("WZ");
	assert_false(rig.log[0].fua);
	assert_false(rig.log[1].fua);
	rig_complete(1);
	expect_log("WZ"); /* the other one may want to share it */
	rig_complete(1);
	expect_log("WZF");
	assert_int_equal(ends[0] + ends[1], 0);
	rig_complete(1);
	assert_int_equal(ends[0] + ends[1], 2);
	rig_close();
}

/* FUA has a meaning for writes only. */
static void fua_on_other_operations_asks_for_nothing(void **state)
{
	(void)state;
	for (unsigned no_fua = 0; no_fua < 2; no_fua++) {
		reset(no_fua ? ENGINE_NO_FUA : 0);
		open_with(NULL);
		give(0, R, POST);
		give(1, WEIR_OP_DISCARD, POST);
		poll();
		rig_complete(2);
		expect_log("RD");
		assert_false(rig.log[0].fua);
		assert_false(rig.log[1].fua);
		assert_int_equal(ends[0] + ends[1], 2);
		rig_close();
	}
}

static void flushes_before_and_after_one_io(void **state)
{
	(void)state;
	reset(ENGINE_NO_FUA);
	open_with(NULL);
	give(0, W, PRE | POST);
	poll();
	expect_log("F");
	rig_complete(1);
	expect_log("FW");
	rig_complete(1);
	expect_log("FWF");
	assert_int_equal(ends[0], 0);
	rig_complete(1);
	assert_int_equal(ends[0], 1);
	rig_close();
	/* If the engine passes FUA on, the last flush is not needed. */
	reset(0);
	open_with(NULL);
	give(0, W, PRE | POST);
	poll();
	rig_complete(1);
	expect_log("FW");
	assert_true(rig.log[1].fua);
	rig_complete(1);
	assert_int_equal(ends[0], 1);
	expect_log("FW");
	rig_close();
}

static void many_share(void **state)
{
	(void)state;
	reset(ENGINE_NO_FUA);
	open_with(NULL);
	for (unsigned i = 0; i < 4; i++)
		give(i, W, PRE | POST);
	give(4, F, 0);
	give(5, W, PRE);
	poll();
	expect_log("F");
	rig_complete(1);
	assert_int_equal(ends[4], 1);
	expect_log("FWWWWW");
	rig_complete(5);
	assert_int_equal(ends[5], 1);
	expect_log("FWWWWWF");
	rig_complete(1);
	expect_log("FWWWWWF");
	for (unsigned i = 0; i < 6; i++)
		assert_int_equal(ends[i], 1);
	rig_close();
}

static void without_a_volatile_cache_nothing_is_needed(void **state)
{
	(void)state;
	for (unsigned no_fua = 0; no_fua < 2; no_fua++) {
		reset(no_fua ? ENGINE_NO_FUA : 0);
		no_volatile_cache();
		open_with(NULL);
		give(0, F, 0);
		assert_int_equal(weir_queue_poll(rig.q), 1);
		assert_int_equal(ends[0], 1);
		give(1, W, PRE | POST);
		poll();
		expect_log("W");
		assert_false(rig.log[0].fua);
		rig_complete(1);
		assert_int_equal(ends[1], 1);
		expect_log("W");
		rig_close();
	}
}

static void fail_next(uint64_t offset)
{
	rig.fail_offset = offset;
	rig.fail_error = -EIO;
	rig_complete(1);
	rig.fail_error = 0;
}

static void a_failed_flush_fails_all_that_it_was_for(void **state)
{
	(void)state;
	reset(ENGINE_NO_FUA);
	open_with(NULL);
	give(0, W, PRE | POST);
	give(1, F, 0);
	poll();
	fail_next(0);
	expect_log("F"); /* the data is not written */
	assert_int_equal(ends[0], 1);
	assert_int_equal(ios[0].result, -EIO);
	assert_int_equal(ios[1].result, -EIO);
	/* Later ios are independent. */
	give(2, F, 0);
	poll();
	rig_complete(1);
	assert_int_equal(ends[2], 1);
	assert_int_equal(ios[2].result, 0);
	rig_close();
}

static void failed_data_needs_no_flush(void **state)
{
	(void)state;
	reset(ENGINE_NO_FUA);
	open_with(NULL);
	give(0, W, PRE | POST);
	poll();
	rig_complete(1);
	fail_next(ios[0].offset);
	expect_log("FW");
	assert_int_equal(ends[0], 1);
	assert_int_equal(ios[0].result, -EIO);
	/* It does not delay a later flush. */
	give(1, F, 0);
	poll();
	expect_log("FWF");
	rig_complete(1);
	rig_close();
}

static void a_failed_flush_afterwards_fails_the_io(void **state)
{
	(void)state;
	reset(ENGINE_NO_FUA);
	open_with(NULL);
	give(0, W, POST);
	give(1, W, 0);
	poll();
	rig_complete(2);
	assert_int_equal(ios[1].result, 0);
	expect_log("WWF");
	fail_next(0);
	assert_int_equal(ends[0], 1);
	assert_int_equal(ios[0].result, -EIO);
	rig_close();
}

static void ios_with_flush_steps_never_merge(void **state)
{
	(void)state;
	reset(ENGINE_NO_FUA);
	rig.nomerges = 0;
	open_with(NULL);
	for (unsigned i = 0; i < 4; i++) {
		make(i, W, i % 2 ? PRE : POST)->offset = (uint64_t)i * BLOCK;
		submit(&ios[i]);
	}
	/* Neither does an ordinary neighbour. */
	make(4, W, 0)->offset = 4ull * BLOCK;
	submit(&ios[4]);
	poll();
	rig_complete(20);
	for (unsigned i = 0; i < rig.nr_log; i++)
		assert_true(rig.log[i].op == F || rig.log[i].length == BLOCK);
	for (unsigned i = 0; i < 5; i++)
		assert_int_equal(ends[i], 1);
	rig.allowed = 0;
	rig_close();
}

static void a_split_io_has_one_flush(void **state)
{
	(void)state;
	reset(ENGINE_NO_FUA);
	open_with(NULL);
	make(0, W, PRE | POST)->length = 2ull * 65536;
	submit(&ios[0]);
	poll();
	rig_complete(1);
	expect_log("FWW");
	rig_complete(1);
	expect_log("FWW");
	rig_complete(1);
	expect_log("FWWF");
	rig_complete(1);
	assert_int_equal(ends[0], 1);
	rig_close();
}

/*
 * An io that must not wait ends if there is no tag for its data; a later flush does not wait for
 * it.
 */
static void nowait_data_that_ends_early_is_not_waited_for(void **state)
{
	(void)state;
	for (unsigned pre = 0; pre < 2; pre++) {
		reset(ENGINE_NO_FUA);
		open_with(&(struct weir_queue_opts){
			.size = sizeof(struct weir_queue_opts), .depth = 2, .nr_requests = 2 });
		give(0, W, (uint16_t)((pre ? PRE : POST) | WEIR_IO_NOWAIT));
		if (pre) {
			poll();
			/* Its flush is in flight; meanwhile other ios take the tags. */
			give(1, R, 0);
			give(2, R, 0);
			give(3, R, 0);
			poll();
			rig_complete(1);
		} else {
			ios[0].end = NULL;
			poll();
			rig_complete(2);
			give(1, R, 0);
			give(2, R, 0);
			give(3, R, 0);
			give(0, W, POST | WEIR_IO_NOWAIT);
			poll();
		}
		rig_complete(3);
		assert_int_equal(ends[0], 1);
		assert_int_equal(rig.q->lanes[0].flush.nr_data, 0);
		give(4, F, 0);
		poll();
		rig_complete(4);
		assert_int_equal(ends[4], 1);
		rig.allowed = 0;
		rig_close();
	}
}

/* nr_requests counts, not the largest possible number of tags. */
static void a_nowait_flush_does_not_wait_for_a_tag(void **state)
{
	(void)state;
	reset(0);
	open_with(&(struct weir_queue_opts){
		.size = sizeof(struct weir_queue_opts), .depth = 2, .nr_requests = 2 });
	give(0, R, 0);
	give(1, R, 0);
	poll();
	give(2, F, WEIR_IO_NOWAIT);
	assert_int_equal(weir_queue_poll(rig.q), 1);
	assert_int_equal(ios[2].result, -EAGAIN);
	rig_complete(2);
	rig_close();
}

static void set_tunable(const char *name, int64_t value)
{
	struct sched *s = rig.q->lanes[0].sched;

	assert_int_equal(s->ops->set(s, (unsigned)sched_find_tunable(s->ops, name), value), 0);
}

/* A limit on writes does not hold for the flush before a write. */
static void a_limit_on_writes_does_not_hold_their_flush_back(void **state)
{
	(void)state;
	reset(0);
	rig_open(&(struct weir_queue_opts){ .size = sizeof(struct weir_queue_opts),
					    .scheduler = "mq-deadline" },
		 NULL);
	poll();
	set_tunable("async_depth", 1);
	give(0, R, 0);
	poll();
	give(1, W, PRE);
	poll();
	expect_log("RF");
	rig_complete(2);
	rig_complete(1);
	assert_int_equal(ends[1], 1);
	rig_close();
}

/*
 * An io with flush steps counts as synchronous, and does not wait in line with asynchronous ones.
 */
static void background_data_with_flush_steps_is_synchronous(void **state)
{
	(void)state;
	reset(0);
	rig_open(&(struct weir_queue_opts){ .size = sizeof(struct weir_queue_opts),
					    .scheduler = "kyber",
					    .depth = 4,
					    .nr_requests = 8 },
		 NULL);
	poll();
	give(8, W, PRE | WEIR_IO_BACKGROUND);
	poll();
	/* Kyber gives background ios 6 of the 8 tags, and the flush has one of the other two. */
	for (unsigned i = 0; i < 8; i++)
		give(i, W, WEIR_IO_BACKGROUND);
	poll();
	assert_int_equal(rig.q->lanes[0].waiting.nr, 2);
	/* The data after the flush has a tag, and does not wait for the tags of the others. */
	rig_complete(1);
	assert_int_equal(rig.q->lanes[0].tags.nr - rig.q->lanes[0].tags.nr_free, 7);
	assert_int_equal(rig.q->lanes[0].waiting.nr, 2);
	rig.hold = false;
	assert_int_equal(weir_queue_wait(rig.q), 0);
	for (unsigned i = 0; i < 9; i++)
		assert_int_equal(ends[i], 1);
	rig_close();
}

static void waiting_for_the_queue_includes_every_step(void **state)
{
	(void)state;
	reset(ENGINE_NO_FUA);
	rig.hold = false;
	open_with(&(struct weir_queue_opts){
		.size = sizeof(struct weir_queue_opts), .depth = 1, .nr_requests = 1 });
	for (unsigned round = 0; round < 50; round++) {
		for (unsigned i = 0; i < N; i++)
			give(i, i % 5 ? W : F, (uint16_t)(i % 2 * PRE | i % 3 % 2 * POST));
		assert_int_equal(round % 2 ? weir_queue_wait(rig.q) : weir_queue_detach(rig.q), 0);
		for (unsigned i = 0; i < N; i++)
			assert_int_equal(ends[i], round + 1);
		assert_int_equal(rig.q->lanes[0].flush.nr_data, 0);
	}
	rig_close();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_flush_at_a_time_and_the_next_is_shared),
		cmocka_unit_test(a_flush_waits_for_data_that_may_share_it),
		cmocka_unit_test(a_flush_does_not_wait_for_other_data),
		cmocka_unit_test(a_flush_waits_for_data_at_most_5_s),
		cmocka_unit_test(an_overdue_flush_without_a_tag_sleeps),
		cmocka_unit_test(an_overdue_flush_sleeps_through_a_switch),
		cmocka_unit_test(preflush_goes_before_the_data),
		cmocka_unit_test(fua_is_passed_down_where_that_works),
		cmocka_unit_test(without_fua_a_flush_follows_the_data),
		cmocka_unit_test(fua_on_other_operations_asks_for_nothing),
		cmocka_unit_test(flushes_before_and_after_one_io),
		cmocka_unit_test(many_share),
		cmocka_unit_test(without_a_volatile_cache_nothing_is_needed),
		cmocka_unit_test(a_failed_flush_fails_all_that_it_was_for),
		cmocka_unit_test(failed_data_needs_no_flush),
		cmocka_unit_test(a_failed_flush_afterwards_fails_the_io),
		cmocka_unit_test(ios_with_flush_steps_never_merge),
		cmocka_unit_test(a_split_io_has_one_flush),
		cmocka_unit_test(nowait_data_that_ends_early_is_not_waited_for),
		cmocka_unit_test(a_nowait_flush_does_not_wait_for_a_tag),
		cmocka_unit_test(a_limit_on_writes_does_not_hold_their_flush_back),
		cmocka_unit_test(background_data_with_flush_steps_is_synchronous),
		cmocka_unit_test(waiting_for_the_queue_includes_every_step),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
