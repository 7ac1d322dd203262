/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_index_read.c - threads look keys up in an index while its owner adds, replaces and removes
 * entries and splits buckets: each answer was right at one moment of the look-up.
 *
 * For each key the owner notes the version before and after each change, odd versions being absent.
 * So a reader knows which answers it may get.
 */
#include <errno.h>
#include <pthread.h>
#include <unistd.h>

#include "rig.h"
#include "store/log/index_read.h"

#define READERS 3
#define KEYS 4000u
#define FIXED 500u /* these are always there */
#define HOT 40u	   /* half of all goes to these */
#define LOOKS 1000000u

static struct index x;
/* Of each key: the change that was begun, and the one that has ended. Atomic. An even number means
 * that the key is there with the number as its length; an odd one, that it is not. */
static uint32_t begun[KEYS], ended[KEYS];
static int stop; /* atomic */

struct reader {
	pthread_t thread;
	uint64_t state;
	const char *what; /* what went wrong */
	uint64_t hits, misses;
};

static void hash_of(uint64_t key, uint64_t hash[2])
{
	uint64_t state = key;

	hash[0] = rig_random(&state);
	hash[1] = key;
	/* Long buckets, in which a removed entry leads readers astray. */
	if (key % 3 == 1)
		hash[0] &= ~0xffffffull | 0x3f;
}

/* All that belongs to a version follows from its number, so that a mixed value is noticed. */
static struct index_value value_of(uint32_t version)
{
	return (struct index_value){ .position = (uint64_t)version + 1,
				     .checksum = version * 0x9e3779b97f4a7c15ull,
				     .length = version };
}

static uint64_t choose(uint64_t *state)
{
	uint64_t n = rig_random(state);

	return n & 1 ? FIXED + n / 2 % HOT : n / 2 % KEYS;
}

static void change(uint64_t key)
{
	uint32_t version = ended[key] + 1;
	uint64_t hash[2];
	struct index_value value, old;

	if (key < FIXED)
		version++;
	hash_of(key, hash);
	value = value_of(version);
	__atomic_store_n(&begun[key], version, __ATOMIC_SEQ_CST);
	if (version % 2)
		assert_true(index_remove(&x, hash, &old));
	else
		assert_int_equal(index_set(&x, hash, &value), 0);
	__atomic_store_n(&ended[key], version, __ATOMIC_SEQ_CST);
}

static void look(struct reader *r)
{
	uint64_t key = choose(&r->state), hash[2];
	uint32_t from = __atomic_load_n(&ended[key], __ATOMIC_SEQ_CST), to;
	struct index_value value = { 0 }, want;
	int found;

	hash_of(key, hash);
	found = rig_random(&r->state) % 4 ? index_peek(&x, hash, &value)
					  : index_set_flags(&x, hash, INDEX_READ, 0, &value);
	to = __atomic_load_n(&begun[key], __ATOMIC_SEQ_CST);
	if (found == -EAGAIN)
		return;
	want = value_of(value.length);
	if (!found) {
		r->misses++;
		/* A version between the two, with both, must be an odd one. */
		if (from == to && from % 2 == 0)
			r->what = "a key that was there was missed";
		if (key < FIXED)
			r->what = "a key that was always there was missed";
		return;
	}
	r->hits++;
	if (value.length % 2 || value.length < from || value.length > to)
		r->what = "an answer that was never right in the meantime";
	if (value.position != want.position || value.checksum != want.checksum)
		r->what = "a mixture of two values";
}

static void *read_it(void *arg)
{
	struct reader *r = arg;

	for (uint32_t n = 0; n < LOOKS && !r->what; n++)
		look(r);
	return NULL;
}

static void *change_it(void *arg)
{
	uint64_t state = 7;

	(void)arg;
	while (!__atomic_load_n(&stop, __ATOMIC_RELAXED))
		change(choose(&state));
	return NULL;
}

static void fill(void)
{
	assert_int_equal(index_init(&x), 0);
	for (uint64_t key = 0; key < KEYS; key++) {
		begun[key] = ended[key] = 1;
		if (key < FIXED) {
			begun[key] = ended[key] = 0;
			change(key);
		}
	}
}

static void readers_and_owner(void **unused)
{
	struct reader readers[READERS];
	pthread_t owner;

	(void)unused;
	fill();
	assert_int_equal(pthread_create(&owner, NULL, change_it, NULL), 0);
	for (unsigned n = 0; n < READERS; n++) {
		readers[n] = (struct reader){ .state = n };
		assert_int_equal(pthread_create(&readers[n].thread, NULL, read_it, &readers[n]), 0);
	}
	for (unsigned n = 0; n < READERS; n++)
		pthread_join(readers[n].thread, NULL);
	__atomic_store_n(&stop, 1, __ATOMIC_RELAXED);
	pthread_join(owner, NULL);
	for (unsigned n = 0; n < READERS; n++) {
		if (readers[n].what)
			fail_msg("reader %u: %s", n, readers[n].what);
		assert_true(readers[n].hits > LOOKS / 10 && readers[n].misses > LOOKS / 10);
	}
	index_free(&x);
}

/* A small index, in whose buckets entries of many stripes are. The oldest key is removed for each
 * new one, as eviction does. */
#define FEW 16u
static uint64_t few_oldest, few_newest; /* keys; atomic */

static void few_hash(uint64_t key, uint64_t hash[2])
{
	uint64_t state = key;

	hash[0] = rig_random(&state) << 4;
	hash[1] = key;
}

