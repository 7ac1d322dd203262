/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_threads.c - tests that need several threads: ios that are submitted from everywhere end
 * exactly once, sleepers are woken, waits return, and a scheduler for the whole queue gets all ios
 * on its home lane while each io ends on its submitter's lane. Meant to be run under TSan too.
 */
#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "op_stats.h"
#include "base/clock.h"
#include "rig.h"

#define THREADS 4
#define WINDOW 64u
/* Ios of a thread; the first test does 4 x 250,000 = 10^6 in total. */
#define MANY 250000u
#define SOME 50000u

static struct weir_device *dev;
static struct weir_queue *queue;
static char memory[4096] __attribute__((aligned(4096)));

struct submitter {
	pthread_t thread;
	struct weir_io ios[WINDOW];
	unsigned ends[WINDOW]; /* atomic: counts how often each slot ended */
	unsigned to_do;
	bool attach;
	pthread_t home; /* attached: each `end` must run on this thread */
};

static struct submitter submitters[THREADS];
static uint64_t expected; /* number of ios since the queue was opened */

static int setup(void **state)
{
	(void)state;
	memset(submitters, 0, sizeof(submitters));
	expected = 0;
	return weir_device_open(&dev, "null:1g", NULL);
}

static int teardown(void **state)
{
	(void)state;
	assert_int_equal(weir_queue_close(queue), 0);
	weir_device_close(dev);
	return 0;
}

static void open_queue(uint32_t lanes, uint32_t workers, uint32_t depth)
{
	struct weir_queue_opts opts = WEIR_QUEUE_OPTS_INIT;

	opts.lanes = lanes;
	opts.workers = workers;
	opts.depth = depth;
	opts.ctx_by = WEIR_QUEUE_CTX_BY_THREAD;
	assert_int_equal(weir_queue_open(&queue, dev, &opts), 0);
}

static uint32_t two_lanes(void)
{
	return sysconf(_SC_NPROCESSORS_ONLN) > 1 ? 2 : 1;
}

static void on_end(struct weir_io *io)
{
	struct submitter *s = io->user;

	if (s->attach)
		assert_true(pthread_equal(s->home, pthread_self()));
	__atomic_fetch_add(&s->ends[io - s->ios], 1, __ATOMIC_RELEASE);
}

/* Submits each slot again as soon as its io has ended, to_do ios in total. */
static void run_window(struct submitter *s)
{
	unsigned rounds[WINDOW] = { 0 };

	for (unsigned left = s->to_do, before = left + 1; left;) {
		/* No io has ended: the lanes need the CPU more. */
		if (left == before && !s->attach)
			sched_yield();
		before = left;
		for (unsigned i = 0; i < WINDOW && left; i++) {
			if (__atomic_load_n(&s->ends[i], __ATOMIC_ACQUIRE) != rounds[i])
				continue;
			weir_io_write(&s->ios[i], i * 4096, memory, 4096);
			s->ios[i].end = on_end;
			s->ios[i].user = s;
			assert_int_equal(weir_queue_submit(queue, &s->ios[i]), 0);
			rounds[i]++;
			left--;
		}
		if (s->attach)
			assert_true(weir_queue_poll(queue) >= 0);
	}
	assert_int_equal(weir_queue_wait(queue), 0);
	for (unsigned i = 0; i < WINDOW; i++)
		assert_int_equal(__atomic_load_n(&s->ends[i], __ATOMIC_ACQUIRE), rounds[i]);
}

static void *submitter_main(void *arg)
{
	struct submitter *s = arg;

	s->home = pthread_self();
	if (s->attach)
		assert_int_equal(weir_queue_attach(queue, WEIR_LANE_ANY), 0);
	run_window(s);
	if (s->attach)
		assert_int_equal(weir_queue_detach(queue), 0);
	return NULL;
}

