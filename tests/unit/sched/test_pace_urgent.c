/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_pace_urgent.c - deadlines: a request whose deadline is near goes before its flow's turn, and
 * before others of its flow; who is late anyway does not; and nobody has more of the drive for it,
 * but for 2 ms.
 */
#include "rig.h"
#include "sched/pace/pace.h"

#define US 1000ull

static struct pace *pace(void)
{
	return (struct pace *)rig.s;
}

/* Inserts read ID of SUBMITTER, due at DEADLINE (0: it has none). */
static void read_due(int id, uint32_t submitter, uint64_t deadline, uint64_t now)
{
	rig.submitter = submitter;
	rig.deadline_ns = deadline;
	rig.flags = SCHED_RQ_SYNC;
	rig_insert(id, R, (uint64_t)id * 1000, 8, now);
	rig.deadline_ns = 0;
}

/* A drive that takes 100 us is known, and idle at the time that is returned. */
static uint64_t known_drive(void)
{
	uint64_t now = SEC;

	for (int i = 0; i < 400; i++) {
		rig.submitter = 99;
		rig.flags = SCHED_RQ_SYNC;
		rig_insert(0, i % 2 ? W : R, 8000, 8, now);
		assert_int_equal(rig_dispatch(now), 0);
		now += 100 * US;
		rig_complete(0, now);
	}
	return now;
}

static uint64_t start;

/* The next N requests are these; each takes 100 us, one after the other. Returns when the last one
 * is complete. */
static uint64_t expect(uint64_t now, int n, const int *ids)
{
	for (int i = 0; i < n; i++) {
		assert_int_equal(rig_dispatch(now), ids[i]);
		now += 100 * US;
		rig_complete(ids[i], now);
	}
	return now;
}

#define EXPECT(now, ...)                                                                           \
	expect(now, (int)(sizeof((int[]){ __VA_ARGS__ }) / sizeof(int)), (int[]){ __VA_ARGS__ })

static int setup(void **state)
{
	(void)state;
	rig_reset();
	rig.env.merging = SCHED_MERGING_ALL;
	rig_open(&sched_pace);
	start = known_drive();
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	rig_close();
	return 0;
}

static void whose_deadline_is_near_goes_first(void **state)
{
	(void)state;
	for (int id = 1; id <= 3; id++)
		read_due(id, 1, 0, start);
	read_due(100, 1, start + 600 * US, start);
	read_due(101, 2, start + 400 * US, start);
	read_due(102, 1, start + 400 * US, start);
	/* by deadline, and of two with one deadline who came first; each has its reason */
	start = EXPECT(start, 101, 102, 100);
	assert_int_equal(rig.rq[100].reason, PACE_URGENT);
	assert_int_equal(pace()->urgent.waiting, 0);
	EXPECT(start, 1, 2, 3);
	assert_int_equal(rig.rq[1].reason, PACE_FAIR);
}

static void whose_deadline_is_far_waits_for_its_turn(void **state)
{
	(void)state;
	for (int id = 1; id <= 3; id++)
		read_due(id, 1, 0, start);
	read_due(100, 1, start + 100 * MS, start);
	EXPECT(start, 1);
	EXPECT(start + 49 * MS, 2);
	/* but time passes */
	EXPECT(start + 50 * MS, 100, 3);
}

static void who_is_late_anyway_waits_for_its_turn(void **state)
{
	(void)state;
	for (int id = 1; id <= 3; id++)
		read_due(id, 1, 0, start);
	read_due(100, 1, start + 100 * US, start);
	read_due(101, 1, start + 200 * US, start);
	/* the first of the two is late, and does not keep the second one back */
	EXPECT(start + 150 * US, 101, 1, 2, 3, 100);
	assert_int_equal(pace()->urgent.waiting, 0);
}

