/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_bfq_inject.c - which requests of other queues bfq injects while the drive is kept free for
 * one, and how it learns how many may be injected.
 */
#include "sched/bfq/inject.h"

#include "bfq_rig.h"

/* Injection: background requests of the same submitter's priority are always injected. */
static void inject_background(void **state)
{
	(void)state;
	paused(DISK, BE(4), BE(4));
	rig.flags = 0;
	as(3, BE(4));
	rig_insert(2, W, 500, 8, 2);
	assert_int_equal(rig_dispatch(3), 2);
	assert_int_equal(rig_dispatch(3), NONE);
	rig_insert(3, W, 600, 8, 3);
	bfq()->async[8 + 4].entity.budget = 23; /* within its budget */
	assert_int_equal(rig_dispatch(3), NONE);
	bfq()->async[8 + 4].entity.budget = 1000;
	rig_set("strict_guarantees", 1);
	assert_int_equal(rig_dispatch(6), NONE);
	end();
}

/*
 * Other requests are injected up to the limit, if the idling is for a guarantee and not for
 * throughput.
 */
static void inject_others(void **state)
{
	(void)state;
	for (uint32_t limit = 0; limit < 4; limit++) {
		paused(FLASH, BE(3), BE(4));
		as(2, BE(4));
		for (int id = 2; id < 6; id++)
			rig_insert(id, R, 1000000 + (uint64_t)id * 8, 8, 2);
		queue(1, BE(3))->inject_limit = limit;
		/* One request is in the drive already. */
		for (uint32_t i = 1; i < limit; i++)
			assert_int_not_equal(rig_dispatch(3), NONE);
		assert_int_equal(rig_dispatch(3), NONE);
		assert_ptr_equal(bfq()->in_service, queue(1, BE(3)));
		end();
	}
	/* On flash: no large requests are injected. */
	paused(FLASH, BE(3), BE(4));
	rig.rq[1].nr_sectors = 64;
	queue(1, BE(3))->inject_limit = 4;
	assert_int_equal(rig_dispatch(3), NONE);
	rig_complete(0, 4);
	assert_int_equal(rig_dispatch(5), 1);
	end();
	/* Nothing is injected where the head should stay in its place. */
	paused(DISK, BE(4), BE(4));
	queue(1, BE(4))->inject_limit = 4;
	assert_int_equal(rig_dispatch(3), NONE);
	end();
	/* Not more than the budget of the other queue. */
	paused(FLASH, BE(3), BE(4));
	queue(1, BE(3))->inject_limit = 4;
	queue(2, BE(4))->entity.budget = 7;
	assert_int_equal(rig_dispatch(3), NONE);
	end();
}

/* The queue is raised, the only one raised, and quick: it must not be disturbed. */
static void inject_beside_a_raised_one(void **state)
{
	(void)state;
	open_on(FLASH);
	rig_set("low_latency", 1);
	rig_insert(0, R, 0, 8, 1);
	assert_int_equal(rig_dispatch(1), 0);
	as(2, BE(3));
	rig_insert(1, R, 1000, 8, 1);
	queue(1, BE(4))->inject_limit = 4;
	assert_int_equal(rig_dispatch(2), NONE);
	queue(1, BE(4))->think_samples = 81;
	queue(1, BE(4))->think_mean = 5 * MS;
	assert_int_equal(rig_dispatch(2), 1);
	end();
}

/*
 * The mix of a store, all of one submitter: it begins a segment with a small write that somebody
 * waits for, there is a flood of background writes, and then come eight urgent reads. Returns the
 * request that goes first once all of them wait.
 */
static int first_in_a_store(bool steady)
{
	rig_reset();
	rig.env.rotational = true;
	rig.env.steady = steady;
	rig_open(&sched_bfq);
	rig.submitter = 0;
	rig.prio = BE(4);
	rig_insert(0, W, 0, 8, 1);
	assert_int_equal(rig_dispatch(1), 0);
	rig.flags = 0;
	for (int id = 10; id < 14; id++)
		rig_insert(id, W, 1000000 + (uint64_t)id * 2048, 2048, 2);
	rig_complete(0, 1 * MS);
	rig.flags = SCHED_RQ_SYNC;
	rig.prio = BE(0);
	for (int id = 1; id < 9; id++)
		rig_insert(id, R, (uint64_t)id * 4096, 1024, 2 * MS);
	return rig_dispatch(2 * MS);
}

