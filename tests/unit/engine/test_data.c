/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bytes that were written are read back, with each engine that moves bytes and on each kind of
 * device.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "rig.h"

#define EXTENTS 2000u
#define REGION (RIG_BYTES / RIG_DEPTH)
#define EXTENT_BLOCKS 16u

/* Splits BUF of C into 1 to 4 pieces at block boundaries. */
static void cut(struct rig_cmd *c, char *buf, uint64_t blocks, uint64_t *seed)
{
	uint32_t n = 0;

	while (blocks) {
		uint64_t part = n == 3 ? blocks : 1 + rig_random(seed, blocks);

		c->iov[n].iov_base = buf;
		c->iov[n++].iov_len = part * RIG_BLOCK;
		buf += part * RIG_BLOCK;
		blocks -= part;
	}
	c->cmd.iovcnt = n;
}

struct extents {
	struct rig r;
	char *model, *bufs;
	struct rig_cmd cmds[RIG_DEPTH];
	uint64_t seed;
};

/* Starts one command inside the region of slot I, so that commands in flight do not overlap. */
static void extent_start(struct extents *x, unsigned i)
{
	uint64_t blocks = 1 + rig_random(&x->seed, EXTENT_BLOCKS);
	uint64_t at =
		i * REGION + rig_random(&x->seed, REGION / RIG_BLOCK - blocks + 1) * RIG_BLOCK;
	bool write = rig_random(&x->seed, 2);
	char *buf = x->bufs + i * EXTENT_BLOCKS * RIG_BLOCK;
	struct rig_cmd *c = &x->cmds[i];

	rig_prep(c, write ? WEIR_OP_WRITE : WEIR_OP_READ, at, buf, blocks * RIG_BLOCK);
	cut(c, buf, blocks, &x->seed);
	if (write) {
		rig_fill(buf, blocks * RIG_BLOCK, x->seed);
		memcpy(x->model + at, buf, blocks * RIG_BLOCK);
		c->cmd.fua = !rig_random(&x->seed, 16);
	} else {
		memset(buf, 0xee, blocks * RIG_BLOCK);
	}
	assert_int_equal(x->r.e->ops->queue(x->r.e, &c->cmd), 0);
}

static void extent_check(struct extents *x, unsigned i)
{
	struct rig_cmd *c = &x->cmds[i];

	assert_int_equal(c->ended, 1);
	assert_int_equal(c->cmd.result, 0);
	assert_int_equal(c->cmd.status, 0);
	if (c->cmd.op == WEIR_OP_READ)
		assert_memory_equal(x->bufs + i * EXTENT_BLOCKS * RIG_BLOCK,
				    x->model + c->cmd.offset, c->cmd.length);
}

static void random_extents(void **state)
{
	struct extents *x = calloc(1, sizeof(*x));
	unsigned started = 0, batch;
	char *all;

	assert_non_null(x);
	rig_open(&x->r, *state);
	x->seed = 42;
	x->model = rig_alloc(RIG_BYTES);
	x->bufs = rig_alloc(RIG_DEPTH * EXTENT_BLOCKS * RIG_BLOCK);
	memset(x->model, 0x5a, RIG_BYTES);
	while (started < EXTENTS) {
		batch = 1 + (unsigned)rig_random(&x->seed, RIG_DEPTH);
		for (unsigned i = 0; i < batch; i++)
			extent_start(x, i);
		started += batch;
		rig_wait(&x->r, started);
		for (unsigned i = 0; i < batch; i++)
			extent_check(x, i);
	}
	all = rig_alloc(RIG_BYTES);
	assert_int_equal(rig_do(&x->r, WEIR_OP_READ, 0, all, RIG_BYTES), 0);
	assert_memory_equal(all, x->model, RIG_BYTES);
	rig_close(&x->r);
	free(all);
	free(x->bufs);
	free(x->model);
	free(x);
}

/* Checks that SIZE bytes at OFFSET are zeroes, and everything else is as rig_device() left it. */
static void check_zeroes(struct rig *r, uint64_t offset, uint64_t size)
{
	unsigned char *all = rig_alloc(RIG_BYTES);
	uint64_t wrong = 0;

	assert_int_equal(rig_do(r, WEIR_OP_READ, 0, all, RIG_BYTES), 0);
	for (uint64_t i = 0; i < RIG_BYTES; i++)
		wrong += all[i] != (i >= offset && i < offset + size ? 0 : 0x5a);
	free(all);
	assert_int_equal(wrong, 0);
}

