/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_control.c - a store that is open here is looked at through its control socket: with both
 * engines, with the loop on a worker and on the opening thread.
 */
#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "control/client.h"
#include "rig.h"

#include "../child.h"
#include "../device/workdir.h"
#include "../held.h"

#define LONG_TIME (60ull * 1000000000)
#define LARGE 400000u /* longer than a frame */
#define KEYS 3000u    /* more than fit into a frame of a listing */

static uint8_t large[LARGE];

static int setup(void **state)
{
	(void)state;
	if (workdir_make() || setenv("XDG_RUNTIME_DIR", workdir, 1))
		return -1;
	rig_value(1, 1, large, sizeof(large));
	return 0;
}

static int teardown(void **state)
{
	char path[600];

	(void)state;
	snprintf(path, sizeof(path), "%s/weir", workdir);
	rmdir(path);
	return workdir_remove();
}

static int connect_to(struct control_client *cl, const struct rig *rig, uint64_t timeout_ns)
{
	struct weir_store_info info = WEIR_STORE_INFO_INIT;
	struct weir_device *dev;
	int err;

	if (weir_store_peek(&info, rig->path, NULL) || weir_device_open(&dev, rig->path, NULL))
		return -EIO;
	err = control_connect(cl, info.uuid, weir_device_get_info(dev), timeout_ns);
	weir_device_close(dev);
	return err;
}

static char *buf; /* CONTROL_DATA_MAX bytes */

/* Asks for a struct that begins with its size. */
static bool ask_struct(struct control_client *cl, uint32_t kind, const void *body, size_t length,
		       void *out, size_t size)
{
	size_t got;

	if (control_ask(cl, kind, body, length) ||
	    control_next(cl, buf, CONTROL_DATA_MAX, &got) != 1 || got < size)
		return false;
	memcpy(out, buf, size);
	return control_next(cl, buf, CONTROL_DATA_MAX, &got) == 0;
}

static bool ask_large(struct control_client *cl)
{
	size_t got, at = 0;
	int err = control_ask(cl, CONTROL_GET, "large", 5);

	while (!err && (err = control_next(cl, buf, CONTROL_DATA_MAX, &got)) == 1) {
		if (at + got > LARGE || memcmp(buf, large + at, got) != 0)
			return false;
		at += got;
		err = 0;
	}
	return !err && at == LARGE;
}

static bool ask_list(struct control_client *cl)
{
	uint64_t found = 0, bytes = 0;
	size_t got;
	int err = control_ask(cl, CONTROL_LIST, NULL, 0);

	while (!err && (err = control_next(cl, buf, CONTROL_DATA_MAX, &got)) == 1) {
		for (size_t at = 0; at < got; found++) {
			struct control_entry e;

			memcpy(&e, buf + at, sizeof(e));
			at += sizeof(e) + e.key_len;
			bytes += e.value_len;
			if (at > got)
				return false;
		}
		err = 0;
	}
	return !err && found == KEYS + 1 && bytes == KEYS * 5 + LARGE;
}

