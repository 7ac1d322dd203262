/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_drives.c - the drives that follow single products do what was published of these, and each
 * option of the SSD model does what it says.
 */
#include "rig.h"

/* Runs JOBS on DEVICE, and asserts the speed of its first job. */
static void does(const char *device, const char *jobs, double mbps, double iops)
{
	rig_reset(device);
	rig_run(jobs);
	if (mbps > 0)
		rig_between(rig_mbps(0), 0.97 * mbps, 1.03 * mbps);
	if (iops > 0)
		rig_between(rig_iops(0), 0.94 * iops, 1.06 * iops);
}

#define READS "[a]\nrw=read\nbs=1m\niodepth=32\nruntime=300ms\n"
#define WRITES "[a]\nrw=write\nbs=1m\niodepth=32\nramp_time=200ms\nruntime=1\n"
#define RANDOM "[a]\nrw=randread\niodepth=128\nruntime=200ms\n"
#define ONE "[a]\nrw=randread\nruntime=200ms\n"

static void dc_tlc(void **state)
{
	(void)state;
	does("dc-tlc", READS, 3200, 0);
	does("dc-tlc", WRITES, 1050, 0);
	does("dc-tlc", RANDOM, 0, 490e3);
	does("dc-tlc", ONE, 0, 1e6 / 85);
}

static void qlc(void **state)
{
	(void)state;
	does("qlc", READS, 1800, 0);
	does("qlc", WRITES, 1800, 0);
	/* It has 220,000 a second if each of its channels always has a read. */
	rig_reset("qlc");
	rig.opts.depth = 256;
	rig_run("[a]\nrw=randread\niodepth=256\nruntime=200ms\n");
	rig_between(rig_iops(0), 200e3, 230e3);
}

/* The cliff: 12 GB at 1800 MB/s take 7.2 s; then it does 100 MB/s. A pause brings the speed back.
 */
static void qlc_has_a_cliff(void **state)
{
	(void)state;
	rig_reset("qlc");
	rig.config.ssd.slc = 256 << 20;
	rig_run("[a]\nrw=write\nbs=1m\niodepth=32\nsize=200m\n");
	rig_between(rig_mbps(0), 1750, 1950);
	rig_run("[fill]\nrw=write\nbs=1m\niodepth=32\nsize=300m\n"
		"[after]\nstonewall\nrw=write\nbs=1m\niodepth=32\nruntime=2\n");
	rig_between(rig_mbps(1), 95, 110);
	/* 256 MiB move to their place within 3 s, after the second without writes. */
	rig_run("[fill]\nrw=write\nbs=1m\niodepth=32\nsize=300m\n"
		"[late]\nstonewall\nstartdelay=5\nrw=write\nbs=1m\niodepth=32\nsize=200m\n");
	rig_between(rig_mbps(1), 1700, 1950);
	/* Reads while it moves data wait for that. */
	rig_run("[fill]\nrw=write\nbs=1m\niodepth=32\nsize=200m\n"
		"[reads]\nstonewall\nstartdelay=1100ms\nrw=randread\nruntime=300ms\n");
	assert_true(rig.result.job[1].latency.p99_ns > 3 * MS);
}

static void dramless(void **state)
{
	(void)state;
	does("dramless", READS, 5150, 0);
	/* Where the map is in memory, and anywhere. */
	rig_reset("dramless");
	rig_run("[a]\nrw=randread\niodepth=128\nruntime=200ms\nsize=2g\nramp_time=200ms\n");
	rig_between(rig_iops(0), 650e3, 780e3);
	rig_run("[a]\nrw=randread\nruntime=1\nsize=2g\nramp_time=200ms\n");
	rig_between((double)rig.result.job[0].latency.p50_ns, 60e3, 75e3);
	rig_run("[a]\nrw=randread\nruntime=1\n");
	rig_between((double)rig.result.job[0].latency.p50_ns, 115e3, 135e3);
}

static void xpoint(void **state)
{
	(void)state;
	does("xpoint", READS, 2400, 0);
	does("xpoint", WRITES, 2000, 0);
	does("xpoint", ONE, 0, 1e6 / 8.9);
	does("xpoint", "[a]\nrw=randread\niodepth=16\nruntime=200ms\n", 0, 584.8e3);
	does("xpoint", "[a]\nrw=randwrite\niodepth=16\nruntime=200ms\n", 0, 500e3);
	assert_true(rig.result.job[0].latency.p99_ns < 60000);
}

