/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_commands.c - what the engine and the scheduler see of an io: durability for every operation
 * that writes, and only valid priorities.
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
	assert_int_equal(weir_io_wait(rig.q, &io, UINT64_MAX), 0);
	assert_true(rig.log[0].fua);
	weir_io_write_zeroes(&io, 0, 4096);
	io.flags = WEIR_IO_FUA;
	assert_int_equal(weir_queue_submit(rig.q, &io), 0);
	assert_int_equal(weir_io_wait(rig.q, &io, UINT64_MAX), 0);
	assert_int_equal(rig.log[1].op, WEIR_OP_WRITE_ZEROES);
	assert_true(rig.log[1].fua);
	weir_io_read(&io, 0, memory, sizeof(memory));
	io.flags = WEIR_IO_FUA;
	assert_int_equal(weir_queue_submit(rig.q, &io), 0);
	assert_int_equal(weir_io_wait(rig.q, &io, UINT64_MAX), 0);
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
		assert_int_equal(weir_io_wait(rig.q, &io, UINT64_MAX), 0);
	}
}

static const struct engine_option timeout_option[] = {
	{ "timeout", ENGINE_OPTION_TIME_MS, offsetof(struct engine_tuning, timeout_ms), 1000000,
	  UINT32_MAX * 1000000ull },
	{ NULL, 0, 0, 0, 0 },
};

static void check_timeout(const char *text, uint32_t ms)
{
	struct weir_queue_opts opts = WEIR_QUEUE_OPTS_INIT;

	teardown(NULL);
	rig_init();
	rig.engine_options = timeout_option;
	opts.engine_opts = text;
	rig_open(&opts, NULL);
	assert_int_equal(weir_queue_attach(rig.q, 0), 0);
	assert_int_equal(rig.timeout_ms, ms);
}

static void a_timeout_reaches_the_engine(void **state)
{
	(void)state;
	check_timeout(NULL, 0);
	check_timeout("", 0);
	check_timeout("timeout=1ms", 1);
	check_timeout("timeout=2s", 2000);
	check_timeout("timeout=2000000001ns", 2001);
	check_timeout("timeout=4294967295ms", UINT32_MAX);
	check_timeout("timeout=1s,timeout=3s", 3000);
}

static void check_refused(const struct engine_ops *ops, const char *text, const char *words)
{
	struct weir_queue_opts opts = WEIR_QUEUE_OPTS_INIT;
	struct weir_queue *q;

	opts.engine_opts = text;
	assert_int_equal(queue_open(&q, rig.dev, &opts, ops, NULL), -EINVAL);
	if (!strstr(weir_error(), words))
		fail_msg("%s", weir_error());
}

static void an_engine_option_that_cannot_be_is_refused(void **state)
{
	struct engine_ops with = rig_engine;

	(void)state;
	with.options = timeout_option;
	check_refused(&with, "timeout=999999ns", "it goes from 1.00 ms to");
	check_refused(&with, "timeout=4294967296ms", "it goes from 1.00 ms to");
	check_refused(&with, "timeout=soon", "engine option timeout");
	check_refused(&with, "timeout", "engine option timeout has no value");
	check_refused(&with, "timeout=", "engine option timeout has no value");
	check_refused(&with, "timeuot=1s", "did you mean timeout?");
	check_refused(&with, "timeout=1s,,", "no option \"\" (its options: timeout)");
	check_refused(&with, "threads=1",
		      "no option \"threads\" (its options: timeout): engine posix has it");
	check_refused(&rig_engine, "timeout=1s",
		      "engine rig has no option \"timeout\" (its options: none): engine uring_cmd "
		      "has it");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		T(fua_reaches_the_drive_with_all_that_writes),
		T(a_priority_class_that_does_not_exist_is_refused),
		T(a_timeout_reaches_the_engine),
		T(an_engine_option_that_cannot_be_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
