/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_hand_over.c - ios that go to another lane's thread and back, in batches: each ends once and
 * in order, whoever waits is woken, however short the pause was, and a callback that needs a thread
 * that waits gets it. Meant to be run under TSan too.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "queue/lanes.h"
#include "rig.h"

#define THREADS 3u
#define WINDOW 64u
#define MANY 60000u
#define SINGLES 4000u
/* More than are woken in one step (ended.c). */
#define WAITERS 40u
#define MANY_LANES 20u
/* Pauses are up to this long: shorter and longer than a thread looks before it sleeps. */
#define PAUSE_NS (30 * NSEC_PER_USEC)
/* Only a thread that nobody wakes needs nearly this long. */
#define LONG_NS (60 * NSEC_PER_SEC)

static struct weir_device *dev;
static struct weir_queue *queue;
static char memory[4096] __attribute__((aligned(4096)));
/* A copy of none, which is first in, first out, with one instance for the queue. */
static struct sched_ops per_queue;

struct owner {
	pthread_t thread;
	struct weir_io ios[WINDOW];
	bool busy[WINDOW];
	uint64_t submitted, ended;
	bool sleeps; /* between its ios */
};

static struct owner owners[THREADS];

static int setup(void **state)
{
	(void)state;
	memset(owners, 0, sizeof(owners));
	return weir_device_open(&dev, "null:1g", NULL);
}

static int teardown(void **state)
{
	(void)state;
	assert_int_equal(weir_queue_close(queue), 0);
	weir_device_close(dev);
	return 0;
}

static uint32_t two_lanes(void)
{
	return sysconf(_SC_NPROCESSORS_ONLN) > 1 ? 2 : 1;
}

static void open_home(uint32_t lanes, uint32_t workers)
{
	struct weir_queue_opts opts = WEIR_QUEUE_OPTS_INIT;

	per_queue = sched_none;
	per_queue.scope = SCHED_PER_QUEUE;
	opts.lanes = lanes;
	opts.workers = workers;
	opts.depth = 32;
	opts.nomerges = 2;
	opts.ctx_by = WEIR_QUEUE_CTX_BY_THREAD;
	assert_int_equal(queue_open(&queue, dev, &opts, NULL, &per_queue), 0);
}

/* Ios carry their number as their offset; they end in the order in which they were submitted. */
static void on_end_in_order(struct weir_io *io)
{
	struct owner *o = io->user;

	assert_int_equal(io->result, 0);
	assert_int_equal(io->offset, o->ended * sizeof(memory));
	o->busy[io - o->ios] = false;
	o->ended++;
}

static void submit_next(struct owner *o)
{
	unsigned slot = (unsigned)(o->submitted % WINDOW);

	assert_false(o->busy[slot]);
	o->busy[slot] = true;
	weir_io_read(&o->ios[slot], o->submitted * sizeof(memory), memory, sizeof(memory));
	o->ios[slot].end = on_end_in_order;
	o->ios[slot].user = o;
	o->submitted++;
	assert_int_equal(weir_queue_submit(queue, &o->ios[slot]), 0);
}

static void *owner_main(void *arg)
{
	struct owner *o = arg;

	assert_int_equal(weir_queue_attach(queue, WEIR_LANE_ANY), 0);
	while (o->ended < MANY) {
		while (o->submitted < MANY && o->submitted - o->ended < WINDOW)
			submit_next(o);
		assert_true(weir_queue_poll_wait(queue, o->sleeps ? UINT64_MAX : 0) >= 0);
	}
	assert_int_equal(weir_queue_detach(queue), 0);
	assert_int_equal(o->ended, o->submitted);
	return NULL;
}

/* Both lanes' ios go through a third thread, and come back to the lane of their submitter. */
static void run_owners(bool sleeps)
{
	if (two_lanes() < 2)
		skip();
	open_home(2, 0);
	for (unsigned i = 0; i < 2; i++) {
		owners[i].sleeps = sleeps;
		assert_int_equal(pthread_create(&owners[i].thread, NULL, owner_main, &owners[i]),
				 0);
	}
	for (unsigned i = 0; i < 2; i++)
		assert_int_equal(pthread_join(owners[i].thread, NULL), 0);
	assert_int_equal(queue->lanes[2].stats->requests, 2ull * MANY);
}

