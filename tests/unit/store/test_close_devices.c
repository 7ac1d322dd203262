/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_close_devices.c - closing a store on several devices ends what callbacks submit meanwhile: a
 * callback on one device submits for others, which had nothing to do before. Reclaims
 * that no put needs are given up.
 */
#include <string.h>
#include <unistd.h>

#include "devices.h"
#include "store/log/logs.h"
#include "store/parts.h"

#define CHAINS 16u
#define STEPS 3000
#define LENGTH 3000u

struct chain {
	struct weir_store_op op;
	uint64_t key;
	uint32_t kind;
	uint8_t got[LENGTH];
};

static struct chain chains[CHAINS];
static uint8_t value[LENGTH];
static int left; /* atomic */
static unsigned failed;

static int prepare(void **state)
{
	/* A test that hangs must fail. */
	alarm(100);
	return set_up(state);
}

static int clean_up(void **state)
{
	alarm(0);
	return tear_down(state);
}

static void chain_next(struct chain *c);

static void chain_ended(struct weir_store_op *op)
{
	if (op->result)
		__atomic_fetch_add(&failed, 1, __ATOMIC_RELAXED);
	chain_next(op->user);
}

/* A put of a new key, a get of it, or a sync, on the device that the key belongs to. */
static void chain_next(struct chain *c)
{
	struct weir_store_op *op = &c->op;

	if (__atomic_fetch_sub(&left, 1, __ATOMIC_RELAXED) <= 0)
		return;
	memset(op, 0, sizeof(*op));
	op->kind = c->kind++ % 2 ? WEIR_STORE_GET : WEIR_STORE_PUT;
	if (c->kind % 7 == 0)
		op->kind = WEIR_STORE_SYNC;
	c->key += op->kind == WEIR_STORE_PUT ? CHAINS : 0;
	op->key = &c->key;
	op->key_len = sizeof(c->key);
	op->value = value;
	op->value_len = op->kind == WEIR_STORE_PUT ? LENGTH : 0;
	if (op->kind == WEIR_STORE_GET) {
		op->buf = c->got;
		op->capacity = LENGTH;
	}
	op->end = chain_ended;
	op->user = c;
	if (weir_store_submit(rig.s, op))
		abort();
}

static void callbacks_that_submit_for_other_devices(void **state)
{
	(void)state;
	for (unsigned round = 0; round < 6; round++) {
		rig.attach = round % 2;
		open_all(all);
		left = STEPS;
		failed = 0;
		for (unsigned n = 0; n < CHAINS; n++) {
			chains[n].key = n;
			/* A put comes first, and a sync with the seventh. */
			chains[n].kind = 0;
			chain_next(&chains[n]);
		}
		assert_int_equal(weir_store_close(rig.s), 0);
		rig.s = NULL;
		assert_int_equal(left, -(int)CHAINS);
		assert_int_equal(failed, 0);
	}
	/* Everything was sealed. */
	rig.attach = 0;
	open_all(all);
	close_all();
}

/* Returns the segments that are free, or will be at the next open: those that were begun ahead have
 * nothing in them. SURVIVING becomes true if a device reclaims one whose values are moved. */
static uint32_t count_free(bool *surviving)
{
	struct weir_store *part;
	uint32_t n, i, found = 0;
	const struct log *l;

	*surviving = false;
	PARTS_FOREACH(rig.s, part, n)
	{
		*surviving |= part->logs->surviving;
		found += part->logs->segs.free_count + part->logs->reclaiming;
		LOGS_FOREACH(part->logs, l, i)
		found += l->segs.ahead_count;
	}
	return found;
}

/* Their values stay where they are: a close moves none, and drops none, so that more segments are
 * free. The loops run on this thread, so nothing happens between the count and the close. */
static void reclaims_that_nobody_needs(void **state)
{
	bool surviving = false;
	uint32_t before = 0;

	(void)state;
	rig.attach = 1;
	open_all(all);
	assert_int_equal(weir_store_set_free_marks(rig.s, 20, 50), 0);
	for (uint64_t key = 0; !surviving; key++) {
		assert_int_equal(rig_put(&rig, key, 1, 20000, 0), 0);
		/* Each segment gets garbage, and what is read stays. */
		assert_int_equal(rig_put(&rig, key - key % 2, 1, 20000, 0), 0);
		assert_int_equal(rig_get(&rig, key, 1, 20000), 1);
		before = count_free(&surviving);
	}
	assert_int_equal(weir_store_close(rig.s), 0);
	open_all(all);
	assert_true(count_free(&surviving) <= before);
	close_all();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(callbacks_that_submit_for_other_devices, prepare,
						clean_up),
		cmocka_unit_test_setup_teardown(reclaims_that_nobody_needs, prepare, clean_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
