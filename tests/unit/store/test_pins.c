/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_pins.c - pins and leases: the table, the flag in the index that goes with it, and what
 * reclaim is told, also while other threads take hold of keys.
 */
#include <errno.h>
#include <pthread.h>
#include <time.h>

#include <weir/pin.h>

#include "rig.h"
#include "base/clock.h"
#include "store/log/logs.h"
#include "store/store.h"

#define LENGTH (64u << 10)
#define QUARTER 64u /* values that a quarter of the store can have */

static struct rig rig;

static int set_up(void **state)
{
	(void)state;
	rig_make(&rig, 16 << 20, 256 << 10, 4096);
	rig.attach = 1; /* this thread is the loop, so it may look at the index */
	rig_open(&rig);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	rig_remove(&rig);
	return 0;
}

static void hash_of(uint64_t key, uint64_t hash[2])
{
	checksum_identity(&rig.s->io.key, &key, sizeof(key), hash);
}

/* Returns the flags of KEY's entry. */
static uint16_t flags(uint64_t key)
{
	struct index_value value;
	uint64_t hash[2];

	hash_of(key, hash);
	assert_true(logs_find(rig.s->logs, hash, &value));
	return value.flags;
}

static bool held(uint64_t key)
{
	return flags(key) & INDEX_PINNED;
}

/* Asks as reclaim does, and takes it back. */
static bool may_leave(uint64_t key)
{
	uint64_t hash[2];
	bool yes;

	hash_of(key, hash);
	yes = hold_let_go(rig.s->logs, hash);
	if (yes)
		hold_stay(rig.s->logs, hash);
	return yes;
}

static int pin(uint64_t key)
{
	return weir_store_pin(rig.s, &key, sizeof(key));
}

static int unpin(uint64_t key)
{
	return weir_store_unpin(rig.s, &key, sizeof(key));
}

/* Leases the N keys from FIRST on. Returns how many are there from the first on. */
static size_t lease(uint64_t first, size_t n, uint64_t until)
{
	struct weir_store_key keys[2 * QUARTER];
	uint64_t id[2 * QUARTER], lengths[2 * QUARTER];
	size_t leading = 77;

	assert_true(n <= 2 * QUARTER);
	for (size_t i = 0; i < n; i++) {
		id[i] = first + i;
		keys[i] = (struct weir_store_key){ &id[i], sizeof(id[i]), 0 };
	}
	assert_int_equal(weir_store_lease(rig.s, keys, n, until, lengths, &leading), 0);
	for (size_t i = 0; i < leading; i++)
		assert_true(lengths[i] > 0);
	return leading;
}

static int unlease(uint64_t key)
{
	struct weir_store_key one = { &key, sizeof(key), 0 };

	return weir_store_unlease(rig.s, &one, 1);
}

static struct weir_store_held counts(void)
{
	struct weir_store_held all = WEIR_STORE_HELD_INIT;

	assert_int_equal(weir_store_get_held(rig.s, &all), 0);
	return all;
}

static void pins_are_counted(void **state)
{
	(void)state;
	assert_int_equal(pin(1), -ENOENT);
	assert_int_equal(unpin(1), -ENOENT);
	assert_int_equal(rig_put(&rig, 1, 1, 100, 0), 0);
	assert_true(may_leave(1));
	assert_int_equal(pin(1), 0);
	assert_int_equal(pin(1), 0);
	assert_int_equal(counts().pinned, 1);
	assert_false(may_leave(1));
	assert_int_equal(unpin(1), 0);
	assert_false(may_leave(1));
	assert_int_equal(unpin(1), 0);
	assert_true(may_leave(1));
	assert_false(held(1));
	assert_int_equal(unpin(1), -ENOENT);
	assert_int_equal(counts().pinned, 0);
}

static void pin_stays_with_the_key(void **state)
{
	(void)state;
	assert_int_equal(rig_put(&rig, 1, 1, 100, 0), 0);
	assert_int_equal(pin(1), 0);
	assert_int_equal(rig_put(&rig, 1, 2, 200, 0), 0);
	assert_true(held(1));
	assert_int_equal(rig_get(&rig, 1, 2, 200), 1);
	assert_false(may_leave(1)); /* a get ends leases only */
	assert_int_equal(rig_delete(&rig, 1, 0), 0);
	assert_int_equal(counts().pinned, 0);
	assert_int_equal(unpin(1), -ENOENT);
	assert_int_equal(rig_put(&rig, 1, 3, 100, 0), 0);
	assert_true(may_leave(1));
	/* Pins are not on the device. */
	assert_int_equal(pin(1), 0);
	rig_close(&rig);
	rig_open(&rig);
	assert_true(may_leave(1));
}

