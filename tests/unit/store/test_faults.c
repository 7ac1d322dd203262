/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_faults.c - reads, writes and flushes that fail: which operations get the error, and what
 * still works.
 */
#include <errno.h>

#include "memdisk.h"
#include "store/log/logs.h"
#include "store/store.h"

static struct rig rig = { .engine = "posix" };

#define SEGMENT (256u << 10)
#define FIRST 65536u
#define PUTS 220

static int set_up(void **state)
{
	(void)state;
	memdisk_set_up(&rig, 12 << 20, SEGMENT, 3);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	memdisk_tear_down(&rig);
	return 0;
}

static void let_fail(int op, uint64_t from, uint64_t to, unsigned times)
{
	memdisk.fail_op = op;
	memdisk.fail_from = from;
	memdisk.fail_to = to;
	memdisk.fails = times;
}

static void a_flush(void **state)
{
	struct weir_store_stats stats;
	uint32_t stream;

	(void)state;
	/* The flush of the second put covers the first one, which is not at risk any more. */
	assert_int_equal(rig_put(&rig, 6, 1, 5000, 0), 0);
	assert_int_equal(rig_put(&rig, 1, 1, 5000, WEIR_PUT_DURABLE), 0);
	assert_int_equal(rig_put(&rig, 2, 1, 5000, 0), 0);
	assert_int_equal(rig_put(&rig, 3, 1, 5000, 0), 0);
	let_fail(WEIR_OP_FLUSH, 0, 0, 1);
	assert_int_equal(rig_put(&rig, 4, 1, 5000, WEIR_PUT_DURABLE), -EIO);
	rig_stats(&rig, &stats);
	assert_int_equal(stats.at_risk, 2);
	assert_int_equal(stats.read_only, 1);
	/* Reads work; writes do not, and say what to do. */
	assert_int_equal(rig_get(&rig, 1, 1, 5000), 1);
	assert_int_equal(rig_get(&rig, 2, 1, 5000), 1);
	assert_int_equal(rig_put(&rig, 5, 1, 5000, 0), -EROFS);
	assert_non_null(strstr(weir_error(), "open it again"));
	assert_int_equal(rig_delete(&rig, 1, 0), -EROFS);
	assert_int_equal(weir_store_sync(rig.s), -EROFS);
	assert_int_equal(weir_store_add_tenant(rig.s, "new", &stream), -EROFS);
	assert_int_equal(memdisk_reopen(&rig), -EIO);
	assert_int_equal(rig_get(&rig, 2, 1, 5000), 1);
	assert_int_equal(rig_put(&rig, 5, 1, 5000, WEIR_PUT_DURABLE), 0);
	rig_stats(&rig, &stats);
	assert_int_equal(stats.read_only, 0);
}

/* The first reason to stop writing is the one that operations and the close return. */
static void the_first_reason_counts(void **state)
{
	(void)state;
	io_break(&rig.s->io, -ENOSPC);
	io_break(&rig.s->io, -EIO);
	assert_int_equal(rig_put(&rig, 1, 1, 5000, 0), -ENOSPC);
	assert_int_equal(memdisk_reopen(&rig), -ENOSPC);
	assert_int_equal(rig_put(&rig, 1, 1, 5000, 0), 0);
}

/* The bytes of a batch that failed do not stay in the tail, which would fill with them. */
static void a_failed_batch_leaves_the_tail(void **state)
{
	const struct log *l = rig.s->logs->log[0];

	(void)state;
	for (unsigned n = 0; n < 3; n++) {
		assert_int_equal(rig_put(&rig, 1, n, 5000, 0), 0);
		let_fail(WEIR_OP_WRITE, FIRST + 4096, memdisk.bytes - 65536, 1);
		assert_int_equal(rig_put(&rig, 2, n, 5000, 0), -EIO);
		assert_int_equal(rig_put(&rig, 3, n, 5000, 0), 0);
	}
	assert_int_equal(weir_store_sync(rig.s), 0);
	assert_true(l->admitted_bytes == l->mark.durable_bytes);
}

