/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_index.c - the index agrees with a plain array, and never takes more memory than it may.
 */
#include "../../crash/alloc.h"
#include "rig.h"
#include "store/log/index.h"

#define KEYS 5000u

struct model {
	int present;
	struct index_value value;
};

static struct model model[KEYS];

static void hash_of(uint64_t key, uint64_t hash[2])
{
	uint64_t state = key;

	hash[0] = rig_random(&state);
	/* Neighbours share half of the hash, so both halves must count. */
	hash[1] = key;
	if (key & 1)
		hash[0] = hash[0] & 0xff;
}

static void check(const struct index *x, uint64_t key)
{
	struct index_value value;
	uint64_t hash[2];
	bool found;

	hash_of(key, hash);
	found = index_get(x, hash, &value);
	assert_int_equal(found, model[key].present);
	if (!found)
		return;
	assert_int_equal(value.position, model[key].value.position);
	assert_int_equal(value.checksum, model[key].value.checksum);
	assert_int_equal(value.length, model[key].value.length);
	assert_int_equal(value.flags, model[key].value.flags);
}

static void set(struct index *x, uint64_t key, uint64_t *state)
{
	uint16_t pinned = model[key].present ? model[key].value.flags & INDEX_PINNED : 0;
	uint64_t hash[2];

	model[key].present = 1;
	model[key].value.position = rig_random(state) >> 16;
	model[key].value.checksum = rig_random(state);
	model[key].value.length = (uint32_t)rig_random(state);
	model[key].value.flags = (uint16_t)rig_random(state) & ~(uint16_t)INDEX_PINNED;
	hash_of(key, hash);
	assert_int_equal(index_set(x, hash, &model[key].value), 0);
	model[key].value.flags |= pinned;
}

static void step(struct index *x, uint64_t *state)
{
	uint64_t key = rig_random(state) % KEYS, hash[2];
	struct index_value old;

	hash_of(key, hash);
	switch (rig_random(state) % 5) {
	case 0:
	case 1:
		assert_int_equal(index_remove(x, hash, &old), model[key].present);
		model[key].present = 0;
		break;
	default:
		set(x, key, state);
	}
	check(x, rig_random(state) % KEYS);
}

static void agrees_with_an_array(void **unused)
{
	struct index x;
	uint64_t state = 1, entries = 0, bytes = 0;
	uint32_t n;

	(void)unused;
	memset(model, 0, sizeof(model));
	assert_int_equal(index_init(&x), 0);
	for (n = 0; n < 200000; n++)
		step(&x, &state);
	for (n = 0; n < KEYS; n++) {
		check(&x, n);
		entries += (uint64_t)model[n].present;
		bytes += model[n].present ? model[n].value.length : 0;
	}
	assert_int_equal(x.entries, entries);
	assert_int_equal(x.live_bytes, bytes);
	index_free(&x);
}

static void sweeps_a_range(void **unused)
{
	struct index x;
	uint64_t state = 2, hash[2], removed = 0;
	uint64_t from = UINT64_MAX >> 18, to = UINT64_MAX >> 17;
	uint32_t n;

	(void)unused;
	memset(model, 0, sizeof(model));
	assert_int_equal(index_init(&x), 0);
	for (n = 0; n < KEYS; n++)
		set(&x, n, &state);
	for (n = 0; n < KEYS; n++) {
		if (model[n].value.position >= from && model[n].value.position < to) {
			model[n].present = 0;
			removed++;
		}
	}
	assert_true(removed > 0);
	assert_int_equal(index_sweep(&x, from, to), removed);
	for (n = 0; n < KEYS; n++)
		check(&x, n);
	hash_of(0, hash);
	index_free(&x);
}

static void reserved_room_is_kept(void **unused)
{
	struct index x;
	uint64_t state = 3;
	uint32_t n, chunks;

	(void)unused;
	assert_int_equal(index_init(&x), 0);
	for (n = 0; n < 3000; n++)
		assert_int_equal(index_reserve(&x), 0);
	chunks = x.pool.count;
	assert_true((uint64_t)chunks * INDEX_CHUNK >= 3000);
	for (n = 0; n < 3000; n++) {
		set(&x, n, &state);
		index_unreserve(&x);
	}
	assert_int_equal(x.pool.count, chunks);
	index_free(&x);
}

/* Entries that were reserved go in although there is no memory any more. */
static void reserved_room_needs_no_memory(void **unused)
{
	struct index_value value = { 1, 2, 3, 0 };
	struct index x;
	uint64_t hash[2];

	(void)unused;
	for (uint32_t count = INDEX_CHUNK - 1; count <= INDEX_CHUNK + 2; count++) {
		assert_int_equal(index_init(&x), 0);
		for (uint32_t n = 0; n < count; n++)
			assert_int_equal(index_reserve(&x), 0);
		alloc_fail(0, UINT32_MAX);
		for (uint32_t n = 0; n < count; n++) {
			int err;

			hash_of(n, hash);
			err = index_set(&x, hash, &value);
			if (err)
				alloc_fail(0, 0);
			assert_int_equal(err, 0);
			index_unreserve(&x);
		}
		alloc_fail(0, 0);
		index_free(&x);
	}
}

static void at_most_48_bytes_an_entry(void **unused)
{
	struct index x;
	struct index_value value = { 0 };
	uint64_t hash[2], state = 4;
	uint32_t n;

	(void)unused;
	assert_int_equal(index_init(&x), 0);
	for (n = 1; n <= 1000000; n++) {
		hash[0] = rig_random(&state);
		hash[1] = n;
		assert_int_equal(index_set(&x, hash, &value), 0);
		/* Memory grows in steps that are large for the first few; from there on, the limit
		 * holds at every moment. */
		if (n >= 20000 && x.bytes > 48ull * n)
			fail_msg("%llu bytes for %u entries", (unsigned long long)x.bytes, n);
	}
	/* The chains stay short: there is a bucket for each entry. */
	assert_true(x.buckets >= 1000000);
	index_free(&x);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(agrees_with_an_array),
		cmocka_unit_test(sweeps_a_range),
		cmocka_unit_test(reserved_room_is_kept),
		cmocka_unit_test(reserved_room_needs_no_memory),
		cmocka_unit_test(at_most_48_bytes_an_entry),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