static void zeroes(void **state)
{
	/* This is longer than the block that replaces a zeroing call, and no multiple of it. */
	const uint64_t at = 8 * RIG_BLOCK, size = (1u << 20) + 3 * RIG_BLOCK;
	struct rig_cmd c;
	struct rig r;

	rig_open(&r, *state);
	rig_prep(&c, WEIR_OP_WRITE_ZEROES, at, NULL, size / 2 / RIG_BLOCK * RIG_BLOCK);
	assert_int_equal(rig_run(&r, &c), 0);
	check_zeroes(&r, at, c.cmd.length);
	rig_prep(&c, WEIR_OP_WRITE_ZEROES, at, NULL, size);
	c.cmd.fua = true;
	assert_int_equal(rig_run(&r, &c), 0);
	check_zeroes(&r, at, size);
	assert_int_equal(rig_do(&r, WEIR_OP_FLUSH, 0, NULL, 0), 0);
	rig_close(&r);
}

static void discard_touches_nothing_else(void **state)
{
	const struct rig_case *c = *state;
	char *buf = rig_alloc(RIG_BYTES);
	struct rig r;

	rig_open(&r, c);
	assert_int_equal(rig_do(&r, WEIR_OP_DISCARD, 1 << 20, NULL, 1 << 20), 0);
	assert_int_equal(rig_do(&r, WEIR_OP_READ, 0, buf, RIG_BYTES), 0);
	for (uint32_t i = 0; i < RIG_BYTES; i++) {
		if (i >> 20 == 1 && !strcmp(c->where, "loop"))
			continue;
		assert_int_equal(buf[i], 0x5a);
	}
	rig_close(&r);
	free(buf);
}

/* The file has become shorter since it was opened. */
static void end_of_file(void **state)
{
	const struct rig_case *c = *state;
	char *buf = rig_alloc(16 * RIG_BLOCK);
	struct rig_cmd cmds[3];
	struct rig r;

	rig_open(&r, c);
	assert_int_equal(truncate(r.path, 4 * RIG_BLOCK + 1000), 0);
	rig_prep(&cmds[0], WEIR_OP_READ, 2 * RIG_BLOCK, buf, 8 * RIG_BLOCK);
	rig_prep(&cmds[1], WEIR_OP_READ, 0, buf + 8 * RIG_BLOCK, 4 * RIG_BLOCK);
	rig_prep(&cmds[2], WEIR_OP_READ, 1 << 20, buf + 12 * RIG_BLOCK, 4 * RIG_BLOCK);
	for (int i = 0; i < 3; i++)
		assert_int_equal(r.e->ops->queue(r.e, &cmds[i].cmd), 0);
	rig_wait(&r, 3);
	assert_int_equal(cmds[0].cmd.result, -ENODATA);
	assert_true(cmds[0].cmd.resubmits > 0);
	assert_int_equal(cmds[0].cmd.offset, 2 * RIG_BLOCK);
	assert_int_equal(cmds[0].cmd.length, 8 * RIG_BLOCK);
	assert_int_equal(cmds[1].cmd.result, 0);
	assert_int_equal(cmds[2].cmd.result, -ENODATA);
	rig_close(&r);
	free(buf);
}

static void depth_is_the_limit(void **state)
{
	struct rig_cmd *cmds = calloc(RIG_DEPTH + 1, sizeof(*cmds));
	char *buf = rig_alloc(RIG_BLOCK);
	struct rig r;

	assert_non_null(cmds);
	rig_open(&r, *state);
	for (int round = 0; round < 3; round++) {
		for (unsigned i = 0; i <= RIG_DEPTH; i++) {
			rig_prep(&cmds[i], WEIR_OP_READ, i * RIG_BLOCK, buf, RIG_BLOCK);
			assert_int_equal(r.e->ops->queue(r.e, &cmds[i].cmd),
					 i < RIG_DEPTH ? 0 : -EBUSY);
		}
		rig_wait(&r, (unsigned)(round + 1) * RIG_DEPTH);
		assert_int_equal(cmds[RIG_DEPTH].ended, 0);
	}
	rig_close(&r);
	free(buf);
	free(cmds);
}

