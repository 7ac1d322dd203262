/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_defer.c - a log that writes lets footers and begun segments wait for flushes that it needs
 * anyway, and nothing waits on when it has nothing more to write, or may not write.
 */
#include <errno.h>

#include "memdisk.h"
#include "store/log/logs.h"
#include "store/store.h"

#define MIB (1u << 20)
#define SEGMENT (64u << 10)
#define LENGTH (8u << 10) /* several in a segment */
#define PUTS 600u	  /* of some 90 segments */
#define POLLS 2000u

static struct rig rig = { .engine = "posix" };
static uint8_t value[LENGTH] __attribute__((aligned(4096)));
static uint64_t ids[PUTS];
static struct weir_store_op ops[PUTS];
static unsigned flushes, batches;

static void count(const struct weir_cmd *cmd, int ended)
{
	flushes += ended && cmd->op == WEIR_OP_FLUSH;
}

static int set_up(void **state)
{
	(void)state;
	/* Four values are under way at a time. */
	rig.max_put_bytes = 4 * LENGTH;
	memdisk_set_up(&rig, 16 * MIB, SEGMENT, 3);
	assert_true(rig.s->logs->ahead_max > 4);
	memdisk.watch = count;
	flushes = 0;
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	rig.max_put_bytes = 0;
	memdisk.watch = NULL;
	memdisk_tear_down(&rig);
	return 0;
}

static void submit_puts(void)
{
	rig_submit_puts(rig.s, ops, ids, PUTS, value, LENGTH);
}

static unsigned wait_for_puts(void)
{
	unsigned good = 0;

	for (unsigned i = 0; i < PUTS; i++)
		good += !weir_store_wait(rig.s, &ops[i], UINT64_MAX);
	return good;
}

static unsigned unsealed(void)
{
	const struct logs *ls = rig.s->logs;
	const struct segment *seg;
	unsigned n = 0;

	TAILQ_FOREACH(seg, &ls->log[0]->segs.sealing, sealing)
		n++;
	return n;
}

static void several_segments_share_a_flush(void **state)
{
	(void)state;
	submit_puts();
	assert_int_equal(wait_for_puts(), PUTS);
	assert_true(flushes > 0 && flushes < PUTS / 8);
}

/* Nobody asks for anything more, and the store does it all the same. */
static void nothing_waits_when_the_puts_have_ended(void **state)
{
	(void)state;
	submit_puts();
	assert_int_equal(wait_for_puts(), PUTS);
	for (unsigned n = 0; n < POLLS && store_busy(rig.s); n++)
		assert_int_equal(weir_store_poll(rig.s), 0);
	assert_false(store_busy(rig.s));
	assert_false(flush_is_joined(&rig.s->io.flusher));
	assert_int_equal(unsealed(), 0);
}

static void footers_in_memory_are_few(void **state)
{
	struct weir_store_stats stats = { 0 };
	unsigned most = 0;

	(void)state;
	submit_puts();
	while (stats.entries < PUTS) {
		weir_store_poll(rig.s);
		most = unsealed() > most ? unsealed() : most;
		rig_stats(&rig, &stats);
	}
	assert_int_equal(wait_for_puts(), PUTS);
	assert_true(most > 1 && most < 2 * rig.s->logs->ahead_max + 4);
}

/* The flush fails that segments which are begun wait for. */
static void a_failed_flush_is_told_to_all(void **state)
{
	(void)state;
	memdisk.fail_op = WEIR_OP_FLUSH;
	memdisk.fails = 1;
	memdisk.fail_skip = 2;
	submit_puts();
	assert_true(wait_for_puts() < PUTS);
	for (unsigned n = 0; n < POLLS && store_busy(rig.s); n++)
		weir_store_poll(rig.s);
	assert_false(store_busy(rig.s));
	assert_false(flush_is_joined(&rig.s->io.flusher));
}

/* One batch, with a header and a value at least, in the midst of the others. */
static int is_the_batch(const struct weir_cmd *cmd)
{
	return cmd->op == WEIR_OP_WRITE && cmd->length > LENGTH && ++batches == PUTS / 4;
}

