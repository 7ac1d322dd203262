/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_pace.c - pace: the order of virtual time, the bound of start-time fair queueing on random
 * arrivals, windows, and that nobody waits for ever. tests/unit/sim/test_pace.c has what follows
 * for latencies and shares.
 */
#include <errno.h>
#include <string.h>

#include "rig.h"
#include "sched/pace/pace.h"

#define FLOWS 6
#define US 1000ull

static uint64_t seed;

static uint64_t pick(uint64_t n)
{
	seed = seed * 6364136223846793005ull + 1442695040888963407ull;
	return (seed >> 33) * n >> 31;
}

static int setup(void **state)
{
	(void)state;
	seed = 1;
	rig_reset();
	rig.env.merging = SCHED_MERGING_ALL;
	rig_open(&sched_pace);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	rig_close();
	return 0;
}

/* Keys never go back below the last one that left, as virtual time does. */
static void the_smallest_key_leaves_first(void **state)
{
	static struct pace_node node[200];
	struct pace_order o;
	uint64_t last = 0;

	(void)state;
	pace_order_init(&o);
	for (int step = 0; step < 200000; step++) {
		struct pace_node *n = &node[pick(200)], *first;
		uint64_t least = UINT64_MAX;

		if (!n->waiting) {
			pace_order_add(&o, n, last + (pick(4) ? pick(1000) : pick(1ull << 30)));
		} else if (pick(3)) {
			pace_order_remove(&o, n);
		} else {
			for (int i = 0; i < 200; i++)
				if (node[i].waiting && node[i].key < least)
					least = node[i].key;
			first = pace_order_first(&o);
			assert_int_equal(first->key, least);
			last = least;
			pace_order_remove(&o, first);
		}
	}
}

/* Reads may be ahead of writes. Flows that begin to wait below them keep their own order. */
static void keys_below_the_last_one_keep_their_order(void **state)
{
	struct pace_node ahead = { 0 }, below[3] = { 0 };
	const uint64_t keys[3] = { 50, 70, 50 };
	struct pace_order o;

	(void)state;
	pace_order_init(&o);
	pace_order_add(&o, &ahead, 100);
	assert_ptr_equal(pace_order_first(&o), &ahead);
	for (int i = 0; i < 3; i++)
		pace_order_add(&o, &below[i], keys[i]);
	for (int i = 0; i < 3; i++) {
		struct pace_node *first = pace_order_first(&o);

		assert_ptr_equal(first, &below[i == 0 ? 0 : 3 - i]);
		pace_order_remove(&o, first);
	}
	assert_ptr_equal(pace_order_first(&o), &ahead);
}

/* What two flows have had since both began to wait. */
static uint64_t had[FLOWS], since[FLOWS][FLOWS][2];
static uint32_t backlog[FLOWS];
static const uint32_t weight[FLOWS] = { 1000, 800, 400, 200, 100, 50 };
static struct pace_flows flows;
static struct sched_rq pool[4096];
static struct sched_rq *unused[4096];
static int nr_unused;

static void begins_to_wait(int f)
{
	for (int g = 0; g < FLOWS; g++) {
		if (!backlog[g])
			continue;
		since[f][g][0] = since[g][f][1] = had[f];
		since[f][g][1] = since[g][f][0] = had[g];
	}
}

/* Asserts the bound for each pair that waits, with requests that cost MOST at the most. */
static void assert_bound(uint64_t most)
{
	for (int f = 0; f < FLOWS; f++)
		for (int g = 0; g < f; g++) {
			double a, b, bound = (double)most / weight[f] + (double)most / weight[g];

			if (!backlog[f] || !backlog[g])
				continue;
			a = (double)(had[f] - since[f][g][0]) / weight[f];
			b = (double)(had[g] - since[f][g][1]) / weight[g];
			/* each charge is rounded up, to a ns at weight 100 */
			assert_true(a - b <= bound * 1.001 && b - a <= bound * 1.001);
		}
}

static void arrives(int f)
{
	struct sched_rq *rq;

	if (!nr_unused)
		return;
	rq = unused[--nr_unused];
	*rq = (struct sched_rq){ .op = SCHED_READ, .submitter = (uint32_t)f, .nr_sectors = 8 };
	if (!backlog[f]++)
		begins_to_wait(f);
	pace_flow_add(&flows, rq);
}

