/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_aside.c - reads that fail while a segment is reclaimed say nothing about what is there: the
 * segment is set aside with what could not be moved, and nothing is destroyed.
 *
 * The store has room for all keys, so none may leave. Some keys are put once; others again and
 * again, until the segments of the first have been reclaimed many times. Meanwhile a read fails.
 * Each key must have the version that was acknowledged last, at once and in later lives; while a
 * place cannot be read, a get of a value there may fail with -EIO.
 */
#include <errno.h>
#include <stdio.h>

#include "memdisk.h"
#include "store/format/footer.h"
#include "store/format/super.h"
#include "store/format/xxh.h"
#include "store/store.h"

#define IMAGE (5u << 19)
#define SEGMENT (64u << 10)
#define FIRST 65536u /* where segment 0 begins */
#define BLOCK 4096u
#define SEGMENTS ((IMAGE - 2 * 65536u) / SEGMENT)
#define VALUE 3000u
#define COLD 30u
#define TOGETHER 12u /* these keys fill segment 0 */
#define HOT 12u
#define KEYS (COLD + HOT)
#define ROUND (SEGMENTS * 14u) /* puts that go round the whole store */
#define VERSIONS 4096u

static struct rig rig = { .engine = "posix" };
static uint8_t *image;
static uint64_t version[KEYS]; /* acknowledged last, and durable at the next sync; 0: deleted */
static uint64_t saved[KEYS];

static int put(uint64_t key, uint32_t flags)
{
	int err = rig_put(&rig, key, version[key] + 1, VALUE, flags);

	version[key] += !err;
	return err;
}

/* Puts hot keys N times. Returns the first error. */
static int churn(unsigned n)
{
	int err = 0;

	for (unsigned i = 0; i < n && !err; i++)
		err = put(COLD + i % HOT, 0);
	return err;
}

static int set_up(void **state)
{
	(void)state;
	memset(version, 0, sizeof(version));
	memdisk_set_up(&rig, IMAGE, SEGMENT, 7);
	for (uint64_t key = 0; key < COLD; key++) {
		assert_int_equal(put(key, WEIR_PUT_DURABLE), 0);
		assert_int_equal(churn(key < TOGETHER ? 0 : 2), 0);
	}
	assert_int_equal(weir_store_sync(rig.s), 0);
	memdisk_close(&rig);
	image = malloc(memdisk.bytes);
	memcpy(image, memdisk.now, memdisk.bytes);
	memcpy(saved, version, sizeof(saved));
	memdisk_power_on(&rig);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	memdisk_no_fails();
	memdisk.fails_too = NULL;
	memdisk.fail_error = -EIO;
	memdisk_tear_down(&rig);
	free(image);
	image = NULL;
	return 0;
}

/* Begins anew with the image, which is opened. */
static void restore(void)
{
	memdisk_restore(image);
	memcpy(version, saved, sizeof(version));
	memdisk_power_on(&rig);
}

static struct weir_store_stats stats(void)
{
	struct weir_store_stats stats;

	rig_stats(&rig, &stats);
	return stats;
}

/* Each key has the version that was acknowledged last. With BLIND, some cannot be read now. */
static unsigned check(const char *when, unsigned n, bool blind)
{
	unsigned unread = 0;

	for (uint64_t key = 0; key < KEYS; key++) {
		int found = rig_get(&rig, key, version[key] ? version[key] : 1, VALUE);

		if (blind && found == -EIO && version[key])
			unread++;
		else if (found != (version[key] ? 1 : -ENOENT))
			fail_msg("%s, read %u: key %u, version %u: %d", when, n, (unsigned)key,
				 (unsigned)version[key], found);
	}
	assert_int_equal(stats().evicted_entries, 0);
	assert_int_equal(stats().damaged_entries, 0);
	return unread;
}

/* Lets reads fail from the Nth one on, so many TIMES at its place. */
static void fail_reads(unsigned n, unsigned times)
{
	memdisk_no_fails();
	memdisk.fail_op = WEIR_OP_READ;
	memdisk.fail_from = FIRST;
	memdisk.fail_to = memdisk.bytes - 65536;
	memdisk.fail_skip = n;
	memdisk.fails = times;
	memdisk.fail_sticks = 1;
}

/* Changes keys that may lie in a segment that was set aside, and lets what superseded them leave.
 * Then nothing old may come back. */
