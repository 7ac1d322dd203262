/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_stopped.c - a store that has stopped writing writes nothing more: not to reclaim, not to
 * drop what is damaged, and not for its write budget.
 */
#include <errno.h>

#include <weir/tenant.h>

#include "memdisk.h"
#include "store/log/logs.h"
#include "store/store.h"

#define SEGMENT (64u << 10)
#define SEGMENTS 64u
#define LENGTH 12000u /* three values in a segment */
#define FULL (3 * SEGMENTS)

static struct rig rig = { .attach = 1, .engine = "posix", .free_low = 15, .free_high = 30 };
static unsigned writes; /* since the store stopped */
static bool stops;	/* with the next write over a header */
static uint64_t begun;	/* reclaims, when it did */

static int set_up(void **state)
{
	(void)state;
	writes = 0;
	stops = false;
	memdisk_set_up(&rig, (SEGMENTS + 2) * SEGMENT, SEGMENT, 13);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	memdisk.watch = NULL;
	memdisk_tear_down(&rig);
	return 0;
}

static void count_writes(const struct weir_cmd *cmd, int ended)
{
	writes += !ended && cmd->op == WEIR_OP_WRITE;
}

static void stop(void)
{
	io_break(&rig.s->io, -EIO);
	memdisk.watch = count_writes;
}

/* Lets the store do what it does when nobody asks for anything. */
static void pause_here(void)
{
	do {
		assert_int_equal(weir_store_poll(rig.s), 0);
	} while (store_busy(rig.s) || rig.s->io.asking);
}

static void the_budget_is_not_saved(void **state)
{
	(void)state;
	assert_int_equal(weir_store_set_write_budget(rig.s, 1ull << 40), 0);
	assert_int_equal(rig_put(&rig, 1, 1, LENGTH, WEIR_PUT_DURABLE), 0);
	pause_here();
	stop();
	assert_int_equal(memdisk_close(&rig), -EIO);
	assert_int_equal(writes, 0);
	memdisk.watch = NULL;
	memdisk_power_on(&rig);
	assert_int_equal(rig_get(&rig, 1, 1, LENGTH), 1);
}

/* The superblock is not changed, neither for a tenant nor for the marks. */
static void the_superblock_stays(void **state)
{
	uint32_t stream;

	(void)state;
	stop();
	assert_int_equal(weir_store_add_tenant(rig.s, "late", &stream), -EROFS);
	assert_int_equal(weir_store_set_free_marks(rig.s, 10, 20), -EROFS);
	assert_int_equal(rig.s->io.super.tenants, 0);
	assert_int_equal(rig.s->io.super.free_low, 0);
	assert_int_equal(writes, 0);
	assert_int_equal(memdisk_reopen(&rig), -EIO);
}

/* A free mark is the first write over a header, once enough segments were begun. */
static void stop_at_free_mark(const struct weir_cmd *cmd, int ended)
{
	const struct segment *seg;
	uint64_t at = cmd->offset - rig.s->io.lay->data_offset;

	if (!stops || ended || cmd->op != WEIR_OP_WRITE || at % SEGMENT)
		return;
	seg = &rig.s->logs->segs.all[at / SEGMENT];
	if (seg->state != SEGMENT_RECLAIMING)
		return;
	begun = rig.s->logs->marks.ahead;
	io_break(&rig.s->io, -EIO);
	stops = false;
}

/* The store stops while it reclaims in the background, and needs more segments. */
static void no_reclaim_begins(void **state)
{
	uint64_t key;

	(void)state;
	for (key = 0; key < FULL; key++)
		assert_int_equal(rig_put(&rig, key, 1, LENGTH, 0), 0);
	pause_here();
	memdisk.watch = stop_at_free_mark;
	stops = true;
	for (; stops; key++) {
		assert_true(key < 3 * FULL);
		(void)rig_put(&rig, key, 1, LENGTH, 0);
	}
	pause_here();
	assert_int_equal(rig.s->logs->marks.ahead, begun);
	memdisk.watch = NULL;
	assert_int_equal(memdisk_reopen(&rig), -EIO);
}

static unsigned headers_left; /* free marks until the store stops */

static void stop_at_a_later_mark(const struct weir_cmd *cmd, int ended)
{
	uint64_t at = cmd->offset - rig.s->io.lay->data_offset;

	if (!stops || ended || cmd->op != WEIR_OP_WRITE || at % SEGMENT ||
	    rig.s->logs->segs.all[at / SEGMENT].state != SEGMENT_RECLAIMING || headers_left--)
		return;
	begun = rig.s->logs->marks.ahead;
	io_break(&rig.s->io, -EIO);
	stops = false;
}

/* The store stops while a segment that it has reclaimed waits for a read. When that ends, the
 * segment is free, and no other reclaim begins for it. */
