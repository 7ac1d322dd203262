/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_read_drop.c - a get that asks for it drops the entry that it has found damaged before it
 * ends, and nothing newer; a get that asks for it ends no lease.
 */
#include <errno.h>
#include <string.h>

#include <weir/pin.h>

#include "rig.h"
#include "base/clock.h"

#define BYTES (12u << 20)
#define BLOCK 4096u
#define PAYLOAD (65536u + 2 * BLOCK) /* behind the headers of segment and batch */
#define LENGTH 5000u
#define MANY 8u

static struct rig rig = { .attach = 1 };
static uint64_t key = 1;
static uint8_t room[MANY][LENGTH];

static int set_up(void **state)
{
	(void)state;
	rig_make(&rig, BYTES, 256 << 10, BLOCK);
	rig_open(&rig);
	assert_int_equal(rig_put(&rig, key, 1, LENGTH, 0), 0);
	rig_close(&rig);
	rig_damage(&rig, PAYLOAD + LENGTH - 1);
	rig_open(&rig);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	rig_remove(&rig);
	return 0;
}

static struct weir_store_op get_op(uint32_t flags, void *buf)
{
	return (struct weir_store_op){ .kind = WEIR_STORE_GET,
				       .flags = flags,
				       .key = &key,
				       .key_len = sizeof(key),
				       .buf = buf,
				       .capacity = LENGTH };
}

static int get(uint32_t flags)
{
	struct weir_store_op op = get_op(flags, room[0]);

	return weir_store_run(rig.s, &op, 1);
}

static int exists(void)
{
	return weir_store_exists(rig.s, &key, sizeof(key), NULL);
}

static uint32_t reason(void)
{
	struct weir_store_why why = WEIR_STORE_WHY_INIT;

	assert_int_equal(weir_store_get_why(rig.s, &key, sizeof(key), &why), 0);
	return why.reason;
}

static void without_the_flag_it_stays(void **state)
{
	(void)state;
	assert_int_equal(get(0), -EBADMSG);
	assert_int_equal(exists(), 0);
}

static int if_absent(void)
{
	uint8_t value[LENGTH];

	rig_value(key, 2, value, LENGTH);
	return weir_store_put(rig.s, &key, sizeof(key), value, LENGTH, WEIR_PUT_IF_ABSENT);
}

/* No older version comes back, either. */
static void it_is_gone_when_the_get_ends(void **state)
{
	struct weir_store_stats stats;

	(void)state;
	assert_int_equal(get(WEIR_GET_DROP_DAMAGED), -EBADMSG);
	assert_int_equal(exists(), -ENOENT);
	assert_int_equal(reason(), WEIR_LEAVE_DAMAGED);
	assert_int_equal(if_absent(), 0);
	assert_int_equal(rig_get(&rig, key, 2, LENGTH), 1);
	rig_stats(&rig, &stats);
	assert_int_equal(stats.deletes, 0); /* nobody has asked for one */
	rig_close(&rig);
	rig_open(&rig);
	assert_int_equal(rig_get(&rig, key, 2, LENGTH), 1);
}

static unsigned still_there;

static void note_exists(struct weir_store_op *op)
{
	(void)op;
	still_there += !exists();
}

/* Each of them sees that it is gone. */
static void gets_at_the_same_time(void **state)
{
	struct weir_store_op ops[MANY];
	struct weir_store_stats stats;
	unsigned i;

	(void)state;
	still_there = 0;
	for (i = 0; i < MANY; i++) {
		ops[i] = get_op(WEIR_GET_DROP_DAMAGED, room[i]);
		ops[i].end = note_exists;
		assert_int_equal(weir_store_submit(rig.s, &ops[i]), 0);
	}
	for (i = 0; i < MANY; i++) {
		int result = weir_store_wait(rig.s, &ops[i], UINT64_MAX);

		/* One that began later than the drop finds nothing. */
		assert_true(result == -EBADMSG || result == -ENOENT);
	}
	assert_int_equal(still_there, 0);
	rig_stats(&rig, &stats);
	assert_int_equal(stats.entries, 0);
}