static void many_pins(void **state)
{
	enum { MANY = 3000 };
	uint64_t key;

	(void)state;
	/* The table grows, so rows move to other buckets. */
	rig_remove(&rig);
	rig_make(&rig, 64 << 20, 256 << 10, 4096);
	rig_open(&rig);
	for (key = 0; key < MANY; key++) {
		assert_int_equal(rig_put(&rig, key, 1, 10, 0), 0);
		assert_int_equal(pin(key), 0);
	}
	assert_int_equal(counts().pinned, MANY);
	for (key = 0; key < MANY; key += 2)
		assert_int_equal(unpin(key), 0);
	for (key = 0; key < MANY; key++)
		assert_int_equal(may_leave(key), key % 2 == 0);
	assert_int_equal(counts().pinned, MANY / 2);
}

static void lease_ends_with_a_get(void **state)
{
	uint8_t buf[8];
	uint64_t key = 1;

	(void)state;
	assert_int_equal(rig_put(&rig, 1, 1, 100, 0), 0);
	assert_int_equal(rig_put(&rig, 2, 1, 100, 0), 0);
	assert_int_equal(lease(1, 3, 0), 2);
	assert_true(flags(1) & INDEX_READ);
	assert_false(may_leave(1));
	assert_int_equal(counts().leased, 2);
	assert_int_equal(counts().leased_bytes, 2 * 4096);
	/* This get has read nothing. */
	assert_int_equal(weir_store_get(rig.s, &key, sizeof(key), buf, sizeof(buf), NULL),
			 -EMSGSIZE);
	assert_false(may_leave(1));
	assert_int_equal(rig_get(&rig, 1, 1, 100), 1);
	assert_true(may_leave(1));
	assert_false(held(1));
	/* Two leases need two gets. */
	assert_int_equal(lease(2, 1, 0), 1);
	assert_int_equal(rig_get(&rig, 2, 1, 100), 1);
	assert_false(may_leave(2));
	assert_int_equal(rig_get(&rig, 2, 1, 100), 1);
	assert_true(may_leave(2));
	assert_int_equal(counts().leased, 0);
	assert_int_equal(counts().leased_bytes, 0);
}

/* Checks that key 1 has two leases, of which one is over at UNTIL and the other one is not. */
static void check_later_counts(uint64_t until)
{
	struct timespec t = { .tv_nsec = 3000000 };

	while (clock_now() < until)
		nanosleep(&t, NULL);
	assert_int_equal(unlease(1), 0);
	assert_false(may_leave(1));
	assert_int_equal(unlease(1), 0);
	assert_true(may_leave(1));
}

static void lease_ends_in_other_ways(void **state)
{
	struct timespec t = { .tv_nsec = 3000000 };
	uint64_t shorter, until;

	(void)state;
	assert_int_equal(rig_put(&rig, 1, 1, 100, 0), 0);
	/* Its time is over. */
	assert_int_equal(lease(1, 1, clock_now() + 1000000), 1);
	nanosleep(&t, NULL);
	assert_true(may_leave(1));
	assert_int_equal(counts().leased, 0);
	/* It is given back; the later of two times counts. */
	for (shorter = 10 * NSEC_PER_MSEC;; shorter *= 2) {
		until = clock_now() + shorter;
		assert_int_equal(lease(1, 1, until), 1);
		assert_int_equal(lease(1, 1, 0), 1);
		if (clock_now() < until)
			break; /* the first was not over before the other one was there */
		assert_true(shorter < WEIR_LEASE_MAX_NS);
		while (!may_leave(1))
			assert_int_equal(unlease(1), 0);
	}
	check_later_counts(until);
	/* Also if it is the first. */
	until = clock_now() + NSEC_PER_MSEC;
	assert_int_equal(lease(1, 1, 0), 1);
	assert_int_equal(lease(1, 1, until), 1);
	check_later_counts(until);
	assert_int_equal(unlease(1), 0);
	/* Its key is deleted. */
	assert_int_equal(lease(1, 1, 0), 1);
	assert_int_equal(rig_delete(&rig, 1, 0), 0);
	assert_int_equal(counts().leased_bytes, 0);
	assert_int_equal(lease(1, 1, 0), 0);
	/* A pin lives on when a lease of the same key ends. */
	assert_int_equal(rig_put(&rig, 1, 1, 100, 0), 0);
	assert_int_equal(pin(1), 0);
	assert_int_equal(lease(1, 1, 0), 1);
	assert_int_equal(rig_get(&rig, 1, 1, 100), 1);
	assert_false(may_leave(1));
	assert_int_equal(counts().leased, 0);
	assert_int_equal(unpin(1), 0);
	assert_true(may_leave(1));
}

