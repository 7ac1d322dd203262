/* SPDX-License-Identifier: Apache-2.0 */
/* test_kyber.c - kinds, batches, tokens, percentiles and the timer of kyber, event by event. */
#include <string.h>

#include "rig.h"

#define TENTH (100 * MS)
#define US 1000ull

static int setup(void **state)
{
	(void)state;
	rig_reset();
	rig_open(&sched_kyber);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	rig_close();
	return 0;
}

static void fill(int first, int n, uint8_t op)
{
	for (int i = 0; i < n; i++)
		rig_insert(first + i, op, (uint64_t)i * 8, 8, 0);
}

static void sixteen_reads_eight_writes(void **state)
{
	(void)state;
	fill(0, 100, R);
	fill(1000, 100, W);
	/* It begins with reads. */
	for (int round = 0; round < 6; round++) {
		for (int i = 0; i < 16; i++)
			assert_int_equal(rig_serve(0), round * 16 + i);
		for (int i = 0; i < 8; i++)
			assert_int_equal(rig_serve(0), 1000 + round * 8 + i);
	}
}

static void four_kinds_alternate(void **state)
{
	(void)state;
	fill(0, 20, R);
	fill(1000, 20, W);
	fill(2000, 3, D);
	fill(3000, 3, SCHED_WRITE_ZEROES);
	for (int round = 0; round < 2; round++) {
		for (int i = round * 16; i < 16 + round * 4; i++)
			assert_int_equal(rig_serve(0), i);
		for (int i = 0; i < 8; i++)
			assert_int_equal(rig_serve(0), 1000 + round * 8 + i);
		assert_int_equal(rig_serve(0), 2000 + round);
		assert_int_equal(rig_serve(0), 3000 + round);
	}
	rig_expect(0, 4, 1016, 1017, 1018, 1019);
	rig_expect(0, 2, 2002, 3002);
	assert_int_equal(rig_dispatch(0), NONE);
}

static void a_batch_goes_on_where_it_was(void **state)
{
	(void)state;
	fill(0, 10, R);
	for (int i = 0; i < 10; i++)
		assert_int_equal(rig_serve(0), i);
	fill(0, 30, R);
	fill(1000, 1, W);
	for (int i = 0; i < 6; i++)
		assert_int_equal(rig_serve(0), i);
	rig_expect(0, 2, 1000, 6);
}

static void ctxs_in_their_order(void **state)
{
	(void)state;
	rig.ctx = 129;
	fill(0, 2, R);
	rig.ctx = 64;
	fill(10, 2, R);
	rig.ctx = 0;
	fill(20, 2, R);
	rig_expect(0, 1, 20);
	/* All were taken at once: new requests wait until those have left. */
	rig.ctx = 0;
	fill(30, 1, R);
	rig_expect(0, 6, 21, 10, 11, 0, 1, 30);
}

static void one_list_keeps_its_order(void **state)
{
	struct sched_list list = TAILQ_HEAD_INITIALIZER(list);

	(void)state;
	fill(0, 1, R);
	for (int i = 1; i < 4; i++) {
		struct sched_rq *rq = rig_make(i, R, 0, 8, 0);

		TAILQ_INSERT_TAIL(&list, rq, fifo);
		rig.state[i] = RIG_WAITING;
		rig.waiting++;
	}
	rig.s->ops->insert(rig.s, &list, 0);
	rig_expect(0, 4, 0, 1, 2, 3);
}

/* Returns how many requests of OP the drive gets at once; all of them complete at NOW. */
static int in_flight_at_most(uint8_t op, uint64_t now)
{
	static int ids[300];
	int n = 0, id, got;

	for (int i = 0; i < 300; i++)
		rig_insert(3700 + i, op, 0, 8, now);
	while ((id = rig_dispatch(now)) != NONE)
		ids[n++] = id;
	got = n;
	for (int done = 0; done < 300; done++) {
		rig_complete(ids[done], now);
		if (n < 300)
			ids[n++] = rig_dispatch(now);
	}
	return got;
}

