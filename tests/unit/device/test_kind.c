/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_kind.c - a path that is neither file nor block device is refused with an error text; "null"
 * is a device.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include <weir/base.h>

#include "device/device.h"
#include "device/state.h"
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

static void check_refused(const char *path, int err, const char *word)
{
	struct weir_device *dev = NULL;

	assert_int_equal(weir_device_open(&dev, path, NULL), err);
	assert_null(dev);
	assert_non_null(strstr(weir_error(), path));
	assert_non_null(strstr(weir_error(), word));
}

static void test_not_a_device(void **state)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	(void)state;
	check_refused(workdir, -EISDIR, "directory");
	assert_int_equal(mkfifo(workdir_path("fifo"), 0600), 0);
	check_refused(workdir_path("fifo"), -ENOTSUP, "fifo"); /* it does not hang */
	check_refused("/dev/null", -ENOTSUP, "character device");
	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", workdir_path("sock"));
	assert_true(fd >= 0);
	if (!bind(fd, (struct sockaddr *)&addr, sizeof(addr)))
		check_refused(workdir_path("sock"), -ENOTSUP, "socket");
	close(fd);
	check_refused(workdir_path("nothing"), -ENOENT, "No such file");
	check_refused("", -ENOENT, "No such file");
}

static void test_ng_names(void **state)
{
	(void)state;
	assert_true(device_is_ng_name("ng0n1"));
	assert_true(device_is_ng_name("ng12n345"));
	assert_false(device_is_ng_name("ng0n"));
	assert_false(device_is_ng_name("ngn1"));
	assert_false(device_is_ng_name("ng0n1p1"));
	assert_false(device_is_ng_name("nvme0n1"));
	assert_false(device_is_ng_name("xng0n1"));
	assert_false(device_is_ng_name("ng"));
	assert_false(device_is_ng_name("n"));
	assert_false(device_is_ng_name(""));
}

static void test_ng_regular_file(void **state)
{
	struct weir_device_opts opts = WEIR_DEVICE_OPTS_INIT;
	struct weir_device *dev;

	(void)state;
	opts.flags = WEIR_DEVICE_CREATE;
	opts.create_bytes = 8192;
	assert_int_equal(weir_device_open(&dev, workdir_path("ng0n1"), &opts), 0);
	assert_int_equal(weir_device_get_info(dev)->kind, WEIR_DEVICE_FILE);
	weir_device_close(dev);
	assert_int_equal(symlink("ng0n1", workdir_path("ng1n1")), 0);
	assert_int_equal(weir_device_open(&dev, workdir_path("ng1n1"), NULL), 0);
	weir_device_close(dev);
}

static void test_ng_character_device(void **state)
{
	(void)state;
	if (mknod(workdir_path("ng3n2"), S_IFCHR | 0600, makedev(1, 3)) < 0) {
		print_message("skipped: mknod: %s\n", strerror(errno));
		skip();
	}
	check_refused(workdir_path("ng3n2"), -ENOTSUP, "not an NVMe namespace");
	assert_int_equal(symlink("ng3n2", workdir_path("drive")), 0);
	check_refused(workdir_path("drive"), -ENOTSUP, "not an NVMe namespace");
}

static void check_null(const char *path, uint64_t bytes)
{
	const struct weir_device_info *info;
	struct weir_device *dev;
	size_t count;

	assert_int_equal(weir_device_open(&dev, path, NULL), 0);
	info = weir_device_get_info(dev);
	assert_int_equal(info->kind, WEIR_DEVICE_NULL);
	assert_true(info->capacity_bytes == bytes);
	assert_int_equal(info->logical_block_bytes, 512);
	assert_int_equal(info->memory_align_bytes, 1);
	assert_int_equal(device_fd(dev), -1);
	assert_int_equal(device_lock(dev), 0);
	assert_non_null(weir_device_attrs(dev, &count));
	assert_true(count > 10);
	assert_null(weir_device_note(dev));
	weir_device_close(dev);
}

static void test_null(void **state)
{
	struct weir_device *dev;

	(void)state;
	check_null("null", 1ull << 40);
	check_null("null:64M", 64ull << 20);
	check_null("null:1000", 512);
	assert_int_equal(weir_device_open(&dev, "null:10Q", NULL), -EINVAL);
	assert_non_null(strstr(weir_error(), "10Q"));
	assert_int_equal(weir_device_open(&dev, "null:", NULL), -EINVAL);
	assert_int_equal(weir_device_open(&dev, "nullx", NULL), -ENOENT);
	weir_device_close(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_not_a_device),
		cmocka_unit_test(test_ng_names),
		cmocka_unit_test(test_ng_regular_file),
		cmocka_unit_test(test_ng_character_device),
		cmocka_unit_test(test_null),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
