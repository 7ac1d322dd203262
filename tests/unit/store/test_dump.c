/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_dump.c - a dump shows every structure of a store once, in its order, and says of each what
 * it is worth: which superblock copy counts, which record a get finds, what a repair has struck.
 */
#include <weir/dump.h>

#include "rig.h"
#include "store/format/header.h"
#include "store/format/super.h"

#define IMAGE (2u << 20)
#define SEGMENT (64u << 10)
#define BLOCK 4096u
#define FIRST 65536u /* where segment 0 begins */
#define SEGMENTS ((IMAGE - 2 * FIRST) / SEGMENT)
#define KEYS 40u
#define VALUE 3000u
#define RECORDS 4000u

static struct rig rig = { .attach = 1, .engine = "posix" };
static uint8_t image[IMAGE];
static uint64_t version[KEYS]; /* 0: it was deleted */

/* What a dump showed. */
static struct {
	struct weir_dump_super super[2];
	struct weir_dump_segment segment[SEGMENTS];
	struct weir_dump_batch batch[RECORDS];
	struct weir_dump_record record[RECORDS];
	uint64_t key[RECORDS]; /* of each record */
	uint32_t supers, segments, batches, records;
} shown;

static void note_super(void *user, const struct weir_dump_super *d)
{
	(void)user;
	assert_true(shown.supers < 2);
	shown.super[shown.supers++] = *d;
}

static void note_segment(void *user, const struct weir_dump_segment *d)
{
	(void)user;
	assert_true(shown.segments < SEGMENTS);
	shown.segment[shown.segments++] = *d;
}

static void note_batch(void *user, const struct weir_dump_batch *d)
{
	(void)user;
	assert_true(shown.batches < RECORDS);
	shown.batch[shown.batches++] = *d;
}

static void note_record(void *user, const struct weir_dump_record *d)
{
	(void)user;
	assert_true(shown.records < RECORDS);
	assert_true(d->key && d->key_len == sizeof(uint64_t));
	memcpy(&shown.key[shown.records], d->key, sizeof(uint64_t));
	shown.record[shown.records++] = *d;
}

static void dump(struct weir_dump_opts opts)
{
	memset(&shown, 0, sizeof(shown));
	opts.size = sizeof(opts);
	opts.engine = "posix";
	opts.super = note_super;
	opts.on_segment = note_segment;
	opts.on_batch = note_batch;
	opts.on_record = note_record;
	if (weir_store_dump(rig.path, &opts))
		fail_msg("dump: %s", weir_error());
}

/* Overwrites and deletes until segments were freed. */
static int set_up(void **state)
{
	(void)state;
	memset(version, 0, sizeof(version));
	rig_make(&rig, IMAGE, SEGMENT, BLOCK);
	rig_open(&rig);
	for (uint64_t n = 0; n < 21 * KEYS; n++) {
		if (n % 17 == 5 && version[n % KEYS]) {
			assert_int_equal(rig_delete(&rig, n % KEYS, 0), 0);
			version[n % KEYS] = 0;
		} else {
			assert_int_equal(rig_put(&rig, n % KEYS, n + 1, VALUE, 0), 0);
			version[n % KEYS] = n + 1;
		}
	}
	rig_close(&rig);
	rig_peek(&rig, 0, image, IMAGE);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	rig_remove(&rig);
	return 0;
}

/* Each segment comes once: those of the log in the order of their generations. */
static void every_segment(void **state)
{
	bool seen[SEGMENTS] = { false };
	uint64_t before = 0, used = 0;

	(void)state;
	dump((struct weir_dump_opts){ 0 });
	assert_int_equal(shown.segments, SEGMENTS);
	for (uint32_t n = 0; n < SEGMENTS; n++) {
		const struct weir_dump_segment *d = &shown.segment[n];

		assert_true(d->segment < SEGMENTS && !seen[d->segment]);
		seen[d->segment] = true;
		if (strcmp(d->state, "used") != 0) {
			assert_string_equal(d->state, "free");
			assert_int_equal(d->batches, 0);
			continue;
		}
		assert_true(d->counter > before);
		before = d->counter;
		used++;
	}
	assert_true(used > SEGMENTS / 2 && used < SEGMENTS);
}

/* Of each key that is there one record is live, and of the others none. */
static void what_is_live(void **state)
{
	uint64_t live[KEYS] = { 0 }, of_segments = 0, tombstones = 0;

	(void)state;
	dump((struct weir_dump_opts){ 0 });
	for (uint32_t n = 0; n < shown.records; n++) {
		live[shown.key[n]] += shown.record[n].live;
		tombstones += shown.record[n].tombstone;
		assert_false(shown.record[n].live && shown.record[n].tombstone);
	}
	for (uint64_t key = 0; key < KEYS; key++)
		assert_int_equal(live[key], version[key] > 0);
	for (uint32_t n = 0; n < SEGMENTS; n++)
		of_segments += shown.segment[n].live_records;
	assert_true(of_segments < KEYS && shown.records > of_segments && tombstones > 1);
}

static void one_key(void **state)
{
	uint64_t key = 7;

	(void)state;
	dump((struct weir_dump_opts){ .key = &key, .key_len = sizeof(key) });
	assert_true(shown.records > 1);
	for (uint32_t n = 0; n < shown.records; n++)
		assert_int_equal(shown.key[n], key);
	assert_int_equal(shown.record[shown.records - 1].live, 1);
}