/* Fails the test unless the last error names the device, the io that failed, and the reason. */
static void assert_says(const char *io, const char *why)
{
	const char *words = weir_error();

	if (!strstr(words, weir_device_path(rig.device)) || !strstr(words, io) ||
	    !strstr(words, why))
		fail_msg("\"%s\" lacks the device, \"%s\" or \"%s\"", words, io, why);
}

static int no_entry(const struct weir_store_entry *entry, void *user)
{
	(void)entry;
	(void)user;
	return 0;
}

/* Lets ios fail with ERROR. Each operation that needs one says which it was, and WHY it failed. */
static void each_says_which_io(int error, const char *why)
{
	int err = error == -ENODEV ? error : -EIO;

	memdisk.fail_error = error;
	assert_int_equal(rig_put(&rig, 1, 1, 5000, WEIR_PUT_DURABLE), 0);
	let_fail(WEIR_OP_READ, FIRST, FIRST + SEGMENT, 1);
	assert_int_equal(rig_get(&rig, 1, 1, 5000), err);
	assert_says("read at 0x12000+8192", why);
	let_fail(WEIR_OP_READ, FIRST, FIRST + SEGMENT, 3);
	assert_int_equal(weir_store_list(rig.s, no_entry, NULL), err);
	assert_says("read at 0x11000+", why);
	let_fail(WEIR_OP_WRITE, FIRST + 4096, FIRST + SEGMENT, 1);
	assert_int_equal(rig_put(&rig, 1, 2, 6000, 0), err);
	assert_says("write at 0x", why);
	let_fail(WEIR_OP_FLUSH, 0, 0, 1);
	assert_int_equal(weir_store_sync(rig.s), error);
	assert_says("flush: ", why);
}

/* The filesystem below a sparse file is full: what is on the medium can be written again, and
 * nothing else. Put, sync and close say so, and what was acknowledged before is there later. */
static void no_space_below(void **state)
{
	(void)state;
	assert_int_equal(rig_put(&rig, 1, 1, 5000, WEIR_PUT_DURABLE), 0);
	memdisk.fail_error = -ENOSPC;
	let_fail(WEIR_OP_WRITE, FIRST + 4096, FIRST + SEGMENT, UINT32_MAX);
	assert_int_equal(rig_put(&rig, 2, 1, 5000, 0), -ENOSPC);
	assert_says("write at 0x", "no space left on the file system below it: free some");
	assert_int_equal(rig_put(&rig, 3, 1, 5000, 0), -ENOSPC);
	assert_says("no space left on", "no space left on the file system below it: free some");
	assert_says("no space left on", "until it is closed and opened again");
	assert_int_equal(weir_store_sync(rig.s), -ENOSPC);
	assert_says("no space left on", "no space left on the file system below it");
	assert_int_equal(rig_get(&rig, 1, 1, 5000), 1);
	assert_int_equal(memdisk_close(&rig), -ENOSPC);
	assert_non_null(strstr(weir_error(), "no space left on the file system below it"));
	memdisk.fails = 0;
	memdisk_power_on(&rig);
	assert_int_equal(rig_get(&rig, 1, 1, 5000), 1);
	assert_int_equal(rig_put(&rig, 2, 1, 5000, WEIR_PUT_DURABLE), 0);
	/* Both superblock copies are holes. */
	assert_int_equal(memdisk_close(&rig), 0);
	let_fail(WEIR_OP_WRITE, 0, memdisk.bytes, UINT32_MAX);
	assert_int_equal(memdisk_open(&rig), -ENOSPC);
	assert_non_null(strstr(weir_error(), "no space left on the file system below it"));
	memdisk.fails = 0;
	memdisk.fail_error = -EIO;
	memdisk_power_on(&rig);
	assert_int_equal(rig_get(&rig, 2, 1, 5000), 1);
}

/* Opening fails in the flush before recovery reads anything, or if no superblock copy can be
 * written. */
