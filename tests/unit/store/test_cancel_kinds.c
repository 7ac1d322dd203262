/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_cancel_kinds.c - what an operation that is cancelled waits for: the loop, space, an older
 * operation of its key, the drive. It ends once, and a put that was cancelled leaves no trace.
 */
#include <errno.h>
#include <pthread.h>
#include <unistd.h>

#include "memdisk.h"
#include "store/store.h"

#define LENGTH 9000u
#define READ 12288u /* of a value */
#define OPS 64u

static struct rig rig = { .engine = "posix" };
static struct weir_store_op ops[OPS];
static uint8_t values[OPS][LENGTH];
static uint64_t ids[OPS];
static unsigned ends[OPS];

static int set_up(void **state)
{
	(void)state;
	memdisk_set_up(&rig, 4u << 20, 64u << 10, 3);
	memset(ends, 0, sizeof(ends));
	/* A test that hangs must fail. */
	alarm(100);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	alarm(0);
	memdisk.hold_length = memdisk.hold_end = 0;
	memdisk_tear_down(&rig);
	return 0;
}

static void note_end(struct weir_store_op *op)
{
	ends[op - ops]++;
}

/* Submits operation N, of KIND on key ID; a put has version N. */
static void submit(unsigned n, uint32_t kind, uint64_t id, uint32_t flags)
{
	struct weir_store_op *op = &ops[n];

	ids[n] = id;
	*op = (struct weir_store_op)WEIR_STORE_OP_INIT;
	op->kind = kind;
	op->flags = flags;
	op->key = &ids[n];
	op->key_len = sizeof(ids[n]);
	op->end = note_end;
	rig_value(id, n, values[n], LENGTH);
	if (kind == WEIR_STORE_PUT) {
		op->value = values[n];
		op->value_len = LENGTH;
	} else if (kind == WEIR_STORE_GET) {
		op->buf = values[n];
		op->capacity = LENGTH;
	}
	assert_int_equal(weir_store_submit(rig.s, op), 0);
}

static void poll_some(void)
{
	for (unsigned n = 0; n < 100; n++)
		assert_int_equal(weir_store_poll(rig.s), 0);
}

/* Holds the first header that is written, so that no put gets a position. */
static void hold_headers(void)
{
	memdisk.hold_end = rig.s->io.lay->data_offset + 4096;
}

static void cancel(unsigned n)
{
	assert_int_equal(weir_store_cancel(rig.s, &ops[n]), 0);
}

/* Waits for operation N. */
static void ends_with(unsigned n, int result)
{
	assert_int_equal(weir_store_wait(rig.s, &ops[n], UINT64_MAX), result);
	assert_int_equal(ops[n].result, result);
	assert_int_equal(ends[n], 1);
}

/* The loop has not seen them yet. */
static void before_the_loop(void **state)
{
	uint64_t commands;

	(void)state;
	assert_int_equal(rig_put(&rig, 1, 1, LENGTH, 0), 0);
	poll_some();
	commands = memdisk.commands;
	for (uint32_t kind = 0; kind < WEIR_STORE_OP_COUNT; kind++) {
		submit(kind, kind, 1, 0);
		cancel(kind);
	}
	for (uint32_t kind = 0; kind < WEIR_STORE_OP_COUNT; kind++)
		ends_with(kind, -ECANCELED);
	assert_int_equal(memdisk.commands, commands);
	assert_int_equal(rig_get(&rig, 1, 1, LENGTH), 1);
}

static void *cancel_elsewhere(void *arg)
{
	(void)arg;
	for (unsigned n = 0; n < 12; n++)
		if (n / 2 % 2 && weir_store_cancel(rig.s, &ops[n / 2]))
			return "a cancel failed";
	return NULL;
}

/* Another thread cancels each twice. The others go on. */
static void behind_space(void **state)
{
	pthread_t thread;
	void *what;

	(void)state;
	hold_headers();
	for (unsigned n = 0; n < 6; n++)
		submit(n, WEIR_STORE_PUT, n, n % 3 ? 0 : WEIR_PUT_DURABLE);
	poll_some();
	assert_int_equal(pthread_create(&thread, NULL, cancel_elsewhere, NULL), 0);
	assert_int_equal(pthread_join(thread, &what), 0);
	assert_null(what);
	for (unsigned n = 1; n < 6; n += 2)
		ends_with(n, -ECANCELED);
	for (unsigned n = 0; n < 6; n += 2)
		assert_int_equal(ends[n], 0);
	memdisk.hold_end = 0;
	for (unsigned n = 0; n < 6; n += 2) {
		ends_with(n, 0);
		assert_int_equal(rig_get(&rig, n, n, LENGTH), 1);
		assert_int_equal(rig_get(&rig, n + 1, n + 1, LENGTH), -ENOENT);
	}
	rig_check_counts(rig.s);
}