/* Asks everything. Returns NULL, or what went wrong. */
static const char *ask_all(struct control_client *cl)
{
	struct weir_store_stats stats;
	struct weir_store_info info;
	struct weir_queue_info queue;
	struct weir_store_stream stream;
	struct weir_store_tenant tenant;
	struct weir_store_why why;
	uint64_t length;
	uint32_t n = 0;
	size_t got;

	if (!ask_struct(cl, CONTROL_INFO, NULL, 0, &info, sizeof(info)) || !info.segments ||
	    info.control_path || info.placement_why)
		return "info";
	if (!ask_struct(cl, CONTROL_STATS, NULL, 0, &stats, sizeof(stats)) ||
	    stats.entries != KEYS + 1)
		return "stats";
	if (!ask_struct(cl, CONTROL_QUEUE, NULL, 0, &queue, sizeof(queue)) || queue.engine)
		return "queue";
	if (!ask_struct(cl, CONTROL_STREAM, &n, sizeof(n), &stream, sizeof(stream)) ||
	    stream.entries != KEYS + 1)
		return "stream";
	if (!ask_struct(cl, CONTROL_TENANT, &n, sizeof(n), &tenant, sizeof(tenant)) ||
	    strcmp(tenant.name, "alice") != 0)
		return "tenant";
	if (!ask_struct(cl, CONTROL_WHY, "large", 5, &why, sizeof(why)) || !why.there)
		return "why";
	if (!ask_struct(cl, CONTROL_EXISTS, "large", 5, &length, sizeof(length)) || length != LARGE)
		return "exists";
	if (!ask_large(cl))
		return "get";
	if (!ask_list(cl))
		return "list";
	n = 7;
	if (control_ask(cl, CONTROL_STREAM, &n, sizeof(n)) ||
	    control_next(cl, buf, CONTROL_DATA_MAX, &got) != -ENOENT)
		return "no stream";
	if (control_ask(cl, CONTROL_STREAM, &n, 3) ||
	    control_next(cl, buf, CONTROL_DATA_MAX, &got) != -EINVAL)
		return "no number";
	if (control_ask(cl, CONTROL_GET, "none", 4) ||
	    control_next(cl, buf, CONTROL_DATA_MAX, &got) != -ENOENT)
		return "a miss";
	if (control_ask(cl, CONTROL_GET, NULL, 0) ||
	    control_next(cl, buf, CONTROL_DATA_MAX, &got) != -EINVAL)
		return "no key";
	if (control_ask(cl, 99, NULL, 0) ||
	    control_next(cl, buf, CONTROL_DATA_MAX, &got) != -EOPNOTSUPP)
		return "no request";
	return NULL;
}

struct asking {
	const struct rig *rig;
	const char *wrong;
	bool done;
};

static void *ask_run(void *arg)
{
	struct asking *a = arg;
	struct control_client cl;

	a->wrong = "connect";
	if (!connect_to(&cl, a->rig, LONG_TIME)) {
		a->wrong = ask_all(&cl);
		control_disconnect(&cl);
	}
	__atomic_store_n(&a->done, true, __ATOMIC_RELEASE);
	return NULL;
}

static void make(struct rig *rig)
{
	uint32_t stream;

	rig_make(rig, 96 << 20, 1 << 20, 4096);
	rig_open(rig);
	for (uint32_t i = 0; i < KEYS; i++) {
		char key[64];

		snprintf(key, sizeof(key), "a key that is not very short, number %u", i);
		assert_int_equal(weir_store_put(rig->s, key, (uint32_t)strlen(key), "value", 5, 0),
				 0);
	}
	assert_int_equal(weir_store_put(rig->s, "large", 5, large, LARGE, 0), 0);
	assert_int_equal(weir_store_add_tenant(rig->s, "alice", &stream), 1);
}

static void check_answers(const char *engine, uint32_t attach)
{
	struct rig rig = { .engine = engine, .attach = attach };
	struct weir_store_info info = WEIR_STORE_INFO_INIT;
	struct asking a = { .rig = &rig };
	char path[600];
	pthread_t thread;

	if (!rig_has(engine))
		return;
	make(&rig);
	assert_int_equal(weir_store_get_info(rig.s, &info), 0);
	assert_non_null(info.control_path);
	assert_null(info.control_why);
	snprintf(path, sizeof(path), "%s", info.control_path);
	assert_int_equal(pthread_create(&thread, NULL, ask_run, &a), 0);
	while (attach && !__atomic_load_n(&a.done, __ATOMIC_ACQUIRE))
		assert_int_equal(weir_store_poll(rig.s), 0);
	pthread_join(thread, NULL);
	if (a.wrong)
		fail_msg("%s, attach %u: %s: %s", engine, attach, a.wrong, weir_error());
	rig_close(&rig);
	assert_int_equal(access(path, F_OK), -1);
	rig_remove(&rig);
}

static void test_answers(void **state)
{
	(void)state;
	for (uint32_t attach = 0; attach < 2; attach++) {
		check_answers("posix", attach);
		check_answers("uring", attach);
	}
}

