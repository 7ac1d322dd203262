/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_format.c - structures on the device are decoded as they were encoded, and refused if any
 * byte is changed or they are in another place.
 */
#include <errno.h>

#include "rig.h"
#include "store/format/batch.h"
#include "store/format/footer.h"
#include "store/format/header.h"
#include "store/format/strikes.h"
#include "store/format/super.h"

static struct layout lay;
static struct checksum_key key;
static struct super super;
static const struct generation gen = { 7, 9 };

static int make(void **unused)
{
	struct layout_wish wish = { .device_bytes = 16 << 20,
				    .logical_block_bytes = 512,
				    .segment_bytes = 64 << 10,
				    .block_bytes = 512 };
	uint64_t state = 5;
	size_t n;

	(void)unused;
	if (layout_make(&lay, &wish, "test"))
		return -1;
	super.layout = lay;
	super.revision = 3;
	super.epoch = 4;
	super.device_count = 1;
	super.streams = 1;
	super.compat = 1;
	for (n = 0; n < sizeof(super.uuid); n++)
		super.uuid[n] = (uint8_t)rig_random(&state);
	for (n = 0; n < sizeof(super.secret); n++)
		super.secret[n] = (uint8_t)rig_random(&state);
	checksum_key_make(&key, super.uuid, super.secret, 0);
	return 0;
}

static void superblock(void **unused)
{
	struct disk_super disk, bad;
	struct super back;
	uint32_t version = 0;
	size_t n;

	(void)unused;
	super_encode(&disk, &super, 1);
	assert_int_equal(super_decode(&back, &disk, 1, &version), SUPER_VALID);
	assert_int_equal(back.revision, 3);
	assert_int_equal(back.epoch, 4);
	assert_int_equal(back.compat, 1);
	assert_int_equal(back.layout.segments, lay.segments);
	assert_memory_equal(back.secret, super.secret, sizeof(super.secret));
	assert_int_equal(super_decode(&back, &disk, 2, &version), SUPER_DAMAGED);
	for (n = 0; n < sizeof(disk); n++) {
		bad = disk;
		((uint8_t *)&bad)[n] ^= 0x40;
		assert_int_not_equal(super_decode(&back, &bad, 1, &version), SUPER_VALID);
	}
	disk.version = htole32(9);
	assert_int_equal(super_decode(&back, &disk, 1, &version), SUPER_VERSION);
	assert_int_equal(version, 9);
}

static void superblock_that_contradicts_itself(void **unused)
{
	struct disk_super disk;
	struct super back, odd = super;
	uint32_t version;

	(void)unused;
	odd.layout.segments = lay.segments + 100;
	super_encode(&disk, &odd, 1);
	assert_int_equal(super_decode(&back, &disk, 1, &version), SUPER_DAMAGED);
	odd = super;
	odd.layout.block_bytes = 513;
	super_encode(&disk, &odd, 1);
	assert_int_equal(super_decode(&back, &disk, 1, &version), SUPER_DAMAGED);
	odd = super;
	odd.streams = DISK_STREAMS + 1;
	super_encode(&disk, &odd, 1);
	assert_int_equal(super_decode(&back, &disk, 1, &version), SUPER_DAMAGED);
}

