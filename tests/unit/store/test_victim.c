/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_victim.c - which segment is reclaimed next, and what of it survives: each rule of the choice
 * with logs that differ only in what the rule looks at.
 */
#include <endian.h>
#include <string.h>

#include "rig.h"
#include "store/format/policy.h"
#include "store/log/logs.h"
#include "store/log/victim.h"

#define BLOCKS 16u /* of a segment */
#define SEGMENTS 20u
#define FULL 12u /* blocks that live in a segment without much garbage */
#define LOGS 3u

static const struct layout lay = { .segment_blocks = BLOCKS, .segment_bytes = BLOCKS * 4096 };
static struct store_io io;
static struct logs ls;
static struct log logs_of_test[LOGS];
static struct segment segment[SEGMENTS];
static uint32_t segments_used;

static int set_up(void **state)
{
	uint32_t i;

	(void)state;
	memset(&io, 0, sizeof(io));
	memset(&ls, 0, sizeof(ls));
	memset(logs_of_test, 0, sizeof(logs_of_test));
	memset(segment, 0, sizeof(segment));
	segments_used = 0;
	io.lay = &lay;
	ls.io = &io;
	ls.count = LOGS;
	ls.segs.count = SEGMENTS;
	ls.segs.free_count = SEGMENTS_RESERVED;
	TAILQ_INIT(&ls.reclaims);
	for (i = 0; i < LOGS; i++) {
		ls.log[i] = &logs_of_test[i];
		ls.log[i]->all = &ls;
		ls.log[i]->io = &io;
		ls.log[i]->stream = i;
		ls.log[i]->weight = LOG_WEIGHT_ONE;
		segments_init_log(&ls.log[i]->segs);
		STAILQ_INIT(&ls.log[i]->batches);
	}
	return 0;
}

/* Adds a sealed segment to log N, with LIVE blocks of USED, and generation GEN. */
static struct segment *add(uint32_t n, uint64_t gen, uint32_t live, uint32_t used)
{
	struct segment *seg = &segment[segments_used++];
	struct log *l = ls.log[n];

	assert_true(segments_used <= SEGMENTS);
	seg->log = l;
	seg->state = SEGMENT_SEALED;
	seg->gen = (struct generation){ 1, gen };
	seg->live_blocks = live;
	seg->end = used + 1;
	l->live_blocks += live;
	l->segs.used++;
	TAILQ_INSERT_TAIL(&l->segs.list, seg, link);
	return seg;
}

/* Adds MORE segments without much garbage behind the first one of log N. */
static void add_full(uint32_t n, uint32_t more)
{
	while (more--)
		add(n, 100 + segments_used, FULL, BLOCKS - 1);
}

/* Checks that SEG is chosen; everything in it survives if ALL. */
static void chooses(const struct segment *seg, bool all)
{
	struct victim v;

	assert_int_equal(victim_choose(&ls, &v), seg != NULL);
	assert_ptr_equal(v.seg, seg);
	if (seg)
		assert_int_equal(v.rule.all, all);
}

static void nothing_to_choose(void **state)
{
	struct batch unpublished = { 0 };
	struct segment *seg;

	(void)state;
	chooses(NULL, false);
	seg = add(0, 1, FULL, BLOCKS - 1);
	seg->state = SEGMENT_CLOSED;
	chooses(NULL, false);
	seg->state = SEGMENT_SEALED;
	unpublished.seg = seg;
	STAILQ_INSERT_TAIL(&ls.log[0]->batches, &unpublished, link);
	chooses(NULL, false);
	STAILQ_REMOVE_HEAD(&ls.log[0]->batches, link);
	chooses(seg, false);
	ls.surviving = true;
	chooses(NULL, false);
}

/* Of nearly empty segments the one in which least lives comes first, then the oldest. */
static void emptiest_first(void **state)
{
	struct segment *a = add(0, 5, 3, 9), *b = add(1, 9, 2, 9);

	(void)state;
	add_full(0, 1);
	add_full(1, 1);
	chooses(b, true);
	a->live_blocks = 1;
	chooses(a, true);
	a->live_blocks = 2;
	chooses(a, true);
	a->gen.counter = 12;
	chooses(b, true);
}

