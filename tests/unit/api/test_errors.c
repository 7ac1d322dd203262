/* SPDX-License-Identifier: Apache-2.0 */
/*
 * weir_error() for every function that can fail: each negative return sets a new text that names
 * something (test_kept.c: each success leaves the text as it was). The functions of the headers and
 * of the version script are compared with the table here, so a new one without a row fails.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include <weir/weir.h>

#include "base/error.h"
#include "device/state.h"
#include "files.h"
#include "futures.h"
#include "names.h"
#include "queue/lane/queue.h"
#include "remote.h"
#include "settings.h"

#define POISON "the text of an older error"

static char path[64];	  /* of a file with a store */
static char new_path[80]; /* of no file */
static struct weir_device *dev;
static struct weir_queue *mine;	   /* the calling thread owns its lane */
static struct weir_queue *foreign; /* its workers own it */
static struct weir_store *store;
static struct weir_io io;
static struct weir_store_op op;
static char memory[8192] __attribute__((aligned(4096)));

/* What a task calls, and what that returned. */
static struct {
	struct weir_task task;
	int (*fn)(void);
	int err;
} call;

static void call_task(struct weir_task *task)
{
	(void)task;
	call.err = call.fn();
}

/* FN inside a callback. */
static int in_callback(int (*fn)(void))
{
	call.fn = fn;
	call.task.fn = call_task;
	call.err = 0;
	assert_int_equal(weir_queue_post(mine, 0, &call.task), 0);
	assert_int_equal(weir_queue_poll(mine), 0);
	return call.err;
}

static int f_engine_probe(void)
{
	char why[64];

	return weir_engine_probe("steam", dev, why, sizeof(why));
}

/* As in a child of fork(): no drive is needed for that. */
static int f_fdp_read(void)
{
	struct weir_fdp *fdp;
	int err;

	dev->process++;
	err = weir_fdp_read(&fdp, dev);
	dev->process--;
	return err;
}

static int f_queue_open(void)
{
	struct weir_queue_opts opts = WEIR_QUEUE_OPTS_INIT;
	struct weir_queue *q;

	opts.scheduler = "first-come";
	return weir_queue_open(&q, dev, &opts);
}

static int close_queue(void)
{
	return weir_queue_close(mine);
}

static int f_queue_close(void)
{
	return in_callback(close_queue);
}

static int f_attach(void)
{
	return weir_queue_attach(mine, 0);
}

static int f_detach(void)
{
	return weir_queue_detach(foreign);
}

static int f_submit(void)
{
	weir_io_read(&io, 1, memory, 4096);
	return weir_queue_submit(mine, &io);
}

static int f_poll(void)
{
	return weir_queue_poll(foreign);
}

static int f_poll_wait(void)
{
	return weir_queue_poll_wait(foreign, 0);
}

static int wait_queue(void)
{
	return weir_queue_wait(mine);
}

static int f_queue_wait(void)
{
	return in_callback(wait_queue);
}

static int f_io_wait(void)
{
	weir_io_read(&io, 0, memory, 4096);
	return weir_io_wait(mine, &io, UINT64_MAX);
}

/* An io that fails after it was submitted. */
static int f_io_wait_failed(void)
{
	static struct iovec iov[2 * 64];

	for (unsigned i = 0; i < 128; i++)
		iov[i] = (struct iovec){ memory, sizeof(memory) };
	weir_io_readv(&io, 0, iov, 128);
	io.flags = WEIR_IO_NOWAIT;
	assert_int_equal(weir_queue_submit(mine, &io), 0);
	return weir_io_wait(mine, &io, UINT64_MAX);
}

static int f_io_cancel(void)
{
	weir_io_read(&io, 0, memory, 4096);
	return weir_io_cancel(mine, &io);
}

static int f_fd(void)
{
	return weir_queue_fd(foreign);
}

static int f_post(void)
{
	return weir_queue_post(mine, 99, &call.task);
}

static int f_register(void)
{
	return weir_queue_register(mine, NULL, 1);
}

