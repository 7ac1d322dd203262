/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stage.c - how ios and tasks reach a lane from threads that do not own it.
 *
 * A submitter appends to its ctx (or to the lane's own inbox) under a lock and then calls
 * lane_wake(); the owner takes whole lists at once. The owner clears the flag `staged` before it
 * looks, a submitter sets it after it has appended, so nothing is left lying.
 *
 * Owns the ctxs and lane->inbox. Any thread, except where it says the owner.
 */
#include "queue/lane/stage.h"

#include <sched.h>

#include "base/check.h"
#include "queue/lane/lane.h"
#include "queue/lane/wake.h"
#include "queue/lane/tracing.h"

static uint32_t stage_this_thread(void)
{
	static uint32_t next;
	static __thread uint32_t number;

	if (!number)
		number = __atomic_add_fetch(&next, 1, __ATOMIC_RELAXED);
	return number;
}

static struct ctx *stage_ctx(struct weir_queue *q)
{
	unsigned cpu = 0, node = 0;

	switch (q->opts.ctx_by) {
	case WEIR_QUEUE_CTX_BY_THREAD:
		return &q->ctxs[stage_this_thread() % q->nr_ctxs];
	case WEIR_QUEUE_CTX_BY_NODE:
		if (getcpu(&cpu, &node))
			node = 0;
		return &q->ctxs[node % q->nr_ctxs];
	default:
		cpu = (unsigned)sched_getcpu(); /* -1 wraps, and the remainder is valid */
		return &q->ctxs[cpu % q->nr_ctxs];
	}
}

void stage_io(struct weir_queue *q, struct weir_io *io)
{
	struct ctx *ctx = stage_ctx(q);
	enum lane_kind kind = queue_lane_kind(io);
	struct lane *home;

	io_priv(io)->ctx = (uint16_t)(ctx - q->ctxs);
	io_priv(io)->lane = ctx->lane[kind];
	pthread_mutex_lock(&ctx->lock);
	if (!ctx->staged[LANE_DEFAULT].first && !ctx->staged[LANE_READ].first)
		ctx->stamp_ns = queue_now(q);
	io_priv(io)->start_ns = ctx->stamp_ns;
	tracing_queued(io_priv(io)->lane, io);
	io_list_add(&ctx->staged[kind], io);
	__atomic_store_n(&ctx->nr_begun[kind], ctx->nr_begun[kind] + 1, __ATOMIC_RELAXED);
	pthread_mutex_unlock(&ctx->lock);
	home = queue_home(q);
	lane_wake(home ? home : ctx->lane[kind]);
}

void stage_task(struct lane *lane, struct weir_task *task)
{
	pthread_mutex_lock(&lane->inbox.lock);
	task_list_add(&lane->inbox.posted, task);
	pthread_mutex_unlock(&lane->inbox.lock);
	lane_wake(lane);
}

void stage_list(struct lane *lane, struct io_list *list)
{
	pthread_mutex_lock(&lane->inbox.lock);
	io_list_append(&lane->inbox.forwarded, list);
	pthread_mutex_unlock(&lane->inbox.lock);
	lane_wake(lane);
}

void stage_returned(struct lane *lane, struct io_list *list)
{
	CHECK(io_priv(list->first)->lane == lane);
	pthread_mutex_lock(&lane->inbox.lock);
	io_list_append(&lane->inbox.returned, list);
	pthread_mutex_unlock(&lane->inbox.lock);
	lane_wake(lane);
}

/* Takes what is staged in CTX for LANE. A switch of the scheduler may move the home between the
 * staging and the waking. The thread that switches wakes every lane after that, so the right one
 * looks. */
static void stage_take_ctx(struct lane *lane, struct ctx *ctx, struct io_list *into)
{
	struct lane *home = queue_home(lane->q);

	if (home ? home != lane : ctx->lane[LANE_DEFAULT] != lane && ctx->lane[LANE_READ] != lane)
		return;
	pthread_mutex_lock(&ctx->lock);
	for (int kind = 0; kind < LANE_KINDS; kind++)
		if (home || ctx->lane[kind] == lane)
			io_list_append(into, &ctx->staged[kind]);
	pthread_mutex_unlock(&ctx->lock);
}

bool stage_take(struct lane *lane, struct io_list *into, struct io_list *ended,
		struct task_list *tasks)
{
	struct weir_queue *q = lane->q;

	CHECK(lane_is_mine(lane));
	if (!wake_take_staged(lane))
		return false;
	pthread_mutex_lock(&lane->inbox.lock);
	task_list_append(tasks, &lane->inbox.posted);
	io_list_append(ended, &lane->inbox.returned);
	io_list_append(into, &lane->inbox.forwarded);
	pthread_mutex_unlock(&lane->inbox.lock);
	for (uint32_t i = 0; i < q->nr_ctxs; i++)
		stage_take_ctx(lane, &q->ctxs[i], into);
	return true;
}
