/* SPDX-License-Identifier: Apache-2.0 */
/* urgent.c - requests by deadline. See urgent.h. */
#include "sched/pace/urgent.h"

static uint64_t urgent_number(const struct sched_rq *rq)
{
	return (uintptr_t)rq->priv[1];
}

static int urgent_compare(const struct sched_rq *a, const struct sched_rq *b)
{
	if (a->deadline_ns != b->deadline_ns)
		return a->deadline_ns < b->deadline_ns ? -1 : 1;
	return urgent_number(a) < urgent_number(b) ? -1 : urgent_number(a) > urgent_number(b);
}

RB_GENERATE_INTERNAL(pace_urgent_tree, sched_rq, node, urgent_compare,
		     static __attribute__((unused)))

void pace_urgent_init(struct pace_urgent *u)
{
	for (int kind = 0; kind < PACE_BACKGROUND; kind++)
		RB_INIT(&u->tree[kind]);
	u->waiting = 0;
	u->added = 0;
}

void pace_urgent_add(struct pace_urgent *u, struct pace_flow_line *line, enum pace_line kind,
		     struct sched_rq *rq)
{
	rq->priv[0] = line;
	rq->priv[1] = (void *)(uintptr_t)++u->added;
	RB_INSERT(pace_urgent_tree, &u->tree[kind], rq);
	u->waiting++;
}

void pace_urgent_remove(struct pace_urgent *u, enum pace_line kind, struct sched_rq *rq)
{
	RB_REMOVE(pace_urgent_tree, &u->tree[kind], rq);
	rq->priv[0] = NULL;
	u->waiting--;
}

struct sched_rq *pace_urgent_first(struct pace_urgent *u, enum pace_line kind, uint64_t now)
{
	struct sched_rq *rq;

	while ((rq = RB_MIN(pace_urgent_tree, &u->tree[kind])) && rq->deadline_ns < now)
		pace_urgent_remove(u, kind, rq);
	return rq;
}

struct sched_rq *pace_urgent_next(struct sched_rq *rq)
{
	return RB_NEXT(pace_urgent_tree, NULL, rq);
}
