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

static void check_timeout(uint64_t ns, uint32_t ms)
{
	struct weir_queue_opts opts = WEIR_QUEUE_OPTS_INIT;

	teardown(NULL);
	rig_init();
	rig.engine_flags = ENGINE_TIMEOUT;
	opts.timeout_ns = ns;
	rig_open(&opts, NULL);
	assert_int_equal(weir_queue_attach(rig.q, 0), 0);
	assert_int_equal(rig.timeout_ms, ms);
}

static void a_timeout_reaches_the_engine(void **state)
{
	(void)state;
	check_timeout(0, 0);
	check_timeout(1000000, 1);
	check_timeout(2000000000, 2000);
	check_timeout(2000000001, 2001);
	check_timeout(UINT32_MAX * 1000000ull, UINT32_MAX);
}

static void check_timeout_refused(const struct engine_ops *ops, uint64_t ns, int err,
				  const char *words)
{
	struct weir_queue_opts opts = WEIR_QUEUE_OPTS_INIT;
	struct weir_queue *q;

	opts.timeout_ns = ns;
	assert_int_equal(queue_open(&q, rig.dev, &opts, ops, NULL), err);
	if (!strstr(weir_error(), words))
		fail_msg("%s", weir_error());
}

static void a_timeout_that_cannot_be_is_refused(void **state)
{
	struct engine_ops with = rig_engine;

	(void)state;
	with.flags |= ENGINE_TIMEOUT;
	check_timeout_refused(&with, 999999, -EINVAL, "it goes from 1 ms to 4294967295 ms");
	check_timeout_refused(&with, UINT32_MAX * 1000000ull + 1, -EINVAL, "it goes from 1 ms");
	check_timeout_refused(&rig_engine, 1000000, -EOPNOTSUPP,
			      "engine rig leaves timeouts to the kernel: they take uring_cmd");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		T(fua_reaches_the_drive_with_all_that_writes),
		T(a_priority_class_that_does_not_exist_is_refused),
		T(a_timeout_reaches_the_engine),
		T(a_timeout_that_cannot_be_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
