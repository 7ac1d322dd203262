/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_schedulers.c - the guarantees of schedulers, measured on a simulated drive below a whole
 * queue: what tests/unit/sched shows for single decisions must be seen in shares and latencies.
 */
#include "rig.h"

#include <stdio.h>

/* Many requests in both directions, and one at a time in the drive. */
static const char both_ways[] = "[global]\nruntime=1\niodepth=64\n"
				"[r]\nrw=randread\n[w]\nrw=randwrite\n";

static double reads_to_writes(void)
{
	return (double)rig.result.job[0].ios / (double)rig.result.job[1].ios;
}

static void start(const char *device, const char *sched)
{
	rig_reset(device);
	rig.opts.scheduler = sched;
	rig.opts.depth = 1;
	rig.opts.nr_requests = 256;
}

static void thirty_two_to_sixteen(void **state)
{
	(void)state;
	start("nvme", "mq-deadline");
	rig_run(both_ways);
	rig_between(reads_to_writes(), 1.98, 2.02);
}

static void thirty_two_to_eight(void **state)
{
	(void)state;
	start("nvme", "mq-deadline");
	rig_set("fifo_batch", "8");
	rig_set("writes_starved", "4");
	rig_run(both_ways);
	rig_between(reads_to_writes(), 3.95, 4.05);
}

static void sixteen_to_eight(void **state)
{
	(void)state;
	start("nvme", "kyber");
	/* No request is late, so tokens limit nothing. */
	rig_set("read_lat_nsec", "10000000000");
	rig_set("write_lat_nsec", "10000000000");
	rig_run(both_ways);
	rig_between(reads_to_writes(), 1.98, 2.02);
}

static void classes_are_strict(void **state)
{
	(void)state;
	start("nvme", "mq-deadline");
	rig_run("[global]\nrw=randread\nruntime=1\n[rt]\nprioclass=rt\niodepth=2\n"
		"[be]\niodepth=100\n[idle]\nprioclass=idle\niodepth=60\n");
	rig_between(rig_iops(0), 14000, 15000);
	assert_int_equal(rig.result.job[1].ios, 0);
	assert_int_equal(rig.result.job[2].ios, 0);
}

/* If the first class pauses, the second is served, and the third never. */
static void lower_classes_have_the_rest(void **state)
{
	(void)state;
	start("nvme", "mq-deadline");
	rig_run("[global]\nrw=randread\nruntime=1\n[rt]\nprioclass=rt\nthinktime=1ms\n"
		"[be]\niodepth=100\n[idle]\nprioclass=idle\niodepth=60\n");
	/* It waits for at most one read of another job, and its own. */
	rig_between((double)rig.result.job[0].latency.p50_ns, 68e3, 140e3);
	assert_true(rig_iops(0) > 800);
	rig_between(rig_iops(0) + rig_iops(1), 13000, 15000);
	assert_int_equal(rig.result.job[2].ios, 0);
}

static void ageing_lets_them_go(void **state)
{
	(void)state;
	start("nvme", "mq-deadline");
	rig_set("prio_aging_expire", "100");
	/* One at a time: among several, the one whose sector is next must have aged. */
	rig_run("[global]\nrw=randread\nruntime=2\n[be]\niodepth=32\n"
		"[idle]\nprioclass=idle\n");
	rig_between((double)rig.result.job[1].ios, 18, 20);
	rig_between((double)rig.result.job[1].latency.min_ns, 100e6, 102e6);
	assert_true(rig.result.job[1].latency.max_ns < 102 * MS);
}

static void deadlines_bound_the_wait(void **state)
{
	uint64_t unbounded;

	(void)state;
	/* Ascending batches would delay a far read for long while others arrive. */
	start("hdd", "mq-deadline");
	rig_set("read_expire", "100000");
	rig_set("fifo_batch", "64");
	rig_run("[a]\nrw=randread\niodepth=64\nruntime=20\n");
	unbounded = rig.result.job[0].latency.max_ns;
	start("hdd", "mq-deadline");
	rig_set("read_expire", "1");
	rig_set("fifo_batch", "1");
	rig_run("[a]\nrw=randread\niodepth=64\nruntime=20\n");
	assert_true(rig.result.job[0].latency.max_ns < unbounded);
}

static void sorting_helps_a_disk(void **state)
{
	double fifo;

	(void)state;
	start("hdd", "none");
	rig_run("[a]\nrw=randread\niodepth=64\nruntime=20\n");
	fifo = rig_iops(0);
	start("hdd", "mq-deadline");
	rig_set("read_expire", "10000");
	rig_run("[a]\nrw=randread\niodepth=64\nruntime=20\n");
	rig_between(rig_iops(0) / fifo, 1.4, 3);
}

/* Both jobs with a deep queue: the drive cannot reach the targets, so tokens are taken away. */
static void kyber_tokens(const char *read_ns, const char *write_ns, const char *name,
			 const int *expect, int n)
{
	char job[200];

	for (int i = 0; i < n; i++) {
		rig_reset("nvme");
		rig.opts.scheduler = "kyber";
		rig_set("read_lat_nsec", read_ns);
		rig_set("write_lat_nsec", write_ns);
		snprintf(job, sizeof(job),
			 "[global]\niodepth=200\nruntime=%dms\n[r]\nrw=randread\n"
			 "[w]\nrw=randwrite\n",
			 150 + 100 * i);
		rig_run(job);
		assert_int_equal(rig_tunable(name), expect[i]);
	}
}

static void write_tokens_32_8_2_1(void **state)
{
	(void)state;
	kyber_tokens("1000", "1000000000", "write_tokens", (const int[]){ 32, 8, 2, 1, 1 }, 5);
	assert_int_equal(rig_tunable("read_tokens"), 256);
}

static void read_tokens_64_16_4_1(void **state)
{
	(void)state;
	kyber_tokens("1000000000", "1000", "read_tokens", (const int[]){ 64, 16, 4, 1, 1 }, 5);
	assert_int_equal(rig_tunable("write_tokens"), 128);
}

static void both_late_nothing_changes(void **state)
{
	(void)state;
	kyber_tokens("1000", "1000", "read_tokens", (const int[]){ 256, 256, 256 }, 3);
	assert_int_equal(rig_tunable("write_tokens"), 128);
}

/* Many writes beside reads: the purpose of kyber. */
static void kyber_protects_reads(void **state)
{
	static const char flood[] = "[r]\nrw=randread\niodepth=4\nruntime=3\n"
				    "[w]\nrw=randwrite\nbs=128k\niodepth=64\nruntime=3\n";
	double none;

	(void)state;
	rig_reset("sata");
	rig_run(flood);
	none = (double)rig.result.job[0].latency.p50_ns;
	rig_reset("sata");
	rig.opts.scheduler = "kyber";
	rig_set("read_lat_nsec", "300000");
	rig_set("write_lat_nsec", "1000000000");
	rig_run(flood);
	assert_true((double)rig.result.job[0].latency.p50_ns * 2 < none);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_teardown(name, rig_teardown)
		T(thirty_two_to_sixteen),
		T(thirty_two_to_eight),
		T(sixteen_to_eight),
		T(classes_are_strict),
		T(lower_classes_have_the_rest),
		T(ageing_lets_them_go),
		T(deadlines_bound_the_wait),
		T(sorting_helps_a_disk),
		T(write_tokens_32_8_2_1),
		T(read_tokens_64_16_4_1),
		T(both_late_nothing_changes),
		T(kyber_protects_reads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
