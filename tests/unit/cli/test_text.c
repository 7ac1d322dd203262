/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_text.c - keys, tables and progress as text.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <weir/base.h>

#include "cli/key.h"
#include "cli/progress.h"
#include "cli/table.h"

static void test_escape(void **state)
{
	static const unsigned char odd[] = { 0, 'a', '\\', ' ', '~', 0x7f, 0xff, '\n' };
	char text[KEY_TEXT_MAX];

	(void)state;
	assert_string_equal(key_escape(odd, sizeof(odd), text), "\\x00a\\\\ ~\\x7f\\xff\\x0a");
	assert_string_equal(key_escape("", 0, text), "");
}

/* Every byte, and the longest key, are the same after escaping and reading back. */
static void test_escape_both_ways(void **state)
{
	unsigned char key[WEIR_KEY_MAX], back[WEIR_KEY_MAX];
	char text[KEY_TEXT_MAX];
	uint32_t len;

	(void)state;
	for (size_t i = 0; i < sizeof(key); i++)
		key[i] = (unsigned char)(i * 7);
	key_escape(key, sizeof(key), text);
	assert_int_equal(key_unescape(text, back, &len), 0);
	assert_int_equal(len, sizeof(key));
	assert_memory_equal(key, back, sizeof(key));
	memset(key, 0x80, sizeof(key));
	assert_int_equal(strlen(key_escape(key, sizeof(key), text)), KEY_TEXT_MAX - 1);
}

static void test_bad_escapes(void **state)
{
	static const char *const bad[] = { "\\", "a\\n", "\\x", "\\x1", "\\xg0", "\\x0g" };
	unsigned char key[WEIR_KEY_MAX];
	uint32_t len;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(key_unescape(bad[i], key, &len), -EINVAL);
}

static void test_key_length(void **state)
{
	char text[WEIR_KEY_MAX + 2];
	struct key key;

	(void)state;
	memset(text, 'k', sizeof(text));
	text[WEIR_KEY_MAX] = '\0';
	assert_int_equal(key_read(&key, text, 0), 0);
	assert_int_equal(key.len, WEIR_KEY_MAX);
	text[WEIR_KEY_MAX] = 'k';
	text[WEIR_KEY_MAX + 1] = '\0';
	for (int escaped = 0; escaped < 2; escaped++) {
		assert_int_equal(key_read(&key, text, escaped), -EINVAL);
		assert_non_null(strstr(weir_error(), "1025 bytes"));
		assert_int_equal(key_read(&key, "", escaped), -EINVAL);
		assert_non_null(strstr(weir_error(), "empty"));
	}
}

static void print_table(struct table *t, char *text, size_t size)
{
	FILE *out = fmemopen(text, size, "w");

	assert_non_null(out);
	assert_int_equal(table_print(t, 1, out), 0);
	fclose(out);
	table_free(t);
}

static void test_table(void **state)
{
	struct table t = { .columns = "lrl" };
	char text[256] = "";

	(void)state;
	table_row(&t, "a", "1", "x");
	table_row(&t, "long", "1000", "yy");
	print_table(&t, text, sizeof(text));
	assert_string_equal(text, " a        1  x\n long  1000  yy\n");
}

static void test_many_rows(void **state)
{
	struct table t = { .columns = "lr" };
	char *text = calloc(1, 65536);

	(void)state;
	assert_non_null(text);
	for (int i = 0; i < 1000; i++)
		table_row(&t, "row", "9");
	print_table(&t, text, 65536);
	assert_int_equal(strlen(text), 1000 * strlen(" row  9\n"));
	free(text);
}

static void test_counts(void **state)
{
	char buf[32];

	(void)state;
	assert_string_equal(table_count(0, buf, sizeof(buf)), "0");
	assert_string_equal(table_count(999, buf, sizeof(buf)), "999");
	assert_string_equal(table_count(1000, buf, sizeof(buf)), "1,000");
	assert_string_equal(table_count(1234567, buf, sizeof(buf)), "1,234,567");
	assert_string_equal(table_count(UINT64_MAX, buf, sizeof(buf)),
			    "18,446,744,073,709,551,615");
}

static void test_progress(void **state)
{
	struct progress p = { .start_ns = 1000 };
	struct progress_state s = {
		.done = 2500,
		.total = 10000,
		.blocks = 200,
		.hits = 50,
		.bytes = 4000000000,
	};
	char text[160];

	(void)state;
	progress_line(&p, &s, 1000 + 2000000000, text, sizeof(text));
	assert_string_equal(text, "2,500 of 10,000 requests, 25.0 % hits, 2000 MB/s, 6 s left");
	s = (struct progress_state){ .total = 10 };
	progress_line(&p, &s, 1000, text, sizeof(text));
	assert_string_equal(text, "0 of 10 requests, 0.0 % hits, 0 MB/s, 0 s left");
}

/* Only one thread prints at a time, and not too often. */
static void test_progress_one_at_a_time(void **state)
{
	struct progress p = { .shown = true, .next_ns = 100 };

	(void)state;
	assert_false(progress_due(&p, 99));
	assert_true(progress_due(&p, 100));
	assert_false(progress_due(&p, 100));
	p.busy = false;
	p.shown = false;
	assert_false(progress_due(&p, 1000));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_escape),
		cmocka_unit_test(test_escape_both_ways),
		cmocka_unit_test(test_bad_escapes),
		cmocka_unit_test(test_key_length),
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_many_rows),
		cmocka_unit_test(test_counts),
		cmocka_unit_test(test_progress),
		cmocka_unit_test(test_progress_one_at_a_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
