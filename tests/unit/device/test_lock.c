/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_lock.c - one process has a device, and others are told which process.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdbool.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include <weir/base.h>

#include "base/waiting.h"
#include "device/device.h"
#include "device/holders.h"
#include "workdir.h"

#define READERS 6u

static int setup(void **state)
{
	(void)state;
	return workdir_make();
}

static int teardown(void **state)
{
	(void)state;
	return workdir_remove();
}

static int open_locked(struct weir_device **dev, const char *name)
{
	struct weir_device_opts opts = WEIR_DEVICE_OPTS_INIT;

	opts.flags = WEIR_DEVICE_LOCK | WEIR_DEVICE_CREATE;
	opts.create_bytes = 8192;
	return weir_device_open(dev, workdir_path(name), &opts);
}

/* Opens NAME, which exists, as a writer or a reader, and waits at most WAIT_NS. */
static int open_as(struct weir_device **dev, const char *name, bool reads, uint64_t wait_ns)
{
	struct weir_device_opts opts = WEIR_DEVICE_OPTS_INIT;

	opts.flags = WEIR_DEVICE_LOCK | (reads ? WEIR_DEVICE_READ_ONLY : 0);
	opts.lock_wait_ns = wait_ns;
	return weir_device_open(dev, workdir_path(name), &opts);
}

/* Starts a child that has NAME's lock until it is killed. */
static pid_t start_holder_as(const char *name, bool reads)
{
	struct weir_device *dev;
	int ready[2];
	char byte = 0;
	pid_t pid;

	assert_int_equal(pipe(ready), 0);
	pid = fork();
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL); /* even if the test fails */
		byte = (reads ? open_as(&dev, name, true, 0) : open_locked(&dev, name)) ? 'n' : 'y';
		if (write(ready[1], &byte, 1) == 1)
			pause();
		_exit(1);
	}
	assert_true(pid > 0);
	close(ready[1]);
	assert_int_equal(read(ready[0], &byte, 1), 1);
	close(ready[0]);
	assert_int_equal(byte, 'y');
	return pid;
}

static pid_t start_holder(const char *name)
{
	return start_holder_as(name, false);
}

