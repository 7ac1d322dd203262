/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_fsck_records.c - what a check says of records that are forged, with right checksums; and
 * that a repair is durable when it ends.
 */
#include "../../crash/alloc.h"
#include "forged.h"

/* A recovery leaves records out of the footer whose payloads were lost. They stay in the batch, in
 * front of others and behind them, also with the number of a record that came later. */
static void left_out_of_the_footer(void **state)
{
	uint64_t number = 4, lost = 999;
	struct forged_place p = forged_live(number), next = forged_live(number + 1);
	struct batch_record records[3] = {
		{ .key = &lost, .key_len = sizeof(lost), .flags = DISK_TOMBSTONE }
	};

	(void)state;
	assert_int_equal(p.n + 1, next.n);
	records[1] = forged_record(&p, &number);
	records[2] = records[0];
	records[0].sequence = p.e.sequence - 1;
	records[2].sequence = next.e.sequence;
	assert_true(records[0].sequence > 0);
	forge_batch(&p, records, 3, 0);
	forged_clean();
}

/* The footer names a record that is not in its batch, by its number or by its contents. */
static void named_by_the_footer(void **state)
{
	struct forged_place p = forged_live(4);

	(void)state;
	p.e.sequence += 1000;
	forge_entry(p.segment, p.n, &p.e);
	forged_check(0);
	assert_int_equal(forged_found[0].kind, WEIR_FINDING_ENTRY);
	forged_begin(NULL);
	p = forged_live(4);
	p.e.checksum ^= 1;
	forge_entry(p.segment, p.n, &p.e);
	forged_check(0);
	assert_int_equal(forged_found[0].kind, WEIR_FINDING_ENTRY);
}

/* What was named without its batch header has no sequence number, and contradicts nothing. */
static void without_a_number(void **state)
{
	(void)state;
	for (uint64_t n = 0; n < 3; n++) {
		struct forged_place p = forged_live(n);

		p.e.sequence = 0;
		forge_entry(p.segment, p.n, &p.e);
	}
	forged_check(0);
	if (forged_finds)
		fail_msg("found: %s", forged_found[0].text);
}

/* The header of the batch is damaged whose place another one overlaps: only the damage is found. */
static void order_behind_damage(void **state)
{
	uint64_t number = 0;
	struct forged_place p = forged_live(number), next = forged_live(number + 1);
	struct batch_record r = forged_record(&p, &number);

	(void)state;
	forge_batch(&p, &r, 1, next.e.batch + 1 - p.e.batch);
	*(forged_at(next.segment, next.e.batch) + 130) ^= 1;
	forged_expect(WEIR_FINDING_BATCH, 1, "the header of a batch is damaged");
}

/* Sequence numbers of two lives are not compared. */
static void numbers_of_two_lives(void **state)
{
	uint64_t number = LATER;
	struct forged_place p = forged_live(number);
	struct header h = forged_header(p.segment);
	struct batch_record r;

	(void)state;
	assert_true(p.n == 0 && h.gen.epoch > forged_header(forged_live(0).segment).gen.epoch);
	h.sequence = p.e.sequence = 1;
	forge_header(&h);
	r = forged_record(&p, &number);
	forge_batch(&p, &r, 1, 0);
	forge_entry(p.segment, 0, &p.e);
	forged_clean();
}

/* The header is older than a block that looks like the batch of a newer life, but does not verify:
 * that proves nothing, and the segment stays. */
static void looks_newer(void **state)
{
	struct forged_place p = forged_live(0);
	struct disk_batch *disk = (struct disk_batch *)forged_at(p.segment, 1);

	(void)state;
	assert_int_equal(p.e.batch, 1);
	disk->counter = htole64(le64toh(disk->counter) + 1);
	forged_expect(WEIR_FINDING_BATCH, 1, "the header of a batch is damaged");
}

