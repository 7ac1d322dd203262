/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_shares.c - the guarantee of bfq, measured: two submitters get the drive as 8 to 1 and as 2
 * to 1, whatever they do, within 2 %; classes are strict except for a little of IDLE. The drive is
 * the bottleneck, with one request at a time, and the queue has a tag for each io.
 */
#include "rig.h"

#include <stdio.h>

/* The wanted shares: by priority and by weight. */
struct share {
	const char *heavy, *light;
	double ratio;
};

static const struct share shares[] = {
	{ "prio=0", "prio=7", 8 },
	{ "weight=80", "weight=10", 8 },
	{ "prio=2", "prio=5", 2 },
	{ "weight=60", "weight=30", 2 },
};

static const struct share by_weight[] = {
	{ "weight=80", "weight=10", 8 },
	{ "weight=60", "weight=30", 2 },
};

/* Each job in its own half of the drive. */
struct drive {
	const char *name, *size, *second;
};

static const struct drive nvme = { "nvme", "400G", "400G" };
static const struct drive hdd = { "hdd", "2T", "2T" };

static void start(const char *device, const char *sched)
{
	rig_reset(device);
	rig.opts.scheduler = sched;
	rig.opts.depth = 16;
	rig.opts.nr_requests = 256; /* the default of a queue of depth 128 */
}

/* BUDGET is in sectors; "0": bfq finds it. */
static void strict(const char *device, const char *budget)
{
	start(device, "bfq");
	rig_set("strict_guarantees", "1");
	rig_set("low_latency", "0");
	rig_set("max_budget", budget);
}

/* Returns the bytes of the first job divided by those of the second. */
static double ratio(void)
{
	return (double)rig.result.job[0].bytes / (double)rig.result.job[1].bytes;
}

static void run_two(const struct drive *d, const struct share *s, const char *load)
{
	char text[512];

	snprintf(text, sizeof(text),
		 "[global]\n%s\ntime_based\niodepth=32\nsize=%s\n[heavy]\n%s\n"
		 "[light]\n%s\noffset=%s\n",
		 load, d->size, s->heavy, s->light, d->second);
	rig_run(text);
}

static void within_two_percent(const struct drive *d, const char *budget, const char *load)
{
	for (size_t i = 0; i < sizeof(shares) / sizeof(shares[0]); i++) {
		strict(d->name, budget);
		run_two(d, &shares[i], load);
		rig_between(ratio() / shares[i].ratio, 0.98, 1.02);
	}
}

static void nvme_random(void **state)
{
	(void)state;
	within_two_percent(&nvme, "256", "rw=randread\nbs=4k\nruntime=2");
	within_two_percent(&nvme, "256", "rw=randwrite\nbs=4k\nbackground\nruntime=1");
	within_two_percent(&nvme, "256", "rw=randrw\nbs=4k\nruntime=2");
}

static void nvme_sequential(void **state)
{
	(void)state;
	within_two_percent(&nvme, "1024", "rw=read\nbs=128k\nruntime=500ms");
	within_two_percent(&nvme, "1024", "rw=write\nbs=128k\nbackground\nruntime=500ms");
	within_two_percent(&nvme, "1024", "rw=rw\nbs=128k\nruntime=500ms");
}

/* Small enough that a service ends with the budget, not with timeout_sync: see shares_of_time(). */
static void hdd_random(void **state)
{
	(void)state;
	within_two_percent(&hdd, "64", "rw=randread\nbs=4k\nruntime=600");
	within_two_percent(&hdd, "64", "rw=randwrite\nbs=4k\nbackground\nruntime=600");
	within_two_percent(&hdd, "64", "rw=randrw\nbs=4k\nruntime=600");
}

static void hdd_sequential(void **state)
{
	(void)state;
	within_two_percent(&hdd, "4096", "rw=read\nbs=128k\nruntime=100");
	within_two_percent(&hdd, "4096", "rw=write\nbs=128k\nbackground\nruntime=100");
	within_two_percent(&hdd, "4096", "rw=rw\nbs=128k\nruntime=100");
}

