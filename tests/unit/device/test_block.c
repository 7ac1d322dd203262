/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_block.c - a block device: this test makes a loop device (needs root).
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <fcntl.h>
#include <linux/blkpg.h>
#include <linux/loop.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <cmocka.h>

#include <weir/base.h>

#include "device/device.h"
#include "device/sysfs.h"
#include "../child.h"
#include "workdir.h"

#define BYTES (8u << 20)

static char loop_path[32];
static char loop_dir[64];
static int loop_fd = -1;
static const char *loop_missing; /* why there is no loop device */

static int make_backing(void)
{
	int fd = open(workdir_path("backing.img"), O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	if (fd >= 0 && posix_fallocate(fd, 0, BYTES)) {
		close(fd);
		return -1;
	}
	return fd;
}

/* Another process may take the free loop device first; then the next one is tried. */
static void loop_attach(int control, int backing)
{
	for (int tries = 0; tries < 10 && loop_fd < 0; tries++) {
		int n = ioctl(control, LOOP_CTL_GET_FREE);

		if (n < 0)
			return;
		snprintf(loop_path, sizeof(loop_path), "/dev/loop%d", n);
		snprintf(loop_dir, sizeof(loop_dir), "/sys/block/loop%d/queue", n);
		loop_fd = open(loop_path, O_RDWR | O_CLOEXEC);
		if (loop_fd >= 0 && ioctl(loop_fd, LOOP_SET_FD, backing) < 0) {
			close(loop_fd);
			loop_fd = -1;
		}
	}
}

static int setup(void **state)
{
	int control, backing;

	(void)state;
	if (workdir_make())
		return -1;
	control = open("/dev/loop-control", O_RDWR | O_CLOEXEC);
	if (control < 0) {
		loop_missing = "skipped: /dev/loop-control is not accessible (root?)\n";
		return 0;
	}
	backing = make_backing();
	if (backing >= 0) {
		loop_attach(control, backing);
		close(backing);
	}
	close(control);
	if (loop_fd < 0)
		loop_missing = "skipped: cannot set up a loop device here\n";
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	if (loop_fd >= 0) {
		ioctl(loop_fd, LOOP_CLR_FD, 0);
		close(loop_fd);
	}
	return workdir_remove();
}

static void need_loop(void)
{
	if (!loop_missing)
		return;
	print_message("%s", loop_missing);
	skip();
}

static uint64_t queue_number(const char *name)
{
	uint64_t value = 0;

	assert_int_equal(sysfs_read_number(loop_dir, name, &value), 0);
	return value;
}

/* Each fact that sysfs knows comes from the disk's queue; none is a default. */
static void check_sources(const struct weir_device *dev)
{
	size_t count, from_queue = 0;
	const struct weir_device_attr *attrs = weir_device_attrs(dev, &count);

	for (size_t i = 0; i < count; i++) {
		assert_true(strcmp(attrs[i].source, "default"));
		from_queue += !strncmp(attrs[i].source, loop_dir, strlen(loop_dir));
	}
	assert_true(from_queue >= 8);
}

static void test_facts(void **state)
{
	const struct weir_device_info *info;
	struct weir_device *dev;
	size_t count;

	(void)state;
	need_loop();
	assert_int_equal(weir_device_open(&dev, loop_path, NULL), 0);
	info = weir_device_get_info(dev);
	assert_int_equal(info->kind, WEIR_DEVICE_BLOCK);
	assert_true(info->capacity_bytes == BYTES);
	assert_int_equal(info->logical_block_bytes, queue_number("logical_block_size"));
	assert_int_equal(info->physical_block_bytes, queue_number("physical_block_size"));
	assert_int_equal(info->max_io_bytes, queue_number("max_sectors_kb") * 1024);
	assert_int_equal(info->max_segments, queue_number("max_segments"));
	assert_int_equal(info->nr_requests, queue_number("nr_requests"));
	assert_int_equal(info->discard_max_bytes, queue_number("discard_max_bytes"));
	assert_int_equal(info->rotational, queue_number("rotational"));
	assert_int_equal(info->dev_major, 7);
	assert_string_equal(weir_device_attrs(dev, &count)[0].source, "BLKGETSIZE64");
	check_sources(dev);
	assert_int_equal(info->direct, 1);
	weir_device_close(dev);
}

static void test_large_blocks(void **state)
{
	struct weir_device *dev;

	(void)state;
	need_loop();
	if (ioctl(loop_fd, LOOP_SET_BLOCK_SIZE, 4096) < 0) {
		print_message("skipped: LOOP_SET_BLOCK_SIZE: %s\n", strerror(errno));
		skip();
	}
	assert_int_equal(weir_device_open(&dev, loop_path, NULL), 0);
	assert_int_equal(weir_device_get_info(dev)->logical_block_bytes, 4096);
	weir_device_close(dev);
	assert_int_equal(ioctl(loop_fd, LOOP_SET_BLOCK_SIZE, 512), 0);
}

/* Makes partition 1, of 4 MiB at 1 MiB, and a node for it. Returns 0, or -1 if that is
 * impossible. */
static int make_partition(const char *node)
{
	struct blkpg_partition part = { .start = 1 << 20, .length = 4 << 20, .pno = 1 };
	struct blkpg_ioctl_arg arg = { .op = BLKPG_ADD_PARTITION,
				       .datalen = sizeof(part),
				       .data = &part };
	struct loop_info64 info = { 0 };
	char dir[128], text[32];
	unsigned maj, min;

	if (ioctl(loop_fd, LOOP_GET_STATUS64, &info) < 0)
		return -1;
	info.lo_flags |= LO_FLAGS_PARTSCAN;
	if (ioctl(loop_fd, LOOP_SET_STATUS64, &info) < 0 || ioctl(loop_fd, BLKPG, &arg) < 0)
		return -1;
	snprintf(dir, sizeof(dir), "/sys/block/%s/%sp1", loop_path + 5, loop_path + 5);
	if (sysfs_read_line(dir, "dev", text, sizeof(text)) < 0 ||
	    sscanf(text, "%u:%u", &maj, &min) != 2)
		return -1;
	return mknod(node, S_IFBLK | 0600, makedev(maj, min));
}

static void remove_partition(void)
{
	struct blkpg_partition part = { .pno = 1 };
	struct blkpg_ioctl_arg arg = { .op = BLKPG_DEL_PARTITION,
				       .datalen = sizeof(part),
				       .data = &part };

	ioctl(loop_fd, BLKPG, &arg);
}

static void test_partition(void **state)
{
	const char *node = workdir_path("part");
	struct weir_device *dev = NULL;
	int err, made;

	(void)state;
	need_loop();
	made = make_partition(node);
	err = made ? made : weir_device_open(&dev, node, NULL);
	if (err) {
		remove_partition();
		print_message("skipped: no partition (%s)\n", made ? "cannot make" : weir_error());
		skip();
	}
	assert_int_equal(weir_device_get_info(dev)->kind, WEIR_DEVICE_BLOCK);
	assert_true(weir_device_get_info(dev)->capacity_bytes == 4u << 20);
	check_sources(dev);
	weir_device_close(dev);
	remove_partition();
}

static void test_claim(void **state)
{
	struct weir_device_opts opts = WEIR_DEVICE_OPTS_INIT;
	struct weir_device *dev;
	int other;

	(void)state;
	need_loop();
	opts.flags = WEIR_DEVICE_LOCK;
	assert_int_equal(weir_device_open(&dev, loop_path, &opts), 0);
	assert_int_equal(open(loop_path, O_RDONLY | O_EXCL | O_CLOEXEC), -1);
	assert_int_equal(errno, EBUSY);
	weir_device_close(dev);

	/* A mount opens the device in the same way. */
	other = open(loop_path, O_RDWR | O_EXCL | O_CLOEXEC);
	assert_true(other >= 0);
	assert_int_equal(weir_device_open(&dev, loop_path, &opts), -EBUSY);
	assert_non_null(strstr(weir_error(), "by the system"));
	close(other);
	assert_int_equal(weir_device_open(&dev, loop_path, &opts), 0);
	weir_device_close(dev);
}

/* A child has none of the descriptors, so the exclusive open ends when the parent closes. */
static void test_claim_over_fork(void **state)
{
	struct weir_device_opts opts = WEIR_DEVICE_OPTS_INIT;
	struct child_living living;
	struct weir_device *dev;
	pid_t pid;

	(void)state;
	need_loop();
	opts.flags = WEIR_DEVICE_LOCK;
	assert_int_equal(weir_device_open(&dev, loop_path, &opts), 0);
	living = child_live();
	pid = child_fork(false);
	if (!pid) {
		weir_device_close(dev);
		_exit(0);
	}
	child_wait(pid, "a child that closes a device");
	/* The exclusive open is still there: nobody else gets one. */
	assert_int_equal(open(loop_path, O_RDONLY | O_EXCL | O_CLOEXEC), -1);
	weir_device_close(dev);
	assert_int_equal(weir_device_open(&dev, loop_path, &opts), 0);
	weir_device_close(dev);
	child_let_go(living);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_facts),		cmocka_unit_test(test_large_blocks),
		cmocka_unit_test(test_partition),	cmocka_unit_test(test_claim),
		cmocka_unit_test(test_claim_over_fork),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
