/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_supers.c - superblock copies of another store, and copies that cannot be read or written.
 */
#include <errno.h>
#include <stdio.h>

#include <weir/tenant.h>

#include "memdisk.h"
#include "store/format/super.h"

#define IMAGE (4u << 20)
#define SEGMENT (128u << 10)
#define FIRST 65536u /* where segment 0 begins */
#define SECOND_COPY (IMAGE - 65536u)
#define LAST                                                                                       \
	(FIRST + ((SECOND_COPY - FIRST) / SEGMENT - 1) * SEGMENT) /* where the last one does       \
								   */
#define KEYS 20u
/* Commands of an open at which the power goes. Some of these lives put a key from PUT_EVERY on; the
 * store has segments for so many lives. */
#define CUTS 80u
#define PUT_EVERY 21u

static struct rig rig = { .engine = "posix" };
static uint8_t uuid[16];

/* Makes a store with KEYS entries on the drive, and closes it. */
static int set_up(void **state)
{
	(void)state;
	rig_make(&rig, IMAGE, SEGMENT, 4096);
	memdisk_load(&rig, 512, 5);
	memdisk_power_on(&rig);
	for (uint64_t key = 0; key < KEYS; key++)
		assert_int_equal(rig_put(&rig, key, 1, 9000, WEIR_PUT_DURABLE), 0);
	memdisk_close(&rig);
	memcpy(uuid, ((struct disk_super *)memdisk.now)->uuid, sizeof(uuid));
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	memdisk_free();
	rig_remove(&rig);
	return 0;
}

static void check_entries(void)
{
	for (uint64_t key = 0; key < KEYS; key++)
		assert_int_equal(rig_get(&rig, key, 1, 9000), 1);
}

static uint64_t bad_superblocks(void)
{
	struct weir_store_stats stats;

	rig_stats(&rig, &stats);
	return stats.recovered_bad_superblocks;
}

static void poke(uint64_t offset, const void *from, size_t length)
{
	memcpy(memdisk.now + offset, from, length);
	memcpy(memdisk.medium + offset, from, length);
}

/* Formats another store of BYTES, and copies its superblock copy COPY (1 or 2) over this store's.
 */
static void other_store(uint64_t bytes, uint64_t segment, unsigned copy)
{
	struct rig other = { .engine = "posix" };
	uint8_t block[4096];

	rig_make(&other, bytes, segment, 4096);
	rig_peek(&other, copy == 1 ? 0 : bytes - 65536, block, sizeof(block));
	poke(copy == 1 ? 0 : SECOND_COPY, block, sizeof(block));
	rig_remove(&other);
}

/* The store opens as what it was, and its copies are whole again. */
static void opens_all_the_same(void)
{
	assert_int_equal(memdisk_open(&rig), 0);
	check_entries();
	assert_int_equal(bad_superblocks(), 1);
	memdisk_reopen(&rig);
	check_entries();
	assert_int_equal(bad_superblocks(), 0);
	memdisk_close(&rig);
	assert_memory_equal(((struct disk_super *)memdisk.now)->uuid, uuid, 16);
	assert_memory_equal(((struct disk_super *)(memdisk.now + SECOND_COPY))->uuid, uuid, 16);
}

static uint64_t revision_of(unsigned copy)
{
	const uint8_t *at = memdisk.now + (copy == 1 ? 0 : SECOND_COPY);

	return le64toh(((const struct disk_super *)at)->revision);
}

/* Fails the test unless both copies have a revision above WAS, which is also what the store says.
 * Returns it. */
static uint64_t revision_rises(uint64_t was)
{
	struct weir_store_info info = WEIR_STORE_INFO_INIT;

	assert_int_equal(revision_of(1), revision_of(2));
	assert_true(revision_of(1) > was);
	assert_int_equal(weir_store_get_info(rig.s, &info), 0);
	assert_int_equal(info.revision, revision_of(1));
	return revision_of(1);
}

/* Each change of the superblock has a revision of its own: opens, tenants, shares; and one that
 * fails after its first copy, because that copy must not count as equal to the next change. */
