/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_fork.c - a store and fork(). The child's calls return -ECHILD at once, closing in the child
 * takes neither lock nor data from the parent, and the parent's store is not affected. Tested are
 * both engines, the loop on a worker and on the opening thread, and children that use it, exit,
 * close, continue and exec.
 */
#include <assert.h>
#include <errno.h>
#include <stdbool.h>

#include "rig.h"

#include "../child.h"

#define KEYS 12u /* two for each thing that a child does */
#define LENGTH 90000u

static char text[16];

static int c_submit(struct weir_store *s)
{
	static struct weir_store_op op = { .kind = WEIR_STORE_SYNC };

	return weir_store_submit(s, &op);
}

static int c_poll(struct weir_store *s)
{
	return weir_store_poll(s);
}

static int c_wait(struct weir_store *s)
{
	static struct weir_store_op op;

	return weir_store_wait(s, &op, UINT64_MAX);
}

static int c_cancel(struct weir_store *s)
{
	static struct weir_store_op op;

	return weir_store_cancel(s, &op);
}

static int c_fd(struct weir_store *s)
{
	return weir_store_fd(s);
}

static int c_put(struct weir_store *s)
{
	return weir_store_put(s, "k", 1, "v", 1, 0);
}

static int c_get(struct weir_store *s)
{
	return weir_store_get(s, "k", 1, text, sizeof(text), NULL);
}

static int c_exists(struct weir_store *s)
{
	return weir_store_exists(s, "k", 1, NULL);
}

static int c_why(struct weir_store *s)
{
	struct weir_store_why why = WEIR_STORE_WHY_INIT;

	return weir_store_get_why(s, "k", 1, &why);
}

static int c_hash(struct weir_store *s)
{
	uint64_t hash[2];

	return weir_store_hash(s, "k", 1, hash);
}

static int c_exists_many(struct weir_store *s)
{
	struct weir_store_key key = { .key = "k", .key_len = 1 };
	uint64_t length;

	return weir_store_exists_many(s, &key, 1, &length, NULL);
}

static int c_pin(struct weir_store *s)
{
	return weir_store_pin(s, "k", 1);
}

static int c_unpin(struct weir_store *s)
{
	return weir_store_unpin(s, "k", 1);
}

static int c_lease(struct weir_store *s)
{
	struct weir_store_key key = { .key = "k", .key_len = 1 };
	uint64_t length;

	return weir_store_lease(s, &key, 1, 0, &length, NULL);
}

static int c_unlease(struct weir_store *s)
{
	struct weir_store_key key = { .key = "k", .key_len = 1 };

	return weir_store_unlease(s, &key, 1);
}

static int c_held(struct weir_store *s)
{
	struct weir_store_held held = WEIR_STORE_HELD_INIT;

	return weir_store_get_held(s, &held);
}

static int c_metrics(struct weir_store *s)
{
	char *made;

	return weir_store_metrics(s, WEIR_METRICS_OPENMETRICS, &made, NULL);
}

static int c_scrub(struct weir_store *s)
{
	struct weir_scrub_result result = WEIR_SCRUB_RESULT_INIT;

	return weir_store_scrub(s, NULL, &result);
}

static int c_delete(struct weir_store *s)
{
	return weir_store_delete(s, "k", 1, WEIR_PUT_DURABLE);
}

static int c_sync(struct weir_store *s)
{
	return weir_store_sync(s);
}

static int c_run(struct weir_store *s)
{
	struct weir_store_op ops[2] = { { .kind = WEIR_STORE_SYNC }, { .kind = WEIR_STORE_SYNC } };

	return weir_store_run(s, ops, 2);
}

static int c_put_many(struct weir_store *s)
{
	struct weir_store_op op = { .key = "k", .key_len = 1, .value = "v", .value_len = 1 };

	return weir_store_put_many(s, &op, 1);
}

static int c_get_many(struct weir_store *s)
{
	struct weir_store_op op = {
		.key = "k", .key_len = 1, .buf = text, .capacity = sizeof(text)
	};

	return weir_store_get_many(s, &op, 1);
}

static int no_entry(const struct weir_store_entry *entry, void *user)
{
	(void)entry;
	(void)user;
	return 0;
}

static int c_list(struct weir_store *s)
{
	return weir_store_list(s, no_entry, NULL);
}

static int c_list_counted(struct weir_store *s)
{
	return weir_store_list_counted(s, NULL, no_entry, NULL, NULL);
}

static int c_info(struct weir_store *s)
{
	struct weir_store_info info = WEIR_STORE_INFO_INIT;

	return weir_store_get_info(s, &info);
}

static int c_stats(struct weir_store *s)
{
	struct weir_store_stats stats = WEIR_STORE_STATS_INIT;

	return weir_store_get_stats(s, &stats);
}

static int c_tenant(struct weir_store *s)
{
	uint32_t stream;

	return weir_store_add_tenant(s, "somebody", &stream);
}

static int c_share(struct weir_store *s)
{
	return weir_store_set_share(s, 0, 30);
}