static void supersede(void)
{
	for (uint64_t key = 0; key < COLD; key += 3)
		assert_int_equal(put(key, WEIR_PUT_DURABLE), 0);
	for (uint64_t key = 1; key < COLD; key += 3) {
		assert_int_equal(rig_delete(&rig, key, WEIR_PUT_DURABLE), 0);
		version[key] = 0;
	}
	assert_int_equal(churn(2 * ROUND), 0);
	for (uint64_t key = 0; key < COLD; key += 6) {
		assert_int_equal(rig_delete(&rig, key, WEIR_PUT_DURABLE), 0);
		version[key] = 0;
	}
	assert_int_equal(churn(2 * ROUND), 0);
	assert_int_equal(weir_store_sync(rig.s), 0);
}

/* The second recovery, tools/recover.py, finds the same in the image of the closed store; so does a
 * check, which finds no damage. */
static void check_image(void)
{
	const char *root = getenv("WEIR_SOURCE_ROOT");
	struct weir_check_result result = WEIR_CHECK_RESULT_INIT;
	char command[600], line[400], payload[20], expected[20];
	uint8_t value[VALUE];
	unsigned lines = 0, there = 0;
	uint64_t key;
	FILE *out;

	if (!root)
		return;
	rig_poke(&rig, 0, memdisk.now, memdisk.bytes);
	snprintf(command, sizeof(command), "python3 %s/tools/recover.py %s", root, rig.path);
	out = popen(command, "r");
	assert_non_null(out);
	for (; fgets(line, sizeof(line), out); lines++) {
		unsigned long long swapped;

		assert_int_equal(sscanf(line, "%*s %*s %*s %16s %*s %16llx", payload, &swapped), 2);
		key = __builtin_bswap64(swapped);
		assert_true(key < KEYS && version[key]);
		rig_value(key, version[key], value, VALUE);
		snprintf(expected, sizeof(expected), "%016llx",
			 (unsigned long long)XXH3_64bits(value, VALUE));
		assert_string_equal(payload, expected);
	}
	assert_int_equal(pclose(out), 0);
	for (key = 0; key < KEYS; key++)
		there += version[key] > 0;
	assert_int_equal(lines, there);
	assert_int_equal(weir_store_check(rig.path, NULL, &result), 0);
	assert_int_equal(result.entries, there);
	assert_int_equal(result.damage, 0);
}

/* The Nth read fails. Returns false if there are fewer reads. */
static bool one_read(unsigned n, unsigned times, uint64_t *set_aside)
{
	uint64_t out;
	bool reached;

	restore();
	fail_reads(n, times);
	assert_int_equal(churn(ROUND), 0);
	reached = memdisk.fails < times;
	if (!reached)
		memdisk_no_fails();
	out = stats().recovered_out_of_use;
	*set_aside += out;
	assert_true(out <= 1 && (times >= 3 || !out));
	check("when it fails", n, times > 3);
	memdisk_no_fails();
	check("when it is over", n, false);
	assert_int_equal(weir_store_sync(rig.s), 0);
	memdisk_power_off(&rig);
	memdisk_power_on(&rig);
	assert_int_equal(stats().recovered_out_of_use, out);
	check("after a power cut", n, false);
	supersede();
	check("after changes", n, false);
	memdisk_power_off(&rig);
	memdisk_power_on(&rig);
	check("after changes and a power cut", n, false);
	memdisk_reopen(&rig);
	check("in a later life", n, false);
	assert_int_equal(stats().recovered_out_of_use, out);
	memdisk_close(&rig);
	if (n % 5 == 0)
		check_image();
	return reached;
}

static void each_read(unsigned times, bool sets_aside)
{
	unsigned n, reads = 0;
	uint64_t out = 0;

	memdisk_close(&rig);
	for (n = 0; one_read(n, times, &out); n += 7 * RIG_EVERY)
		reads++;
	assert_true(reads > 4 / RIG_EVERY);
	if (sets_aside && RIG_EVERY == 1)
		assert_true(out > 2);
	memdisk_power_on(&rig);
}

static void fails_once(void **state)
{
	(void)state;
	each_read(1, false);
}

static void fails_three_times(void **state)
{
	(void)state;
	each_read(3, true);
}

static void fails_for_good(void **state)
{
	(void)state;
	each_read(UINT32_MAX, true);
}

