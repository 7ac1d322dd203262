/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_close.c - closing a queue: it waits for all ios and all tasks wherever they are, wakes
 * every sleeping worker, and no thread owns a lane that it never attached to. A bug here makes the
 * test hang, so an alarm ends the program.
 */
#include <errno.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/error.h"
#include "rig.h"

static char memory[4096] __attribute__((aligned(4096)));
static struct weir_device *dev;
static struct weir_queue *queue, *other;
static struct weir_io own, copy;
static unsigned left, ran;

static int setup(void **state)
{
	(void)state;
	queue = other = NULL;
	ran = 0;
	alarm(100);
	return weir_device_open(&dev, "null:1g", NULL);
}

static int teardown(void **state)
{
	(void)state;
	weir_device_close(dev);
	alarm(0);
	return 0;
}

static uint32_t cpus(void)
{
	return sysconf(_SC_NPROCESSORS_ONLN) > 1 ? 2 : 1;
}

static void open_queue(struct weir_queue **q, uint32_t lanes, uint32_t workers,
		       const struct sched_ops *sched)
{
	struct weir_queue_opts opts = WEIR_QUEUE_OPTS_INIT;

	opts.lanes = lanes;
	opts.workers = workers;
	opts.depth = 8;
	opts.ctx_by = WEIR_QUEUE_CTX_BY_THREAD;
	assert_int_equal(queue_open(q, dev, &opts, NULL, sched), 0);
}

static struct sched_ops slow;
static unsigned armed; /* atomic */

static int slow_init(struct sched **s, const struct sched_env *env)
{
	int err = sched_none.init(s, env);

	if (!err)
		(*s)->ops = &slow;
	return err;
}

/* Delays the worker in its loop, before it takes staged ios, until it must stop. */
static bool slow_has_work(struct sched *s)
{
	if (!__atomic_exchange_n(&armed, 0, __ATOMIC_ACQ_REL))
		return sched_none.has_work(s);
	__atomic_store_n(&ran, 1, __ATOMIC_RELEASE);
	while (!__atomic_load_n(&queue->stop, __ATOMIC_ACQUIRE))
		usleep(1000);
	usleep(50000);
	return true;
}

static void a_worker_that_is_awake_sees_the_stop(void **state)
{
	(void)state;
	slow = sched_none;
	slow.init = slow_init;
	slow.has_work = slow_has_work;
	open_queue(&queue, 1, 1, &slow);
	usleep(20000); /* time for the worker to fall asleep */
	__atomic_store_n(&armed, 1, __ATOMIC_RELEASE);
	assert_int_equal(eventfd_write(queue->lanes[0].sleep.wake_fd, 1), 0);
	while (!__atomic_load_n(&ran, __ATOMIC_ACQUIRE))
		usleep(1000);
	/* Something is staged, so the submitter wakes the worker, and not the closing thread. */
	assert_int_equal(weir_queue_set_depth(queue, 8), 0);
	assert_int_equal(weir_queue_close(queue), 0);
}

static void on_end_again(struct weir_io *io)
{
	if (--left)
		assert_int_equal(weir_queue_submit(queue, io), 0);
}

static void closing_ends_chains_that_a_home_lane_schedules(void **state)
{
	static struct sched_ops per_queue;
	static struct weir_io ios[64];

	(void)state;
	per_queue = sched_none;
	per_queue.scope = SCHED_PER_QUEUE;
	if (cpus() < 2)
		skip();
	for (int round = 0; round < 50; round++) {
		open_queue(&queue, 2, 1, &per_queue);
		left = 200;
		/* It ends on a lane that is not the home lane of the scheduler. */
		weir_io_read(&ios[0], 0, memory, sizeof(memory));
		ios[0].end = on_end_again;
		for (uint32_t i = 0; i < queue->nr_ctxs; i++)
			queue->ctxs[i].lane[LANE_READ] = &queue->lanes[1];
		assert_int_equal(weir_queue_submit(queue, &ios[0]), 0);
		assert_int_equal(weir_queue_close(queue), 0);
		assert_int_equal(left, 0);
	}
}

static void on_task(struct weir_task *task)
{
	ran++;
	if (task->user)
		assert_int_equal(weir_queue_post(queue, 0, task->user), 0);
}

