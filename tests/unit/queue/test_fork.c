/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_fork.c - a child of fork() with the queue and the device that it inherited: every call
 * returns -ECHILD at once, closing only frees memory, and the parent continues undisturbed. On
 * both engines, attached, with workers and with a home lane's worker; children of fork() and of
 * the bare system call.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <weir/fdp.h>
#include <weir/queue.h>

#include "../child.h"

#define LENGTH 65536u
#define IOS 64u

struct shape {
	const char *engine, *scheduler;
	uint32_t lanes, workers;
	bool bare;
};

static const struct shape shapes[] = {
	{ "posix", "none", 1, 0, false },	 { "posix", "bfq", 1, 1, false },
	{ "posix", "mq-deadline", 2, 0, false }, { "uring", "none", 1, 0, false },
	{ "uring", "mq-deadline", 1, 1, false }, { "uring", "bfq", 2, 0, false },
	{ "uring", "kyber", 2, 1, false },	 { "posix", "none", 1, 0, true },
	{ "uring", "none", 1, 0, true },	 { "uring", "cfq", 1, 1, true },
};

#define SHAPES (sizeof(shapes) / sizeof(shapes[0]))

static char path[2][64];
static char *memory;

static int setup(void **state)
{
	struct weir_device_opts opts = WEIR_DEVICE_OPTS_INIT;
	struct weir_device *dev;
	void *mem;

	(void)state;
	opts.flags = WEIR_DEVICE_CREATE;
	opts.create_bytes = IOS * LENGTH;
	for (int i = 0; i < 2; i++) {
		snprintf(path[i], sizeof(path[i]), "/tmp/weir-fork-%d-%d.img", (int)getpid(), i);
		if (weir_device_open(&dev, path[i], &opts) < 0)
			return -1;
		weir_device_close(dev);
	}
	if (posix_memalign(&mem, 4096, LENGTH))
		return -1;
	memory = mem;
	memset(memory, 0x5a, LENGTH);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	free(memory);
	unlink(path[0]);
	unlink(path[1]);
	return 0;
}

static void *new_queue(const struct shape *shape, const char *image, struct weir_device **dev)
{
	struct weir_device_opts device = WEIR_DEVICE_OPTS_INIT;
	struct weir_queue_opts opts = WEIR_QUEUE_OPTS_INIT;
	struct weir_queue *q;

	device.flags = WEIR_DEVICE_LOCK;
	opts.engine = shape->engine;
	opts.scheduler = shape->scheduler;
	opts.lanes = shape->lanes;
	opts.workers = shape->workers;
	if (weir_device_open(dev, image, &device))
		return NULL;
	return weir_queue_open(&q, *dev, &opts) ? NULL : q;
}

static bool can_run(const struct shape *shape)
{
	struct weir_device *dev;
	char why[256];
	int err;

	if (sysconf(_SC_NPROCESSORS_ONLN) < (long)shape->lanes)
		return false;
	assert_int_equal(weir_device_open(&dev, path[0], NULL), 0);
	err = weir_engine_probe(shape->engine, dev, why, sizeof(why));
	weir_device_close(dev);
	if (err)
		print_message("# skipped: %s\n", why);
	return !err;
}

static int move(struct weir_queue *q, uint64_t offset, bool write)
{
	struct weir_io io;
	int err;

	if (write)
		weir_io_write(&io, offset, memory, LENGTH);
	else
		weir_io_read(&io, offset, memory, LENGTH);
	err = weir_queue_submit(q, &io);
	return err ? err : weir_io_wait(q, &io, UINT64_MAX);
}

/* All calls of the API that take a queue or a device and may fail. */
static struct weir_device *inherited;
static struct weir_io some_io;
static struct weir_task some_task;
static char text[64];

static int c_open(struct weir_queue *q)
{
	struct weir_queue *another;

	(void)q;
	return weir_queue_open(&another, inherited, NULL);
}

static int c_fdp(struct weir_queue *q)
{
	struct weir_fdp *fdp;

	(void)q;
	return weir_fdp_read(&fdp, inherited);
}

static int c_probe(struct weir_queue *q)
{
	char why[256] = "";
	int err = weir_engine_probe("auto", inherited, why, sizeof(why));

	(void)q;
	CHILD_CHECK(strstr(why, "fork()"));
	return err;
}

static int c_attach(struct weir_queue *q)
{
	return weir_queue_attach(q, WEIR_LANE_ANY);
}

static int c_detach(struct weir_queue *q)
{
	return weir_queue_detach(q);
}

