/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_large.c - batches that are written in parts: the order of the parts, parts that fail, power
 * cuts between them, and values in memory that is not aligned.
 */
#include <errno.h>

#include "memdisk.h"

#define SEGMENT (4ull << 20)
#define FIRST 65536u
#define PART (896u << 10) /* of a batch that is written in parts */
#define LARGE (1000u << 10)
#define PARTS_MAX 8u

static struct rig rig = { .engine = "posix" };
/* The writes of a batch, in the order in which they came. */
static struct {
	uint64_t offset, length;
} part[PARTS_MAX];
static unsigned parts;

static int set_up(void **state)
{
	(void)state;
	memdisk_set_up(&rig, 40 << 20, SEGMENT, 7);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	memdisk_tear_down(&rig);
	return 0;
}

/* Segment headers are one block at the start of a segment; the rest belongs to batches. */
static void note_part(const struct weir_cmd *cmd, int ended)
{
	if (ended || cmd->op != WEIR_OP_WRITE || cmd->offset < FIRST ||
	    (cmd->offset - FIRST) % SEGMENT == 0)
		return;
	assert_true(parts < PARTS_MAX);
	part[parts].offset = cmd->offset;
	part[parts++].length = cmd->length;
}

/* Puts version VERSION of KEY, and notes the parts of its batch. */
static int put_noted(uint64_t key, uint64_t version, size_t length, uint32_t flags)
{
	int err;

	parts = 0;
	memdisk.watch = note_part;
	err = rig_put(&rig, key, version, length, flags);
	memdisk.watch = NULL;
	return err;
}

/* The drive gets the first part before the checksum of the last one is known: so the header, which
 * holds the checksum, comes last. The parts are the batch, without gap or overlap. */
static void payload_first(void **state)
{
	uint64_t bytes = 0, first = UINT64_MAX;

	(void)state;
	assert_int_equal(put_noted(1, 1, LARGE, 0), 0);
	assert_int_equal(parts, 3);
	for (unsigned i = 0; i < parts; i++) {
		bytes += part[i].length;
		first = part[i].offset < first ? part[i].offset : first;
		assert_true(!i || i == parts - 1 ||
			    part[i].offset == part[i - 1].offset + part[i - 1].length);
	}
	assert_int_equal(part[parts - 1].offset, first);
	assert_int_equal(part[parts - 1].length, 4096);
	assert_int_equal(bytes, LARGE + 4096);
	/* A small batch is one write. */
	assert_int_equal(put_noted(2, 1, 100 << 10, 0), 0);
	assert_int_equal(parts, 1);
	assert_int_equal(rig_get(&rig, 1, 1, LARGE), 1);
}

/* Whichever part fails, the put fails and the older value stays, also behind a crash. */
static void a_part_fails(void **state)
{
	struct weir_store_stats stats;
	uint64_t at;

	(void)state;
	memdisk.shuffle = 0;
	for (unsigned n = 0; n < 3; n++) {
		assert_int_equal(rig_put(&rig, 1, 10 * n, 5000, WEIR_PUT_DURABLE), 0);
		assert_int_equal(put_noted(2, n, LARGE, WEIR_PUT_DURABLE), 0);
		at = part[parts - 1].offset + LARGE + 4096;
		memdisk.fail_op = WEIR_OP_WRITE;
		/* The next batch has its header at AT. */
		memdisk.fail_from = n == 2 ? at : at + 4096 + n * PART;
		memdisk.fail_to = memdisk.fail_from + 4096;
		memdisk.fails = 1;
		assert_int_equal(rig_put(&rig, 1, 10 * n + 1, LARGE, WEIR_PUT_DURABLE), -EIO);
		assert_int_equal(memdisk.fails, 0);
		assert_non_null(strstr(weir_error(), "write at 0x"));
		assert_int_equal(rig_get(&rig, 1, 10 * n, 5000), 1);
		assert_int_equal(rig_put(&rig, 3, n, LARGE, WEIR_PUT_DURABLE), 0);
		memdisk_power_off(&rig);
		memdisk_power_on(&rig);
		assert_int_equal(rig_get(&rig, 1, 10 * n, 5000), 1);
		assert_int_equal(rig_get(&rig, 2, n, LARGE), 1);
		assert_int_equal(rig_get(&rig, 3, n, LARGE), 1);
		rig_stats(&rig, &stats);
		assert_int_equal(stats.checksum_errors, 0);
	}
}

