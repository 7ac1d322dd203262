/* SPDX-License-Identifier: Apache-2.0 */
/* test_files.c - which files a trace may replace, when it does, and what it leaves behind. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include <weir/weir.h>

#include "../held.h"

static char folder[32], file[64], other[64];

static int setup(void **state)
{
	(void)state;
	strcpy(folder, "/tmp/weir-trace-XXXXXX");
	if (!mkdtemp(folder))
		return -1;
	snprintf(file, sizeof(file), "%s/a.pftrace", folder);
	snprintf(other, sizeof(other), "%s/b", folder);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	unlink(file);
	unlink(other);
	return rmdir(folder);
}

static void write_file(const char *path, const char *text)
{
	FILE *f = fopen(path, "we");

	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static long length_of(const char *path)
{
	struct stat st;

	return stat(path, &st) ? -1 : (long)st.st_size;
}

/* Runs N ios on a queue with TRACE. */
static void run(struct weir_trace *trace, unsigned n)
{
	struct weir_queue_opts opts = WEIR_QUEUE_OPTS_INIT;
	static char memory[4096] __attribute__((aligned(4096)));
	struct weir_device *dev;
	struct weir_queue *q;

	opts.trace = trace;
	assert_int_equal(weir_device_open(&dev, "null:1g", NULL), 0);
	assert_int_equal(weir_queue_open(&q, dev, &opts), 0);
	for (unsigned i = 0; i < n; i++) {
		struct weir_io io;

		weir_io_read(&io, i * 4096ull, memory, sizeof(memory));
		assert_int_equal(weir_queue_submit(q, &io), 0);
		assert_int_equal(weir_io_wait(q, &io, UINT64_MAX), 0);
	}
	if (trace)
		assert_int_equal(weir_trace_close(trace, NULL), -EBUSY);
	assert_int_equal(weir_queue_close(q), 0);
	weir_device_close(dev);
}

static void a_trace_is_written_when_it_is_closed(void **state)
{
	struct weir_trace_report report = WEIR_TRACE_REPORT_INIT;
	struct held before = { 0 };
	struct weir_trace *t;

	(void)state;
	for (int times = 0; times < 5; times++) { /* a trace may be replaced */
		if (times == 2)			  /* malloc() keeps what the first ones used */
			before = held_now();
		assert_int_equal(weir_trace_open(&t, file, NULL), 0);
		run(t, 5000); /* several chunks */
		assert_int_equal(weir_trace_close(t, &report), 0);
		assert_int_equal(report.requests, 5000);
		assert_int_equal(report.bytes, length_of(file));
		assert_true(report.bytes > 5000);
	}
	held_check(&before, 4096);
}

static void what_is_no_trace_is_not_replaced(void **state)
{
	struct weir_trace *t;

	(void)state;
	write_file(other, "nine bytes and more");
	assert_int_equal(weir_trace_open(&t, other, NULL), -EEXIST);
	assert_non_null(strstr(weir_error(), other));
	write_file(other, "short");
	assert_int_equal(weir_trace_open(&t, other, NULL), -EEXIST);
	assert_int_equal(length_of(other), 5);
	assert_int_equal(weir_trace_open(&t, folder, NULL), -EISDIR);
	assert_int_equal(weir_trace_open(&t, "/dev/null", NULL), -EINVAL);
	assert_int_equal(weir_trace_open(&t, "/nonexistent/a", NULL), -ENOENT);
}

/* Nobody used the trace: a file that it made goes, and one that was there stays as it was. */
static void an_unused_trace_changes_nothing(void **state)
{
	struct weir_trace *t;
	long length;

	(void)state;
	assert_int_equal(weir_trace_open(&t, file, NULL), 0);
	assert_int_equal(weir_trace_close(t, NULL), 0);
	assert_int_equal(length_of(file), -1);
	assert_int_equal(weir_trace_open(&t, file, NULL), 0);
	run(t, 3);
	assert_int_equal(weir_trace_close(t, NULL), 0);
	length = length_of(file);
	assert_int_equal(weir_trace_open(&t, file, NULL), 0);
	assert_int_equal(weir_trace_close(t, NULL), 0);
	assert_int_equal(length_of(file), length);
}

