/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_caused.c - failures that really happen: a seccomp filter, a limit on locked memory, missing
 * permissions, a taken lock. A child causes each one and is examined.
 */
#include "rig.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <inttypes.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <liburing.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include <weir/base.h>
#include <weir/device.h>

#include "doctor/target.h"
#include "engine/look.h"

#define NOBODY 100000u /* from this number on, each process has its own user */
#define LIMIT (1u << 20)

static const char *file; /* a file without problems */

static int make(void **state)
{
	static char path[1024];
	static char block[64 << 10];
	FILE *f;

	if (rig_make(state))
		return -1;
	snprintf(path, sizeof(path), "%s", rig_path("disk.img"));
	file = path;
	f = fopen(path, "we");
	if (!f || fwrite(block, sizeof(block), 1, f) != 1)
		return -1;
	return fclose(f);
}

static struct doctor_opts opts_for(const char *path)
{
	return (struct doctor_opts){ .path = path, .root = "", .lanes = 1 };
}

static void skip_without_io_uring(void)
{
	struct uring_look look;

	uring_look(&look, false);
	if (look.err) {
		print_message("skipped: %s\n", look.why);
		skip();
	}
}

/* From now on, SYSCALL fails with ERR in this process. */
static void deny(int syscall_nr, unsigned err)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, syscall_nr, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | err),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { .len = RIG_COUNT(code), .filter = code };

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program))
		_exit(77);
}

static void deny_eperm(void)
{
	deny(__NR_io_uring_setup, EPERM);
}

static void deny_enosys(void)
{
	deny(__NR_io_uring_setup, ENOSYS);
}

static void nothing(void)
{
}

/* Becomes another user each time, because the kernel unlocks a user's memory some time after the
 * rings are gone. */
static void become_nobody(void)
{
	uid_t id = NOBODY + (uid_t)getpid();

	if (setgroups(0, NULL) || setresgid(id, id, id) || setresuid(id, id, id))
		_exit(77);
}

static void test_good(void **state)
{
	const struct doctor_opts opts = opts_for(file);
	const struct doctor_report *r;

	(void)state;
	skip_without_io_uring();
	r = rig_examine_as(nothing, &opts);
	assert_true(doctor_worst(r) < DOCTOR_FAIL);
	rig_expect(r, "io_uring", DOCTOR_OK, "allowed", NULL);
	rig_expect(r, "access", DOCTOR_OK, NULL, NULL);
	rig_expect(r, "lock", DOCTOR_OK, "free", NULL);
	rig_expect(r, "claims", DOCTOR_OK, NULL, NULL);
	rig_expect(r, "read", DOCTOR_OK, "engine uring", NULL);
	/* It does not count itself. */
	assert_true(rig_find(r, "openers")->verdict < DOCTOR_WARNING);
}

static void test_machine_only(void **state)
{
	const struct doctor_opts opts = opts_for(NULL);
	const struct doctor_report *r = rig_examine_as(nothing, &opts);

	(void)state;
	assert_non_null(rig_find(r, "kernel"));
	assert_non_null(rig_find(r, "memlock"));
	assert_null(rig_find(r, "access"));
	assert_null(rig_find(r, "read"));
}

static void test_seccomp_eperm(void **state)
{
	const struct doctor_opts opts = opts_for(file);
	const struct doctor_report *r;

	(void)state;
	skip_without_io_uring();
	r = rig_examine_as(deny_eperm, &opts);
	rig_expect(r, "io_uring", DOCTOR_FAIL, "a seccomp filter refuses it", "docker");
	rig_expect(r, "passthrough", DOCTOR_NOTE, NULL, "see io_uring");
	rig_expect(r, "setup", DOCTOR_NOTE, NULL, "see io_uring");
	rig_expect(r, "read", DOCTOR_OK, "engine posix", NULL);
}

static void test_seccomp_enosys(void **state)
{
	const struct doctor_opts opts = opts_for(file);
	const struct doctor_report *r;

	(void)state;
	skip_without_io_uring();
	r = rig_examine_as(deny_enosys, &opts);
	rig_expect(r, "io_uring", DOCTOR_FAIL, "a seccomp filter hides it", "docker");
	rig_expect(r, "read", DOCTOR_OK, "engine posix", NULL);
}

/* Tries for a while: a user other than root shares the limit with what the user has elsewhere, and
 * had a moment ago. */
static int register_patiently(struct io_uring *ring, const struct iovec *iov)
{
	int err = -ENOMEM;

	for (int tries = 0; tries < 200 && err == -ENOMEM; tries++) {
		if (tries)
			usleep(10000);
		err = io_uring_register_buffers(ring, iov, 1);
	}
	return err;
}