static void batches_keep_their_order_for_owners_that_poll(void **state)
{
	(void)state;
	run_owners(false);
}

static void batches_keep_their_order_for_owners_that_sleep(void **state)
{
	(void)state;
	run_owners(true);
}

static uint32_t next_random(uint32_t *dice)
{
	*dice = *dice * 1664525u + 1013904223u;
	return *dice >> 8;
}

static void pause_for(uint64_t ns)
{
	uint64_t until = clock_now() + ns;

	while (clock_now() < until)
		;
}

/* One io at a time, with pauses in which the lane may or may not fall asleep, and with waits that
 * may or may not time out first. */
static void *single_main(void *arg)
{
	uint32_t dice = (uint32_t)(uintptr_t)arg;
	struct weir_io io;

	for (unsigned i = 0; i < SINGLES; i++) {
		int err = -ETIMEDOUT;

		pause_for(next_random(&dice) % PAUSE_NS);
		weir_io_read(&io, 0, memory, sizeof(memory));
		assert_int_equal(weir_queue_submit(queue, &io), 0);
		if (i % 2)
			err = weir_io_wait(queue, &io, next_random(&dice) % PAUSE_NS);
		assert_true(!err || err == -ETIMEDOUT);
		if (err)
			assert_int_equal(weir_io_wait(queue, &io, LONG_NS), 0);
	}
	return NULL;
}

static void run_singles(unsigned threads)
{
	pthread_t thread[THREADS];

	for (unsigned i = 0; i < threads; i++)
		assert_int_equal(
			pthread_create(&thread[i], NULL, single_main, (void *)(uintptr_t)(i + 1)),
			0);
	for (unsigned i = 0; i < threads; i++)
		assert_int_equal(pthread_join(thread[i], NULL), 0);
}

static void no_wake_up_is_lost_however_short_the_pause(void **state)
{
	(void)state;
	for (unsigned threads = 1; threads <= THREADS; threads += 2) {
		if (threads > 1)
			assert_int_equal(weir_queue_close(queue), 0);
		open_home(two_lanes(), 1);
		run_singles(threads);
	}
}

/* Owners of lanes whose ios a home schedules: they sleep in their engines, not on futexes. */
static void *single_owner_main(void *arg)
{
	assert_int_equal(weir_queue_attach(queue, WEIR_LANE_ANY), 0);
	single_main(arg);
	assert_int_equal(weir_queue_detach(queue), 0);
	return NULL;
}

static void no_wake_up_of_an_owner_is_lost(void **state)
{
	pthread_t thread[2];

	(void)state;
	if (two_lanes() < 2)
		skip();
	open_home(2, 0);
	for (unsigned i = 0; i < 2; i++)
		assert_int_equal(pthread_create(&thread[i], NULL, single_owner_main,
						(void *)(uintptr_t)(i + 7)),
				 0);
	for (unsigned i = 0; i < 2; i++)
		assert_int_equal(pthread_join(thread[i], NULL), 0);
}

static int rig_setup(void **state)
{
	(void)state;
	rig_init();
	rig.hold = true;
	return 0;
}

static int rig_teardown(void **state)
{
	(void)state;
	rig_close();
	return 0;
}

static unsigned nr_woken; /* atomic */

static void *wait_main(void *arg)
{
	assert_int_equal(weir_io_wait(rig.q, arg, LONG_NS), 0);
	__atomic_fetch_add(&nr_woken, 1, __ATOMIC_SEQ_CST);
	return NULL;
}

/* Returns once the thread that waits for IO sleeps. */
static void until_waited(struct weir_io *io)
{
	while (__atomic_load_n(&io_priv(io)->state, __ATOMIC_SEQ_CST) != DONE_WAITED)
		usleep(100);
}

static void on_end_needs_the_waiter(struct weir_io *io)
{
	uint64_t until = clock_now() + LONG_NS;

	(void)io;
	while (!__atomic_load_n(&nr_woken, __ATOMIC_SEQ_CST) && clock_now() < until)
		usleep(100);
	assert_int_equal(nr_woken, 1);
}

