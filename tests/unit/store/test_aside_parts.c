/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_aside_parts.c - what becomes of a segment that is set aside if more of it cannot be read or
 * written than one value: its header, its footer, all of it; and if there is no memory.
 */
#include <errno.h>
#include <stdio.h>

#include <weir/pin.h>

#include "../../crash/alloc.h"
#include "cold.h"
#include "store/format/batch.h"
#include "store/format/header.h"
#include "store/log/logs.h"
#include "store/store.h"

/* Nothing of a segment can be read, its footer neither. What is named by its batch headers and its
 * footer is there when they can be read again, in this life. */
static void a_whole_segment(void **state)
{
	unsigned unread;

	(void)state;
	cold_bad_reads(cold_segment(cold_place(0)), SEGMENT);
	assert_int_equal(cold_churn(ROUND), 0);
	assert_int_equal(cold_stats().aside_segments, 1);
	unread = cold_check("while it is bad", 0, true);
	assert_true(unread > 1);
	assert_int_equal(cold_stats().aside_bytes, unread * VALUE);
	memdisk.fails_too = NULL;
	cold_check("when it is good again", 0, false);
	for (uint64_t key = 0; key < COLD; key++)
		assert_int_equal(cold_put(key, WEIR_PUT_DURABLE), 0);
	assert_int_equal(cold_stats().aside_bytes, 0);
	assert_int_equal(cold_churn(2 * ROUND), 0);
	memdisk_reopen(&cold_rig);
	cold_check("in a later life", 0, false);
}

/* The footer and a value cannot be read: the footer is written anew, from the batch headers. */
static void without_a_footer(void **state)
{
	uint64_t at = cold_place(0), footer = cold_segment(at) + SEGMENT - BLOCK;

	(void)state;
	cold_bad_reads(at, footer - at);
	cold_heals_from = footer;
	assert_int_equal(cold_churn(ROUND), 0);
	assert_int_equal(cold_stats().aside_segments, 1);
	assert_true(cold_check("while it is bad", 0, true) >= 1);
	memdisk.fails_too = NULL;
	cold_check("when it is good again", 0, false);
	memdisk_close(&cold_rig);
	cold_check_image();
	memdisk_power_on(&cold_rig);
	cold_supersede();
	memdisk_close(&cold_rig);
	cold_check_image();
	memdisk_power_on(&cold_rig);
	cold_check("in a later life", 0, false);
}

/* The footer can neither be read nor written, so it cannot say what lives in its segment: that is
 * found until the store is closed, and nothing old comes back. */
static void nothing_names_them(void **state)
{
	uint64_t at = cold_place(0), footer = cold_segment(at) + SEGMENT - BLOCK;
	unsigned gone = 0;

	(void)state;
	cold_bad_reads(at, BLOCK);
	cold_worn = footer;
	assert_int_equal(cold_churn(ROUND), 0);
	assert_int_equal(cold_stats().aside_segments, 1);
	assert_int_equal(cold_check("while it is bad", 0, true), 1);
	memdisk.fails_too = NULL;
	cold_check("when it is good again", 0, false);
	assert_int_equal(cold_churn(ROUND), 0);
	memdisk_reopen(&cold_rig);
	assert_int_equal(cold_stats().recovered_out_of_use, 1);
	assert_int_equal(cold_stats().aside_segments, 0);
	for (uint64_t key = 0; key < KEYS; key++)
		if (rig_get(&cold_rig, key, cold_version[key], VALUE) == -ENOENT) {
			cold_version[key] = 0;
			gone++;
		}
	assert_int_equal(gone, 1);
	cold_check("in a later life", 0, false);
}

