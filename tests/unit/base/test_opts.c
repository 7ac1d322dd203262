/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_opts.c - structs with a size field, between programs and libraries of different age.
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
#include "base/opts.h"

struct old_opts {
	size_t size;
	uint64_t a;
};

struct new_opts {
	size_t size;
	uint64_t a;
	uint64_t b;
};

static void test_same_age(void **state)
{
	struct new_opts user = { sizeof(user), 1, 2 }, opts = { sizeof(opts), 10, 20 };

	(void)state;
	assert_int_equal(opts_copy(&opts, sizeof(opts), &user, user.size), 0);
	assert_true(opts.size == sizeof(opts) && opts.a == 1 && opts.b == 2);
}

static void test_null_keeps_defaults(void **state)
{
	struct new_opts opts = { sizeof(opts), 10, 20 };

	(void)state;
	assert_int_equal(opts_copy(&opts, sizeof(opts), NULL, 0), 0);
	assert_true(opts.size == sizeof(opts) && opts.a == 10 && opts.b == 20);
}

static void test_older_program(void **state)
{
	struct old_opts user = { sizeof(user), 1 };
	struct new_opts opts = { sizeof(opts), 10, 20 };

	(void)state;
	assert_int_equal(opts_copy(&opts, sizeof(opts), &user, user.size), 0);
	assert_true(opts.size == sizeof(opts) && opts.a == 1 && opts.b == 20);
}

static void test_newer_program(void **state)
{
	struct new_opts user = { sizeof(user), 1, 0 };
	struct old_opts opts = { sizeof(opts), 10 };

	(void)state;
	assert_int_equal(opts_copy(&opts, sizeof(opts), &user, user.size), 0);
	assert_true(opts.size == sizeof(opts) && opts.a == 1);
	user.b = 1;
	assert_int_equal(opts_copy(&opts, sizeof(opts), &user, user.size), -EINVAL);
	assert_non_null(strstr(weir_error(), "newer"));
}

static void test_size_left_out(void **state)
{
	struct new_opts user = { 0 }, opts = { sizeof(opts), 10, 20 };

	(void)state;
	assert_int_equal(opts_copy(&opts, sizeof(opts), &user, user.size), -EINVAL);
	assert_non_null(strstr(weir_error(), "_INIT"));
	assert_true(opts.a == 10 && opts.b == 20);
	assert_int_equal(opts_give(&user, user.size, &opts, sizeof(opts)), -EINVAL);
	assert_true(user.a == 0);
}

static void test_give(void **state)
{
	struct {
		struct old_opts o;
		uint64_t guard;
	} old = { { sizeof(old.o), 0 }, 99 };
	struct new_opts new = { sizeof(new), 0, 55 };
	const struct new_opts facts = { sizeof(facts), 1, 2 };
	const struct old_opts few = { sizeof(few), 3 };

	(void)state;
	assert_int_equal(opts_give(&old.o, old.o.size, &facts, sizeof(facts)), 0);
	assert_true(old.o.size == sizeof(old.o) && old.o.a == 1 && old.guard == 99);
	assert_int_equal(opts_give(&new, new.size, &few, sizeof(few)), 0);
	assert_true(new.size == sizeof(few) && new.a == 3 && new.b == 55);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_same_age),      cmocka_unit_test(test_null_keeps_defaults),
		cmocka_unit_test(test_older_program), cmocka_unit_test(test_newer_program),
		cmocka_unit_test(test_size_left_out), cmocka_unit_test(test_give),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