static void opening_says_which_io(void **state)
{
	(void)state;
	assert_int_equal(memdisk_close(&rig), 0);
	let_fail(WEIR_OP_FLUSH, 0, 0, 1);
	assert_int_equal(memdisk_open(&rig), -EIO);
	assert_non_null(strstr(weir_error(), "flush: Input/output error"));
	let_fail(WEIR_OP_WRITE, 0, memdisk.bytes, 2);
	assert_int_equal(memdisk_open(&rig), -EIO);
	assert_non_null(strstr(weir_error(), "write at 0xbf0000+512: Input/output error"));
	assert_int_equal(memdisk_open(&rig), 0);
}

static void a_removed_device_has_words(void **state)
{
	(void)state;
	each_says_which_io(-ENODEV, "the device was removed (No such device)");
	/* Operations that come later need no io to fail. */
	assert_int_equal(rig_put(&rig, 2, 1, 5000, 0), -ENODEV);
	assert_non_null(strstr(weir_error(), "the device was removed"));
}

static void an_error_has_words(void **state)
{
	(void)state;
	each_says_which_io(-EIO, "Input/output error");
}

static void a_batch(void **state)
{
	struct weir_store_stats stats;

	(void)state;
	assert_int_equal(rig_put(&rig, 1, 1, 5000, 0), 0);
	let_fail(WEIR_OP_WRITE, FIRST + 4096, FIRST + SEGMENT, 1);
	assert_int_equal(rig_put(&rig, 1, 2, 6000, 0), -EIO);
	/* The old version stays, and other keys go to another segment. */
	assert_int_equal(rig_get(&rig, 1, 1, 5000), 1);
	assert_int_equal(rig_put(&rig, 2, 1, 5000, 0), 0);
	assert_int_equal(rig_put(&rig, 3, 1, 5000, WEIR_PUT_DURABLE), 0);
	rig_stats(&rig, &stats);
	assert_int_equal(stats.read_only, 0);
	assert_int_equal(memdisk_reopen(&rig), 0);
	assert_int_equal(rig_get(&rig, 1, 1, 5000), 1);
	assert_int_equal(rig_get(&rig, 2, 1, 5000), 1);
	assert_int_equal(rig_get(&rig, 3, 1, 5000), 1);
}

static int footer_ended, acked_early, ended;

static void watch_footer(const struct weir_cmd *cmd, int done)
{
	if (done && cmd->op == WEIR_OP_WRITE && cmd->offset + cmd->length == FIRST + SEGMENT)
		footer_ended = 1;
}

static void op_ended(struct weir_store_op *op)
{
	ended++;
	acked_early += !op->result && !footer_ended;
}

/* Batches behind a failed one are acknowledged only when a footer says that the failed one is left
 * out. */
static void behind_a_failed_batch(void **state)
{
	static uint8_t values[8][10000];
	struct weir_store_op ops[8];
	uint64_t keys[8], n;
	int failed = 0;

	(void)state;
	assert_int_equal(rig_put(&rig, 100, 1, 5000, 0), 0);
	footer_ended = acked_early = ended = 0;
	memdisk.watch = watch_footer;
	let_fail(WEIR_OP_WRITE, FIRST + 4096, FIRST + SEGMENT, 1);
	memset(ops, 0, sizeof(ops));
	for (n = 0; n < 8; n++) {
		keys[n] = n;
		rig_value(n, 1, values[n], sizeof(values[n]));
		ops[n].key = &keys[n];
		ops[n].key_len = sizeof(keys[n]);
		ops[n].value = values[n];
		ops[n].value_len = sizeof(values[n]);
		ops[n].end = op_ended;
		assert_int_equal(weir_store_submit(rig.s, &ops[n]), 0);
	}
	while (ended < 8)
		assert_int_equal(weir_store_poll(rig.s), 0);
	for (n = 0; n < 8; n++) {
		failed += ops[n].result == -EIO;
		assert_int_equal(rig_get(&rig, n, 1, sizeof(values[n])),
				 ops[n].result ? -ENOENT : 1);
	}
	assert_true(failed > 0 && failed < 8);
	assert_true(footer_ended);
	assert_int_equal(acked_early, 0);
}