static void tokens_at_first(void **state)
{
	(void)state;
	assert_int_equal(in_flight_at_most(R, 0), 256);
	assert_int_equal(in_flight_at_most(W, 0), 128);
	assert_int_equal(in_flight_at_most(D, 0), 64);
	assert_int_equal(in_flight_at_most(SCHED_WRITE_ZEROES, 0), 16);
}

static void a_kind_without_tokens_lets_others_go(void **state)
{
	int ids[17];

	(void)state;
	fill(0, 17, SCHED_WRITE_ZEROES);
	for (int i = 0; i < 16; i++)
		ids[i] = rig_dispatch(0);
	assert_int_equal(rig_dispatch(0), NONE);
	fill(100, 1, R);
	assert_int_equal(rig_dispatch(0), 100);
	assert_int_equal(rig_dispatch(0), NONE);
	rig_complete(100, 0);
	assert_int_equal(rig_dispatch(0), NONE);
	rig_complete(ids[3], 0);
	assert_int_equal(rig_dispatch(0), 16);
	assert_int_equal(rig_dispatch(0), NONE);
	for (int i = 0; i < 16; i++)
		if (i != 3)
			rig_complete(ids[i], 0);
	rig_complete(16, 0);
}

/* N requests of OP, which took IO in the drive and TOTAL in all; the last one completes at END. */
static void took(uint8_t op, int n, uint64_t io, uint64_t total, uint64_t end)
{
	for (int i = 0; i < n; i++) {
		rig_insert(4000, op, 0, 8, end - total);
		assert_int_equal(rig_dispatch(end - io), 4000);
		rig_complete(4000, end);
	}
}

/* Makes samples in one tenth of a second, ended by the timer. Time continues from *NOW. */
static void tenth(uint64_t *now)
{
	assert_int_equal(rig.s->ops->next_wakeup(rig.s), *now + TENTH);
	*now += TENTH;
	rig.s->ops->tick(rig.s, *now);
	assert_true(rig.s->ops->next_wakeup(rig.s) == SCHED_NEVER);
	*now += SEC; /* the next ones begin later, with no request between */
}

static void the_timer_counts_from_the_first_end(void **state)
{
	(void)state;
	assert_true(rig.s->ops->next_wakeup(rig.s) == SCHED_NEVER);
	rig_insert(0, R, 0, 8, SEC);
	rig_insert(1, R, 0, 8, SEC);
	rig_dispatch(SEC);
	rig_dispatch(SEC);
	assert_true(rig.s->ops->next_wakeup(rig.s) == SCHED_NEVER);
	rig_complete(0, SEC + 5);
	assert_int_equal(rig.s->ops->next_wakeup(rig.s), SEC + 5 + TENTH);
	rig_complete(1, SEC + 6); /* not later than before */
	assert_int_equal(rig.s->ops->next_wakeup(rig.s), SEC + 5 + TENTH);
	assert_int_equal(rig_dispatch(SEC + 4 + TENTH), NONE);
	assert_int_equal(rig.s->ops->next_wakeup(rig.s), SEC + 5 + TENTH);
	assert_int_equal(rig_dispatch(SEC + 5 + TENTH), NONE);
	assert_true(rig.s->ops->next_wakeup(rig.s) == SCHED_NEVER);
	/* Requests other than reads, writes and discards are not measured. */
	rig_insert(0, SCHED_WRITE_ZEROES, 0, 8, 2 * SEC);
	rig_dispatch(2 * SEC);
	rig_complete(0, 3 * SEC);
	assert_true(rig.s->ops->next_wakeup(rig.s) == SCHED_NEVER);
}

/* A request that failed was measured as the others are. One that was cancelled was not. */
static void failed_and_cancelled(void **state)
{
	uint64_t now = 10 * SEC;

	(void)state;
	for (int i = 0; i < 600; i++) {
		rig_insert(1, R, 0, 8, now);
		assert_int_equal(rig_dispatch(now), 1);
		rig.rq[1].flags |= SCHED_RQ_UNTIMED | SCHED_RQ_UNSENT;
		rig_complete(1, now);
	}
	assert_true(rig.s->ops->next_wakeup(rig.s) == SCHED_NEVER);
	for (int i = 0; i < 600; i++) {
		rig_insert(1, R, 0, 8, now - 3 * MS);
		assert_int_equal(rig_dispatch(now - 3 * MS), 1);
		rig.rq[1].flags |= SCHED_RQ_UNTIMED;
		rig_complete(1, now);
	}
	took(W, 600, 1 * MS, 5 * MS, now);
	tenth(&now);
	assert_int_equal(rig_get("write_tokens"), 64);
}

