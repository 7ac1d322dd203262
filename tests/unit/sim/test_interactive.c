/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_interactive.c - the purpose of bfq and cfq: a stream keeps its speed beside a load that
 * seeks, and a program that starts does not wait for streams. docs/plots has diagrams of the same
 * jobs.
 */
#include "rig.h"

#include <stdio.h>
#include <string.h>

static void start(const char *device, const char *sched, uint64_t depth)
{
	rig_reset(device);
	rig.opts.scheduler = sched;
	rig.opts.depth = depth;
	rig.opts.nr_requests = 256;
}

/* Returns the MB/s of a stream while another job reads at random. */
static double beside_random(void)
{
	rig_run("[global]\nruntime=30\ntime_based\n[stream]\nrw=read\nbs=128k\niodepth=4\n"
		"[random]\nrw=randread\niodepth=8\n");
	/* The other job must still get a part. */
	assert_true(rig_iops(1) > 40);
	return rig_mbps(0);
}

static double stream_beside_random(const char *sched, uint64_t depth)
{
	start("hdd", sched, depth);
	if (!strcmp(sched, "bfq"))
		rig_set("low_latency", "0");
	return beside_random();
}

/*
 * A service is as long as bfq believes that 125 ms are. If it is told the speed of the disk, it
 * gives the stream as much time as the other job.
 */
static void with_the_right_budget(void **state)
{
	(void)state;
	start("hdd", "bfq", 1);
	rig_set("low_latency", "0");
	rig_set("max_budget", "46000");
	rig_between(beside_random(), 80, 95);
}

/* With the defaults, where both are raised at first, a stream keeps two fifths of what it has
 * alone, over the whole minute. */
static void with_the_defaults(void **state)
{
	double alone;

	(void)state;
	start("hdd", "bfq", 1);
	rig_run("[stream]\nrw=read\nbs=128k\niodepth=4\nruntime=60\n");
	alone = rig_mbps(0);
	start("hdd", "bfq", 1);
	rig_run("[global]\nruntime=60\ntime_based\n[stream]\nrw=read\nbs=128k\niodepth=4\n"
		"[random]\nrw=randread\niodepth=8\n");
	assert_true(rig_iops(1) > 40);
	rig_between(rig_mbps(0), 0.4 * alone, 0.5 * alone);
}

static void streams_survive(void **state)
{
	static const uint64_t depths[] = { 1, 32 };

	(void)state;
	for (size_t i = 0; i < sizeof(depths) / sizeof(depths[0]); i++) {
		rig_between(stream_beside_random("none", depths[i]), 1, 10);
		rig_between(stream_beside_random("noop", depths[i]), 1, 10);
		rig_between(stream_beside_random("bfq", depths[i]), 22, 90);
		rig_between(stream_beside_random("cfq", depths[i]), 60, 110);
	}
}

/*
 * Returns how many scattered blocks a starting program gets within this time, while 8 others
 * stream.
 */
static uint64_t read_at_start(const char *device, uint64_t depth, const char *low_latency,
			      const char *streams, unsigned ms)
{
	char text[512];

	start(device, "bfq", depth);
	rig_set("low_latency", low_latency);
	/* bfq knows the drive by now, and no other queue is new any more. */
	snprintf(text, sizeof(text),
		 "[streams]\nrw=read\nbs=128k\nnumjobs=8\n%s\nruntime=%ums\ntime_based\n"
		 "[start]\nrw=randread\nruntime=%ums\nstartdelay=30\n",
		 streams, 30000 + ms, ms);
	rig_run(text);
	return rig.result.job[8].ios;
}

/*
 * It has 500 blocks with low_latency=1 at a time when, without, it would need more than three
 * times as long.
 */
static void three_times_faster(const char *device, uint64_t depth, const char *streams, unsigned ms)
{
	assert_true(read_at_start(device, depth, "1", streams, ms) >= 500);
	assert_true(read_at_start(device, depth, "0", streams, 3 * ms) < 500);
}

static void programs_start_quickly(void **state)
{
	(void)state;
	three_times_faster("hdd", 1, "iodepth=4", 8000);
	three_times_faster("hdd", 32, "iodepth=4", 8000);
	three_times_faster("sata", 32, "iodepth=4", 120);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_teardown(name, rig_teardown)
		T(streams_survive),
		T(with_the_right_budget),
		T(with_the_defaults),
		T(programs_start_quickly),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
