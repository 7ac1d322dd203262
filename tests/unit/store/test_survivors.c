/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_survivors.c - what lives in a segment that is reclaimed survives when parts of it are
 * damaged, cannot be read, or cannot be written elsewhere.
 */
#include <errno.h>
#include <stdio.h>

#include <weir/pin.h>
#include <weir/tenant.h>

#include "store/io/words.h"
#include "store/log/logs.h"
#include "store/store.h"
#include "survive.h"

#define SEGMENT (64u << 10)

/* Returns where the value of KEY lies on the device. */
static uint64_t place_of(uint64_t key)
{
	struct index_value value;
	uint64_t hash[2];

	checksum_identity(&rig.s->io.key, &key, sizeof(key), hash);
	assert_true(logs_find(rig.s->logs, hash, &value));
	return rig.s->io.lay->data_offset + (value.position << rig.s->io.lay->block_shift);
}

/* Inverts the highest bit of a byte in the footer of the segment that begins at AT: byte FROM of
 * its trailer, or of its first entry if FROM is negative. */
static void damage_footer(uint64_t at, int from)
{
	const struct disk_trailer *t;
	uint8_t *end = memdisk.now + at + SEGMENT;

	t = (const struct disk_trailer *)(void *)(end - sizeof(*t));
	assert_int_equal(le64toh(t->magic), DISK_FOOTER_MAGIC);
	if (from < 0)
		end -= (size_t)le32toh(t->blocks) * 4096;
	else
		end += from - (int)sizeof(*t);
	*end ^= 0x80;
}

/* A pinned key survives also if the footer of its segment is damaged, which says where most live.
 */
static void a_damaged_footer_loses_no_pin(void **state)
{
	static const int from[] = { -1, 0, 20, offsetof(struct disk_trailer, count) + 3 };
	uint64_t key, pinned = 0, evicted;

	(void)state;
	for (unsigned n = 0; n < sizeof(from) / sizeof(from[0]); n++) {
		memdisk_set_up(&rig, 18 * SEGMENT, SEGMENT, 9);
		put(0, 1, 20000, 0);
		assert_int_equal(rig_hold(&rig, pinned), 0);
		for (key = 1000; key < 1020; key++)
			put(key, 1, 20000, 0);
		evicted = stats_of().evicted_segments;
		assert_int_equal(evicted, 0);
		damage_footer((place_of(0) - 65536) / SEGMENT * SEGMENT + 65536, from[n]);
		for (; stats_of().evicted_entries < 40; key++)
			put(key, 1, 20000, 0);
		has(0, 1, 20000);
		rig_check_counts(rig.s);
		memdisk_tear_down(&rig);
	}
}

/* If pins hold everything, puts fail and deletes work; then there is space again. */
static void pins_hold_everything(void **state)
{
	uint64_t key;
	int err = 0;

	(void)state;
	memdisk_set_up(&rig, 18 * SEGMENT, SEGMENT, 9);
	for (key = 0; !err && key < 1000; key++) {
		err = rig_put(&rig, key, 1, 20000, 0);
		if (!err)
			assert_int_equal(rig_hold(&rig, key), 0);
	}
	assert_int_equal(err, -ENOSPC);
	assert_true(key > 20);
	assert_int_equal(rig_put(&rig, 2000, 1, 20000, 0), -ENOSPC);
	for (uint64_t n = 0; n < key - 1; n++)
		has(n, 1, 20000);
	for (uint64_t n = 0; n < 12; n++)
		assert_int_equal(rig_delete(&rig, n, 0), 0);
	put(2001, 1, 20000, 0);
	for (uint64_t n = 12; n < key - 1; n++)
		has(n, 1, 20000);
	memdisk_tear_down(&rig);
}

/* A store that gave up all its segments but the two in reserve says so; puts do not wait for
 * ever. */
