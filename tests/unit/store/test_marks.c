/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_marks.c - segments are reclaimed in the background between a low and a high mark: puts after
 * a pause find free segments, nothing is reclaimed without need, and nothing alive leaves the store
 * beyond the low mark.
 */
#include <errno.h>

#include <weir/pin.h>
#include <weir/tenant.h>

#include "memdisk.h"
#include "store/log/logs.h"
#include "store/store.h"

#define SEGMENT (64u << 10)
#define SEGMENTS 64u
#define IMAGE ((SEGMENTS + 2) * SEGMENT)
#define LENGTH 12000u /* three blocks and one for the header: three values in a segment */
#define PER_SEGMENT 3u
#define FULL (SEGMENTS * PER_SEGMENT) /* puts that fill the store */
#define BURST (9u * PER_SEGMENT)      /* more than the segments that are begun ahead hold */

static struct rig rig = { .engine = "posix" };

static void make(uint32_t low, uint32_t high)
{
	rig.free_low = low;
	rig.free_high = high;
	memdisk_set_up(&rig, IMAGE, SEGMENT, 3);
}

static int tear_down(void **state)
{
	(void)state;
	rig.max_put_bytes = 0;
	memdisk.watch = NULL;
	memdisk_tear_down(&rig);
	return 0;
}

/* Lets the store do what it does when nobody asks for anything. */
static void pause_here(void)
{
	do {
		assert_int_equal(weir_store_poll(rig.s), 0);
	} while (store_busy(rig.s) || rig.s->io.asking);
}

static struct weir_store_stats stats_of(void)
{
	struct weir_store_stats stats;

	rig_stats(&rig, &stats);
	return stats;
}

static struct weir_store_info info_of(void)
{
	struct weir_store_info info = WEIR_STORE_INFO_INIT;

	assert_int_equal(weir_store_get_info(rig.s, &info), 0);
	return info;
}

static void put(uint64_t key, uint64_t version)
{
	if (rig_put(&rig, key, version, LENGTH, 0))
		fail_msg("put: %s", weir_error());
}

/* Fills the store with keys that all live. */
static void fill(void)
{
	for (uint64_t key = 0; key < FULL; key++)
		put(key, 1);
	pause_here();
}

/* Puts N new keys at the same time, into STREAM. */
static void burst(uint64_t from, unsigned n, uint16_t stream)
{
	static struct weir_store_op ops[BURST];
	static uint64_t keys[BURST];
	static uint8_t value[LENGTH];

	for (unsigned i = 0; i < n; i++) {
		keys[i] = from + i;
		ops[i] = rig_put_op(&keys[i], value, LENGTH);
		ops[i].stream = stream;
	}
	if (weir_store_run(rig.s, ops, n))
		fail_msg("puts: %s", weir_error());
}

/* Puts that come after a pause wait for no reclaim, unless there are no marks. */
static void a_burst_after_a_pause(void **state)
{
	const bool *marks = *state;
	struct weir_store_stats before, after;

	make(*marks ? 15 : WEIR_FREE_LOW_NONE, 0);
	fill();
	for (unsigned n = 1; n <= 5; n++) {
		before = stats_of();
		burst(n * 1000, BURST, 0);
		after = stats_of();
		if (*marks) {
			assert_int_equal(after.space_wait.count, before.space_wait.count);
			assert_int_equal(after.inline_reclaims, before.inline_reclaims);
		} else {
			assert_true(after.space_wait.count > before.space_wait.count);
			assert_true(after.inline_reclaims > before.inline_reclaims);
			assert_true(after.space_wait.max_ns <= after.space_wait.sum_ns);
		}
		/* Where there are marks, that may happen after the puts have ended. */
		pause_here();
		assert_true(stats_of().evicted_segments > before.evicted_segments);
	}
	after = stats_of();
	assert_true(!*marks || after.background_reclaims > 30);
}

/* In a store that is full of live entries only the low mark is held, and no more leaves than for
 * that. */
