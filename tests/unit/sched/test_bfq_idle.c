/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_bfq_idle.c - when the drive stays idle and for how long, and which queues may interrupt
 * that.
 */
#include "sched/bfq/habit.h"
#include "sched/bfq/idle.h"

#include "bfq_rig.h"

static void assert_waits(uint64_t now, uint64_t until)
{
	assert_int_equal(rig_dispatch(now), NONE);
	assert_int_equal(rig.s->ops->next_wakeup(rig.s), until);
}

/*
 * Idling for throughput: on a disk that takes one request at a time, and on any drive except flash
 * with a queue, if requests are sequential.
 */
static void for_throughput(void **state)
{
	(void)state;
	paused(DISK, BE(4), BE(4));
	rig_complete(0, 100);
	assert_waits(100, 100 + 8 * MS);
	end();

	paused(DISK_MANY, BE(4), BE(4));
	rig_complete(0, 100);
	assert_waits(100, 100 + 8 * MS);
	end();

	paused(FLASH_ONE, BE(4), BE(4));
	rig_complete(0, 100);
	assert_waits(100, 100 + 8 * MS);
	end();

	paused(FLASH, BE(4), BE(4));
	assert_int_equal(rig_dispatch(1), 1); /* not even while its request is in the drive */
	end();
}

/*
 * On a disk with a queue, bfq does not idle for a queue that seeks, thinks long, or is mostly
 * silent.
 */
static void not_for_everyone(void **state)
{
	(void)state;
	for (int why = 0; why < 4; why++) {
		paused(why == 3 ? DISK : DISK_MANY, BE(4), BE(4));
		if (why == 0 || why == 3)
			queue(1, BE(4))->seeks = UINT32_MAX;
		if (why == 1) {
			queue(1, BE(4))->think_samples = 81;
			queue(1, BE(4))->think_mean = 4 * MS + 1;
		}
		if (why == 2)
			queue(1, BE(4))->io_bound = false;
		rig_complete(0, 100);
		if (why < 3)
			assert_int_equal(rig_dispatch(100), 1);
		else /* one request at a time: bfq idles even for this queue, but not for long */
			assert_waits(100, 100 + 2 * MS);
		end();
	}
}

/* Idling for guarantees: for a queue that would lose its share to others. */
static void for_weights(void **state)
{
	(void)state;
	paused(FLASH, BE(3), BE(4));
	rig_complete(0, 100);
	assert_waits(100, 100 + 8 * MS);
	end();

	paused(FLASH, BE(5), BE(4)); /* the queue with the lowest weight loses nothing */
	assert_int_equal(rig_dispatch(100), 1);
	end();

	/* With different classes it idles even for the lowest weight. */
	paused(FLASH, RT(7), BE(4));
	rig_complete(0, 100);
	assert_waits(100, 100 + 8 * MS);
	end();

	/* The queue seeks, but weights differ: it idles for the whole time. */
	paused(FLASH, BE(3), BE(4));
	queue(1, BE(3))->seeks = UINT32_MAX;
	rig_complete(0, 100);
	assert_waits(100, 100 + 8 * MS);
	end();
}

static void for_groups(void **state)
{
	(void)state;
	open_on(FLASH);
	assert_int_equal(rig.s->ops->set_weight(rig.s, 1, 100), 0);
	rig_insert(0, R, 0, 8, 1);
	as(2, BE(4));
	rig_insert(1, R, 1000000, 8, 1);
	assert_int_equal(rig_dispatch(1), 0);
	rig_complete(0, 100);
	assert_waits(100, 100 + 8 * MS);
	end();
}

static void never_for_idle_class_or_background(void **state)
{
	(void)state;
	open_on(DISK);
	rig.flags = 0;
	rig_insert(0, W, 0, 8, 1);
	assert_int_equal(rig_dispatch(1), 0);
	rig_complete(0, 100);
	assert_int_equal(rig.s->ops->next_wakeup(rig.s), SCHED_NEVER);
	end();

	open_on(DISK);
	as(1, IDLE);
	rig_insert(0, R, 0, 8, 1);
	assert_int_equal(rig_dispatch(1), 0);
	rig_complete(0, 100);
	assert_int_equal(rig.s->ops->next_wakeup(rig.s), SCHED_NEVER);
	end();
}

/*
 * Idling for the only queue: if another one arrives, the service continues only while there is a
 * reason.
 */
