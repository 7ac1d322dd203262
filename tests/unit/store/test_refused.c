/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_refused.c - an operation that the queue would refuse is refused when it is submitted. It
 * must not fail the others of its batch, and must not cost a segment.
 */
#include <errno.h>

#include <weir/tenant.h>

#include "rig.h"

static void no_such_priority(void **state)
{
	struct rig rig = { .attach = 1 };
	struct weir_store_op ops[3];
	struct weir_store_stream stream = { .size = sizeof(stream) };
	unsigned n, round;

	(void)state;
	rig_make(&rig, 12 << 20, 64 << 10, 4096);
	rig_open(&rig);
	for (round = 0; round < 3; round++) {
		memset(ops, 0, sizeof(ops));
		for (n = 0; n < 3; n++) {
			ops[n].key = &"abc"[n];
			ops[n].key_len = 1;
			ops[n].value = "value";
			ops[n].value_len = 5;
		}
		ops[0].prio = 7 << 13;
		assert_int_equal(weir_store_run(rig.s, ops, 3), -EINVAL);
		assert_int_equal(ops[0].result, -EINVAL);
		assert_int_equal(ops[1].result, 0);
		assert_int_equal(ops[2].result, 0);
	}
	/* The refused operation wasted no segment of the log. */
	assert_int_equal(weir_store_get_stream(rig.s, 0, &stream), 0);
	assert_int_equal(stream.segments, 1);
	rig_remove(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_such_priority),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