static int f_unregister(void)
{
	return weir_queue_unregister(mine, memory, 3);
}

static int f_get_buffer(void)
{
	struct weir_buffer buffer = WEIR_BUFFER_INIT;

	return weir_queue_get_buffer(mine, 7, &buffer);
}

static int f_set_depth(void)
{
	return weir_queue_set_depth(mine, 0);
}

static int f_set_depth_bytes(void)
{
	return weir_queue_set_depth_bytes(mine, 0);
}

static int f_get_attr(void)
{
	struct weir_attr attr = WEIR_ATTR_INIT;

	return weir_queue_get_attr(mine, 9999, &attr);
}

static int f_set(void)
{
	return weir_queue_set(mine, "colour", "1");
}

static int f_get(void)
{
	char text[16];

	return weir_queue_get(mine, "colour", text, sizeof(text));
}

static int f_set_weight(void)
{
	return weir_queue_submitter_set_weight(mine, 1, 4000);
}

/* As in a child of fork(). */
static int f_set_group(void)
{
	int err = (mine->process++, weir_queue_submitter_set_group(mine, 1, 2));

	mine->process--;
	return err;
}

static int f_set_policy(void)
{
	return weir_queue_submitter_set_policy(mine, 1, (enum weir_queue_policy)77);
}

/* As in a child of fork(). */
static int f_gone(void)
{
	int err;

	mine->process++;
	err = weir_queue_submitter_gone(mine, 1);
	mine->process--;
	return err;
}

static int f_get_op_stats(void)
{
	struct weir_op_stats stats = WEIR_OP_STATS_INIT;

	return weir_queue_get_op_stats(mine, WEIR_OP_COUNT, &stats);
}

static int f_get_stats(void)
{
	struct weir_queue_stats stats = { .size = 3 };

	return weir_queue_get_stats(mine, &stats);
}

static int f_get_placement_stats(void)
{
	struct weir_placement_stats stats = WEIR_PLACEMENT_STATS_INIT;

	return weir_queue_get_placement_stats(mine, 0, &stats);
}

static int f_get_info(void)
{
	struct weir_queue_info info = { .size = 3 };

	return weir_queue_get_info(mine, &info);
}

static int f_format(void)
{
	return weir_store_format("/nonexistent/store", NULL);
}

static int f_store_open(void)
{
	struct weir_store *s;

	return weir_store_open(&s, "/nonexistent/store", NULL);
}

static int f_open_queues(void)
{
	struct weir_store *s;

	return weir_store_open_queues(&s, &mine, WEIR_DEVICES_MAX + 1, NULL);
}

static int close_store(void)
{
	return weir_store_close(store);
}

static int f_store_close(void)
{
	return in_callback(close_store);
}

static int f_store_submit(void)
{
	op = (struct weir_store_op)WEIR_STORE_OP_INIT;
	return weir_store_submit(store, &op);
}

static int poll_store(void)
{
	return weir_store_poll(store);
}

static int f_store_poll(void)
{
	return in_callback(poll_store);
}

static int f_store_wait(void)
{
	op = (struct weir_store_op)WEIR_STORE_OP_INIT;
	return weir_store_wait(store, &op, UINT64_MAX);
}

/* An operation that fails after it was submitted. */
static int f_store_wait_failed(void)
{
	op = (struct weir_store_op)WEIR_STORE_OP_INIT;
	op.kind = WEIR_STORE_GET;
	op.key = "nobody";
	op.key_len = 6;
	assert_int_equal(weir_store_submit(store, &op), 0);
	return weir_store_wait(store, &op, UINT64_MAX);
}

static int f_store_fd(void)
{
	return weir_store_fd(store);
}

static int f_store_cancel(void)
{
	op = (struct weir_store_op)WEIR_STORE_OP_INIT;
	return weir_store_cancel(store, &op);
}

static int f_put(void)
{
	return weir_store_put(store, "key", 3, memory, 100, 1 << 9);
}

