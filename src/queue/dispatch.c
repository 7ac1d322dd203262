/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dispatch.c - from ios to commands: tags, the scheduler, and what is handed to the engine.
 *
 * An io becomes requests, one tag each, and waits in line where there is no tag. The scheduler is
 * asked only while a driver tag and room in bytes are free, so nothing is parked below it, except
 * what the engine itself refused: that goes first next time. Flushes (sequence.c) and placement
 * updates do not pass through the scheduler.
 *
 * Owns the lane's waiting and dispatch lists. Owner's thread.
 */
#include <errno.h>

#include "queue/lane.h"

/* Submitters over their limit that are passed by, and ios looked at to find another. */
#define LIMITED_MAX 16u
#define LIMITED_LOOK 1024u

static bool room(const struct lane *lane)
{
	const struct weir_queue *q = lane->q;

	return lane->in_flight < __atomic_load_n(&q->depth, __ATOMIC_RELAXED) &&
	       lane->in_flight_bytes < __atomic_load_n(&q->depth_bytes, __ATOMIC_RELAXED);
}

bool dispatch_may_ask(const struct lane *lane)
{
	return TAILQ_EMPTY(&lane->dispatch) && room(lane);
}

/* Hands RQ to the engine; false if that has no room. */
static bool start(struct lane *lane, struct request *rq)
{
	if (lane->engine->ops->queue(lane->engine, &rq->cmd))
		return false;
	rq->rq.flags |= SCHED_RQ_STARTED;
	rq->rq.io_start_ns = lane->now;
	lane_count(lane, 1, cmd_data_bytes(&rq->cmd));
	lane->queued++;
	hist_add(&lane->stats->requests, 1);
	if (rq->cmd.buf_index >= 0)
		hist_add(&lane->stats->fixed, 1);
	/* Stamps come from different threads' clocks reads: never let a difference wrap. */
	hist_record(&lane->stats->op[rq->cmd.op].wait,
		    lane->now > rq->submit_ns ? lane->now - rq->submit_ns : 0);
	return true;
}

static void refused(struct lane *lane, struct request *rq, bool again)
{
	if (again)
		TAILQ_INSERT_HEAD(&lane->dispatch, rq, link);
	else
		TAILQ_INSERT_TAIL(&lane->dispatch, rq, link);
	hist_add(&lane->stats->requeues, 1);
	lane->refused = true;
	lane->rerun_ns = lane->now + RERUN_NS;
}

/* What moves no bytes needs a tag, but no room for them. */
static bool room_for(const struct lane *lane, const struct weir_cmd *cmd)
{
	if (cmd->op == WEIR_OP_FLUSH || cmd->op == WEIR_OP_PLACEMENT_UPDATE)
		return lane->in_flight < __atomic_load_n(&lane->q->depth, __ATOMIC_RELAXED);
	return room(lane);
}

/* What was scheduled before; false if some of it is left. */
static bool run_dispatch_list(struct lane *lane)
{
	struct request *rq;

	if (lane->refused && lane->now < lane->rerun_ns)
		return false;
	lane->refused = false;
	while ((rq = TAILQ_FIRST(&lane->dispatch))) {
		if (!room_for(lane, &rq->cmd))
			return false;
		TAILQ_REMOVE(&lane->dispatch, rq, link);
		if (!start(lane, rq)) {
			refused(lane, rq, true);
			return false;
		}
	}
	return true;
}

void dispatch_run(struct lane *lane)
{
	struct sched *s = lane->sched;

	if (run_dispatch_list(lane)) {
		while (room(lane)) {
			struct request *rq = (struct request *)s->ops->dispatch(s, lane->now);

			if (!rq)
				break;
			if (start(lane, rq))
				continue;
			if (s->ops->requeue)
				s->ops->requeue(s, &rq->rq);
			refused(lane, rq, false);
			break;
		}
	}
	if (lane->queued) {
		lane->queued = 0;
		hist_add(&lane->stats->batches, 1);
		lane->engine->ops->submit(lane->engine);
	}
}

bool dispatch_has_tag(const struct lane *lane)
{
	return lane->nr_free && lane->nr_tags - lane->nr_free <
					__atomic_load_n(&lane->q->nr_requests, __ATOMIC_RELAXED);
}

struct request *dispatch_get_tag(struct lane *lane, const struct weir_io *io)
{
	const struct sched_ops *ops = lane->sched->ops;
	uint32_t used = lane->nr_tags - lane->nr_free;
	struct sched_rq like;

