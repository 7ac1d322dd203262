/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_events.c - what a trace says of ios whose fate the test decides, read back as blkparse reads
 * it.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include <linux/blktrace_api.h>

#include "../queue/rig.h"

#define EVENTS 256u
#define BLOCK 4096u

static char path[64];
static struct weir_trace *trace;
static struct blk_io_trace events[EVENTS];
static unsigned nr_events;
static struct weir_io ios[16];
static char memory[16 * BLOCK] __attribute__((aligned(4096)));

static void begin(unsigned nomerges, uint32_t retry_merged)
{
	struct weir_queue_opts opts = WEIR_QUEUE_OPTS_INIT;

	snprintf(path, sizeof(path), "/tmp/weir-trace-%d.blktrace.0", (int)getpid());
	assert_int_equal(weir_trace_open(&trace, path, NULL), 0);
	rig_init();
	rig.own_clock = true;
	rig.now_ns = 1000;
	rig.nomerges = nomerges;
	rig.hold = true;
	opts.trace = trace;
	opts.retry_merged = retry_merged;
	opts.depth = 4;
	rig_open(&opts, NULL);
}

static void give(unsigned i, uint64_t block)
{
	weir_io_write(&ios[i], block * BLOCK, memory + i * BLOCK, BLOCK);
	ios[i].submitter = 1;
	assert_int_equal(weir_queue_submit(rig.q, &ios[i]), 0);
}

static void finish(uint64_t requests)
{
	struct weir_trace_report report = WEIR_TRACE_REPORT_INIT;
	FILE *in;

	rig.hold = false;
	rig_close();
	assert_int_equal(weir_trace_close(trace, &report), 0);
	assert_int_equal(report.requests, requests);
	assert_int_equal(report.lost, 0);
	in = fopen(path, "re");
	assert_non_null(in);
	for (nr_events = 0; nr_events < EVENTS;) {
		struct blk_io_trace t;
		char pdu[64];

		if (fread(&t, sizeof(t), 1, in) != 1)
			break;
		assert_int_equal(t.magic, BLK_IO_TRACE_MAGIC | BLK_IO_TRACE_VERSION);
		assert_true(t.pdu_len <= sizeof(pdu));
		assert_int_equal(fread(pdu, 1, t.pdu_len, in), t.pdu_len);
		if (!(t.action >> BLK_TC_SHIFT & BLK_TC_NOTIFY))
			events[nr_events++] = t;
	}
	fclose(in);
	unlink(path);
}

/* Event N is ACTION of SECTORS at SECTOR, by SUBMITTER, at AT. */
static void expect(unsigned n, unsigned action, uint64_t sector, uint32_t sectors, uint32_t at,
		   uint32_t submitter)
{
	assert_true(n < nr_events);
	assert_int_equal(events[n].action & 0xffff, action);
	assert_int_equal(events[n].sector, sector);
	assert_int_equal(events[n].bytes, sectors * 512);
	assert_int_equal(events[n].time, at);
	assert_int_equal(events[n].pid, submitter);
	assert_int_equal(events[n].sequence, n + 1);
	assert_int_equal(events[n].device, 240u << 20);
}

static void one_io_has_five_steps(void **state)
{
	(void)state;
	begin(2, 0);
	give(0, 3);
	rig.now_ns = 1500;
	assert_int_equal(weir_queue_poll(rig.q), 0);
	rig.now_ns = 2500;
	rig_complete(1);
	finish(1);
	assert_int_equal(nr_events, 5);
	expect(0, __BLK_TA_QUEUE, 24, 8, 1000, 1);
	expect(1, __BLK_TA_GETRQ, 24, 8, 1500, 1);
	expect(2, __BLK_TA_INSERT, 24, 8, 1500, 1);
	expect(3, __BLK_TA_ISSUE, 24, 8, 1500, 1);
	expect(4, __BLK_TA_COMPLETE, 24, 8, 2500, 1);
	assert_true(events[4].action >> BLK_TC_SHIFT & BLK_TC_WRITE);
	assert_true(events[4].action >> BLK_TC_SHIFT & BLK_TC_SYNC);
	assert_int_equal(events[4].error, 0);
}

