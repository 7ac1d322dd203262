/* SPDX-License-Identifier: Apache-2.0 */
/* files.c - calls that need nothing but a name, and fail. See files.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include <weir/weir.h>

#include "files.h"

int f_error_name(void)
{
	return weir_error_name("no_option", "--no-option");
}

int f_device_open(void)
{
	struct weir_device *dev;

	return weir_device_open(&dev, "/nonexistent/file", NULL);
}

int f_trace_open(void)
{
	struct weir_trace *trace;

	return weir_trace_open(&trace, "/dev/null", NULL);
}

/* The error of closing it while a queue is open. */
int f_trace_close(void)
{
	struct weir_queue_opts opts = WEIR_QUEUE_OPTS_INIT;
	struct weir_device *null;
	struct weir_queue *q;
	char file[] = "/tmp/weir-errors-XXXXXX", words[512];
	int err, fd = mkstemp(file);

	assert_true(fd >= 0);
	assert_int_equal(weir_trace_open(&opts.trace, file, NULL), 0);
	assert_int_equal(weir_device_open(&null, "null:1m", NULL), 0);
	assert_int_equal(weir_queue_open(&q, null, &opts), 0);
	err = weir_trace_close(opts.trace, NULL);
	snprintf(words, sizeof(words), "%s", weir_error());
	assert_int_equal(weir_queue_close(q), 0);
	weir_device_close(null);
	assert_int_equal(weir_trace_close(opts.trace, NULL), 0);
	assert_string_equal(words, weir_error()); /* a success leaves the words as they were */
	close(fd);
	unlink(file);
	return err;
}

int f_dump(void)
{
	return weir_store_dump("/nonexistent/store", NULL);
}

int f_check(void)
{
	struct weir_check_result result = WEIR_CHECK_RESULT_INIT;

	return weir_store_check("/nonexistent/store", NULL, &result);
}