/* A delete must not say that a key is not there because of a tombstone that was not written. */
static void a_tombstone(void **state)
{
	struct weir_store_op ops[2];
	uint64_t key = 1;
	int n;

	(void)state;
	assert_int_equal(rig_put(&rig, 1, 1, 5000, 0), 0);
	let_fail(WEIR_OP_WRITE, FIRST + 4096, FIRST + SEGMENT, 1);
	memset(ops, 0, sizeof(ops));
	for (n = 0; n < 2; n++) {
		ops[n].kind = WEIR_STORE_DELETE;
		ops[n].key = &key;
		ops[n].key_len = sizeof(key);
	}
	assert_int_equal(weir_store_run(rig.s, ops, 2), -EIO);
	assert_int_equal(ops[1].result, -EIO);
	assert_int_equal(rig_get(&rig, 1, 1, 5000), 1);
	/* The same is tried again and works: the second delete finds nothing. */
	assert_int_equal(weir_store_run(rig.s, ops, 2), -ENOENT);
	assert_int_equal(ops[0].result, 0);
	assert_int_equal(rig_get(&rig, 1, 1, 5000), -ENOENT);
}

/* A batch fails, and its footer twice: the third time it is written, and the store goes on. */
static void a_batch_and_its_footer_for_a_while(void **state)
{
	(void)state;
	assert_int_equal(rig_put(&rig, 1, 1, 5000, 0), 0);
	let_fail(WEIR_OP_WRITE, FIRST + 4096, FIRST + SEGMENT, 3);
	assert_int_equal(rig_put(&rig, 1, 2, 6000, 0), -EIO);
	assert_int_equal(rig_put(&rig, 2, 1, 5000, 0), 0);
	assert_int_equal(memdisk.fails, 0);
	for (int life = 0; life < 2; life++) {
		assert_int_equal(rig_get(&rig, 1, 1, 5000), 1);
		assert_int_equal(rig_get(&rig, 2, 1, 5000), 1);
		assert_int_equal(memdisk_reopen(&rig), 0);
	}
}

/* A batch fails, and its footer cannot be written either: nothing behind it may be acknowledged. */
static void a_batch_and_its_footer(void **state)
{
	(void)state;
	assert_int_equal(rig_put(&rig, 1, 1, 5000, 0), 0);
	let_fail(WEIR_OP_WRITE, FIRST + 4096, FIRST + SEGMENT, 4);
	assert_int_equal(rig_put(&rig, 1, 2, 6000, 0), -EIO);
	assert_int_equal(rig_put(&rig, 2, 1, 5000, 0), -EROFS);
	assert_int_equal(rig_get(&rig, 1, 1, 5000), 1);
	assert_int_equal(memdisk_reopen(&rig), -EIO);
	assert_int_equal(rig_put(&rig, 2, 1, 5000, 0), 0);
}

static void a_footer(void **state)
{
	struct weir_store_stats stats;
	uint64_t key;

	(void)state;
	/* All of segment 0 can be written except the block of the trailer. */
	let_fail(WEIR_OP_WRITE, FIRST + SEGMENT - 4096, FIRST + SEGMENT, 1);
	for (key = 0; key < 10; key++)
		assert_int_equal(rig_put(&rig, key, 1, 50000, 0), 0);
	assert_int_equal(memdisk_reopen(&rig), 0);
	rig_stats(&rig, &stats);
	assert_int_equal(stats.recovered_open_segments, 1);
	for (key = 0; key < 10; key++)
		assert_int_equal(rig_get(&rig, key, 1, 50000), 1);
}

static void a_read(void **state)
{
	(void)state;
	assert_int_equal(rig_put(&rig, 1, 1, 5000, 0), 0);
	let_fail(WEIR_OP_READ, 0, memdisk.bytes, 1);
	assert_int_equal(rig_get(&rig, 1, 1, 5000), -EIO);
	assert_int_equal(rig_get(&rig, 1, 1, 5000), 1);
}