static void leaves(uint64_t cost)
{
	struct pace_flow_line *line = pace_flow_next(&flows, PACE_READ);
	struct sched_rq *rq;

	if (!line)
		return;
	rq = pace_flow_take(&flows, line, PACE_READ, cost);
	had[rq->submitter] += cost;
	backlog[rq->submitter]--;
	unused[nr_unused++] = rq;
}

/*
 * Two flows that both wait all through an interval: what they get for their weight differs by no
 * more than one request of each, whatever the others do, come and go.
 */
static void the_bound_of_fair_queueing(void **state)
{
	(void)state;
	assert_int_equal(pace_flows_init(&flows, 16, NULL), 0);
	for (int f = 0; f < FLOWS; f++)
		assert_int_equal(pace_flow_weigh(&flows, (uint32_t)f, weight[f]), 0);
	for (int i = 0; i < 4096; i++)
		unused[nr_unused++] = &pool[i];
	for (int step = 0; step < 300000; step++) {
		/* bursts, so that flows run empty and come back */
		if (pick(100) < 45)
			arrives((int)pick(FLOWS));
		else
			leaves(1000 * US * (1 + pick(10)) / (pick(2) ? 1 : 50));
		if (!pick(2000))
			for (int n = 0; n < 300; n++)
				arrives((int)(step / 7 % FLOWS));
		assert_bound(10000 * US);
	}
	while (flows.waiting)
		leaves(US);
	pace_flows_destroy(&flows);
}

/* Two flows of the lowest weight on a drive that is busy for a year. */
static void virtual_time_never_ends(void **state)
{
	const uint64_t day = 86400 * SEC;
	int64_t ahead = 0;

	(void)state;
	nr_unused = 0;
	memset(backlog, 0, sizeof(backlog));
	memset(&flows, 0, sizeof(flows));
	assert_int_equal(pace_flows_init(&flows, 16, NULL), 0);
	for (int f = 0; f < 2; f++)
		assert_int_equal(pace_flow_weigh(&flows, (uint32_t)f, 1), 0);
	for (int i = 0; i < 4096; i++)
		unused[nr_unused++] = &pool[i];
	for (int i = 0; i < 10; i++) {
		arrives(0);
		arrives(1);
	}
	for (int i = 0; i < 1460; i++) {
		uint64_t before = had[0];

		leaves(day / 4);
		ahead += had[0] > before ? 1 : -1;
		assert_in_range(ahead + 2, 0, 4);
		arrives(had[0] > before ? 0 : 1);
	}
	while (flows.waiting)
		leaves(US);
	pace_flows_destroy(&flows);
}

/* Who slept does not get what he might have had. */
static void sleep_saves_nothing(void **state)
{
	unsigned turns = 0;

	(void)state;
	for (int i = 0; i < 200; i++) {
		rig.submitter = 1;
		rig_insert(i, R, (uint64_t)i * 1000, 8, 0);
	}
	for (int i = 0; i < 100; i++)
		rig_serve(0);
	rig.submitter = 2;
	for (int i = 1000; i < 1100; i++)
		rig_insert(i, R, (uint64_t)i * 1000, 8, 0);
	for (int i = 0; i < 100; i++)
		turns += rig_serve(0) >= 1000;
	assert_in_range(turns, 49, 51);
}

static void shares_follow_weights(void **state)
{
	unsigned served[3] = { 0 };

	(void)state;
	assert_int_equal(rig.s->ops->set_weight(rig.s, 1, 300), 0);
	for (int i = 0; i < 2000; i++) {
		rig.submitter = 1 + i % 2;
		rig_insert(i, R, (uint64_t)i * 1000, 8, 0);
	}
	for (uint64_t now = 1; now < 800 * 50 * US; now += 50 * US) {
		int id = rig_dispatch(now);

		served[1 + id % 2]++;
		rig_complete(id, now + 40 * US);
	}
	assert_in_range(served[1], 598, 602);
}

/* The size of requests does not matter: a long one costs more turns. */
static void long_requests_cost_more(void **state)
{
	uint64_t sectors[2] = { 0 };

	(void)state;
	for (int i = 0; i < 2000; i++) {
		rig.submitter = (uint32_t)(i % 2);
		rig_insert(i, R, (uint64_t)i * 1000, i % 2 ? 256 : 8, 0);
	}
	for (int i = 0; i < 600; i++) {
		int id = rig_dispatch((uint64_t)i * 100 * US);

		sectors[id % 2] += id % 2 ? 256 : 8;
		rig_complete(id, (uint64_t)(i * 100 + 50) * US);
	}
	assert_true(sectors[1] > sectors[0]);	  /* a short one costs something besides */
	assert_true(sectors[1] < 2 * sectors[0]); /* but not much */
}