#define BESIDE                                                                                     \
	"[r]\nrw=randread\nruntime=1\n"                                                            \
	"[w]\nrw=randwrite\nbs=128k\niodepth=32\nruntime=1\n"

/* A read need not wait for a whole program, and the flood loses little. */
static void programs_make_way(void **state)
{
	double flood;

	(void)state;
	rig_reset("dc-tlc");
	rig.config.ssd.program_suspend = rig.config.ssd.erase_suspend = 0;
	rig.config.ssd.erase = 0;
	rig_run(BESIDE);
	rig_between((double)rig.result.job[0].latency.p50_ns, 300e3, 600e3);
	flood = rig_mbps(1);
	rig.config.ssd.program_suspend = 20000;
	rig_run(BESIDE);
	rig_between((double)rig.result.job[0].latency.p50_ns, 80e3, 140e3);
	rig_between(rig_mbps(1) / flood, 0.95, 1.01);
	/* Never: as if it could not. */
	rig.config.ssd.suspends = 0;
	rig_run(BESIDE);
	rig_between((double)rig.result.job[0].latency.p50_ns, 300e3, 600e3);
}

/* However many reads there are, each program is interrupted so often, and ends. */
static void programs_end(void **state)
{
	(void)state;
	rig_reset("dc-tlc");
	rig.config.ssd.channels = 4;
	rig.config.ssd.cache = 4 << 20;
	rig.config.ssd.erase = 0;
	rig_run("[r]\nrw=randread\niodepth=100\nruntime=1\n"
		"[w]\nrw=randwrite\nbs=128k\niodepth=8\nruntime=1\n");
	/* Alone 4 pages in 655 us are 100 MB/s; here each waits for 5 reads of 75 us, and 4 x 20.
	 */
	rig_between(rig_mbps(1), 40, 75);
	assert_true(rig_iops(0) > 10000);
}

static void erases_take_time(void **state)
{
	double without;

	(void)state;
	rig_reset("dc-tlc");
	rig.config.ssd.erase = 0;
	rig.config.ssd.program_suspend = 0;
	rig_run(WRITES);
	without = rig_mbps(0);
	rig.config.ssd.erase = 10 * MS;
	rig.config.ssd.erase_suspend = 0;
	rig.config.ssd.erase_pages = 100;
	/* 10 ms for each 65.5. */
	rig_run(WRITES);
	rig_between(rig_mbps(0) / without, 0.83, 0.91);
	rig_run(BESIDE);
	assert_true(rig.result.job[0].latency.p999_ns > 5 * MS);
	rig.config.ssd.erase_suspend = 50000;
	rig_run(BESIDE);
	assert_true(rig.result.job[0].latency.p999_ns < 3 * MS);
}

/* Reads on every channel: by default programs wait for room, in turns they do not. */
static void policies_differ(void **state)
{
	static const char text[] = "[r]\nrw=randread\niodepth=64\nruntime=200ms\n"
				   "[w]\nrw=randwrite\nbs=64k\nrate=200m\nruntime=200ms\n";
	double idle;

	(void)state;
	rig_reset("nvme");
	rig.config.ssd.channels = 16;
	rig_run(text);
	idle = rig_iops(0);
	rig.config.ssd.drain = SIM_DRAIN_TURNS;
	rig_run(text);
	assert_true(rig_iops(0) < 0.95 * idle);
	/* 40 MB fit into the cache: put off, they cost the reads nothing but the link. */
	rig.config.ssd.drain = SIM_DRAIN_BURSTS;
	rig_run(text);
	assert_true(rig_iops(0) > 1.01 * idle);
	/* A flood passes in bursts, between which the flash rests; writes wait for half a cache. */
	rig_reset("nvme");
	rig_run(WRITES);
	assert_true(rig.result.job[0].latency.max_ns < 20 * MS);
	rig.config.ssd.drain = SIM_DRAIN_BURSTS;
	rig_run(WRITES);
	rig_between(rig_mbps(0), 2000, 2400);
	assert_true(rig.result.job[0].latency.max_ns > 10 * MS);
}