static void live_entries_leave_for_the_low_mark(void **state)
{
	struct weir_store_stats with, without;
	struct weir_store_info info;

	(void)state;
	make(10, 25);
	info = info_of();
	assert_int_equal(info.free_low, SEGMENTS_RESERVED + info.segments / 10);
	assert_int_equal(info.free_high, SEGMENTS_RESERVED + info.segments / 4);
	fill();
	for (uint64_t key = FULL; key < FULL + 2 * FULL / RIG_EVERY; key++) {
		put(key, 1);
		pause_here();
		assert_int_equal(stats_of().free_segments, info.free_low);
	}
	with = stats_of();
	assert_int_equal(with.inline_reclaims, 0);
	memdisk_tear_down(&rig);
	make(WEIR_FREE_LOW_NONE, 0);
	fill();
	for (uint64_t key = FULL; key < FULL + 2 * FULL / RIG_EVERY; key++)
		put(key, 1);
	without = stats_of();
	assert_true(with.entries <= without.entries);
	assert_true(with.entries >=
		    without.entries - (info.free_low - SEGMENTS_RESERVED + 1) * PER_SEGMENT);
	assert_int_equal(info_of().free_low, 0);
	assert_int_equal(info_of().free_high, 0);
}

/* If there is garbage, reclaiming begins below the low mark, stops at the high one, and nothing
 * leaves. */
static void garbage_is_reclaimed_to_the_high_mark(void **state)
{
	struct weir_store_info info;
	struct weir_store_stats now;
	uint64_t begun = 0, fills = 0;

	(void)state;
	make(10, 25);
	info = info_of();
	for (uint64_t n = 0; n < 3 * FULL; n++) {
		put(n % 40, n);
		pause_here();
		now = stats_of();
		assert_true(now.free_segments >= info.free_low);
		if (now.background_reclaims == begun)
			continue;
		/* What has survived may have taken a segment or two. */
		assert_true(now.free_segments + 2 >= info.free_high);
		assert_true(now.free_segments <= info.free_high + 1);
		begun = now.background_reclaims;
		fills++;
	}
	assert_true(fills > 5 && fills < 3 * FULL / PER_SEGMENT / 5);
	assert_int_equal(now.entries, 40);
	assert_int_equal(now.evicted_entries, 0);
	assert_int_equal(now.inline_reclaims, 0);
	rig_check_counts(rig.s);
}

/* A store that has fewer free segments than the marks say writes nothing before somebody puts. */
static void nothing_without_puts(void **state)
{
	struct weir_store_stats stats;
	uint64_t absent = 1u << 30;

	(void)state;
	make(WEIR_FREE_LOW_NONE, 0);
	fill();
	rig.free_low = 20;
	assert_int_equal(memdisk_reopen(&rig), 0);
	for (uint64_t key = FULL / 2; key < FULL; key++)
		assert_int_equal(rig_get(&rig, key, 1, LENGTH), 1);
	assert_int_equal(rig_delete(&rig, absent, 0), -ENOENT);
	assert_int_equal(weir_store_sync(rig.s), 0);
	pause_here();
	stats = stats_of();
	assert_int_equal(stats.background_reclaims + stats.inline_reclaims, 0);
	assert_int_equal(stats.written_bytes, 0);
	assert_true(stats.free_segments < info_of().free_low);
	put(absent, 1);
	pause_here();
	stats = stats_of();
	assert_true(stats.background_reclaims > 0);
	/* Each segment that puts take wins some of it back. */
	for (uint64_t n = 0; n < 60; n++) {
		put(absent + n, 1);
		pause_here();
	}
	assert_int_equal(stats_of().free_segments, info_of().free_low);
}

/* If pins hold so much that the low mark cannot be reached, what is written again in vain is
 * bounded by what puts write. */
static void pins_bound_the_work(void **state)
{
	struct weir_store_stats before, after;
	uint64_t key, pinned = 0, puts = 10 * PER_SEGMENT;

	(void)state;
	make(WEIR_FREE_LOW_NONE, 0);
	for (key = 0; key < FULL - 12 * PER_SEGMENT; key++) {
		put(key, 1);
		assert_int_equal(weir_store_pin(rig.s, &key, sizeof(key)), 0);
		pinned++;
	}
	for (uint64_t n = 0; n < FULL; n++)
		put(FULL + n, 1);
	assert_int_equal(memdisk_close(&rig), 0);
	rig.free_low = 50;
	assert_int_equal(memdisk_open(&rig), 0);
	for (key = 0; key < pinned; key++)
		assert_int_equal(weir_store_pin(rig.s, &key, sizeof(key)), 0);
	before = stats_of();
	for (uint64_t n = 0; n < puts; n++) {
		put(3 * FULL + n, 1);
		pause_here();
	}
	after = stats_of();
	assert_true(after.free_segments < info_of().free_low);
	/* Eight for each segment that puts open. */
	assert_true(after.background_reclaims - before.background_reclaims < 8 * puts);
	for (key = 0; key < pinned; key++)
		assert_int_equal(rig_get(&rig, key, 1, LENGTH), 1);
	rig_check_counts(rig.s);
}

#define SHORT 400u
#define MANY 64u