/* A delete may leave alone what is held. What it leaves is there, and held as before. */
static void a_delete_leaves_what_is_held(void **state)
{
	struct timespec t = { .tv_nsec = 3000000 };

	(void)state;
	assert_int_equal(rig_put(&rig, 1, 1, 100, 0), 0);
	assert_int_equal(lease(1, 1, 0), 1);
	assert_int_equal(rig_delete(&rig, 1, WEIR_DELETE_UNHELD), -EBUSY);
	assert_non_null(strstr(weir_error(), "holds the key"));
	assert_false(may_leave(1));
	assert_int_equal(unlease(1), 0);
	assert_int_equal(pin(1), 0);
	assert_int_equal(rig_delete(&rig, 1, WEIR_DELETE_UNHELD | WEIR_PUT_DURABLE), -EBUSY);
	assert_int_equal(rig_get(&rig, 1, 1, 100), 1);
	assert_int_equal(unpin(1), 0);
	/* Nobody has noticed yet that the time of this one is over. */
	assert_int_equal(lease(1, 1, clock_now() + 1000000), 1);
	nanosleep(&t, NULL);
	assert_int_equal(rig_delete(&rig, 1, WEIR_DELETE_UNHELD), 0);
	assert_int_equal(rig_delete(&rig, 1, WEIR_DELETE_UNHELD), -ENOENT);
	assert_int_equal(counts().leased + counts().pinned, 0);
	/* It is no flag of puts. */
	assert_int_equal(rig_put(&rig, 1, 1, 100, WEIR_DELETE_UNHELD), -EINVAL);
}

/* No lease is longer than 5 seconds, whatever the caller says. */
static void lease_has_a_longest_time(void **state)
{
	struct pin *row;
	uint64_t hash[2];

	(void)state;
	assert_int_equal(rig_put(&rig, 1, 1, 100, 0), 0);
	assert_int_equal(lease(1, 1, UINT64_MAX), 1);
	hash_of(1, hash);
	row = pins_find(&rig.s->logs->pins, hash);
	assert_non_null(row);
	assert_true(row->until <= clock_now() + WEIR_LEASE_MAX_NS);
}

/* All leases together hold a quarter of the store; the oldest are taken back. */
static void oldest_leases_are_taken_back(void **state)
{
	uint64_t key;

	(void)state;
	assert_int_equal(counts().leased_bytes_max / LENGTH, QUARTER);
	for (key = 0; key < 2 * QUARTER; key++)
		assert_int_equal(rig_put(&rig, key, 1, LENGTH, 0), 0);
	assert_int_equal(lease(0, QUARTER / 2, 0), QUARTER / 2);
	assert_int_equal(lease(QUARTER / 2, QUARTER / 2 + 1, 0), QUARTER / 2 + 1);
	assert_int_equal(counts().leases_taken_back, 1);
	assert_true(may_leave(0));
	assert_false(may_leave(1));
	/* Who leases again is the youngest. */
	assert_int_equal(lease(1, 1, 0), 1);
	assert_int_equal(lease(QUARTER + 1, 1, 0), 1);
	assert_false(may_leave(1));
	assert_true(may_leave(2));
	/* A call that asks for more than there is gets its first keys. */
	assert_int_equal(lease(0, 2 * QUARTER, 0), 2 * QUARTER);
	assert_false(may_leave(0));
	assert_false(may_leave(QUARTER - 1));
	assert_true(may_leave(QUARTER));
	assert_true(may_leave(2 * QUARTER - 1));
	assert_true(counts().leased_bytes <= counts().leased_bytes_max);
	/* A taken lease is no lease, so nothing is given back twice. */
	assert_int_equal(unlease(2 * QUARTER - 1), 0);
	assert_int_equal(rig_get(&rig, QUARTER, 1, LENGTH), 1);
	rig_check_counts(rig.s);
}

