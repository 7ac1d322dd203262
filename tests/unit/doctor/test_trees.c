/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_trees.c - facts are found where the kernel puts them: trees of files stand for the /proc and
 * /sys of other machines.
 */
#include "rig.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <weir/base.h>

#include "doctor/machine.h"
#include "doctor/self.h"
#include "doctor/target.h"

static struct doctor_report r;

static int make(void **state)
{
	memset(&r, 0, sizeof(r));
	return rig_make(state);
}

static void test_self(void **state)
{
	static const char status[] = "Name:\tweir\nUid:\t1000\t1000\t1000\t1000\n"
				     "Gid:\t50\t60\t60\t60\nGroups:\t7 60 4294967294 \n"
				     "CapInh:\tffffffffffffffff\nCapEff:\t0000000000204000\n"
				     "NoNewPrivs:\t0\nSeccomp:\t2\nSeccomp_filters:\t1\n";
	struct doctor_self self;

	(void)state;
	doctor_self_parse(&self, status, "         0          0 4294967295\n");
	assert_true(self.ipc_lock && self.sys_admin && self.filtered);
	assert_true(doctor_self_in_group(&self, 60));
	assert_true(doctor_self_in_group(&self, 7));
	assert_true(doctor_self_in_group(&self, 4294967294));
	assert_false(doctor_self_in_group(&self, 50));
	assert_false(doctor_self_in_group(&self, 0));
	/* In a user namespace, capabilities do not count for the machine. */
	doctor_self_parse(&self, status, "         0       1000          1\n");
	assert_true(!self.ipc_lock && !self.sys_admin && self.filtered);
	doctor_self_parse(&self, "CapEff:\t0000000000004000\nSeccomp:\t0\n", "");
	assert_true(self.ipc_lock && !self.sys_admin && !self.filtered);
	doctor_self_parse(&self, "", "");
	assert_true(!self.ipc_lock && !self.sys_admin && !self.filtered);
	assert_int_equal(self.nr_groups, 0);
}

static void test_machine(void **state)
{
	const char *root = rig_root();

	(void)state;
	/* There is nothing. */
	doctor_check_selinux(&r, root);
	rig_only(&r, "selinux", DOCTOR_OK, "not in use", NULL);
	doctor_check_poll(&r, root);
	rig_only(&r, "poll_queues", DOCTOR_OK, "no NVMe", NULL);
	doctor_check_cpu(&r, root);
	rig_only(&r, "governor", DOCTOR_OK, "none", NULL);

	rig_file("sys/fs/selinux/enforce", "1");
	rig_file("proc/self/attr/current", "system_u:system_r:container_t:s0");
	doctor_check_selinux(&r, root);
	rig_only(&r, "selinux", DOCTOR_NOTE, "container_t", NULL);
	rig_file("sys/module/nvme/parameters/poll_queues", "2\n");
	doctor_check_poll(&r, root);
	rig_only(&r, "poll_queues", DOCTOR_NOTE, "2 queues", NULL);
	for (int i = 0; i < 3; i++) {
		char name[80];

		snprintf(name, sizeof(name),
			 "sys/devices/system/cpu/cpu%d/cpufreq/scaling_governor", i);
		rig_file(name, "powersave\n");
	}
	rig_file("sys/devices/system/cpu/cpufreq/scaling_governor", "no CPU's\n");
	doctor_check_cpu(&r, root);
	rig_only(&r, "governor", DOCTOR_NOTE, "powersave on 3 CPUs", NULL);
}

static void test_memory(void **state)
{
	const struct doctor_opts opts = { .root = rig_root(), .lanes = 1, .memory_bytes = 1 };

	(void)state;
	rig_file("proc/self/status", "CapEff:\t0000000000004000\n");
	rig_file("proc/self/uid_map", "0 0 4294967295\n");
	doctor_check_memory(&r, &opts);
	rig_only(&r, "memlock", DOCTOR_OK, "CAP_IPC_LOCK", NULL);
	rig_file("proc/self/uid_map", "0 100000 65536\n");
	doctor_check_memory(&r, &opts);
	rig_expect(&r, "memlock", DOCTOR_OK, NULL, NULL);
	assert_null(strstr(r.findings[0].what, "CAP_IPC_LOCK"));
}

