/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_backing.c - a loop device and its backing file are two ways to the same bytes: of two
 * writers, in whichever way each comes, one is refused. This test makes loop devices (needs root).
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/loop.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include <weir/base.h>

#include "device/device.h"
#include "workdir.h"

#define BYTES (8u << 20)

/* A loop device that the test made. */
struct loop {
	int fd; /* -1: none */
	char path[32];
};

static const char *missing; /* why there are no loop devices */
static const char *file;    /* the backing file */

/* Makes a loop device of BACKING, OFFSET and SIZE (0: to the end). Another process may take the
 * free one first; then the next one is tried. */
static int loop_make(struct loop *loop, const char *backing, uint64_t offset, uint64_t size)
{
	int control = open("/dev/loop-control", O_RDWR | O_CLOEXEC);
	int fd = open(backing, O_RDWR | O_CLOEXEC);
	struct loop_config config = { .fd = (unsigned)fd };

	config.info.lo_offset = offset;
	config.info.lo_sizelimit = size;
	loop->fd = -1;
	for (int tries = 0; tries < 20 && loop->fd < 0; tries++) {
		int n = ioctl(control, LOOP_CTL_GET_FREE);

		snprintf(loop->path, sizeof(loop->path), "/dev/loop%d", n);
		loop->fd = n < 0 ? -1 : open(loop->path, O_RDWR | O_CLOEXEC);
		if (loop->fd < 0 || !ioctl(loop->fd, LOOP_CONFIGURE, &config))
			continue;
		close(loop->fd);
		loop->fd = -1;
	}
	close(fd);
	close(control);
	return loop->fd < 0 ? -1 : 0;
}

static void loop_remove(struct loop *loop)
{
	if (loop->fd < 0)
		return;
	ioctl(loop->fd, LOOP_CLR_FD, 0);
	close(loop->fd);
	loop->fd = -1;
}

static int setup(void **state)
{
	static char path[1024];
	struct loop loop;
	int fd;

	(void)state;
	if (workdir_make())
		return -1;
	snprintf(path, sizeof(path), "%s", workdir_path("backing.img"));
	file = path;
	fd = open(file, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0 || posix_fallocate(fd, 0, BYTES))
		return -1;
	close(fd);
	if (loop_make(&loop, file, 0, 0))
		missing = "skipped: no loop device can be made here (root?)\n";
	else
		loop_remove(&loop);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	return workdir_remove();
}

static void need_loops(void)
{
	if (!missing)
		return;
	print_message("%s", missing);
	skip();
}

static int open_as(struct weir_device **dev, const char *path, bool reads)
{
	struct weir_device_opts opts = WEIR_DEVICE_OPTS_INIT;

	opts.flags = WEIR_DEVICE_LOCK | (reads ? WEIR_DEVICE_READ_ONLY : 0);
	return weir_device_open(dev, path, &opts);
}

/* Starts a child that has PATH open until it is killed. */
static pid_t start_holder(const char *path, bool reads)
{
	struct weir_device *dev;
	int ready[2];
	char byte = 0;
	pid_t pid;

	assert_int_equal(pipe(ready), 0);
	pid = fork();
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		byte = open_as(&dev, path, reads) ? 'n' : 'y';
		if (write(ready[1], &byte, 1) == 1)
			pause();
		_exit(1);
	}
	close(ready[1]);
	assert_int_equal(read(ready[0], &byte, 1), 1);
	close(ready[0]);
	assert_int_equal(byte, 'y');
	return pid;
}

/* Another process has ONE open. TWO can be opened only as EXPECT says, and always after that
 * process was killed. */
static void check_pair(const char *one, const char *two, bool one_reads, bool two_reads, int expect)
{
	pid_t pid = start_holder(one, one_reads);
	struct weir_device *dev;
	char who[32];
	int err = open_as(&dev, two, two_reads);

	if (err != expect)
		fail_msg("%s beside %s: %d, not %d (%s)", two, one, err, expect, weir_error());
	snprintf(who, sizeof(who), "pid %d ", (int)pid);
	if (err && !access("/proc/locks", R_OK))
		if (!strstr(weir_error(), who))
			fail_msg("not named: %s", weir_error());
	if (!err)
		weir_device_close(dev);
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	assert_int_equal(open_as(&dev, two, false), 0);
	weir_device_close(dev);
}

static void check_both_ways(const char *one, const char *two)
{
	for (int row = 0; row < 4; row++) {
		int expect = row == 3 ? 0 : -EBUSY;

		check_pair(one, two, row & 1, row & 2, expect);
		check_pair(two, one, row & 1, row & 2, expect);
	}
}

static void test_file_and_loop(void **state)
{
	struct loop loop;

	(void)state;
	need_loops();
	assert_int_equal(loop_make(&loop, file, 0, 0), 0);
	check_both_ways(file, loop.path);
	loop_remove(&loop);
}

