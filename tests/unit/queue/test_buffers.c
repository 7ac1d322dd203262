/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_buffers.c - registered memory: the state of each range and its reason, unregistering while
 * commands use it, ranges that overlap or were refused before, and ios that go from one range into
 * the next. On the rig, and on io_uring with a real limit on locked memory.
 */
#include <errno.h>
#include <linux/capability.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "rig.h"

#include "../child.h"
#include "../held.h"

#define PAGE 4096u
#define PAGES 64u
#define LIMIT_LOW (1u << 20)
#define LIMIT_HIGH (8u << 20)

static char *memory; /* PAGES of them */
static struct weir_io ios[8];

static int setup(void **state)
{
	(void)state;
	rig_init();
	memory = aligned_alloc(PAGE, PAGES * PAGE);
	return memory ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	free(memory);
	return 0;
}

static char *page(unsigned n)
{
	return memory + (size_t)n * PAGE;
}

static void write_at(unsigned n, uint64_t offset, void *from, uint64_t length)
{
	weir_io_write(&ios[n], offset, from, length);
	assert_int_equal(weir_queue_submit(rig.q, &ios[n]), 0);
}

static struct weir_buffer buffer(size_t index)
{
	struct weir_buffer b = WEIR_BUFFER_INIT;

	assert_int_equal(weir_queue_get_buffer(rig.q, index, &b), 0);
	return b;
}

static unsigned nr_buffers(void)
{
	struct weir_buffer b = WEIR_BUFFER_INIT;
	unsigned n = 0;

	while (!weir_queue_get_buffer(rig.q, n, &b))
		n++;
	return n;
}

static void refused_ranges_are_tried_again(void **state)
{
	struct weir_queue_stats stats = WEIR_QUEUE_STATS_INIT;
	struct weir_buffer b;

	(void)state;
	rig_open(NULL, NULL);
	assert_int_equal(nr_buffers(), 0);
	rig.fail_register = -ENOMEM;
	assert_int_equal(weir_queue_register(rig.q, page(0), PAGE), -ENOMEM);
	assert_non_null(strstr(weir_error(), "registers nothing now"));
	b = buffer(0);
	assert_ptr_equal(b.base, page(0));
	assert_int_equal(b.length, PAGE);
	assert_int_equal(b.state, WEIR_BUFFER_FAILED);
	assert_int_equal(b.lanes_failed, 1);
	assert_int_equal(b.error, -ENOMEM);
	assert_non_null(strstr(b.reason, "registers nothing now"));
	write_at(0, 0, page(0), PAGE);
	assert_int_equal(weir_queue_wait(rig.q), 0);
	assert_int_equal(rig.log[0].buf_index, -1);
	rig.fail_register = 0;
	assert_int_equal(weir_queue_register(rig.q, page(0), PAGE), 0);
	b = buffer(0);
	assert_int_equal(b.state, WEIR_BUFFER_REGISTERED);
	assert_int_equal(b.users, 2);
	assert_int_equal(b.error, 0);
	assert_string_equal(b.reason, "");
	write_at(0, 0, page(0), PAGE);
	assert_int_equal(weir_queue_wait(rig.q), 0);
	assert_int_equal(rig.log[1].buf_index, 0);
	/* The third call registers nothing new. */
	assert_int_equal(weir_queue_register(rig.q, page(0), PAGE), 0);
	assert_int_equal(rig.registers, 2);
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(weir_queue_unregister(rig.q, page(0), PAGE), 0);
	assert_int_equal(rig.unregisters, 1);
	assert_int_equal(nr_buffers(), 0);
	assert_int_equal(weir_queue_unregister(rig.q, page(0), PAGE), -ENOENT);
	assert_int_equal(weir_queue_get_stats(rig.q, &stats), 0);
	assert_int_equal(stats.register_failures, 1);
	rig_close();
}