static void alone(void **state)
{
	(void)state;
	open_on(FLASH);
	rig_insert(0, R, 0, 8, 1);
	assert_int_equal(rig_serve(1), 0);
	assert_int_equal(rig.s->ops->next_wakeup(rig.s), 1 + 8 * MS);
	assert_false(rig.s->ops->has_work(rig.s)); /* no request can be dispatched then */
	as(2, BE(4));
	rig_insert(1, R, 1000, 8, 2); /* now there is no reason */
	assert_int_equal(queue(1, BE(4))->reason, BFQ_PREEMPTED);
	assert_int_equal(rig_dispatch(2), 1);
	end();
}

static void raised_longer(void **state)
{
	(void)state;
	open_on(FLASH);
	rig_set("low_latency", 1);
	rig_insert(0, R, 0, 8, 1);
	assert_int_equal(rig_serve(1), 0);
	assert_int_equal(rig.s->ops->next_wakeup(rig.s), 1 + 20 * MS);
	end();
}

/*
 * A raised queue among other raised ones is idled for if the drive holds many requests of other
 * queues.
 */
static void raised_among_raised(void **state)
{
	(void)state;
	for (int foreign = 3; foreign < 5; foreign++) {
		open_on(FLASH);
		rig_set("low_latency", 1);
		rig_insert(0, R, 0, 8, 1);
		as(2, BE(4));
		rig_insert(1, R, 1000, 8, 1);
		assert_int_equal(rig_dispatch(1), 0);
		bfq()->in_drive += (uint32_t)foreign;
		assert_int_equal(bfq_idle_is_better(bfq(), queue(1, BE(4))), foreign == 4);
		bfq()->in_drive -= (uint32_t)foreign;
		end();
	}
}

static void slice_idle(void **state)
{
	(void)state;
	for (int us = 0; us < 2; us++) {
		paused(DISK, BE(4), BE(4));
		if (us)
			rig_set("slice_idle_us", 3500);
		else
			rig_set("slice_idle", 3);
		assert_int_equal(rig_get("slice_idle"), 3);
		assert_int_equal(rig_get("slice_idle_us"), us ? 3500 : 3000);
		rig_complete(0, 100);
		assert_waits(100, 100 + (us ? 3500000 : 3000000));
		end();
	}
	paused(DISK, BE(0), BE(4));
	rig_set("slice_idle", 0);
	assert_int_equal(rig_dispatch(1), 1);
	end();
}

/*
 * With strict guarantees, one request at a time whatever the drive can take, and it always idles,
 * long enough.
 */
static void strict_guarantees(void **state)
{
	(void)state;
	open_on(FLASH);
	rig_set("slice_idle", 2);
	rig_set("strict_guarantees", 1);
	assert_int_equal(rig_get("slice_idle"), 8);
	rig_insert(0, R, 0, 8, 1);
	assert_int_equal(rig_dispatch(1), 0);
	as(2, BE(4));
	rig_insert(1, R, 1000000, 8, 1);
	assert_waits(2, SCHED_NEVER);
	rig_complete(0, 100);
	assert_waits(100, 100 + 8 * MS);
	as(1, BE(4));
	rig_insert(2, R, 8, 8, 200);
	rig_insert(3, R, 16, 8, 200);
	assert_int_equal(rig_dispatch(200), 2);
	assert_int_equal(rig_dispatch(200), NONE);
	assert_int_equal(rig.s->ops->next_wakeup(rig.s), SCHED_NEVER);
	rig_complete(2, 300);
	assert_int_equal(rig_dispatch(300), 3);
	end();
	paused(FLASH, BE(4), BE(4));
	rig_set("slice_idle", 20);
	rig_set("strict_guarantees", 1);
	assert_int_equal(rig_get("slice_idle"), 20);
	end();
}

/* A request of the queue that bfq idles for is dispatched at once, and its service continues. */
static void it_comes_back(void **state)
{
	(void)state;
	paused(DISK, BE(4), BE(4));
	rig_complete(0, 100);
	assert_waits(100, 100 + 8 * MS);
	as(1, BE(4));
	rig_insert(2, R, 8, 8, 5 * MS);
	assert_int_equal(rig_dispatch(5 * MS), 2);
	/* It is in the drive: no other queue gets service yet. */
	assert_waits(6 * MS, SCHED_NEVER);
	end();
}

