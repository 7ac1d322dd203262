/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_kill.c - SIGKILL at random moments: what was acknowledged is there, or a later version.
 *
 * A child has a store open, and several of its threads put and delete. Each thread reports through
 * a pipe, which outlives the child, what it is about to do and what was acknowledged. The parent
 * kills the child, opens the store, and compares. WEIR_TEST_KILLS says how often.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "proof.h"
#include "rig.h"

#define KILLS 80u
#define KEYS 90u
#define THREADS 3u
#define RUN 6u
#define VERSIONS 4096u
#define VALUE_MAX 9000u
#define SAFE 8u /* the keys that were put last are never evicted */

struct scene {
	const char *engine;
	uint64_t bytes, segment_bytes;
	int evicts;
};

/* A line of the report: an operation is about to be submitted, or was acknowledged. */
struct report {
	uint32_t key, acked;
	uint64_t version;
	uint64_t length; /* 0: a delete */
};

/* What the parent knows about a key. */
struct known {
	struct report version[VERSIONS]; /* as they were submitted; the first is what was found */
	unsigned count, acked;		 /* acked: index of the last that was acknowledged */
	uint64_t when;			 /* number of the report that said so */
};

static struct known known[KEYS];
static uint64_t reports;

/* Of the child. */
static struct rig child_rig;
static int child_fd;
static uint64_t child_version;
static uint32_t child_streams[3];

static void child_tell(struct report *r, unsigned n, uint32_t acked)
{
	for (unsigned i = 0; i < n; i++)
		r[i].acked = acked;
	/* So few bytes are written at once. */
	if (write(child_fd, r, n * sizeof(*r)) != (ssize_t)(n * sizeof(*r)))
		_exit(3);
}

/* Makes an operation of a thread on one of its own keys, so that their order is known. */
static void child_op(struct weir_store_op *op, struct report *r, uint64_t *key, uint8_t *value,
		     unsigned thread, uint64_t *state)
{
	uint64_t dice = rig_random(state);

	*key = thread + rig_random(state) % (KEYS / THREADS) * THREADS;
	*r = (struct report){ .key = (uint32_t)*key,
			      .version = __atomic_add_fetch(&child_version, 1, __ATOMIC_RELAXED) };
	*op = (struct weir_store_op){ .key = key, .key_len = sizeof(*key) };
	op->flags = dice % 8 ? WEIR_PUT_WRITTEN : WEIR_PUT_DURABLE;
	op->kind = dice / 8 % 8 ? WEIR_STORE_PUT : WEIR_STORE_DELETE;
	if (op->kind == WEIR_STORE_DELETE)
		return;
	op->stream = (uint16_t)child_streams[dice / 64 % 3];
	r->length = 1 + rig_random(state) % VALUE_MAX;
	rig_value(*key, r->version, value, r->length);
	op->value = value;
	op->value_len = r->length;
}

static void *child_thread(void *arg)
{
	unsigned thread = *(unsigned *)arg;
	uint8_t *values = malloc((size_t)RUN * VALUE_MAX);
	struct weir_store_op ops[RUN];
	struct report r[RUN];
	uint64_t keys[RUN], state = child_version * THREADS + thread;

	for (;;) {
		for (unsigned n = 0; n < RUN; n++)
			child_op(&ops[n], &r[n], &keys[n], values + (size_t)n * VALUE_MAX, thread,
				 &state);
		child_tell(r, RUN, 0);
		weir_store_run(child_rig.s, ops, RUN);
		for (unsigned n = 0; n < RUN; n++)
			if (ops[n].result && ops[n].result != -ENOENT)
				_exit(2);
		child_tell(r, RUN, 1);
	}
	return NULL;
}

static void child(const struct rig *rig, int fd, uint64_t version)
{
	static unsigned number[THREADS];
	pthread_t thread;

	child_rig = *rig;
	child_fd = fd;
	child_version = version;
	if (rig_try_open(&child_rig, 0) ||
	    weir_store_add_tenant(child_rig.s, "one", &child_streams[1]) < 0 ||
	    weir_store_add_tenant(child_rig.s, "two", &child_streams[2]) < 0)
		_exit(1);
	for (unsigned n = 0; n < THREADS; n++) {
		number[n] = n;
		if (pthread_create(&thread, NULL, child_thread, &number[n]))
			_exit(4);
	}
	for (;;)
		pause();
}

static void note(const struct report *r)
{
	struct known *k = &known[r->key];
	unsigned n;

	reports++;
	assert_true(r->key < KEYS);
	if (!r->acked) {
		assert_true(k->count < VERSIONS);
		k->version[k->count++] = *r;
		return;
	}
	for (n = k->count; n-- > 0 && k->version[n].version != r->version;)
		;
	assert_true(n < k->count);
	if (n > k->acked)
		k->acked = n;
	k->when = reports;
}

