/* SPDX-License-Identifier: Apache-2.0 */
/*
 * accept.c - makes requests of ios: each takes one tag.
 *
 * An io merges into a request that waits, or is split into requests of its own as far as there are
 * tags; for the others it waits in line (admit.c says which io is next). Flushes (flush_steps.c)
 * and placement updates need a tag too, but do not pass through the scheduler.
 *
 * Owns nothing; the lane's owner.
 */
#include "queue/lane/accept.h"

#include <errno.h>

#include "base/check.h"
#include "queue/lane/admit.h"
#include "queue/lane/cancel.h"
#include "queue/lane/dispatch.h"
#include "queue/lane/ended.h"
#include "queue/lane/flush_steps.h"
#include "queue/lane/merge.h"
#include "queue/lane/part.h"
#include "queue/lane/queue.h"
#include "queue/lane/split.h"
#include "queue/lane/tracing.h"

/* IO gets no further part: it ends when the parts that are in flight have ended. */
static void accept_stop(struct lane *lane, struct weir_io *io, int result)
{
	if (result && !io->result) {
		CHECK(io_priv(io)->parts);
		io->result = result;
		io_priv(io)->failed_offset = io->offset + io_priv(io)->cursor;
	}
	io_priv(io)->cursor = io->length;
	if (!--io_priv(io)->parts)
		part_all_ended(lane, io);
}

/* Makes RQ the next part of IO; false if there are more. */
static bool accept_split(struct lane *lane, struct weir_io *io, struct request *rq,
			 struct sched_list *insert)
{
	bool first = !io_priv(io)->cursor;
	int err = split_next(lane, io, rq);

	if (err) {
		split_drop(rq);
		admit_put(lane, rq);
		accept_stop(lane, io, err);
		return true;
	}
	if (!first)
		hist_add(&lane->stats->splits, 1);
	rq->first = rq->last = io;
	rq->nr_ios = 1;
	rq->scheduled = true;
	rq->rq.start_ns = lane->now;
	rq->rq.priv[0] = rq->rq.priv[1] = NULL;
	io_priv(io)->parts++;
	TAILQ_INSERT_TAIL(insert, &rq->rq, fifo);
	tracing_inserted(lane, rq);
	if (io_priv(io)->cursor < io->length)
		return false;
	accept_stop(lane, io, 0);
	return true;
}

/* Makes a placement update, which goes to the drive without the scheduler, as in blk-mq. */
static void accept_update(struct lane *lane, struct weir_io *io, struct request *rq)
{
	rq->cmd = (struct weir_cmd){
		.op = io->op, .buf_index = -1, .prio = io_priv(io)->prio, .placement = io->placement
	};
	rq->rq.op = io->op;
	rq->rq.flags = SCHED_RQ_SYNC | SCHED_RQ_NOMERGE;
	rq->rq.start_ns = lane->now;
	rq->submit_ns = io_priv(io)->start_ns;
	rq->first = rq->last = io;
	rq->nr_ios = 1;
	rq->scheduled = false;
	dispatch_add(lane, rq);
}

/* Uses RQ for IO; false if IO needs another request. */
static bool accept_part(struct lane *lane, struct weir_io *io, struct request *rq,
			struct sched_list *insert)
{
	if (io->op == WEIR_OP_PLACEMENT_UPDATE) {
		accept_update(lane, io, rq);
		return true;
	}
	if (io_priv(io)->cursor < io->length)
		return accept_split(lane, io, rq, insert);
	admit_put(lane, rq);
	accept_stop(lane, io, 0); /* a part failed while the rest waited for a tag */
	return true;
}

/* Takes in ios that wait, one tag at a time, as far as there are tags. */
static void accept_waiting(struct lane *lane, struct sched_list *insert)
{
	struct weir_io *io;

	while ((io = admit_next(lane)))
		if (!merge_io(lane, io, insert) &&
		    !accept_part(lane, io, admit_take(lane, io), insert))
			admit_again(lane, io);
}

/* Ends IO, which must not wait for a tag, unless all tags that it needs are free now. */
static bool accept_refuse_nowait(struct lane *lane, struct weir_io *io)
{
	uint32_t most = __atomic_load_n(&lane->q->nr_requests, __ATOMIC_RELAXED);
	uint64_t parts = split_parts(lane, io, most);

	if (!admit_must_wait(lane, io) && admit_may(lane, io, parts))
		return false;
	io->result = parts > most ? -EMSGSIZE : -EAGAIN;
	io_priv(io)->failed_offset = io->offset;
	part_all_ended(lane, io);
	return true;
}

/* Ends IO if it must not wait and there is no tag for its data: the flush before them would be
 * for nothing. */
static bool accept_refuse_preflush(struct lane *lane, struct weir_io *io)
{
	if (!(io->flags & WEIR_IO_NOWAIT) || !(io->flags & WEIR_IO_PREFLUSH) || io_priv(io)->cursor)
		return false;
	return io->op != WEIR_OP_FLUSH && io_priv(io)->step == STEP_NONE &&
	       accept_refuse_nowait(lane, io);
}

static void accept_nowait(struct lane *lane, struct weir_io *io, struct sched_list *insert)
{
	if (accept_refuse_nowait(lane, io))
		return;
	while (!accept_part(lane, io, admit_take(lane, io), insert)) {
		if (tags_are_free(lane, 1))
			continue;
		/* max_io_bytes became smaller after its parts were counted. It has begun, so the
		 * rest of it waits. */
		hist_add(&lane->stats->tag_waits, 1);
		admit_wait(lane, io);
		return;
	}
}

/* Takes IO in, or lets it wait in line. An io that merges into a request needs no tag, so it
 * does not wait. */
static void accept_new(struct lane *lane, struct weir_io *io, struct sched_list *insert)
{
	/* One that has begun runs to its end. */
	bool no_wait = (io->flags & WEIR_IO_NOWAIT) && !io_priv(io)->cursor;
	struct request *rq;

	io_priv(io)->parts = 1; /* one more while it is split, so that it does not end too early */
	if (cancel_on_the_way_in(io)) {
		accept_stop(lane, io, -ECANCELED);
		return;
	}
	if (accept_refuse_preflush(lane, io) || flush_steps_accept(lane, io) ||
	    merge_io(lane, io, insert))
		return;
	/* A merge may have freed a tag; it belongs to the ios that wait. */
	if (lane->waiting.nr && (no_wait || !admit_by_submitter(lane)))
		accept_waiting(lane, insert);
	if (no_wait) {
		accept_nowait(lane, io, insert);
		return;
	}
	while (!admit_by_submitter(lane) && !admit_must_wait(lane, io) &&
	       (rq = admit_tag(lane, io)))
		if (accept_part(lane, io, rq, insert))
			return;
	hist_add(&lane->stats->tag_waits, 1);
	admit_wait(lane, io);
}

void accept_ios(struct lane *lane, struct io_list *list)
{
	struct sched_list insert = TAILQ_HEAD_INITIALIZER(insert);
	struct weir_io *io;

	CHECK(lane_is_mine(lane));
	CHECK(!lane->change.draining);
	flush_steps_kick(lane);
	if (lane->waiting.nr && !admit_by_submitter(lane))
		accept_waiting(lane, &insert);
	while ((io = flush_steps_next_ready(lane)) || (io = io_list_pop(list)))
		accept_new(lane, io, &insert);
	if (lane->waiting.nr)
		accept_waiting(lane, &insert);
	flush_steps_kick(lane);
	if (!TAILQ_EMPTY(&insert))
		dispatch_hand_on(lane, &insert);
	ended_give_back(lane);
}
