/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_split.c - an io becomes commands within the device's limits, and the memory of each is what
 * the io said.
 */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "rig.h"

#define SIZE (1u << 20)
static char *memory;

static int setup(void **state)
{
	(void)state;
	rig_init();
	memory = aligned_alloc(4096, SIZE);
	return memory ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	rig_close();
	free(memory);
	return 0;
}

static void submit_and_wait(struct weir_io *io, int result)
{
	assert_int_equal(weir_queue_submit(rig.q, io), 0);
	assert_int_equal(weir_io_wait(rig.q, io, UINT64_MAX), result);
}

/* Checks that the log covers OFFSET+LENGTH in order, each command within the limits. */
static void check_cover(uint64_t offset, uint64_t length)
{
	for (unsigned i = 0; i < rig.nr_log; i++) {
		assert_int_equal(rig.log[i].offset, offset);
		assert_in_range(rig.log[i].length, 512, rig.info.max_io_bytes);
		assert_true(rig.log[i].iovcnt <= rig.info.max_segments);
		offset += rig.log[i].length;
		length -= rig.log[i].length;
	}
	assert_int_equal(length, 0);
}

static void an_io_that_fits_is_not_split(void **state)
{
	struct weir_io io;

	(void)state;
	rig_open(NULL, NULL);
	weir_io_read(&io, 4096, memory, 65536);
	submit_and_wait(&io, 0);
	assert_int_equal(rig.nr_log, 1);
	check_cover(4096, 65536);
	assert_ptr_equal(rig.log[0].iov[0].iov_base, memory);
}

static void split_on_physical_blocks(void **state)
{
	struct weir_io io;

	(void)state;
	rig_open(NULL, NULL);
	/* From 512 on: the first part ends at the last 4 KiB boundary within 64 KiB. */
	weir_io_write(&io, 512, memory, 65536 * 2);
	submit_and_wait(&io, 0);
	check_cover(512, 65536 * 2);
	assert_int_equal(rig.nr_log, 3);
	assert_int_equal(rig.log[0].length, 65536 - 512);
	assert_int_equal(rig.log[1].length, 65536);
	assert_int_equal(rig.log[2].length, 512);
	assert_ptr_equal(rig.log[1].iov[0].iov_base, memory + 65536 - 512);
}

static void logical_blocks_where_physical_do_not_fit(void **state)
{
	struct weir_io io;

	(void)state;
	rig.info.max_io_bytes = 1024;
	rig_open(NULL, NULL);
	weir_io_write(&io, 512, memory, 2560);
	submit_and_wait(&io, 0);
	check_cover(512, 2560);
	assert_int_equal(rig.nr_log, 3);
}

static void pieces_within_max_segments(void **state)
{
	struct iovec iov[40];
	struct weir_io io;
	unsigned seen = 0;

	(void)state;
	rig_open(NULL, NULL);
	for (unsigned i = 0; i < 40; i++)
		iov[i] = (struct iovec){ memory + i * 8192, i % 5 ? 1024 : 0 };
	weir_io_writev(&io, 8192, iov, 40);
	submit_and_wait(&io, 0);
	check_cover(8192, 32 * 1024);
	for (unsigned c = 0; c < rig.nr_log; c++)
		for (unsigned i = 0; i < rig.log[c].iovcnt; i++, seen++) {
			unsigned n = seen + seen / 4 + 1; /* every fifth piece is empty */

			assert_ptr_equal(rig.log[c].iov[i].iov_base, iov[n].iov_base);
		}
	assert_int_equal(seen, 32);
}

static void pieces_split_in_the_middle(void **state)
{
	struct iovec iov[2] = { { memory, 40960 }, { memory + 65536, 40960 } };
	struct weir_io io;

	(void)state;
	rig_open(NULL, NULL);
	weir_io_writev(&io, 0, iov, 2);
	submit_and_wait(&io, 0);
	check_cover(0, 81920);
	assert_int_equal(rig.nr_log, 2);
	assert_int_equal(rig.log[0].iov[1].iov_len, 65536 - 40960);
	assert_ptr_equal(rig.log[1].iov[0].iov_base, memory + 65536 + 65536 - 40960);
}

