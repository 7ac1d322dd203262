/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_raw_io.c - batches of reads and writes on a queue: what goes aside, what is padded, and that
 * a close waits for threads that submit.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../../python/raw_io.h"

#define SIZE (1u << 20)
#define BLOCK 4096u
#define THREADS 4
#define ROUNDS 50

static char path[] = "/var/tmp/weir-raw-XXXXXX";
static struct raw_device *dev;
static uint8_t data[2 * BLOCK], room[2 * BLOCK];

static void open_with(const char *engine, uint32_t writable)
{
	struct raw_opts opts = { .path = path, .writable = writable, .engine = engine };
	opts.fd = open(path, writable ? O_RDWR : O_RDONLY);
	assert_true(opts.fd >= 0);
	int of_queue = 1;
	assert_int_equal(raw_open(&dev, &opts, &of_queue), 0);
	assert_int_equal(of_queue, 0);
}

static int set_up(void **state)
{
	(void)state;
	strcpy(strrchr(path, '-'), "-XXXXXX");
	int fd = mkstemp(path);
	assert_int_equal(ftruncate(fd, SIZE), 0);
	close(fd);
	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)(i % 251 + 1);
	memset(room, 0xee, sizeof(room));
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	raw_free(dev);
	dev = NULL;
	return unlink(path);
}

static int32_t run(uint64_t offset, void *memory, uint64_t length, uint64_t total, uint32_t write)
{
	struct raw_item item = { offset, memory, length, total, write, 0 };
	struct raw_batch *batch = NULL;
	assert_int_equal(raw_submit(dev, &item, 1, &batch), 0);
	int32_t result = *raw_wait(batch);
	raw_batch_free(batch);
	return result;
}

/* Writes and reads at OFFSET, where LENGTH bytes of TOTAL are the caller's. */
static void check_io(uint64_t offset, uint64_t length, uint64_t total)
{
	assert_int_equal(run(offset, data, length, total, 1), 0);
	memset(room, 0xee, sizeof(room));
	assert_int_equal(run(offset, room, total, total, 0), 0);
	assert_memory_equal(room, data, length);
	for (uint64_t i = length; i < total; i++)
		assert_int_equal(room[i], 0);
	memset(room, 0xee, sizeof(room));
	assert_int_equal(run(offset, room, length, total, 0), 0);
	assert_memory_equal(room, data, length);
	assert_int_equal(room[length], 0xee);
}

static void check_engine(const char *engine)
{
	open_with(engine, 1);
	check_io(0, BLOCK, BLOCK);	     /* through the queue */
	check_io(BLOCK, 100, BLOCK);	     /* padded */
	check_io(BLOCK, 0, BLOCK);	     /* zeroes only */
	check_io(100, 300, 1000);	     /* aside: not aligned */
	check_io(SIZE - BLOCK, 5000, 6000);  /* aside: the file grows */
	check_io(SIZE + BLOCK, BLOCK, 5000); /* and what it has grown by */
	assert_int_equal(run(16 * SIZE, room, BLOCK, BLOCK, 0), RAW_EOF);
	assert_int_equal(run(UINT64_MAX - BLOCK, data, BLOCK, BLOCK, 1), -EINVAL);
	assert_int_equal(run(0, NULL, 0, 0, 1), 0);
	assert_int_equal(truncate(path, BLOCK), 0);
	assert_int_equal(run(BLOCK, room, BLOCK, BLOCK, 0), RAW_EOF);
}

static void ios_of_every_kind(void **state)
{
	(void)state;
	check_engine("posix");
}

static void ios_of_every_kind_through_a_ring(void **state)
{
	(void)state;
	check_engine("uring");
}

static void a_batch_has_a_result_for_each(void **state)
{
	(void)state;
	open_with("posix", 0);
	struct raw_item items[] = { { 0, room, BLOCK, BLOCK, 0, 0 },
				    { 0, data, BLOCK, BLOCK, 1, 0 },
				    { 8 * SIZE, room + BLOCK, BLOCK, BLOCK, 0, 0 } };
	struct raw_batch *batch = NULL;
	assert_int_equal(raw_submit(dev, items, 3, &batch), 0);
	const int32_t *results = raw_wait(batch);
	assert_int_equal(results[0], 0);
	assert_int_equal(results[1], -EBADF);
	assert_int_equal(results[2], RAW_EOF);
	raw_batch_free(batch);
	assert_int_equal(raw_submit(dev, items, 0, &batch), 0);
	raw_batch_free(batch);
}