/* Registers memory with two rings. Returns 0, or -errno of the second. */
static int register_twice(size_t bytes)
{
	struct iovec iov = { .iov_len = bytes };
	struct io_uring first, second;

	if (posix_memalign(&iov.iov_base, 4096, bytes) || io_uring_queue_init(1, &first, 0) ||
	    io_uring_queue_init(1, &second, 0) || register_patiently(&first, &iov))
		_exit(77);
	return io_uring_register_buffers(&second, &iov, 1);
}

static void limit_memory(void)
{
	const struct rlimit limit = { LIMIT, LIMIT };

	if (setrlimit(RLIMIT_MEMLOCK, &limit))
		_exit(77);
	if (!geteuid())
		become_nobody();
}

/* What the doctor says about two lanes with so much memory is what two rings get. */
static void limit_memory_fits(void)
{
	limit_memory();
	if (register_twice(LIMIT / 4))
		_exit(1);
}

static void limit_memory_exceeds(void)
{
	limit_memory();
	if (register_twice(LIMIT / 4 * 3) != -ENOMEM)
		_exit(1);
}

static void test_memlock(void **state)
{
	struct doctor_opts opts = opts_for(NULL);
	const struct doctor_report *r;

	(void)state;
	skip_without_io_uring();
	r = rig_examine_as(limit_memory, &opts);
	rig_expect(r, "memlock", DOCTOR_NOTE, "at most 1 MiB", "--memory");
	opts.lanes = 2;
	opts.memory_bytes = LIMIT / 4;
	r = rig_examine_as(limit_memory_fits, &opts);
	rig_expect(r, "memlock", DOCTOR_OK, "with 2 lanes takes 512 KiB", NULL);
	opts.memory_bytes = LIMIT / 4 * 3;
	r = rig_examine_as(limit_memory_exceeds, &opts);
	rig_expect(r, "memlock", DOCTOR_FAIL, "with 2 lanes takes 1.50 MiB", "ulimit -l 1536 ");
	opts.lanes = 1;
	r = rig_examine_as(limit_memory, &opts);
	rig_expect(r, "memlock", DOCTOR_OK, "with 1 lane takes 768 KiB", NULL);
}

static void test_permissions(void **state)
{
	static const struct {
		mode_t mode, folder;
		enum doctor_verdict verdict;
		const char *what, *remedy;
	} rows[] = {
		{ 0600, 0755, DOCTOR_FAIL, "may not read or write it", "chmod" },
		{ 0644, 0755, DOCTOR_FAIL, "may not write it", "chmod" },
		{ 0666, 0700, DOCTOR_FAIL, "Permission denied", "namei" },
		{ 0666, 0755, DOCTOR_OK, "may read and write", NULL },
	};
	const struct doctor_opts opts = opts_for(file);

	(void)state;
	if (geteuid()) {
		print_message("skipped: only root can become another user\n");
		skip();
	}
	for (size_t i = 0; i < RIG_COUNT(rows); i++) {
		const struct doctor_report *r;

		assert_int_equal(chmod(file, rows[i].mode) | chmod(rig_root(), rows[i].folder), 0);
		r = rig_examine_as(become_nobody, &opts);
		rig_expect(r, "access", rows[i].verdict, rows[i].what, rows[i].remedy);
		/* If it can be read, all other checks report as well. */
		assert_int_equal(rig_find(r, "read") != NULL,
				 (rows[i].mode & 4) && rows[i].folder != 0700);
		chmod(rig_root(), 0755);
	}
}

static void test_missing(void **state)
{
	static const struct {
		const char *name, *what, *remedy;
	} rows[] = {
		{ "none.img", "No such file", "weir format" },
		{ "disk.img/x", "Not a directory", NULL },
		{ ".", "directory", "demo.img" },
		{ "fifo", "fifo", NULL },
	};

	(void)state;
	assert_int_equal(mkfifo(rig_path("fifo"), 0666), 0);
	for (size_t i = 0; i < RIG_COUNT(rows); i++) {
		struct doctor_opts opts = opts_for(rig_path(rows[i].name));
		const struct doctor_report *r = rig_examine_as(nothing, &opts);

		rig_expect(r, "access", DOCTOR_FAIL, rows[i].what, rows[i].remedy);
		assert_null(rig_find(r, "read"));
		assert_non_null(rig_find(r, "kernel"));
	}
	assert_int_equal(access(rig_path("none.img"), F_OK), -1);
}

