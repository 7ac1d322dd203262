/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_fit.c - a model that was fitted to the probes of another one does what that one does: in the
 * probes, and in loads that no probe has. Ordinary drives; test_fast.c and test_special.c
 * have the others.
 */
#include "rig.h"

static void nvme(void **state)
{
	(void)state;
	fits("nvme", "sata", 1.15, 1.4, 1.2);
}

static void sata(void **state)
{
	(void)state;
	fits("sata", "nvme", 1.1, 1.3, 1.4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nvme),
		cmocka_unit_test(sata),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