/* A discard takes as long as the drive needs for it, however much it discards. Who sent one does
 * not have to wait until others had the drive for as long as its length suggests. */
static void long_discards_cost_what_they_take(void **state)
{
	unsigned turns = 0;

	(void)state;
	rig.submitter = 1;
	rig.flags = 0;
	rig_insert(0, D, 0, 8, 1);
	assert_int_equal(rig_dispatch(1), 0);
	rig_complete(0, MS);
	rig.submitter = 2;
	for (int i = 1; i < 100; i++)
		rig_insert(i, D, (uint64_t)i * 1000, 8, MS);
	rig.submitter = 1;
	rig_insert(100, D, 0, 1 << 21, MS);
	rig_insert(101, D, 0, 8, MS);
	for (uint64_t now = MS; rig.state[101] == RIG_WAITING; now += 2 * MS, turns++) {
		int id = rig_dispatch(now);

		assert_int_not_equal(id, NONE);
		rig_complete(id, now + MS);
	}
	assert_in_range(turns, 1, 30);
	while (rig.waiting)
		rig_serve(SEC);
}

/* Serves a request in 50 us; a read of submitter 1 comes back at once. Returns which it was. */
static int serve_on(uint64_t *now)
{
	int id = rig_dispatch(*now);

	assert_int_not_equal(id, NONE);
	*now += 50 * US;
	rig_complete(id, *now);
	if (id >= 64)
		return id;
	rig.submitter = 1;
	rig.flags = SCHED_RQ_SYNC;
	rig_insert(id, R, (uint64_t)id * 1000, 8, *now);
	return id;
}

/* Serves until ID has gone. Returns how many went. */
static unsigned until(int id, uint64_t *now)
{
	unsigned n = 1;

	while (serve_on(now) != id) {
		assert_true(n < 1000);
		n++;
	}
	return n;
}

/* Beside one submitter's endless reads, another's write goes next, its own write in turn, and a
 * background write when its part is due. */
static void nobody_waits_for_ever(void **state)
{
	uint64_t now = 1;

	(void)state;
	rig.flags = SCHED_RQ_SYNC;
	rig.submitter = 1;
	for (int i = 0; i < 64; i++)
		rig_insert(i, R, (uint64_t)i * 1000, 8, now);
	for (int i = 0; i < 300; i++)
		(void)serve_on(&now);
	rig.flags = SCHED_RQ_SYNC;
	rig.submitter = 2;
	rig_insert(1000, W, 5, 8, now);
	assert_in_range(until(1000, &now), 1, 3);
	rig_insert(1001, W, 5, 8, now); /* the same submitter as the reads */
	assert_in_range(until(1001, &now), 1, 70);
	rig.flags = 0;
	rig.submitter = 3;
	rig_insert(1002, W, 5, 8, now);
	assert_in_range(until(1002, &now), 1, 120);
	rig.flags = 0;
	rig.submitter = 1;
	rig_insert(1003, W, 5, 8, now);
	assert_in_range(until(1003, &now), 1, 120);
}

/* What background writes are owed ends with the last of them: one that comes later has not waited,
 * and does not go before all others. */
static void what_is_owed_ends_with_who_waits(void **state)
{
	struct pace *p = (struct pace *)rig.s;

	(void)state;
	rig.submitter = 1;
	rig.flags = 0;
	rig_insert(0, W, 5, 8, 1);
	p->owed_ns = MS;
	assert_int_equal(rig_dispatch(1), 0);
	assert_int_equal(p->owed_ns, 0);
	rig_complete(0, 50 * US);
}

/* What 8 reads cost that come when the clock says NOW. */
static int64_t cost_learned_at(uint64_t now)
{
	rig_close();
	rig_open(&sched_pace);
	rig.submitter = 1;
	rig.flags = SCHED_RQ_SYNC;
	for (int i = 0; i < 64; i++)
		rig_insert(i, R, (uint64_t)i * 1000, 8, now);
	for (int i = 0; i < 90; i++)
		(void)serve_on(&now);
	while (rig.waiting)
		rig_serve(now);
	return rig_get("read_cost_kb");
}

