/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_dying.c - a device of a store dies while it is open: it takes its own keys, says so, and the
 * others go on.
 */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>

#include <weir/metrics.h>
#include <weir/tenant.h>

#include "dying.h"

#define MIB (1ull << 20)
#define SEGMENT (256ull << 10)
#define KEYS 90u
#define LENGTH 9000u
#define DEAD 1u
#define THREADS 3u

static struct dying d;

static int set_up(void **state)
{
	(void)state;
	dying_make(&d, 12 * MIB, SEGMENT);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	dying_remove(&d);
	return 0;
}

static void says(const char *words)
{
	if (!strstr(weir_error(), words))
		fail_msg("\"%s\" does not say \"%s\"", weir_error(), words);
}

static void put_all(uint64_t version)
{
	for (uint64_t key = 0; key < KEYS; key++)
		assert_int_equal(rig_put(&d.rig, key, version, LENGTH + key, 0), 0);
	assert_int_equal(weir_store_sync(d.rig.s), 0);
}

static uint32_t state_of(uint32_t n, struct weir_store_device *device)
{
	*device = (struct weir_store_device)WEIR_STORE_DEVICE_INIT;
	assert_int_equal(weir_store_get_device(d.rig.s, n, device), 0);
	return device->state;
}

static int count_entry(const struct weir_store_entry *entry, void *user)
{
	(void)entry;
	++*(unsigned *)user;
	return 0;
}

/* Reads come first: they fail, and are no misses. Then writes: the device stops. */
static void check_dead(void)
{
	struct weir_store_device device;
	struct weir_store_stats stats;
	unsigned theirs = 0, listed = 0;

	assert_int_equal(state_of(DEAD, &device), WEIR_STORE_DEVICE_GOOD);
	assert_null(device.why);
	dying_kill(DEAD, 0);
	for (uint64_t key = 0; key < KEYS; key++) {
		size_t length = 0;
		int got = rig_get(&d.rig, key, 1, LENGTH + key);

		if (dying_device_of(&d, key) != DEAD) {
			assert_int_equal(got, 1);
			continue;
		}
		theirs++;
		assert_int_equal(got, -EIO);
		says(d.file[DEAD]);
		assert_int_equal(weir_store_exists(d.rig.s, &key, sizeof(key), &length), 0);
	}
	assert_in_range(theirs, KEYS / 6, KEYS / 2);
	assert_int_equal(state_of(DEAD, &device), WEIR_STORE_DEVICE_FAILING);
	assert_true(device.failed_ios >= theirs);
	assert_non_null(strstr(device.why, "read"));
	assert_int_equal(weir_store_list(d.rig.s, count_entry, &listed), -EIO);
	says("not listed");
	assert_int_equal(listed, KEYS - theirs);
	for (uint64_t key = 0; key < KEYS; key++) {
		int err = rig_put(&d.rig, key, 2, LENGTH + key, WEIR_PUT_DURABLE);

		if (dying_device_of(&d, key) != DEAD) {
			assert_int_equal(err, 0);
			assert_int_equal(rig_get(&d.rig, key, 2, LENGTH + key), 1);
			continue;
		}
		assert_true(err == -EIO || err == -EROFS);
		says(d.file[DEAD]);
		assert_int_equal(rig_get(&d.rig, key, 1, LENGTH + key), -EIO);
	}
	assert_int_equal(state_of(DEAD, &device), WEIR_STORE_DEVICE_STOPPED);
	assert_int_equal(state_of(0, &device), WEIR_STORE_DEVICE_GOOD);
	assert_int_equal(device.failed_ios, 0);
	assert_true(weir_store_sync(d.rig.s) < 0);
	says(d.file[DEAD]);
	rig_stats(&d.rig, &stats);
	assert_true(stats.failed_ios > theirs);
}