/*
 * If the time of a queue ends while the drive idles for it, its service ends, unless the idling is
 * for a guarantee.
 */
static void time_up_while_idling(void **state)
{
	(void)state;
	paused(DISK, BE(4), BE(4));
	rig_set("slice_idle", 500);
	rig_complete(0, 100);
	assert_waits(100, 100 + 500 * MS);
	assert_int_equal(rig_dispatch(1 + 125 * MS), NONE);
	assert_int_equal(rig_dispatch(100 + 500 * MS), 1);
	assert_int_equal(queue(1, BE(4))->reason, BFQ_TIMEOUT);
	end();
}

static void timeout_sync(void **state)
{
	(void)state;
	for (int ms = 10; ms <= 50; ms += 40) {
		open_on(FLASH);
		rig_set("timeout_sync", ms);
		for (int id = 0; id < 6; id++) {
			as(1 + (uint32_t)id % 2, BE(4));
			rig_insert(id, R, (uint64_t)id * 8, 8, 1);
		}
		assert_int_equal(rig_serve(1), 0);
		assert_int_equal(rig_serve((unsigned)ms * MS), 2);
		assert_int_equal(rig_serve(1 + (unsigned)ms * MS), 1);
		end();
	}
}

/* Idling without a reason: the time counts as used, unless the queue has nearly used its budget. */
static void time_up_without_reason_to_wait(void **state)
{
	(void)state;
	for (int used = 0; used < 2; used++) {
		struct bfq_queue *q;

		paused(DISK_MANY, BE(4), BE(4));
		q = queue(1, BE(4));
		rig_set("slice_idle", 500);
		rig_complete(0, 100);
		q->seeks = UINT32_MAX;
		if (used)
			q->entity.service = q->entity.budget - q->entity.budget / 3 + 1;
		assert_int_equal(rig_dispatch(1 + 125 * MS), used ? NONE : 1);
		end();
	}
}

/* No queue is raised; otherwise idling for throughput would delay the raised one. */
static void no_throughput_while_somebody_is_raised(void **state)
{
	(void)state;
	paused(DISK, BE(4), BE(4));
	assert_true(bfq_idle_boosts(bfq(), queue(1, BE(4))));
	bfq()->busy_raised++;
	assert_false(bfq_idle_boosts(bfq(), queue(1, BE(4))));
	bfq()->busy_raised--;
	end();
}

/*
 * Preemption: a queue that returns at once and has budget left, although idling for the other
 * queue would be useful.
 */
static void back_in_time(void **state)
{
	(void)state;
	for (int late = 0; late < 2; late++) {
		uint64_t at = 10 + 24 * MS + (unsigned)late;

		paused(FLASH, BE(5), BE(4));
		for (int id = 2; id < 20; id++)
			rig_insert(id, R, 1000000 + (uint64_t)id * 1000, 128, 1);
		assert_int_equal(rig_dispatch(1), 1);
		rig_complete(0, 10);
		assert_int_equal(rig_dispatch(11), 2);
		as(1, BE(5));
		queue(1, BE(5))->max_budget = 100; /* it will soon have used its budget */
		rig_insert(50, R, 8, 8, at);
		assert_int_equal(rig_dispatch(at), late ? 3 : 50);
		assert_int_equal(queue(2, BE(4))->reason, late ? BFQ_NEVER_SERVED : BFQ_PREEMPTED);
		end();
	}
}

/* A raised queue is not preempted by one that is not raised. */
static void back_in_time_but_not_raised(void **state)
{
	struct bfq_queue *cur;

	(void)state;
	paused(FLASH, BE(5), BE(4));
	rig_insert(2, R, 1001000, 8, 1);
	rig_insert(3, R, 1002000, 8, 1);
	assert_int_equal(rig_dispatch(1), 1);
	rig_complete(0, 10);
	cur = queue(2, BE(4));
	cur->raise = BFQ_RAISED;
	cur->raise_ns = SEC;
	cur->entity.new_weight *= BFQ_RAISED;
	as(1, BE(5));
	queue(1, BE(5))->max_budget = 10;
	rig_insert(50, R, 8, 8, 20);
	assert_int_equal(rig_dispatch(21), 2);
	end();
}