/* A service is as long as 125 ms at the drive's speed; 2 % need many of them. */
static void automatic_budgets(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(by_weight) / sizeof(by_weight[0]); i++) {
		strict("nvme", "0");
		run_two(&nvme, &by_weight[i], "rw=randread\nbs=4k\nruntime=60");
		rig_between(ratio() / by_weight[i].ratio, 0.98, 1.02);
		strict("hdd", "0");
		run_two(&hdd, &by_weight[i], "rw=read\nbs=128k\nruntime=300");
		rig_between(ratio() / by_weight[i].ratio, 0.98, 1.02);
		strict("hdd", "0");
		run_two(&hdd, &by_weight[i], "rw=write\nbs=128k\nbackground\nruntime=300");
		rig_between(ratio() / by_weight[i].ratio, 0.98, 1.02);
	}
}

/*
 * A job that seeks uses its time long before an automatic budget and is charged for the time. So
 * the shares are shares of time. In the same time, a job that is served several times in a row
 * moves some percent more, because the head stays near.
 */
static void shares_of_time(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(by_weight) / sizeof(by_weight[0]); i++) {
		strict("hdd", "0");
		run_two(&hdd, &by_weight[i], "rw=randread\nbs=4k\nruntime=1200");
		rig_between(ratio() / by_weight[i].ratio, 1.02, 1.1);
	}
}

static const char three_classes[] = "[global]\nrw=randread\nruntime=4\niodepth=32\n"
				    "[be]\n[idle]\nprioclass=idle\n";

/* As soon as 200 ms are over, and the service of BE is. */
static void idle_has_one_in_200_ms(void **state)
{
	(void)state;
	strict("nvme", "256");
	rig_run(three_classes);
	rig_between((double)rig.result.job[1].ios, 18, 20);
	rig_between(rig_iops(0), 14000, 15000);
	strict("nvme", "0");
	rig_run(three_classes);
	rig_between((double)rig.result.job[1].ios, 4 / 0.325, 20);
	strict("hdd", "64");
	rig_run(three_classes);
	rig_between((double)rig.result.job[1].ios, 4 / 0.325, 20);
	assert_true(rig_iops(0) > 15 * rig_iops(1));
}

static void real_time_before_all(void **state)
{
	(void)state;
	strict("nvme", "256");
	rig_run("[global]\nrw=randread\nruntime=4\niodepth=32\n[rt]\nprioclass=rt\niodepth=2\n"
		"[be]\n[idle]\nprioclass=idle\n");
	rig_between(rig_iops(0), 14000, 15000);
	assert_int_equal(rig.result.job[1].ios, 0);
	rig_between((double)rig.result.job[2].ios, 18, 20);
}

/*
 * One at a time, with pauses: it waits for one request of another job, and the pauses belong to
 * the others.
 */
static void real_time_does_not_wait(void **state)
{
	(void)state;
	start("nvme", "bfq");
	rig.opts.depth = 1;
	rig_set("low_latency", "0");
	rig_set("slice_idle", "0");
	rig_run("[global]\nrw=randread\nruntime=1\n[rt]\nprioclass=rt\nthinktime=1ms\n"
		"[be]\niodepth=100\n");
	rig_between((double)rig.result.job[0].latency.p99_ns, 68e3, 300e3);
	assert_true(rig_iops(0) > 800);
	rig_between(rig_iops(0) + rig_iops(1), 13000, 15000);
}

/* cfq: each job that waits for its ios gets the same time on the disk. */
static void cfq_equals(void **state)
{
	(void)state;
	start("hdd", "cfq");
	rig_run("[r]\nrw=read\nbs=128k\niodepth=4\nnumjobs=4\nruntime=10\ntime_based\n");
	for (size_t i = 0; i < 4; i++)
		rig_between(rig.result.job[i].share * 4, 0.95, 1.05);
	start("hdd", "cfq");
	rig_run("[r]\nrw=randread\niodepth=4\nnumjobs=4\nruntime=10\n");
	for (size_t i = 0; i < 4; i++)
		rig_between(rig.result.job[i].share * 4, 0.95, 1.05);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_teardown(name, rig_teardown)
		T(nvme_random),
		T(nvme_sequential),
		T(hdd_random),
		T(hdd_sequential),
		T(automatic_budgets),
		T(shares_of_time),
		T(idle_has_one_in_200_ms),
		T(real_time_before_all),
		T(real_time_does_not_wait),
		T(cfq_equals),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