static void each_change_has_a_revision(void **state)
{
	struct weir_store_stream info = WEIR_STORE_STREAM_INIT;
	uint64_t revision = revision_of(1);
	uint32_t stream;

	(void)state;
	memdisk_power_on(&rig);
	revision = revision_rises(revision);
	assert_true(weir_store_add_tenant(rig.s, "a", &stream) >= 0);
	revision = revision_rises(revision);
	assert_true(weir_store_add_tenant(rig.s, "b", &stream) >= 0);
	revision = revision_rises(revision);
	assert_int_equal(weir_store_set_share(rig.s, stream, 30), 0);
	revision = revision_rises(revision);
	memdisk.fail_op = WEIR_OP_WRITE;
	memdisk.fail_from = SECOND_COPY;
	memdisk.fail_to = IMAGE;
	/* The change back, which begins with the copy that is not good, goes well. */
	memdisk.fails = 1;
	assert_int_equal(weir_store_set_share(rig.s, stream, 40), -EIO);
	assert_int_equal(memdisk.fails, 0);
	revision = revision_rises(revision);
	assert_int_equal(weir_store_get_stream(rig.s, stream, &info), 0);
	assert_int_equal(info.share, 30);
	/* The next one begins with copy 2. It fails with copy 1, and so does the change back. */
	memdisk.fail_from = 0;
	memdisk.fail_to = SECOND_COPY;
	memdisk.fails = 2;
	assert_int_equal(weir_store_set_share(rig.s, stream, 40), -EIO);
	assert_int_equal(memdisk.fails, 0);
	assert_true(revision_of(2) > revision);
	revision = revision_of(2);
	assert_int_equal(weir_store_set_share(rig.s, stream, 50), 0);
	revision = revision_rises(revision);
	memdisk_reopen(&rig);
	revision_rises(revision);
	memdisk_close(&rig);
}

static void another_store_over_copy_1(void **state)
{
	(void)state;
	other_store(IMAGE, SEGMENT, 1);
	opens_all_the_same();
}

static void another_store_over_copy_2(void **state)
{
	(void)state;
	other_store(IMAGE, SEGMENT, 2);
	opens_all_the_same();
}

/* Other sizes of segments and devices: the foreign copy 1 names another place for copy 2. */
static void another_layout(void **state)
{
	static const uint64_t bytes[] = { IMAGE, 2 * IMAGE, IMAGE / 2 };
	static const uint64_t segments[] = { 64 << 10, 256 << 10 };

	(void)state;
	for (unsigned n = 0; n < 3; n++)
		for (unsigned m = 0; m < 2; m++) {
			if (bytes[n] / segments[m] < 12)
				continue;
			other_store(bytes[n], segments[m], 1);
			opens_all_the_same();
			if (bytes[n] != IMAGE)
				continue;
			other_store(bytes[n], segments[m], 2);
			opens_all_the_same();
		}
}

/* Returns 0 if opening is refused with WORDS and writes nothing. */
static void refused(int err, const char *words)
{
	uint8_t *before = malloc(IMAGE);

	memcpy(before, memdisk.now, IMAGE);
	assert_int_equal(memdisk_open(&rig), err);
	if (!strstr(weir_error(), words))
		fail_msg("\"%s\" lacks \"%s\"", weir_error(), words);
	assert_memory_equal(before, memdisk.now, IMAGE);
	free(before);
}

/* Two stores, and no header of either. All were read, so this is no failed read. */
static void headers_of_neither(void **state)
{
	static const uint8_t zeroes[4096];

	(void)state;
	other_store(IMAGE, SEGMENT, 1);
	for (uint64_t at = FIRST; at < SECOND_COPY; at += SEGMENT)
		poke(at, zeroes, sizeof(zeroes));
	refused(-EBADMSG, "two stores");
}

/* Only the foreign copy is valid. Nothing on the device belongs to it. */
static void no_copy_of_its_own(void **state)
{
	(void)state;
	other_store(IMAGE, SEGMENT, 1);
	memdisk.now[SECOND_COPY + 100] ^= 1;
	refused(-EBADMSG, "none of its segments");
	memdisk.now[SECOND_COPY + 100] ^= 1;
	opens_all_the_same();
}

