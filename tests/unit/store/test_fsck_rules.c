/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_fsck_rules.c - what a check says of a superblock, header, footer or block that is damaged,
 * forged, or that cannot be read: this finding, and no other one.
 */
#include <errno.h>
#include <unistd.h>
#include <stdio.h>

#include "forged.h"

static void what_is_counted(void **state)
{
	(void)state;
	forged_clean();
	assert_int_equal(forged_result.records, RECORDS);
	assert_int_equal(forged_result.batches, RECORDS);
	assert_int_equal(forged_result.tombstones, 1);
	assert_int_equal(forged_result.struck, 0);
	assert_int_equal(forged_result.verified, RECORDS - 1);
	assert_int_equal(forged_result.entries, KEYS + OTHERS - 1);
	assert_int_equal(forged_result.used_segments + forged_result.free_segments, SEGMENTS);
	assert_int_equal(forged_result.unsealed_segments, 0);
}

/* Each finding about a superblock names its copy. */
static void superblocks(void **state)
{
	struct super other = forged_super;
	char words[80];

	(void)state;
	other.uuid[5] ^= 1;
	for (uint32_t copy = 1; copy <= 2; copy++) {
		forged_begin(NULL);
		forged_image[forged_super.layout.copy_offset[copy - 1] + 1000] ^= 1;
		snprintf(words, sizeof(words), "superblock copy %u: it is damaged", copy);
		forged_expect(WEIR_FINDING_SUPERBLOCK, 1, words);
		forged_begin(NULL);
		forged_unreadable(forged_image + forged_super.layout.copy_offset[copy - 1]);
		snprintf(words, sizeof(words), "superblock copy %u: it cannot be read", copy);
		forged_expect(WEIR_FINDING_UNREADABLE, 1, words);
		forged_begin(NULL);
		forge_super(&other, copy);
		snprintf(words, sizeof(words), "superblock copy %u belongs to another", copy);
		forged_expect(WEIR_FINDING_SUPERBLOCK, 1, words);
	}
	for (uint32_t copy = 1; copy <= 2; copy++) {
		forged_begin(NULL);
		other = forged_super;
		other.revision--;
		forge_super(&other, copy);
		snprintf(words, sizeof(words), "superblock copy %u is older", copy);
		forged_expect(WEIR_FINDING_SUPERBLOCK, 0, words);
	}
	forged_begin(NULL);
	other = forged_super;
	other.created_ns++;
	forge_super(&other, 2);
	forged_expect(WEIR_FINDING_SUPERBLOCK, 1, "one revision and different contents");
}

/* The words for a device without a valid copy. */
static void no_superblock(void **state)
{
	(void)state;
	memset(forged_image, 0, DISK_SUPER_BYTES);
	forged_image[forged_super.layout.copy_offset[1] + 1000] ^= 1;
	memdisk_restore(forged_image);
	assert_int_equal(forged_run(0), -EBADMSG);
	memset(forged_image + forged_super.layout.copy_offset[1], 0, DISK_SUPER_BYTES);
	memdisk_restore(forged_image);
	assert_int_equal(forged_run(0), -EMEDIUMTYPE);
}

/* The device has grown, and behind the store lies what was once a copy of a superblock: the store's
 * own copies count, as they do for an open. */
static void grown(void **state)
{
	struct super old = forged_super;
	uint64_t bytes = IMAGE + (1u << 20), end = layout_second_copy(bytes);
	static uint8_t block[BLOCK] __attribute__((aligned(8)));
	struct weir_check_opts opts = WEIR_CHECK_OPTS_INIT;

	(void)state;
	rig_poke(&forged_rig, 0, forged_image, IMAGE);
	assert_int_equal(truncate(forged_rig.path, (off_t)bytes), 0);
	opts.found = forged_note;
	for (unsigned n = 0; n < 2; n++) {
		old.revision--;
		old.uuid[0] = (uint8_t)(old.uuid[0] + n);
		super_encode((struct disk_super *)block, &old, 2);
		rig_poke(&forged_rig, end, block, BLOCK);
		forged_finds = 0;
		assert_int_equal(weir_store_check(forged_rig.path, &opts, &forged_result), 0);
		if (forged_finds)
			fail_msg("found: %s", forged_found[0].text);
	}
	/* With nothing there, it is still the store's own copy that is damaged. */
	memset(block, 0, sizeof(block));
	rig_poke(&forged_rig, end, block, BLOCK);
	rig_damage(&forged_rig, forged_super.layout.copy_offset[1] + 1000);
	forged_finds = 0;
	assert_int_equal(weir_store_check(forged_rig.path, &opts, &forged_result), 0);
	assert_int_equal(forged_finds, 1);
	assert_non_null(strstr(forged_found[0].text, "superblock copy 2: it is damaged"));
	assert_int_equal(truncate(forged_rig.path, IMAGE), 0);
}