/* A floor, a policy, a budget, and segments out of use. */
static void superblock_with_all_fields(void **unused)
{
	struct disk_super disk;
	struct super back, full = super;
	uint32_t version;

	(void)unused;
	full.sequence_floor = 1ull << 40;
	full.policy = DISK_POLICY_FIFO;
	full.rewrite_percent = 25;
	full.write_budget = 1ull << 41;
	full.budget_spent = 1ull << 42;
	full.budget_time_ns = 1ull << 43;
	for (full.out_count = 0; full.out_count < DISK_OUT_MAX; full.out_count++)
		full.out[full.out_count] = 2 * full.out_count;
	full.out_aside = 1u << 2 | 1u << 23;
	super_encode(&disk, &full, 2);
	assert_int_equal(super_decode(&back, &disk, 2, &version), SUPER_VALID);
	assert_int_equal(back.sequence_floor, full.sequence_floor);
	assert_int_equal(back.policy, full.policy);
	assert_int_equal(back.rewrite_percent, full.rewrite_percent);
	assert_int_equal(back.write_budget, full.write_budget);
	assert_int_equal(back.budget_spent, full.budget_spent);
	assert_int_equal(back.budget_time_ns, full.budget_time_ns);
	assert_int_equal(back.out_count, DISK_OUT_MAX);
	assert_memory_equal(back.out, full.out, sizeof(full.out));
	assert_int_equal(back.ro_compat, DISK_RO_COMPAT_OUT | DISK_RO_COMPAT_ASIDE);
	assert_true(super_is_aside(&back, 4) && super_is_aside(&back, 46));
	assert_false(super_is_aside(&back, 2) || super_is_aside(&back, 5));
	assert_true(super_forget_aside(&back, 4));
	assert_false(super_forget_aside(&back, 4) || super_is_aside(&back, 4));
	assert_int_equal(back.out_aside, 1u << 23);
	assert_true(super_is_out(&back, 4));
	assert_false(super_is_out(&back, 5));
	super_encode(&disk, &super, 2);
	assert_int_equal(super_decode(&back, &disk, 2, &version), SUPER_VALID);
	assert_int_equal(back.ro_compat, 0);
	assert_false(super_is_out(&back, 0));
}

static enum super_state decode_forged(struct super *back, struct disk_super *disk)
{
	uint32_t version;

	disk->checksum = htole64(checksum_super(disk));
	return super_decode(back, disk, 1, &version);
}

/* A table of segments out of use that no weir writes is refused; another policy is ignored. */
static void superblock_with_forged_fields(void **unused)
{
	struct disk_super disk;
	struct super back;

	(void)unused;
	super_encode(&disk, &super, 1);
	disk.policy = htole32(3);
	disk.rewrite_percent = htole32(101);
	assert_int_equal(decode_forged(&back, &disk), SUPER_VALID);
	assert_int_equal(back.policy, 0);
	assert_int_equal(back.rewrite_percent, 0);
	disk.out_count = htole32(2);
	assert_int_equal(decode_forged(&back, &disk), SUPER_DAMAGED);
	disk.out[1] = htole32(lay.segments);
	assert_int_equal(decode_forged(&back, &disk), SUPER_DAMAGED);
	disk.out[1] = htole32(lay.segments - 1);
	assert_int_equal(decode_forged(&back, &disk), SUPER_VALID);
	disk.out_aside = htole32(1u << 2);
	assert_int_equal(decode_forged(&back, &disk), SUPER_DAMAGED);
	disk.out_aside = htole32(1u << 1);
	assert_int_equal(decode_forged(&back, &disk), SUPER_VALID);
	disk.out_count = htole32(DISK_OUT_MAX + 1);
	assert_int_equal(decode_forged(&back, &disk), SUPER_DAMAGED);
}

static void segment_header(void **unused)
{
	struct header h = { gen, 5, DISK_USED, 0, 100, 1 }, back;
	struct disk_segment disk, bad;
	struct checksum_key other = key;
	size_t n;

	(void)unused;
	header_encode(&disk, &h, &key, super.uuid);
	assert_true(header_decode(&back, &disk, 5, &key, super.uuid));
	assert_int_equal(back.gen.epoch, 7);
	assert_int_equal(back.gen.counter, 9);
	assert_int_equal(back.state, DISK_USED);
	assert_int_equal(back.sequence, 100);
	/* The header is in another segment, or in another store. */
	assert_false(header_decode(&back, &disk, 6, &key, super.uuid));
	other.base++;
	assert_false(header_decode(&back, &disk, 5, &other, super.uuid));
	for (n = 0; n < sizeof(disk); n++) {
		bad = disk;
		((uint8_t *)&bad)[n] ^= 0x01;
		assert_false(header_decode(&back, &bad, 5, &key, super.uuid));
	}
}

