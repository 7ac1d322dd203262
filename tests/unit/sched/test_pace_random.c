/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_pace_random.c - what pace counts is counted again after each of many random events: requests
 * that wait and are in the drive, with their costs; the order of virtual time; windows, steps and
 * rests within their ranges. Drives become faster and slower, requests fail, weights change, groups
 * of submitters come and go, somebody sets a knob, and states are saved and loaded. Meant for the
 * sanitizers.
 */
#include <errno.h>
#include <string.h>

#include "sched/pace/pace.h"

#include "rig.h"

#define STEPS 40000
#define LIVE 400
#define SUBMITTERS 24
#define US 1000ull

static uint64_t seed, cost_of[LIVE], kept[SCHED_STATE_MAX];
static int with_drive[LIVE], nr_with_drive;
static uint64_t loads, trials, ends;
static unsigned nr_kept;

static uint64_t pick(uint64_t n)
{
	seed = seed * 6364136223846793005ull + 1442695040888963407ull;
	return (seed >> 33) * n >> 31;
}

static struct pace *pace(void)
{
	return (struct pace *)rig.s;
}

static enum pace_side side_of(const struct sched_rq *rq)
{
	return rq->op == SCHED_READ ? PACE_READ_SIDE : PACE_WRITE_SIDE;
}

/* What is in the drive is what the windows say, request by request. */
static void check_drive(void)
{
	uint64_t cost[PACE_SIDES] = { 0 };
	uint32_t requests[PACE_SIDES] = { 0 };

	for (int i = 0; i < nr_with_drive; i++) {
		const struct sched_rq *rq = &rig.rq[with_drive[i]];

		cost[side_of(rq)] += cost_of[with_drive[i]];
		requests[side_of(rq)]++;
	}
	for (int side = 0; side < PACE_SIDES; side++) {
		assert_int_equal(pace()->window.cost[side], cost[side]);
		assert_int_equal(pace()->window.requests[side], requests[side]);
	}
}

static uint32_t check_flow(struct pace_flow *flow)
{
	uint32_t waiting[2] = { 0 };

	for (int kind = 0; kind < PACE_LINES; kind++) {
		struct pace_flow_line *line = &flow->line[kind];
		const struct sched_rq *rq;
		uint32_t n = 0;

		TAILQ_FOREACH(rq, &line->fifo, fifo) {
			assert_int_equal(pace_line_of(rq), kind);
			n++;
		}
		assert_int_equal(line->node.waiting, n > 0);
		if (n)
			assert_int_equal(line->node.key, flow->start[kind == PACE_BACKGROUND]);
		waiting[kind == PACE_BACKGROUND] += n;
	}
	for (int i = 0; i < 2; i++)
		assert_int_equal(flow->waiting[i], waiting[i]);
	assert_in_range(flow->weight, 1, 1000);
	return waiting[0] + waiting[1];
}

/* Each request waits in one line, and the first of each order has the smallest start. */
static void check_flows(void)
{
	struct pace_flows *f = &pace()->flows;
	uint32_t waiting = check_flow(&f->common);

	for (uint32_t i = 0; i < f->pooled; i++)
		waiting += check_flow(&f->pool[i]);
	assert_int_equal(waiting, f->waiting);
	assert_int_equal(waiting, rig.waiting);
	for (int kind = 0; kind < PACE_LINES; kind++) {
		const struct pace_node *first = pace_order_first(&f->order[kind]);

		for (uint32_t i = 0; first && i < f->pooled; i++)
			if (f->pool[i].line[kind].node.waiting)
				assert_true(first->key <= f->pool[i].line[kind].node.key);
	}
}

static void check_learned(uint64_t now)
{
	static const uint8_t most[PACE_KNOBS] = { 6, 5, 4 };
	const struct pace *p = pace();

	for (int knob = 0; knob < PACE_KNOBS; knob++) {
		assert_in_range(p->gain.at[knob], 0, most[knob]);
		assert_in_range(pace_gain_step(&p->gain, (enum pace_knob)knob), 0, most[knob]);
		assert_true(!p->gain.fixed[knob] || !p->gain.at[knob]);
		assert_true(p->gain.next_ns[knob] <= now + 26 * SEC);
	}
	for (int op = 0; op < PACE_OPS; op++)
		assert_true(p->window.ns[op] > 0);
	assert_true(p->lone.low[PACE_READS] <= p->lone.high[PACE_READS]);
	assert_true(p->owed_ns <= 50 * MS);
	assert_true(p->window.usual >= 1u << PACE_USUAL_BITS);
}

/* Who is by deadline waits in the line that is noted, and nobody has a deadline besides, unless it
 * is over. */
static void check_urgent(uint64_t now)
{
	struct pace_urgent *u = &pace()->urgent;
	uint32_t waiting[PACE_BACKGROUND] = { 0 };

	for (int id = 0; id < LIVE; id++) {
		const struct sched_rq *rq = &rig.rq[id], *other;
		const struct pace_flow_line *line;
		bool there = false;

		if (rig.state[id] != RIG_WAITING || pace_line_of(rq) == PACE_BACKGROUND)
			continue;
		line = pace_urgent_line(rq);
		assert_true(line || !rq->deadline_ns || rq->deadline_ns < now);
		if (!line)
			continue;
		waiting[pace_line_of(rq)]++;
		TAILQ_FOREACH(other, &line->fifo, fifo)
			there = there || other == rq;
		assert_true(there);
	}
	assert_int_equal(u->waiting, waiting[PACE_READ] + waiting[PACE_WRITE]);
	for (int kind = 0; kind < PACE_BACKGROUND; kind++) {
		const struct sched_rq *first = pace_urgent_first(u, (enum pace_line)kind, 0);

		assert_int_equal(first != NULL, waiting[kind] > 0);
		for (int id = 0; first && id < LIVE; id++)
			if (rig.state[id] == RIG_WAITING &&
			    (int)pace_line_of(&rig.rq[id]) == kind && pace_urgent_line(&rig.rq[id]))
				assert_true(first->deadline_ns <= rig.rq[id].deadline_ns);
	}
}

