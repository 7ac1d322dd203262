/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_pace.c - what pace promises, on simulated drives in virtual time: reads beside a flood of
 * background writes come near the floor, which a flood has that its program keeps just below what
 * the drive can; shares of the drive's time; and the first read of who slept.
 */
#include "rig.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void start(const char *device, const char *sched)
{
	rig_reset(device);
	rig.opts.scheduler = sched;
}

static const char *lasting = "runtime=2"; /* reads beside a flood */

/* What reads had, and what the flood moved. */
struct beside {
	double p99_ns, p999_ns, mbps;
};

/* Runs 8 reads of SIZE beside a flood that has FLOOD besides in its section. */
static struct beside reads_beside(const char *device, const char *sched, const char *size,
				  unsigned iops, const char *flood, void (*change)(void))
{
	char text[512];

	start(device, sched);
	if (change)
		change();
	snprintf(text, sizeof(text),
		 "[global]\n%s\n[reads]\nrw=randread\nbs=%s\niodepth=8\nrate_iops=%u\n"
		 "[flood]\nrw=randwrite\nbackground\niodepth=64\n%s",
		 lasting, size, iops, flood);
	rig_run(text);
	return (struct beside){ (double)rig.result.job[0].latency.p99_ns,
				(double)rig.result.job[0].latency.p999_ns, rig_mbps(1) };
}

/* Asserts that reads are near the floor, and that the flood moves LEAST of what it can. */
static void near_the_floor(const char *device, const char *size, unsigned iops, double least,
			   void (*change)(void))
{
	struct beside full, floor, is;
	char paced[64];

	full = reads_beside(device, "none", size, iops, "bs=1m\n", change);
	snprintf(paced, sizeof(paced), "bs=128k\nrate=%.0f\n", full.mbps * 0.96e6);
	floor = reads_beside(device, "none", size, iops, paced, change);
	is = reads_beside(device, "pace", size, iops, "bs=1m\n", change);
	/* fewer than 2000 reads have no 99.9th percentile to speak of, and the trials of the first
	 * seconds are among the slowest hundredth of 600 */
	rig_between(is.p99_ns / floor.p99_ns, 0.5, iops >= 1000 ? 1.15 : 1.4);
	rig_between(is.p999_ns / floor.p999_ns, 0.5, iops >= 1000 ? 1.15 : 1.5);
	rig_between(is.mbps / full.mbps, least, 1.01);
}

static void reads_beside_a_flood(void **state)
{
	(void)state;
	near_the_floor("nvme", "4k", 2000, 0.97, NULL);
	near_the_floor("nvme", "128k", 2000, 0.97, NULL);
	near_the_floor("sata", "4k", 300, 0.95, NULL);
	near_the_floor("sata", "128k", 300, 0.95, NULL);
}

static void half_the_cache(void)
{
	rig.config.ssd.cache /= 2;
}

static void twice_the_channels(void)
{
	rig.config.ssd.channels *= 2;
}

static void half_the_time_to_program(void)
{
	rig.config.ssd.program /= 2;
}

static void twice_the_time_to_program(void)
{
	rig.config.ssd.program *= 2;
}

static void slow_to_program_and_to_read(void)
{
	rig.config.ssd.program = rig.config.ssd.program * 6 / 5;
	rig.config.ssd.read = rig.config.ssd.read * 3 / 2;
}

static void other_drives_need_no_tuning(void **state)
{
	(void)state;
	near_the_floor("nvme", "128k", 2000, 0.97, half_the_cache);
	near_the_floor("nvme", "128k", 2000, 0.97, twice_the_channels);
	near_the_floor("nvme", "128k", 2000, 0.97, half_the_time_to_program);
	near_the_floor("sata", "4k", 300, 0.95, half_the_time_to_program);
}

/* Reads that meet on a channel must not wait for a program between them, which writes cause that
 * wait for a full cache. The first reads, which go alone, are not counted. */
static void reads_that_meet_find_room_in_the_cache(void **state)
{
	(void)state;
	lasting = "ramp_time=1\nruntime=4";
	near_the_floor("nvme", "128k", 2000, 0.97, twice_the_time_to_program);
	near_the_floor("nvme", "128k", 2000, 0.97, slow_to_program_and_to_read);
	lasting = "runtime=2";
}

/* Returns the median latency of 300 reads of SIZE a second beside a flood, in the 5 s after AFTER.
 */
static double median_beside(const char *size, unsigned after)
{
	char text[512];

	start("sata", "pace");
	twice_the_channels();
	snprintf(text, sizeof(text),
		 "[global]\nramp_time=%u\nruntime=5\n[reads]\nrw=randread\nbs=%s\niodepth=8\n"
		 "rate_iops=300\n[flood]\nrw=randwrite\nbackground\niodepth=64\nbs=1m\n",
		 after, size);
	rig_run(text);
	return (double)rig.result.job[0].latency.p50_ns;
}

