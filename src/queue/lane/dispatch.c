/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dispatch.c - from requests to commands: the scheduler, and what is handed to the engine.
 *
 * The scheduler is asked only while a driver tag and room in bytes are free, so nothing is parked
 * below it, except what the engine itself refused: that goes first next time. Flushes (sequence.c)
 * and placement updates do not pass through the scheduler.
 *
 * Owns the lane's dispatch list. Owner's thread.
 */
#include <errno.h>

#include "queue/lane/admit.h"

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

/* Straight to the engine as long as the scheduler allows it and holds nothing; the rest of BATCH
 * is its own. */
void dispatch_hand_on(struct lane *lane, struct sched_list *batch)
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
		s->ops->insert(s, batch, lane->now);
}
