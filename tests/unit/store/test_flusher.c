/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_flusher.c - an operation that asks for a flush, while others are told about one, waits for
 * the next flush.
 */
#include <errno.h>

#include "base/container.h"
#include "memdisk.h"
#include "store/store.h"

static struct rig rig = { .engine = "posix" };
static unsigned flushes_ended;

static int set_up(void **state)
{
	(void)state;
	memdisk_set_up(&rig, 2 << 20, 64 << 10, 3);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	memdisk_tear_down(&rig);
	return 0;
}

static void watch(const struct weir_cmd *cmd, int ended)
{
	flushes_ended += ended && cmd->op == WEIR_OP_FLUSH;
}

struct asks_twice {
	struct flush_waiter first, second;
	unsigned told_first, told_second; /* number of flushes that had completed at that time */
	int result_first, result_second;
};

static void second_flushed(struct flush_waiter *w, int result)
{
	struct asks_twice *a = container_of(w, struct asks_twice, second);

	a->told_second = flushes_ended;
	a->result_second = result;
}

static void first_flushed(struct flush_waiter *w, int result)
{
	struct asks_twice *a = container_of(w, struct asks_twice, first);

	a->told_first = flushes_ended;
	a->result_first = result;
	flush_wait(&rig.s->io, &a->second, second_flushed);
}

static void poll_some(void)
{
	int n;

	for (n = 0; n < 100; n++)
		assert_int_equal(weir_store_poll(rig.s), 0);
}

static void asked_while_told(void **state)
{
	struct asks_twice a = { 0 };

	(void)state;
	flushes_ended = 0;
	memdisk.watch = watch;
	flush_wait(&rig.s->io, &a.first, first_flushed);
	store_turn(&rig.s->io);
	poll_some();
	assert_int_equal(a.told_first, 1);
	assert_int_equal(a.told_second, 2);
}

static void told(struct flush_waiter *w, int result)
{
	struct asks_twice *a = container_of(w, struct asks_twice, first);

	a->result_first = result;
}

/* Operations that a failed flush should have served get its error, also if others wait behind
 * them. */
static void asked_while_it_fails(void **state)
{
	struct asks_twice a = { 0 };

	(void)state;
	memdisk.fail_op = WEIR_OP_FLUSH;
	memdisk.fails = 1;
	flush_wait(&rig.s->io, &a.first, told);
	store_turn(&rig.s->io);
	flush_wait(&rig.s->io, &a.second, second_flushed);
	store_turn(&rig.s->io);
	poll_some();
	assert_int_equal(a.result_first, -EIO);
	assert_int_equal(a.result_second, -EROFS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(asked_while_told, set_up, tear_down),
		cmocka_unit_test_setup_teardown(asked_while_it_fails, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