static int f_store_get(void)
{
	return weir_store_get(store, "nobody", 6, memory, sizeof(memory), NULL);
}

static int f_exists(void)
{
	return weir_store_exists(store, "nobody", 6, NULL);
}

static int f_why(void)
{
	struct weir_store_why why = { .size = 3 };

	return weir_store_get_why(store, "nobody", 6, &why);
}

static int f_hash(void)
{
	uint64_t hash[2];

	return weir_store_hash(store, "", 0, hash);
}

static int f_exists_many(void)
{
	struct weir_store_key keys[2] = { { .key = "key", .key_len = 3 }, { .key = "key" } };
	uint64_t lengths[2];

	return weir_store_exists_many(store, keys, 2, lengths, NULL);
}

static int f_pin(void)
{
	return weir_store_pin(store, "nobody", 6);
}

static int f_unpin(void)
{
	return weir_store_unpin(store, "nobody", 6);
}

static int f_lease(void)
{
	struct weir_store_key key = { .key = "key" };
	uint64_t length;

	return weir_store_lease(store, &key, 1, 0, &length, NULL);
}

static int f_unlease(void)
{
	struct weir_store_key key = { .key = "key" };

	return weir_store_unlease(store, &key, 1);
}

static int f_store_close_report(void)
{
	struct weir_close_report report = { .size = 3 };

	return weir_store_close_report(store, &report);
}

static int f_held(void)
{
	struct weir_store_held held = { .size = 3 };

	return weir_store_get_held(store, &held);
}

static int f_scrub(void)
{
	struct weir_scrub_result result = { .size = 3 };

	return weir_store_scrub(store, NULL, &result);
}

static int f_delete(void)
{
	return weir_store_delete(store, "nobody", 6, 0);
}

static int sync_store(void)
{
	return weir_store_sync(store);
}

static int f_sync(void)
{
	return in_callback(sync_store);
}

static void op_end(struct weir_store_op *ended)
{
	(void)ended;
}

static int f_run(void)
{
	op = (struct weir_store_op){ .key = "key", .key_len = 3, .end = op_end };
	return weir_store_run(store, &op, 1);
}

static int f_put_many(void)
{
	op = (struct weir_store_op){ .key = "key", .key_len = WEIR_KEY_MAX + 1 };
	return weir_store_put_many(store, &op, 1);
}

static int f_get_many(void)
{
	op = (struct weir_store_op){ .key = "here", .key_len = 4, .buf = memory, .capacity = 1 };
	return weir_store_get_many(store, &op, 1);
}

static int list_stop(const struct weir_store_entry *entry, void *user)
{
	(void)entry;
	(void)user;
	return 0;
}

static int list_store(void)
{
	return weir_store_list(store, list_stop, NULL);
}

static int f_list_counted(void)
{
	struct weir_store_list_counts counts = { .size = 3 };

	return weir_store_list_counted(store, NULL, list_stop, NULL, &counts);
}

static int f_list(void)
{
	return in_callback(list_store);
}

static int f_store_get_info(void)
{
	struct weir_store_info info = { .size = 3 };

	return weir_store_get_info(store, &info);
}

static int f_peek(void)
{
	struct weir_store_info info = WEIR_STORE_INFO_INIT;

	return weir_store_peek(&info, "/nonexistent/store", NULL);
}

static int f_store_get_stats(void)
{
	struct weir_store_stats stats = { .size = 3 };

	return weir_store_get_stats(store, &stats);
}

static int f_metrics(void)
{
	char *text;

	return weir_store_metrics(store, (enum weir_metrics_format)44, &text, NULL);
}

static int f_format_many(void)
{
	return weir_store_format_many(NULL, 0, NULL);
}

static int f_get_device(void)
{
	struct weir_store_device device = WEIR_STORE_DEVICE_INIT;

	return weir_store_get_device(store, 1, &device);
}

static int f_get_device_stats(void)
{
	struct weir_store_stats stats = WEIR_STORE_STATS_INIT;

	return weir_store_get_device_stats(store, 1, &stats);
}