/* On this drive pieces of other lengths do not pay. Trying them, every 25 s, must not leave a wider
 * window: with each trial reads waited longer, up to six times after 40 s. */
static void a_flood_that_goes_on_waits_here(void **state)
{
	(void)state;
	rig_between(median_beside("4k", 40) / median_beside("4k", 0), 0.3, 1.3);
	rig_between(median_beside("128k", 15) / median_beside("128k", 0), 0.9, 1.1);
}

/* A file on a virtual disk: much is left to chance, and the shortest latency of a write is a third
 * of the usual one. */
static void a_virtual_disk(void)
{
	rig.config.queue_depth = 256;
	rig.config.command = 20000;
	rig.config.link = 2200000000;
	rig.config.duplex = 0;
	rig.config.ssd.channels = 16;
	rig.config.ssd.page = 65536;
	rig.config.ssd.read = 300000;
	rig.config.ssd.program = 20000;
	rig.config.ssd.spread = 95;
	rig.config.ssd.cache = 1 << 30;
	rig.config.ssd.cache_write = 300000;
}

/* Checks that pace moves at least the part LEAST of what none moves of a flood on the drive DRIVE,
 * and that reads wait half as long at most. */
static void much_and_soon(void (*drive)(void), double least)
{
	struct beside full = reads_beside("nvme", "none", "1m", 400, "bs=1m\n", drive);
	struct beside is = reads_beside("nvme", "pace", "1m", 400, "bs=1m\n", drive);

	rig_between(is.mbps / full.mbps, least, 1.01);
	rig_between(is.p99_ns / full.p99_ns, 0.01, 0.5);
}

/* Nothing is held back of which reads have nothing: one write of the shortest latency at a time
 * would be a sixth of what this drive writes. */
static void latencies_that_vary_cost_no_throughput(void **state)
{
	(void)state;
	much_and_soon(a_virtual_disk, 0.8);
}

/* A rented disk, which stands still when its bucket is empty. */
static void a_rented_disk(void)
{
	rig.config.ssd.program /= 4;
	rig.config.ssd.limit = 3200000000;
	rig.config.ssd.limit_burst = 48 << 20;
	rig.config.ssd.limit_every = 11000000;
}

/* The stalls are the drive's own affair: they are no reason to let in less. */
static void a_limit_costs_no_throughput(void **state)
{
	(void)state;
	much_and_soon(a_rented_disk, 0.9);
}

/* Returns what N readers of DEPTH move with pace on such a disk, in parts of what they move with
 * none. SPREAD: how much of a latency is left to chance, in percent. */
static double readers_move(unsigned n, unsigned depth, uint64_t spread)
{
	static const char *const scheds[] = { "none", "pace" };
	double sum[2] = { 0 };
	char text[128];

	for (int i = 0; i < 2; i++) {
		start("nvme", scheds[i]);
		a_virtual_disk();
		rig.config.ssd.spread = spread;
		snprintf(text, sizeof(text),
			 "[r]\nruntime=2\nrw=randread\nbs=4k\niodepth=%u\nnumjobs=%u\n", depth, n);
		rig_run(text);
		for (unsigned j = 0; j < n; j++)
			sum[i] += rig_mbps(j);
	}
	return sum[1] / sum[0];
}

/* A usual read takes longer than a window of 4.5 shortest latencies, and than one of 9. The window
 * must not end at one read, with which this drive moves a thirteenth. */
static void reads_that_vary_cost_no_throughput(void **state)
{
	(void)state;
	for (uint64_t spread = 95; spread <= 100; spread += 5) {
		rig_between(readers_move(8, 1, spread), 0.9, 1.03);
		rig_between(readers_move(64, 1, spread), 0.7, 1.03);
		rig_between(readers_move(1, 32, spread), 0.75, 1.03);
	}
}

/* A drive whose latencies vary takes some seconds to know. Who begins with what was learned moves
 * at once what others move then. */
static void a_learned_state_skips_the_search(void **state)
{
	static const char jobs[] = "[r]\nruntime=%s\nrw=randread\nbs=4k\niodepth=64\n";
	double moved[3];
	char text[256], *learned;
	size_t length;

	(void)state;
	for (int i = 0; i < 3; i++) {
		const char *runtime = i == 1 ? "8" : "200ms";

		learned = i == 2 ? rig.result.state : NULL;
		length = rig.result.state_length;
		rig.result.state = NULL;
		start("nvme", "pace");
		a_virtual_disk();
		rig.opts.state = learned;
		rig.opts.state_length = length;
		rig.opts.keep_state = i == 1;
		snprintf(text, sizeof(text), jobs, runtime);
		rig_run(text);
		free(learned);
		moved[i] = rig_mbps(0);
	}
	assert_int_equal(rig.result.notes.count, 0);
	printf("# anew %.0f later %.0f known %.0f\n", moved[0], moved[1], moved[2]);
	rig_between(moved[2] / moved[1], 0.9, 1.1);
	rig_between(moved[0] / moved[1], 0.1, 0.8);
}

