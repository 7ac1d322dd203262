/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_read_parts.c - values that are read in parts: each part is verified when all in front of it
 * have arrived, whatever their order; parts that fail, are wrong, are lost or come too late.
 */
#include <errno.h>
#include <stdio.h>

#include "memdisk.h"
#include "base/clock.h"
#include "store/store.h"

#define PART (512u << 10)
#define LENGTH (2 * PART + 70003) /* three parts, the last of an odd length */
#define LAST 73728u		  /* what is read of the last one */
/* The drive has the parts by then, or else after twice the time, and so on. */
#define SOON (250 * NSEC_PER_MSEC)
#define SOON_MAX (100 * NSEC_PER_SEC)

static struct rig rig = { .engine = "posix" };
static const uint64_t key = 1;
static uint8_t *value, *buf;
static unsigned reads;
static uint64_t first_read;

static int set_up(void **state)
{
	(void)state;
	value = aligned_alloc(4096, 4 * PART);
	buf = aligned_alloc(4096, 4 * PART);
	memset(buf, 0x77, 4 * (size_t)PART);
	memdisk_set_up(&rig, 40u << 20, 4u << 20, 3);
	rig_value(key, 1, value, LENGTH);
	assert_int_equal(weir_store_put(rig.s, &key, sizeof(key), value, LENGTH, WEIR_PUT_DURABLE),
			 0);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	memdisk.hold_length = 0;
	memdisk.hold_buf = NULL;
	memdisk.watch = NULL;
	memdisk.lost = 0;
	memdisk_tear_down(&rig);
	free(value);
	free(buf);
	return 0;
}

static void count_reads(const struct weir_cmd *cmd, int ended)
{
	if (ended || cmd->op != WEIR_OP_READ)
		return;
	first_read = reads++ && first_read < cmd->offset ? first_read : cmd->offset;
}

static struct weir_store_op make_get(uint64_t deadline)
{
	struct weir_store_op op = WEIR_STORE_OP_INIT;

	op.kind = WEIR_STORE_GET;
	op.key = &key;
	op.key_len = sizeof(key);
	op.buf = buf;
	op.capacity = LENGTH;
	op.deadline_ns = deadline;
	return op;
}

static void submit(struct weir_store_op *op)
{
	reads = 0;
	memdisk.watch = count_reads;
	assert_int_equal(weir_store_submit(rig.s, op), 0);
}

/* Runs the loop until COUNT ios of the store are under way. */
static void poll_until(unsigned count)
{
	do
		assert_int_equal(weir_store_poll(rig.s), 0);
	while (rig.s->io.ios != count);
}

/* Holds the read of LENGTH bytes into TO, and gets until only this one is left. */
static void get_held(struct weir_store_op *op, uint64_t length, const void *to)
{
	memdisk.hold_length = length;
	memdisk.hold_buf = to;
	submit(op);
	poll_until(1);
}

static int end_held(struct weir_store_op *op)
{
	memdisk.hold_length = 0;
	memdisk.hold_buf = NULL;
	return weir_store_wait(rig.s, op, UINT64_MAX);
}

/* Each part is a command, and nothing behind the value is touched, in whatever order they come. */
static void in_any_order(void **state)
{
	struct weir_store_op op;

	(void)state;
	for (unsigned n = 0; n < 40; n++) {
		memdisk.shuffle = n > 0;
		memset(buf, 0x77, 4 * (size_t)PART);
		op = make_get(n % 2 ? UINT64_MAX : 0);
		submit(&op);
		assert_int_equal(weir_store_wait(rig.s, &op, UINT64_MAX), 0);
		assert_int_equal(reads, 3);
		assert_int_equal(op.value_len, LENGTH);
		assert_memory_equal(buf, value, LENGTH);
		assert_int_equal(buf[LENGTH], 0x77);
	}
}

/* The checksum of the first parts is computed before the last one is there: what becomes of their
 * bytes then is the caller's affair. */