/* The budget of a returning queue is what was left. */
static void budget_of_who_is_back(void **state)
{
	(void)state;
	for (int empty = 0; empty < 2; empty++) {
		paused(FLASH, BE(4), BE(4));
		rig_complete(0, 10);
		queue(1, BE(4))->budget_left = 50;
		queue(1, BE(4))->expired_empty = empty;
		as(1, BE(4));
		rig_insert(50, R, 8, 8, 20);
		assert_int_equal(queue(1, BE(4))->entity.budget,
				 empty ? 50 : queue(1, BE(4))->max_budget);
		end();
	}
}

/*
 * Its place in the tree is the one from before; a queue that was away longer gets the place of
 * now.
 */
static void place_of_who_is_back(void **state)
{
	(void)state;
	for (int late = 0; late < 2; late++) {
		paused(FLASH, BE(4), BE(4));
		for (int id = 2; id < 20; id++)
			rig_insert(id, R, 1000000 + (uint64_t)id * 1000, 128, 1);
		rig_complete(0, 10);
		for (int id = 1; id < 5; id++)
			assert_int_equal(rig_dispatch(11), id);
		as(1, BE(4));
		rig_insert(50, R, 8, 8, late ? 25 * MS : 1 * MS);
		if (late)
			assert_true(queue(1, BE(4))->entity.start ==
				    bfq()->root.tree[BFQ_BE].vtime);
		else
			assert_true(queue(1, BE(4))->entity.start < bfq()->root.tree[BFQ_BE].vtime);
		end();
	}
}

/*
 * A queue of a higher class preempts too; one of a higher weight does so only if the tree agrees.
 */
static void higher(void **state)
{
	(void)state;
	for (int which = 0; which < 3; which++) {
		static const uint16_t prio[] = { RT(7), BE(0), BE(4) };

		open_on(FLASH_ONE); /* idling would be useful there: that is no reason */
		for (int id = 0; id < 4; id++)
			rig_insert(id, R, (uint64_t)id * 8, 8, 1);
		assert_int_equal(rig_serve(1), 0);
		as(2, prio[which]);
		rig_insert(9, R, 1000, 8, 2);
		assert_int_equal(rig_serve(2), which == 2 ? 1 : 9);
		end();
	}
}

static void out_of_time_or_of_turn(void **state)
{
	(void)state;
	open_on(FLASH);
	rig_insert(0, R, 0, 8, 1);
	rig_insert(1, R, 8, 8, 1);
	assert_int_equal(rig_serve(1), 0);
	as(2, BE(4));
	rig_insert(2, R, 1000, 8, 2); /* the same weight: its finish is later */
	assert_int_equal(rig_serve(2), 1);
	end();
}

/* The think time, and the share of time without a request, follow from arrivals and completions. */
static void what_is_learnt_of_a_queue(void **state)
{
	uint64_t now = 1;

	(void)state;
	open_on(DISK);
	for (int i = 0; i < 40; i++) {
		rig_insert(0, R, (uint64_t)i * 8, 8, now);
		assert_int_equal(rig_serve(now), 0);
		now += 5 * MS;
		if (i == 2) /* 32 + 28 + ... of 256: not enough samples yet */
			assert_true(bfq_habit_short_think(bfq(), queue(1, BE(4))));
	}
	assert_false(bfq_habit_short_think(bfq(), queue(1, BE(4))));
	assert_in_range(queue(1, BE(4))->think_mean, 5 * MS, 5 * MS + MS / 5);
	assert_false(queue(1, BE(4))->io_bound);
	rig_insert(0, R, 0, 8, now += SEC); /* a longer pause counts as twice slice_idle */
	assert_in_range(queue(1, BE(4))->think_mean, 6 * MS, 7 * MS);
	assert_int_equal(rig_serve(now), 0);
	/* 1 ms of every 10. */
	for (int i = 0; i < 60; i++) {
		rig_insert(0, R, 900000ull * (unsigned)i, 8, now);
		assert_int_equal(rig_dispatch(now), 0);
		rig_complete(0, now + 9 * MS);
		now += 10 * MS;
	}
	assert_true(bfq_habit_short_think(bfq(), queue(1, BE(4))));
	assert_true(queue(1, BE(4))->io_bound);
	assert_int_equal(queue(1, BE(4))->seeks, UINT32_MAX);
	end();
}