/* A drive that was idle since the clock began did not need that long for its first requests. */
static void time_before_the_first_request_costs_nothing(void **state)
{
	(void)state;
	assert_int_equal(cost_learned_at(1000000 * SEC), cost_learned_at(1));
}

/* A drive that does one write of 128 KiB in 50 us has at most two: one that it works on, one next,
 * but for a few trials of more. One that takes ten side by side, each in 500 us, gets more. Returns
 * how many it has at most in nine tenths of the time. */
static unsigned writes_in_the_drive(unsigned side_by_side, uint64_t each_ns)
{
	static int queue[64];
	unsigned in = 0, most = 0, more = 10000, had_times[64] = { 0 };
	uint64_t now = 1, done_at[64] = { 0 };

	rig_close();
	rig_open(&sched_pace);
	rig.flags = 0;
	for (int i = 0; i < 64; i++)
		rig_insert(i, W, (uint64_t)i * 1000, 256, now);
	for (int step = 0; step < 20000; step++) {
		int id;

		while (in < 60 && (id = rig_dispatch(now)) != NONE) {
			uint64_t from = in >= side_by_side ? done_at[in - side_by_side] : now;

			queue[in] = id;
			done_at[in++] = from + each_ns;
		}
		had_times[in] += step >= 10000;
		now = done_at[0];
		rig_complete(queue[0], now);
		rig_insert(queue[0], W, (uint64_t)queue[0] * 1000, 256, now);
		in--;
		memmove(queue, queue + 1, in * sizeof(queue[0]));
		memmove(done_at, done_at + 1, in * sizeof(done_at[0]));
	}
	while (in--)
		rig_complete(queue[in], now);
	while (rig.waiting)
		rig_serve(now);
	while (more > 1000)
		more -= had_times[most++];
	return most - 1;
}

static void writes_wait_here_and_not_in_the_drive(void **state)
{
	(void)state;
	assert_in_range(writes_in_the_drive(1, 50 * US), 1, 2);
	assert_in_range(writes_in_the_drive(10, 500 * US), 10, 20);
}

/* Serves N requests of 128 KiB one by one, each in 50 us. */
static void serve_alone(uint8_t op, int n, uint64_t *now)
{
	for (int i = 0; i < n; i++) {
		rig_insert(0, op, 0, 256, *now);
		assert_int_equal(rig_dispatch(*now), 0);
		*now += 50 * US;
		rig_complete(0, *now);
		*now += 50 * US;
	}
}

/* A flood that comes after half a minute of reads finds the window of the flood before. */
static void a_pause_forgets_nothing(void **state)
{
	uint64_t now = 1;
	int in = 0, id[64];

	(void)state;
	rig.flags = 0;
	serve_alone(W, 200, &now);
	for (int s = 0; s < 40; s++, now += SEC)
		serve_alone(R, 10, &now);
	for (int i = 0; i < 64; i++)
		rig_insert(i, W, (uint64_t)i * 1000, 256, now);
	while ((id[in] = rig_dispatch(now)) != NONE)
		in++;
	assert_in_range(in, 1, 8);
	while (in--)
		rig_complete(id[in], now + 50 * US);
	while (rig.waiting)
		rig_serve(now + 50 * US);
}

static uint64_t longest(uint8_t op, uint8_t flags)
{
	struct sched_rq like = { .op = op, .flags = flags };

	return rig.s->ops->longest(rig.s, &like);
}

static void only_background_writes_are_cut(void **state)
{
	(void)state;
	assert_int_equal(longest(W, 0), 128 << 10);
	assert_int_equal(longest(W, SCHED_RQ_SYNC), UINT64_MAX);
	assert_int_equal(longest(R, SCHED_RQ_SYNC), UINT64_MAX);
	assert_int_equal(longest(D, 0), UINT64_MAX);
	rig_set("chunk", 64);
	assert_int_equal(longest(W, 0), 64 << 10);
	assert_int_equal(rig_get("chunk_now"), 64);
}

/* A pause ends by the clock: no request completes that could end it. */
static void a_pause_of_background_writes_ends_by_itself(void **state)
{
	struct pace_room *room = &((struct pace *)rig.s)->room;

	(void)state;
	assert_int_equal(rig_get("pause_now"), 0);
	rig.flags = 0;
	rig_insert(0, W, 0, 8, 10 * US);
	assert_true(rig.s->ops->next_wakeup(rig.s) == SCHED_NEVER);
	room->state = PACE_ROOM_PAUSE;
	room->pause_ns = 2000 * US;
	room->until_ns = 2010 * US;
	assert_int_equal(rig_get("pause_now"), 2000);
	assert_int_equal(rig_dispatch(10 * US), -1);
	assert_int_equal(rig.s->ops->next_wakeup(rig.s), 2010 * US);
	assert_int_equal(rig_dispatch(2010 * US - 1), -1);
	assert_int_equal(rig_dispatch(2010 * US), 0);
	assert_true(rig.s->ops->next_wakeup(rig.s) == SCHED_NEVER);
	rig_complete(0, 2020 * US);
}

