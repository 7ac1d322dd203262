/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_bfq_service.c - services of queues, step by step: why each one ends, and what that does to
 * the next budget; and the order within a queue.
 */
#include <limits.h>

#include "sched/bfq/busy.h"
#include "sched/bfq/expire.h"
#include "sched/bfq/order.h"
#include "sched/bfq/wf2q.h"

#include "bfq_rig.h"

#define MAX_BUDGET 3200
#define MIN_BUDGET (MAX_BUDGET / 32)

/* Returns the queue of submitter S with the priority and the flags that the rig has now. */
static struct bfq_queue *rig_queue(uint32_t s)
{
	struct sched_rq like = { .submitter = s, .ioprio = rig.prio, .flags = rig.flags };

	return bfq_queue_find(bfq(), &like);
}

/* Opens bfq on flash, without raising, with a budget that is easy to calculate with. */
static void open_plain(void)
{
	open_on(FLASH);
	rig_set("max_budget", MAX_BUDGET);
}

/*
 * Does the same as open_plain(), but on a disk that takes one request at a time, where idling is
 * useful.
 */
static void open_disk(void)
{
	open_on(DISK);
	rig_set("max_budget", MAX_BUDGET);
}

/* Submitters 1 and 2 alternate with N requests of NR sectors each, every GAP sectors. */
static void two_queues(int n, uint64_t gap, uint32_t nr)
{
	open_plain();
	for (int id = 0; id < n; id++) {
		rig.submitter = 1 + (uint32_t)id % 2;
		rig_insert(id, R, (uint64_t)id * gap, nr, 1);
	}
	rig.submitter = 1;
}

static void new_queue(void **state)
{
	(void)state;
	open_plain();
	rig_insert(0, R, 0, 8, 1);
	assert_int_equal(rig_queue(1)->max_budget, MAX_BUDGET * 2 / 3);
	rig.flags = 0;
	rig_insert(1, W, 0, 8, 1);
	assert_int_equal(rig_queue(1)->max_budget, MAX_BUDGET);
	end();
}

/* Idling without success and with nothing in the drive makes the budget smaller. */
static void too_idle_shrinks(void **state)
{
	uint64_t b = MAX_BUDGET * 2 / 3;

	(void)state;
	open_disk();
	rig_insert(0, R, 0, 8, 1);
	rig_expect(1, 1, 0);
	rig.submitter = 2;
	rig_insert(1, R, 1000000, 8, 1 * MS);
	rig.submitter = 1;
	assert_int_equal(rig_dispatch(1 * MS), NONE); /* the drive stays idle for the first queue */
	assert_int_equal(rig.s->ops->next_wakeup(rig.s), 8 * MS + 1);
	assert_int_equal(rig_dispatch(8 * MS), NONE);
	assert_int_equal(rig_dispatch(8 * MS + 1), 1);
	assert_int_equal(rig_queue(1)->reason, BFQ_TOO_IDLE);
	assert_int_equal(rig_queue(1)->max_budget, b - 4 * MIN_BUDGET);
	end();
}

static void expire(uint64_t b, enum bfq_reason reason)
{
	rig_queue(1)->max_budget = b;
	bfq_expire(bfq(), reason);
}

/* The budget shrinks to the minimum if four times the minimum would be too much. */
static void too_idle_shrinks_to_the_least(void **state)
{
	static const uint64_t before[] = { 5 * MIN_BUDGET + 1, 9 * MIN_BUDGET / 2, MIN_BUDGET };
	static const uint64_t after[] = { MIN_BUDGET + 1, MIN_BUDGET, MIN_BUDGET };

	(void)state;
	for (int i = 0; i < 3; i++) {
		open_disk();
		rig_insert(0, R, 0, 8, 1);
		rig_expect(1, 1, 0);
		expire(before[i], BFQ_TOO_IDLE);
		assert_int_equal(rig_queue(1)->max_budget, after[i]);
		end();
	}
}

