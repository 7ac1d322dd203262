/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_narrow.c - while gets come beside puts, the drive has half as much at a time.
 */
#include <errno.h>

#include "memdisk.h"
#include "rig.h"
#include "store/log/logs.h"
#include "store/store.h"

#define MIB (1u << 20)
#define PUTS 24u
#define LENGTH (64u << 10)
#define WINDOW (8 * LENGTH) /* depth_bytes */
#define FORGOTTEN (1ull << 30)
#define TURNS 200u /* more than the puts need until the window is full */

static struct rig rig = { .engine = "posix" };
static uint8_t value[LENGTH] __attribute__((aligned(4096)));
static uint8_t buf[LENGTH] __attribute__((aligned(4096)));
static uint64_t ids[PUTS], known = 1000;
static struct weir_store_op ops[PUTS];
static uint64_t writing, most; /* bytes with the drive */

static void count(const struct weir_cmd *cmd, int ended)
{
	if (cmd->op != WEIR_OP_WRITE)
		return;
	writing += ended ? -cmd->length : cmd->length;
	most = writing > most ? writing : most;
}

static int set_up(void **state)
{
	(void)state;
	rig.max_put_bytes = 0;
	memdisk_set_up(&rig, 64 * MIB, 4 * MIB, 3);
	assert_int_equal(weir_queue_set_depth_bytes(weir_store_queue(rig.s), WINDOW), 0);
	assert_int_equal(weir_queue_set(weir_store_queue(rig.s), "max_sectors_kb", "64"), 0);
	assert_int_equal(weir_store_put(rig.s, &known, sizeof(known), value, LENGTH, 0), 0);
	writing = most = 0;
	memdisk.watch = count;
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	memdisk.watch = NULL;
	memdisk.hold_writes = false;
	memdisk_tear_down(&rig);
	return 0;
}

static void submit_puts(void)
{
	rig_submit_puts(rig.s, ops, ids, PUTS, value, LENGTH);
}

static void wait_for_puts(void)
{
	memdisk.hold_writes = false;
	for (unsigned i = 0; i < PUTS; i++)
		assert_int_equal(weir_store_wait(rig.s, &ops[i], UINT64_MAX), 0);
}

/* Lets the drive take as much of the puts as it gets, and complete nothing. Returns how much. */
static uint64_t fill_window(void)
{
	/* The next segment may have been begun: its header is not held back. */
	assert_int_equal(weir_store_sync(rig.s), 0);
	memdisk.hold_writes = true;
	most = writing;
	submit_puts();
	for (unsigned i = 0; i < TURNS; i++)
		assert_int_equal(weir_store_wait(rig.s, &ops[PUTS - 1], 0), -ETIMEDOUT);
	wait_for_puts();
	return most;
}

static void get_known(void)
{
	size_t length;

	assert_int_equal(weir_store_get(rig.s, &known, sizeof(known), buf, sizeof(buf), &length),
			 0);
}

static void puts_alone_have_all(void **state)
{
	(void)state;
	assert_in_range(fill_window(), WINDOW, WINDOW + LENGTH);
}

/* After a get others are expected, until so much was put that none is. */
static void gets_halve_it_for_a_while(void **state)
{
	uint64_t *left;

	(void)state;
	get_known();
	assert_in_range(fill_window(), WINDOW / 4, WINDOW / 2 + LENGTH);
	assert_in_range(fill_window(), WINDOW / 4, WINDOW / 2 + LENGTH);
	/* The rest of it is not put here, only the last bytes. */
	left = &rig.s->logs->narrow.left;
	assert_int_equal(*left, FORGOTTEN - 2ull * PUTS * LENGTH);
	*left = PUTS * LENGTH;
	submit_puts();
	wait_for_puts();
	assert_in_range(fill_window(), WINDOW, WINDOW + LENGTH);
}

/* The puts that are under way when a get comes are not called back from the drive, but no more than
 * half of the window follows. */
static void get_beside_puts(void **state)
{
	struct weir_store_op get = rig_get_op(&known, buf, sizeof(buf));

	(void)state;
	memdisk.hold_writes = true;
	submit_puts();
	for (unsigned i = 0; i < TURNS; i++)
		assert_int_equal(weir_store_wait(rig.s, &ops[0], 0), -ETIMEDOUT);
	assert_in_range(writing, WINDOW, WINDOW + LENGTH);
	assert_int_equal(weir_store_submit(rig.s, &get), 0);
	assert_int_equal(weir_store_wait(rig.s, &get, 0), -ETIMEDOUT);
	memdisk.hold_writes = false;
	assert_int_equal(weir_store_wait(rig.s, &get, UINT64_MAX), 0);
	wait_for_puts();
	assert_in_range(fill_window(), WINDOW / 4, WINDOW / 2 + LENGTH);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(puts_alone_have_all, set_up, tear_down),
		cmocka_unit_test_setup_teardown(gets_halve_it_for_a_while, set_up, tear_down),
		cmocka_unit_test_setup_teardown(get_beside_puts, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
