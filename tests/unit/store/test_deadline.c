/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_deadline.c - operations with a deadline: a put that waits is dropped unread, a get ends
 * although the drive has it, and what ends in time does not notice.
 */
#include <errno.h>
#include <time.h>

#include "memdisk.h"
#include "base/clock.h"
#include "store/format/format.h"
#include "store/store.h"

#define LENGTH 20000u
#define READ 20480u /* of a value */
#define SOON (2 * NSEC_PER_MSEC)
/* So late that the drive has the command by then. Where it has not, as a machine may stand still
 * for any time, the time is doubled. */
#define UNDER_WAY (250 * NSEC_PER_MSEC)
#define UNDER_WAY_MAX (100 * NSEC_PER_SEC)

static struct rig rig = { .engine = "posix" };
static uint8_t value[LENGTH], buf[LENGTH] __attribute__((aligned(4096)));
static const uint64_t ids[4] = { 0, 1, 2, 3 };

static int set_up(void **state)
{
	(void)state;
	memdisk_set_up(&rig, 4u << 20, 64u << 10, 3);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	memdisk.hold_length = memdisk.hold_end = 0;
	memdisk.watch = NULL;
	memdisk_tear_down(&rig);
	return 0;
}

static struct weir_store_op make(uint32_t kind, unsigned key, uint64_t deadline)
{
	struct weir_store_op op = WEIR_STORE_OP_INIT;

	op.kind = kind;
	op.key = &ids[key];
	op.key_len = sizeof(ids[key]);
	op.deadline_ns = deadline;
	if (kind == WEIR_STORE_PUT) {
		rig_value(key, 1, value, LENGTH);
		op.value = value;
		op.value_len = LENGTH;
	} else if (kind == WEIR_STORE_GET) {
		op.buf = buf;
		op.capacity = LENGTH;
	}
	return op;
}

static int wait_for(struct weir_store_op *op)
{
	return weir_store_wait(rig.s, op, UINT64_MAX);
}

/* What comes too late does not begin, whatever it is. */
static void too_late(void **state)
{
	uint64_t commands;
	char text[128];

	(void)state;
	assert_int_equal(rig_put(&rig, 1, 1, LENGTH, 0), 0);
	assert_int_equal(weir_store_sync(rig.s), 0);
	commands = memdisk.commands;
	for (uint32_t kind = 0; kind < WEIR_STORE_OP_COUNT; kind++) {
		struct weir_store_op op = make(kind, 1, 1);

		assert_int_equal(weir_store_run(rig.s, &op, 1), -ETIMEDOUT);
		assert_non_null(
			strstr(weir_store_op_strerror(&op, text, sizeof(text)), "deadline came"));
	}
	assert_int_equal(memdisk.commands, commands);
	assert_int_equal(rig_get(&rig, 1, 1, LENGTH), 1);
}

/* What ends in time ends as ever. */
static void in_time(void **state)
{
	uint64_t deadline = clock_now() + 3600 * NSEC_PER_SEC;
	struct weir_store_op op = make(WEIR_STORE_PUT, 1, deadline);

	(void)state;
	assert_int_equal(weir_store_run(rig.s, &op, 1), 0);
	op = make(WEIR_STORE_GET, 1, deadline);
	assert_int_equal(weir_store_run(rig.s, &op, 1), 0);
	assert_int_equal(op.value_len, LENGTH);
	rig_value(1, 1, value, LENGTH);
	assert_memory_equal(buf, value, LENGTH);
	op = make(WEIR_STORE_DELETE, 1, deadline);
	assert_int_equal(weir_store_run(rig.s, &op, 1), 0);
	op = make(WEIR_STORE_GET, 1, deadline);
	assert_int_equal(weir_store_run(rig.s, &op, 1), 0 - ENOENT);
	assert_true(rig.s->deadlines.next == deadline);
	rig_check_counts(rig.s);
}

/* Holds the first header that is written, so that nothing gets a position. */
static void hold_headers(void)
{
	memdisk.hold_end = rig.s->io.lay->data_offset + 4096;
}

