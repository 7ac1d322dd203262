/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_spin.c - a wait that looks for a moment ends with what it waits for, and after waits in vain
 * the next ones are left out, but never for good.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/spin.h"

struct looks {
	unsigned n;	/* how often somebody looked */
	unsigned until; /* the first look that is not in vain; 0: none */
};

static bool looked(const void *arg)
{
	struct looks *looks = *(struct looks *const *)arg;

	looks->n++;
	return looks->until && looks->n >= looks->until;
}

static bool spin(struct spin *s, struct looks *looks, uint64_t deadline_ns)
{
	return spin_wait(s, looked, &looks, deadline_ns);
}

static void ends_with_what_it_waits_for(void **state)
{
	struct looks looks = { .until = 2 }; /* it looks again after the first pause */
	struct spin s = { 0 };

	(void)state;
	assert_true(spin(&s, &looks, UINT64_MAX));
	assert_int_equal(looks.n, 2);
}

static void gives_up_at_the_deadline(void **state)
{
	struct looks looks = { 0 };
	struct spin s = { 0 };

	(void)state;
	assert_false(spin(&s, &looks, 0));
	assert_int_equal(looks.n, 1);
	s = (struct spin){ 0 };
	assert_false(spin(&s, &looks, UINT64_MAX));
	assert_true(looks.n > 1);
}

/* 1, 3, 7 ... 255 waits are left out after so many in vain, and no more than 255. */
static void waits_in_vain_are_left_out(void **state)
{
	struct looks looks = { 0 };
	struct spin s = { 0 };
	unsigned skip = 0;

	(void)state;
	for (int round = 0; round < 12; round++) {
		looks.n = 0;
		assert_false(spin(&s, &looks, 0));
		assert_int_equal(looks.n, 1);
		skip = 2 * skip + 1 < 255 ? 2 * skip + 1 : 255;
		for (unsigned i = 0; i < skip; i++)
			assert_false(spin(&s, &looks, UINT64_MAX));
		assert_int_equal(looks.n, 1);
	}
	looks.until = 1;
	assert_true(spin(&s, &looks, 0));
	looks.until = 0;
	assert_false(spin(&s, &looks, 0));
	assert_int_equal(s.left, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ends_with_what_it_waits_for),
		cmocka_unit_test(gives_up_at_the_deadline),
		cmocka_unit_test(waits_in_vain_are_left_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