/* Lets the child work for some time, kills it, and reads all that it reported. */
static void run_and_kill(const struct rig *rig, uint64_t version, long after_us)
{
	struct timespec pause = { .tv_nsec = after_us * 1000 };
	struct report r;
	int pipes[2], status, working = 0;
	pid_t pid;

	assert_int_equal(pipe(pipes), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (!pid)
		child(rig, pipes[1], version);
	close(pipes[1]);
	while (read(pipes[0], &r, sizeof(r)) == sizeof(r)) {
		note(&r);
		/* The first acknowledgement says that the child is working. */
		if (!r.acked || working)
			continue;
		working = 1;
		nanosleep(&pause, NULL);
		kill(pid, SIGKILL);
	}
	close(pipes[0]);
	waitpid(pid, &status, 0);
	assert_true(WIFSIGNALED(status) && working);
}

/* Returns true if KEY was acknowledged so late that nothing can have evicted it. */
static int is_safe(uint32_t key)
{
	unsigned later = 0;

	for (uint32_t other = 0; other < KEYS; other++)
		later += known[other].when > known[key].when;
	return known[key].when && later < SAFE;
}

/* Returns the index of the version that the store has under KEY. */
static unsigned look(struct rig *rig, uint32_t key, int evicts)
{
	struct known *k = &known[key];
	uint64_t id = key;
	size_t length = 0;
	int err = weir_store_exists(rig->s, &id, sizeof(id), &length);

	assert_true(!err || err == -ENOENT);
	for (unsigned n = k->count; n-- > k->acked;) {
		const struct report *v = &k->version[n];

		if (v->length ? !err && v->length == length &&
					rig_get(rig, key, v->version, v->length) == 1
			      : err == -ENOENT)
			return n;
	}
	if (err == -ENOENT && evicts && !is_safe(key))
		return k->count;
	fail_msg("key %u: %s, and version %llu or a later one was acknowledged", key,
		 err ? "it is not there" : "an old version, or none that was put",
		 (unsigned long long)k->version[k->acked].version);
	return 0;
}

static void check(struct rig *rig, int evicts)
{
	unsigned found[KEYS];

	for (uint32_t key = 0; key < KEYS; key++)
		found[key] = look(rig, key, evicts);
	for (uint32_t key = 0; key < KEYS; key++) {
		struct known *k = &known[key];

		k->version[0] = found[key] < k->count ? k->version[found[key]]
						      : (struct report){ .key = key };
		k->count = 1;
		k->acked = 0;
		k->when = 0;
	}
}

static unsigned kills(void)
{
	const char *text = getenv("WEIR_TEST_KILLS");

	return text ? (unsigned)atoi(text) : KILLS;
}

static void survives(void **state)
{
	const struct scene *scene = *state;
	struct rig rig = { .engine = scene->engine };
	uint64_t random = 11;
	unsigned n, all = kills() / 4;

	if (!rig_has(rig.engine))
		skip();
	memset(known, 0, sizeof(known));
	for (n = 0; n < KEYS; n++)
		known[n].count = 1;
	reports = 0;
	rig_make(&rig, scene->bytes, scene->segment_bytes, 4096);
	for (n = 0; n < all; n++) {
		/* Versions that were not acknowledged may be there: their numbers are not used
		 * again. */
		run_and_kill(&rig, (n + 1) * 1000000ull, 1 + (long)(rig_random(&random) % 40000));
		rig_open(&rig);
		check(&rig, scene->evicts);
		rig_close(&rig);
	}
	proof_count("kill", scene->engine, all);
	proof_count("kill", scene->evicts ? "with evictions" : "without evictions", all);
	proof_count("kill", "SIGKILL", all);
	proof_count("faults", "SIGKILL while threads work", all);
	rig_remove(&rig);
}

int main(void)
{
	static struct scene scenes[] = {
		{ "posix", 96 << 20, 256 << 10, 0 },
		{ "uring", 96 << 20, 256 << 10, 0 },
		{ "posix", 2 << 20, 64 << 10, 1 },
		{ "uring", 2 << 20, 64 << 10, 1 },
	};
	const struct CMUnitTest tests[] = {
		{ "killed_posix", survives, NULL, NULL, &scenes[0] },
		{ "killed_uring", survives, NULL, NULL, &scenes[1] },
		{ "killed_posix_full", survives, NULL, NULL, &scenes[2] },
		{ "killed_uring_full", survives, NULL, NULL, &scenes[3] },
	};

	proof_begin("store_kill");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
