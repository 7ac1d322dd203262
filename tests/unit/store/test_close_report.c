/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_close_report.c - closing says what it dropped: operations that failed, what was held, puts
 * at risk, devices that failed; and weir_error() names the io that failed.
 */
#include <errno.h>

#include <weir/pin.h>

#include "dying.h"
#include "memdisk.h"

#define LENGTH 9000u

static struct rig rig = { .engine = "posix" };
static struct weir_close_report report;
static uint8_t value[LENGTH];

static int set_up(void **state)
{
	(void)state;
	memdisk_set_up(&rig, 4u << 20, 64u << 10, 3);
	report = (struct weir_close_report)WEIR_CLOSE_REPORT_INIT;
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	memdisk.fails = 0;
	memdisk_tear_down(&rig);
	return 0;
}

static int close_store(void)
{
	int err = weir_store_close_report(rig.s, &report);

	rig.s = NULL;
	return err;
}

static void says(const char *text, const char *words)
{
	if (!strstr(text, words))
		fail_msg("\"%s\" does not say \"%s\"", text, words);
}

/* Submits an operation on KEY that nobody has waited for when the store is closed. */
static void submit(struct weir_store_op *op, uint32_t kind, const uint64_t *key, uint32_t flags)
{
	*op = (struct weir_store_op)WEIR_STORE_OP_INIT;
	op->kind = kind;
	op->flags = flags;
	op->key = key;
	op->key_len = sizeof(*key);
	op->value = kind == WEIR_STORE_PUT ? value : NULL;
	op->value_len = kind == WEIR_STORE_PUT ? LENGTH : 0;
	assert_int_equal(weir_store_submit(rig.s, op), 0);
}

static void nothing(void **state)
{
	static const uint64_t keys[2] = { 1, 2 };
	struct weir_store_op ops[3];

	(void)state;
	assert_int_equal(rig_put(&rig, 1, 1, LENGTH, 0), 0);
	/* These answers are no errors. */
	submit(&ops[0], WEIR_STORE_PUT, &keys[0], WEIR_PUT_IF_ABSENT);
	submit(&ops[1], WEIR_STORE_DELETE, &keys[1], 0);
	submit(&ops[2], WEIR_STORE_EXISTS, &keys[1], 0);
	assert_int_equal(close_store(), 0);
	assert_int_equal(ops[0].result, -EEXIST);
	assert_int_equal(ops[1].result, -ENOENT);
	assert_int_equal(report.size, sizeof(report));
	assert_int_equal(report.failed_ops + report.at_risk + report.leases + report.pins, 0);
	assert_int_equal(report.failed_devices + report.missing_devices, 0);
	assert_string_equal(report.words, "");
}

static void what_was_held(void **state)
{
	uint64_t id[4] = { 0, 1, 2, 3 }, lengths[4];
	struct weir_store_key keys[4];

	(void)state;
	for (unsigned n = 0; n < 4; n++) {
		assert_int_equal(rig_put(&rig, id[n], 1, LENGTH, 0), 0);
		keys[n] = (struct weir_store_key){ &id[n], sizeof(id[n]), 0 };
	}
	assert_int_equal(weir_store_pin(rig.s, &id[0], sizeof(id[0])), 0);
	assert_int_equal(weir_store_lease(rig.s, keys, 2, 0, lengths, NULL), 0);
	/* The time of these is over. */
	assert_int_equal(weir_store_lease(rig.s, keys + 2, 2, 1, lengths, NULL), 0);
	assert_int_equal(close_store(), 0);
	assert_int_equal(report.pins, 1);
	assert_int_equal(report.leases, 2);
}

/* A write fails while the store is being closed. The store itself is closed well. */
static void a_put_that_failed(void **state)
{
	static const uint64_t key = 2;
	struct weir_store_op op;

	(void)state;
	assert_int_equal(rig_put(&rig, 1, 1, LENGTH, 0), 0);
	memdisk.fail_op = WEIR_OP_WRITE;
	memdisk.fail_to = memdisk.bytes;
	memdisk.fails = 1;
	submit(&op, WEIR_STORE_PUT, &key, 0);
	assert_int_equal(close_store(), 0);
	assert_int_equal(op.result, -EIO);
	assert_int_equal(report.failed_ops, 1);
	assert_int_equal(report.at_risk, 0);
	says(report.words, "write at");
}

/* What failed before is told by its own result. */
static void a_put_that_had_failed(void **state)
{
	(void)state;
	/* It begins a segment, so that the write that fails is the value's. */
	assert_int_equal(rig_put(&rig, 1, 1, LENGTH, 0), 0);
	memdisk.fail_op = WEIR_OP_WRITE;
	memdisk.fail_to = memdisk.bytes;
	memdisk.fails = 1;
	assert_int_equal(rig_put(&rig, 1, 1, LENGTH, 0), -EIO);
	assert_int_equal(close_store(), 0);
	assert_int_equal(report.failed_ops, 0);
	assert_int_equal(report.failed_devices, 0);
}

