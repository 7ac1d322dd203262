/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_machine.c - the facts of a machine: each judgement, from facts that were recorded or are as
 * the kernel would give them.
 */
#include "rig.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "doctor/machine.h"

static struct doctor_report r;

static void test_kernel(void **state)
{
	static const struct {
		const char *release;
		enum doctor_verdict verdict;
		const char *what;
	} rows[] = {
		{ "6.18.44-fc", DOCTOR_OK, "Linux 6.18.44-fc" },
		{ "10.0.0", DOCTOR_OK, "10.0.0" },
		{ "6.2.0", DOCTOR_OK, "6.2.0" },
		{ "6.1.0-30-amd64", DOCTOR_NOTE, "CAP_SYS_ADMIN before 6.2" },
		{ "6.0.9", DOCTOR_NOTE, "need 6.1" },
		{ "5.19.0", DOCTOR_NOTE, "need 6.1" },
		{ "5.18.19", DOCTOR_NOTE, "need 5.19" },
		{ "5.13.0", DOCTOR_NOTE, "need 5.19" },
		{ "5.12.1", DOCTOR_WARNING, "needs 5.13" },
		{ "4.19.0", DOCTOR_WARNING, "needs 5.13" },
		{ "strange", DOCTOR_NOTE, "\"strange\"" },
	};

	(void)state;
	for (size_t i = 0; i < RIG_COUNT(rows); i++) {
		doctor_judge_kernel(&r, rows[i].release);
		rig_only(&r, "kernel", rows[i].verdict, rows[i].what, NULL);
	}
}

/* Returns the facts of a machine on which all rings work. */
static struct doctor_rings good_rings(void)
{
	struct doctor_rings f = { .disabled = 0, .group = -1 };

	f.plain.rung = f.big.rung = "SINGLE_ISSUER|DEFER_TASKRUN";
	f.plain.deferred = f.big.deferred = true;
	f.plain.registered_buffers = f.big.registered_buffers = true;
	return f;
}

/* The words are as certain as the knowledge is, and kernels without known faults are not named. */
static void test_kernel_faults(void **state)
{
	static const struct {
		const char *release, *what;
	} rows[] = {
		{ "5.15.0", NULL },
		{ "6.1.0-56-amd64", "127 pages" },
		{ "6.8.0-31-generic", "may lose" },
		{ "6.12.117+deb13-amd64", "loses commands" },
		{ "6.13.1", "about 6.14" },
		{ "6.14.0", NULL },
		{ "7.0", NULL },
		{ "strange", NULL },
	};

	(void)state;
	for (size_t i = 0; i < RIG_COUNT(rows); i++) {
		doctor_judge_kernel_faults(&r, rows[i].release);
		if (rows[i].what)
			rig_only(&r, "faults", DOCTOR_NOTE, rows[i].what, NULL);
		else
			assert_int_equal(r.count, 0);
	}
}

static void test_io_uring(void **state)
{
	static const struct {
		int err;
		int64_t disabled, group;
		bool sys_admin, filtered, enforcing;
		enum doctor_verdict verdict;
		const char *what, *remedy;
	} rows[] = {
		{ 0, 0, -1, false, false, false, DOCTOR_OK, "allowed", NULL },
		{ 0, -1, -1, false, true, true, DOCTOR_OK, "allowed", NULL },
		{ 0, 1, 100, false, false, false, DOCTOR_OK, "io_uring_disabled is 1", NULL },
		/* The kernel's switch refuses it. */
		{ -EPERM, 2, -1, true, false, false, DOCTOR_FAIL, "off for everybody",
		  "io_uring_disabled=0" },
		{ -EPERM, 2, 100, true, true, true, DOCTOR_FAIL, "off for everybody", NULL },
		{ -EPERM, 1, -1, false, false, false, DOCTOR_FAIL, "off for this user",
		  "io_uring_group=GID" },
		{ -EPERM, 1, 7, false, true, false, DOCTOR_FAIL, "off for this user", "group 7" },
		/* The switch would allow this process, so it is something else. */
		{ -EPERM, 1, 100, false, true, false, DOCTOR_FAIL, "seccomp", "io_uring_enter" },
		{ -EPERM, 1, -1, true, true, false, DOCTOR_FAIL, "seccomp", "docker" },
		{ -EPERM, 0, -1, false, true, false, DOCTOR_FAIL, "seccomp", "docker" },
		{ -EPERM, -1, -1, false, false, false, DOCTOR_FAIL, "neither", "security module" },
		{ -EACCES, 0, -1, false, false, true, DOCTOR_FAIL, "SELinux", "ausearch" },
		{ -EACCES, 0, -1, false, false, false, DOCTOR_FAIL, "security module", "log" },
		{ -ENOSYS, -1, -1, false, true, false, DOCTOR_FAIL, "filter hides", "docker" },
		{ -ENOSYS, -1, -1, false, false, false, DOCTOR_FAIL, "kernel has none",
		  "CONFIG_IO_URING" },
		{ -ENOMEM, 0, -1, false, false, false, DOCTOR_FAIL, "in words", "ulimit -l" },
		{ -EMFILE, 0, -1, false, false, false, DOCTOR_FAIL, "in words", "ulimit -n" },
		{ -ENFILE, 0, -1, false, false, false, DOCTOR_FAIL, "in words", "ulimit -n" },
		{ -EOPNOTSUPP, 0, -1, false, false, false, DOCTOR_FAIL, "in words", "6.2" },
	};

	(void)state;
	for (size_t i = 0; i < RIG_COUNT(rows); i++) {
		struct doctor_rings f = good_rings();

		f.plain.err = rows[i].err;
		snprintf(f.plain.why, sizeof(f.plain.why), "the engine in words");
		f.disabled = rows[i].disabled;
		f.group = rows[i].group;
		f.enforcing = rows[i].enforcing;
		f.self.sys_admin = rows[i].sys_admin;
		f.self.filtered = rows[i].filtered;
		f.self.groups[0] = 5;
		f.self.groups[1] = 100;
		f.self.nr_groups = 2;
		doctor_judge_io_uring(&r, &f);
		if (f.plain.err)
			rig_expect(&r, "io_uring", rows[i].verdict, "only the posix engine", NULL);
		rig_only(&r, "io_uring", rows[i].verdict, rows[i].what, rows[i].remedy);
	}
}

