/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_jobs.c - jobs do what fio's keys say: lengths and places of ios, their pace, when jobs
 * begin and end, and which ios count.
 */
#include "rig.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/pattern.h"

static const struct sim_ios *dir(size_t job, enum sim_dir d)
{
	return &rig.result.job[job].dir[d];
}

/* The results of each direction are separate. */
static void directions_apart(void **state)
{
	const struct sim_job_result *j;

	(void)state;
	rig_reset("nvme");
	rig_run("[a]\nrw=randrw\nrwmixwrite=25\nbs=4k,64k\nruntime=1\niodepth=4\n");
	j = rig.result.job;
	rig_between((double)dir(0, SIM_WRITE)->ios / (double)j->ios, 0.24, 0.26);
	assert_int_equal(dir(0, SIM_READ)->bytes, dir(0, SIM_READ)->ios * 4096);
	assert_int_equal(dir(0, SIM_WRITE)->bytes, dir(0, SIM_WRITE)->ios * 65536);
	assert_int_equal(dir(0, SIM_READ)->ios + dir(0, SIM_WRITE)->ios, j->ios);
	assert_int_equal(dir(0, SIM_READ)->bytes + dir(0, SIM_WRITE)->bytes, j->bytes);
	assert_int_equal(dir(0, SIM_READ)->latency.count + dir(0, SIM_WRITE)->latency.count,
			 j->latency.count);
	/* Writes end in the cache: earlier than any read. */
	assert_true(dir(0, SIM_WRITE)->latency.p99_ns < dir(0, SIM_READ)->latency.p50_ns);
	assert_true(j->latency.p90_ns <= j->p95_ns && j->p95_ns <= j->latency.p99_ns);
	assert_int_equal(dir(0, SIM_TRIM)->latency.count, 0);
}

static void rates_by_direction(void **state)
{
	(void)state;
	rig_reset("nvme");
	rig_run("[global]\nrw=randrw\nruntime=1\niodepth=8\n[a]\nrate_iops=1000,300\n"
		"[b]\nrate=,4m\nrate_iops=500,\n[c]\nrate_iops=2000\nrw=randread\n");
	rig_between((double)dir(0, SIM_READ)->ios, 999, 1001);
	rig_between((double)dir(0, SIM_WRITE)->ios, 299, 301);
	rig_between((double)dir(1, SIM_READ)->ios, 499, 501);
	rig_between((double)dir(1, SIM_WRITE)->ios, 1020, 1026);
	rig_between((double)dir(2, SIM_READ)->ios, 1999, 2001);
}

/* As many ios on average as with a linear process, but never evenly. */
static void poisson(void **state)
{
	(void)state;
	rig_reset("nvme");
	rig.opts.window_ns = 10 * MS;
	rig_run("[a]\nrw=randread\nrate_iops=10000\nrate_process=poisson\niodepth=64\nruntime=4\n");
	rig_between(rig_iops(0), 9700, 10300);
	/* Sometimes two come at nearly the same time: then both are in the drive at once. */
	assert_true(rig.result.busy < 0.55);
	rig_run("[a]\nrw=randread\nrate_iops=10000\niodepth=64\nruntime=1\n");
	assert_true(rig.result.busy > 0.6);
}

static void lengths(void **state)
{
	const struct sim_ios *reads;

	(void)state;
	rig_reset("nvme");
	rig_run("[a]\nrw=randread\nbssplit=4k/70:64k/30\nnumber_ios=10000\niodepth=16\n"
		"[b]\nrw=randread\nbsrange=4k-16k\nnumber_ios=10000\niodepth=16\n"
		"[c]\nrw=write\nbssplit=8k/:16k/50:4k/\nnumber_ios=10000\niodepth=16\n");
	reads = dir(0, SIM_READ);
	assert_int_equal(reads->ios, 10000);
	rig_between((double)reads->bytes / 1e4, 0.97 * (0.7 * 4096 + 0.3 * 65536),
		    1.03 * (0.7 * 4096 + 0.3 * 65536));
	rig_between((double)dir(1, SIM_READ)->bytes / 1e4, 0.98 * 10240, 1.02 * 10240);
	rig_between((double)dir(2, SIM_WRITE)->bytes / 1e4, 0.98 * 11264, 1.02 * 11264);
}

static void amounts(void **state)
{
	(void)state;
	rig_reset("nvme");
	rig_run("[a]\nsize=1m\nio_size=3m\n[b]\nsize=4m\nio_size=1m\n[c]\nsize=1m\nloops=3\n"
		"[d]\nsize=8m\nnumber_ios=100\n[e]\nsize=1m\nio_size=50%\n[f]\nsize=1m\n"
		"number_ios=1000\n");
	assert_int_equal(rig.result.job[0].bytes, 3 << 20);
	assert_int_equal(rig.result.job[1].bytes, 1 << 20);
	assert_int_equal(rig.result.job[2].bytes, 3 << 20);
	assert_int_equal(rig.result.job[3].ios, 100);
	assert_int_equal(rig.result.job[4].bytes, 1 << 19);
	/* It is never repeated to reach more. */
	assert_int_equal(rig.result.job[5].ios, 256);
}