static void one_batch(void **state)
{
	struct weir_dump_record last;

	(void)state;
	dump((struct weir_dump_opts){ 0 });
	last = shown.record[shown.records - 1];
	dump((struct weir_dump_opts){ .one_segment = 1,
				      .segment = last.segment,
				      .one_batch = 1,
				      .batch = last.batch_block });
	assert_int_equal(shown.segments, 1);
	assert_int_equal(shown.batches, 1);
	assert_int_equal(shown.batch[0].block, last.batch_block);
	assert_true(shown.records > 0);
}

static uint32_t batches_in(uint32_t segment)
{
	uint32_t count = 0;

	for (uint32_t n = 0; n < shown.batches; n++)
		count += shown.batch[n].segment == segment;
	return count;
}

/* What is left over in a free segment is shown if that was asked for; nothing is left over in one
 * whose header is damaged, as nobody freed it. */
static void left_over(void **state)
{
	uint32_t used, n;

	(void)state;
	dump((struct weir_dump_opts){ .freed = 1 });
	for (n = 0; n < shown.records && !shown.record[n].freed; n++)
		;
	assert_true(n < shown.records && !shown.record[n].live);
	used = shown.record[shown.records - 1].segment;
	assert_true(batches_in(used) > 0);
	rig_damage(&rig, FIRST + (uint64_t)used * SEGMENT + 40);
	dump((struct weir_dump_opts){ .freed = 1 });
	assert_int_equal(shown.segments, SEGMENTS);
	assert_int_equal(batches_in(used), 0);
}

/* Of a free segment whose first batch is damaged nothing tells the generation, so nothing is shown.
 */
static void left_over_without_a_first_batch(void **state)
{
	uint32_t n, segment;

	(void)state;
	dump((struct weir_dump_opts){ .freed = 1 });
	for (n = 0; !shown.batch[n].freed || batches_in(shown.batch[n].segment) < 2; n++)
		assert_true(n + 1 < shown.batches);
	segment = shown.batch[n].segment;
	assert_int_equal(shown.batch[n].block, 1);
	rig_damage(&rig, shown.batch[n].offset + 130);
	dump((struct weir_dump_opts){ .freed = 1 });
	assert_int_equal(batches_in(segment), 0);
}

/* A record that a repair has struck is shown as such. */
static void what_was_struck(void **state)
{
	struct weir_check_opts opts = WEIR_CHECK_OPTS_INIT;
	struct weir_check_result result = WEIR_CHECK_RESULT_INIT;
	uint32_t n, struck = 0;
	uint64_t key, checksum;

	(void)state;
	dump((struct weir_dump_opts){ 0 });
	for (n = 0; !shown.record[n].live; n++)
		assert_true(n + 1 < shown.records);
	key = shown.key[n];
	checksum = shown.record[n].checksum;
	rig_damage(&rig, shown.record[n].offset + 5);
	opts.data = opts.repair = 1;
	assert_int_equal(weir_store_check(rig.path, &opts, &result), 0);
	assert_int_equal(result.dropped_records, 1);
	dump((struct weir_dump_opts){ 0 });
	for (n = 0; n < shown.records; n++) {
		if (!shown.record[n].struck)
			continue;
		struck++;
		assert_int_equal(shown.key[n], key);
		assert_int_equal(shown.record[n].checksum, checksum);
		assert_int_equal(shown.record[n].tombstone, 0);
		assert_int_equal(shown.record[n].live, 0);
	}
	assert_int_equal(struck, 1);
}

/* Writes SUPER over copy 2. */
static void forge_copy(const struct super *super)
{
	static uint8_t block[BLOCK] __attribute__((aligned(8)));

	memset(block, 0, sizeof(block));
	super_encode((struct disk_super *)block, super, 2);
	rig_poke(&rig, super->layout.copy_offset[1], block, BLOCK);
}

static void expect_supers(uint32_t one, uint32_t two)
{
	dump((struct weir_dump_opts){ 0 });
	assert_int_equal(shown.supers, 2);
	for (uint32_t n = 0; n < 2; n++) {
		assert_int_equal(shown.super[n].copy, n + 1);
		assert_string_equal(shown.super[n].state, "valid");
		assert_true(shown.super[n].segments == SEGMENTS);
	}
	assert_int_equal(shown.super[0].counts, one);
	assert_int_equal(shown.super[1].counts, two);
}

/* The older copy does not count, nor does one of another store, even of the same revision. */
static void which_superblock_counts(void **state)
{
	struct super super;
	uint32_t found;

	(void)state;
	assert_int_equal(super_decode(&super, (const void *)image, 1, &found), SUPER_VALID);
	expect_supers(1, 1);
	super.revision--;
	forge_copy(&super);
	expect_supers(1, 0);
	super.revision += 2;
	forge_copy(&super);
	expect_supers(0, 1);
	super.revision--;
	super.uuid[3] ^= 1;
	forge_copy(&super);
	expect_supers(1, 0);
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(every_segment),   TEST(what_is_live),
		TEST(one_key),	       TEST(one_batch),
		TEST(left_over),       TEST(left_over_without_a_first_batch),
		TEST(what_was_struck), TEST(which_superblock_counts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
