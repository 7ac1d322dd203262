/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_room.c - weir_store_opts.max_put_bytes: so many bytes of puts are written at a time, further
 * ones wait in order, and end at once if their deadline comes or they are cancelled.
 */
#include <errno.h>

#include <weir/tenant.h>

#include "memdisk.h"
#include "base/clock.h"
#include "store/log/logs.h"
#include "store/store.h"

#define LENGTH 8192u
#define ROOM (3 * LENGTH)
#define OPS 24u

static struct rig rig = { .engine = "posix" };
static uint8_t value[64u << 10] __attribute__((aligned(4096)));
static uint64_t ids[OPS];
static struct weir_store_op ops[OPS];
static unsigned order[OPS], ended;
static uint64_t writing, most; /* bytes */

/* Counts whole values in flight; headers and footers are shorter. */
static void watch(const struct weir_cmd *cmd, int done)
{
	if (cmd->op != WEIR_OP_WRITE || cmd->length < LENGTH)
		return;
	writing += done ? -(cmd->length / LENGTH * LENGTH) : cmd->length / LENGTH * LENGTH;
	most = writing > most ? writing : most;
}

static int set_up(void **state)
{
	(void)state;
	rig.max_put_bytes = ROOM;
	memdisk_set_up(&rig, 8u << 20, 256u << 10, 3);
	writing = most = ended = 0;
	memdisk.watch = watch;
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	memdisk.watch = NULL;
	memdisk.hold_end = 0;
	memdisk_tear_down(&rig);
	return 0;
}

static void note_end(struct weir_store_op *op)
{
	order[ended++] = (unsigned)(op - ops);
}

static struct weir_store_op *make(unsigned i, uint64_t id, size_t length)
{
	ids[i] = id;
	ops[i] = rig_put_op(&ids[i], value, length);
	ops[i].end = note_end;
	return &ops[i];
}

static void submit(unsigned i, uint64_t id, size_t length)
{
	assert_int_equal(weir_store_submit(rig.s, make(i, id, length)), 0);
}

static int wait_for(unsigned i)
{
	return weir_store_wait(rig.s, &ops[i], UINT64_MAX);
}

static struct weir_store_stats stats_of(void)
{
	struct weir_store_stats stats;

	rig_stats(&rig, &stats);
	return stats;
}

/* No more than the option says is written at a time, and all are written, in their order. */
static void bounded(void **state)
{
	(void)state;
	for (unsigned i = 0; i < OPS; i++)
		submit(i, i % 5, LENGTH);
	for (unsigned i = 0; i < OPS; i++)
		assert_int_equal(wait_for(i), 0);
	for (unsigned i = 0; i < OPS; i++)
		assert_int_equal(order[i], i);
	assert_true(most >= LENGTH && most <= ROOM);
	assert_true(stats_of().put_waits >= OPS * LENGTH / ROOM - 1);
	assert_int_equal(stats_of().writing_bytes, 0);
	rig_check_counts(rig.s);
}

/* Without a limit all of them are written together. */
static void unbounded(void **state)
{
	(void)state;
	rig.max_put_bytes = UINT64_MAX;
	assert_int_equal(memdisk_reopen(&rig), 0);
	assert_int_equal(rig_put(&rig, 77, 1, 100, 0), 0); /* begins a segment */
	for (unsigned i = 0; i < OPS; i++)
		submit(i, i, LENGTH);
	for (unsigned i = 0; i < OPS; i++)
		assert_int_equal(wait_for(i), 0);
	assert_true(most > 2 * ROOM);
	assert_int_equal(stats_of().put_waits, 0);
}

/* A value that is longer than the room is written alone. */
static void too_long(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 6; i++)
		submit(i, i, i % 2 ? sizeof(value) : LENGTH);
	for (unsigned i = 0; i < 6; i++)
		assert_int_equal(wait_for(i), 0);
	assert_true(most <= sizeof(value));
}

/* Holds the write of the next put, which begins where the log ends. */
static void hold_next(size_t length)
{
	const struct segment *seg = rig.s->logs->log[0]->segs.open;
	const struct layout *l = rig.s->io.lay;

	assert_non_null(seg);
	memdisk.hold_end = layout_offset(l, seg->number, seg->used) + 4096 + length;
}