static void unaligned_memory_is_bounced(void **state)
{
	struct weir_queue_stats stats = WEIR_QUEUE_STATS_INIT;
	struct weir_io io;

	(void)state;
	rig_open(NULL, NULL);
	memset(memory, 0, SIZE);
	weir_io_read(&io, 0, memory + 1, 131072);
	submit_and_wait(&io, 0);
	assert_int_equal(memory[0], 0);
	for (unsigned i = 0; i < 131072; i++)
		assert_int_equal((unsigned char)memory[1 + i], 0xa5);
	assert_int_equal(memory[131073], 0);
	assert_int_equal(weir_queue_get_stats(rig.q, &stats), 0);
	assert_int_equal(stats.bounced, 2);
	assert_int_equal(stats.splits, 1);
}

static void bounced_write_carries_the_bytes(void **state)
{
	struct iovec iov[3] = { { memory + 3, 700 },
				{ memory + 5000, 100 },
				{ memory + 9001, 224 } };
	struct weir_io io;
	char want[1024];

	(void)state;
	rig.hold = true; /* so that the bounce buffer can still be checked */
	rig_open(NULL, NULL);
	for (unsigned i = 0; i < 16384; i++)
		memory[i] = (char)(i * 7 + i / 256);
	memcpy(want, memory + 3, 700);
	memcpy(want + 700, memory + 5000, 100);
	memcpy(want + 800, memory + 9001, 224);
	weir_io_writev(&io, 0, iov, 3);
	assert_int_equal(weir_queue_submit(rig.q, &io), 0);
	assert_int_equal(weir_queue_poll(rig.q), 0);
	assert_int_equal(rig.nr_log, 1);
	assert_int_equal(rig.log[0].iovcnt, 1);
	assert_memory_equal(rig.log[0].iov[0].iov_base, want, 1024);
	assert_int_equal((uintptr_t)rig.log[0].iov[0].iov_base % 512, 0);
	rig_complete(1);
	assert_int_equal(io.result, 0);
}

static void bounced_read_fills_pieces_only(void **state)
{
	struct iovec iov[3] = { { memory + 3, 700 },
				{ memory + 5000, 100 },
				{ memory + 9001, 224 } };
	struct weir_io io;
	unsigned touched = 0;

	(void)state;
	rig_open(NULL, NULL);
	memset(memory, 0, SIZE);
	weir_io_readv(&io, 0, iov, 3);
	submit_and_wait(&io, 0);
	for (unsigned i = 0; i < SIZE; i++)
		touched += memory[i] != 0;
	assert_int_equal(touched, 1024);
	assert_int_equal((unsigned char)memory[3], 0xa5);
	assert_int_equal((unsigned char)memory[5099], 0xa5);
	assert_int_equal((unsigned char)memory[9224], 0xa5);
}

static void tiny_pieces_of_unconstrained_memory(void **state)
{
	struct iovec iov[512];
	struct weir_io io;

	(void)state;
	rig.info.memory_align_bytes = 1;
	rig_open(NULL, NULL);
	for (unsigned i = 0; i < 512; i++)
		iov[i] = (struct iovec){ memory + i * 3, 2 };
	memset(memory, 0, SIZE);
	weir_io_readv(&io, 0, iov, 512);
	submit_and_wait(&io, 0);
	check_cover(0, 1024);
	for (unsigned i = 0; i < 512 * 3; i++)
		assert_int_equal((unsigned char)memory[i], i % 3 == 2 ? 0 : 0xa5);
}

static void discards_have_their_own_limit(void **state)
{
	struct weir_io io;

	(void)state;
	rig.info.discard_max_bytes = 1 << 20;
	rig_open(NULL, NULL);
	weir_io_discard(&io, 0, 3u << 20);
	submit_and_wait(&io, 0);
	assert_int_equal(rig.nr_log, 3);
	weir_io_write_zeroes(&io, 0, 512u << 20);
	submit_and_wait(&io, 0);
	assert_int_equal(rig.nr_log, 4);
	assert_int_equal(rig.log[3].length, 512u << 20);
}

static void random_ios_cover_exactly(void **state)
{
	struct iovec iov[32];
	struct weir_io io;

	(void)state;
	rig_open(NULL, NULL);
	srand(7);
	for (int round = 0; round < 2000; round++) {
		unsigned n = 1 + (unsigned)rand() % 32;
		uint64_t offset = (uint64_t)(rand() % 1000) * 512;

		for (unsigned i = 0; i < n; i++)
			iov[i] = (struct iovec){ memory + rand() % 64 * 512,
						 (size_t)(rand() % 32) * 512 };
		iov[0].iov_len = 512;
		weir_io_writev(&io, offset, iov, n);
		rig.nr_log = 0;
		submit_and_wait(&io, 0);
		check_cover(offset, io.length);
	}
}

