/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_aside_order.c - in which order a segment is set aside, and what leaves it is struck: as the
 * drive sees the commands, and by power cuts around them.
 */
#include <errno.h>
#include <stdio.h>

#include <weir/metrics.h>

#include "cold.h"
#include "store/format/footer.h"
#include "store/format/super.h"

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

/* A segment that was set aside is not among those that were given up. */
static void check_metrics(void)
{
	char *text;

	assert_int_equal(weir_store_metrics(cold_rig.s, WEIR_METRICS_OPENMETRICS, &text, NULL), 0);
	assert_non_null(strstr(text, ",state=\"set_aside\"} 1\n"));
	assert_non_null(strstr(text, ",state=\"out_of_use\"} 0\n"));
	weir_metrics_free(text);
}

/* Begins anew with the image, in which a segment cannot be read but for its header, and its footer
 * only if NAMED; otherwise it can be read as soon as it was written. */
static void restore_bad(bool named)
{
	uint64_t segment;

	memdisk.state = 7;
	cold_restore();
	segment = cold_segment(cold_place(0));
	noted_footer = segment + SEGMENT - BLOCK;
	cold_bad_reads(segment + BLOCK, SEGMENT - 2 * BLOCK);
	cold_heals_from = named ? 0 : noted_footer;
	memdisk.commands = 0;
}

/* Puts until the power goes, and notes in SURE which versions are durable. Now and then it puts a
 * key that lies in the segment that is set aside, durable or not. */
static void put_until_off(uint64_t *sure)
{
	uint64_t cold = 0;

	for (unsigned n = 0; n < 2 * ROUND && !memdisk.off; n++) {
		bool aside = n % 27 == 26 && cold_stats().aside_segments;
		uint64_t key = aside ? cold++ % TOGETHER : COLD + n % HOT;
		bool durable = aside && cold % 2;

		if (!cold_put(key, durable ? WEIR_PUT_DURABLE : 0) && durable)
			sure[key] = cold_version[key];
	}
}

/* The power goes with command CUT. */
static void one_cut(bool named, uint64_t cut)
{
	uint64_t sure[KEYS], issued[KEYS], key;

	restore_bad(named);
	memcpy(sure, cold_saved, sizeof(sure));
	memdisk.off_at = cut;
	put_until_off(sure);
	memcpy(issued, cold_version, sizeof(issued));
	memdisk.fails_too = NULL;
	memdisk_power_off(&cold_rig);
	memdisk_power_on(&cold_rig);
	for (unsigned life = 0; life < 2; life++) {
		for (key = 0; key < KEYS; key++) {
			uint64_t found = rig_version(&cold_rig, key, issued[key] + 1, VALUE);

			if (found < sure[key])
				fail_msg("cut %u, life %u: key %u has %u, not %u", (unsigned)cut,
					 life, (unsigned)key, (unsigned)found, (unsigned)sure[key]);
			cold_version[key] = found;
		}
		memcpy(sure, cold_version, sizeof(sure));
		memcpy(issued, cold_version, sizeof(issued));
		assert_int_equal(life ? 0 : cold_churn(ROUND), 0);
		memcpy(sure + COLD, cold_version + COLD, HOT * sizeof(*sure));
		memcpy(issued + COLD, cold_version + COLD, HOT * sizeof(*issued));
		memdisk_reopen(&cold_rig);
	}
	memdisk_close(&cold_rig);
}

/* The power goes at commands around those that set the segment aside, and that strike what leaves
 * it. */
static void power_cuts(bool named)
{
	uint64_t sure[KEYS], last = 0;

	memdisk_close(&cold_rig);
	notes = 0;
	restore_bad(named);
	memdisk.watch = note_command;
	put_until_off(sure);
	memdisk.watch = NULL;
	assert_int_equal(cold_stats().aside_segments, 1);
	check_metrics();
	memdisk.fails_too = NULL;
	memdisk_power_off(&cold_rig);
	assert_true(notes >= 4 && notes < NOTES);
	for (unsigned n = 0; n < notes; n++)
		for (uint64_t cut = noted[n] - 2; cut < noted[n] + 8; cut += 2 * RIG_EVERY) {
			if (cut > last)
				one_cut(named, cut);
			last = cut > last ? cut : last;
		}
	memdisk_power_on(&cold_rig);
}

static uint64_t first_place[TOGETHER];
static unsigned footers_seen, supers_seen;

/* Returns true if KEY is on the medium outside of the segment that is set aside. */
static bool is_elsewhere(uint64_t key)
{
	uint64_t segment = cold_segment(noted_footer);
	uint8_t value[VALUE];

	for (uint64_t v = cold_saved[key]; v <= cold_version[key] + 1; v++) {
		rig_value(key, v, value, VALUE);
		for (uint64_t at = FIRST; at < FIRST + SEGMENTS * SEGMENT; at += BLOCK)
			if (cold_segment(at) != segment &&
			    !memcmp(memdisk.medium + at, value, VALUE))
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

	memdisk_close(&cold_rig);
	footers_seen = supers_seen = 0;
	restore_bad(false);
	for (uint64_t key = 0; key < TOGETHER; key++)
		first_place[key] = cold_place(key);
	if (one)
		cold_bad_reads(cold_place(1), BLOCK);
	memdisk.watch = check_order;
	put_until_off(sure);
	memdisk.watch = NULL;
	memdisk.fails_too = NULL;
	assert_int_equal(cold_stats().aside_segments, 1);
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
	memdisk_close(&cold_rig);
	footers_seen = 0;
	cold_restore();
	first_footer = cold_segment(cold_place(0)) + SEGMENT - BLOCK;
	first_written = false;
	memdisk.fails_too = is_in_the_first_three;
	while (!cold_stats().aside_segments)
		assert_int_equal(cold_churn(1), 0);
	memdisk.watch = check_first_footer;
	for (unsigned n = 0; n < ROUND && cold_stats().aside_segments < 3; n++) {
		if (cold < TOGETHER)
			assert_int_equal(cold_put(cold++, WEIR_PUT_DURABLE), 0);
		assert_int_equal(cold_churn(1), 0);
	}
	memdisk.watch = NULL;
	memdisk.fails_too = NULL;
	assert_int_equal(cold_stats().aside_segments, 3);
	assert_true(footers_seen >= 1);
	cold_check("behind them", 0, false);
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

#define TEST(test) cmocka_unit_test_setup_teardown(test, cold_set_up, cold_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(order_of_one_value),	    TEST(order_of_a_segment),
		TEST(order_of_two_segments),	    TEST(power_cuts_with_its_footer),
		TEST(power_cuts_with_a_new_footer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