/* Puts that wait have no position: a deadline and a cancel end them while the drive still writes
 * what came before. Deletes and gets do not need room. */
static void waiting(void **state)
{
	uint64_t id = 1000;
	static uint8_t buf[LENGTH];
	struct weir_store_op get = rig_get_op(&id, buf, sizeof(buf));

	(void)state;
	assert_int_equal(weir_store_put(rig.s, &id, sizeof(id), value, LENGTH, 0), 0);
	hold_next(ROOM);
	submit(0, 0, ROOM);
	while (!rig.s->logs->room.bytes)
		assert_int_equal(weir_store_poll(rig.s), 0);
	make(1, 1, LENGTH)->deadline_ns = clock_now() + NSEC_PER_MSEC;
	assert_int_equal(weir_store_submit(rig.s, &ops[1]), 0);
	submit(2, 2, LENGTH);
	submit(3, 3, LENGTH);
	assert_int_equal(weir_store_run(rig.s, &get, 1), 0);
	assert_int_equal(wait_for(1), -ETIMEDOUT);
	assert_int_equal(weir_store_cancel(rig.s, &ops[2]), 0);
	assert_int_equal(wait_for(2), -ECANCELED);
	assert_int_equal(stats_of().writing_bytes, ROOM);
	assert_int_equal(ended, 2);
	memdisk.hold_end = 0;
	assert_int_equal(wait_for(3), 0);
	assert_int_equal(wait_for(0), 0);
	for (id = 0; id < 4; id++)
		assert_int_equal(weir_store_exists(rig.s, &id, sizeof(id), NULL),
				 id == 1 || id == 2 ? -ENOENT : 0);
}

/* Two streams share the room: the one that comes second does not wait for all of the first. */
static void two_streams(void **state)
{
	uint32_t stream;
	unsigned first_of_second = OPS, n;

	(void)state;
	assert_true(weir_store_add_tenant(rig.s, "other", &stream) >= 0);
	for (unsigned i = 0; i < OPS; i++) {
		make(i, i, LENGTH)->stream = i < OPS - 4 ? 0 : (uint16_t)stream;
		assert_int_equal(weir_store_submit(rig.s, &ops[i]), 0);
	}
	for (unsigned i = 0; i < OPS; i++)
		assert_int_equal(wait_for(i), 0);
	for (n = 0; n < OPS; n++)
		if (n < first_of_second && order[n] >= OPS - 4)
			first_of_second = n;
	assert_true(first_of_second < OPS - 4);
	assert_true(most <= ROOM);
	/* A log whose waiting puts are all cancelled keeps nobody. */
	for (unsigned i = 0; i < OPS; i++) {
		make(i, i, LENGTH)->stream = 0;
		assert_int_equal(weir_store_submit(rig.s, &ops[i]), 0);
	}
	ended = 0;
	while (TAILQ_EMPTY(&rig.s->logs->room.queue))
		assert_int_equal(weir_store_poll(rig.s), 0);
	for (unsigned i = 0; i < OPS - 4; i++)
		assert_int_equal(weir_store_cancel(rig.s, &ops[i]), 0);
	for (unsigned i = 0; i < OPS; i++)
		(void)wait_for(i);
	assert_int_equal(ended, OPS);
	for (unsigned i = OPS - 4; i < OPS; i++)
		assert_int_equal(ops[i].result, 0);
	assert_true(TAILQ_EMPTY(&rig.s->logs->room.queue));
}

/* Writes that fail give their room back. */
static void failing(void **state)
{
	(void)state;
	memdisk.watch = NULL; /* it is not told of failures */
	memdisk.fail_op = WEIR_OP_WRITE;
	memdisk.fail_from = rig.s->io.lay->data_offset;
	memdisk.fail_to = memdisk.bytes;
	memdisk.fail_skip = 2;
	memdisk.fails = 1;
	for (unsigned i = 0; i < OPS; i++)
		submit(i, i, LENGTH);
	for (unsigned i = 0; i < OPS; i++)
		(void)wait_for(i);
	assert_int_equal(memdisk.fails, 0);
	assert_int_equal(stats_of().writing_bytes, 0);
	ended = 0;
	submit(0, 0, LENGTH);
	assert_int_equal(wait_for(0), 0);
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(bounded), TEST(unbounded),	  TEST(too_long),
		TEST(waiting), TEST(two_streams), TEST(failing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