/* Asks for a listing. Returns its result; *HIDDEN is the last entry, which says what it lacks. */
static int ask_list_hidden(struct control_client *cl, struct control_entry *hidden)
{
	size_t got, at;
	int err = control_ask(cl, CONTROL_LIST, NULL, 0);

	memset(hidden, 0, sizeof(*hidden));
	while (!err && (err = control_next(cl, buf, CONTROL_DATA_MAX, &got)) == 1) {
		for (at = 0; at < got; at += sizeof(*hidden) + hidden->key_len)
			memcpy(hidden, buf + at, sizeof(*hidden));
		err = 0;
	}
	return err;
}

/* A client is told how many keys could not be read, also if no damage hides any. */
static void test_unread(void **state)
{
	struct rig rig = { .engine = "posix" };
	struct control_client cl;
	struct control_entry hidden;

	(void)state;
	make(&rig);
	assert_int_equal(connect_to(&cl, &rig, LONG_TIME), 0);
	assert_int_equal(ask_list_hidden(&cl, &hidden), 0);
	assert_true(hidden.key_len > 0);
	/* Behind the end of the file nothing can be read. */
	assert_int_equal(truncate(rig.path, 64 << 10), 0);
	assert_int_equal(ask_list_hidden(&cl, &hidden), -EIO);
	assert_int_equal(hidden.key_len, 0);
	assert_int_equal(hidden.sequence, 0);
	assert_int_equal(hidden.value_len, KEYS + 1);
	control_disconnect(&cl);
	rig_close(&rig);
	rig_remove(&rig);
}

/* An owner that does not run its loop does not answer, and a client is told so; closing the store
 * answers what came meanwhile. */
static void test_owner_sleeps(void **state)
{
	struct rig rig = { .engine = "posix", .attach = 1 };
	struct weir_store_stats stats = WEIR_STORE_STATS_INIT;
	struct control_client late[10];
	size_t got;

	(void)state;
	make(&rig);
	for (int i = 0; i < 10; i++) {
		/* What needs no loop is answered: eight at a time. */
		if (i < 8) {
			assert_int_equal(connect_to(&late[i], &rig, LONG_TIME), 0);
			assert_int_equal(control_ask(&late[i], CONTROL_STATS, NULL, 0), 0);
			late[i].timeout_ns = 20000000;
		} else {
			assert_int_equal(connect_to(&late[i], &rig, 20000000), -ETIMEDOUT);
			assert_non_null(strstr(weir_error(), "does not answer within"));
			late[i].fd = -1;
		}
	}
	for (int i = 0; i < 8; i++) {
		assert_int_equal(control_next(&late[i], buf, CONTROL_DATA_MAX, &got), -ETIMEDOUT);
		assert_non_null(strstr(weir_error(), "its owner does not answer"));
	}
	/* Half of the clients give up, half wait on. */
	for (int i = 0; i < 4; i++)
		control_disconnect(&late[i]);
	assert_int_equal(weir_store_get_stats(rig.s, &stats), 0);
	assert_int_equal(stats.entries, KEYS + 1);
	rig_close(&rig);
	for (int i = 4; i < 8; i++)
		control_disconnect(&late[i]);
	rig_remove(&rig);
}

/* The store is closed while requests are with a loop that nobody runs. */
static void test_close(void **state)
{
	static const uint32_t kinds[] = { CONTROL_STATS, CONTROL_LIST, CONTROL_GET };

	(void)state;
	for (int round = 0; round < 9; round++) {
		struct rig rig = { .engine = "posix", .attach = 1 };
		struct control_client cl[3];
		unsigned files = held_files();

		rig_make(&rig, 96 << 20, 1 << 20, 4096);
		rig_open(&rig);
		assert_int_equal(weir_store_put(rig.s, "large", 5, large, LARGE, 0), 0);
		for (int i = 0; i < 3; i++) {
			assert_int_equal(connect_to(&cl[i], &rig, LONG_TIME), 0);
			assert_int_equal(control_ask(&cl[i], kinds[i], "large", i == 2 ? 5 : 0), 0);
		}
		/* Some requests have come to the loop by now, others have not. */
		usleep((useconds_t)round * 500);
		rig_close(&rig);
		for (int i = 0; i < 3; i++)
			control_disconnect(&cl[i]);
		assert_int_equal(held_files(), files);
		rig_remove(&rig);
	}
}