static void dies(int workers)
{
	dying_open(&d, workers);
	put_all(1);
	check_dead();
	assert_true(dying_close(&d) < 0);
	says(d.file[DEAD]);
	/* It was only the cable: everything that was durable is there. */
	dying_open(&d, workers);
	for (uint64_t key = 0; key < KEYS; key++) {
		int other = dying_device_of(&d, key) != DEAD;

		assert_int_equal(rig_get(&d.rig, key, other ? 2 : 1, LENGTH + key), 1);
	}
	assert_int_equal(dying_close(&d), 0);
}

static void one_thread(void **state)
{
	(void)state;
	dies(0);
}

static void with_workers(void **state)
{
	(void)state;
	dies(1);
}

/* The device dies at each of many commands, in the middle of puts, flushes, seals and reclaims.
 * Nothing hangs, and what was durable before is not lost. */
static void at_any_command(void **state)
{
	static const uint64_t steps[] = { 0, 1, 2, 3, 5, 8, 12, 19, 30, 47, 74 };

	(void)state;
	for (size_t n = 0; n < sizeof(steps) / sizeof(steps[0]); n++) {
		uint64_t durable[KEYS] = { 0 }, tried[KEYS] = { 0 };
		uint64_t random = steps[n], before = dying_failed(DEAD);

		dying_open(&d, 0);
		put_all(1);
		dying_kill(DEAD, steps[n]);
		/* The store's secret deals the keys, so it may take more puts until it has died. */
		for (uint64_t put = 0; put < 2 * KEYS || dying_failed(DEAD) == before; put++) {
			uint64_t key = rig_random(&random) % KEYS, version = 2 + put;
			int err = rig_put(&d.rig, key, version, LENGTH + key,
					  put % 3 ? 0 : WEIR_PUT_DURABLE);

			tried[key] = version;
			if (dying_device_of(&d, key) != DEAD)
				assert_int_equal(err, 0);
			if (!err && put % 3 == 0)
				durable[key] = version;
		}
		assert_true(dying_close(&d) < 0);
		says(d.file[DEAD]);
		dying_open(&d, 0);
		for (uint64_t key = 0; key < KEYS; key++) {
			uint64_t v = durable[key] ? durable[key] : 1;
			int got = 0;

			while (!got && v <= tried[key] + !tried[key])
				got = rig_get(&d.rig, key, v++, LENGTH + key);
			if (got != 1)
				fail_msg("step %u: key %u has none of its versions: %d",
					 (unsigned)n, (unsigned)key, got);
		}
		assert_int_equal(dying_close(&d), 0);
	}
}

static int put_in_stream(uint64_t key, uint32_t stream)
{
	uint8_t value[LENGTH];
	struct weir_store_op op = { .kind = WEIR_STORE_PUT,
				    .key = &key,
				    .key_len = sizeof(key),
				    .value = value,
				    .value_len = LENGTH,
				    .stream = (uint16_t)stream };

	rig_value(key, 1, value, LENGTH);
	return weir_store_run(d.rig.s, &op, 1);
}

/* The device fails just while a tenant is added: the others have the stream. Its keys are no
 * mistake of the program, and where it works again they are stored. */
static void it_does_not_get_a_stream(void **state)
{
	struct weir_store_stream facts = WEIR_STORE_STREAM_INIT;
	uint32_t stream;
	uint64_t key = 0, other;
	char *text;

	(void)state;
	dying_open(&d, 0);
	while (dying_device_of(&d, key) != DEAD)
		key++;
	dying_kill(DEAD, 0);
	assert_int_equal(weir_store_add_tenant(d.rig.s, "new", &stream), 1);
	dying_revive(DEAD);
	assert_true(dying_failed(DEAD) > 0);
	assert_int_equal(put_in_stream(key, stream), 0);
	assert_int_equal(rig_get(&d.rig, key, 1, LENGTH), 1);
	for (other = 0; dying_device_of(&d, other) != 0;)
		other++;
	assert_int_equal(put_in_stream(other, stream), 0);
	/* what the other devices have of it is told */
	assert_int_equal(weir_store_get_stream(d.rig.s, stream, &facts), 0);
	assert_int_equal(facts.entries, 1);
	assert_int_equal(facts.tenants, 1);
	assert_int_equal(weir_store_metrics(d.rig.s, WEIR_METRICS_OPENMETRICS, &text, NULL), 0);
	weir_metrics_free(text);
	/* what nobody has is refused as before */
	assert_int_equal(put_in_stream(key, stream + 1), -EINVAL);
	dying_kill(DEAD, 0);
	for (unsigned n = 0; n < 2; n++) {
		int err = put_in_stream(key, stream);

		assert_true(err == -EIO || err == -EROFS);
		says(d.file[DEAD]);
	}
	assert_true(dying_close(&d) < 0);
	dying_open(&d, 0);
	assert_int_equal(rig_get(&d.rig, key, 1, LENGTH), 1);
	assert_int_equal(weir_store_add_tenant(d.rig.s, "new", &stream), 0);
	assert_int_equal(put_in_stream(key + 1, stream), 0);
	assert_int_equal(dying_close(&d), 0);
}