static void verified_on_arrival(void **state)
{
	struct weir_store_op op = make_get(0);

	(void)state;
	/* The tail of the value goes to the store's memory, so this part begins in the caller's. */
	get_held(&op, LAST, buf + 2 * PART);
	buf[PART - 1] ^= 1;
	buf[2 * PART - 1] ^= 1;
	assert_int_equal(end_held(&op), 0);
	assert_int_equal(rig.s->reads.rereads, 0);
	buf[PART - 1] ^= 1;
	buf[2 * PART - 1] ^= 1;
	assert_memory_equal(buf, value, LENGTH);
}

/* A part that arrives before those in front of it waits for them. */
static void verified_in_order(void **state)
{
	struct weir_store_op op = make_get(0);

	(void)state;
	get_held(&op, PART, buf);
	buf[2 * PART - 1] ^= 1;
	assert_int_equal(end_held(&op), 0);
	assert_int_equal(rig.s->reads.rereads, 1);
	assert_memory_equal(buf, value, LENGTH);
}

/* One wrong byte in any part: the value is read once more, and is damaged then. */
static void wrong_byte(void **state)
{
	static const uint32_t at[] = { 0, PART - 1, PART, 2 * PART - 1, 2 * PART, LENGTH - 1 };
	struct weir_store_op op = make_get(0);

	(void)state;
	submit(&op);
	assert_int_equal(weir_store_wait(rig.s, &op, UINT64_MAX), 0);
	for (unsigned i = 0; i < sizeof(at) / sizeof(at[0]); i++) {
		memdisk.now[first_read + at[i]] ^= 1;
		for (unsigned timed = 0; timed < 2; timed++) {
			op = make_get(timed ? UINT64_MAX : 0);
			assert_int_equal(weir_store_run(rig.s, &op, 1), -EBADMSG);
			assert_int_equal(rig.s->reads.checksum_errors, 2 * i + timed + 1);
			assert_int_equal(rig.s->reads.rereads, 2 * i + timed + 1);
		}
		memdisk.now[first_read + at[i]] ^= 1;
	}
	op = make_get(0);
	assert_int_equal(weir_store_run(rig.s, &op, 1), 0);
}

/* A part that was lost comes with the second try. */
static void lost_part(void **state)
{
	static const uint32_t length[] = { PART, LAST };

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		struct weir_store_op op = make_get(0);

		memset(buf, 0x77, 4 * (size_t)PART);
		memdisk.lost = 1;
		memdisk.lost_length = length[i];
		submit(&op);
		assert_int_equal(weir_store_wait(rig.s, &op, UINT64_MAX), 0);
		assert_int_equal(reads, 6);
		assert_memory_equal(buf, value, LENGTH);
	}
	assert_int_equal(rig.s->reads.rereads, 2);
	assert_int_equal(rig.s->reads.checksum_errors, 0);
}

/* Whichever part cannot be read, the get fails and says where, when no other part is under way. */
static void failed_part(void **state)
{
	struct weir_store_op op = make_get(0);
	char where[64];

	(void)state;
	submit(&op);
	assert_int_equal(weir_store_wait(rig.s, &op, UINT64_MAX), 0);
	for (unsigned i = 0; i < 3; i++) {
		memdisk.shuffle = i > 0;
		memdisk.fail_op = WEIR_OP_READ;
		memdisk.fail_from = first_read + i * PART;
		memdisk.fail_to = memdisk.fail_from + PART;
		memdisk.fails = 1;
		op = make_get(0);
		assert_int_equal(weir_store_run(rig.s, &op, 1), -EIO);
		assert_int_equal(memdisk.fails, 0);
		snprintf(where, sizeof(where), "read at 0x%llx",
			 (unsigned long long)memdisk.fail_from);
		assert_non_null(strstr(weir_error(), where));
		assert_int_equal(rig.s->io.ios, 0);
	}
	assert_int_equal(rig.s->reads.rereads, 0);
	op = make_get(0);
	assert_int_equal(weir_store_run(rig.s, &op, 1), 0);
}