/* One bad header block costs one segment, until the store is opened again. */
static void a_segment_header(void **state)
{
	(void)state;
	let_fail(WEIR_OP_WRITE, FIRST, FIRST + 4096, 100);
	assert_int_equal(rig_put(&rig, 1, 1, 5000, 0), 0);
	assert_int_equal(rig_get(&rig, 1, 1, 5000), 1);
	assert_int_equal(memdisk_reopen(&rig), 0);
	assert_int_equal(rig_get(&rig, 1, 1, 5000), 1);
}

static unsigned headers_left; /* whose first write fails */
static uint64_t last_header;

static int fail_headers_once(const struct weir_cmd *cmd)
{
	if (cmd->op != WEIR_OP_WRITE || cmd->length != 4096 || cmd->offset < FIRST ||
	    (cmd->offset - FIRST) % SEGMENT || cmd->offset == last_header || !headers_left)
		return 0;
	last_header = cmd->offset;
	headers_left--;
	return 1;
}

/* Each header is written at the second try: that costs no segment, and the store goes on. */
static void each_segment_header_once(void **state)
{
	struct weir_store_stats stats;

	(void)state;
	headers_left = 12;
	last_header = 0;
	memdisk.fails_too = fail_headers_once;
	for (uint64_t key = 0; key < 100; key++)
		assert_int_equal(rig_put(&rig, key, 1, 30000, 0), 0);
	memdisk.fails_too = NULL;
	assert_int_equal(headers_left, 0);
	for (uint64_t key = 0; key < 100; key++)
		assert_int_equal(rig_get(&rig, key, 1, 30000), 1);
	rig_stats(&rig, &stats);
	assert_int_equal(stats.read_only, 0);
	assert_int_equal(stats.failed_ios, 12);
}

/* No header can be written at all. */
static void every_write(void **state)
{
	(void)state;
	let_fail(WEIR_OP_WRITE, FIRST, memdisk.bytes, 1000000);
	assert_true(rig_put(&rig, 1, 1, 5000, 0) < 0);
	memdisk.fails = 0;
	assert_int_equal(memdisk_reopen(&rig), -EIO);
	assert_int_equal(rig_put(&rig, 1, 1, 5000, 0), 0);
}

/* The footer of a segment that is being reclaimed cannot be read; its entries are found all the
 * same. */
static void a_footer_that_is_read_for_reclaim(void **state)
{
	struct weir_store_stats stats;
	uint64_t key, found = 0;

	(void)state;
	for (key = 0; key < 170; key++)
		assert_int_equal(rig_put(&rig, key, 1, 60000, 0), 0);
	/* No other reads come now. */
	let_fail(WEIR_OP_READ, 0, memdisk.bytes, 1000);
	for (; key < 250; key++)
		assert_int_equal(rig_put(&rig, key, 1, 60000, 0), 0);
	assert_true(memdisk.fails < 990);
	memdisk.fails = 0;
	for (key = 0; key < 250; key++) {
		int err = rig_get(&rig, key, 1, 60000);

		assert_true(err == 1 || err == -ENOENT);
		found += err == 1;
	}
	rig_stats(&rig, &stats);
	assert_int_equal(stats.entries, found);
	assert_int_equal(stats.entries + stats.evicted_entries, 250);
}

/* A segment is not used again while a read of it is under way, and puts do not wait for the read:
 * other segments are reclaimed meanwhile. */