/* Values take whole blocks, and these count: otherwise leases of short values would hold the whole
 * store. */
static void leases_of_short_values(void **state)
{
	uint64_t key, n = 16 * 256 / 4;

	(void)state;
	for (key = 0; key <= n; key++)
		assert_int_equal(rig_put(&rig, key, 1, 1, 0), 0);
	for (key = 0; key <= n; key++)
		assert_int_equal(lease(key, 1, 0), 1);
	assert_int_equal(counts().leased, n);
	assert_int_equal(counts().leased_bytes, counts().leased_bytes_max);
	assert_int_equal(counts().leases_taken_back, 1);
	assert_true(may_leave(0));
	assert_false(may_leave(1));
}

/* A put may make a leased value longer. */
static void leased_values_grow(void **state)
{
	uint64_t key;

	(void)state;
	for (key = 0; key <= QUARTER; key++)
		assert_int_equal(rig_put(&rig, key, 1, 1, 0), 0);
	assert_int_equal(lease(0, QUARTER + 1, 0), QUARTER + 1);
	for (key = 0; key <= QUARTER; key++)
		assert_int_equal(rig_put(&rig, key, 2, LENGTH, 0), 0);
	assert_true(counts().leased_bytes <= counts().leased_bytes_max);
	assert_int_equal(counts().leases_taken_back, 1);
	assert_true(may_leave(0));
	assert_false(may_leave(1));
	for (key = 1; key <= QUARTER; key++)
		assert_int_equal(rig_put(&rig, key, 3, 4096, 0), 0);
	assert_int_equal(counts().leased_bytes, QUARTER * 4096);
}

/* A lease whose time is over needs no get. */
static void lease_after_another(void **state)
{
	struct timespec t = { .tv_nsec = 3000000 };

	(void)state;
	assert_int_equal(rig_put(&rig, 1, 1, 100, 0), 0);
	assert_int_equal(lease(1, 1, clock_now() + 1000000), 1);
	nanosleep(&t, NULL);
	assert_int_equal(lease(1, 1, 0), 1);
	assert_int_equal(rig_get(&rig, 1, 1, 100), 1);
	assert_true(may_leave(1));
}

/* Survivors take no more than their segment gives back, however small the batches of this life are:
 * pins of a part of the store must not make it full. */
static void pins_and_small_batches(void **state)
{
	struct weir_store_opts opts = WEIR_STORE_OPTS_INIT;
	struct weir_store_op ops[32];
	uint64_t keys[32], key, n;
	static char value[4096];

	(void)state;
	for (key = 0; key < 4000; key += 32) {
		memset(ops, 0, sizeof(ops));
		for (n = 0; n < 32; n++) {
			keys[n] = key + n;
			ops[n].key = &keys[n];
			ops[n].key_len = sizeof(keys[n]);
			ops[n].value = value;
			ops[n].value_len = sizeof(value);
		}
		assert_int_equal(weir_store_put_many(rig.s, ops, 32), 0);
	}
	rig_close(&rig);
	opts.attach = 1;
	opts.engine = rig.engine;
	opts.batch_bytes = 8192;
	assert_int_equal(weir_store_open(&rig.s, rig.path, &opts), 0);
	for (key = 0, n = 0; n < 800; key++)
		n += !pin(key);
	for (key = 0; key < 4000; key++)
		if (rig_put(&rig, 10000 + key, 1, 4096, 0))
			fail_msg("put %d: %s", (int)key, weir_error());
	assert_int_equal(counts().pinned, 800);
}

static uint64_t written(void)
{
	struct weir_store_stats stats;

	rig_stats(&rig, &stats);
	return stats.written_bytes;
}

