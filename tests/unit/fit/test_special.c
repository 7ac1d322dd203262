/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_special.c - a fit, as in test_fit.c, of a drive with fast flash and a cliff. bench/fit also
 * has one whose map is not in memory, which takes longer.
 */
#include "rig.h"

static void qlc(void **state)
{
	(void)state;
	fits("qlc", "nvme", 1.1, 1.4, 1.15);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(qlc),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