/* What leaves a segment that is set aside cannot be noted: in later lives nothing of it counts. */
static void cannot_be_struck(void **state)
{
	uint64_t at = cold_place(0), footer = cold_segment(at) + SEGMENT - BLOCK;

	(void)state;
	cold_bad_reads(at, BLOCK);
	assert_int_equal(cold_churn(ROUND), 0);
	assert_int_equal(cold_stats().aside_segments, 1);
	cold_bad_reads(0, 0);
	cold_worn = footer;
	cold_supersede();
	cold_check("after changes", 0, false);
	memdisk.fails_too = NULL;
	memdisk_reopen(&cold_rig);
	for (uint64_t key = 2; key < COLD; key += 3)
		if (rig_get(&cold_rig, key, cold_version[key], VALUE) == -ENOENT)
			cold_version[key] = 0;
	cold_check("in a later life", 0, false);
	assert_int_equal(cold_stats().aside_segments, 0);
}

static unsigned supers_written, tried_again;

/* A write of the footer WORN fails, and at that moment a flush fails too. */
static int breaks_at_worn(const struct weir_cmd *cmd)
{
	int bad = cold_is_bad(cmd);

	if (bad && cmd->op == WEIR_OP_WRITE && cold_rig.s->io.broken)
		tried_again++;
	if (bad && cmd->op == WEIR_OP_WRITE && !cold_rig.s->io.broken)
		io_break(&cold_rig.s->io, -EIO);
	return bad;
}

static void count_supers(const struct weir_cmd *cmd, int ended)
{
	supers_written += !ended && cmd->op == WEIR_OP_WRITE && cmd->offset < FIRST;
}

/* Whose flush has failed does not know what is on the medium, and gives no segment up for it. */
static void a_broken_store_gives_nothing_up(void **state)
{
	uint64_t at = cold_place(0), cold = 1;

	(void)state;
	cold_bad_reads(cold_segment(at) + BLOCK, SEGMENT - 2 * BLOCK);
	assert_int_equal(cold_churn(ROUND), 0);
	assert_int_equal(cold_stats().aside_segments, 1);
	cold_bad_reads(0, 0);
	cold_worn = cold_segment(at) + SEGMENT - BLOCK;
	memdisk.fails_too = breaks_at_worn;
	supers_written = tried_again = 0;
	memdisk.watch = count_supers;
	assert_int_equal(cold_put(cold, WEIR_PUT_DURABLE), 0);
	assert_int_not_equal(cold_churn(ROUND), 0);
	memdisk.watch = NULL;
	memdisk.fails_too = NULL;
	assert_int_not_equal(cold_rig.s->io.broken, 0);
	assert_int_equal(supers_written, 0);
	assert_int_equal(tried_again, 0);
	memdisk_reopen(&cold_rig);
	assert_int_equal(rig_get(&cold_rig, 2, cold_version[2], VALUE), 1);
}

/* Keys leave a store that is full, but not those that were read lately: if one of these cannot be
 * read, its segment is set aside, and nothing of it leaves. */
static void what_was_used_stays(void **state)
{
	uint64_t at, key, more, all = SEGMENTS * 12;
	uint8_t value[VALUE];

	(void)state;
	memdisk_close(&cold_rig);
	rig_remove(&cold_rig);
	memdisk_free();
	memdisk_set_up(&cold_rig, IMAGE, SEGMENT, 7);
	for (key = 0; key < all; key++)
		assert_int_equal(rig_put(&cold_rig, key, 1, VALUE, 0), 0);
	for (key = all / 2; rig_get(&cold_rig, key, 1, VALUE) != 1; key++)
		;
	rig_value(key, 1, value, VALUE);
	for (at = FIRST; memcmp(memdisk.now + at, value, VALUE) != 0; at += BLOCK)
		;
	cold_bad_reads(at, BLOCK);
	for (more = all; more < 4 * all; more++)
		assert_int_equal(rig_put(&cold_rig, more, 1, VALUE, 0), 0);
	assert_true(cold_stats().evicted_entries > 0);
	assert_int_equal(cold_stats().aside_segments, 1);
	assert_true(cold_stats().aside_bytes > VALUE);
	assert_int_equal(rig_get(&cold_rig, key, 1, VALUE), -EIO);
	memdisk.fails_too = NULL;
	assert_int_equal(rig_get(&cold_rig, key, 1, VALUE), 1);
	memdisk_reopen(&cold_rig);
	assert_int_equal(rig_get(&cold_rig, key, 1, VALUE), 1);
}

