/* SPDX-License-Identifier: Apache-2.0 */
/* test_run.c - a whole simulation: it is repeatable, and jobs do what their keys say. */
#include "rig.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "sched/sched.h"
#include "sim/fair.h"
#include "sim/sim.h"

static const char mixed[] = "[global]\nruntime=200ms\n"
			    "[a]\nrw=randrw\niodepth=16\n"
			    "[b]\nrw=write\nbs=64k\niodepth=4\nnumjobs=2\n"
			    "[c]\nrw=randread\nrate_iops=1000\nprioclass=rt\n";

/* Returns a copy of all results of all jobs that a run could change. */
static struct sim_job_result *results(void)
{
	size_t bytes = rig.result.count * sizeof(*rig.result.job);
	struct sim_job_result *copy = malloc(bytes ? bytes : 1);

	assert_non_null(copy);
	return memcpy(copy, rig.result.job, bytes);
}

/* Runs MIXED with SCHED on DEVICE. Returns true if the results are those of AS. */
static bool same(const struct sim_job_result *as)
{
	rig_run(mixed);
	return !memcmp(as, rig.result.job, rig.result.count * sizeof(*as));
}

static void one_seed_gives_the_same_bits(void **state)
{
	static const char *const devices[] = { "nvme", "sata", "hdd" };
	static const char *const scheds[] = { "none", "mq-deadline", "kyber" };

	(void)state;
	for (int d = 0; d < 3; d++) {
		for (int s = 0; s < 3; s++) {
			struct sim_job_result *first;

			rig_reset(devices[d]);
			rig.opts.scheduler = scheds[s];
			rig_run(mixed);
			assert_int_equal(rig.result.count, 4);
			first = results();
			assert_true(same(first));
			rig.opts.seed = 2;
			assert_false(same(first));
			free(first);
		}
	}
}

/* Random numbers only in the drive, and only in the jobs. */
static void the_seed_is_for_drive_and_jobs(void **state)
{
	uint64_t first;

	(void)state;
	rig_reset("nvme");
	rig_run("[a]\nrw=read\nruntime=10ms\n");
	first = rig.result.job[0].latency.sum_ns;
	rig.opts.seed = 2;
	rig_run("[a]\nrw=read\nruntime=10ms\n");
	assert_true(rig.result.job[0].latency.sum_ns != first);
	rig_reset("hdd");
	rig_run("[a]\nrw=randread\nruntime=1\n");
	first = rig.result.job[0].latency.sum_ns;
	rig.opts.seed = 2;
	rig_run("[a]\nrw=randread\nruntime=1\n");
	assert_true(rig.result.job[0].latency.sum_ns != first);
}

static void background_writes_are_asynchronous(void **state)
{
	double both[2];

	(void)state;
	for (int i = 0; i < 2; i++) {
		rig_reset("nvme");
		/* kyber lets them have three quarters of all requests. */
		rig.opts.scheduler = "kyber";
		rig.opts.nr_requests = 8;
		rig_run(i ? "[a]\nrw=randwrite\niodepth=8\nruntime=100ms\nbackground\n"
			  : "[a]\nrw=randwrite\niodepth=8\nruntime=100ms\n");
		both[i] = rig_iops(0);
	}
	rig_between(both[1] / both[0], 0.7, 0.8);
}

static void clones_have_names_and_submitters(void **state)
{
	(void)state;
	rig_reset("nvme");
	rig_run("[global]\nruntime=1ms\n[a]\n[b]\nnumjobs=2\n[c]\nsubmitter=7\nnumjobs=2\n[d]\n");
	assert_int_equal(rig.result.count, 6);
	assert_string_equal(rig.result.job[0].name, "a");
	assert_string_equal(rig.result.job[1].name, "b.0");
	assert_string_equal(rig.result.job[2].name, "b.1");
	assert_int_equal(rig.result.job[0].submitter, 8);
	assert_int_equal(rig.result.job[1].submitter, 9);
	assert_int_equal(rig.result.job[2].submitter, 10);
	assert_int_equal(rig.result.job[3].submitter, 7);
	assert_int_equal(rig.result.job[4].submitter, 7);
	assert_int_equal(rig.result.job[5].submitter, 11);
}