/* Puts MANY short values from key FROM on. */
static void put_short(uint64_t from)
{
	static struct weir_store_op ops[MANY];
	static uint64_t keys[MANY];
	static uint8_t values[MANY][SHORT];

	for (unsigned n = 0; n < MANY; n++) {
		keys[n] = from + n;
		rig_value(keys[n], 1, values[n], SHORT);
		ops[n] = (struct weir_store_op)WEIR_STORE_OP_INIT;
		ops[n].key = &keys[n];
		ops[n].key_len = sizeof(keys[n]);
		ops[n].value = values[n];
		ops[n].value_len = SHORT;
	}
	assert_int_equal(weir_store_put_many(rig.s, ops, MANY), 0);
}

/* Closing gives a background reclaim up that has more survivors than are moved together. None of
 * them is lost, and nothing leaves. */
static void closing_meets_a_reclaim(void **state)
{
	struct weir_store_stats before;
	uint64_t key = 0, old;

	(void)state;
	rig.free_low = 25;
	rig.free_high = 50;
	rig_make(&rig, 9u << 20, 1u << 20, 512);
	memdisk_load(&rig, 512, 3);
	assert_int_equal(memdisk_open(&rig), 0);
	for (; !stats_of().evicted_segments; key += MANY)
		put_short(key);
	pause_here();
	/* Most of what is there is read. */
	for (; !rig.s->logs->surviving; key += MANY) {
		for (old = 0; old < key; old++)
			if (old % 10)
				(void)weir_store_exists(rig.s, &old, sizeof(old), NULL);
		put_short(key);
	}
	before = stats_of();
	assert_true(before.background_reclaims > 0);
	assert_int_equal(before.space_wait.count, 0);
	assert_int_equal(memdisk_reopen(&rig), 0);
	assert_int_equal(stats_of().entries, before.entries);
	/* What has moved took one segment, and not one for each part. */
	assert_true(stats_of().free_segments + 1 >= before.free_segments);
	assert_int_equal(stats_of().recovered_dropped_records, 0);
	for (old = key - MANY; old < key; old++)
		assert_int_equal(rig_get(&rig, old, 1, SHORT), 1);
	rig_check_counts(rig.s);
}

static bool pausing;

/* While no put is under way, what is as long as a value is a survivor. */
static int fails_survivors(const struct weir_cmd *cmd)
{
	return pausing && cmd->op == WEIR_OP_WRITE && cmd->length >= LENGTH;
}

/* A background reclaim that fails is given up, and fails no put that does not need it. */
static void a_reclaim_that_fails(void **state)
{
	struct weir_store_stats stats;
	uint64_t key;

	(void)state;
	make(10, 20);
	fill();
	for (uint64_t old = 0; old < FULL; old++)
		(void)weir_store_exists(rig.s, &old, sizeof(old), NULL);
	memdisk.fails_too = fails_survivors;
	for (key = 4 * FULL; key < 4 * FULL + 12; key++) {
		put(key, 1);
		pausing = true;
		pause_here();
		pausing = false;
	}
	memdisk.fails_too = NULL;
	stats = stats_of();
	assert_true(stats.failed_ios > 0 && !stats.read_only);
	/* None is tried again before the next put. */
	assert_true(stats.failed_ios <= 12);
	for (; key < 6 * FULL; key++) {
		put(key, 1);
		pause_here();
	}
	assert_int_equal(stats_of().free_segments, info_of().free_low);
	assert_true(stats_of().survivors > 0);
	rig_check_counts(rig.s);
}

static int fails_first_stream(const struct weir_cmd *cmd)
{
	const struct segment *seg;

	if (cmd->op != WEIR_OP_WRITE || cmd->length < LENGTH || !rig.s)
		return 0;
	seg = &rig.s->logs->segs.all[(cmd->offset - rig.s->io.lay->data_offset) / SEGMENT];
	return seg->log && !seg->log->stream;
}

/* Puts of another stream that wait for something else at that moment do not fail, either. */
static void a_reclaim_that_fails_beside_puts(void **state)
{
	struct weir_store_stats before, after;
	uint32_t stream;

	(void)state;
	rig.max_put_bytes = LENGTH;
	make(15, 20);
	assert_true(weir_store_add_tenant(rig.s, "other", &stream) >= 0);
	fill();
	for (uint64_t old = 0; old < FULL; old++)
		(void)weir_store_exists(rig.s, &old, sizeof(old), NULL);
	before = stats_of();
	memdisk.fails_too = fails_first_stream;
	burst(4 * FULL, 4 * PER_SEGMENT, (uint16_t)stream);
	memdisk.fails_too = NULL;
	after = stats_of();
	assert_true(after.background_reclaims > before.background_reclaims);
	assert_int_equal(after.inline_reclaims, before.inline_reclaims);
	assert_true(after.failed_ios > before.failed_ios);
}

