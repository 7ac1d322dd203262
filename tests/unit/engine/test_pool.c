/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_pool.c - the posix engine's threads announce only what can be taken: an owner that was woken
 * finds a command, and does not loop while the thread that woke it waits for the CPU.
 */
#include <stdlib.h>

#include "rig.h"

#define READS 1000u

static void who_is_woken_finds_something(void **state)
{
	struct rig_case c = { "posix", "file" };
	struct rig r;
	struct rig_cmd cmd;
	void *buf = rig_alloc(RIG_BLOCK);
	unsigned waits = 0;

	(void)state;
	rig_open(&r, &c);
	for (unsigned i = 0; i < READS; i++) {
		rig_prep(&cmd, WEIR_OP_READ, 0, buf, RIG_BLOCK);
		assert_int_equal(r.e->ops->queue(r.e, &cmd.cmd), 0);
		do {
			r.e->ops->wait(r.e, UINT64_MAX);
			waits++;
		} while (!r.e->ops->reap(r.e, 0));
		assert_int_equal(cmd.cmd.result, 0);
	}
	/* A signal may end a sleep early, so the numbers need not be equal. */
	assert_true(waits < READS + READS / 10);
	rig_close(&r);
	free(buf);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(who_is_woken_finds_something) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