static void stop_holder(pid_t pid)
{
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static void check_busy(const char *name, pid_t pid)
{
	struct weir_device *dev;
	char who[64];

	assert_int_equal(open_locked(&dev, name), -EBUSY);
	assert_non_null(strstr(weir_error(), name));
	snprintf(who, sizeof(who), "in use by pid %d (", (int)pid);
	if (access("/proc/locks", R_OK))
		snprintf(who, sizeof(who), "in use by");
	assert_non_null(strstr(weir_error(), who));
}

static void test_other_process(void **state)
{
	pid_t first = start_holder("first.img"), second = start_holder("second.img");
	struct weir_device *dev;

	(void)state;
	check_busy("first.img", first);
	check_busy("second.img", second);
	stop_holder(first);
	stop_holder(second);
	/* The killed process has released the lock. */
	assert_int_equal(open_locked(&dev, "first.img"), 0);
	weir_device_close(dev);
}

static void test_without_lock(void **state)
{
	pid_t pid = start_holder("open.img");
	struct weir_device *dev;
	int err = weir_device_open(&dev, workdir_path("open.img"), NULL);

	(void)state;
	assert_int_equal(err, 0);
	assert_int_equal(device_lock(dev), -EBUSY);
	stop_holder(pid);
	assert_int_equal(device_lock(dev), 0);
	weir_device_close(dev);
}

static void test_same_process(void **state)
{
	struct weir_device *one, *two;

	(void)state;
	assert_int_equal(open_locked(&one, "own.img"), 0);
	assert_int_equal(device_lock(one), 0);
	assert_int_equal(open_locked(&two, "own.img"), -EBUSY);
	assert_non_null(strstr(weir_error(), "in use by"));
	if (!access("/proc/locks", R_OK))
		assert_non_null(strstr(weir_error(), "this process"));
	assert_int_equal(access(workdir_path("own.img"), F_OK), 0);
	weir_device_close(one);
	assert_int_equal(open_locked(&two, "own.img"), 0);
	weir_device_close(two);
}

/* Starts a child that stands for a killed process whose ring the kernel still closes: a description
 * that outlives the process has its lock for so many milliseconds. */
static pid_t start_heir(const char *name, unsigned ms)
{
	struct weir_device *dev;
	pid_t pid = fork();

	if (!pid) {
		if (open_locked(&dev, name))
			_exit(1);
		/* fork() would close what the grandchild has of weir. */
		if (!_Fork()) {
			usleep(ms * 1000);
			_exit(0);
		}
		_exit(0); /* it does not release the lock: the grandchild shares it */
	}
	return pid;
}

static void test_dead_holder(void **state)
{
	struct weir_device *dev;
	int status;

	(void)state;
	if (access("/proc/locks", R_OK)) {
		print_message(
			"skipped: /proc/locks cannot be read, nobody knows who holds a lock\n");
		skip();
	}
	for (int i = 0; i < 5; i++) {
		assert_int_equal(waitpid(start_heir("heir.img", 200), &status, 0) > 0, 1);
		assert_int_equal(status, 0);
		assert_int_equal(open_locked(&dev, "heir.img"), 0);
		weir_device_close(dev);
	}
}

/* A process that was killed is waited for by its parent, which may be busy, or never do so: it is
 * gone all the same. */
static void test_dead_holder_that_nobody_waited_for(void **state)
{
	struct weir_device *dev;
	siginfo_t info;
	pid_t heir;
	int status, err;

	(void)state;
	if (access("/proc/locks", R_OK))
		skip();
	heir = start_heir("zombie.img", 200);
	assert_int_equal(waitid(P_PID, (id_t)heir, &info, WEXITED | WNOWAIT), 0);
	err = open_locked(&dev, "zombie.img");
	assert_int_equal(waitpid(heir, &status, 0), heir);
	assert_int_equal(err, 0);
	weir_device_close(dev);
}

static char expected[32];
static bool told, told_end;

/* The last words may be about nobody: the lock may become free while it is asked who has it. */
static void hear(const char *words)
{
	told |= words && strstr(words, expected);
	told_end |= !words;
}

/* In a container the kernel may not show the lock of a process that is gone. */
static bool is_shown(const char *name)
{
	struct device_holders h;
	struct stat st;

	assert_int_equal(stat(workdir_path(name), &st), 0);
	device_holders_find(&h, "/proc/locks", &st);
	return h.count > 0;
}

/* A busy kernel takes its time to close the ring: the program that starts meanwhile says what it
 * waits for, and goes on. */
static void test_dead_holder_of_a_busy_kernel(void **state)
{
	struct weir_device *dev;
	int status;
	pid_t heir;

	(void)state;
	if (access("/proc/locks", R_OK))
		skip();
	heir = start_heir("late.img", 7000);
	snprintf(expected, sizeof(expected), "pid %d (ended)", (int)heir);
	assert_int_equal(waitpid(heir, &status, 0), heir);
	assert_int_equal(status, 0);
	if (!is_shown("late.img")) {
		print_message("skipped: the kernel does not show the lock of who is gone here\n");
		skip();
	}
	waiting_listen(hear);
	assert_int_equal(open_locked(&dev, "late.img"), 0);
	waiting_listen(NULL);
	weir_device_close(dev);
	assert_true(told);
	assert_true(told_end);
}

/* Of two processes that want a device, both get it only if both read. */
static void test_matrix(void **state)
{
	struct weir_device *dev;

	(void)state;
	assert_int_equal(open_locked(&dev, "matrix.img"), 0);
	weir_device_close(dev);
	for (int row = 0; row < 4; row++) {
		bool holder_reads = row & 1, other_reads = row & 2, both = row == 3;
		pid_t pid = start_holder_as("matrix.img", holder_reads);
		int err = open_as(&dev, "matrix.img", other_reads, 0);

		assert_int_equal(err, both ? 0 : -EBUSY);
		if (!err)
			weir_device_close(dev);
		if (err && !access("/proc/locks", R_OK))
			assert_int_equal(!!strstr(weir_error(), "only reads"), holder_reads);
		if (err)
			assert_non_null(strstr(weir_error(), "lock_wait_ns waits"));
		stop_holder(pid);
	}
}

/* A writer is told of each reader. */
static void test_many_readers(void **state)
{
	struct weir_device *dev;
	char who[32];
	pid_t pid[6];

	(void)state;
	assert_int_equal(open_locked(&dev, "many.img"), 0);
	weir_device_close(dev);
	for (size_t i = 0; i < 6; i++)
		pid[i] = start_holder_as("many.img", true);
	assert_int_equal(open_as(&dev, "many.img", true, 0), 0);
	weir_device_close(dev);
	assert_int_equal(open_as(&dev, "many.img", false, 0), -EBUSY);
	if (!access("/proc/locks", R_OK)) {
		unsigned named = 0;

		for (size_t i = 0; i < 6; i++) {
			snprintf(who, sizeof(who), "pid %d ", (int)pid[i]);
			named += !!strstr(weir_error(), who);
		}
		assert_int_equal(named, 4);
		assert_non_null(strstr(weir_error(), "2 more"));
	}
	for (size_t i = 0; i < 6; i++)
		stop_holder(pid[i]);
	assert_int_equal(open_as(&dev, "many.img", false, 0), 0);
	weir_device_close(dev);
}

/* A wait ends when the holder goes, and not before. */
static void test_wait(void **state)
{
	pid_t pid = start_holder("wait.img");
	struct weir_device *dev;
	int go[2], status;
	char byte = 0;
	pid_t waiter;

	(void)state;
	assert_int_equal(open_as(&dev, "wait.img", false, 20000000), -EBUSY);
	assert_non_null(strstr(weir_error(), "after 20"));
	assert_int_equal(pipe(go), 0);
	waiter = fork();
	if (!waiter) {
		byte = open_as(&dev, "wait.img", false, 60ull * 1000000000) ? 'n' : 'y';
		_exit(write(go[1], &byte, 1) != 1);
	}
	close(go[1]);
	usleep(50000);
	assert_int_equal(waitpid(waiter, &status, WNOHANG), 0);
	stop_holder(pid);
	assert_int_equal(read(go[0], &byte, 1), 1);
	assert_int_equal(byte, 'y');
	close(go[0]);
	assert_int_equal(waitpid(waiter, &status, 0), waiter);
}

/* A reader that opens NAME, has it for some milliseconds, and closes it, again and again. */
static pid_t start_busy_reader(const char *name)
{
	const struct timespec has = { .tv_nsec = 20 * 1000 * 1000 };
	struct weir_device *dev;
	pid_t pid = fork();

	if (pid)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (;;) {
		if (open_as(&dev, name, true, 60000000000u))
			_exit(1);
		nanosleep(&has, NULL);
		weir_device_close(dev);
	}
}

/* Readers that overlap do not keep a writer out that waits, and are not kept out by it. */
static void test_writer_among_readers(void **state)
{
	pid_t readers[READERS], long_reader;
	struct weir_device *dev;

	(void)state;
	assert_int_equal(open_locked(&dev, "fair.img"), 0);
	weir_device_close(dev);
	for (unsigned n = 0; n < READERS; n++) {
		readers[n] = start_busy_reader("fair.img");
		assert_true(readers[n] > 0);
	}
	for (unsigned n = 0; n < 3; n++) {
		assert_int_equal(open_as(&dev, "fair.img", false, 60000000000u), 0);
		weir_device_close(dev);
	}
	for (unsigned n = 0; n < READERS; n++)
		assert_int_equal(waitpid(readers[n], NULL, WNOHANG), 0);
	for (unsigned n = 0; n < READERS; n++)
		stop_holder(readers[n]);
	/* Behind a reader that stays, a writer waits in vain; new readers still get in. */
	long_reader = start_holder_as("fair.img", true);
	readers[0] = fork();
	if (!readers[0]) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		_exit(!open_as(&dev, "fair.img", false, 60000000000u));
	}
	for (unsigned n = 0; n < 3; n++) {
		assert_int_equal(open_as(&dev, "fair.img", true, 0), 0);
		weir_device_close(dev);
	}
	stop_holder(readers[0]);
	stop_holder(long_reader);
}

