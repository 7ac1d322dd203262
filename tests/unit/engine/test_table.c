/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Choosing an engine: the table, auto, and the reasons. Refusals are real: a child process puts
 * itself under a seccomp filter, as container run-times do.
 */
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "rig.h"

static void the_table(void **state)
{
	const char *names[] = { "uring", "posix", "uring_cmd", "null" };
	const struct weir_named *engines;
	size_t count;

	(void)state;
	engines = weir_engines(&count);
	assert_int_equal(count, 4);
	for (size_t i = 0; i < 4; i++) {
		assert_string_equal(engines[i].name, names[i]);
		assert_string_equal(engine_table[i]->name, names[i]);
		assert_true(strlen(engines[i].summary) > 0);
	}
	assert_null(engine_table[4]);
}

static void unknown_names(void **state)
{
	const struct engine_ops *ops = NULL;
	char why[128];
	struct rig r;

	(void)state;
	rig_device(&r, "null", 0);
	r.params.wake_fd = -1;
	assert_int_equal(engine_find(&ops, "urin", r.dev, why, sizeof(why)), -ENOENT);
	assert_non_null(strstr(weir_error(), "'urin'"));
	assert_non_null(strstr(weir_error(), "posix"));
	assert_int_equal(weir_engine_probe("", r.dev, why, sizeof(why)), -ENOENT);
	assert_null(ops);
	rig_close(&r);
}

static void null_devices(void **state)
{
	const char *movers[] = { "uring", "posix" };
	const struct engine_ops *ops = NULL;
	char why[512];
	struct rig r;

	(void)state;
	rig_device(&r, "null", 0);
	r.params.wake_fd = -1;
	r.params.dev = r.dev;
	assert_int_equal(engine_find(&ops, "auto", r.dev, why, sizeof(why)), 0);
	assert_ptr_equal(ops, &engine_null);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(weir_engine_probe(movers[i], r.dev, why, sizeof(why)),
				 -EOPNOTSUPP);
		assert_non_null(strstr(why, "no storage"));
		assert_non_null(strstr(weir_error(), movers[i]));
		assert_int_equal(engine_table[i]->open(&r.e, &r.params), -EOPNOTSUPP);
	}
	rig_close(&r);
}

/* Nobody must believe that the null engine has stored something. */
static void null_on_a_file(void **state)
{
	char why[512];
	struct rig r;

	(void)state;
	rig_device(&r, "file", 0);
	r.params.wake_fd = -1;
	r.params.dev = r.dev;
	assert_int_equal(weir_engine_probe("null", r.dev, why, sizeof(why)), -EOPNOTSUPP);
	assert_non_null(strstr(why, "stores nothing"));
	assert_int_equal(engine_null.open(&r.e, &r.params), -EOPNOTSUPP);
	/* A buffer that is too small does no harm, and NULL is allowed. */
	assert_int_equal(weir_engine_probe("posix", r.dev, why, 4), 0);
	assert_int_equal(strlen(why), 3);
	assert_int_equal(weir_engine_probe("posix", r.dev, NULL, 0), 0);
	assert_int_equal(weir_engine_probe("auto", r.dev, NULL, 0), 0);
	rig_close(&r);
}

static void passthrough_on_a_file(void **state)
{
	const struct engine_ops *ops = NULL;
	char why[512];
	struct rig r;

	(void)state;
	rig_device(&r, "file", 0);
	r.params.wake_fd = -1;
	assert_int_equal(engine_find(&ops, "uring_cmd", r.dev, why, sizeof(why)), -EOPNOTSUPP);
	assert_non_null(strstr(weir_error(), "io_uring_cmd needs an NVMe character device"));
	r.params.dev = r.dev;
	assert_int_equal(engine_uring_cmd.open(&r.e, &r.params), -EOPNOTSUPP);
	assert_null(r.e);
	rig_close(&r);
}

static void auto_on_a_file(void **state)
{
	const struct engine_ops *ops = NULL;
	char why[512], same[512];
	struct rig r;

	(void)state;
	rig_device(&r, "file", 0);
	r.params.wake_fd = -1;
	assert_int_equal(engine_find(&ops, NULL, r.dev, why, sizeof(why)), 0);
	if (weir_engine_probe("uring", r.dev, same, sizeof(same)) < 0) {
		assert_ptr_equal(ops, &engine_posix);
		assert_non_null(strstr(why, same));
	} else {
		assert_ptr_equal(ops, &engine_uring);
		assert_string_equal(why, same);
	}
	rig_close(&r);
}

/* From here on, io_uring_setup(2) returns ERR in this process. */
static void refuse_io_uring(int err)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_io_uring_setup, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (unsigned)err),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog prog = { .len = 4, .filter = code };

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog))
		_exit(77);
}

/* Runs in the child. Returns 0 if all is as it should be. */
static int refused(struct rig *r, int err, const char *word)
{
	const struct engine_ops *ops = NULL;
	char why[512];

	/* A child cannot use its parent's device. */
	if (weir_device_open(&r->dev, r->file, NULL))
		return 6;
	r->params.dev = r->dev;
	refuse_io_uring(err);
	if (weir_engine_probe("uring", r->dev, why, sizeof(why)) != -EOPNOTSUPP)
		return 1;
	if (!strstr(why, word) || !strstr(weir_error(), word))
		return 2;
	if (engine_uring.open(&r->e, &r->params) != -err || !strstr(weir_error(), word))
		return 3;
	if (engine_find(&ops, "auto", r->dev, why, sizeof(why)) || ops != &engine_posix)
		return 4;
	return strstr(why, "posix") && strstr(why, word) ? 0 : 5;
}

static void falls_back_where_io_uring_is_refused(void **state)
{
	const struct {
		int err;
		const char *word;
	} ways[] = { { EPERM, "the kernel refuses io_uring" },
		     { EACCES, "the kernel refuses io_uring" },
		     { ENOSYS, "no io_uring" },
		     { ENOMEM, "RLIMIT_MEMLOCK" },
		     { EMFILE, "Too many open files" } };
	struct rig r;
	int status;
	pid_t pid;

	(void)state;
	rig_device(&r, "file", 0);
	r.params.wake_fd = -1;
	r.params.dev = r.dev;
	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		pid = fork();
		assert_true(pid >= 0);
		if (!pid)
			_exit(refused(&r, ways[i].err, ways[i].word));
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_true(WIFEXITED(status));
		if (WEXITSTATUS(status) == 77) {
			rig_close(&r);
			print_message("# skipped: no seccomp filters here\n");
			skip();
		}
		assert_int_equal(WEXITSTATUS(status), 0);
	}
	rig_close(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_table),
		cmocka_unit_test(unknown_names),
		cmocka_unit_test(null_devices),
		cmocka_unit_test(null_on_a_file),
		cmocka_unit_test(passthrough_on_a_file),
		cmocka_unit_test(auto_on_a_file),
		cmocka_unit_test(falls_back_where_io_uring_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
