/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_fairness.c - equal submitters get equal amounts under bfq, even if some ask for more:
 * Jain's index over windows of 20 services of each, and with one documented setting over 100 ms.
 */
#include "rig.h"

#include <stdio.h>
#include <stdlib.h>

#define SUBMITTERS_MAX 64
/* The jobs of a submitter: small ios and large ones. */
#define KINDS 2
#define LARGEST (128 * 1024)

/* A submitter that asks for twice as much must not get more. */
static unsigned depth_of(unsigned submitter)
{
	return submitter % 2 ? 16 : 8;
}

/*
 * Runs N submitters, each with 4 KiB and 128 KiB at once, reads and synchronous writes, in random
 * order.
 */
static void run_mixed(unsigned n, uint64_t ns)
{
	char *text;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	assert_non_null(out);
	fprintf(out, "[global]\nrw=randrw\nruntime=%lluns\n", (unsigned long long)ns);
	for (unsigned i = 1; i <= n; i++)
		fprintf(out,
			"[small%u]\nsubmitter=%u\nbs=4k\niodepth=%u\n"
			"[large%u]\nsubmitter=%u\nbs=128k\niodepth=%u\n",
			i, i, depth_of(i), i, i, depth_of(i));
	assert_int_equal(fclose(out), 0);
	rig_run(text);
	free(text);
}

static double jain(unsigned n)
{
	double sum = 0, squares = 0;

	for (unsigned i = 0; i < n; i++) {
		double bytes = 0;

		for (unsigned k = 0; k < KINDS; k++)
			bytes += (double)rig.result.job[i * KINDS + k].bytes;
		sum += bytes;
		squares += bytes * bytes;
	}
	return sum * sum / (n * squares);
}

static double mbps(void)
{
	double sum = 0;

	for (size_t i = 0; i < rig.result.count; i++)
		sum += rig_mbps(i);
	return sum;
}

static void start(const char *sched)
{
	rig_reset("nvme");
	rig.opts.scheduler = sched;
	rig.opts.depth = 16;
	rig.opts.nr_requests = 2048;
}

static void strict(const char *budget)
{
	start("bfq");
	rig_set("strict_guarantees", "1");
	rig_set("low_latency", "0");
	rig_set("max_budget", budget);
}

/* The settings that docs/schedulers.md recommends for shares that hold over 100 ms. */
static void documented(void)
{
	start("bfq");
	rig_set("max_budget", "512");
	rig_set("slice_idle", "0");
	rig_set("low_latency", "0");
}

/*
 * Returns the time of twenty services of N submitters with a budget of 512 sectors, at RATE bytes
 * a second.
 */
static uint64_t twenty_services(unsigned n, double rate)
{
	return (uint64_t)(20.0 * n * (512 * 512 + LARGEST) / rate * 1e9);
}

static void twenty_services_strict(void **state)
{
	static const unsigned counts[] = { 2, 8, SUBMITTERS_MAX };

	(void)state;
	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
		strict("512");
		run_mixed(counts[i], twenty_services(counts[i], 750e6));
		rig_between(jain(counts[i]), 0.99, 1);
	}
}

static void twenty_services_documented(void **state)
{
	static const unsigned counts[] = { 8, SUBMITTERS_MAX };

	(void)state;
	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
		documented();
		run_mixed(counts[i], twenty_services(counts[i], 4500e6));
		rig_between(jain(counts[i]), 0.99, 1);
	}
}

/* What the tests above would find with a scheduler that does not share. */
static void none_gives_who_asks(void **state)
{
	(void)state;
	start("none");
	run_mixed(8, 200 * MS);
	rig_between(jain(8), 0.85, 0.95);
}

/* Eight submitters, all with more ios than the drive takes, half of them with twice as many. */
static void run_eight(const char *load, unsigned seconds)
{
	char text[256];

	snprintf(text, sizeof(text),
		 "[global]\n%s\nruntime=%u\ntime_based\nnumjobs=4\n[some]\niodepth=24\n"
		 "[more]\niodepth=48\n",
		 load, seconds);
	rig_run(text);
}

static void equal_in_100_ms(void **state)
{
	static const char *const loads[] = { "rw=randread\nbs=4k", "rw=read\nbs=128k",
					     "rw=randrw\nbs=4k" };
	(void)state;
	for (size_t i = 0; i < sizeof(loads) / sizeof(loads[0]); i++) {
		double fast;

		start("none");
		run_eight(loads[i], 1);
		fast = mbps();
		assert_true(rig.result.fairness.median < 0.95);
		documented();
		run_eight(loads[i], 1);
		rig_between(rig.result.fairness.min, 0.99, 1);
		rig_between(mbps() / fast, 0.9, 1.1);
	}
}

/* With automatic budgets, once bfq knows the drive, a service is longer than such a window. */
static void automatic_budgets_are_long(void **state)
{
	(void)state;
	strict("0");
	run_eight("rw=read\nbs=128k", 3);
	rig_between(rig.result.fairness.median, 0.12, 0.4);
	strict("0");
	run_eight("rw=randread\nbs=4k", 3);
	rig_between(rig.result.fairness.median, 0.12, 0.4);
	start("bfq");
	rig_set("low_latency", "0");
	run_eight("rw=randread\nbs=4k", 1);
	rig_between(rig.result.fairness.median, 0.12, 0.8);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_teardown(name, rig_teardown)
		T(twenty_services_strict), T(twenty_services_documented), T(none_gives_who_asks),
		T(equal_in_100_ms),	   T(automatic_budgets_are_long),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