/* Pins a key of number LAST or below that lies in a segment BELOW number N, or above it. */
static void pin_one(uint64_t last, uint32_t n, bool below)
{
	const struct logs *ls = cold_rig.s->logs;
	struct index_value value;
	uint64_t hash[2], key;

	for (key = last;; key--) {
		assert_true(key > 0);
		checksum_identity(&cold_rig.s->io.key, &key, sizeof(key), hash);
		if (!logs_find(ls, hash, &value))
			continue;
		if (below ? logs_segment_of(ls, &value)->number < n
			  : logs_segment_of(ls, &value)->number > n)
			break;
	}
	assert_int_equal(weir_store_pin(cold_rig.s, &key, sizeof(key)), 0);
}

/* Nothing of a segment can be read, and nothing that lives there has to stay. What is held in other
 * segments, on either side of it, is no reason to set it aside. */
static void what_is_held_elsewhere(void **state)
{
	const struct segment *head;
	struct generation gen;
	uint64_t key;

	(void)state;
	memdisk_close(&cold_rig);
	rig_remove(&cold_rig);
	memdisk_free();
	memdisk_set_up(&cold_rig, IMAGE, SEGMENT, 7);
	/* So long that their headers do not look like much garbage. */
	for (key = 0; !cold_stats().evicted_entries || key % 40; key++)
		assert_int_equal(rig_put(&cold_rig, key, 1, 4 * VALUE, 0), 0);
	while (store_busy(cold_rig.s) || cold_rig.s->io.asking)
		assert_int_equal(weir_store_poll(cold_rig.s), 0);
	head = TAILQ_FIRST(&cold_rig.s->logs->log[0]->segs.list);
	assert_in_range(head->number, 1, SEGMENTS - 2);
	gen = head->gen;
	pin_one(key - 1, head->number, true);
	pin_one(key - 1, head->number, false);
	cold_bad_reads(FIRST + head->number * SEGMENT + BLOCK, SEGMENT - BLOCK);
	for (unsigned n = 0; n < ROUND && !generation_compare(head->gen, gen); n++)
		assert_int_equal(rig_put(&cold_rig, key++, 1, 4 * VALUE, 0), 0);
	assert_int_not_equal(generation_compare(head->gen, gen), 0);
	assert_int_equal(cold_stats().recovered_out_of_use, 0);
}

#define LARGE 28000u /* with three small values it fills a segment; clock has no budget for two */

/* Returns the byte of the device where KEY's value of LENGTH bytes lies. */
static uint64_t place_of(uint64_t key, size_t length)
{
	static uint8_t value[LARGE];
	uint64_t at = FIRST;

	rig_value(key, 1, value, length);
	while (memcmp(memdisk.now + at, value, length) != 0) {
		at += BLOCK;
		assert_true(at + length <= memdisk.bytes);
	}
	return at;
}

static uint64_t large_from, small_from;

static int is_large_or_header(const struct weir_cmd *cmd)
{
	uint64_t end = cmd->offset + cmd->length;

	return cmd->op == WEIR_OP_READ && ((cmd->offset < large_from + BLOCK && end > large_from) ||
					   (cmd->offset < small_from + BLOCK && end > small_from));
}

/* A value that was used cannot be read, and neither can the header of another batch. That the
 * policy has no budget for the value any more, which it has chosen, does not let it leave. */
