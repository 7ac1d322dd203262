/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_bfq_learn.c - what bfq learns about the drive and how it uses that (rate, largest budget),
 * which queues it raises and until when, and how many tags each account gets.
 */
#include "sched/bfq/bfq.h"
#include "sched/bfq/queue.h"
#include "sched/bfq/rate.h"

#include "rig.h"

#define REF_FLASH 33000
#define REF_DISK 14000

static struct bfq *bfq(void)
{
	return (struct bfq *)rig.s;
}

static struct bfq_queue *queue(uint32_t s)
{
	struct sched_rq like = { .submitter = s, .ioprio = rig.prio, .flags = SCHED_RQ_SYNC };

	return bfq_queue_find(bfq(), &like);
}

static void open_on(bool rotational)
{
	rig_reset();
	rig.env.rotational = rotational;
	rig_open(&sched_bfq);
	rig.submitter = 1;
}

static void end(void)
{
	rig.s->ops->exit(rig.s);
}

/*
 * Sends N requests of NR sectors, one at each EVERY; each completes when the next one arrives.
 * They lie GAP sectors apart.
 */
static uint64_t stream(uint64_t now, int n, uint32_t nr, uint64_t every, uint64_t apart)
{
	uint64_t sector = 0;

	for (int i = 0; i < n; i++, sector += nr + apart) {
		rig_insert(i % 2, R, sector, nr, now);
		assert_int_equal(rig_dispatch(now), i % 2);
		now += every;
		rig_complete(i % 2, now);
	}
	return now;
}

static void before_anything_is_known(void **state)
{
	(void)state;
	open_on(false);
	assert_int_equal(rig_get("peak_rate"), (REF_FLASH * 2 / 3 * 500000ull) >> 16);
	assert_int_equal(rig_get("budget"), 16384);
	end();
	open_on(true);
	assert_int_equal(rig_get("peak_rate"), (REF_DISK * 2 / 3 * 500000ull) >> 16);
	end();
}

/*
 * A second of 256 sectors every 250 us, sequential: 1.024 sectors a microsecond have a weight of 8
 * in 10.
 */
static void rate_of_a_stream(void **state)
{
	uint64_t before = REF_FLASH * 2 / 3, seen = 67108, expected = before / 2 + seen / 2;

	(void)state;
	open_on(false);
	/* The first request after the interval ends it. */
	stream(SEC, 4001, 256, 250000, 0);
	/* The divisor is 10 - 8: half of each. */
	assert_in_range(bfq()->rate.peak, expected - 40, expected + 40);
	/* And the budget follows from it: 125 ms at that rate. */
	assert_int_equal(rig_get("budget"), (bfq()->rate.peak * 125000) >> 16);
	rig_set("timeout_sync", 50);
	assert_int_equal(rig_get("budget"), (bfq()->rate.peak * 50000) >> 16);
	rig_set("max_budget", 777);
	assert_int_equal(rig_get("budget"), 777);
	rig_set("max_budget", 0);
	assert_int_equal(rig_get("budget"), (bfq()->rate.peak * 50000) >> 16);
	end();
}

/*
 * Two queues in turn on a disk: one reads 40 requests of 1024 sectors in order, one each EVERY, and
 * the other one seeks once for 100 ms. No sample of the dispatches says how fast the first one is.
 */
static uint64_t in_turn(uint64_t now, uint32_t nr, uint64_t every, int turns)
{
	static uint64_t sector;

	for (int turn = 0; turn < turns; turn++) {
		rig.submitter = 1;
		for (int i = 0; i < 40; i++, sector += nr, now += every) {
			rig_insert(0, R, sector, nr, now);
			assert_int_equal(rig_dispatch(now), 0);
			rig_complete(0, now + every);
		}
		rig.submitter = 2;
		rig.s->ops->tick(rig.s, now + 20 * MS); /* bfq no longer idles for the first */
		rig_insert(1, R, 1000000000 + (uint64_t)turn % 2 * 500000000, 8, now + 20 * MS);
		assert_int_equal(rig_dispatch(now + 20 * MS), 1);
		now += 120 * MS;
		rig_complete(1, now);
		now += 20 * MS;
		rig.s->ops->tick(rig.s, now);
	}
	return now;
}