/* What is no state is no reason not to run. */
static void a_state_of_another_drive_is_noted(void **state)
{
	char *learned;

	(void)state;
	start("nvme", "pace");
	rig.opts.keep_state = true;
	rig_run("[r]\nruntime=100ms\nrw=randread\n");
	learned = rig.result.state;
	rig.result.state = NULL;
	start("sata", "pace");
	rig.opts.state = learned;
	rig.opts.state_length = strlen(learned);
	rig_run("[r]\nruntime=100ms\nrw=randread\n");
	assert_int_equal(rig.result.notes.count, 1);
	assert_non_null(strstr(rig.result.notes.line[0], "another device"));
	free(learned);
}

static void weights_are_shares_of_time(void **state)
{
	static const char *const sizes[] = { "4k", "128k" };

	(void)state;
	for (int i = 0; i < 2; i++) {
		char text[512];
		double sum = 0;

		start("nvme", "pace");
		snprintf(text, sizeof(text),
			 "[global]\nruntime=500ms\nrw=randread\nbs=%s\niodepth=128\n"
			 "[a]\nweight=100\n[b]\nweight=200\n[c]\nweight=400\n[d]\nweight=800\n",
			 sizes[i]);
		rig_run(text);
		for (size_t j = 0; j < 4; j++)
			sum += rig_mbps(j);
		for (size_t j = 0; j < 4; j++)
			rig_between(rig_mbps(j) / sum * 15 / (1 << j), 0.95, 1.05);
	}
}

/* Runs four jobs with A and four with B. Returns what one of the latter moves for one of the
 * former, where both are counted in what they move if all eight are like them. */
static double time_for_time(const char *a, const char *b)
{
	const char *kind[] = { a, b };
	double all[2];
	char text[512];

	for (int i = 0; i < 2; i++) {
		start("nvme", "none");
		snprintf(text, sizeof(text), "[global]\nruntime=1\n[x]\n%s\nnumjobs=8\n", kind[i]);
		rig_run(text);
		all[i] = rig_mbps(0);
	}
	start("nvme", "pace");
	snprintf(text, sizeof(text),
		 "[global]\nruntime=1\nramp_time=200ms\n[a]\n%s\nnumjobs=4\n[b]\n%s\nnumjobs=4\n",
		 a, b);
	rig_run(text);
	return rig_mbps(4) / all[1] / (rig_mbps(0) / all[0]);
}

/* With `none` the first would be 15, the second 32. */
static void sizes_get_equal_time(void **state)
{
	(void)state;
	rig_between(
		time_for_time("rw=randread\nbs=4k\niodepth=64", "rw=randread\nbs=128k\niodepth=16"),
		0.82, 1.22);
	rig_between(time_for_time("rw=randwrite\nbs=4k\niodepth=64",
				  "rw=randwrite\nbs=128k\niodepth=16"),
		    0.82, 1.22);
}

/* When pace has seen reads alone and writes alone, it knows what each costs. */
static void reads_and_writes_get_equal_time(void **state)
{
	double all[2];

	(void)state;
	for (int i = 0; i < 2; i++) {
		start("nvme", "none");
		rig_run(i ? "[x]\nrw=randwrite\nbs=128k\niodepth=16\nruntime=1\nnumjobs=8\n"
			  : "[x]\nrw=randread\nbs=128k\niodepth=16\nruntime=1\nnumjobs=8\n");
		all[i] = rig_mbps(0);
	}
	start("nvme", "pace");
	rig_run("[global]\nbs=128k\niodepth=16\n"
		"[reads]\nrw=randread\nruntime=300ms\niodepth=64\n"
		"[writes]\nstonewall\nrw=randwrite\nruntime=700ms\niodepth=64\n"
		"[r]\nstonewall\nrw=randread\nruntime=1\nnumjobs=4\n"
		"[w]\nrw=randwrite\nruntime=1\nnumjobs=4\n");
	rig_between(rig_mbps(6) / all[1] / (rig_mbps(2) / all[0]), 0.82, 1.22);
}

/* Each of 16 jobs sends one read after a second or more. Returns the mean latency. */
static double first_reads(const char *sched, const char *flood)
{
	char text[512];
	double sum = 0;

	start("nvme", sched);
	snprintf(text, sizeof(text),
		 "[first]\nrw=randread\nbs=128k\nnumber_ios=1\nstartdelay=1-2\nnumjobs=16\n"
		 "[flood]\nrw=randwrite\nbackground\niodepth=64\nruntime=2\n%s",
		 flood);
	rig_run(text);
	for (size_t i = 0; i < 16; i++)
		sum += (double)rig.result.job[i].latency.max_ns;
	return sum / 16;
}

