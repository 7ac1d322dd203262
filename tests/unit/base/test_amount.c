/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_amount.c - values of attributes: sysfs's numbers, and sizes and times where they fit.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/amount.h"
#include "base/error.h"

static void test_units(void **state)
{
	static const struct {
		const char *text, *unit;
		int64_t value;
	} good[] = {
		{ "4096", "bytes", 4096 },
		{ "4k", "bytes", 4096 },
		{ "8MiB", "bytes", 8 << 20 },
		{ "8MiB\n", "bytes", 8 << 20 },
		{ "1.5G", "KiB", 3 << 19 },
		{ "2048B", "KiB", 2 },
		{ "1m", "sectors", 2048 },
		{ "17 B", "bytes", 17 },
		/* What sysfs reads keeps its meaning, also if it ends like a unit. */
		{ "0x1B", "bytes", 27 },
		{ "010", "KiB", 8 },
		{ "010k", "KiB", 10 },
		{ "-5", "bytes", -5 },
		{ "+7\n", "ms", 7 },
		{ "7", "ms", 7 },
		{ "2ms", "ns", 2000000 },
		{ "2ms", "us", 2000 },
		{ "1500us", "us", 1500 },
		{ "0.002s", "ms", 2 },
		{ "1m", "ms", 60000 },
		{ "9223372036854775807B", "bytes", INT64_MAX },
		{ "99999999999999999999", "bytes", INT64_MAX },
		{ "12", "requests", 12 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		int64_t value = 77;
		int err = amount_parse(good[i].text, good[i].unit, &value);

		if (err || value != good[i].value)
			fail_msg("\"%s\" %s: %d, %lld", good[i].text, good[i].unit, err,
				 (long long)value);
	}
}

static void test_refused(void **state)
{
	static const struct {
		const char *text, *unit;
		int err;
	} bad[] = {
		{ "6q", "bytes", -EINVAL },
		{ "-1m", "bytes", -EINVAL },
		{ "", "bytes", -EINVAL },
		{ "\n", "bytes", -EINVAL },
		{ "k", "bytes", -EINVAL },
		{ "8m\n\n", "bytes", -EINVAL },
		{ " 8m", "bytes", -EINVAL },
		{ "0x10k", "bytes", -EINVAL },
		{ "2ms", "bytes", -EINVAL },
		{ "4k", "ms", -EINVAL },
		{ "4k", "requests", -EINVAL },
		{ "2ms", "", -EINVAL },
		{ "1.5", "bytes", -EINVAL },
		/* Without a unit it is a number of sysfs's, or none. */
		{ "08192", "KiB", -EINVAL },
		{ "09\n", "bytes", -EINVAL },
		{ "1024.0", "KiB", -EINVAL },
		{ "0000000000000000000000000000000000000000000000000000000000000000000001k",
		  "bytes", -EINVAL },
		{ "1000B", "KiB", -EDOM },
		{ "511B", "sectors", -EDOM },
		{ "250us", "ms", -EDOM },
		{ "9223372036854775808B", "bytes", -ERANGE },
		{ "99999P", "KiB", -ERANGE },
		{ "9999999999h", "ms", -ERANGE },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		int64_t value = 77;
		int err = amount_parse(bad[i].text, bad[i].unit, &value);

		if (err != bad[i].err || value != 77)
			fail_msg("\"%s\" %s: %d, %lld", bad[i].text, bad[i].unit, err,
				 (long long)value);
	}
}

static void test_words(void **state)
{
	(void)state;
	assert_int_equal(amount_refuse("a", "6q", "KiB", false, -EINVAL), -EINVAL);
	assert_string_equal(weir_error(), "a: '6q' is not a whole number of KiB, 0 or more, "
					  "or a size such as 8MiB");
	assert_int_equal(amount_refuse("a", "6q", "us", true, -EINVAL), -EINVAL);
	assert_string_equal(weir_error(),
			    "a: '6q' is not a whole number of us, or a time such as 2ms");
	assert_int_equal(amount_refuse("a", "6q", "requests", true, -EINVAL), -EINVAL);
	assert_string_equal(weir_error(), "a: '6q' is not a whole number of requests");
	assert_int_equal(amount_refuse("a", "1B", "KiB", false, -EDOM), -EINVAL);
	assert_string_equal(weir_error(), "a: '1B' is not a whole number of KiB");
	assert_int_equal(amount_refuse("a", "99P", "KiB", false, -ERANGE), -EINVAL);
	assert_string_equal(weir_error(), "a: '99P' is beyond what 64 bits hold");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_units),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
