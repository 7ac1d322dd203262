/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A store with streams on placement ids over several lives: killed at random moments and
 * recovered, and filled more often than it has space.
 */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "streams.h"

#define KILLS 6u
#define TOGETHER 4u	 /* number of puts at the same time */
#define BATCHES_MAX 150u /* number of batches in a life: so few that no segment is reclaimed */

static size_t length_of(uint64_t key)
{
	return 1 + key * 7919 % 40000;
}

static uint64_t key_of(uint32_t life, uint64_t n)
{
	return (uint64_t)life << 32 | n;
}

/* Puts as much as possible into one stream after another, and reports what is acknowledged. */
static void child(uint32_t life, int fd)
{
	struct weir_store_op op[TOGETHER];
	uint64_t key[TOGETHER], done;
	uint32_t stream;

	/* The tenant that is new in this life. */
	if (streams_try_open(vm_ng(), WEIR_PLACEMENT_DEFAULT) ||
	    streams_tenant(life + 1) != life + 1)
		_exit(1);
	for (done = 0; done < (uint64_t)BATCHES_MAX * TOGETHER; done += TOGETHER) {
		memset(op, 0, sizeof(op));
		for (uint32_t i = 0; i < TOGETHER; i++) {
			key[i] = key_of(life, done + i);
			stream = (uint32_t)(done + i) * 5 / 3 % (life + 2);
			op[i].key = &key[i];
			op[i].key_len = sizeof(key[i]);
			op[i].value = streams_value + (size_t)i * (VALUE_MAX / TOGETHER);
			op[i].value_len = length_of(key[i]);
			op[i].stream = (uint16_t)stream;
			streams_fill(streams_value + (size_t)i * (VALUE_MAX / TOGETHER), key[i],
				     length_of(key[i]));
		}
		if (weir_store_put_many(streams_store, op, TOGETHER) ||
		    write(fd, &done, sizeof(done)) != sizeof(done))
			_exit(2);
	}
	pause();
}

static void pause_ms(unsigned ms)
{
	struct timespec time = { .tv_nsec = (long)ms * 1000000 };

	nanosleep(&time, NULL);
}

/*
 * Runs a life that ends by SIGKILL after about MS; returns how many of its puts were acknowledged.
 */
static uint64_t live(uint32_t life, unsigned ms)
{
	int pipes[2], status;
	uint64_t done;
	pid_t pid;

	assert_int_equal(pipe(pipes), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (!pid)
		child(life, pipes[1]);
	close(pipes[1]);
	/* The first acknowledgement says that the child is working. */
	assert_int_equal(read(pipes[0], &done, sizeof(done)), sizeof(done));
	pause_ms(ms);
	kill(pid, SIGKILL);
	while (read(pipes[0], &done, sizeof(done)) == sizeof(done))
		;
	close(pipes[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	return done + TOGETHER;
}

static void check_life(uint32_t life, uint64_t acked)
{
	for (uint64_t n = 0; n < acked; n++)
		if (!streams_got(key_of(life, n), length_of(key_of(life, n))))
			fail_msg("life %u lost put %u of %u", life, (unsigned)n, (unsigned)acked);
	/* A put that was in flight is complete or absent. */
	for (uint64_t n = acked; n < acked + TOGETHER; n++)
		streams_got(key_of(life, n), length_of(key_of(life, n)));
}

static int check_stream(const struct weir_store_entry *e, void *user)
{
	uint64_t key;
	uint32_t life, stream;

	(void)user;
	memcpy(&key, e->key, sizeof(key));
	life = (uint32_t)(key >> 32);
	stream = (uint32_t)key * 5 / 3 % (life + 2);
	assert_int_equal(e->stream, stream);
	return 0;
}

static void killed_and_recovered(void **state)
{
	uint64_t random = 3, acked[KILLS];
	uint32_t life, n;

	(void)state;
	streams_format(WEIR_PLACEMENT_STREAM, 0, 0);
	for (life = 0; life < KILLS; life++) {
		acked[life] = live(life, 1 + (unsigned)vm_random(&random, 120));
		streams_open();
		assert_int_equal(streams_info().tenants, life + 1);
		for (n = 0; n <= life; n++) {
			assert_int_equal(streams_tenant(n + 1), n + 1);
			streams_check_id(n + 1, (int32_t)(n + 2) % (int32_t)HANDLES, 0);
		}
		check_life(life, acked[life]);
		streams_close();
	}
	streams_open();
	for (life = 0; life < KILLS; life++)
		check_life(life, acked[life]);
	assert_int_equal(weir_store_list(streams_store, check_stream, NULL), 0);
	assert_int_equal(streams_stats().evicted_segments, 0);
	streams_close();
}

#define ROUND 16u /* number of segments of the store that is filled several times */

/* Counts how many of KEYS keys exist; their values must be right. */
static unsigned count(uint64_t keys, size_t length)
{
	unsigned n = 0;

	for (uint64_t key = 0; key < keys; key++)
		n += (unsigned)streams_got(key, length);
	return n;
}

static void what_is_reclaimed_is_discarded(void **state)
{
	const size_t length = 500000;
	uint64_t key, evicted, there;
	unsigned flags[2];

	(void)state;
	streams_format(WEIR_PLACEMENT_STREAM, (ROUND << 23) + (128 << 10), UNIT_BYTES);
	streams_open();
	assert_int_equal(streams_info().segments, ROUND);
	assert_int_equal(streams_tenant(1), 1);
	flags[0] = 0;
	flags[1] = 1;
	books_begin();
	for (key = 0; key < ROUND * 16 * 5 / 2; key++)
		books_put(flags[key / 40 % 2], key, length);
	books_check();
	evicted = streams_stats().evicted_segments;
	assert_true(evicted > ROUND);
	assert_int_equal(streams_ops(WEIR_OP_DISCARD).ios, evicted);
	assert_int_equal(streams_ops(WEIR_OP_DISCARD).errors, 0);
	assert_int_equal(streams_ops(WEIR_OP_DISCARD).bytes, evicted * (UNIT_BYTES - BLOCK));
	there = streams_stats().entries;
	assert_int_equal(count(key, length), there);
	streams_close();
	streams_open();
	/* All blocks except the header were discarded. */
	assert_int_equal(streams_stats().recovered_bad_headers, 0);
	assert_int_equal(streams_stats().entries, there);
	assert_int_equal(count(key, length), there);
	streams_close();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, streams_setup, streams_teardown)
		T(killed_and_recovered),
		T(what_is_reclaimed_is_discarded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
