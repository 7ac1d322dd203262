/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_bfq_shares.c - the shares of a drive that is the bottleneck: weights, classes, fairness
 * among equal queues, and how far a queue may fall behind.
 */
#include <errno.h>
#include <math.h>
#include <string.h>

#include "sched/bfq/bfq.h"

#include "load.h"

/*
 * Approximately an SSD of 500 MB/s and a hard disk of 150 MB/s; they serve one request after
 * another.
 */
static const struct drive ssd = { .fixed_ns = 20000, .sector_ns = 1000, .depth = 1 };
static const struct drive hdd = {
	.fixed_ns = 50000, .sector_ns = 3400, .seek_ns = 8 * MS, .depth = 1
};

static void begin(bool rotational)
{
	rig_reset();
	rig.env.nr_requests = 4096;
	rig.env.max_submitters = 1024;
	rig.env.rotational = rotational;
	rig.env.depth = rotational ? 1 : 128;
	load_reset(11);
	rig_open(&sched_bfq);
	rig_set("low_latency", 0);
	rig_set("strict_guarantees", 1);
}

/* Closes the instance with the requests that it holds. */
static void end(void)
{
	rig.s->ops->exit(rig.s);
}

static void assert_ratio(double a, double b, double expected, double within, int kind)
{
	if (fabs(a / b / expected - 1) > within)
		fail_msg("%d: %.0f : %.0f is %.3f, not %.3f", kind, a, b, a / b, expected);
}

enum kind { RANDOM, SEQUENTIAL, BACKGROUND, MIXED, KINDS };

static void become(struct load *l, enum kind kind)
{
	l->sequential = kind == SEQUENTIAL;
	l->nr[0] = kind == SEQUENTIAL ? 256 : 8;
	l->nr[1] = kind == RANDOM || kind == BACKGROUND ? 8 : 256;
	l->op = kind == BACKGROUND ? W : R;
	l->flags = kind == BACKGROUND ? 0 : SCHED_RQ_SYNC;
}

static void pair(uint8_t high, uint8_t low, double expected)
{
	for (int rotational = 0; rotational < 2; rotational++) {
		for (int kind = 0; kind < KINDS; kind++) {
			begin(rotational);
			become(load_add(BE(high)), kind);
			become(load_add(BE(low)), kind);
			load_run(rotational ? &hdd : &ssd, rotational ? 300 * SEC : 60 * SEC);
			assert_ratio((double)load[0].sectors, (double)load[1].sectors, expected,
				     0.02, kind + KINDS * rotational);
			end();
		}
	}
}

static void weights_80_10(void **state)
{
	(void)state;
	pair(0, 7, 8);
}

static void weights_60_30(void **state)
{
	(void)state;
	pair(2, 5, 2);
}

/* Groups: each has its own weight, whatever the levels are; a submitter without one has 100. */
static void weights_of_groups(void **state)
{
	(void)state;
	begin(false);
	for (int i = 0; i < 3; i++)
		become(load_add(BE(i == 1 ? 7 : 4)), RANDOM);
	assert_int_equal(rig.s->ops->set_weight(rig.s, 1, 300), 0);
	assert_int_equal(rig.s->ops->set_weight(rig.s, 2, 50), 0);
	load_run(&ssd, 60 * SEC);
	assert_ratio((double)load[0].sectors, (double)load[2].sectors, 3, 0.02, 0);
	assert_ratio((double)load[1].sectors, (double)load[2].sectors, 0.5, 0.02, 1);
	/* The weights are set while they run: the first queue is in service. */
	rig.s->ops->set_weight(rig.s, 1, 100);
	rig.s->ops->set_weight(rig.s, 3, 1000);
	load[0].sectors = load[1].sectors = load[2].sectors = 0;
	load_run(&ssd, 60 * SEC);
	assert_ratio((double)load[2].sectors, (double)load[0].sectors, 10, 0.02, 2);
	assert_ratio((double)load[1].sectors, (double)load[0].sectors, 0.5, 0.02, 3);
	end();
}

/* Within a group levels count as they do outside, and background requests belong to the group. */
static void levels_in_a_group(void **state)
{
	(void)state;
	begin(false);
	become(load_add(BE(4)), RANDOM);
	become(load_add(BE(0)), RANDOM);
	become(load_add(BE(6)), BACKGROUND);
	load[2].submitter = 2;
	rig.s->ops->set_weight(rig.s, 2, 100);
	load_run(&ssd, 60 * SEC);
	assert_ratio((double)load[0].sectors, (double)(load[1].sectors + load[2].sectors), 1, 0.02,
		     0);
	assert_ratio((double)load[1].sectors, (double)load[2].sectors, 4, 0.02, 1);
	end();
}

