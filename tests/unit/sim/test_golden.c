/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_golden.c - the drives nvme, sata and hdd give the same figures for ever, bit for bit: people
 * compare runs of different versions, and a new option of a model must cost nothing while it is
 * off. The figures were made before the model of the SSD got its options. If a change of a drive is
 * meant, GOLDEN_PRINT=1 prints the new ones.
 */
#include "rig.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

struct golden {
	const char *device, *jobs;
	/* of the first two jobs: ios, the sum of their latencies, the longest */
	uint64_t figures[6];
};

#define FLOOD                                                                                      \
	"[global]\nruntime=300ms\n[r]\nrw=randread\nbs=16k\niodepth=8\n"                           \
	"[w]\nrw=randwrite\nbs=256k\niodepth=32\nbackground\n"
#define MIXED                                                                                      \
	"[global]\nruntime=300ms\n[m]\nrw=randrw\nbsrange=4k-64k\niodepth=16\nfsync=50\n"          \
	"[t]\nrw=trimwrite\nbs=32k\niodepth=2\nrate_iops=500\n"

static const struct golden goldens[] = {
	{ "nvme", FLOOD, { 6522, 2402199164, 1409058, 3228, 9652033609, 3366301 } },
	{ "nvme", MIXED, { 23413, 3600553146, 1136501, 300, 19425936, 198215 } },
	{ "sata", FLOOD, { 560, 2406884070, 15330184, 588, 9916795208, 20566691 } },
	{ "sata", MIXED, { 4524, 4295176357, 1429828, 300, 183802096, 1377196 } },
	{ "hdd", FLOOD, { 18, 3880057818, 436699857, 62, 16082423159, 440604590 } },
	{ "hdd", MIXED, { 48, 5716270561, 243024229, 24, 635426387, 216913889 } },
};

static void figures_stay(void **state)
{
	bool print = getenv("GOLDEN_PRINT") != NULL;

	(void)state;
	for (size_t i = 0; i < sizeof(goldens) / sizeof(goldens[0]); i++) {
		const struct golden *g = &goldens[i];
		uint64_t got[6];

		rig_reset(g->device);
		rig_run(g->jobs);
		for (size_t j = 0; j < 2; j++) {
			got[3 * j] = rig.result.job[j].latency.count;
			got[3 * j + 1] = rig.result.job[j].latency.sum_ns;
			got[3 * j + 2] = rig.result.job[j].latency.max_ns;
		}
		if (print)
			printf("# %s:", g->device);
		for (size_t j = 0; j < 6; j++)
			if (print)
				printf(" %" PRIu64 "%s", got[j], j < 5 ? "," : "\n");
			else
				assert_int_equal(got[j], g->figures[j]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(figures_stay, rig_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
