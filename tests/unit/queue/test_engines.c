/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_engines.c - the queue on the engines that move bytes, on a real file: one engine reads what
 * the other wrote through splits, bounces and pieces; and an idle worker sleeps.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "rig.h"

#define FILE_BYTES (16u << 20)
#define EXTENTS 400u

static char path[64];
static struct weir_device *dev;
static struct weir_queue *queue;

static int setup(void **state)
{
	struct weir_device_opts opts = WEIR_DEVICE_OPTS_INIT;

	(void)state;
	snprintf(path, sizeof(path), "/tmp/weir-queue-%d.img", (int)getpid());
	opts.flags = WEIR_DEVICE_CREATE;
	opts.create_bytes = FILE_BYTES;
	return weir_device_open(&dev, path, &opts);
}

static int teardown(void **state)
{
	(void)state;
	weir_device_close(dev);
	unlink(path);
	return 0;
}

static void open_queue(const char *engine, uint32_t workers)
{
	struct weir_queue_opts opts = WEIR_QUEUE_OPTS_INIT;
	char why[256];

	if (weir_engine_probe(engine, dev, why, sizeof(why))) {
		print_message("skipped: %s\n", why);
		skip();
	}
	opts.engine = engine;
	opts.workers = workers;
	opts.depth = 16;
	opts.max_io_bytes = 65536;
	assert_int_equal(weir_queue_open(&queue, dev, &opts), 0);
}

/* Returns the byte that belongs at offset AT of the file in round SEED. */
static char byte_at(uint64_t at, unsigned seed)
{
	return (char)(at * 31 + (at >> 9) * 7 + seed);
}

static void fill(char *buf, uint64_t at, uint64_t n, unsigned seed)
{
	for (uint64_t i = 0; i < n; i++)
		buf[i] = byte_at(at + i, seed);
}

struct extent {
	struct weir_io io;
	struct iovec iov[3];
	char *memory;
	uint64_t offset, length;
};

/*
 * Makes disjoint extents of random length; odd ones in memory that is not aligned, every third one
 * in pieces.
 */
static void prepare(struct extent *e, unsigned i, bool write)
{
	uint64_t third = e->length / 3 & ~511ull;

	e->iov[0] = (struct iovec){ e->memory + i % 2 * 7, third };
	e->iov[1] = (struct iovec){ e->memory + i % 2 * 7 + third, third };
	e->iov[2] = (struct iovec){ e->memory + i % 2 * 7 + 2 * third, e->length - 2 * third };
	if (i % 3 && write)
		weir_io_write(&e->io, e->offset, e->iov[0].iov_base, e->length);
	else if (i % 3)
		weir_io_read(&e->io, e->offset, e->iov[0].iov_base, e->length);
	else if (write)
		weir_io_writev(&e->io, e->offset, e->iov, 3);
	else
		weir_io_readv(&e->io, e->offset, e->iov, 3);
}

static void run_all(struct extent *extents, bool write)
{
	for (unsigned i = 0; i < EXTENTS; i++) {
		prepare(&extents[i], i, write);
		assert_int_equal(weir_queue_submit(queue, &extents[i].io), 0);
	}
	assert_int_equal(weir_queue_wait(queue), 0);
	for (unsigned i = 0; i < EXTENTS; i++)
		assert_int_equal(extents[i].io.result, 0);
}