/* The power goes at any command of a put: the old value is there or the new one, never a mixture,
 * and the new one if it was acknowledged. */
static void power_cut_between_parts(void **state)
{
	unsigned old = 0, new = 0;

	(void)state;
	for (uint64_t n = 1; n < 60; n++) {
		size_t length = LARGE - n * 1000;
		int err, got;

		assert_int_equal(rig_put(&rig, 1, 2 * n, 5000, WEIR_PUT_DURABLE), 0);
		memdisk_on(1 + n % 6);
		err = rig_put(&rig, 1, 2 * n + 1, length, n % 2 ? WEIR_PUT_DURABLE : 0);
		memdisk_power_off(&rig);
		memdisk_power_on(&rig);
		got = rig_get(&rig, 1, 2 * n + 1, length);
		if (!got)
			got = rig_get(&rig, 1, 2 * n, 5000) == 1 ? 0 : -1;
		assert_true(got >= 0);
		assert_true(got || err || !(n % 2));
		*(got ? &new : &old) += 1;
	}
	assert_true(old && new);
}

static void not_aligned(void **state)
{
	uint8_t *memory = malloc(LARGE + 4096), *got = malloc(LARGE + 4096);
	size_t length;

	(void)state;
	for (uint64_t shift = 0; shift < 3; shift++) {
		uint8_t *value = memory + 1 + shift;

		rig_value(shift, 1, value, LARGE - shift);
		assert_int_equal(weir_store_put(rig.s, &shift, 8, value, LARGE - shift, 0), 0);
	}
	assert_int_equal(memdisk_reopen(&rig), 0);
	for (uint64_t shift = 0; shift < 3; shift++) {
		rig_value(shift, 1, memory, LARGE - shift);
		assert_int_equal(weir_store_get(rig.s, &shift, 8, got + shift, LARGE, &length), 0);
		assert_int_equal(length, LARGE - shift);
		assert_memory_equal(got + shift, memory, length);
	}
	free(memory);
	free(got);
}

/* Small values that share a batch are written in parts, too. */
static void many_in_a_batch(void **state)
{
	enum { COUNT = 40 };
	struct weir_store_opts opts = WEIR_STORE_OPTS_INIT;
	static struct weir_store_op ops[COUNT];
	static uint64_t keys[COUNT];
	size_t length = (100 << 10) + 5;
	uint8_t *values = aligned_alloc(4096, COUNT * (128ul << 10));

	(void)state;
	assert_int_equal(weir_store_close(rig.s), 0);
	opts.attach = 1;
	opts.batch_bytes = 3 << 20;
	assert_int_equal(weir_store_open_queues(&rig.s, &rig.queue, 1, &opts), 0);
	for (uint64_t i = 0; i < COUNT; i++) {
		keys[i] = i;
		ops[i] = (struct weir_store_op){ .key = &keys[i],
						 .key_len = 8,
						 .value = values + i * (128ul << 10),
						 .value_len = length };
		rig_value(i, 1, values + i * (128ul << 10), length);
	}
	assert_int_equal(weir_store_put_many(rig.s, ops, COUNT), 0);
	assert_int_equal(memdisk_reopen(&rig), 0);
	for (uint64_t i = 0; i < COUNT; i++)
		assert_int_equal(rig_get(&rig, i, 1, length), 1);
	free(values);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(payload_first, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_part_fails, set_up, tear_down),
		cmocka_unit_test_setup_teardown(power_cut_between_parts, set_up, tear_down),
		cmocka_unit_test_setup_teardown(not_aligned, set_up, tear_down),
		cmocka_unit_test_setup_teardown(many_in_a_batch, set_up, tear_down),
	};

	return cmocka_run_group_tests_name("store_large", tests, NULL, NULL);
}
