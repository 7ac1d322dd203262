/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_threads.c - a store whose loop is a worker: four threads, callbacks that submit, and the
 * calls that a callback may not make.
 */
#include <errno.h>
#include <pthread.h>

#include "rig.h"

#define THREADS 4
#define ROUNDS 1500
#define KEYS 40
#define LENGTH 6000

static struct rig rig;

static int set_up(void **state)
{
	(void)state;
	/* The store is small, so that segments are reclaimed while others read. */
	rig_make(&rig, 2 << 20, 64 << 10, 4096);
	rig_open(&rig);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	rig_remove(&rig);
	return 0;
}

struct thread {
	pthread_t thread;
	uint64_t number;
	const char *what; /* what went wrong */
};

/* At each moment, each segment is free or used. */
static void look_at_segments(struct thread *t)
{
	struct weir_store_stats stats = { .size = sizeof(stats) };
	struct weir_store_info info = { .size = sizeof(info) };

	if (weir_store_get_info(rig.s, &info) || weir_store_get_stats(rig.s, &stats) ||
	    stats.free_segments + stats.used_segments != info.segments)
		t->what = "a segment is neither free nor used";
}

/* A thread's own keys have what it put; others' keys have whole values. */
static void *put_and_get(void *arg)
{
	struct thread *t = arg;
	uint64_t state = t->number, version[KEYS] = { 0 }, n;
	uint8_t *value = malloc(LENGTH), *got = malloc(LENGTH);

	for (n = 1; n <= ROUNDS && !t->what; n++) {
		uint64_t key = rig_random(&state) % KEYS, id = t->number << 32 | key;
		size_t length = 0;
		int err;

		if (rig_random(&state) % 2) {
			version[key] = n;
			rig_value(id, n, value, LENGTH);
			if (weir_store_put(rig.s, &id, sizeof(id), value, LENGTH, 0))
				t->what = "put failed";
			continue;
		}
		err = weir_store_get(rig.s, &id, sizeof(id), got, LENGTH, &length);
		rig_value(id, version[key], value, LENGTH);
		/* This is a miss: the key was never put, or was evicted. */
		if (err != -ENOENT && (err || length != LENGTH || memcmp(got, value, LENGTH)))
			t->what = err ? "get failed" : "get returned other bytes";
		id = ((t->number + 1) % THREADS) << 32 | key;
		err = weir_store_get(rig.s, &id, sizeof(id), got, LENGTH, &length);
		if (err && err != -ENOENT)
			t->what = "get of another's key failed";
		look_at_segments(t);
	}
	free(value);
	free(got);
	return NULL;
}

static void four_threads(void **state)
{
	struct thread threads[THREADS];
	struct weir_store_stats stats;
	int n;

	(void)state;
	for (n = 0; n < THREADS; n++) {
		threads[n] = (struct thread){ .number = (uint64_t)n };
		assert_int_equal(pthread_create(&threads[n].thread, NULL, put_and_get, &threads[n]),
				 0);
	}
	for (n = 0; n < THREADS; n++) {
		pthread_join(threads[n].thread, NULL);
		if (threads[n].what)
			fail_msg("thread %d: %s", n, threads[n].what);
	}
	rig_stats(&rig, &stats);
	assert_true(stats.evicted_segments > 10);
	assert_int_equal(stats.checksum_errors, 0);
}

/* Callbacks that submit: a chain of gets and puts that ends by itself. */
struct chain {
	struct weir_store_op op;
	uint64_t key;
	uint8_t value[512];
	unsigned left;
	int deadlock, broken;
	int done; /* atomic */
};