/* The first and the third of one key are cancelled: the others take effect in their order. */
static void among_others_of_its_key(void **state)
{
	(void)state;
	hold_headers();
	submit(0, WEIR_STORE_PUT, 7, 0);
	submit(1, WEIR_STORE_PUT, 7, 0);
	submit(2, WEIR_STORE_DELETE, 7, 0);
	submit(3, WEIR_STORE_PUT, 7, WEIR_PUT_IF_ABSENT);
	poll_some();
	cancel(2);
	cancel(0);
	ends_with(2, -ECANCELED);
	ends_with(0, -ECANCELED);
	memdisk.hold_end = 0;
	ends_with(1, 0);
	ends_with(3, -EEXIST);
	assert_int_equal(rig_get(&rig, 7, 1, LENGTH), 1);
}

/* The put is being written, and another one only waits for how it ends: both have begun. */
static void behind_a_write(void **state)
{
	(void)state;
	/* The first batch: its header, and the blocks of the value. */
	memdisk.hold_end = rig.s->io.lay->data_offset + 4096 + 4096 + READ;
	submit(0, WEIR_STORE_PUT, 7, 0);
	poll_some();
	submit(1, WEIR_STORE_PUT, 7, WEIR_PUT_IF_ABSENT);
	poll_some();
	cancel(0);
	cancel(1);
	poll_some();
	assert_int_equal(ends[0] + ends[1], 0);
	memdisk.hold_end = 0;
	ends_with(0, 0);
	ends_with(1, -EEXIST);
	assert_int_equal(rig_get(&rig, 7, 0, LENGTH), 1);
}

/* The drive has the read: the get ends as if nobody had cancelled it. */
static void read_in_flight(void **state)
{
	uint8_t want[LENGTH];

	(void)state;
	assert_int_equal(rig_put(&rig, 1, 5, LENGTH, 0), 0);
	memdisk.hold_length = READ;
	submit(0, WEIR_STORE_GET, 1, 0);
	poll_some();
	cancel(0);
	poll_some();
	assert_int_equal(ends[0], 0);
	memdisk.hold_length = 0;
	ends_with(0, 0);
	rig_value(1, 5, want, LENGTH);
	assert_memory_equal(values[0], want, LENGTH);
}

static void many_at_once(void **state)
{
	(void)state;
	hold_headers();
	for (unsigned n = 0; n < OPS; n++)
		submit(n, WEIR_STORE_PUT, n % 10, 0);
	poll_some();
	for (unsigned n = OPS; n-- > 0;)
		cancel(n);
	poll_some();
	for (unsigned n = 0; n < OPS; n++)
		ends_with(n, -ECANCELED);
	memdisk.hold_end = 0;
	for (uint64_t key = 0; key < 10; key++)
		assert_int_equal(rig_get(&rig, key, 1, LENGTH), -ENOENT);
	assert_int_equal(rig_put(&rig, 1, 1, LENGTH, WEIR_PUT_DURABLE), 0);
	assert_int_equal(memdisk_reopen(&rig), 0);
	assert_int_equal(rig_get(&rig, 1, 1, LENGTH), 1);
	assert_int_equal(rig_get(&rig, 2, 2, LENGTH), -ENOENT);
}

/* Nothing is left of a cancel that came too late when the operation is submitted again. */
static void after_the_end(void **state)
{
	(void)state;
	submit(0, WEIR_STORE_PUT, 1, 0);
	ends_with(0, 0);
	cancel(0);
	cancel(0);
	poll_some();
	ends_with(0, 0);
	assert_int_equal(weir_store_submit(rig.s, &ops[0]), 0);
	assert_int_equal(weir_store_wait(rig.s, &ops[0], UINT64_MAX), 0);
	assert_int_equal(ends[0], 2);
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(before_the_loop), TEST(behind_space),   TEST(among_others_of_its_key),
		TEST(behind_a_write),  TEST(read_in_flight), TEST(many_at_once),
		TEST(after_the_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