/* The only segment of a log is worth moving only if nothing lives in it. */
static void what_wins_nothing_is_last(void **state)
{
	struct segment *alone = add(0, 1, 1, 9), *other = add(1, 2, 3, 9);

	(void)state;
	add_full(1, 1);
	chooses(other, true);
	alone->live_blocks = 0;
	other->live_blocks = 1;
	chooses(alone, false);
}

/* What lives in a segment without garbage leaves; then the oldest segment of all comes first. */
static void oldest_of_all(void **state)
{
	struct segment *seg;

	(void)state;
	add(0, 7, FULL, BLOCKS - 1);
	seg = add(1, 3, FULL, BLOCKS - 1);
	add(2, 5, FULL, BLOCKS - 1);
	add_full(0, 1);
	add_full(1, 1);
	add_full(2, 1);
	chooses(seg, false);
}

/* Full segments are moved if enough garbage lies behind them. */
static void garbage_behind_full_ones(void **state)
{
	struct segment *before, *open, *empty;

	(void)state;
	add(0, 1, FULL, BLOCKS - 1);
	before = add(1, 2, FULL, BLOCKS - 1);
	open = add(1, 3, 0, 3);
	open->state = SEGMENT_OPEN;
	/* 3 blocks in each: half of what lives there. */
	chooses(before, true);
	open->end--;
	chooses(&segment[0], false);
	/* A segment that is nearly empty comes first. */
	open->end++;
	empty = add(2, 4, 3, 3);
	add_full(2, 1);
	chooses(empty, true);
}

/* What is unused behind long values would stay unused. */
static void unused_is_no_garbage(void **state)
{
	struct segment *seg = add(0, 1, 7, 7);

	(void)state;
	add(0, 2, 7, 7);
	chooses(seg, false);
}

/* Nothing is moved without a free segment, or after a whole round that freed nothing. */
static void moving_wins_nothing(void **state)
{
	struct segment *oldest = add(0, 1, FULL, BLOCKS - 1), *empty = add(1, 2, 1, 9);

	(void)state;
	add_full(0, 1);
	add_full(1, 1);
	chooses(empty, true);
	ls.fruitless = SEGMENTS - 1;
	chooses(empty, true);
	ls.fruitless = SEGMENTS;
	chooses(oldest, false);
	ls.fruitless = 0;
	ls.segs.free_count = 0;
	chooses(oldest, false);
}

static void set_share(uint32_t n, uint32_t percent)
{
	io.super.stream[n].share = htole32(percent);
}

/* The stream that is most over its share loses entries first; one without a share is never over
 * it. */
static void over_its_share(void **state)
{
	struct segment *a, *b, *oldest;

	(void)state;
	a = add(0, 8, FULL, BLOCKS - 1);
	b = add(1, 9, FULL, BLOCKS - 1);
	oldest = add(2, 3, FULL, BLOCKS - 1);
	add_full(0, 4);
	add_full(1, 4);
	add_full(2, 1);
	chooses(oldest, false);
	/* Both have a quarter of the store. */
	set_share(0, 50);
	set_share(1, 25);
	chooses(oldest, false);
	set_share(0, 10);
	set_share(1, 20);
	chooses(a, false);
	set_share(0, 20);
	set_share(1, 10);
	chooses(b, false);
	set_share(0, 50);
	chooses(b, false);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(nothing_to_choose, set_up),
		cmocka_unit_test_setup(emptiest_first, set_up),
		cmocka_unit_test_setup(what_wins_nothing_is_last, set_up),
		cmocka_unit_test_setup(oldest_of_all, set_up),
		cmocka_unit_test_setup(garbage_behind_full_ones, set_up),
		cmocka_unit_test_setup(unused_is_no_garbage, set_up),
		cmocka_unit_test_setup(moving_wins_nothing, set_up),
		cmocka_unit_test_setup(over_its_share, set_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
