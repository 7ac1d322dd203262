/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_target.c - the facts of a file or device: each judgement.
 */
#include "rig.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "doctor/target.h"

static struct doctor_report r;

enum access_kind { FILE_, BLOCK, NG };

static const struct {
	const char *path;
	enum access_kind kind;
	int stat_err, open_err, read_err, write_err;
	unsigned mode;
	bool read_only;
	enum doctor_verdict verdict;
	const char *what, *remedy;
} access_rows[] = {
	{ "a", FILE_, 0, 0, 0, 0, 0644, false, DOCTOR_OK, "read and write", NULL },
	/* It does not exist. */
	{ "a", FILE_, -ENOENT, -ENOENT, 0, 0, 0, false, DOCTOR_FAIL, "a: No such file",
	  "weir format a --size" },
	{ "/dev/shm/x.img", FILE_, -ENOENT, -ENOENT, 0, 0, 0, false, DOCTOR_FAIL, "No such file",
	  "weir format /dev/shm/x.img" },
	{ "/dev/ng9n1", FILE_, -ENOENT, -ENOENT, 0, 0, 0, false, DOCTOR_FAIL, "No such file",
	  "--device /dev/ng9n1" },
	{ "/x/a", FILE_, -EACCES, -EACCES, 0, 0, 0, false, DOCTOR_FAIL, "denied", "namei -l /x/a" },
	{ "a/b", FILE_, -ENOTDIR, -ENOTDIR, 0, 0, 0, false, DOCTOR_FAIL, "Not a dir", "right" },
	/* Its permissions do not allow it. */
	{ "a", FILE_, 0, -EACCES, -EACCES, -EACCES, 0100600, false, DOCTOR_FAIL,
	  "may not read or write it: it is alice's, group staff, mode 0600", "alice" },
	{ "a", FILE_, 0, -EACCES, -EACCES, 0, 0100200, false, DOCTOR_FAIL,
	  "may not read it:", "alice" },
	{ "a", FILE_, 0, 0, 0, -EACCES, 0100644, false, DOCTOR_FAIL, "may not write it:", "chmod" },
	{ "/dev/sda", BLOCK, 0, -EACCES, -EACCES, -EACCES, 060660, false, DOCTOR_FAIL,
	  "group staff, mode 0660", "join group staff: usermod -aG staff" },
	{ "/dev/sda", BLOCK, 0, 0, 0, -EACCES, 060640, false, DOCTOR_FAIL, "may not write",
	  "SUBSYSTEM==\"block\", KERNEL==\"dev0\", GROUP=\"disk\"" },
	{ "/dev/ng0n1", NG, 0, -EACCES, -EACCES, -EACCES, 020600, false, DOCTOR_FAIL, "mode 0600",
	  "SUBSYSTEM==\"nvme-generic\", KERNEL==\"dev0\"" },
	/* Its permissions allow it, so it is something else. */
	{ "a", FILE_, 0, 0, 0, -EROFS, 0644, false, DOCTOR_FAIL, "Read-only", "remount,rw" },
	{ "a", FILE_, 0, 0, 0, -EPERM, 0644, false, DOCTOR_FAIL, "not permitted", "chattr" },
	{ "/dev/sda", BLOCK, 0, 0, 0, -EPERM, 0660, false, DOCTOR_FAIL, "not permitted",
	  "--device /dev/sda" },
	{ "a", FILE_, 0, 0, 0, -EIO, 0644, false, DOCTOR_FAIL, "may not write", "another" },
	{ "/dev/sda", BLOCK, 0, 0, 0, -EACCES, 0660, true, DOCTOR_FAIL, "no writes",
	  "blockdev --setrw /dev/sda" },
	/* It could not be opened for another reason. */
	{ "/", FILE_, 0, -EISDIR, 0, 0, 0755, false, DOCTOR_FAIL, "in words",
	  "weir format /demo.img" },
	{ "/tmp", FILE_, 0, -EISDIR, 0, 0, 0755, false, DOCTOR_FAIL, "in words",
	  "weir format /tmp/demo.img" },
	{ "a", FILE_, 0, -ENOTSUP, 0, 0, 0644, false, DOCTOR_FAIL, "in words", "lsblk" },
	{ "/dev/ng0n1", NG, 0, -EOPNOTSUPP, 0, 0, 0600, false, DOCTOR_FAIL, "in words",
	  "without metadata" },
	{ "/dev/ng0n1", NG, 0, -EACCES, 0, 0, 0666, false, DOCTOR_FAIL, "in words", "6.2" },
	{ "/dev/sda", BLOCK, 0, -EPERM, 0, 0, 0600, false, DOCTOR_FAIL, "in words",
	  "--device /dev/sda" },
	{ "/dev/sda", BLOCK, 0, -ENXIO, 0, 0, 0600, false, DOCTOR_FAIL, "in words", "driver" },
	{ "a", FILE_, 0, -EMFILE, 0, 0, 0600, false, DOCTOR_FAIL, "in words", "ulimit -n" },
	{ "a", FILE_, 0, -EIO, 0, 0, 0600, false, DOCTOR_FAIL, "in words", "dmesg" },
};

