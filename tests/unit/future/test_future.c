/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_future.c - futures of a store: their kinds, bounds and ends, from several threads.
 */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <weir/future.h>
#include <weir/pin.h>

#include "../store/rig.h"
#include "base/clock.h"

#define N 16
#define LENGTH 5000
#define THREADS 4
#define ROUNDS 50

static struct rig rig;
static struct weir_futures *futures;
static uint8_t values[N][LENGTH], room[N][LENGTH];
static uint64_t keys[N];

static void open_futures(const struct weir_futures_opts *opts)
{
	assert_int_equal(weir_futures_open(&futures, rig.s, opts), 0);
}

static int set_up(void **state)
{
	(void)state;
	rig.attach = 0;
	rig_make(&rig, 4 << 20, 64 << 10, 4096);
	rig_open(&rig);
	for (unsigned i = 0; i < N; i++) {
		keys[i] = i + 1;
		rig_value(keys[i], 0, values[i], LENGTH);
	}
	memset(room, 0, sizeof(room));
	open_futures(NULL);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	weir_futures_close(futures);
	futures = NULL;
	rig_remove(&rig);
	return 0;
}

static void items_of(struct weir_future_item *items, uint8_t (*bytes)[LENGTH])
{
	memset(items, 0, N * sizeof(*items));
	for (unsigned i = 0; i < N; i++) {
		items[i].key = &keys[i];
		items[i].key_len = sizeof(keys[i]);
		items[i].buf = bytes[i];
		items[i].length = LENGTH;
	}
}

static uint64_t submit(uint32_t kind, uint32_t flags, const struct weir_future_item *items,
		       size_t n)
{
	struct weir_future future = WEIR_FUTURE_INIT;
	uint64_t id = 0;

	future.kind = kind;
	future.flags = flags;
	assert_int_equal(weir_futures_submit(futures, &future, items, n, &id), 0);
	assert_true(id > 0);
	return id;
}

/* Waits by the descriptor, as programs do. */
static const struct weir_future_result *take(uint64_t id)
{
	struct pollfd fd = { .fd = weir_futures_fd(futures), .events = POLLIN };
	const struct weir_future_result *r;

	assert_int_equal(poll(&fd, 1, 60000), 1);
	r = weir_futures_take(futures);
	assert_non_null(r);
	assert_int_equal(r->id, id);
	return r;
}

static bool is_readable(void)
{
	struct pollfd fd = { .fd = weir_futures_fd(futures), .events = POLLIN };

	return poll(&fd, 1, 0) == 1;
}

static void put_all(uint32_t flags, int expected)
{
	const struct weir_future_result *r;
	struct weir_future_item items[N];

	items_of(items, values);
	r = take(submit(WEIR_FUTURE_PUT, flags, items, N));
	assert_int_equal(r->error, expected);
	for (unsigned i = 0; i < N; i++)
		assert_int_equal(r->results[i], expected);
	weir_future_free(r);
}

/* Keys that are asked for need not be in memory after the submit. */
static void every_kind(void **state)
{
	const struct weir_future_result *r;
	struct weir_future_item items[N];

	(void)state;
	put_all(WEIR_FUTURE_DURABLE, 0);
	assert_false(is_readable());
	items_of(items, room);
	r = take(submit(WEIR_FUTURE_GET, WEIR_FUTURE_EXACT, items, N));
	assert_int_equal(r->error, 0);
	assert_int_equal(r->n, N);
	assert_int_equal(r->lengths[N - 1], LENGTH);
	assert_memory_equal(room, values, sizeof(room));
	weir_future_free(r);
	r = take(submit(WEIR_FUTURE_DELETE, 0, items + 3, 1));
	assert_int_equal(r->error, 0);
	weir_future_free(r);
	r = take(submit(WEIR_FUTURE_EXISTS, 0, items, N));
	assert_int_equal(r->leading, 3);
	assert_int_equal(r->error, -ENOENT);
	for (unsigned i = 0; i < N; i++) {
		assert_int_equal(r->results[i], i == 3 ? -ENOENT : 0);
		assert_int_equal(r->lengths[i], i == 3 ? 0 : LENGTH);
	}
	weir_future_free(r);
	r = take(submit(WEIR_FUTURE_SYNC, 0, NULL, 0));
	assert_int_equal(r->n, 1);
	assert_int_equal(r->error, 0);
	assert_true(r->ended_ns >= r->submitted_ns);
	weir_future_free(r);
}

