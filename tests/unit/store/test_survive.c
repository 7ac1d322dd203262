/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_survive.c - garbage is reclaimed first: as long as the store is not full, no key leaves it,
 * whatever overwrites, restarts and tenants do.
 */
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "memdisk.h"
#include "store/io/words.h"
#include "store/log/logs.h"
#include "store/store.h"

#define SEGMENT (64u << 10)
/* The sanitizers are slow. */
#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
#define SLOW 4u
#else
#define SLOW 1u
#endif

static struct rig rig = { .engine = "posix" };

static int set_up(void **state)
{
	(void)state;
	alarm(500);
	rig.attach = 1;
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	alarm(0);
	rig.attach = 0;
	return 0;
}

static struct weir_store_stats stats_of(void)
{
	struct weir_store_stats stats;

	rig_stats(&rig, &stats);
	return stats;
}

static void put(uint64_t key, uint64_t version, size_t length, uint32_t flags)
{
	int err = rig_put(&rig, key, version, length, flags);

	if (err)
		fail_msg("put of key %d: %s", (int)key, weir_error());
}

static void has(uint64_t key, uint64_t version, size_t length)
{
	int got = rig_get(&rig, key, version, length);

	if (got != 1)
		fail_msg("key %d has not version %d: %d", (int)key, (int)version, got);
}

/* Each of many processes puts one small key and ends. A restart begins a segment, and there are
 * more restarts than segments. */
static void restarts_keep_keys(void **state)
{
	uint64_t key;

	(void)state;
	memdisk_set_up(&rig, 66 * SEGMENT, SEGMENT, 9);
	for (key = 0; key < 300; key++) {
		put(key, 1, 10, 0);
		assert_int_equal(memdisk_reopen(&rig), 0);
	}
	for (key = 0; key < 300; key++)
		has(key, 1, 10);
	assert_int_equal(stats_of().entries, 300);
	memdisk_tear_down(&rig);
}

/* Tenants that put 10 bytes at each restart take nothing from one that fills half of the store. */
static void restarts_of_tenants_keep_others(void **state)
{
	uint32_t stream[30];
	char name[16];
	uint64_t key, keys = 137 * 1024 / 300, n, round;

	(void)state;
	rig_make(&rig, 256ull << 20, 1 << 20, 4096);
	rig_open(&rig);
	for (n = 0; n < 30; n++) {
		snprintf(name, sizeof(name), "tenant%d", (int)n);
		assert_true(weir_store_add_tenant(rig.s, name, &stream[n]) >= 0);
	}
	for (key = 0; key < keys; key++)
		put(key, 1, 300 << 10, 0);
	for (round = 0; round < 100 / SLOW; round++) {
		rig_close(&rig);
		rig_open(&rig);
		for (n = 0; n < 30; n++)
			put(1000000 + n, round, 10, RIG_STREAM(stream[n]));
		if (round % 10 == 0)
			put(2000000 + round, 1, 10, 0);
		assert_int_equal(stats_of().evicted_entries, 0);
	}
	for (key = 0; key < keys; key++)
		has(key, 1, 300 << 10);
	for (n = 0; n < 30; n++)
		has(1000000 + n, round - 1, 10);
	for (n = 0; n < round; n += 10)
		has(2000000 + n, 1, 10);
	rig_check_counts(rig.s);
	rig_remove(&rig);
}

/* Overwrites of one key evict nobody, although the oldest segments are full of other keys. */
static void overwrites_evict_nobody(void **arg)
{
	const uint32_t *scene = *arg; /* block size, length of the others and of the one */
	uint64_t others = 20ull * SEGMENT / (scene[1] + 2 * scene[0]), key, version;
	/* Fewer short values would not fill the store. */
	uint64_t versions = scene[2] < 1000 ? 10000 : 10000 / SLOW;
	struct weir_store_stats stats;

	rig_make(&rig, 66 * SEGMENT, SEGMENT, scene[0]);
	memdisk_load(&rig, scene[0], 9);
	assert_int_equal(memdisk_open(&rig), 0);
	for (key = 1; key <= others; key++)
		put(key, 1, scene[1], 0);
	for (version = 1; version <= versions; version++)
		put(0, version, scene[2], 0);
	stats = stats_of();
	assert_int_equal(stats.evicted_entries, 0);
	assert_true(stats.evicted_segments > 64 / SLOW);
	assert_int_equal(stats.entries, others + 1);
	for (key = 1; key <= others; key++)
		has(key, 1, scene[1]);
	has(0, version - 1, scene[2]);
	/* On average at most two bytes are moved for each that is put. */
	assert_true(stats.written_bytes < 4 * versions * (scene[2] + 2ull * scene[0]));
	rig_check_counts(rig.s);
	memdisk_tear_down(&rig);
}

/* Deletes leave garbage as overwrites do, and the tombstones go with it. */
static void deletes_evict_nobody(void **state)
{
	uint64_t key, n;

	(void)state;
	memdisk_set_up(&rig, 66 * SEGMENT, SEGMENT, 9);
	for (key = 0; key < 100; key++)
		put(key, 1, 9000, 0);
	for (n = 0; n < 3000 / SLOW; n++) {
		put(1000 + n, 1, 9000, 0);
		assert_int_equal(rig_delete(&rig, 1000 + n, 0), 0);
	}
	for (key = 0; key < 100; key++)
		has(key, 1, 9000);
	assert_int_equal(stats_of().evicted_entries, 0);
	assert_int_equal(stats_of().entries, 100);
	memdisk_tear_down(&rig);
}

