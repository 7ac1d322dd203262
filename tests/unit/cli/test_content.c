/* SPDX-License-Identifier: Apache-2.0 */
/* test_content.c - the bytes of a block depend on its id only, and a wrong byte is found. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli/content.h"
#include "cli/idset.h"

enum { MOST = 8192 };

static void test_keys(void **state)
{
	static const uint64_t ids[] = { 0, 1, 0xa, 0x123456789abcdef0, INT64_MAX, UINT64_MAX };
	char key[CONTENT_KEY_LEN + 1];
	uint64_t id;

	(void)state;
	content_key(0x1f, key);
	assert_string_equal(key, "b000000000000001f");
	for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
		content_key(ids[i], key);
		assert_int_equal(strlen(key), CONTENT_KEY_LEN);
		assert_int_equal(content_parse_key(key, &id), 0);
		assert_true(id == ids[i]);
	}
	assert_int_equal(content_parse_key("c000000000000001f", &id), -EINVAL);
	assert_int_equal(content_parse_key("b00000000000000g0", &id), -EINVAL);
	assert_int_equal(content_parse_key("b000000000000001F", &id), -EINVAL);
	assert_int_equal(content_parse_key("b0000000\n0000000", &id), -EINVAL);
}

/* Shorter blocks are the beginnings of longer ones, at any length and address. */
static void test_fill(void **state)
{
	static const size_t lengths[] = { 0, 1, 7, 63, 64, 65, 127, 128, 4095, 4096, 4097 };
	unsigned char *whole = malloc(MOST), *part = malloc(MOST);

	(void)state;
	assert_non_null(whole);
	assert_non_null(part);
	content_fill(42, whole, MOST);
	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		memset(part, 0xee, MOST);
		content_fill(42, part + 3, lengths[i]);
		assert_memory_equal(part + 3, whole, lengths[i]);
		assert_int_equal(part[2], 0xee);
		assert_int_equal(part[3 + lengths[i]], 0xee);
		assert_int_equal(content_check(42, part + 3, lengths[i]), lengths[i]);
	}
	free(whole);
	free(part);
}

static void test_check_finds_every_byte(void **state)
{
	enum { LEN = 300 };
	unsigned char buf[LEN];

	(void)state;
	content_fill(5, buf, LEN);
	for (size_t i = 0; i < LEN; i++) {
		buf[i] ^= 0x10;
		assert_int_equal(content_check(5, buf, LEN), i);
		buf[i] ^= 0x10;
	}
	assert_int_equal(content_check(5, buf, LEN), LEN);
	assert_true(content_check(6, buf, LEN) < 8);
}

/* No two of many ids have the same bytes, not even the same 64 bytes. */
static void test_ids_differ(void **state)
{
	enum { IDS = 20000 };
	struct idset set;

	(void)state;
	assert_int_equal(idset_init(&set, 8 * IDS), 0);
	for (uint64_t id = 0; id < IDS; id++) {
		uint64_t words[8];

		content_fill(id, words, sizeof(words));
		for (int i = 0; i < 8; i++)
			assert_true(idset_add(&set, words[i]));
	}
	idset_free(&set);
}

static void test_idset(void **state)
{
	struct idset set;

	(void)state;
	assert_int_equal(idset_init(&set, 1000), 0);
	for (uint64_t round = 0; round < 3; round++) {
		for (uint64_t i = 0; i < 1000; i++)
			assert_true(idset_add(&set, i * i));
		for (uint64_t i = 0; i < 1000; i++)
			assert_false(idset_add(&set, i * i));
		idset_clear(&set);
	}
	set.stamp = UINT32_MAX;
	assert_true(idset_add(&set, 3));
	idset_clear(&set); /* the stamp overflows */
	assert_true(idset_add(&set, 3));
	idset_free(&set);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_keys),
		cmocka_unit_test(test_fill),
		cmocka_unit_test(test_check_finds_every_byte),
		cmocka_unit_test(test_ids_differ),
		cmocka_unit_test(test_idset),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
