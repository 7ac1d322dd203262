/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_fsck_order.c - batches with right checksums whose positions, watermarks or sequence numbers
 * contradict each other: a check finds that, and a repair drops no value for it.
 */
#include <errno.h>

#include <weir/fsck.h>

#include "rig.h"
#include "store/format/batch.h"
#include "store/format/footer.h"
#include "store/format/header.h"
#include "store/format/super.h"
#include "store/store.h"

#define BYTES (12u << 20)
#define SEGMENT (256u << 10)
#define BLOCK 4096u
#define FIRST 65536u /* where segment 0 begins */
#define VALUE 5000u
#define BATCH 3u /* blocks of a batch: a header, and a value in two */
#define KEYS 3u

static struct rig rig = { .attach = 1 };
static struct super super;
static struct checksum_key key;
static struct header header; /* of the segment that has all keys */

static uint64_t offset_of(uint32_t block)
{
	return FIRST + (uint64_t)header.segment * SEGMENT + (uint64_t)block * BLOCK;
}

static void find_segment(void)
{
	struct disk_segment disk;
	struct disk_super copy;
	uint32_t version, n = 0;

	rig_peek(&rig, 0, &copy, sizeof(copy));
	assert_int_equal(super_decode(&super, &copy, 1, &version), SUPER_VALID);
	checksum_key_make(&key, super.uuid, super.secret, 0);
	do {
		assert_true(n < super.layout.segments);
		rig_peek(&rig, FIRST + (uint64_t)n * SEGMENT, &disk, sizeof(disk));
		assert_true(header_decode(&header, &disk, n++, &key, super.uuid));
	} while (header.state != DISK_USED);
}

static int set_up(void **state)
{
	(void)state;
	rig_make(&rig, BYTES, SEGMENT, BLOCK);
	rig_open(&rig);
	for (uint64_t n = 0; n < KEYS; n++)
		assert_int_equal(rig_put(&rig, n, 1, VALUE, 0), 0);
	rig_close(&rig);
	find_segment();
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	rig_remove(&rig);
	return 0;
}

/* What is written over the header of batch number N. */
struct forged {
	uint32_t blocks;   /* unless 0 */
	uint32_t mark;	   /* this block of the segment, unless 0 */
	uint64_t sequence; /* unless 0 */
};

static void forge_batch(uint32_t n, struct forged f)
{
	static uint8_t was[BLOCK] __attribute__((aligned(8))),
		is[BLOCK] __attribute__((aligned(8)));
	struct checksum_place place = { header.segment, 1 + n * BATCH, header.gen };
	struct batch_header h;
	struct batch_record r;
	uint32_t at = 0;

	rig_peek(&rig, offset_of(place.block), was, BLOCK);
	assert_true(batch_decode(&h, was, place, &super.layout, &key));
	assert_true(batch_next(was, &h, &at, &r));
	h.blocks = f.blocks ? f.blocks : h.blocks;
	if (f.mark)
		h.mark = (struct logpos){ header.gen, f.mark };
	r.sequence = f.sequence ? f.sequence : r.sequence;
	h.header_bytes = 0;
	batch_add(is, &h.header_bytes, &r);
	batch_finish(is, &h, &super.layout, &key);
	rig_poke(&rig, offset_of(place.block), is, BLOCK);
}

/* Sets the sequence number of record N in the footer, and inverts bits of its checksum. */
static void forge_footer(uint32_t n, uint64_t sequence, uint64_t checksum_bits)
{
	static uint8_t buf[BLOCK] __attribute__((aligned(8)));
	struct footer_entry e;
	struct footer f;

	rig_peek(&rig, offset_of(SEGMENT / BLOCK - 1), buf, BLOCK);
	assert_int_equal(footer_peek(&f, buf, header.segment, header.gen, &super.layout),
			 FOOTER_VALID);
	assert_true(f.blocks == 1 && f.count == KEYS);
	footer_entry_decode(&e, (struct disk_entry *)buf + n);
	e.sequence = sequence;
	e.checksum ^= checksum_bits;
	footer_entry_encode((struct disk_entry *)buf + n, &e);
	footer_seal(buf, &f, &super.layout, &key);
	rig_poke(&rig, offset_of(f.place.block), buf, BLOCK);
}

static uint64_t number_of(uint32_t n)
{
	static uint8_t buf[BLOCK] __attribute__((aligned(8)));
	struct footer_entry e;

	rig_peek(&rig, offset_of(SEGMENT / BLOCK - 1), buf, BLOCK);
	footer_entry_decode(&e, (struct disk_entry *)buf + n);
	return e.sequence;
}

