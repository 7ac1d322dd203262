/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dispatch.c - from requests to commands: the scheduler, and what is handed to the engine.
 *
 * The scheduler is asked only while a driver tag and room in bytes are free, so nothing is parked
 * below it, except what the engine itself refused: that goes first next time. Flushes
 * (flush_steps.c) and placement updates do not pass through the scheduler.
 *
 * Owns lane->out. The lane's owner.
 */
#include "queue/lane/dispatch.h"

#include "base/check.h"
#include "queue/lane/admit.h"
#include "queue/lane/queue.h"
#include "queue/lane/tracing.h"

/* Returns how many bytes may be with the engine. At least one command may. */
static uint64_t dispatch_window(const struct lane *lane)
{
	uint64_t bytes = __atomic_load_n(&lane->q->depth_bytes, __ATOMIC_RELAXED);

	return lane->out.narrow ? bytes / 2 + 1 : bytes;
}

static bool dispatch_room(const struct lane *lane)
{
	const struct weir_queue *q = lane->q;

	return lane->out.commands < __atomic_load_n(&q->depth, __ATOMIC_RELAXED) &&
	       lane->out.bytes < dispatch_window(lane);
}

bool dispatch_may_ask(const struct lane *lane)
{
	return TAILQ_EMPTY(&lane->out.dispatch) && dispatch_room(lane);
}

/* RQ has no io any more (cancel.c): a scheduler that knows it sees it end, and its tag is free. */
static __attribute__((noinline, cold)) void dispatch_drop(struct lane *lane, struct request *rq)
{
	struct sched *s = lane->sched;

	CHECK(rq->state == REQUEST_TAKEN);
	CHECK(!rq->nr_ios);
	rq->cancelled = false;
	rq->rq.io_start_ns = lane->now;
	rq->rq.flags |= SCHED_RQ_UNTIMED | SCHED_RQ_UNSENT;
	if (rq->scheduled && s->ops->completed)
		s->ops->completed(s, &rq->rq, lane->now);
	if (rq->scheduled && s->ops->finish)
		s->ops->finish(s, &rq->rq);
	admit_put(lane, rq);
	lane->out.dropped = true;
}

/* Hands RQ to the engine; false if the engine has no room. */
static bool dispatch_start(struct lane *lane, struct request *rq)
{
	if (__builtin_expect(rq->cancelled, 0)) {
		dispatch_drop(lane, rq);
		return true;
	}
	CHECK(rq->state == REQUEST_TAKEN);
	if (lane->engine->ops->queue(lane->engine, &rq->cmd))
		return false;
	rq->state = REQUEST_OUT;
	rq->rq.flags |= SCHED_RQ_STARTED;
	rq->rq.io_start_ns = lane->now;
	tracing_issued(lane, rq, rq->scheduled ? lane->sched->ops->reasons : NULL);
	dispatch_count(lane, 1, &rq->cmd);
	lane->out.queued++;
	hist_add(&lane->stats->requests, 1);
	if (rq->cmd.buf_index >= 0)
		hist_add(&lane->stats->registered, 1);
	/* The two times were read by different threads, so the difference may be negative. */
	hist_record(&lane->stats->op[rq->cmd.op].wait,
		    lane->now > rq->submit_ns ? lane->now - rq->submit_ns : 0);
	return true;
}

/* The engine had no room for RQ, which is offered again later; AGAIN: it was on the list already.
 * A request that comes from the scheduler has not begun after all: its ios may still be cancelled
 * (cancel.c), but nothing merges into it. */
static void dispatch_refused(struct lane *lane, struct request *rq, bool again)
{
	if (again) {
		TAILQ_INSERT_HEAD(&lane->out.dispatch, rq, link);
	} else {
		rq->rq.flags &= ~SCHED_RQ_STARTED;
		rq->rq.flags |= SCHED_RQ_NOMERGE;
		TAILQ_INSERT_TAIL(&lane->out.dispatch, rq, link);
	}
	hist_add(&lane->stats->requeues, 1);
	tracing_requeued(lane, rq);
	CHECK(rq->state == REQUEST_TAKEN);
	lane->out.refused = true;
	lane->out.rerun_ns = lane->now + DISPATCH_RERUN_NS;
}

/* Returns true if there is room for CMD. A command that moves no bytes needs a place among the
 * commands, but none among the bytes. */
static bool dispatch_room_for(const struct lane *lane, const struct weir_cmd *cmd)
{
	if (cmd->op == WEIR_OP_FLUSH || cmd->op == WEIR_OP_PLACEMENT_UPDATE)
		return lane->out.commands < __atomic_load_n(&lane->q->depth, __ATOMIC_RELAXED);
	return dispatch_room(lane);
}

/* Runs what goes before the scheduler's requests; false if some of it is left. */
static bool dispatch_run_list(struct lane *lane)
{
	struct request *rq;

	if (lane->out.refused && lane->now < lane->out.rerun_ns)
		return false;
	lane->out.refused = false;
	while ((rq = TAILQ_FIRST(&lane->out.dispatch))) {
		if (!dispatch_room_for(lane, &rq->cmd))
			return false;
		TAILQ_REMOVE(&lane->out.dispatch, rq, link);
		if (!dispatch_start(lane, rq)) {
			dispatch_refused(lane, rq, true);
			return false;
		}
	}
	return true;
}

void dispatch_run(struct lane *lane)
{
	struct sched *s = lane->sched;

	CHECK(lane_is_mine(lane));
	if (dispatch_run_list(lane)) {
		while (dispatch_room(lane)) {
			struct request *rq = (struct request *)s->ops->dispatch(s, lane->now);

			if (!rq)
				break;
			if (s->ops->reasons)
				hist_add(&lane->stats->reasons[rq->rq.reason], 1);
			if (dispatch_start(lane, rq))
				continue;
			CHECK(rq->scheduled); /* by the scheduler, since it handed RQ out */
			dispatch_refused(lane, rq, false);
			break;
		}
	}
	if (lane->out.queued) {
		lane->out.queued = 0;
		hist_add(&lane->stats->batches, 1);
		lane->engine->ops->submit(lane->engine);
	}
}

/* BATCH goes straight to the engine as long as the scheduler allows it and holds nothing itself;
 * the scheduler gets the rest. */
void dispatch_hand_on(struct lane *lane, struct sched_list *batch)
{
	struct sched *s = lane->sched;
	struct sched_rq *rq;

	if ((s->ops->flags & SCHED_DIRECT) && !s->ops->has_work(s))
		while ((rq = TAILQ_FIRST(batch)) && TAILQ_EMPTY(&lane->out.dispatch) &&
		       dispatch_room(lane)) {
			TAILQ_REMOVE(batch, rq, fifo);
			((struct request *)rq)->scheduled = false;
			if (!dispatch_start(lane, (struct request *)rq))
				dispatch_refused(lane, (struct request *)rq, false);
		}
	if (!TAILQ_EMPTY(batch))
		s->ops->insert(s, batch, lane->now);
}
