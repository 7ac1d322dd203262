/* SPDX-License-Identifier: Apache-2.0 */
/*
 * noop.c - first come, first served; requests that touch are merged.
 *
 * The idea: another part sorts the requests (a controller with a cache, a virtual disk), but fewer
 * and larger requests always help. So requests wait in one list in the order of their arrival. A
 * new request that touches the one merged or inserted last, or begins where another one ends, is
 * merged with it and takes its place in the list. Linux had it until 5.0; with several queues
 * `none` does the same.
 *
 * Owns its list; entered by the home lane's owner only.
 */
#include <errno.h>
#include <stdlib.h>

#include "sched/merge.h"
#include "sched/sched.h"

struct noop {
	struct sched s;
	struct sched_list fifo;
	struct merge merge;
};

static int noop_init(struct sched **s, const struct sched_env *env)
{
	struct noop *noop = calloc(1, sizeof(*noop));

	if (!noop)
		return -ENOMEM;
	noop->s.ops = &sched_noop;
	noop->s.env = *env;
	TAILQ_INIT(&noop->fifo);
	merge_init(&noop->merge);
	*s = &noop->s;
	return 0;
}

static void noop_exit(struct sched *s)
{
	free(s);
}

/* Removes GONE, a waiting request that was merged into INTO. */
static void noop_absorb(void *sched, struct sched_rq *into, struct sched_rq *gone)
{
	struct noop *noop = sched;

	TAILQ_REMOVE(&noop->fifo, gone, fifo);
	merge_remove(&noop->merge, gone);
	merge_grown(&noop->merge, into);
}

static void noop_insert(struct sched *s, struct sched_list *list, uint64_t now)
{
	struct noop *noop = (struct noop *)s;
	struct sched_rq *rq;

	(void)now;
	while ((rq = TAILQ_FIRST(list))) {
		TAILQ_REMOVE(list, rq, fifo);
		if (merge_new(&noop->merge, &s->env, rq, noop_absorb, noop))
			continue;
		merge_add(&noop->merge, &s->env, rq);
		TAILQ_INSERT_TAIL(&noop->fifo, rq, fifo);
	}
}

static enum sched_merge noop_find_merge(struct sched *s, const struct sched_rq *rq,
					struct sched_rq **into)
{
	return merge_find(&((struct noop *)s)->merge, &s->env, rq, into);
}

static void noop_merged(struct sched *s, struct sched_rq *rq, enum sched_merge how,
			uint64_t old_sector)
{
	(void)how;
	(void)old_sector;
	merge_grown(&((struct noop *)s)->merge, rq);
}

static struct sched_rq *noop_dispatch(struct sched *s, uint64_t now)
{
	struct noop *noop = (struct noop *)s;
	struct sched_rq *rq = TAILQ_FIRST(&noop->fifo);

	(void)now;
	if (!rq)
		return NULL;
	TAILQ_REMOVE(&noop->fifo, rq, fifo);
	merge_remove(&noop->merge, rq);
	rq->flags |= SCHED_RQ_STARTED;
	return rq;
}

static bool noop_has_work(struct sched *s)
{
	return !TAILQ_EMPTY(&((struct noop *)s)->fifo);
}

const struct sched_ops sched_noop = {
	.name = "noop",
	.summary = "a FIFO that merges; Linux dropped it in 5.0: its successor is none",
	.scope = SCHED_PER_QUEUE,
	.init = noop_init,
	.exit = noop_exit,
	.insert = noop_insert,
	.find_merge = noop_find_merge,
	.merged = noop_merged,
	.dispatch = noop_dispatch,
	.has_work = noop_has_work,
};
