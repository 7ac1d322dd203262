/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_absent.c - WEIR_PUT_IF_ABSENT: what is there stays as it is, also where the other put is
 * still under way, fails, or must be durable.
 */
#include <errno.h>

#include "memdisk.h"
#include "store/log/logs.h"
#include "store/store.h"

#define LENGTH 9000u

static struct rig rig = { .engine = "posix" };
static uint8_t values[8][LENGTH];

static int set_up(void **state)
{
	(void)state;
	memdisk_set_up(&rig, 4u << 20, 64u << 10, 3);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	memdisk_tear_down(&rig);
	return 0;
}

static int put(uint64_t key, uint64_t version, uint32_t flags)
{
	return rig_put(&rig, key, version, LENGTH, WEIR_PUT_IF_ABSENT | flags);
}

static uint64_t written(void)
{
	struct weir_store_stats stats;

	rig_stats(&rig, &stats);
	return stats.written_bytes;
}

static void what_is_there_stays(void **state)
{
	uint64_t before;

	(void)state;
	assert_int_equal(put(1, 1, 0), 0);
	before = written();
	assert_int_equal(put(1, 2, 0), -EEXIST);
	assert_non_null(strstr(weir_error(), "a value already"));
	/* The header of a segment that is begun ahead is one block. */
	assert_true(written() - before < LENGTH);
	assert_int_equal(rig_get(&rig, 1, 1, LENGTH), 1);
	assert_int_equal(rig_delete(&rig, 1, 0), 0);
	assert_int_equal(put(1, 3, 0), 0);
	assert_int_equal(rig_get(&rig, 1, 3, LENGTH), 1);
	assert_int_equal(rig_put(&rig, 1, 4, LENGTH, 0), 0);
	assert_int_equal(rig_get(&rig, 1, 4, LENGTH), 1);
	assert_int_equal(weir_store_delete(rig.s, "k", 1, WEIR_PUT_IF_ABSENT), -EINVAL);
}

/* Fills in a put or delete of key 7, version N. */
static void make(struct weir_store_op *op, unsigned n, bool is_delete, uint32_t flags)
{
	static const uint64_t key = 7;

	*op = (struct weir_store_op)WEIR_STORE_OP_INIT;
	op->kind = is_delete ? WEIR_STORE_DELETE : WEIR_STORE_PUT;
	op->flags = flags;
	op->key = &key;
	op->key_len = sizeof(key);
	if (is_delete)
		return;
	rig_value(key, n, values[n], LENGTH);
	op->value = values[n];
	op->value_len = LENGTH;
}

/* Operations of one key that are submitted together take effect in their order. */
static void under_way(void **state)
{
	struct weir_store_op ops[7];
	static const int results[7] = { 0, -EEXIST, -EEXIST, 0, 0, 0, -EEXIST };

	(void)state;
	make(&ops[0], 0, false, WEIR_PUT_IF_ABSENT);
	make(&ops[1], 1, false, WEIR_PUT_IF_ABSENT);
	make(&ops[2], 2, false, WEIR_PUT_IF_ABSENT | WEIR_PUT_DURABLE);
	make(&ops[3], 3, true, 0);
	make(&ops[4], 4, false, WEIR_PUT_IF_ABSENT);
	make(&ops[5], 5, false, 0);
	make(&ops[6], 6, false, WEIR_PUT_IF_ABSENT);
	weir_store_run(rig.s, ops, 7);
	for (unsigned n = 0; n < 7; n++)
		assert_int_equal(ops[n].result, results[n]);
	assert_int_equal(rig_get(&rig, 7, 5, LENGTH), 1);
}

/* If the other put fails, the key has no value, so this one may not say that it has. */
static void the_other_fails(void **state)
{
	struct weir_store_op ops[3];

	(void)state;
	assert_int_equal(rig_put(&rig, 1, 1, LENGTH, 0), 0);
	memdisk.fail_op = WEIR_OP_WRITE;
	memdisk.fail_to = memdisk.bytes;
	memdisk.fails = 1;
	for (unsigned n = 0; n < 3; n++)
		make(&ops[n], n, false, WEIR_PUT_IF_ABSENT);
	ops[2].flags |= WEIR_PUT_DURABLE;
	weir_store_run(rig.s, ops, 3);
	assert_int_equal(memdisk.fails, 0);
	for (unsigned n = 0; n < 3; n++)
		assert_int_equal(ops[n].result, -EIO);
	assert_int_equal(rig_get(&rig, 7, 0, LENGTH), -ENOENT);
	assert_int_equal(put(7, 3, 0), 0);
	assert_int_equal(rig_get(&rig, 7, 3, LENGTH), 1);
}

/* Durable is what is there. */
static void durable(void **state)
{
	(void)state;
	assert_int_equal(rig_put(&rig, 1, 1, LENGTH, 0), 0);
	assert_int_equal(put(1, 2, WEIR_PUT_DURABLE), -EEXIST);
	memdisk_power_off(&rig);
	memdisk_power_on(&rig);
	assert_int_equal(rig_get(&rig, 1, 1, LENGTH), 1);
}

/* What is being evicted is as good as absent. */
static void leaving(void **state)
{
	uint64_t key = 1, hash[2];

	(void)state;
	assert_int_equal(rig_put(&rig, key, 1, LENGTH, 0), 0);
	checksum_identity(&rig.s->io.key, &key, sizeof(key), hash);
	assert_true(hold_let_go(rig.s->logs, hash));
	assert_int_equal(put(key, 2, 0), 0);
	assert_int_equal(rig_get(&rig, key, 2, LENGTH), 1);
	assert_int_equal(put(key, 3, 0), -EEXIST);
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_is_there_stays),
		TEST(under_way),
		TEST(the_other_fails),
		TEST(durable),
		TEST(leaving),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
