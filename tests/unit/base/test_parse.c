/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_parse.c - sizes, times and numbers as people type them.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/error.h"
#include "base/parse.h"

#define KIB 1024ull
#define GIB (KIB * KIB * KIB)

struct good {
	const char *text;
	uint64_t value;
};

struct bad {
	const char *text;
	int err;
};

static void check_good(int (*parse)(const char *, uint64_t *), const struct good *good, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		uint64_t value = 77;
		int err = parse(good[i].text, &value);

		if (err || value != good[i].value)
			fail_msg("\"%s\": %d, %llu", good[i].text, err, (unsigned long long)value);
	}
}

static void check_bad(int (*parse)(const char *, uint64_t *), const struct bad *bad, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		uint64_t value = 77;
		int ret = parse(bad[i].text, &value);

		if (ret != bad[i].err || value != 77)
			fail_msg("\"%s\": %d, %llu", bad[i].text, ret, (unsigned long long)value);
		if (!strstr(weir_error(), bad[i].text))
			fail_msg("\"%s\" is not named in: %s", bad[i].text, weir_error());
	}
}

static void test_size_good(void **state)
{
	static const struct good good[] = {
		{ "0", 0 },
		{ "4096", 4096 },
		{ "17B", 17 },
		{ "4k", 4 * KIB },
		{ "4K", 4 * KIB },
		{ "4KiB", 4 * KIB },
		{ "4kb", 4 * KIB },
		{ "4Ki", 4 * KIB },
		{ "4 MiB", 4 * KIB * KIB },
		{ "1.5GiB", GIB + GIB / 2 },
		{ "1.5g", GIB + GIB / 2 },
		{ "0.25T", 256 * GIB },
		{ "2P", 2 * KIB * KIB * GIB },
		{ "1.000000000000000000000000001k", KIB },
		{ "0.3k", 307 },
		{ "18446744073709551615", UINT64_MAX },
		{ "16383P", 16383ull << 50 },
	};

	(void)state;
	check_good(parse_size, good, sizeof(good) / sizeof(good[0]));
}

static void test_size_bad(void **state)
{
	static const struct bad bad[] = {
		{ "", -EINVAL },
		{ "k", -EINVAL },
		{ "10Q", -EINVAL },
		{ "-1", -EINVAL },
		{ "+1", -EINVAL },
		{ " 1", -EINVAL },
		{ "1 ", -EINVAL },
		{ "1.", -EINVAL },
		{ ".5k", -EINVAL },
		{ "1.k", -EINVAL },
		{ "1.5", -EINVAL },
		{ "1.5B", -EINVAL },
		{ "1..5k", -EINVAL },
		{ "1kk", -EINVAL },
		{ "1BiB", -EINVAL },
		{ "0x10", -EINVAL },
		{ "1e6", -EINVAL },
		{ "4k x", -EINVAL },
		{ "18446744073709551616", -ERANGE },
		{ "16384P", -ERANGE },
		{ "99999999999999999999999999k", -ERANGE },
	};

	(void)state;
	check_bad(parse_size, bad, sizeof(bad) / sizeof(bad[0]));
}

static void test_size_error_names_units(void **state)
{
	uint64_t value;

	(void)state;
	assert_int_equal(parse_size("10Q", &value), -EINVAL);
	assert_non_null(strstr(weir_error(), "10Q"));
	assert_non_null(strstr(weir_error(), "k, M, G, T, P"));
}

static void test_time_good(void **state)
{
	static const struct good good[] = {
		{ "0", 0 },
		{ "10ns", 10 },
		{ "250us", 250000 },
		{ "2ms", 2000000 },
		{ "1.5s", 1500000000 },
		{ "1 s", 1000000000 },
		{ "1m", 60000000000 },
		{ "0.5h", 1800000000000 },
	};

	(void)state;
	check_good(parse_time, good, sizeof(good) / sizeof(good[0]));
}

static void test_time_bad(void **state)
{
	static const struct bad bad[] = {
		{ "", -EINVAL },      { "5", -EINVAL },	       { "ms", -EINVAL },
		{ "5 ", -EINVAL },    { "1.5ns", -EINVAL },    { "2days", -EINVAL },
		{ "-2ms", -EINVAL },  { "6000000h", -ERANGE }, { "1.s", -EINVAL },
		{ "1msec", -EINVAL },
	};

	(void)state;
	check_bad(parse_time, bad, sizeof(bad) / sizeof(bad[0]));
	assert_int_equal(parse_time("5", &(uint64_t){ 0 }), -EINVAL);
	assert_non_null(strstr(weir_error(), "ns, us, ms, s, m or h"));
}

