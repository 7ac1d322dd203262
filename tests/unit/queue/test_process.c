/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_process.c - the effects of a queue on its process: none of its threads takes a signal, each
 * has a name and the CPUs of the process, and no descriptor survives exec. All ways in which a
 * queue starts threads: workers, the home lane of a scheduler, the pool of the posix engine.
 */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/signalfd.h>

#include <cmocka.h>

#include <weir/queue.h>

#include "../process.h"

#define LENGTH 4096u

/* A way to open a queue, and the threads that it starts. */
struct shape {
	const char *engine, *scheduler;
	uint32_t lanes, workers;
	bool pinned; /* opened by a thread that has only one CPU */
	const char *prefix;
	unsigned least;
};

static const struct shape shapes[] = {
	{ "posix", "none", 1, 0, false, "weir-io", 1 },
	{ "posix", "none", 1, 1, false, "weir-lane", 1 },
	{ "posix", "none", 1, 1, true, "weir-io", 1 },
	{ "posix", "mq-deadline", 2, 0, false, "weir-home", 1 },
	{ "uring", "none", 1, 1, false, "weir-lane", 1 },
	{ "uring", "none", 2, 1, true, "weir-lane1", 1 },
	{ "uring", "mq-deadline", 2, 0, true, "weir-home", 1 },
	{ "null", "kyber", 2, 1, false, "weir-lane", 2 },
};

#define SHAPES (sizeof(shapes) / sizeof(shapes[0]))

static char path[64];
static void *block;

static int setup(void **state)
{
	struct weir_device_opts opts = WEIR_DEVICE_OPTS_INIT;
	struct weir_device *dev;

	if (process_settle(state))
		return -1;
	snprintf(path, sizeof(path), "/tmp/weir-process-%d.img", (int)getpid());
	opts.flags = WEIR_DEVICE_CREATE;
	opts.create_bytes = 1 << 20;
	if (weir_device_open(&dev, path, &opts) < 0 || posix_memalign(&block, 4096, LENGTH))
		return -1;
	weir_device_close(dev);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	unlink(path);
	free(block);
	return 0;
}

static void open_queue(const struct shape *shape, struct weir_device **dev, struct weir_queue **q)
{
	struct weir_queue_opts opts = WEIR_QUEUE_OPTS_INIT;

	opts.engine = shape->engine;
	opts.scheduler = shape->scheduler;
	opts.lanes = shape->lanes;
	opts.workers = shape->workers;
	assert_int_equal(
		weir_device_open(dev, strcmp(shape->engine, "null") ? path : "null:1m", NULL), 0);
	assert_int_equal(weir_queue_open(q, *dev, &opts), 0);
}

static bool can_run(const struct shape *shape)
{
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);
	struct weir_device *dev;
	char why[256];
	int err = 0;

	if (cpus < (long)shape->lanes || (shape->pinned && cpus < 2)) {
		print_message("# %s needs 2 CPUs\n", shape->prefix);
		return false;
	}
	if (!strcmp(shape->engine, "uring")) {
		assert_int_equal(weir_device_open(&dev, path, NULL), 0);
		err = weir_engine_probe(shape->engine, dev, why, sizeof(why));
		weir_device_close(dev);
	}
	if (err)
		print_message("# no uring here: %s\n", why);
	return !err;
}

/* Leaves only the last of its CPUs to the calling thread. */
static void pin(void)
{
	cpu_set_t set;
	int cpu = CPU_SETSIZE - 1;

	assert_int_equal(sched_getaffinity(0, sizeof(set), &set), 0);
	while (!CPU_ISSET(cpu, &set))
		cpu--;
	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	assert_int_equal(sched_setaffinity(0, sizeof(set), &set), 0);
}

/* Runs in a new thread, because the main thread must not be pinned. */
static void *look(void *arg)
{
	const struct shape *shape = arg;
	struct process_ids threads, files;
	struct weir_device *dev;
	struct weir_queue *q;
	struct weir_io io;
	unsigned found;

	if (shape->pinned)
		pin();
	process_list(&threads, "/proc/self/task");
	process_list(&files, "/proc/self/fd");
	open_queue(shape, &dev, &q);
	weir_io_write(&io, 0, block, LENGTH);
	assert_int_equal(weir_queue_submit(q, &io), 0);
	assert_int_equal(weir_io_wait(q, &io, UINT64_MAX), 0);
	if (!shape->workers)
		assert_true(weir_queue_fd(q) >= 0);
	found = process_check_threads(&threads, shape->prefix);
	if (found < shape->least)
		fail_msg("%s: %u threads are called %s", shape->engine, found, shape->prefix);
	assert_true(process_check_files(&files) >= 1);
	assert_int_equal(weir_queue_close(q), 0);
	weir_device_close(dev);
	return NULL;
}

static void test_threads_leave_no_mark(void **state)
{
	pthread_t thread;

	(void)state;
	for (size_t i = 0; i < SHAPES; i++) {
		struct shape shape = shapes[i];

		if (!can_run(&shape))
			continue;
		assert_int_equal(pthread_create(&thread, NULL, look, &shape), 0);
		pthread_join(thread, NULL);
	}
}

/* The same holds for the worker of a home lane that a switch of the scheduler starts. */
static void test_home_of_a_switch(void **state)
{
	const struct shape shape = { "posix", "none", 2, 0, false, "weir-home", 1 };
	struct process_ids threads;
	struct weir_device *dev;
	struct weir_queue *q;

	(void)state;
	if (!can_run(&shape))
		skip();
	process_list(&threads, "/proc/self/task");
	open_queue(&shape, &dev, &q);
	assert_int_equal(weir_queue_attach(q, 0), 0);
	assert_int_equal(process_check_threads(&threads, "weir-home"), 0);
	assert_int_equal(weir_queue_set(q, "scheduler", "bfq"), 0);
	assert_int_equal(process_check_threads(&threads, "weir-home"), 1);
	assert_int_equal(weir_queue_close(q), 0);
	weir_device_close(dev);
}

/* A server's loop: signals that it blocks after opening the queue come to its signalfd. */
static void check_signalfd(const struct shape *shape, int sig)
{
	struct pollfd pfd = { .events = POLLIN };
	struct signalfd_siginfo info;
	struct weir_device *dev;
	struct weir_queue *q;
	sigset_t set, old;

	open_queue(shape, &dev, &q);
	sigemptyset(&set);
	sigaddset(&set, sig);
	assert_int_equal(pthread_sigmask(SIG_BLOCK, &set, &old), 0);
	pfd.fd = signalfd(-1, &set, SFD_CLOEXEC);
	assert_true(pfd.fd >= 0);
	assert_int_equal(kill(getpid(), sig), 0);
	assert_int_equal(poll(&pfd, 1, 20000), 1);
	assert_int_equal(read(pfd.fd, &info, sizeof(info)), sizeof(info));
	assert_int_equal(info.ssi_signo, sig);
	close(pfd.fd);
	assert_int_equal(pthread_sigmask(SIG_SETMASK, &old, NULL), 0);
	assert_int_equal(weir_queue_close(q), 0);
	weir_device_close(dev);
}

static void test_signals_are_the_programs(void **state)
{
	static const int signals[] = { SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGALRM };

	(void)state;
	for (size_t i = 0; i < SHAPES; i++)
		for (size_t n = 0; n < sizeof(signals) / sizeof(signals[0]); n++)
			if (can_run(&shapes[i]) && !shapes[i].pinned)
				check_signalfd(&shapes[i], signals[n]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_threads_leave_no_mark),
		cmocka_unit_test(test_home_of_a_switch),
		cmocka_unit_test(test_signals_are_the_programs),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