static int c_write_budget(struct weir_store *s)
{
	return weir_store_set_write_budget(s, 1 << 30);
}

static int c_free_marks(struct weir_store *s)
{
	return weir_store_set_free_marks(s, 2, 4);
}

static int c_stream(struct weir_store *s)
{
	struct weir_store_stream stream = WEIR_STORE_STREAM_INIT;

	return weir_store_get_stream(s, 0, &stream);
}

static int c_tenant_row(struct weir_store *s)
{
	struct weir_store_tenant row = WEIR_STORE_TENANT_INIT;

	return weir_store_get_tenant(s, 0, &row);
}

static int c_device(struct weir_store *s)
{
	struct weir_store_device device = WEIR_STORE_DEVICE_INIT;

	return weir_store_get_device(s, 0, &device);
}

static int c_device_stats(struct weir_store *s)
{
	struct weir_store_stats stats = WEIR_STORE_STATS_INIT;

	return weir_store_get_device_stats(s, 0, &stats);
}

static int c_open_queues(struct weir_store *s)
{
	struct weir_queue *q = weir_store_queue(s);
	struct weir_store *another;

	return weir_store_open_queues(&another, &q, 1, NULL);
}

static const struct {
	const char *name;
	int (*call)(struct weir_store *s);
} calls[] = {
	{ "weir_store_submit", c_submit },
	{ "weir_store_poll", c_poll },
	{ "weir_store_wait", c_wait },
	{ "weir_store_cancel", c_cancel },
	{ "weir_store_fd", c_fd },
	{ "weir_store_put", c_put },
	{ "weir_store_get", c_get },
	{ "weir_store_exists", c_exists },
	{ "weir_store_get_why", c_why },
	{ "weir_store_get_device", c_device },
	{ "weir_store_get_device_stats", c_device_stats },
	{ "weir_store_hash", c_hash },
	{ "weir_store_exists_many", c_exists_many },
	{ "weir_store_pin", c_pin },
	{ "weir_store_unpin", c_unpin },
	{ "weir_store_lease", c_lease },
	{ "weir_store_unlease", c_unlease },
	{ "weir_store_get_held", c_held },
	{ "weir_store_metrics", c_metrics },
	{ "weir_store_scrub", c_scrub },
	{ "weir_store_delete", c_delete },
	{ "weir_store_sync", c_sync },
	{ "weir_store_run", c_run },
	{ "weir_store_put_many", c_put_many },
	{ "weir_store_get_many", c_get_many },
	{ "weir_store_list", c_list },
	{ "weir_store_list_counted", c_list_counted },
	{ "weir_store_get_info", c_info },
	{ "weir_store_get_stats", c_stats },
	{ "weir_store_add_tenant", c_tenant },
	{ "weir_store_set_share", c_share },
	{ "weir_store_set_write_budget", c_write_budget },
	{ "weir_store_set_free_marks", c_free_marks },
	{ "weir_store_get_stream", c_stream },
	{ "weir_store_get_tenant", c_tenant_row },
	{ "weir_store_open_queues", c_open_queues },
};

static void child_calls_all(struct weir_store *s)
{
	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		int err = calls[i].call(s);

		if (err == -ECHILD && strstr(weir_error(), "fork()"))
			continue;
		fprintf(stderr, "%s: %d, %s\n", calls[i].name, err, weir_error());
		_exit(1);
	}
}

/* The ways in which a child uses the store. */
enum what { EXITS, USES, CLOSES, CALLS_AND_CLOSES, OPENS_ITS_OWN, EXECS, WHATS };

static_assert(KEYS == 2 * WHATS, "every key is put once");

static void child_opens(struct rig *rig, struct weir_store *s)
{
	struct weir_store_opts opts = WEIR_STORE_OPTS_INIT;
	struct weir_store *own;

	/* The parent has this store open; another one is free. */
	CHILD_CHECK(weir_store_open(&own, rig[0].path, NULL) == -EBUSY);
	opts.engine = rig->engine;
	CHILD_CHECK(!weir_store_open(&own, rig[1].path, &opts));
	CHILD_CHECK(!weir_store_put(own, "k", 1, "v", 1, WEIR_PUT_DURABLE));
	CHILD_CHECK(weir_store_get(s, "k", 1, text, sizeof(text), NULL) == -ECHILD);
	CHILD_CHECK(!weir_store_close(own));
}

static void child_main(struct rig *rig, enum what what)
{
	struct weir_store *s = rig->s;

	if (what == EXECS)
		execlp("true", "true", (char *)NULL);
	if (what == USES || what == CALLS_AND_CLOSES)
		child_calls_all(s);
	if (what == OPENS_ITS_OWN)
		child_opens(rig, s);
	if (what == CLOSES || what == CALLS_AND_CLOSES || what == OPENS_ITS_OWN)
		CHILD_CHECK(!weir_store_close(s));
	exit(0);
}

static void put_some(struct rig *rig, uint64_t from, uint64_t to)
{
	for (uint64_t key = from; key < to; key++)
		assert_int_equal(rig_put(rig, key, 1, LENGTH, key + 1 == to ? WEIR_PUT_DURABLE : 0),
				 0);
}