/* A key in two streams is a conflict; one that was deleted in one of them is none. */
static void conflicts(void **state)
{
	struct header h = forged_header(forged_find(OVERWRITTEN, false, false).segment);

	(void)state;
	assert_int_equal(h.segment, forged_live(DELETED).segment);
	assert_int_not_equal(h.segment, forged_live(OVERWRITTEN).segment);
	assert_int_not_equal(h.segment, forged_find(DELETED, true, true).segment);
	h.stream = 1;
	forge_header(&h);
	forged_expect(WEIR_FINDING_CONFLICT, 0, "a key lives in streams 0 and 1");
}

/* The store has several devices, and this is the first one: keys of the others are misplaced, but
 * not what deletes one. */
static void misplaced(void **state)
{
	struct super is = forged_super;
	uint64_t tombstone = forged_find(DELETED, true, true).e.hash[0];
	unsigned expected = 0, misplaced = 0;

	(void)state;
	for (is.device_count = 2; !(tombstone % is.device_count); is.device_count++)
		;
	for (uint32_t s = 0; s < SEGMENTS; s++)
		for (uint32_t n = 0; forged_is_sealed(s) && n < forged_footer(s).count; n++) {
			struct footer_entry e = forged_entry(s, n);

			expected += !(e.flags & DISK_TOMBSTONE) && e.hash[0] % is.device_count;
		}
	forge_super(&is, 0);
	forged_check(0);
	for (unsigned n = 0; n < forged_finds; n++)
		misplaced += forged_found[n].kind == WEIR_FINDING_MISPLACED;
	assert_int_equal(misplaced, expected);
	assert_int_equal(forged_result.absent, is.device_count - 1);
}

/* Repairs the image, and returns how often it changed the superblock. */
static uint64_t repair(void)
{
	forged_check(1);
	assert_int_equal(forged_result.repaired, 1);
	return forged_revision() - forged_super.revision;
}

/* A repair strikes one record. When it has ended, that is on the medium. */
static void a_repair_is_durable(void **state)
{
	struct forged_place p = forged_live(6);

	(void)state;
	*(forged_at(p.segment, p.e.block) + 9) ^= 1;
	assert_int_equal(repair(), forged_opening);
	assert_int_equal(forged_result.dropped_records, 1);
	memdisk_cut();
	memdisk_on(0);
	assert_int_equal(forged_run(0), 0);
	assert_int_equal(forged_finds, 0);
	assert_int_equal(forged_result.struck, 1);
	assert_int_equal(forged_result.tombstones, 2);
	assert_int_equal(forged_result.entries, KEYS + OTHERS - 2);
}

static bool wrote;

/* Before the first write everything that was read is on the medium. */
static void check_first_write(const struct weir_cmd *cmd, int ended)
{
	uint8_t *first = memdisk.now + cmd->offset;

	if (ended || wrote || cmd->op != WEIR_OP_WRITE)
		return;
	wrote = true;
	assert_memory_equal(memdisk.medium, forged_image, cmd->offset);
	first += cmd->length;
	assert_memory_equal(memdisk.medium + (first - memdisk.now), first,
			    memdisk.bytes - (size_t)(first - memdisk.now));
}

/* A process was killed whose last writes are in the drive's cache. */
static void a_repair_of_what_is_in_the_cache(void **state)
{
	(void)state;
	forged_image[forged_super.layout.copy_offset[1] + 1000] ^= 1;
	memdisk_restore(forged_image);
	memdisk.medium[forged_super.layout.copy_offset[0] + 600] ^= 1;
	memdisk_on(0);
	wrote = false;
	memdisk.watch = check_first_write;
	assert_int_equal(forged_run(1), 0);
	memdisk.watch = NULL;
	assert_true(wrote && forged_result.repaired);
}

/* A copy of the superblock that is damaged is written again before the store is opened. */
static void a_repair_of_a_superblock(void **state)
{
	(void)state;
	forged_image[forged_super.layout.copy_offset[1] + 1000] ^= 1;
	assert_int_equal(repair(), forged_opening + 1);
	assert_int_equal(forged_run(0), 0);
	assert_int_equal(forged_finds, 0);
}

