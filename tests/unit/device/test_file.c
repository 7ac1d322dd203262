/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_file.c - regular files: created with reserved space, opened, refused.
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
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include <weir/base.h>

#include "device/device.h"
#include "workdir.h"

#define MIB (1024ull * 1024)

static int setup(void **state)
{
	(void)state;
	signal(SIGXFSZ, SIG_IGN);
	return workdir_make();
}

static int teardown(void **state)
{
	(void)state;
	return workdir_remove();
}

static int open_with(struct weir_device **dev, const char *path, uint32_t flags, uint64_t bytes)
{
	struct weir_device_opts opts = WEIR_DEVICE_OPTS_INIT;

	opts.flags = flags;
	opts.create_bytes = bytes;
	return weir_device_open(dev, path, &opts);
}

static void make_file(const char *path, off_t bytes)
{
	int fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0644);

	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, bytes), 0);
	close(fd);
}

static const struct weir_device_attr *find_attr(const struct weir_device *dev, const char *name)
{
	size_t count;
	const struct weir_device_attr *attrs = weir_device_attrs(dev, &count);

	for (size_t i = 0; i < count; i++)
		if (!strcmp(attrs[i].name, name))
			return &attrs[i];
	fail_msg("no attribute %s", name);
	return NULL;
}

static void check_info_is_usable(const struct weir_device *dev)
{
	const struct weir_device_info *info = weir_device_get_info(dev);
	uint32_t block = info->logical_block_bytes;

	assert_int_equal(info->size, sizeof(*info));
	assert_true(block >= 512 && !(block & (block - 1)));
	assert_int_equal(info->physical_block_bytes % block, 0);
	assert_int_equal(info->capacity_bytes % block, 0);
	assert_true(info->max_io_bytes >= block && info->max_io_bytes % block == 0);
	assert_true(info->max_hw_bytes >= block && info->max_hw_bytes % block == 0);
	assert_true(info->memory_align_bytes >= 1 && info->max_segments >= 1);
	assert_true(find_attr(dev, "capacity_bytes")->value == info->capacity_bytes);
	assert_true(find_attr(dev, "logical_block_size")->value == block);
}

static void test_create(void **state)
{
	const char *path = workdir_path("new.img");
	struct weir_device *dev;
	struct stat st;

	(void)state;
	assert_int_equal(open_with(&dev, path, WEIR_DEVICE_CREATE, MIB + 1), 0);
	assert_int_equal(weir_device_get_info(dev)->kind, WEIR_DEVICE_FILE);
	assert_true(weir_device_get_info(dev)->capacity_bytes == MIB + 4096);
	assert_string_equal(weir_device_path(dev), path);
	assert_int_equal(device_read_only(dev), 0);
	assert_int_equal(weir_device_get_info(dev)->discard_max_bytes, 0);
	assert_string_equal(find_attr(dev, "discard_max_bytes")->source, "off for files");
	check_info_is_usable(dev);
	assert_int_equal(fstat(device_fd(dev), &st), 0);
	assert_true((uint64_t)st.st_blocks * 512 >= MIB + 4096);
	assert_int_equal(st.st_mode & 0777, 0644 & ~umask(022));
	weir_device_close(dev);
	/* The file exists now, so its own size counts. */
	assert_int_equal(open_with(&dev, path, WEIR_DEVICE_CREATE, 4 * MIB), 0);
	assert_true(weir_device_get_info(dev)->capacity_bytes == MIB + 4096);
	weir_device_close(dev);
}

static void test_create_mode(void **state)
{
	struct weir_device_opts opts = WEIR_DEVICE_OPTS_INIT;
	const char *path = workdir_path("private.img");
	struct weir_device *dev;
	struct stat st;

	(void)state;
	opts.flags = WEIR_DEVICE_CREATE;
	opts.create_bytes = 4096;
	opts.mode = 0600;
	assert_int_equal(weir_device_open(&dev, path, &opts), 0);
	weir_device_close(dev);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
}

static void test_create_without_room(void **state)
{
	const char *path = workdir_path("huge.img");
	struct weir_device *dev;

	(void)state;
	assert_int_equal(open_with(&dev, path, WEIR_DEVICE_CREATE, 1ull << 60), -ENOSPC);
	assert_non_null(strstr(weir_error(), "1024 PiB"));
	assert_non_null(strstr(weir_error(), "missing"));
	assert_int_equal(access(path, F_OK), -1);
	assert_int_equal(open_with(&dev, path, WEIR_DEVICE_CREATE, UINT64_MAX), -EFBIG);
	assert_int_equal(access(path, F_OK), -1);
}