static void *few_read(void *arg)
{
	struct reader *r = arg;

	for (uint32_t n = 0; n < LOOKS && !r->what; n++) {
		uint64_t key = __atomic_load_n(&few_newest, __ATOMIC_SEQ_CST), hash[2];
		struct index_value value;
		int found;

		key -= rig_random(&r->state) % (FEW - 1);
		few_hash(key, hash);
		found = index_peek(&x, hash, &value);
		r->hits += found > 0;
		r->misses += !found;
		if (!found && key >= __atomic_load_n(&few_oldest, __ATOMIC_SEQ_CST))
			r->what = "a key that was there was missed";
		if (found > 0 && value.length != (uint32_t)key)
			r->what = "the value of another key";
	}
	return NULL;
}

static void few_add(uint64_t key)
{
	struct index_value value = value_of(0);
	uint64_t hash[2];

	value.length = (uint32_t)key;
	few_hash(key, hash);
	assert_int_equal(index_set(&x, hash, &value), 0);
	__atomic_store_n(&few_newest, key, __ATOMIC_SEQ_CST);
}

static void *few_change(void *arg)
{
	struct index_value old;
	uint64_t hash[2];

	(void)arg;
	while (!__atomic_load_n(&stop, __ATOMIC_RELAXED)) {
		few_hash(few_oldest, hash);
		__atomic_store_n(&few_oldest, few_oldest + 1, __ATOMIC_SEQ_CST);
		assert_true(index_remove(&x, hash, &old));
		few_add(few_newest + 1);
	}
	return NULL;
}

/* A reader of one key is not led astray by the removal of another one from the same bucket. */
static void few_entries(void **unused)
{
	struct reader readers[READERS];
	pthread_t owner;

	(void)unused;
	assert_int_equal(index_init(&x), 0);
	for (few_oldest = 1; few_newest < FEW;)
		few_add(few_newest + 1);
	__atomic_store_n(&stop, 0, __ATOMIC_RELAXED);
	assert_int_equal(pthread_create(&owner, NULL, few_change, NULL), 0);
	for (unsigned n = 0; n < READERS; n++) {
		readers[n] = (struct reader){ .state = n };
		assert_int_equal(pthread_create(&readers[n].thread, NULL, few_read, &readers[n]),
				 0);
	}
	for (unsigned n = 0; n < READERS; n++)
		pthread_join(readers[n].thread, NULL);
	__atomic_store_n(&stop, 1, __ATOMIC_RELAXED);
	pthread_join(owner, NULL);
	for (unsigned n = 0; n < READERS; n++) {
		if (readers[n].what)
			fail_msg("reader %u: %s", n, readers[n].what);
		assert_true(readers[n].hits > LOOKS / 10);
	}
	index_free(&x);
}

/* A reader is sent away after a while if a change is under way for ever. */
static void change_that_never_ends(void **unused)
{
	struct index_value value = value_of(2);
	uint64_t hash[2] = { 5, 6 }, other[2] = { 6, 6 };

	(void)unused;
	assert_int_equal(index_init(&x), 0);
	assert_int_equal(index_set(&x, hash, &value), 0);
	assert_int_equal(index_set(&x, other, &value), 0);
	assert_int_equal(index_peek(&x, hash, &value), 1);
	x.stripe[5]++;
	assert_int_equal(index_peek(&x, hash, &value), -EAGAIN);
	assert_int_equal(index_set_flags(&x, hash, INDEX_READ, 0, &value), -EAGAIN);
	assert_int_equal(index_peek(&x, other, &value), 1);
	x.stripe[5]++;
	assert_int_equal(index_peek(&x, hash, &value), 1);
	assert_int_equal(value.flags, 0);
	index_free(&x);
}

static void flags(void **unused)
{
	struct index_value value = value_of(2), old;
	uint64_t hash[2] = { 5, 6 }, none[2] = { 5, 7 };

	(void)unused;
	assert_int_equal(index_init(&x), 0);
	assert_int_equal(index_set(&x, hash, &value), 0);
	assert_int_equal(index_set_flags(&x, none, INDEX_PINNED, 0, &value), 0);
	assert_int_equal(index_set_flags(&x, hash, INDEX_READ | INDEX_PINNED, 0, &value), 1);
	assert_int_equal(value.flags, 0);
	assert_int_equal(index_set_flags(&x, hash, INDEX_READ, INDEX_PINNED, &value), 0);
	/* Replaced, it was not read since it was written; a pin stays. */
	value = value_of(4);
	assert_int_equal(index_replace(&x, hash, &value, &old), 1);
	assert_int_equal(old.flags, INDEX_READ | INDEX_PINNED);
	assert_true(index_get(&x, hash, &value));
	assert_int_equal(value.flags, INDEX_PINNED);
	assert_int_equal(index_clear_flags(&x, hash, INDEX_PINNED), 1);
	assert_int_equal(index_set_flags(&x, hash, INDEX_PINNED, INDEX_READ, &value), 1);
	/* What is removed loses it, and so the next key that gets its entry. */
	assert_true(index_remove(&x, hash, &old));
	assert_int_equal(old.flags, INDEX_PINNED);
	value = value_of(6);
	assert_int_equal(index_set(&x, none, &value), 0);
	assert_true(index_get(&x, none, &value));
	assert_int_equal(value.flags, 0);
	assert_int_equal(value.length, 6);
	index_free(&x);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(readers_and_owner),
		cmocka_unit_test(few_entries),
		cmocka_unit_test(change_that_never_ends),
		cmocka_unit_test(flags),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