/* By default a small store keeps nothing free besides the reserve. */
static void defaults(void **state)
{
	static const struct {
		uint32_t segments, low, high;
	} want[] = { { 8, 0, 0 }, { 64, 0, 0 }, { 100, 3, 4 }, { 256, 4, 7 } };
	struct weir_store_opts opts = WEIR_STORE_OPTS_INIT;
	struct weir_store_info info = WEIR_STORE_INFO_INIT;
	struct rig other = { .engine = "posix", .attach = 1 };

	(void)state;
	make(0, 0); /* what tear_down() removes */
	for (size_t n = 0; n < sizeof(want) / sizeof(want[0]); n++) {
		rig_make(&other, want[n].segments * SEGMENT + (128u << 10), SEGMENT, 4096);
		rig_open(&other);
		info.size = sizeof(info);
		assert_int_equal(weir_store_get_info(other.s, &info), 0);
		assert_int_equal(info.segments, want[n].segments);
		assert_int_equal(info.free_low, want[n].low);
		assert_int_equal(info.free_high, want[n].high);
		rig_close(&other);
		opts.attach = 1;
		opts.free_low_percent = 25;
		assert_int_equal(weir_store_open(&other.s, other.path, &opts), 0);
		info.size = sizeof(info);
		assert_int_equal(weir_store_get_info(other.s, &info), 0);
		assert_int_equal(info.free_low, 2 + want[n].segments / 4);
		assert_int_equal(info.free_high, 2 + want[n].segments / 2);
		rig_remove(&other);
	}
}

/* Returns how often operations have waited for space. */
static uint64_t waits(void)
{
	struct weir_latency wait;

	hist_summary(&rig.s->logs->marks.wait, &wait);
	return wait.count;
}

/* A put waits for space behind a delete, which has opened a segment of the reserve: that is a wait
 * as any other. */
static void waits_beside_the_reserve(void **state)
{
	static uint8_t value[LENGTH];
	uint64_t keys[2] = { 1, 2 }, key = 10, before;
	struct weir_store_op ops[2] = { WEIR_STORE_OP_INIT, WEIR_STORE_OP_INIT };
	uint32_t stream;

	(void)state;
	/* So few that none is begun ahead. */
	rig.free_low = WEIR_FREE_LOW_NONE;
	memdisk_set_up(&rig, 26 * SEGMENT, SEGMENT, 3);
	assert_int_equal(weir_store_add_tenant(rig.s, "other", &stream), 1);
	assert_int_equal(rig_put(&rig, keys[0], 1, LENGTH, RIG_STREAM(stream)), 0);
	assert_int_equal(memdisk_reopen(&rig), 0);
	for (; stats_of().free_segments > SEGMENTS_RESERVED; key++) {
		put(key, 1);
		pause_here();
	}
	before = waits();
	for (unsigned n = 0; n < 2; n++) {
		ops[n].kind = n ? WEIR_STORE_PUT : WEIR_STORE_DELETE;
		ops[n].key = &keys[n];
		ops[n].key_len = sizeof(keys[n]);
	}
	ops[1].value = value;
	ops[1].value_len = LENGTH;
	ops[1].stream = (uint16_t)stream;
	assert_int_equal(weir_store_run(rig.s, ops, 2), 0);
	assert_int_equal(waits(), before + 1);
}

/* Marks that are set while the store is open count at once, and in later lives unless the options
 * of an open say otherwise. */
static void set_while_open(void **state)
{
	struct weir_store_info info;
	uint64_t low = SEGMENTS_RESERVED + SEGMENTS / 10;

	(void)state;
	make(WEIR_FREE_LOW_NONE, 0);
	fill();
	assert_int_equal(info_of().free_low, 0);
	assert_true(stats_of().free_segments < low);
	assert_int_equal(weir_store_set_free_marks(rig.s, 51, 0), -EINVAL);
	assert_int_equal(weir_store_set_free_marks(rig.s, 9, 8), -EINVAL);
	assert_int_equal(info_of().free_low, 0);
	assert_int_equal(weir_store_set_free_marks(rig.s, 10, 25), 0);
	for (uint64_t n = 0; n < 40; n++) {
		put(2 * FULL + n, 1);
		pause_here();
	}
	info = info_of();
	assert_int_equal(info.free_low, low);
	assert_int_equal(info.free_high, SEGMENTS_RESERVED + SEGMENTS / 4);
	assert_int_equal(stats_of().free_segments, low);
	assert_int_equal(memdisk_reopen(&rig), 0); /* with other options */
	assert_int_equal(info_of().free_low, 0);
	rig.free_low = 0;
	assert_int_equal(memdisk_reopen(&rig), 0);
	assert_int_equal(info_of().free_low, low);
	assert_int_equal(info_of().free_high, info.free_high);
	assert_int_equal(weir_store_set_free_marks(rig.s, WEIR_FREE_LOW_NONE, 0), 0);
	assert_int_equal(memdisk_reopen(&rig), 0);
	assert_int_equal(info_of().free_low, 0);
}