/* Each io has its own beginning and length; the command and its end have those of all. */
static void merged_ios_keep_their_own_beginning(void **state)
{
	unsigned queued = 0, merged = 0;

	(void)state;
	begin(0, 0);
	give(0, 4);
	give(1, 5);
	give(2, 3);
	assert_int_equal(weir_queue_poll(rig.q), 0);
	assert_int_equal(rig.nr_log, 1);
	rig.now_ns = 3000;
	rig_complete(3);
	finish(1);
	for (unsigned i = 0; i < nr_events; i++) {
		unsigned action = events[i].action & 0xffff;

		if (action == __BLK_TA_QUEUE) {
			assert_int_equal(events[i].bytes, BLOCK);
			queued |= 1u << events[i].sector / 8;
		} else if (action == __BLK_TA_BACKMERGE || action == __BLK_TA_FRONTMERGE) {
			assert_int_equal(events[i].sector, action == __BLK_TA_BACKMERGE ? 40 : 24);
			merged++;
		} else if (action == __BLK_TA_GETRQ) {
			assert_int_equal(events[i].sector, 32);
			assert_int_equal(events[i].bytes, BLOCK);
		} else if (action == __BLK_TA_ISSUE || action == __BLK_TA_COMPLETE) {
			assert_int_equal(events[i].sector, 24);
			assert_int_equal(events[i].bytes, 3 * BLOCK);
		}
	}
	assert_int_equal(queued, 7 << 3);
	assert_int_equal(merged, 2);
	assert_int_equal(nr_events, 3 + 2 + 2 + 2);
}

/* Events come in the order of time, although requests are written down when they end: the first
 * one ends last. */
static void events_are_in_the_order_of_time(void **state)
{
	unsigned issued = 0, ended = 0;

	(void)state;
	begin(2, 0);
	for (unsigned i = 0; i < 12; i++) { /* four at a time */
		give(i, 2 * i);
		rig.now_ns += 100;
		assert_int_equal(weir_queue_poll(rig.q), 0);
	}
	for (unsigned i = 0; i < 12; i++) {
		rig.now_ns += 1000;
		rig_complete(1);
	}
	finish(12);
	assert_int_equal(nr_events, 12 * 5);
	for (unsigned i = 0; i < nr_events; i++) {
		unsigned action = events[i].action & 0xffff;

		assert_true(!i || events[i].time >= events[i - 1].time);
		issued += action == __BLK_TA_ISSUE;
		ended += action == __BLK_TA_COMPLETE;
		assert_true(issued - ended <= 4);
	}
	assert_int_equal(ended, 12);
}

/* The error of a command is in its end. */
static void an_error_is_in_the_trace(void **state)
{
	(void)state;
	begin(2, 0);
	rig.fail_offset = 5 * BLOCK;
	rig.fail_error = -EIO;
	give(0, 5);
	assert_int_equal(weir_queue_poll(rig.q), 0);
	rig_complete(1);
	finish(1);
	assert_int_equal(ios[0].result, -EIO);
	assert_int_equal(events[4].error, (uint16_t)-EIO);
}

/* Ios of a merged command that failed go again with its tag: each time is a request of its own, and
 * none begins before the one before it has ended. */
static void a_retry_begins_when_the_command_has_failed(void **state)
{
	unsigned tagged = 0, ended = 0;

	(void)state;
	begin(0, 1);
	rig.fail_offset = 3 * BLOCK;
	rig.fail_error = -EIO;
	give(0, 3);
	give(1, 4);
	for (unsigned i = 0; i < 3; i++) {
		assert_true(weir_queue_poll(rig.q) >= 0);
		rig.now_ns += 100;
		rig_complete(1);
	}
	finish(3);
	for (unsigned i = 0; i < nr_events; i++) {
		tagged += (events[i].action & 0xffff) == __BLK_TA_GETRQ;
		ended += (events[i].action & 0xffff) == __BLK_TA_COMPLETE;
		assert_true(tagged - ended <= 1);
	}
	assert_int_equal(ended, 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_io_has_five_steps),
		cmocka_unit_test(merged_ios_keep_their_own_beginning),
		cmocka_unit_test(events_are_in_the_order_of_time),
		cmocka_unit_test(an_error_is_in_the_trace),
		cmocka_unit_test(a_retry_begins_when_the_command_has_failed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