static void ramp_does_not_count(void **state)
{
	double cold, warm;

	(void)state;
	/* The cache accepts the first 64 MiB at the speed of the link. */
	rig_reset("nvme");
	rig_run("[a]\nrw=write\nbs=128k\niodepth=32\nruntime=30ms\n");
	cold = rig_mbps(0);
	rig_run("[a]\nrw=write\nbs=128k\niodepth=32\nruntime=30ms\nramp_time=200ms\n");
	warm = rig_mbps(0);
	assert_int_equal(rig.result.job[0].active_ns, 30 * MS);
	rig_between((double)rig.result.duration_ns, 230e6, 240e6);
	rig_between(warm / cold, 0.3, 0.6);
	assert_true(rig.result.job[0].latency.count < 1200);
}

static void stonewall_and_exitall(void **state)
{
	(void)state;
	rig_reset("nvme");
	rig_run("[global]\nrate_iops=1000\n[a]\nruntime=100ms\n[b]\nruntime=50ms\n"
		"[c]\nstonewall\nruntime=200ms\nnumjobs=2\n[d]\nruntime=100ms\n"
		"[e]\nstonewall\nsize=40k\n");
	assert_int_equal(rig.result.count, 6);
	rig_between((double)rig.result.duration_ns, 309e6, 311e6);
	assert_int_equal(rig.result.job[2].active_ns, 200 * MS);
	assert_int_equal(rig.result.job[4].ios, 100);
	assert_int_equal(rig.result.job[5].ios, 10);
	/* The job that ends first ends all others. */
	rig_run("[a]\nrw=randread\nruntime=100ms\nexitall\n[b]\nrw=randread\nruntime=10\n");
	rig_between((double)rig.result.duration_ns, 100e6, 101e6);
	rig_between((double)rig.result.job[1].active_ns, 99e6, 101e6);
}

static void pauses_after_blocks(void **state)
{
	(void)state;
	rig_reset("nvme");
	rig.config.ssd.spread = 0;
	/* Four reads in parallel, then 931.4 us without any. */
	rig_run("[a]\nrw=read\nbs=64k\nthinktime=931.4us\nthinktime_blocks=4\nruntime=1\n"
		"iodepth=8\n");
	rig_between(rig_iops(0), 3600, 4000);
	rig_run("[a]\nrw=read\nbs=64k\nthinktime=931.4us\nthinktime_blocks=1\nruntime=1\n"
		"iodepth=8\n");
	rig_between(rig_iops(0), 900, 1000);
}

static void flushes(void **state)
{
	double without;

	(void)state;
	/* The SATA drive's cache is volatile: a flush takes time. */
	rig_reset("sata");
	rig_run("[a]\nrw=randwrite\nnumber_ios=1000\n");
	without = rig_iops(0);
	assert_int_equal(rig.result.job[0].flushes, 0);
	rig_run("[a]\nrw=randwrite\nnumber_ios=1000\nfsync=10\n");
	assert_int_equal(rig.result.job[0].flushes, 100);
	assert_int_equal(rig.result.job[0].ios, 1000);
	assert_true(rig_iops(0) < without);
	rig_run("[a]\nrw=randwrite\nnumber_ios=1000\nfdatasync=1\niodepth=8\n");
	assert_int_equal(rig.result.job[0].flushes, 1000);
	/* Reads need no flush. */
	rig_run("[a]\nrw=randread\nnumber_ios=100\nfsync=1\n");
	assert_int_equal(rig.result.job[0].flushes, 0);
	/* A job whose time is over does not wait for a flush. */
	rig_run("[a]\nrw=randwrite\nruntime=10ms\nfsync=1\nthinktime=5ms\n");
	rig_between((double)rig.result.duration_ns, 10e6, 16e6);
	/* And sync=1 makes each write wait for the flash. */
	rig_run("[a]\nrw=randwrite\nnumber_ios=1000\nsync=1\n");
	assert_true(rig_iops(0) < without / 2);
}

static void batches(void **state)
{
	double one;

	(void)state;
	rig_reset("hdd");
	rig.opts.scheduler = "none";
	/* Ios that come at once are merged; ios that come one by one are not. */
	rig_run("[a]\nrw=write\niodepth=32\nruntime=1\n");
	one = rig_mbps(0);
	rig_run("[a]\nrw=write\niodepth=32\niodepth_batch=16\nruntime=1\n");
	rig_between(rig_mbps(0) / one, 1.0, 100);
	/* No new ios come until four are left. */
	rig_reset("nvme");
	rig.config.ssd.spread = 0;
	rig_run("[a]\nrw=randread\niodepth=8\niodepth_low=0\nruntime=100ms\n");
	one = rig_iops(0);
	rig_run("[a]\nrw=randread\niodepth=8\nruntime=100ms\n");
	assert_true(rig_iops(0) > one);
}