/*
 * A queue that never stops, and others that start and stop: how far the queue is behind an ideal
 * drive, which serves the same requests of all submitters at once by their weights. A queue that
 * stopped may have been ahead; then the ideal drive is still serving it.
 */
static double ideal[LOAD_MAX], given[LOAD_MAX], worst;
static uint32_t weight[LOAD_MAX];

static double ideally_wants(unsigned i)
{
	double ahead = given[i] - ideal[i];

	if (load_backlogged(i))
		return HUGE_VAL;
	return ahead > 1e-6 ? ahead : 0;
}

/* Gives SECTORS to all by weight; returns the sectors that are left because some wanted less. */
static double ideally_serve(double sectors)
{
	double sum = 0, left = 0, share, wants;

	for (unsigned i = 0; i < loads; i++)
		sum += ideally_wants(i) > 0 ? weight[i] : 0;
	for (unsigned i = 0; i < loads; i++) {
		wants = ideally_wants(i);
		share = wants > 0 ? sectors * weight[i] / sum : 0;
		wants = wants < share ? wants : share;
		ideal[i] += wants;
		left += share - wants;
	}
	return left;
}

static void measure_lag(unsigned of, uint64_t sectors)
{
	double left = (double)sectors;

	given[of] += (double)sectors;
	while (left > 1e-6)
		left = ideally_serve(left);
	if (ideal[0] - given[0] > worst)
		worst = ideal[0] - given[0];
}

#define LAG_BUDGET 2048
#define LAG_LARGEST 256

static void lag(uint8_t level, bool rotational)
{
	begin(rotational);
	rig_set("max_budget", LAG_BUDGET);
	memset(ideal, 0, sizeof(ideal));
	memset(given, 0, sizeof(given));
	worst = 0;
	load_served = measure_lag;
	for (unsigned i = 0; i < 12; i++) {
		uint8_t of = i ? (uint8_t)load_pick(8) : level;
		struct load *l = load_add(BE(of));

		weight[i] = (8 - of) * 25u;
		become(l, MIXED);
		l->sequential = true;
		l->backlog = 2 + (unsigned)load_pick(6);
		if (!i)
			continue;
		l->active_ns = (1 + load_pick(40)) * 10 * MS;
		l->pause_ns = (1 + load_pick(40)) * 10 * MS;
	}
	load_run(&ssd, 20 * SEC);
	assert_true(given[0] > 100.0 * LAG_BUDGET);
	if (worst > LAG_BUDGET + LAG_LARGEST)
		fail_msg("level %u fell behind by %.0f sectors", level, worst);
	end();
}

/* At any time, ideal - given <= largest budget + largest request. */
static void lag_is_bounded(void **state)
{
	(void)state;
	for (uint8_t level = 0; level < 8; level++)
		lag(level, level & 1);
}

/* Returns Jain's index: 1 if all have the same; 1/n if one has everything. */
static double jain(const uint64_t *x, unsigned n)
{
	double sum = 0, squares = 0;

	for (unsigned i = 0; i < n; i++) {
		sum += (double)x[i];
		squares += (double)x[i] * (double)x[i];
	}
	return sum * sum / (n * squares);
}

static void equals(unsigned n, int64_t max_budget)
{
	uint64_t x[64], window = 20ull * n * ((uint64_t)max_budget + 256);
	/*
	 * Converts sectors to time, with the fixed part of each request, which has 132 sectors on
	 * average.
	 */
	uint64_t ns = window * ssd.sector_ns + window / 132 * ssd.fixed_ns;

	begin(false);
	rig_set("max_budget", max_budget);
	for (unsigned i = 0; i < n; i++) {
		become(load_add(BE(4)), MIXED);
		load[i].op = i & 1 ? W : R;
	}
	load_run(&ssd, ns / 4);
	for (int round = 0; round < 4; round++) {
		for (unsigned i = 0; i < n; i++)
			load[i].sectors = 0;
		load_run(&ssd, ns);
		for (unsigned i = 0; i < n; i++)
			x[i] = load[i].sectors;
		if (jain(x, n) < 0.99)
			fail_msg("%u submitters: %.4f", n, jain(x, n));
	}
	end();
}

static void equals_are_equal(void **state)
{
	(void)state;
	equals(2, 4096);
	equals(8, 2048);
	equals(64, 1024);
}

