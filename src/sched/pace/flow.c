/* SPDX-License-Identifier: Apache-2.0 */
/* flow.c - flows and their start times. See flow.h. */
#include "sched/pace/flow.h"

#include <errno.h>
#include <stdlib.h>

static bool flow_background(enum pace_line kind)
{
	return kind == PACE_BACKGROUND;
}

static void flow_init(struct pace_flow *flow, uint32_t submitter)
{
	*flow = (struct pace_flow){ .submitter = submitter, .weight = PACE_WEIGHT };
	for (int i = 0; i < PACE_LINES; i++) {
		flow->line[i].flow = flow;
		TAILQ_INIT(&flow->line[i].fifo);
	}
}

int pace_flows_init(struct pace_flows *f, uint32_t size, const struct sched_env *env)
{
	f->env = env;
	f->size = size ? size : 1;
	f->pool = calloc(f->size, sizeof(*f->pool));
	if (!f->pool)
		return -ENOMEM;
	for (int i = 0; i < PACE_LINES; i++)
		pace_order_init(&f->order[i]);
	for (unsigned i = 0; i < PACE_FLOW_BUCKETS; i++)
		LIST_INIT(&f->bucket[i]);
	TAILQ_INIT(&f->idle);
	flow_init(&f->common, UINT32_MAX);
	return 0;
}

void pace_flows_destroy(struct pace_flows *f)
{
	free(f->pool);
}

static unsigned flow_bucket(uint32_t submitter)
{
	return submitter * 0x9e3779b1u >> 24; /* Fibonacci hashing */
}

static bool flow_is_idle(const struct pace_flow *flow)
{
	return !flow->waiting[0] && !flow->waiting[1];
}

/* Returns an idle flow that has no weight of its own, or else any idle one that is gone; NULL. */
static struct pace_flow *flow_reusable(struct pace_flows *f)
{
	struct pace_flow *flow;

	TAILQ_FOREACH(flow, &f->idle, idle)
		if (!flow->weighed || flow->gone)
			return flow;
	return NULL;
}

/* Returns the weight that was set for SUBMITTER, who has no flow, or 0. */
static uint32_t flow_old_weight(const struct pace_flows *f, uint32_t submitter)
{
	return f->env && f->env->weight_of ? f->env->weight_of(f->env->owner, submitter) : 0;
}

/* FLOW is new. Its submitter may have had one before, which others have used since. */
static void flow_weigh_again(const struct pace_flows *f, struct pace_flow *flow)
{
	uint32_t weight = flow_old_weight(f, flow->submitter);

	if (!weight)
		return;
	flow->weight = weight;
	flow->weighed = true;
}

static struct pace_flow *flow_make(struct pace_flows *f, uint32_t submitter)
{
	struct pace_flow *flow;

	if (f->pooled < f->size) {
		flow = &f->pool[f->pooled++];
	} else {
		flow = flow_reusable(f);
		if (!flow)
			return NULL;
		TAILQ_REMOVE(&f->idle, flow, idle);
		LIST_REMOVE(flow, hash);
		if (f->last == flow)
			f->last = NULL;
	}
	flow_init(flow, submitter);
	flow_weigh_again(f, flow);
	flow->pooled = true;
	LIST_INSERT_HEAD(&f->bucket[flow_bucket(submitter)], flow, hash);
	TAILQ_INSERT_TAIL(&f->idle, flow, idle);
	return flow;
}

struct pace_flow *pace_flow_look(struct pace_flows *f, uint32_t submitter)
{
	struct pace_flow *flow;

	if (f->last && f->last->submitter == submitter)
		return f->last;
	LIST_FOREACH(flow, &f->bucket[flow_bucket(submitter)], hash)
		if (flow->submitter == submitter) {
			f->last = flow;
			return flow;
		}
	return NULL;
}

struct pace_flow *pace_flow_of(struct pace_flows *f, uint32_t submitter)
{
	struct pace_flow *flow = pace_flow_look(f, submitter);

	if (!flow)
		flow = flow_make(f, submitter);
	return flow ? flow : &f->common;
}

/* FLOW begins to wait with requests that are (not) background ones. */
static void flow_begin(struct pace_flows *f, struct pace_flow *flow, bool background)
{
	if (flow->start[background] < f->virtual_time[background])
		flow->start[background] = f->virtual_time[background];
	if (flow->pooled && flow_is_idle(flow))
		TAILQ_REMOVE(&f->idle, flow, idle);
}

struct pace_flow_line *pace_flow_add(struct pace_flows *f, struct sched_rq *rq)
{
	enum pace_line kind = pace_line_of(rq);
	struct pace_flow *flow = pace_flow_of(f, rq->submitter);
	struct pace_flow_line *line = &flow->line[kind];
	bool background = flow_background(kind);

	if (!flow->waiting[background])
		flow_begin(f, flow, background);
	flow->gone = false;
	flow->waiting[background]++;
	f->waiting++;
	TAILQ_INSERT_TAIL(&line->fifo, rq, fifo);
	if (!line->node.waiting)
		pace_order_add(&f->order[kind], &line->node, flow->start[background]);
	return line;
}

