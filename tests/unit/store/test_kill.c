/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_kill.c - SIGKILL at random moments: what was acknowledged is there, or a later version.
 *
 * A child puts, and reports each acknowledgement through a pipe, which outlives it.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "rig.h"

#define KILLS 20
#define KEYS 60u
#define RUN 6u

struct ack {
	uint64_t key, version;
	uint64_t length;
};

static size_t length_of(uint64_t key, uint64_t version)
{
	return 1 + (key * 7919 + version * 104729) % 9000;
}

static void child(struct rig *rig, int fd, uint64_t version)
{
	static uint8_t values[RUN][9000];
	struct weir_store_op ops[RUN];
	struct ack ack[RUN];
	uint64_t state = version, n;

	if (rig_try_open(rig, 0))
		_exit(1);
	for (;;) {
		memset(ops, 0, sizeof(ops));
		for (n = 0; n < RUN; n++) {
			ack[n].key = rig_random(&state) % KEYS;
			ack[n].version = ++version;
			ack[n].length = length_of(ack[n].key, version);
			rig_value(ack[n].key, version, values[n], ack[n].length);
			ops[n].key = &ack[n].key;
			ops[n].key_len = sizeof(ack[n].key);
			ops[n].value = values[n];
			ops[n].value_len = ack[n].length;
		}
		if (weir_store_put_many(rig->s, ops, RUN))
			_exit(2);
		if (write(fd, ack, sizeof(ack)) != sizeof(ack))
			_exit(3);
	}
}

/* Returns the version of KEY; it is at most RUN later than any that was acknowledged. */
static uint64_t version_of(struct rig *rig, uint64_t key, uint64_t from, uint64_t to)
{
	uint64_t v;
	int err = rig_get(rig, key, from, length_of(key, from));

	if (from && err == 1)
		return from;
	assert_true(err >= 0 || (err == -ENOENT && !from));
	for (v = from + 1; v <= to && err != -ENOENT; v++)
		if (rig_get(rig, key, v, length_of(key, v)) == 1)
			return v;
	return 0;
}

static void kill_once(struct rig *rig, uint64_t *acked, uint64_t *last, unsigned after_us)
{
	struct timespec pause = { .tv_nsec = (long)after_us * 1000 };
	struct ack ack;
	int pipes[2], status;
	uint64_t key;
	pid_t pid;

	assert_int_equal(pipe(pipes), 0);
	pid = fork();
	if (!pid)
		child(rig, pipes[1], *last);
	close(pipes[1]);
	/* The first acknowledgement says that the child is working. */
	assert_int_equal(read(pipes[0], &ack, sizeof(ack)), sizeof(ack));
	do {
		acked[ack.key] = ack.version;
		*last = ack.version;
		if (pause.tv_nsec) {
			nanosleep(&pause, NULL);
			kill(pid, SIGKILL);
			pause.tv_nsec = 0;
		}
	} while (read(pipes[0], &ack, sizeof(ack)) == sizeof(ack));
	close(pipes[0]);
	waitpid(pid, &status, 0);
	assert_true(WIFSIGNALED(status));
	rig_open(rig);
	for (key = 0; key < KEYS; key++) {
		uint64_t found = version_of(rig, key, acked[key], *last + 2 * RUN);

		if (acked[key] && !found)
			fail_msg("key %d lost version %d", (int)key, (int)acked[key]);
		acked[key] = found;
	}
	/* Versions that were not acknowledged may be there, so their numbers are not used again. */
	*last += 2 * RUN;
	rig_close(rig);
}

static void survives(void **state)
{
	struct rig rig = { .engine = *state };
	uint64_t acked[KEYS] = { 0 }, last = 0, random = 11;
	int n;

	if (!rig_has(rig.engine))
		skip();
	/* The store is large enough that nothing is evicted. */
	rig_make(&rig, 96 << 20, 256 << 10, 4096);
	for (n = 0; n < KILLS / 2; n++)
		kill_once(&rig, acked, &last, 1 + (unsigned)(rig_random(&random) % 40000));
	rig_remove(&rig);
}

int main(void)
{
	static char posix[] = "posix", uring[] = "uring";
	const struct CMUnitTest tests[] = {
		{ "killed_posix", survives, NULL, NULL, posix },
		{ "killed_uring", survives, NULL, NULL, uring },
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