static int c_submit(struct weir_queue *q)
{
	weir_io_write(&some_io, 0, memory, LENGTH);
	return weir_queue_submit(q, &some_io);
}

static int c_poll(struct weir_queue *q)
{
	return weir_queue_poll(q);
}

static int c_poll_wait(struct weir_queue *q)
{
	return weir_queue_poll_wait(q, UINT64_MAX);
}

static int c_wait(struct weir_queue *q)
{
	return weir_queue_wait(q);
}

static int c_io_wait(struct weir_queue *q)
{
	return weir_io_wait(q, &some_io, UINT64_MAX);
}

static int c_cancel(struct weir_queue *q)
{
	return weir_io_cancel(q, &some_io);
}

static int c_gone(struct weir_queue *q)
{
	return weir_queue_submitter_gone(q, 1);
}

static int c_fd(struct weir_queue *q)
{
	return weir_queue_fd(q);
}

static int c_post(struct weir_queue *q)
{
	return weir_queue_post(q, 0, &some_task);
}

static int c_register(struct weir_queue *q)
{
	return weir_queue_register(q, memory, LENGTH);
}

static int c_unregister(struct weir_queue *q)
{
	return weir_queue_unregister(q, memory, LENGTH);
}

static int c_buffer(struct weir_queue *q)
{
	struct weir_buffer buffer = WEIR_BUFFER_INIT;

	return weir_queue_get_buffer(q, 0, &buffer);
}

static int c_set_depth(struct weir_queue *q)
{
	return weir_queue_set_depth(q, 1);
}

static int c_set_depth_bytes(struct weir_queue *q)
{
	return weir_queue_set_depth_bytes(q, 1);
}

static int c_attr(struct weir_queue *q)
{
	struct weir_attr attr = WEIR_ATTR_INIT;

	return weir_queue_get_attr(q, 0, &attr);
}

static int c_set(struct weir_queue *q)
{
	return weir_queue_set(q, "nr_requests", "4");
}

static int c_set_scheduler(struct weir_queue *q)
{
	return weir_queue_set(q, "scheduler", "noop");
}

static int c_get(struct weir_queue *q)
{
	return weir_queue_get(q, "nr_requests", text, sizeof(text));
}

static int c_get_scheduler(struct weir_queue *q)
{
	return weir_queue_get(q, "scheduler", text, sizeof(text));
}

static int c_save_state(struct weir_queue *q)
{
	return weir_queue_save_state(q, text, sizeof(text), NULL);
}

static int c_load_state(struct weir_queue *q)
{
	return weir_queue_load_state(q, text, 0);
}

static int c_weight(struct weir_queue *q)
{
	return weir_queue_submitter_set_weight(q, 1, 100);
}

static int c_group(struct weir_queue *q)
{
	return weir_queue_submitter_set_group(q, 1, 2);
}

static int c_policy(struct weir_queue *q)
{
	return weir_queue_submitter_set_policy(q, 1, WEIR_QUEUE_POLICY_IDLE);
}

static int c_stats(struct weir_queue *q)
{
	struct weir_queue_stats stats = WEIR_QUEUE_STATS_INIT;

	return weir_queue_get_stats(q, &stats);
}

static int c_placement_stats(struct weir_queue *q)
{
	struct weir_placement_stats stats = WEIR_PLACEMENT_STATS_INIT;

	return weir_queue_get_placement_stats(q, 0, &stats);
}

static int c_info(struct weir_queue *q)
{
	struct weir_queue_info info = WEIR_QUEUE_INFO_INIT;

	return weir_queue_get_info(q, &info);
}

