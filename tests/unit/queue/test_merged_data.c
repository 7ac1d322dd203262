/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_merged_data.c - merged commands on engines that move bytes, on a real file: random writes
 * and reads that merge in every way, compared with a model, every byte. Memory is scattered,
 * contiguous, or registered.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "rig.h"

#define FILE_BYTES (2u << 20)
#define BLOCK 4096u
#define BLOCKS (FILE_BYTES / BLOCK)
#define IOS 64u
#define ROUNDS 60u
#define BLOCKS_MAX 6u

struct extent {
	struct weir_io io;
	struct iovec iov[2];
	uint32_t from, blocks;
};

static char path[64];
static struct weir_device *dev;
static struct weir_queue *queue;
static char model[FILE_BYTES];
static struct extent extents[IOS];
static bool taken[BLOCKS];
static uint64_t seed;
/* One memory in the order of the file, and one that is not. */
static char *straight, *scattered;

static uint32_t pick(uint32_t n)
{
	seed = seed * 6364136223846793005ull + 1442695040888963407ull;
	return (uint32_t)((seed >> 33) % n);
}

static int setup(void **state)
{
	struct weir_device_opts opts = WEIR_DEVICE_OPTS_INIT;

	(void)state;
	snprintf(path, sizeof(path), "/tmp/weir-merged-%d.img", (int)getpid());
	opts.flags = WEIR_DEVICE_CREATE;
	opts.create_bytes = FILE_BYTES;
	memset(model, 0, sizeof(model));
	straight = aligned_alloc(BLOCK, FILE_BYTES);
	scattered = aligned_alloc(BLOCK, (size_t)IOS * 2 * BLOCKS_MAX * BLOCK);
	assert_true(straight && scattered);
	return weir_device_open(&dev, path, &opts);
}

static int teardown(void **state)
{
	(void)state;
	weir_device_close(dev);
	unlink(path);
	free(straight);
	free(scattered);
	return 0;
}

/*
 * Chooses a place, mostly directly behind or before the last one; no two ios have the same block.
 */
static bool place(struct extent *e, uint32_t last_from, uint32_t last_end)
{
	e->blocks = 1 + pick(BLOCKS_MAX);
	switch (pick(8)) {
	case 0:
		e->from = pick(BLOCKS);
		break;
	case 1:
	case 2:
	case 3:
		e->from = last_from - e->blocks; /* a number that wraps lies beyond the end */
		break;
	default:
		e->from = last_end;
	}
	if (e->from >= BLOCKS || e->blocks > BLOCKS - e->from)
		return false;
	for (uint32_t b = 0; b < e->blocks; b++)
		if (taken[e->from + b])
			return false;
	for (uint32_t b = 0; b < e->blocks; b++)
		taken[e->from + b] = true;
	return true;
}

static void fill(const struct extent *e, char *memory, uint64_t skip, uint64_t n)
{
	char *at = model + (size_t)e->from * BLOCK + skip;

	for (uint64_t i = 0; i < n; i++)
		at[i] = (char)pick(256);
	memcpy(memory, at, n);
}

static void prepare(struct extent *e, unsigned i, bool write, unsigned kind)
{
	char *memory = kind % 2 ? straight + (size_t)e->from * BLOCK
				: scattered + (size_t)i * 2 * BLOCKS_MAX * BLOCK;
	uint64_t length = (uint64_t)e->blocks * BLOCK, half = e->blocks / 2 * BLOCK;

	weir_io_write(&e->io, (uint64_t)e->from * BLOCK, memory, length);
	e->io.op = write ? WEIR_OP_WRITE : WEIR_OP_READ;
	if (half && kind >= 4) { /* two pieces, in the opposite order */
		e->iov[0] = (struct iovec){ memory + length - half, half };
		e->iov[1] = (struct iovec){ memory, length - half };
		e->io.iov = e->iov;
		e->io.iovcnt = 2;
	}
	for (uint32_t p = 0; write && p < e->io.iovcnt; p++)
		fill(e, e->iov[p].iov_base, p ? half : 0, e->iov[p].iov_len);
	if (write && !e->io.iovcnt)
		fill(e, memory, 0, length);
	if (!write)
		memset(memory, 0x5e, length);
}

