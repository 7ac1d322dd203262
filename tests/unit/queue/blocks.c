/* SPDX-License-Identifier: Apache-2.0 */
/* blocks.c - ios by numbers of blocks, on the rig. See blocks.h. Global: one test at a time. */
#include "blocks.h"

const char *const blocks_schedulers[BLOCKS_SCHEDULERS] = { "none", "mq-deadline", "kyber" };
struct weir_io blocks_io[BLOCKS_N];
unsigned blocks_nr_ios, blocks_nr_ends;
char blocks_memory[2 * BLOCKS_N][BLOCK] __attribute__((aligned(4096)));

static void on_end(struct weir_io *io)
{
	(void)io;
	blocks_nr_ends++;
}

struct weir_io *blocks_make(uint8_t op, unsigned from, unsigned to)
{
	struct weir_io *io = &blocks_io[blocks_nr_ios];

	weir_io_write(io, (uint64_t)from * BLOCK, blocks_memory[2 * (size_t)blocks_nr_ios],
		      (uint64_t)(to - from) * BLOCK);
	io->op = op;
	io->end = on_end;
	blocks_nr_ios++;
	return io;
}

static void *stage_all(void *arg)
{
	for (unsigned i = *(unsigned *)arg; i < blocks_nr_ios; i++)
		assert_int_equal(weir_queue_submit(rig.q, &blocks_io[i]), 0);
	return NULL;
}

void blocks_stage(unsigned first)
{
	pthread_t thread;

	assert_int_equal(pthread_create(&thread, NULL, stage_all, &first), 0);
	pthread_join(thread, NULL);
	assert_true(weir_queue_poll(rig.q) >= 0);
}

void blocks_give(unsigned first)
{
	stage_all(&first);
	assert_true(weir_queue_poll(rig.q) >= 0);
}

void blocks_reset(unsigned nomerges)
{
	rig_init();
	rig.hold = true;
	rig.nomerges = nomerges;
	rig.info.max_segments = 128;
	rig.info.max_io_bytes = 1 << 20;
	blocks_nr_ios = blocks_nr_ends = 0;
}

static void open_it(const char *scheduler, uint32_t retry_merged)
{
	rig_open(&(struct weir_queue_opts){ .size = sizeof(struct weir_queue_opts),
					    .scheduler = scheduler,
					    .retry_merged = retry_merged },
		 NULL);
	assert_int_equal(weir_queue_poll(rig.q), 0); /* this thread is the owner */
}

void blocks_open(const char *scheduler)
{
	open_it(scheduler, 0);
}

void blocks_open_retrying(const char *scheduler)
{
	open_it(scheduler, 1);
}

void blocks_close(void)
{
	rig.hold = false;
	assert_int_equal(weir_queue_wait(rig.q), 0);
	assert_int_equal(blocks_nr_ends, blocks_nr_ios);
	rig_close();
}

void blocks_expect_cmd(unsigned n, unsigned from, unsigned to)
{
	assert_true(n < rig.nr_log);
	assert_int_equal(rig.log[n].offset, (uint64_t)from * BLOCK);
	assert_int_equal(rig.log[n].length, (uint64_t)(to - from) * BLOCK);
}

struct weir_queue_stats blocks_stats(void)
{
	struct weir_queue_stats s = WEIR_QUEUE_STATS_INIT;

	assert_int_equal(weir_queue_get_stats(rig.q, &s), 0);
	return s;
}

struct weir_op_stats blocks_op_stats(enum weir_op op)
{
	struct weir_op_stats s = WEIR_OP_STATS_INIT;

	assert_int_equal(weir_queue_get_op_stats(rig.q, op, &s), 0);
	return s;
}