static const struct {
	const char *name;
	int (*call)(struct weir_queue *q);
} calls[] = {
	{ "weir_queue_open", c_open },
	{ "weir_fdp_read", c_fdp },
	{ "weir_engine_probe", c_probe },
	{ "weir_queue_attach", c_attach },
	{ "weir_queue_detach", c_detach },
	{ "weir_queue_submit", c_submit },
	{ "weir_queue_poll", c_poll },
	{ "weir_queue_poll_wait", c_poll_wait },
	{ "weir_queue_wait", c_wait },
	{ "weir_io_wait", c_io_wait },
	{ "weir_io_cancel", c_cancel },
	{ "weir_queue_fd", c_fd },
	{ "weir_queue_post", c_post },
	{ "weir_queue_register", c_register },
	{ "weir_queue_unregister", c_unregister },
	{ "weir_queue_get_buffer", c_buffer },
	{ "weir_queue_set_depth", c_set_depth },
	{ "weir_queue_set_depth_bytes", c_set_depth_bytes },
	{ "weir_queue_get_attr", c_attr },
	{ "weir_queue_set", c_set },
	{ "weir_queue_set of the scheduler", c_set_scheduler },
	{ "weir_queue_get", c_get },
	{ "weir_queue_get of the scheduler", c_get_scheduler },
	{ "weir_queue_save_state", c_save_state },
	{ "weir_queue_load_state", c_load_state },
	{ "weir_queue_submitter_set_weight", c_weight },
	{ "weir_queue_submitter_set_policy", c_policy },
	{ "weir_queue_submitter_set_group", c_group },
	{ "weir_queue_submitter_gone", c_gone },
	{ "weir_queue_get_stats", c_stats },
	{ "weir_queue_get_placement_stats", c_placement_stats },
	{ "weir_queue_get_info", c_info },
};

static void child_calls_all(struct weir_queue *q, struct weir_device *dev)
{
	inherited = dev;
	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		int err = calls[i].call(q);

		if (err == -ECHILD && strstr(weir_error(), "fork()"))
			continue;
		fprintf(stderr, "%s: %d, %s\n", calls[i].name, err, weir_error());
		_exit(1);
	}
}

/* Uses and closes what it inherited, opens a queue of its own beside it, and closes that too. */
static void child_main(const struct shape *shape, struct weir_queue *q, struct weir_device *dev)
{
	struct weir_device *own_dev;
	struct weir_queue *own;

	child_calls_all(q, dev);
	own = new_queue(shape, path[1], &own_dev);
	CHILD_CHECK(own);
	CHILD_CHECK(!move(own, 0, true));
	CHILD_CHECK(!weir_queue_close(q));
	weir_device_close(dev);
	CHILD_CHECK(!move(own, 0, false));
	CHILD_CHECK(!weir_queue_close(own));
	weir_device_close(own_dev);
	exit(0); /* as a program would end, with all exit handlers */
}

/* Returns true if another opener can lock the image. */
static bool may_open(void)
{
	struct weir_device_opts opts = WEIR_DEVICE_OPTS_INIT;
	struct weir_device *dev;

	opts.flags = WEIR_DEVICE_LOCK;
	if (weir_device_open(&dev, path[0], &opts))
		return false;
	weir_device_close(dev);
	return true;
}

static void check_shape(const struct shape *shape)
{
	struct child_living living;
	struct weir_device *dev;
	struct weir_queue *q = new_queue(shape, path[0], &dev);
	pid_t pid;

	assert_non_null(q);
	assert_int_equal(move(q, 0, true), 0);
	assert_true(shape->workers || weir_queue_fd(q) >= 0);
	pid = child_fork(shape->bare);
	if (!pid)
		child_main(shape, q, dev);
	assert_int_equal(move(q, LENGTH, true), 0);
	child_wait(pid, shape->engine);
	assert_false(may_open());
	living = child_live();
	for (unsigned i = 0; i < IOS; i++)
		assert_int_equal(move(q, (uint64_t)i * LENGTH, i % 2), 0);
	assert_int_equal(weir_queue_close(q), 0);
	weir_device_close(dev);
	assert_true(may_open()); /* although a child lives */
	child_let_go(living);
}

static void test_child_gets_echild(void **state)
{
	(void)state;
	for (size_t i = 0; i < SHAPES; i++)
		if (can_run(&shapes[i]))
			check_shape(&shapes[i]);
}

/* Much is in flight when the child is made, and the child can close all the same. */
static void check_in_flight(const struct shape *shape)
{
	static struct weir_io ios[IOS];
	struct weir_device *dev;
	struct weir_queue *q = new_queue(shape, path[0], &dev);
	pid_t pid;

	assert_non_null(q);
	for (unsigned i = 0; i < IOS; i++) {
		weir_io_write(&ios[i], (uint64_t)i * LENGTH, memory, LENGTH);
		ios[i].submitter = i % 5;
		assert_int_equal(weir_queue_submit(q, &ios[i]), 0);
	}
	pid = child_fork(shape->bare);
	if (!pid) {
		CHILD_CHECK(weir_io_wait(q, &ios[0], UINT64_MAX) == -ECHILD);
		CHILD_CHECK(!weir_queue_close(q));
		weir_device_close(dev);
		/* Not exit(): memory that only a worker knew would look like a leak. */
		_exit(0);
	}
	for (unsigned i = 0; i < IOS; i++)
		assert_int_equal(weir_io_wait(q, &ios[i], UINT64_MAX), 0);
	child_wait(pid, shape->engine);
	assert_int_equal(weir_queue_close(q), 0);
	weir_device_close(dev);
}