static void what_was_used_stays_beside_a_header(void **state)
{
	uint64_t n, used = 4 * (SEGMENTS / 2);

	(void)state;
	memdisk_close(&cold_rig);
	rig_remove(&cold_rig);
	memdisk_free();
	memdisk_set_up(&cold_rig, IMAGE, SEGMENT, 7);
	for (n = 0; n < 4 * SEGMENTS; n++)
		assert_int_equal(rig_put(&cold_rig, n, 1, n % 4 ? VALUE : LARGE, 0), 0);
	/* All were used, so the budget is spent anew in each segment. */
	cold_rig.s->logs->rewrite_percent = 50;
	for (uint64_t key = 0; key < n; key++)
		if (rig_get(&cold_rig, key, 1, key % 4 ? VALUE : LARGE) != 1)
			assert_true(key < used);
	large_from = place_of(used, LARGE);
	small_from = place_of(used + 1, VALUE) - BLOCK;
	assert_int_equal(cold_segment(large_from), cold_segment(small_from));
	memdisk.fails_too = is_large_or_header;
	for (; n < 12 * SEGMENTS; n++)
		assert_int_equal(rig_put(&cold_rig, n, 1, n % 4 ? VALUE : LARGE, 0), 0);
	assert_true(cold_stats().evicted_entries > 0);
	memdisk.fails_too = NULL;
	assert_int_equal(rig_get(&cold_rig, used, 1, LARGE), 1);
	assert_int_equal(cold_stats().aside_segments, 1);
}

/* A drive that reads nothing loses no segment. Puts fail and say why, until it reads again. */
static void a_blind_drive(void **state)
{
	char words[256];

	(void)state;
	cold_bad_reads(0, memdisk.bytes);
	for (unsigned i = 0; i < 50; i++)
		assert_int_equal(cold_churn(3 * ROUND), -EIO);
	snprintf(words, sizeof(words), "%s", weir_error());
	if (!strstr(words, "cannot be read"))
		fail_msg("\"%s\"", words);
	assert_int_equal(cold_stats().recovered_out_of_use, 0);
	assert_int_equal(cold_stats().read_only, 0);
	memdisk.fails_too = NULL;
	cold_check("when it reads again", 0, false);
	assert_int_equal(cold_churn(3 * ROUND), 0);
	cold_check("after puts", 0, false);
	memdisk_reopen(&cold_rig);
	cold_check("in a later life", 0, false);
	/* Only a reclaim whose reads failed just before may have lost one. */
	assert_true(cold_stats().recovered_out_of_use <= 1);
}

/* Only the superblocks can be read: a quarter of the segments is set aside, and then puts fail. */
static void too_many(void **state)
{
	int err = 0;

	(void)state;
	cold_bad_reads(FIRST, SEGMENTS * SEGMENT);
	for (unsigned i = 0; i < 50 && !err; i++)
		err = cold_churn(ROUND);
	assert_int_equal(err, -EIO);
	assert_non_null(strstr(weir_error(), "no more segments can be put out of use"));
	assert_true(cold_stats().aside_segments <= SEGMENTS / 4);
	assert_true(cold_stats().aside_segments > 1);
	memdisk.fails_too = NULL;
	cold_check("when it reads again", 0, false);
	assert_int_equal(cold_churn(3 * ROUND), 0);
	cold_check("after puts", 0, false);
	memdisk_reopen(&cold_rig);
}

static int note_key(const struct weir_store_entry *entry, void *user)
{
	uint64_t key;

	assert_int_equal(entry->key_len, sizeof(key));
	memcpy(&key, entry->key, sizeof(key));
	assert_true(key < KEYS);
	((unsigned *)user)[key]++;
	return 0;
}

/* A listing names what lives in a segment that is set aside. */
static void is_listed(void **state)
{
	unsigned listed[KEYS] = { 0 };

	(void)state;
	cold_bad_reads(cold_place(3), BLOCK);
	assert_int_equal(cold_churn(ROUND), 0);
	assert_int_equal(cold_stats().aside_segments, 1);
	for (unsigned life = 0; life < 2; life++) {
		memset(listed, 0, sizeof(listed));
		assert_int_equal(weir_store_list(cold_rig.s, note_key, listed), 0);
		for (uint64_t key = 0; key < KEYS; key++)
			assert_int_equal(listed[key], 1);
		memdisk_reopen(&cold_rig);
	}
	assert_int_equal(rig_get(&cold_rig, 3, cold_version[3], VALUE), -EIO);
}