static void test_number(void **state)
{
	uint64_t value = 77;

	(void)state;
	assert_int_equal(parse_number("3", 1, 8, &value), 0);
	assert_true(value == 3);
	assert_int_equal(parse_number("18446744073709551615", 0, UINT64_MAX, &value), 0);
	assert_true(value == UINT64_MAX);
	value = 77;
	assert_int_equal(parse_number("0", 1, 8, &value), -ERANGE);
	assert_int_equal(parse_number("9", 1, 8, &value), -ERANGE);
	assert_non_null(strstr(weir_error(), "from 1 to 8"));
	assert_int_equal(parse_number("18446744073709551616", 0, UINT64_MAX, &value), -ERANGE);
	assert_int_equal(parse_number("", 1, 8, &value), -EINVAL);
	assert_int_equal(parse_number("3k", 1, 8, &value), -EINVAL);
	assert_int_equal(parse_number("-3", 1, 8, &value), -EINVAL);
	assert_non_null(strstr(weir_error(), "from 1 to 8"));
	assert_true(value == 77);
}

static void test_sysfs(void **state)
{
	static const char *const bad[] = { "",	  " 1",	 "1 ", "-",	"+-1", "--1", "0x",
					   "1e3", "1.5", "x",  "1\n\n", "08",  "\n",  "0x 1" };
	int64_t v = 0;

	(void)state;
	assert_int_equal(parse_sysfs("-12", &v), 0);
	assert_int_equal(v, -12);
	assert_int_equal(parse_sysfs("+0x1F\n", &v), 0);
	assert_int_equal(v, 31);
	assert_int_equal(parse_sysfs("010", &v), 0);
	assert_int_equal(v, 8);
	assert_int_equal(parse_sysfs("99999999999999999999", &v), 0);
	assert_true(v == INT64_MAX);
	assert_int_equal(parse_sysfs("-99999999999999999999", &v), 0);
	assert_true(v == INT64_MIN);
	v = 5;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(parse_sysfs(bad[i], &v), -EINVAL);
	assert_int_equal(v, 5);
}

/* Writes BYTES as an option takes them, and checks that the option would get the same number. */
static void check_word(uint64_t bytes, const char *expected)
{
	uint64_t again = 0;
	char buf[32];

	assert_string_equal(format_size_word(bytes, buf, sizeof(buf)), expected);
	assert_int_equal(parse_size(buf, &again), 0);
	assert_int_equal(again, bytes);
}

static void test_format_size_word(void **state)
{
	(void)state;
	check_word(0, "0B");
	check_word(17, "17B");
	check_word(1023, "1023B");
	check_word(4 * KIB, "4KiB");
	check_word(4 * KIB + 1, "4097B");
	check_word(GIB + GIB / 2, "1536MiB");
	check_word(4 * GIB, "4GiB");
	check_word(4 * GIB + 128 * KIB, "4194432KiB");
	check_word(GIB << 30, "1024PiB");
	check_word(UINT64_MAX, "18446744073709551615B");
}

static void test_format_size(void **state)
{
	char buf[32];

	(void)state;
	assert_string_equal(format_size(0, buf, sizeof(buf)), "0 B");
	assert_string_equal(format_size(17, buf, sizeof(buf)), "17 B");
	assert_string_equal(format_size(1023, buf, sizeof(buf)), "1023 B");
	assert_string_equal(format_size(4 * KIB, buf, sizeof(buf)), "4 KiB");
	assert_string_equal(format_size(GIB + GIB / 2, buf, sizeof(buf)), "1.50 GiB");
	assert_string_equal(format_size(GIB - 1, buf, sizeof(buf)), "1.00 GiB");
	assert_string_equal(format_size(UINT64_MAX, buf, sizeof(buf)), "16384.00 PiB");
}

static void test_format_time(void **state)
{
	char buf[32];

	(void)state;
	assert_string_equal(format_time(0, buf, sizeof(buf)), "0 ns");
	assert_string_equal(format_time(83, buf, sizeof(buf)), "83 ns");
	assert_string_equal(format_time(1250000, buf, sizeof(buf)), "1.25 ms");
	assert_string_equal(format_time(999999, buf, sizeof(buf)), "1.00 ms");
	assert_string_equal(format_time(2000000000, buf, sizeof(buf)), "2.00 s");
	assert_string_equal(format_time(83200000000, buf, sizeof(buf)), "83.2 s");
	assert_string_equal(format_time(999, buf, sizeof(buf)), "999 ns");
	assert_string_equal(format_time(1000, buf, sizeof(buf)), "1.00 us");
	assert_string_equal(format_time(9994, buf, sizeof(buf)), "9.99 us");
	assert_string_equal(format_time(9996, buf, sizeof(buf)), "10.0 us");
	assert_string_equal(format_time(99940, buf, sizeof(buf)), "99.9 us");
	assert_string_equal(format_time(99960, buf, sizeof(buf)), "100 us");
	assert_string_equal(format_time(999499, buf, sizeof(buf)), "999 us");
	assert_string_equal(format_time(999500, buf, sizeof(buf)), "1.00 ms");
	assert_string_equal(format_time(3600000000000, buf, sizeof(buf)), "3600 s");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_size_good),
		cmocka_unit_test(test_size_bad),
		cmocka_unit_test(test_size_error_names_units),
		cmocka_unit_test(test_time_good),
		cmocka_unit_test(test_time_bad),
		cmocka_unit_test(test_number),
		cmocka_unit_test(test_sysfs),
		cmocka_unit_test(test_format_size_word),
		cmocka_unit_test(test_format_size),
		cmocka_unit_test(test_format_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