/* A write that is larger than the cache, and one that is larger than half of it. */
static void bursts_take_large_writes(void **state)
{
	(void)state;
	rig_reset("nvme");
	rig.config.ssd.channels = 4;
	rig.config.ssd.cache = 512 << 10;
	rig.config.ssd.drain = SIM_DRAIN_BURSTS;
	rig_run("[a]\nrw=write\nbs=1m\niodepth=4\nruntime=500ms\n"
		"[b]\nrw=write\nbs=384k\niodepth=4\nruntime=500ms\n");
	assert_true(rig.result.job[0].ios > 5 && rig.result.job[1].ios > 5);
}

static void hiccups(void **state)
{
	uint64_t longest, sum;

	(void)state;
	rig_reset("nvme");
	rig.config.ssd.hiccup = 20 * MS;
	rig.config.ssd.hiccup_every = 200 * MS;
	rig_run("[a]\nrw=randread\nruntime=5\n");
	longest = rig.result.job[0].latency.max_ns;
	sum = rig.result.job[0].latency.sum_ns;
	rig_between((double)longest, 15e6, 21e6);
	assert_true(rig.result.job[0].latency.p50_ns < 80000);
	/* In 20 of 220 ms nothing ends. */
	rig_between(rig_iops(0) / 14600, 0.86, 0.96);
	rig_run("[a]\nrw=randread\nruntime=5\n");
	assert_true(rig.result.job[0].latency.max_ns == longest);
	assert_true(rig.result.job[0].latency.sum_ns == sum);
	rig.opts.seed = 2;
	rig_run("[a]\nrw=randread\nruntime=5\n");
	assert_true(rig.result.job[0].latency.sum_ns != sum);
}

/* The bytes a second are the limit, whatever is outstanding. What was saved up goes at full speed,
 * and then commands wait until the bucket is filled. */
static void limits(void **state)
{
	uint64_t sum;

	(void)state;
	rig_reset("nvme");
	rig.config.ssd.limit = 1000000000;
	rig.config.ssd.limit_burst = 32 << 20;
	rig.config.ssd.limit_every = 10 * MS;
	for (int depth = 1; depth <= 64; depth *= 8) {
		char text[128];

		snprintf(text, sizeof(text),
			 "[a]\nrw=randread\nbs=128k\niodepth=%d\n"
			 "ramp_time=1\nruntime=2\n",
			 depth);
		rig_run(text);
		rig_between(rig_mbps(0), depth > 1 ? 980 : 800, 1020);
	}
	rig_run("[a]\nrw=randwrite\nbs=1m\niodepth=4\nsize=24m\n");
	assert_true(rig.result.job[0].latency.max_ns < 9 * MS);
	rig_run("[a]\nrw=randwrite\nbs=1m\niodepth=4\nramp_time=1\nruntime=2\n");
	rig_between((double)rig.result.job[0].latency.max_ns, 5e6, 21e6);
	/* One whose limit nobody meets is a drive without one. */
	rig.config.ssd.limit = 0;
	rig_run("[a]\nrw=randwrite\nbs=1m\niodepth=4\nruntime=1\n");
	sum = rig.result.job[0].latency.sum_ns;
	rig.config.ssd.limit = 1ull << 40;
	rig.config.ssd.limit_burst = 1ull << 40;
	rig_run("[a]\nrw=randwrite\nbs=1m\niodepth=4\nruntime=1\n");
	assert_true(rig.result.job[0].latency.sum_ns == sum);
}

/* Limits that do not fill in whole bytes each time, and one whose commands wait very often. */
static void small_limits(void **state)
{
	(void)state;
	rig_reset("nvme");
	rig.config.ssd.limit = 150000;
	rig.config.ssd.limit_burst = 4096;
	rig.config.ssd.limit_every = 10000;
	rig_run("[a]\nrw=randread\nbs=4k\nramp_time=1\nruntime=10\n");
	rig_between(rig_mbps(0), 0.148, 0.152);
	rig.config.ssd.limit = 1;
	rig_run("[a]\nrw=randwrite\nbs=4k\nsize=8k\n");
	rig_between((double)rig.result.job[0].latency.max_ns, 0.99e9, 1.01e9);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_teardown(name, rig_teardown)
		T(dc_tlc),	    T(qlc),
		T(qlc_has_a_cliff), T(dramless),
		T(xpoint),	    T(programs_make_way),
		T(programs_end),    T(erases_take_time),
		T(policies_differ), T(bursts_take_large_writes),
		T(hiccups),	    T(limits),
		T(small_limits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
