/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sleeping and waking up: wait(), wake_fd, deadlines and the descriptor for event loops, on each
 * engine.
 */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "rig.h"

#define SOON (20 * NSEC_PER_MSEC)
#define LONG (60 * NSEC_PER_SEC)

static bool readable(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return poll(&p, 1, 0) == 1;
}

static void *write_later(void *arg)
{
	struct timespec ts = { .tv_nsec = (long)SOON };

	nanosleep(&ts, NULL);
	assert_int_equal(eventfd_write(*(int *)arg, 1), 0);
	return NULL;
}

/* Runs a loop as lanes do until the deadline, and counts the waits: it must come to rest. */
static unsigned waits_until(struct rig *r, uint64_t deadline)
{
	unsigned count = 0;

	for (; clock_now() < deadline; count++) {
		r->e->ops->wait(r->e, deadline);
		r->e->ops->reap(r->e, clock_now());
	}
	return count;
}

static void wake_fd_wakes(void **state)
{
	uint64_t start;
	pthread_t thread;
	struct rig r;

	rig_open(&r, *state);
	for (int i = 0; i < 5; i++) {
		start = clock_now();
		assert_int_equal(pthread_create(&thread, NULL, write_later, &r.params.wake_fd), 0);
		/* Early returns are allowed. They leave wake_fd alone, so it counts to 1. */
		do
			r.e->ops->wait(r.e, start + LONG);
		while (clock_now() < start + SOON);
		r.e->ops->reap(r.e, clock_now());
		pthread_join(thread, NULL);
		r.e->ops->wait(r.e, clock_now() + SOON);
		assert_true(clock_now() - start < LONG);
		assert_false(readable(r.params.wake_fd));
	}
	assert_true(waits_until(&r, clock_now() + SOON) <= 3);
	rig_close(&r);
}

/* wait() does not sleep if a wake-up came before, even if somebody else saw it. */
static void an_early_wake_up_counts(void **state)
{
	uint64_t start;
	struct rig r;

	rig_open(&r, *state);
	for (int i = 0; i < 10; i++) {
		assert_int_equal(eventfd_write(r.params.wake_fd, 1), 0);
		for (int k = 0; k < i % 3; k++)
			r.e->ops->reap(r.e, clock_now());
		start = clock_now();
		while (readable(r.params.wake_fd))
			r.e->ops->wait(r.e, start + LONG);
		assert_true(clock_now() - start < LONG);
		if (i & 1)
			r.e->ops->reap(r.e, clock_now());
	}
	r.e->ops->reap(r.e, clock_now());
	assert_true(waits_until(&r, clock_now() + SOON) <= 3);
	rig_close(&r);
}

static void deadlines_are_kept(void **state)
{
	uint64_t start;
	struct rig r;

	rig_open(&r, *state);
	start = clock_now();
	assert_true(waits_until(&r, start + SOON) <= 3);
	/* wait() does not sleep if the deadline has passed. */
	start = clock_now();
	r.e->ops->wait(r.e, start - 1);
	r.e->ops->wait(r.e, 0);
	assert_true(clock_now() - start < LONG);
	rig_close(&r);
}

static void wait_without_wake_fd(void **state)
{
	char *buf = rig_alloc(RIG_BLOCK);
	struct rig r;

	rig_open(&r, *state);
	close(r.params.wake_fd);
	r.params.wake_fd = -1;
	r.e->params.wake_fd = -1;
	assert_int_equal(rig_do(&r, WEIR_OP_READ, 0, buf, RIG_BLOCK), 0);
	r.e->ops->wait(r.e, clock_now() + NSEC_PER_MSEC);
	rig_close(&r);
	free(buf);
}

/* Calls epoll_wait() again after a signal: work for a ring may interrupt it. */
static int sleep_on(int epoll_fd, int timeout_ms)
{
	struct epoll_event event;
	int err;

	do
		err = epoll_wait(epoll_fd, &event, 1, timeout_ms);
	while (err < 0 && errno == EINTR);
	return err;
}

#define ROUNDS 500