static void test_fork_with_ios_in_flight(void **state)
{
	(void)state;
	for (size_t i = 0; i < SHAPES; i++)
		for (unsigned times = 0; times < 5 && can_run(&shapes[i]); times++)
			check_in_flight(&shapes[i]);
}

/* The parent is killed and its child lives on: the image is not locked. */
static void test_parent_dies(void **state)
{
	struct weir_device *dev;
	struct weir_queue *q;
	int ends[2];
	char byte;
	pid_t pid;

	(void)state;
	if (!can_run(&shapes[3]))
		skip();
	assert_int_equal(pipe(ends), 0);
	pid = child_fork(false);
	if (!pid) {
		q = new_queue(&shapes[3], path[0], &dev);
		CHILD_CHECK(q && !move(q, 0, true));
		if (!fork()) { /* lives until the test ends */
			close(ends[1]);
			alarm(CHILD_SECONDS);
			(void)!read(ends[0], &byte, 1);
			_exit(0);
		}
		kill(getpid(), SIGKILL);
	}
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	assert_true(may_open());
	close(ends[0]);
	close(ends[1]);
}

/* The child of a callback does nothing with its parent's queue, and all with its own. */
static void fork_in_end(struct weir_io *io)
{
	struct weir_queue *q = io->user, *own;
	struct weir_device *dev;
	pid_t pid = child_fork(false);

	if (!pid) {
		CHILD_CHECK(weir_queue_poll(q) == -ECHILD);
		CHILD_CHECK(weir_queue_close(q) == -EDEADLK);
		own = new_queue(&shapes[0], path[1], &dev);
		CHILD_CHECK(own);
		CHILD_CHECK(!move(own, 0, true));
		CHILD_CHECK(!weir_queue_close(own));
		weir_device_close(dev);
		_exit(0);
	}
	child_wait(pid, "a child of a callback");
}

static void test_fork_in_a_callback(void **state)
{
	(void)state;
	for (uint32_t workers = 0; workers < 2; workers++) {
		struct shape shape = { "posix", "none", 1, workers, false };
		struct weir_device *dev;
		struct weir_queue *q = new_queue(&shape, path[0], &dev);
		struct weir_io io;

		assert_non_null(q);
		weir_io_write(&io, 0, memory, LENGTH);
		io.end = fork_in_end;
		io.user = q;
		assert_int_equal(weir_queue_submit(q, &io), 0);
		assert_int_equal(weir_queue_wait(q), 0);
		assert_int_equal(weir_queue_close(q), 0);
		weir_device_close(dev);
	}
}

/* Grandchildren behave like children, from whichever process they inherited. */
static void test_grandchild(void **state)
{
	struct weir_device *dev, *own_dev;
	struct weir_queue *q = new_queue(&shapes[0], path[0], &dev), *own;
	pid_t pid;

	(void)state;
	assert_non_null(q);
	pid = child_fork(false);
	if (!pid) {
		own = new_queue(&shapes[0], path[1], &own_dev);
		CHILD_CHECK(own);
		pid = fork();
		if (!pid) {
			CHILD_CHECK(weir_queue_poll(q) == -ECHILD);
			CHILD_CHECK(weir_queue_poll(own) == -ECHILD);
			CHILD_CHECK(!weir_queue_close(own) && !weir_queue_close(q));
			weir_device_close(own_dev);
			weir_device_close(dev);
			exit(0);
		}
		CHILD_CHECK(waitpid(pid, &(int){ 0 }, 0) == pid);
		CHILD_CHECK(!move(own, 0, true));
		CHILD_CHECK(!weir_queue_close(own) && !weir_queue_close(q));
		weir_device_close(own_dev);
		weir_device_close(dev);
		exit(0);
	}
	child_wait(pid, "a child with a child");
	assert_int_equal(move(q, 0, true), 0);
	assert_int_equal(weir_queue_close(q), 0);
	weir_device_close(dev);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_child_gets_echild),
		cmocka_unit_test(test_fork_with_ios_in_flight),
		cmocka_unit_test(test_parent_dies),
		cmocka_unit_test(test_fork_in_a_callback),
		cmocka_unit_test(test_grandchild),
	};

	return child_skip_all() ? 0 : cmocka_run_group_tests(tests, setup, teardown);
}