static void first_error_ends_it_once(void **state)
{
	struct weir_io io;
	char words[160];

	(void)state;
	rig_open(NULL, NULL);
	rig.fail_offset = 65536 * 2;
	rig.fail_error = -EIO;
	weir_io_write(&io, 0, memory, 65536 * 8);
	submit_and_wait(&io, -EIO);
	weir_io_strerror(&io, words, sizeof(words));
	assert_string_equal(words, "write at 0x0+524288 (its part at 0x20000): Input/output error");
}

/*
 * The rest of the io waits for a tag when a part fails and the scheduler is switched: no more
 * parts are submitted.
 */
static void a_failed_io_is_not_split_after_a_switch(void **state)
{
	struct weir_io io;

	(void)state;
	rig.hold = true;
	rig_open(&(struct weir_queue_opts){ .size = sizeof(struct weir_queue_opts),
					    .depth = 1,
					    .nr_requests = 1 },
		 NULL);
	rig.fail_offset = 0;
	rig.fail_error = -EIO;
	weir_io_write(&io, 0, memory, 65536 * 3);
	assert_int_equal(weir_queue_submit(rig.q, &io), 0);
	assert_int_equal(weir_queue_poll(rig.q), 0);
	assert_int_equal(weir_queue_set(rig.q, "scheduler", "kyber"), 0);
	rig_complete(1);
	rig.hold = false;
	assert_int_equal(weir_io_wait(rig.q, &io, UINT64_MAX), -EIO);
	assert_int_equal(rig.nr_log, 1);
	assert_int_equal(io_priv(&io)->failed_offset, 0);
}

static void *change_max_io(void *over)
{
	for (unsigned n = 0; !__atomic_load_n((uint32_t *)over, __ATOMIC_RELAXED); n++)
		assert_int_equal(weir_queue_set(rig.q, "max_sectors_kb", n % 2 ? "4" : "8"), 0);
	return NULL;
}

/* An io that must not wait may turn out to have more parts than there were when its tags were
 * counted. It has begun then, and ends well. */
static void more_parts_than_were_counted(void **state)
{
	const unsigned depth = 2048, rounds = 200;
	const uint64_t length = 4 << 20;
	struct weir_queue_opts opts = WEIR_QUEUE_OPTS_INIT;
	char *buf = aligned_alloc(4096, length);
	struct weir_io io, *others = calloc(depth, sizeof(*others));
	uint32_t over = 0;
	pthread_t thread;

	(void)state;
	assert_true(buf && others);
	opts.scheduler = "none";
	opts.depth = depth;
	opts.depth_bytes = UINT64_MAX;
	rig_open(&opts, NULL);
	assert_int_equal(weir_queue_attach(rig.q, 0), 0);
	assert_int_equal(pthread_create(&thread, NULL, change_max_io, &over), 0);
	for (unsigned n = 0; n < rounds; n++) {
		rig.hold = true;
		for (unsigned i = 0; i < depth - 600; i++) {
			weir_io_read(&others[i], 4096ull * i, buf, 4096);
			assert_int_equal(weir_queue_submit(rig.q, &others[i]), 0);
		}
		weir_io_read(&io, 64 << 20, buf, length);
		io.flags = WEIR_IO_NOWAIT;
		assert_int_equal(weir_queue_submit(rig.q, &io), 0);
		assert_true(weir_queue_poll(rig.q) >= 0);
		rig.hold = false;
		assert_int_equal(weir_queue_wait(rig.q), 0);
		assert_true(!io.result || io.result == -EAGAIN);
	}
	__atomic_store_n(&over, 1, __ATOMIC_RELAXED);
	pthread_join(thread, NULL);
	free(others);
	free(buf);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		T(an_io_that_fits_is_not_split),
		T(split_on_physical_blocks),
		T(logical_blocks_where_physical_do_not_fit),
		T(pieces_within_max_segments),
		T(pieces_split_in_the_middle),
		T(unaligned_memory_is_bounced),
		T(bounced_write_carries_the_bytes),
		T(bounced_read_fills_pieces_only),
		T(tiny_pieces_of_unconstrained_memory),
		T(discards_have_their_own_limit),
		T(random_ios_cover_exactly),
		T(first_error_ends_it_once),
		T(a_failed_io_is_not_split_after_a_switch),
		T(more_parts_than_were_counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