/* The setting for short windows: small budgets, no idling, many requests in the drive at once. */
static void equals_within_100_ms(void **state)
{
	static const struct drive deep = { .fixed_ns = 20000, .sector_ns = 1000, .depth = 16 };
	uint64_t x[8];

	(void)state;
	begin(false);
	rig_set("strict_guarantees", 0);
	rig_set("slice_idle", 0);
	rig_set("max_budget", 512);
	for (unsigned i = 0; i < 8; i++) {
		become(load_add(BE(4)), MIXED);
		load[i].op = i & 1 ? W : R;
	}
	load_run(&deep, SEC);
	for (int window = 0; window < 50; window++) {
		for (unsigned i = 0; i < 8; i++)
			load[i].sectors = 0;
		load_run(&deep, 100 * MS);
		for (unsigned i = 0; i < 8; i++)
			x[i] = load[i].sectors;
		if (jain(x, 8) < 0.99)
			fail_msg("window %d: %.4f", window, jain(x, 8));
	}
	end();
}

/*
 * Returns how long a program takes to read 500 scattered blocks, one after another, beside eight
 * streams.
 */
static uint64_t start_up(const struct drive *drive, bool rotational, bool low_latency)
{
	uint64_t began;

	begin(rotational);
	rig_set("strict_guarantees", 0);
	rig_set("low_latency", low_latency);
	for (int i = 0; i < 8; i++)
		become(load_add(BE(4)), SEQUENTIAL);
	load_run(drive, 30 * SEC);
	load_add(BE(4))->backlog = 1;
	for (began = load_now; load[8].ended < 500 && load_now - began < 600 * SEC;)
		load_run(drive, 10 * MS);
	end();
	return load_now - began;
}

static void beginners_are_quick(void **state)
{
	static const struct drive flash = { .fixed_ns = 20000, .sector_ns = 1000, .depth = 16 };

	(void)state;
	assert_true(start_up(&hdd, true, false) > 3 * start_up(&hdd, true, true));
	assert_true(start_up(&flash, false, false) > 3 * start_up(&flash, false, true));
}

/* IDLE beside BE: it gets nearly nothing, but something at least every 200 ms and one service. */
static void idle_class_is_not_starved(void **state)
{
	(void)state;
	begin(false);
	rig_set("max_budget", 4096);
	become(load_add(BE(4)), SEQUENTIAL);
	become(load_add(IDLE), SEQUENTIAL);
	load_run(&ssd, 20 * SEC);
	assert_in_range(load[1].ended, 85, 101);
	assert_true(load[0].sectors > 50 * load[1].sectors);
	assert_in_range(load[1].longest_ns, 190 * MS, 210 * MS);
	end();
}

static void rt_before_all(void **state)
{
	(void)state;
	begin(false);
	become(load_add(RT(7)), RANDOM);
	become(load_add(BE(0)), RANDOM);
	load_run(&ssd, 3 * SEC);
	assert_true(load[0].ended > 100000);
	assert_int_equal(load[1].ended, 0);
	end();
}

/* Each submitter gets the weight that was set, while there is space for more weights. */
static uint32_t heavy(void *owner, uint32_t submitter)
{
	(void)owner;
	return submitter == 1 ? 300 : 0;
}

/* Who left and comes back has its weight again, for reads and for background writes. BUSY: it
 * leaves while requests of its are in the drive; its group then goes with the last one. */
static void comes_back(enum kind kind, bool busy)
{
	struct sched_rq like = { .op = R, .submitter = 1, .ioprio = BE(4) };

	rig_reset();
	rig.env.weight_of = heavy;
	load_reset(11);
	rig.env.nr_requests = 4096;
	rig.env.max_submitters = 1024;
	rig.env.depth = 128;
	rig_open(&sched_bfq);
	rig_set("low_latency", 0);
	rig_set("strict_guarantees", 1);
	assert_int_equal(rig.s->ops->set_weight(rig.s, 1, 300), 0);
	rig.submitter = 1;
	rig_insert(LOAD_IDS + 1, R, 0, 8, 0);
	assert_int_equal(rig_dispatch(0), LOAD_IDS + 1);
	if (!busy)
		rig_complete(LOAD_IDS + 1, MS);
	rig.s->ops->submitter_gone(rig.s, 1);
	if (busy)
		rig_complete(LOAD_IDS + 1, MS);
	assert_int_equal(((struct bfq *)rig.s)->nr_groups, 0);
	assert_int_equal(rig.s->ops->weight(rig.s, &like), 300);
	become(load_add(BE(4)), kind);
	become(load_add(BE(4)), kind);
	load_run(&ssd, 60 * SEC);
	assert_ratio((double)load[0].sectors, (double)load[1].sectors, 3, 0.02, kind);
	end();
}

