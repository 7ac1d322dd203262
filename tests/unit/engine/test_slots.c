/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Slots of the ring: a slot belongs to its command until the command has completed, however long
 * that takes and in whatever order the others complete. Some kernels read the slot again at any
 * time before.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "engine/uring.h"

#define DEPTH 8u
#define TURNS 1000u

/* The test has its own engine: a read hangs until PIPE has a byte for it, and any other command
 * completes at once. */
static struct uring u;
static int ends[2];
static unsigned ended;

static void complete(void *owner, struct weir_cmd *cmd)
{
	(void)owner;
	assert_int_equal(cmd->result, 0);
	cmd->status = 1; /* how often it has completed */
	ended++;
}

static bool divert(struct uring *unused, struct weir_cmd *cmd)
{
	(void)unused;
	(void)cmd;
	return false;
}

static void prep(struct uring *unused, struct io_uring_sqe *sqe, struct weir_cmd *cmd)
{
	(void)unused;
	if (cmd->op == WEIR_OP_READ)
		io_uring_prep_read(sqe, ends[0], cmd->iov->iov_base, 1, 0);
	else
		io_uring_prep_nop(sqe);
	sqe->user_data = (uintptr_t)cmd;
}

static enum progress result(struct uring *unused, struct weir_cmd *cmd, bool zeroes, int res)
{
	(void)unused;
	(void)zeroes;
	/* A flush continues once, perhaps in another slot. */
	if (cmd->op == WEIR_OP_FLUSH && !cmd->resubmits++)
		return PROGRESS_AGAIN;
	return progress_end(cmd, res < 0 ? res : 0);
}

static int suits(const struct weir_device *dev, char *why, size_t size)
{
	(void)dev;
	(void)why;
	(void)size;
	return 0;
}

static struct uring *make(const struct weir_device *dev, uint32_t depth)
{
	(void)dev;
	(void)depth;
	memset(&u, 0, sizeof(u));
	u.target.fd = ends[0];
	return &u;
}

static void unmake(struct uring *unused)
{
	(void)unused;
}

static const struct engine_ops ops = { .name = "slots" };
static struct uring_kind kind = {
	.name = "slots",
	.suits = suits,
	.make = make,
	.free = unmake,
	.divert = divert,
	.prep = prep,
	.result = result,
};

static void open_ring(unsigned flags)
{
	struct engine_params params = { .depth = DEPTH, .complete = complete };
	struct engine *e;

	kind.ring_flags = flags;
	ended = 0;
	assert_int_equal(pipe(ends), 0);
	params.wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (uring_open_kind(&kind, &ops, &e, &params) < 0) {
		print_message("# skipped: %s\n", weir_error());
		skip();
	}
}

static void close_ring(void)
{
	uring_close(&u.engine);
	close(u.engine.params.wake_fd);
	close(ends[0]);
	close(ends[1]);
}

static void queue(struct weir_cmd *cmd, struct iovec *iov, enum weir_op op)
{
	memset(cmd, 0, sizeof(*cmd));
	cmd->op = (uint8_t)op;
	cmd->iov = iov;
	cmd->iovcnt = 1;
	assert_int_equal(uring_queue(&u.engine, cmd), 0);
}

static void wait_for(unsigned count)
{
	uint64_t limit = clock_now() + 60 * NSEC_PER_SEC;

	uring_submit(&u.engine);
	while (ended < count) {
		uring_wait(&u.engine, limit);
		uring_reap(&u.engine, clock_now());
		assert_true(clock_now() < limit);
	}
}

/* Returns the number of slots that hold CMD; its mark is nowhere else. */
static unsigned slots_of(const struct weir_cmd *cmd)
{
	unsigned shift = kind.ring_flags & IORING_SETUP_SQE128 ? 1 : 0, count = 0;

	for (unsigned i = 0; i < u.ring.sq.ring_entries; i++)
		count += u.ring.sq.sqes[i << shift].user_data == (uintptr_t)cmd;
	return count;
}

static void wake(void)
{
	assert_int_equal(eventfd_write(u.engine.params.wake_fd, 1), 0);
}

/* Makes HANGS commands hang, and lets others come and go beside them, in batches as large as the
 * room that is left. */
static void hang(unsigned hangs)
{
	struct weir_cmd hung[DEPTH], others[DEPTH];
	char bytes[DEPTH];
	struct iovec iov[DEPTH];

	for (unsigned i = 0; i < hangs; i++) {
		iov[i] = (struct iovec){ &bytes[i], 1 };
		queue(&hung[i], &iov[i], WEIR_OP_READ);
	}
	for (unsigned turn = 0; turn < TURNS; turn++) {
		unsigned batch = 1 + turn % (DEPTH - hangs);

		for (unsigned i = 0; i < batch; i++)
			queue(&others[i], NULL, i & 1 ? WEIR_OP_FLUSH : WEIR_OP_DISCARD);
		if (turn % 7 == 0)
			wake();
		wait_for(ended + batch);
		for (unsigned i = 0; i < hangs; i++) {
			assert_int_equal(slots_of(&hung[i]), 1);
			assert_int_equal(hung[i].status, 0);
		}
	}
	/* The hanging commands are whole, also those in the middle. */
	assert_int_equal(write(ends[1], "12345678", hangs), hangs);
	wait_for(ended + hangs);
	for (unsigned i = 0; i < hangs; i++)
		assert_int_equal(hung[i].status, 1);
	for (unsigned i = 0; i < DEPTH; i++)
		queue(&others[i], NULL, WEIR_OP_DISCARD);
	assert_int_equal(uring_queue(&u.engine, &hung[0]), -EBUSY);
	wait_for(ended + DEPTH);
}

static void nobody_gets_the_slot_of_one_that_hangs(void **state)
{
	static const unsigned big = IORING_SETUP_SQE128 | IORING_SETUP_CQE32, hangs[] = { 1, 3, 7 };

	(void)state;
	for (unsigned i = 0; i < 2 * sizeof(hangs) / sizeof(hangs[0]); i++) {
		open_ring(i & 1 ? big : 0);
		hang(hangs[i / 2]);
		close_ring();
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nobody_gets_the_slot_of_one_that_hangs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