#define MIX 3000u

/* Each command completes once, in any order and of any kind. */
static void each_ends_once(void **state)
{
	struct rig_cmd *cmds = calloc(MIX, sizeof(*cmds));
	char *buf = rig_alloc(RIG_DEPTH * RIG_BLOCK);
	uint64_t seed = 7;
	unsigned sent = 0;
	struct rig r;

	assert_non_null(cmds);
	rig_open(&r, *state);
	while (sent < MIX) {
		enum weir_op op = (enum weir_op)rig_random(&seed, WEIR_OP_PLACEMENT_UPDATE);

		/* Syncs are slow on some disks; a few are enough. */
		if (op == WEIR_OP_FLUSH && rig_random(&seed, 16))
			op = WEIR_OP_READ;
		rig_prep(&cmds[sent], op, rig_random(&seed, RIG_BYTES / RIG_BLOCK) * RIG_BLOCK,
			 buf + rig_random(&seed, RIG_DEPTH) * RIG_BLOCK, RIG_BLOCK);
		if (!r.e->ops->queue(r.e, &cmds[sent].cmd)) {
			sent++;
			if (rig_random(&seed, 4))
				continue;
			r.e->ops->submit(r.e);
		} else {
			r.e->ops->wait(r.e, clock_now() + NSEC_PER_SEC);
		}
		r.e->ops->reap(r.e, clock_now());
	}
	rig_wait(&r, MIX);
	for (unsigned i = 0; i < MIX; i++) {
		assert_int_equal(cmds[i].ended, 1);
		assert_int_equal(cmds[i].cmd.result, 0);
	}
	assert_int_equal(r.e->ops->reap(r.e, clock_now()), 0);
	rig_close(&r);
	free(buf);
	free(cmds);
}

/* The device refuses one write among reads: only the write gets the error. */
static void error_reaches_its_command(void **state)
{
	const struct rig_case *c = *state;
	char *buf = rig_alloc(9 * RIG_BLOCK);
	struct rig_cmd cmds[9];
	struct rig r;

	rig_device(&r, c->where, WEIR_DEVICE_READ_ONLY);
	rig_engine(&r, c->engine);
	for (unsigned i = 0; i < 9; i++) {
		rig_prep(&cmds[i], i == 4 ? WEIR_OP_WRITE : WEIR_OP_READ, i * RIG_BLOCK,
			 buf + i * RIG_BLOCK, RIG_BLOCK);
		assert_int_equal(r.e->ops->queue(r.e, &cmds[i].cmd), 0);
	}
	rig_wait(&r, 9);
	for (unsigned i = 0; i < 9; i++) {
		assert_int_equal(cmds[i].ended, 1);
		assert_int_equal(cmds[i].cmd.result, i == 4 ? -EBADF : 0);
	}
	assert_int_equal(rig_do(&r, WEIR_OP_WRITE_ZEROES, 0, NULL, RIG_BLOCK), -EBADF);
	rig_close(&r);
	free(buf);
}

static const struct rig_case cases[] = {
	{ "posix", "file" }, { "posix", "shm" }, { "posix", "loop" },
	{ "uring", "file" }, { "uring", "shm" }, { "uring", "loop" },
};

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(random_extents),
	cmocka_unit_test(zeroes),
	cmocka_unit_test(discard_touches_nothing_else),
	cmocka_unit_test(end_of_file),
	cmocka_unit_test(depth_is_the_limit),
	cmocka_unit_test(each_ends_once),
	cmocka_unit_test(error_reaches_its_command),
};

#define CASES (sizeof(cases) / sizeof(cases[0]))
#define TESTS (sizeof(tests) / sizeof(tests[0]))

/* A loop device keeps its size. */
static bool suits(const struct rig_case *c, const struct CMUnitTest *test)
{
	return test->test_func != end_of_file || strcmp(c->where, "loop");
}

int main(void)
{
	return rig_run_cases("engine_data", cases, CASES, tests, TESTS, suits);
}