/* A store was formatted again with larger segments, so old headers are left between the new ones;
 * then the old copy 1 comes back. */
static void an_older_store_on_the_device(void **state)
{
	uint8_t old[4096], *image = malloc(IMAGE);
	struct rig other = { .engine = "posix" };

	(void)state;
	memcpy(image, memdisk.now, IMAGE);
	memcpy(old, image, sizeof(old));
	memdisk_free();
	rig_make(&other, IMAGE, 2 * SEGMENT, 4096);
	memdisk_load(&other, 512, 6);
	rig_remove(&other);
	memcpy(uuid, ((struct disk_super *)memdisk.now)->uuid, sizeof(uuid));
	/* Formatting leaves everything but its superblocks and headers as it was. */
	for (unsigned at = 0; at < IMAGE; at += 4096)
		if (at && at != SECOND_COPY && (at - FIRST) % (2 * SEGMENT))
			poke(at, image + at, 4096);
	free(image);
	memdisk_power_on(&rig);
	for (uint64_t key = 0; key < KEYS; key++)
		assert_int_equal(rig_put(&rig, key, 1, 9000, 0), 0);
	memdisk_close(&rig);
	poke(0, old, sizeof(old));
	opens_all_the_same();
}

/* Half of the segments belong to another store, with its copy 1. Nobody can tell which store it
 * is. */
static void half_of_each(void **state)
{
	struct rig other = { .engine = "posix" };
	uint8_t *half = malloc(IMAGE / 2);

	(void)state;
	rig_make(&other, IMAGE, SEGMENT, 4096);
	rig_peek(&other, 0, half, IMAGE / 2);
	rig_remove(&other);
	poke(0, half, IMAGE / 2);
	free(half);
	refused(-EBADMSG, "two stores");
	assert_non_null(strstr(weir_error(), "16 segment headers are of the first one's"));
}

static void let_fail(int op, uint64_t from)
{
	memdisk.fail_op = op;
	memdisk.fail_from = from;
	memdisk.fail_to = from + 65536;
	memdisk.fails = UINT32_MAX;
}

/* Neither copy is needed to open the store. What one life writes is not lost when the copy that it
 * could not read is back. */
static void a_copy_that_cannot_be_read(void **state)
{
	static const uint64_t at[] = { 0, SECOND_COPY };
	uint32_t stream;

	(void)state;
	for (unsigned n = 0; n < 2; n++) {
		char tenant[] = { (char)('a' + n), 0 };

		let_fail(WEIR_OP_READ, at[n]);
		assert_int_equal(memdisk_open(&rig), 0);
		check_entries();
		assert_int_equal(bad_superblocks(), 1);
		assert_int_equal(weir_store_add_tenant(rig.s, tenant, &stream), 1);
		memdisk.fails = 0;
		memdisk_reopen(&rig);
		assert_int_equal(bad_superblocks(), 0);
		assert_int_equal(weir_store_add_tenant(rig.s, tenant, &stream), 0);
		memdisk_close(&rig);
	}
	let_fail(WEIR_OP_READ, 0);
	memdisk.fail_to = IMAGE;
	refused(-EIO, "neither superblock copy can be read");
	memdisk.fails = 0;
	let_fail(WEIR_OP_READ, 0);
	memdisk.now[SECOND_COPY + 100] ^= 1;
	refused(-EIO, "superblock copy 1 cannot be read");
	memdisk.fails = 0;
}

/* A copy that could not be read may have a revision that was never used, above the valid copy's. So
 * what is written then is above all of the epochs before. */