/* What cannot be read of the footer of such a segment while the store is opened, is not passed. */
static void footer_unread_at_open(void **state)
{
	uint64_t at = cold_place(0), footer = cold_segment(at) + SEGMENT - BLOCK;

	(void)state;
	cold_bad_reads(at, BLOCK);
	assert_int_equal(cold_churn(ROUND), 0);
	assert_int_equal(cold_stats().aside_segments, 1);
	memdisk_close(&cold_rig);
	cold_bad_reads(footer, BLOCK);
	memdisk_on(0);
	assert_int_equal(memdisk_open(&cold_rig), -EIO);
	assert_non_null(strstr(weir_error(), "footer of segment"));
	memdisk.fails_too = NULL;
	memdisk_power_on(&cold_rig);
	cold_check("when it can be read", 0, false);
	memdisk_close(&cold_rig);
	cold_bad_reads(footer, BLOCK);
	memdisk.salvage = 1;
	memdisk_power_on(&cold_rig);
	memdisk.salvage = 0;
	assert_int_equal(cold_stats().aside_segments, 0);
	assert_int_equal(cold_stats().recovered_out_of_use, 1);
	memdisk.fails_too = NULL;
	memdisk_reopen(&cold_rig);
	assert_int_equal(cold_stats().aside_segments, 0);
	assert_int_equal(rig_get(&cold_rig, 0, 1, VALUE), -ENOENT);
	cold_version[0] = 0;
	cold_check("when it was given up", 0, false);
}

static uint64_t written_footer;

/* The header is of another generation when the segment is set aside: no later life would find the
 * footer by it, so nothing names what lives there. */
static void header_of_another_generation(void **state)
{
	const struct store_io *io = &cold_rig.s->io;
	uint64_t at = cold_place(0), segment = cold_segment(at);
	uint32_t number = (uint32_t)((segment - FIRST) / SEGMENT);
	struct header h;

	(void)state;
	assert_true(header_decode(&h, (void *)(memdisk.now + segment), number, &io->key,
				  io->super.uuid));
	assert_true(h.gen.counter-- > 0);
	header_encode((void *)(memdisk.now + segment), &h, &io->key, io->super.uuid);
	cold_bad_reads(at, BLOCK);
	assert_int_equal(cold_churn(ROUND), 0);
	assert_int_equal(cold_stats().aside_segments, 1);
	assert_true(super_is_out(&cold_rig.s->io.super, number));
	assert_false(super_is_aside(&cold_rig.s->io.super, number));
	memdisk.fails_too = NULL;
	cold_check("when it is good again", 0, false);
	memdisk_reopen(&cold_rig);
	assert_int_equal(cold_stats().recovered_out_of_use, 1);
	assert_int_equal(cold_stats().aside_segments, 0);
}

static void garble_footer(const struct weir_cmd *cmd, int ended)
{
	if (ended && cmd->op == WEIR_OP_WRITE && cmd->offset == written_footer)
		memdisk.now[written_footer] ^= 1;
}

/* The drive says that it wrote the footer, and wrote other bytes: nothing names what lives there.
 */
static void a_footer_that_is_written_wrong(void **state)
{
	uint64_t at = cold_place(0), segment = cold_segment(at);
	uint32_t number = (uint32_t)((segment - FIRST) / SEGMENT);

	(void)state;
	written_footer = segment + SEGMENT - BLOCK;
	cold_bad_reads(at, BLOCK);
	memdisk.watch = garble_footer;
	assert_int_equal(cold_churn(ROUND), 0);
	memdisk.watch = NULL;
	assert_int_equal(cold_stats().aside_segments, 1);
	assert_true(super_is_out(&cold_rig.s->io.super, number));
	assert_false(super_is_aside(&cold_rig.s->io.super, number));
	memdisk.fails_too = NULL;
	cold_check("when it is good again", 0, false);
}