/* The callback of the second io may need what the thread holds that waits for the first. */
static void a_waiter_is_woken_before_the_next_callback(void **state)
{
	static struct weir_io ios[2];
	pthread_t thread;

	(void)state;
	nr_woken = 0;
	rig_open(NULL, NULL);
	for (int i = 0; i < 2; i++) {
		weir_io_read(&ios[i], (uint64_t)i * 4096, memory, sizeof(memory));
		ios[i].end = i ? on_end_needs_the_waiter : NULL;
		assert_int_equal(weir_queue_submit(rig.q, &ios[i]), 0);
	}
	assert_int_equal(pthread_create(&thread, NULL, wait_main, &ios[0]), 0);
	until_waited(&ios[0]);
	rig_complete(2);
	assert_int_equal(pthread_join(thread, NULL), 0);
}

static void everyone_who_waits_for_a_batch_is_woken(void **state)
{
	static struct weir_io ios[WAITERS];
	pthread_t thread[WAITERS];
	struct weir_queue_opts opts = WEIR_QUEUE_OPTS_INIT;

	(void)state;
	nr_woken = 0;
	opts.depth = 64;
	rig_open(&opts, NULL);
	for (unsigned i = 0; i < WAITERS; i++) {
		weir_io_read(&ios[i], (uint64_t)i * 8192, memory, sizeof(memory));
		assert_int_equal(weir_queue_submit(rig.q, &ios[i]), 0);
		assert_int_equal(pthread_create(&thread[i], NULL, wait_main, &ios[i]), 0);
	}
	for (unsigned i = 0; i < WAITERS; i++)
		until_waited(&ios[i]);
	rig_complete(WAITERS);
	for (unsigned i = 0; i < WAITERS; i++)
		assert_int_equal(pthread_join(thread[i], NULL), 0);
	assert_int_equal(nr_woken, WAITERS);
}

static unsigned nr_back;

/* The lane that runs is the one on which the io was submitted. */
static void on_end_at_home(struct weir_io *io)
{
	const struct lane *lane = io->user;

	assert_true(lane->ended.in_callback);
	nr_back++;
}

/* More lanes than the one that schedules can collect for at once: some share a place. */
static void many_lanes_get_their_own_back(void **state)
{
	static struct weir_io ios[MANY_LANES];
	struct weir_queue_opts opts = WEIR_QUEUE_OPTS_INIT;

	(void)state;
	assert_true(AWAY_LANES < MANY_LANES);
	nr_back = 0;
	rig.hold = false;
	rig.own_clock = true; /* one thread owns all lanes */
	per_queue = sched_none;
	per_queue.scope = SCHED_PER_QUEUE;
	opts.lanes = MANY_LANES;
	rig_open(&opts, &per_queue);
	assert_int_equal(lanes_own(rig.q), 0);
	for (unsigned i = 0; i < MANY_LANES; i++) {
		lanes_use(rig.q, i);
		weir_io_read(&ios[i], i * 8192, memory, sizeof(memory));
		ios[i].end = on_end_at_home;
		ios[i].user = &rig.q->lanes[i];
		assert_int_equal(weir_queue_submit(rig.q, &ios[i]), 0);
	}
	for (int turn = 0; turn < 4; turn++)
		assert_true(lanes_poll_wait(rig.q, 0) >= 0);
	assert_int_equal(nr_back, MANY_LANES);
	assert_int_equal(rig.q->lanes[MANY_LANES].stats->requests, MANY_LANES);
	lanes_disown(rig.q);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
#define R(name) cmocka_unit_test_setup_teardown(name, rig_setup, rig_teardown)
		T(batches_keep_their_order_for_owners_that_poll),
		T(batches_keep_their_order_for_owners_that_sleep),
		T(no_wake_up_is_lost_however_short_the_pause),
		T(no_wake_up_of_an_owner_is_lost),
		R(a_waiter_is_woken_before_the_next_callback),
		R(everyone_who_waits_for_a_batch_is_woken),
		R(many_lanes_get_their_own_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