static void note_kind(void *user, const struct weir_finding *f)
{
	if (f->damage)
		*(uint32_t *)user |= 1u << f->kind;
}

static void count_order(void *user, const struct weir_finding *f)
{
	assert_int_equal(f->kind, WEIR_FINDING_ORDER);
	assert_int_equal(f->damage, 1);
	assert_int_equal(f->segment, header.segment);
	++*(unsigned *)user;
}

/* Checks, and expects FOUND findings. */
static void check(uint32_t repair, unsigned found)
{
	struct weir_check_opts opts = WEIR_CHECK_OPTS_INIT;
	struct weir_check_result result = WEIR_CHECK_RESULT_INIT;
	unsigned n = 0;

	opts.data = 1;
	opts.repair = repair;
	opts.found = count_order;
	opts.user = &n;
	assert_int_equal(weir_store_check(rig.path, &opts, &result), 0);
	assert_int_equal(n, found);
	assert_int_equal(result.damage, found);
	assert_int_equal(result.order, found);
	assert_int_equal(result.repaired, repair);
	assert_true(!result.dropped_records && !result.freed_segments);
	assert_int_equal(result.entries, KEYS);
}

/* Expects FOUND findings, before and after a repair, and all values. */
static void nothing_is_dropped(unsigned found)
{
	check(0, found);
	check(1, found);
	check(0, found);
	rig_open(&rig);
	for (uint64_t n = 0; n < KEYS; n++)
		assert_int_equal(rig_get(&rig, n, 1, VALUE), 1);
	rig_close(&rig);
}

static int count_key(const struct weir_store_entry *entry, void *user)
{
	(void)entry;
	++*(unsigned *)user;
	return 0;
}

/* A listing goes from header to header, so it misses one key here, and says so. */
static void one_batch_in_another(void **state)
{
	unsigned listed = 0;

	(void)state;
	forge_batch(0, (struct forged){ .blocks = BATCH + 1 });
	nothing_is_dropped(1);
	rig_open(&rig);
	assert_int_equal(weir_store_list(rig.s, count_key, &listed), -EBADMSG);
	assert_int_equal(listed, KEYS - 1);
}

static void a_batch_behind_the_end(void **state)
{
	(void)state;
	forge_batch(KEYS - 1, (struct forged){ .blocks = BATCH + 2 });
	nothing_is_dropped(1);
}

static void a_watermark_behind_the_batch(void **state)
{
	(void)state;
	forge_batch(1, (struct forged){ .mark = 1 + 2 * BATCH });
	nothing_is_dropped(1);
}

/* One number that is too high makes all later ones too low: a repair that dropped what is found
 * would take good values. */
static void a_sequence_number_too_high(void **state)
{
	(void)state;
	forge_batch(0, (struct forged){ .sequence = 1000 });
	forge_footer(0, 1000, 0);
	nothing_is_dropped(KEYS - 1);
}

/* The same number twice. */
static void a_sequence_number_again(void **state)
{
	(void)state;
	forge_batch(1, (struct forged){ .sequence = number_of(0) });
	forge_footer(1, number_of(0), 0);
	nothing_is_dropped(1);
}

/* Writes HEADER over the header of its segment. */
static void forge_header(void)
{
	static uint8_t block[BLOCK] __attribute__((aligned(8)));

	header_encode((struct disk_segment *)block, &header, &key, super.uuid);
	rig_poke(&rig, offset_of(0), block, BLOCK);
}

/* A number that is lower than what its segment began with. */
static void a_sequence_number_before_its_segment(void **state)
{
	(void)state;
	header.sequence = number_of(0) + 1;
	forge_header();
	nothing_is_dropped(1);
}

/* What a check finds, as a bit for each kind of damage. */
static uint32_t found_kinds(uint32_t repair)
{
	struct weir_check_opts opts = WEIR_CHECK_OPTS_INIT;
	struct weir_check_result result = WEIR_CHECK_RESULT_INIT;
	uint32_t kinds = 0;

	opts.data = 1;
	opts.repair = repair;
	opts.found = note_kind;
	opts.user = &kinds;
	assert_int_equal(weir_store_check(rig.path, &opts, &result), 0);
	return kinds;
}

/* The footer has another checksum of a value than the batch. */
static void a_footer_that_contradicts(void **state)
{
	(void)state;
	forge_footer(1, number_of(1), 1);
	assert_true(found_kinds(0) & 1u << WEIR_FINDING_ENTRY);
}