static void write_by_one_read_by_other(const char *writer, const char *reader, unsigned seed)
{
	struct extent *extents = calloc(EXTENTS, sizeof(*extents));
	uint64_t at = 0, block = weir_device_get_info(dev)->logical_block_bytes;

	assert_non_null(extents);
	srand(seed);
	for (unsigned i = 0; i < EXTENTS; i++) {
		extents[i].offset = at;
		extents[i].length = block * (1 + (uint64_t)rand() % (32768 / block));
		at += extents[i].length;
		extents[i].memory = aligned_alloc(4096, 36864);
		assert_non_null(extents[i].memory);
		fill(extents[i].memory + i % 2 * 7, extents[i].offset, extents[i].length, seed);
	}
	assert_true(at <= FILE_BYTES);
	open_queue(writer, 0);
	run_all(extents, true);
	assert_int_equal(weir_queue_close(queue), 0);
	for (unsigned i = 0; i < EXTENTS; i++)
		memset(extents[i].memory, 0, 36864);
	open_queue(reader, seed % 2);
	run_all(extents, false);
	assert_int_equal(weir_queue_close(queue), 0);
	for (unsigned i = 0; i < EXTENTS; i++) {
		for (uint64_t b = 0; b < extents[i].length; b++)
			assert_int_equal(extents[i].memory[i % 2 * 7 + b],
					 byte_at(extents[i].offset + b, seed));
		free(extents[i].memory);
	}
	free(extents);
}

static void posix_to_posix(void **state)
{
	(void)state;
	write_by_one_read_by_other("posix", "posix", 1);
}

static void uring_to_posix(void **state)
{
	(void)state;
	write_by_one_read_by_other("uring", "posix", 2);
}

static void posix_to_uring(void **state)
{
	(void)state;
	write_by_one_read_by_other("posix", "uring", 3);
}

static uint32_t task_ran;

static void on_task(struct weir_task *task)
{
	(void)task;
	__atomic_store_n(&task_ran, 1, __ATOMIC_RELEASE);
}

/*
 * The worker is woken without an io: the wake-up must be taken off the ring, or the worker spins.
 */
static void an_idle_worker_sleeps(const char *engine)
{
	struct weir_queue_stats before = WEIR_QUEUE_STATS_INIT, after = WEIR_QUEUE_STATS_INIT;
	struct weir_task task = { .fn = on_task };

	open_queue(engine, 1);
	task_ran = 0;
	usleep(20000); /* it sleeps by now and must be woken */
	assert_int_equal(weir_queue_post(queue, 0, &task), 0);
	while (!__atomic_load_n(&task_ran, __ATOMIC_ACQUIRE))
		usleep(100);
	usleep(20000);
	assert_int_equal(weir_queue_get_stats(queue, &before), 0);
	usleep(100000);
	assert_int_equal(weir_queue_get_stats(queue, &after), 0);
	assert_in_range(after.sleeps - before.sleeps, 0, 3);
	assert_int_equal(weir_queue_close(queue), 0);
}

static void an_idle_posix_worker_sleeps(void **state)
{
	(void)state;
	an_idle_worker_sleeps("posix");
}

static void an_idle_uring_worker_sleeps(void **state)
{
	(void)state;
	an_idle_worker_sleeps("uring");
}

static void registered_buffers_reach_a_worker(void **state)
{
	struct weir_queue_stats stats = WEIR_QUEUE_STATS_INIT;
	char *arena = aligned_alloc(4096, 1 << 20);
	struct weir_io io;

	(void)state;
	assert_non_null(arena);
	open_queue("uring", 1);
	assert_int_equal(weir_queue_register(queue, arena, 1 << 20), 0);
	fill(arena + 65536, 4096, 8192, 9);
	weir_io_write(&io, 4096, arena + 65536, 8192);
	assert_int_equal(weir_queue_submit(queue, &io), 0);
	assert_int_equal(weir_io_wait(queue, &io, UINT64_MAX), 0);
	weir_io_read(&io, 4096, arena + 131072, 8192);
	assert_int_equal(weir_queue_submit(queue, &io), 0);
	assert_int_equal(weir_io_wait(queue, &io, UINT64_MAX), 0);
	assert_memory_equal(arena + 65536, arena + 131072, 8192);
	assert_int_equal(weir_queue_get_stats(queue, &stats), 0);
	assert_true(stats.registered == 2 ||
		    stats.register_failures == 1); /* RLIMIT_MEMLOCK may be small */
	assert_int_equal(weir_queue_close(queue), 0);
	free(arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		T(posix_to_posix),
		T(uring_to_posix),
		T(posix_to_uring),
		T(an_idle_posix_worker_sleeps),
		T(an_idle_uring_worker_sleeps),
		T(registered_buffers_reach_a_worker),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