/* Another place, generation, kind or store gives another checksum for the same bytes. */
static void checksums_are_seeded(void **unused)
{
	static const uint8_t data[300];
	struct checksum_place at = { 1, 2, { 3, 4 } }, other;
	uint64_t sum = checksum_data(&key, CHECKSUM_PAYLOAD, at, data, sizeof(data));
	struct checksum_key store = key;

	(void)unused;
	other = at;
	assert_int_equal(checksum_data(&key, CHECKSUM_PAYLOAD, other, data, sizeof(data)), sum);
	other.segment++;
	assert_int_not_equal(checksum_data(&key, CHECKSUM_PAYLOAD, other, data, sizeof(data)), sum);
	other = at;
	other.block++;
	assert_int_not_equal(checksum_data(&key, CHECKSUM_PAYLOAD, other, data, sizeof(data)), sum);
	other = at;
	other.gen.epoch++;
	assert_int_not_equal(checksum_data(&key, CHECKSUM_PAYLOAD, other, data, sizeof(data)), sum);
	other = at;
	other.gen.counter++;
	assert_int_not_equal(checksum_data(&key, CHECKSUM_PAYLOAD, other, data, sizeof(data)), sum);
	assert_int_not_equal(checksum_data(&key, CHECKSUM_BATCH, at, data, sizeof(data)), sum);
	store.device++;
	assert_int_not_equal(checksum_data(&store, CHECKSUM_PAYLOAD, at, data, sizeof(data)), sum);
	checksum_key_make(&store, super.uuid, super.secret, 1);
	assert_int_not_equal(checksum_data(&store, CHECKSUM_PAYLOAD, at, data, sizeof(data)), sum);
	checksum_key_make(&store, super.secret, super.secret, 0);
	assert_int_not_equal(checksum_data(&store, CHECKSUM_PAYLOAD, at, data, sizeof(data)), sum);
}

static uint8_t batch[4096] __attribute__((aligned(8)));
static const struct checksum_place batch_at = { 5, 17, { 7, 9 } };

static void make_batch(void)
{
	struct batch_record put = { 11, 0x1234, "first key", 700, 18, 9, 0 };
	struct batch_record gone = { 12, 0, "second", 0, 0, 6, DISK_TOMBSTONE };
	struct batch_header h = {
		.place = batch_at, .mark = { { 7, 8 }, 3 }, .blocks = 3, .count = 2, .time_ns = 1
	};
	uint32_t at = 0;

	batch_add(batch, &at, &put);
	batch_add(batch, &at, &gone);
	h.header_bytes = at;
	batch_finish(batch, &h, &lay, &key);
}

static void batch_header(void **unused)
{
	struct batch_header h;
	struct batch_record r;
	uint32_t at = 0;
	uint64_t bytes;

	(void)unused;
	make_batch();
	assert_true(batch_peek(batch, batch_at, &lay, &bytes));
	assert_int_equal(bytes, 512);
	assert_true(batch_decode(&h, batch, batch_at, &lay, &key));
	assert_int_equal(h.blocks, 3);
	assert_int_equal(h.mark.gen.counter, 8);
	assert_int_equal(h.mark.block, 3);
	assert_true(batch_next(batch, &h, &at, &r));
	assert_int_equal(r.sequence, 11);
	assert_int_equal(r.length, 700);
	assert_memory_equal(r.key, "first key", 9);
	assert_true(batch_next(batch, &h, &at, &r));
	assert_int_equal(r.flags, DISK_TOMBSTONE);
	assert_memory_equal(r.key, "second", 6);
	assert_false(batch_next(batch, &h, &at, &r));
}