/* Returns the byte of the device where the value of KEY is now, found by its batch header: every
 * value begins at a block, and no two are the same. */
static uint64_t place_of(uint64_t key)
{
	uint8_t value[VALUE];

	rig_value(key, version[key], value, VALUE);
	for (uint64_t at = FIRST; at < FIRST + SEGMENTS * SEGMENT; at += BLOCK)
		if (!memcmp(memdisk.now + at, value, VALUE))
			return at;
	fail_msg("key %u is nowhere", (unsigned)key);
	return 0;
}

static uint64_t bad_from, bad_to; /* reads that touch these bytes fail */
static uint64_t heals_from;	  /* ... and those of this block, until it is written */
static uint64_t worn;		  /* writes of this block fail */

static int is_bad(const struct weir_cmd *cmd)
{
	uint64_t end = cmd->offset + cmd->length;

	bool heals = heals_from && cmd->offset < heals_from + BLOCK && end > heals_from;

	if (cmd->op == WEIR_OP_READ)
		return heals || (cmd->offset < bad_to && end > bad_from);
	if (cmd->op != WEIR_OP_WRITE)
		return 0;
	if (heals)
		heals_from = 0;
	return worn && cmd->offset < worn + BLOCK && end > worn;
}

static void bad_reads(uint64_t from, uint64_t bytes)
{
	bad_from = from;
	bad_to = from + bytes;
	heals_from = worn = 0;
	memdisk.fails_too = is_bad;
}

static uint64_t segment_of(uint64_t at)
{
	return FIRST + (at - FIRST) / SEGMENT * SEGMENT;
}

/* Nothing of a segment can be read, its footer neither. What is named by its batch headers and its
 * footer is there when they can be read again, in this life. */
static void a_whole_segment(void **state)
{
	unsigned unread;

	(void)state;
	bad_reads(segment_of(place_of(0)), SEGMENT);
	assert_int_equal(churn(ROUND), 0);
	assert_int_equal(stats().aside_segments, 1);
	unread = check("while it is bad", 0, true);
	assert_true(unread > 1);
	assert_int_equal(stats().aside_bytes, unread * VALUE);
	memdisk.fails_too = NULL;
	check("when it is good again", 0, false);
	for (uint64_t key = 0; key < COLD; key++)
		assert_int_equal(put(key, WEIR_PUT_DURABLE), 0);
	assert_int_equal(stats().aside_bytes, 0);
	assert_int_equal(churn(2 * ROUND), 0);
	memdisk_reopen(&rig);
	check("in a later life", 0, false);
}

/* The footer and a value cannot be read: the footer is written anew, from the batch headers. */
static void without_a_footer(void **state)
{
	uint64_t at = place_of(0), footer = segment_of(at) + SEGMENT - BLOCK;

	(void)state;
	bad_reads(at, footer - at);
	heals_from = footer;
	assert_int_equal(churn(ROUND), 0);
	assert_int_equal(stats().aside_segments, 1);
	assert_true(check("while it is bad", 0, true) >= 1);
	memdisk.fails_too = NULL;
	check("when it is good again", 0, false);
	memdisk_close(&rig);
	check_image();
	memdisk_power_on(&rig);
	supersede();
	memdisk_close(&rig);
	check_image();
	memdisk_power_on(&rig);
	check("in a later life", 0, false);
}

/* The footer can neither be read nor written, so it cannot say what lives in its segment: that is
 * found until the store is closed, and nothing old comes back. */
static void nothing_names_them(void **state)
{
	uint64_t at = place_of(0), footer = segment_of(at) + SEGMENT - BLOCK;
	unsigned gone = 0;

	(void)state;
	bad_reads(at, BLOCK);
	worn = footer;
	assert_int_equal(churn(ROUND), 0);
	assert_int_equal(stats().aside_segments, 1);
	assert_int_equal(check("while it is bad", 0, true), 1);
	memdisk.fails_too = NULL;
	check("when it is good again", 0, false);
	assert_int_equal(churn(ROUND), 0);
	memdisk_reopen(&rig);
	assert_int_equal(stats().recovered_out_of_use, 1);
	assert_int_equal(stats().aside_segments, 0);
	for (uint64_t key = 0; key < KEYS; key++)
		if (rig_get(&rig, key, version[key], VALUE) == -ENOENT) {
			version[key] = 0;
			gone++;
		}
	assert_int_equal(gone, 1);
	check("in a later life", 0, false);
}