	if (!dispatch_has_tag(lane))
		return NULL;
	if (ops->limit_depth && io) {
		like.op = io->op;
		like.flags = split_flags(io);
		like.ioprio = io->q_prio;
		like.submitter = io->submitter;
		if (used >= ops->limit_depth(lane->sched, &like))
			return NULL;
	}
	return lane->free[--lane->nr_free];
}

static void put_tag(struct lane *lane, struct request *rq)
{
	lane->free[lane->nr_free++] = rq;
}

/* Straight to the engine as long as the scheduler allows it and holds nothing; the rest of BATCH
 * is its own. */
static void hand_on(struct lane *lane, struct sched_list *batch)
{
	struct sched *s = lane->sched;
	struct sched_rq *rq;

	if ((s->ops->flags & SCHED_DIRECT) && !s->ops->has_work(s))
		while ((rq = TAILQ_FIRST(batch)) && TAILQ_EMPTY(&lane->dispatch) && room(lane)) {
			TAILQ_REMOVE(batch, rq, fifo);
			((struct request *)rq)->scheduled = false;
			if (!start(lane, (struct request *)rq))
				refused(lane, (struct request *)rq, false);
		}
	if (!TAILQ_EMPTY(batch))
		s->ops->insert(s, batch, false, lane->now);
}

/* IO gets no further part; it ends when those in flight have. */
static void stop_cutting(struct lane *lane, struct weir_io *io, int result)
{
	if (result && !io->result) {
		io->result = result;
		io->q_failed_offset = io->offset + io->q_cursor;
	}
	io->q_cursor = io->length;
	if (!--io->q_parts)
		complete_data(lane, io);
}

/* Cuts IO into requests as far as tags go; false if it must wait for one. */
static bool accept_data(struct lane *lane, struct weir_io *io, struct sched_list *insert)
{
	if (io->q_cursor == io->length) { /* a part failed while it waited to be cut further */
		stop_cutting(lane, io, 0);
		return true;
	}
	do {
		struct request *rq = dispatch_get_tag(lane, io);
		bool first = !io->q_cursor;
		int err;

		if (!rq)
			return false;
		err = split_next(lane, io, rq);
		if (!err && first && io->q_cursor < io->length && (io->flags & WEIR_IO_NOWAIT)) {
			err = -EAGAIN; /* as on Linux: what needs a split might wait */
			io->q_cursor = 0;
		}
		if (err) {
			split_drop(rq);
			put_tag(lane, rq);
			stop_cutting(lane, io, err);
			return true;
		}
		if (!first)
			hist_add(&lane->stats->splits, 1);
		rq->first = rq->last = io;
		rq->nr_ios = 1;
		rq->scheduled = true;
		rq->rq.start_ns = lane->now;
		rq->rq.priv[0] = rq->rq.priv[1] = NULL;
		io->q_parts++;
		TAILQ_INSERT_TAIL(insert, &rq->rq, fifo);
	} while (io->q_cursor < io->length);
	stop_cutting(lane, io, 0);
	return true;
}

/* A command for the drive as it is, which blk-mq's schedulers would not see either; false if it
 * must wait for a tag. */
static bool accept_update(struct lane *lane, struct weir_io *io)
{
	struct request *rq = dispatch_get_tag(lane, NULL);

	if (!rq)
		return false;
	rq->cmd = (struct weir_cmd){
		.op = io->op, .buf_index = -1, .prio = io->q_prio, .placement = io->placement
	};
	rq->rq.op = io->op;
	rq->rq.flags = SCHED_RQ_SYNC | SCHED_RQ_NOMERGE;
	rq->rq.start_ns = lane->now;
	rq->submit_ns = io->q_start_ns;
	rq->first = rq->last = io;
	rq->nr_ios = 1;
	rq->scheduled = false;
	TAILQ_INSERT_TAIL(&lane->dispatch, rq, link);
	return true;
}

/* Makes requests of IO; false if it must wait for a tag. */
static bool accept_io(struct lane *lane, struct weir_io *io, struct sched_list *insert)
{
	if (io->op == WEIR_OP_PLACEMENT_UPDATE)
		return accept_update(lane, io);
	return accept_data(lane, io, insert);
}

/* Takes in IO, which has waited; false if it must go on waiting for a tag. */
static bool accept_one(struct lane *lane, struct weir_io *io, struct sched_list *insert)
{
	return join_io(lane, io, insert) || accept_io(lane, io, insert);
}

static enum wait_kind wait_kind(const struct weir_io *io)
{
	if (io->op == WEIR_OP_READ)
		return WAIT_READ;
	return split_flags(io) & SCHED_RQ_SYNC ? WAIT_SYNC : WAIT_BACKGROUND;
}

