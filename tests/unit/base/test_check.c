/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_check.c - a failed check ends the program with a text; one that holds does nothing.
 */
#define NDEBUG /* checks stay in spite of it */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../death.h"
#include "base/check.h"

static void fail_check(void *arg)
{
	const int *n = arg;

	CHECK(*n == 1);
	CHECK(*n == 2);
}

static void fail_long_check(void *arg)
{
	char text[2000];

	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	check_failed("../../src/a.c", 7, arg, text);
}

static void test_failed(void **state)
{
	int n = 1;

	(void)state;
	death_expect(fail_check, &n,
		     "tests/unit/base/test_check.c:22: fail_check: "
		     "CHECK(*n == 2) failed\n");
}

static void test_path_and_length(void **state)
{
	char name[] = "function";

	(void)state;
	death_expect(fail_long_check, name, "src/a.c:7: function: CHECK(xxx");
	death_expect(fail_long_check, name, "xxx\n");
}

static void test_holds(void **state)
{
	int evaluated = 0;

	(void)state;
	CHECK(++evaluated);
	assert_int_equal(evaluated, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_failed),
		cmocka_unit_test(test_path_and_length),
		cmocka_unit_test(test_holds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
