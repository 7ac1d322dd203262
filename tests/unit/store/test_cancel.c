/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_cancel.c - weir_store_cancel(), waits with a timeout, and a store in the event loop of a
 * program.
 */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/clock.h"
#include "rig.h"

#define LENGTH 6000
#define THREADS 3
#define OPS 32
#define ROUNDS 60
#define KEYS 8
#define EVENTS 200
#define MS NSEC_PER_MSEC
#define LONG_MS 60000 /* only a descriptor that never fires takes so long */

static struct rig rig;
static unsigned ends;
static uint8_t value[LENGTH];

static void count_end(struct weir_store_op *op)
{
	(void)op;
	ends++;
}

static void make_put(struct weir_store_op *op, const uint64_t *key)
{
	*op = (struct weir_store_op)WEIR_STORE_OP_INIT;
	op->kind = WEIR_STORE_PUT;
	op->key = key;
	op->key_len = sizeof(*key);
	op->value = value;
	op->value_len = sizeof(value);
	op->end = count_end;
}

static int set_up(void **state)
{
	rig.attach = *(const uint32_t *)*state;
	rig_make(&rig, 2 << 20, 64 << 10, 4096);
	rig_open(&rig);
	ends = 0;
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	rig_remove(&rig);
	return 0;
}

static void one_that_was_never_submitted(void **state)
{
	uint64_t key = 1;
	struct weir_store_op op;

	(void)state;
	make_put(&op, &key);
	assert_int_equal(weir_store_cancel(rig.s, &op), -EINVAL);
	assert_int_equal(weir_store_wait(rig.s, &op, 0), -EINVAL);
	assert_int_equal(ends, 0);
}

/* The operation in the middle is cancelled: it leaves no trace, and does not delay the others. */
static void one_that_waits(void **state)
{
	uint64_t keys[3] = { 1, 2, 1 };
	struct weir_store_op ops[3];
	char text[128];

	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		make_put(&ops[i], &keys[i]);
		assert_int_equal(weir_store_submit(rig.s, &ops[i]), 0);
	}
	assert_int_equal(weir_store_cancel(rig.s, &ops[1]), 0);
	assert_int_equal(weir_store_wait(rig.s, &ops[1], UINT64_MAX), -ECANCELED);
	assert_non_null(strstr(weir_error(), "cancelled before"));
	assert_string_equal(weir_store_op_strerror(&ops[1], text, sizeof(text)),
			    "put: cancelled before it had begun");
	assert_int_equal(weir_store_wait(rig.s, &ops[0], UINT64_MAX), 0);
	assert_int_equal(weir_store_wait(rig.s, &ops[2], UINT64_MAX), 0);
	assert_int_equal(ends, 3);
	assert_int_equal(weir_store_exists(rig.s, &keys[0], sizeof(keys[0]), NULL), 0);
	assert_int_equal(weir_store_exists(rig.s, &keys[1], sizeof(keys[1]), NULL), -ENOENT);
	/* An operation that has finished is left alone, and may be submitted again. */
	assert_int_equal(weir_store_cancel(rig.s, &ops[1]), 0);
	assert_int_equal(weir_store_submit(rig.s, &ops[1]), 0);
	assert_int_equal(weir_store_wait(rig.s, &ops[1], UINT64_MAX), 0);
	assert_int_equal(weir_store_exists(rig.s, &keys[1], sizeof(keys[1]), NULL), 0);
}

static void *wait_elsewhere(void *arg)
{
	return (void *)(intptr_t)weir_store_wait(rig.s, arg, 20 * MS);
}