static void get_all(struct rig *rig)
{
	for (uint64_t key = 0; key < KEYS; key++)
		assert_int_equal(rig_get(rig, key, 1, LENGTH), 1);
}

/* Runs one child while the parent continues to put. */
static void check(struct rig *rig, enum what what)
{
	pid_t pid = child_fork(false);

	if (!pid)
		child_main(rig, what);
	put_some(rig, what * 2, what * 2 + 2);
	child_wait(pid, rig->engine);
}

static void each_way(void (*test)(struct rig *rig))
{
	for (unsigned n = 0; n < 4; n++) {
		struct rig rig[2] = { { .engine = n & 1 ? "uring" : "posix", .attach = n >> 1 } };

		if (!rig_has(rig->engine))
			continue;
		rig[1].engine = rig->engine;
		test(rig);
	}
}

static void each_child(struct rig *rig)
{
	rig_make(&rig[1], 16 << 20, 256 << 10, 4096);
	rig_make(rig, 16 << 20, 256 << 10, 4096);
	rig_open(rig);
	for (enum what what = 0; what < WHATS; what++)
		check(rig, what);
	get_all(rig);
	rig_close(rig);
	rig_open(rig);
	get_all(rig);
	rig_remove(rig);
	rig_remove(&rig[1]);
}

static void test_child_leaves_the_parent_alone(void **state)
{
	(void)state;
	each_way(each_child);
}

/* After the parent has closed the store, it is free, although children live that inherited it. */
static void living_child(struct rig *rig)
{
	struct child_living first, second;

	rig_make(rig, 16 << 20, 256 << 10, 4096);
	rig_open(rig);
	first = child_live();
	put_some(rig, 0, KEYS);
	second = child_live();
	rig_close(rig);
	for (int times = 0; times < 3; times++) {
		rig_open(rig);
		get_all(rig);
		rig_close(rig);
	}
	child_let_go(second);
	child_let_go(first);
	rig_remove(rig);
}

static void test_child_lives_on(void **state)
{
	(void)state;
	each_way(living_child);
}

/*
 * This is a pool of workers as Python's multiprocessing makes it: many children by fork(), each
 * with an inherited store. Each child ends with the destructor of that object and sends results
 * back, while the parent continues to put.
 */
static void pool_of_children(struct rig *rig)
{
	pid_t pid[8];

	rig_make(rig, 16 << 20, 256 << 10, 4096);
	rig_open(rig);
	for (unsigned i = 0; i < 8; i++) {
		assert_int_equal(rig_put(rig, i, 1, LENGTH, 0), 0);
		pid[i] = child_fork(false);
		if (!pid[i]) {
			CHILD_CHECK(weir_store_exists(rig->s, "k", 1, NULL) == -ECHILD);
			CHILD_CHECK(!weir_store_close(rig->s));
			child_exit();
		}
		put_some(rig, 8 + 2ull * i, 10 + 2ull * i);
	}
	for (unsigned i = 0; i < 8; i++)
		child_wait(pid[i], "one of a pool");
	get_all(rig);
	rig_remove(rig);
}

static void test_pool_of_children(void **state)
{
	(void)state;
	each_way(pool_of_children);
}

/* Forks again and again while puts are under way on another thread's loop. */
static void under_way(struct rig *rig)
{
	static char value[LENGTH];

	rig_make(rig, 16 << 20, 256 << 10, 4096);
	rig_open(rig);
	for (unsigned times = 0; times < 8; times++) {
		struct weir_store_op ops[16];
		pid_t pid;

		memset(ops, 0, sizeof(ops));
		for (unsigned i = 0; i < 16; i++) {
			ops[i].kind = i % 4 == 3 ? WEIR_STORE_SYNC : WEIR_STORE_PUT;
			ops[i].key = &ops[i];
			ops[i].key_len = 8 + i;
			ops[i].value = value;
			ops[i].value_len = LENGTH;
			assert_int_equal(weir_store_submit(rig->s, &ops[i]), 0);
		}
		pid = child_fork(times % 2);
		if (!pid) {
			CHILD_CHECK(weir_store_wait(rig->s, &ops[0], UINT64_MAX) == -ECHILD);
			CHILD_CHECK(!weir_store_close(rig->s));
			/* exit() is not used, because the worker's memory would look like a
			 * leak. */
			_exit(0);
		}
		for (unsigned i = 0; i < 16; i++)
			assert_int_equal(weir_store_wait(rig->s, &ops[i], UINT64_MAX), 0);
		child_wait(pid, rig->engine);
	}
	rig_remove(rig);
}

static void test_fork_while_puts_are_under_way(void **state)
{
	(void)state;
	each_way(under_way);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_child_leaves_the_parent_alone),
		cmocka_unit_test(test_child_lives_on),
		cmocka_unit_test(test_pool_of_children),
		cmocka_unit_test(test_fork_while_puts_are_under_way),
	};

	return child_skip_all() ? 0 : cmocka_run_group_tests(tests, NULL, NULL);
}