static void closing_runs_tasks_that_tasks_posted(void **state)
{
	struct weir_task second = { .fn = on_task }, first = { .fn = on_task, .user = &second };

	(void)state;
	if (cpus() < 2)
		skip();
	open_queue(&queue, 2, 0, NULL);
	assert_int_equal(weir_queue_post(queue, 1, &first), 0);
	assert_int_equal(weir_queue_close(queue), 0);
	assert_int_equal(ran, 2);
}

/* A callback of a program that copies from one queue to another. */
static void on_end_copy(struct weir_io *io)
{
	weir_io_write(&copy, io->offset, memory, sizeof(memory));
	assert_int_equal(weir_queue_submit(other, &copy), 0);
}

static void a_worker_owns_no_lane_of_another_queue(void **state)
{
	(void)state;
	open_queue(&queue, 1, 1, NULL);
	open_queue(&other, 1, 0, NULL);
	weir_io_read(&own, 0, memory, sizeof(memory));
	own.end = on_end_copy;
	assert_int_equal(weir_queue_submit(queue, &own), 0);
	assert_int_equal(weir_queue_wait(queue), 0);
	assert_int_equal(weir_queue_attach(other, 0), 0);
	assert_int_equal(weir_io_wait(other, &copy, UINT64_MAX), 0);
	assert_int_equal(weir_queue_close(queue), 0);
	assert_int_equal(weir_queue_close(other), 0);
}

static unsigned attached, leave; /* atomic */

static void *attach_main(void *arg)
{
	(void)arg;
	assert_int_equal(weir_queue_attach(queue, 1), 0);
	__atomic_store_n(&attached, 1, __ATOMIC_RELEASE);
	while (!__atomic_load_n(&leave, __ATOMIC_ACQUIRE))
		usleep(1000);
	assert_int_equal(weir_queue_detach(queue), 0);
	return NULL;
}

static void a_close_that_is_refused_changes_nothing(void **state)
{
	pthread_t thread;

	(void)state;
	if (cpus() < 2)
		skip();
	open_queue(&queue, 2, 0, NULL);
	assert_int_equal(weir_queue_attach(queue, 0), 0);
	assert_int_equal(pthread_create(&thread, NULL, attach_main, NULL), 0);
	while (!__atomic_load_n(&attached, __ATOMIC_ACQUIRE))
		usleep(1000);
	assert_int_equal(weir_queue_close(queue), -EBUSY);
	assert_int_equal(weir_queue_detach(queue), 0);
	__atomic_store_n(&leave, 1, __ATOMIC_RELEASE);
	pthread_join(thread, NULL);
	assert_int_equal(weir_queue_close(queue), 0);
}

/* Submits reads that end on lane 1, which nobody owns, as the thread that closes owns lane 0. */
static void *stage_main(void *arg)
{
	for (uint32_t i = 0; i < queue->nr_ctxs; i++)
		queue->ctxs[i].lane[LANE_READ] = &queue->lanes[1];
	assert_int_equal(weir_queue_submit(queue, arg), 0);
	return NULL;
}

/* What END submits goes to a lane that nobody owns either. */
static void close_with_a_chain(const struct weir_queue_opts *opts, void (*end)(struct weir_io *))
{
	struct weir_io io;
	pthread_t thread;

	if (cpus() < 2)
		skip();
	assert_int_equal(weir_queue_open(&queue, dev, opts), 0);
	assert_int_equal(weir_queue_attach(queue, 0), 0);
	left = 20;
	weir_io_read(&io, 0, memory, sizeof(memory));
	io.end = end;
	assert_int_equal(pthread_create(&thread, NULL, stage_main, &io), 0);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_int_equal(weir_queue_close(queue), 0);
	assert_int_equal(left, 0);
}

static void closing_ends_what_a_home_gets_then(void **state)
{
	struct weir_queue_opts opts = WEIR_QUEUE_OPTS_INIT;

	(void)state;
	opts.lanes = 2;
	opts.scheduler = "bfq";
	close_with_a_chain(&opts, on_end_again);
}

/* Writes and reads take turns, each on the other's lane. */
static void on_end_turn(struct weir_io *io)
{
	io->op = left % 2 ? WEIR_OP_READ : WEIR_OP_WRITE;
	on_end_again(io);
}

