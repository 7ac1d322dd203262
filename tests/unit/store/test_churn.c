/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_churn.c - leases and pins in a store that evicts all the time: what several threads have
 * leased or pinned is there until they let it go, and the counts are right.
 */
#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <unistd.h>

#include <weir/pin.h>

#include "rig.h"
#include "base/clock.h"

#define THREADS 4u
#define BATCH 16u /* keys of a lease; all threads together lease 64 */
#define PINS 4u	  /* keys that a thread has pinned */
#define ROUNDS (12u / RIG_EVERY + 2u)
#define LENGTH 15000u /* 4 blocks */
#define STORE (8u << 20)
#define HELD_MAX 128u /* 15000-byte values that a quarter of the store has room for */

static struct rig rig;

static int set_up(void **state)
{
	(void)state;
	rig_make(&rig, STORE, 128 << 10, 4096);
	rig_open(&rig);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	rig_remove(&rig);
	return 0;
}

struct churn {
	pthread_t thread;
	uint64_t number;
	uint64_t next; /* the key that is put next */
	unsigned good, late;
	const char *what; /* what went wrong */
};

static uint64_t key_of(const struct churn *c, uint64_t n)
{
	return c->number << 32 | n;
}

static bool put_next(struct churn *c)
{
	uint8_t value[LENGTH];
	uint64_t key = key_of(c, c->next);

	rig_value(key, c->next++, value, LENGTH);
	if (!weir_store_put(rig.s, &key, sizeof(key), value, LENGTH, 0))
		return true;
	c->what = "put failed";
	return false;
}

/* Gets key N, which is held. */
static bool is_there(struct churn *c, uint64_t n)
{
	uint8_t value[LENGTH], got[LENGTH];
	uint64_t key = key_of(c, n);
	size_t length = 0;
	int err = weir_store_get(rig.s, &key, sizeof(key), got, LENGTH, &length);

	if (err)
		return false;
	rig_value(key, n, value, LENGTH);
	if (length != LENGTH || memcmp(got, value, LENGTH))
		c->what = "get returned other bytes";
	return true;
}

/* All together at any moment: never above a quarter, and no more pins than there are. */
static void look_at_counts(struct churn *c)
{
	struct weir_store_held held = WEIR_STORE_HELD_INIT;

	if (weir_store_get_held(rig.s, &held))
		c->what = "no counts";
	if (held.leased_bytes > held.leased_bytes_max || held.leased_bytes_max > STORE / 4)
		c->what = "leases hold more than a quarter of the store";
	if (held.leased > held.leased_bytes_max / 16384)
		c->what = "more keys are leased than fit into a quarter";
	if (held.pinned > THREADS * PINS)
		c->what = "more keys are pinned than anybody pinned";
}

/* Leases the N newest keys. Returns the time until which they are held, or 0. */
static uint64_t lease_newest(struct churn *c, size_t n)
{
	struct weir_store_key keys[HELD_MAX];
	uint64_t ids[HELD_MAX], lengths[HELD_MAX], until = clock_now() + WEIR_LEASE_MAX_NS;
	size_t leading = 0;

	for (size_t i = 0; i < n; i++) {
		ids[i] = key_of(c, c->next - 1 - i);
		keys[i] = (struct weir_store_key){ &ids[i], sizeof(ids[i]), 0 };
	}
	if (weir_store_lease(rig.s, keys, n, 0, lengths, &leading)) {
		c->what = "lease failed";
		return 0;
	}
	return leading == n ? until : 0; /* else others have evicted one already */
}