static void test_passthrough(void **state)
{
	struct doctor_rings f = good_rings();

	(void)state;
	doctor_judge_passthrough(&r, &f);
	rig_only(&r, "passthrough", DOCTOR_OK, "with registered memory", NULL);
	f.big.registered_buffers = false;
	doctor_judge_passthrough(&r, &f);
	rig_only(&r, "passthrough", DOCTOR_NOTE, "without registered memory", "6.2");

	/* Rings are needed, or not. */
	f.big.err = -EOPNOTSUPP;
	snprintf(f.big.why, sizeof(f.big.why), "io_uring_cmd requires kernel 5.19 or later");
	doctor_judge_passthrough(&r, &f);
	rig_only(&r, "passthrough", DOCTOR_NOTE, "5.19", "if an NVMe drive");
	f.needed = true;
	doctor_judge_passthrough(&r, &f);
	rig_only(&r, "passthrough", DOCTOR_FAIL, "5.19", "or the block device");
	f.plain.err = -EPERM;
	doctor_judge_passthrough(&r, &f);
	rig_only(&r, "passthrough", DOCTOR_FAIL, "needs io_uring", "use the block device");
	f.needed = false;
	doctor_judge_passthrough(&r, &f);
	rig_only(&r, "passthrough", DOCTOR_NOTE, "needs io_uring", "see io_uring");
}

static void test_setup(void **state)
{
	struct doctor_rings f = good_rings();

	(void)state;
	doctor_judge_setup(&r, &f);
	rig_only(&r, "setup", DOCTOR_OK, "DEFER_TASKRUN", NULL);
	f.plain.deferred = false;
	f.plain.rung = "COOP_TASKRUN|TASKRUN_FLAG";
	doctor_judge_setup(&r, &f);
	rig_only(&r, "setup", DOCTOR_NOTE, "COOP_TASKRUN|TASKRUN_FLAG, which is not the best",
		 "6.1");
	f.plain.registered_buffers = false;
	doctor_judge_setup(&r, &f);
	rig_only(&r, "setup", DOCTOR_NOTE, "without registered memory", "6.1");
	f.plain.err = -EPERM;
	doctor_judge_setup(&r, &f);
	rig_only(&r, "setup", DOCTOR_NOTE, "no ring", "see io_uring");
}

#define MIB (1ull << 20)

static void test_memory(void **state)
{
	static const struct {
		struct doctor_memory f;
		enum doctor_verdict verdict;
		const char *what, *remedy;
	} rows[] = {
		{ { 64 << 10, true, 4, 1024 * MIB }, DOCTOR_OK, "CAP_IPC_LOCK", NULL },
		{ { UINT64_MAX, false, 4, 1024 * MIB }, DOCTOR_OK, "no limit", NULL },
		/* The user did not say how much memory. */
		{ { 8 * MIB, false, 1, 0 }, DOCTOR_NOTE, "8 MiB with 1 lane", "--memory" },
		{ { 8 * MIB, false, 4, 0 }, DOCTOR_NOTE, "2 MiB with 4 lanes", "--memory" },
		{ { 64 * MIB, false, 1, 0 }, DOCTOR_OK, "64 MiB", NULL },
		{ { 64 * MIB - 1, false, 1, 0 }, DOCTOR_NOTE, "at most", "--memory" },
		/* Memory counts once for each lane. */
		{ { 8 * MIB, false, 4, 2 * MIB }, DOCTOR_OK, "with 4 lanes takes 8 MiB", NULL },
		{ { 8 * MIB, false, 4, 2 * MIB + 1 }, DOCTOR_FAIL, "limit is 8 MiB", "-l 8193 " },
		{ { 8 * MIB, false, 1, 1024 * MIB },
		  DOCTOR_FAIL,
		  "with 1 lane takes 1 GiB",
		  "ulimit -l 1048576 " },
		{ { 8 * MIB, false, 1ull << 40, 1ull << 40 },
		  DOCTOR_FAIL,
		  "limit is 8 MiB",
		  "LimitMEMLOCK" },
	};

	(void)state;
	for (size_t i = 0; i < RIG_COUNT(rows); i++) {
		doctor_judge_memory(&r, &rows[i].f);
		rig_only(&r, "memlock", rows[i].verdict, rows[i].what, rows[i].remedy);
	}
}