static void writes_that_are_awaited_have_deadlines_too(void **state)
{
	(void)state;
	rig.submitter = 1;
	rig.flags = SCHED_RQ_SYNC;
	for (int id = 1; id <= 3; id++)
		rig_insert(id, W, (uint64_t)id * 1000, 8, start);
	rig.deadline_ns = start + 200 * US;
	rig_insert(100, W, 100000, 8, start);
	rig.flags = 0;
	rig_insert(101, W, 101000, 8, start); /* nobody waits for this one */
	EXPECT(start, 100, 1, 2, 3, 101);
}

/* The window holds for everybody: in a full drive an urgent request would wait in the drive. */
static void who_has_no_room_in_the_drive_waits(void **state)
{
	int in_drive = 0;

	(void)state;
	for (int id = 1; id <= 200; id++)
		read_due(id, 1, 0, start);
	while (rig_dispatch(start) != NONE)
		in_drive++;
	assert_in_range(in_drive, 1, 199);
	read_due(300, 2, start + 200 * US, start);
	assert_int_equal(rig_dispatch(start), NONE);
	rig_complete(1, start + 100 * US);
	assert_int_equal(rig_dispatch(start + 100 * US), 300);
	rig_complete(300, start + 200 * US);
	for (int id = 2; id <= in_drive; id++)
		rig_complete(id, start + 200 * US);
	while (rig.waiting)
		rig_serve(start + 200 * US);
}

/* Urgent ones never end, and those of the same flow that are not still go. */
static void who_is_not_urgent_does_not_wait_for_ever(void **state)
{
	uint64_t now = start;
	int last = 0, id;

	(void)state;
	for (id = 1; id <= 5; id++)
		read_due(id, 1, 0, now);
	for (int i = 0; i < 50; i++) {
		for (int n = 100; n < 104; n++)
			if (rig.state[n] == RIG_FREE)
				read_due(n, 1, now + 450 * US, now);
		id = rig_dispatch(now);
		now += 100 * US;
		rig_complete(id, now);
		if (id >= 100)
			continue;
		assert_int_equal(id, last + 1);
		last = id;
	}
	assert_int_equal(last, 5);
	while (rig.waiting)
		rig_serve(now);
}

/* A flow that is always urgent is ahead of one that never is by 2 ms of the drive at most. */
static void urgent_ones_are_charged(void **state)
{
	uint64_t had[3] = { 0 }, cost, most = 0, now = start;

	(void)state;
	for (int i = 0; i < 3000; i++) {
		int id;

		for (int n = 0; n < 8; n++) {
			if (rig.state[n] == RIG_FREE)
				read_due(n, 1, now + 900 * US, now);
			if (rig.state[100 + n] == RIG_FREE)
				read_due(100 + n, 2, 0, now);
		}
		id = rig_dispatch(now);
		assert_int_not_equal(id, NONE);
		cost = (uintptr_t)rig.rq[id].priv[1];
		most = cost > most ? cost : most;
		had[rig.rq[id].submitter] += cost;
		now += 50 * US;
		rig_complete(id, now);
		if (i > 20)
			assert_true(had[1] <= had[2] + 2 * MS + 2 * most);
	}
	/* and by nearly so much it is ahead */
	assert_true(had[2] > 20 * MS && had[1] > had[2] + MS);
	while (rig.waiting)
		rig_serve(now);
}

/* A request may cost more than a flow may be ahead: that of a flow with the least weight, say. */
static void alone_with_the_least_weight(void **state)
{
	(void)state;
	assert_int_equal(rig.s->ops->set_weight(rig.s, 1, 1), 0);
	for (int round = 0; round < 3; round++) {
		for (int id = 1; id <= 4; id++)
			read_due(id, 1, 0, start);
		read_due(100, 1, start + 400 * US, start);
		start = EXPECT(start, 100, 1, 2, 3, 4);
	}
}

/* One who has more that is urgent than he may be ahead does not keep the deadlines of another one.
 */