/* The put is on its way when the get finds the damage, so the get drops nothing. */
static void a_newer_put_stays(void **state)
{
	struct weir_store_op read = get_op(WEIR_GET_DROP_DAMAGED, room[0]), put = { 0 };
	uint8_t value[LENGTH];

	(void)state;
	rig_value(key, 3, value, LENGTH);
	put.kind = WEIR_STORE_PUT;
	put.key = &key;
	put.key_len = sizeof(key);
	put.value = value;
	put.value_len = LENGTH;
	assert_int_equal(weir_store_submit(rig.s, &read), 0);
	assert_int_equal(weir_store_submit(rig.s, &put), 0);
	assert_int_equal(weir_store_wait(rig.s, &put, UINT64_MAX), 0);
	assert_int_equal(weir_store_wait(rig.s, &read, UINT64_MAX), -EBADMSG);
	assert_int_equal(rig_get(&rig, key, 3, LENGTH), 1);
}

static void a_store_that_takes_no_writes(void **state)
{
	(void)state;
	rig_close(&rig);
	assert_int_equal(rig_try_open(&rig, 1), 0);
	assert_int_equal(get(WEIR_GET_DROP_DAMAGED), -EBADMSG);
	assert_int_equal(exists(), 0);
}

/* It does not wait for the drop, which happens all the same. */
static void a_get_with_a_deadline(void **state)
{
	struct weir_store_op op = get_op(WEIR_GET_DROP_DAMAGED, room[0]);

	(void)state;
	op.deadline_ns = clock_now() + 60 * NSEC_PER_SEC;
	assert_int_equal(weir_store_run(rig.s, &op, 1), -EBADMSG);
	assert_int_equal(weir_store_sync(rig.s), 0);
	assert_int_equal(rig_delete(&rig, key, 0), -ENOENT);
	assert_int_equal(reason(), WEIR_LEAVE_DAMAGED);
}

static void flags_that_a_get_has_not(void **state)
{
	struct weir_store_op op = get_op(WEIR_PUT_DURABLE, room[0]);

	(void)state;
	assert_int_equal(weir_store_submit(rig.s, &op), -EINVAL);
	op = get_op(1u << 31, room[0]);
	assert_int_equal(weir_store_submit(rig.s, &op), -EINVAL);
}

static uint64_t leased(void)
{
	struct weir_store_held held = WEIR_STORE_HELD_INIT;

	assert_int_equal(weir_store_get_held(rig.s, &held), 0);
	return held.leased;
}

static void a_lease_is_kept(void **state)
{
	struct weir_store_key one = { .key = &key, .key_len = sizeof(key) };
	uint64_t length;

	(void)state;
	assert_int_equal(rig_put(&rig, key, 2, LENGTH, 0), 0);
	assert_int_equal(weir_store_lease(rig.s, &one, 1, 0, &length, NULL), 0);
	assert_int_equal(get(WEIR_GET_KEEP_LEASE), 0);
	assert_int_equal(leased(), 1);
	assert_int_equal(weir_store_unlease(rig.s, &one, 1), 0);
	assert_int_equal(leased(), 0);
	assert_int_equal(weir_store_lease(rig.s, &one, 1, 0, &length, NULL), 0);
	assert_int_equal(get(0), 0);
	assert_int_equal(leased(), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(without_the_flag_it_stays, set_up, tear_down),
		cmocka_unit_test_setup_teardown(it_is_gone_when_the_get_ends, set_up, tear_down),
		cmocka_unit_test_setup_teardown(gets_at_the_same_time, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_newer_put_stays, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_store_that_takes_no_writes, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_get_with_a_deadline, set_up, tear_down),
		cmocka_unit_test_setup_teardown(flags_that_a_get_has_not, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_lease_is_kept, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