static void no_reclaim_begins_behind_a_read(void **state)
{
	static uint8_t value[4 * 4096] __attribute__((aligned(4096)));
	struct weir_store_op op = WEIR_STORE_OP_INIT;
	uint64_t key = 0, more;
	uint32_t stream;

	(void)state;
	/* What is read must not survive: those reads would not end either. */
	rig.policy = WEIR_POLICY_FIFO;
	assert_int_equal(memdisk_reopen(&rig), 0);
	rig.policy = 0;
	/* Another log has segments that could be reclaimed. */
	assert_int_equal(weir_store_add_tenant(rig.s, "other", &stream), 1);
	for (more = 0; more < FULL; more++)
		assert_int_equal(rig_put(&rig, more, 1, LENGTH,
					 more / 12 == FULL / 24 ? RIG_STREAM(stream) : 0),
				 0);
	pause_here();
	while (rig_get(&rig, key, 1, LENGTH) != 1)
		key++;
	key += 3; /* in the next segment, which nothing has read */
	op.kind = WEIR_STORE_GET;
	op.key = &key;
	op.key_len = sizeof(key);
	op.buf = value;
	op.capacity = sizeof(value);
	memdisk.hold_length = 3 * 4096;
	assert_int_equal(weir_store_submit(rig.s, &op), 0);
	memdisk.watch = stop_at_a_later_mark;
	headers_left = 4;
	stops = true;
	for (; stops; more++) {
		assert_true(more < 3 * FULL);
		(void)rig_put(&rig, more, 1, LENGTH, 0);
	}
	assert_int_equal(weir_store_wait(rig.s, &op, 0), -ETIMEDOUT);
	memdisk.hold_length = 0;
	assert_int_equal(weir_store_wait(rig.s, &op, UINT64_MAX), 0);
	pause_here();
	assert_int_equal(rig.s->logs->marks.ahead, begun);
	memdisk.watch = NULL;
	assert_int_equal(memdisk_reopen(&rig), -EIO);
}

/* A get that finds a value damaged says so, and drops nothing. */
static void nothing_is_dropped(void **state)
{
	uint64_t hash[2], key = 5;
	uint8_t value[LENGTH];
	struct index_value found;
	struct weir_store_op op = { .kind = WEIR_STORE_GET,
				    .flags = WEIR_GET_DROP_DAMAGED,
				    .key = &key,
				    .key_len = sizeof(key),
				    .buf = value,
				    .capacity = LENGTH };

	(void)state;
	assert_int_equal(rig_put(&rig, key, 1, LENGTH, WEIR_PUT_DURABLE), 0);
	checksum_identity(&rig.s->io.key, &key, sizeof(key), hash);
	assert_true(logs_find(rig.s->logs, hash, &found));
	memdisk.now[rig.s->io.lay->data_offset + (found.position << rig.s->io.lay->block_shift)] ^=
		1;
	stop();
	assert_int_equal(weir_store_run(rig.s, &op, 1), -EBADMSG);
	assert_int_equal(rig.s->io.counts.failed, 1);
	assert_int_equal(rig.s->io.counts.deletes, 0);
	assert_int_equal(weir_store_exists(rig.s, &key, sizeof(key), NULL), 0);
	assert_int_equal(writes, 0);
	assert_int_equal(memdisk_reopen(&rig), -EIO);
}

static int fails_free_marks(const struct weir_cmd *cmd)
{
	uint64_t at = cmd->offset - rig.s->io.lay->data_offset;

	return stops && cmd->op == WEIR_OP_WRITE && cmd->offset >= 65536 && !(at % SEGMENT) &&
	       at / SEGMENT < SEGMENTS &&
	       rig.s->logs->segs.all[at / SEGMENT].state == SEGMENT_RECLAIMING;
}

/* A filesystem below is full, so a free mark cannot be written: the store stops, and says why. */
static void a_full_filesystem_stops_it(void **state)
{
	int err = 0;

	(void)state;
	memdisk.fail_error = -ENOSPC;
	memdisk.fails_too = fails_free_marks;
	stops = true;
	for (uint64_t key = 0; key < 3 * FULL && !err; key++)
		err = rig_put(&rig, key, 1, LENGTH, 0);
	memdisk.fails_too = NULL;
	memdisk.fail_error = -EIO;
	assert_int_equal(err, -ENOSPC);
	assert_int_equal(rig.s->io.broken, -ENOSPC);
	assert_int_equal(memdisk_reopen(&rig), -ENOSPC);
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_budget_is_not_saved), TEST(the_superblock_stays),
		TEST(no_reclaim_begins),       TEST(no_reclaim_begins_behind_a_read),
		TEST(nothing_is_dropped),      TEST(a_full_filesystem_stops_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
