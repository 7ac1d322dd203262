/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_admission.c - tags on a simulated drive. Beside more reads than there are tags all
 * submitters make progress, under every scheduler; and a submitter has its share of the drive
 * beside another one, however many sessions that one has.
 */
#include "rig.h"

#include <stdio.h>

static const char *const scheds[] = { "none", "mq-deadline", "kyber", "bfq",
				      "noop", "deadline",    "cfq",   "pace" };
#define SCHEDS (sizeof(scheds) / sizeof(scheds[0]))

static void run_beside_reads(const char *sched, unsigned readers)
{
	char text[512];

	rig_reset("nvme");
	rig.opts.scheduler = sched;
	snprintf(text, sizeof(text),
		 "[global]\nbs=128k\nruntime=1\ntime_based\n"
		 "[background]\nrw=write\niodepth=1\nbackground\n"
		 "[awaited]\nrw=write\niodepth=1\n"
		 "[reads]\nrw=randread\niodepth=256\nnumjobs=%u\n",
		 readers);
	rig_run(text);
}

/* cfq holds background requests back for up to two slices of 300 ms; all others for at most 200. */
static void everybody_goes_on(void **state)
{
	(void)state;
	for (size_t i = 0; i < SCHEDS; i++)
		for (unsigned readers = 1; readers <= 4; readers += 3) {
			run_beside_reads(scheds[i], readers);
			for (size_t job = 0; job < 2; job++)
				rig_between((double)rig.result.job[job].latency.max_ns, 1,
					    i == 6 ? 600e6 : 200e6);
		}
}

static void victim_beside(unsigned sessions, uint64_t depth, unsigned iodepth)
{
	char text[512];

	rig_reset("nvme");
	rig.opts.scheduler = "bfq";
	rig.opts.nr_requests = 64;
	rig.opts.depth = depth;
	snprintf(text, sizeof(text),
		 "[global]\nbs=128k\nrw=randread\niodepth=%u\nruntime=500ms\ntime_based\n"
		 "[victim]\nsubmitter=1\n[aggressor]\nsubmitter=2\nnumjobs=%u\n",
		 iodepth, sessions);
	rig_run(text);
	rig_between(rig.result.job[0].share, 0.45, 0.55);
}

/*
 * With as many ios outstanding as its share of the tags, 32 of 64. If fewer go to the drive and
 * the scheduler can choose among requests, 16 are enough.
 */
static void a_share_beside_many_sessions(void **state)
{
	static const unsigned sessions[] = { 1, 4, 16, 64 };

	(void)state;
	for (size_t i = 0; i < sizeof(sessions) / sizeof(sessions[0]); i++) {
		victim_beside(sessions[i], 0, 32);
		victim_beside(sessions[i], 32, 32);
		victim_beside(sessions[i], 32, 16);
		victim_beside(sessions[i], 8, 16);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(everybody_goes_on, rig_teardown),
		cmocka_unit_test_teardown(a_share_beside_many_sessions, rig_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