static void who_comes_back_has_its_weight(void **state)
{
	(void)state;
	for (int busy = 0; busy < 2; busy++) {
		comes_back(RANDOM, busy);
		comes_back(BACKGROUND, busy);
	}
}

/* It comes back while requests of its are still in the drive: its group is not for others then,
 * although the queue that it had is. */
static void who_comes_back_soon_keeps_its_group(void **state)
{
	struct sched_rq like = { .op = R, .submitter = 1, .ioprio = BE(4) };

	(void)state;
	rig_reset();
	rig_open(&sched_bfq);
	assert_int_equal(rig.s->ops->set_weight(rig.s, 1, 300), 0);
	rig.submitter = 1;
	rig_insert(0, R, 0, 8, 0);
	assert_int_equal(rig_dispatch(0), 0);
	rig.s->ops->submitter_gone(rig.s, 1);
	rig_insert(1, R, 100, 8, 0);
	rig_complete(0, MS);
	rig_serve(MS);
	/* others take all queues that have no request */
	for (uint32_t i = 0; i < rig.env.max_submitters; i++) {
		rig.submitter = 1000 + i;
		rig_insert(2 + (int)i, R, 0, 8, 2 * MS);
	}
	assert_int_equal(rig.s->ops->weight(rig.s, &like), 300);
	for (uint64_t now = 10 * MS; rig.waiting; now += 20 * MS)
		assert_true(rig_serve(now) != NONE);
	rig_close();
}

static void too_many_weights(void **state)
{
	(void)state;
	rig_reset();
	rig_open(&sched_bfq);
	for (uint32_t s = 1; s <= rig.env.max_submitters; s++)
		assert_int_equal(rig.s->ops->set_weight(rig.s, s, s), 0);
	assert_int_equal(rig.s->ops->set_weight(rig.s, 77, 5), -ENOSPC);
	assert_int_equal(rig.s->ops->set_weight(rig.s, 3, 5), 0);
	rig.s->ops->submitter_gone(rig.s, 3);
	assert_int_equal(rig.s->ops->set_weight(rig.s, 77, 5), 0);
	rig_close();
}

/*
 * More submitters at once than there are queues: those beyond share one queue and are counted; all
 * are served.
 */
static void beyond_the_pool(void **state)
{
	static bool left[2000];

	(void)state;
	rig_reset();
	rig.env.max_submitters = 1024;
	rig_open(&sched_bfq);
	for (int id = 0; id < 2000; id++) {
		rig.submitter = (uint32_t)id * 7919;
		rig_insert(id, R, (uint64_t)id * 1000, 8, 1);
	}
	assert_int_equal(rig_get("catch_all"), 2000 - 1024);
	assert_int_equal(((struct bfq *)rig.s)->common.raise, 1);
	for (int i = 0; i < 2000; i++) {
		int id = rig_serve(1 + 20 * MS * (unsigned)i);

		assert_true(id != NONE && !left[id]);
		left[id] = true;
	}
	/* All have been served: new submitters get the least recently used queues. */
	for (int id = 2000; id < 3000; id++) {
		rig.submitter = (uint32_t)id * 7919;
		rig_insert(id, R, 0, 8, 100 * SEC);
	}
	assert_int_equal(rig_get("catch_all"), 2000 - 1024);
	for (uint64_t now = 100 * SEC; rig.waiting; now += 20 * MS)
		assert_true(rig_serve(now) != NONE);
	rig_close();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(weights_80_10),
		cmocka_unit_test(weights_60_30),
		cmocka_unit_test(weights_of_groups),
		cmocka_unit_test(levels_in_a_group),
		cmocka_unit_test(lag_is_bounded),
		cmocka_unit_test(beginners_are_quick),
		cmocka_unit_test(equals_are_equal),
		cmocka_unit_test(equals_within_100_ms),
		cmocka_unit_test(idle_class_is_not_starved),
		cmocka_unit_test(rt_before_all),
		cmocka_unit_test(who_comes_back_has_its_weight),
		cmocka_unit_test(who_comes_back_soon_keeps_its_group),
		cmocka_unit_test(too_many_weights),
		cmocka_unit_test(beyond_the_pool),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