static void above_what_cannot_be_read(void **state)
{
	static const uint64_t at[] = { 0, SECOND_COPY };
	struct weir_store_info info = WEIR_STORE_INFO_INIT;
	uint64_t epoch;

	(void)state;
	for (unsigned n = 0; n < 2; n++) {
		epoch = le64toh(((const struct disk_super *)memdisk.now)->epoch);
		let_fail(WEIR_OP_READ, at[n]);
		assert_int_equal(memdisk_open(&rig), 0);
		memdisk.fails = 0;
		assert_int_equal(weir_store_get_info(rig.s, &info), 0);
		assert_true(info.revision > epoch << 32);
		assert_int_equal(revision_of(1), info.revision);
		assert_int_equal(revision_of(2), info.revision);
		memdisk_close(&rig);
		/* Where both copies are read, it only counts on. */
		memdisk_open(&rig);
		assert_int_equal(revision_of(1), info.revision + 1);
		memdisk_close(&rig);
	}
}

/* Life after life opens although one copy cannot be written, and the other one is never torn. The
 * power goes at each command. */
static void a_copy_that_cannot_be_written(void **state)
{
	static const uint64_t at[] = { 0, SECOND_COPY };
	uint32_t stream;
	unsigned n, cut;

	(void)state;
	for (n = 0; n < 2; n++) {
		let_fail(WEIR_OP_WRITE, at[n]);
		memdisk.fail_leaves = 1;
		for (cut = 1; cut < CUTS; cut++) {
			memdisk_on(cut);
			if (!memdisk_open(&rig))
				memdisk_close(&rig);
			memdisk_cut();
			memdisk_power_on(&rig);
			check_entries();
			if (cut % PUT_EVERY == 0)
				assert_int_equal(rig_put(&rig, cut, 2, 9000, WEIR_PUT_DURABLE), 0);
			assert_int_equal(bad_superblocks(), 1);
			memdisk_power_off(&rig);
		}
		/* A new tenant needs both copies. */
		memdisk_power_on(&rig);
		assert_true(weir_store_add_tenant(rig.s, n ? "b" : "a", &stream) < 0);
		memdisk_close(&rig);
		memdisk.fails = 0;
		memdisk_power_on(&rig);
		assert_int_equal(weir_store_add_tenant(rig.s, n ? "b" : "a", &stream), 1);
		check_entries();
		for (cut = PUT_EVERY; cut < CUTS; cut += PUT_EVERY)
			assert_int_equal(rig_get(&rig, cut, 2, 9000), 1);
		memdisk_reopen(&rig);
		assert_int_equal(bad_superblocks(), 0);
		memdisk_close(&rig);
	}
}

static void neither_can_be_written(void **state)
{
	(void)state;
	let_fail(WEIR_OP_WRITE, 0);
	memdisk.fail_to = IMAGE;
	assert_int_equal(memdisk_open(&rig), -EIO);
	assert_non_null(strstr(weir_error(), "(writing superblock copy 2, too)"));
	memdisk.fails = 0;
	memdisk_power_on(&rig);
	check_entries();
	memdisk_close(&rig);
}

static uint64_t unwritable;

static int is_unwritable(const struct weir_cmd *cmd)
{
	return cmd->op == WEIR_OP_WRITE && cmd->offset == unwritable;
}

/* A segment is put out of use in both copies, or the store does not open. */
static void out_of_use_needs_both(void **state)
{
	static const char *const words[] = { "(writing superblock copy 1)",
					     "(writing superblock copy 2)",
					     "that copy does not say which segments" };

	(void)state;
	memdisk.salvage = 1;
	let_fail(WEIR_OP_READ, FIRST);
	memdisk.fail_to = FIRST + 4096;
	memdisk.fails_too = is_unwritable;
	memdisk.fail_leaves = 1;
	/* From the second open on, one copy has the change. */
	for (unsigned n = 0; n < 3; n++) {
		unwritable = n ? SECOND_COPY : 0;
		assert_int_equal(memdisk_open(&rig), -EIO);
		assert_non_null(strstr(weir_error(), words[n]));
	}
	memdisk.fails_too = NULL;
	assert_int_equal(memdisk_open(&rig), 0);
	memdisk_close(&rig);
	memdisk.fails = 0;
	memdisk_power_on(&rig);
	assert_int_equal(rig_get(&rig, 0, 1, 9000), -ENOENT);
	for (unsigned n = 0; n < 2; n++) {
		struct super super;
		uint32_t version;

		assert_int_equal(
			super_decode(&super,
				     (struct disk_super *)(memdisk.now + (n ? SECOND_COPY : 0)),
				     n + 1, &version),
			SUPER_VALID);
		assert_true(super_is_out(&super, 0));
	}
	memdisk_power_off(&rig);
	memdisk.salvage = 0;
	/* A copy that does not verify says nothing wrong. */
	memdisk.now[SECOND_COPY + 100] ^= 1;
	memdisk.medium[SECOND_COPY + 100] ^= 1;
	memdisk.fails_too = is_unwritable;
	memdisk_on(0);
	assert_int_equal(memdisk_open(&rig), 0);
	assert_int_equal(bad_superblocks(), 1);
	memdisk.fails_too = NULL;
	memdisk_power_off(&rig);
}

