/* SPDX-License-Identifier: Apache-2.0 */
/* test_pace_window.c - how many reads go alone, beside background writes and without. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sched/pace/window.h"

/* Returns how many reads go alone at the start, while background writes wait (BESIDE) or not. */
static unsigned alone(bool beside)
{
	struct pace_window w = { 0 };
	unsigned reads = 0;

	pace_window_init(&w);
	w.beside = beside;
	for (; pace_window_probing(&w, PACE_READS) && reads < 100; reads++) {
		pace_window_enter(&w, PACE_READS, 1000);
		assert_false(pace_window_room(&w, PACE_READS));
		pace_window_leave(&w, PACE_READS, 1000);
		pace_window_completed(&w, PACE_READS, 1000, 1000, reads);
	}
	return reads;
}

static void fewer_reads_go_alone_beside_a_flood(void **state)
{
	(void)state;
	assert_int_equal(alone(false), 8);
	assert_int_equal(alone(true), 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fewer_reads_go_alone_beside_a_flood),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
