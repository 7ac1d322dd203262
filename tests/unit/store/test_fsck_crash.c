/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_fsck_crash.c - a repair that loses power at any command, and is made again, ends as one that
 * was not disturbed: the damaged entries are gone, everything else is there.
 */
#include <errno.h>
#include <stdio.h>

#include "memdisk.h"
#include "store/store.h"

#define IMAGE (2u << 20)
#define SEGMENT (64u << 10)
#define BLOCK 4096u
#define FIRST 65536u
#define KEYS 60u

static struct rig rig = { .attach = 1, .engine = "posix" };
static uint8_t damaged[IMAGE];

enum fate { INTACT, LOST, IN_LOST_SEGMENT };
static enum fate fate[KEYS];
/* The segment and the block of each key's payload. */
static uint32_t segment_of[KEYS], block_of[KEYS];

static uint64_t offset_of(uint32_t segment, uint32_t block)
{
	return FIRST + (uint64_t)segment * SEGMENT + (uint64_t)block * BLOCK;
}

static void find_places(void)
{
	struct index_value value;
	uint64_t hash[2];

	for (uint64_t key = 0; key < KEYS; key++) {
		checksum_identity(&rig.s->io.key, &key, sizeof(key), hash);
		assert_true(logs_find(rig.s->logs, hash, &value));
		segment_of[key] = layout_position_segment(rig.s->io.lay, value.position);
		block_of[key] = layout_position_block(rig.s->io.lay, value.position);
	}
}

/* Damages a payload, a batch header, a footer, a segment's header and a superblock copy, in
 * segments of their own. */
static void damage_all(void)
{
	uint32_t lost = segment_of[30];

	damaged[offset_of(segment_of[2], block_of[2]) + 5] ^= 1;
	fate[2] = LOST;
	damaged[offset_of(segment_of[12], block_of[12] - 1) + 130] ^= 1;
	fate[12] = LOST;
	damaged[offset_of(segment_of[22] + 1, 0) - 100] ^= 1;
	damaged[offset_of(lost, 0) + 40] ^= 1;
	damaged[IMAGE - FIRST + 1000] ^= 1;
	assert_true(segment_of[2] != segment_of[12] && segment_of[12] != segment_of[22] &&
		    segment_of[22] != lost);
	for (uint64_t key = 0; key < KEYS; key++)
		if (segment_of[key] == lost)
			fate[key] = IN_LOST_SEGMENT;
}

static int set_up(void **state)
{
	(void)state;
	rig_make(&rig, IMAGE, SEGMENT, BLOCK);
	rig_open(&rig);
	for (uint64_t key = 0; key < KEYS; key++)
		assert_int_equal(rig_put(&rig, key, 1, 6000, 0), 0);
	find_places();
	rig_close(&rig);
	rig_peek(&rig, 0, damaged, IMAGE);
	damage_all();
	rig_poke(&rig, 0, damaged, IMAGE);
	memdisk_load(&rig, 512, 77);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	memdisk_free();
	rig_remove(&rig);
	return 0;
}

/* Checks the drive in memory, and returns the result. */
static int check(uint32_t repair, struct weir_check_result *result)
{
	struct weir_check_opts opts = WEIR_CHECK_OPTS_INIT;

	opts.data = 1;
	opts.repair = repair;
	return memdisk_check(&rig, &opts, result);
}

static void load(void)
{
	memcpy(memdisk.now, damaged, IMAGE);
	memcpy(memdisk.medium, damaged, IMAGE);
}

/* Checks that the repair is whole. */
static void check_repaired(void)
{
	struct weir_check_result result;

	assert_int_equal(check(0, &result), 0);
	assert_int_equal(result.damage, 0);
	assert_int_equal(memdisk_open(&rig), 0);
	for (uint64_t key = 0; key < KEYS; key++)
		assert_int_equal(rig_get(&rig, key, 1, 6000), fate[key] == INTACT ? 1 : -ENOENT);
	assert_int_equal(memdisk_close(&rig), 0);
}

static uint64_t undisturbed(void)
{
	struct weir_check_result result;
	uint64_t commands;

	load();
	memdisk_on(0);
	assert_int_equal(check(1, &result), 0);
	assert_true(result.damage >= 5 && result.repaired);
	assert_int_equal(result.dropped_records, 2);
	assert_int_equal(result.freed_segments, 1);
	commands = memdisk.commands;
	check_repaired();
	return commands;
}

static void power_cut_at_each_command(void **state)
{
	uint64_t commands = undisturbed(), at, cut = 0;
	struct weir_check_result result;

	(void)state;
	for (at = 1; at <= commands; at++) {
		load();
		memdisk_on(at);
		cut += check(1, &result) != 0;
		memdisk_cut();
		memdisk_on(0);
		assert_int_equal(check(1, &result), 0);
		check_repaired();
	}
	assert_true(commands > 100 && cut > commands / 2);
}

/* The same, with the cuts one after another: each repair gets a little further. */
static void cut_again_and_again(void **state)
{
	uint64_t commands = undisturbed(), at;
	struct weir_check_result result;

	(void)state;
	load();
	for (at = 1; at <= commands; at += 7) {
		memdisk_on(at);
		check(1, &result);
		memdisk_cut();
	}
	memdisk_on(0);
	assert_int_equal(check(1, &result), 0);
	check_repaired();
}