/* Leases keys, has the store evict, and reads them again. */
static void churn_round(struct churn *c)
{
	uint64_t first = c->next, until;

	for (unsigned i = 0; i < BATCH; i++)
		if (!put_next(c))
			return;
	until = lease_newest(c, BATCH);
	if (!until)
		return;
	/* All threads together put more than the store holds while each holds its own. */
	for (unsigned i = 0; i < STORE / LENGTH / THREADS + BATCH; i++)
		if (!put_next(c))
			return;
	look_at_counts(c);
	for (unsigned i = 0; i < BATCH && !c->what; i++) {
		bool there = is_there(c, first + i);

		if (clock_now() >= until)
			c->late++; /* nothing was promised any more */
		else if (!there)
			c->what = "a leased key was evicted";
		else
			c->good++;
	}
}

static void *churn_main(void *arg)
{
	struct churn *c = arg;

	for (unsigned i = 0; i < PINS; i++) {
		uint64_t key = key_of(c, c->next);

		if (!put_next(c) || weir_store_pin(rig.s, &key, sizeof(key)))
			c->what = "pin failed";
	}
	for (unsigned n = 0; n < ROUNDS && !c->what; n++) {
		churn_round(c);
		/* Pins have no time. */
		for (unsigned i = 0; i < PINS && !c->what; i++)
			if (!is_there(c, i))
				c->what = "a pinned key was evicted";
	}
	for (unsigned i = 0; i < PINS; i++) {
		uint64_t key = key_of(c, i);

		if (weir_store_unpin(rig.s, &key, sizeof(key)) && !c->what)
			c->what = "unpin failed";
	}
	return NULL;
}

static unsigned run_threads(struct churn *threads, void *(*fn)(void *))
{
	unsigned good = 0;

	/* A test that hangs must fail. */
	alarm(300);
	for (unsigned i = 0; i < THREADS; i++) {
		threads[i].number = i + 1;
		assert_int_equal(pthread_create(&threads[i].thread, NULL, fn, &threads[i]), 0);
	}
	for (unsigned i = 0; i < THREADS; i++) {
		pthread_join(threads[i].thread, NULL);
		if (threads[i].what)
			fail_msg("thread %u: %s", i, threads[i].what);
		good += threads[i].good + threads[i].late;
	}
	alarm(0);
	return good;
}

static void what_is_held_stays(void **state)
{
	static struct churn threads[THREADS];
	struct weir_store_held held = WEIR_STORE_HELD_INIT;
	struct weir_store_stats stats;
	unsigned good;

	(void)state;
	good = run_threads(threads, churn_main);
	rig_stats(&rig, &stats);
	print_message("%u reads of keys that were leased, %llu segments evicted\n", good,
		      (unsigned long long)stats.evicted_segments);
	assert_true(good > 0);
	assert_true(stats.evicted_segments > 64);
	assert_int_equal(weir_store_get_held(rig.s, &held), 0);
	assert_int_equal(held.pinned, 0);
	/* 64 keys of a quarter that has room for 128: none had to be taken back. */
	assert_int_equal(held.leases_taken_back, 0);
}

/* Each thread leases more than its part of the quarter, and lets nothing go. */
static void *greedy_main(void *arg)
{
	struct churn *c = arg;

	for (unsigned n = 0; n < ROUNDS && !c->what; n++) {
		for (unsigned i = 0; i < HELD_MAX / 2; i++)
			if (!put_next(c))
				return NULL;
		lease_newest(c, HELD_MAX / 2);
		c->good += !c->what;
		look_at_counts(c);
	}
	return NULL;
}

/* Together they lease twice the quarter: the oldest are taken back, and puts find space. */
static void too_many_leases(void **state)
{
	static struct churn threads[THREADS];
	struct weir_store_held held = WEIR_STORE_HELD_INIT;
	unsigned good;

	(void)state;
	good = run_threads(threads, greedy_main);
	assert_int_equal(weir_store_get_held(rig.s, &held), 0);
	print_message("%u calls that lease, leases of %llu keys taken back\n", good,
		      (unsigned long long)held.leases_taken_back);
	assert_int_equal(good, THREADS * ROUNDS);
	assert_true(held.leases_taken_back > 0);
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_is_held_stays),
		TEST(too_many_leases),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
