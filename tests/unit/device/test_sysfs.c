/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_sysfs.c - attributes are read whole or refused; queue folders are found or not.
 */
#include <errno.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <cmocka.h>

#include "device/state.h"
#include "device/sysfs.h"
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

static void write_attr(const char *name, const char *text)
{
	int fd = open(workdir_path(name), O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
}

static void test_numbers(void **state)
{
	static const char *const bad[] = {
		"", "\n", "-1\n", "4k\n", "1 2\n", "x\n", "18446744073709551616\n"
	};
	uint64_t value = 77;

	(void)state;
	write_attr("n", "1280\n");
	assert_int_equal(sysfs_read_number(workdir, "n", &value), 0);
	assert_true(value == 1280);
	write_attr("n", "18446744073709551615\n");
	assert_int_equal(sysfs_read_number(workdir, "n", &value), 0);
	assert_true(value == UINT64_MAX);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		write_attr("n", bad[i]);
		assert_int_equal(sysfs_read_number(workdir, "n", &value), -EINVAL);
	}
	assert_int_equal(sysfs_read_number(workdir, "none", &value), -ENOENT);
	assert_true(value == UINT64_MAX);
}

static void test_lines(void **state)
{
	char line[16];

	(void)state;
	write_attr("w", "write back\nmore\n");
	assert_int_equal(sysfs_read_line(workdir, "w", line, sizeof(line)), 0);
	assert_string_equal(line, "write back");
	write_attr("w", "longer than the buffer that it goes to\n");
	assert_int_equal(sysfs_read_line(workdir, "w", line, sizeof(line)), 0);
	assert_string_equal(line, "longer than the");
}

/* A disk's folder with a driver, as sysfs has it, and one without. */
static void test_driver(void **state)
{
	char dir[PATH_MAX];

	(void)state;
	assert_int_equal(mkdir(workdir_path("queue"), 0700), 0);
	assert_int_equal(mkdir(workdir_path("device"), 0700), 0);
	snprintf(dir, sizeof(dir), "%s/queue", workdir);
	assert_false(sysfs_has_driver(dir, "virtio_blk"));
	assert_int_equal(
		symlink("../../../bus/virtio/drivers/virtio_blk", workdir_path("device/driver")),
		0);
	assert_true(sysfs_has_driver(dir, "virtio_blk"));
	assert_false(sysfs_has_driver(dir, "blk"));
	assert_false(sysfs_has_driver(dir, "virtio"));
	assert_int_equal(unlink(workdir_path("device/driver")), 0);
	assert_int_equal(symlink("nvme", workdir_path("device/driver")), 0);
	assert_true(sysfs_has_driver(dir, "nvme"));
	assert_false(sysfs_has_driver("/", "nvme"));
	assert_int_equal(unlink(workdir_path("device/driver")), 0);
	assert_int_equal(rmdir(workdir_path("device")), 0);
	assert_int_equal(rmdir(workdir_path("queue")), 0);
}

static const struct weir_device_attr *rotational(struct weir_device *dev)
{
	size_t i = 0;

	device_fill_attrs(dev);
	while (i < dev->nr_attrs && strcmp(dev->attrs[i].name, "rotational"))
		i++;
	assert_true(i < dev->nr_attrs);
	assert_int_equal(dev->info.rotational, dev->attrs[i].value);
	return &dev->attrs[i];
}

/* Linux calls each virtio-blk disk rotational. Nobody knows, so it is none; others are what Linux
 * says. */
static void test_rotational(void **state)
{
	static struct weir_device dev = { .info.kind = WEIR_DEVICE_BLOCK,
					  .queue_dir = "queue",
					  .block = 512,
					  .bytes = 1 << 20,
					  .bytes_source = "",
					  .block_source = "",
					  .dio_offset_source = "",
					  .dio_mem_source = "" };

	(void)state;
	assert_int_equal(mkdir(workdir_path("queue"), 0700), 0);
	assert_int_equal(mkdir(workdir_path("device"), 0700), 0);
	assert_int_equal(chdir(workdir), 0); /* queue_dir has no room for long paths */
	write_attr("queue/rotational", "1\n");
	assert_int_equal(rotational(&dev)->value, 1);
	assert_int_equal(symlink("../sd", workdir_path("device/driver")), 0);
	assert_int_equal(rotational(&dev)->value, 1);
	assert_int_equal(unlink(workdir_path("device/driver")), 0);
	assert_int_equal(symlink("../virtio_blk", workdir_path("device/driver")), 0);
	assert_int_equal(rotational(&dev)->value, 0);
	assert_non_null(strstr(rotational(&dev)->source, "virtio-blk"));
	assert_int_equal(unlink(workdir_path("device/driver")), 0);
	assert_int_equal(unlink(workdir_path("queue/rotational")), 0);
	assert_int_equal(chdir("/"), 0);
	assert_int_equal(rmdir(workdir_path("device")), 0);
	assert_int_equal(rmdir(workdir_path("queue")), 0);
}

static void test_no_block_device(void **state)
{
	char dir[64] = "x";

	(void)state;
	assert_int_equal(sysfs_queue_dir(makedev(0, 27), dir, sizeof(dir)), -ENOENT);
	assert_string_equal(dir, "");
}

/* Checks that each disk and partition of this machine leads to its disk's queue. */
static void check_disk(const char *entry, const char *disk)
{
	char path[600], want[300], text[32], dir[64];
	unsigned maj, min;

	snprintf(path, sizeof(path), "/sys/block/%s/%s", disk, entry);
	if (sysfs_read_line(path, "dev", text, sizeof(text)) < 0)
		return;
	assert_int_equal(sscanf(text, "%u:%u", &maj, &min), 2);
	snprintf(want, sizeof(want), "/sys/block/%s/queue", disk);
	assert_int_equal(sysfs_queue_dir(makedev(maj, min), dir, sizeof(dir)), 0);
	assert_string_equal(dir, want);
}

static void test_disks_and_partitions(void **state)
{
	DIR *disks = opendir("/sys/block");
	struct dirent *disk, *part;

	(void)state;
	if (!disks) {
		print_message("skipped: no /sys/block\n");
		skip();
		return;
	}
	while ((disk = readdir(disks))) {
		char path[300];
		DIR *parts;

		if (disk->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "/sys/block/%s", disk->d_name);
		check_disk(".", disk->d_name);
		parts = opendir(path);
		while (parts && (part = readdir(parts)))
			if (!strncmp(part->d_name, disk->d_name, strlen(disk->d_name)))
				check_disk(part->d_name, disk->d_name);
		if (parts)
			closedir(parts);
	}
	closedir(disks);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_numbers),		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_driver),		cmocka_unit_test(test_rotational),
		cmocka_unit_test(test_no_block_device), cmocka_unit_test(test_disks_and_partitions),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