static void the_first_read_of_who_slept(void **state)
{
	double floor = first_reads("none", "bs=128k\nrate=2540m\n");

	(void)state;
	rig_between(first_reads("pace", "bs=1m\n") / floor, 0.5, 1.2);
}

/* One session of a tenant beside 64 of another one: each tenant has half, under every scheduler
 * that knows submitters. */
static void sessions_of_a_group_share_its_part(void **state)
{
	static const char *const scheds[] = { "pace", "bfq" };

	(void)state;
	for (int i = 0; i < 2; i++) {
		double many = 0, all;

		start("nvme", scheds[i]);
		rig.opts.nr_requests = 64;
		rig_run("[global]\nruntime=1\nrw=randread\nbs=128k\n[one]\niodepth=32\ngroup=1\n"
			"[many]\nnumjobs=64\niodepth=1\ngroup=2\n");
		for (unsigned j = 1; j <= 64; j++)
			many += rig_mbps(j);
		all = many + rig_mbps(0);
		rig_between(many / all, 0.45, 0.55);
		/* fairness is that of the tenants */
		rig_between(rig.result.fairness.whole, 0.99, 1);
		rig_between(rig.result.fairness.min, 0.95, 1);
	}
}

/* Who is in no group is one by itself: a group of one member, or of itself, changes nothing. A
 * group's weight is that of its number, whoever its members are. */
static void who_has_no_group_is_one(void **state)
{
	static const char *const scheds[] = { "pace", "bfq" };
	static const char *const jobs[] = {
		"[a]\nsubmitter=1\nweight=300\n[b]\nsubmitter=2\n",
		"[a]\nsubmitter=1\ngroup=1\nweight=300\n[b]\nsubmitter=2\ngroup=2\n",
		"[a]\nsubmitter=1\ngroup=7\nweight=300\n[b]\nsubmitter=2\n",
		"[a]\nsubmitter=1\nweight=300\n[b]\nsubmitter=2\ngroup=9\n",
	};

	(void)state;
	for (int i = 0; i < 2; i++)
		for (int j = 0; j < 4; j++) {
			char text[256];

			start("nvme", scheds[i]);
			rig_set("low_latency", "0");
			rig.opts.nr_sets = scheds[i][0] == 'b';
			snprintf(text, sizeof(text),
				 "[global]\nruntime=500ms\nrw=randread\nbs=128k\niodepth=128\n%s",
				 jobs[j]);
			rig_run(text);
			rig_between(rig_mbps(0) / rig_mbps(1), 2.8, 3.2);
			rig_between(rig.result.fairness.whole, 0.99, 1);
		}
}

/* A submitter whose number a group has is a member of it. */
static void a_group_has_its_number(void **state)
{
	double sum;

	(void)state;
	start("nvme", "pace");
	rig_run("[global]\nruntime=500ms\nrw=randread\nbs=128k\niodepth=64\n[a]\nsubmitter=1\n"
		"[b]\nsubmitter=2\ngroup=1\n[c]\nsubmitter=3\n");
	sum = rig_mbps(0) + rig_mbps(1);
	rig_between(sum / rig_mbps(2), 0.9, 1.1);
}

/* Writes that nobody waits for go on beside reads and writes that take all they can get. */
static void background_writes_go_on(void **state)
{
	(void)state;
	start("nvme", "pace");
	rig_run("[global]\nruntime=1\nbs=128k\n[r]\nrw=randread\niodepth=64\nnumjobs=4\n"
		"[w]\nrw=randwrite\niodepth=64\n[b]\nrw=randwrite\nbackground\niodepth=16\n");
	assert_true(rig_mbps(5) > 50);
	assert_true(rig_mbps(4) > 2 * rig_mbps(5));
}

int main(void)
{
#define T(test) cmocka_unit_test_teardown(test, rig_teardown)
	const struct CMUnitTest tests[] = {
		T(reads_beside_a_flood),
		T(other_drives_need_no_tuning),
		T(reads_that_meet_find_room_in_the_cache),
		T(a_flood_that_goes_on_waits_here),
		T(latencies_that_vary_cost_no_throughput),
		T(a_limit_costs_no_throughput),
		T(reads_that_vary_cost_no_throughput),
		T(a_learned_state_skips_the_search),
		T(a_state_of_another_drive_is_noted),
		T(weights_are_shares_of_time),
		T(sizes_get_equal_time),
		T(reads_and_writes_get_equal_time),
		T(the_first_read_of_who_slept),
		T(sessions_of_a_group_share_its_part),
		T(who_has_no_group_is_one),
		T(a_group_has_its_number),
		T(background_writes_go_on),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