static void test_access(void **state)
{
	(void)state;
	for (size_t i = 0; i < RIG_COUNT(access_rows); i++) {
		struct doctor_access f = {
			.path = access_rows[i].path,
			.stat_err = access_rows[i].stat_err,
			.open_err = access_rows[i].open_err,
			.read_err = access_rows[i].read_err,
			.write_err = access_rows[i].write_err,
			.open_words = "the device layer in words",
			.name = "dev0",
			.block = access_rows[i].kind == BLOCK,
			.ng = access_rows[i].kind == NG,
			.read_only = access_rows[i].read_only,
			.mode = access_rows[i].mode,
			.user = "alice",
			.group = "staff",
		};

		doctor_judge_access(&r, &f);
		rig_only(&r, "access", access_rows[i].verdict, access_rows[i].what,
			 access_rows[i].remedy);
	}
}

static void test_claims(void **state)
{
	struct doctor_users f = { .path = "/dev/sda", .block = true };

	(void)state;
	doctor_judge_claims(&r, &f);
	rig_only(&r, "claims", DOCTOR_OK, "not mounted", NULL);
	f.claimed = true;
	doctor_judge_claims(&r, &f);
	rig_only(&r, "claims", DOCTOR_FAIL, "cannot be seen", "findmnt");
	device_names_add(&f.openers, "pid 7 (dd)");
	doctor_judge_claims(&r, &f);
	rig_only(&r, "claims", DOCTOR_FAIL, "that openers names", "wait");
	f.locked = true;
	doctor_judge_claims(&r, &f);
	rig_only(&r, "claims", DOCTOR_FAIL, "see lock", "wait");
	device_names_add(&f.claims.mounts, "/srv");
	doctor_judge_claims(&r, &f);
	rig_only(&r, "claims", DOCTOR_FAIL, "mounted on /srv", "umount");
	for (int i = 0; i < NAMES_MAX + 2; i++)
		device_names_add(&f.claims.mounts, "/m%d", i);
	device_names_add(&f.claims.swaps, "/dev/sda2");
	device_names_add(&f.claims.holders, "dm-0 (root)");
	doctor_judge_claims(&r, &f);
	rig_only(
		&r, "claims", DOCTOR_FAIL,
		"mounted on /srv, /m0, /m1, /m2 and 3 more; swap on /dev/sda2; part of dm-0 (root)",
		"/dev/sda");

	/* The target is a file. */
	memset(&f, 0, sizeof(f));
	f.path = "a.img";
	doctor_judge_claims(&r, &f);
	rig_only(&r, "claims", DOCTOR_OK, "no swap", NULL);
	device_names_add(&f.claims.loops, "/dev/loop3");
	doctor_judge_claims(&r, &f);
	rig_only(&r, "claims", DOCTOR_WARNING, "below /dev/loop3", "losetup -d");
	device_names_add(&f.claims.swaps, "a.img");
	doctor_judge_claims(&r, &f);
	rig_only(&r, "claims", DOCTOR_FAIL, "swap on a.img", "swapoff");
}

static void test_openers(void **state)
{
	struct doctor_users f = { .path = "a" };

	(void)state;
	doctor_judge_openers(&r, &f);
	rig_only(&r, "openers", DOCTOR_OK, "no process", NULL);
	f.hidden = 12;
	doctor_judge_openers(&r, &f);
	rig_only(&r, "openers", DOCTOR_NOTE, "12 could not be looked at", "root");
	device_names_add(&f.openers, "pid 7 (dd)");
	doctor_judge_openers(&r, &f);
	rig_only(&r, "openers", DOCTOR_WARNING, "open in pid 7 (dd); 12 could", "do not write");
	f.hidden = 0;
	doctor_judge_openers(&r, &f);
	rig_only(&r, "openers", DOCTOR_WARNING, "open in pid 7 (dd)", "do not write");
}