static void only_the_reserve_is_left(void **state)
{
	(void)state;
	memdisk_set_up(&rig, 10 * SEGMENT, SEGMENT, 9);
	assert_int_equal(memdisk_close(&rig), 0);
	memdisk.fail_op = WEIR_OP_READ;
	memdisk.fail_from = 65536 + 2 * SEGMENT;
	memdisk.fail_to = 65536 + 8 * SEGMENT;
	memdisk.fails = 1000;
	memdisk.salvage = 1;
	assert_int_equal(memdisk_open(&rig), 0);
	memdisk.fails = 0;
	memdisk.salvage = 0;
	assert_int_equal(stats_of().recovered_out_of_use, 6);
	assert_int_equal(rig_put(&rig, 1, 1, 100, 0), -ENOSPC);
	/* It is no full filesystem. */
	assert_null(strstr(weir_error(), WORDS_FULL));
	assert_int_equal(rig_put(&rig, 1, 1, 100, 0), -ENOSPC);
	memdisk_tear_down(&rig);
}

/* Overwrites key 0 until the first segment is reclaimed. */
static void reclaim_one(void)
{
	for (uint64_t n = 0; !stats_of().evicted_segments; n++) {
		assert_true(n < 1000);
		put(0, n, 12000, 0);
	}
}

/* A survivor whose payload is damaged is dropped and counted; the others go on. */
static void a_damaged_survivor(void **state)
{
	(void)state;
	memdisk_set_up(&rig, 66 * SEGMENT, SEGMENT, 9);
	put(1, 1, 5000, 0);
	put(2, 1, 5000, 0);
	memdisk.now[place_of(1) + 100] ^= 1;
	reclaim_one();
	assert_int_equal(rig_get(&rig, 1, 1, 5000), -ENOENT);
	has(2, 1, 5000);
	assert_int_equal(stats_of().damaged_entries, 1);
	assert_int_equal(stats_of().evicted_entries, 1);
	memdisk_tear_down(&rig);
}

static uint64_t moving; /* where the value lies that is read to be moved; 0: that has begun */

static void watch_moving(const struct weir_cmd *cmd, int ended)
{
	if (!ended && cmd->op == WEIR_OP_READ && cmd->offset == moving)
		moving = 0;
}

/* A put that came while a damaged survivor was read has nothing to do with the damage: it stays
 * when its segment is reclaimed. */
static void a_newer_value_is_not_damaged(void **state)
{
	uint64_t n;

	(void)state;
	memdisk_set_up(&rig, 66 * SEGMENT, SEGMENT, 9);
	put(1, 1, 5000, 0);
	put(2, 1, 5000, 0);
	moving = place_of(1);
	memdisk.now[moving + 100] ^= 1;
	memdisk.hold_length = 8192;
	memdisk.watch = watch_moving;
	for (n = 0; moving; n++) {
		assert_true(n < 1000);
		put(0, n, 12000, 0);
	}
	memdisk.watch = NULL;
	put(1, 2, 5000, 0);
	memdisk.hold_length = 0;
	for (n = 0; n < 1000; n++)
		put(0, n, 12000, 0);
	has(1, 2, 5000);
	has(2, 1, 5000);
	assert_int_equal(stats_of().evicted_entries, 0);
	memdisk_tear_down(&rig);
}

static uint64_t unreadable;

static int fails_there(const struct weir_cmd *cmd)
{
	return cmd->op == WEIR_OP_READ && cmd->offset == unreadable;
}

/* A value that cannot be read to be moved keeps its segment, but not if a newer one was put
 * meanwhile: what else lives in the segment leaves, and the segment is used again. */
static void a_newer_value_needs_no_read(void **state)
{
	uint64_t key;

	(void)state;
	memdisk_set_up(&rig, 66 * SEGMENT, SEGMENT, 9);
	for (key = 1; key < 5; key++)
		put(key, 1, key == 1 ? 5000 : 9000, 0);
	has(1, 1, 5000);
	unreadable = moving = place_of(1);
	memdisk.fails_too = fails_there;
	memdisk.hold_length = 8192;
	memdisk.watch = watch_moving;
	for (; moving; key++) {
		assert_true(key < 1000);
		put(key, 1, 9000, 0);
	}
	memdisk.watch = NULL;
	put(1, 2, 5000, 0);
	memdisk.hold_length = 0;
	for (uint64_t n = 0; n < 100; n++)
		put(key + n, 1, 9000, 0);
	assert_int_equal(stats_of().aside_segments, 0);
	assert_int_equal(rig_get(&rig, 2, 1, 9000), -ENOENT);
	has(1, 2, 5000);
	memdisk_tear_down(&rig);
}

