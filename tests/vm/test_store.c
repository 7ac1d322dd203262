/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The store on a drive through passthrough: a key that was put through one device is found through
 * the other, and the store is formatted for the drive's own limits and blocks.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <weir/store.h>

#include "vm.h"

#define VALUES 300u
#define VALUE_MAX (200u << 10)

static struct weir_store *store;
static char *value, *back;

static int setup(void **state)
{
	struct weir_store_format_opts opts = WEIR_STORE_FORMAT_OPTS_INIT;

	(void)state;
	opts.force = 1;
	if (weir_store_format(vm_ng(), &opts) < 0)
		fail_msg("%s", weir_error());
	value = vm_alloc(VALUE_MAX);
	back = vm_alloc(VALUE_MAX);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	free(value);
	free(back);
	return 0;
}

static void reopen(const char *path, const char *engine, const char *scheduler)
{
	struct weir_store_opts opts = WEIR_STORE_OPTS_INIT;

	if (store)
		assert_int_equal(weir_store_close(store), 0);
	opts.attach = 1;
	opts.engine = engine;
	opts.scheduler = scheduler;
	if (weir_store_open(&store, path, &opts) < 0)
		fail_msg("%s", weir_error());
}

static size_t value_of(unsigned i)
{
	size_t length = (size_t)i * 7919 % VALUE_MAX / 8 * 8 + 8;

	vm_fill(value, length, i);
	return length;
}

static void put(unsigned i)
{
	char key[16];
	int len = snprintf(key, sizeof(key), "key %u", i);
	size_t length = value_of(i);

	if (weir_store_put(store, key, (uint32_t)len, value, length, WEIR_PUT_DURABLE) < 0)
		fail_msg("%s", weir_error());
}

static void check(unsigned i)
{
	char key[16];
	int len = snprintf(key, sizeof(key), "key %u", i);
	size_t length = value_of(i), got = 0;

	memset(back, 0xee, length);
	if (weir_store_get(store, key, (uint32_t)len, back, VALUE_MAX, &got) < 0)
		fail_msg("%s: %s", key, weir_error());
	assert_int_equal(got, length);
	assert_memory_equal(back, value, length);
}

static void put_by_one_way_got_by_another(void **state)
{
	(void)state;
	reopen(vm_ng(), "auto", "none");
	for (unsigned i = 0; i < VALUES; i += 3)
		put(i);
	reopen(vm_block(), "uring", "none");
	for (unsigned i = 1; i < VALUES; i += 3)
		put(i);
	reopen(vm_ng(), "uring_cmd", "kyber");
	for (unsigned i = 2; i < VALUES; i += 3)
		put(i);
	for (unsigned i = 0; i < VALUES; i++)
		check(i);
	reopen(vm_block(), "posix", "none");
	for (unsigned i = 0; i < VALUES; i++)
		check(i);
	assert_int_equal(weir_store_close(store), 0);
	store = NULL;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(put_by_one_way_got_by_another, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