static void contradictions(void **state)
{
	static const struct {
		uint32_t low, high;
		const char *says;
	} bad[] = { { 5, 3, "a low mark of 5 % above the high one of 3 %" },
		    { 51, 0, "at most 50 %" },
		    { 0, 60, "at most 50 %" },
		    { WEIR_FREE_LOW_NONE, 4, "a high mark of 4 % without a low one" },
		    { 2, WEIR_FREE_LOW_NONE, "at most 50 %" } };
	struct weir_store_opts opts = WEIR_STORE_OPTS_INIT;
	struct weir_store_format_opts format = WEIR_STORE_FORMAT_OPTS_INIT;
	struct rig other = { .engine = "posix" };

	(void)state;
	make(0, 0);
	rig_make(&other, 4u << 20, SEGMENT, 4096);
	for (size_t n = 0; n < sizeof(bad) / sizeof(bad[0]); n++) {
		opts.free_low_percent = format.free_low_percent = bad[n].low;
		opts.free_high_percent = format.free_high_percent = bad[n].high;
		format.force = 2;
		assert_int_equal(weir_store_open(&other.s, other.path, &opts), -EINVAL);
		assert_non_null(strstr(weir_error(), bad[n].says));
		assert_int_equal(weir_store_format(other.path, &format), -EINVAL);
		assert_non_null(strstr(weir_error(), bad[n].says));
	}
	other.s = NULL;
	rig_remove(&other);
}

/* What the store was formatted with counts, unless an open says otherwise. */
static void the_marks_are_stored(void **state)
{
	struct weir_store_format_opts format = WEIR_STORE_FORMAT_OPTS_INIT;
	struct weir_store_opts opts = WEIR_STORE_OPTS_INIT;
	struct weir_store_info info = WEIR_STORE_INFO_INIT;
	struct rig other = { .engine = "posix" };

	(void)state;
	make(0, 0);
	rig_make(&other, IMAGE, SEGMENT, 4096);
	format.force = 2;
	format.segment_bytes = SEGMENT;
	format.free_low_percent = 10;
	format.free_high_percent = 30;
	assert_int_equal(weir_store_format(other.path, &format), 0);
	for (unsigned n = 0; n < 3; n++) {
		opts.free_low_percent = n == 1 ? WEIR_FREE_LOW_NONE : 0;
		assert_int_equal(weir_store_open(&other.s, other.path, &opts), 0);
		info.size = sizeof(info);
		assert_int_equal(weir_store_get_info(other.s, &info), 0);
		assert_int_equal(info.free_low, n == 1 ? 0 : 2 + info.segments / 10);
		assert_int_equal(info.free_high, n == 1 ? 0 : 2 + info.segments * 30 / 100);
		assert_int_equal(weir_store_close(other.s), 0);
	}
	other.s = NULL;
	rig_remove(&other);
}

#define MARKS(test) cmocka_unit_test_teardown(test, tear_down)

int main(void)
{
	static bool with = true, without = false;
	const struct CMUnitTest tests[] = {
		{ "a_burst_after_a_pause", a_burst_after_a_pause, NULL, tear_down, &with },
		{ "a_burst_without_marks", a_burst_after_a_pause, NULL, tear_down, &without },
		MARKS(live_entries_leave_for_the_low_mark),
		MARKS(garbage_is_reclaimed_to_the_high_mark),
		MARKS(nothing_without_puts),
		MARKS(pins_bound_the_work),
		MARKS(closing_meets_a_reclaim),
		MARKS(a_reclaim_that_fails),
		MARKS(a_reclaim_that_fails_beside_puts),
		MARKS(defaults),
		MARKS(waits_beside_the_reserve),
		MARKS(set_while_open),
		MARKS(contradictions),
		MARKS(the_marks_are_stored),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