/* A header that is damaged hides the keys of its batch only. */
static void a_damaged_header(void **state)
{
	(void)state;
	memdisk_set_up(&rig, 66 * SEGMENT, SEGMENT, 9);
	put(1, 1, 5000, 0);
	put(2, 1, 5000, 0);
	memdisk.now[place_of(1) - 4096 + 40] ^= 1;
	reclaim_one();
	assert_int_equal(rig_get(&rig, 1, 1, 5000), -ENOENT);
	has(2, 1, 5000);
	assert_int_equal(stats_of().damaged_entries, 1);
	memdisk_tear_down(&rig);
}

/* Reads that fail once or twice cost nothing: headers and payloads are read again. */
static void reads_are_tried_again(void **state)
{
	const unsigned *fails = *state;

	memdisk_set_up(&rig, 66 * SEGMENT, SEGMENT, 9);
	put(1, 1, 5000, 0);
	put(2, 1, 5000, 0);
	memdisk.fail_op = WEIR_OP_READ;
	memdisk.fail_from = 65536;
	memdisk.fail_to = 2 * 65536;
	memdisk.fails = *fails;
	reclaim_one();
	assert_int_equal(memdisk.fails, 0);
	has(1, 1, 5000);
	has(2, 1, 5000);
	assert_int_equal(stats_of().damaged_entries, 0);
	memdisk_tear_down(&rig);
}

/* A read that is lost brings other bytes: it is tried again too. */
static void a_lost_read(void **state)
{
	(void)state;
	memdisk_set_up(&rig, 66 * SEGMENT, SEGMENT, 9);
	put(1, 1, 5000, 0);
	put(2, 1, 5000, 0);
	memdisk.lost = 1;
	memdisk.lost_length = 8192;
	reclaim_one();
	assert_int_equal(memdisk.lost, 0);
	has(1, 1, 5000);
	has(2, 1, 5000);
	memdisk_tear_down(&rig);
}

/* Survivors that cannot be written stay where they are. */
static void a_survivor_that_cannot_be_written(void **state)
{
	uint64_t n, failed = 0;

	(void)state;
	memdisk_set_up(&rig, 66 * SEGMENT, SEGMENT, 9);
	for (n = 1; n < 100; n++)
		put(n, 1, 5000, 0);
	for (n = 0; n < 1500; n++) {
		memdisk.fail_op = WEIR_OP_WRITE;
		memdisk.fail_from = 0x11000;
		memdisk.fail_to = memdisk.bytes;
		memdisk.fails = n % 40 == 7 && !rig.s->io.broken;
		failed += rig_put(&rig, 0, n, 1900, 0) != 0;
		if (rig.s->io.broken) {
			memdisk.fails = 0;
			memdisk_close(&rig);
			assert_int_equal(memdisk_open(&rig), 0);
		}
	}
	memdisk.fails = 0;
	assert_true(failed > 5);
	for (n = 1; n < 100; n++)
		has(n, 1, 5000);
	memdisk_tear_down(&rig);
}

static unsigned bad_headers;

/* Lets the headers of segments fail that are taken from the reserve. Free marks go well. */
static int fails_in_reserve(const struct weir_cmd *cmd)
{
	const struct layout *lay = rig.s->io.lay;
	uint64_t from = cmd->offset - lay->data_offset;
	const struct segment *seg = &rig.s->logs->segs.all[from / SEGMENT];

	if (!bad_headers || cmd->op != WEIR_OP_WRITE || cmd->offset < lay->data_offset ||
	    from % SEGMENT || seg->state != SEGMENT_BEGINNING || !seg->from_reserve)
		return 0;
	bad_headers--;
	return 1;
}