/*
 * A queue that is new and has the usual priority is raised, and the drive is kept free for it for
 * 20 ms after each of its requests; the flood has the same submitter and priority, and is injected
 * meanwhile. In a store that would be the queue of the store's own writes: nobody is raised there.
 */
static void nobody_begins_in_a_store(void **state)
{
	(void)state;
	assert_int_equal(first_in_a_store(false), 10);
	assert_int_equal(rig_get("low_latency"), 1);
	for (int id = 11; id < 14; id++)
		assert_int_equal(rig_dispatch(2 * MS), id);
	end();
	assert_int_equal(first_in_a_store(true), 1);
	assert_int_equal(rig_get("low_latency"), 0);
	for (int id = 2; id < 9; id++)
		assert_int_equal(rig_dispatch(2 * MS), id);
	end();
	/* It can be asked for. */
	rig_reset();
	rig.env.steady = true;
	rig_open(&sched_bfq);
	rig_set("low_latency", 1);
	as(1, BE(4));
	rig_insert(0, R, 0, 8, 1);
	assert_int_equal(queue(1, BE(4))->raise, BFQ_RAISED);
	end();
}

/* A queue whose last request was injected becomes idle. */
static void inject_the_last(void **state)
{
	(void)state;
	paused(FLASH, BE(3), BE(4));
	queue(1, BE(3))->inject_limit = 2;
	assert_int_equal(rig_dispatch(3), 1);
	assert_false(queue(2, BE(4))->busy);
	end();
}

/* Serves one request of submitter 1 in TOOK, with FOREIGN requests of other queues in the drive. */
static void timed(struct bfq_queue *q, uint64_t took, uint32_t foreign)
{
	bfq()->now += 10 * MS;
	bfq()->in_drive = foreign;
	q->in_drive = 0;
	bfq_inject_arrival(bfq(), q);
	bfq()->now += took;
	bfq_inject_completion(bfq(), q);
}

static void inject_limit(void **state)
{
	struct bfq_queue *q;

	(void)state;
	paused(FLASH, BE(3), BE(4));
	q = queue(1, BE(3));
	bfq()->max_in_drive = 2;
	/* it answers fast, but no value was measured before */
	assert_int_equal(q->inject_limit, 0);
	timed(q, 200000, 1);
	assert_int_equal(q->inject_limit, 0);
	timed(q, 400000, 0);
	assert_int_equal(q->inject_limit, 1);
	timed(q, 200000, 0); /* the shortest time counts */
	timed(q, 299999, 1);
	assert_int_equal(q->inject_limit, 2);
	timed(q, 100000, 1);
	timed(q, 100000, 1);
	assert_int_equal(q->inject_limit, 3); /* one more than there were in the drive */
	timed(q, 300000, 1);
	assert_int_equal(q->inject_limit, 2);
	bfq()->now += 20 * MS;
	q->in_drive = 1; /* this request is not the only one it waits for */
	bfq_inject_arrival(bfq(), q);
	assert_int_equal(q->inject_start_ns, 0);
	timed(q, 299999, 1);
	timed(q, 300000, 1);
	bfq()->now += 9 * MS; /* too soon after the last sample */
	bfq_inject_arrival(bfq(), q);
	assert_int_equal(q->inject_start_ns, 0);
	bfq()->now += SEC;
	bfq_inject_arrival(bfq(), q);
	assert_int_equal(q->inject_limit, 0);
	assert_int_equal(q->inject_base_ns, 0);
	q->think_samples = 81;
	q->think_mean = 5 * MS;
	bfq()->now += SEC;
	bfq_inject_arrival(bfq(), q);
	assert_int_equal(q->inject_limit, 1);
	bfq()->in_drive = 1;
	q->in_drive = 1;
	end();
}

/* The measured time lasts from the arrival of the request to its completion. */
static void inject_is_measured(void **state)
{
	(void)state;
	paused(FLASH, BE(3), BE(4));
	rig_complete(0, 100);
	as(1, BE(3));
	rig_insert(2, R, 8, 8, 1 * MS);
	assert_int_equal(rig_dispatch(1 * MS), 2);
	rig_complete(2, 3 * MS);
	assert_int_equal(queue(1, BE(3))->inject_base_ns, 2 * MS);
	end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(inject_beside_a_raised_one),
		cmocka_unit_test(inject_background),
		cmocka_unit_test(inject_others),
		cmocka_unit_test(nobody_begins_in_a_store),
		cmocka_unit_test(inject_the_last),
		cmocka_unit_test(inject_limit),
		cmocka_unit_test(inject_is_measured),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