/* The owner of the loop makes no call while the other thread waits. */
static void a_wait_times_out(void **state)
{
	uint64_t key = 1, start;
	struct weir_store_op op;
	pthread_t thread;
	void *result;

	(void)state;
	make_put(&op, &key);
	assert_int_equal(weir_store_submit(rig.s, &op), 0);
	start = clock_now();
	assert_int_equal(pthread_create(&thread, NULL, wait_elsewhere, &op), 0);
	assert_int_equal(pthread_join(thread, &result), 0);
	assert_int_equal((intptr_t)result, -ETIMEDOUT);
	assert_true(clock_now() - start >= 20 * MS);
	assert_int_equal(ends, 0);
	/* The operation continues. */
	assert_int_equal(weir_store_wait(rig.s, &op, UINT64_MAX), 0);
	assert_int_equal(ends, 1);
}

/* An owner that never sleeps in a wait gets on, too. */
static void a_wait_of_no_time(void **state)
{
	uint64_t key = 1, until = clock_now() + LONG_MS * MS;
	struct weir_store_op op;
	int err;

	(void)state;
	make_put(&op, &key);
	assert_int_equal(weir_store_submit(rig.s, &op), 0);
	do
		err = weir_store_wait(rig.s, &op, 0);
	while (err == -ETIMEDOUT && clock_now() < until);
	assert_int_equal(err, 0);
	assert_int_equal(ends, 1);
}

/* A chain of operations: each submits the next in its `end`. */
static struct {
	struct weir_store_op op;
	uint64_t key;
	uint8_t buf[LENGTH];
	unsigned left, failed;
} chain;

static void chain_next(struct weir_store_op *op)
{
	chain.failed += op->result != 0;
	if (!--chain.left)
		return;
	if (op->kind == WEIR_STORE_PUT) {
		op->kind = WEIR_STORE_GET;
		op->buf = chain.buf;
		op->capacity = sizeof(chain.buf);
	} else {
		make_put(op, &chain.key);
		op->end = chain_next;
		chain.key++;
	}
	if (weir_store_submit(rig.s, op))
		chain.failed++;
}

static void in_an_event_loop(void **state)
{
	struct epoll_event event = { .events = EPOLLIN };
	int loop = epoll_create1(EPOLL_CLOEXEC), fd = weir_store_fd(rig.s);
	unsigned turns = 0;

	(void)state;
	assert_true(loop >= 0 && fd >= 0);
	assert_int_equal(epoll_ctl(loop, EPOLL_CTL_ADD, fd, &event), 0);
	chain.left = EVENTS;
	make_put(&chain.op, &chain.key);
	chain.op.end = chain_next;
	assert_int_equal(weir_store_submit(rig.s, &chain.op), 0);
	assert_int_equal(weir_store_poll(rig.s), 0);
	while (chain.left) {
		int n = epoll_wait(loop, &event, 1, LONG_MS);

		/* The kernel may interrupt it to finish an io of the ring. */
		assert_true(n == 1 || (n < 0 && errno == EINTR));
		assert_int_equal(weir_store_poll(rig.s), 0);
		turns++;
	}
	assert_true(turns > 1);
	assert_int_equal(chain.failed, 0);
	close(loop);
}

static void *submit_elsewhere(void *arg)
{
	return (void *)(intptr_t)weir_store_submit(rig.s, arg);
}

/* A blocking call between two sleeps in the event loop: the descriptor fires for others after it.
 */
static void an_event_loop_that_blocked(void **state)
{
	struct pollfd fd = { .fd = weir_store_fd(rig.s), .events = POLLIN };
	struct weir_store_op op;
	uint64_t key = 2;
	pthread_t thread;
	void *result;

	(void)state;
	assert_true(fd.fd >= 0);
	assert_int_equal(rig_put(&rig, 1, 1, 5000, 0), 0);
	while (poll(&fd, 1, 50) > 0)
		assert_int_equal(weir_store_poll(rig.s), 0);
	assert_int_equal(rig_put(&rig, 1, 2, 5000, 0), 0);
	make_put(&op, &key);
	assert_int_equal(pthread_create(&thread, NULL, submit_elsewhere, &op), 0);
	assert_int_equal(pthread_join(thread, &result), 0);
	assert_int_equal((intptr_t)result, 0);
	while (!ends) {
		assert_int_equal(poll(&fd, 1, LONG_MS), 1);
		assert_int_equal(weir_store_poll(rig.s), 0);
	}
}