/* Puts and pins until there is no space. Returns the first key that has no value. */
static uint64_t hold_everything(uint64_t from)
{
	uint64_t key = from;
	int err = 0;

	for (; !err; key++) {
		err = rig_put(&rig, key, 1, LENGTH, 0);
		if (!err)
			assert_int_equal(pin(key), 0);
	}
	assert_int_equal(err, -ENOSPC);
	return key - 1;
}

/* That pins hold everything is found out once: to do that again for each put would write all that
 * is pinned each time. */
static void full_of_pins(void **state)
{
	uint64_t keys = hold_everything(0), bytes, n;

	(void)state;
	bytes = written();
	for (n = 0; n < 100; n++)
		assert_int_equal(rig_put(&rig, 1000, 1, LENGTH, 0), -ENOSPC);
	/* What was under way may end. */
	assert_true(written() - bytes < 1 << 20);
	/* It is noticed that keys may leave, whether they were let go or deleted. */
	for (n = 0; n < 12; n++)
		assert_int_equal(unpin(n), 0);
	assert_int_equal(rig_put(&rig, 1000, 1, LENGTH, 0), 0);
	assert_int_equal(pin(1000), 0);
	assert_true(hold_everything(1001) > 1001);
	for (n = 12; n < 24; n++)
		assert_int_equal(rig_delete(&rig, n, 0), 0);
	assert_int_equal(rig_put(&rig, 2000, 1, LENGTH, 0), 0);
	for (n = 24; n < keys; n++)
		assert_int_equal(rig_get(&rig, n, 1, LENGTH), 1);
	rig_check_counts(rig.s);
}

/* The time of a lease ends without a word, and then there is space. */
static void full_of_leases(void **state)
{
	uint64_t keys = hold_everything(0), n;
	struct timespec t = { .tv_nsec = 3000000 };
	int err;

	(void)state;
	for (n = 0; n < QUARTER / 2; n++) {
		assert_int_equal(lease(n, 1, clock_now() + 1000000), 1);
		assert_int_equal(unpin(n), 0);
	}
	err = rig_put(&rig, 1000, 1, LENGTH, 0);
	assert_true(!err || err == -ENOSPC);
	nanosleep(&t, NULL);
	assert_int_equal(rig_put(&rig, 1000, 1, LENGTH, 0), 0);
	for (n = QUARTER / 2; n < keys; n++)
		assert_int_equal(rig_get(&rig, n, 1, LENGTH), 1);
}

/* What reclaim lets go cannot be held any more, until it is written again. */
static void leaving_entries_cannot_be_held(void **state)
{
	uint64_t hash[2];

	(void)state;
	assert_int_equal(rig_put(&rig, 1, 1, 100, 0), 0);
	hash_of(1, hash);
	assert_true(hold_let_go(rig.s->logs, hash));
	assert_int_equal(pin(1), -ENOENT);
	assert_int_equal(lease(1, 1, 0), 0);
	assert_int_equal(rig_get(&rig, 1, 1, 100), 1);
	assert_int_equal(counts().leased + counts().pinned, 0);
	hold_stay(rig.s->logs, hash);
	assert_int_equal(pin(1), 0);
	assert_int_equal(unpin(1), 0);
	assert_true(hold_let_go(rig.s->logs, hash));
	assert_int_equal(rig_put(&rig, 1, 2, 100, 0), 0);
	assert_int_equal(lease(1, 1, 0), 1);
	assert_false(hold_let_go(rig.s->logs, hash));
	/* An entry that must leave loses what holds it. */
	hold_break(rig.s->logs, hash);
	assert_int_equal(counts().leased, 0);
	assert_int_equal(pin(1), -ENOENT);
}

static void deleted_between(void **state)
{
	uint64_t hash[2];

	(void)state;
	hash_of(9, hash);
	assert_true(hold_let_go(rig.s->logs, hash));
	hold_stay(rig.s->logs, hash);
	hold_break(rig.s->logs, hash);
}

#define THREADS 3
#define SHARED 8u
#define ROUNDS 20000u

/* Odd while a thread holds the key for certain; atomic. */
static uint32_t holds[THREADS][SHARED];
static int running; /* atomic */

struct thread {
	pthread_t thread;
	uint64_t number;
	uint64_t taken;
};