static void test_create_fails_half_way(void **state)
{
	const char *path = workdir_path("limited.img");
	struct rlimit was, limit;
	struct weir_device *dev;
	int err;

	(void)state;
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &was), 0);
	limit = was;
	limit.rlim_cur = MIB;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
	err = open_with(&dev, path, WEIR_DEVICE_CREATE, 2 * MIB);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &was), 0);
	assert_int_equal(err, -EFBIG);
	assert_non_null(strstr(weir_error(), path));
	assert_int_equal(access(path, F_OK), -1);
}

static void test_create_refused(void **state)
{
	const char *path = workdir_path("none.img");
	struct weir_device *dev;

	(void)state;
	assert_int_equal(open_with(&dev, path, 0, 4096), -ENOENT);
	assert_non_null(strstr(weir_error(), path));
	assert_int_equal(open_with(&dev, path, WEIR_DEVICE_CREATE, 0), -EINVAL);
	assert_int_equal(open_with(&dev, path, WEIR_DEVICE_CREATE | WEIR_DEVICE_READ_ONLY, 4096),
			 -EINVAL);
	assert_int_equal(open_with(&dev, path, 1u << 31, 4096), -EINVAL);
	assert_int_equal(access(path, F_OK), -1);
	assert_int_equal(open_with(&dev, "/dev/nvme77n77", WEIR_DEVICE_CREATE, 4096), -ENOENT);
	assert_non_null(strstr(weir_error(), "no such device"));
	assert_int_equal(access("/dev/nvme77n77", F_OK), -1);
}

static void test_opts_size(void **state)
{
	const char *path = workdir_path("sized.img");
	struct weir_device_opts opts = { 0 };
	struct weir_device *dev;

	(void)state;
	make_file(path, 8192);
	assert_int_equal(weir_device_open(&dev, path, &opts), -EINVAL);
	/* An older program knows only size and flags. */
	opts.size = offsetof(struct weir_device_opts, mode);
	opts.flags = WEIR_DEVICE_READ_ONLY;
	opts.create_bytes = 1;
	assert_int_equal(weir_device_open(&dev, path, &opts), 0);
	assert_int_equal(device_read_only(dev), 1);
	weir_device_close(dev);
}

static void test_odd_sizes(void **state)
{
	const char *path = workdir_path("odd.img");
	struct weir_device *dev;

	(void)state;
	make_file(path, 0);
	assert_int_equal(weir_device_open(&dev, path, NULL), 0);
	assert_true(weir_device_get_info(dev)->capacity_bytes == 0);
	weir_device_close(dev);
	make_file(path, 100000);
	assert_int_equal(open_with(&dev, path, WEIR_DEVICE_BUFFERED, 0), 0);
	assert_true(weir_device_get_info(dev)->capacity_bytes == 99840);
	check_info_is_usable(dev);
	weir_device_close(dev);
}

static void test_sparse_is_told(void **state)
{
	const char *path = workdir_path("sparse.img");
	struct weir_device *dev;

	(void)state;
	make_file(path, 16 * MIB);
	assert_int_equal(weir_device_open(&dev, path, NULL), 0);
	assert_non_null(weir_device_note(dev));
	assert_non_null(strstr(weir_device_note(dev), "sparse"));
	assert_non_null(strstr(weir_device_note(dev), "16 MiB"));
	weir_device_close(dev);
	assert_int_equal(open_with(&dev, path, WEIR_DEVICE_READ_ONLY | WEIR_DEVICE_BUFFERED, 0), 0);
	assert_non_null(strstr(weir_device_note(dev), "sparse"));
	weir_device_close(dev);
}

/* Writes and reads a block through the device's descriptor, at its alignment. */
static void check_moves_bytes(const struct weir_device *dev)
{
	const struct weir_device_info *info = weir_device_get_info(dev);
	size_t block = info->logical_block_bytes;
	size_t size = 8192 + (block + 4095) / 4096 * 4096;
	char *out = aligned_alloc(4096, size), *in;

	assert_non_null(out);
	in = out + 4096 + info->memory_align_bytes % 4096;
	memset(out, 0, size);
	memset(out, 'w', block);
	assert_int_equal(pwrite(device_fd(dev), out, block, (off_t)block), (ssize_t)block);
	assert_int_equal(pread(device_fd(dev), in, block, (off_t)block), (ssize_t)block);
	assert_memory_equal(out, in, block);
	free(out);
}

