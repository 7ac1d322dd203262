/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_tenants.c - tenants are added while other things happen: power cuts, failing writes, other
 * threads, a full store.
 */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>

#include "memdisk.h"
#include "store/log/logs.h"

#define SEGMENT (64u << 10)
#define IMAGE (64u * SEGMENT + (128u << 10))
#define STREAMS 8u /* of 64 segments */
#define KEYS 400u
#define VALUE_MAX 12000u
#define THREADS 4u
#define NAMES 12u

static struct rig rig;

static int setup(void **state)
{
	(void)state;
	memset(&rig, 0, sizeof(rig));
	rig.engine = "posix";
	rig_make(&rig, IMAGE, SEGMENT, 4096);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	rig_remove(&rig);
	return 0;
}

static int put_key(uint64_t key, uint64_t version, size_t length, uint32_t flags)
{
	static uint8_t value[VALUE_MAX];

	rig_value(key, version, value, length);
	return rig_put_flags(rig.s, &key, value, length, flags);
}

static int exists(uint64_t key)
{
	return weir_store_exists(rig.s, &key, sizeof(key), NULL);
}

/* Makes a store with tenant a, which has key 1. */
static void one_tenant(uint64_t seed)
{
	uint32_t a;

	memdisk_load(&rig, 512, seed);
	memdisk_power_on(&rig);
	assert_int_equal(weir_store_add_tenant(rig.s, "a", &a), 1);
	assert_int_equal(put_key(1, 1, 100, RIG_STREAM(a) | WEIR_PUT_DURABLE), 0);
}

/* Checks the store after a power cut while "b" was added, with ERR for an answer. */
static void check_after_cut(int err, uint32_t b)
{
	uint32_t stream;

	memdisk_power_off(&rig);
	memdisk_power_on(&rig);
	assert_int_equal(weir_store_add_tenant(rig.s, "a", &stream), 0);
	assert_int_equal(stream, 1);
	assert_int_equal(exists(1), 0);
	if (err >= 0) {
		assert_int_equal(weir_store_add_tenant(rig.s, "b", &stream), 0);
		assert_int_equal(stream, b);
	}
	assert_true(weir_store_add_tenant(rig.s, "c", &stream) > 0);
	memdisk_power_off(&rig);
	memdisk_free();
}

static void power_goes_while_one_comes(void **state)
{
	unsigned cut, n, came = 0;
	uint32_t b = 0;
	int err;

	(void)state;
	for (cut = 1; cut <= 8; cut++)
		for (n = 0; n < 4; n += RIG_EVERY) {
			one_tenant(n);
			memdisk.off_at = memdisk.commands + cut;
			err = weir_store_add_tenant(rig.s, "b", &b);
			assert_true(cut > 3 || err < 0);
			came += err == 1;
			check_after_cut(err, b);
		}
	assert_true(came);
}

/* A copy that could not be written is damaged: the other one is written only when this one is whole
 * again. */
static void power_goes_after_a_copy_failed(void **state)
{
	unsigned cut, copy, n;
	uint32_t b = 0;
	int err;

	(void)state;
	for (cut = 1; cut <= 5; cut++)
		for (n = 0; n < 8; n += RIG_EVERY)
			for (copy = 0; copy < 2; copy++) {
				one_tenant(n);
				memdisk.fail_op = WEIR_OP_WRITE;
				memdisk.fail_from = copy ? IMAGE / 2 : 0;
				memdisk.fail_to = copy ? IMAGE : 4096;
				memdisk.fails = 1;
				assert_int_equal(weir_store_add_tenant(rig.s, "x", &b), -EIO);
				assert_int_equal(put_key(2, 1, 100, RIG_STREAM(2)), -EINVAL);
				memdisk.off_at = memdisk.commands + cut;
				err = weir_store_add_tenant(rig.s, "b", &b);
				check_after_cut(err, b);
			}
}

static void all_streams(uint32_t stream[STREAMS])
{
	char name[2] = { 0 };
	unsigned n;

	stream[0] = 0;
	for (n = 1; n < STREAMS; n++) {
		name[0] = (char)('a' + n);
		assert_true(weir_store_add_tenant(rig.s, name, &stream[n]) >= 0);
		assert_int_equal(stream[n], n);
	}
}