/* A batch fails while others are under way, which wait for the footer that leaves it out. */
static void a_failed_batch_is_left_out_at_once(void **state)
{
	unsigned good;

	(void)state;
	batches = 0;
	memdisk.fails_too = is_the_batch;
	submit_puts();
	good = wait_for_puts();
	memdisk.fails_too = NULL;
	assert_true(good < PUTS && good > PUTS * 9 / 10);
}

/* The store is closed while puts are under way: all of its segments get footers. */
static void closing_waits_for_nobody(void **state)
{
	struct weir_store_stats stats;

	(void)state;
	submit_puts();
	assert_int_equal(memdisk_reopen(&rig), 0);
	rig_stats(&rig, &stats);
	assert_int_equal(stats.entries, PUTS);
	assert_int_equal(stats.recovered_open_segments, 0);
}

/* The header of a segment is slow: it joins while one more batch is under way, and then nothing
 * else asks for a flush. */
static void a_begun_segment_asks_when_it_must(void **state)
{
	uint64_t base = rig.s->io.lay->data_offset, key = 5;
	struct weir_store_op op;
	bool joined;

	(void)state;
	/* The header of the first segment that is begun when the second one is opened. */
	memdisk.hold_end = base + (rig.s->logs->ahead_max + 1) * SEGMENT + 4096;
	for (uint64_t n = 0; n < 5; n++)
		assert_int_equal(rig_put(&rig, n, 1, LENGTH, 0), 0);
	for (unsigned n = 0; n < POLLS && unsealed(); n++)
		weir_store_poll(rig.s);
	memdisk.hold_writes = true;
	op = rig_put_op(&key, value, LENGTH);
	assert_int_equal(weir_store_submit(rig.s, &op), 0);
	for (unsigned n = 0; n < POLLS && rig.s->io.ios < 2; n++)
		weir_store_poll(rig.s);
	/* Now only the second batch of the second segment is held. */
	memdisk.hold_end = base + SEGMENT + 7 * 4096;
	memdisk.hold_writes = false;
	for (unsigned n = 0; n < POLLS && !flush_is_joined(&rig.s->io.flusher); n++)
		weir_store_poll(rig.s);
	joined = flush_is_joined(&rig.s->io.flusher);
	memdisk.hold_end = 0;
	for (unsigned n = 0; n < POLLS && store_busy(rig.s); n++)
		weir_store_poll(rig.s);
	assert_int_equal(weir_store_wait(rig.s, &op, UINT64_MAX), 0);
	assert_true(joined);
	assert_false(store_busy(rig.s));
}

/* A log that has nothing to write does not ask for the flushes that another one can wait for. */
static void an_idle_log_asks_for_nothing(void **state)
{
	unsigned alone;
	uint32_t stream;

	(void)state;
	memdisk_tear_down(&rig);
	memdisk_set_up(&rig, 64 * MIB, SEGMENT, 3);
	memdisk.watch = count;
	flushes = 0;
	submit_puts();
	assert_int_equal(wait_for_puts(), PUTS);
	alone = flushes;
	assert_true(weir_store_add_tenant(rig.s, "idle", &stream) >= 0);
	assert_int_equal(rig_put(&rig, PUTS, 1, LENGTH, RIG_STREAM(stream)), 0);
	for (unsigned n = 0; n < POLLS && store_busy(rig.s); n++)
		weir_store_poll(rig.s);
	flushes = 0;
	submit_puts();
	assert_int_equal(wait_for_puts(), PUTS);
	assert_true(flushes < alone * 5 / 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(several_segments_share_a_flush, set_up, tear_down),
		cmocka_unit_test_setup_teardown(nothing_waits_when_the_puts_have_ended, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(footers_in_memory_are_few, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_failed_flush_is_told_to_all, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_failed_batch_is_left_out_at_once, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(a_begun_segment_asks_when_it_must, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(an_idle_log_asks_for_nothing, set_up, tear_down),
		cmocka_unit_test_setup_teardown(closing_waits_for_nobody, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