static void batch_header_changed(void **unused)
{
	struct batch_header h;
	size_t n;

	(void)unused;
	make_batch();
	for (n = 0; n < 512; n++) {
		batch[n] ^= 0x10;
		assert_false(batch_decode(&h, batch, batch_at, &lay, &key));
		batch[n] ^= 0x10;
	}
	assert_true(batch_decode(&h, batch, batch_at, &lay, &key));
}

static void batch_header_elsewhere(void **unused)
{
	struct checksum_place at = batch_at;
	struct checksum_key other = key;
	struct batch_header h;

	(void)unused;
	make_batch();
	at.block++;
	assert_false(batch_decode(&h, batch, at, &lay, &key));
	at = batch_at;
	at.segment++;
	assert_false(batch_decode(&h, batch, at, &lay, &key));
	at = batch_at;
	at.gen.counter++;
	assert_false(batch_decode(&h, batch, at, &lay, &key));
	at = batch_at;
	at.gen.epoch--;
	assert_false(batch_decode(&h, batch, at, &lay, &key));
	other.device = 1;
	assert_false(batch_decode(&h, batch, batch_at, &lay, &other));
}

/* A header has a valid checksum, as if somebody knew the secret, but wrong lengths. */
static void batch_header_made_up(void **unused)
{
	struct disk_batch *disk = (struct disk_batch *)batch;
	struct disk_record *r = (struct disk_record *)(batch + sizeof(*disk));
	struct batch_header h;

	(void)unused;
	make_batch();
	disk->count = htole32(3);
	checksum_write(&key, CHECKSUM_BATCH, batch_at, batch, 512);
	assert_false(batch_decode(&h, batch, batch_at, &lay, &key));
	make_batch();
	r->key_len = htole16(60000);
	checksum_write(&key, CHECKSUM_BATCH, batch_at, batch, 512);
	assert_false(batch_decode(&h, batch, batch_at, &lay, &key));
	make_batch();
	r->length = htole32(2000);
	checksum_write(&key, CHECKSUM_BATCH, batch_at, batch, 512);
	assert_false(batch_decode(&h, batch, batch_at, &lay, &key));
	make_batch();
	disk->blocks = htole32(1u << 30);
	checksum_write(&key, CHECKSUM_BATCH, batch_at, batch, 512);
	assert_false(batch_decode(&h, batch, batch_at, &lay, &key));
	make_batch();
	disk->header_bytes = htole32(0xfffffff0u);
	checksum_write(&key, CHECKSUM_BATCH, batch_at, batch, 512);
	assert_false(batch_decode(&h, batch, batch_at, &lay, &key));
}

static uint8_t foot[4096] __attribute__((aligned(8)));

static void make_footer(struct footer *f)
{
	struct footer_entry e = { { 1, 2 }, 3, 4, 600, 20, 17, 0, 8 };
	uint32_t n;

	f->count = 12;
	f->blocks = layout_footer_blocks(&lay, f->count);
	f->end = 40;
	f->place = (struct checksum_place){ 5, lay.segment_blocks - f->blocks, gen };
	for (n = 0; n < f->count; n++)
		footer_entry_encode((struct disk_entry *)foot + n, &e);
	footer_seal(foot, f, &lay, &key);
}

static const uint8_t *last_block(const struct footer *f)
{
	return foot + (size_t)(f->blocks - 1) * lay.block_bytes;
}

static void footer(void **unused)
{
	struct footer f, back;
	struct generation next = { 7, 10 };
	size_t n;

	(void)unused;
	make_footer(&f);
	assert_int_equal(f.blocks, 2);
	assert_int_equal(footer_peek(&back, last_block(&f), 5, gen, &lay), FOOTER_VALID);
	assert_int_equal(back.count, 12);
	assert_int_equal(back.end, 40);
	assert_true(footer_check(&back, foot, &lay, &key));
	assert_int_equal(footer_peek(&back, last_block(&f), 6, gen, &lay), FOOTER_NONE);
	assert_int_equal(footer_peek(&back, last_block(&f), 5, next, &lay), FOOTER_NONE);
	for (n = 0; n < (size_t)f.blocks * lay.block_bytes; n++) {
		foot[n] ^= 0x80;
		if (footer_peek(&back, last_block(&f), 5, gen, &lay) == FOOTER_VALID)
			assert_false(footer_check(&back, foot, &lay, &key));
		foot[n] ^= 0x80;
	}
}