static void run_threads(unsigned n, unsigned attached, unsigned ios)
{
	struct weir_queue_stats stats = WEIR_QUEUE_STATS_INIT;

	for (unsigned i = 0; i < n; i++) {
		submitters[i].attach = i < attached;
		submitters[i].to_do = ios;
		assert_int_equal(
			pthread_create(&submitters[i].thread, NULL, submitter_main, &submitters[i]),
			0);
	}
	for (unsigned i = 0; i < n; i++)
		assert_int_equal(pthread_join(submitters[i].thread, NULL), 0);
	assert_int_equal(weir_queue_get_stats(queue, &stats), 0);
	expected += (uint64_t)n * ios;
	assert_int_equal(op_stats(queue, WEIR_OP_WRITE).ios, expected);
	assert_int_equal(op_stats(queue, WEIR_OP_WRITE).errors, 0);
	assert_int_equal(stats.in_flight, 0);
}

static void a_million_ios_over_two_worker_lanes(void **state)
{
	(void)state;
	open_queue(two_lanes(), 1, 32);
	run_threads(THREADS, 0, MANY);
}

static void attached_lanes_end_on_their_owner(void **state)
{
	(void)state;
	open_queue(two_lanes(), 0, 32);
	run_threads(two_lanes(), two_lanes(), SOME);
}

/* a copy of none, but with one instance for the queue */
static struct sched_ops per_queue;

static void a_queue_wide_scheduler_has_a_home(void **state)
{
	struct weir_queue_opts opts = WEIR_QUEUE_OPTS_INIT;

	(void)state;
	per_queue = sched_none;
	per_queue.scope = SCHED_PER_QUEUE;
	opts.lanes = two_lanes();
	opts.workers = 1;
	opts.depth = 32;
	opts.nomerges = 2;
	opts.ctx_by = WEIR_QUEUE_CTX_BY_THREAD;
	assert_int_equal(queue_open(&queue, dev, &opts, NULL, &per_queue), 0);
	run_threads(THREADS, 0, SOME);
	/* All were scheduled on lane 0, whatever lane they ended on. */
	if (two_lanes() == 2)
		assert_int_equal(queue->lanes[1].stats->requests, 0);
	assert_int_equal(queue->lanes[0].stats->requests, (uint64_t)THREADS * SOME);
}

static bool keep_switching;

static bool is_used(const char *name)
{
	char value[256];

	assert_int_equal(weir_queue_get(queue, "scheduler", value, sizeof(value)), 0);
	return !strncmp(strchr(value, '[') + 1, name, strlen(name));
}

/* Switches to the next scheduler as soon as the lanes have left the last one. */
static void *switcher_main(void *arg)
{
	static const char *const names[] = { "kyber", "mq-deadline", "none" };
	unsigned *switches = arg;

	while (__atomic_load_n(&keep_switching, __ATOMIC_RELAXED)) {
		const char *name = names[*switches % 3];

		assert_int_equal(weir_queue_set(queue, "scheduler", name), 0);
		while (!is_used(name) && __atomic_load_n(&keep_switching, __ATOMIC_RELAXED))
			sched_yield();
		__atomic_fetch_add(switches, 1, __ATOMIC_RELAXED);
	}
	return NULL;
}

static void switch_under_load(uint32_t workers, unsigned threads, unsigned ios, unsigned at_least)
{
	unsigned switches = 0;
	pthread_t switcher;

	open_queue(two_lanes(), workers, 32);
	__atomic_store_n(&keep_switching, true, __ATOMIC_RELAXED);
	assert_int_equal(pthread_create(&switcher, NULL, switcher_main, &switches), 0);
	do {
		memset(submitters, 0, sizeof(submitters));
		run_threads(threads, workers ? 0 : threads, ios);
	} while (__atomic_load_n(&switches, __ATOMIC_RELAXED) < at_least);
	__atomic_store_n(&keep_switching, false, __ATOMIC_RELAXED);
	pthread_join(switcher, NULL);
}

static void switches_over_worker_lanes(void **state)
{
	(void)state;
	switch_under_load(1, THREADS, MANY, 1000);
}