/* Puts that wait for a segment are dropped, each at its time, and the others go on. */
static void puts_that_wait(void **state)
{
	uint64_t now = clock_now();
	struct weir_store_op ops[4];

	(void)state;
	hold_headers();
	ops[0] = make(WEIR_STORE_PUT, 0, now + 3 * SOON);
	ops[1] = make(WEIR_STORE_PUT, 1, 0);
	ops[2] = make(WEIR_STORE_PUT, 2, now + SOON);
	ops[3] = make(WEIR_STORE_DELETE, 0, now + 2 * SOON);
	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(weir_store_submit(rig.s, &ops[i]), 0);
	assert_int_equal(wait_for(&ops[2]), -ETIMEDOUT);
	assert_true(clock_now() >= now + SOON);
	assert_int_equal(wait_for(&ops[0]), -ETIMEDOUT);
	assert_int_equal(wait_for(&ops[3]), -ETIMEDOUT);
	assert_int_equal(weir_store_wait(rig.s, &ops[1], 0), -ETIMEDOUT); /* it goes on */
	memdisk.hold_end = 0;
	assert_int_equal(wait_for(&ops[1]), 0);
	assert_int_equal(rig_get(&rig, 1, 1, 1), 0); /* another length */
	assert_int_equal(rig_get(&rig, 0, 1, LENGTH), -ENOENT);
	assert_int_equal(rig_get(&rig, 2, 1, LENGTH), -ENOENT);
	assert_int_equal(rig_put(&rig, 0, 1, LENGTH, 0), 0);
}

static bool drive_has, over;

/* Notes that the drive has the write that it holds. */
static void watch_held(const struct weir_cmd *cmd, int ended)
{
	drive_has |=
		!ended && cmd->op == WEIR_OP_WRITE && cmd->offset + cmd->length == memdisk.hold_end;
}

static void note_over(struct weir_store_op *op)
{
	(void)op;
	over = true;
}

/* Submits a put as OP with a deadline, until the drive has its write before that comes. */
static void put_that_the_drive_has(struct weir_store_op *op)
{
	drive_has = false;
	memdisk.watch = watch_held;
	for (uint64_t time = UNDER_WAY; !drive_has; time *= 2) {
		assert_true(time < UNDER_WAY_MAX);
		*op = make(WEIR_STORE_PUT, 1, clock_now() + time);
		op->end = note_over;
		over = false;
		assert_int_equal(weir_store_submit(rig.s, op), 0);
		while (!drive_has && !over)
			assert_int_equal(weir_store_poll(rig.s), 0);
		assert_true(drive_has || op->result == -ETIMEDOUT);
	}
	memdisk.watch = NULL;
}

/* A put that has its position goes on, and its result is its own. */
static void put_with_a_position(void **state)
{
	struct weir_store_op op;

	(void)state;
	/* The first batch: a header block and the payload. */
	memdisk.hold_end = rig.s->io.lay->data_offset + 4096 + 4096 + READ;
	put_that_the_drive_has(&op);
	while (clock_now() < op.deadline_ns + SOON)
		assert_int_equal(weir_store_poll(rig.s), 0);
	assert_int_equal(weir_store_wait(rig.s, &op, 0), -ETIMEDOUT);
	assert_false(over);
	assert_int_not_equal(rig.s->io.ios, 0);
	memdisk.hold_end = 0;
	assert_int_equal(wait_for(&op), 0);
	assert_int_equal(rig_get(&rig, 1, 1, LENGTH), 1);
}

/* Gets with a deadline until the drive has the read, which it holds, when that comes. */
static void get_too_long(void)
{
	struct weir_store_op op;
	uint64_t time = UNDER_WAY;

	do {
		assert_true(time < UNDER_WAY_MAX);
		op = make(WEIR_STORE_GET, 1, clock_now() + time);
		assert_int_equal(weir_store_submit(rig.s, &op), 0);
		assert_int_equal(wait_for(&op), -ETIMEDOUT);
		time *= 2;
	} while (!rig.s->io.ios);
}

/* A get ends although the drive has its command, and the drive never touches the buffer. */
static void get_that_the_drive_has(void **state)
{
	struct weir_store_op op, other;

	(void)state;
	assert_int_equal(rig_put(&rig, 1, 1, LENGTH, 0), 0);
	while (rig.s->io.ios)
		assert_int_equal(weir_store_poll(rig.s), 0);
	memset(buf, 0x77, LENGTH);
	memdisk.hold_length = READ;
	get_too_long();
	memdisk.hold_length = 0;
	while (rig.s->io.ios)
		assert_int_equal(weir_store_poll(rig.s), 0);
	for (unsigned i = 0; i < LENGTH; i++)
		assert_int_equal(buf[i], 0x77);
	/* The next one works, and two at a time end each in its way. */
	assert_int_equal(rig_put(&rig, 2, 1, 4096, 0), 0);
	memdisk.hold_length = READ;
	op = make(WEIR_STORE_GET, 1, clock_now() + UNDER_WAY);
	other = make(WEIR_STORE_GET, 2, UINT64_MAX);
	assert_int_equal(weir_store_submit(rig.s, &op), 0);
	assert_int_equal(weir_store_submit(rig.s, &other), 0);
	assert_int_equal(wait_for(&other), 0);
	assert_int_equal(wait_for(&op), -ETIMEDOUT);
	memdisk.hold_length = 0; /* the store is closed while the read is under way */
}