static void a_flush_that_failed(void **state)
{
	static const uint64_t key = 2;
	struct weir_store_op op;

	(void)state;
	assert_int_equal(rig_put(&rig, 1, 1, LENGTH, 0), 0);
	memdisk.fail_op = WEIR_OP_FLUSH;
	memdisk.fails = 1000;
	submit(&op, WEIR_STORE_PUT, &key, WEIR_PUT_DURABLE);
	assert_int_equal(close_store(), -EIO);
	assert_true(op.result == -EIO || op.result == -EROFS);
	assert_int_equal(report.failed_ops, 1);
	assert_int_equal(report.at_risk, 1);
	assert_int_equal(report.failed_devices, 1);
	says(report.words, "flush");
	says(weir_error(), "had stopped writing");
	says(weir_error(), report.words + strlen(weir_device_path(rig.device)) + 2);
	says(weir_error(), "that failed: 1, at risk: 1");
}

/* A sync fails, and what was put before is on the medium already. */
static void a_sync_that_failed(void **state)
{
	struct weir_store_op op = WEIR_STORE_OP_INIT;

	(void)state;
	assert_int_equal(rig_put(&rig, 1, 1, LENGTH, WEIR_PUT_DURABLE), 0);
	memdisk.fail_op = WEIR_OP_FLUSH;
	memdisk.fails = 1000;
	op.kind = WEIR_STORE_SYNC;
	assert_int_equal(weir_store_submit(rig.s, &op), 0);
	assert_int_equal(close_store(), -EIO);
	assert_true(op.result == -EIO || op.result == -EROFS);
	assert_int_equal(report.failed_ops, 1);
	assert_int_equal(report.at_risk, 0);
	says(weir_error(), "that failed: 1, at risk: 0");
}

/* The call without a report says the same in words. */
static void words_alone(void **state)
{
	(void)state;
	assert_int_equal(rig_put(&rig, 1, 1, LENGTH, 0), 0);
	memdisk.fail_op = WEIR_OP_FLUSH;
	memdisk.fails = 1000;
	assert_int_equal(weir_store_close(rig.s), -EIO);
	rig.s = NULL;
	says(weir_error(), "the first io that failed: flush");
	says(weir_error(), "at risk: 1");
}

static void not_a_report(void **state)
{
	struct weir_close_report old = { .size = 3 };

	(void)state;
	assert_int_equal(weir_store_close_report(rig.s, &old), -EINVAL);
	assert_int_equal(rig_put(&rig, 1, 1, LENGTH, 0), 0);
	/* A program that is older than this library gets the fields that it knows. */
	old.size = offsetof(struct weir_close_report, leases);
	old.leases = 77;
	assert_int_equal(weir_store_close_report(rig.s, &old), 0);
	rig.s = NULL;
	assert_int_equal(old.size, offsetof(struct weir_close_report, leases));
	assert_int_equal(old.leases, 77);
	assert_int_equal(weir_store_close_report(NULL, &report), 0);
	assert_int_equal(report.failed_ops, 0);
}

/* One of three devices died; what was held is counted on all. */
static void several_devices(void **state)
{
	static struct dying d;
	uint64_t key;

	(void)state;
	report = (struct weir_close_report)WEIR_CLOSE_REPORT_INIT;
	dying_make(&d, 12u << 20, 256u << 10);
	dying_open(&d, 0);
	for (key = 0; key < 30; key++) {
		assert_int_equal(rig_put(&d.rig, key, 1, LENGTH, 0), 0);
		assert_int_equal(weir_store_pin(d.rig.s, &key, sizeof(key)), 0);
	}
	dying_kill(1, 0);
	assert_int_equal(weir_store_close_report(d.rig.s, &report), -EIO);
	says(weir_error(), d.file[1]);
	d.rig.s = NULL;
	assert_int_equal(report.pins, 30);
	assert_int_equal(report.failed_devices, 1);
	assert_true(report.at_risk > 0 && report.at_risk < 30);
	says(report.words, d.file[1]);
	dying_revive(1);
	assert_int_equal(dying_close(&d), 0);
	dying_remove(&d);
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(nothing),
		TEST(what_was_held),
		TEST(a_put_that_failed),
		TEST(a_put_that_had_failed),
		TEST(a_flush_that_failed),
		TEST(a_sync_that_failed),
		TEST(words_alone),
		TEST(not_a_report),
		cmocka_unit_test(several_devices),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