static void test_lock(void **state)
{
	struct doctor_users f = { .path = "a" };

	(void)state;
	doctor_judge_lock(&r, &f);
	rig_only(&r, "lock", DOCTOR_OK, "free", NULL);
	f.lock_unknown = true;
	doctor_judge_lock(&r, &f);
	rig_only(&r, "lock", DOCTOR_NOTE, "cannot be told", "read");
	f.locked = true;
	doctor_judge_lock(&r, &f);
	rig_only(&r, "lock", DOCTOR_FAIL, "cannot be seen", "wait");
	f.lock_pid = 42;
	doctor_judge_lock(&r, &f);
	rig_only(&r, "lock", DOCTOR_FAIL, "taken by pid 42", "wait");
	snprintf(f.lock_comm, sizeof(f.lock_comm), "weir");
	doctor_judge_lock(&r, &f);
	rig_only(&r, "lock", DOCTOR_FAIL, "taken by pid 42 (weir)", "wait");
}

static void test_direct(void **state)
{
	struct doctor_direct f = { .offset_align = 4096, .memory_align = 4, .source = "statx" };

	(void)state;
	doctor_judge_direct(&r, &f);
	rig_only(&r, "direct", DOCTOR_WARNING, "page cache", "XFS");
	f.direct = true;
	doctor_judge_direct(&r, &f);
	rig_only(&r, "direct", DOCTOR_OK,
		 "direct I/O: offsets and lengths in multiples of 4096, "
		 "memory of 4 bytes (statx)",
		 NULL);
	f.ng = true;
	doctor_judge_direct(&r, &f);
	rig_only(&r, "direct", DOCTOR_OK, "passthrough: ", NULL);
	f.null = true;
	doctor_judge_direct(&r, &f);
	rig_only(&r, "direct", DOCTOR_OK, "no storage", NULL);
}

static void judge_disk(const struct doctor_disk *f, enum doctor_verdict verdict, const char *what,
		       const char *scheduler_remedy, const char *nomerges_remedy)
{
	doctor_judge_scheduler(&r, f);
	rig_only(&r, "scheduler", verdict, what, scheduler_remedy);
	doctor_judge_nomerges(&r, f);
	rig_only(&r, "nomerges", verdict, what, nomerges_remedy);
}

static void test_disk(void **state)
{
	struct doctor_disk f = { .nr_queues = 0 };

	(void)state;
	judge_disk(&f, DOCTOR_OK, "no block device", NULL, NULL);
	f = (struct doctor_disk){ .nr_queues = 2,
				  .queues = { { "dm-0", "", "write through", 2 },
					      { "sda", "none", "write through", 1 } } };
	judge_disk(&f, DOCTOR_OK, "dm-0", NULL, NULL);
	doctor_judge_cache(&r, &f);
	rig_only(&r, "write_cache", DOCTOR_OK, "none that is volatile", NULL);
	/* A second disk is added. */
	f.queues[1] = (struct doctor_disk_queue){ "sda", "bfq", "write back", 0 };
	judge_disk(&f, DOCTOR_NOTE, "sda", "echo none > /sys/block/sda/queue/scheduler",
		   "echo 2 > /sys/block/sda/queue/nomerges");
	doctor_judge_cache(&r, &f);
	rig_only(&r, "write_cache", DOCTOR_OK, "volatile on sda", NULL);
	f.ng = true;
	judge_disk(&f, DOCTOR_OK, "goes around", NULL, NULL);
	/* Old kernels do not say. */
	f = (struct doctor_disk){ .nr_queues = 1, .queues = { { "sdb", "none", "", -1 } } };
	judge_disk(&f, DOCTOR_OK, "sdb", NULL, NULL);
	doctor_judge_cache(&r, &f);
	rig_only(&r, "write_cache", DOCTOR_OK, "not known", NULL);
}

