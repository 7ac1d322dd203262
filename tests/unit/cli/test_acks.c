/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_acks.c - the acknowledgement log gives back what was appended, and copes with a torn end.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <weir/base.h>

#include "cli/acks.h"
#include "cli/content.h"

static char path[256];

static int setup(void **state)
{
	const char *dir = getenv("TMPDIR");
	int fd;

	(void)state;
	snprintf(path, sizeof(path), "%s/weir-acks-XXXXXX", dir ? dir : "/tmp");
	fd = mkstemp(path);
	return fd < 0 ? -1 : close(fd);
}

static int teardown(void **state)
{
	(void)state;
	return unlink(path);
}

static void append_all(const uint64_t *ids, size_t n)
{
	int fd = acks_open(path);

	assert_true(fd >= 0);
	assert_int_equal(acks_append(fd, ids, n), 0);
	close(fd);
}

static void append_text(const char *text)
{
	int fd = open(path, O_WRONLY | O_APPEND);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
}

static void test_round_trip(void **state)
{
	enum { IDS = 1000 };
	uint64_t in[IDS], *out;
	size_t n;

	(void)state;
	for (uint64_t i = 0; i < IDS; i++)
		in[i] = (IDS - i) * 0x123456789;
	append_all(in, IDS);
	append_all(in, 10); /* again: told once */
	append_all(in, 0);
	assert_int_equal(acks_read(path, &out, &n), 0);
	assert_int_equal(n, IDS);
	for (uint64_t i = 0; i < IDS; i++)
		assert_int_equal(out[i], in[IDS - 1 - i]);
	free(out);
}

static void test_empty(void **state)
{
	uint64_t *out;
	size_t n;

	(void)state;
	assert_int_equal(acks_read(path, &out, &n), 0);
	assert_int_equal(n, 0);
	free(out);
}

/* What a killed process left of a line does not count, and does not spoil the next one. */
static void test_torn_end(void **state)
{
	static const uint64_t ids[] = { 3, 4 };
	uint64_t *out;
	size_t n;

	(void)state;
	append_all(ids, 1);
	append_text("b00000000");
	assert_int_equal(acks_read(path, &out, &n), 0);
	assert_int_equal(n, 1);
	free(out);
	append_all(ids + 1, 1);
	assert_int_equal(acks_read(path, &out, &n), 0);
	assert_int_equal(n, 2);
	assert_int_equal(out[1], 4);
	free(out);
}

static void test_not_a_log(void **state)
{
	static const uint64_t id = 9;
	uint64_t *out;
	size_t n;

	(void)state;
	append_all(&id, 1);
	append_text("this is something else altogether");
	assert_int_equal(acks_read(path, &out, &n), -EINVAL);
	assert_null(out);
	assert_non_null(strstr(weir_error(), ":2: not the key of a block"));
	assert_int_equal(acks_read("/nonexistent/log", &out, &n), -ENOENT);
	assert_int_equal(acks_open("/nonexistent/log"), -ENOENT);
	assert_non_null(strstr(weir_error(), "/nonexistent/log"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_round_trip, setup, teardown),
		cmocka_unit_test_setup_teardown(test_empty, setup, teardown),
		cmocka_unit_test_setup_teardown(test_torn_end, setup, teardown),
		cmocka_unit_test_setup_teardown(test_not_a_log, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