static void switches_over_attached_lanes(void **state)
{
	(void)state;
	/* Their owners have the CPUs to themselves: a switch waits for a pass of each. */
	switch_under_load(0, two_lanes(), MANY, 10);
}

/* If lanes are attached, a worker of the queue runs the home lane. */
static void a_home_beside_attached_lanes(void **state)
{
	struct weir_queue_opts opts = WEIR_QUEUE_OPTS_INIT;

	(void)state;
	if (two_lanes() < 2)
		skip();
	per_queue = sched_none;
	per_queue.scope = SCHED_PER_QUEUE;
	opts.lanes = 2;
	opts.depth = 32;
	opts.nomerges = 2;
	assert_int_equal(queue_open(&queue, dev, &opts, NULL, &per_queue), 0);
	run_threads(2, 2, SOME);
	assert_int_equal(queue->lanes[2].stats->requests, 2ull * SOME);
	assert_int_equal(weir_queue_attach(queue, 2), -EINVAL);
}

static void *names_main(void *arg)
{
	size_t count;
	const struct weir_named *names = weir_schedulers(&count);

	(void)arg;
	for (size_t i = 0; i < count; i++)
		assert_ptr_equal(names[i].name, sched_table[i]->name);
	names = weir_engines(&count);
	for (size_t i = 0; i < count; i++)
		assert_ptr_equal(names[i].name, engine_table[i]->name);
	return NULL;
}

static void any_thread_may_read_names(void **state)
{
	pthread_t threads[THREADS];

	(void)state;
	open_queue(1, 0, 8);
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, names_main, NULL), 0);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
}

static bool keep_setting;

/*
 * One of several threads that change settings at the same time: limits, a tunable, a weight, a
 * policy.
 */
static void *setter_main(void *arg)
{
	unsigned what = *(unsigned *)arg;

	for (unsigned i = 0; __atomic_load_n(&keep_setting, __ATOMIC_RELAXED); i++) {
		int err = -EINVAL;

		if (what == 0)
			err = weir_queue_set_depth(queue, 1 + i % 32);
		else if (what == 1)
			err = weir_queue_set_depth_bytes(queue, i % 2 ? 4096 : UINT64_MAX);
		else if (what == 2)
			err = weir_queue_set(queue, "back_seek_max", i % 2 ? "1" : "2");
		else if (i % 2)
			err = weir_queue_submitter_set_weight(queue, i % 100, 1 + i % 1000);
		else
			err = weir_queue_submitter_set_policy(queue, i % 100,
							      WEIR_QUEUE_POLICY_NO_CHANGE);
		assert_int_equal(err, 0);
		sched_yield();
	}
	return NULL;
}

static void several_threads_change_settings(void **state)
{
	struct weir_queue_opts opts = WEIR_QUEUE_OPTS_INIT;
	unsigned what[THREADS] = { 0, 1, 2, 3 };
	pthread_t setters[THREADS];

	(void)state;
	opts.scheduler = "bfq";
	opts.workers = 1;
	opts.depth = 32;
	assert_int_equal(weir_queue_open(&queue, dev, &opts), 0);
	__atomic_store_n(&keep_setting, true, __ATOMIC_RELAXED);
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&setters[i], NULL, setter_main, &what[i]), 0);
	run_threads(2, 0, SOME);
	__atomic_store_n(&keep_setting, false, __ATOMIC_RELAXED);
	for (int i = 0; i < THREADS; i++)
		pthread_join(setters[i], NULL);
}

static void *wait_main(void *arg)
{
	struct weir_io io;

	(void)arg;
	for (int i = 0; i < 2000; i++) {
		weir_io_read(&io, 0, memory, 4096);
		assert_int_equal(weir_queue_submit(queue, &io), 0);
		assert_int_equal(weir_io_wait(queue, &io, UINT64_MAX), 0);
	}
	return NULL;
}

