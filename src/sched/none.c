/* SPDX-License-Identifier: Apache-2.0 */
/*
 * none.c - no scheduler: requests go to the drive in the order of their arrival, and staging
 * queues alternate.
 *
 * The idea: a fast drive with deep queues sorts requests itself, and all work above it costs time.
 * So while there is room below, the queue does not even call insert() (SCHED_DIRECT); only
 * requests that found no room are here. There is one FIFO for each staging queue (ctx), so that a
 * submitter of many requests does not delay all others: each ctx that has requests gives one, then
 * the next ctx does. While requests wait, an io may be merged with one of the last eight of its
 * own ctx. There is nothing to tune.
 *
 * Owns its lists; entered by the lane's owner only.
 */
#include <errno.h>
#include <stdlib.h>

#include "sched/merge.h"
#include "sched/sched.h"

/* The number of requests, from the last one back, with which an io may be merged. */
#define NONE_MERGE_LOOK 8u

struct none_ctx {
	struct sched_list fifo;
	TAILQ_ENTRY(none_ctx) link; /* used while fifo is not empty */
};

struct none {
	struct sched s;
	TAILQ_HEAD(, none_ctx) ready; /* the ctxs that have requests; the first one is next */
	struct none_ctx ctx[];
};

static int none_init(struct sched **s, const struct sched_env *env)
{
	struct none *none = calloc(1, sizeof(*none) + env->nr_ctxs * sizeof(*none->ctx));

	if (!none)
		return -ENOMEM;
	none->s.ops = &sched_none;
	none->s.env = *env;
	TAILQ_INIT(&none->ready);
	for (uint32_t i = 0; i < env->nr_ctxs; i++)
		TAILQ_INIT(&none->ctx[i].fifo);
	*s = &none->s;
	return 0;
}

static void none_exit(struct sched *s)
{
	free(s);
}

static void none_insert(struct sched *s, struct sched_list *list, uint64_t now)
{
	struct none *none = (struct none *)s;
	struct sched_rq *rq;

	(void)now;
	while ((rq = TAILQ_FIRST(list))) {
		struct none_ctx *ctx = &none->ctx[rq->ctx];

		TAILQ_REMOVE(list, rq, fifo);
		if (TAILQ_EMPTY(&ctx->fifo))
			TAILQ_INSERT_TAIL(&none->ready, ctx, link);
		TAILQ_INSERT_TAIL(&ctx->fifo, rq, fifo);
	}
}

/* Takes one request from the first ctx in the list, which then moves behind the others. */
static struct sched_rq *none_take(struct none *none)
{
	struct none_ctx *ctx = TAILQ_FIRST(&none->ready);
	struct sched_rq *rq;

	if (!ctx)
		return NULL;
	rq = TAILQ_FIRST(&ctx->fifo);
	TAILQ_REMOVE(&ctx->fifo, rq, fifo);
	if (TAILQ_EMPTY(&ctx->fifo)) {
		TAILQ_REMOVE(&none->ready, ctx, link);
	} else if (TAILQ_NEXT(ctx, link)) {
		TAILQ_REMOVE(&none->ready, ctx, link);
		TAILQ_INSERT_TAIL(&none->ready, ctx, link);
	}
	return rq;
}

static struct sched_rq *none_dispatch(struct sched *s, uint64_t now)
{
	struct sched_rq *rq = none_take((struct none *)s);

	(void)now;
	if (rq)
		rq->flags |= SCHED_RQ_STARTED;
	return rq;
}

static enum sched_merge none_find_merge(struct sched *s, const struct sched_rq *rq,
					struct sched_rq **into)
{
	struct none *none = (struct none *)s;
	enum sched_merge how = SCHED_MERGE_NONE;
	struct sched_rq *at = TAILQ_LAST(&none->ctx[rq->ctx].fifo, sched_list);
	unsigned looks = s->env.merging == SCHED_MERGING_OFF ? 0 : NONE_MERGE_LOOK;

	for (; at && looks && !how; looks--, at = TAILQ_PREV(at, sched_list, fifo)) {
		*into = at;
		if (merge_touches(at, rq))
			how = merge_side(&s->env, at, rq);
	}
	return how;
}

static bool none_has_work(struct sched *s)
{
	return !TAILQ_EMPTY(&((struct none *)s)->ready);
}

const struct sched_ops sched_none = {
	.name = "none",
	.summary =
		"in the order of arrival, staging queues alternate: for drives that sort requests",
	.scope = SCHED_PER_LANE,
	.flags = SCHED_DIRECT,
	.init = none_init,
	.exit = none_exit,
	.insert = none_insert,
	.find_merge = none_find_merge,
	.dispatch = none_dispatch,
	.has_work = none_has_work,
};