static bool take(uint64_t key, bool lease_it)
{
	struct weir_store_key one = { &key, sizeof(key), 0 };
	uint64_t length = 0;

	if (!lease_it)
		return !weir_store_pin(rig.s, &key, sizeof(key));
	return !weir_store_lease(rig.s, &one, 1, 0, &length, NULL) && length;
}

/* The loop's thread may have deleted the key meanwhile, which ends pins and leases. */
static void give(uint64_t key, bool lease_it)
{
	struct weir_store_key one = { &key, sizeof(key), 0 };

	if (lease_it)
		weir_store_unlease(rig.s, &one, 1);
	else
		weir_store_unpin(rig.s, &key, sizeof(key));
}

static void *take_and_give(void *arg)
{
	struct thread *t = arg;
	uint64_t state = t->number, n;

	for (n = 0; n < ROUNDS; n++) {
		/* Each has keys of its own, and one that all share. */
		uint64_t key = rig_random(&state) % SHARED;
		bool lease_it = rig_random(&state) % 2;
		uint64_t id = key ? t->number * SHARED + key : 0;

		if (!take(id, lease_it))
			continue;
		t->taken++;
		if (key)
			__atomic_fetch_add(&holds[t->number][key], 1, __ATOMIC_SEQ_CST);
		sched_yield();
		if (key)
			__atomic_fetch_add(&holds[t->number][key], 1, __ATOMIC_SEQ_CST);
		give(id, lease_it);
	}
	__atomic_fetch_sub(&running, 1, __ATOMIC_SEQ_CST);
	return NULL;
}

/* Asks as reclaim does: what a thread holds before and after may not go. */
static void ask(uint64_t thread, uint64_t key)
{
	uint32_t before = __atomic_load_n(&holds[thread][key], __ATOMIC_SEQ_CST), after;
	uint64_t hash[2];
	bool gone;

	hash_of(thread * SHARED + key, hash);
	gone = hold_let_go(rig.s->logs, hash);
	after = __atomic_load_n(&holds[thread][key], __ATOMIC_SEQ_CST);
	if (before % 2 && before == after)
		assert_false(gone);
	hold_stay(rig.s->logs, hash);
}

static void threads_take_hold(void **state)
{
	struct thread threads[THREADS];
	uint64_t n, seed = 5;

	(void)state;
	memset(holds, 0, sizeof(holds));
	for (n = 0; n < THREADS * SHARED; n++)
		assert_int_equal(rig_put(&rig, n, 1, 100, 0), 0);
	__atomic_store_n(&running, THREADS, __ATOMIC_SEQ_CST);
	for (n = 0; n < THREADS; n++) {
		threads[n] = (struct thread){ .number = n };
		assert_int_equal(
			pthread_create(&threads[n].thread, NULL, take_and_give, &threads[n]), 0);
	}
	while (__atomic_load_n(&running, __ATOMIC_SEQ_CST)) {
		for (n = 0; n < 50; n++)
			ask(rig_random(&seed) % THREADS, 1 + rig_random(&seed) % (SHARED - 1));
		/* The shared key is put and deleted, the others are put again. */
		assert_int_equal(rig_put(&rig, rig_random(&seed) % (THREADS * SHARED), 1, 100, 0),
				 0);
		rig_delete(&rig, 0, 0);
		assert_int_equal(rig_put(&rig, 0, 1, 100, 0), 0);
	}
	for (n = 0; n < THREADS; n++) {
		pthread_join(threads[n].thread, NULL);
		assert_true(threads[n].taken > ROUNDS / 10);
	}
	for (n = 0; n < THREADS * SHARED; n++)
		assert_true(may_leave(n));
	assert_int_equal(counts().leased_bytes + counts().leased + counts().pinned, 0);
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(pins_are_counted),
		TEST(pin_stays_with_the_key),
		TEST(many_pins),
		TEST(lease_ends_with_a_get),
		TEST(lease_ends_in_other_ways),
		TEST(a_delete_leaves_what_is_held),
		TEST(lease_has_a_longest_time),
		TEST(leases_of_short_values),
		TEST(leased_values_grow),
		TEST(lease_after_another),
		TEST(pins_and_small_batches),
		TEST(full_of_pins),
		TEST(full_of_leases),
		TEST(oldest_leases_are_taken_back),
		TEST(leaving_entries_cannot_be_held),
		TEST(deleted_between),
		TEST(threads_take_hold),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
