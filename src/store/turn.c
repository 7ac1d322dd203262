/* SPDX-License-Identifier: Apache-2.0 */
/*
 * turn.c - the turn of a store: everything that it does, in one place and in one order.
 *
 * The loop enters a store at two points: an io of the store has ended, or an operation has come in.
 * Both only note what happened. Then the store has a turn, which runs its steps until nothing asks
 * for another round. A step that has to wait for an io or a flush continues in a later turn. This
 * file runs on the loop's thread.
 */
#include "base/container.h"
#include "base/check.h"
#include "store/tenants.h"

/* Runs the steps once, for the logs that asked. A later step may make work for an earlier one,
 * which is done in the next round. Written batches are acknowledged before new ones get their
 * positions. The flush is submitted after the last round, so that one flush serves all who
 * asked. */
static void turn_round(struct weir_store *s)
{
	logs_begin_round(s->logs);
	logs_publish(s->logs);
	logs_admit(s->logs);
	logs_seal(s->logs);
	logs_prepare(s->logs);
	logs_hurry(s->logs);
	logs_reclaim(s->logs);
}

bool store_busy(const struct weir_store *s)
{
	return s->io.ios || s->io.flusher.busy || logs_busy(s->logs);
}

/* Returns true if the closing operation is the only one, and nothing of the store's own is under
 * way. */
static bool turn_is_last(const struct weir_store *s)
{
	CHECK(s->io.ops > 0);
	return s->io.ops == 1 && !store_busy(s);
}

/* The closing operation only asked when the store is idle. */
static void turn_end_quiet(struct weir_store *s)
{
	struct weir_store_op *op = s->closing.op;
	struct quiet_question *ask = op_priv(op)->private;

	ask->begun = s->io.begun;
	s->closing.op = NULL;
	op_end(&s->io, op, 0);
}

static void turn_end(struct weir_task *task)
{
	struct weir_store *s = container_of(task, struct weir_store, closing.task);

	io_check_owner(&s->io);
	CHECK(s->closing.op && s->closing.posted);
	s->closing.posted = false;
	/* Operations that callbacks submitted before this task was posted have begun by now. Their
	 * callbacks may have submitted more, which come after this task. */
	if (s->closing.begun != s->io.begun || !turn_is_last(s)) {
		store_turn(&s->io);
		return;
	}
	if (s->closing.quiet) {
		turn_end_quiet(s);
		return;
	}
	deadline_stop(s);
	/* This is the last thing that the loop does for this store. */
	op_end(&s->io, s->closing.op, s->io.first_error);
}

/* Continues closing: closes the open segments, and posts the end when nothing is under way. Returns
 * true if the steps have more to do. */
static bool turn_close(struct weir_store *s)
{
	if (s->closing.posted || s->io.ops > 1)
		return false;
	if (!s->closing.quiet && !s->io.broken && logs_close(s->logs))
		return true;
	if (!turn_is_last(s) || (!s->closing.quiet && budget_end(s)))
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
		tenant_continue(s);
		if (budget_is_due(s))
			budget_save(s);
		if (flush_is_due(&io->flusher))
			flush_run(io);
	} while (io->asking || (s->closing.op && turn_close(s)));
}

static void turn_begin_close(struct weir_store *s, struct weir_store_op *op, bool quiet)
{
	CHECK(!s->closing.op);
	s->closing.op = op;
	s->closing.quiet = quiet;
	if (!s->closing.watched)
		s->closing.failed = s->io.counts.failed;
	s->closing.watched = true;
	/* Otherwise the store would reclaim ahead of need up to its marks before it is idle. */
	logs_set_closing(s->logs);
}

void store_close_when_idle(struct weir_store *s, struct weir_store_op *op)
{
	turn_begin_close(s, op, false);
}

void store_quiet_when_idle(struct weir_store *s, struct weir_store_op *op)
{
	turn_begin_close(s, op, true);
}