static void rate_between_seeks_of_others(void **state)
{
	uint64_t seen = (1024ull << 16) / 2000, now;

	(void)state;
	open_on(true);
	rig_set("low_latency", 0);
	now = in_turn(SEC, 1024, 2 * MS, 3); /* 3 x 78 ms are too short a time */
	assert_int_equal(bfq()->rate.peak, REF_DISK * 2 / 3);
	now = in_turn(now, 1024, 2 * MS, 1);
	assert_in_range(bfq()->rate.peak, seen - 40, seen + 40);
	assert_true(bfq()->rate.from_run);
	/* A disk that is faster in order seeks no faster: 7 s for what starts on it. */
	assert_int_equal(bfq_rate_raise_ns(bfq()), 7 * SEC);
	in_turn(now, 64, 2 * MS, 8); /* slower: the queue pauses */
	assert_in_range(bfq()->rate.peak, seen - 40, seen + 40);
	end();
	/* On flash the distance costs nothing, so a sample of the dispatches is good enough. */
	open_on(false);
	rig_set("low_latency", 0);
	in_turn(SEC, 1024, 2 * MS, 8);
	assert_false(bfq()->rate.from_run);
	end();
}

/*
 * A queue reads 64 sectors in order every 2 ms, and 2048 more at a time that fail at once or were
 * cancelled. The drive has not read these.
 */
static void rate_without_what_failed(void **state)
{
	uint64_t now = SEC, sector = 0;

	(void)state;
	open_on(true);
	rig_set("low_latency", 0);
	for (int i = 0; i < 400; i++, now += 2 * MS) {
		rig_insert(0, R, sector, 64, now);
		assert_int_equal(rig_dispatch(now), 0);
		rig_complete(0, now + 2 * MS - 1000);
		rig_insert(1, R, sector + 64, 2048, now + 2 * MS - 1000);
		assert_int_equal(rig_dispatch(now + 2 * MS - 1000), 1);
		rig.rq[1].flags |= SCHED_RQ_UNTIMED;
		rig_complete(1, now + 2 * MS);
		sector += 2112;
	}
	assert_false(bfq()->rate.from_run);
	end();
}

/* Where all busy queues are raised, a service is as long as without, and a slow one is charged for
 * its time. */
static void raised_all_is_raised_none(void **state)
{
	(void)state;
	open_on(true);
	rig_insert(0, R, 0, 8, 1);
	rig.submitter = 2;
	rig_insert(1, R, 1000000, 8, 1);
	assert_int_equal(queue(1)->raise, BFQ_RAISED);
	assert_int_equal(queue(2)->raise, BFQ_RAISED);
	assert_int_equal(rig_dispatch(1), 0);
	assert_int_equal(queue(1)->timeout_ns, 1 + 125 * MS);
	rig.submitter = 1;
	rig_insert(2, R, 900000000, 8, 2);
	rig_complete(0, 130 * MS);
	assert_int_equal(rig_dispatch(130 * MS), 1);
	/* 8 sectors of service, but the time of the largest budget. */
	assert_int_equal(queue(1)->entity.start, bfq_wf2q_delta(16384, 100 * BFQ_RAISED));
	end();
}

/* Samples that are ignored: too few, too short, too scattered and slow, or too fast to be true. */
static void not_a_sample(void **state)
{
	uint64_t before = REF_FLASH * 2 / 3;

	(void)state;
	open_on(false);
	stream(SEC, 31, 256, 10 * MS, 0);
	stream(2 * SEC, 200, 256, 1 * MS, 0); /* a pause before, 200 ms, and a pause after */
	stream(3 * SEC, 1, 8, 1000, 0);
	assert_int_equal(bfq()->rate.peak, before);
	stream(4 * SEC, 2001, 8, 500000, 100000); /* seeks, 0.016 sectors a microsecond */
	assert_int_equal(bfq()->rate.peak, before);
	stream(6 * SEC, 6001, 32768, 200000, 0); /* 163 */
	stream(8 * SEC, 1, 8, 1000, 0);
	assert_int_equal(bfq()->rate.peak, before);
	end();
}