/* The rows of the table about a queue whose requests wait or are in the drive. */
static void table(bool waiting, uint64_t b, enum bfq_reason reason, uint64_t expected)
{
	open_disk();
	rig_insert(0, R, 0, 200, 1);
	assert_int_equal(rig_dispatch(1), 0);
	if (waiting)
		rig_insert(1, R, 200, 8, 1);
	expire(b, reason);
	assert_int_equal(rig_queue(1)->max_budget, expected);
	end();
}

static void feedback(void **state)
{
	(void)state;
	table(false, 1000, BFQ_TOO_IDLE, 2000); /* it waits for the drive, not for its submitter */
	table(false, 2000, BFQ_TOO_IDLE, MAX_BUDGET);
	table(true, 1000, BFQ_TIMEOUT, 2000);
	table(true, 2000, BFQ_TIMEOUT, MAX_BUDGET);
	table(true, 500, BFQ_EXHAUSTED, 2000);
	table(true, 1000, BFQ_EXHAUSTED, MAX_BUDGET);
	table(false, 1000, BFQ_NO_MORE, 200);
	table(true, 1000, BFQ_PREEMPTED, 1000);
}

/* The service was smaller than the minimum. */
static void no_more_is_at_least_the_least(void **state)
{
	(void)state;
	open_disk();
	rig_insert(0, R, 0, 8, 1);
	assert_int_equal(rig_dispatch(1), 0);
	expire(1000, BFQ_NO_MORE);
	assert_int_equal(rig_queue(1)->max_budget, MIN_BUDGET);
	end();
}

static void raised_and_background(void **state)
{
	(void)state;
	open_plain();
	rig_set("low_latency", 1);
	rig_insert(0, R, 0, 8, 1);
	assert_int_equal(rig_queue(1)->raise, BFQ_RAISED);
	assert_int_equal(rig_dispatch(1), 0);
	expire(1000, BFQ_EXHAUSTED);
	assert_int_equal(rig_queue(1)->max_budget, 2 * MIN_BUDGET);
	end();

	open_plain();
	rig.flags = 0;
	rig_insert(0, W, 0, 8, 1);
	assert_int_equal(rig_dispatch(1), 0);
	expire(1000, BFQ_NO_MORE);
	assert_int_equal(rig_queue(1)->max_budget, MAX_BUDGET);
	end();
}

/*
 * Two queues that always have requests: each service ends when the next request is larger than the
 * rest of the budget.
 */
static void exhausted(void **state)
{
	(void)state;
	two_queues(60, 1000, 100);
	/* 2133 sectors; the rest of them is too small. */
	for (int i = 0; i < 21; i++)
		assert_int_equal(rig.rq[rig_serve(2)].submitter, 1);
	for (int i = 0; i < 21; i++)
		assert_int_equal(rig.rq[rig_serve(2)].submitter, 2);
	assert_int_equal(rig_queue(1)->reason, BFQ_EXHAUSTED);
	assert_int_equal(rig_queue(1)->max_budget, MAX_BUDGET);
	end();
}

/* The time is over, although the budget is not: the queue is charged for the time. */
static void timed_out(void **state)
{
	(void)state;
	two_queues(8, 8, 8);
	assert_int_equal(rig_serve(1), 0);
	assert_int_equal(rig_serve(1 + 125 * MS - 1), 2);
	assert_int_equal(rig.rq[rig_serve(1 + 125 * MS)].submitter, 2);
	assert_int_equal(rig_queue(1)->reason, BFQ_TIMEOUT);
	/* It starts one whole budget later, not two requests later. */
	assert_int_equal(rig_queue(1)->entity.start,
			 bfq_wf2q_delta(MAX_BUDGET, BFQ_DEFAULT_WEIGHT));
	end();
}

/*
 * The queue is empty; on flash that takes many requests at once, with equal queues, there is no
 * reason to idle.
 */
static void no_more(void **state)
{
	(void)state;
	open_plain();
	rig_insert(0, R, 0, 8, 1);
	rig.submitter = 2;
	rig_insert(1, R, 1000, 8, 1);
	assert_int_equal(rig_dispatch(1), 0);
	assert_int_equal(rig_dispatch(1), 1);
	rig.submitter = 1;
	assert_int_equal(rig_queue(1)->reason, BFQ_NO_MORE);
	end();
}