static void rates_hold(void **state)
{
	(void)state;
	rig_reset("nvme");
	rig_run("[a]\nrate_iops=5000\nruntime=1\niodepth=4\n[b]\nrate=10m\nbs=64k\nruntime=1\n"
		"[c]\nrate=1m\nrate_iops=100\nruntime=1\n");
	rig_between(rig_iops(0), 4999, 5001);
	rig_between(rig_mbps(1), 10.4, 10.6);
	rig_between(rig_iops(2), 100, 101);
	/* After a delay a job is faster: the disk stalls, then serves from its buffer. */
	rig_reset("hdd");
	rig_run("[a]\nrw=read\nrate_iops=500\nruntime=2\niodepth=8\n");
	rig_between(rig_iops(0), 495, 501);
}

static void pauses_hold(void **state)
{
	(void)state;
	rig_reset("nvme");
	rig.config.ssd.spread = 0;
	/* 68.6 us for a read and a pause of 431.4 us; then the depth has no effect. */
	rig_run("[a]\nrw=randread\nthinktime=431.4us\nruntime=1\niodepth=8\n");
	rig_between(rig_iops(0), 1995, 2005);
}

static void begin_and_end(void **state)
{
	const struct sim_job_result *j;

	(void)state;
	rig_reset("nvme");
	rig_run("[a]\nruntime=100ms\nstartdelay=50ms\n[b]\nsize=1m\n[c]\nsize=1m\nruntime=10ms\n"
		"time_based\n[d]\nsize=1g\nruntime=10ms\n");
	j = rig.result.job;
	assert_int_equal(j[0].active_ns, 100 * MS);
	rig_between((double)rig.result.duration_ns, 150e6, 150.2e6);
	assert_int_equal(j[1].ios, 256);
	assert_int_equal(j[1].bytes, 1 << 20);
	assert_true(j[1].active_ns > 256 * 50000ull && j[1].active_ns < 256 * 100000ull);
	assert_int_equal(j[2].active_ns, 10 * MS);
	assert_int_equal(j[3].active_ns, 10 * MS);
	/* One io was outstanding when the time was over; it counts as late. */
	assert_int_equal(j[3].late, 1);
	assert_int_equal(j[3].latency.count, j[3].ios + 1);
}

static void nothing_from_a_job_that_begins_too_late(void **state)
{
	(void)state;
	rig_reset("nvme");
	rig_run("[a]\nrate_iops=1\nruntime=10ms\n[b]\nruntime=5ms\nstartdelay=10ms\n");
	assert_int_equal(rig.result.job[0].ios, 1);
	assert_int_equal(rig.result.job[0].active_ns, 10 * MS);
	assert_int_equal(rig.result.job[1].active_ns, 5 * MS);
	/* And the run does not wait for the io that would have come a second later. */
	assert_true(rig.result.duration_ns < 16 * MS);
}

static void mix_of_reads_and_writes(void **state)
{
	(void)state;
	rig_reset("nvme");
	/* Reads of 68.6 us, writes of 18.6: the mean shows the mix. */
	rig.config.ssd.spread = 0;
	rig_run("[a]\nrw=randrw\nrwmixread=80\nruntime=1\n");
	rig_between(1e9 / rig_iops(0), 57e3, 60e3);
	rig_run("[a]\nrw=randrw\nrwmixread=0\nruntime=100ms\n");
	rig_between(1e9 / rig_iops(0), 18.5e3, 18.7e3);
	rig_run("[a]\nrw=rw\nrwmixread=100\nruntime=100ms\n");
	rig_between(1e9 / rig_iops(0), 68e3, 69e3);
}

