/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_opens.c - devices and queues that are opened and closed 1,000 times, with registered memory
 * and I/O in between, leave nothing behind: no file, no memory of a thread, no locked page.
 */
#include <assert.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include <weir/queue.h>

#include "../held.h"

/* A sanitizer makes each pass slow, and a leak shows in fewer passes. */
#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
#define OPENS 400u
#else
#define OPENS 1000u
#endif
#define WARM 50u /* passes until the allocators have all memory that they keep */
#define OPENS_WORKERS (OPENS / 5)
static_assert(OPENS_WORKERS > WARM, "what is compared is noted when all is warm");
#define ARENA (256u << 10)
#define LENGTH 16384u
#define MORE_KIB 1024u

static char path[64];
static char *arena;

static int setup(void **state)
{
	struct weir_device_opts opts = WEIR_DEVICE_OPTS_INIT;
	struct weir_device *dev;
	void *mem = NULL;

	(void)state;
	snprintf(path, sizeof(path), "/tmp/weir-opens-%d.img", (int)getpid());
	opts.flags = WEIR_DEVICE_CREATE;
	opts.create_bytes = 1 << 20;
	if (weir_device_open(&dev, path, &opts) < 0 || posix_memalign(&mem, 4096, ARENA))
		return -1;
	weir_device_close(dev);
	arena = mem;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	unlink(path);
	free(arena);
	return 0;
}

/* Writes from registered memory, and reads back. */
static void move(struct weir_queue *q, unsigned turn)
{
	char *out = arena + 4096, *in = arena + ARENA - LENGTH;
	struct weir_io io;

	memset(out, (int)turn, LENGTH);
	memset(in, ~(int)turn, LENGTH);
	weir_io_write(&io, 4096, out, LENGTH);
	assert_int_equal(weir_queue_submit(q, &io), 0);
	assert_int_equal(weir_io_wait(q, &io, UINT64_MAX), 0);
	weir_io_read(&io, 4096, in, LENGTH);
	assert_int_equal(weir_queue_submit(q, &io), 0);
	assert_int_equal(weir_io_wait(q, &io, UINT64_MAX), 0);
	assert_memory_equal(in, out, LENGTH);
}

/* Returns how many KiB were pinned while the queue was open. */
static unsigned long long one_turn(const struct weir_queue_opts *opts, unsigned turn)
{
	unsigned long long pinned;
	struct weir_device *dev;
	struct weir_queue *q;

	assert_int_equal(weir_device_open(&dev, path, NULL), 0);
	assert_int_equal(weir_queue_open(&q, dev, opts), 0);
	if (!strcmp(opts->engine, "uring"))
		assert_int_equal(weir_queue_register(q, arena, ARENA), 0);
	move(q, turn);
	pinned = held_now().pinned_kib;
	assert_int_equal(weir_queue_close(q), 0);
	weir_device_close(dev);
	return pinned;
}

static void skip_without(const char *engine)
{
	struct weir_device *dev;
	char why[256];
	int err;

	assert_int_equal(weir_device_open(&dev, path, NULL), 0);
	err = weir_engine_probe(engine, dev, why, sizeof(why));
	weir_device_close(dev);
	if (err) {
		print_message("# skipped: %s\n", why);
		skip();
	}
}

/* Registered memory is pinned while a queue is open, and not longer. */
static void check_opens(const char *engine, uint32_t workers, unsigned opens)
{
	struct weir_queue_opts opts = WEIR_QUEUE_OPTS_INIT;
	struct held before;

	skip_without(engine);
	opts.engine = engine;
	opts.workers = workers;
	for (unsigned i = 0; i < opens; i++) {
		unsigned long long pinned = one_turn(&opts, i);

		if (i == WARM)
			before = held_now();
		if (i > WARM && !strcmp(engine, "uring"))
			assert_true(pinned >= before.pinned_kib + (ARENA >> 10));
	}
	held_check(&before, MORE_KIB);
}

static void uring(void **state)
{
	(void)state;
	check_opens("uring", 0, OPENS);
}

static void uring_with_workers(void **state)
{
	(void)state;
	check_opens("uring", 2, OPENS_WORKERS);
}

static void posix(void **state)
{
	(void)state;
	check_opens("posix", 0, OPENS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(uring),
		cmocka_unit_test(uring_with_workers),
		cmocka_unit_test(posix),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