static void a_reader_holds_its_segment(void **state)
{
	static uint8_t value[12288] __attribute__((aligned(4096))), want[12288], put[60000];
	struct weir_store_op ops[PUTS], get = { .kind = WEIR_STORE_GET };
	uint64_t keys[PUTS], first = 0, n;
	struct weir_store_stats stats;

	(void)state;
	assert_int_equal(rig_put(&rig, 0, 1, sizeof(value), 0), 0);
	/* What was read survives: the store's own read of it is not held. */
	memdisk.hold_length = sizeof(value);
	memdisk.hold_buf = value;
	get.key = &first;
	get.key_len = sizeof(first);
	get.buf = value;
	get.capacity = sizeof(value);
	assert_int_equal(weir_store_submit(rig.s, &get), 0);
	memset(ops, 0, sizeof(ops));
	/* There are more puts than fit, so the last ones wait for space. */
	for (n = 0; n < PUTS; n++) {
		keys[n] = 1000 + n;
		ops[n].key = &keys[n];
		ops[n].key_len = sizeof(keys[n]);
		ops[n].value = put;
		ops[n].value_len = sizeof(put);
		assert_int_equal(weir_store_submit(rig.s, &ops[n]), 0);
	}
	for (n = 0; n < PUTS; n++)
		assert_int_equal(weir_store_wait(rig.s, &ops[n], UINT64_MAX), 0);
	rig_stats(&rig, &stats);
	assert_true(stats.evicted_segments > 0);
	/* Nothing lives there any more, but its bytes are still there. */
	assert_int_not_equal(logs_segments(rig.s->logs)->all[0].state, SEGMENT_FREE);
	assert_int_equal(logs_segments(rig.s->logs)->all[0].live_bytes, 0);
	memdisk.hold_length = 0;
	assert_int_equal(weir_store_wait(rig.s, &get, UINT64_MAX), 0);
	rig_value(0, 1, want, sizeof(want));
	assert_memory_equal(value, want, sizeof(want));
}

/* At each step, a segment is free or used: begun, filled, sealed, reclaimed, or out of use. */
static void each_segment_is_free_or_used(void **state)
{
	static struct weir_store_op ops[PUTS];
	static uint64_t keys[PUTS];
	static uint8_t value[60000];
	unsigned seen[SEGMENT_RETIRED + 1] = { 0 }, total = 0;
	struct weir_store_stats stats;

	(void)state;
	let_fail(WEIR_OP_WRITE, FIRST + SEGMENT, FIRST + SEGMENT + 4096, 3);
	for (unsigned n = 0; n < PUTS; n++) {
		keys[n] = n;
		ops[n] = (struct weir_store_op){ .kind = WEIR_STORE_PUT,
						 .key = &keys[n],
						 .key_len = sizeof(keys[n]),
						 .value = value,
						 .value_len = sizeof(value) };
		assert_int_equal(weir_store_submit(rig.s, &ops[n]), 0);
	}
	do {
		unsigned now[SEGMENT_RETIRED + 1] = { 0 };

		weir_queue_poll(rig.queue);
		rig_stats(&rig, &stats);
		for (uint32_t n = 0; n < rig.s->io.lay->segments; n++)
			now[logs_segments(rig.s->logs)->all[n].state]++;
		assert_int_equal(stats.free_segments, now[SEGMENT_FREE]);
		assert_int_equal(stats.used_segments, rig.s->io.lay->segments - now[SEGMENT_FREE]);
		for (unsigned n = 0; n <= SEGMENT_RETIRED; n++)
			seen[n] += now[n];
		total++;
	} while (stats.puts < PUTS && total < 100000);
	for (unsigned n = 0; n < PUTS; n++)
		assert_int_equal(weir_store_wait(rig.s, &ops[n], UINT64_MAX), 0);
	assert_true(seen[SEGMENT_BEGINNING] + seen[SEGMENT_BEGUN] && seen[SEGMENT_SEALED]);
	assert_true(seen[SEGMENT_RECLAIMING] && seen[SEGMENT_RETIRED]);
}

static void submit_put(struct weir_store_op *op, uint64_t *key, uint32_t stream, const void *value,
		       size_t length)
{
	*op = (struct weir_store_op){ .kind = WEIR_STORE_PUT,
				      .key = key,
				      .key_len = sizeof(*key),
				      .stream = (uint16_t)stream,
				      .value = value,
				      .value_len = length };
	assert_int_equal(weir_store_submit(rig.s, op), 0);
}

/* The footer of one log's failed batch takes long, so the batches of the other log are written and
 * not acknowledged. Their segments must not be reclaimed meanwhile, however full the store is. */