static void sleepers_are_woken_every_time(void **state)
{
	pthread_t threads[THREADS];

	(void)state;
	/* Depth 1 from outside: the worker sleeps between two ios. */
	open_queue(1, 1, 8);
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, wait_main, NULL), 0);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
}

static unsigned posted_ran;

static void on_task(struct weir_task *task)
{
	(void)task;
	__atomic_fetch_add(&posted_ran, 1, __ATOMIC_RELEASE);
}

static void *post_main(void *arg)
{
	struct weir_task *tasks = arg;

	for (int i = 0; i < 1000; i++) {
		tasks[i].fn = on_task;
		assert_int_equal(weir_queue_post(queue, 0, &tasks[i]), 0);
	}
	return NULL;
}

static void tasks_from_other_threads_run(void **state)
{
	struct weir_task *tasks = calloc(THREADS * 1000, sizeof(*tasks));
	pthread_t threads[THREADS];

	(void)state;
	open_queue(1, 1, 8);
	posted_ran = 0;
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, post_main, tasks + i * 1000), 0);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	while (__atomic_load_n(&posted_ran, __ATOMIC_ACQUIRE) < THREADS * 1000)
		sched_yield();
	assert_int_equal(weir_queue_close(queue), 0);
	queue = NULL;
	assert_int_equal(posted_ran, THREADS * 1000);
	free(tasks);
}

static void *fd_submitter(void *arg)
{
	usleep(20000);
	assert_int_equal(weir_queue_submit(queue, arg), 0);
	return NULL;
}

static bool fires(int timeout_ms)
{
	struct pollfd p = { .fd = weir_queue_fd(queue), .events = POLLIN };

	assert_true(p.fd >= 0);
	return poll(&p, 1, timeout_ms) == 1;
}

/* A program's own event loop: it only calls poll(2) on the descriptor. */
static void poll_until_ended(struct weir_io *io)
{
	while (__atomic_load_n(&io_priv(io)->state, __ATOMIC_ACQUIRE) != DONE_FINISHED) {
		assert_true(fires(30000));
		assert_true(weir_queue_poll(queue) >= 0);
	}
}

static void the_descriptor_fires_for_staged_ios(void **state)
{
	struct weir_io io;
	pthread_t thread;

	(void)state;
	open_queue(1, 0, 8);
	assert_int_equal(weir_queue_attach(queue, 0), 0);
	assert_false(fires(0));
	assert_int_equal(weir_queue_poll(queue), 0);
	weir_io_read(&io, 0, memory, 4096);
	assert_int_equal(pthread_create(&thread, NULL, fd_submitter, &io), 0);
	poll_until_ended(&io);
	pthread_join(thread, NULL);
	/*
	 * The descriptor is silent once nothing is left; the submitter may have written it after
	 * its io was taken.
	 */
	assert_int_equal(weir_queue_poll(queue), 0);
	assert_false(fires(0));
}

static void the_descriptor_fires_for_completions(void **state)
{
	struct weir_queue_opts opts = WEIR_QUEUE_OPTS_INIT;
	struct weir_io io;

	(void)state;
	opts.engine_opts = "latency=5ms";
	assert_int_equal(weir_queue_open(&queue, dev, &opts), 0);
	weir_io_read(&io, 0, memory, 4096);
	assert_int_equal(weir_queue_submit(queue, &io), 0);
	assert_true(weir_queue_fd(queue) >= 0);
	assert_true(weir_queue_poll(queue) >= 0); /* 1 if this took 5 ms */
	poll_until_ended(&io);
	assert_false(fires(0));
}

static void poll_wait_keeps_its_time(void **state)
{
	uint64_t before = clock_now();

	(void)state;
	open_queue(1, 0, 8);
	assert_int_equal(weir_queue_poll_wait(queue, 20 * NSEC_PER_MSEC), 0);
	assert_true(clock_now() - before >= 20 * NSEC_PER_MSEC);
}