static void test_two_loops(void **state)
{
	struct loop one, two;

	(void)state;
	need_loops();
	assert_int_equal(loop_make(&one, file, 0, 0), 0);
	assert_int_equal(loop_make(&two, file, 0, 0), 0);
	check_both_ways(one.path, two.path);
	loop_remove(&two);
	loop_remove(&one);
}

static void test_loop_on_loop(void **state)
{
	struct loop one, two;

	(void)state;
	need_loops();
	assert_int_equal(loop_make(&one, file, 0, 0), 0);
	assert_int_equal(loop_make(&two, one.path, 0, 0), 0);
	/* The loop driver has the lower one open, so only locks of weir are looked at. */
	check_pair(file, two.path, false, false, -EBUSY);
	check_pair(two.path, file, false, false, -EBUSY);
	loop_remove(&two);
	loop_remove(&one);
}

/* Parts of a file exclude each other only where they overlap, and all of them exclude the file. */
static void test_parts(void **state)
{
	struct loop low, high, over;

	(void)state;
	need_loops();
	assert_int_equal(loop_make(&low, file, 0, BYTES / 2), 0);
	assert_int_equal(loop_make(&high, file, BYTES / 2, 0), 0);
	assert_int_equal(loop_make(&over, file, BYTES / 4, BYTES / 2), 0);
	check_pair(low.path, high.path, false, false, 0);
	check_both_ways(low.path, over.path);
	check_both_ways(high.path, over.path);
	check_pair(low.path, file, false, false, -EBUSY);
	check_pair(file, high.path, false, false, -EBUSY);
	loop_remove(&over);
	loop_remove(&high);
	loop_remove(&low);
}

/* Opens PATH, and returns what is known of it. */
static struct weir_device_info look(const char *path)
{
	struct weir_device_opts opts = WEIR_DEVICE_OPTS_INIT;
	struct weir_device_info info;
	struct weir_device *dev;

	opts.flags = WEIR_DEVICE_READ_ONLY;
	assert_int_equal(weir_device_open(&dev, path, &opts), 0);
	info = *weir_device_get_info(dev);
	weir_device_close(dev);
	return info;
}

/* PATH leads to the file, or to what was the file, at START. */
static void check_origin(const char *path, const struct stat *st, uint64_t start)
{
	struct weir_device_info info = look(path);

	if (info.origin_device != st->st_dev || info.origin_inode != st->st_ino ||
	    info.origin_start != start)
		fail_msg("%s: %llx %llx %llu", path, (unsigned long long)info.origin_device,
			 (unsigned long long)info.origin_inode,
			 (unsigned long long)info.origin_start);
	assert_int_equal(info.origin_user, st->st_uid);
}

/* All names of the same bytes have the same origin, and other bytes have another one. */
static void test_origins(void **state)
{
	struct loop whole, upper, high, part;
	struct stat st;

	(void)state;
	assert_int_equal(stat(file, &st), 0);
	check_origin(file, &st, 0);
	need_loops();
	/* A user has the file, and root the loop devices. */
	assert_int_equal(chown(file, 65534, 65534), 0);
	assert_int_equal(stat(file, &st), 0);
	assert_int_equal(loop_make(&whole, file, 0, 0), 0);
	assert_int_equal(loop_make(&upper, whole.path, 4096, 0), 0);
	assert_int_equal(loop_make(&high, file, BYTES / 2, 0), 0);
	assert_int_equal(loop_make(&part, high.path, 8192, 65536), 0);
	check_origin(whole.path, &st, 0);
	check_origin(upper.path, &st, 4096);
	check_origin(high.path, &st, BYTES / 2);
	check_origin(part.path, &st, BYTES / 2 + 8192);
	loop_remove(&part);
	loop_remove(&high);
	loop_remove(&upper);
	loop_remove(&whole);
	assert_int_equal(chown(file, 0, 0), 0);
}

/* A backing file that cannot be found any more is told, and the loop device can be used. */
static void test_deleted(void **state)
{
	char path[1024];
	struct weir_device *dev;
	struct loop loop;
	struct stat st;
	int fd;

	(void)state;
	need_loops();
	snprintf(path, sizeof(path), "%s", workdir_path("deleted.img"));
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(posix_fallocate(fd, 0, BYTES), 0);
	assert_int_equal(fstat(fd, &st), 0);
	close(fd);
	assert_int_equal(loop_make(&loop, path, 0, 0), 0);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(open_as(&dev, loop.path, false), 0);
	assert_int_equal(weir_device_get_info(dev)->origin_inode, st.st_ino);
	assert_non_null(strstr(weir_device_note(dev), "cannot be opened from here"));
	assert_non_null(strstr(weir_device_note(dev), "deleted.img"));
	weir_device_close(dev);
	/* Another file of that name is not the one below. */
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(posix_fallocate(fd, 0, BYTES), 0);
	close(fd);
	check_pair(loop.path, path, false, false, 0);
	loop_remove(&loop);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_file_and_loop), cmocka_unit_test(test_two_loops),
		cmocka_unit_test(test_loop_on_loop),  cmocka_unit_test(test_parts),
		cmocka_unit_test(test_origins),	      cmocka_unit_test(test_deleted),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