/* Puts segment 0 out of use in COPY, with ASIDE set aside, and adds MORE to its revision. */
static void put_out_in(unsigned copy, uint64_t more, bool aside)
{
	uint64_t at = copy == 1 ? 0 : SECOND_COPY;
	uint8_t block[4096];
	struct super super;
	uint32_t version;

	memcpy(block, memdisk.now + at, sizeof(block));
	assert_int_equal(super_decode(&super, (struct disk_super *)block, copy, &version),
			 SUPER_VALID);
	super.revision += more;
	super_put_out(&super, 0, aside);
	memset(block, 0, sizeof(block));
	super_encode((struct disk_super *)block, &super, copy);
	poke(at, block, sizeof(block));
}

/* A segment was set aside, and is not any more in one copy only: what is in it must not come back
 * when that copy is lost. */
static void forgotten_needs_both(void **state)
{
	(void)state;
	put_out_in(1, 1, false);
	put_out_in(2, 0, true);
	memdisk.fails_too = is_unwritable;
	memdisk.fail_leaves = 1;
	unwritable = SECOND_COPY;
	assert_int_equal(memdisk_open(&rig), -EIO);
	assert_non_null(strstr(weir_error(), "that copy does not say which segments"));
	memdisk.fails_too = NULL;
	memdisk_power_on(&rig);
	assert_int_equal(rig_get(&rig, 0, 1, 9000), -ENOENT);
	memdisk_close(&rig);
	memset(memdisk.now, 0, 4096);
	memset(memdisk.medium, 0, 4096);
	memdisk_power_on(&rig);
	assert_int_equal(rig_get(&rig, 0, 1, 9000), -ENOENT);
	memdisk_power_off(&rig);
}

/* A stream that is not there has no share; and a store that stopped writing sets none. */
static void shares_that_are_refused(void **state)
{
	struct weir_store_stats stats;
	uint64_t revision;
	uint32_t stream;

	(void)state;
	memdisk_power_on(&rig);
	assert_true(weir_store_add_tenant(rig.s, "a", &stream) >= 0);
	assert_int_equal(weir_store_set_share(rig.s, stream, 30), 0);
	revision = revision_of(1);
	assert_int_equal(weir_store_set_share(rig.s, stream + 1, 30), -ENOENT);
	memdisk.fail_op = WEIR_OP_FLUSH;
	memdisk.fails = 1;
	assert_int_equal(weir_store_sync(rig.s), -EIO);
	rig_stats(&rig, &stats);
	assert_int_equal(stats.read_only, 1);
	assert_int_equal(weir_store_set_share(rig.s, stream, 40), -EROFS);
	assert_int_equal(weir_store_set_free_marks(rig.s, 10, 25), -EROFS);
	assert_int_equal(revision_of(1), revision);
	assert_int_equal(revision_of(2), revision);
	memdisk_close(&rig);
}

/* Returns the highest epoch in the headers of the segments. */
static uint64_t highest_epoch(void)
{
	uint64_t highest = 0;

	for (uint64_t at = FIRST; at < SECOND_COPY; at += SEGMENT) {
		uint64_t epoch = le64toh(((const struct disk_segment *)(memdisk.now + at))->epoch);

		highest = epoch > highest ? epoch : highest;
	}
	return highest;
}

/* Both copies are of an earlier life than the newest segments, as after a restored backup. What is
 * written then has an epoch above that of any segment. */