static void two_traces_do_not_share_a_file(void **state)
{
	struct weir_trace *a, *b;

	(void)state;
	assert_int_equal(weir_trace_open(&a, file, NULL), 0);
	assert_int_equal(weir_trace_open(&b, file, NULL), -EBUSY);
	assert_int_equal(weir_trace_close(a, NULL), 0);
}

static void options_are_checked(void **state)
{
	struct weir_trace_opts opts = WEIR_TRACE_OPTS_INIT;
	struct weir_trace *t;

	(void)state;
	opts.format = 9;
	assert_int_equal(weir_trace_open(&t, file, &opts), -EINVAL);
	opts.format = 0;
	opts.buffer_bytes = 4096;
	assert_int_equal(weir_trace_open(&t, file, &opts), -EINVAL);
	assert_int_equal(weir_trace_close(NULL, NULL), 0);
}

/* A child of fork() frees its copy, and the parent's trace is whole. */
static void a_child_leaves_the_trace_alone(void **state)
{
	struct weir_trace_report report = WEIR_TRACE_REPORT_INIT;
	struct weir_trace *t;
	int status;
	pid_t pid;

	(void)state;
	assert_int_equal(weir_trace_open(&t, file, NULL), 0);
	run(t, 10);
	pid = fork();
	if (!pid) {
		struct weir_queue_opts opts = WEIR_QUEUE_OPTS_INIT;
		struct weir_device *dev;
		struct weir_queue *q;

		opts.trace = t;
		if (weir_device_open(&dev, "null:1g", NULL))
			_exit(1);
		if (weir_queue_open(&q, dev, &opts) != -ECHILD)
			_exit(2);
		_exit(weir_trace_close(t, NULL) ? 3 : 0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	run(t, 10);
	assert_int_equal(weir_trace_close(t, &report), 0);
	assert_int_equal(report.requests, 20);
}

/* The lanes of several threads, and a scheduler that changes meanwhile. */
static void lanes_and_schedulers(void **state)
{
	struct weir_trace_report report = WEIR_TRACE_REPORT_INIT;
	static const char *const scheds[] = { "kyber", "pace", "bfq", "none" };
	static char memory[4096] __attribute__((aligned(4096)));
	struct weir_queue_opts opts = WEIR_QUEUE_OPTS_INIT;
	static struct weir_io ios[400];
	struct weir_device *dev;
	struct weir_queue *q;

	(void)state;
	assert_int_equal(weir_trace_open(&opts.trace, file, NULL), 0);
	opts.workers = 1;
	opts.nomerges = 2;
	opts.engine = "null";
	opts.engine_opts = "latency=100us";
	assert_int_equal(weir_device_open(&dev, "null:1g", NULL), 0);
	assert_int_equal(weir_queue_open(&q, dev, &opts), 0);
	for (unsigned i = 0; i < 400; i++) {
		if (i % 100 == 50)
			assert_int_equal(weir_queue_set(q, "scheduler", scheds[i / 100]), 0);
		weir_io_read(&ios[i], i * 8192ull, memory, sizeof(memory));
		ios[i].submitter = i % 3;
		assert_int_equal(weir_queue_submit(q, &ios[i]), 0);
	}
	assert_int_equal(weir_queue_wait(q), 0);
	assert_int_equal(weir_queue_close(q), 0);
	weir_device_close(dev);
	assert_int_equal(weir_trace_close(opts.trace, &report), 0);
	assert_int_equal(report.requests, 400);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_trace_is_written_when_it_is_closed, setup,
						teardown),
		cmocka_unit_test_setup_teardown(what_is_no_trace_is_not_replaced, setup, teardown),
		cmocka_unit_test_setup_teardown(an_unused_trace_changes_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(two_traces_do_not_share_a_file, setup, teardown),
		cmocka_unit_test_setup_teardown(options_are_checked, setup, teardown),
		cmocka_unit_test_setup_teardown(a_child_leaves_the_trace_alone, setup, teardown),
		cmocka_unit_test_setup_teardown(lanes_and_schedulers, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