static void what_is_held_back_is_not_reclaimed(void **state)
{
	static struct weir_store_op ops[PUTS], failing;
	static uint64_t keys[PUTS], failing_key = 1000;
	static uint8_t value[60000];
	uint32_t stream[2];
	unsigned n;

	(void)state;
	assert_true(weir_store_add_tenant(rig.s, "a", &stream[0]) >= 0 &&
		    weir_store_add_tenant(rig.s, "b", &stream[1]) >= 0);
	let_fail(WEIR_OP_WRITE, FIRST + 4096, FIRST + SEGMENT, 1);
	memdisk.hold_end = FIRST + SEGMENT;
	submit_put(&failing, &failing_key, stream[0], value, sizeof(value));
	for (n = 0; memdisk.fails && n < 10000; n++)
		weir_queue_poll(rig.queue);
	assert_int_equal(memdisk.fails, 0);
	for (n = 0; n < PUTS; n++) {
		keys[n] = n;
		submit_put(&ops[n], &keys[n], stream[1], value, sizeof(value));
	}
	for (n = 0; n < 20000; n++)
		weir_queue_poll(rig.queue);
	memdisk.hold_end = 0;
	assert_int_equal(weir_store_wait(rig.s, &failing, UINT64_MAX), -EIO);
	for (n = 0; n < PUTS; n++)
		assert_int_equal(weir_store_wait(rig.s, &ops[n], UINT64_MAX), 0);
	/* The last ones fit into the store. */
	for (n = PUTS - 50; n < PUTS; n++)
		assert_int_equal(weir_store_exists(rig.s, &keys[n], sizeof(keys[n]), NULL), 0);
	rig_check_counts(rig.s);
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

/* The next TIMES reads of a payload succeed and bring no data; the buffer holds another value. */
static int get_lost(unsigned times, uint64_t capacity)
{
	static uint8_t mem[3 * 4096] __attribute__((aligned(4096)));
	uint8_t *buf = capacity % 4096 ? mem + 8 : mem; /* with the store's own buffer or without */
	size_t length;
	int err;

	memset(mem, 0x77, sizeof(mem));
	memdisk.lost = times;
	memdisk.lost_length = 8192;
	err = weir_store_get(rig.s, "the key", 7, buf, capacity, &length);
	assert_int_equal(memdisk.lost, 0);
	if (!err) {
		assert_int_equal(length, 8000);
		for (unsigned i = 0; i < length; i++)
			assert_int_equal(buf[i], i % 251);
	}
	return err;
}

/* Some kernels report success for a read that never ran. That does not mean damage yet. */
static void a_read_that_is_lost(void **state)
{
	struct weir_store_stats stats;
	uint8_t value[8000];

	(void)state;
	for (unsigned i = 0; i < sizeof(value); i++)
		value[i] = (uint8_t)(i % 251);
	assert_int_equal(weir_store_put(rig.s, "the key", 7, value, sizeof(value), 0), 0);
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(get_lost(0, 8192 + i), 0);
		rig_stats(&rig, &stats);
		assert_int_equal(stats.rereads, 2 * i);
		assert_int_equal(get_lost(1, 8192 + i), 0);
		rig_stats(&rig, &stats);
		assert_int_equal(stats.rereads, 2 * i + 1);
		assert_int_equal(stats.checksum_errors, i);
		assert_int_equal(get_lost(2, 8192 + i), -EBADMSG);
		rig_stats(&rig, &stats);
		assert_int_equal(stats.rereads, 2 * i + 2);
		assert_int_equal(stats.checksum_errors, i + 1);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_removed_device_has_words),
		TEST(an_error_has_words),
		TEST(opening_says_which_io),
		TEST(no_space_below),
		TEST(a_flush),
		TEST(the_first_reason_counts),
		TEST(a_failed_batch_leaves_the_tail),
		TEST(a_batch),
		TEST(behind_a_failed_batch),
		TEST(a_batch_and_its_footer),
		TEST(a_batch_and_its_footer_for_a_while),
		TEST(a_tombstone),
		TEST(a_footer),
		TEST(a_read),
		TEST(a_segment_header),
		TEST(each_segment_header_once),
		TEST(a_read_that_is_lost),
		TEST(every_write),
		TEST(a_reader_holds_its_segment),
		TEST(a_footer_that_is_read_for_reclaim),
		TEST(each_segment_is_free_or_used),
		TEST(what_is_held_back_is_not_reclaimed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
