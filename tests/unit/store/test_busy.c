/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_busy.c - while the store computes the checksum of a long value, it takes what the drive has
 * ended, so that the drive gets the next parts.
 */
#include "memdisk.h"
#include "rig.h"

#define MIB (1u << 20)
#define VALUE (6u * MIB)

static struct rig rig = { .engine = "posix" };
static uint8_t value[VALUE] __attribute__((aligned(4096)));
static uint8_t back[VALUE] __attribute__((aligned(4096)));
static unsigned writes_ended;

static int set_up(void **state)
{
	(void)state;
	writes_ended = 0;
	memdisk_set_up(&rig, 192 * MIB, 16 * MIB, 3);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	memdisk.watch = NULL;
	memdisk_tear_down(&rig);
	return 0;
}

/*
 * Changes the last byte of the value when the drive has ended the first part. The checksum of the
 * last part is computed after that only if the end was taken meanwhile: then the value that is
 * stored has this byte, and is whole. A program must not do so; here it shows the order.
 */
static void change_the_rest(const struct weir_cmd *cmd, int ended)
{
	if (ended && cmd->op == WEIR_OP_WRITE && cmd->length >= MIB / 4 && !writes_ended++)
		value[VALUE - 1] ^= 0xff;
}

static void parts_end_between_checksums(void **state)
{
	const uint64_t key = 1;
	size_t length = 0;
	uint8_t last;

	(void)state;
	for (size_t i = 0; i < VALUE; i++)
		value[i] = (uint8_t)(i * 31 + (i >> 12));
	last = value[VALUE - 1];
	memdisk.watch = change_the_rest;
	assert_int_equal(weir_store_put(rig.s, &key, sizeof(key), value, VALUE, 0), 0);
	memdisk.watch = NULL;
	assert_true(writes_ended > 1);
	assert_int_equal(weir_store_get(rig.s, &key, sizeof(key), back, VALUE, &length), 0);
	assert_int_equal(length, VALUE);
	assert_int_equal(back[VALUE - 1], (uint8_t)~last);
	assert_memory_equal(back, value, VALUE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(parts_end_between_checksums, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