/* Fills half of the store, then overwrites one key, while the headers of COUNT segments that
 * survivors need cannot be written. Returns the first result that is not 0. */
static int overwrite_with_bad_headers(unsigned count)
{
	uint64_t key, n;
	int err = 0;

	memdisk_set_up(&rig, 66 * SEGMENT, SEGMENT, 9);
	for (key = 1; key <= 90; key++)
		put(key, 1, 9000, 0);
	bad_headers = PREPARE_TRIES * count;
	memdisk.fails_too = fails_in_reserve;
	for (n = 0; n < 900; n++) {
		int result = rig_put(&rig, 0, n, 8000, 0);

		err = err ? err : result;
	}
	memdisk.fails_too = NULL;
	assert_int_equal(bad_headers, 0);
	assert_int_equal(stats_of().evicted_entries, 0);
	for (key = 1; key <= 90; key++)
		has(key, 1, 9000);
	rig_check_counts(rig.s);
	return err;
}

/* Headers that cannot be written use up the reserve. The segments are tried again, and nobody
 * leaves the store for that. */
static void bad_headers_evict_nobody(void **state)
{
	(void)state;
	assert_int_equal(overwrite_with_bad_headers(PREPARE_FAILURES_MAX - 1), 0);
	memdisk_tear_down(&rig);
}

/* Not one segment is free any more, because their headers could not be written, and nothing is
 * being reclaimed: they are tried again before anybody leaves. */
static void no_segment_is_left(void **state)
{
	struct logs *ls;
	uint64_t n;

	(void)state;
	memdisk_set_up(&rig, 66 * SEGMENT, SEGMENT, 9);
	ls = rig.s->logs;
	for (n = 1; n <= 90; n++)
		put(n, 1, 9000, 0);
	for (n = 0; stats_of().free_segments > SEGMENTS_RESERVED + 2; n++)
		put(0, n, 8000, 0);
	while (store_busy(rig.s) || rig.s->io.asking)
		assert_int_equal(weir_store_poll(rig.s), 0);
	assert_int_equal(ls->evicted_segments, 0);
	assert_true(TAILQ_EMPTY(&ls->reclaims));
	while (ls->segs.free_count)
		segment_retire(segment_take(&ls->segs, ls->log[0], true));
	for (; n < 900; n++)
		put(0, n, 8000, 0);
	assert_int_equal(stats_of().evicted_entries, 0);
	for (n = 1; n <= 90; n++)
		has(n, 1, 9000);
	rig_check_counts(rig.s);
	memdisk_tear_down(&rig);
}

/* The store stops when too many could not be written. */
static void bad_headers_stop_the_store(void **state)
{
	(void)state;
	assert_int_equal(overwrite_with_bad_headers(PREPARE_FAILURES_MAX), -EROFS);
	assert_int_equal(memdisk_reopen(&rig), -EIO);
	for (uint64_t key = 1; key <= 90; key++)
		has(key, 1, 9000);
	put(0, 1, 8000, 0);
	memdisk_tear_down(&rig);
}

/* A record that was appended again keeps its sequence number. */
static int note_sequence(const struct weir_store_entry *entry, void *user)
{
	uint64_t *sequence = user, key;

	memcpy(&key, entry->key, sizeof(key));
	sequence[key] = entry->sequence;
	return 0;
}

static void sequence_numbers_stay(void **state)
{
	uint64_t before[4] = { 0 }, after[4] = { 0 }, place;

	(void)state;
	memdisk_set_up(&rig, 66 * SEGMENT, SEGMENT, 9);
	put(0, 1, 100, 0);
	put(1, 1, 5000, 0);
	put(2, 1, 5000, 0);
	assert_int_equal(weir_store_list(rig.s, note_sequence, before), 0);
	place = place_of(1);
	reclaim_one();
	assert_true(place_of(1) != place);
	assert_int_equal(weir_store_list(rig.s, note_sequence, after), 0);
	assert_int_equal(after[1], before[1]);
	assert_int_equal(after[2], before[2]);
	assert_true(after[0] > before[2]);
	memdisk_tear_down(&rig);
}