static void check_descriptor(const struct weir_device *dev, int direct)
{
	int flags = fcntl(device_fd(dev), F_GETFL);

	assert_int_equal(weir_device_get_info(dev)->direct, direct);
	assert_int_equal(!!(flags & O_DIRECT), direct);
	assert_int_equal(flags & O_NONBLOCK, 0);
	assert_true(fcntl(device_fd(dev), F_GETFD) & FD_CLOEXEC);
	if (!direct)
		assert_int_equal(weir_device_get_info(dev)->memory_align_bytes, 1);
}

static void test_what_info_says_works(void **state)
{
	struct weir_device *dev;

	(void)state;
	assert_int_equal(open_with(&dev, workdir_path("rw.img"), WEIR_DEVICE_CREATE, MIB), 0);
	check_descriptor(dev, (int)weir_device_get_info(dev)->direct);
	assert_int_equal(!weir_device_get_info(dev)->direct, weir_device_note(dev) != NULL);
	check_moves_bytes(dev);
	weir_device_close(dev);
}

static void test_buffered_on_request(void **state)
{
	struct weir_device *dev;

	(void)state;
	assert_int_equal(open_with(&dev, workdir_path("buffered.img"),
				   WEIR_DEVICE_CREATE | WEIR_DEVICE_BUFFERED, MIB),
			 0);
	check_descriptor(dev, 0);
	assert_null(weir_device_note(dev));
	check_moves_bytes(dev);
	weir_device_close(dev);
}

/* tmpfs accepts O_DIRECT since Linux 6.6 and refuses it before. */
static void test_memory_filesystem(void **state)
{
	char path[64] = "/dev/shm/weir-test-XXXXXX";
	struct weir_device *dev;
	int fd = mkstemp(path);

	(void)state;
	if (fd < 0) {
		print_message("skipped: no /dev/shm\n");
		skip();
	}
	close(fd);
	unlink(path);
	assert_int_equal(open_with(&dev, path, WEIR_DEVICE_CREATE, MIB), 0);
	unlink(path);
	check_descriptor(dev, (int)weir_device_get_info(dev)->direct);
	check_info_is_usable(dev);
	check_moves_bytes(dev);
	assert_true(weir_device_get_info(dev)->max_io_bytes == MIB);
	assert_true(weir_device_get_info(dev)->max_segments == 128);
	assert_int_equal(weir_device_get_info(dev)->write_cache, 1);
	assert_string_equal(find_attr(dev, "max_segments")->source, "default");
	weir_device_close(dev);
}

/* proc is a filesystem that refuses direct I/O on every kernel. */
static void test_direct_is_refused(void **state)
{
	struct weir_device *dev;

	(void)state;
	assert_int_equal(open_with(&dev, "/proc/self/limits", WEIR_DEVICE_READ_ONLY, 0), 0);
	check_descriptor(dev, 0);
	assert_non_null(weir_device_note(dev));
	assert_non_null(strstr(weir_device_note(dev), "direct I/O"));
	assert_string_equal(find_attr(dev, "direct")->source, "O_DIRECT refused");
	weir_device_close(dev);
}

static void test_permission(void **state)
{
	const char *path = workdir_path("readonly.img");
	int writing, reading, root = !geteuid();
	struct weir_device *dev;

	(void)state;
	make_file(path, 8192);
	assert_int_equal(chmod(path, 0444), 0);
	assert_int_equal(chmod(workdir, 0755), 0);
	if (root)
		assert_int_equal(seteuid(65534), 0);
	writing = weir_device_open(&dev, path, NULL);
	reading = open_with(&dev, path, WEIR_DEVICE_READ_ONLY, 0);
	if (root)
		assert_int_equal(seteuid(0), 0);
	assert_int_equal(writing, -EACCES);
	assert_int_equal(reading, 0);
	assert_int_equal(device_read_only(dev), 1);
	weir_device_close(dev);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_create),
		cmocka_unit_test(test_create_mode),
		cmocka_unit_test(test_create_without_room),
		cmocka_unit_test(test_create_fails_half_way),
		cmocka_unit_test(test_create_refused),
		cmocka_unit_test(test_opts_size),
		cmocka_unit_test(test_odd_sizes),
		cmocka_unit_test(test_sparse_is_told),
		cmocka_unit_test(test_what_info_says_works),
		cmocka_unit_test(test_buffered_on_request),
		cmocka_unit_test(test_memory_filesystem),
		cmocka_unit_test(test_direct_is_refused),
		cmocka_unit_test(test_permission),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