static void test_selinux(void **state)
{
	static const struct {
		struct doctor_selinux f;
		enum doctor_verdict verdict;
		const char *what;
	} rows[] = {
		{ { -1, "" }, DOCTOR_OK, "not in use" },
		{ { 0, "system_u:system_r:weir_t:s0" }, DOCTOR_OK, "permissive" },
		{ { 1, "unconfined_u:unconfined_r:unconfined_t:s0" }, DOCTOR_OK, "unconfined" },
		{ { 1, "system_u:system_r:container_t:s0:c1" }, DOCTOR_NOTE, "container_t" },
		{ { 1, "" }, DOCTOR_NOTE, "unknown" },
	};

	(void)state;
	for (size_t i = 0; i < RIG_COUNT(rows); i++) {
		doctor_judge_selinux(&r, &rows[i].f);
		rig_only(&r, "selinux", rows[i].verdict, rows[i].what,
			 rows[i].verdict ? "ausearch" : NULL);
	}
}

static void test_poll_queues(void **state)
{
	(void)state;
	doctor_judge_poll(&r, -1);
	rig_only(&r, "poll_queues", DOCTOR_OK, "no NVMe driver", NULL);
	doctor_judge_poll(&r, 0);
	rig_only(&r, "poll_queues", DOCTOR_OK, "none", NULL);
	doctor_judge_poll(&r, 1);
	rig_only(&r, "poll_queues", DOCTOR_NOTE, "1 queue of", "nvme.poll_queues=0");
	doctor_judge_poll(&r, 4);
	rig_only(&r, "poll_queues", DOCTOR_NOTE, "4 queues", "nvme.poll_queues=0");
}

static void test_governor(void **state)
{
	struct doctor_cpu f = { 0 };

	(void)state;
	doctor_judge_cpu(&r, &f);
	rig_only(&r, "governor", DOCTOR_OK, "none", NULL);
	f = (struct doctor_cpu){ 1, { { "performance", 8 } } };
	doctor_judge_cpu(&r, &f);
	rig_only(&r, "governor", DOCTOR_OK, "performance on 8 CPUs", NULL);
	f = (struct doctor_cpu){ 2, { { "powersave", 1 }, { "performance", 7 } } };
	doctor_judge_cpu(&r, &f);
	rig_only(&r, "governor", DOCTOR_NOTE, "powersave on 1 CPU, performance on 7 CPUs",
		 "cpupower");
}

static void test_report(void **state)
{
	struct doctor_finding *d;

	(void)state;
	assert_int_equal(doctor_worst(&r), DOCTOR_OK);
	doctor_add(&r, "a", DOCTOR_WARNING, "one");
	assert_int_equal(doctor_worst(&r), DOCTOR_WARNING);
	d = doctor_add(&r, "b", DOCTOR_FAIL, "a name with \033[2J and\nmore");
	doctor_more(d, " and %s\t", "tab");
	assert_string_equal(d->what, "a name with ?[2J and?more and tab?");
	doctor_add(&r, "c", DOCTOR_NOTE, "three");
	assert_int_equal(doctor_worst(&r), DOCTOR_FAIL);
	/* There are more findings than room, and longer ones. */
	for (int i = 0; i < 2 * DOCTOR_FINDINGS_MAX; i++)
		d = doctor_add(&r, "last", DOCTOR_NOTE, "%*d", 2 * DOCTOR_WORDS, i);
	doctor_more(d, "%s", "nothing fits");
	assert_int_equal(r.count, DOCTOR_FINDINGS_MAX);
	assert_int_equal(strlen(d->what), DOCTOR_WORDS - 1);
	memset(&r, 0, sizeof(r));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_kernel),	 cmocka_unit_test(test_kernel_faults),
		cmocka_unit_test(test_io_uring), cmocka_unit_test(test_passthrough),
		cmocka_unit_test(test_setup),	 cmocka_unit_test(test_memory),
		cmocka_unit_test(test_selinux),	 cmocka_unit_test(test_poll_queues),
		cmocka_unit_test(test_governor), cmocka_unit_test(test_report),
	};

	return cmocka_run_group_tests_name("what the facts of a machine mean", tests, NULL, NULL);
}