/*
 * Several hardware queues are still one repeatable run: every scheduler ends all ios, the same
 * ones each time, wherever its instances are.
 */
static void lanes_in_virtual_time(void **state)
{
	static const char *const scheds[] = { "none", "kyber", "mq-deadline", "bfq" };
	struct sim_job_result *first;

	(void)state;
	for (int i = 0; i < 4; i++) {
		rig_reset("nvme");
		rig.opts.scheduler = scheds[i];
		rig.opts.lanes = 4;
		rig_run(mixed);
		assert_int_equal(rig.result.lanes, 4);
		assert_int_equal(rig.result.depth, 64);
		for (size_t j = 0; j < rig.result.count; j++)
			assert_true(rig.result.job[j].ios > 100);
		first = results();
		assert_true(same(first));
		free(first);
	}
	/*
	 * Each lane has its own depth; a scheduler for the whole queue has only the depth of its
	 * home lane.
	 */
	rig_reset("nvme");
	rig.opts.lanes = 2;
	rig.opts.depth = 1;
	rig_run("[a]\nrw=randread\niodepth=8\nruntime=100ms\nnumjobs=2\n");
	rig_between(rig_iops(0) + rig_iops(1), 2 * 14000, 2 * 15000);
	rig.opts.scheduler = "mq-deadline";
	rig_run("[a]\nrw=randread\niodepth=8\nruntime=100ms\nnumjobs=2\n");
	rig_between(rig_iops(0) + rig_iops(1), 14000, 15000);
}

/* Weights hold between submitters that are each on a lane of their own, and so do groups. */
static void weights_hold_over_lanes(void **state)
{
	static const char *const drives[] = { "nvme", "sata" };
	static const char weights[] = "[global]\nrw=randread\nbs=128k\niodepth=64\nruntime=2\n"
				      "[ten]\nweight=10\n[hundred]\nweight=100\n";
	static const char groups[] = "[global]\nrw=randread\nbs=128k\niodepth=16\nruntime=1\n"
				     "[one]\ngroup=1\n[many]\ngroup=2\nnumjobs=3\n";

	(void)state;
	for (int i = 0; i < 2; i++) {
		rig_reset(drives[i]);
		rig.opts.scheduler = "pace";
		rig.opts.lanes = 2;
		rig_run(weights);
		rig_between(rig_iops(1) / rig_iops(0), 9.5, 10.5);
		rig_run(groups);
		rig_between((rig_iops(1) + rig_iops(2) + rig_iops(3)) / rig_iops(0), 0.95, 1.05);
	}
}

static void limits_reach_the_queue(void **state)
{
	(void)state;
	rig_reset("nvme");
	rig.opts.depth = 2;
	rig.opts.nr_requests = 4;
	rig_run("[a]\nrw=randread\niodepth=32\nruntime=100ms\n");
	assert_int_equal(rig.result.depth, 2);
	assert_int_equal(rig.result.nr_requests, 4);
	rig_between(rig_iops(0), 2 * 14000, 2 * 15000);
	rig.opts.depth = 0;
	rig.opts.nr_requests = 0;
	rig.opts.depth_bytes = 4096;
	rig_run("[a]\nrw=randread\niodepth=32\nruntime=100ms\n");
	rig_between(rig_iops(0), 14000, 15000);
	rig_reset("hdd");
	rig_run("[a]\nrw=randread\nruntime=100ms\n");
	assert_int_equal(rig.result.depth, 32);
}

static void busy_and_working(void **state)
{
	(void)state;
	rig_reset("nvme");
	rig.config.ssd.spread = 0;
	rig.config.ssd.channels = 2;
	rig_run("[a]\nrw=randread\nthinktime=31.4us\nruntime=100ms\n");
	rig_between(rig.result.busy, 0.68, 0.69);
	rig_between(rig.result.worked, 0.295, 0.305);
}