/* Scattered, but faster than the known rate: accepted with a low weight. */
static void scattered_but_faster(void **state)
{
	uint64_t before = REF_DISK * 2 / 3;

	(void)state;
	open_on(true);
	stream(SEC, 1001, 1024, 1 * MS, 100000);
	assert_true(bfq()->rate.peak > before);
	assert_true(bfq()->rate.peak < before * 2);
	end();
}

/*
 * A request after a pause is not sequential, wherever it is; but waiting for the drive is no
 * pause.
 */
static void pauses(void **state)
{
	uint64_t now = SEC;

	(void)state;
	open_on(false);
	for (int i = 0; i < 60; i++, now += 20 * MS) {
		rig_insert(0, R, (uint64_t)i * 8, 8, now);
		assert_int_equal(rig_dispatch(now), 0);
		rig_complete(0, now + 1 * MS);
	}
	assert_int_equal(bfq()->rate.peak, REF_FLASH * 2 / 3);
	end();

	open_on(false);
	rig_insert(0, R, 0, 8, 1);
	rig_insert(1, R, 8, 8, 1);
	assert_int_equal(rig_dispatch(1), 0);
	assert_int_equal(rig_dispatch(1 + 110 * MS), 1);
	assert_int_equal(bfq()->rate.samples, 2);
	end();
}

/* 300 ms and 32 requests are enough if a pause or a slow request ends the sample. */
static void ended_early(void **state)
{
	uint64_t now;

	(void)state;
	for (int slow = 0; slow < 2; slow++) {
		open_on(false);
		now = stream(SEC, 1300, 256, 250000, 0);
		assert_int_equal(bfq()->rate.peak, REF_FLASH * 2 / 3);
		if (!slow)
			now += 101 * MS;
		rig_insert(5, R, 1300 * 256, 8, now);
		assert_int_equal(rig_dispatch(now), 5);
		if (slow)
			rig_complete(5, now + 300 * MS);
		assert_int_not_equal(bfq()->rate.peak, REF_FLASH * 2 / 3);
		end();
	}
}

/* A few services of queues make the budget trusted; before that, it keeps its first value. */
static void trusted_after_some_services(void **state)
{
	int services = 0;

	(void)state;
	open_on(false);
	bfq()->rate.peak = 65536;
	for (; rig_get("budget") == 16384; services++) {
		rig_insert(0, R, 0, 8, 1 + 20 * MS * (unsigned)services);
		assert_int_equal(rig_serve(1 + 20 * MS * (unsigned)services), 0);
	}
	assert_int_equal(services, 11);
	assert_int_equal(rig_get("budget"), 125000);
	end();
}