/* Commands in the engine keep the range; waiting requests and new ones go without it. */
static void unregistered_when_its_commands_have_completed(void **state)
{
	struct weir_queue_opts opts = WEIR_QUEUE_OPTS_INIT;

	(void)state;
	opts.depth = 1;
	rig.hold = true;
	rig_open(&opts, NULL);
	assert_int_equal(weir_queue_register(rig.q, page(0), 8 * PAGE), 0);
	write_at(0, 0, page(0), PAGE);
	write_at(1, 8 * PAGE, page(1), PAGE);
	assert_int_equal(weir_queue_poll(rig.q), 0);
	assert_int_equal(rig.nr_log, 1);
	assert_int_equal(weir_queue_unregister(rig.q, page(0), 8 * PAGE), 0);
	assert_int_equal(buffer(0).state, WEIR_BUFFER_LEAVING);
	assert_int_equal(rig.unregisters, 0);
	write_at(2, 16 * PAGE, page(2), PAGE);
	/* Meanwhile the memory may be registered again; it gets another number. */
	assert_int_equal(weir_queue_register(rig.q, page(8), PAGE), 0);
	rig_complete(1);
	assert_int_equal(rig.unregisters, 1);
	assert_int_equal(rig.unregistered, 0);
	rig_complete(2);
	assert_int_equal(rig.nr_log, 3);
	assert_int_equal(rig.log[0].buf_index, 0);
	assert_int_equal(rig.log[1].buf_index, -1);
	assert_int_equal(rig.log[2].buf_index, -1);
	assert_int_equal(nr_buffers(), 1);
	/* The number is used again. */
	assert_int_equal(weir_queue_register(rig.q, page(0), PAGE), 0);
	write_at(0, 0, page(0), PAGE);
	assert_int_equal(weir_queue_poll(rig.q), 0);
	rig_complete(1);
	assert_int_equal(rig.log[3].buf_index, 0);
	rig.hold = false;
	rig_close();
}

static void overlapping_ranges(void **state)
{
	(void)state;
	rig_open(NULL, NULL);
	assert_int_equal(weir_queue_register(rig.q, page(2), 8 * PAGE), 0);
	assert_int_equal(weir_queue_register(rig.q, page(3), PAGE), 0);
	assert_int_equal(weir_queue_register(rig.q, page(8), 8 * PAGE), 0);
	write_at(0, 0, page(3), PAGE);		  /* inside both */
	write_at(1, 8 * PAGE, page(3), 2 * PAGE); /* goes beyond the shorter one */
	write_at(2, 16 * PAGE, page(9), 4 * PAGE);
	assert_int_equal(weir_queue_wait(rig.q), 0);
	assert_int_equal(rig.nr_log, 3);
	assert_int_equal(rig.log[0].buf_index, 1);
	assert_int_equal(rig.log[1].buf_index, 0);
	assert_int_equal(rig.log[2].buf_index, 2);
	assert_int_equal(weir_queue_unregister(rig.q, page(3), PAGE), 0);
	assert_int_equal(weir_queue_unregister(rig.q, page(2), 4 * PAGE), -ENOENT);
	write_at(0, 0, page(3), PAGE);
	assert_int_equal(weir_queue_wait(rig.q), 0);
	assert_int_equal(rig.log[3].buf_index, 0);
	rig_close();
}

/* Checks the commands from number FIRST on: pages and buffer number of each; -2 ends the list. */
static void expect(unsigned first, const int (*cmds)[2])
{
	unsigned n = 0;

	for (; cmds[n][0] >= 0; n++) {
		assert_true(first + n < rig.nr_log);
		assert_int_equal(rig.log[first + n].length, cmds[n][0] * PAGE);
		assert_int_equal(rig.log[first + n].buf_index, cmds[n][1]);
	}
	assert_int_equal(rig.nr_log, first + n);
}

