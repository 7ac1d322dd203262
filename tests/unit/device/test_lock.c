/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_lock.c - one process has a device, and others are told which process.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include <weir/base.h>

#include "device/device.h"
#include "workdir.h"

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

/* Starts a child that has NAME's lock until it is killed. */
static pid_t start_holder(const char *name)
{
	struct weir_device *dev;
	int ready[2];
	char byte = 0;
	pid_t pid;

	assert_int_equal(pipe(ready), 0);
	pid = fork();
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL); /* even if the test fails */
		byte = open_locked(&dev, name) ? 'n' : 'y';
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
 * that outlives the process has its lock for a while. */
static pid_t start_heir(const char *name)
{
	struct weir_device *dev;
	pid_t pid = fork();

	if (!pid) {
		if (open_locked(&dev, name))
			_exit(1);
		if (!fork()) {
			usleep(200000);
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
		assert_int_equal(waitpid(start_heir("heir.img"), &status, 0) > 0, 1);
		assert_int_equal(status, 0);
		assert_int_equal(open_locked(&dev, "heir.img"), 0);
		weir_device_close(dev);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_dead_holder),
		cmocka_unit_test(test_other_process),
		cmocka_unit_test(test_without_lock),
		cmocka_unit_test(test_same_process),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