/* Raised queues: of the usual priority, synchronous, new or idle for 2 s. */
static void who_is_raised(void **state)
{
	(void)state;
	open_on(false);
	for (int i = 0; i < 4; i++) {
		static const uint16_t prio[] = { BE(4), BE(3), RT(4), IDLE };

		rig.prio = prio[i];
		rig_insert(i, R, 0, 8, 1);
		assert_int_equal(queue(1)->raise, i ? 1 : BFQ_RAISED);
	}
	rig.prio = BE(4);
	assert_int_equal(queue(1)->entity.weight, 100 * BFQ_RAISED);
	assert_int_equal(queue(1)->max_budget, 2 * (16384 / 32));
	rig.flags = 0;
	rig_insert(5, W, 0, 8, 1);
	assert_int_equal(bfq()->async[8 + 4].raise, 1);
	/* a group with its own weight is not raised either */
	rig.s->ops->set_weight(rig.s, 1, 100);
	rig_insert(6, W, 0, 8, 1);
	assert_int_equal(bfq_queue_find(bfq(), &rig.rq[6])->raise, 1);
	end();

	open_on(false);
	rig_set("low_latency", 0);
	rig_insert(0, R, 0, 8, 1);
	assert_int_equal(queue(1)->raise, 1);
	rig_set("low_latency", 1);
	rig_expect(1, 1, 0);
	rig_insert(0, R, 0, 8, 100 * MS);
	rig_expect(100 * MS, 1, 0);
	rig.s->ops->tick(rig.s, 200 * MS); /* bfq no longer idles for it */
	rig_insert(0, R, 0, 8, 2100 * MS);
	assert_int_equal(queue(1)->raise, 1); /* 2 s since the completion, not since the idling */
	rig_expect(2100 * MS, 1, 0);
	rig.s->ops->tick(rig.s, 2200 * MS);
	rig_insert(0, R, 0, 8, 4300 * MS);
	assert_int_equal(queue(1)->raise, BFQ_RAISED);
	end();
}

/* A queue is not silent if it waits for the drive, or if it got a completion lately. */
static void who_is_not_silent(void **state)
{
	(void)state;
	for (int answered = 0; answered < 2; answered++) {
		open_on(false);
		rig_set("low_latency", 0);
		rig_insert(0, R, 0, 8, 1);
		assert_int_equal(rig_dispatch(1), 0);
		rig.submitter = 2;
		rig_insert(1, R, 1000, 8, 1); /* the service of the first queue ends */
		rig.submitter = 1;
		rig_set("low_latency", 1);
		if (answered)
			rig_complete(0, SEC);
		rig_insert(2, R, 8, 8, 2500 * MS);
		assert_int_equal(queue(1)->raise, 1);
		end();
	}
}

/*
 * A queue stays raised until its time is over, or it has had enough service, or raising is
 * switched off.
 */
static void until_when(void **state)
{
	uint64_t now;

	(void)state;
	open_on(false);
	rig_insert(0, R, 0, 8, 1);
	/* 2.5 s on a drive as fast as the reference; this drive counts as 2/3 as fast. */
	assert_in_range(queue(1)->raise_ns, 3749 * MS, 3751 * MS);
	rig_expect(1, 1, 0);
	for (now = 1000 * MS; now < 3740 * MS; now += 900 * MS) {
		rig_insert(0, R, 8, 8, now);
		rig_expect(now, 1, 0);
		assert_int_equal(queue(1)->raise, BFQ_RAISED);
	}
	rig_insert(0, R, 16, 8, 3752 * MS);
	rig_expect(3752 * MS, 1, 0);
	assert_int_equal(queue(1)->raise, 1);
	end();

	open_on(false);
	now = 1;
	for (int i = 0; i < 47; i++, now += MS) { /* 47 x 2560: the last one goes beyond 120000 */
		rig_insert(0, R, (uint64_t)i * 2560, 2560, now);
		assert_int_equal(queue(1)->raise, BFQ_RAISED);
		rig_expect(now, 1, 0);
	}
	assert_int_equal(queue(1)->raise, 1);
	end();

	open_on(false);
	rig_insert(0, R, 0, 8, 1);
	rig_set("low_latency", 0);
	assert_int_equal(queue(1)->raise, 1);
	assert_int_equal(bfq()->busy_raised, 0);
	rig_expect(1, 1, 0);
	assert_int_equal(queue(1)->entity.budget, 2 * (16384 / 32));
	end();
}

/* Between 3 and 25 s, depending on the speed of the drive. */
static void raised_for(void **state)
{
	(void)state;
	for (int rotational = 0; rotational < 2; rotational++) {
		uint64_t ref = rotational ? REF_DISK : REF_FLASH;
		uint64_t at_ref = rotational ? 7 * SEC : 3 * SEC; /* 2.5 s are too short */

		open_on(rotational);
		bfq()->rate.peak = ref;
		assert_int_equal(bfq_rate_raise_ns(bfq()), at_ref);
		bfq()->rate.peak = ref * 100;
		assert_int_equal(bfq_rate_raise_ns(bfq()), 3 * SEC);
		bfq()->rate.peak = 1;
		assert_int_equal(bfq_rate_raise_ns(bfq()), 25 * SEC);
		end();
	}
}

