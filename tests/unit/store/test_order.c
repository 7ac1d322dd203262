/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_order.c - the order of writes and flushes that the rules of the format demand, watched at
 * the drive, command by command.
 */
#include "memdisk.h"
#include "store/format/format.h"

#define FEW (2u << 20)
#define MANY (6u << 20) /* here several segments share a flush */
#define SEGMENT 65536u
#define BLOCK 4096u
#define FIRST 65536u
#define SEGMENTS (MANY / SEGMENT)

/* What the drive saw. Moments are numbers of events; 0: never. */
struct seen {
	uint64_t now;
	uint64_t flush_came;  /* the flush that completed last */
	uint64_t flush_under; /* the flush in flight */
	uint64_t copy_ended[2];
	uint64_t header_ended[SEGMENTS]; /* since the last open */
	uint64_t header_came[SEGMENTS];
	uint64_t batch_ended[SEGMENTS]; /* the last one since the last open */
	uint32_t batches_under[SEGMENTS];
	uint64_t mark_came[SEGMENTS], mark_ended[SEGMENTS]; /* free marks */
	uint64_t marks, headers, batches, footers;
	const char *broken;
};

static struct seen seen;
static uint64_t second_copy;
static struct rig rig = { .engine = "posix" };

/* Returns true if a flush that came after moment WHEN has completed. */
static int flushed_since(uint64_t when)
{
	return seen.flush_came > when;
}

static void rule(int holds, const char *what)
{
	if (!holds && !seen.broken)
		seen.broken = what;
}

static void super_came(const struct weir_cmd *cmd)
{
	rule(seen.flush_came > 0, "recovery begins with a flush");
	if (cmd->offset)
		rule(seen.copy_ended[0] && flushed_since(seen.copy_ended[0]),
		     "the first copy is flushed before the second is touched");
}

static void header_came(uint32_t n, int is_free)
{
	uint32_t i;

	rule(seen.copy_ended[1] && flushed_since(seen.copy_ended[1]),
	     "the new epoch is in both copies before anything else is written");
	for (i = 0; i < SEGMENTS && is_free; i++)
		rule(!seen.mark_ended[i] || flushed_since(seen.mark_ended[i]),
		     "a free mark is flushed before the next segment is reclaimed");
	rule(!seen.mark_ended[n] || flushed_since(seen.mark_ended[n]),
	     "a free mark is flushed before the segment is begun");
	rule(!seen.batches_under[n], "no header over batches that are under way");
	if (is_free)
		rule(!seen.batch_ended[n] || flushed_since(seen.batch_ended[n]),
		     "a flush comes before a free mark");
	seen.marks += (uint64_t)is_free;
	seen.headers += !is_free;
	seen.mark_came[n] = is_free ? seen.now : 0;
	seen.mark_ended[n] = seen.header_ended[n] = seen.batch_ended[n] = 0;
}

static void batch_came(uint32_t n)
{
	rule(seen.header_ended[n] && flushed_since(seen.header_ended[n]),
	     "the header is flushed before the first batch");
	seen.batches_under[n]++;
	seen.batches++;
}

static void footer_came(uint32_t n)
{
	rule(!seen.batches_under[n], "all batches have ended before the footer");
	/* Recovery seals what was written before the last open; the flush at its start covers
	 * that. */
	rule(flushed_since(seen.batch_ended[n]), "the batches are flushed before the footer");
	seen.footers++;
}

/* These tell what is written. A footer ends with the segment; batches leave room for it. */
static int is_footer(const struct weir_cmd *cmd)
{
	return (cmd->offset + cmd->length - FIRST) % SEGMENT == 0;
}

static int is_free_mark(const struct weir_cmd *cmd)
{
	const struct disk_segment *header = cmd->iov[0].iov_base;

	return le32toh(header->state) == DISK_FREE;
}

static void write_came(const struct weir_cmd *cmd)
{
	uint32_t n = (uint32_t)((cmd->offset - FIRST) / SEGMENT);

	if (cmd->offset == 0 || cmd->offset >= second_copy)
		super_came(cmd);
	else if ((cmd->offset - FIRST) % SEGMENT == 0)
		header_came(n, is_free_mark(cmd));
	else if (is_footer(cmd))
		footer_came(n);
	else
		batch_came(n);
}

/* The footer of a segment with a free mark is read to drop its entries. From that moment on,
 * deleting one of them would write no tombstone. */