/* A queue of a higher class arrives. */
static void preempted(void **state)
{
	(void)state;
	open_plain();
	rig_insert(0, R, 0, 8, 1);
	rig_insert(1, R, 8, 8, 1);
	assert_int_equal(rig_serve(2), 0);
	rig.prio = RT(4);
	rig.submitter = 2;
	rig_insert(2, R, 1000, 8, 3);
	rig.prio = BE(4);
	rig.submitter = 1;
	assert_int_equal(rig_queue(1)->reason, BFQ_PREEMPTED);
	rig_expect(4, 1, 2);
	assert_int_equal(rig_dispatch(5), NONE); /* and may send more */
	rig_expect(4 + 8 * MS, 1, 1);
	end();
}

/* Slow queues: little in a long service, or scattered in a short one. They are charged for time. */
static void slow_pays_for_time(void **state)
{
	(void)state;
	for (int seeky = 0; seeky < 2; seeky++) {
		uint64_t took = seeky ? MS / 2 : 25 * MS, sectors = MAX_BUDGET * took / (125 * MS);

		open_plain();
		rig_insert(0, R, 0, 8, 1);
		rig_insert(1, R, 8, 8, 1);
		rig_queue(1)->seeks = seeky ? (1u << 20) - 1 : 0;
		assert_int_equal(rig_serve(1), 0);
		bfq()->now = 1 + took;
		bfq_expire(bfq(), BFQ_PREEMPTED);
		assert_int_equal(rig_queue(1)->entity.start,
				 bfq_wf2q_delta(sectors > 8 ? sectors : 8, BFQ_DEFAULT_WEIGHT));
		end();
	}
	/* Not slow: it is charged for 8 sectors. */
	open_plain();
	rig_insert(0, R, 0, 8, 1);
	rig_insert(1, R, 8, 8, 1);
	assert_int_equal(rig_serve(1), 0);
	bfq()->now = 1 + 20 * MS;
	bfq_expire(bfq(), BFQ_PREEMPTED);
	assert_int_equal(rig_queue(1)->entity.start, bfq_wf2q_delta(8, BFQ_DEFAULT_WEIGHT));
	end();
}

/*
 * Not charged for time: a raised queue, and one that has used most of its budget when its time is
 * over.
 */
static void who_does_not_pay_for_time(void **state)
{
	(void)state;
	open_plain();
	rig_set("low_latency", 1);
	rig_insert(0, R, 0, 8, 1);
	rig_insert(1, R, 8, 8, 1);
	assert_int_equal(rig_serve(1), 0);
	bfq()->now = 1 + 30 * MS;
	bfq_expire(bfq(), BFQ_PREEMPTED);
	assert_int_equal(rig_queue(1)->entity.start,
			 bfq_wf2q_delta(8, (uint64_t)BFQ_DEFAULT_WEIGHT * BFQ_RAISED));
	end();

	for (int much = 0; much < 2; much++) {
		uint32_t nr = much ? 712 : 711; /* times 3, of 3200 */

		open_plain();
		rig.flags = 0;
		rig_insert(0, W, 0, nr, 1);
		rig_insert(1, W, nr, 8, 1);
		assert_int_equal(rig_serve(1), 0);
		bfq()->now = 1 + 125 * MS;
		bfq_expire(bfq(), BFQ_TIMEOUT);
		assert_int_equal(rig_queue(1)->entity.start,
				 bfq_wf2q_delta(much ? 712 * 3 : MAX_BUDGET, BFQ_DEFAULT_WEIGHT));
		end();
	}
}

/* Only a queue whose service ended because it had no requests may return to its old place. */
static void who_may_go_on(void **state)
{
	(void)state;
	for (enum bfq_reason why = BFQ_TOO_IDLE; why <= BFQ_PREEMPTED; why++) {
		open_plain();
		rig_insert(0, R, 0, 8, 1);
		assert_int_equal(rig_serve(1), 0);
		bfq_expire(bfq(), why);
		assert_int_equal(rig_queue(1)->expired_empty,
				 why != BFQ_TIMEOUT && why != BFQ_EXHAUSTED);
		end();
	}
}