static void split_at_borders(unsigned nomerges)
{
	struct iovec one = { page(2), 8 * PAGE };
	struct iovec two[2] = { { page(2), 2 * PAGE }, { page(6), 2 * PAGE } };
	unsigned at;

	rig.nomerges = nomerges;
	rig_open(NULL, NULL);
	assert_int_equal(weir_queue_register(rig.q, page(0), 4 * PAGE), 0);
	assert_int_equal(weir_queue_register(rig.q, page(4), 4 * PAGE), 0);
	assert_int_equal(weir_queue_register(rig.q, page(8), 4 * PAGE), 0);
	/* Across one border, across two, by an iovec, and into memory that is not registered. */
	write_at(0, 0, page(2), 4 * PAGE);
	assert_int_equal(weir_queue_wait(rig.q), 0);
	expect(0, (const int[][2]){ { 2, 0 }, { 2, 1 }, { -1, 0 } });
	at = rig.nr_log;
	weir_io_writev(&ios[1], 1 << 20, &one, 1);
	assert_int_equal(weir_queue_submit(rig.q, &ios[1]), 0);
	assert_int_equal(weir_queue_wait(rig.q), 0);
	expect(at, (const int[][2]){ { 2, 0 }, { 4, 1 }, { 2, 2 }, { -1, 0 } });
	at = rig.nr_log;
	write_at(2, 2 << 20, page(10), 4 * PAGE);
	assert_int_equal(weir_queue_wait(rig.q), 0);
	expect(at, (const int[][2]){ { 4, -1 }, { -1, 0 } });
	/* A command with several pieces is not a registered command anyway. */
	at = rig.nr_log;
	weir_io_writev(&ios[3], 3 << 20, two, 2);
	assert_int_equal(weir_queue_submit(rig.q, &ios[3]), 0);
	assert_int_equal(weir_queue_wait(rig.q), 0);
	expect(at, (const int[][2]){ { 4, -1 }, { -1, 0 } });
	/* An io that must not wait needs only one tag. */
	at = rig.nr_log;
	weir_io_write(&ios[4], 4 << 20, page(2), 4 * PAGE);
	ios[4].flags = WEIR_IO_NOWAIT;
	assert_int_equal(weir_queue_submit(rig.q, &ios[4]), 0);
	assert_int_equal(weir_io_wait(rig.q, &ios[4], UINT64_MAX), 0);
	expect(at, (const int[][2]){ { 4, -1 }, { -1, 0 } });
	rig_close();
}

static void an_io_across_two_ranges(void **state)
{
	(void)state;
	split_at_borders(2);
}

static void an_io_across_two_ranges_beside_merging(void **state)
{
	(void)state;
	split_at_borders(0);
}

/*
 * A run of ios across the border: the ios on one side are one command, the one across the border
 * is two.
 */
static void a_merged_run_across_a_border(void **state)
{
	static const int cmds[][2] = { { 16, 0 }, { 1, 0 }, { 1, 1 }, { 16, 1 }, { -1, 0 } };

	(void)state;
	rig.nomerges = 0;
	rig.info.max_io_bytes = 1 << 20;
	rig_open(NULL, NULL);
	assert_int_equal(weir_queue_register(rig.q, page(0), 17 * PAGE), 0);
	assert_int_equal(weir_queue_register(rig.q, page(17), 17 * PAGE), 0);
	write_at(0, 0, page(0), 8 * PAGE);
	write_at(1, 8 * PAGE, page(8), 8 * PAGE);
	write_at(2, 16 * PAGE, page(16), 2 * PAGE);
	write_at(3, 18 * PAGE, page(18), 8 * PAGE);
	write_at(4, 26 * PAGE, page(26), 8 * PAGE);
	assert_int_equal(weir_queue_wait(rig.q), 0);
	expect(0, cmds);
	rig_close();
}

/* An io cannot be split at a border inside a block. */
static void a_border_that_is_not_aligned(void **state)
{
	(void)state;
	rig_open(NULL, NULL);
	assert_int_equal(weir_queue_register(rig.q, page(0), PAGE + 256), 0);
	assert_int_equal(weir_queue_register(rig.q, page(1) + 256, PAGE), 0);
	write_at(0, 0, page(0), 2 * PAGE);
	assert_int_equal(weir_queue_wait(rig.q), 0);
	expect(0, (const int[][2]){ { 2, -1 }, { -1, 0 } });
	rig_close();
}