/* What lives is spread over all segments: one long-lived key in each, among short-lived ones. */
static void spread_evenly(void **state)
{
	uint64_t key, n;

	(void)state;
	memdisk_set_up(&rig, 66 * SEGMENT, SEGMENT, 9);
	for (n = 0; n < 4000 / SLOW; n++) {
		/* A key of 12 KiB in about 64 KiB, overwritten after a round of the store. */
		put(n % 64, n, 12000, 0);
		for (key = 0; key < 5; key++)
			put(100 + key, n, 9000, 0);
	}
	assert_int_equal(stats_of().evicted_entries, 0);
	for (key = 0; key < 64; key++)
		has(key, n - 64 + (key + 64 - n % 64) % 64, 12000);
	rig_check_counts(rig.s);
	memdisk_tear_down(&rig);
}

static int mark_pinned(struct weir_store *s, void *user)
{
	uint64_t hash[2], key = *(uint64_t *)user;

	checksum_identity(&s->io.key, &key, sizeof(key), hash);
	return logs_hold(s->logs, hash);
}

/* Pinned keys stay in a store that is full of other keys and evicts; so they do when overwritten.
 */
static void pins_survive(void **state)
{
	uint64_t key, n;

	(void)state;
	memdisk_set_up(&rig, 66 * SEGMENT, SEGMENT, 9);
	for (key = 0; key < 40; key++) {
		put(key, 1, 20000, 0);
		assert_int_equal(wait_call(rig.s, mark_pinned, &key), 0);
	}
	for (n = 0; n < 2000; n++) {
		put(1000 + n, 1, 20000, 0);
		if (n % 100 == 99)
			put(n % 40, n, 20000, 0);
	}
	assert_true(stats_of().evicted_entries > 1000);
	for (key = 0; key < 40; key++)
		has(key, key == 19 ? 1899 : key == 39 ? 1999 : 1, 20000);
	rig_check_counts(rig.s);
	memdisk_tear_down(&rig);
}

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
		assert_int_equal(wait_call(rig.s, mark_pinned, &pinned), 0);
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
			assert_int_equal(wait_call(rig.s, mark_pinned, &key), 0);
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

/* Puts that come in while survivors are under way win over them, and so do deletes. */
static void newer_versions_win(void **state)
{
	static struct weir_store_op ops[300];
	static uint64_t keys[300];
	static uint8_t values[300][12000];
	uint64_t seed = 5, version[60] = { 0 }, round, n;

	(void)state;
	memdisk_set_up(&rig, 66 * SEGMENT, SEGMENT, 9);
	for (round = 0; round < 60 / SLOW; round++) {
		memset(ops, 0, sizeof(ops));
		for (n = 0; n < 300; n++) {
			keys[n] = rig_random(&seed) % 60;
			ops[n].key = &keys[n];
			ops[n].key_len = sizeof(keys[n]);
			if (rig_random(&seed) % 6 == 0) {
				ops[n].kind = WEIR_STORE_DELETE;
				version[keys[n]] = 0;
				continue;
			}
			version[keys[n]] = round * 300 + n + 1;
			rig_value(keys[n], version[keys[n]], values[n], sizeof(values[n]));
			ops[n].value = values[n];
			ops[n].value_len = sizeof(values[n]);
		}
		weir_store_run(rig.s, ops, 300);
		for (n = 0; n < 60; n++)
			assert_int_equal(rig_get(&rig, n, version[n], sizeof(values[n])),
					 version[n] ? 1 : -ENOENT);
	}
	assert_int_equal(stats_of().evicted_entries, 0);
	assert_true(stats_of().survivors > 10);
	assert_int_equal(memdisk_reopen(&rig), 0);
	for (n = 0; n < 60; n++)
		assert_int_equal(rig_get(&rig, n, version[n], sizeof(values[n])),
				 version[n] ? 1 : -ENOENT);
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
	bad_headers = count;
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

#define TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	static uint32_t medium[] = { 4096, 9000, 8000 }, tiny[] = { 512, 20, 500 },
			large[] = { 4096, 30000, 25000 };
	static unsigned once = 1, twice = 2;
	const struct CMUnitTest tests[] = {
		/* The quick ones come first. */
		TEST(a_damaged_footer_loses_no_pin),
		TEST(only_the_reserve_is_left),
		TEST(restarts_keep_keys),
		TEST(restarts_of_tenants_keep_others),
		{ "overwrites_evict_nobody", overwrites_evict_nobody, set_up, tear_down, medium },
		{ "overwrites_evict_nobody_512", overwrites_evict_nobody, set_up, tear_down, tiny },
		{ "overwrites_evict_nobody_large", overwrites_evict_nobody, set_up, tear_down,
		  large },
		TEST(deletes_evict_nobody),
		TEST(spread_evenly),
		TEST(pins_survive),
		TEST(pins_hold_everything),
		TEST(newer_versions_win),
		TEST(a_damaged_survivor),
		TEST(a_newer_value_is_not_damaged),
		TEST(a_damaged_header),
		{ "reads_are_tried_again", reads_are_tried_again, set_up, tear_down, &once },
		{ "reads_are_tried_again_twice", reads_are_tried_again, set_up, tear_down, &twice },
		TEST(a_lost_read),
		TEST(a_survivor_that_cannot_be_written),
		TEST(bad_headers_evict_nobody),
		TEST(bad_headers_stop_the_store),
		TEST(sequence_numbers_stay),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
