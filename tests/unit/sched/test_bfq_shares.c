/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_bfq_shares.c - who gets how much of a drive that is the bottleneck: weights, classes,
 * fairness among equals, and how far anybody may fall behind.
 */
#include <errno.h>
#include <math.h>
#include <string.h>

#include "sched/bfq/bfq.h"

#include "load.h"

/* About an SSD of 500 MB/s, and a hard disk of 150 MB/s; one request after another. */
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
	load_reset(11);
	rig_open(&sched_bfq);
	rig_set("low_latency", 0);
	rig_set("strict_guarantees", 1);
}

/* The instance goes with what it holds. */
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
			load_run(rotational ? &hdd : &ssd, rotational ? 400 * SEC : 60 * SEC);
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(weights_80_10),
		cmocka_unit_test(weights_60_30),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
