/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_nulls.c - a struct of options may be NULL wherever a call takes one, and a struct that a
 * call fills in either may be NULL or the call says that it may not (weir/base.h).
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include <weir/changes.h>
#include <weir/dump.h>
#include <weir/fsck.h>
#include <weir/future.h>
#include <weir/pin.h>
#include <weir/remote.h>
#include <weir/scrub.h>
#include <weir/tenant.h>
#include <weir/trace.h>
#include <weir/weir.h>

static char path[300], folder[256];

static int set_up(void **state)
{
	const char *dir = getenv("TMPDIR");
	int fd;

	(void)state;
	snprintf(folder, sizeof(folder), "%s/weir-nulls-XXXXXX", dir ? dir : "/tmp");
	assert_non_null(mkdtemp(folder));
	setenv("XDG_RUNTIME_DIR", folder, 1);
	snprintf(path, sizeof(path), "%s/store", folder);
	fd = open(path, O_RDWR | O_CREAT, 0600);
	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, 64 << 20), 0);
	close(fd);
	if (weir_store_format(path, NULL))
		fail_msg("format: %s", weir_error());
	return 0;
}

static int tear_down(void **state)
{
	char command[300];

	(void)state;
	snprintf(command, sizeof(command), "rm -r %s", folder);
	assert_int_equal(system(command), 0);
	return 0;
}

static void is_refused(int err)
{
	if (err != -EINVAL || !strstr(weir_error(), "NULL"))
		fail_msg("%d, \"%s\"", err, weir_error());
}

static void of_a_closed_store(void **state)
{
	struct weir_changes *changes;

	(void)state;
	assert_int_equal(weir_store_check(path, NULL, NULL), 0);
	assert_int_equal(weir_store_dump(path, NULL), 0);
	is_refused(weir_store_peek(NULL, path, NULL));
	assert_int_equal(weir_changes_open(&changes, NULL, 1), -EINVAL);
}

static int no_entry(const struct weir_store_entry *entry, void *user)
{
	(void)entry;
	(void)user;
	return 0;
}

static void of_a_store(void **state)
{
	struct weir_store *s;

	(void)state;
	assert_int_equal(weir_store_open(&s, path, NULL), 0);
	assert_int_equal(weir_store_put(s, "k", 1, "v", 1, 0), 0);
	assert_int_equal(weir_store_get(s, "k", 1, (char[4]){ 0 }, 4, NULL), 0);
	assert_int_equal(weir_store_exists(s, "k", 1, NULL), 0);
	assert_int_equal(weir_store_list_counted(s, NULL, no_entry, NULL, NULL), 0);
	assert_int_equal(weir_store_scrub(s, NULL, NULL), 0);
	is_refused(weir_store_get_info(s, NULL));
	is_refused(weir_store_get_stats(s, NULL));
	is_refused(weir_store_get_why(s, "k", 1, NULL));
	is_refused(weir_store_get_device(s, 0, NULL));
	is_refused(weir_store_get_device_stats(s, 0, NULL));
	is_refused(weir_store_get_stream(s, 0, NULL));
	is_refused(weir_store_get_held(s, NULL));
	assert_int_equal(weir_store_add_tenant(s, "t", &(uint32_t){ 0 }), 1);
	is_refused(weir_store_get_tenant(s, 0, NULL));
	/* The store stays open. */
	is_refused(weir_store_close_report(s, NULL));
	assert_int_equal(weir_store_exists(s, "k", 1, NULL), 0);
	assert_int_equal(weir_store_close(s), 0);
}

static void of_a_queue(void **state)
{
	struct weir_device *dev;
	struct weir_queue *q;

	(void)state;
	assert_int_equal(weir_device_open(&dev, path, NULL), 0);
	assert_int_equal(weir_queue_open(&q, dev, NULL), 0);
	is_refused(weir_queue_get_info(q, NULL));
	is_refused(weir_queue_get_stats(q, NULL));
	is_refused(weir_queue_get_op_stats(q, WEIR_OP_READ, NULL));
	is_refused(weir_queue_get_attr(q, 0, NULL));
	assert_true(weir_queue_get_buffer(q, 0, NULL) < 0);
	assert_true(weir_queue_get_placement_stats(q, 0, NULL) < 0);
	assert_int_equal(weir_queue_close(q), 0);
	weir_device_close(dev);
}

static void of_a_trace(void **state)
{
	struct weir_trace *trace;
	char file[320];

	(void)state;
	snprintf(file, sizeof(file), "%s/trace", folder);
	assert_int_equal(weir_trace_open(&trace, file, NULL), 0);
	assert_int_equal(weir_trace_close(trace, NULL), 0);
}

static void of_futures_and_remote_stores(void **state)
{
	struct weir_store_stats odd = { .size = 0 };
	struct weir_store_opts opts = WEIR_STORE_OPTS_INIT;
	struct weir_futures *f;
	struct weir_remote *r;
	struct weir_store *s;

	(void)state;
	opts.control = WEIR_CONTROL_ON;
	if (weir_store_open(&s, path, &opts))
		fail_msg("open: %s", weir_error());
	assert_int_equal(weir_futures_open(&f, s, NULL), 0);
	is_refused(weir_futures_get_stats(f, NULL));
	weir_futures_close(f);
	if (weir_remote_open(&r, path, NULL))
		fail_msg("remote: %s", weir_error());
	is_refused(weir_remote_get_info(r, NULL));
	is_refused(weir_remote_get_stats(r, NULL));
	/* It was not initialised. */
	assert_int_equal(weir_remote_get_stats(r, &odd), -EINVAL);
	weir_remote_close(r);
	assert_int_equal(weir_store_close(s), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(of_a_closed_store),
		cmocka_unit_test(of_a_store),
		cmocka_unit_test(of_a_queue),
		cmocka_unit_test(of_a_trace),
		cmocka_unit_test(of_futures_and_remote_stores),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