/* As many strikes as there is room for. They are refused if a byte is changed, or in another place.
 */
static void strikes(void **unused)
{
	struct strikes s = { .count = DISK_STRIKES }, back;
	uint8_t block[512] = { 0 };
	struct generation next = { 7, 10 };

	(void)unused;
	assert_int_equal(strikes_decode(&back, block, 5, gen, &key), STRIKES_NONE);
	for (uint32_t n = 0; n < s.count; n++)
		s.list[n] = (struct strike){ 2 * n + 1, 2 * n + 2,
					     n % 2 ? STRIKE_STRUCK : STRIKE_DROPPED };
	strikes_encode(block, &s, 5, gen, &key);
	assert_int_equal(strikes_decode(&back, block, 5, gen, &key), STRIKES_VALID);
	assert_memory_equal(&s, &back, sizeof(s));
	assert_int_equal(strikes_decode(&back, block, 6, gen, &key), STRIKES_DAMAGED);
	assert_int_equal(strikes_decode(&back, block, 5, next, &key), STRIKES_DAMAGED);
	for (uint32_t n = sizeof(struct disk_segment); n < sizeof(block); n++) {
		block[n] ^= 0x01;
		assert_int_equal(strikes_decode(&back, block, 5, gen, &key), STRIKES_DAMAGED);
		assert_int_equal(back.count, 0);
		block[n] ^= 0x01;
	}
}

static void layout_table(void **unused)
{
	static const struct {
		uint64_t device, segment;
		uint32_t block, force;
		int err;
		uint64_t segments, segment_is;
	} table[] = {
		{ 1ull << 30, 0, 0, 0, 0, 255, 4 << 20 },
		{ 1ull << 40, 0, 0, 0, 0, 1023, 1 << 30 },
		{ 64 << 20, 0, 0, 0, 0, 127, 512 << 10 },
		{ 5 << 20, 0, 0, 0, 0, 78, 64 << 10 },
		{ 4 << 20, 0, 0, 0, -ENOSPC, 0, 0 },
		{ 65 << 20, 0, 0, 0, 0, 64, 1 << 20 },
		{ 64 << 20, 512 << 10, 0, 0, 0, 127, 512 << 10 },
		{ 9 << 20, 0, 0, 1, 0, 71, 128 << 10 },
		{ 9 << 20, 1 << 20, 0, 1, 0, 8, 1 << 20 },
		{ 8 << 20, 1 << 20, 0, 1, -ENOSPC, 0, 0 },
		{ 1 << 20, 0, 0, 1, 0, 14, 64 << 10 },
		{ 4096, 0, 0, 1, -ENOSPC, 0, 0 },
		{ 1ull << 30, 3 << 20, 0, 0, -EINVAL, 0, 0 },
		{ 1ull << 30, 32 << 10, 0, 0, -EINVAL, 0, 0 },
		{ 1ull << 30, 64 << 10, 16384, 0, -EINVAL, 0, 0 },
		{ 1ull << 30, 1 << 20, 1000, 0, -EINVAL, 0, 0 },
		{ 1ull << 30, 1 << 20, 65536, 0, 0, 1023, 1 << 20 },
		{ 1ull << 42, 64 << 10, 0, 0, -EINVAL, 0, 0 },
	};
	size_t n;

	(void)unused;
	for (n = 0; n < sizeof(table) / sizeof(table[0]); n++) {
		struct layout_wish wish = { .device_bytes = table[n].device,
					    .logical_block_bytes = 512,
					    .segment_bytes = table[n].segment,
					    .block_bytes = table[n].block,
					    .segments_min = table[n].force ? 8 : 64 };
		struct layout l;
		int err = layout_make(&l, &wish, "x");

		assert_int_equal(err, table[n].err);
		if (err)
			continue;
		assert_int_equal(l.segments, table[n].segments);
		assert_int_equal(l.segment_bytes, table[n].segment_is);
		/* The largest value fits with the longest key, and nothing overlaps. */
		assert_true(2 + layout_blocks(&l, 128 + 32 + 1024) +
				    layout_blocks(&l, l.max_value_bytes) <=
			    l.segment_blocks);
		assert_true(layout_offset(&l, l.segments - 1, 0) + l.segment_bytes <=
			    l.copy_offset[1]);
		assert_true(l.copy_offset[1] + DISK_SUPER_ROOM <= table[n].device);
	}
}

