/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_pace_bound.c - the bound of docs/pace.md with requests in the drive: of what *completes*
 * while two flows both wait, each gets its part for its weight, but for (D + 1) requests of each,
 * and 2 ms, or 4 if one reads and the other writes, or if one has deadlines. Whole pace, on random
 * arrivals, costs that it learns, and a drive that completes in any order. test_pace.c has the
 * bound of what leaves.
 */
#include <string.h>

#include "sched/pace/pace.h"

#include "rig.h"

#define FLOWS 6
#define STEPS 200000
#define US 1000ull
#define LEAD_NS (2.0 * MS) /* in each direction */
#define DEPTH_MAX 64

static const uint32_t weight[FLOWS] = { 1000, 800, 400, 200, 100, 50 };
static uint64_t seed, cost_of[RIG_MAX], had[FLOWS], since[FLOWS][FLOWS][2], highest;
static uint32_t backlog[FLOWS];
static int with_drive[DEPTH_MAX], nr_with_drive;
static unsigned long compared, near, urgent;

static uint64_t pick(uint64_t n)
{
	seed = seed * 6364136223846793005ull + 1442695040888963407ull;
	return (seed >> 33) * n >> 31;
}

/* Flows 0, 2 and 4 read, the others write what somebody waits for. */
static bool writes(int f)
{
	return f % 2;
}

/* Flows 0 and 3 have deadlines, in half of the runs. */
static bool deadlines;

static bool hurries(int f)
{
	return deadlines && f % 3 == 0;
}

/* How much more two flows may be apart because flows may be ahead of virtual time, at which who
 * begins to wait starts. Without deadlines they are closer than is proved. */
static double allowance(int f, int g)
{
	bool differ = writes(f) != writes(g);

	if (!deadlines)
		return differ ? LEAD_NS : 0;
	return differ || hurries(f) || hurries(g) ? 2 * LEAD_NS : LEAD_NS;
}

static void begins_to_wait(int f)
{
	for (int g = 0; g < FLOWS; g++) {
		since[f][g][0] = since[g][f][1] = had[f];
		since[f][g][1] = since[g][f][0] = had[g];
	}
}

static void arrives(int f, uint64_t now)
{
	static const uint32_t lengths[] = { 8, 8, 64, 256 };
	int id = (int)pick(RIG_MAX);

	if (rig.state[id] != RIG_FREE)
		return;
	rig.submitter = (uint32_t)f + 1;
	if (!backlog[f]++)
		begins_to_wait(f);
	rig.deadline_ns = hurries(f) && pick(2) ? now + pick(3 * MS) : 0;
	rig_insert(id, writes(f) ? W : R, pick(1u << 20), lengths[pick(4)], now);
}

static void leaves(int depth, uint64_t now)
{
	int id = nr_with_drive < depth ? rig_dispatch(now) : NONE;

	if (id == NONE)
		return;
	cost_of[id] = (uintptr_t)rig.rq[id].priv[1];
	highest = cost_of[id] > highest ? cost_of[id] : highest;
	urgent += rig.rq[id].reason == PACE_URGENT;
	backlog[rig.rq[id].submitter - 1]--;
	with_drive[nr_with_drive++] = id;
}

static void completes(uint64_t now)
{
	int at, id;

	if (!nr_with_drive)
		return;
	at = (int)pick((uint64_t)nr_with_drive);
	id = with_drive[at];
	with_drive[at] = with_drive[--nr_with_drive];
	had[rig.rq[id].submitter - 1] += cost_of[id];
	rig_complete(id, now);
}

/* What N ns of the drive are in virtual time, for flow F. */
static double of(double ns, int f)
{
	return ns * 100 / weight[f];
}

static void assert_bound(int depth)
{
	for (int f = 0; f < FLOWS; f++)
		for (int g = 0; g < f; g++) {
			double bound =
				(depth + 1) * (of((double)highest, f) + of((double)highest, g));
			double apart;

			if (!backlog[f] || !backlog[g])
				continue;
			bound += allowance(f, g);
			apart = of((double)(had[f] - since[f][g][0]), f) -
				of((double)(had[g] - since[f][g][1]), g);
			/* each charge is rounded up */
			assert_true(apart <= bound * 1.001 && -apart <= bound * 1.001);
			compared++;
			near += apart > bound / 10 || -apart > bound / 10;
		}
}

static void run(int depth)
{
	uint64_t now = SEC;

	rig_reset();
	rig.env.depth = (uint32_t)depth;
	rig.flags = SCHED_RQ_SYNC;
	rig_open(&sched_pace);
	memset(had, 0, sizeof(had));
	memset(backlog, 0, sizeof(backlog));
	nr_with_drive = 0;
	highest = 0;
	for (int f = 0; f < FLOWS; f++)
		assert_int_equal(rig.s->ops->set_weight(rig.s, (uint32_t)f + 1, weight[f]), 0);
	for (int step = 0; step < STEPS; step++) {
		uint64_t what = pick(100);

		now += pick(20 * US);
		if (what < 34)
			arrives((int)pick(FLOWS), now);
		else if (what < 67)
			leaves(depth, now);
		else
			completes(now);
		/* bursts, so that all wait for long */
		if (!pick(1000))
			for (int n = 0; n < 500; n++)
				arrives(n % FLOWS, now);
		assert_bound(depth);
	}
	while (rig.waiting || nr_with_drive) {
		now += US;
		leaves(depth, now);
		completes(now);
	}
	rig_close();
}

static void the_bound_of_what_completes(void **state)
{
	static const int depths[] = { 1, 4, 16, DEPTH_MAX };

	(void)state;
	seed = 1;
	for (size_t i = 0; i < 2 * sizeof(depths) / sizeof(depths[0]); i++) {
		deadlines = i % 2;
		run(depths[i / 2]);
		assert_true(deadlines ? urgent > 1000 : !urgent);
		urgent = 0;
	}
	/* pairs did wait together, and were apart */
	assert_true(compared > 200000);
	assert_true(near > 2000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_bound_of_what_completes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
