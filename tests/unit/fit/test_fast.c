/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_fast.c - fits, as in test_fit.c, of drives whose reads wait little for writes: programs make
 * way, or are short.
 */
#include "rig.h"

static void dc_tlc(void **state)
{
	(void)state;
	fits("dc-tlc", "nvme", 1.1, 1.4, 1.2);
}

static void xpoint(void **state)
{
	(void)state;
	fits("xpoint", "nvme", 1.1, 1.4, 1.6);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(dc_tlc),
		cmocka_unit_test(xpoint),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