/* Each of many writers, one after another, comes to its turn. */
static void test_queue_of_writers(void **state)
{
	struct weir_device *dev;
	pid_t pid[20];
	int status;

	(void)state;
	assert_int_equal(open_locked(&dev, "turns.img"), 0);
	for (size_t i = 0; i < 20; i++) {
		pid[i] = fork();
		if (pid[i])
			continue;
		if (open_as(&dev, "turns.img", false, 60ull * 1000000000))
			_exit(1);
		usleep(2000);
		weir_device_close(dev);
		_exit(0);
	}
	weir_device_close(dev);
	for (size_t i = 0; i < 20; i++) {
		assert_int_equal(waitpid(pid[i], &status, 0), pid[i]);
		assert_int_equal(status, 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_dead_holder),
		cmocka_unit_test(test_dead_holder_that_nobody_waited_for),
		cmocka_unit_test(test_dead_holder_of_a_busy_kernel),
		cmocka_unit_test(test_other_process),
		cmocka_unit_test(test_without_lock),
		cmocka_unit_test(test_same_process),
		cmocka_unit_test(test_matrix),
		cmocka_unit_test(test_many_readers),
		cmocka_unit_test(test_wait),
		cmocka_unit_test(test_queue_of_writers),
		cmocka_unit_test(test_writer_among_readers),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