/* Makes a disk 8:0 with a partition 8:1, and a target that is this disk. */
static void make_disk(struct doctor_target *t)
{
	rig_file("sys/devices/pci/block/sda/dev", "8:0\n");
	rig_file("sys/devices/pci/block/sda/queue/scheduler", "none [mq-deadline] kyber\n");
	rig_file("sys/devices/pci/block/sda/queue/nomerges", "0\n");
	rig_file("sys/devices/pci/block/sda/queue/write_cache", "write back\n");
	rig_file("sys/devices/pci/block/sda/sda1/dev", "8:1\n");
	rig_link("sys/block/sda", "../devices/pci/block/sda");
	rig_link("sys/dev/block/8:0", "../../devices/pci/block/sda");
	rig_link("sys/dev/block/8:1", "../../devices/pci/block/sda/sda1");
	*t = (struct doctor_target){ .path = "/nowhere", .root = rig_root() };
	t->at = (struct device_place){
		.root = rig_root(),
		.block = true,
		.disk = "sda",
		.blocks = { makedev(8, 0), makedev(8, 1) },
		.nr_blocks = 2,
	};
	t->at.st.st_mode = S_IFBLK;
	t->at.st.st_rdev = makedev(8, 0);
}

static void test_disk_of(void **state)
{
	struct doctor_target t;
	char disk[PLACE_NAME];

	(void)state;
	make_disk(&t);
	assert_true(device_disk_of(rig_root(), makedev(8, 0), disk));
	assert_string_equal(disk, "sda");
	assert_true(device_disk_of(rig_root(), makedev(8, 1), disk));
	assert_string_equal(disk, "sda");
	assert_false(device_disk_of(rig_root(), makedev(8, 2), disk));
	assert_string_equal(disk, "");
}

static void expect_claims(const struct doctor_target *t, const char *mount, const char *holder)
{
	struct device_claims c;

	device_find_claims(&c, &t->at);
	assert_int_equal(c.mounts.count, mount != NULL);
	if (mount)
		assert_string_equal(c.mounts.names[0], mount);
	assert_int_equal(c.holders.count, holder != NULL);
	if (holder)
		assert_string_equal(c.holders.names[0], holder);
}

static void test_claims(void **state)
{
	struct doctor_target t;

	(void)state;
	make_disk(&t);
	expect_claims(&t, NULL, NULL);
	rig_file("proc/self/mountinfo", "22 1 8:16 / / rw,relatime shared:1 - ext4 /dev/sdb rw\n"
					"broken line\n"
					"23 22 0:21 / /proc rw - proc proc rw\n"
					"24 22 8:1 /sub /mnt/my\\040\\134disk\\9 rw shared:2 "
					"master:3 - ext4 /dev/sda1 rw\n");
	expect_claims(&t, "/mnt/my \\disk\\9", NULL);
	rig_file("sys/devices/pci/block/sda/sda1/holders/dm-0/dev", "253:0\n");
	expect_claims(&t, "/mnt/my \\disk\\9", "dm-0");
	rig_file("sys/block/dm-0/dm/name", "vg-root\n");
	expect_claims(&t, "/mnt/my \\disk\\9", "dm-0 (vg-root)");
	/* The other half of the disk is not the target. */
	t.at.blocks[1] = makedev(8, 2);
	expect_claims(&t, NULL, NULL);
}

/* A file that is swap, and lies below a loop device. */
static void test_file_claims(void **state)
{
	struct doctor_target t = { .path = "a", .root = rig_root(), .at.root = rig_root() };
	struct device_claims c;

	(void)state;
	rig_file("a file", "x");
	rig_file("other", "x");
	assert_int_equal(stat(rig_path("a file"), &t.at.st), 0);
	device_find_claims(&c, &t.at);
	assert_int_equal(c.swaps.count + c.holders.count + c.loops.count, 0);
	assert_int_equal(device_claims_refuse(&c, "a"), 0);
	rig_file("sys/block/loop1/loop/backing_file", "%s/other\n", rig_root());
	rig_file("sys/block/loop2/loop/backing_file", "%s/a file\n", rig_root());
	rig_file("sys/block/sda/size", "8\n");
	device_find_claims(&c, &t.at);
	assert_int_equal(c.loops.count, 1);
	assert_string_equal(c.loops.names[0], "/dev/loop2");
	assert_int_equal(device_claims_refuse(&c, "a"), 0);
	rig_file("proc/swaps", "Filename Type Size Used Priority\n%s/a\\040file file 8 0 -2\n",
		 rig_root());
	device_find_claims(&c, &t.at);
	assert_int_equal(c.swaps.count, 1);
	assert_int_equal(device_claims_refuse(&c, "a"), -EBUSY);
	assert_non_null(strstr(weir_error(), "swapoff"));
}

/* The image is used by what lies above it: a partition of a loop device, and a device made of
 * that. */