static void jain_by_hand(void **state)
{
	(void)state;
	assert_true(fair_jain((double[]){ 1, 1, 1, 1 }, 4) == 1);
	assert_true(fair_jain((double[]){ 1, 0, 0, 0 }, 4) == 0.25);
	assert_true(fair_jain((double[]){ 3, 1 }, 2) == 0.8);
	assert_true(fair_jain((double[]){ 0, 0 }, 2) == 1);
}

static void fairness_in_windows(void **state)
{
	(void)state;
	rig_reset("nvme");
	rig.opts.window_ns = 10 * MS;
	/* 3 to 1 all the time, by two jobs; b alone says nothing about fairness. */
	rig_run("[a]\nrate_iops=3000\nruntime=1\n[b]\nrate_iops=1000\nruntime=2\n");
	rig_between(rig.result.fairness.whole, 0.799, 0.801);
	rig_between(rig.result.fairness.median, 0.79, 0.81);
	rig_between((double)rig.result.fairness.windows, 99, 100);
	rig_between(rig.result.job[0].share, 0.599, 0.601);
	rig_between(rig.result.job[1].share, 0.399, 0.401);
	/* A job that starts in the middle of a window counts from the next one on. */
	rig_run("[global]\nrate_iops=5000\nruntime=100ms\n[a]\n[b]\nstartdelay=15ms\n");
	rig_between(rig.result.fairness.min, 0.99, 1);
	assert_int_equal(rig.result.fairness.windows, 8);
	/* Fair in the whole run, and not at all in windows. */
	rig.opts.window_ns = 100 * MS;
	rig_run("[a]\nrate_iops=1000\nruntime=1\nsize=1m\ntime_based\n"
		"[b]\nrate=4096000\nbs=1m\nruntime=1\n");
	rig_between(rig.result.fairness.min, 0.49, 0.6);
	assert_true(rig.result.fairness.min <= rig.result.fairness.median);
	rig_run("[a]\nruntime=1\nrate_iops=1000\n");
	assert_int_equal(rig.result.fairness.windows, 0);
	assert_true(rig.result.fairness.whole == 1);
}

static void refused(const char *text, int err, const char *what)
{
	assert_int_equal(rig_try(text), err);
	if (!strstr(weir_error(), what))
		fail_msg("\"%s\" does not say \"%s\"", weir_error(), what);
}

static void what_the_drive_cannot(void **state)
{
	(void)state;
	rig_reset("nvme");
	refused("[a]\nruntime=1\nbs=512\n", -EINVAL, "test.fio:1: [a]: bs is not");
	refused("[a]\nruntime=1\noffset=512\n", -EINVAL, "offset is not");
	refused("[a]\nruntime=1\noffset=1t\n", -EINVAL, "beyond");
	refused("[a]\n[b]\nsize=2t\n", -EINVAL, "never end");
	refused("[a]\nsize=2t\n", -EINVAL, "reach beyond");
}

static void what_the_scheduler_cannot(void **state)
{
	(void)state;
	rig_reset("nvme");
	rig.opts.scheduler = "kyber";
	rig_set("read_lat", "3");
	refused("[a]\nruntime=1\n", -EINVAL, "read_lat");
	rig_reset("nvme");
	rig_set("fifo_batch", "3");
	refused("[a]\nruntime=1\n", -EINVAL, "none has no tunables");
	rig_reset("nvme");
	rig.opts.scheduler = "mq-deadline";
	rig_set("fifo_batch", "x");
	refused("[a]\nruntime=1\n", -EINVAL, "whole number");
	rig_reset("nvme");
	rig.opts.scheduler = "bfqq";
	refused("[a]\nruntime=1\n", -ENOENT, "bfqq");
}