static void check(const struct extent *e)
{
	const char *at = model + (size_t)e->from * BLOCK;

	assert_int_equal(e->io.result, 0);
	if (!e->io.iovcnt) {
		assert_memory_equal(e->io.buf, at, e->io.length);
		return;
	}
	assert_memory_equal(e->iov[0].iov_base, at, e->iov[0].iov_len);
	assert_memory_equal(e->iov[1].iov_base, at + e->iov[0].iov_len, e->iov[1].iov_len);
}

/* Submits up to IOS at once, of one kind and direction; in odd rounds another thread does it. */
static void *submit_round(void *arg)
{
	for (unsigned i = 0; i < *(unsigned *)arg; i++)
		assert_int_equal(weir_queue_submit(queue, &extents[i].io), 0);
	return NULL;
}

static unsigned make_round(unsigned round)
{
	unsigned n = 0, kind = pick(6);
	uint32_t from = BLOCKS / 2, end = BLOCKS / 2;

	memset(taken, 0, sizeof(taken));
	for (unsigned tries = 0; tries < 4 * IOS && n < IOS; tries++) {
		if (!place(&extents[n], from, end))
			continue;
		from = extents[n].from;
		end = from + extents[n].blocks;
		prepare(&extents[n], n, round % 2, kind);
		n++;
	}
	return n;
}

static void run(const char *engine, const char *scheduler)
{
	struct weir_queue_stats stats = WEIR_QUEUE_STATS_INIT;
	struct weir_queue_opts opts = WEIR_QUEUE_OPTS_INIT;

	opts.engine = engine;
	opts.scheduler = scheduler;
	opts.depth = 4;
	opts.nr_requests = 64;
	opts.max_io_bytes = 32 * BLOCK;
	assert_int_equal(weir_queue_open(&queue, dev, &opts), 0);
	(void)weir_queue_register(queue, straight, FILE_BYTES); /* a failure only costs speed */
	for (unsigned round = 0; round < ROUNDS; round++) {
		unsigned n = make_round(round);
		pthread_t thread;

		if (round % 4 < 2) {
			submit_round(&n);
		} else {
			assert_int_equal(pthread_create(&thread, NULL, submit_round, &n), 0);
			pthread_join(thread, NULL);
		}
		assert_int_equal(weir_queue_wait(queue), 0);
		for (unsigned i = 0; i < n; i++)
			check(&extents[i]);
	}
	assert_int_equal(weir_queue_get_stats(queue, &stats), 0);
	assert_true(stats.back_merges > 100 && stats.front_merges > 100);
	assert_int_equal(weir_queue_close(queue), 0);
}

/* Checks the final contents of the file, read without merging. */
static void check_file(void)
{
	struct weir_queue_opts opts = WEIR_QUEUE_OPTS_INIT;
	struct weir_io io;

	opts.engine = "posix";
	opts.nomerges = 2;
	assert_int_equal(weir_queue_open(&queue, dev, &opts), 0);
	weir_io_read(&io, 0, straight, FILE_BYTES);
	assert_int_equal(weir_queue_submit(queue, &io), 0);
	assert_int_equal(weir_io_wait(queue, &io, UINT64_MAX), 0);
	assert_memory_equal(straight, model, FILE_BYTES);
	assert_int_equal(weir_queue_close(queue), 0);
}

static void run_engine(const char *engine)
{
	static const char *const schedulers[] = { "none", "mq-deadline", "kyber" };
	char why[256];

	if (weir_engine_probe(engine, dev, why, sizeof(why))) {
		print_message("skipped: %s\n", why);
		skip();
	}
	for (unsigned i = 0; i < 3; i++) {
		seed = i;
		run(engine, schedulers[i]);
		check_file();
	}
}

static void on_posix(void **state)
{
	(void)state;
	run_engine("posix");
}

static void on_uring(void **state)
{
	(void)state;
	run_engine("uring");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(on_posix, setup, teardown),
		cmocka_unit_test_setup_teardown(on_uring, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