/* Background sectors count three times, unless weights, classes or groups differ. */
static void background_costs_more(void **state)
{
	(void)state;
	open_plain();
	rig.flags = 0;
	rig_insert(0, W, 0, 8, 1);
	assert_int_equal(bfq_busy_cost(bfq(), rig_queue(1), &rig.rq[0]), 24);
	rig.flags = SCHED_RQ_SYNC;
	rig.prio = BE(0);
	rig_insert(1, R, 100, 8, 1);
	assert_int_equal(bfq_busy_cost(bfq(), rig_queue(1), &rig.rq[1]), 8);
	rig.flags = 0;
	rig.prio = BE(4);
	assert_int_equal(bfq_busy_cost(bfq(), rig_queue(1), &rig.rq[0]), 8);
	end();
}

/* An IDLE queue beside others gets one request, not a whole budget. */
static void idle_class_gets_one(void **state)
{
	(void)state;
	open_plain();
	rig.prio = IDLE;
	for (int id = 0; id < 4; id++)
		rig_insert(id, R, (uint64_t)id * 8, 8, 1);
	assert_int_equal(rig_serve(1), 0);
	assert_int_equal(rig_serve(1), 1); /* alone: its service continues */
	rig.prio = BE(4);
	rig.submitter = 2;
	rig_insert(4, R, 1000, 8, 2);
	rig_insert(5, R, 1008, 8, 2);
	rig_expect(3, 2, 4, 5);
	rig_expect(12 * MS, 2, 2, 3);
	end();
}

/* Any service of IDLE counts, so its waiting time begins again. */
static void idle_class_waits_since_its_last(void **state)
{
	(void)state;
	open_plain();
	rig.prio = IDLE;
	rig_insert(0, R, 0, 8, 1);
	assert_int_equal(rig_serve(1), 0);
	rig_insert(0, R, 0, 8, 100 * MS);
	assert_int_equal(rig_serve(100 * MS), 0);
	rig_insert(0, R, 0, 8, 250 * MS);
	rig.submitter = 2;
	rig.prio = BE(4);
	rig_insert(1, R, 1000, 8, 250 * MS);
	assert_int_equal(rig_serve(250 * MS), 1);
	end();
}

/* A background service whose last request completes after the end of its time. */
static void timed_out_at_the_end(void **state)
{
	(void)state;
	for (int late = 0; late < 2; late++) {
		open_plain();
		rig.flags = 0;
		rig_insert(0, W, 0, 8, 1);
		assert_int_equal(rig_dispatch(1), 0);
		rig_complete(0, 125 * MS + (unsigned)late);
		assert_int_equal(rig_queue(1)->reason, late ? BFQ_TIMEOUT : BFQ_NO_MORE);
		end();
	}
}

/* A group has the budget of the queue that is its next one. */
static void budget_of_a_group(void **state)
{
	const struct bfq_entity *g;

	(void)state;
	open_plain();
	rig.s->ops->set_weight(rig.s, 1, 200);
	rig_insert(0, R, 0, 8, 1);
	rig_insert(1, R, 8, 8, 1);
	g = &rig_queue(1)->entity.parent->entity;
	assert_int_equal(g->budget, rig_queue(1)->entity.budget);
	assert_int_equal(g->finish, bfq_wf2q_delta(MAX_BUDGET * 2 / 3, 200));
	assert_int_equal(rig_serve(1), 0);
	expire(400, BFQ_EXHAUSTED);
	assert_int_equal(rig_queue(1)->entity.budget, 1600);
	assert_int_equal(g->finish, bfq_wf2q_delta(8, 200) + bfq_wf2q_delta(1600, 200));
	/* Another queue of the group has an earlier finish. */
	rig.prio = RT(0);
	rig_insert(2, R, 1000, 8, 1);
	assert_int_equal(g->finish,
			 bfq_wf2q_delta(8, 200) + bfq_wf2q_delta(MAX_BUDGET * 2 / 3, 200));
	end();
}

