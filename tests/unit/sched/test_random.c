/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_random.c - random inserts, merges, dispatches, completions, times and tunables, with a
 * checker. Whatever a scheduler decides: each request leaves once or is part of one that does, all
 * sectors leave, and no request waits when nothing more can happen. Meant for ASan.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "rig.h"

#define STEPS 60000
#define LIVE 300

static uint64_t seed;
static unsigned states_taken;

static uint64_t pick(uint64_t n)
{
	seed = seed * 6364136223846793005ull + 1442695040888963407ull;
	return (seed >> 33) * n >> 31;
}

/* Sectors that were inserted and have not left yet, including those of merged requests. */
static uint64_t sectors_in, last_end;
static int with_drive[LIVE], nr_with_drive;

static int free_id(void)
{
	for (int tries = 0; tries < 20; tries++) {
		int id = (int)pick(LIVE);

		if (rig.state[id] == RIG_FREE)
			return id;
	}
	return NONE;
}

static void insert_any(uint64_t now)
{
	static const uint8_t ops[] = { R, R, R, W, W, D, SCHED_WRITE_ZEROES };
	static const uint16_t prios[] = { BE(4), BE(4), BE(4), RT(0), IDLE };
	int id = free_id();
	uint32_t nr = 1 + (uint32_t)pick(4);
	uint64_t sector = pick(3) ? pick(200) : last_end + pick(2) * 4;
	static uint8_t op = R;

	if (id == NONE)
		return;
	/* Mostly one kind for some time, so that there is much to merge. */
	if (!pick(8)) {
		op = ops[pick(7)];
		rig.prio = prios[pick(5)];
		rig.submitter = (uint32_t)pick(rig.env.max_submitters + 4);
	}
	rig.ctx = pick(4) ? 64 : (uint32_t)pick(rig.env.nr_ctxs);
	rig.flags = (uint8_t)(pick(10) ? SCHED_RQ_SYNC : SCHED_RQ_NOMERGE);
	if (!pick(4))
		rig.flags = 0;
	sectors_in += nr;
	last_end = sector + nr;
	if (pick(2))
		rig_insert(id, op, sector, nr, now);
	else
		rig_submit(id, op, sector, nr, now);
}

/* Marks all requests that were merged into ID as left, together with it. */
static void left(int id)
{
	sectors_in -= rig.rq[id].nr_sectors;
	for (int changed = 1; changed;) {
		changed = 0;
		for (int i = 0; i < LIVE; i++) {
			if (rig.state[i] != RIG_MERGED)
				continue;
			/* A chain: INTO may itself have been merged. */
			if (rig.into[i] == id) {
				rig.state[i] = RIG_FREE;
			} else if (rig.state[rig.into[i]] == RIG_MERGED) {
				rig.into[i] = rig.into[rig.into[i]];
				changed = 1;
			}
		}
	}
}

static bool dispatch_any(uint64_t now)
{
	int id = nr_with_drive < LIVE ? rig_dispatch(now) : NONE;

	if (id == NONE)
		return false;
	with_drive[nr_with_drive++] = id;
	left(id);
	return true;
}

static bool complete_any(uint64_t now)
{
	int at;

	if (!nr_with_drive)
		return false;
	at = (int)pick((uint64_t)nr_with_drive);
	rig_complete(with_drive[at], now);
	with_drive[at] = with_drive[--nr_with_drive];
	return true;
}

static void set_any(void)
{
	static const int64_t values[] = { 0, 1, 2, 16, 500, 1000000 };
	const struct sched_tunable *t = rig.s->ops->tunables;
	unsigned n = 0;
	int64_t value = values[pick(6)];

	while (t && t[n].name)
		n++;
	if (!n)
		return;
	n = (unsigned)pick(n);
	if (!t[n].read_only && value >= t[n].min && value <= t[n].max)
		rig.s->ops->set(rig.s, n, value);
}

/* Submitters get weights, and leave. */
static void submitter_any(void)
{
	uint32_t submitter = (uint32_t)pick(24);

	if (pick(2) && rig.s->ops->set_weight) {
		int err = rig.s->ops->set_weight(rig.s, submitter, 1 + (uint32_t)pick(1000));

		assert_true(!err || err == -ENOSPC);
	} else if (rig.s->ops->submitter_gone) {
		rig.s->ops->submitter_gone(rig.s, submitter);
	}
}