static void leases(void **state)
{
	struct weir_store_held held = WEIR_STORE_HELD_INIT;
	struct weir_future future = WEIR_FUTURE_INIT;
	struct weir_future_item items[N];
	uint64_t id;

	(void)state;
	put_all(0, 0);
	items_of(items, room);
	future.kind = WEIR_FUTURE_LEASE;
	future.until_ns = clock_now() + NSEC_PER_SEC * 5;
	assert_int_equal(weir_futures_submit(futures, &future, items, N, &id), 0);
	weir_future_free(take(id));
	assert_int_equal(weir_store_get_held(rig.s, &held), 0);
	assert_int_equal(held.leased, N);
	weir_future_free(take(submit(WEIR_FUTURE_GET, 0, items, N)));
	assert_int_equal(weir_store_get_held(rig.s, &held), 0);
	assert_int_equal(held.leased, 0);
}

static void what_is_wrong_with_one_item(void **state)
{
	const struct weir_future_result *r;
	struct weir_future_item items[N];
	char text[200];

	(void)state;
	put_all(0, 0);
	put_all(WEIR_FUTURE_IF_ABSENT, -EEXIST);
	items_of(items, room);
	items[1].length = 100;	      /* too short */
	items[2].length = 0;	      /* no room */
	items[3].key_len = 0;	      /* no key */
	items[4].length = LENGTH - 1; /* short by one */
	r = take(submit(WEIR_FUTURE_GET, WEIR_FUTURE_EXACT, items, N));
	assert_int_equal(r->results[0], 0);
	assert_int_equal(r->results[1], -EMSGSIZE);
	assert_int_equal(r->lengths[1], LENGTH);
	assert_int_equal(r->results[2], -EMSGSIZE);
	assert_int_equal(r->results[3], -EINVAL);
	assert_int_equal(r->results[4], -EMSGSIZE);
	assert_int_equal(r->results[5], 0);
	assert_int_equal(r->error, -EMSGSIZE);
	assert_non_null(strstr(weir_future_strerror(r, 3, text, sizeof(text)), "get: "));
	assert_non_null(strstr(weir_future_strerror(r, N, text, sizeof(text)), "16 results"));
	weir_future_free(r);
	items_of(items, values);
	items[0].length = 1 << 20; /* longer than half a segment */
	items[1].length = 0;
	r = take(submit(WEIR_FUTURE_PUT, 0, items, N));
	assert_int_equal(r->results[0], -EFBIG);
	assert_non_null(strstr(weir_future_strerror(r, 0, text, sizeof(text)), "max_value_bytes"));
	assert_int_equal(r->results[1], -EINVAL);
	assert_int_equal(r->results[2], 0);
	weir_future_free(r);
}

/* EXACT also refuses a value that is shorter than the room: the rest would be old bytes. */
static void exact_refuses_what_is_shorter(void **state)
{
	const struct weir_future_result *r;
	struct weir_future_item item = { .key = &keys[0], .key_len = sizeof(keys[0]) };

	(void)state;
	item.value = values[0];
	item.length = 100;
	weir_future_free(take(submit(WEIR_FUTURE_PUT, 0, &item, 1)));
	item.buf = room[0];
	item.length = LENGTH;
	r = take(submit(WEIR_FUTURE_GET, WEIR_FUTURE_EXACT, &item, 1));
	assert_int_equal(r->results[0], -EMSGSIZE);
	assert_int_equal(r->lengths[0], 100);
	weir_future_free(r);
	r = take(submit(WEIR_FUTURE_GET, 0, &item, 1));
	assert_int_equal(r->results[0], 0);
	assert_int_equal(r->lengths[0], 100);
	weir_future_free(r);
}

static void pieces(void **state)
{
	struct iovec out[3] = { { values[0], 1000 },
				{ values[0] + 1000, 0 },
				{ values[0] + 1000, LENGTH - 1000 } };
	struct iovec in[2] = { { room[0], 4097 }, { room[0] + 4097, LENGTH - 4097 } };
	struct weir_future_item item = { .key = &keys[0], .key_len = sizeof(keys[0]) };

	(void)state;
	item.iov = out;
	item.nr_iov = 3;
	item.length = LENGTH;
	weir_future_free(take(submit(WEIR_FUTURE_PUT, 0, &item, 1)));
	item.iov = in;
	item.nr_iov = 2;
	weir_future_free(take(submit(WEIR_FUTURE_GET, WEIR_FUTURE_EXACT, &item, 1)));
	assert_memory_equal(room[0], values[0], LENGTH);
}