static int f_get_stream(void)
{
	struct weir_store_stream stream = WEIR_STORE_STREAM_INIT;

	return weir_store_get_stream(store, 44, &stream);
}

static int f_get_tenant(void)
{
	struct weir_store_tenant tenant = WEIR_STORE_TENANT_INIT;

	return weir_store_get_tenant(store, 44, &tenant);
}

/* Functions, a way for each to fail, and a word of the text. */
static const struct row {
	const char *name;
	int (*fails)(void);
	const char *word;
} rows[] = {
	{ "weir_error_name", f_error_name, "no_option" },
	{ "weir_device_open", f_device_open, "/nonexistent/file" },
	{ "weir_engine_probe", f_engine_probe, "steam" },
	{ "weir_fdp_read", f_fdp_read, "fork()" },
	{ "weir_queue_open", f_queue_open, "first-come" },
	{ "weir_queue_close", f_queue_close, "callback" },
	{ "weir_queue_attach", f_attach, "lane 0" },
	{ "weir_queue_detach", f_detach, "no lane" },
	{ "weir_queue_submit", f_submit, "null" },
	{ "weir_queue_poll", f_poll, "no lane" },
	{ "weir_queue_poll_wait", f_poll_wait, "no lane" },
	{ "weir_queue_wait", f_queue_wait, "callback" },
	{ "weir_io_wait", f_io_wait, "never submitted" },
	{ "weir_io_wait", f_io_wait_failed, "nr_requests" },
	{ "weir_io_cancel", f_io_cancel, "never submitted" },
	{ "weir_queue_fd", f_fd, "no lane" },
	{ "weir_queue_post", f_post, "no lane 99" },
	{ "weir_queue_register", f_register, "address" },
	{ "weir_queue_unregister", f_unregister, "3 bytes" },
	{ "weir_queue_get_buffer", f_get_buffer, "0 registered ranges" },
	{ "weir_queue_set_depth", f_set_depth, "depth 0" },
	{ "weir_queue_set_depth_bytes", f_set_depth_bytes, "depth_bytes" },
	{ "weir_queue_get_attr", f_get_attr, "9999" },
	{ "weir_queue_set", f_set, "colour" },
	{ "weir_queue_get", f_get, "colour" },
	{ "weir_queue_save_state", f_save_state, "learns nothing" },
	{ "weir_queue_load_state", f_load_state, "learns nothing" },
	{ "weir_queue_submitter_set_weight", f_set_weight, "4000" },
	{ "weir_queue_submitter_set_policy", f_set_policy, "77" },
	{ "weir_queue_submitter_set_group", f_set_group, "fork()" },
	{ "weir_queue_submitter_gone", f_gone, "fork()" },
	{ "weir_queue_get_op_stats", f_get_op_stats, "no such operation" },
	{ "weir_queue_get_stats", f_get_stats, "3 bytes" },
	{ "weir_queue_get_placement_stats", f_get_placement_stats, "placement ids" },
	{ "weir_queue_get_info", f_get_info, "3 bytes" },
	{ "weir_store_format", f_format, "/nonexistent/store" },
	{ "weir_store_open", f_store_open, "/nonexistent/store" },
	{ "weir_store_open_queues", f_open_queues, "17 devices" },
	{ "weir_store_format_many", f_format_many, "0 devices" },
	{ "weir_store_get_device", f_get_device, "the store has 1" },
	{ "weir_store_get_device_stats", f_get_device_stats, "the store has 1" },
	{ "weir_store_close", f_store_close, "callback" },
	{ "weir_store_close_report", f_store_close_report, "3 bytes" },
	{ "weir_store_submit", f_store_submit, "key of 0 bytes" },
	{ "weir_store_poll", f_store_poll, "callback" },
	{ "weir_store_wait", f_store_wait, "never submitted" },
	{ "weir_store_wait", f_store_wait_failed, "no such key" },
	{ "weir_store_fd", f_store_fd, "opts.attach" },
	{ "weir_store_cancel", f_store_cancel, "never submitted" },
	{ "weir_store_put", f_put, "0x200" },
	{ "weir_store_get", f_store_get, "no such key" },
	{ "weir_store_exists", f_exists, "no such key" },
	{ "weir_store_get_why", f_why, "3 bytes" },
	{ "weir_store_hash", f_hash, "key of 0 bytes" },
	{ "weir_store_exists_many", f_exists_many, "key 2 of 2" },
	{ "weir_futures_open", f_futures_open, "without a store" },
	{ "weir_futures_fd", f_futures_fd, "no futures" },
	{ "weir_futures_submit", f_futures_submit, "no futures" },
	{ "weir_futures_wait", f_futures_wait, "no futures" },
	{ "weir_futures_get_stats", f_futures_stats, "no futures" },
	{ "weir_futures_open_remote", f_futures_open_remote, "without a remote" },
	{ "weir_futures_use", f_futures_use, "no futures" },
	{ "weir_remote_open", f_remote_open, "/nonexistent/store" },
	{ "weir_remote_submit", f_remote_submit, "no remote store" },
	{ "weir_remote_run", f_remote_run, "no remote store" },
	{ "weir_remote_wait_end", f_remote_wait_end, "no remote store" },
	{ "weir_remote_get_info", f_remote_get_info, "no remote store" },
	{ "weir_remote_get_stats", f_remote_get_stats, "no remote store" },
	{ "weir_remote_add_tenant", f_remote_add_tenant, "no remote store" },
	{ "weir_remote_list", f_remote_list, "no remote store" },
	{ "weir_changes_open", f_changes_open, "no options" },
	{ "weir_store_pin", f_pin, "no such key" },
	{ "weir_store_unpin", f_unpin, "no pin" },
	{ "weir_store_lease", f_lease, "key 1 of 1" },
	{ "weir_store_unlease", f_unlease, "key 1 of 1" },
	{ "weir_store_get_held", f_held, "3 bytes" },
	{ "weir_store_scrub", f_scrub, "3 bytes" },
	{ "weir_store_delete", f_delete, "no such key" },
	{ "weir_store_sync", f_sync, "callback" },
	{ "weir_store_run", f_run, "operation 1 of 1" },
	{ "weir_store_put_many", f_put_many, "key of 1025 bytes" },
	{ "weir_store_get_many", f_get_many, "the buffer only 1" },
	{ "weir_store_list", f_list, "callback" },
	{ "weir_store_list_counted", f_list_counted, "3 bytes" },
	{ "weir_store_get_info", f_store_get_info, "3 bytes" },
	{ "weir_store_peek", f_peek, "/nonexistent/store" },
	{ "weir_store_dump", f_dump, "/nonexistent/store" },
	{ "weir_store_check", f_check, "/nonexistent/store" },
	{ "weir_store_get_stats", f_store_get_stats, "3 bytes" },
	{ "weir_store_metrics", f_metrics, "44" },
	{ "weir_trace_open", f_trace_open, "/dev/null" },
	{ "weir_trace_close", f_trace_close, "close them first" },
	{ "weir_store_add_tenant", f_add_tenant, "name" },
	{ "weir_store_set_share", f_set_share, "44" },
	{ "weir_store_set_write_budget", f_set_write_budget, "44" },
	{ "weir_store_set_free_marks", f_set_free_marks, "44" },
	{ "weir_store_get_stream", f_get_stream, "44" },
	{ "weir_store_get_tenant", f_get_tenant, "44" },
};