static void read_came(const struct weir_cmd *cmd)
{
	uint32_t n = (uint32_t)((cmd->offset - FIRST) / SEGMENT);

	if (cmd->offset < FIRST || cmd->offset >= second_copy || !is_footer(cmd))
		return;
	rule(!seen.mark_came[n] || (seen.mark_ended[n] && flushed_since(seen.mark_ended[n])),
	     "a free mark is flushed before the entries go");
}

static void write_ended(const struct weir_cmd *cmd)
{
	uint32_t n = (uint32_t)((cmd->offset - FIRST) / SEGMENT);

	if (cmd->offset == 0 || cmd->offset >= second_copy) {
		seen.copy_ended[cmd->offset != 0] = seen.now;
	} else if ((cmd->offset - FIRST) % SEGMENT == 0) {
		if (seen.mark_came[n])
			seen.mark_ended[n] = seen.now;
		else
			seen.header_ended[n] = seen.now;
	} else if (!is_footer(cmd)) {
		seen.batches_under[n]--;
		seen.batch_ended[n] = seen.now;
	}
}

static void watch(const struct weir_cmd *cmd, int ended)
{
	seen.now++;
	if (cmd->op == WEIR_OP_FLUSH && !ended) {
		rule(!seen.flush_under, "one flush at a time");
		seen.flush_under = seen.now;
	} else if (cmd->op == WEIR_OP_FLUSH) {
		seen.flush_came = seen.flush_under;
		seen.flush_under = 0;
	} else if (cmd->op == WEIR_OP_READ && !ended) {
		read_came(cmd);
	} else if (cmd->op == WEIR_OP_WRITE && !ended) {
		write_came(cmd);
	} else if (cmd->op == WEIR_OP_WRITE) {
		write_ended(cmd);
	}
}

/* Puts and deletes, some together, for several rounds of the log. */
static void work(uint64_t *state, uint64_t rounds)
{
	static uint8_t value[8][20000];
	struct weir_store_op ops[8];
	uint64_t keys[8], n, i;

	for (n = 0; n < rounds; n++) {
		memset(ops, 0, sizeof(ops));
		for (i = 0; i < 8; i++) {
			keys[i] = rig_random(state) % 50;
			ops[i].kind = rig_random(state) % 4 ? WEIR_STORE_PUT : WEIR_STORE_DELETE;
			ops[i].flags = rig_random(state) % 4 ? 0 : WEIR_PUT_DURABLE;
			ops[i].key = &keys[i];
			ops[i].key_len = sizeof(keys[i]);
			if (ops[i].kind == WEIR_STORE_DELETE)
				continue;
			ops[i].value = value[i];
			ops[i].value_len = 1 + rig_random(state) % 15000;
		}
		weir_store_run(rig.s, ops, 8);
	}
}

static void every_life_of(uint64_t bytes, uint64_t rounds)
{
	uint64_t state = 4;
	int life;

	second_copy = bytes - 65536;
	rig_make(&rig, bytes, SEGMENT, BLOCK);
	memdisk_load(&rig, BLOCK, 5);
	memdisk.watch = watch;
	for (life = 0; life < 4; life++) {
		memset(&seen, 0, sizeof(seen));
		assert_int_equal(memdisk_open(&rig), 0);
		work(&state, rounds);
		/* The second and the third end without closing, so recovery seals. */
		if (life == 1 || life == 2)
			memdisk_on(memdisk.commands + 1);
		memdisk_close(&rig);
		if (seen.broken)
			fail_msg("life %d: %s", life, seen.broken);
		assert_true(seen.marks > 20 && seen.headers > 20 && seen.batches > 100 &&
			    seen.footers > 20);
		memdisk_cut();
		memdisk_on(0);
	}
	memdisk_free();
	rig_remove(&rig);
}

static void every_life(void **unused)
{
	(void)unused;
	every_life_of(FEW, 150);
}

static void every_life_of_many_segments(void **unused)
{
	(void)unused;
	every_life_of(MANY, 250);
}

static uint64_t first_super;

static void watch_supers(const struct weir_cmd *cmd, int ended)
{
	if (cmd->op == WEIR_OP_WRITE && !ended && first_super == 1)
		first_super = cmd->offset;
}