static void an_end_fires_it_before_it_counts(void **state)
{
	(void)state;
	rig_set("read_lat_nsec", 4000);
	took(R, 499, 50 * US, 50 * US, SEC);
	rig_insert(1, R, 0, 8, SEC);
	assert_int_equal(rig_dispatch(SEC), 1);
	/* The 500th sample would be enough, but it comes after the timer. */
	rig_complete(1, SEC + TENTH);
	assert_int_equal(rig.s->ops->next_wakeup(rig.s), SEC + 2 * TENTH);
	took(W, 500, 1, 1, SEC + TENTH + 1);
	rig.s->ops->tick(rig.s, SEC + 2 * TENTH);
	assert_int_equal(rig_get("write_tokens"), 32);
	assert_int_equal(rig_serve(SEC + 2 * TENTH), NONE);
}

/*
 * Checks the tokens of writes after each tenth of a second in which reads were late and writes
 * took LATENCY[i].
 */
static void writes_shrink(uint64_t read_target, uint64_t write_target, int n,
			  const uint64_t *latency, const int64_t *tokens)
{
	uint64_t now = 10 * SEC;

	rig_set("read_lat_nsec", (int64_t)read_target);
	rig_set("write_lat_nsec", (int64_t)write_target);
	for (int i = 0; i < n; i++) {
		took(R, 600, 50 * US, 50 * US, now);
		took(W, 600, 80 * US, latency[i], now);
		tenth(&now);
		assert_int_equal(rig_get("write_tokens"), tokens[i]);
		assert_int_equal(rig_get("read_tokens"), 256);
	}
}

static void write_tokens_96_48_24(void **state)
{
	/* Three quarters of the target, then half of it, ... */
	static const uint64_t latency[] = { 7 * MS, 4 * MS, 3 * MS, 4 * MS, 4 * MS,
					    7 * MS, 6 * MS, 4 * MS, 1 * MS };
	static const int64_t tokens[] = { 96, 48, 24, 12, 6, 4, 3, 1, 1 };

	(void)state;
	writes_shrink(1 * US, 10 * MS, 9, latency, tokens);
}

static void write_tokens_halve(void **state)
{
	static const uint64_t latency[] = { 7 * MS, 5 * MS, 5 * MS, 5 * MS,
					    5 * MS, 5 * MS, 5 * MS, 5 * MS };
	static const int64_t tokens[] = { 96, 48, 24, 12, 6, 3, 1, 1 };
	static const uint64_t slower[] = { 7 * MS, 5 * MS, 5 * MS, 5 * MS,
					   5 * MS, 5 * MS, 7 * MS, 5 * MS };
	static const int64_t as_measured[] = { 96, 48, 24, 12, 6, 3, 2, 1 };

	(void)state;
	writes_shrink(1 * US, 10 * MS, 8, latency, tokens);
	rig_close();
	rig_reset();
	rig_open(&sched_kyber);
	writes_shrink(1 * US, 10 * MS, 8, slower, as_measured);
}

static void write_tokens_32_8_2_1(void **state)
{
	static const uint64_t latency[] = { MS, MS, MS, MS, MS };
	static const int64_t tokens[] = { 32, 8, 2, 1, 1 };

	(void)state;
	writes_shrink(1 * US, 1 * SEC, 5, latency, tokens);
}

static void read_tokens_64_16_4_1(void **state)
{
	static const int64_t tokens[] = { 64, 16, 4, 1, 1 };
	uint64_t now = 10 * SEC;

	(void)state;
	rig_set("read_lat_nsec", 1 * SEC);
	rig_set("write_lat_nsec", 1 * US);
	for (int i = 0; i < 5; i++) {
		took(R, 600, 50 * US, 60 * US, now);
		took(W, 600, 50 * US, 60 * US, now);
		tenth(&now);
		assert_int_equal(rig_get("read_tokens"), tokens[i]);
		assert_int_equal(rig_get("write_tokens"), 128);
		assert_int_equal(rig_get("discard_tokens"), 64);
	}
	assert_int_equal(in_flight_at_most(R, now), 1);
	/* They grow again once they are late: by a quarter, and at least by one. */
	rig_set("read_lat_nsec", 1 * US);
	took(R, 600, 50 * US, 60 * US, now);
	rig.s->ops->tick(rig.s, now + TENTH);
	assert_int_equal(rig_get("read_tokens"), 2);
}

