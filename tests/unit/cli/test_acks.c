/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_acks.c - the acknowledgement log returns what was appended, and an incomplete last line
 * does no harm.
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
	append_all(in, 10); /* these ids again: they are reported once */
	append_all(in, 0);
	assert_int_equal(acks_read(path, &out, &n), 0);
	assert_int_equal(n, IDS);
	for (uint64_t i = 0; i < IDS; i++)
		assert_int_equal(out[i], in[IDS - 1 - i]);
	free(out);
}

static void test_empty(void **state)
{
	static const uint64_t id = 5;
	uint64_t *out;
	size_t n;

	(void)state;
	assert_int_equal(acks_read(path, &out, &n), -EINVAL); /* no writer has begun a log here */
	assert_non_null(strstr(weir_error(), "empty"));
	append_all(NULL, 0);
	assert_int_equal(acks_read(path, &out, &n), 0);
	assert_int_equal(n, 0);
	free(out);
	assert_int_equal(truncate(path, 5), 0); /* the writer was killed while it began a log */
	assert_int_equal(acks_read(path, &out, &n), 0);
	assert_int_equal(n, 0);
	free(out);
	append_all(&id, 1);
	assert_int_equal(acks_read(path, &out, &n), 0);
	assert_int_equal(n, 1);
	free(out);
}

/* A log without a first line, as older versions wrote it. */
static void test_older(void **state)
{
	static const uint64_t id = 7;
	uint64_t *out;
	size_t n;

	(void)state;
	append_text("b0000000000000003\nb00");
	append_all(&id, 1);
	assert_int_equal(acks_read(path, &out, &n), 0);
	assert_int_equal(n, 2);
	assert_int_equal(out[0], 3);
	assert_int_equal(out[1], 7);
	free(out);
}

/* A file that is not a log is neither read as an empty log, nor cut short or appended to. */
/* A log that an editor has changed is read, but nothing is appended to it. */
static void test_edited(void **state)
{
	uint64_t *out;
	size_t n;

	(void)state;
	assert_int_equal(truncate(path, 0), 0);
	append_text("\xef\xbb\xbf# weir ack log 1\r\n\r\nb0000000000000001\r\n"
		    "b0000000000000002");
	assert_int_equal(acks_read(path, &out, &n), 0);
	assert_int_equal(n, 2);
	free(out);
	assert_int_equal(acks_open(path), -EINVAL);
}

static void test_garbage(void **state)
{
	static const char *const garbage[] = {
		"hello",
		"\n",
		"# weir ack log 2\n\n",
		"b000000000000000g\n",
		"B0000000000000001\n",
		"a page of something that is longer than a line\n",
		"b0000000000000001\nhello",
		"# weir ack log 1\n\nb0000000000000001\n# weir",
	};
	struct stat st;
	uint64_t *out;
	size_t n;

	(void)state;
	for (size_t i = 0; i < sizeof(garbage) / sizeof(garbage[0]); i++) {
		assert_int_equal(truncate(path, 0), 0);
		append_text(garbage[i]);
		assert_int_equal(acks_read(path, &out, &n), -EINVAL);
		assert_null(out);
		assert_int_equal(acks_open(path), -EINVAL);
		assert_int_equal(stat(path, &st), 0);
		assert_int_equal(st.st_size, strlen(garbage[i]));
	}
}

/* An incomplete line of a killed process is ignored and does not spoil the next one. */
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
	assert_non_null(strstr(weir_error(), ":4: not the key of a block"));
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
		cmocka_unit_test_setup_teardown(test_older, setup, teardown),
		cmocka_unit_test_setup_teardown(test_edited, setup, teardown),
		cmocka_unit_test_setup_teardown(test_garbage, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