/* What leaves a segment that is set aside cannot be noted: in later lives nothing of it counts. */
static void cannot_be_struck(void **state)
{
	uint64_t at = place_of(0), footer = segment_of(at) + SEGMENT - BLOCK;

	(void)state;
	bad_reads(at, BLOCK);
	assert_int_equal(churn(ROUND), 0);
	assert_int_equal(stats().aside_segments, 1);
	bad_reads(0, 0);
	worn = footer;
	supersede();
	check("after changes", 0, false);
	memdisk.fails_too = NULL;
	memdisk_reopen(&rig);
	for (uint64_t key = 2; key < COLD; key += 3)
		if (rig_get(&rig, key, version[key], VALUE) == -ENOENT)
			version[key] = 0;
	check("in a later life", 0, false);
	assert_int_equal(stats().aside_segments, 0);
}

static unsigned supers_written;

/* A write of the footer WORN fails, and at that moment a flush fails too. */
static int breaks_at_worn(const struct weir_cmd *cmd)
{
	int bad = is_bad(cmd);

	if (bad && cmd->op == WEIR_OP_WRITE && !rig.s->io.broken)
		io_break(&rig.s->io, -EIO);
	return bad;
}

static void count_supers(const struct weir_cmd *cmd, int ended)
{
	supers_written += !ended && cmd->op == WEIR_OP_WRITE && cmd->offset < FIRST;
}

/* Whose flush has failed does not know what is on the medium, and gives no segment up for it. */
static void a_broken_store_gives_nothing_up(void **state)
{
	uint64_t at = place_of(0), cold = 1;

	(void)state;
	bad_reads(segment_of(at) + BLOCK, SEGMENT - 2 * BLOCK);
	assert_int_equal(churn(ROUND), 0);
	assert_int_equal(stats().aside_segments, 1);
	bad_reads(0, 0);
	worn = segment_of(at) + SEGMENT - BLOCK;
	memdisk.fails_too = breaks_at_worn;
	supers_written = 0;
	memdisk.watch = count_supers;
	assert_int_equal(put(cold, WEIR_PUT_DURABLE), 0);
	assert_int_not_equal(churn(ROUND), 0);
	memdisk.watch = NULL;
	memdisk.fails_too = NULL;
	assert_int_not_equal(rig.s->io.broken, 0);
	assert_int_equal(supers_written, 0);
	memdisk_reopen(&rig);
	assert_int_equal(rig_get(&rig, 2, version[2], VALUE), 1);
}

/* Keys leave a store that is full, but not those that were read lately: if one of these cannot be
 * read, its segment is set aside, and nothing of it leaves. */
static void what_was_used_stays(void **state)
{
	uint64_t at, key, more, all = SEGMENTS * 12;
	uint8_t value[VALUE];

	(void)state;
	memdisk_close(&rig);
	rig_remove(&rig);
	memdisk_free();
	memdisk_set_up(&rig, IMAGE, SEGMENT, 7);
	for (key = 0; key < all; key++)
		assert_int_equal(rig_put(&rig, key, 1, VALUE, 0), 0);
	for (key = all / 2; rig_get(&rig, key, 1, VALUE) != 1; key++)
		;
	rig_value(key, 1, value, VALUE);
	for (at = FIRST; memcmp(memdisk.now + at, value, VALUE) != 0; at += BLOCK)
		;
	bad_reads(at, BLOCK);
	for (more = all; more < 4 * all; more++)
		assert_int_equal(rig_put(&rig, more, 1, VALUE, 0), 0);
	assert_true(stats().evicted_entries > 0);
	assert_int_equal(stats().aside_segments, 1);
	assert_true(stats().aside_bytes > VALUE);
	assert_int_equal(rig_get(&rig, key, 1, VALUE), -EIO);
	memdisk.fails_too = NULL;
	assert_int_equal(rig_get(&rig, key, 1, VALUE), 1);
	memdisk_reopen(&rig);
	assert_int_equal(rig_get(&rig, key, 1, VALUE), 1);
}