static void both_late_nothing_changes(void **state)
{
	uint64_t now = 10 * SEC;

	(void)state;
	rig_set("read_lat_nsec", 1 * US);
	rig_set("write_lat_nsec", 1 * US);
	for (int i = 0; i < 4; i++) {
		took(R, 600, 50 * US, 60 * US, now);
		took(W, 600, 50 * US, 60 * US, now);
		tenth(&now);
		assert_int_equal(rig_get("read_tokens"), 256);
		assert_int_equal(rig_get("write_tokens"), 128);
	}
}

static void nobody_late_nothing_changes(void **state)
{
	uint64_t now = 10 * SEC;

	(void)state;
	took(R, 600, 2 * MS, 2 * MS, now); /* exactly the target is in time */
	took(W, 600, 10 * MS, 10 * MS, now);
	tenth(&now);
	assert_int_equal(rig_get("read_tokens"), 256);
	assert_int_equal(rig_get("write_tokens"), 128);
	took(R, 600, 2 * MS + 1, 2 * MS + 1, now);
	took(W, 600, 5 * MS, 5 * MS, now);
	tenth(&now);
	assert_int_equal(rig_get("write_tokens"), 64);
}

/*
 * Reads are late, and the p99 of writes lies in each bucket: each bucket makes the factor a
 * quarter larger.
 */
static void quarters(void **state)
{
	static const uint64_t latency[] = { 0,	      25 * US,	    25 * US + 1, 50 * US,  75 * US,
					    100 * US, 100 * US + 1, 125 * US,	 150 * US, 151 * US,
					    175 * US, 176 * US,	    10 * MS };
	static const int64_t tokens[] = { 16, 16, 32, 32, 48, 64, 80, 80, 96, 112, 112, 128, 128 };

	(void)state;
	for (int i = 0; i < 13; i++) {
		uint64_t now = 10 * SEC;

		rig_close();
		rig_reset();
		rig_open(&sched_kyber);
		/* First from 128 to 64, so that they can grow. */
		rig_set("read_lat_nsec", 1 * US);
		took(R, 600, 50 * US, 50 * US, now);
		took(W, 600, 5 * MS, 5 * MS, now);
		tenth(&now);
		assert_int_equal(rig_get("write_tokens"), 64);
		rig_set("write_lat_nsec", 100 * US);
		took(R, 600, 50 * US, 50 * US, now);
		took(W, 600, 0, latency[i], now);
		tenth(&now);
		assert_int_equal(rig_get("write_tokens"), tokens[i]);
	}
}

static void only_the_device_makes_late(void **state)
{
	uint64_t now = 10 * SEC;

	(void)state;
	/* The total is late, the device is not: only the late kinds change, and they grow. */
	took(W, 600, 1 * MS, 90 * MS, now);
	took(R, 600, 1 * MS, 1 * MS, now);
	tenth(&now);
	assert_int_equal(rig_get("read_tokens"), 256);
	assert_int_equal(rig_get("write_tokens"), 128);
	/* For the device, nine in ten in time are enough ... */
	took(R, 540, 1 * MS, 1 * MS, now);
	took(R, 60, 3 * MS, 3 * MS, now);
	took(W, 600, 1 * MS, 5 * MS, now);
	tenth(&now);
	assert_int_equal(rig_get("write_tokens"), 128);
	/* ... one less is not. */
	took(R, 539, 1 * MS, 1 * MS, now);
	took(R, 61, 3 * MS, 3 * MS, now);
	took(W, 600, 1 * MS, 5 * MS, now);
	tenth(&now);
	assert_int_equal(rig_get("write_tokens"), 64);
	/* For the total, 99 in 100 count: these are in the second quarter. */
	took(R, 600, 3 * MS, 3 * MS, now);
	took(W, 594, 1 * MS, 5 * MS, now);
	took(W, 6, 1 * MS, 9 * MS, now);
	tenth(&now);
	assert_int_equal(rig_get("write_tokens"), 32);
	took(R, 600, 3 * MS, 3 * MS, now);
	took(W, 593, 1 * MS, 5 * MS, now);
	took(W, 7, 1 * MS, 9 * MS, now);
	tenth(&now);
	assert_int_equal(rig_get("write_tokens"), 32);
}