static struct segment *last_place_for;

static void take_the_last_place(const struct weir_cmd *cmd, int ended)
{
	if (ended && cmd->op == WEIR_OP_WRITE && cmd->offset == written_footer)
		cold_rig.s->io.super.out_count = DISK_OUT_MAX;
}

/* Another reclaim takes the last place of the table while a segment is prepared to be set aside:
 * the segment stays, and is tried again. */
static void the_last_place_is_taken(void **state)
{
	uint64_t at = cold_place(0), segment = cold_segment(at);
	unsigned n;

	(void)state;
	last_place_for = &cold_rig.s->logs->segs.all[(segment - FIRST) / SEGMENT];
	written_footer = segment + SEGMENT - BLOCK;
	cold_bad_reads(at, BLOCK);
	memdisk.watch = take_the_last_place;
	for (n = 0; n < ROUND && !cold_churn(1); n++)
		;
	memdisk.watch = NULL;
	assert_true(n < ROUND);
	while (store_busy(cold_rig.s) || cold_rig.s->io.asking)
		assert_int_equal(weir_store_poll(cold_rig.s), 0);
	assert_int_equal(cold_rig.s->io.super.out_count, DISK_OUT_MAX);
	assert_int_equal(cold_rig.s->io.broken, 0);
	assert_int_equal(last_place_for->state, SEGMENT_SEALED);
	cold_rig.s->io.super.out_count = 0;
	assert_int_equal(cold_churn(ROUND), 0);
	assert_int_equal(cold_stats().aside_segments, 1);
	memdisk.fails_too = NULL;
	cold_check("when it is good again", 0, false);
}

/* A forged batch goes up to the end of its segment, so a footer has no room. */
static void forge_a_long_batch(uint64_t segment)
{
	static uint8_t was[BLOCK] __attribute__((aligned(8))),
		is[BLOCK] __attribute__((aligned(8)));
	const struct store_io *io = &cold_rig.s->io;
	struct segment *seg = &cold_rig.s->logs->segs.all[(segment - FIRST) / SEGMENT];
	struct checksum_place place = { seg->number, 1, seg->gen };
	struct batch_header h;
	struct batch_record r;
	uint32_t at = 0;

	memcpy(was, memdisk.now + segment + BLOCK, BLOCK);
	assert_true(batch_decode(&h, was, place, io->lay, &io->key));
	assert_true(batch_next(was, &h, &at, &r));
	h.blocks = SEGMENT / BLOCK - 1;
	h.count = 1;
	h.header_bytes = 0;
	batch_add(is, &h.header_bytes, &r);
	batch_finish(is, &h, io->lay, &io->key);
	memcpy(cold_image + segment + BLOCK, is, BLOCK);
	memset(cold_image + segment + SEGMENT - BLOCK, 0, BLOCK);
}

/* Such a segment is set aside without a footer. */
static void no_room_for_the_footer(void **state)
{
	uint64_t at = cold_place(0), segment = cold_segment(at);
	uint32_t number = (uint32_t)((segment - FIRST) / SEGMENT);

	(void)state;
	forge_a_long_batch(segment);
	memdisk_close(&cold_rig);
	cold_restore();
	cold_bad_reads(at, BLOCK);
	assert_int_equal(cold_churn(ROUND), 0);
	assert_int_equal(cold_stats().aside_segments, 1);
	assert_false(super_is_aside(&cold_rig.s->io.super, number));
	memdisk.fails_too = NULL;
	assert_int_equal(rig_get(&cold_rig, 0, 1, VALUE), 1);
}

static unsigned footer_fails; /* so many times its write fails */

static int fails_a_footer(const struct weir_cmd *cmd)
{
	if (!cold_is_bad(cmd))
		return 0;
	return cmd->op != WEIR_OP_WRITE || (footer_fails && footer_fails--);
}