#define ROWS (sizeof(rows) / sizeof(rows[0]))

static void poison(void)
{
	error_set(-1, POISON);
}

static void each_error_has_words(void **state)
{
	unsigned wrong = 0;

	(void)state;
	for (size_t i = 0; i < ROWS; i++) {
		const char *text;
		int err;

		poison();
		err = rows[i].fails();
		text = weir_error();
		if (err < 0 && !strstr(text, POISON) && strstr(text, rows[i].word))
			continue;
		print_error("%s: %d, \"%s\" without \"%s\"\n", rows[i].name, err, text,
			    rows[i].word);
		wrong++;
	}
	assert_int_equal(wrong, 0);
}

static bool in_table(const char *name)
{
	for (size_t i = 0; i < ROWS; i++)
		if (!strcmp(rows[i].name, name))
			return true;
	return false;
}

static void no_function_is_left_out(void **state)
{
	static struct names declared, exported;
	unsigned wrong = 0;

	(void)state;
	names_of_headers(&declared);
	names_of_map(&exported);
	assert_true(declared.n > 40 && exported.n > declared.n);
	for (size_t i = 0; i < declared.n; i++) {
		const char *name = declared.name[i];

		if (in_table(name) && names_have(&exported, name))
			continue;
		print_error("%s: %s\n", name,
			    in_table(name) ? "not in libweir.map" : "no row in this test");
		wrong++;
	}
	for (size_t i = 0; i < ROWS; i++)
		if (!names_have(&declared, rows[i].name)) {
			print_error("%s: in no header\n", rows[i].name);
			wrong++;
		}
	assert_int_equal(wrong, 0);
}