static void late_in_all_grows_back(void **state)
{
	uint64_t now = 10 * SEC;

	(void)state;
	took(R, 600, 3 * MS, 3 * MS, now);
	took(W, 600, 1 * MS, 5 * MS, now);
	tenth(&now);
	assert_int_equal(rig_get("write_tokens"), 64);
	/*
	 * The device is in time: kinds whose total misses the target grow, the others do not
	 * change.
	 */
	took(R, 600, 1 * MS, 1 * MS, now);
	took(W, 600, 1 * MS, 12 * MS, now);
	tenth(&now);
	assert_int_equal(rig_get("write_tokens"), 80);
	assert_int_equal(rig_get("read_tokens"), 256);
	took(W, 600, 1 * MS, 10 * MS, now);
	tenth(&now);
	assert_int_equal(rig_get("write_tokens"), 80);
}

static void a_rank_is_rounded_up(void **state)
{
	uint64_t now = 10 * SEC;

	(void)state;
	/* Of 550, 99 in 100 are 544.5: the 545th counts. */
	took(R, 600, 3 * MS, 3 * MS, now);
	took(W, 544, 1 * MS, 5 * MS, now);
	took(W, 6, 1 * MS, 9 * MS, now);
	tenth(&now);
	assert_int_equal(rig_get("write_tokens"), 128);
	took(R, 600, 3 * MS, 3 * MS, now);
	took(W, 545, 1 * MS, 5 * MS, now);
	took(W, 5, 1 * MS, 9 * MS, now);
	tenth(&now);
	assert_int_equal(rig_get("write_tokens"), 64);
}

static void all_kinds_are_looked_at(void **state)
{
	uint64_t now = 10 * SEC;

	(void)state;
	/*
	 * Reads are late already, but the latencies of writes are still evaluated, and so dropped.
	 */
	took(R, 600, 3 * MS, 3 * MS, now);
	took(W, 600, 11 * MS, 11 * MS, now);
	tenth(&now);
	took(R, 600, 1, 1, now);
	tenth(&now);
	assert_int_equal(rig_get("read_tokens"), 256);
}

static void few_samples_wait(void **state)
{
	uint64_t now = 10 * SEC;

	(void)state;
	rig_set("read_lat_nsec", 1 * US);
	took(R, 499, 50 * US, 50 * US, now);
	took(W, 600, 1 * MS, 1 * MS, now);
	rig.s->ops->tick(rig.s, now += TENTH);
	assert_int_equal(rig_get("write_tokens"), 128); /* 499 are too few to be late */
	took(R, 1, 50 * US, 50 * US, now);
	rig.s->ops->tick(rig.s, now += TENTH);
	/* Late. There are no new samples of writes: the earlier percentile is remembered once. */
	assert_int_equal(rig_get("write_tokens"), 32);
	took(R, 600, 50 * US, 50 * US, now);
	rig.s->ops->tick(rig.s, now + TENTH);
	assert_int_equal(rig_get("write_tokens"), 32);
}

static void a_second_is_enough(void **state)
{
	uint64_t now = 10 * SEC;

	(void)state;
	rig_set("read_lat_nsec", 1 * US);
	took(R, 1, 50 * US, 50 * US, now);
	took(W, 600, 1 * MS, 1 * MS, now);
	rig.s->ops->tick(rig.s, now + TENTH); /* the first check */
	took(R, 1, 50 * US, 50 * US, now + 10 * TENTH - 1);
	rig.s->ops->tick(rig.s, now + 11 * TENTH - 1);
	assert_int_equal(rig_get("write_tokens"), 128);
	assert_true(rig.s->ops->next_wakeup(rig.s) == SCHED_NEVER);
	took(R, 1, 50 * US, 50 * US, now + 10 * TENTH);
	rig.s->ops->tick(rig.s, now + 11 * TENTH);
	assert_int_equal(rig_get("write_tokens"), 32);
}