/* The footer is tried three times to be written. */
static void a_footer_that_fails_at_first(void **state)
{
	(void)state;
	memdisk_close(&cold_rig);
	for (unsigned fails = 2; fails <= 3; fails++) {
		uint64_t at;

		cold_restore();
		at = cold_place(0);
		cold_bad_reads(at, BLOCK);
		cold_worn = cold_segment(at) + SEGMENT - BLOCK;
		footer_fails = fails;
		memdisk.fails_too = fails_a_footer;
		assert_int_equal(cold_churn(ROUND), 0);
		assert_int_equal(footer_fails, 0);
		memdisk.fails_too = NULL;
		memdisk_reopen(&cold_rig);
		assert_int_equal(cold_stats().recovered_out_of_use, 1);
		assert_int_equal(cold_stats().aside_segments, fails < 3);
		memdisk_close(&cold_rig);
	}
	memdisk_power_on(&cold_rig);
}

static int fails_superblocks(const struct weir_cmd *cmd)
{
	return cold_is_bad(cmd) || (cmd->op == WEIR_OP_WRITE && cmd->offset < 65536);
}

/* That a segment is set aside cannot be written to the superblock: nobody knows what it says then,
 * so the store stops. */
static void the_superblock_cannot_be_written(void **state)
{
	(void)state;
	cold_bad_reads(cold_place(0), BLOCK);
	memdisk.fails_too = fails_superblocks;
	assert_int_not_equal(cold_churn(ROUND), 0);
	assert_int_not_equal(cold_rig.s->io.broken, 0);
	memdisk.fails_too = NULL;
	assert_int_not_equal(memdisk_reopen(&cold_rig), 0);
	assert_int_equal(rig_get(&cold_rig, 0, cold_version[0], VALUE), 1);
}

static unsigned allocations; /* behind the first read that fails, that go well */
static bool armed;

/* From the first read that fails on, one allocation fails. */
static int arms_allocations(const struct weir_cmd *cmd)
{
	int bad = cold_is_bad(cmd);

	if (bad && !armed) {
		armed = true;
		alloc_fail(allocations, 1);
	}
	return bad;
}

/* Each allocation on the way fails once: the segment is set aside then or later, or stays. */
static void without_memory(void **state)
{
	uint64_t failed = 1;

	(void)state;
	memdisk_close(&cold_rig);
	for (allocations = 0; failed && allocations < 60; allocations++) {
		cold_restore();
		cold_bad_reads(cold_place(0), BLOCK);
		memdisk.fails_too = arms_allocations;
		armed = false;
		while (!armed)
			assert_int_equal(cold_churn(1), 0);
		for (unsigned n = 0; n < 30; n++)
			(void)cold_churn(1);
		failed = alloc_fail(0, 0);
		memdisk.fails_too = NULL;
		cold_check("when it is over", allocations, false);
		assert_int_equal(cold_churn(60), 0);
		memdisk_power_off(&cold_rig);
		memdisk_power_on(&cold_rig);
		memdisk_close(&cold_rig);
	}
	memdisk_power_on(&cold_rig);
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, cold_set_up, cold_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_whole_segment),
		TEST(without_a_footer),
		TEST(nothing_names_them),
		TEST(cannot_be_struck),
		TEST(a_broken_store_gives_nothing_up),
		TEST(what_was_used_stays),
		TEST(what_is_held_elsewhere),
		TEST(what_was_used_stays_beside_a_header),
		TEST(a_blind_drive),
		TEST(too_many),
		TEST(is_listed),
		TEST(footer_unread_at_open),
		TEST(header_of_another_generation),
		TEST(a_footer_that_is_written_wrong),
		TEST(the_last_place_is_taken),
		TEST(no_room_for_the_footer),
		TEST(a_footer_that_fails_at_first),
		TEST(the_superblock_cannot_be_written),
		TEST(without_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