/* The free mark of a repair is newer than everything that the segment held, also where no header
 * tells what that was. */
static void a_repair_frees(void **state)
{
	uint32_t last = 0, damaged = 0, n;
	struct generation gen;

	(void)state;
	for (n = 0; n < SEGMENTS; n++)
		if (forged_is_sealed(n) &&
		    (!forged_is_sealed(last) ||
		     generation_compare(forged_header(n).gen, forged_header(last).gen) > 0))
			last = n;
	gen = forged_header(last).gen;
	for (n = 0; n < SEGMENTS; n++) {
		if (generation_compare(forged_header(n).gen, gen) < 0)
			continue;
		*(forged_at(n, 0) + 40) ^= 1;
		damaged++;
	}
	repair();
	assert_int_equal(forged_result.freed_segments, damaged);
	memcpy(forged_image, memdisk.now, IMAGE);
	assert_int_equal(forged_header(last).state, DISK_FREE);
	assert_true(generation_compare(forged_header(last).gen, gen) > 0);
}

static unsigned allocations; /* of a check, that go well */
static uint64_t failed;

static void fail_one(bool begins)
{
	failed = alloc_fail(allocations, begins);
}

/* Each allocation of a check fails once: it says so, or does without. */
static void without_memory(void **state)
{
	(void)state;
	forged_around = fail_one;
	allocations = 0;
	do {
		memdisk_restore(forged_image);
		memdisk_on(0);
		if (forged_run(0))
			assert_true(strlen(weir_error()) > 0);
		allocations++;
	} while (failed);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
	assert_true(allocations > 10);
#endif
}

/* A free mark in the place of an old header has a generation of its own. */
static void a_repair_frees_an_old_one(void **state)
{
	uint32_t first = forged_live(0).segment;

	(void)state;
	*(forged_at(first, 0) + 40) ^= 1;
	repair();
	assert_int_equal(forged_result.freed_segments, 1);
	memcpy(forged_image, memdisk.now, IMAGE);
	assert_int_equal(forged_header(first).state, DISK_FREE);
	for (uint32_t n = 0; n < SEGMENTS; n++)
		assert_true(n == first || generation_compare(forged_header(n).gen,
							     forged_header(first).gen) != 0);
}

#define MANY 900u
#define SMALL 512u

/* More keys than a check has room for at first. */
static void many_keys(void **state)
{
	struct weir_check_opts opts = WEIR_CHECK_OPTS_INIT;
	struct rig many = { .attach = 1, .engine = "posix" };

	(void)state;
	rig_make(&many, IMAGE, SEGMENT, SMALL);
	rig_open(&many);
	for (uint64_t n = 0; n < MANY; n++)
		assert_int_equal(rig_put(&many, n, 1, 100, 0), 0);
	rig_close(&many);
	opts.found = forged_note;
	forged_finds = 0;
	assert_int_equal(weir_store_check(many.path, &opts, &forged_result), 0);
	assert_int_equal(forged_finds, 0);
	assert_int_equal(forged_result.entries, MANY);
	assert_int_equal(forged_result.live_bytes, 100ull * MANY);
	rig_remove(&many);
}

#define TEST(test) cmocka_unit_test_setup(test, forged_begin)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(left_out_of_the_footer),
		TEST(named_by_the_footer),
		TEST(without_a_number),
		TEST(order_behind_damage),
		TEST(numbers_of_two_lives),
		TEST(looks_newer),
		TEST(conflicts),
		TEST(misplaced),
		TEST(without_memory),
		TEST(a_repair_is_durable),
		TEST(a_repair_of_what_is_in_the_cache),
		TEST(a_repair_of_a_superblock),
		TEST(a_repair_frees),
		TEST(a_repair_frees_an_old_one),
		TEST(many_keys),
	};

	return cmocka_run_group_tests(tests, forged_make, forged_unmake);
}
