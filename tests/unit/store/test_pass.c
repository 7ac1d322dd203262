/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_pass.c - a get that comes while many puts are admitted does not wait for all of them, puts
 * of several tenants take turns, and a put that waits for the next pass may find the store full.
 */
#include <errno.h>

#include <weir/pin.h>
#include <weir/tenant.h>

#include "memdisk.h"
#include "rig.h"

#define MIB (1u << 20)
#define PUTS 24u
#define LENGTH 4096u
/* The pass that was under way, what the drive has room for, and one pass more. */
#define BEFORE_GET (4u * MIB)

static struct rig rig = { .engine = "posix" };
static uint8_t values[3][3 * MIB / 2] __attribute__((aligned(4096))); /* by stream */
static uint8_t buf[LENGTH] __attribute__((aligned(4096)));
static uint64_t ids[PUTS], known = 1000;
static struct weir_store_op ops[PUTS], get;
static uint64_t written, before_get; /* bytes of values */
static unsigned order[PUTS], ended;
static unsigned arrived[3], arrivals;

static int set_up(void **state)
{
	(void)state;
	rig.max_put_bytes = UINT64_MAX;
	memdisk_set_up(&rig, 192 * MIB, 8 * MIB, 3);
	written = before_get = ended = 0;
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	rig.max_put_bytes = 0;
	memdisk.watch = NULL;
	memdisk.hold_writes = false;
	memdisk_tear_down(&rig);
	return 0;
}

/* Submits a get when the drive has the first bytes of the puts, and notes how much it has of them
 * when the get's read comes. */
static void get_between(const struct weir_cmd *cmd, int done)
{
	if (done)
		return;
	if (cmd->op == WEIR_OP_READ && cmd->iov[0].iov_base == buf)
		before_get = written;
	if (cmd->op != WEIR_OP_WRITE || cmd->length < MIB / 4)
		return;
	if (!written)
		assert_int_equal(weir_store_submit(rig.s, &get), 0);
	written += cmd->length;
}

static void note_end(struct weir_store_op *op)
{
	order[ended++] = op->stream;
}

static void submit_put_of(unsigned i, uint16_t stream, size_t length)
{
	ids[i] = i;
	ops[i] = rig_put_op(&ids[i], values[stream], length);
	ops[i].stream = stream;
	ops[i].end = note_end;
	assert_int_equal(weir_store_submit(rig.s, &ops[i]), 0);
}

static void submit_put(unsigned i, uint16_t stream)
{
	submit_put_of(i, stream, MIB);
}

static void wait_for_puts(void)
{
	for (unsigned i = 0; i < PUTS; i++)
		assert_int_equal(weir_store_wait(rig.s, &ops[i], UINT64_MAX), 0);
}

static void get_comes_between(void **state)
{
	(void)state;
	assert_int_equal(weir_store_put(rig.s, &known, sizeof(known), values[0], LENGTH, 0), 0);
	get = rig_get_op(&known, buf, sizeof(buf));
	memdisk.watch = get_between;
	for (unsigned i = 0; i < PUTS; i++)
		submit_put(i, 0);
	wait_for_puts();
	assert_int_equal(weir_store_wait(rig.s, &get, UINT64_MAX), 0);
	assert_in_range(before_get, 1, BEFORE_GET);
	assert_true(written > 4 * BEFORE_GET);
}

/* The puts of one tenant come first, and do not hold up those of the other until they are done. */
static void tenants_take_turns(void **state)
{
	uint32_t stream[2];
	unsigned second = 0;

	(void)state;
	for (unsigned i = 0; i < 2; i++)
		assert_true(weir_store_add_tenant(rig.s, i ? "b" : "a", &stream[i]) >= 0);
	assert_true(stream[0] != stream[1]);
	for (unsigned i = 0; i < PUTS; i++)
		submit_put(i, (uint16_t)stream[i >= PUTS / 2]);
	wait_for_puts();
	assert_int_equal(ended, PUTS);
	for (unsigned i = 0; i < PUTS / 2; i++)
		second += order[i] == stream[1];
	assert_in_range(second, PUTS / 8, PUTS / 2 - PUTS / 8);
}