/* A request that leaves without a completion no longer counts as with the drive. */
static void not_in_the_drive_any_more(void **state)
{
	(void)state;
	open_plain();
	rig_insert(0, R, 0, 8, 1);
	assert_int_equal(rig_dispatch(1), 0);
	assert_int_equal(bfq()->in_drive, 1);
	assert_int_equal(rig_queue(1)->tags, 1);
	rig.s->ops->finish(rig.s, &rig.rq[0]);
	assert_int_equal(bfq()->in_drive, 0);
	assert_int_equal(rig_queue(1)->tags, 0);
	end();
}

/* Forwards before backwards, near before far, and far backwards last. */
static void nearest_first(void **state)
{
	(void)state;
	open_plain();
	rig_set("back_seek_max", 512); /* 1024 sectors */
	rig_insert(0, R, 10000, 8, 1);
	assert_int_equal(rig_dispatch(1), 0); /* the head is at 10008 */
	rig_insert(1, R, 10008 - 1025, 8, 1);
	rig_insert(2, R, 900000, 8, 1);
	assert_ptr_equal(rig_queue(1)->next, &rig.rq[2]); /* the first request is too far back */
	rig_insert(3, R, 10008 + 200, 8, 1);
	assert_ptr_equal(rig_queue(1)->next, &rig.rq[3]);
	rig_insert(4, R, 10008 - 101, 8, 1);
	assert_ptr_equal(rig_queue(1)->next, &rig.rq[3]); /* 202 against 200 */
	rig_insert(5, R, 10008 - 99, 8, 1);
	assert_ptr_equal(rig_queue(1)->next, &rig.rq[5]);
	rig_insert(6, R, 10008 + 198, 8, 1); /* as near as number 5: the forward one wins */
	assert_ptr_equal(rig_queue(1)->next, &rig.rq[6]);
	end();
}

static void back_seeks(void **state)
{
	(void)state;
	open_plain();
	rig_set("back_seek_penalty", 10);
	rig_insert(0, R, 10000, 8, 1);
	assert_int_equal(rig_dispatch(1), 0);
	rig_insert(1, R, 10008 - 20, 8, 1);
	rig_insert(2, R, 10008 + 199, 8, 1);
	assert_ptr_equal(rig_queue(1)->next, &rig.rq[2]);
	rig_set("back_seek_penalty", 9);
	assert_ptr_equal(bfq_order_choose(bfq(), &rig.rq[1], &rig.rq[2], 10008), &rig.rq[1]);
	/* Both are far behind: it takes the smaller sector, and continues upwards from there. */
	rig_set("back_seek_max", 1);
	assert_ptr_equal(bfq_order_choose(bfq(), &rig.rq[1], &rig.rq[2], 900000), &rig.rq[1]);
	end();
}

/* Opens bfq so that requests are overdue after EXPIRE; number 0 is the oldest, 1 the nearest. */
static void open_with_oldest(const char *tunable, uint8_t flags, uint64_t expire)
{
	open_plain();
	rig.flags = flags;
	rig_set(tunable, (int64_t)(expire / MS));
	rig_set("timeout_sync", 100000);
	rig_insert(0, R, 100000, 8, 1);
	rig_insert(1, R, 0, 8, 1);
}

/* Once in a service, the oldest request goes first if it is overdue. */
static void oldest_once_in_a_service(const char *tunable, uint8_t flags, uint64_t expire)
{
	open_with_oldest(tunable, flags, expire);
	rig_insert(2, R, 200000, 8, 2);
	rig_insert(3, R, 200008, 8, 2);
	rig_insert(4, R, 100, 8, 2);
	/* not overdue yet, and checked now: it continues by sector */
	assert_int_equal(rig_serve(expire), 1);
	assert_int_equal(rig_serve(expire + 1), 4);
	assert_int_equal(rig_serve(expire + 1), 0);
	end();

	open_with_oldest(tunable, flags, expire);
	rig_insert(4, R, 100, 8, 2);
	assert_int_equal(rig_serve(expire + 1), 1);
	assert_int_equal(rig_serve(expire + 1), 0);
	assert_int_equal(rig_serve(expire + 1), 4);
	end();
}