static void closing_ends_what_lanes_for_reads_and_others_exchange(void **state)
{
	struct weir_queue_opts opts = WEIR_QUEUE_OPTS_INIT;

	(void)state;
	opts.lanes = 2;
	opts.read_lanes = 1;
	close_with_a_chain(&opts, on_end_turn);
}

/* The owner's own reads need a lane that has no owner. */
static void closing_ends_the_closers_reads(void **state)
{
	struct weir_queue_opts opts = WEIR_QUEUE_OPTS_INIT;
	struct weir_io io;

	(void)state;
	if (cpus() < 2)
		skip();
	opts.lanes = 2;
	opts.read_lanes = 1;
	assert_int_equal(weir_queue_open(&queue, dev, &opts), 0);
	weir_io_read(&io, 0, memory, sizeof(memory));
	io.end = on_end_again;
	left = 20;
	assert_int_equal(weir_queue_submit(queue, &io), 0);
	assert_int_equal(weir_queue_close(queue), 0);
	assert_int_equal(left, 0);
}

static void on_task_submit(struct weir_task *task)
{
	assert_int_equal(weir_queue_submit(queue, task->user), 0);
}

/* The worker of the home may have seen the stop before. */
static void closing_ends_what_a_task_submits_for_a_home(void **state)
{
	struct weir_queue_opts opts = WEIR_QUEUE_OPTS_INIT;
	struct weir_task task = { .fn = on_task_submit };
	struct weir_io io;

	(void)state;
	if (cpus() < 2)
		skip();
	opts.lanes = 2;
	opts.workers = 1;
	opts.scheduler = "bfq";
	task.user = &io;
	for (int round = 0; round < 300; round++) {
		assert_int_equal(weir_queue_open(&queue, dev, &opts), 0);
		left = 2;
		weir_io_read(&io, 0, memory, sizeof(memory));
		io.end = on_end_again;
		assert_int_equal(weir_queue_post(queue, 1, &task), 0);
		assert_int_equal(weir_queue_close(queue), 0);
		assert_int_equal(left, 0);
	}
}

static struct engine_ops engine;
static bool engine_fails;

static int engine_opens(struct engine **e, const struct engine_params *params)
{
	return engine_fails ? error_set(-EMFILE, "no descriptor") : engine_null.open(e, params);
}

/* What it submits is for a home whose worker has ended. */
static void on_task_submit_late(struct weir_task *task)
{
	while (owner_is_there(queue_home(queue)))
		usleep(1000);
	on_task_submit(task);
}

/* The lane with the last ios cannot be attached: a close that is tried again runs them. */
static void a_close_that_failed_is_tried_again(void **state)
{
	struct weir_queue_opts opts = WEIR_QUEUE_OPTS_INIT;
	struct weir_task task = { .fn = on_task_submit_late };
	struct weir_io io;

	(void)state;
	if (cpus() < 2)
		skip();
	engine = engine_null;
	engine.open = engine_opens;
	engine_fails = false;
	opts.lanes = 2;
	opts.workers = 1;
	opts.scheduler = "bfq";
	assert_int_equal(queue_open(&queue, dev, &opts, &engine, NULL), 0);
	left = 2;
	weir_io_read(&io, 0, memory, sizeof(memory));
	io.end = on_end_again;
	task.user = &io;
	engine_fails = true;
	assert_int_equal(weir_queue_post(queue, queue_home(queue) == queue->lanes, &task), 0);
	assert_int_equal(weir_queue_close(queue), -EMFILE);
	assert_int_equal(left, 2);
	engine_fails = false;
	assert_int_equal(weir_queue_close(queue), 0);
	assert_int_equal(left, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		T(a_worker_that_is_awake_sees_the_stop),
		T(closing_ends_chains_that_a_home_lane_schedules),
		T(closing_runs_tasks_that_tasks_posted),
		T(a_worker_owns_no_lane_of_another_queue),
		T(a_close_that_is_refused_changes_nothing),
		T(closing_ends_what_a_home_gets_then),
		T(closing_ends_what_lanes_for_reads_and_others_exchange),
		T(closing_ends_the_closers_reads),
		T(closing_ends_what_a_task_submits_for_a_home),
		T(a_close_that_failed_is_tried_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