/* The drive has two commands: after the first deadline the alarm is set for the second one. */
static void two_that_the_drive_has(void **state)
{
	struct weir_store_op first, second;

	(void)state;
	assert_int_equal(rig_put(&rig, 1, 1, LENGTH, 0), 0);
	memdisk.hold_length = READ;
	first = make(WEIR_STORE_GET, 1, clock_now() + SOON);
	second = make(WEIR_STORE_GET, 1, clock_now() + 5 * SOON);
	assert_int_equal(weir_store_submit(rig.s, &first), 0);
	assert_int_equal(weir_store_submit(rig.s, &second), 0);
	assert_int_equal(wait_for(&first), -ETIMEDOUT);
	assert_int_equal(weir_store_wait(rig.s, &second, 5 * NSEC_PER_SEC), -ETIMEDOUT);
	assert_int_equal(second.result, -ETIMEDOUT);
	memdisk.hold_length = 0;
}

/* A value that came back wrong is read again; if the deadline comes then, nothing is left. */
static void read_again(void **state)
{
	struct weir_store_op op;

	(void)state;
	assert_int_equal(rig_put(&rig, 1, 1, LENGTH, 0), 0);
	memdisk.lost = 1;
	memdisk.lost_length = READ;
	op = make(WEIR_STORE_GET, 1, UINT64_MAX);
	assert_int_equal(weir_store_run(rig.s, &op, 1), 0);
	rig_value(1, 1, value, LENGTH);
	assert_memory_equal(buf, value, LENGTH);
	assert_int_equal(rig.s->reads.rereads, 1);
}

/* The alarm of a store that was closed does not ring. */
static void closed_before(void **state)
{
	uint64_t until = clock_now() + 100 * SOON;
	struct weir_store_op op = make(WEIR_STORE_PUT, 1, until);
	int err = weir_store_run(rig.s, &op, 1);

	(void)state;
	assert_true(!err || err == -ETIMEDOUT); /* this machine may be slow */
	assert_int_equal(weir_store_close(rig.s), 0);
	rig.s = NULL;
	/* The store made this thread the owner of the lane. */
	assert_int_equal(weir_queue_attach(rig.queue, 0), 0);
	while (clock_now() < until + SOON)
		assert_true(weir_queue_poll(rig.queue) >= 0);
	assert_int_equal(weir_queue_detach(rig.queue), 0);
}

/* A worker that sleeps is woken by the alarm. */
static void worker_sleeps(void **state)
{
	struct weir_store_op op;
	struct rig file = { .engine = "posix" };
	struct timespec t = { .tv_nsec = 2 * SOON };
	bool rung = false;

	(void)state;
	rig_make(&file, 16 << 20, 1 << 20, 4096);
	rig_open(&file);
	for (unsigned i = 0; i < 3; i++) {
		op = make(WEIR_STORE_PUT, 1, clock_now() + SOON);
		op.end = NULL;
		assert_int_equal(weir_store_submit(file.s, &op), 0);
		(void)weir_store_wait(file.s, &op, UINT64_MAX);
		assert_true(!op.result || op.result == -ETIMEDOUT);
		nanosleep(&t, NULL);
	}
	/* The alarm has rung: there is none any more. A call of the loop gives an order. A worker
	 * that stood still meanwhile may answer the first one before the alarm. */
	for (unsigned tries = 0; tries < 1000 && !rung; tries++) {
		assert_int_equal(weir_store_sync(file.s), 0);
		rung = file.s->deadlines.next == UINT64_MAX;
	}
	assert_true(rung);
	rig_remove(&file);
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(too_late),
		TEST(in_time),
		TEST(puts_that_wait),
		TEST(put_with_a_position),
		TEST(get_that_the_drive_has),
		TEST(two_that_the_drive_has),
		TEST(read_again),
		TEST(closed_before),
		TEST(worker_sleeps),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