/* The words outlive the store. */
static void operations_have_words(void **state)
{
	char text[400];

	(void)state;
	assert_int_equal(f_store_wait_failed(), -ENOENT);
	assert_string_equal(weir_store_op_strerror(&op, text, sizeof(text)), "get: no such key");
	assert_int_equal(f_get_many(), -EMSGSIZE);
	assert_string_equal(weir_store_op_strerror(&op, text, sizeof(text)),
			    "get: the value has 4 bytes, the buffer only 1");
	op = (struct weir_store_op){ .kind = WEIR_STORE_PUT, .result = -ENOSPC };
	assert_non_null(strstr(weir_store_op_strerror(&op, text, sizeof(text)), "put: no space"));
	op = (struct weir_store_op){ .kind = WEIR_STORE_GET, .result = -EBADMSG };
	assert_non_null(strstr(weir_store_op_strerror(&op, text, sizeof(text)), "damaged"));
	op = (struct weir_store_op){ .kind = 77, .result = -EPERM };
	assert_string_equal(weir_store_op_strerror(&op, text, sizeof(text)),
			    "unknown operation: Operation not permitted");
}

static int set_up(void **state)
{
	struct weir_store_format_opts format = WEIR_STORE_FORMAT_OPTS_INIT;
	struct weir_queue_opts opts = WEIR_QUEUE_OPTS_INIT;
	const char *dir = getenv("TMPDIR");
	int fd;

	(void)state;
	snprintf(path, sizeof(path), "%.40s/weir-api-XXXXXX", dir ? dir : "/tmp");
	fd = mkstemp(path);
	assert_true(fd >= 0 && !posix_fallocate(fd, 0, 128 << 20));
	close(fd);
	snprintf(new_path, sizeof(new_path), "%s.new", path);
	assert_int_equal(weir_store_format(path, &format), 0);
	assert_int_equal(weir_store_open(&store, path, NULL), 0);
	settings_store = store;
	assert_int_equal(weir_store_put(store, "here", 4, "here", 4, 0), 0);
	assert_int_equal(weir_device_open(&dev, "null", NULL), 0);
	opts.scheduler = "bfq";
	opts.nr_requests = 4;
	opts.max_io_bytes = 4096;
	assert_int_equal(weir_queue_open(&mine, dev, &opts), 0);
	settings_queue = mine;
	assert_int_equal(weir_queue_attach(mine, 0), 0);
	opts.workers = 1;
	assert_int_equal(weir_queue_open(&foreign, dev, &opts), 0);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	assert_int_equal(weir_queue_close(foreign), 0);
	assert_int_equal(weir_queue_close(mine), 0);
	weir_device_close(dev);
	assert_int_equal(weir_store_close(store), 0);
	unlink(path);
	unlink(new_path);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_function_is_left_out),
		cmocka_unit_test(each_error_has_words),
		cmocka_unit_test(operations_have_words),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