/* A segment of the first stream that the superblock does not have. */
static void a_stream_that_is_not_there(void **state)
{
	(void)state;
	header.stream = super.streams;
	forge_header();
	assert_true(found_kinds(0) & 1u << WEIR_FINDING_STREAM);
}

static void forge_supers(void)
{
	static uint8_t block[BLOCK] __attribute__((aligned(8)));

	for (uint32_t copy = 0; copy < 2; copy++) {
		memset(block, 0, sizeof(block));
		super_encode((struct disk_super *)block, &super, copy + 1);
		rig_poke(&rig, super.layout.copy_offset[copy], block, BLOCK);
	}
}

/* A superblock whose epoch is below that of a segment. */
static void an_epoch_that_is_too_low(void **state)
{
	(void)state;
	assert_int_equal(found_kinds(0), 0);
	super.epoch = header.gen.epoch - 1;
	forge_supers();
	assert_true(found_kinds(0) & 1u << WEIR_FINDING_SUPERBLOCK);
	/* The next life is above both. */
	rig_open(&rig);
	assert_true(rig.s->io.super.epoch > header.gen.epoch);
}

/* Makes the image of a store whose process was killed: KEYS durable values, then two that no flush
 * has covered. */
static void make_killed(void)
{
	static uint8_t image[BYTES];

	rig_remove(&rig);
	rig_make(&rig, BYTES, SEGMENT, BLOCK);
	rig_open(&rig);
	for (uint64_t n = 0; n < KEYS + 2; n++)
		assert_int_equal(rig_put(&rig, n, 1, VALUE, n < KEYS ? WEIR_PUT_DURABLE : 0), 0);
	rig_peek(&rig, 0, image, BYTES);
	rig_close(&rig);
	rig_poke(&rig, 0, image, BYTES);
	find_segment();
	assert_int_equal(found_kinds(0), 0);
}

/* A batch that is missing in a segment without a footer is damage where it was durable, also the
 * last one that was, and not behind that. */
static void a_batch_that_was_durable(void **state)
{
	(void)state;
	for (uint32_t n = 0; n < KEYS + 1; n++)
		for (uint32_t at = 0; at < 2; at++) {
			make_killed();
			/* In the part that says that there is a batch, or in its record. */
			rig_damage(&rig, offset_of(1 + n * BATCH) + (at ? 140 : 3));
			assert_int_equal(found_kinds(0), n < KEYS ? 1u << WEIR_FINDING_BATCH : 0);
		}
}

/* So is a value that does not verify. */
static void a_value_that_was_durable(void **state)
{
	(void)state;
	for (uint32_t n = 0; n < KEYS + 2; n++) {
		make_killed();
		rig_damage(&rig, offset_of(1 + n * BATCH + 1) + 7);
		assert_int_equal(found_kinds(0), n < KEYS ? 1u << WEIR_FINDING_PAYLOAD : 0);
	}
}

static int note_highest(const struct weir_store_entry *entry, void *user)
{
	uint64_t *highest = user;

	*highest = entry->sequence > *highest ? entry->sequence : *highest;
	return 0;
}

/* Sequence numbers go on in the next life, after a close and after a kill, also if neither
 * superblock nor header tells how far they had come. */
static void sequence_numbers_go_on(void **state)
{
	uint64_t before, after;

	(void)state;
	for (unsigned killed = 0; killed < 2; killed++) {
		if (killed)
			make_killed();
		super.sequence_floor = 0;
		forge_supers();
		header.sequence = 0;
		forge_header();
		before = after = 0;
		rig_open(&rig);
		assert_int_equal(weir_store_list(rig.s, note_highest, &before), 0);
		assert_true(before >= KEYS);
		assert_int_equal(rig_put(&rig, 100, 1, VALUE, 0), 0);
		assert_int_equal(weir_store_list(rig.s, note_highest, &after), 0);
		assert_true(after > before);
		rig_close(&rig);
	}
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(one_batch_in_another),	    TEST(a_batch_behind_the_end),
		TEST(a_watermark_behind_the_batch), TEST(a_sequence_number_too_high),
		TEST(a_sequence_number_again),	    TEST(a_sequence_number_before_its_segment),
		TEST(a_footer_that_contradicts),    TEST(a_stream_that_is_not_there),
		TEST(an_epoch_that_is_too_low),	    TEST(a_batch_that_was_durable),
		TEST(a_value_that_was_durable),	    TEST(sequence_numbers_go_on),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
