/* SPDX-License-Identifier: Apache-2.0 */
/*
 * flow.h - the flows: each submitter is one, with a weight and its waiting requests in three lines
 * (reads, awaited writes, background writes).
 *
 * Start-time fair queueing. A flow has a start time in virtual time, which is the time of the drive
 * that it had so far, divided by its weight. Of all flows that wait, the one with the smallest
 * start goes, and its start grows by what its request costs. Who begins to wait starts at the
 * virtual time, the start of the request that went last, unless its own start is later: so nobody
 * saves up time while he has nothing to do. Reads and awaited writes of a flow share a start;
 * background writes are what the flow does beside, and have their own.
 *
 * Owned by the instance; entered by the lane's owner.
 */
#ifndef PACE_FLOW_H
#define PACE_FLOW_H

#include "sched/pace/order.h"
#include "sched/sched.h"

enum pace_line { PACE_READ, PACE_WRITE, PACE_BACKGROUND, PACE_LINES };

#define PACE_FLOW_BUCKETS 256u
#define PACE_WEIGHT 100u
/* Virtual time is counted in ns of the drive at the usual weight, with so many bits behind the
 * point: enough for the cheapest request at the highest weight. At the lowest weight it reaches
 * PACE_VIRTUAL_MOST after 16 days of the drive; then all starts are moved back. */
#define PACE_VIRTUAL_BITS 4
#define PACE_VIRTUAL_MOST (1ull << 61)

/* The requests of one kind that a flow has waiting. */
struct pace_flow_line {
	struct pace_node node; /* in the order of its kind while requests wait; first member */
	struct pace_flow *flow;
	struct sched_list fifo;
	uint32_t jumps; /* requests that went before the first one since the last first one went */
	uint64_t refused; /* number of the last look at deadlines in which it might not hurry */
};

struct pace_flow {
	struct pace_flow_line line[PACE_LINES];
	uint64_t start[2]; /* awaited and background: virtual time */
	uint32_t waiting[2];
	uint32_t submitter, weight;
	bool pooled, weighed, gone;
	LIST_ENTRY(pace_flow) hash;
	TAILQ_ENTRY(pace_flow) idle; /* while nothing waits: who waited longest ago comes first */
};

struct pace_flows {
	struct pace_order order[PACE_LINES];
	uint64_t virtual_time[2];
	struct pace_flow *pool, *last; /* last: the flow that was asked for last, or NULL */
	struct pace_flow common;       /* of submitters for which the pool has no room */
	uint32_t pooled, size;
	uint32_t waiting; /* requests in all lines */
	const struct sched_env *env;
	LIST_HEAD(, pace_flow) bucket[PACE_FLOW_BUCKETS];
	TAILQ_HEAD(, pace_flow) idle;
};

/* Makes room for SIZE flows. ENV, which may be NULL, knows the weights of those that come back.
 * Returns 0 or -ENOMEM. */
int pace_flows_init(struct pace_flows *f, uint32_t size, const struct sched_env *env);
void pace_flows_destroy(struct pace_flows *f);

/* Returns how much virtual time COST ns are for a flow of this weight. */
static inline uint64_t pace_flow_charge(uint64_t cost, uint32_t weight)
{
	cost <<= PACE_VIRTUAL_BITS;
	/* most flows have the usual weight, and a division takes longer than all the rest */
	return (weight == PACE_WEIGHT ? cost : cost * PACE_WEIGHT / weight) + 1;
}

/* Returns the kind of RQ. */
static inline enum pace_line pace_line_of(const struct sched_rq *rq)
{
	if (rq->op == SCHED_READ)
		return PACE_READ;
	return rq->flags & (SCHED_RQ_SYNC | SCHED_RQ_FUA) ? PACE_WRITE : PACE_BACKGROUND;
}

/* Returns the flow of SUBMITTER; it is made if there is none. */
struct pace_flow *pace_flow_of(struct pace_flows *f, uint32_t submitter);
/* As pace_flow_of(), but returns NULL if there is none. */
struct pace_flow *pace_flow_look(struct pace_flows *f, uint32_t submitter);

/* Adds RQ to the end of its flow's line, and returns that. */
struct pace_flow_line *pace_flow_add(struct pace_flows *f, struct sched_rq *rq);

/* Returns the line of KIND whose turn it is, or NULL if no request of that kind waits. */
static inline struct pace_flow_line *pace_flow_next(struct pace_flows *f, enum pace_line kind)
{
	/* the node is the first member */
	return (struct pace_flow_line *)pace_order_first(&f->order[kind]);
}

/* Takes the first request of LINE, whose turn it is, and charges COST ns to its flow. */
struct sched_rq *pace_flow_take(struct pace_flows *f, struct pace_flow_line *line,
				enum pace_line kind, uint64_t cost);
/* Takes RQ, which waits in LINE, although it may not be the turn of either. */
void pace_flow_take_early(struct pace_flows *f, struct pace_flow_line *line, enum pace_line kind,
			  struct sched_rq *rq, uint64_t cost);

/* Returns the weight that SUBMITTER has, or would have if it came. */
uint32_t pace_flow_weight(struct pace_flows *f, uint32_t submitter);
/* Sets the weight of SUBMITTER. Returns 0 or -ENOSPC. */
int pace_flow_weigh(struct pace_flows *f, uint32_t submitter, uint32_t weight);
/* SUBMITTER will have no more requests: its flow is the next one to be used for another. */
void pace_flow_leaves(struct pace_flows *f, uint32_t submitter);

#endif
