/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_cfq_share.c - cfq: the shares of a disk in ten seconds, on a toy disk in virtual time, and
 * the shares with noop and deadline under the same load.
 */
#include <string.h>

#include "toy.h"

/* 8 ms for a seek, 100 MB/s, one request at a time. */
static const struct toy disk = { .depth = 1, .seek_ns = 8 * MS, .sector_ns = 5120 };
static const struct toy_submitter reader = { .prio = BE(4),
					     .op = R,
					     .flags = SCHED_RQ_SYNC,
					     .sectors = 256,
					     .depth = 1,
					     .think_ns = 100000 };

static struct toy_submitter subs[16];

static void many(unsigned n, const struct toy_submitter *like)
{
	for (unsigned i = 0; i < n; i++)
		subs[i] = *like;
}

static void open_with(const struct sched_ops *ops)
{
	rig_reset();
	rig.env.rotational = true;
	rig_open(ops);
}

static void run(unsigned n)
{
	toy_run(&disk, subs, n, 10 * SEC);
	rig_close();
}

static void near(uint64_t a, uint64_t b, unsigned percent)
{
	uint64_t most = a > b ? a : b, least = a > b ? b : a;

	if ((most - least) * 100 > b * percent)
		fail_msg("%lu is not within %u %% of %lu", a, percent, b);
}

/* N equal readers get the same. */
static void alike(unsigned n, const struct toy_submitter *like, int low_latency)
{
	uint64_t all = 0;

	open_with(&sched_cfq);
	rig_set("low_latency", low_latency);
	many(n, like);
	run(n);
	for (unsigned i = 0; i < n; i++)
		all += subs[i].done_sectors;
	for (unsigned i = 0; i < n; i++)
		near(subs[i].done_sectors, all / n, 5);
}

static void equal_readers_get_the_same(void **state)
{
	struct toy_submitter random = reader, writer = reader, deep = reader;

	(void)state;
	random.random = true;
	writer.op = W;
	deep.depth = 8;
	for (int low_latency = 0; low_latency < 2; low_latency++) {
		/* Eight slices of 100 ms are too long for equal shares within 10 s. */
		for (unsigned n = 2; n <= (low_latency ? 8 : 4); n *= 2) {
			alike(n, &reader, low_latency);
			alike(n, &random, low_latency);
			alike(n, &writer, low_latency);
			alike(n, &deep, low_latency);
		}
	}
}

static void what_is_shared_is_time(void **state)
{
	(void)state;
	/*
	 * One reader with large requests and one with small ones get the same time, not the same
	 * bytes.
	 */
	open_with(&sched_cfq);
	rig_set("low_latency", 0);
	many(2, &reader);
	subs[0].sectors = 1024;
	subs[1].sectors = 64;
	subs[1].depth = subs[0].depth = 4;
	run(2);
	near(subs[0].busy_ns, subs[1].busy_ns, 10);
}

static void readers_of_levels(unsigned n, const unsigned *levels)
{
	open_with(&sched_cfq);
	rig_set("low_latency", 0);
	many(n, &reader);
	for (unsigned i = 0; i < n; i++) {
		subs[i].prio = BE(levels[i]);
		subs[i].depth = 4;
	}
	run(n);
}

static void levels_by_their_slices(void **state)
{
	/* And 10 ms for the seek and the first request: the slice begins after it. */
	static const unsigned slices[] = { 190, 170, 150, 130, 110, 90, 70, 50 };

	(void)state;
	for (unsigned a = 0; a < 8; a++) {
		for (unsigned b = a; b < 8; b++) {
			readers_of_levels(2, (const unsigned[]){ a, b });
			near(subs[0].busy_ns * slices[b], subs[1].busy_ns * slices[a], 3);
		}
	}
	/* With more than two, queues with short slices are placed even later. */
	readers_of_levels(3, (const unsigned[]){ 0, 4, 7 });
	assert_in_range(subs[0].busy_ns * 100 / subs[1].busy_ns, 160, 200);
	assert_in_range(subs[1].busy_ns * 100 / subs[2].busy_ns, 230, 340);
}

static void idle_only_when_nothing_else(void **state)
{
	(void)state;
	open_with(&sched_cfq);
	many(2, &reader);
	subs[0].until_ns = 5 * SEC;
	subs[1].prio = IDLE;
	run(2);
	/* The first request arrived when no other queue was known. */
	assert_true(subs[1].done_sectors * 2 > subs[0].done_sectors);
	open_with(&sched_cfq);
	many(2, &reader);
	subs[1].prio = IDLE;
	run(2);
	assert_true(subs[1].done_sectors <= 512);
}

static void writes_are_held_back(void **state)
{
	uint64_t alone;

	(void)state;
	open_with(&sched_cfq);
	many(1, &reader);
	run(1);
	alone = subs[0].done_sectors;
	open_with(&sched_cfq);
	many(2, &reader);
	subs[1].op = W;
	subs[1].flags = 0;
	subs[1].depth = 32;
	subs[1].random = true;
	run(2);
	/* But they continue. */
	assert_true(subs[0].done_sectors * 10 > alone * 8);
	assert_true(subs[1].done_sectors > 0);
	open_with(&sched_noop);
	many(2, &reader);
	subs[1].op = W;
	subs[1].flags = 0;
	subs[1].depth = 32;
	subs[1].random = true;
	run(2);
	assert_true(subs[0].done_sectors * 10 < alone);
}

/* Returns what a sequential reader gets beside a random one, in percent of what it had alone. */
static uint64_t beside_a_random_one(const struct sched_ops *ops, int slice_idle)
{
	uint64_t alone;

	open_with(&sched_noop);
	many(1, &reader);
	run(1);
	alone = subs[0].done_sectors;
	open_with(ops);
	if (slice_idle >= 0) {
		rig_set("slice_idle", slice_idle);
		rig_set("group_idle", slice_idle);
	}
	many(2, &reader);
	subs[1].random = true;
	subs[1].sectors = 8;
	run(2);
	return subs[0].done_sectors * 100 / alone;
}

static void a_sequential_reader_keeps_its_rate(void **state)
{
	(void)state;
	assert_in_range(beside_a_random_one(&sched_cfq, 8), 40, 60);
	assert_in_range(beside_a_random_one(&sched_cfq, 0), 0, 12);
	assert_in_range(beside_a_random_one(&sched_noop, -1), 0, 12);
	assert_in_range(beside_a_random_one(&sched_deadline, -1), 0, 12);
}

/* Returns the longest time in ms that one of eight readers waits. */
static uint64_t longest_wait(int low_latency, int target)
{
	uint64_t longest = 0;

	open_with(&sched_cfq);
	rig_set("low_latency", low_latency);
	rig_set("target_latency", target);
	many(8, &reader);
	run(8);
	for (int i = 0; i < 8; i++)
		if (subs[i].longest_wait_ns > longest)
			longest = subs[i].longest_wait_ns;
	return longest / MS;
}

static void each_gets_a_slice_within_the_target(void **state)
{
	(void)state;
	/* And the time by which each slice is exceeded. */
	assert_in_range(longest_wait(1, 300), 200, 380);
	assert_in_range(longest_wait(1, 600), 450, 680);
	assert_in_range(longest_wait(0, 300), 650, 850);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(equal_readers_get_the_same),
		cmocka_unit_test(what_is_shared_is_time),
		cmocka_unit_test(levels_by_their_slices),
		cmocka_unit_test(idle_only_when_nothing_else),
		cmocka_unit_test(writes_are_held_back),
		cmocka_unit_test(a_sequential_reader_keeps_its_rate),
		cmocka_unit_test(each_gets_a_slice_within_the_target),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