static void seeks(void **state)
{
	struct sched_rq rq = { .sector = 10801, .nr_sectors = 8 };

	(void)state;
	for (int rotational = 0; rotational < 2; rotational++) {
		open_on(rotational ? DISK : FLASH);
		rq.nr_sectors = 8;
		assert_true(bfq_habit_is_seek(bfq(), 10000, &rq));
		assert_true(bfq_habit_is_seek(bfq(), 11602, &rq));
		assert_false(bfq_habit_is_seek(bfq(), 10001, &rq));
		assert_false(bfq_habit_is_seek(bfq(), 11601, &rq));
		rq.nr_sectors = 64;
		assert_int_equal(bfq_habit_is_seek(bfq(), 0, &rq), rotational);
		end();
	}
}

/*
 * Whether the drive takes several requests at once is only seen when more than three are
 * available.
 */
static void queueing(void **state)
{
	(void)state;
	for (int at_once = 3; at_once < 5; at_once++) {
		open_on(at_once == 3 ? FLASH : FLASH_ONE);
		for (int round = 0; round < 40; round++) {
			for (int id = 0; id < 8; id++)
				rig_insert(id, R, (uint64_t)(round * 8 + id) * 8, 8, 1);
			for (int done = 0; done < 8; done += at_once) {
				int n = done + at_once < 8 ? at_once : 8 - done;

				for (int i = 0; i < n; i++)
					assert_int_equal(rig_dispatch(1), done + i);
				for (int i = 0; i < n; i++)
					rig_complete(done + i, 1);
			}
		}
		assert_int_equal(bfq()->queueing, at_once > 3);
		end();
	}
}

/*
 * A submitter that has left will not come back: bfq does not idle for it, and its queue becomes
 * unused.
 */
static void gone(void **state)
{
	(void)state;
	paused(DISK, BE(4), BE(4));
	rig_complete(0, 100);
	assert_waits(100, 100 + 8 * MS);
	rig.s->ops->submitter_gone(rig.s, 1);
	assert_null(queue(1, BE(4)));
	assert_int_equal(rig_dispatch(100), 1);
	/* With a request in the drive: it becomes unused when that has completed. */
	as(3, BE(4));
	rig_insert(5, R, 0, 8, 150);
	rig.s->ops->submitter_gone(rig.s, 2);
	assert_non_null(queue(2, BE(4)));
	rig_complete(1, 200);
	assert_null(queue(2, BE(4)));
	end();
	/* With a waiting request: it is served, and afterwards bfq does not idle. */
	paused(DISK, BE(4), BE(4));
	as(1, BE(4));
	rig_insert(2, R, 8, 8, 2);
	rig.s->ops->submitter_gone(rig.s, 1);
	assert_int_equal(rig_dispatch(3), 2);
	rig_complete(0, 4);
	rig_complete(2, 5);
	assert_null(queue(1, BE(4)));
	assert_int_equal(rig_dispatch(5), 1);
	/* The submitter left and returned before all requests had completed: it is the same one. */
	rig.s->ops->submitter_gone(rig.s, 2);
	as(2, BE(4));
	rig_insert(3, R, 1000008, 8, 6);
	rig_complete(1, 7);
	assert_int_equal(rig_dispatch(7), 3);
	rig_complete(3, 8);
	assert_non_null(queue(2, BE(4)));
	end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(for_throughput),
		cmocka_unit_test(not_for_everyone),
		cmocka_unit_test(for_weights),
		cmocka_unit_test(for_groups),
		cmocka_unit_test(never_for_idle_class_or_background),
		cmocka_unit_test(alone),
		cmocka_unit_test(raised_longer),
		cmocka_unit_test(raised_among_raised),
		cmocka_unit_test(slice_idle),
		cmocka_unit_test(strict_guarantees),
		cmocka_unit_test(it_comes_back),
		cmocka_unit_test(time_up_while_idling),
		cmocka_unit_test(timeout_sync),
		cmocka_unit_test(time_up_without_reason_to_wait),
		cmocka_unit_test(no_throughput_while_somebody_is_raised),
		cmocka_unit_test(back_in_time),
		cmocka_unit_test(back_in_time_but_not_raised),
		cmocka_unit_test(budget_of_who_is_back),
		cmocka_unit_test(place_of_who_is_back),
		cmocka_unit_test(higher),
		cmocka_unit_test(out_of_time_or_of_turn),
		cmocka_unit_test(what_is_learnt_of_a_queue),
		cmocka_unit_test(seeks),
		cmocka_unit_test(queueing),
		cmocka_unit_test(gone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
