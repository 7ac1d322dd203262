/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_sleep.c - how an owner falls asleep and what wakes it: no event is missed, the descriptor
 * becomes readable if there is work and not otherwise, and a poll is one pass of the loop.
 */
#include <errno.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "queue/loop.h"
#include "rig.h"

/* Only a sleep that was not ended takes nearly this long. */
#define LONG_NS (100 * NSEC_PER_SEC)

static char memory[4096] __attribute__((aligned(4096)));
static struct weir_io own, staged;
static struct weir_task tasks[2];
static unsigned nr_ended, nr_ran, ran[2];

static int setup(void **state)
{
	(void)state;
	rig_init();
	nr_ended = nr_ran = 0;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	rig_close();
	return 0;
}

static void submit(struct weir_io *io)
{
	weir_io_read(io, 0, memory, sizeof(memory));
	assert_int_equal(weir_queue_submit(rig.q, io), 0);
}

static void *stage_main(void *arg)
{
	submit(arg);
	return NULL;
}

static void on_task(struct weir_task *task)
{
	ran[nr_ran++] = (unsigned)(task - tasks);
}

static void *post_main(void *arg)
{
	assert_int_equal(weir_queue_post(rig.q, 0, arg), 0);
	return NULL;
}

/* Runs MAIN in another thread, to its end. */
static void elsewhere(void *(*main)(void *), void *arg)
{
	pthread_t thread;

	assert_int_equal(pthread_create(&thread, NULL, main, arg), 0);
	pthread_join(thread, NULL);
}

static bool readable(int fd, int timeout_ms)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return poll(&p, 1, timeout_ms) == 1;
}

static int watched(void)
{
	int fd = weir_queue_fd(rig.q);

	assert_true(fd >= 0);
	return fd;
}

/* Polls once for what is there, and once for what the first poll left. */
static void settle(void)
{
	for (int i = 0; i < 2; i++)
		assert_true(weir_queue_poll(rig.q) >= 0);
}

static void a_task_ends_the_sleep_of_its_poll(void **state)
{
	uint64_t before;

	(void)state;
	rig_open(NULL, NULL);
	assert_int_equal(weir_queue_poll(rig.q), 0);
	tasks[0].fn = on_task;
	elsewhere(post_main, &tasks[0]);
	before = clock_now();
	/* The callback may have set what the caller's loop checks. */
	assert_int_equal(weir_queue_poll_wait(rig.q, LONG_NS), 0);
	assert_int_equal(nr_ran, 1);
	assert_true(clock_now() - before < LONG_NS / 2);
}

static void tasks_run_in_the_order_of_posting(void **state)
{
	(void)state;
	rig_open(NULL, NULL);
	assert_int_equal(weir_queue_attach(rig.q, 0), 0);
	tasks[0].fn = tasks[1].fn = on_task;
	elsewhere(post_main, &tasks[0]);
	assert_int_equal(weir_queue_post(rig.q, 0, &tasks[1]), 0);
	assert_int_equal(weir_queue_wait(rig.q), 0);
	assert_int_equal(nr_ran, 2);
	assert_int_equal(ran[0], 0);
	assert_int_equal(ran[1], 1);
}

static void the_descriptor_fires_for_a_task_of_the_owner(void **state)
{
	int fd;

	(void)state;
	rig_open(NULL, NULL);
	fd = watched();
	settle();
	assert_false(readable(fd, 0));
	tasks[0].fn = on_task;
	assert_int_equal(weir_queue_post(rig.q, 0, &tasks[0]), 0);
	assert_true(readable(fd, 1000));
	settle();
	assert_int_equal(nr_ran, 1);
	assert_false(readable(fd, 0));
}

static void the_descriptor_is_silent_after_a_wake_before_the_first_poll(void **state)
{
	int fd;

	(void)state;
	rig_open(NULL, NULL);
	assert_int_equal(weir_queue_attach(rig.q, 0), 0);
	elsewhere(stage_main, &staged);
	fd = watched();
	assert_true(readable(fd, 1000));
	settle();
	assert_int_equal(io_priv(&staged)->state, DONE_FINISHED);
	assert_false(readable(fd, 0));
}

static void the_descriptor_is_silent_after_a_late_wake(void **state)
{
	int fd;

	(void)state;
	rig_open(NULL, NULL);
	fd = watched();
	settle();
	/* A submitter that writes the eventfd after its ios were already taken. */
	assert_int_equal(eventfd_write(rig.q->lanes[0].sleep.wake_fd, 1), 0);
	assert_true(readable(fd, 1000));
	settle();
	assert_false(readable(fd, 0));
}

static void the_descriptor_fires_after_waiting_for_an_io(void **state)
{
	int fd;

	(void)state;
	rig_open(NULL, NULL);
	fd = watched();
	settle();
	submit(&own);
	assert_int_equal(weir_io_wait(rig.q, &own, UINT64_MAX), 0);
	elsewhere(stage_main, &staged);
	assert_true(readable(fd, 1000));
	settle();
	assert_int_equal(io_priv(&staged)->state, DONE_FINISHED);
}

static void the_descriptor_of_a_new_owner_fires_for_what_was_staged(void **state)
{
	int fd;

	(void)state;
	rig_open(NULL, NULL);
	settle();
	submit(&own);
	assert_int_equal(weir_queue_detach(rig.q), 0);
	assert_int_equal(weir_queue_attach(rig.q, 0), 0);
	elsewhere(stage_main, &staged);
	fd = watched();
	assert_true(readable(fd, 1000));
	settle();
	assert_int_equal(io_priv(&staged)->state, DONE_FINISHED);
	assert_false(readable(fd, 0));
}

