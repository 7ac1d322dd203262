/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_extents.c - parts of memory that are taken and given back at random, beside a table with an
 * entry for each 4 KiB.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/prng.h"
#include "remote/extents.h"

#define GRAINS_MAX 200u
#define PARTS 64u
#define STEPS 20000u

struct part {
	uint64_t offset, bytes;
};

static bool table[GRAINS_MAX];

static uint64_t grains_of(uint64_t bytes)
{
	return (bytes + EXTENTS_GRAIN - 1) / EXTENTS_GRAIN;
}

/* The first place of the table that has N free entries in a row. */
static uint64_t first_fit(uint64_t grains, uint64_t n)
{
	for (uint64_t at = 0; at + n <= grains; at++) {
		uint64_t i = 0;

		while (i < n && !table[at + i])
			i++;
		if (i == n)
			return at * EXTENTS_GRAIN;
	}
	return EXTENTS_NONE;
}

static void mark(const struct part *p, bool used)
{
	for (uint64_t i = 0; i < grains_of(p->bytes); i++) {
		assert_int_equal(table[p->offset / EXTENTS_GRAIN + i], !used);
		table[p->offset / EXTENTS_GRAIN + i] = used;
	}
}

static void run(uint64_t grains, uint64_t seed)
{
	struct prng prng;
	struct part parts[PARTS];
	unsigned n = 0;
	struct extents m;

	prng_seed(&prng, seed);
	memset(table, 0, sizeof(table));
	assert_int_equal(extents_make(&m, grains * EXTENTS_GRAIN), 0);
	for (unsigned step = 0; step < STEPS; step++) {
		struct part p = { .bytes = 1 + prng_next(&prng) % (grains * EXTENTS_GRAIN / 3) };

		if (n < PARTS && prng_next(&prng) % 2) {
			p.offset = extents_take(&m, p.bytes);
			assert_int_equal(p.offset, first_fit(grains, grains_of(p.bytes)));
			if (p.offset == EXTENTS_NONE)
				continue;
			mark(&p, true);
			parts[n++] = p;
		} else if (n) {
			unsigned i = (unsigned)(prng_next(&prng) % n);

			extents_give(&m, parts[i].offset, parts[i].bytes);
			mark(&parts[i], false);
			parts[i] = parts[--n];
		}
	}
	while (n--)
		extents_give(&m, parts[n].offset, parts[n].bytes);
	assert_int_equal(extents_take(&m, grains * EXTENTS_GRAIN), 0);
	assert_int_equal(extents_take(&m, 1), EXTENTS_NONE);
	assert_int_equal(extents_take(&m, 0), 0);
	extents_free(&m);
}

static void test_first_fit(void **state)
{
	static const uint64_t grains[] = { 3, 63, 64, 65, 127, 128, 200 };

	(void)state;
	for (size_t i = 0; i < sizeof(grains) / sizeof(*grains); i++)
		run(grains[i], i + 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_first_fit) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