/* In the next service it is checked again. */
static void oldest_in_the_next_service(void)
{
	open_plain();
	rig_set("timeout_sync", 100000);
	rig_insert(0, R, 100000, 8, 1);
	rig_insert(1, R, 0, 8, 1);
	rig_insert(2, R, 50, 8, 1);
	rig_insert(3, R, 100100, 8, SEC);
	assert_int_equal(rig_serve(SEC), 1);
	bfq_expire(bfq(), BFQ_PREEMPTED);
	assert_int_equal(rig_serve(SEC), 0); /* the oldest */
	assert_int_equal(rig_serve(SEC), 2); /* and again, although number 3 is near */
	end();
}

static void overdue(void **state)
{
	(void)state;
	oldest_once_in_a_service("fifo_expire_sync", SCHED_RQ_SYNC, 50 * MS);
	oldest_once_in_a_service("fifo_expire_async", 0, 70 * MS);
	oldest_in_the_next_service();
}

/* Merged requests stay in their queue; background and synchronous ones are never merged. */
static void merging(void **state)
{
	(void)state;
	rig_reset();
	rig.env.merging = SCHED_MERGING_ALL;
	rig_open(&sched_bfq);
	rig_insert(0, W, 100, 8, 1);
	assert_int_equal(rig_submit(1, W, 108, 8, 1), SCHED_MERGE_BACK);
	assert_int_equal(rig_submit(2, W, 92, 8, 1), SCHED_MERGE_FRONT);
	rig.flags = 0;
	assert_int_equal(rig_submit(3, W, 116, 8, 1), SCHED_MERGE_NONE);
	assert_int_equal(rig_submit(4, W, 124, 8, 1), SCHED_MERGE_BACK);
	rig.flags = SCHED_RQ_SYNC;
	assert_int_equal(rig_submit(5, W, 132, 8, 1), SCHED_MERGE_NONE);
	rig.submitter = 2;
	assert_int_equal(rig_submit(6, W, 140, 8, 1), SCHED_MERGE_NONE);
	assert_int_equal(rig.rq[0].nr_sectors, 24);
	for (int i = 0; i < 4; i++)
		assert_true(rig_serve(1 + 20 * MS * (unsigned)i) != NONE);
	rig_close();
}

/* A request that grows beyond the budget of its queue is still served. */
static void grown_beyond_its_budget(void **state)
{
	(void)state;
	rig_reset();
	rig.env.merging = SCHED_MERGING_ALL;
	rig_open(&sched_bfq);
	rig_set("max_budget", 32);
	rig_insert(0, R, 0, 8, 1);
	for (int id = 1; id < 20; id++)
		assert_int_equal(rig_submit(id, R, (uint64_t)id * 8, 8, 1), SCHED_MERGE_BACK);
	assert_int_equal(rig_queue(0)->entity.budget, 160);
	assert_int_equal(rig_serve(1), 0);
	rig.prio = BE(5); /* and it is inserted as a whole request */
	for (int id = 20; id < 40; id++)
		rig_insert(id, R, (uint64_t)id * 8, 8, 1);
	assert_int_equal(rig_queue(0)->entity.budget, 160);
	assert_int_equal(rig_serve(21 * MS), 20);
	rig_close();
}

/* Two submitters with ten requests of 100 sectors each; no queue is raised. */
static void two_of_ten(const char *name, int64_t value)
{
	rig_reset();
	rig.env.rotational = true;
	rig_open(&sched_bfq);
	rig_set("low_latency", 0);
	rig_set(name, value);
	for (int i = 0; i < 20; i++) {
		rig.submitter = i < 10 ? 1 : 2;
		rig_insert(i, R, (uint64_t)i * 100 + (i < 10 ? 0 : 1 << 20), 100, 0);
	}
}

/* The current service ends as soon as one that began with the new value would end. */
static void a_shorter_timeout_ends_the_service(void **state)
{
	(void)state;
	two_of_ten("timeout_sync", INT_MAX);
	assert_int_equal(rig_serve(1 * MS), 0);
	assert_int_equal(rig_serve(800 * MS), 1);
	rig_set("timeout_sync", 900);
	assert_int_equal(rig_serve(899 * MS), 2);
	assert_true(rig_serve(901 * MS) >= 10);
	while (rig_serve(901 * MS) != NONE)
		;
	rig_close();
}