/* A drive that reads nothing loses no segment. Puts fail and say why, until it reads again. */
static void a_blind_drive(void **state)
{
	char words[256];

	(void)state;
	bad_reads(0, memdisk.bytes);
	for (unsigned i = 0; i < 50; i++)
		assert_int_equal(churn(3 * ROUND), -EIO);
	snprintf(words, sizeof(words), "%s", weir_error());
	if (!strstr(words, "cannot be read"))
		fail_msg("\"%s\"", words);
	assert_int_equal(stats().recovered_out_of_use, 0);
	assert_int_equal(stats().read_only, 0);
	memdisk.fails_too = NULL;
	check("when it reads again", 0, false);
	assert_int_equal(churn(3 * ROUND), 0);
	check("after puts", 0, false);
	memdisk_reopen(&rig);
	check("in a later life", 0, false);
	/* Only a reclaim whose reads failed just before may have lost one. */
	assert_true(stats().recovered_out_of_use <= 1);
}

/* Only the superblocks can be read: a quarter of the segments is set aside, and then puts fail. */
static void too_many(void **state)
{
	int err = 0;

	(void)state;
	bad_reads(FIRST, SEGMENTS * SEGMENT);
	for (unsigned i = 0; i < 50 && !err; i++)
		err = churn(ROUND);
	assert_int_equal(err, -EIO);
	assert_non_null(strstr(weir_error(), "no more segments can be put out of use"));
	assert_true(stats().aside_segments <= SEGMENTS / 4);
	assert_true(stats().aside_segments > 1);
	memdisk.fails_too = NULL;
	check("when it reads again", 0, false);
	assert_int_equal(churn(3 * ROUND), 0);
	check("after puts", 0, false);
	memdisk_reopen(&rig);
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
	bad_reads(place_of(3), BLOCK);
	assert_int_equal(churn(ROUND), 0);
	assert_int_equal(stats().aside_segments, 1);
	for (unsigned life = 0; life < 2; life++) {
		memset(listed, 0, sizeof(listed));
		assert_int_equal(weir_store_list(rig.s, note_key, listed), 0);
		for (uint64_t key = 0; key < KEYS; key++)
			assert_int_equal(listed[key], 1);
		memdisk_reopen(&rig);
	}
	assert_int_equal(rig_get(&rig, 3, version[3], VALUE), -EIO);
}

/* What cannot be read of the footer of such a segment while the store is opened, is not passed. */
static void footer_unread_at_open(void **state)
{
	uint64_t at = place_of(0), footer = segment_of(at) + SEGMENT - BLOCK;

	(void)state;
	bad_reads(at, BLOCK);
	assert_int_equal(churn(ROUND), 0);
	assert_int_equal(stats().aside_segments, 1);
	memdisk_close(&rig);
	bad_reads(footer, BLOCK);
	memdisk_on(0);
	assert_int_equal(memdisk_open(&rig), -EIO);
	assert_non_null(strstr(weir_error(), "footer of segment"));
	memdisk.fails_too = NULL;
	memdisk_power_on(&rig);
	check("when it can be read", 0, false);
	memdisk_close(&rig);
	bad_reads(footer, BLOCK);
	memdisk.salvage = 1;
	memdisk_power_on(&rig);
	memdisk.salvage = 0;
	assert_int_equal(stats().aside_segments, 0);
	assert_int_equal(stats().recovered_out_of_use, 1);
	memdisk.fails_too = NULL;
	memdisk_reopen(&rig);
	assert_int_equal(stats().aside_segments, 0);
	assert_int_equal(rig_get(&rig, 0, 1, VALUE), -ENOENT);
	version[0] = 0;
	check("when it was given up", 0, false);
}

#define NOTES 60u

/* The commands that write the footer of the segment that is set aside, or a superblock. */
static uint64_t noted[NOTES], noted_footer;
static unsigned notes;

static void note_command(const struct weir_cmd *cmd, int ended)
{
	if (!ended && cmd->op == WEIR_OP_WRITE && notes < NOTES &&
	    (cmd->offset == noted_footer || cmd->offset < 65536))
		noted[notes++] = memdisk.commands;
}

/* Begins anew with the image, in which a segment cannot be read but for its header, and its footer
 * only if NAMED; otherwise it can be read as soon as it was written. */
static void restore_bad(bool named)
{
	uint64_t segment;

	memdisk.state = 7;
	restore();
	segment = segment_of(place_of(0));
	noted_footer = segment + SEGMENT - BLOCK;
	bad_reads(segment + BLOCK, SEGMENT - 2 * BLOCK);
	heals_from = named ? 0 : noted_footer;
	memdisk.commands = 0;
}