static void what_a_submit_refuses(void **state)
{
	struct weir_future future = WEIR_FUTURE_INIT;
	struct weir_future_item items[N];
	uint64_t id = 0;

	(void)state;
	items_of(items, values);
	assert_int_equal(weir_futures_submit(futures, &future, items, 0, &id), -EINVAL);
	future.kind = WEIR_FUTURE_KIND_COUNT;
	assert_int_equal(weir_futures_submit(futures, &future, items, N, &id), -EINVAL);
	future.kind = WEIR_FUTURE_SYNC;
	assert_int_equal(weir_futures_submit(futures, &future, items, N, &id), -EINVAL);
	future.kind = WEIR_FUTURE_PUT;
	future.flags = 1u << 31;
	assert_int_equal(weir_futures_submit(futures, &future, items, N, &id), -EINVAL);
	assert_int_equal(id, 0);
	assert_int_equal(weir_futures_wait(futures, 0), -ETIMEDOUT);
	assert_null(weir_futures_take(futures));
	assert_int_equal(weir_futures_open(&futures, NULL, NULL), -EINVAL);
}

/* A future beyond the bound is refused whole, and one alone is taken whatever its size. */
static void puts_beyond_the_bound_are_shed(void **state)
{
	struct weir_futures_opts opts = WEIR_FUTURES_OPTS_INIT;
	struct weir_futures_stats stats = WEIR_FUTURES_STATS_INIT;
	struct weir_future_item items[N];
	unsigned shed = 0, fine = 0;

	(void)state;
	weir_futures_close(futures);
	opts.put_bytes_max = LENGTH * N / 2;
	open_futures(&opts);
	items_of(items, values);
	for (unsigned i = 0; i < ROUNDS; i++)
		submit(WEIR_FUTURE_PUT, 0, items, N);
	for (unsigned i = 0; i < ROUNDS; i++) {
		const struct weir_future_result *r;
		char text[100];

		assert_int_equal(weir_futures_wait(futures, UINT64_MAX), 0);
		r = weir_futures_take(futures);
		assert_non_null(r);
		assert_true(!r->error || r->error == -EAGAIN);
		if (r->error)
			assert_non_null(strstr(weir_future_strerror(r, 0, text, sizeof(text)),
					       "too many bytes"));
		shed += r->error == -EAGAIN;
		fine += !r->error;
		weir_future_free(r);
	}
	assert_true(fine > 0);
	assert_int_equal(weir_futures_get_stats(futures, &stats), 0);
	assert_int_equal(stats.shed, shed);
	assert_int_equal(stats.put_bytes, 0);
	assert_int_equal(stats.pending + stats.ended, 0);
}

static void *flood(void *arg)
{
	uint8_t(*bytes)[LENGTH] = calloc(N, LENGTH);
	struct weir_future_item items[N];
	unsigned *taken = arg;

	items_of(items, bytes);
	for (unsigned i = 0; i < ROUNDS; i++) {
		const struct weir_future_result *r;

		submit(i % 3 ? WEIR_FUTURE_EXISTS : WEIR_FUTURE_LEASE, 0, items, N);
		submit(WEIR_FUTURE_DELETE, 0, items, N);
		if (weir_futures_wait(futures, UINT64_MAX))
			break;
		r = weir_futures_take(futures);
		*taken += !!r;
		weir_future_free(r);
	}
	free(bytes);
	return NULL;
}

/* Each future is taken once, by whoever comes first; what is left is forgotten by the close. */
static void many_threads(void **state)
{
	struct weir_futures_stats stats = WEIR_FUTURES_STATS_INIT;
	unsigned taken[THREADS] = { 0 }, all = 0;
	pthread_t threads[THREADS];

	(void)state;
	for (unsigned i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, flood, &taken[i]), 0);
	for (unsigned i = 0; i < THREADS; i++) {
		pthread_join(threads[i], NULL);
		all += taken[i];
	}
	assert_int_equal(weir_futures_get_stats(futures, &stats), 0);
	assert_int_equal(stats.pending + stats.ended + all, THREADS * ROUNDS * 2);
}

