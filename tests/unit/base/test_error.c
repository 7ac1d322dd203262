/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_error.c - each thread has its own text of the last error.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdio.h>

#include "base/error.h"

static void test_version(void **state)
{
	char text[32];

	(void)state;
	snprintf(text, sizeof(text), "%d.%d.%d", WEIR_VERSION_MAJOR, WEIR_VERSION_MINOR,
		 WEIR_VERSION_PATCH);
	assert_string_equal(weir_version(), text);
}

static void test_set(void **state)
{
	(void)state;
	assert_int_equal(error_set(-EINVAL, "%s: %d", "a.img", 7), -EINVAL);
	assert_string_equal(weir_error(), "a.img: 7");
}

static void test_sys(void **state)
{
	(void)state;
	assert_int_equal(error_sys(-ENOENT, "%s", "a.img"), -ENOENT);
	assert_string_equal(weir_error(), "a.img: No such file or directory");
}

static void test_keeps_errno(void **state)
{
	(void)state;
	errno = EXDEV;
	error_sys(-ENOENT, "x");
	assert_int_equal(errno, EXDEV);
}

static void test_wraps_itself(void **state)
{
	(void)state;
	error_set(-EINVAL, "inner");
	error_set(-EINVAL, "outer: %s", weir_error());
	assert_string_equal(weir_error(), "outer: inner");
}

static void test_long_text_is_cut(void **state)
{
	char text[2000];

	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	assert_int_equal(error_sys(-EIO, "%s", text), -EIO);
	assert_int_equal(strlen(weir_error()), 511);
	assert_memory_equal(weir_error(), text, 511);
	error_sys(-EIO, "%.505s", text);
	assert_int_equal(strlen(weir_error()), 511);
}

static void *other_thread(void *arg)
{
	char *before = arg;

	strcpy(before, weir_error());
	error_set(-EIO, "of the other thread");
	return NULL;
}

static void test_threads_have_their_own(void **state)
{
	char before[512];
	pthread_t thread;

	(void)state;
	error_set(-EINVAL, "of the first thread");
	assert_int_equal(pthread_create(&thread, NULL, other_thread, before), 0);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_string_equal(before, "no error");
	assert_string_equal(weir_error(), "of the first thread");
}

static void test_names(void **state)
{
	(void)state;
	assert_string_equal(error_name(ERROR_FORCE), "force");
	assert_int_equal(weir_error_name("force", "--force"), 0);
	assert_string_equal(error_name(ERROR_FORCE), "--force");
	assert_string_equal(error_name(ERROR_SALVAGE), "salvage");
	assert_int_equal(weir_error_name("force", NULL), 0);
	assert_string_equal(error_name(ERROR_FORCE), "force");
}

static void test_each_has_a_name(void **state)
{
	(void)state;
	for (enum error_option i = 0; i < ERROR_OPTIONS; i++) {
		assert_non_null(error_name(i));
		assert_int_equal(weir_error_name(error_name(i), "another"), 0);
		assert_string_equal(error_name(i), "another");
		assert_int_equal(weir_error_name("another", NULL), -EINVAL);
	}
}

static void test_names_of_nothing(void **state)
{
	(void)state;
	assert_int_equal(weir_error_name("forced", "--forced"), -EINVAL);
	assert_non_null(strstr(weir_error(), "forced"));
	assert_int_equal(weir_error_name(NULL, "--forced"), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_version),
		cmocka_unit_test(test_set),
		cmocka_unit_test(test_sys),
		cmocka_unit_test(test_keeps_errno),
		cmocka_unit_test(test_wraps_itself),
		cmocka_unit_test(test_long_text_is_cut),
		cmocka_unit_test(test_threads_have_their_own),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_names_of_nothing),
		cmocka_unit_test(test_each_has_a_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