static void wait_for_tag(struct lane *lane, struct weir_io *io)
{
	if ((io->flags & WEIR_IO_NOWAIT) && !io->q_cursor) {
		io->result = -EAGAIN;
		io->q_failed_offset = io->offset;
		complete_data(lane, io);
		return;
	}
	hist_add(&lane->stats->tag_waits, 1);
	io->q_turn = lane->turns++;
	lane->nr_waiting++;
	io_list_add(&lane->waiting[wait_kind(io)], io);
}

/* The list whose head waits longest, but for those of SKIP (a bit each); NULL: none. */
static struct io_list *longest_waiting(struct lane *lane, unsigned skip)
{
	struct io_list *oldest = NULL;

	for (unsigned kind = 0; kind < WAIT_KINDS; kind++) {
		struct io_list *list = &lane->waiting[kind];

		if (list->first && !(skip & 1u << kind) &&
		    (!oldest || list->first->q_turn < oldest->first->q_turn))
			oldest = list;
	}
	return oldest;
}

/* LIST's submitters that the scheduler gives no tag now, though there is one. */
struct limited {
	uint32_t submitter[LIMITED_MAX], n;
};

static bool is_limited(const struct limited *limited, uint32_t submitter)
{
	for (uint32_t i = 0; i < limited->n; i++)
		if (limited->submitter[i] == submitter)
			return true;
	return false;
}

/* Takes the io at LINK out of LIST and in; false if it goes on waiting, at its place. */
static bool accept_at(struct lane *lane, struct io_list *list, struct weir_io **link,
		      struct sched_list *insert)
{
	struct weir_io *io = *link, *next = io->q_next;

	/* Accepting may reuse q_next, so it leaves the list first. */
	*link = next;
	if (!next)
		list->last = link;
	list->count--;
	if (accept_one(lane, io, insert)) {
		lane->nr_waiting--;
		return true;
	}
	io->q_next = next;
	*link = io;
	if (!next)
		list->last = &io->q_next;
	list->count++;
	return false;
}

/* A limit on the head's submitter is none on those behind it; each has its own order. */
static void accept_behind(struct lane *lane, struct io_list *list, struct sched_list *insert)
{
	struct limited limited = { .n = 0 };
	struct weir_io **link = &list->first;
	uint32_t looks = LIMITED_LOOK;

	while (*link && looks-- && limited.n < LIMITED_MAX && dispatch_has_tag(lane)) {
		uint32_t submitter = (*link)->submitter;

		if (!is_limited(&limited, submitter)) {
			if (accept_at(lane, list, link, insert))
				continue;
			limited.submitter[limited.n++] = submitter;
		}
		link = &(*link)->q_next;
	}
}

/* In order: who waits longest is served first. */
static void accept_waiting(struct lane *lane, struct sched_list *insert)
{
	struct io_list *list;
	unsigned skip = 0;

	while (lane->nr_free && (list = longest_waiting(lane, skip)))
		if (!accept_at(lane, list, &list->first, insert)) {
			if (lane->sched->ops->flags & SCHED_LIMITS_SUBMITTERS)
				accept_behind(lane, list, insert);
			skip |= 1u << (list - lane->waiting);
		}
}

/* Others wait, and before IO. Where there is a tag they are over a limit, which may be their own.
 */
static bool must_queue(const struct lane *lane, const struct weir_io *io)
{
	bool own_limits = lane->sched->ops->flags & SCHED_LIMITS_SUBMITTERS;

	return lane->waiting[wait_kind(io)].first && !(own_limits && dispatch_has_tag(lane));
}

/* Takes IO in, or lets it wait in line; what joins another needs no tag, so no line either. */
static void accept_new(struct lane *lane, struct weir_io *io, struct sched_list *insert)
{
	io->q_parts = 1; /* held while it is cut, so that it does not end too early */
	if (sequence_accept(lane, io) || join_io(lane, io, insert))
		return;
	if (must_queue(lane, io) || !accept_io(lane, io, insert))
		wait_for_tag(lane, io);
}

void dispatch_accept(struct lane *lane, struct io_list *list)
{
	struct sched_list insert = TAILQ_HEAD_INITIALIZER(insert);
	struct weir_io *io;

	sequence_kick(lane);
	if (lane->nr_waiting)
		accept_waiting(lane, &insert);
	while ((io = io_list_pop(&lane->ready)) || (io = io_list_pop(list)))
		accept_new(lane, io, &insert);
	sequence_kick(lane);
	if (!TAILQ_EMPTY(&insert))
		hand_on(lane, &insert);
}
