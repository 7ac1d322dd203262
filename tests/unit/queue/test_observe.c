/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_observe.c - another process watches a queue: what it may ask, whoever runs the lanes, and
 * what is left when the queue is closed or inherited by a child.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include <weir/queue.h>

#include "base/nsec.h"
#include "control/client.h"
#include "../device/workdir.h"

#define TIMEOUT (20 * NSEC_PER_SEC)

static const uint8_t no_store[16];
static char answer[CONTROL_DATA_MAX + 1];

static int set_up(void **state)
{
	(void)state;
	return workdir_make() || setenv("XDG_RUNTIME_DIR", workdir, 1);
}

static int tear_down(void **state)
{
	char path[600];

	(void)state;
	snprintf(path, sizeof(path), "%s/weir", workdir);
	rmdir(path);
	return workdir_remove();
}

static struct weir_queue *open_queue(struct weir_device **dev, uint32_t workers)
{
	struct weir_queue_opts opts = WEIR_QUEUE_OPTS_INIT;
	struct weir_queue *q;

	assert_int_equal(weir_device_open(dev, "null:1m", NULL), 0);
	opts.scheduler = "pace";
	opts.workers = workers;
	opts.watched = 1;
	assert_int_equal(weir_queue_open(&q, *dev, &opts), 0);
	return q;
}

static void run_reads(struct weir_queue *q, unsigned n)
{
	static char memory[4096] __attribute__((aligned(4096)));
	struct weir_io io;

	for (unsigned i = 0; i < n; i++) {
		weir_io_read(&io, 4096ull * i, memory, sizeof(memory));
		assert_int_equal(weir_queue_submit(q, &io), 0);
		assert_int_equal(weir_io_wait(q, &io, UINT64_MAX), 0);
	}
}

/* Asks CL for KIND; the answer, as a text, is in `answer`. Returns what the end said. */
static int ask(struct control_client *cl, uint32_t kind)
{
	uint32_t row = 0;
	size_t used = 0, got = 0;
	int more = control_ask(cl, kind, &row, kind == CONTROL_TENANT ? sizeof(row) : 0);

	while (more >= 0 &&
	       (more = control_next(cl, answer + used, sizeof(answer) - 1 - used, &got)) > 0)
		used += got;
	answer[used] = '\0';
	return more;
}

static void it_says_what_lanes_did(void **state)
{
	struct control_client cl;
	struct weir_device *dev;

	(void)state;
	for (uint32_t workers = 0; workers < 2; workers++) {
		struct weir_queue *q = open_queue(&dev, workers);

		run_reads(q, 5);
		assert_int_equal(control_find(&cl, no_store, "null:1m", TIMEOUT, NULL), 0);
		assert_int_equal(cl.pid, getpid());
		/* Nobody runs the lane of a queue without workers while this thread is here. */
		assert_int_equal(ask(&cl, CONTROL_LOAD), 0);
		assert_ptr_equal(strstr(answer, "time "), answer);
		assert_non_null(strstr(answer, "\nlane 1 0 pace 0 0 "));
		assert_non_null(strstr(answer, "\nios 1 0 read 5 20480\n"));
		assert_non_null(strstr(answer, "\ngauge 1 0 read_window_ns "));
		assert_null(strstr(answer, "stream"));
		assert_int_equal(ask(&cl, CONTROL_QUEUE), 0);
		assert_int_equal(ask(&cl, CONTROL_TENANT), -ENOENT);
		assert_int_equal(ask(&cl, CONTROL_GET), -EOPNOTSUPP);
		assert_non_null(strstr(weir_error(), "queue"));
		run_reads(q, 2);
		assert_int_equal(ask(&cl, CONTROL_LOAD), 0);
		assert_non_null(strstr(answer, "\nios 1 0 read 7 28672\n"));
		assert_int_equal(weir_queue_close(q), 0);
		assert_true(ask(&cl, CONTROL_LOAD) < 0);
		control_disconnect(&cl);
		assert_int_equal(control_find(&cl, no_store, "null:1m", TIMEOUT, NULL), -ENOENT);
		weir_device_close(dev);
	}
}

static void nobody_may_watch_others(void **state)
{
	struct weir_queue_opts opts = WEIR_QUEUE_OPTS_INIT;
	struct control_client cl;
	struct weir_device *dev;
	struct weir_queue *q, *second;

	(void)state;
	assert_int_equal(weir_device_open(&dev, "null:1m", NULL), 0);
	assert_int_equal(weir_queue_open(&q, dev, &opts), 0);
	assert_int_equal(control_find(&cl, no_store, "null:1m", TIMEOUT, NULL), -ENOENT);
	assert_int_equal(weir_queue_close(q), 0);
	opts.watched = 2;
	assert_int_equal(weir_queue_open(&q, dev, &opts), -EINVAL);
	assert_non_null(strstr(weir_error(), "watched"));
	/* The one that was opened last has the socket, and takes it away. */
	opts.watched = 1;
	assert_int_equal(weir_queue_open(&q, dev, &opts), 0);
	assert_int_equal(weir_queue_open(&second, dev, &opts), 0);
	run_reads(second, 1);
	assert_int_equal(control_find(&cl, no_store, "null:1m", TIMEOUT, NULL), 0);
	assert_int_equal(ask(&cl, CONTROL_LOAD), 0);
	assert_non_null(strstr(answer, "\nios 1 0 read 1 4096\n"));
	control_disconnect(&cl);
	assert_int_equal(weir_queue_close(q), 0);
	assert_int_equal(control_find(&cl, no_store, "null:1m", TIMEOUT, NULL), 0);
	control_disconnect(&cl);
	assert_int_equal(weir_queue_close(second), 0);
	assert_int_equal(control_find(&cl, no_store, "null:1m", TIMEOUT, NULL), -ENOENT);
	weir_device_close(dev);
}

static void a_child_leaves_the_socket_alone(void **state)
{
	struct control_client cl;
	struct weir_device *dev;
	struct weir_queue *q = open_queue(&dev, 0);
	int status;
	pid_t pid;

	(void)state;
	run_reads(q, 1);
	pid = fork();
	if (!pid)
		_exit(weir_queue_close(q) ? 1 : 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_int_equal(control_find(&cl, no_store, "null:1m", TIMEOUT, NULL), 0);
	assert_int_equal(ask(&cl, CONTROL_LOAD), 0);
	assert_non_null(strstr(answer, "\nios 1 0 read 1 4096\n"));
	control_disconnect(&cl);
	assert_int_equal(weir_queue_close(q), 0);
	weir_device_close(dev);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_says_what_lanes_did),
		cmocka_unit_test(nobody_may_watch_others),
		cmocka_unit_test(a_child_leaves_the_socket_alone),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
