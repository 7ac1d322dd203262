/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_close.c - closing ends operations that are under way: those that wait for space, and those
 * that callbacks submit at that time.
 */
#include <errno.h>
#include <unistd.h>

#include "rig.h"

#define PUTS 400u
#define LENGTH 20000u
#define CHAIN 100u

static struct rig rig;
static uint8_t value[LENGTH] __attribute__((aligned(4096)));

static int set_up(void **state)
{
	(void)state;
	rig_make(&rig, 1 << 20, 64 << 10, 4096);
	/* A test that hangs must fail. */
	alarm(100);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	alarm(0);
	rig_remove(&rig);
	return 0;
}

struct put {
	struct weir_store_op op;
	uint64_t key;
};

static unsigned ended, good;

static void put_ended(struct weir_store_op *op)
{
	ended++;
	good += !op->result;
}

/* There are more puts than the store holds, so most of them wait for segments to be reclaimed. */
static void puts_that_wait_for_space(void **state)
{
	static struct put puts[PUTS];
	unsigned n;

	(void)state;
	for (rig.attach = 0; rig.attach < 2; rig.attach++) {
		rig_open(&rig);
		ended = good = 0;
		for (n = 0; n < PUTS; n++) {
			puts[n] = (struct put){ .key = n };
			puts[n].op.key = &puts[n].key;
			puts[n].op.key_len = sizeof(puts[n].key);
			puts[n].op.value = value;
			puts[n].op.value_len = LENGTH;
			puts[n].op.flags = n % 3 ? 0 : WEIR_PUT_DURABLE;
			puts[n].op.end = put_ended;
			assert_int_equal(weir_store_submit(rig.s, &puts[n].op), 0);
		}
		rig_close(&rig);
		assert_int_equal(ended, PUTS);
		assert_int_equal(good, PUTS);
	}
	rig.attach = 0;
}

struct chain {
	struct weir_store_op op;
	unsigned left;
	uint8_t got[LENGTH];
};

/* Each callback submits the next operation: a put, a get, an exists, a delete, a durable delete, a
 * sync. */
static void chain_next(struct weir_store_op *op)
{
	static const uint32_t kinds[] = { WEIR_STORE_PUT,    WEIR_STORE_GET,	WEIR_STORE_EXISTS,
					  WEIR_STORE_DELETE, WEIR_STORE_DELETE, WEIR_STORE_SYNC };
	struct chain *c = op->user;
	unsigned step = c->left % 6;

	if (!c->left--)
		return;
	op->kind = kinds[step];
	op->flags = step == 4 ? WEIR_PUT_DURABLE : 0;
	op->value = value;
	op->value_len = LENGTH;
	if (op->kind == WEIR_STORE_GET) {
		op->buf = c->got;
		op->capacity = LENGTH;
	}
	if (weir_store_submit(rig.s, op))
		abort();
}

static void callbacks_that_submit(void **state)
{
	static struct chain chain;
	unsigned n;

	(void)state;
	for (n = 0; n < CHAIN; n++) {
		rig.attach = n % 2;
		rig_open(&rig);
		memset(&chain, 0, sizeof(chain));
		chain.left = n;
		chain.op.key = "key";
		chain.op.key_len = 3;
		chain.op.user = &chain;
		chain.op.end = chain_next;
		chain.op.kind = WEIR_STORE_EXISTS;
		assert_int_equal(weir_store_submit(rig.s, &chain.op), 0);
		rig_close(&rig);
		assert_int_equal(chain.left, UINT32_MAX);
	}
	rig.attach = 0;
}

static void get_again(struct weir_store_op *op)
{
	struct chain *c = op->user;

	if (c->left-- && weir_store_submit(rig.s, op))
		abort();
}

/* There is nothing to seal. Only the gets keep the store open; its queue stays. */
static void gets_that_submit_gets(void **state)
{
	static struct chain chain;
	struct weir_device *device;
	struct weir_queue *queue;
	struct weir_queue_opts opts = WEIR_QUEUE_OPTS_INIT;

	(void)state;
	rig_open(&rig);
	assert_int_equal(weir_store_put(rig.s, "key", 3, value, LENGTH, 0), 0);
	rig_close(&rig);
	assert_int_equal(weir_device_open(&device, rig.path, NULL), 0);
	opts.workers = 1;
	assert_int_equal(weir_queue_open(&queue, device, &opts), 0);
	for (unsigned n = 0; n < 20; n++) {
		assert_int_equal(weir_store_open_queues(&rig.s, &queue, 1, NULL), 0);
		memset(&chain, 0, sizeof(chain));
		chain.left = 5;
		chain.op.kind = WEIR_STORE_GET;
		chain.op.key = "key";
		chain.op.key_len = 3;
		chain.op.buf = chain.got;
		chain.op.capacity = LENGTH;
		chain.op.user = &chain;
		chain.op.end = get_again;
		assert_int_equal(weir_store_submit(rig.s, &chain.op), 0);
		rig_close(&rig);
		assert_int_equal(chain.left, UINT32_MAX);
		assert_int_equal(chain.op.result, 0);
	}
	assert_int_equal(weir_queue_close(queue), 0);
	weir_device_close(device);
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(puts_that_wait_for_space),
		TEST(callbacks_that_submit),
		TEST(gets_that_submit_gets),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
