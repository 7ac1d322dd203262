/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_openmetrics.c - metrics are written as the two formats want them, byte for byte, and a
 * histogram counts each value in the first bucket that it fits in.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/openmetrics.h"

static char *text;
static size_t length;

static struct openmetrics begin(bool classic)
{
	struct openmetrics m = { .out = open_memstream(&text, &length), .classic = classic };

	assert_non_null(m.out);
	return m;
}

/* Ends M, and compares what it wrote. */
static void expect(struct openmetrics *m, const char *expected)
{
	openmetrics_end(m);
	assert_int_equal(fclose(m->out), 0);
	assert_string_equal(text, expected);
	free(text);
}

static void write_all(struct openmetrics *m)
{
	openmetrics_family(m, "weir_put_bytes", OPENMETRICS_COUNTER, "Values.");
	openmetrics_label(m, "stream", "0");
	openmetrics_count(m, UINT64_MAX);
	openmetrics_family(m, "weir_recovery_seconds", OPENMETRICS_GAUGE, "How long.");
	openmetrics_time(m, 1500000000);
	openmetrics_family(m, "weir_store", OPENMETRICS_INFO, "Which.");
	openmetrics_label(m, "a", "1");
	openmetrics_label(m, "b", "2");
	openmetrics_count(m, 1);
	openmetrics_keep(m, 1);
	openmetrics_count(m, 1);
}

static void test_formats(void **state)
{
	struct openmetrics m = begin(false);

	(void)state;
	write_all(&m);
	expect(&m, "# TYPE weir_put_bytes counter\n# UNIT weir_put_bytes bytes\n"
		   "# HELP weir_put_bytes Values.\n"
		   "weir_put_bytes_total{stream=\"0\"} 18446744073709551615\n"
		   "# TYPE weir_recovery_seconds gauge\n# UNIT weir_recovery_seconds seconds\n"
		   "# HELP weir_recovery_seconds How long.\nweir_recovery_seconds 1.5\n"
		   "# TYPE weir_store info\n# HELP weir_store Which.\n"
		   "weir_store_info{a=\"1\",b=\"2\"} 1\nweir_store_info{a=\"1\"} 1\n# EOF\n");
	m = begin(true);
	write_all(&m);
	expect(&m, "# HELP weir_put_bytes_total Values.\n# TYPE weir_put_bytes_total counter\n"
		   "weir_put_bytes_total{stream=\"0\"} 18446744073709551615\n"
		   "# HELP weir_recovery_seconds How long.\n# TYPE weir_recovery_seconds gauge\n"
		   "weir_recovery_seconds 1.5\n"
		   "# HELP weir_store_info Which.\n# TYPE weir_store_info gauge\n"
		   "weir_store_info{a=\"1\",b=\"2\"} 1\nweir_store_info{a=\"1\"} 1\n");
}

/* A label that is any bytes of a user's cannot end a line, a label or the UTF-8 of the text. */
static void test_labels(void **state)
{
	static const char *const rows[][2] = {
		{ "plain", "plain" },
		{ "a\"b", "a\\\"b" },
		{ "a\\b", "a\\\\b" },
		{ "a\nweir_x 1", "a\\nweir_x 1" },
		{ "\xff\x01", "\\\\xff\\\\x01" },
		{ "\xc3\xa9\xe2\x80\xae\xe2\x80\xac", "\xc3\xa9\\\\u202e\\\\u202c" },
		{ "", "" },
	};
	char expected[256];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct openmetrics m = begin(true);

		openmetrics_family(&m, "x", OPENMETRICS_GAUGE, "X.");
		openmetrics_label(&m, "t", rows[i][0]);
		openmetrics_count(&m, 7);
		snprintf(expected, sizeof(expected), "# HELP x X.\n# TYPE x gauge\nx{t=\"%s\"} 7\n",
			 rows[i][1]);
		expect(&m, expected);
	}
}

/* Returns the count in the bucket LE. */
static unsigned long long bucket(const char *le)
{
	char name[64];
	const char *at;

	snprintf(name, sizeof(name), "x_bucket{le=\"%s\"} ", le);
	at = strstr(text, name);
	assert_non_null(at);
	return strtoull(at + strlen(name), NULL, 10);
}

static void test_histogram(void **state)
{
	struct openmetrics m = begin(false);
	struct hist h = { 0 };

	(void)state;
	hist_record(&h, 0);
	hist_record(&h, (1u << 14) - 1);    /* the last of the first bucket */
	hist_record(&h, 1u << 14);	    /* the first of the second */
	hist_record(&h, (1u << 14) + 8191); /* the last of the second */
	hist_record(&h, (1u << 14) + 8192); /* the first of the third */
	hist_record(&h, (1ull << 34) - 1);  /* the last one with an end */
	hist_record(&h, 1ull << 34);	    /* beyond */
	hist_record(&h, 1ull << 50);
	openmetrics_family(&m, "x", OPENMETRICS_HISTOGRAM, "X.");
	openmetrics_hist(&m, &h);
	assert_int_equal(fclose(m.out), 0);
	assert_int_equal(bucket("0.000016383"), 2);
	assert_int_equal(bucket("0.000024575"), 4);
	assert_int_equal(bucket("0.000032767"), 5);
	assert_int_equal(bucket("0.000049151"), 5);
	assert_int_equal(bucket("12.884901887"), 5);
	assert_int_equal(bucket("17.179869183"), 6);
	assert_int_equal(bucket("+Inf"), 8);
	assert_non_null(strstr(text, "\nx_count 8\n"));
	assert_non_null(strstr(text, "\nx_sum 1125934"));
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_formats),
		cmocka_unit_test(test_labels),
		cmocka_unit_test(test_histogram),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