static void trims_before_writes(void **state)
{
	(void)state;
	rig_reset("nvme");
	rig_run("[a]\nrw=randtrimwrite\nbs=64k\nnumber_ios=100\n");
	assert_int_equal(dir(0, SIM_TRIM)->ios, 50);
	assert_int_equal(dir(0, SIM_WRITE)->ios, 50);
}

#define PLACES 1000
static uint64_t hits[PLACES];

/* Counts where NUMBER ios of a job with KEYS go, in a thousand blocks. */
static void spread(const char *keys, int number)
{
	char text[512];
	struct sim_jobs jobs;
	struct pattern p;
	struct prng prng;
	FILE *in;

	snprintf(text, sizeof(text), "[a]\nruntime=1\nsize=4000k\n%s\n", keys);
	in = fmemopen(text, strlen(text), "r");
	assert_non_null(in);
	assert_int_equal(sim_jobs_read(&jobs, in, "j.fio"), 0);
	fclose(in);
	prng_seed(&prng, 1);
	assert_int_equal(pattern_open(&p, jobs.job, &prng, 0, 1 << 30, 4096), 0);
	memset(hits, 0, sizeof(hits));
	for (int i = 0; i < number; i++) {
		struct pattern_io io = pattern_next(&p, pattern_direction(&p));

		assert_int_equal(io.bytes, 4096);
		assert_true(io.offset % 4096 == 0 && io.offset / 4096 < PLACES);
		hits[io.offset / 4096]++;
	}
	sim_jobs_free(&jobs);
}

static int descending(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x > y ? -1 : x < y;
}

static uint64_t sum(int from, int to)
{
	uint64_t n = 0;

	for (int i = from; i < to; i++)
		n += hits[i];
	return n;
}

static void distributions(void **state)
{
	double harmonic = 0;

	(void)state;
	for (int i = 1; i <= PLACES; i++)
		harmonic += 1.0 / i;
	spread("rw=randread\nrandom_distribution=zipf:1", 100000);
	qsort(hits, PLACES, sizeof(*hits), descending);
	/* The first, the second and the tenth place get their shares of 1, 1/2, 1/10. */
	rig_between((double)hits[0], 0.95e5 / harmonic, 1.05e5 / harmonic);
	rig_between((double)hits[1], 0.45e5 / harmonic, 0.55e5 / harmonic);
	rig_between((double)hits[9], 0.09e5 / harmonic, 0.115e5 / harmonic);
	spread("rw=randread\nrandom_distribution=zipf:1.2:0", 100000);
	assert_true(hits[0] > hits[1] && hits[1] > hits[3] && hits[3] > hits[20]);
	spread("rw=randread\nrandom_distribution=zipf:0.5:0", 100000);
	rig_between((double)hits[0] / (double)hits[99], 8, 12.5);
	spread("rw=randread\nrandom_distribution=pareto:0.2:0", 100000);
	rig_between((double)sum(0, 200), 79000, 81000);
	rig_between((double)sum(0, 40), 63000, 65000);
	spread("rw=randread\nrandom_distribution=normal:10", 100000);
	rig_between((double)sum(400, 600), 67000, 69500);
	rig_between((double)sum(300, 700), 94500, 96500);
	spread("rw=randread", 100000);
	rig_between((double)sum(0, 500), 49000, 51000);
}

static void places(void **state)
{
	(void)state;
	/* Sequential ios with holes, and again from the start. */
	spread("rw=read:4k", 500);
	for (int i = 0; i < PLACES; i++)
		assert_int_equal(hits[i], i % 2 ? 0 : 1);
	/* All random, none random, and eight ios to one place. */
	spread("rw=randread\npercentage_random=0", PLACES);
	for (int i = 0; i < PLACES; i++)
		assert_int_equal(hits[i], 1);
	spread("rw=randread\nnumber_ios=1\nrw=randread:1000\noffset=0", PLACES);
	for (int i = 0; i < PLACES; i++)
		assert_int_equal(hits[i], 1);
}

static void increments(void **state)
{
	(void)state;
	rig_reset("hdd");
	/* Each clone has a tenth of the drive: the last one would begin behind the end. */
	rig_run("[a]\nrw=read\nsize=10%\noffset_increment=10%\nnumjobs=10\nruntime=10ms\n");
	assert_int_equal(rig.result.count, 10);
	assert_int_equal(rig_try("[a]\nrw=read\nsize=10%\noffset_increment=10%\nnumjobs=11\n"
				 "runtime=10ms\n"),
			 -22);
	assert_non_null(strstr(weir_error(), "beyond the end"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_teardown(name, rig_teardown)
		T(directions_apart),
		T(rates_by_direction),
		T(poisson),
		T(lengths),
		T(amounts),
		T(ramp_does_not_count),
		T(stonewall_and_exitall),
		T(pauses_after_blocks),
		T(flushes),
		T(batches),
		T(trims_before_writes),
		T(distributions),
		T(places),
		T(increments),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