/* Which read is garbled, and at which byte; the last byte if it has fewer. */
static unsigned garbled, reads;
static size_t garbled_byte;

static void garble(const struct weir_cmd *cmd, int ended)
{
	size_t at = garbled_byte < cmd->length ? garbled_byte : cmd->length - 1;

	if (ended && cmd->op == WEIR_OP_READ && reads++ == garbled)
		((uint8_t *)cmd->iov[0].iov_base)[at] ^= 0x80;
}

/* Repairs while read number GARBLED brings another byte. Returns false if the repair needs fewer
 * reads. */
static bool repair_garbled(const struct weir_check_result *want)
{
	struct weir_check_result is;

	load();
	memdisk_on(0);
	reads = 0;
	memdisk.watch = garble;
	assert_int_equal(check(1, &is), 0);
	memdisk.watch = NULL;
	if (memcmp(&is, want, sizeof(is)) != 0)
		fail_msg("read %u garbled at byte %zu: damage %d, dropped %d, freed %d", garbled,
			 garbled_byte, (int)is.damage, (int)is.dropped_records,
			 (int)is.freed_segments);
	return reads > garbled;
}

/* One read of a repair comes garbled: it drops what is damaged, and nothing else. */
static void one_read_comes_garbled(void **state)
{
	static const size_t bytes[] = { 0, 40, SEGMENT - BLOCK + 20, SEGMENT - 50, SIZE_MAX };
	struct weir_check_result want;

	(void)state;
	load();
	memdisk_on(0);
	assert_int_equal(check(1, &want), 0);
	assert_int_equal(want.dropped_records, 2);
	for (unsigned n = 0; n < sizeof(bytes) / sizeof(bytes[0]); n++) {
		garbled_byte = bytes[n];
		for (garbled = 0; repair_garbled(&want); garbled += RIG_EVERY)
			if (garbled % 8 == n)
				check_repaired();
		assert_true(garbled > 60);
	}
}

static int set_up_cut(void **state)
{
	(void)state;
	memdisk_set_up(&rig, IMAGE, SEGMENT, 5);
	return 0;
}

static int tear_down_cut(void **state)
{
	(void)state;
	memdisk_tear_down(&rig);
	return 0;
}

static void end_of_put(struct weir_store_op *op)
{
	free(op);
}

/* Puts or deletes a random key without waiting; a few of them make several batches in flight. */
static void submit_something(uint64_t *random)
{
	static uint8_t values[16][9000];
	static uint64_t keys[256];
	uint64_t r = rig_random(random);
	struct weir_store_op *op = calloc(1, sizeof(*op));

	keys[r % 200] = r % 200;
	op->kind = r % 7 ? WEIR_STORE_PUT : WEIR_STORE_DELETE;
	op->flags = r % 11 ? 0 : WEIR_PUT_DURABLE;
	op->key = &keys[r % 200];
	op->key_len = sizeof(keys[0]);
	if (op->kind == WEIR_STORE_PUT) {
		op->value = values[r % 16];
		op->value_len = 1 + r % 9000;
		/* No value is what was there before: that of a put under way never changes. */
		if (!values[r % 16][0])
			rig_value(r % 16, 1, values[r % 16], 9000);
	}
	op->end = end_of_put;
	if (weir_store_submit(rig.s, op))
		free(op);
	if (!(r % 5))
		weir_store_poll(rig.s);
	if (!(r % 97))
		weir_store_sync(rig.s);
}

/* What a power cut leaves is no damage, whatever was under way: puts that evict, seals, recovery.
 */
static void a_power_cut_is_no_damage(void **state)
{
	uint64_t random = 42, unsealed = 0, notes = 0;
	struct weir_check_result result;
	uint64_t before;

	(void)state;
	assert_int_equal(memdisk_close(&rig), 0);
	for (uint32_t n = 0; n < 150; n++) {
		memdisk_on(1 + rig_random(&random) % (n % 3 ? 400 : 90));
		if (!memdisk_open(&rig)) {
			for (uint32_t i = 0; i < 500 && !memdisk.off; i++)
				submit_something(&random);
			memdisk_power_off(&rig);
		} else {
			memdisk_cut();
		}
		memdisk_on(0);
		assert_int_equal(check(0, &result), 0);
		if (result.damage)
			fail_msg("cut %u: %d places are damaged", n, (int)result.damage);
		unsealed += result.unsealed_segments;
		notes += result.notes;
		/* Recovery finds the entries that the check found. */
		before = result.entries;
		assert_int_equal(memdisk_open(&rig), 0);
		assert_int_equal(memdisk_close(&rig), 0);
		assert_int_equal(check(0, &result), 0);
		assert_true(!result.damage && !result.notes);
		assert_true(result.entries <= before);
	}
	assert_true(unsealed > 20 && notes > 20);
	assert_int_equal(memdisk_open(&rig), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(power_cut_at_each_command, set_up, tear_down),
		cmocka_unit_test_setup_teardown(cut_again_and_again, set_up, tear_down),
		cmocka_unit_test_setup_teardown(one_read_comes_garbled, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_power_cut_is_no_damage, set_up_cut,
						tear_down_cut),
	};

	return cmocka_run_group_tests_name("store_fsck_crash", tests, NULL, NULL);
}