/* Segments that cannot be begun are lost for all streams: the store stops before puts wait for
 * ever. */
static void headers_fail_in_all_streams(void **state)
{
	uint32_t stream[STREAMS];
	unsigned n;
	int err = 0;

	(void)state;
	memdisk_load(&rig, 512, 1);
	memdisk_power_on(&rig);
	all_streams(stream);
	for (n = 0; n < STREAMS && !err; n++) {
		memdisk.fail_op = WEIR_OP_WRITE;
		memdisk.fail_to = memdisk.bytes;
		memdisk.fails = 5 * PREPARE_TRIES;
		err = put_key(n, 1, 100, RIG_STREAM(stream[n]));
	}
	assert_int_equal(err, -EROFS);
	assert_int_equal(n, 2);
	memdisk.fails = 0;
	memdisk_power_off(&rig);
	memdisk_free();
}

static uint64_t last[KEYS]; /* the version of each key; 0: deleted */

/* Runs 16 puts and deletes of different keys in random streams. */
static void some_operations(uint64_t *seed, const uint32_t stream[STREAMS], uint64_t round)
{
	static uint8_t value[16][VALUE_MAX];
	struct weir_store_op ops[16];
	uint64_t keys[16], first = rig_random(seed) % KEYS;
	unsigned n;

	memset(ops, 0, sizeof(ops));
	for (n = 0; n < 16; n++) {
		keys[n] = (first + n) % KEYS;
		ops[n].key = &keys[n];
		ops[n].key_len = sizeof(keys[n]);
		ops[n].kind = rig_random(seed) % 4 ? WEIR_STORE_PUT : WEIR_STORE_DELETE;
		ops[n].stream = (uint16_t)stream[rig_random(seed) % STREAMS];
		ops[n].flags = rig_random(seed) % 8 ? 0 : WEIR_PUT_DURABLE;
		last[keys[n]] = ops[n].kind == WEIR_STORE_PUT ? round : 0;
		if (ops[n].kind != WEIR_STORE_PUT)
			continue;
		ops[n].value = value[n];
		ops[n].value_len = 1 + rig_random(seed) % VALUE_MAX;
		rig_value(keys[n], round, value[n], ops[n].value_len);
	}
	weir_store_run(rig.s, ops, 16);
	for (n = 0; n < 16; n++)
		if (ops[n].kind == WEIR_STORE_PUT || ops[n].result != -ENOENT)
			assert_int_equal(ops[n].result, 0);
}

/* Each key has its last version, or was evicted. */
static void check_last(void)
{
	static uint8_t value[VALUE_MAX], want[VALUE_MAX];
	uint64_t key;
	size_t length;
	unsigned present = 0;

	for (key = 0; key < KEYS; key++) {
		int err = weir_store_get(rig.s, &key, sizeof(key), value, sizeof(value), &length);

		if (err == -ENOENT)
			continue;
		assert_int_equal(err, 0);
		assert_true(last[key] > 0);
		rig_value(key, last[key], want, length);
		assert_memory_equal(value, want, length);
		present++;
	}
	assert_true(present > KEYS / 16);
}

/* There are as many streams as possible, on a full store: nothing hangs and no values are
 * exchanged. */
static void full_with_all_streams(void **state)
{
	uint32_t stream[STREAMS];
	uint64_t seed, round, random;

	(void)state;
	for (seed = 1; seed <= 3; seed += RIG_EVERY) {
		memdisk_load(&rig, 4096, seed);
		memset(last, 0, sizeof(last));
		random = seed;
		memdisk_power_on(&rig);
		all_streams(stream);
		for (round = 1; round <= 150 / RIG_EVERY; round++)
			some_operations(&random, stream, round);
		check_last();
		assert_int_equal(memdisk_close(&rig), 0);
		memdisk_power_on(&rig);
		check_last();
		memdisk_power_off(&rig);
		memdisk_free();
	}
}

#define FLOOD 48u

static struct weir_store_op flood[FLOOD + 1];
static uint64_t flood_key[FLOOD + 1], flood_next;
static unsigned flooded, flooding, trickled;