/* The close waits for puts, so that their memory may go. */
static void close_waits_for_all(void **state)
{
	struct weir_future_item items[N];

	(void)state;
	items_of(items, values);
	for (unsigned i = 0; i < ROUNDS; i++)
		submit(WEIR_FUTURE_PUT, 0, items, N);
	weir_futures_close(futures);
	futures = NULL;
	weir_futures_close(NULL);
	assert_int_equal(rig_get(&rig, keys[0], 0, LENGTH), 1);
}

static void a_store_that_runs_here(void **state)
{
	struct weir_futures *none = NULL;

	(void)state;
	weir_futures_close(futures);
	futures = NULL;
	rig_close(&rig);
	rig.attach = 1;
	rig_open(&rig);
	assert_int_equal(weir_futures_open(&none, rig.s, NULL), -EINVAL);
	assert_non_null(strstr(weir_error(), "attach"));
	assert_null(none);
}

static void a_child_of_fork(void **state)
{
	struct weir_future_item items[N];
	uint64_t id;
	pid_t pid;
	int status;

	(void)state;
	items_of(items, values);
	id = submit(WEIR_FUTURE_PUT, 0, items, N);
	pid = fork();
	if (!pid) {
		struct weir_future future = WEIR_FUTURE_INIT;
		bool good = weir_futures_submit(futures, &future, items, N, &id) == -ECHILD &&
			    weir_futures_wait(futures, 0) == -ECHILD &&
			    !weir_futures_take(futures) && !weir_futures_take_id(futures, id);

		weir_futures_close(futures);
		_exit(good ? 0 : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status) && !WEXITSTATUS(status));
	weir_future_free(take(id));
}

/* A host that polls an eventfd reads it first, and asks for its futures by their numbers then. */
static void taken_by_number(void **state)
{
	const struct weir_future_result *r;
	struct weir_future_item items[N];
	uint64_t ids[3], counter;

	(void)state;
	items_of(items, values);
	for (unsigned i = 0; i < 3; i++)
		ids[i] = submit(WEIR_FUTURE_EXISTS, 0, items, N);
	assert_int_equal(read(weir_futures_fd(futures), &counter, sizeof(counter)),
			 sizeof(counter));
	assert_false(is_readable());
	r = weir_futures_take_id(futures, ids[1]);
	assert_non_null(r);
	assert_int_equal(r->id, ids[1]);
	weir_future_free(r);
	assert_null(weir_futures_take_id(futures, ids[1]));
	assert_null(weir_futures_take_id(futures, 999));
	/* The next one that ends makes the descriptor readable, although others wait. */
	submit(WEIR_FUTURE_EXISTS, 0, items, N);
	weir_future_free(take(ids[0]));
	assert_true(is_readable());
	r = weir_futures_take_id(futures, ids[2] + 1);
	assert_non_null(r);
	weir_future_free(r);
	assert_true(is_readable());
	r = weir_futures_take_id(futures, ids[2]);
	assert_non_null(r);
	weir_future_free(r);
	assert_false(is_readable());
}

/* The last one is taken although its descriptor was read. */
static void a_descriptor_that_was_read(void **state)
{
	struct weir_future_item items[N];
	uint64_t counter;

	(void)state;
	items_of(items, values);
	submit(WEIR_FUTURE_EXISTS, 0, items, N);
	assert_int_equal(read(weir_futures_fd(futures), &counter, sizeof(counter)),
			 sizeof(counter));
	weir_future_free(weir_futures_take(futures));
	assert_false(is_readable());
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(every_kind, set_up, tear_down),
		cmocka_unit_test_setup_teardown(leases, set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_is_wrong_with_one_item, set_up, tear_down),
		cmocka_unit_test_setup_teardown(exact_refuses_what_is_shorter, set_up, tear_down),
		cmocka_unit_test_setup_teardown(pieces, set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_a_submit_refuses, set_up, tear_down),
		cmocka_unit_test_setup_teardown(puts_beyond_the_bound_are_shed, set_up, tear_down),
		cmocka_unit_test_setup_teardown(taken_by_number, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_descriptor_that_was_read, set_up, tear_down),
		cmocka_unit_test_setup_teardown(many_threads, set_up, tear_down),
		cmocka_unit_test_setup_teardown(close_waits_for_all, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_store_that_runs_here, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_child_of_fork, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