static void test_image_that_is_mounted(void **state)
{
	struct doctor_target t = { .path = "a", .root = rig_root(), .at.root = rig_root() };
	struct device_claims c;

	(void)state;
	rig_file("image", "x");
	assert_int_equal(stat(rig_path("image"), &t.at.st), 0);
	rig_file("sys/block/loop2/loop/backing_file", "%s/image\n", rig_root());
	rig_file("sys/block/loop2/dev", "7:2\n");
	rig_file("sys/block/loop2/loop2p1/dev", "259:7\n");
	rig_link("sys/dev/block/259:7", "../../block/loop2/loop2p1");
	rig_file("proc/self/mountinfo", "24 22 259:7 / /mnt rw - vfat /dev/loop2p1 rw\n");
	device_find_claims(&c, &t.at);
	assert_int_equal(c.mounts.count, 1);
	assert_string_equal(c.mounts.names[0], "/mnt (loop2p1)");
	assert_int_equal(device_claims_refuse(&c, "image"), -EBUSY);
	assert_non_null(strstr(weir_error(), "mounted on /mnt (loop2p1)"));
	assert_non_null(strstr(weir_error(), "(force does not override"));
	/* The user is one step further up, and in another mount namespace. */
	rig_file("proc/self/mountinfo", "\n");
	rig_file("sys/block/loop2/loop2p1/holders/dm-5/dev", "253:5\n");
	rig_file("sys/block/dm-5/dev", "253:5\n");
	rig_link("sys/dev/block/253:5", "../../block/dm-5");
	device_find_claims(&c, &t.at);
	assert_int_equal(c.mounts.count, 0);
	assert_string_equal(c.holders.names[0], "dm-5");
	rig_file("sys/fs/xfs/dm-5/log/head_lsn", "1\n");
	device_find_claims(&c, &t.at);
	assert_int_equal(c.mounts.count, 1);
	assert_non_null(strstr(c.mounts.names[0], "xfs of /dev/dm-5, in another mount namespace"));
	/* A filesystem can lie in the file without a loop device. */
	rig_file("proc/self/mountinfo", "24 22 0:50 / /ro ro - erofs %s/image ro\n", rig_root());
	device_find_claims(&c, &t.at);
	assert_string_equal(c.mounts.names[0], "/ro");
}

/* Two controllers lead to a namespace, as two disks; one has a character device. */
static void test_claims_by_another_way(void **state)
{
	struct device_place place;
	struct device_claims c;
	struct stat st = { .st_mode = S_IFCHR, .st_rdev = makedev(240, 0) };

	(void)state;
	rig_file("sys/class/nvme-generic/ng0n1/dev", "240:0\n");
	rig_link("sys/dev/char/240:0", "../../class/nvme-generic/ng0n1");
	rig_file("sys/block/nvme0n1/dev", "259:0\n");
	rig_file("sys/block/nvme0n1/wwid", "eui.0025385791b0a1c2\n");
	rig_file("sys/block/nvme0n1/nvme0n1p2/dev", "259:2\n");
	rig_link("sys/dev/block/259:2", "../../block/nvme0n1/nvme0n1p2");
	rig_file("sys/block/nvme1n1/dev", "259:5\n");
	rig_link("sys/dev/block/259:5", "../../block/nvme1n1");
	rig_file("sys/block/nvme1n1/wwid", "eui.0025385791b0a1c3\n");
	rig_file("proc/self/mountinfo", "24 22 259:5 / /mnt rw - vfat /dev/nvme1n1 rw\n");
	device_place_find(&place, &st, rig_root());
	assert_true(place.ng);
	assert_int_equal(place.nr_blocks, 2);
	device_find_claims(&c, &place);
	assert_int_equal(c.mounts.count, 0);
	rig_file("sys/block/nvme1n1/wwid", "eui.0025385791b0a1c2\n");
	device_find_claims(&c, &place);
	assert_string_equal(c.mounts.names[0], "/mnt (nvme1n1)");
	/* It is found from the character device alone, without the right to open the disk. */
	rig_file("proc/self/mountinfo", "24 22 259:2 / /srv rw - ext4 /dev/nvme0n1p2 rw\n");
	device_find_claims(&c, &place);
	assert_string_equal(c.mounts.names[0], "/srv");
}

static void test_openers(void **state)
{
	struct doctor_target t = { .path = "a", .root = rig_root(), .at.root = rig_root() };
	struct doctor_users f = { 0 };

	(void)state;
	rig_file("a", "x");
	rig_file("other", "x");
	assert_int_equal(stat(rig_path("a"), &t.at.st), 0);
	rig_file("proc/100/comm", "reader\n");
	rig_link("proc/100/fd/3", "../../../other");
	rig_link("proc/100/fd/4", "../../../a");
	rig_link("proc/100/fd/5", "../../../a");
	rig_link("proc/200/fd/0", "../../../other");
	rig_link("proc/300/fd/7", "../../../a");
	rig_link("proc/self/fd/7", "../../../a");
	rig_link("proc/400/fd/1", "/nowhere");
	doctor_find_openers(&f, &t);
	assert_int_equal(f.openers.count, 2);
	assert_int_equal(f.hidden, 0);
	for (size_t i = 0; i < 2; i++)
		assert_true(!strcmp(f.openers.names[i], "pid 100 (reader)") ||
			    !strcmp(f.openers.names[i], "pid 300"));
}