static void background_writes_leave_tags(void **state)
{
	(void)state;
	assert_int_equal(rig_limit_depth(W, 0), rig.env.nr_requests * 3 / 4);
	assert_int_equal(rig_limit_depth(W, SCHED_RQ_SYNC), rig.env.nr_requests);
	assert_int_equal(rig_limit_depth(R, SCHED_RQ_SYNC), rig.env.nr_requests);
}

static void requests_of_a_flow_merge(void **state)
{
	(void)state;
	rig.submitter = 1;
	rig_insert(0, R, 100, 8, 0);
	assert_int_equal(rig_submit(1, R, 108, 8, 0), SCHED_MERGE_BACK);
	rig.submitter = 2;
	assert_int_equal(rig_submit(2, R, 116, 8, 0), SCHED_MERGE_NONE);
	rig_expect(0, 2, 0, 2);
}

/* More submitters than there is room for share a flow, and one that is gone makes room. */
static void more_submitters_than_flows(void **state)
{
	(void)state;
	for (int i = 0; i < 1000; i++) {
		rig.submitter = (uint32_t)i;
		rig_insert(i, R, (uint64_t)i * 1000, 8, 0);
	}
	for (int i = 0; i < 1000; i++)
		assert_int_not_equal(rig_serve(0), NONE);
	for (uint32_t i = 0; i < rig.env.max_submitters; i++)
		assert_int_equal(rig.s->ops->set_weight(rig.s, 5000 + i, 10), 0);
	assert_int_equal(rig.s->ops->set_weight(rig.s, 9999, 10), -ENOSPC);
	rig.s->ops->submitter_gone(rig.s, 5001);
	assert_int_equal(rig.s->ops->set_weight(rig.s, 9999, 10), 0);
}

static uint32_t heavy(void *owner, uint32_t submitter)
{
	(void)owner;
	return submitter == 7 ? 700 : 0;
}

/* Who is gone loses its flow to others, and has its weight again when it comes back. */
static void who_comes_back_has_its_weight(void **state)
{
	struct sched_rq like = { .op = R, .submitter = 7 };

	(void)state;
	rig_close();
	rig.env.weight_of = heavy;
	rig_open(&sched_pace);
	rig.submitter = 7;
	rig_insert(0, R, 0, 8, 0);
	rig_serve(0);
	rig.s->ops->submitter_gone(rig.s, 7);
	for (uint32_t i = 0; i <= rig.env.max_submitters; i++) {
		rig.submitter = 1000 + i;
		rig_insert(1, R, 0, 8, 0);
		rig_serve(0);
	}
	/* also when its first io waits for a tag, before it has a flow again */
	assert_null(pace_flow_look(&((struct pace *)rig.s)->flows, 7));
	assert_int_equal(rig.s->ops->weight(rig.s, &like), 700);
	rig.submitter = 7;
	rig_insert(0, R, 0, 8, 0);
	assert_int_equal(rig.s->ops->weight(rig.s, &like), 700);
	rig_serve(0);
}

int main(void)
{
#define T(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(the_smallest_key_leaves_first),
		T(keys_below_the_last_one_keep_their_order),
		T(the_bound_of_fair_queueing),
		T(virtual_time_never_ends),
		T(sleep_saves_nothing),
		T(shares_follow_weights),
		T(long_requests_cost_more),
		T(long_discards_cost_what_they_take),
		T(nobody_waits_for_ever),
		T(what_is_owed_ends_with_who_waits),
		T(time_before_the_first_request_costs_nothing),
		T(writes_wait_here_and_not_in_the_drive),
		T(a_pause_forgets_nothing),

		T(only_background_writes_are_cut),
		T(a_pause_of_background_writes_ends_by_itself),
		T(background_writes_leave_tags),
		T(requests_of_a_flow_merge),
		T(more_submitters_than_flows),
		T(who_comes_back_has_its_weight),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
