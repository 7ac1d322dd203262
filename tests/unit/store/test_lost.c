/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_lost.c - the ring of an open store is lost. Its operations fail with words that say to
 * reopen the store, and after that everything acknowledged is there.
 */
#include <errno.h>
#include <unistd.h>

#include "rig.h"

#include "../ring.h"

#define KEYS 20u
#define VALUE 20000u

static void lose(uint32_t attach)
{
	struct rig rig = { .engine = "uring", .attach = attach };
	char value[VALUE];
	int err = -EIO;

	rig_make(&rig, 16 << 20, 256 << 10, 4096);
	rig_open(&rig);
	for (unsigned key = 0; key < KEYS; key++)
		assert_int_equal(rig_put(&rig, key, 1, VALUE, WEIR_PUT_DURABLE), 0);
	assert_int_equal(close(ring_find()), 0);
	memset(value, 1, sizeof(value));
	assert_int_equal(weir_store_get(rig.s, "nothing", 7, value, VALUE, NULL), -ENOENT);
	assert_int_equal(weir_store_put(rig.s, "new", 3, value, VALUE, 0), -EIO);
	assert_non_null(strstr(weir_error(), "reopen the store"));
	assert_non_null(strstr(weir_error(), strerror(EBADF)));
	/* It soon becomes read-only; the words stay. */
	for (unsigned n = 0; n < 100 && err == -EIO; n++) {
		err = weir_store_put(rig.s, "new", 3, value, VALUE, WEIR_PUT_DURABLE);
		assert_true(err == -EIO || err == -EROFS);
		assert_non_null(strstr(weir_error(), "reopen the store"));
	}
	assert_true(weir_store_close(rig.s) <= 0);
	rig.s = NULL;
	rig_open(&rig);
	for (unsigned key = 0; key < KEYS; key++)
		assert_int_equal(rig_get(&rig, key, 1, VALUE), 1);
	assert_int_equal(rig_put(&rig, KEYS, 1, VALUE, WEIR_PUT_DURABLE), 0);
	rig_remove(&rig);
}

static void a_lost_ring(void **state)
{
	(void)state;
	if (!rig_has("uring")) {
		print_message("# skipped: no io_uring here\n");
		skip();
	}
	alarm(120); /* a test that hangs must fail */
	lose(0);
	lose(1);
	alarm(0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_lost_ring),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
