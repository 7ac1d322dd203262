/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cancel.c - ends ios that wait, with -ECANCELED, and leaves those alone that have begun.
 *
 * Whoever cancels marks the io and wakes all lanes, as it cannot know which one has it. An io that
 * is on its way in is looked at when its lane accepts it (accept.c). One that waits for a tag
 * leaves its line here. A scheduler has no way to give back a single request, so an io in it leaves
 * its request: that stays as an empty one, which nothing is merged into and which dispatch.c drops
 * when the scheduler hands it out. So it is with a request that waits for room in the engine.
 *
 * Parts of an io that was split may have begun, or ended. None has if the parts that still wait are
 * as long together as all that was split off.
 *
 * Owns lane->cancel. The lane's owner, except cancel_ask().
 */
#include "queue/lane/cancel.h"

#include <errno.h>

#include "base/check.h"
#include "queue/lane/admit.h"
#include "queue/lane/lane.h"
#include "queue/lane/part.h"
#include "queue/lane/split.h"
#include "queue/lane/wake.h"

void cancel_ask(struct weir_queue *q, struct weir_io *io)
{
	__atomic_store_n(&io_priv(io)->cancel, 1, __ATOMIC_RELAXED);
	/* If lane_wake() leaves the waking to an earlier caller, the lane must see this number once
	 * it has taken that caller's flag: hence the order of `staged`. */
	__atomic_add_fetch(&q->cancels, 1, __ATOMIC_SEQ_CST);
	lane_wake_all(q);
}

/* One part less of IO, which is cancelled. */
static void cancel_part(struct lane *lane, struct weir_io *io)
{
	CHECK(io_priv(io)->parts);
	io->result = -ECANCELED;
	io_priv(io)->failed_offset = io->offset;
	if (!--io_priv(io)->parts)
		part_all_ended(lane, io);
}

/* RQ waits in the scheduler or for room in the engine, and its ios with it. */
static bool cancel_waits(const struct request *rq)
{
	return rq->state == REQUEST_TAKEN && rq->cmd.op != WEIR_OP_FLUSH && !rq->cancelled &&
	       rq->nr_ios && !(rq->rq.flags & SCHED_RQ_STARTED);
}

/* All of the ios of RQ are to be cancelled, and no part of them has begun. */
static bool cancel_all_of(const struct request *rq)
{
	const struct weir_io *io = rq->first;

	if (rq->nr_ios == 1)
		return cancel_is_wanted(io) && io_priv(io)->waiting_bytes == io_priv(io)->cursor;
	for (uint32_t n = rq->nr_ios; n; n--, io = io_priv(io)->next)
		if (!cancel_is_wanted(io))
			return false;
	return true;
}

static void cancel_request(struct lane *lane, struct request *rq)
{
	struct weir_io *io = rq->first;

	CHECK(rq->state == REQUEST_TAKEN);
	for (uint32_t n = rq->nr_ios; n; n--) {
		struct weir_io *next = io_priv(io)->next;

		cancel_part(lane, io);
		io = next;
	}
	/* The memory of its ios is the caller's now. */
	split_drop(rq);
	rq->first = rq->last = NULL;
	rq->nr_ios = 0;
	rq->cmd.buf_index = -1;
	rq->rq.flags |= SCHED_RQ_NOMERGE;
	rq->cancelled = true;
}

/* Adds up the parts of split ios that wait in requests. */
static void cancel_measure(struct lane *lane)
{
	for (uint32_t i = 0; i < lane->tags.nr; i++) {
		struct request *rq = &lane->tags.pool[i];

		if (cancel_waits(rq) && rq->nr_ios == 1)
			io_priv(rq->first)->waiting_bytes = 0;
	}
	for (uint32_t i = 0; i < lane->tags.nr; i++) {
		struct request *rq = &lane->tags.pool[i];

		if (cancel_waits(rq) && rq->nr_ios == 1)
			io_priv(rq->first)->waiting_bytes += rq->cmd.length;
	}
}

/* IO waits for a tag: none of its parts is known to wait in a request yet. */
static bool cancel_forget(struct weir_io *io)
{
	io_priv(io)->waiting_bytes = 0;
	return false;
}

/* IO waits for a tag: it may leave its line if it is to be cancelled and no part has begun. */
static bool cancel_from_line(struct weir_io *io)
{
	return cancel_is_wanted(io) && io_priv(io)->waiting_bytes == io_priv(io)->cursor;
}

void cancel_check(struct lane *lane)
{
	uint32_t now = __atomic_load_n(&lane->q->cancels, __ATOMIC_SEQ_CST);
	struct io_list list;
	struct weir_io *io;

	if (now == lane->cancel.seen)
		return;
	CHECK(lane_is_mine(lane));
	lane->cancel.seen = now;
	io_list_init(&list);
	admit_remove(lane, cancel_forget, &list);
	cancel_measure(lane);
	admit_remove(lane, cancel_from_line, &list);
	for (uint32_t i = 0; i < lane->tags.nr; i++) {
		struct request *rq = &lane->tags.pool[i];

		if (cancel_waits(rq) && cancel_all_of(rq))
			cancel_request(lane, rq);
	}
	while ((io = io_list_pop(&list))) {
		io_priv(io)->cursor = io->length;
		cancel_part(lane, io);
	}
}