static void test_empty(void **state)
{
	const struct doctor_opts opts = opts_for(file);

	(void)state;
	assert_int_equal(truncate(file, 0), 0);
	rig_expect(rig_examine_as(nothing, &opts), "read", DOCTOR_WARNING, "empty", "weir format");
}

/* Stands for a list of locks that is empty when it is read first, and shows HOLDER of FILE when it
 * is read again. Returns the process that writes it. */
static pid_t list_locks_late(const char *list, int holder)
{
	struct stat st;
	pid_t pid;

	assert_int_equal(stat(file, &st), 0);
	assert_int_equal(mkfifo(list, 0600), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid)
		return pid;
	close(open(list, O_WRONLY | O_CLOEXEC));
	/* Until nobody reads it any more. */
	for (int fd; (fd = open(list, O_WRONLY | O_NONBLOCK | O_CLOEXEC)) >= 0;)
		close(fd);
	dprintf(open(list, O_WRONLY | O_CLOEXEC),
		"1: FLOCK  ADVISORY  WRITE %d %02x:%02x:%ju 0 EOF\n", holder, major(st.st_dev),
		minor(st.st_dev), (uintmax_t)st.st_ino);
	_exit(0);
}

/* A process may take the lock just after the list of locks was read. */
static void test_lock_late(void **state)
{
	struct doctor_opts opts = opts_for(file);
	int fd = open(file, O_RDONLY | O_CLOEXEC);
	pid_t writer;

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(flock(fd, LOCK_EX | LOCK_NB), 0);
	rig_file("proc/66/comm", "weir\n");
	opts.root = rig_root();
	writer = list_locks_late(rig_path("proc/locks"), 66);
	rig_expect(rig_examine_as(nothing, &opts), "lock", DOCTOR_FAIL, "taken by pid 66 (weir)",
		   "wait");
	assert_int_equal(kill(writer, SIGKILL), 0);
	assert_int_equal(waitpid(writer, NULL, 0), writer);
	close(fd);
}

/* The test has it open, locked or not, and its child looks. */
static void test_lock(void **state)
{
	const struct doctor_opts opts = opts_for(file);
	struct doctor_opts blind = opts;
	struct weir_device_opts dev_opts = WEIR_DEVICE_OPTS_INIT;
	const struct doctor_report *r;
	struct weir_device *dev;
	char who[32];
	int fd;

	(void)state;
	dev_opts.flags = WEIR_DEVICE_LOCK;
	assert_int_equal(weir_device_open(&dev, file, &dev_opts), 0);
	r = rig_examine_as(nothing, &opts);
	snprintf(who, sizeof(who), "taken by pid %d (", (int)getpid());
	rig_expect(r, "lock", DOCTOR_FAIL, access("/proc/locks", R_OK) ? "taken" : who, "wait");
	/* This is as in a container, whose /proc does not show other processes. */
	blind.root = rig_root();
	r = rig_examine_as(nothing, &blind);
	rig_expect(r, "lock", DOCTOR_FAIL, "cannot be seen", "wait");
	weir_device_close(dev);
	/* Looking does not take the lock away from anybody, and does not keep it. */
	fd = open(file, O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	r = rig_examine_as(nothing, &opts);
	rig_expect(r, "lock", DOCTOR_OK, "free", NULL);
	snprintf(who, sizeof(who), "pid %d (", (int)getpid());
	rig_expect(r, "openers", DOCTOR_WARNING, who, NULL);
	assert_int_equal(flock(fd, LOCK_EX | LOCK_NB), 0);
	close(fd);
}

/* Looking at the lock leaves it free while the target is still open. */
static void test_lock_given_back(void **state)
{
	static struct doctor_report r;
	struct doctor_target t;
	int fd = open(file, O_RDONLY | O_CLOEXEC);

	(void)state;
	assert_true(fd >= 0);
	doctor_target_find(&t, file, "");
	doctor_check_users(&r, &t);
	rig_expect(&r, "lock", DOCTOR_OK, "free", NULL);
	assert_int_equal(flock(fd, LOCK_EX | LOCK_NB), 0);
	doctor_target_drop(&t);
	close(fd);
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, make, rig_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_good),	   CASE(test_machine_only),    CASE(test_seccomp_eperm),
		CASE(test_seccomp_enosys), CASE(test_memlock),	       CASE(test_permissions),
		CASE(test_missing),	   CASE(test_empty),	       CASE(test_lock),
		CASE(test_lock_late),	   CASE(test_lock_given_back),
	};

	return cmocka_run_group_tests_name("failures that are really there", tests, NULL, NULL);
}