static void both_latencies_share_one_second(void **state)
{
	uint64_t now = 10 * SEC;

	(void)state;
	rig_set("write_lat_nsec", 1 * US);
	took(R, 10, 1 * US, 1 * US, now);
	for (int i = 0; i < 10; i++, now += TENTH) {
		took(W, 600, 50 * US, 50 * US, now);
		rig.s->ops->tick(rig.s, now + TENTH);
		assert_int_equal(rig_get("read_tokens"), 256);
	}
	/*
	 * At 11.1 s the first check is a second ago. The device's percentile is used; the total
	 * must wait a second of its own, which never ends, because the device is always checked
	 * first.
	 */
	for (int i = 0; i < 30; i++, now += TENTH) {
		took(R, 10, 1 * US, 1 * US, now);
		took(W, 600, 50 * US, 50 * US, now);
		rig.s->ops->tick(rig.s, now + TENTH);
		assert_int_equal(rig_get("read_tokens"), 256);
	}
	/* Until there are 500 samples. */
	took(R, 190, 1 * US, 1 * US, now);
	took(W, 600, 50 * US, 50 * US, now);
	rig.s->ops->tick(rig.s, now + TENTH);
	assert_int_equal(rig_get("read_tokens"), 64);
}

static void a_target_of_nothing(void **state)
{
	uint64_t now = 10 * SEC;

	(void)state;
	/* A quarter of it counts as 1 ns: up to 4 ns are in time. */
	rig_set("read_lat_nsec", 0);
	took(R, 600, 4, 4, now);
	took(W, 600, 1, 1, now);
	tenth(&now);
	assert_int_equal(rig_get("write_tokens"), 128);
	took(R, 600, 5, 5, now);
	took(W, 600, 1, 1, now);
	tenth(&now);
	assert_int_equal(rig_get("write_tokens"), 32);
	assert_int_equal(rig_get("read_lat_nsec"), 0);
}

static void discards_have_five_seconds(void **state)
{
	uint64_t now = 100 * SEC;

	(void)state;
	took(D, 600, 5 * SEC, 5 * SEC, now);
	took(W, 600, 1, 1, now);
	tenth(&now);
	assert_int_equal(rig_get("write_tokens"), 128);
	took(D, 600, 5 * SEC + 1, 5 * SEC + 1, now);
	took(W, 600, 1, 1, now);
	tenth(&now);
	assert_int_equal(rig_get("write_tokens"), 32);
	assert_int_equal(rig_get("discard_tokens"), 64);
}

static void shrunk_tokens_hold(void **state)
{
	static const uint64_t latency[] = { MS, MS };
	static const int64_t tokens[] = { 32, 8 };

	(void)state;
	writes_shrink(1 * US, 1 * SEC, 2, latency, tokens);
	assert_int_equal(in_flight_at_most(W, 100 * SEC), 8);
	/* More are in the drive than there are tokens: none leaves until enough have completed. */
	rig_close();
	rig_reset();
	rig_open(&sched_kyber);
	rig_set("read_lat_nsec", 1 * US);
	took(R, 600, 50 * US, 50 * US, SEC);
	took(W, 600, 1, 1, SEC);
	for (int i = 0; i < 130; i++)
		rig_insert(i, W, 0, 8, SEC);
	for (int i = 0; i < 128; i++)
		assert_int_equal(rig_dispatch(SEC), i);
	rig.s->ops->tick(rig.s, SEC + TENTH);
	assert_int_equal(rig_get("write_tokens"), 32);
	for (int i = 0; i < 97; i++) {
		assert_int_equal(rig_dispatch(SEC + TENTH), NONE);
		rig_complete(i, SEC + TENTH);
	}
	assert_int_equal(rig_dispatch(SEC + TENTH), 128);
	assert_int_equal(rig_dispatch(SEC + TENTH), NONE);
	for (int i = 97; i < 129; i++)
		rig_complete(i, SEC + TENTH);
	assert_int_equal(rig_serve(SEC + TENTH), 129);
}