/* Puts LINE where its flow's start says. */
static void flow_reorder(struct pace_flows *f, struct pace_flow_line *line, enum pace_line kind)
{
	if (line->node.waiting)
		pace_order_remove(&f->order[kind], &line->node);
	if (!TAILQ_EMPTY(&line->fifo))
		pace_order_add(&f->order[kind], &line->node,
			       line->flow->start[flow_background(kind)]);
}

/* Virtual time is the smallest start of those that wait. It is not KEY, the smallest one of KIND,
 * of which one goes: this one may be ahead, if others wait for room in the drive. */
static void flow_advance(struct pace_flows *f, uint64_t key, enum pace_line kind)
{
	uint64_t *virtual_time = &f->virtual_time[flow_background(kind)];
	const struct pace_node *other = NULL;

	if (kind != PACE_BACKGROUND)
		other = pace_order_first(&f->order[kind == PACE_READ ? PACE_WRITE : PACE_READ]);
	if (other && other->key < key)
		key = other->key;
	if (key > *virtual_time)
		*virtual_time = key;
}

/* Moves the start of FLOW back by DOWN, and its lines with it. */
static void flow_move_back(struct pace_flows *f, struct pace_flow *flow, bool background,
			   uint64_t down)
{
	uint64_t *start = &flow->start[background];

	*start = *start > down ? *start - down : 0;
	for (int kind = 0; kind < PACE_LINES; kind++) {
		struct pace_node *node = &flow->line[kind].node;

		if (node->waiting && flow_background((enum pace_line)kind) == background)
			pace_order_add(&f->order[kind], node, *start);
	}
}

/* Virtual time begins anew, at 0: what matters is only how far flows are from it. Flows of one
 * start may change their order, once in many days. */
static __attribute__((noinline, cold)) void flow_begin_anew(struct pace_flows *f, bool background)
{
	uint64_t down = f->virtual_time[background];

	for (int kind = 0; kind < PACE_LINES; kind++)
		if (flow_background((enum pace_line)kind) == background)
			pace_order_init(&f->order[kind]);
	for (uint32_t i = 0; i < f->pooled; i++)
		flow_move_back(f, &f->pool[i], background, down);
	flow_move_back(f, &f->common, background, down);
	f->virtual_time[background] = 0;
}

static inline void flow_take(struct pace_flows *f, struct pace_flow_line *line, enum pace_line kind,
			     struct sched_rq *rq, uint64_t cost)
{
	struct pace_flow *flow = line->flow;
	bool background = flow_background(kind);

	line->jumps = rq == TAILQ_FIRST(&line->fifo) ? 0 : line->jumps + 1;
	TAILQ_REMOVE(&line->fifo, rq, fifo);
	flow->waiting[background]--;
	f->waiting--;
	flow->start[background] += pace_flow_charge(cost, flow->weight);
	flow_reorder(f, line, kind);
	if (kind == PACE_READ && flow->line[PACE_WRITE].node.waiting)
		flow_reorder(f, &flow->line[PACE_WRITE], PACE_WRITE);
	else if (kind == PACE_WRITE && flow->line[PACE_READ].node.waiting)
		flow_reorder(f, &flow->line[PACE_READ], PACE_READ);
	if (__builtin_expect(f->virtual_time[background] > PACE_VIRTUAL_MOST, 0))
		flow_begin_anew(f, background);
	if (flow->pooled && flow_is_idle(flow)) {
		if (flow->gone)
			TAILQ_INSERT_HEAD(&f->idle, flow, idle);
		else
			TAILQ_INSERT_TAIL(&f->idle, flow, idle);
	}
}

struct sched_rq *pace_flow_take(struct pace_flows *f, struct pace_flow_line *line,
				enum pace_line kind, uint64_t cost)
{
	struct sched_rq *rq = TAILQ_FIRST(&line->fifo);

	flow_advance(f, line->node.key, kind);
	flow_take(f, line, kind, rq, cost);
	return rq;
}

void pace_flow_take_early(struct pace_flows *f, struct pace_flow_line *line, enum pace_line kind,
			  struct sched_rq *rq, uint64_t cost)
{
	flow_advance(f, pace_order_first(&f->order[kind])->key, kind);
	flow_take(f, line, kind, rq, cost);
}

uint32_t pace_flow_weight(struct pace_flows *f, uint32_t submitter)
{
	const struct pace_flow *flow = pace_flow_look(f, submitter);
	uint32_t weight = flow ? flow->weight : flow_old_weight(f, submitter);

	return weight ? weight : PACE_WEIGHT;
}

int pace_flow_weigh(struct pace_flows *f, uint32_t submitter, uint32_t weight)
{
	struct pace_flow *flow = pace_flow_of(f, submitter);

	if (flow == &f->common)
		return -ENOSPC;
	flow->weight = weight;
	flow->weighed = true;
	flow->gone = false;
	return 0;
}

void pace_flow_leaves(struct pace_flows *f, uint32_t submitter)
{
	struct pace_flow *flow = pace_flow_look(f, submitter);

	if (!flow)
		return;
	flow->gone = true;
	if (!flow_is_idle(flow))
		return;
	TAILQ_REMOVE(&f->idle, flow, idle);
	TAILQ_INSERT_HEAD(&f->idle, flow, idle);
}