static void *stranger_main(void *arg)
{
	(void)arg;
	assert_int_equal(weir_queue_poll(queue), -EPERM);
	assert_int_equal(weir_queue_fd(queue), -EPERM);
	assert_int_equal(weir_queue_detach(queue), -EPERM);
	assert_int_equal(weir_queue_attach(queue, 0), -EBUSY);
	assert_int_equal(weir_queue_attach(queue, 99), -EINVAL);
	assert_int_equal(weir_queue_close(queue), -EBUSY);
	return NULL;
}

static void a_thread_that_is_no_owner_gets_an_error(void **state)
{
	pthread_t thread;

	(void)state;
	open_queue(1, 0, 8);
	assert_int_equal(weir_queue_attach(queue, WEIR_LANE_ANY), 0);
	assert_int_equal(weir_queue_attach(queue, WEIR_LANE_ANY), -EEXIST);
	assert_int_equal(pthread_create(&thread, NULL, stranger_main, NULL), 0);
	pthread_join(thread, NULL);
	assert_int_equal(weir_queue_detach(queue), 0);
}

/* Owns lane 1, submits an io there, and lets it end only a while after it may. */
static void *late_owner_main(void *arg)
{
	struct submitter *s = arg;

	assert_int_equal(weir_queue_attach(queue, 1), 0);
	weir_io_read(&s->ios[0], 0, memory, 4096);
	assert_int_equal(weir_queue_submit(queue, &s->ios[0]), 0);
	__atomic_store_n(&s->to_do, 1, __ATOMIC_RELEASE);
	while (__atomic_load_n(&s->to_do, __ATOMIC_ACQUIRE))
		usleep(1000);
	usleep(100000);
	assert_int_equal(weir_queue_detach(queue), 0);
	return NULL;
}

/* The owner of lane 0 sleeps all the while, and does not look again and again. */
static void an_io_of_another_lane_wakes_the_owner_that_waits(void **state)
{
	struct weir_queue_stats stats = WEIR_QUEUE_STATS_INIT;
	struct submitter *s = &submitters[0];

	(void)state;
	open_queue(two_lanes(), 0, 8);
	if (queue->opts.lanes < 2)
		skip();
	for (unsigned round = 0; round < 3; round++) {
		uint64_t sleeps;

		__atomic_store_n(&s->to_do, 0, __ATOMIC_RELAXED);
		assert_int_equal(weir_queue_attach(queue, 0), 0);
		assert_int_equal(weir_queue_get_stats(queue, &stats), 0);
		sleeps = stats.sleeps;
		assert_int_equal(pthread_create(&s->thread, NULL, late_owner_main, s), 0);
		while (!__atomic_load_n(&s->to_do, __ATOMIC_ACQUIRE))
			sched_yield();
		assert_int_equal(weir_io_wait(queue, &s->ios[0], 1000), -ETIMEDOUT);
		__atomic_store_n(&s->to_do, 0, __ATOMIC_RELEASE);
		assert_int_equal(weir_io_wait(queue, &s->ios[0], UINT64_MAX), 0);
		assert_int_equal(weir_queue_get_stats(queue, &stats), 0);
		assert_true(stats.sleeps - sleeps < 8);
		assert_int_equal(weir_queue_detach(queue), 0);
		pthread_join(s->thread, NULL);
	}
	assert_int_equal(queue->nr_waiters, 0);
}

static void *stage_main(void *arg)
{
	struct submitter *s = arg;

	for (unsigned i = 0; i < WINDOW; i++) {
		weir_io_write(&s->ios[i], i * 4096, memory, 4096);
		s->ios[i].end = on_end;
		s->ios[i].user = s;
		assert_int_equal(weir_queue_submit(queue, &s->ios[i]), 0);
	}
	return NULL;
}