static void a_closed_one_refuses(void **state)
{
	(void)state;
	open_with("posix", 1);
	struct raw_item item = { 0, data, BLOCK, BLOCK, 1, 0 };
	struct raw_batch *before = NULL, *after = NULL;
	assert_int_equal(raw_submit(dev, &item, 1, &before), 0);
	assert_int_equal(raw_close(dev), 0);
	assert_int_equal(raw_close(dev), 0);
	assert_int_equal(*raw_wait(before), 0);
	raw_batch_free(before);
	assert_int_equal(raw_submit(dev, &item, 1, &after), -ESHUTDOWN);
	assert_int_equal(raw_register(dev, &(struct iovec){ data, BLOCK }, 1), -ESHUTDOWN);
	assert_int_equal(raw_set(dev, "nomerges", "1"), -ESHUTDOWN);
	char why[64];
	assert_int_equal(raw_lost(dev, why, sizeof(why)), 0);
}

static atomic_uint refused;

static void *submit_until_closed(void *arg)
{
	struct raw_item item = { (uint64_t)(uintptr_t)arg * BLOCK, data, BLOCK, BLOCK, 1, 0 };
	for (;;) {
		struct raw_batch *batch = NULL;
		int err = raw_submit(dev, &item, 1, &batch);
		if (err) {
			atomic_fetch_add(&refused, err == -ESHUTDOWN);
			return NULL;
		}
		raw_batch_free(batch);
	}
}

static void a_close_waits_for_those_who_submit(void **state)
{
	(void)state;
	for (unsigned round = 0; round < ROUNDS; round++) {
		open_with(round % 2 ? "posix" : "uring", 1);
		atomic_store(&refused, 0);
		pthread_t threads[THREADS];
		for (uintptr_t i = 0; i < THREADS; i++)
			assert_int_equal(
				pthread_create(&threads[i], NULL, submit_until_closed, (void *)i),
				0);
		assert_int_equal(run(0, room, BLOCK, BLOCK, 0), 0);
		assert_int_equal(raw_close(dev), 0);
		for (unsigned i = 0; i < THREADS; i++)
			pthread_join(threads[i], NULL);
		assert_int_equal(atomic_load(&refused), THREADS);
		raw_free(dev);
		dev = NULL;
	}
}

static void ranges_side_by_side_are_one(void **state)
{
	(void)state;
	open_with("uring", 1);
	uint8_t *memory = aligned_alloc(BLOCK, 4 * (size_t)BLOCK);
	memset(memory, 7, 4 * (size_t)BLOCK);
	struct iovec ranges[] = { { memory, 2 * (size_t)BLOCK },
				  { memory + 2 * (size_t)BLOCK, 2 * (size_t)BLOCK } };
	assert_int_equal(raw_register(dev, ranges, 2), 0);
	assert_int_equal(run(0, memory + BLOCK, 2 * (size_t)BLOCK, 2 * (size_t)BLOCK, 1), 0);
	struct weir_queue_stats stats = WEIR_QUEUE_STATS_INIT;
	assert_int_equal(raw_get_stats(dev, &stats), 0);
	assert_true(stats.requests);
	assert_int_equal(stats.registered, stats.requests);
	struct iovec bad[] = { { memory, BLOCK }, { (void *)(uintptr_t)BLOCK, BLOCK } };
	assert_true(raw_register(dev, bad, 2) < 0);
	raw_free(dev);
	dev = NULL;
	free(memory);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(ios_of_every_kind),
		TEST(ios_of_every_kind_through_a_ring),
		TEST(a_batch_has_a_result_for_each),
		TEST(a_closed_one_refuses),
		TEST(a_close_waits_for_those_who_submit),
		TEST(ranges_side_by_side_are_one),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
