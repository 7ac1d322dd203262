/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_lost.c - the kernel refuses a queue's ring for good. Every io ends once: with the result
 * that the kernel gave, or with -EIO and words that say to reopen the queue. Closing works.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <cmocka.h>

#include <weir/queue.h>

#include "../ring.h"

#define IOS 32u
#define LENGTH (256u << 10)
#define WATCHDOG 120u /* seconds; after this time a hanging queue kills the test */

static char path[64];
static char *memory;
static struct weir_device *dev;
static struct weir_queue *q;
static struct weir_io ios[IOS];
static unsigned ends[IOS];

static void count_end(struct weir_io *io)
{
	ends[io - ios]++;
}

static void open_device(void)
{
	struct weir_device_opts opts = WEIR_DEVICE_OPTS_INIT;

	opts.flags = WEIR_DEVICE_CREATE | WEIR_DEVICE_LOCK;
	opts.create_bytes = (uint64_t)IOS * LENGTH;
	snprintf(path, sizeof(path), "/tmp/weir-lost-%d.img", (int)getpid());
	if (weir_device_open(&dev, path, &opts))
		fail_msg("%s", weir_error());
}

static int setup(void **state)
{
	(void)state;
	alarm(WATCHDOG);
	if (posix_memalign((void **)&memory, 4096, (size_t)IOS * LENGTH))
		return -1;
	memset(ends, 0, sizeof(ends));
	memset(ios, 0, sizeof(ios));
	open_device();
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	weir_device_close(dev);
	unlink(path);
	free(memory);
	alarm(0);
	return 0;
}

/* Opens a queue on a ring, which this thread polls unless it has WORKERS. Returns the ring. */
static int open_queue(uint32_t workers)
{
	struct weir_queue_opts opts = WEIR_QUEUE_OPTS_INIT;

	opts.engine = "uring";
	opts.scheduler = "none";
	opts.workers = workers;
	if (weir_queue_open(&q, dev, &opts)) {
		print_message("# skipped: %s\n", weir_error());
		skip();
	}
	if (!workers)
		assert_int_equal(weir_queue_attach(q, WEIR_LANE_ANY), 0);
	return ring_find();
}

static void submit(unsigned from, unsigned to)
{
	for (unsigned i = from; i < to; i++) {
		if (i % 2)
			weir_io_write(&ios[i], (uint64_t)i * LENGTH, memory + (size_t)i * LENGTH,
				      LENGTH);
		else
			weir_io_read(&ios[i], (uint64_t)i * LENGTH, memory + (size_t)i * LENGTH,
				     LENGTH);
		ios[i].flags = WEIR_IO_NOMERGE;
		ios[i].end = count_end;
		assert_int_equal(weir_queue_submit(q, &ios[i]), 0);
	}
}

static bool says_reopen(const struct weir_io *io, int cause)
{
	char text[400];

	weir_io_strerror(io, text, sizeof(text));
	return io->result == -EIO && io->ring_lost == 1 && io->cause == cause &&
	       strstr(text, "reopen the queue") && strstr(text, strerror(cause));
}

static unsigned check_ended(unsigned from, unsigned to, bool may_succeed, int cause)
{
	unsigned lost = 0;

	for (unsigned i = from; i < to; i++) {
		assert_int_equal(ends[i], 1);
		if (may_succeed && !ios[i].result)
			continue;
		assert_true(says_reopen(&ios[i], cause));
		lost++;
	}
	return lost;
}

/* Checks that nothing is outstanding, the queue can be closed, and a new one works. */
static void reopen(void)
{
	struct weir_queue_stats stats = WEIR_QUEUE_STATS_INIT;

	assert_int_equal(weir_queue_get_stats(q, &stats), 0);
	assert_int_equal(stats.in_flight, 0);
	assert_int_equal(weir_queue_close(q), 0);
	open_queue(0);
	memset(ends, 0, sizeof(ends));
	submit(0, 2);
	assert_int_equal(weir_queue_wait(q), 0);
	assert_int_equal(ios[0].result | ios[1].result, 0);
	assert_int_equal(weir_queue_close(q), 0);
}

enum way { CLOSED, ANOTHER_FILE, ANOTHER_RING };

/* Removes ring FD; returns the file that has its number now, or -1. */
static int take_away(int fd, enum way way)
{
	char params[120] = { 0 }; /* struct io_uring_params */
	int other = way == ANOTHER_RING ? (int)syscall(SYS_io_uring_setup, 4, params)
					: open("/dev/null", O_RDWR | O_CLOEXEC);

	assert_true(other >= 0);
	if (way == CLOSED)
		assert_int_equal(close(fd), 0);
	else
		assert_int_equal(dup3(other, fd, O_CLOEXEC), fd);
	close(other);
	return way == CLOSED ? -1 : fd;
}

