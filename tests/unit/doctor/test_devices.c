/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_devices.c - a block device that others use: this test makes a loop device, opens, claims,
 * mounts it and makes it read-only (needs root).
 */
#include "rig.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/blkpg.h>
#include <linux/fs.h>
#include <linux/loop.h>
#include <sched.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <weir/base.h>
#include <weir/store.h>

#include "doctor/target.h"

#define BYTES (8 << 20)
#define NOBODY 65534u

static char loop_path[32];
static int loop_fd = -1;

/* Another process may take the free loop device first; then the next one is tried. */
static void attach(int control, int backing)
{
	for (int tries = 0; tries < 10 && loop_fd < 0; tries++) {
		int n = ioctl(control, LOOP_CTL_GET_FREE);

		if (n < 0)
			return;
		snprintf(loop_path, sizeof(loop_path), "/dev/loop%d", n);
		loop_fd = open(loop_path, O_RDWR | O_CLOEXEC);
		if (loop_fd >= 0 && ioctl(loop_fd, LOOP_SET_FD, backing) < 0) {
			close(loop_fd);
			loop_fd = -1;
		}
	}
}

static int make(void **state)
{
	int control = open("/dev/loop-control", O_RDWR | O_CLOEXEC), backing;

	if (rig_make(state))
		return -1;
	backing = open(rig_path("backing.img"), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (control >= 0 && backing >= 0 && !ftruncate(backing, BYTES))
		attach(control, backing);
	if (control >= 0)
		close(control);
	close(backing);
	return 0;
}

/* Makes or removes partition 1. */
static int partition(int op)
{
	struct blkpg_partition part = { .pno = 1, .start = 1 << 20, .length = 1 << 20 };
	struct blkpg_ioctl_arg arg = { .op = op, .datalen = sizeof(part), .data = &part };

	return ioctl(loop_fd, BLKPG, &arg);
}

/* What a failed test left at the device would stay there. */
static int unmake(void **state)
{
	int off = 0;

	if (loop_fd >= 0) {
		ioctl(loop_fd, BLKROSET, &off);
		partition(BLKPG_DEL_PARTITION);
		ioctl(loop_fd, LOOP_CLR_FD, 0);
		close(loop_fd);
		loop_fd = -1;
	}
	return rig_remove(state);
}

static void nothing(void)
{
}

static const struct doctor_report *examine(const char *path)
{
	const struct doctor_opts opts = { .path = path, .root = "", .lanes = 1 };

	return rig_examine_as(nothing, &opts);
}

static void need_loop(void)
{
	if (loop_fd >= 0)
		return;
	print_message("skipped: no loop device can be made here (root?)\n");
	skip();
}

static void test_unused(void **state)
{
	const struct doctor_report *r;
	char who[32];

	(void)state;
	need_loop();
	r = examine(loop_path);
	rig_expect(r, "access", DOCTOR_OK, NULL, NULL);
	rig_expect(r, "claims", DOCTOR_OK, NULL, NULL);
	rig_expect(r, "lock", DOCTOR_OK, NULL, NULL);
	rig_expect(r, "direct", DOCTOR_OK, NULL, NULL);
	rig_expect(r, "read", DOCTOR_OK, NULL, NULL);
	/* This test has it open itself. */
	snprintf(who, sizeof(who), "pid %d (", (int)getpid());
	rig_expect(r, "openers", DOCTOR_WARNING, who, NULL);
	/* The loop device has a kernel queue of its own. */
	assert_non_null(strstr(rig_find(r, "scheduler")->what, loop_path + 5));
}

static void become_nobody(void)
{
	if (setgroups(0, NULL) || setresgid(NOBODY, NOBODY, NOBODY) ||
	    setresuid(NOBODY, NOBODY, NOBODY))
		_exit(77);
}

/* The device has another name here, as in /dev/disk; the udev rule must use the kernel's name. */
static void test_permissions(void **state)
{
	const char *name = rig_path("by-id");
	const struct doctor_opts opts = { .path = name, .root = "", .lanes = 1 };
	char rule[64];
	struct stat st;

	(void)state;
	need_loop();
	rig_link("by-id", loop_path);
	assert_int_equal(stat(loop_path, &st), 0);
	assert_int_equal(chmod(loop_path, 0600), 0);
	snprintf(rule, sizeof(rule), "KERNEL==\"%s\"", loop_path + 5);
	rig_expect(rig_examine_as(become_nobody, &opts), "access", DOCTOR_FAIL, "mode 0600", rule);
	assert_int_equal(chmod(loop_path, st.st_mode & 07777), 0);
}

static void test_backing(void **state)
{
	(void)state;
	need_loop();
	rig_expect(examine(rig_path("backing.img")), "claims", DOCTOR_WARNING, loop_path,
		   "losetup");
}

static void test_claimed(void **state)
{
	int fd;

	(void)state;
	need_loop();
	fd = open(loop_path, O_RDONLY | O_EXCL | O_CLOEXEC);
	assert_true(fd >= 0);
	rig_expect(examine(loop_path), "claims", DOCTOR_FAIL, "that openers names", "wait");
	close(fd);
	rig_expect(examine(loop_path), "claims", DOCTOR_OK, NULL, NULL);
}

static void test_read_only(void **state)
{
	int on = 1;

	(void)state;
	need_loop();
	assert_int_equal(ioctl(loop_fd, BLKROSET, &on), 0);
	rig_expect(examine(loop_path), "access", DOCTOR_FAIL, "no writes", "blockdev --setrw");
}

/* Using a disk uses all its partitions; using a partition uses only that one. */
static void test_partition(void **state)
{
	struct doctor_target t;
	char path[48];

	(void)state;
	need_loop();
	if (partition(BLKPG_ADD_PARTITION)) {
		print_message("skipped: no partition on a loop device here\n");
		skip();
	}
	doctor_target_find(&t, loop_path, "");
	doctor_target_drop(&t);
	assert_int_equal(t.at.nr_blocks, 2);
	assert_string_equal(t.at.disk, loop_path + 5);
	assert_string_equal(t.at.part, "");
	snprintf(path, sizeof(path), "%sp1", loop_path);
	if (!access(path, F_OK)) { /* there may be nobody who makes it */
		doctor_target_find(&t, path, "");
		doctor_target_drop(&t);
		assert_int_equal(t.at.nr_blocks, 1);
		assert_string_equal(t.at.disk, loop_path + 5);
		assert_string_equal(t.at.part, path + 5);
		rig_expect(examine(path), "access", DOCTOR_OK, NULL, NULL);
	}
}

static int run(char *const argv[])
{
	int status = 0;
	pid_t pid;

	if (posix_spawnp(&pid, argv[0], NULL, NULL, argv, NULL))
		return -1;
	return waitpid(pid, &status, 0) == pid && !status ? 0 : -1;
}

/* Formatting and opening for writing follow what the doctor says, even with `force`; reading is
 * possible. */
static void check_refused(const char *path, uint32_t force, const char *words)
{
	struct weir_store_format_opts opts = WEIR_STORE_FORMAT_OPTS_INIT;
	struct weir_store *s;
	struct weir_device *dev;

	opts.force = force;
	assert_int_equal(weir_store_format(path, &opts), -EBUSY);
	assert_non_null(strstr(weir_error(), words));
	assert_int_equal(weir_store_open(&s, path, NULL), -EBUSY);
	assert_non_null(strstr(weir_error(), words));
	assert_int_equal(weir_device_open(&dev, path, NULL), -EBUSY);
	assert_non_null(strstr(weir_error(), words));
}

/* A loop device that nothing uses: only --force destroys the contents of the file. */
static void test_format_below_loop(void **state)
{
	struct weir_store_format_opts opts = WEIR_STORE_FORMAT_OPTS_INIT;
	const char *path = rig_path("backing.img");
	int fd;

	(void)state;
	need_loop();
	assert_int_equal(weir_store_format(path, &opts), -EBUSY);
	assert_non_null(strstr(weir_error(), "losetup -d"));
	fd = open(loop_path, O_RDONLY | O_EXCL | O_CLOEXEC);
	assert_true(fd >= 0);
	check_refused(path, 2, "which is in use");
	close(fd);
	opts.force = 2;
	opts.segment_bytes = 1 << 20;
	assert_int_equal(weir_store_format(path, &opts), -ENOSPC); /* it gets as far as this */
}

/* The mount is in a mount namespace of its own, which ends with this program. */
static void test_mounted(void **state)
{
	char mkfs[] = "mke2fs", quiet[] = "-q", path[sizeof(loop_path)];
	char *const argv[] = { mkfs, quiet, path, NULL };
	const char *point = rig_path("mount point");

	(void)state;
	need_loop();
	memcpy(path, loop_path, sizeof(path));
	assert_int_equal(mkdir(point, 0755), 0);
	if (run(argv) || unshare(CLONE_NEWNS) ||
	    mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    mount(loop_path, point, "ext2", 0, NULL)) {
		print_message("skipped: cannot make and mount a filesystem here\n");
		skip();
	}
	rig_expect(examine(loop_path), "claims", DOCTOR_FAIL, point, "umount");
	rig_expect(examine(rig_path("backing.img")), "claims", DOCTOR_FAIL, point, "umount");
	check_refused(loop_path, 2, point);
	check_refused(rig_path("backing.img"), 2, point);
	assert_int_equal(umount(point), 0);
	/* Nothing of it was changed. */
	assert_int_equal(mount(loop_path, point, "ext2", MS_RDONLY, NULL), 0);
	assert_int_equal(umount(point), 0);
	rig_expect(examine(loop_path), "claims", DOCTOR_OK, NULL, NULL);
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, make, unmake)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_unused),  CASE(test_permissions),	  CASE(test_backing),
		CASE(test_claimed), CASE(test_format_below_loop), CASE(test_read_only),
		CASE(test_mounted), CASE(test_partition),
	};

	return cmocka_run_group_tests_name("a device that others use", tests, NULL, NULL);
}