/* Wakes its own lane, as another thread could at any time, and completes the next io. */
static void on_end_wake(struct weir_io *io)
{
	(void)io;
	nr_ended++;
	rig.allowed++;
	assert_int_equal(weir_queue_set_depth(rig.q, 32), 0);
}

static void a_poll_is_one_pass_however_much_arrives(void **state)
{
	static struct weir_io ios[32];

	(void)state;
	rig.hold = true;
	rig_open(NULL, NULL);
	for (int i = 0; i < 32; i++) {
		weir_io_read(&ios[i], 0, memory, sizeof(memory));
		ios[i].end = on_end_wake;
		assert_int_equal(weir_queue_submit(rig.q, &ios[i]), 0);
	}
	rig.allowed = 1;
	assert_int_equal(weir_queue_poll(rig.q), 1);
	assert_int_equal(nr_ended, 1);
	assert_int_equal(weir_queue_wait(rig.q), 0);
	assert_int_equal(nr_ended, 32);
}

/* Computes for long: meanwhile the drive ends one command and gets the next one. */
static void on_end_compute(struct weir_io *io)
{
	(void)io;
	if (nr_ended++)
		return;
	assert_int_equal(rig.nr_log, 2);
	rig.allowed++;
	loop_keep_busy(rig.q);
	assert_int_equal(rig.nr_log, 3);
	loop_keep_busy(rig.q);
	assert_int_equal(rig.nr_log, 3);
	assert_int_equal(nr_ended, 1); /* nobody is called back inside a callback */
}

static void a_long_computation_keeps_the_drive_busy(void **state)
{
	struct weir_queue_opts opts = WEIR_QUEUE_OPTS_INIT;
	static struct weir_io ios[3];

	(void)state;
	opts.depth = 1;
	opts.nr_requests = 4;
	rig.hold = true;
	rig_open(&opts, NULL);
	for (unsigned i = 0; i < 3; i++) {
		weir_io_read(&ios[i], 2 * i * sizeof(memory), memory, sizeof(memory));
		ios[i].end = on_end_compute;
		assert_int_equal(weir_queue_submit(rig.q, &ios[i]), 0);
	}
	rig.allowed = 1;
	assert_int_equal(weir_queue_poll(rig.q), 1);
	/* What ended meanwhile is called back without anything else happening. */
	assert_int_equal(weir_queue_poll_wait(rig.q, LONG_NS), 1);
	assert_int_equal(nr_ended, 2);
	rig.allowed++;
	assert_int_equal(weir_queue_wait(rig.q), 0);
	assert_int_equal(nr_ended, 3);
}

static uint64_t long_ago(struct sched *s)
{
	(void)s;
	return 1;
}

static struct sched_ops eager;

static int eager_init(struct sched **s, const struct sched_env *env)
{
	int err = sched_none.init(s, env);

	if (!err)
		(*s)->ops = &eager;
	return err;
}

static uint64_t slept(uint64_t timeout_ns)
{
	uint64_t before = clock_now();

	assert_int_equal(weir_queue_poll_wait(rig.q, timeout_ns), 0);
	return clock_now() - before;
}

static void a_scheduler_that_cannot_be_asked_wakes_nobody(void **state)
{
	struct weir_queue_opts opts = WEIR_QUEUE_OPTS_INIT;
	struct weir_io second;

	(void)state;
	eager = sched_none;
	eager.init = eager_init;
	eager.next_wakeup = long_ago;
	opts.depth = 1;
	opts.nr_requests = 4;
	rig.hold = true;
	rig_open(&opts, &eager);
	/* It holds no request. */
	assert_true(slept(20 * NSEC_PER_MSEC) >= 20 * NSEC_PER_MSEC);
	submit(&own);
	submit(&second);
	assert_int_equal(weir_queue_poll(rig.q), 0);
	/* It holds one, and there is no room below. */
	assert_true(slept(20 * NSEC_PER_MSEC) >= 20 * NSEC_PER_MSEC);
	rig_complete(2);
	assert_int_equal(io_priv(&second)->state, DONE_FINISHED);
}

static unsigned rung; /* atomic */

static void on_ring(struct weir_task *task)
{
	(void)task;
	__atomic_store_n(&rung, 1, __ATOMIC_RELEASE);
}

static void on_set_alarm(struct weir_task *task)
{
	(void)task;
	loop_set_alarm(rig.q, &tasks[1], loop_now(rig.q) + 20 * NSEC_PER_MSEC);
}

/* Nothing else wakes the worker: it has no io. */
static void an_alarm_wakes_a_worker_that_sleeps(void **state)
{
	struct weir_queue_opts opts = WEIR_QUEUE_OPTS_INIT;
	uint64_t until = clock_now() + LONG_NS;

	(void)state;
	opts.workers = 1;
	rig_open(&opts, NULL);
	rung = 0;
	tasks[0].fn = on_set_alarm;
	tasks[1].fn = on_ring;
	assert_int_equal(weir_queue_post(rig.q, 0, &tasks[0]), 0);
	while (!__atomic_load_n(&rung, __ATOMIC_ACQUIRE)) {
		assert_true(clock_now() < until);
		usleep(1000);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		T(a_task_ends_the_sleep_of_its_poll),
		T(tasks_run_in_the_order_of_posting),
		T(the_descriptor_fires_for_a_task_of_the_owner),
		T(the_descriptor_is_silent_after_a_wake_before_the_first_poll),
		T(the_descriptor_is_silent_after_a_late_wake),
		T(the_descriptor_fires_after_waiting_for_an_io),
		T(the_descriptor_of_a_new_owner_fires_for_what_was_staged),
		T(a_poll_is_one_pass_however_much_arrives),
		T(a_long_computation_keeps_the_drive_busy),
		T(a_scheduler_that_cannot_be_asked_wakes_nobody),
		T(an_alarm_wakes_a_worker_that_sleeps),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
