/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_absent.c - WEIR_PUT_IF_ABSENT: what is there stays as it is, also where the other put is
 * still under way, fails, or must be durable, and where the key is being evicted.
 */
#include <errno.h>
#include <unistd.h>

#include "memdisk.h"
#include "store/log/logs.h"
#include "store/store.h"

#define LENGTH 9000u
#define FIRST 40u /* keys that are put before the store is full */

static struct rig rig = { .engine = "posix" };
static uint8_t values[8][LENGTH];

static int set_up(void **state)
{
	(void)state;
	memdisk_set_up(&rig, 4u << 20, 64u << 10, 3);
	/* A test that hangs must fail. */
	alarm(100);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	alarm(0);
	memdisk.hold_length = 0;
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

/* Returns the flags of KEY's entry; 0 if it is not there. */
static uint16_t flags_of(uint64_t key)
{
	struct index_value value;
	uint64_t hash[2];

	checksum_identity(&rig.s->io.key, &key, sizeof(key), hash);
	return logs_find(rig.s->logs, hash, &value) ? value.flags : 0;
}

/* What is being evicted is there until it is gone, for this put as for a get. */
static void leaving(void **state)
{
	uint64_t key = 1, hash[2];

	(void)state;
	assert_int_equal(rig_put(&rig, key, 1, LENGTH, 0), 0);
	checksum_identity(&rig.s->io.key, &key, sizeof(key), hash);
	assert_true(hold_let_go(rig.s->logs, hash));
	assert_int_equal(put(key, 2, 0), -EEXIST);
	assert_int_equal(weir_store_exists(rig.s, &key, sizeof(key), NULL), 0);
	assert_int_equal(rig_get(&rig, key, 1, LENGTH), 1);
	hold_stay(rig.s->logs, hash);
	assert_int_equal(put(key, 3, 0), -EEXIST);
	assert_int_equal(rig_get(&rig, key, 1, LENGTH), 1);
}

/* Even keys are shorter than odd ones, so that reads of these alone can be held. */
static size_t length_of(uint64_t key)
{
	return key % 2 ? LENGTH : 5000;
}

/* Returns a key, below N, that is being evicted; N: there is none. */
static uint64_t find_leaving(uint64_t n)
{
	for (uint64_t key = 0; key < n; key++)
		if (flags_of(key) & INDEX_LEAVING)
			return key;
	return n;
}

/* Puts keys from *NEXT on, and holds the reads of survivors, until a reclaim waits for them with
 * keys that are to leave. Returns one of these. */
static uint64_t begin_reclaim(struct weir_store_op *op, uint64_t *next)
{
	uint64_t key, n;

	for (n = 0; n < 1000000; n++) {
		key = find_leaving(FIRST);
		if (key < FIRST)
			return key;
		if (op->result != 1) {
			make(op, 1, false, 0);
			++*next;
			op->key = next;
			op->key_len = sizeof(*next);
			op->result = 1;
			assert_int_equal(weir_store_submit(rig.s, op), 0);
		}
		assert_int_equal(weir_store_poll(rig.s), 0);
	}
	fail_msg("nothing was reclaimed");
	return 0;
}

/* A reclaim is given up when it has already chosen what is to leave: the old value lives on. */
static void reclaim_is_given_up(void **state)
{
	struct weir_store_op op = WEIR_STORE_OP_INIT;
	uint64_t key, next = 1000, n;

	(void)state;
	for (key = 0; key < FIRST; key++)
		assert_int_equal(rig_put(&rig, key, 1, length_of(key), 0), 0);
	for (key = 1; key < FIRST; key += 2)
		assert_int_equal(rig_get(&rig, key, 1, LENGTH), 1);
	memdisk.hold_length = 12288;
	key = begin_reclaim(&op, &next);
	assert_int_equal(key % 2, 0);
	assert_int_equal(rig_put(&rig, key, 2, 5000, WEIR_PUT_IF_ABSENT), -EEXIST);
	assert_int_equal(weir_store_exists(rig.s, &key, sizeof(key), NULL), 0);
	assert_int_equal(rig_get(&rig, key, 1, 5000), 1);
	/* What survives cannot be written. */
	memdisk.fail_op = WEIR_OP_WRITE;
	memdisk.fail_to = memdisk.bytes;
	memdisk.fails = 1;
	memdisk.hold_length = 0;
	for (n = 0; n < 100000 && flags_of(key) & INDEX_LEAVING; n++)
		assert_int_equal(weir_store_poll(rig.s), 0);
	assert_int_equal(memdisk.fails, 0);
	assert_false(flags_of(key) & INDEX_LEAVING);
	assert_int_equal(rig_get(&rig, key, 1, 5000), 1);
	weir_store_wait(rig.s, &op, UINT64_MAX);
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
		TEST(reclaim_is_given_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