/* A key whose older version lies in a segment that is reclaimed has not left: it can be pinned. */
static void a_newer_version_elsewhere(void **state)
{
	uint64_t key;

	(void)state;
	memdisk_set_up(&rig, 66 * SEGMENT, SEGMENT, 9);
	put(0, 1, 100, 0);
	for (key = 1; key < 100; key++)
		put(key, 1, 9000, 0);
	put(0, 2, 100, 0);
	for (; !stats_of().evicted_entries; key++)
		put(key, 1, 9000, 0);
	assert_int_equal(rig_get(&rig, 1, 1, 9000), -ENOENT);
	key = 0;
	assert_int_equal(weir_store_pin(rig.s, &key, sizeof(key)), 0);
	has(0, 2, 100);
	memdisk_tear_down(&rig);
}

/* An older version beside a value that survives is not moved, nor is the newer one for it. */
static void an_older_version_stays_behind(void **state)
{
	uint64_t before[400] = { 0 }, after[400] = { 0 }, key;

	(void)state;
	memdisk_set_up(&rig, 66 * SEGMENT, SEGMENT, 9);
	put(0, 1, 100, 0);
	for (key = 1; key < 100; key++)
		put(key, 1, 9000, 0);
	put(0, 2, 100, 0);
	has(1, 1, 9000);
	has(0, 2, 100);
	assert_int_equal(weir_store_list(rig.s, note_sequence, before), 0);
	for (; !stats_of().evicted_entries; key++)
		put(key, 1, 9000, 0);
	assert_true(key < 400 && stats_of().survivors == 1);
	assert_int_equal(weir_store_list(rig.s, note_sequence, after), 0);
	assert_int_equal(after[1], before[1]);
	assert_int_equal(after[0], before[0]);
	/* Nor does it count as damaged when its own segment is reclaimed. */
	for (; key < 340; key++)
		put(key, 1, 9000, 0);
	has(0, 2, 100);
	assert_int_equal(stats_of().damaged_entries, 0);
	assert_true(stats_of().survivors > 1);
	memdisk_tear_down(&rig);
}

/* What a segment does not need of clock's budget is left to the next one, in which all was used. */
static void budget_that_is_left(void **state)
{
	uint64_t key, first = 90; /* of three keys in one segment */

	(void)state;
	memdisk_set_up(&rig, 66 * SEGMENT, SEGMENT, 9);
	rig.s->logs->rewrite_percent = 40;
	for (key = 0; key < 120; key++)
		put(key, 1, 9000, 0);
	for (uint64_t n = first; n < first + 3; n++) {
		assert_int_equal((place_of(n) - 65536) / SEGMENT,
				 (place_of(first) - 65536) / SEGMENT);
		has(n, 1, 9000);
	}
	for (; key < 330; key++)
		put(key, 1, 9000, 0);
	assert_int_equal(rig_get(&rig, first - 1, 1, 9000), -ENOENT);
	assert_int_equal(rig_get(&rig, first + 3, 1, 9000), -ENOENT);
	for (uint64_t n = first; n < first + 3; n++)
		has(n, 1, 9000);
	memdisk_tear_down(&rig);
}

static int fails_footers(const struct weir_cmd *cmd)
{
	return cmd->op == WEIR_OP_READ && cmd->offset >= 65536 &&
	       (cmd->offset + cmd->length) % SEGMENT == 0;
}

/* Where a footer cannot be read, the index says what leaves with its segment, and nothing else is
 * counted. */
