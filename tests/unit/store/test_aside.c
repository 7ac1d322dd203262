/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_aside.c - reads that fail while a segment is reclaimed say nothing about what is there: the
 * segment is set aside with what could not be moved, and nothing is destroyed.
 *
 * The store has room for all keys, so none may leave. Some keys are put once; others again and
 * again, until the segments of the first have been reclaimed many times. Meanwhile a read fails.
 * Each key must have the version that was acknowledged last, at once and in later lives; while a
 * place cannot be read, a get of a value there may fail with -EIO.
 */
#include <errno.h>
#include <stdio.h>

#include "cold.h"

/* Lets reads fail from the Nth one on, so many TIMES at its place. */
static void fail_reads(unsigned n, unsigned times)
{
	memdisk_no_fails();
	memdisk.fail_op = WEIR_OP_READ;
	memdisk.fail_from = FIRST;
	memdisk.fail_to = memdisk.bytes - 65536;
	memdisk.fail_skip = n;
	memdisk.fails = times;
	memdisk.fail_sticks = 1;
}

/* The Nth read fails. Returns false if there are fewer reads. */
static bool one_read(unsigned n, unsigned times, uint64_t *set_aside)
{
	uint64_t out;
	bool reached;

	cold_restore();
	fail_reads(n, times);
	assert_int_equal(cold_churn(ROUND), 0);
	reached = memdisk.fails < times;
	if (!reached)
		memdisk_no_fails();
	out = cold_stats().recovered_out_of_use;
	*set_aside += out;
	assert_true(out <= 1 && (times >= 3 || !out));
	cold_check("when it fails", n, times > 3);
	memdisk_no_fails();
	cold_check("when it is over", n, false);
	assert_int_equal(weir_store_sync(cold_rig.s), 0);
	memdisk_power_off(&cold_rig);
	memdisk_power_on(&cold_rig);
	assert_int_equal(cold_stats().recovered_out_of_use, out);
	cold_check("after a power cut", n, false);
	cold_supersede();
	cold_check("after changes", n, false);
	memdisk_power_off(&cold_rig);
	memdisk_power_on(&cold_rig);
	cold_check("after changes and a power cut", n, false);
	memdisk_reopen(&cold_rig);
	cold_check("in a later life", n, false);
	assert_int_equal(cold_stats().recovered_out_of_use, out);
	memdisk_close(&cold_rig);
	if (n % 5 == 0)
		cold_check_image();
	return reached;
}

static void each_read(unsigned times, bool sets_aside)
{
	unsigned n, reads = 0;
	uint64_t out = 0;

	memdisk_close(&cold_rig);
	for (n = 0; one_read(n, times, &out); n += 7 * RIG_EVERY)
		reads++;
	assert_true(reads > 4 / RIG_EVERY);
	if (sets_aside && RIG_EVERY == 1)
		assert_true(out > 2);
	memdisk_power_on(&cold_rig);
}

static void fails_once(void **state)
{
	(void)state;
	each_read(1, false);
}

static void fails_three_times(void **state)
{
	(void)state;
	each_read(3, true);
}

static void fails_for_good(void **state)
{
	(void)state;
	each_read(UINT32_MAX, true);
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, cold_set_up, cold_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(fails_once),
		TEST(fails_three_times),
		TEST(fails_for_good),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