static void above_1_gib(void **state)
{
	const size_t length = 5ull << 29;
	char *big =
		mmap(NULL, length, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	(void)state;
	assert_true(big != MAP_FAILED);
	rig_open(NULL, NULL);
	assert_int_equal(weir_queue_register(rig.q, big, length), 0);
	assert_int_equal(rig.registers, 3);
	assert_int_equal(buffer(0).pieces, 3);
	assert_int_equal(buffer(0).length, length);
	assert_int_equal(buffer(0).state, WEIR_BUFFER_REGISTERED);
	write_at(0, 0, big + (1 << 30) - PAGE, 3 * PAGE);
	write_at(1, 1 << 20, big + (2u << 30), PAGE);
	assert_int_equal(weir_queue_wait(rig.q), 0);
	expect(0, (const int[][2]){ { 1, 0 }, { 2, 1 }, { 1, 2 }, { -1, 0 } });
	assert_int_equal(weir_queue_unregister(rig.q, big, length), 0);
	assert_int_equal(rig.unregisters, 3);
	assert_int_equal(nr_buffers(), 0);
	rig_close();
	munmap(big, length);
}

static void the_largest_number_of_ranges(void **state)
{
	char *base = (char *)((uintptr_t)1 << 40); /* the rig reads none of this memory */

	(void)state;
	rig_open(NULL, NULL);
	for (size_t i = 0; i < REGISTERED_MAX; i++)
		assert_int_equal(weir_queue_register(rig.q, base + i * 2 * PAGE, PAGE), 0);
	assert_int_equal(weir_queue_register(rig.q, page(0), PAGE), -ENOSPC);
	assert_int_equal(weir_queue_unregister(rig.q, base + 14 * PAGE, PAGE), 0);
	assert_int_equal(weir_queue_register(rig.q, page(0), 2ull << 30), -ENOSPC);
	assert_int_equal(weir_queue_register(rig.q, page(0), PAGE), 0);
	write_at(0, 0, page(0), PAGE);
	assert_int_equal(weir_queue_wait(rig.q), 0);
	assert_int_equal(rig.log[0].buf_index, 7);
	assert_int_equal(weir_queue_register(rig.q, NULL, PAGE), -EINVAL);
	assert_int_equal(weir_queue_register(rig.q, page(0), SIZE_MAX), -EINVAL);
	rig_close();
}

static void wait_for_state(uint32_t state)
{
	alarm(CHILD_SECONDS);
	while (buffer(0).state != state)
		sched_yield();
	alarm(0);
}

/* Workers register on their own rings, and report the result. */
static void on_lanes_of_workers(void **state)
{
	struct weir_queue_opts opts = WEIR_QUEUE_OPTS_INIT;

	(void)state;
	opts.workers = 1;
	opts.lanes = sysconf(_SC_NPROCESSORS_ONLN) > 1 ? 2 : 1;
	rig_open(&opts, NULL);
	rig.fail_register = -ENOMEM;
	assert_int_equal(weir_queue_register(rig.q, page(0), PAGE), 0);
	wait_for_state(WEIR_BUFFER_FAILED);
	assert_int_equal(buffer(0).lanes_failed, opts.lanes);
	assert_int_equal(buffer(0).error, -ENOMEM);
	rig.fail_register = 0;
	assert_int_equal(weir_queue_register(rig.q, page(0), PAGE), 0);
	wait_for_state(WEIR_BUFFER_REGISTERED);
	assert_int_equal(buffer(0).lanes_registered, opts.lanes);
	write_at(0, 0, page(0), PAGE);
	assert_int_equal(weir_io_wait(rig.q, &ios[0], UINT64_MAX), 0);
	assert_int_equal(rig.log[0].buf_index, 0);
	assert_int_equal(weir_queue_unregister(rig.q, page(0), PAGE), 0);
	assert_int_equal(buffer(0).state, WEIR_BUFFER_REGISTERED); /* registered twice */
	assert_int_equal(weir_queue_unregister(rig.q, page(0), PAGE), 0);
	write_at(0, 0, page(0), PAGE);
	assert_int_equal(weir_io_wait(rig.q, &ios[0], UINT64_MAX), 0);
	assert_int_equal(rig.log[1].buf_index, -1);
	alarm(CHILD_SECONDS);
	while (nr_buffers())
		sched_yield();
	alarm(0);
	rig_close();
}

/* A lane without an owner has nothing registered; its next owner registers what exists then. */
static void over_detach_and_attach(void **state)
{
	(void)state;
	rig_open(NULL, NULL);
	assert_int_equal(weir_queue_register(rig.q, page(0), PAGE), 0);
	assert_int_equal(weir_queue_register(rig.q, page(4), PAGE), 0);
	assert_int_equal(weir_queue_detach(rig.q), 0);
	assert_int_equal(buffer(0).state, WEIR_BUFFER_PENDING);
	assert_int_equal(weir_queue_unregister(rig.q, page(0), PAGE), 0);
	assert_int_equal(nr_buffers(), 1);
	assert_int_equal(weir_queue_attach(rig.q, 0), 0);
	assert_int_equal(buffer(0).state, WEIR_BUFFER_REGISTERED);
	assert_ptr_equal(buffer(0).base, page(4));
	assert_int_equal(rig.registers, 3);
	rig_close();
}

/* The tests below use io_uring and a file. */
static char path[64];

static struct weir_queue *open_uring(struct weir_device **dev)
{
	struct weir_device_opts device = WEIR_DEVICE_OPTS_INIT;
	struct weir_queue_opts opts = WEIR_QUEUE_OPTS_INIT;
	struct weir_queue *q;

	snprintf(path, sizeof(path), "/tmp/weir-buffers-%d.img", (int)getpid());
	device.flags = WEIR_DEVICE_CREATE;
	device.create_bytes = 4 << 20;
	opts.engine = "uring";
	if (weir_device_open(dev, path, &device))
		return NULL;
	if (!weir_queue_open(&q, *dev, &opts))
		return q;
	weir_device_close(*dev);
	unlink(path);
	return NULL;
}

static void close_uring(struct weir_queue *q, struct weir_device *dev)
{
	assert_int_equal(weir_queue_close(q), 0);
	weir_device_close(dev);
	unlink(path);
}

static void need_uring(void)
{
	struct weir_device *dev;
	struct weir_queue *q = open_uring(&dev);

	if (q)
		close_uring(q, dev);
	else
		skip();
}

static int run(struct weir_queue *q, struct weir_io *io)
{
	int err = weir_queue_submit(q, io);

	return err ? err : weir_io_wait(q, io, UINT64_MAX);
}

/* Writes LENGTH bytes from BUF, filled with a pattern of SEED, and reads them back into it. */
static void move(struct weir_queue *q, char *buf, size_t length, int seed)
{
	struct weir_io io;

	for (size_t i = 0; i < length; i++)
		buf[i] = (char)(i / 512 * 7 + (size_t)seed);
	weir_io_write(&io, PAGE, buf, length);
	assert_int_equal(run(q, &io), 0);
	memset(buf, 0, length);
	weir_io_read(&io, PAGE, buf, length);
	assert_int_equal(run(q, &io), 0);
	for (size_t i = 0; i < length; i++)
		if (buf[i] != (char)(i / 512 * 7 + (size_t)seed))
			fail_msg("byte %zu is another", i);
}

static uint64_t registered_commands(struct weir_queue *q)
{
	struct weir_queue_stats stats = WEIR_QUEUE_STATS_INIT;

	assert_int_equal(weir_queue_get_stats(q, &stats), 0);
	return stats.registered;
}

/*
 * Other memory at an address that was registered: its bytes are transferred, not those of the old
 * memory.
 */
static void memory_that_is_mapped_anew(void **state)
{
	const size_t length = 16 * PAGE;
	struct weir_device *dev;
	struct weir_queue *q;
	struct held earlier;
	char *buf;

	(void)state;
	need_uring();
	q = open_uring(&dev);
	assert_non_null(q);
	buf = mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	assert_true(buf != MAP_FAILED);
	move(q, buf, length, 1);
	earlier = held_now();
	for (int turn = 0; turn < 20; turn++) {
		uint64_t commands = registered_commands(q);

		assert_int_equal(weir_queue_register(q, buf, length / 2), 0);
		assert_int_equal(weir_queue_register(q, buf + length / 2, length / 2), 0);
		move(q, buf, length, turn);
		/* Each in two parts, both registered commands. */
		assert_int_equal(registered_commands(q) - commands, 4);
		assert_int_equal(weir_queue_unregister(q, buf, length / 2), 0);
		assert_int_equal(weir_queue_unregister(q, buf + length / 2, length / 2), 0);
		assert_true(mmap(buf, length, PROT_READ | PROT_WRITE,
				 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == buf);
		commands = registered_commands(q);
		move(q, buf, length, turn + 100);
		assert_int_equal(registered_commands(q) - commands, 0);
	}
	assert_true(held_now().pinned_kib <= earlier.pinned_kib + length / 1024);
	close_uring(q, dev);
	munmap(buf, length);
}

static void memory_that_is_not_mapped(void **state)
{
	struct weir_buffer b = WEIR_BUFFER_INIT;
	struct weir_device *dev;
	struct weir_queue *q;
	char *hole;

	(void)state;
	need_uring();
	q = open_uring(&dev);
	assert_non_null(q);
	hole = mmap(NULL, 16 * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	assert_true(hole != MAP_FAILED);
	assert_int_equal(weir_queue_register(q, hole, 16 * PAGE), -EFAULT);
	assert_int_equal(weir_queue_get_buffer(q, 0, &b), 0);
	assert_int_equal(b.state, WEIR_BUFFER_FAILED);
	assert_int_equal(b.error, -EFAULT);
	assert_non_null(strstr(b.reason, "mapped"));
	assert_int_equal(mprotect(hole, 16 * PAGE, PROT_READ | PROT_WRITE), 0);
	assert_int_equal(weir_queue_register(q, hole, 16 * PAGE), 0);
	move(q, hole, 16 * PAGE, 5);
	assert_true(registered_commands(q) == 2);
	close_uring(q, dev);
	munmap(hole, 16 * PAGE);
}

static void drop_ipc_lock(void)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2];

	CHILD_CHECK(!syscall(SYS_capget, &header, data));
	data[0].effective &= ~(1u << CAP_IPC_LOCK);
	CHILD_CHECK(!syscall(SYS_capset, &header, data));
}

/* Sets the limit on locked memory to CUR; returns false if that is not permitted. */
static bool limit_memory(rlim_t cur)
{
	struct rlimit limit;

	CHILD_CHECK(!getrlimit(RLIMIT_MEMLOCK, &limit));
	limit.rlim_cur = cur;
	return limit.rlim_max >= LIMIT_HIGH && !setrlimit(RLIMIT_MEMLOCK, &limit);
}

/* The child's part: too much for the limit, then less than a higher limit. */
static void register_beyond_the_limit(void)
{
	const size_t length = 2 << 20;
	struct weir_buffer b = WEIR_BUFFER_INIT;
	char *buf = aligned_alloc(PAGE, length);
	struct weir_device *dev;
	struct weir_queue *q;

	if (!limit_memory(LIMIT_LOW))
		_exit(77);
	drop_ipc_lock(); /* before a ring exists: the ring checks the capability when it is made */
	q = open_uring(&dev);
	CHILD_CHECK(q && buf);
	memset(buf, 1, length);
	CHILD_CHECK(weir_queue_register(q, buf, length) == -ENOMEM);
	CHILD_CHECK(!weir_queue_get_buffer(q, 0, &b));
	CHILD_CHECK(b.state == WEIR_BUFFER_FAILED && b.error == -ENOMEM);
	CHILD_CHECK(strstr(b.reason, "RLIMIT_MEMLOCK"));
	CHILD_CHECK(limit_memory(LIMIT_HIGH));
	if (weir_queue_register(q, buf, length)) { /* other processes of this user count too */
		unlink(path);
		_exit(77);
	}
	CHILD_CHECK(!weir_queue_get_buffer(q, 0, &b));
	CHILD_CHECK(b.state == WEIR_BUFFER_REGISTERED && !b.error);
	CHILD_CHECK(!weir_queue_unregister(q, buf, length));
	CHILD_CHECK(!weir_queue_unregister(q, buf, length));
	CHILD_CHECK(weir_queue_get_buffer(q, 0, &b) == -ENOENT);
	CHILD_CHECK(!weir_queue_close(q));
	weir_device_close(dev);
	unlink(path);
	_exit(0);
}

static void memory_beyond_the_limit(void **state)
{
	int status;
	pid_t pid;

	(void)state;
	need_uring();
	pid = child_fork(false);
	if (!pid)
		register_beyond_the_limit();
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 77) {
		print_message("# skipped: RLIMIT_MEMLOCK cannot be raised here\n");
		skip();
	}
	assert_int_equal(status, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		T(refused_ranges_are_tried_again),
		T(unregistered_when_its_commands_have_completed),
		T(overlapping_ranges),
		T(an_io_across_two_ranges),
		T(an_io_across_two_ranges_beside_merging),
		T(a_merged_run_across_a_border),
		T(a_border_that_is_not_aligned),
		T(above_1_gib),
		T(the_largest_number_of_ranges),
		T(on_lanes_of_workers),
		T(over_detach_and_attach),
		cmocka_unit_test(memory_that_is_mapped_anew),
		cmocka_unit_test(memory_that_is_not_mapped),
		cmocka_unit_test(memory_beyond_the_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
