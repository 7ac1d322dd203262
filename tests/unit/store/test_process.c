/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_process.c - what an open store leaves in its process: threads that take no signal and have
 * names and the process's CPUs, and descriptors that close on exec.
 */
#include "rig.h"

#include "../process.h"

static void check(const char *engine, uint32_t attach)
{
	struct rig rig = { .engine = engine, .attach = attach };
	struct process_ids threads, files;
	unsigned lanes;

	if (!rig_has(engine)) {
		print_message("# no %s here\n", engine);
		return;
	}
	rig_make(&rig, 16 << 20, 256 << 10, 4096);
	process_list(&threads, "/proc/self/task");
	process_list(&files, "/proc/self/fd");
	rig_open(&rig);
	assert_int_equal(rig_put(&rig, 1, 1, 50000, WEIR_PUT_DURABLE), 0);
	lanes = process_check_threads(&threads, "weir-lane");
	assert_int_equal(lanes, !attach);
	assert_true(process_check_files(&files) >= 1);
	assert_int_equal(rig_get(&rig, 1, 1, 50000), 1);
	rig_close(&rig);
	rig_remove(&rig);
}

static void test_store_leaves_no_mark(void **state)
{
	(void)state;
	for (uint32_t attach = 0; attach < 2; attach++) {
		check("posix", attach);
		check("uring", attach);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_store_leaves_no_mark),
	};

	return cmocka_run_group_tests(tests, process_settle, NULL);
}