static void test_options(void **state)
{
	struct weir_store_opts opts = WEIR_STORE_OPTS_INIT;
	struct weir_store_info info = WEIR_STORE_INFO_INIT;
	struct rig rig = { .engine = "posix" };
	struct control_client cl;
	struct weir_store *s;

	(void)state;
	rig_make(&rig, 96 << 20, 1 << 20, 4096);
	opts.control = WEIR_CONTROL_OFF;
	assert_int_equal(weir_store_open(&s, rig.path, &opts), 0);
	assert_int_equal(weir_store_get_info(s, &info), 0);
	assert_null(info.control_path);
	assert_null(info.control_why);
	assert_int_equal(connect_to(&cl, &rig, LONG_TIME), -ENOENT);
	assert_non_null(strstr(weir_error(), "no control socket"));
	assert_int_equal(weir_store_close(s), 0);
	opts.control = WEIR_CONTROL_ON;
	opts.read_only = 1; /* readers share a store, so nobody has to ask them */
	assert_int_equal(weir_store_open(&s, rig.path, &opts), 0);
	assert_int_equal(weir_store_get_info(s, &info), 0);
	assert_null(info.control_path);
	assert_int_equal(weir_store_close(s), 0);
	rig_remove(&rig);
}

/* A store opens also where no socket can be made, unless it must have one. */
static void test_no_place(void **state)
{
	struct weir_store_opts opts = WEIR_STORE_OPTS_INIT;
	struct weir_store_info info = WEIR_STORE_INFO_INIT;
	struct rig rig = { .engine = "posix" };
	struct weir_store *s;
	char folder[600];
	struct stat st;

	(void)state;
	rig_make(&rig, 96 << 20, 1 << 20, 4096);
	assert_int_equal(stat(rig.path, &st), 0);
	/* The name of the socket is a folder that is not empty, so nothing can be put there. */
	snprintf(folder, sizeof(folder), "%s/weir", workdir);
	assert_int_equal(weir_store_open(&s, rig.path, NULL), 0);
	assert_int_equal(weir_store_get_info(s, &info), 0);
	snprintf(folder, sizeof(folder), "%s", info.control_path);
	assert_int_equal(weir_store_close(s), 0);
	assert_int_equal(mkdir(folder, 0700), 0);
	assert_int_equal(weir_store_open(&s, rig.path, NULL), 0);
	assert_int_equal(weir_store_get_info(s, &info), 0);
	assert_null(info.control_path);
	assert_non_null(strstr(info.control_why, "cannot listen"));
	assert_int_equal(weir_store_close(s), 0);
	opts.control = WEIR_CONTROL_ON;
	assert_true(weir_store_open(&s, rig.path, &opts) < 0);
	assert_non_null(strstr(weir_error(), "cannot listen"));
	assert_int_equal(rmdir(folder), 0);
	assert_int_equal(weir_store_open(&s, rig.path, &opts), 0);
	assert_int_equal(weir_store_close(s), 0);
	rig_remove(&rig);
}

/* A child of fork() closes the store, and the parent answers as before. */
static void test_child(void **state)
{
	(void)state;
	for (uint32_t attach = 0; attach < 2; attach++) {
		struct rig rig = { .engine = "posix", .attach = attach };
		struct control_client cl = { .fd = -1 };
		pid_t pid;

		make(&rig);
		for (int bare = 0; bare < 2; bare++) {
			pid = child_fork(bare);
			if (!pid) {
				CHILD_CHECK(!weir_store_close(rig.s));
				_exit(0);
			}
			child_wait(pid, "a child that closes");
		}
		assert_int_equal(connect_to(&cl, &rig, LONG_TIME), 0);
		assert_int_equal(cl.pid, getpid());
		control_disconnect(&cl);
		rig_close(&rig);
		assert_int_equal(connect_to(&cl, &rig, LONG_TIME), -ENOENT);
		rig_remove(&rig);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_answers),	 cmocka_unit_test(test_owner_sleeps),
		cmocka_unit_test(test_close),	 cmocka_unit_test(test_options),
		cmocka_unit_test(test_no_place), cmocka_unit_test(test_child),
		cmocka_unit_test(test_unread),
	};

	if (child_skip_all())
		return 0;
	buf = malloc(CONTROL_DATA_MAX);
	return cmocka_run_group_tests(tests, setup, teardown);
}