/* Puts until the power goes, and notes in SURE which versions are durable. Now and then it puts a
 * key that lies in the segment that is set aside, durable or not. */
static void put_until_off(uint64_t *sure)
{
	uint64_t cold = 0;

	for (unsigned n = 0; n < 2 * ROUND && !memdisk.off; n++) {
		bool aside = n % 27 == 26 && stats().aside_segments;
		uint64_t key = aside ? cold++ % TOGETHER : COLD + n % HOT;
		bool durable = aside && cold % 2;

		if (!put(key, durable ? WEIR_PUT_DURABLE : 0) && durable)
			sure[key] = version[key];
	}
}

/* The power goes with command CUT. */
static void one_cut(bool named, uint64_t cut)
{
	uint64_t sure[KEYS], issued[KEYS], key;

	restore_bad(named);
	memcpy(sure, saved, sizeof(sure));
	memdisk.off_at = cut;
	put_until_off(sure);
	memcpy(issued, version, sizeof(issued));
	memdisk.fails_too = NULL;
	memdisk_power_off(&rig);
	memdisk_power_on(&rig);
	for (unsigned life = 0; life < 2; life++) {
		for (key = 0; key < KEYS; key++) {
			uint64_t found = rig_version(&rig, key, issued[key] + 1, VALUE);

			if (found < sure[key])
				fail_msg("cut %u, life %u: key %u has %u, not %u", (unsigned)cut,
					 life, (unsigned)key, (unsigned)found, (unsigned)sure[key]);
			version[key] = found;
		}
		memcpy(sure, version, sizeof(sure));
		memcpy(issued, version, sizeof(issued));
		assert_int_equal(life ? 0 : churn(ROUND), 0);
		memcpy(sure + COLD, version + COLD, HOT * sizeof(*sure));
		memcpy(issued + COLD, version + COLD, HOT * sizeof(*issued));
		memdisk_reopen(&rig);
	}
	memdisk_close(&rig);
}

/* The power goes at commands around those that set the segment aside, and that strike what leaves
 * it. */
static void power_cuts(bool named)
{
	uint64_t sure[KEYS], last = 0;

	memdisk_close(&rig);
	notes = 0;
	restore_bad(named);
	memdisk.watch = note_command;
	put_until_off(sure);
	memdisk.watch = NULL;
	assert_int_equal(stats().aside_segments, 1);
	memdisk.fails_too = NULL;
	memdisk_power_off(&rig);
	assert_true(notes >= 4 && notes < NOTES);
	for (unsigned n = 0; n < notes; n++)
		for (uint64_t cut = noted[n] - 2; cut < noted[n] + 8; cut += 2 * RIG_EVERY) {
			if (cut > last)
				one_cut(named, cut);
			last = cut > last ? cut : last;
		}
	memdisk_power_on(&rig);
}

static uint64_t first_place[TOGETHER];
static unsigned footers_seen, supers_seen;

/* Returns true if KEY is on the medium outside of the segment that is set aside. */
static bool is_elsewhere(uint64_t key)
{
	uint64_t segment = segment_of(noted_footer);
	uint8_t value[VALUE];

	for (uint64_t v = saved[key]; v <= version[key] + 1; v++) {
		rig_value(key, v, value, VALUE);
		for (uint64_t at = FIRST; at < FIRST + SEGMENTS * SEGMENT; at += BLOCK)
			if (segment_of(at) != segment && !memcmp(memdisk.medium + at, value, VALUE))
				return true;
	}
	return false;
}

/* What is struck in the footer that is written is on the medium elsewhere. */
static void check_strikes(const struct disk_entry *disk)
{
	for (uint64_t key = 0; key < TOGETHER; key++)
		for (unsigned n = 0; disk[n].key_len; n++)
			if (le32toh(disk[n].block) == first_place[key] % SEGMENT / BLOCK &&
			    footer_entry_struck(&disk[n]) && !is_elsewhere(key))
				fail_msg("key %u is struck too early", (unsigned)key);
}

/* Looks at each write of the footer of the segment that is set aside, and of the superblock that
 * says so. */