/* The following test cancels many operations while they run. */

struct storm {
	pthread_t thread;
	uint64_t number;
	struct weir_store_op ops[OPS];
	uint64_t keys[OPS];
	unsigned submitted[OPS], ended[OPS];
	unsigned cancelled, done;
	const char *what;
};

static void storm_end(struct weir_store_op *op)
{
	struct storm *t = op->user;

	__atomic_fetch_add(&t->ended[op - t->ops], 1, __ATOMIC_RELEASE);
}

static void storm_make(struct storm *t, unsigned i, uint64_t *random)
{
	struct weir_store_op *op = &t->ops[i];

	t->keys[i] = rig_random(random) % KEYS;
	make_put(op, &t->keys[i]);
	op->kind = rig_random(random) % 5 ? WEIR_STORE_PUT : WEIR_STORE_DELETE;
	op->flags = rig_random(random) % 4 ? 0 : WEIR_PUT_DURABLE;
	op->user = t;
	op->end = storm_end;
}

static void storm_look(struct storm *t, unsigned i)
{
	int result = weir_store_wait(rig.s, &t->ops[i], UINT64_MAX);

	/* `end` may still be running if this thread is not the thread of the loop. */
	while (__atomic_load_n(&t->ended[i], __ATOMIC_ACQUIRE) < t->submitted[i])
		usleep(10);
	t->cancelled += result == -ECANCELED;
	t->done += result != -ECANCELED;
	if (result && result != -ECANCELED && result != -ENOENT)
		t->what = "an operation failed";
	if (t->ended[i] != t->submitted[i])
		t->what = "an operation ended twice";
}

static void *storm_main(void *arg)
{
	struct storm *t = arg;
	uint64_t random = t->number;

	for (unsigned n = 0; n < ROUNDS && !t->what; n++) {
		for (unsigned i = 0; i < OPS; i++) {
			storm_make(t, i, &random);
			t->submitted[i]++;
			if (weir_store_submit(rig.s, &t->ops[i]))
				t->what = "refused";
			if (!(rig_random(&random) % 6))
				weir_store_cancel(rig.s, &t->ops[i]);
		}
		for (unsigned i = n % 4; i < OPS; i += 4)
			weir_store_cancel(rig.s, &t->ops[i]);
		for (unsigned i = 0; i < OPS; i++)
			storm_look(t, i);
	}
	return NULL;
}

/* The store is small, so that segments are reclaimed and puts wait for space while others cancel
 * them. */
static void storm(void **state)
{
	static struct storm threads[THREADS];
	unsigned cancelled = 0, done = 0;
	uint64_t key = 77;

	(void)state;
	memset(threads, 0, sizeof(threads));
	for (unsigned i = 0; i < THREADS; i++) {
		threads[i].number = i + 1;
		assert_int_equal(pthread_create(&threads[i].thread, NULL, storm_main, &threads[i]),
				 0);
	}
	for (unsigned i = 0; i < THREADS; i++) {
		pthread_join(threads[i].thread, NULL);
		if (threads[i].what)
			fail_msg("%s", threads[i].what);
		cancelled += threads[i].cancelled;
		done += threads[i].done;
	}
	assert_true(cancelled > 0 && done > 0);
	/* The store still works. */
	assert_int_equal(rig_put(&rig, key, 1, 5000, WEIR_PUT_DURABLE), 0);
	assert_int_equal(rig_get(&rig, key, 1, 5000), 1);
}

static uint32_t attached = 1, worker;

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(test, way) cmocka_unit_test_prestate_setup_teardown(test, set_up, tear_down, &(way))
		T(one_that_was_never_submitted, attached),
		T(one_that_waits, attached),
		T(a_wait_times_out, attached),
		T(a_wait_of_no_time, attached),
		T(in_an_event_loop, attached),
		T(an_event_loop_that_blocked, attached),
		T(storm, worker),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