static void check(uint64_t now)
{
	int64_t gauges[SCHED_GAUGES_MAX];

	check_drive();
	check_flows();
	check_urgent(now);
	check_learned(now);
	rig.s->ops->gauge(rig.s, gauges);
	for (int i = 0; i < 8; i++)
		assert_true(gauges[i] >= 0);
}

static void insert_any(uint64_t now)
{
	static const uint8_t ops[] = { R, R, R, R, W, W, W, W, D, SCHED_WRITE_ZEROES };
	static const uint32_t lengths[] = { 1, 8, 8, 8, 64, 256, 2048 };
	int id = (int)pick(LIVE);

	if (rig.state[id] != RIG_FREE)
		return;
	/* a group is the number by which all its members come; numbers beyond the pool share one */
	rig.submitter = (uint32_t)(pick(3) ? pick(4) : pick(SUBMITTERS));
	rig.flags = (uint8_t)(pick(2) ? SCHED_RQ_SYNC : 0);
	rig.deadline_ns = pick(4) ? 0 : now + pick(pick(2) ? 100 * US : 5 * MS);
	rig_insert(id, ops[pick(10)], pick(1u << 20), lengths[pick(7)], now);
}

static bool dispatch_any(uint64_t now)
{
	int id = rig_dispatch(now);

	if (id == NONE)
		return false;
	cost_of[id] = (uintptr_t)rig.rq[id].priv[1];
	assert_true(cost_of[id] > 0);
	assert_true(rig.rq[id].reason < PACE_REASONS);
	with_drive[nr_with_drive++] = id;
	return true;
}

static bool complete_any(uint64_t now)
{
	int at;

	if (!nr_with_drive)
		return false;
	at = (int)pick((uint64_t)nr_with_drive);
	if (!pick(50))
		rig.rq[with_drive[at]].flags |= SCHED_RQ_UNTIMED;
	rig_complete(with_drive[at], now);
	with_drive[at] = with_drive[--nr_with_drive];
	return true;
}

static void set_any(void)
{
	static const int64_t values[] = { 0, 1, 50, 700, INT32_MAX };
	static const unsigned tunables[] = { READ_TARGET, WRITE_WINDOW, WRITE_FLOOR, CHUNK };
	unsigned t = tunables[pick(4)];
	int64_t value = values[pick(5)];

	if (t == WRITE_FLOOR)
		value = 1 + (int64_t)pick(90);
	else if (t == CHUNK)
		value = (int64_t)pick(2000);
	assert_int_equal(rig.s->ops->set(rig.s, t, value), 0);
}

static void submitter_any(void)
{
	uint32_t submitter = (uint32_t)pick(SUBMITTERS);

	if (pick(2))
		rig.s->ops->submitter_gone(rig.s, submitter);
	else
		(void)rig.s->ops->set_weight(rig.s, submitter, 1 + (uint32_t)pick(1000));
}

/* A state of its own, of long ago, or what random changes make of one. */
static void state_any(uint64_t now)
{
	const struct sched_ops *ops = rig.s->ops;

	if (!nr_kept || pick(2))
		nr_kept = ops->save(rig.s, kept, now);
	else
		kept[pick(nr_kept)] = pick(3) ? pick(10) : pick(1u << 31) << pick(34);
	if (!nr_kept || !ops->valid(kept, nr_kept))
		return;
	ops->load(rig.s, kept, now);
	loads++;
}

static void any(uint64_t now)
{
	uint64_t what = pick(1000);

	if (what < 400)
		insert_any(now);
	else if (what < 700)
		(void)dispatch_any(now);
	else if (what < 980)
		(void)complete_any(now);
	else if (what < 990)
		submitter_any();
	else if (what < 994)
		state_any(now);
	else if (what < 996)
		set_any();
	else if (what < 998)
		for (int i = 0; i < LIVE; i++)
			insert_any(now);
	else
		rig.s->ops->depth_changed(rig.s, 4 + (uint32_t)pick(500));
}

static void run(uint64_t first_seed, uint32_t depth)
{
	/* how long the drive takes, and how much that varies */
	uint64_t now = SEC, pace_ns = 10 * US, trying = 0;

	seed = first_seed;
	nr_with_drive = 0;
	rig_reset();
	rig.env.depth = depth;
	rig_open(&sched_pace);
	for (int step = 0; step < STEPS; step++) {
		if (!pick(4000))
			pace_ns = 1 + pick(pick(2) ? 1000 : 2 * MS);
		now += pick(2) ? pick(pace_ns + 1) : 0;
		if (!pick(5000))
			now += pick(30 * SEC);
		any(now);
		check(now);
		trials += pace()->gain.trying && !trying;
		ends += !pace()->gain.trying && trying;
		trying = pace()->gain.trying;
	}
	/* nobody waits for ever, and no timer is needed */
	while (rig.waiting || nr_with_drive) {
		now += US;
		assert_true(dispatch_any(now) || complete_any(now));
		check(now);
	}
	rig_close();
}

static void what_it_counts_is_right(void **state)
{
	(void)state;
	for (uint64_t i = 1; i <= 6; i++)
		run(i, i % 2 ? 128 : 2);
	/* the events reached what they are for */
	assert_true(loads > 200);
	assert_true(trials > 20 && ends > 10);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_it_counts_is_right),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