/* The cause of what cannot be read is that of its own read: the last one that failed may have been
 * another. */
static unsigned own_causes, no_causes;

static void note_cause(void *user, const struct weir_finding *f)
{
	char place[40];

	(void)user;
	snprintf(place, sizeof(place), "read at 0x%llx+", (unsigned long long)f->offset);
	if (f->cause && !strstr(f->cause, place))
		fail_msg("cause \"%s\" of a block at %s", f->cause, place);
	own_causes += f->cause != NULL;
	no_causes += !f->cause;
}

static int fails_headers(const struct weir_cmd *cmd)
{
	return cmd->op == WEIR_OP_READ && cmd->length == BLOCK &&
	       (cmd->offset == FIRST || cmd->offset == FIRST + SEGMENT);
}

static void causes(void **state)
{
	(void)state;
	memdisk_restore(forged_image);
	memdisk_on(0);
	own_causes = no_causes = 0;
	forged_found_too = note_cause;
	memdisk.fails_too = fails_headers;
	assert_int_equal(forged_run(0), 0);
	memdisk.fails_too = NULL;
	forged_found_too = NULL;
	assert_int_equal(own_causes, 1);
	assert_int_equal(no_causes, 1);
}

/* What cannot be read is named, and nothing else is said about it. */
static void unreadable_parts(void **state)
{
	struct forged_place p = forged_live(5);

	(void)state;
	forged_unreadable(forged_at(p.segment, 0));
	forged_expect(WEIR_FINDING_UNREADABLE, 1, "the segment's header cannot be read");
	assert_int_equal(forged_found[0].segment, p.segment);
	forged_unreadable(forged_at(p.segment, LAST));
	forged_check(0);
	assert_true(forged_finds >= 1);
	assert_int_equal(forged_found[0].kind, WEIR_FINDING_UNREADABLE);
	assert_non_null(strstr(forged_found[0].text, "the segment's footer cannot be read"));
	assert_int_equal(forged_result.entries, KEYS + OTHERS - 1);
	forged_unreadable(forged_at(p.segment, p.e.batch));
	forged_expect(WEIR_FINDING_UNREADABLE, 1,
		      "the header of a batch of 1 records cannot be read");
	forged_unreadable(forged_at(p.segment, p.e.block));
	forged_expect(WEIR_FINDING_UNREADABLE, 1, "the value cannot be read");
}

static uint64_t garbled_header;
static unsigned header_reads;

static void garble_once(const struct weir_cmd *cmd, int ended)
{
	if (ended && cmd->op == WEIR_OP_READ && cmd->offset == garbled_header && !header_reads++)
		((uint8_t *)cmd->iov[0].iov_base)[20] ^= 1;
}

/* A header that the link garbled is read once more. */
static void a_header_that_came_garbled(void **state)
{
	(void)state;
	garbled_header = FIRST + forged_live(5).segment * SEGMENT;
	header_reads = 0;
	memdisk.watch = garble_once;
	forged_clean();
	memdisk.watch = NULL;
	assert_true(header_reads > 1);
}

/* A finding in a segment names its stream. */
static void streams(void **state)
{
	(void)state;
	*(forged_at(forged_live(KEYS).segment, forged_live(KEYS).e.block) + 7) ^= 1;
	forged_expect(WEIR_FINDING_PAYLOAD, 1, "the value does not verify");
	assert_int_equal(forged_found[0].stream, 1);
}

/* Puts segment SEGMENT out of use. */
static void put_out(uint32_t segment, bool aside)
{
	struct super is = forged_super;

	super_put_out(&is, segment, aside);
	forge_super(&is, 0);
}