static void older_copies(void **state)
{
	uint8_t first[4096], second[4096];
	uint64_t highest;

	(void)state;
	memcpy(first, memdisk.now, sizeof(first));
	memcpy(second, memdisk.now + SECOND_COPY, sizeof(second));
	for (unsigned life = 0; life < 3; life++) {
		memdisk_power_on(&rig);
		assert_int_equal(rig_put(&rig, KEYS, life, 9000, WEIR_PUT_DURABLE), 0);
		memdisk_close(&rig);
	}
	highest = highest_epoch();
	poke(0, first, sizeof(first));
	poke(SECOND_COPY, second, sizeof(second));
	memdisk_power_on(&rig);
	for (unsigned copy = 0; copy < 2; copy++)
		assert_true(le64toh(((const struct disk_super *)(memdisk.now +
								 (copy ? SECOND_COPY : 0)))
					    ->epoch) > highest);
	check_entries();
	assert_int_equal(rig_get(&rig, KEYS, 2, 9000), 1);
	memdisk_close(&rig);
}

/* What became of the only copy that can be written. */
static struct {
	int written, flushing, flushed, early;
} only_copy;

static void watch_the_only_copy(const struct weir_cmd *cmd, int ended)
{
	if (cmd->op == WEIR_OP_FLUSH) {
		only_copy.flushed |= ended && only_copy.flushing;
		only_copy.flushing |= !ended && only_copy.written;
	} else if (cmd->op == WEIR_OP_WRITE && ended && cmd->offset == SECOND_COPY) {
		only_copy.written = 1;
	} else if (cmd->op == WEIR_OP_WRITE && !ended && only_copy.written) {
		only_copy.early |= !only_copy.flushed;
	}
}

/* If one copy cannot be written, the other one is on the medium before anything else is written. */
static void the_only_copy_is_flushed(void **state)
{
	(void)state;
	let_fail(WEIR_OP_WRITE, 0);
	memdisk.watch = watch_the_only_copy;
	assert_int_equal(memdisk_open(&rig), 0);
	assert_int_equal(rig_put(&rig, KEYS, 1, 9000, WEIR_PUT_DURABLE), 0);
	memdisk.watch = NULL;
	memdisk_close(&rig);
	memdisk.fails = 0;
	assert_true(only_copy.written && only_copy.flushed);
	assert_false(only_copy.early);
}

/* Nothing is left of the first copy; what is wrong with the second one is what the error says. */
static void words_about_the_second_copy(void **state)
{
	static const uint8_t zeroes[4096], two[4] = { 2 }, bad[4] = { 0xff, 0xff };

	(void)state;
	poke(0, zeroes, sizeof(zeroes));
	let_fail(WEIR_OP_READ, SECOND_COPY);
	memdisk.fail_to = IMAGE;
	refused(-EIO, "superblock copy 2 cannot be read, and the other one is not valid");
	memdisk.fails = 0;
	poke(SECOND_COPY + 100, bad, sizeof(bad));
	refused(-EBADMSG, "both superblock copies are damaged");
	poke(SECOND_COPY + 16, two, sizeof(two));
	refused(-EPROTONOSUPPORT, "format version 2");
	poke(SECOND_COPY, zeroes, sizeof(zeroes));
	refused(-EMEDIUMTYPE, "not a weir store");
}

static void words_about_the_first_copy(void **state)
{
	static const uint8_t zeroes[4096], two[4] = { 2 }, bad[4] = { 0xff, 0xff };

	(void)state;
	poke(SECOND_COPY, zeroes, sizeof(zeroes));
	poke(100, bad, sizeof(bad));
	refused(-EBADMSG, "both superblock copies are damaged");
	poke(16, two, sizeof(two));
	refused(-EPROTONOSUPPORT, "format version 2");
}

static uint64_t garbled_at;

/* The first read of the block brings one byte that is wrong. */
static void garble_once(const struct weir_cmd *cmd, int ended)
{
	if (!ended || cmd->op != WEIR_OP_READ || cmd->offset != garbled_at / 4096 * 4096)
		return;
	((uint8_t *)cmd->iov[0].iov_base)[garbled_at % 4096] ^= 1;
	memdisk.watch = NULL;
}