static void check_order(const struct weir_cmd *cmd, int ended)
{
	struct super super;
	uint32_t version_is;

	if (ended || cmd->op != WEIR_OP_WRITE)
		return;
	if (cmd->offset == noted_footer) {
		check_strikes((const struct disk_entry *)(memdisk.now + noted_footer));
		footers_seen++;
	}
	if (cmd->offset || super_decode(&super, (void *)memdisk.now, 1, &version_is) ||
	    !super.out_aside)
		return;
	assert_memory_equal(memdisk.medium + noted_footer, memdisk.now + noted_footer, BLOCK);
	supers_seen++;
}

/* Nothing is struck before what superseded it is on the medium, and the segment is set aside only
 * when its footer is. ONE: one value cannot be read, and the others move. */
static void order(bool one)
{
	uint64_t sure[KEYS];

	memdisk_close(&rig);
	footers_seen = supers_seen = 0;
	restore_bad(false);
	for (uint64_t key = 0; key < TOGETHER; key++)
		first_place[key] = place_of(key);
	if (one)
		bad_reads(place_of(1), BLOCK);
	memdisk.watch = check_order;
	put_until_off(sure);
	memdisk.watch = NULL;
	memdisk.fails_too = NULL;
	assert_int_equal(stats().aside_segments, 1);
	assert_true(supers_seen == 1 && footers_seen >= (one ? 1 : 6));
}

static void order_of_one_value(void **state)
{
	(void)state;
	order(true);
}

static void order_of_a_segment(void **state)
{
	(void)state;
	order(false);
}

static uint64_t first_footer;
static bool first_written; /* behind the last footer of another segment */

/* When the footer of a segment behind the first one is written, that of the first one is on the
 * medium. */
static void check_first_footer(const struct weir_cmd *cmd, int ended)
{
	uint64_t behind = cmd->offset - first_footer;

	if (ended || cmd->op != WEIR_OP_WRITE || behind % SEGMENT || behind > 2 * SEGMENT)
		return;
	if (!behind) {
		first_written = true;
		return;
	}
	if (memcmp(memdisk.medium + first_footer, memdisk.now + first_footer, BLOCK))
		fail_msg("the strikes of another segment are not on the medium");
	footers_seen += first_written;
	first_written = false;
}

/* Nothing but the headers and footers of the first three segments can be read. */
static int is_in_the_first_three(const struct weir_cmd *cmd)
{
	uint64_t at = cmd->offset % SEGMENT;

	return cmd->op == WEIR_OP_READ && cmd->offset - FIRST < 3ull * SEGMENT && at >= BLOCK &&
	       at < SEGMENT - BLOCK;
}

/* A segment is set aside while the strikes of another one must still be written: what it held may
 * have deleted what is struck there. */
static void order_of_two_segments(void **state)
{
	uint64_t cold = 0;

	(void)state;
	memdisk_close(&rig);
	footers_seen = 0;
	restore();
	first_footer = segment_of(place_of(0)) + SEGMENT - BLOCK;
	first_written = false;
	memdisk.fails_too = is_in_the_first_three;
	while (!stats().aside_segments)
		assert_int_equal(churn(1), 0);
	memdisk.watch = check_first_footer;
	for (unsigned n = 0; n < ROUND && stats().aside_segments < 3; n++) {
		if (cold < TOGETHER)
			assert_int_equal(put(cold++, WEIR_PUT_DURABLE), 0);
		assert_int_equal(churn(1), 0);
	}
	memdisk.watch = NULL;
	memdisk.fails_too = NULL;
	assert_int_equal(stats().aside_segments, 3);
	assert_true(footers_seen >= 1);
	check("behind them", 0, false);
}

static void power_cuts_with_its_footer(void **state)
{
	(void)state;
	power_cuts(true);
}

static void power_cuts_with_a_new_footer(void **state)
{
	(void)state;
	power_cuts(false);
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(fails_once),
		TEST(fails_three_times),
		TEST(fails_for_good),
		TEST(a_whole_segment),
		TEST(without_a_footer),
		TEST(nothing_names_them),
		TEST(cannot_be_struck),
		TEST(a_broken_store_gives_nothing_up),
		TEST(what_was_used_stays),
		TEST(a_blind_drive),
		TEST(too_many),
		TEST(is_listed),
		TEST(footer_unread_at_open),
		TEST(order_of_one_value),
		TEST(order_of_a_segment),
		TEST(order_of_two_segments),
		TEST(power_cuts_with_its_footer),
		TEST(power_cuts_with_a_new_footer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