static void lanes_share_the_tokens(void **state)
{
	static const int reads[] = { 86, 85, 85 };

	(void)state;
	for (uint32_t lane = 0; lane < 3; lane++) {
		rig_close();
		rig_reset();
		rig.env.nr_lanes = 3;
		rig.env.lane = lane;
		rig_open(&sched_kyber);
		assert_int_equal(in_flight_at_most(R, 0), reads[lane]);
		assert_int_equal(rig_get("read_tokens"), 256);
	}
	rig_close();
	rig_reset();
	rig.env.nr_lanes = 128;
	rig.env.lane = 127;
	rig_open(&sched_kyber);
	assert_int_equal(in_flight_at_most(R, 0), 2);
	assert_int_equal(in_flight_at_most(W, 0), 1);
	assert_int_equal(in_flight_at_most(SCHED_WRITE_ZEROES, 0), 1); /* never zero */
}

static void depth_for_background(void **state)
{
	const struct sched_ops *ops = &sched_kyber;

	(void)state;
	assert_int_equal(rig_get("async_depth"), 192);
	assert_int_equal(rig_limit_depth(W, 0), 192);
	assert_int_equal(rig_limit_depth(D, 0), 192);
	assert_int_equal(rig_limit_depth(R, 0), 256);
	assert_int_equal(rig_limit_depth(W, SCHED_RQ_SYNC), 256);
	assert_int_equal(rig_limit_depth(W, SCHED_RQ_FUA), 256);
	ops->depth_changed(rig.s, 100);
	assert_int_equal(rig_get("async_depth"), 75);
	assert_int_equal(rig_limit_depth(R, SCHED_RQ_SYNC), 100);
	ops->depth_changed(rig.s, 1);
	assert_int_equal(rig_limit_depth(W, 0), 1);
}

static void tunables_are_what_sysfs_has(void **state)
{
	static const char *const names[] = { "read_lat_nsec", "write_lat_nsec", "async_depth",
					     "read_tokens",   "write_tokens",	"discard_tokens" };
	static const int64_t defaults[] = { 2000000, 10000000, 192, 256, 128, 64 };
	const struct sched_tunable *t = sched_kyber.tunables;

	(void)state;
	for (int i = 0; i < 6; i++) {
		assert_string_equal(t[i].name, names[i]);
		assert_int_equal(rig_get(names[i]), defaults[i]);
		assert_int_equal(t[i].def_percent ? t[i].def_percent * 256 / 100 : t[i].def,
				 defaults[i]);
		assert_int_equal(t[i].read_only, i > 1);
	}
	assert_null(t[6].name);
	assert_int_equal(t[0].min, 0);
	assert_true(t[1].max == INT64_MAX);
	rig_set("write_lat_nsec", 5);
	assert_int_equal(rig_get("write_lat_nsec"), 5);
	assert_int_equal(rig_get("read_lat_nsec"), 2000000);
	assert_ptr_equal(sched_find("kyber"), &sched_kyber);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		T(sixteen_reads_eight_writes),
		T(four_kinds_alternate),
		T(a_batch_goes_on_where_it_was),
		T(ctxs_in_their_order),
		T(one_list_keeps_its_order),
		T(tokens_at_first),
		T(a_kind_without_tokens_lets_others_go),
		T(the_timer_counts_from_the_first_end),
		T(failed_and_cancelled),
		T(an_end_fires_it_before_it_counts),
		T(write_tokens_96_48_24),
		T(write_tokens_halve),
		T(write_tokens_32_8_2_1),
		T(read_tokens_64_16_4_1),
		T(both_late_nothing_changes),
		T(nobody_late_nothing_changes),
		T(quarters),
		T(only_the_device_makes_late),
		T(late_in_all_grows_back),
		T(a_rank_is_rounded_up),
		T(all_kinds_are_looked_at),
		T(few_samples_wait),
		T(a_second_is_enough),
		T(both_latencies_share_one_second),
		T(a_target_of_nothing),
		T(discards_have_five_seconds),
		T(shrunk_tokens_hold),
		T(lanes_share_the_tokens),
		T(depth_for_background),
		T(tunables_are_what_sysfs_has),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