static void chain_next(struct weir_store_op *op)
{
	struct chain *c = op->user;

	c->broken |= op->result;
	c->deadlock |= weir_store_put(rig.s, "k", 1, "v", 1, 0) == -EDEADLK ? 1 : 8;
	c->deadlock |= weir_store_wait(rig.s, op, UINT64_MAX) == -EDEADLK ? 2 : 8;
	c->deadlock |= weir_store_close(rig.s) == -EDEADLK ? 4 : 8;
	if (!--c->left) {
		__atomic_store_n(&c->done, 1, __ATOMIC_RELEASE);
		return;
	}
	/* The operation belongs to its owner again, who uses it for the next one. */
	op->kind = c->left % 2 ? WEIR_STORE_GET : WEIR_STORE_PUT;
	if (op->kind == WEIR_STORE_GET) {
		op->buf = c->value;
		op->capacity = sizeof(c->value);
	} else {
		op->value = c->value;
		op->value_len = sizeof(c->value);
	}
	c->broken |= weir_store_submit(rig.s, op);
}

static void callbacks_submit(void **state)
{
	struct chain chains[8];
	unsigned n;

	(void)state;
	memset(chains, 0, sizeof(chains));
	for (n = 0; n < 8; n++) {
		struct chain *c = &chains[n];

		c->key = n;
		c->left = 50;
		c->op.kind = WEIR_STORE_PUT;
		c->op.key = &c->key;
		c->op.key_len = sizeof(c->key);
		c->op.value = c->value;
		c->op.value_len = sizeof(c->value);
		c->op.end = chain_next;
		c->op.user = c;
		assert_int_equal(weir_store_submit(rig.s, &c->op), 0);
	}
	for (n = 0; n < 8; n++) {
		while (!__atomic_load_n(&chains[n].done, __ATOMIC_ACQUIRE))
			assert_int_equal(weir_store_exists(rig.s, "none", 4, NULL), -ENOENT);
		assert_int_equal(chains[n].broken, 0);
		assert_int_equal(chains[n].deadlock, 7);
	}
}

/* A thread waits for an operation that another thread submitted. */
static void *wait_for_op(void *arg)
{
	return (void *)(intptr_t)weir_store_wait(rig.s, arg, UINT64_MAX);
}

static void another_waits(void **state)
{
	struct weir_store_op op = { .kind = WEIR_STORE_PUT,
				    .key = "key",
				    .key_len = 3,
				    .value = "value",
				    .value_len = 5,
				    .flags = WEIR_PUT_DURABLE };
	pthread_t thread;
	void *result;

	(void)state;
	assert_int_equal(weir_store_wait(rig.s, &op, UINT64_MAX), -EINVAL);
	assert_int_equal(weir_store_submit(rig.s, &op), 0);
	assert_int_equal(pthread_create(&thread, NULL, wait_for_op, &op), 0);
	assert_int_equal(weir_store_wait(rig.s, &op, UINT64_MAX), 0);
	pthread_join(thread, &result);
	assert_null(result);
}

static void *close_it(void *arg)
{
	(void)arg;
	return (void *)(intptr_t)weir_store_close(rig.s);
}

static void closed_by_another_thread(void **state)
{
	pthread_t thread;
	void *result;

	(void)state;
	assert_int_equal(rig_put(&rig, 1, 1, 100, 0), 0);
	assert_int_equal(pthread_create(&thread, NULL, close_it, NULL), 0);
	pthread_join(thread, &result);
	assert_null(result);
	rig.s = NULL;
	rig_open(&rig);
	assert_int_equal(rig_get(&rig, 1, 1, 100), 1);
}

/* With opts.attach, operations of other threads wait until the owner makes a call. */
static void owner_serves_others(void **state)
{
	struct thread thread = { .number = 9 };
	int n;

	(void)state;
	rig_close(&rig);
	rig.attach = 1;
	rig_open(&rig);
	assert_int_equal(pthread_create(&thread.thread, NULL, put_and_get, &thread), 0);
	for (n = 0; pthread_tryjoin_np(thread.thread, NULL); n++)
		assert_int_equal(weir_store_poll(rig.s), 0);
	assert_null(thread.what);
	rig.attach = 0;
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(four_threads),	   TEST(callbacks_submit),
		TEST(another_waits),	   TEST(closed_by_another_thread),
		TEST(owner_serves_others),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