/* The deadline comes while some parts have arrived. Those that come later touch nothing. */
static void deadline_between_parts(void **state)
{
	struct weir_store_op op;
	uint64_t time = SOON;

	(void)state;
	memdisk.hold_length = LAST;
	do {
		assert_true(time < SOON_MAX);
		op = make_get(clock_now() + time);
		submit(&op);
		assert_int_equal(weir_store_wait(rig.s, &op, UINT64_MAX), -ETIMEDOUT);
		time *= 2;
	} while (!rig.s->io.ios);
	memset(buf, 0x55, 4 * (size_t)PART);
	memdisk.hold_length = 0;
	poll_until(0);
	for (unsigned i = 0; i < LENGTH; i++)
		assert_int_equal(buf[i], 0x55);
	op = make_get(0);
	assert_int_equal(weir_store_run(rig.s, &op, 1), 0);
	assert_memory_equal(buf, value, LENGTH);
}

/* A value in pieces of the caller's that end anywhere, some of them empty. */
static void in_pieces(void **state)
{
	enum { PIECES = 7 };
	static const size_t ends[PIECES] = { 1,		  1,	      PART - 7, PART + 4096,
					     PART + 8192, LENGTH - 9, LENGTH };
	struct weir_store_op op = make_get(0);
	struct iovec iov[PIECES];
	size_t at = 0;

	(void)state;
	for (unsigned i = 0; i < PIECES; at = ends[i++])
		iov[i] = (struct iovec){ buf + at + 4096 * i, ends[i] - at };
	op.iov = iov;
	op.nr_iov = PIECES;
	assert_int_equal(weir_store_run(rig.s, &op, 1), 0);
	at = 0;
	for (unsigned i = 0; i < PIECES; at += iov[i++].iov_len)
		assert_memory_equal(iov[i].iov_base, value + at, iov[i].iov_len);
	assert_int_equal(rig.s->reads.rereads, 0);
}

/* Damages the value, and returns where it is. */
static uint64_t damage(void)
{
	struct weir_store_op op = make_get(0);

	submit(&op);
	assert_int_equal(weir_store_wait(rig.s, &op, UINT64_MAX), 0);
	memdisk.now[first_read] ^= 1;
	return first_read;
}

/* A get that drops what is damaged drops nothing newer: not what was put while it read. */
static void newer_than_the_damaged(void **state)
{
	struct weir_store_op op = make_get(0);

	(void)state;
	damage();
	op.flags = WEIR_GET_DROP_DAMAGED;
	get_held(&op, LAST, buf + 2 * PART);
	assert_int_equal(rig_put(&rig, key, 2, 3000, 0), 0);
	assert_int_equal(end_held(&op), -EBADMSG);
	assert_int_equal(rig_get(&rig, key, 2, 3000), 1);
}

/* A get with a deadline does not wait until the entry is gone. */
static void deadline_before_the_drop(void **state)
{
	struct weir_store_op op = make_get(clock_now() + 60 * NSEC_PER_SEC);

	(void)state;
	/* The tombstone is the next block behind the value. */
	memdisk.hold_end = damage() + 2 * PART + LAST + 4096;
	op.flags = WEIR_GET_DROP_DAMAGED;
	assert_int_equal(weir_store_run(rig.s, &op, 1), -EBADMSG);
	assert_int_equal(weir_store_exists(rig.s, &key, sizeof(key), NULL), 0);
	memdisk.hold_end = 0;
	assert_int_equal(weir_store_sync(rig.s), 0);
	assert_int_equal(weir_store_exists(rig.s, &key, sizeof(key), NULL), -ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(in_any_order, set_up, tear_down),
		cmocka_unit_test_setup_teardown(verified_on_arrival, set_up, tear_down),
		cmocka_unit_test_setup_teardown(verified_in_order, set_up, tear_down),
		cmocka_unit_test_setup_teardown(wrong_byte, set_up, tear_down),
		cmocka_unit_test_setup_teardown(lost_part, set_up, tear_down),
		cmocka_unit_test_setup_teardown(failed_part, set_up, tear_down),
		cmocka_unit_test_setup_teardown(deadline_between_parts, set_up, tear_down),
		cmocka_unit_test_setup_teardown(in_pieces, set_up, tear_down),
		cmocka_unit_test_setup_teardown(newer_than_the_damaged, set_up, tear_down),
		cmocka_unit_test_setup_teardown(deadline_before_the_drop, set_up, tear_down),
	};

	return cmocka_run_group_tests_name("store_read_parts", tests, NULL, NULL);
}