/* The scheduler gets a state: its own, one of long ago, one that is nearly such, or any numbers. It
 * may refuse that; else it goes on with it. */
static void state_any(uint64_t now)
{
	static const uint64_t bits[] = { 1, 8, 16, 32, 63 };
	static uint64_t values[SCHED_STATE_MAX];
	static unsigned n;
	const struct sched_ops *ops = rig.s->ops;

	if (!ops->save)
		return;
	if (pick(2)) {
		n = ops->save(rig.s, values, now);
		assert_in_range(n, 0, SCHED_STATE_MAX);
		/* it reads what it writes */
		assert_true(!n || ops->valid(values, n));
	}
	for (uint64_t i = pick(4); i && n; i--)
		values[pick(n)] = (pick(1u << 16) << 32 | pick(1u << 30)) >> (63 - bits[pick(5)]);
	if (!pick(20))
		n = (unsigned)pick(SCHED_STATE_MAX + 1);
	if (ops->valid(values, n)) {
		ops->load(rig.s, values, now);
		states_taken++;
	}
}

/* Nothing is in the drive: the remaining requests leave, at once or at next_wakeup(). */
static uint64_t drain(uint64_t now)
{
	while (rig.waiting || nr_with_drive) {
		uint64_t next;

		if (dispatch_any(now) || complete_any(now))
			continue;
		next = rig.s->ops->next_wakeup(rig.s);
		assert_true(next != SCHED_NEVER);
		assert_true(next > now);
		now = next;
	}
	assert_int_equal(sectors_in, 0);
	return now;
}

static void run(const struct sched_ops *ops, uint64_t first_seed)
{
	static const uint64_t leaps[] = { 0, 1, 1000, 1 * MS, 60 * MS };
	uint64_t now = 0;

	seed = first_seed;
	rig_reset();
	rig.env.merging = SCHED_MERGING_ALL;
	rig.env.rotational = first_seed % 2;
	rig.env.max_discard_segments = (uint32_t)pick(2) * 256;
	rig_open(ops);
	nr_with_drive = 0;
	sectors_in = 0;
	for (int i = 0; i < STEPS; i++) {
		unsigned what = (unsigned)pick(100);

		now += leaps[pick(5)];
		rig.max_sectors = (uint32_t)(2 + pick(100));
		if (what < 45)
			insert_any(now);
		else if (what < 70)
			(void)dispatch_any(now);
		else if (what < 98)
			(void)complete_any(now);
		else if (what == 98 && pick(2))
			submitter_any();
		else if (what == 98 && !pick(4))
			state_any(now);
		else if (what == 98)
			set_any();
		else if (!pick(30))
			now = drain(now);
	}
	drain(now);
	assert_true(rig.merges > 500);
	rig_close();
}

static void mq_deadline(void **state)
{
	(void)state;
	for (uint64_t i = 0; i < 4; i++)
		run(&sched_mq_deadline, i);
}

static void kyber(void **state)
{
	(void)state;
	for (uint64_t i = 0; i < 4; i++)
		run(&sched_kyber, i);
}

static void bfq(void **state)
{
	(void)state;
	for (uint64_t i = 0; i < 4; i++)
		run(&sched_bfq, i);
}

static void noop(void **state)
{
	(void)state;
	for (uint64_t i = 0; i < 4; i++)
		run(&sched_noop, i);
}

static void deadline(void **state)
{
	(void)state;
	for (uint64_t i = 0; i < 4; i++)
		run(&sched_deadline, i);
}

static void cfq(void **state)
{
	(void)state;
	for (uint64_t i = 0; i < 8; i++)
		run(&sched_cfq, i);
}

static void pace(void **state)
{
	(void)state;
	states_taken = 0;
	for (uint64_t i = 0; i < 8; i++)
		run(&sched_pace, i);
	assert_true(states_taken > 50);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(mq_deadline), cmocka_unit_test(kyber),	   cmocka_unit_test(bfq),
		cmocka_unit_test(noop),	       cmocka_unit_test(deadline), cmocka_unit_test(cfq),
		cmocka_unit_test(pace),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