static void out_of_use(void **state)
{
	struct forged_place p = forged_live(KEYS - 1);

	(void)state;
	put_out(p.segment, false);
	forged_expect(WEIR_FINDING_OUT_OF_USE, 0, "out of use");
	assert_true(forged_result.entries < KEYS + OTHERS - 1);
	/* Nothing of it counts, so nobody looks at its header. */
	*(forged_at(p.segment, 0) + 40) ^= 1;
	forged_expect(WEIR_FINDING_OUT_OF_USE, 0, "out of use");
	forged_begin(NULL);
	put_out(p.segment, true);
	forged_expect(WEIR_FINDING_OUT_OF_USE, 0, "set aside");
	assert_int_equal(forged_result.entries, KEYS + OTHERS - 1);
	*(forged_at(p.segment, 0) + 40) ^= 1;
	forged_check(0);
	assert_int_equal(forged_finds, 2);
	assert_int_equal(forged_found[1].kind, WEIR_FINDING_HEADER);
	forged_begin(NULL);
	put_out(p.segment, true);
	forged_unreadable(forged_at(p.segment, 0));
	forged_check(0);
	assert_int_equal(forged_finds, 2);
	assert_int_equal(forged_found[1].kind, WEIR_FINDING_UNREADABLE);
	forged_begin(NULL);
	put_out(p.segment, true);
	memset(forged_at(p.segment, LAST), 0, BLOCK);
	forged_check(0);
	assert_int_equal(forged_finds, 2);
	assert_int_equal(forged_found[1].kind, WEIR_FINDING_FOOTER);
	assert_non_null(strstr(forged_found[1].text, "which was set aside, has no footer"));
}

static uint32_t a_free_one(void)
{
	uint32_t s = 0;

	while (forged_header(s).state != DISK_FREE)
		s++;
	return s;
}

/* The stream in a free mark says nothing. */
static void stream_of_a_free_mark(void **state)
{
	struct header h = forged_header(a_free_one());

	(void)state;
	h.stream = forged_super.streams;
	forge_header(&h);
	forged_clean();
}

/* A segment that was begun and has no batch needs no footer, also when newer ones have one. */
static void begun_and_empty(void **state)
{
	struct header h = forged_header(a_free_one());

	(void)state;
	h.state = DISK_USED;
	h.gen = forged_header(forged_live(0).segment).gen;
	h.gen.epoch--;
	forge_header(&h);
	memset(forged_at(h.segment, 1), 0, SEGMENT - BLOCK);
	forged_clean();
	assert_int_equal(forged_result.unsealed_segments, 0);
}

/* One bit of an entry is wrong. */
static void a_damaged_footer(void **state)
{
	(void)state;
	*(forged_at(forged_live(0).segment, LAST) + 3) ^= 1;
	forged_expect(WEIR_FINDING_FOOTER, 1, "the segment's footer is damaged");
}

/* Only the newest segments of a log may be without a footer. */
static void without_a_footer(void **state)
{
	uint32_t first = forged_live(0).segment, last = forged_live(KEYS - 1).segment;

	(void)state;
	for (uint64_t n = 0; n < KEYS; n++)
		if (generation_compare(forged_header(forged_live(n).segment).gen,
				       forged_header(last).gen) > 0)
			last = forged_live(n).segment;
	memset(forged_at(last, LAST), 0, BLOCK);
	forged_expect(WEIR_FINDING_UNSEALED, 0, "the segment was not sealed");
	assert_int_equal(forged_found[0].segment, last);
	assert_int_equal(forged_result.unsealed_segments, 1);
	forged_begin(NULL);
	memset(forged_at(first, LAST), 0, BLOCK);
	forged_expect(WEIR_FINDING_FOOTER, 1, "no footer, and newer ones have");
	assert_int_equal(forged_found[0].segment, first);
}

/* A block that cannot be read in a segment without a footer. */
static void unreadable_and_walked(void **state)
{
	struct forged_place p = forged_live(1);

	(void)state;
	memset(forged_at(p.segment, LAST), 0, BLOCK);
	forged_unreadable(forged_at(p.segment, p.e.batch));
	forged_check(0);
	assert_int_equal(forged_finds, 3);
	assert_int_equal(forged_found[0].kind, WEIR_FINDING_FOOTER);
	assert_non_null(strstr(forged_found[1].text, "1 blocks cannot be read"));
	assert_int_equal(forged_found[2].kind, WEIR_FINDING_BATCH);
}

#define TEST(test) cmocka_unit_test_setup(test, forged_begin)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_is_counted),	TEST(superblocks),
		TEST(no_superblock),	TEST(grown),
		TEST(causes),		TEST(unreadable_parts),
		TEST(streams),		TEST(a_header_that_came_garbled),
		TEST(out_of_use),	TEST(stream_of_a_free_mark),
		TEST(begun_and_empty),	TEST(a_damaged_footer),
		TEST(without_a_footer), TEST(unreadable_and_walked),
	};

	return cmocka_run_group_tests(tests, forged_make, forged_unmake);
}