static void what_leaves_without_a_footer(void **state)
{
	uint64_t key, there = 0;

	(void)state;
	memdisk_set_up(&rig, 66 * SEGMENT, SEGMENT, 9);
	memdisk.fails_too = fails_footers;
	for (key = 0; key < 400; key++)
		put(key, 1, 9000, 0);
	memdisk.fails_too = NULL;
	for (uint64_t n = 0; n < key; n++)
		there += rig_get(&rig, n, 1, 9000) == 1;
	assert_true(there < 300);
	assert_int_equal(stats_of().evicted_entries, key - there);
	assert_int_equal(stats_of().entries, there);
	memdisk_tear_down(&rig);
}

#define MORE 60u

/* While the entries of a segment survive, which takes long, the oldest segment of another log
 * becomes empty: it needs nobody's place, and is free at once. */
static void an_empty_segment_meanwhile(void **state)
{
	static struct weir_store_op ops[MORE];
	static uint64_t keys[MORE];
	static uint8_t value[9000];
	uint32_t a, b, n = 0;
	uint64_t evicted;

	(void)state;
	rig.free_low = 30;
	rig.free_high = 50;
	memdisk_set_up(&rig, 26 * SEGMENT, SEGMENT, 5);
	assert_int_equal(weir_store_add_tenant(rig.s, "a", &a), 1);
	assert_int_equal(weir_store_add_tenant(rig.s, "b", &b), 1);
	for (uint64_t key = 0; key < 24; key++)
		put(key, 1, sizeof(value), RIG_STREAM(key < 12 ? a : b));
	memdisk.hold_length = 4096; /* of footers */
	for (; !rig.s->logs->surviving; n++) {
		assert_true(n < MORE);
		keys[n] = 1000 + n;
		ops[n] = (struct weir_store_op)WEIR_STORE_OP_INIT;
		ops[n].kind = WEIR_STORE_PUT;
		ops[n].key = &keys[n];
		ops[n].key_len = sizeof(keys[n]);
		ops[n].value = value;
		ops[n].value_len = sizeof(value);
		ops[n].stream = (uint16_t)a;
		assert_int_equal(weir_store_submit(rig.s, &ops[n]), 0);
		while (!rig.s->logs->surviving && weir_store_wait(rig.s, &ops[n], 0) == -ETIMEDOUT)
			assert_int_equal(weir_store_poll(rig.s), 0);
	}
	evicted = rig.s->logs->evicted_segments;
	for (uint64_t key = 12; key < 24; key++)
		assert_int_equal(rig_delete(&rig, key, 0), 0);
	for (uint64_t key = 2000; rig.s->logs->evicted_segments == evicted; key++) {
		assert_true(key < 2020);
		put(key, 1, sizeof(value), RIG_STREAM(b));
	}
	assert_true(rig.s->logs->surviving);
	memdisk.hold_length = 0;
	for (uint32_t i = 0; i < n; i++)
		assert_int_equal(weir_store_wait(rig.s, &ops[i], UINT64_MAX), 0);
	rig_check_counts(rig.s);
	rig.free_low = rig.free_high = 0;
	memdisk_tear_down(&rig);
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	static unsigned once = 1, twice = 2;
	const struct CMUnitTest tests[] = {
		TEST(a_damaged_footer_loses_no_pin),
		TEST(pins_hold_everything),
		TEST(only_the_reserve_is_left),
		TEST(a_damaged_survivor),
		TEST(a_newer_value_is_not_damaged),
		TEST(a_newer_value_needs_no_read),
		TEST(a_damaged_header),
		{ "reads_are_tried_again", reads_are_tried_again, set_up, tear_down, &once },
		{ "reads_are_tried_again_twice", reads_are_tried_again, set_up, tear_down, &twice },
		TEST(a_lost_read),
		TEST(a_survivor_that_cannot_be_written),
		TEST(bad_headers_evict_nobody),
		TEST(no_segment_is_left),
		TEST(bad_headers_stop_the_store),
		TEST(sequence_numbers_stay),
		TEST(a_newer_version_elsewhere),
		TEST(an_older_version_stays_behind),
		TEST(budget_that_is_left),
		TEST(what_leaves_without_a_footer),
		TEST(an_empty_segment_meanwhile),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
