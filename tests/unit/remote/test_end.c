/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_end.c - one of the two ends: the owner closes the store, is killed, or stands still; the
 * client is killed in the middle of puts and gets; the program forks.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "pair.h"

#include "../child.h"

#define LENGTH 60000u
#define KEYS 40u
#define KILLS (RIG_EVERY > 1 ? 3u : 12u)

static struct pair pair;

/* A child that has the store open until it is killed. */
static pid_t start_owner(void)
{
	int ready[2];
	char byte;
	pid_t pid;

	assert_int_equal(pipe(ready), 0);
	pid = child_fork(false);
	if (!pid) {
		struct rig rig = pair.rig;

		close(ready[0]);
		CHILD_CHECK(!rig_try_open(&rig, 0));
		CHILD_CHECK(write(ready[1], "", 1) == 1);
		for (;;)
			pause();
	}
	close(ready[1]);
	assert_int_equal(read(ready[0], &byte, 1), 1);
	close(ready[0]);
	return pid;
}

static void kill_child(pid_t pid)
{
	int status;

	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

/* An open store may be closed while a client is connected: what comes then is refused. */
static void test_owner_closes(void **state)
{
	struct weir_remote_info info = WEIR_REMOTE_INFO_INIT;

	(void)state;
	pair_format(&pair);
	pair_open(&pair, NULL);
	assert_int_equal(pair_put(&pair, 1, 1, LENGTH, 0), 0);
	rig_close(&pair.rig);
	assert_int_equal(pair_get(&pair, 1, 1, LENGTH), -EPIPE);
	assert_int_equal(pair_exists(&pair, 1, 0, NULL), -EPIPE);
	assert_int_equal(weir_remote_run(pair.r, NULL, 0), 0);
	assert_int_equal(weir_remote_get_info(pair.r, &info), 0);
	assert_int_equal(info.error, -EPIPE);
	weir_remote_close(pair.r);
	pair_open(&pair, NULL);
	assert_int_equal(pair_get(&pair, 1, 1, LENGTH), 1);
	pair_close(&pair);
}

/* Puts until the owner is killed. What was acknowledged is there for the next owner. */
static void put_and_kill(unsigned round)
{
	uint64_t acked[KEYS] = { 0 }, state = round + 1;
	pid_t owner = start_owner(), killer;
	unsigned n = 0;
	int err = 0;

	assert_int_equal(weir_remote_open(&pair.r, pair.rig.path, NULL), 0);
	killer = child_fork(true);
	if (!killer) {
		usleep((useconds_t)(rig_random(&state) % 40000));
		kill(owner, SIGKILL);
		_exit(0);
	}
	while (!err) {
		uint64_t key = n % KEYS, version = (uint64_t)round << 32 | (n / KEYS + 1);

		err = pair_put(&pair, key, version, LENGTH, 0);
		if (!err)
			acked[key] = version;
		n++;
	}
	assert_int_equal(err, -EPIPE);
	child_wait(killer, "who kills the owner");
	assert_int_equal(waitpid(owner, NULL, 0), owner);
	weir_remote_close(pair.r);
	pair.r = NULL;
	rig_open(&pair.rig);
	for (uint64_t key = 0; key < KEYS; key++) {
		bool newer = rig_get(&pair.rig, key, acked[key] + 1, LENGTH) == 1;

		/* The last put may have taken effect without an answer. */
		if (acked[key] && !newer)
			assert_int_equal(rig_get(&pair.rig, key, acked[key], LENGTH), 1);
	}
	rig_close(&pair.rig);
}

static void test_owner_killed(void **state)
{
	(void)state;
	pair_format(&pair);
	for (unsigned round = 0; round < KILLS; round++)
		put_and_kill(round);
	pair_close(&pair);
}

/* An owner that stands still costs a client the time that it allows, and not more. */
static void test_owner_stopped(void **state)
{
	struct weir_remote_opts opts = WEIR_REMOTE_OPTS_INIT;
	struct weir_remote *again = NULL;
	pid_t owner;

	(void)state;
	pair_format(&pair);
	owner = start_owner();
	opts.quiet_ns = 2 * NSEC_PER_SEC;
	opts.answer_ns = 2 * NSEC_PER_SEC;
	assert_int_equal(weir_remote_open(&pair.r, pair.rig.path, &opts), 0);
	assert_int_equal(pair_put(&pair, 1, 1, LENGTH, 0), 0);
	assert_int_equal(kill(owner, SIGSTOP), 0);
	assert_int_equal(pair_get(&pair, 1, 1, LENGTH), -ETIMEDOUT);
	assert_int_equal(pair_get(&pair, 1, 1, LENGTH), -ETIMEDOUT);
	assert_int_equal(weir_remote_open(&again, pair.rig.path, &opts), -ETIMEDOUT);
	assert_int_equal(kill(owner, SIGCONT), 0);
	weir_remote_close(pair.r);
	opts.answer_ns = 0;
	assert_int_equal(weir_remote_open(&pair.r, pair.rig.path, &opts), 0);
	assert_int_equal(pair_get(&pair, 1, 1, LENGTH), 1);
	kill_child(owner);
	pair_close(&pair);
}

/* The loop of the store does not run for twice the time that an owner may be silent, but the owner
 * says meanwhile that it is alive. */
static void test_slow_owner(void **state)
{
	struct weir_remote_opts opts = WEIR_REMOTE_OPTS_INIT;
	struct weir_store_op op = WEIR_STORE_OP_INIT;
	uint64_t until;

	(void)state;
	pair_format(&pair);
	pair.rig.attach = 1;
	opts.quiet_ns = 2 * NSEC_PER_SEC;
	pair_open(&pair, &opts);
	op.key = "k";
	op.key_len = 1;
	op.value = "v";
	op.value_len = 1;
	assert_int_equal(weir_remote_submit(pair.r, &op), 0);
	for (until = clock_now() + 2 * opts.quiet_ns; clock_now() < until;)
		poll(NULL, 0, 10);
	for (size_t length = 0; weir_store_exists(pair.rig.s, "k", 1, &length);)
		assert_int_equal(weir_store_poll(pair.rig.s), 0);
	weir_remote_close(pair.r); /* waits for OP */
	pair.r = NULL;
	assert_int_equal(op.result, 0);
	pair_close(&pair);
}

static void end_late(struct weir_store_op *op)
{
	uint64_t *quiet_ns = op->user;

	for (uint64_t until = clock_now() + 2 * *quiet_ns; clock_now() < until;)
		poll(NULL, 0, 10);
}

/* The client stands still for twice the time that an owner may be silent: that is no fault of the
 * owner, which is asked first. */
static void test_slow_client(void **state)
{
	struct weir_remote_opts opts = WEIR_REMOTE_OPTS_INIT;
	struct weir_store_op put = WEIR_STORE_OP_INIT, late = WEIR_STORE_OP_INIT;

	(void)state;
	pair_format(&pair);
	pair.rig.attach = 1;
	opts.quiet_ns = 2 * NSEC_PER_SEC;
	pair_open(&pair, &opts);
	put.key = late.key = "k";
	put.key_len = late.key_len = 1;
	put.value = "v";
	put.value_len = 1;
	late.kind = WEIR_STORE_EXISTS;
	late.end = end_late;
	late.user = &opts.quiet_ns;
	assert_int_equal(weir_remote_submit(pair.r, &put), 0);
	assert_int_equal(weir_remote_submit(pair.r, &late), 0);
	/* Nothing is answered but what needs no loop, until the owner was asked. */
	assert_int_equal(weir_remote_wait_end(pair.r, 3 * opts.quiet_ns), -ETIMEDOUT);
	for (size_t length = 0; weir_store_exists(pair.rig.s, "k", 1, &length);)
		assert_int_equal(weir_store_poll(pair.rig.s), 0);
	weir_remote_close(pair.r); /* waits for PUT */
	pair.r = NULL;
	assert_int_equal(put.result, 0);
	assert_int_equal(late.result, -ENOENT);
	pair_close(&pair);
}

/* A client that uses the store until it is killed, beside one that goes on. */
static void test_client_killed(void **state)
{
	uint64_t random = 1;

	(void)state;
	pair_format(&pair);
	pair_open(&pair, NULL);
	for (unsigned round = 0; round < KILLS; round++) {
		int ready[2];
		char byte;
		pid_t pid;

		assert_int_equal(pipe(ready), 0);
		pid = child_fork(false);
		if (!pid) {
			struct pair mine = { 0 };

			CHILD_CHECK(!weir_remote_open(&mine.r, pair.rig.path, NULL));
			CHILD_CHECK(write(ready[1], "", 1) == 1);
			for (uint64_t i = 0;; i++) {
				CHILD_CHECK(!pair_put(&mine, 1000 + i % KEYS, 7, LENGTH, 0));
				CHILD_CHECK(pair_get(&mine, 1000 + i % KEYS, 7, LENGTH) == 1);
			}
		}
		close(ready[1]);
		assert_int_equal(read(ready[0], &byte, 1), 1);
		close(ready[0]);
		usleep((useconds_t)(rig_random(&random) % 20000));
		kill_child(pid);
		for (uint64_t key = 0; key < KEYS; key++) {
			int found = rig_get(&pair.rig, 1000 + key, 7, LENGTH);

			assert_true(found == 1 || found == -ENOENT);
			assert_int_equal(pair_put(&pair, key, round, LENGTH, 0), 0);
			assert_int_equal(pair_get(&pair, key, round, LENGTH), 1);
		}
	}
	pair_close(&pair);
}

static void test_fork(void **state)
{
	struct weir_store_op op = WEIR_STORE_OP_INIT;
	struct child_living child;
	pid_t pid;

	(void)state;
	pair_format(&pair);
	pair_open(&pair, NULL);
	assert_int_equal(pair_put(&pair, 1, 1, LENGTH, 0), 0);
	pid = child_fork(false);
	if (!pid) {
		op.kind = WEIR_STORE_SYNC;
		CHILD_CHECK(weir_remote_run(pair.r, &op, 1) == -ECHILD);
		CHILD_CHECK(pair_get(&pair, 1, 1, LENGTH) == -ECHILD);
		weir_remote_close(pair.r);
		weir_store_close(pair.rig.s);
		child_exit();
	}
	child_wait(pid, "a child with a remote store");
	assert_int_equal(pair_get(&pair, 1, 1, LENGTH), 1);
	/* A child that lives on keeps neither end from seeing that the other one has gone. */
	child = child_live();
	rig_close(&pair.rig);
	assert_int_equal(pair_get(&pair, 1, 1, LENGTH), -EPIPE);
	child_let_go(child);
	pair_close(&pair);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_owner_closes, pair_setup, pair_teardown),
		cmocka_unit_test_setup_teardown(test_slow_owner, pair_setup, pair_teardown),
		cmocka_unit_test_setup_teardown(test_slow_client, pair_setup, pair_teardown),
		cmocka_unit_test_setup_teardown(test_fork, pair_setup, pair_teardown),
		cmocka_unit_test_setup_teardown(test_owner_killed, pair_setup, pair_teardown),
		cmocka_unit_test_setup_teardown(test_owner_stopped, pair_setup, pair_teardown),
		cmocka_unit_test_setup_teardown(test_client_killed, pair_setup, pair_teardown),
	};

	if (child_skip_all())
		return 0;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