static void test_active_scheduler(void **state)
{
	static const char *const rows[][2] = {
		{ "[none] mq-deadline kyber", "none" },
		{ "none [mq-deadline] kyber", "mq-deadline" },
		{ "none mq-deadline [bfq]", "bfq" },
		{ "none", "" },
		{ "", "" },
		{ "[unfinished", "" },
		{ "[a name that is longer than any]", "a name " },
	};
	char name[8 + 4];

	(void)state;
	for (size_t i = 0; i < RIG_COUNT(rows); i++) {
		doctor_active_scheduler(rows[i][0], name, i == 6 ? 8 : sizeof(name));
		assert_string_equal(name, rows[i][1]);
	}
}

static void test_fdp(void **state)
{
	struct doctor_fdp f = { .words = "in words", .beside = "/dev/ng3n1" };

	(void)state;
	doctor_judge_fdp(&r, &f);
	rig_only(&r, "fdp", DOCTOR_OK, "only an NVMe drive", NULL);
	f.nvme = true;
	doctor_judge_fdp(&r, &f);
	rig_only(&r, "fdp", DOCTOR_OK, "has none", NULL);
	f.supported = true;
	doctor_judge_fdp(&r, &f);
	rig_only(&r, "fdp", DOCTOR_NOTE, "not enabled", "nvme fdp feature");
	f.enabled = true;
	f.placements = 8;
	f.unit_bytes = 8 << 20;
	doctor_judge_fdp(&r, &f);
	rig_only(&r, "fdp", DOCTOR_NOTE, "does not carry", "name the whole drive as /dev/ng3n1");
	f.ng = true;
	doctor_judge_fdp(&r, &f);
	rig_only(&r, "fdp", DOCTOR_OK, "8 placement ids, reclaim units of 8 MiB", NULL);
	f.err = -EACCES;
	doctor_judge_fdp(&r, &f);
	rig_only(&r, "fdp", DOCTOR_NOTE, "in words", "root");
}

static void test_trial(void **state)
{
	static const struct {
		bool ng, empty, file;
		int engine_err, read_err;
		uint16_t status;
		enum doctor_verdict verdict;
		const char *what, *remedy;
	} rows[] = {
		{ false, false, true, 0, 0, 0, DOCTOR_OK,
		  "512 bytes came in 1.50 ms (engine posix)", NULL },
		{ false, true, true, 0, 0, 0, DOCTOR_WARNING, "empty", "weir format" },
		{ false, true, false, 0, 0, 0, DOCTOR_WARNING, "empty", "medium" },
		{ false, false, false, -EOPNOTSUPP, 0, 0, DOCTOR_FAIL, "no engine works", "above" },
		{ true, false, false, -EOPNOTSUPP, 0, 0, DOCTOR_FAIL, "no engine works",
		  "block device" },
		{ false, false, false, 0, -EIO, 0, DOCTOR_FAIL, "in words", "dmesg, and smartctl" },
		{ true, false, false, 0, -EIO, 0x281, DOCTOR_FAIL, "in words", "smart-log" },
		{ true, false, false, 0, -EACCES, 0x286, DOCTOR_FAIL, "in words", "smart-log" },
		{ true, false, false, 0, -EACCES, 0, DOCTOR_FAIL, "in words", "SELinux" },
		{ true, false, false, 0, -EPERM, 0, DOCTOR_FAIL, "in words", "6.2" },
		{ false, false, false, 0, -EACCES, 0, DOCTOR_FAIL, "in words", "faulty" },
		{ true, false, false, 0, -ETIMEDOUT, 0, DOCTOR_FAIL, "in words",
		  "does not answer" },
	};

	(void)state;
	for (size_t i = 0; i < RIG_COUNT(rows); i++) {
		struct doctor_trial f = {
			.ng = rows[i].ng,
			.empty = rows[i].empty,
			.file = rows[i].file,
			.engine_err = rows[i].engine_err,
			.read_err = rows[i].read_err,
			.status = rows[i].status,
			.took_ns = 1500000,
			.bytes = 512,
			.engine = "posix",
			.words = "in words",
		};

		doctor_judge_trial(&r, &f);
		rig_only(&r, "read", rows[i].verdict, rows[i].what, rows[i].remedy);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_access),
		cmocka_unit_test(test_claims),
		cmocka_unit_test(test_openers),
		cmocka_unit_test(test_lock),
		cmocka_unit_test(test_direct),
		cmocka_unit_test(test_disk),
		cmocka_unit_test(test_fdp),
		cmocka_unit_test(test_trial),
		cmocka_unit_test(test_active_scheduler),
	};

	return cmocka_run_group_tests_name("what the facts of a device mean", tests, NULL, NULL);
}