/* Notes of which streams' values the drive gets first bytes, in this order. */
static void note_arrival(const struct weir_cmd *cmd, int done)
{
	if (done || cmd->op != WEIR_OP_WRITE)
		return;
	for (unsigned i = 0; i < 3; i++)
		if (!arrived[i] && cmd->iov[0].iov_base == values[i])
			arrived[i] = ++arrivals;
}

static void turn(void)
{
	for (unsigned i = 0; i < 20; i++)
		assert_int_equal(weir_store_poll(rig.s), 0);
}

/* A log that stands in the line for room keeps its place while it waits for the next pass. */
static void a_place_in_line_is_kept(void **state)
{
	uint32_t stream[3] = { 0 };

	(void)state;
	rig.max_put_bytes = 2 * MIB;
	memdisk_set_up(&rig, 192 * MIB, 4 * MIB, 3);
	ended = arrivals = 0;
	memset(arrived, 0, sizeof(arrived));
	for (unsigned i = 1; i < 3; i++) {
		assert_true(weir_store_add_tenant(rig.s, i == 1 ? "a" : "b", &stream[i]) >= 0);
		assert_int_equal(stream[i], i);
		/* Its segment is open. */
		assert_int_equal(rig_put(&rig, 100 + i, 1, LENGTH, RIG_STREAM(i)), 0);
	}
	assert_int_equal(rig_put(&rig, 100, 1, LENGTH, 0), 0);
	memdisk.hold_writes = true;
	for (unsigned i = 0; i < 3; i++)
		submit_put_of(i, 0, MIB);
	turn();
	/* The first one of the line is now the log of these, then that of a long put, then another
	 * one. */
	submit_put_of(3, 2, 3 * MIB / 2);
	turn();
	submit_put_of(4, 1, MIB);
	turn();
	memdisk.watch = note_arrival;
	memdisk.hold_writes = false;
	for (unsigned i = 0; i < 5; i++)
		assert_int_equal(weir_store_wait(rig.s, &ops[i], UINT64_MAX), 0);
	assert_true(arrived[2] && arrived[1] > arrived[2]);
}

/* A put that waits for the next pass only does not need another segment: where segments are few,
 * each that is begun too early may cost what lives in it. */
static void no_segment_is_begun_for_it(void **state)
{
	struct weir_store_stats before, after;

	(void)state;
	ended = 0;
	memdisk_set_up(&rig, 48 * MIB, 4 * MIB, 3);
	rig_stats(&rig, &before);
	for (unsigned i = 0; i < 7; i++)
		submit_put_of(i, 0, MIB / 4);
	for (unsigned i = 0; i < 7; i++)
		assert_int_equal(weir_store_wait(rig.s, &ops[i], UINT64_MAX), 0);
	rig_stats(&rig, &after);
	assert_int_equal(after.free_segments, before.free_segments - 1);
}

/* Everything is held, so it is found out while entries move that nothing becomes free. A put waits
 * for the next pass then, because what moves has filled this one. It fails all the same. */
static void full_in_the_middle_of_a_pass(void **state)
{
	int err = 0;

	(void)state;
	for (uint64_t seed = 1; seed <= 3; seed++) {
		memdisk_set_up(&rig, 24 * MIB, 2 * MIB, seed);
		for (uint64_t key = 0; !err; key++) {
			err = rig_put(&rig, key, 1, MIB / 4, 0);
			if (!err)
				assert_int_equal(weir_store_pin(rig.s, &key, sizeof(key)), 0);
		}
		assert_int_equal(err, -ENOSPC);
		err = 0;
		memdisk_tear_down(&rig);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(get_comes_between, set_up, tear_down),
		cmocka_unit_test_setup_teardown(tenants_take_turns, set_up, tear_down),
		cmocka_unit_test_teardown(a_place_in_line_is_kept, tear_down),
		cmocka_unit_test_teardown(no_segment_is_begun_for_it, tear_down),
		cmocka_unit_test(full_in_the_middle_of_a_pass),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