/* An event loop that sleeps on fd() misses no completion, and sleeps while there is none. */
static void event_loops_see_completions(void **state)
{
	struct epoll_event event = { .events = EPOLLIN };
	char *buf = rig_alloc(RIG_BLOCK * 4);
	int epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	struct rig_cmd cmds[4];
	unsigned woken = 0;
	struct rig r;

	rig_open(&r, *state);
	assert_int_equal(epoll_ctl(epoll_fd, EPOLL_CTL_ADD, r.e->ops->fd(r.e), &event), 0);
	for (unsigned i = 0; i < ROUNDS; i++) {
		unsigned n = 1 + i % 4, target = r.ended + n;

		for (unsigned k = 0; k < n; k++) {
			uint64_t at = (i * 4 + k) % (RIG_BYTES / RIG_BLOCK) * RIG_BLOCK;

			rig_prep(&cmds[k], WEIR_OP_READ, at, buf + k * RIG_BLOCK, RIG_BLOCK);
			assert_int_equal(r.e->ops->queue(r.e, &cmds[k].cmd), 0);
		}
		r.e->ops->submit(r.e);
		while (r.ended < target) {
			assert_int_equal(sleep_on(epoll_fd, 60000), 1);
			r.e->ops->reap(r.e, clock_now());
			woken++;
		}
		assert_true(r.e->ops->next_event(r.e) == UINT64_MAX);
		/* There may still be announcements of commands that were reaped. But a completion
		 * has at most three: the kernel has it, it is in the ring, and a reap left it
		 * there. */
		for (; sleep_on(epoll_fd, 0); woken++) {
			assert_true(woken < 3 * r.ended);
			r.e->ops->reap(r.e, clock_now());
		}
	}
	close(epoll_fd);
	rig_close(&r);
	free(buf);
}

static void *sleep_on_fd(void *arg)
{
	struct pollfd p = { .fd = *(int *)arg, .events = POLLIN };

	return (void *)(intptr_t)poll(&p, 1, 60000);
}

/* Another thread may watch the descriptor, as event loops in other languages do. */
static void another_thread_may_watch(void **state)
{
	char *buf = rig_alloc(RIG_BLOCK);
	struct timespec ts = { .tv_nsec = NSEC_PER_MSEC };
	struct rig_cmd c;
	pthread_t thread;
	struct rig r;
	void *got;
	int fd;

	rig_open(&r, *state);
	fd = r.e->ops->fd(r.e);
	for (int i = 0; i < 20; i++) {
		assert_int_equal(pthread_create(&thread, NULL, sleep_on_fd, &fd), 0);
		nanosleep(&ts, NULL);
		rig_prep(&c, WEIR_OP_READ, (uint64_t)i * RIG_BLOCK, buf, RIG_BLOCK);
		assert_int_equal(r.e->ops->queue(r.e, &c.cmd), 0);
		r.e->ops->submit(r.e);
		pthread_join(thread, &got);
		assert_int_equal((intptr_t)got, 1);
		while (!c.ended)
			r.e->ops->reap(r.e, clock_now());
	}
	rig_close(&r);
	free(buf);
}

static const struct rig_case cases[] = {
	{ "posix", "file" },
	{ "uring", "file" },
	{ "uring", "loop" },
	{ "null", "null" },
};

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(wake_fd_wakes),
	cmocka_unit_test(an_early_wake_up_counts),
	cmocka_unit_test(deadlines_are_kept),
	cmocka_unit_test(wait_without_wake_fd),
	cmocka_unit_test(event_loops_see_completions),
	cmocka_unit_test(another_thread_may_watch),
};

#define CASES (sizeof(cases) / sizeof(cases[0]))
#define TESTS (sizeof(tests) / sizeof(tests[0]))

/* The null engine has no descriptor. */
static bool suits(const struct rig_case *c, const struct CMUnitTest *test)
{
	if (strcmp(c->engine, "null"))
		return true;
	return test->test_func != event_loops_see_completions &&
	       test->test_func != another_thread_may_watch;
}

int main(void)
{
	return rig_run_cases("engine_wait", cases, CASES, tests, TESTS, suits);
}
