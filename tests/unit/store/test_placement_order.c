/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_placement_order.c - on a drive with placement, where a segment is a whole unit, the first
 * write of a segment waits for all writes of the one before: these belong to the old unit.
 *
 * The drive in memory has no placement, so an update of the unit fails there, which is allowed.
 */
#include <weir/fdp.h>

#include "memdisk.h"
#include "store/log/logs.h"
#include "store/store.h"

#define SEGMENT (64u << 10)
#define BLOCK 4096u
#define FIRST 65536u
#define SEGMENTS 64u
#define PUTS 60u
#define VALUE 3000u

static struct rig rig = { .engine = "posix" };
static unsigned writing[SEGMENTS], ended_puts;
static unsigned begun; /* segments whose first batch was written while the test looked */

/* Counts the writes of batches that are under way in each segment. */
static void watch(const struct weir_cmd *cmd, int ended)
{
	uint64_t segment = (cmd->offset - FIRST) / SEGMENT;
	uint64_t block = (cmd->offset - FIRST) % SEGMENT / BLOCK;

	if (cmd->op != WEIR_OP_WRITE || cmd->offset < FIRST || segment >= SEGMENTS)
		return;
	/* A header, or a footer. */
	if (!block || block == SEGMENT / BLOCK - 1)
		return;
	writing[segment] += ended ? -1u : 1u;
	if (ended || block != 1)
		return;
	begun++;
	for (uint64_t n = 0; n < SEGMENTS; n++)
		if (n != segment && writing[n])
			fail_msg("segment %u begins while %u is written", (unsigned)segment,
				 (unsigned)n);
}

static void put_ended(struct weir_store_op *op)
{
	assert_int_equal(op->result, 0);
	ended_puts++;
}

static void a_new_unit_waits(void **state)
{
	static struct weir_store_op op[PUTS];
	static uint64_t keys[PUTS];
	static uint8_t value[VALUE];
	struct weir_fdp fdp = { .unit_bytes = SEGMENT };
	struct logs *ls = rig.s->logs;

	(void)state;
	ls->fdp = &fdp;
	ls->log[0]->placement.placed = true;
	rig_value(1, 1, value, VALUE);
	memdisk.watch = watch;
	for (unsigned n = 0; n < PUTS; n++) {
		keys[n] = n;
		op[n] = (struct weir_store_op){ .kind = WEIR_STORE_PUT,
						.key = &keys[n],
						.key_len = sizeof(keys[n]),
						.value = value,
						.value_len = VALUE,
						.end = put_ended };
		assert_int_equal(weir_store_submit(rig.s, &op[n]), 0);
		/* Two puts are a batch, so several batches are under way. */
		if (n % 2)
			weir_store_poll(rig.s);
	}
	while (ended_puts < PUTS)
		weir_store_poll(rig.s);
	assert_int_equal(weir_store_sync(rig.s), 0);
	memdisk.watch = NULL;
	ls->log[0]->placement.placed = false;
	ls->fdp = NULL;
	assert_true(begun > 3);
}

static int set_up(void **state)
{
	(void)state;
	memdisk_set_up(&rig, (SEGMENTS + 2) * SEGMENT, SEGMENT, 21);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	memdisk_tear_down(&rig);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_new_unit_waits, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