/* A queue that begins goes before streams, and may be served longer than they. */
static void beginner_first(void **state)
{
	(void)state;
	open_on(false);
	rig_set("low_latency", 0);
	for (int id = 0; id < 20; id++)
		rig_insert(id, R, (uint64_t)id * 256, 256, 1);
	assert_int_equal(rig_serve(1), 0);
	rig_set("low_latency", 1);
	rig.submitter = 2;
	rig_insert(50, R, 900000, 8, 2);
	assert_int_equal(rig_serve(2), 50);
	/* A service of 30 times 125 ms. */
	assert_int_equal(queue(2)->timeout_ns, 2 + 30 * 125 * MS);
	end();
}

static void tags(void **state)
{
	(void)state;
	open_on(false); /* 256 tags */
	assert_int_equal(rig_limit_depth(R, SCHED_RQ_SYNC), 256);
	assert_int_equal(rig_limit_depth(W, SCHED_RQ_SYNC), 192);
	assert_int_equal(rig_limit_depth(W, 0), 128);
	assert_int_equal(rig_limit_depth(R, 0), 128);
	rig_insert(0, R, 0, 8, 1); /* raised */
	assert_int_equal(rig_limit_depth(R, SCHED_RQ_SYNC), 256);
	assert_int_equal(rig_limit_depth(W, SCHED_RQ_SYNC), 96);
	assert_int_equal(rig_limit_depth(W, 0), 48);
	rig.s->ops->depth_changed(rig.s, 64);
	assert_int_equal(rig_limit_depth(W, 0), 12);
	rig.s->ops->depth_changed(rig.s, 4);
	assert_int_equal(rig_limit_depth(W, 0), 1);
	end();
}

static uint32_t weight(uint32_t submitter, uint16_t prio)
{
	struct sched_rq like = { .flags = SCHED_RQ_SYNC, .ioprio = prio, .submitter = submitter };

	return rig.s->ops->weight(rig.s, &like);
}

/*
 * The weight for a submitter's share of the tags is its own weight, or that of its priority.
 * Raising does not count: some more tags would delay the others for longer.
 */
static void weights_for_tags(void **state)
{
	(void)state;
	open_on(false);
	assert_int_equal(weight(1, BE(4)), 100);
	assert_int_equal(weight(1, BE(0)), 200);
	assert_int_equal(weight(1, RT(7)), 25);
	assert_int_equal(weight(1, 3 << 13), 25);
	rig_insert(0, R, 0, 8, 1); /* raised */
	assert_int_equal(weight(1, BE(4)), 100);
	rig.s->ops->set_weight(rig.s, 1, 10);
	assert_int_equal(weight(1, BE(0)), 10);
	assert_int_equal(weight(2, BE(6)), 50);
	end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(before_anything_is_known),
		cmocka_unit_test(rate_of_a_stream),
		cmocka_unit_test(rate_between_seeks_of_others),
		cmocka_unit_test(rate_without_what_failed),
		cmocka_unit_test(raised_all_is_raised_none),
		cmocka_unit_test(not_a_sample),
		cmocka_unit_test(scattered_but_faster),
		cmocka_unit_test(ended_early),
		cmocka_unit_test(pauses),
		cmocka_unit_test(who_is_not_silent),
		cmocka_unit_test(trusted_after_some_services),
		cmocka_unit_test(who_is_raised),
		cmocka_unit_test(until_when),
		cmocka_unit_test(raised_for),
		cmocka_unit_test(beginner_first),
		cmocka_unit_test(tags),
		cmocka_unit_test(weights_for_tags),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