static void lose(enum way way)
{
	int cause = way == ANOTHER_FILE ? EOPNOTSUPP : EBADF;
	int fd = open_queue(0), other;

	submit(0, 8);
	assert_true(weir_queue_poll(q) >= 0); /* in the kernel; some of them may be complete */
	other = take_away(fd, way);
	submit(8, 24);
	assert_int_equal(weir_queue_wait(q), 0);
	print_message("# %u of 8 in the kernel lost\n", check_ended(0, 8, true, cause));
	check_ended(8, 24, false, cause);
	/* From now on they end at once, also for a thread that waits for one. */
	submit(24, IOS);
	assert_int_equal(weir_io_wait(q, &ios[24], UINT64_MAX), -EIO);
	assert_non_null(strstr(weir_error(), "reopen the queue"));
	assert_int_equal(weir_queue_wait(q), 0);
	check_ended(24, IOS, false, cause);
	assert_true(weir_queue_register(q, memory, LENGTH) < 0);
	reopen();
	/* The file that now has the number was not closed with the queue. */
	if (other >= 0) {
		assert_true(fcntl(other, F_GETFD) >= 0);
		close(other);
	}
}

static void descriptor_of_the_ring_is_closed(void **state)
{
	(void)state;
	lose(CLOSED);
}

static void descriptor_of_the_ring_is_another_file(void **state)
{
	(void)state;
	lose(ANOTHER_FILE);
}

static void descriptor_of_the_ring_is_another_ring(void **state)
{
	(void)state;
	lose(ANOTHER_RING);
}

/* Only the kernel has ios, and the program only polls, or sleeps on the queue's descriptor. */
static void found_out_by(bool sleeping)
{
	int fd = open_queue(0), epoll = -1;
	struct pollfd wait;
	unsigned left = 8;

	if (sleeping)
		epoll = weir_queue_fd(q);
	submit(0, 8);
	left -= (unsigned)weir_queue_poll(q);
	take_away(fd, CLOSED);
	while (left) {
		wait = (struct pollfd){ .fd = epoll, .events = POLLIN };
		if (sleeping)
			assert_true(poll(&wait, 1, 60000) >= 0);
		left -= (unsigned)weir_queue_poll(q);
	}
	check_ended(0, 8, true, EBADF);
	reopen();
}

static void polling_finds_the_ring_lost(void **state)
{
	(void)state;
	found_out_by(false);
	memset(ends, 0, sizeof(ends));
	found_out_by(true);
}

static void a_worker_finds_the_ring_lost(void **state)
{
	int fd = open_queue(1);

	(void)state;
	submit(0, 1);
	assert_int_equal(weir_io_wait(q, &ios[0], UINT64_MAX), 0);
	take_away(fd, CLOSED);
	submit(1, 8);
	assert_int_equal(weir_queue_wait(q), 0);
	check_ended(1, 8, false, EBADF);
	submit(8, 9);
	assert_int_equal(weir_io_wait(q, &ios[8], UINT64_MAX), -EIO);
	assert_non_null(strstr(weir_error(), "reopen the queue"));
	reopen();
}

/* No thread used the queue: the device's lock must still go with it. */
static void lost_while_idle(void **state)
{
	(void)state;
	for (int i = 0; i < 10; i++) {
		take_away(open_queue(0), CLOSED);
		assert_int_equal(weir_queue_close(q), 0);
		weir_device_close(dev);
		open_device();
	}
}

/* The child's part: its own queue, from which the kernel accepts no more calls. */
static int forbidden(void)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_io_uring_enter, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EACCES),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog prog = { .len = 4, .filter = code };

	alarm(WATCHDOG);
	open_device();
	open_queue(0);
	submit(0, 8);
	weir_queue_poll(q);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog))
		return 77;
	submit(8, 16);
	if (weir_queue_wait(q))
		return 1;
	for (unsigned i = 0; i < 16; i++)
		if (ends[i] != 1 || !((i < 8 && !ios[i].result) || says_reopen(&ios[i], EACCES)))
			return 2;
	if (weir_queue_close(q))
		return 3;
	weir_device_close(dev);
	open_device();
	weir_device_close(dev);
	unlink(path);
	return 0;
}

static void calls_are_forbidden(void **state)
{
	int status;
	pid_t pid;

	(void)state;
	open_queue(0); /* skips the test where there is none */
	assert_int_equal(weir_queue_close(q), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (!pid)
		_exit(forbidden());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) == 77) {
		print_message("# skipped: no seccomp filters here\n");
		skip();
	}
	assert_int_equal(WEXITSTATUS(status), 0);
}

#define LOST_TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		LOST_TEST(descriptor_of_the_ring_is_closed),
		LOST_TEST(descriptor_of_the_ring_is_another_file),
		LOST_TEST(descriptor_of_the_ring_is_another_ring),
		LOST_TEST(polling_finds_the_ring_lost),
		LOST_TEST(a_worker_finds_the_ring_lost),
		LOST_TEST(lost_while_idle),
		LOST_TEST(calls_are_forbidden),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
