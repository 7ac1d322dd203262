/* SPDX-License-Identifier: Apache-2.0 */
/*
 * turn.c - the turn of a store: all that it does, in one place and one order.
 *
 * The loop enters the store where one of its ios has ended and where an operation has come in.
 * Whatever happened is only noted there; then the store has a turn, which goes on until nothing
 * asks for another round. Steps that wait for an io or a flush go on in a later turn. The loop's
 * thread.
 */
#include "base/container.h"
#include "base/check.h"
#include "store/store.h"

/* The steps, for the logs that asked. A later step may make work for an earlier one, which then
 * has the next round: written batches are acknowledged before a place is looked for, and one
 * flush, submitted last, serves all who asked for one. */
static void turn_round(struct weir_store *s)
{
	logs_begin_round(s->logs);
	logs_publish(s->logs);
	logs_seal(s->logs);
	logs_admit(s->logs);
	logs_prepare(s->logs);
	logs_reclaim(s->logs);
}

bool store_busy(const struct weir_store *s)
{
	return s->io.ios || s->io.flusher.busy || logs_busy(s->logs);
}

/* Is the operation that closes the only one, and nothing of the store's own under way? */
static bool turn_is_last(const struct weir_store *s)
{
	CHECK(s->io.ops > 0);
	return s->io.ops == 1 && !store_busy(s);
}

static void turn_end(struct weir_task *task)
{
	struct weir_store *s = container_of(task, struct weir_store, closing.task);

	io_check_owner(&s->io);
	CHECK(s->closing.op && s->closing.posted);
	s->closing.posted = false;
	/* Operations that callbacks submitted before this was posted have begun by now. Their own
	 * callbacks may have submitted others, which come behind this. */
	if (s->closing.begun != s->io.begun || !turn_is_last(s)) {
		store_turn(&s->io);
		return;
	}
	/* The last thing that the loop does for this store. */
	op_end(&s->io, s->closing.op, s->io.first_error);
}

/* Goes on with closing: seals the open segments, and ends once nothing is under way. True: the
 * steps have more to do. */
static bool turn_close(struct weir_store *s)
{
	if (s->closing.posted || s->io.ops > 1)
		return false;
	if (!s->io.broken && logs_close(s->logs))
		return true;
	if (!turn_is_last(s))
		return false;
	s->closing.posted = true;
	s->closing.begun = s->io.begun;
	s->closing.task.fn = turn_end;
	weir_queue_post(s->io.q, 0, &s->closing.task);
	return false;
}

void store_turn(struct store_io *io)
{
	struct weir_store *s = container_of(io, struct weir_store, io);

	do {
		while (io->asking)
			turn_round(s);
		if (flush_is_due(&io->flusher))
			flush_run(io);
	} while (io->asking || (s->closing.op && turn_close(s)));
}

void store_close_when_idle(struct weir_store *s, struct weir_store_op *op)
{
	CHECK(!s->closing.op);
	s->closing.op = op;
	logs_set_closing(s->logs);
}