/* The only good copy is not written before the other one is good. */
static void the_good_copy_waits(void **unused)
{
	(void)unused;
	second_copy = FEW - 65536;
	rig_make(&rig, FEW, SEGMENT, BLOCK);
	memdisk_load(&rig, BLOCK, 5);
	memdisk.watch = watch_supers;
	memdisk.now[second_copy + 100] ^= 1;
	first_super = 1;
	assert_int_equal(memdisk_open(&rig), 0);
	memdisk_close(&rig);
	assert_int_equal(first_super, second_copy);
	memdisk.now[100] ^= 1;
	first_super = 1;
	assert_int_equal(memdisk_open(&rig), 0);
	memdisk_close(&rig);
	assert_int_equal(first_super, 0);
	rig.s = NULL;
	memdisk_free();
	rig_remove(&rig);
}

/* Fills the store until the next segment needs a reclaim, and nothing was evicted yet. Keys 0 to 2
 * are in the oldest segment. */
static void fill(void)
{
	struct weir_store_stats stats = { 0 };
	uint64_t key;

	assert_int_equal(memdisk_open(&rig), 0);
	for (key = 0; key < 3 || stats.free_segments > 2; key++) {
		assert_int_equal(rig_put(&rig, key, 1, 3000, WEIR_PUT_DURABLE), 0);
		rig_stats(&rig, &stats);
	}
	assert_int_equal(stats.evicted_segments, 0);
	memdisk_close(&rig);
}

/* Lets a segment be reclaimed, cuts the power OFF_AFTER commands from now, and opens the store. */
static void reclaim_then_cut(uint64_t off_after)
{
	uint64_t key;

	memdisk.off_at = memdisk.commands + off_after;
	for (key = 1000; !rig_put(&rig, key, 1, 3000, 0); key++)
		;
	memdisk_close(&rig);
	memdisk_cut();
	memdisk_on(0);
	assert_int_equal(memdisk_open(&rig), 0);
}

/* Calls THEN with a full store and each number up to OFF_MAX, ROUNDS times. */
static void each_cut(uint64_t seed, uint64_t off_max, uint64_t rounds, void (*then)(uint64_t off))
{
	uint8_t *image;
	uint64_t off, round;

	rig_make(&rig, 1 << 20, SEGMENT, BLOCK);
	memdisk_load(&rig, BLOCK, seed);
	fill();
	memdisk_cut();
	image = malloc(memdisk.bytes);
	memcpy(image, memdisk.now, memdisk.bytes);
	for (off = 1; off <= off_max; off++) {
		for (round = 0; round < rounds; round++) {
			memcpy(memdisk.now, image, memdisk.bytes);
			memcpy(memdisk.medium, image, memdisk.bytes);
			memdisk_on(0);
			assert_int_equal(memdisk_open(&rig), 0);
			then(off);
			memdisk_close(&rig);
		}
	}
	free(image);
	memdisk_free();
	rig_remove(&rig);
}

static void overwritten_then_reclaimed(uint64_t off_after)
{
	uint64_t key;

	for (key = 0; key < 3; key++)
		assert_int_equal(rig_put(&rig, key, 2, 3000, 0), 0);
	reclaim_then_cut(off_after);
	for (key = 0; key < 3; key++)
		if (rig_get(&rig, key, 2, 3000) != 1 && rig_get(&rig, key, 1, 3000) != 1)
			fail_msg("key %d is gone, and nobody evicted it (cut %d)", (int)key,
				 (int)off_after);
}

/* An old record must stay until the newer one is on the medium: it was superseded, not evicted. */
static void reclaim_waits_for_what_superseded(void **unused)
{
	(void)unused;
	/* If the power goes late enough, after the reclaim, the next reclaim may have evicted a
	 * key; about ten commands come before that. */
	each_cut(6, 10, 8, overwritten_then_reclaimed);
}

/* Empties the oldest segment but for keys 0 to 2, then lets it be reclaimed, and cuts the power. */
static void moved_then_cut(uint64_t off_after)
{
	uint64_t key;

	for (key = 3; key < 7; key++)
		assert_int_equal(rig_put(&rig, key, 2, 3000, WEIR_PUT_DURABLE), 0);
	reclaim_then_cut(off_after);
	for (key = 0; key < 3; key++)
		if (rig_get(&rig, key, 1, 3000) != 1)
			fail_msg("key %d is gone: it was not flushed at its new place (cut %d)",
				 (int)key, (int)off_after);
}

/* The old place of a survivor stays until the new one is on the medium. */
static void reclaim_waits_for_survivors(void **unused)
{
	(void)unused;
	each_cut(8, 40, 6, moved_then_cut);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_life),
		cmocka_unit_test(every_life_of_many_segments),
		cmocka_unit_test(the_good_copy_waits),
		cmocka_unit_test(reclaim_waits_for_what_superseded),
		cmocka_unit_test(reclaim_waits_for_survivors),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