static void test_lock(void **state)
{
	struct doctor_target t = { .path = "a", .root = rig_root(), .at.root = rig_root() };

	(void)state;
	rig_file("a", "x");
	assert_int_equal(stat(rig_path("a"), &t.at.st), 0);
	doctor_check_users(&r, &t);
	rig_expect(&r, "lock", DOCTOR_NOTE, "cannot be told", NULL);
	memset(&r, 0, sizeof(r));
	rig_file("proc/locks", "1: POSIX  ADVISORY  WRITE 55 %02x:%02x:%" PRIuMAX " 0 EOF\n",
		 major(t.at.st.st_dev), minor(t.at.st.st_dev), (uintmax_t)t.at.st.st_ino);
	doctor_check_users(&r, &t);
	rig_expect(&r, "lock", DOCTOR_OK, "free", NULL);
	memset(&r, 0, sizeof(r));
	rig_file("proc/locks", "1: FLOCK  ADVISORY  WRITE 66 %02x:%02x:%" PRIuMAX " 0 EOF\n",
		 major(t.at.st.st_dev), minor(t.at.st.st_dev), (uintmax_t)t.at.st.st_ino);
	rig_file("proc/66/comm", "weir\n");
	doctor_check_users(&r, &t);
	rig_expect(&r, "lock", DOCTOR_FAIL, "pid 66 (weir)", NULL);
}

/* A disk is made of a partition of another disk; the kernel schedules that other disk. */
static void test_stacked(void **state)
{
	struct doctor_target t;

	(void)state;
	make_disk(&t);
	doctor_check_disk(&r, &t);
	rig_expect(&r, "scheduler", DOCTOR_NOTE, "mq-deadline on sda", "sda/queue/scheduler");
	rig_expect(&r, "nomerges", DOCTOR_NOTE, "sda", NULL);
	rig_expect(&r, "write_cache", DOCTOR_OK, "volatile on sda", NULL);
	memset(&r, 0, sizeof(r));
	rig_file("sys/block/dm-0/queue/nomerges", "2\n");
	rig_file("sys/block/dm-0/slaves/sda1/dev", "8:1\n");
	rig_file("sys/block/dm-1/queue/nomerges", "2\n");
	rig_file("sys/block/dm-1/slaves/dm-0/dev", "253:0\n");
	rig_link("sys/dev/block/253:0", "../../block/dm-0");
	snprintf(t.at.disk, sizeof(t.at.disk), "dm-1");
	doctor_check_disk(&r, &t);
	rig_expect(&r, "scheduler", DOCTOR_NOTE, "mq-deadline on sda", NULL);
	rig_expect(&r, "nomerges", DOCTOR_NOTE, "sda", NULL);
}

/* A namespace has two paths, and their schedulers count. */
static void test_paths(void **state)
{
	struct doctor_target t = { .root = rig_root(),
				   .at = { .root = rig_root(), .block = true, .disk = "nvme0n1" } };

	(void)state;
	rig_file("sys/block/nvme0n1/queue/scheduler", "none\n");
	rig_file("sys/block/nvme0c0n1/queue/scheduler", "[none] kyber\n");
	rig_file("sys/block/nvme0c1n1/queue/scheduler", "none [kyber]\n");
	rig_file("sys/block/nvme1c1n1/queue/scheduler", "none [bfq]\n");
	doctor_check_disk(&r, &t);
	rig_expect(&r, "scheduler", DOCTOR_NOTE, "kyber on nvme0c1n1", NULL);
	memset(&r, 0, sizeof(r));
	rig_file("sys/block/nvme0c1n1/queue/scheduler", "[none] kyber\n");
	doctor_check_disk(&r, &t);
	rig_expect(&r, "scheduler", DOCTOR_OK, "none on nvme0n1", NULL);
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, make, rig_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_self),
		CASE(test_machine),
		CASE(test_memory),
		CASE(test_disk_of),
		CASE(test_claims),
		CASE(test_file_claims),
		CASE(test_image_that_is_mounted),
		CASE(test_claims_by_another_way),
		CASE(test_openers),
		CASE(test_lock),
		CASE(test_stacked),
		CASE(test_paths),
	};

	return cmocka_run_group_tests_name("where facts are found", tests, NULL, NULL);
}