/* The callback of the last put submits the next one. */
static void flood_ended(struct weir_store_op *op)
{
	assert_int_equal(op->result, 0);
	flooded++;
	flooding--;
	if (op == &flood[FLOOD])
		trickled = 1;
	if (trickled || flooded > 5000)
		return;
	*(uint64_t *)op->user = flood_next++;
	flooding++;
	assert_int_equal(weir_store_submit(rig.s, op), 0);
}

static void flood_put(unsigned n, uint32_t stream)
{
	static uint8_t value[VALUE_MAX];

	flood_key[n] = flood_next++;
	flood[n] = (struct weir_store_op){ .kind = WEIR_STORE_PUT,
					   .stream = (uint16_t)stream,
					   .key = &flood_key[n],
					   .key_len = sizeof(flood_key[n]),
					   .value = value,
					   .value_len = sizeof(value),
					   .user = &flood_key[n],
					   .end = flood_ended };
	flooding++;
	assert_int_equal(weir_store_submit(rig.s, &flood[n]), 0);
}

/* A put that needs a segment gets one in its turn, however much another stream wants. */
static void a_flood_starves_nobody(void **state)
{
	uint32_t stream[STREAMS];
	unsigned n, before = 0;

	(void)state;
	memdisk_load(&rig, 4096, 1);
	memdisk_power_on(&rig);
	all_streams(stream);
	flooded = flooding = trickled = 0;
	for (n = 0; n < FLOOD; n++)
		flood_put(n, stream[0]);
	while (flooding) {
		assert_int_equal(weir_store_poll(rig.s), 0);
		/* The store is full by then. */
		if (flooded < 600 || before)
			continue;
		before = flooded;
		flood_put(FLOOD, stream[1]);
	}
	/* Puts worth some segments went before it, not more. */
	assert_in_range(flooded - before, 1, 4 * FLOOD); /* 112 were seen */
	assert_int_equal(memdisk_close(&rig), 0);
	memdisk_free();
}

struct asker {
	pthread_t thread;
	unsigned number;
	uint32_t stream[NAMES];
	unsigned created;
};

static void *ask(void *arg)
{
	struct asker *a = arg;
	uint8_t value[500] = { 0 };
	unsigned n;

	for (n = 0; n < NAMES; n++) {
		uint64_t key = a->number * 1000 + n;
		char name[16];
		int err;

		snprintf(name, sizeof(name), "tenant %u", n);
		err = weir_store_add_tenant(rig.s, name, &a->stream[n]);
		if (err < 0 ||
		    rig_put_flags(rig.s, &key, value, sizeof(value), RIG_STREAM(a->stream[n])))
			return "failed";
		a->created += err == 1;
	}
	return NULL;
}

/* Several threads ask for the same tenants while others put: all get the same stream, and one of
 * them made it. */
static void threads_ask_at_once(void **state)
{
	struct weir_store_info info = WEIR_STORE_INFO_INIT;
	struct asker askers[THREADS];
	unsigned n, created = 0;
	void *failed;

	(void)state;
	rig_open(&rig);
	for (n = 0; n < THREADS; n++) {
		askers[n] = (struct asker){ .number = n };
		assert_int_equal(pthread_create(&askers[n].thread, NULL, ask, &askers[n]), 0);
	}
	for (n = 0; n < THREADS; n++) {
		assert_int_equal(weir_store_get_info(rig.s, &info), 0);
		assert_int_equal(pthread_join(askers[n].thread, &failed), 0);
		assert_null(failed);
		assert_memory_equal(askers[n].stream, askers[0].stream, sizeof(askers[n].stream));
		created += askers[n].created;
	}
	assert_int_equal(created, NAMES);
	assert_int_equal(weir_store_get_info(rig.s, &info), 0);
	assert_int_equal(info.tenants, NAMES);
	assert_int_equal(info.streams, STREAMS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(power_goes_while_one_comes, setup, teardown),
		cmocka_unit_test_setup_teardown(power_goes_after_a_copy_failed, setup, teardown),
		cmocka_unit_test_setup_teardown(headers_fail_in_all_streams, setup, teardown),
		cmocka_unit_test_setup_teardown(full_with_all_streams, setup, teardown),
		cmocka_unit_test_setup_teardown(a_flood_starves_nobody, setup, teardown),
		cmocka_unit_test_setup_teardown(threads_ask_at_once, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