static struct {
	int stop; /* atomic */
	uint32_t ended,
		good; /* atomic: operations, and those of them that succeeded, once it died */
	int dead;     /* atomic */
} work;

static void *worker(void *arg)
{
	uint64_t random = (uintptr_t)arg, key;
	struct weir_store *s = d.rig.s;
	uint8_t *value = malloc(64 << 10);
	int err;

	while (!__atomic_load_n(&work.stop, __ATOMIC_ACQUIRE)) {
		int dead = __atomic_load_n(&work.dead, __ATOMIC_ACQUIRE);
		size_t length = 0;

		key = rig_random(&random) % KEYS;
		if (random >> 32 & 1) {
			err = weir_store_get(s, &key, sizeof(key), value, 64 << 10, &length);
			/* Never a miss: nothing is deleted, and there is room for everything. */
			assert_int_not_equal(err, -ENOENT);
			assert_int_not_equal(err, -EBADMSG);
		} else {
			err = weir_store_put(s, &key, sizeof(key), value, LENGTH, 0);
		}
		if (dying_device_of(&d, key) != DEAD)
			assert_int_equal(err, 0);
		if (dead) {
			__atomic_add_fetch(&work.ended, 1, __ATOMIC_ACQ_REL);
			__atomic_add_fetch(&work.good, !err, __ATOMIC_ACQ_REL);
		}
	}
	free(value);
	return NULL;
}

/* Threads put and get while it happens. */
static void in_threads(void **state)
{
	struct weir_store_device device;
	pthread_t thread[THREADS];

	(void)state;
	memset(&work, 0, sizeof(work));
	dying_open(&d, 1);
	put_all(1);
	for (uintptr_t n = 0; n < THREADS; n++)
		assert_int_equal(pthread_create(&thread[n], NULL, worker, (void *)(n + 1)), 0);
	dying_kill(DEAD, 50);
	while (!dying_failed(DEAD) || state_of(DEAD, &device) != WEIR_STORE_DEVICE_STOPPED)
		sched_yield();
	__atomic_store_n(&work.dead, 1, __ATOMIC_RELEASE);
	while (__atomic_load_n(&work.ended, __ATOMIC_ACQUIRE) < 300)
		sched_yield();
	__atomic_store_n(&work.stop, 1, __ATOMIC_RELEASE);
	for (unsigned n = 0; n < THREADS; n++)
		pthread_join(thread[n], NULL);
	assert_true(work.good > 100 && work.good < work.ended);
	assert_int_equal(state_of(0, &device), WEIR_STORE_DEVICE_GOOD);
	assert_true(dying_close(&d) < 0);
	says(d.file[DEAD]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(one_thread, set_up, tear_down),
		cmocka_unit_test_setup_teardown(with_workers, set_up, tear_down),
		cmocka_unit_test_setup_teardown(it_does_not_get_a_stream, set_up, tear_down),
		cmocka_unit_test_setup_teardown(at_any_command, set_up, tear_down),
		cmocka_unit_test_setup_teardown(in_threads, set_up, tear_down),
	};

	return cmocka_run_group_tests_name("store_dying", tests, NULL, NULL);
}