/* A copy that comes back wrong is read once more, and is good then. */
static void a_copy_that_is_read_wrong(void **state)
{
	static const uint64_t at[] = { 0, 100, SECOND_COPY, SECOND_COPY + 100 };

	(void)state;
	for (unsigned n = 0; n < 4; n++) {
		garbled_at = at[n];
		memdisk.watch = garble_once;
		assert_int_equal(memdisk_open(&rig), 0);
		assert_null(memdisk.watch);
		assert_int_equal(bad_superblocks(), 0);
		check_entries();
		memdisk_close(&rig);
	}
}

/* Writes the last header of another store over this one's, and its superblock copy 1. */
static void other_store_and_a_header(void)
{
	struct rig other = { .engine = "posix" };
	uint8_t block[4096];

	rig_make(&other, IMAGE, SEGMENT, 4096);
	rig_peek(&other, 0, block, sizeof(block));
	poke(0, block, sizeof(block));
	rig_peek(&other, LAST, block, sizeof(block));
	poke(LAST, block, sizeof(block));
	rig_remove(&other);
}

/* Nearly all headers cannot be read, and the one that can is the other store's. It does not decide,
 * although segments are given up. */
static void headers_that_cannot_be_read(void **state)
{
	(void)state;
	other_store_and_a_header();
	let_fail(WEIR_OP_READ, FIRST);
	memdisk.fail_to = LAST;
	for (memdisk.salvage = 0; memdisk.salvage < 2; memdisk.salvage++)
		refused(-EIO, "may be of either");
	assert_non_null(strstr(weir_error(), "read at 0x10000+")); /* the first one */
	memdisk.salvage = 0;
	memdisk.fails = 0;
	opens_all_the_same();
}

/* An eighth of the others cannot be read: then it does not matter whose they are. */
static void a_few_headers_that_cannot_be_read(void **state)
{
	(void)state;
	other_store(IMAGE, SEGMENT, 1);
	let_fail(WEIR_OP_READ, LAST - 2 * SEGMENT);
	memdisk.fail_to = SECOND_COPY;
	refused(-EIO, "header of segment");
	memdisk.salvage = 1;
	opens_all_the_same();
	memdisk.salvage = 0;
	memdisk.fails = 0;
}

/* The only header that is left comes back wrong, and is read once more. */
static void a_header_that_is_read_wrong(void **state)
{
	static const uint8_t zeroes[4096];

	(void)state;
	other_store(IMAGE, SEGMENT, 1);
	for (uint64_t at = FIRST + SEGMENT; at <= LAST; at += SEGMENT)
		poke(at, zeroes, sizeof(zeroes));
	garbled_at = FIRST + 100;
	memdisk.watch = garble_once;
	assert_int_equal(memdisk_open(&rig), 0);
	assert_null(memdisk.watch);
	memdisk_close(&rig);
	assert_memory_equal(((struct disk_super *)memdisk.now)->uuid, uuid, 16);
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(each_change_has_a_revision),
		TEST(another_store_over_copy_1),
		TEST(another_store_over_copy_2),
		TEST(another_layout),
		TEST(no_copy_of_its_own),
		TEST(an_older_store_on_the_device),
		TEST(half_of_each),
		TEST(headers_of_neither),
		TEST(a_copy_that_cannot_be_read),
		TEST(above_what_cannot_be_read),
		TEST(a_copy_that_cannot_be_written),
		TEST(neither_can_be_written),
		TEST(out_of_use_needs_both),
		TEST(shares_that_are_refused),
		TEST(older_copies),
		TEST(the_only_copy_is_flushed),
		TEST(words_about_the_second_copy),
		TEST(words_about_the_first_copy),
		TEST(a_copy_that_is_read_wrong),
		TEST(forgotten_needs_both),
		TEST(headers_that_cannot_be_read),
		TEST(a_few_headers_that_cannot_be_read),
		TEST(a_header_that_is_read_wrong),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