/* Stages an io and waits for it. */
static void *stage_and_wait_main(void *arg)
{
	struct submitter *s = arg;

	weir_io_write(&s->ios[0], 0, memory, 4096);
	s->ios[0].end = on_end;
	s->ios[0].user = s;
	assert_int_equal(weir_queue_submit(queue, &s->ios[0]), 0);
	__atomic_store_n(&s->to_do, 1, __ATOMIC_RELEASE);
	assert_int_equal(weir_io_wait(queue, &s->ios[0], UINT64_MAX), 0);
	return NULL;
}

#define STAGERS 33u /* more than half of the staging queues, so some lead to each lane */

static struct submitter stagers[STAGERS];

/* The home lane still has ios when the owner of the lane on which they end leaves it. */
static void detaching_ends_what_was_staged(void **state)
{
	static const char *const scheds[] = { "none", "mq-deadline", "bfq", "cfq", "pace" };

	(void)state;
	for (size_t k = 0; k < sizeof(scheds) / sizeof(scheds[0]); k++) {
		struct weir_queue_opts opts = WEIR_QUEUE_OPTS_INIT;
		unsigned here = 0;

		memset(stagers, 0, sizeof(stagers));
		opts.scheduler = scheds[k];
		opts.lanes = two_lanes();
		opts.ctx_by = WEIR_QUEUE_CTX_BY_THREAD;
		opts.engine_opts = "latency=20ms";
		if (k)
			assert_int_equal(weir_queue_close(queue), 0);
		assert_int_equal(weir_queue_open(&queue, dev, &opts), 0);
		assert_int_equal(weir_queue_attach(queue, 0), 0);
		for (unsigned i = 0; i < STAGERS; i++) {
			struct submitter *s = &stagers[i];

			assert_int_equal(pthread_create(&s->thread, NULL, stage_and_wait_main, s),
					 0);
			while (!__atomic_load_n(&s->to_do, __ATOMIC_ACQUIRE))
				sched_yield();
		}
		assert_int_equal(weir_queue_detach(queue), 0);
		for (unsigned i = 0; i < STAGERS; i++)
			if (io_priv(&stagers[i].ios[0])->lane == &queue->lanes[0]) {
				assert_int_equal(stagers[i].ends[0], 1);
				here++;
			}
		assert_true(here > 0);
		/* The others end on a lane that no thread has owned yet. */
		if (opts.lanes > 1) {
			assert_int_equal(weir_queue_attach(queue, 1), 0);
			assert_int_equal(weir_queue_detach(queue), 0);
		}
		for (unsigned i = 0; i < STAGERS; i++)
			pthread_join(stagers[i].thread, NULL);
	}
}

static void closing_ends_what_was_staged(void **state)
{
	pthread_t thread;

	(void)state;
	open_queue(1, 0, 8);
	/* This thread is attached, so the other one can only stage. */
	assert_int_equal(weir_queue_attach(queue, 0), 0);
	assert_int_equal(pthread_create(&thread, NULL, stage_main, &submitters[0]), 0);
	pthread_join(thread, NULL);
	assert_int_equal(weir_queue_close(queue), 0);
	queue = NULL;
	for (unsigned i = 0; i < WINDOW; i++)
		assert_int_equal(submitters[0].ends[i], 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		T(a_million_ios_over_two_worker_lanes),
		T(attached_lanes_end_on_their_owner),
		T(a_queue_wide_scheduler_has_a_home),
		T(a_home_beside_attached_lanes),
		T(switches_over_worker_lanes),
		T(switches_over_attached_lanes),
		T(any_thread_may_read_names),
		T(several_threads_change_settings),
		T(sleepers_are_woken_every_time),
		T(tasks_from_other_threads_run),
		T(the_descriptor_fires_for_staged_ios),
		T(the_descriptor_fires_for_completions),
		T(poll_wait_keeps_its_time),
		T(a_thread_that_is_no_owner_gets_an_error),
		T(an_io_of_another_lane_wakes_the_owner_that_waits),
		T(detaching_ends_what_was_staged),
		T(closing_ends_what_was_staged),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
