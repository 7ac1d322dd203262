/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_close_devices.c - closing a store on several devices ends what callbacks submit meanwhile: a
 * callback on one device submits for others, which had nothing to do before.
 */
#include <string.h>
#include <unistd.h>

#include "devices.h"

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(callbacks_that_submit_for_other_devices, prepare,
						clean_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