/* With reclaim units, segments are whole units if there are enough, else parts of a unit. */
static void layout_units(void **unused)
{
	static const struct {
		uint64_t device, unit, segment;
		int err;
		uint64_t segment_is;
	} table[] = {
		{ 768 << 20, 8 << 20, 0, 0, 8 << 20 },
		{ 256 << 20, 8 << 20, 0, 0, 1 << 20 },
		{ 1ull << 40, 64 << 20, 0, 0, 1 << 30 },
		{ 1ull << 42, 16ull << 30, 0, 0, 1 << 30 },
		/* There are 64 units, except for the space of the superblocks. */
		{ 512 << 20, 8 << 20, 0, 0, 2 << 20 },
		{ (512 << 20) + (64 << 10), 8 << 20, 0, 0, 2 << 20 },
		{ (512 << 20) + (128 << 10), 8 << 20, 0, 0, 8 << 20 },
		/* These units are no powers of two. */
		{ 1ull << 40, 0x304000000, 0, 0, 64 << 20 },
		{ 1ull << 40, 0x304000000, 64 << 20, 0, 64 << 20 },
		{ 1ull << 40, 0x304000000, 128 << 20, -EINVAL, 0 },
		{ 1ull << 36, 96 << 20, 0, 0, 32 << 20 },
		/* So small a part would make too many segments; or there is no part. */
		{ 1ull << 43, 0x300100000, 0, 0, 1 << 30 },
		{ 1ull << 36, 7000000, 0, 0, 256 << 20 },
		{ 1ull << 36, 7000000, 8 << 20, 0, 8 << 20 },
		{ 768 << 20, 8 << 20, 4 << 20, 0, 4 << 20 },
		{ 4096ull << 20, 8 << 20, 16 << 20, 0, 16 << 20 },
	};
	size_t n;

	(void)unused;
	for (n = 0; n < sizeof(table) / sizeof(table[0]); n++) {
		struct layout_wish wish = { .device_bytes = table[n].device,
					    .logical_block_bytes = 4096,
					    .segment_bytes = table[n].segment,
					    .unit_bytes = table[n].unit };
		struct layout l;
		int err = layout_make(&l, &wish, "x");

		if (err != table[n].err || (!err && l.segment_bytes != table[n].segment_is))
			fail_msg("row %zu: %d, %llu", n, err, (unsigned long long)l.segment_bytes);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(superblock),
		cmocka_unit_test(superblock_that_contradicts_itself),
		cmocka_unit_test(superblock_with_all_fields),
		cmocka_unit_test(superblock_with_forged_fields),
		cmocka_unit_test(segment_header),
		cmocka_unit_test(checksums_are_seeded),
		cmocka_unit_test(batch_header),
		cmocka_unit_test(batch_header_changed),
		cmocka_unit_test(batch_header_elsewhere),
		cmocka_unit_test(batch_header_made_up),
		cmocka_unit_test(footer),
		cmocka_unit_test(strikes),
		cmocka_unit_test(layout_table),
		cmocka_unit_test(layout_units),
	};

	return cmocka_run_group_tests(tests, make, NULL);
}