/* No queue continues with an old, larger budget, and none waits until all have had as much. */
static void a_smaller_budget_holds_at_once(void **state)
{
	int first = 0;

	(void)state;
	two_of_ten("max_budget", INT_MAX);
	assert_int_equal(rig_serve(0), 0);
	/* It took long for a few sectors and is charged for the time: for the whole budget. */
	assert_int_equal(rig_serve(130 * MS) >= 10, true);
	rig_set("max_budget", 100);
	for (int i = 0; i < 8; i++)
		first += rig_serve(131 * MS) < 10;
	assert_in_range(first, 3, 5);
	while (rig_serve(131 * MS) != NONE)
		;
	rig_close();
}

/* The drive stays idle for a submitter no longer than the new value says. */
static void a_shorter_idling_holds_at_once(void **state)
{
	static const char *const names[] = { "slice_idle", "slice_idle_us" };

	(void)state;
	for (int i = 0; i < 2; i++) {
		rig_reset();
		rig.env.rotational = true;
		rig_open(&sched_bfq);
		rig_set("low_latency", 0);
		rig_set("slice_idle", INT_MAX);
		rig.submitter = 1;
		rig_insert(0, R, 0, 8, 0);
		assert_int_equal(rig_serve(1 * MS), 0);
		rig.submitter = 2;
		rig_insert(1, R, 1 << 20, 8, 2 * MS);
		assert_int_equal(rig_dispatch(2 * MS), NONE);
		rig_set(names[i], i ? 3000 : 0);
		assert_int_equal(rig.s->ops->next_wakeup(rig.s), i ? 5 * MS : 2 * MS);
		assert_int_equal(rig_serve(i ? 5 * MS : 2 * MS), 1);
		rig_close();
	}
}

/* A merged request has the earlier deadline of the two. */
static void absorbed_keeps_its_deadline(void **state)
{
	(void)state;
	rig_reset();
	rig.env.merging = SCHED_MERGING_ALL;
	rig_open(&sched_bfq);
	rig_insert(0, R, 16, 8, 1);
	rig_insert(1, R, 0, 8, 2);
	rig_insert(3, R, 1000, 8, 1);
	assert_int_equal(rig_submit(2, R, 8, 8, 3), SCHED_MERGE_FRONT);
	assert_int_equal(rig.rq[1].nr_sectors, 24);
	assert_int_equal(rig.rq[1].inserted_ns, 1);
	assert_ptr_equal(TAILQ_FIRST(&rig_queue(0)->fifo), &rig.rq[1]);
	rig_expect(4, 2, 1, 3);
	rig_close();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(new_queue),
		cmocka_unit_test(too_idle_shrinks),
		cmocka_unit_test(too_idle_shrinks_to_the_least),
		cmocka_unit_test(feedback),
		cmocka_unit_test(no_more_is_at_least_the_least),
		cmocka_unit_test(raised_and_background),
		cmocka_unit_test(exhausted),
		cmocka_unit_test(timed_out),
		cmocka_unit_test(no_more),
		cmocka_unit_test(preempted),
		cmocka_unit_test(slow_pays_for_time),
		cmocka_unit_test(who_does_not_pay_for_time),
		cmocka_unit_test(who_may_go_on),
		cmocka_unit_test(background_costs_more),
		cmocka_unit_test(idle_class_gets_one),
		cmocka_unit_test(nearest_first),
		cmocka_unit_test(back_seeks),
		cmocka_unit_test(overdue),
		cmocka_unit_test(merging),
		cmocka_unit_test(grown_beyond_its_budget),
		cmocka_unit_test(a_shorter_timeout_ends_the_service),
		cmocka_unit_test(a_smaller_budget_holds_at_once),
		cmocka_unit_test(a_shorter_idling_holds_at_once),
		cmocka_unit_test(absorbed_keeps_its_deadline),
		cmocka_unit_test(idle_class_waits_since_its_last),
		cmocka_unit_test(timed_out_at_the_end),
		cmocka_unit_test(budget_of_a_group),
		cmocka_unit_test(not_in_the_drive_any_more),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