/* One file works with all schedulers: one without weights gives a note, once. */
static void weights_where_there_are_none(void **state)
{
	static const char *const scheds[] = { "none", "mq-deadline", "kyber" };
	const char *note;

	(void)state;
	for (int i = 0; i < 3; i++) {
		rig_reset("nvme");
		rig.opts.scheduler = scheds[i];
		rig_run("[global]\nruntime=1ms\n[a]\nweight=200\n[b]\nweight=100\n");
		assert_int_equal(rig.result.count, 2);
		assert_int_equal(rig.result.notes.count, 1);
		note = rig.result.notes.line[0];
		assert_non_null(strstr(note, "test.fio:3: [a]: weight is not used"));
		assert_non_null(strstr(note, scheds[i]));
	}
	rig_reset("nvme");
	rig.opts.scheduler = "bfq";
	rig_run("[a]\nruntime=1ms\nweight=200\n");
	assert_int_equal(rig.result.notes.count, 0);
}

/* A scheduler that a test changes: "none" except for the functions below. */
static struct sched_ops odd;
static uint32_t weight_of[16];

static int odd_set_weight(struct sched *s, uint32_t submitter, uint32_t weight)
{
	(void)s;
	weight_of[submitter] = weight;
	return 0;
}

static int odd_init(struct sched **s, const struct sched_env *env)
{
	int err = sched_none.init(s, env);

	if (!err)
		(*s)->ops = &odd;
	return err;
}

static struct sched_rq *odd_dispatch(struct sched *s, uint64_t now)
{
	(void)s;
	(void)now;
	return NULL;
}

static bool odd_has_work(struct sched *s)
{
	(void)s;
	return true;
}

/* A time that is always over already. */
static uint64_t odd_wakeup(struct sched *s)
{
	(void)s;
	return 1;
}

static void odd_reset(void)
{
	rig_reset("nvme");
	odd = sched_none;
	odd.flags = 0;
	odd.init = odd_init;
	rig.opts.sched = &odd;
}

static void weights_reach_the_scheduler(void **state)
{
	(void)state;
	odd_reset();
	odd.set_weight = odd_set_weight;
	rig_run("[global]\nrate_iops=3000\nruntime=100ms\n[a]\nweight=300\nsubmitter=3\n"
		"[b]\nrate_iops=2000\n[c]\nweight=300\nsubmitter=3\n");
	assert_int_equal(weight_of[3], 300);
	assert_int_equal(weight_of[4], 0);
	assert_int_equal(rig.result.job[0].weight, 300);
	assert_int_equal(rig.result.job[1].weight, 0);
	/* 6000 to 2000, as their weights are: [a] and [c] are one submitter. */
	rig_between(rig.result.fairness.whole, 0.999, 1);
	rig_between(rig.result.fairness.min, 0.99, 1);
	refused("[a]\nruntime=1\nweight=3\nsubmitter=1\n[b]\nruntime=1\nsubmitter=1\nweight=4\n",
		-EINVAL, "another weight in [a]");
}

static void who_sleeps_for_ever_is_told(void **state)
{
	(void)state;
	odd_reset();
	odd.dispatch = odd_dispatch;
	odd.has_work = odd_has_work;
	refused("[a]\nsize=1m\n", -EDEADLK, "no event will wake it");
	odd.next_wakeup = odd_wakeup;
	refused("[a]\nsize=1m\n", -EDEADLK, "no event will wake it");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_teardown(name, rig_teardown)
		T(one_seed_gives_the_same_bits),
		T(the_seed_is_for_drive_and_jobs),
		T(background_writes_are_asynchronous),
		T(clones_have_names_and_submitters),
		T(rates_hold),
		T(pauses_hold),
		T(begin_and_end),
		T(nothing_from_a_job_that_begins_too_late),
		T(mix_of_reads_and_writes),
		T(lanes_in_virtual_time),
		T(weights_hold_over_lanes),
		T(limits_reach_the_queue),
		T(busy_and_working),
		T(jain_by_hand),
		T(fairness_in_windows),
		T(what_the_drive_cannot),
		T(what_the_scheduler_cannot),
		T(weights_where_there_are_none),
		T(weights_reach_the_scheduler),
		T(who_sleeps_for_ever_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
