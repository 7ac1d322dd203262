/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_commands.c - what of an io reaches the engine and the scheduler: durability for every
 * operation that writes, and only priorities that exist.
 */
#include <errno.h>
#include <string.h>

#include "rig.h"

static char memory[4096] __attribute__((aligned(4096)));

static int setup(void **state)
{
	(void)state;
	rig_init();
	rig_open(NULL, NULL);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	rig_close();
	return 0;
}

static void fua_reaches_the_drive_with_all_that_writes(void **state)
{
	struct weir_io io;

	(void)state;
	weir_io_write(&io, 0, memory, sizeof(memory));
	io.flags = WEIR_IO_FUA;
	assert_int_equal(weir_queue_submit(rig.q, &io), 0);
	assert_int_equal(weir_io_wait(rig.q, &io), 0);
	assert_true(rig.log[0].fua);
	weir_io_write_zeroes(&io, 0, 4096);
	io.flags = WEIR_IO_FUA;
	assert_int_equal(weir_queue_submit(rig.q, &io), 0);
	assert_int_equal(weir_io_wait(rig.q, &io), 0);
	assert_int_equal(rig.log[1].op, WEIR_OP_WRITE_ZEROES);
	assert_true(rig.log[1].fua);
	weir_io_read(&io, 0, memory, sizeof(memory));
	io.flags = WEIR_IO_FUA;
	assert_int_equal(weir_queue_submit(rig.q, &io), 0);
	assert_int_equal(weir_io_wait(rig.q, &io), 0);
	assert_false(rig.log[2].fua);
}

static void a_priority_class_that_does_not_exist_is_refused(void **state)
{
	static const uint16_t good[] = { 0, 7, WEIR_PRIO_RT(0), WEIR_PRIO_BE(7), WEIR_PRIO_IDLE };
	struct weir_io io;

	(void)state;
	for (unsigned class = 4; class < 8; class ++) {
		weir_io_read(&io, 0, memory, sizeof(memory));
		io.prio = (uint16_t)(class << 13);
		assert_int_equal(weir_queue_submit(rig.q, &io), -EINVAL);
		assert_non_null(strstr(weir_error(), "priority"));
	}
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		weir_io_read(&io, 0, memory, sizeof(memory));
		io.prio = good[i];
		assert_int_equal(weir_queue_submit(rig.q, &io), 0);
		assert_int_equal(weir_io_wait(rig.q, &io), 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		T(fua_reaches_the_drive_with_all_that_writes),
		T(a_priority_class_that_does_not_exist_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