/* At the end the greedy one has MORE requests besides that are due before the other one's. */
static void greedy(int more)
{
	uint64_t now = start;
	int id;

	for (int i = 0; i < 400; i++) {
		for (int n = 0; n < 8; n++) {
			if (rig.state[n] == RIG_FREE)
				read_due(n, 1, now + 890 * US, now);
			if (rig.state[100 + n] == RIG_FREE)
				read_due(100 + n, 2, 0, now);
		}
		for (int n = 0; n < more && i == 300; n++)
			read_due(300 + n, 1, now + 880 * US, now);
		if (i == 300)
			read_due(200, 2, now + 890 * US, now);
		id = rig_dispatch(now);
		now += 50 * US;
		rig_complete(id, now);
		if (i < 300 || id == 200)
			continue;
		assert_true(rig.state[200] == RIG_FREE || i < 303);
	}
	while (rig.waiting)
		rig_serve(now);
}

static void a_greedy_one_keeps_nobody_back(void **state)
{
	(void)state;
	greedy(0);
}

static void a_greedy_one_with_many_ios_keeps_nobody_back(void **state)
{
	(void)state;
	greedy(40);
}

static enum sched_merge adds(int id, uint64_t sector, uint64_t deadline)
{
	rig.deadline_ns = deadline;
	return rig_submit(id, R, sector, 8, start);
}

/* A request has one deadline, the earliest of its parts, and its place does not change. */
static void who_is_due_earlier_is_not_added_to_others(void **state)
{
	uint64_t soon = start + 200 * US, later = start + 400 * US;

	(void)state;
	rig.submitter = 1;
	rig.flags = SCHED_RQ_SYNC;
	assert_int_equal(adds(1, 100, 0), SCHED_MERGE_NONE);
	assert_int_equal(adds(2, 108, later), SCHED_MERGE_NONE);
	assert_int_equal(adds(3, 116, later), SCHED_MERGE_BACK);
	assert_int_equal(adds(4, 124, soon), SCHED_MERGE_NONE);
	assert_int_equal(adds(5, 132, later), SCHED_MERGE_BACK);
	assert_int_equal(adds(6, 140, 0), SCHED_MERGE_BACK);
	assert_int_equal(rig.rq[2].deadline_ns, later);
	assert_int_equal(rig.rq[4].deadline_ns, soon);
	/* one whose deadline is over takes nobody's */
	start += MS;
	(void)pace_urgent_first(&pace()->urgent, PACE_READ, start);
	assert_int_equal(adds(7, 148, start + 400 * US), SCHED_MERGE_NONE);
	EXPECT(start, 7, 1, 2, 4);
}

/* Two requests that did not wait in a scheduler yet have the earlier deadline when they are one. */
static void one_request_has_the_earlier_deadline(void **state)
{
	static const uint64_t deadline[][3] = {
		{ 0, 0, 0 }, { 0, 5, 5 }, { 5, 0, 5 }, { 5, 7, 5 }, { 7, 5, 5 }
	};

	(void)state;
	for (size_t i = 0; i < sizeof(deadline) / sizeof(deadline[0]); i++) {
		struct sched_rq into = { .nr_sectors = 8, .deadline_ns = deadline[i][0] };
		struct sched_rq gone = { .nr_sectors = 8, .deadline_ns = deadline[i][1] };

		sched_grow(&into, &gone, SCHED_MERGE_BACK);
		assert_int_equal(into.deadline_ns, deadline[i][2]);
	}
}

#define T(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(whose_deadline_is_near_goes_first),
		T(whose_deadline_is_far_waits_for_its_turn),
		T(who_is_late_anyway_waits_for_its_turn),
		T(writes_that_are_awaited_have_deadlines_too),
		T(who_has_no_room_in_the_drive_waits),
		T(who_is_not_urgent_does_not_wait_for_ever),
		T(urgent_ones_are_charged),
		T(alone_with_the_least_weight),
		T(a_greedy_one_keeps_nobody_back),
		T(a_greedy_one_with_many_ios_keeps_nobody_back),
		T(who_is_due_earlier_is_not_added_to_others),
		T(one_request_has_the_earlier_deadline),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
