/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pace.c - fair in time, gentle to reads: what waits, waits here and not in the drive.
 *
 * The idea: a request that is in the drive cannot be reordered any more. So the drive gets just as
 * much as keeps it busy, by its own latencies: reads may together make one another as slow as
 * read_target, and writes may wait in the drive for about one other write. Long background writes
 * are cut, so that one of them is short. Whoever has had the least time of the drive for his
 * weight goes next, whatever the size of his requests. docs/pace.md has the figures and proofs.
 *
 *   flow.c    who is next: flows with start times       order.c   by virtual time, in 64 buckets
 *   window.c  how much may be in the drive              lone.c    latencies without waiting
 *   cost.c    what a request costs in time of the drive  gain.c  whether more in the drive pays
 *   keep.c    what was learned, as numbers for the next time
 *   urgent.c  what has a deadline, by deadline
 *
 * Each lane has an instance, which learns from its own requests. Entered by the lane's owner only.
 */
#include "sched/pace/pace.h"

#include <errno.h>
#include <stdlib.h>

#include "base/nsec.h"
#include "sched/merge.h"

#define PACE_FLOOR 5u
/* A piece of a background write takes no more of the drive than a lone short read does, but it is
 * not shorter than the first and need not be shorter than the second. It is longer than that
 * where it takes no more than this part of a lone read. */
#define PACE_CHUNK_MIN_KB 32u
#define PACE_CHUNK_MAX_KB 128u
#define PACE_CHUNK_MOST_KB 1024u
#define PACE_CHUNK_PART 4u
#define PACE_MERGE_LOOK 8u
/* Background writes get tags while they hold fewer than this percentage. */
#define PACE_BACKGROUND_PERCENT 75u
/* Background writes are owed at most so much of the drive's time. */
#define PACE_OWED_NS (50 * NSEC_PER_MSEC)
/* How far reads may be ahead of writes of others that are kept back, and the other way round; and
 * how far a flow may be ahead because its deadlines are near. */
#define PACE_LEAD_NS (2 * NSEC_PER_MSEC)
/* A deadline is near if less time is left than so many windows (what is in the drive, and what its
 * own request takes there), or than this part of all its time: what a drive usually takes tells
 * little of what it may take. */
#define PACE_NEAR_WINDOWS 2u
#define PACE_NEAR_PART 2u
/* So many requests in a row may go before the first of their line: it is not to wait for ever. */
#define PACE_JUMPS_MOST 8u
/* So many deadlines are looked at: who may not hurry does not keep those behind him waiting, but so
 * many submitters together may. */
#define PACE_URGENT_LOOK 16u

#define PACE_LEARNED(n, u, text)                                                                   \
	{                                                                                          \
		.name = n, .unit = u, .summary = text, .max = INT64_MAX, .read_only = true         \
	}

static const struct sched_tunable pace_tunables[] = {
	[READ_TARGET] = { .name = "read_target",
			  .unit = "us",
			  .summary = "how long reads may take together; 0: 4.5 x a lone one",
			  .max = INT32_MAX },
	[WRITE_WINDOW] = { .name = "write_window",
			   .unit = "us",
			   .summary = "writes in the drive, in its time; 0: 1.5 x a lone one",
			   .max = INT32_MAX },
	[WRITE_FLOOR] = { .name = "write_floor",
			  .unit = "percent",
			  .summary = "of the time of the drive for background writes at least",
			  .min = 1,
			  .max = 90,
			  .def = PACE_FLOOR },
	[CHUNK] = { .name = "chunk",
		    .unit = "KiB",
		    .summary = "background writes are cut to this length; 0: learned",
		    .max = 1 << 20 },
	[READ_LONE] = PACE_LEARNED("read_lone", "ns", "how long a read of 4 KiB takes alone"),
	[READ_COST] = PACE_LEARNED("read_cost", "ns", "drive time of a read, of any length"),
	[READ_COST_KB] = PACE_LEARNED("read_cost_kb", "ns", "drive time of each KiB besides"),
	[WRITE_LONE] = PACE_LEARNED("write_lone", "ns", "how long a write of 4 KiB takes alone"),
	[WRITE_COST] = PACE_LEARNED("write_cost", "ns", "drive time of a write, of any length"),
	[WRITE_COST_KB] = PACE_LEARNED("write_cost_kb", "ns", "drive time of each KiB besides"),
	[CHUNK_NOW] = PACE_LEARNED("chunk_now", "KiB", "what background writes are cut to"),
	[PAUSE_NOW] = PACE_LEARNED("pause_now", "us", "how long background writes pause; 0: not"),
	[NR_TUNABLES] = { .name = NULL },
};

static const char *const pace_reasons[] = {
	[PACE_FAIR] = "fair",  [PACE_AHEAD] = "ahead", [PACE_ALONE] = "alone",
	[PACE_REST] = "rest",  [PACE_OWED] = "owed",   [PACE_URGENT] = "urgent",
	[PACE_REASONS] = NULL,
};

static int pace_init(struct sched **s, const struct sched_env *env)
{
	struct pace *p = calloc(1, sizeof(*p));

	if (!p)
		return -ENOMEM;
	p->s.ops = &sched_pace;
	p->s.env = *env;
	p->floor = PACE_FLOOR;
	pace_cost_init(&p->cost, env->depth);
	pace_window_init(&p->window);
	pace_urgent_init(&p->urgent);
	if (pace_flows_init(&p->flows, env->max_submitters, &p->s.env)) {
		free(p);
		return -ENOMEM;
	}
	*s = &p->s;
	return 0;
}

static void pace_exit(struct sched *s)
{
	struct pace *p = (struct pace *)s;

	pace_flows_destroy(&p->flows);
	free(p);
}

static void pace_insert_one(struct pace *p, struct sched_rq *rq)
{
	struct pace_flow_line *line = pace_flow_add(&p->flows, rq);
	enum pace_line kind = pace_line_of(rq);

	if (rq->deadline_ns && kind != PACE_BACKGROUND)
		pace_urgent_add(&p->urgent, line, kind, rq);
}

static void pace_insert(struct sched *s, struct sched_list *list, uint64_t now)
{
	struct pace *p = (struct pace *)s;
	struct sched_rq *rq;

	while ((rq = TAILQ_FIRST(list))) {
		TAILQ_REMOVE(list, rq, fifo);
		rq->inserted_ns = now;
		pace_insert_one(p, rq);
	}
}

/* Returns true if INTO, which waits, keeps its deadline when RQ becomes a part of it, and RQ loses
 * none: that of INTO is not over. */
static bool pace_deadline_fits(const struct sched_rq *into, const struct sched_rq *rq)
{
	return !rq->deadline_ns || (pace_urgent_line(into) && into->deadline_ns <= rq->deadline_ns);
}

static enum sched_merge pace_find_merge(struct sched *s, const struct sched_rq *rq,
					struct sched_rq **into)
{
	struct pace *p = (struct pace *)s;
	struct pace_flow *flow = pace_flow_look(&p->flows, rq->submitter);
	enum sched_merge how = SCHED_MERGE_NONE;
	unsigned looks = PACE_MERGE_LOOK;

	if (s->env.merging == SCHED_MERGING_OFF || !flow)
		return how;
	*into = TAILQ_LAST(&flow->line[pace_line_of(rq)].fifo, sched_list);
	while (*into && !(how = merge_side(&s->env, *into, rq)) && --looks)
		*into = TAILQ_PREV(*into, sched_list, fifo);
	return how && pace_deadline_fits(*into, rq) ? how : SCHED_MERGE_NONE;
}

static enum pace_op pace_op_of(const struct sched_rq *rq)
{
	if (rq->op == SCHED_READ)
		return PACE_READS;
	return rq->op == SCHED_WRITE ? PACE_WRITES : PACE_OTHERS;
}

/* Returns true if a request of KIND waits, whether it may enter the drive or not. */
static bool pace_waits(const struct pace *p, enum pace_line kind)
{
	return p->flows.order[kind].filled;
}

/* Returns the line of KIND whose turn it is if its first request may enter the drive, or NULL.
 * The lane asks again and again while the drive is full, so what is empty costs next to nothing. */
static inline struct pace_flow_line *pace_ready(struct pace *p, enum pace_line kind)
{
	struct pace_flow_line *line;

	if (!pace_waits(p, kind))
		return NULL;
	line = pace_flow_next(&p->flows, kind);
	return pace_window_room(&p->window, pace_op_of(TAILQ_FIRST(&line->fifo))) ? line : NULL;
}

static uint64_t pace_cost_rq(const struct pace *p, const struct sched_rq *rq)
{
	return pace_cost_of(&p->cost, pace_op_of(rq), rq->nr_sectors);
}

/* RQ, which costs COST and has left its line, goes to the drive. */
static inline struct sched_rq *pace_send(struct pace *p, struct sched_rq *rq, uint64_t cost,
					 enum pace_reason reason)
{
	if (pace_window_probing(&p->window, pace_op_of(rq)))
		reason = PACE_ALONE;
	rq->reason = (uint8_t)reason;
	if (rq->op == SCHED_READ)
		pace_room_read(&p->room, p->window.requests[PACE_READ_SIDE], p->now_ns);
	pace_window_enter(&p->window, pace_op_of(rq), cost);
	rq->priv[0] = p;
	rq->priv[1] = (void *)(uintptr_t)cost;
	rq->flags |= SCHED_RQ_STARTED;
	return rq;
}

static struct sched_rq *pace_take(struct pace *p, struct pace_flow_line *line, enum pace_line kind,
				  enum pace_reason reason)
{
	struct sched_rq *rq = TAILQ_FIRST(&line->fifo);
	uint64_t cost = pace_cost_rq(p, rq);

	if (pace_urgent_line(rq))
		pace_urgent_remove(&p->urgent, kind, rq);
	pace_flow_take(&p->flows, line, kind, cost);
	return pace_send(p, rq, cost, reason);
}

/* Returns true if the deadline of RQ, which is not over at NOW, is near. */
static bool pace_is_near(const struct pace *p, const struct sched_rq *rq, uint64_t now)
{
	uint64_t window = p->window.ns[pace_op_of(rq)], left = rq->deadline_ns - now;

	return window > NSEC_PER_SEC || left <= PACE_NEAR_WINDOWS * window ||
	       left <= (rq->deadline_ns - rq->inserted_ns) / PACE_NEAR_PART;
}

/* Returns the latest start of a flow that may hurry: it is ahead of others that wait by no more
 * than it may. */
static uint64_t pace_latest_start(struct pace *p)
{
	uint64_t least = UINT64_MAX;

	for (int kind = 0; kind < PACE_BACKGROUND; kind++)
		if (pace_waits(p, (enum pace_line)kind)) {
			uint64_t key = pace_order_first(&p->flows.order[kind])->key;

			least = key < least ? key : least;
		}
	return least + pace_flow_charge(PACE_LEAD_NS, PACE_WEIGHT);
}

/* Returns the request of KIND with the first deadline of those that are near, and whose flows may
 * hurry; the first of their lines was not kept waiting too often. NULL: there is none among the
 * first ones. */
static struct sched_rq *pace_urgent_of(struct pace *p, enum pace_line kind, uint64_t now)
{
	struct sched_rq *rq = pace_urgent_first(&p->urgent, kind, now);
	uint64_t latest = rq ? pace_latest_start(p) : 0;
	uint64_t look = ++p->looks;
	unsigned looked = 0;

	for (; rq && looked < PACE_URGENT_LOOK; rq = pace_urgent_next(rq)) {
		struct pace_flow_line *line = pace_urgent_line(rq);

		/* All requests of a flow that may not hurry count as one. */
		if (line->refused == look)
			continue;
		looked++;
		if (line->node.key > latest || line->jumps >= PACE_JUMPS_MOST)
			line->refused = look;
		else if (pace_is_near(p, rq, now))
			return rq;
	}
	return NULL;
}

/* Returns a request of KIND whose deadline is near, or NULL. */
static struct sched_rq *pace_dispatch_urgent(struct pace *p, enum pace_line kind, uint64_t now)
{
	struct sched_rq *rq = pace_urgent_of(p, kind, now);
	struct pace_flow_line *line;
	uint64_t cost;

	if (!rq || !pace_window_room(&p->window, pace_op_of(rq)))
		return NULL;
	line = pace_urgent_line(rq);
	cost = pace_cost_rq(p, rq);
	pace_urgent_remove(&p->urgent, kind, rq);
	pace_flow_take_early(&p->flows, line, kind, rq, cost);
	return pace_send(p, rq, cost, PACE_URGENT);
}

/* Returns true if the line A may go although B, which is kept back, may be behind it. */
static bool pace_may_lead(struct pace *p, enum pace_line a, enum pace_line b)
{
	const struct pace_node *first = pace_order_first(&p->flows.order[a]);
	const struct pace_node *kept = pace_order_first(&p->flows.order[b]);

	return first->key <= kept->key + pace_flow_charge(PACE_LEAD_NS, PACE_WEIGHT);
}

/* Returns true if A goes before B: its start is earlier or, within a flow, it has waited longer. */
static bool pace_before(const struct pace_flow_line *a, const struct pace_flow_line *b)
{
	if (a->node.key != b->node.key)
		return a->node.key < b->node.key;
	return TAILQ_FIRST(&a->fifo)->inserted_ns < TAILQ_FIRST(&b->fifo)->inserted_ns;
}

/* Returns the request whose turn it is, of those that somebody waits for; NULL: none may go. */
static struct sched_rq *pace_dispatch_fair(struct pace *p)
{
	bool reads = pace_waits(p, PACE_READ), writes = pace_waits(p, PACE_WRITE);
	struct pace_flow_line *read = pace_ready(p, PACE_READ);
	struct pace_flow_line *write = pace_ready(p, PACE_WRITE);
	enum pace_reason ahead = reads && writes && !(read && write) ? PACE_AHEAD : PACE_FAIR;

	if (read && write && pace_before(write, read))
		read = NULL;
	if (read && (!writes || write || pace_may_lead(p, PACE_READ, PACE_WRITE)))
		return pace_take(p, read, PACE_READ, ahead);
	if (write && (!reads || pace_may_lead(p, PACE_WRITE, PACE_READ)))
		return pace_take(p, write, PACE_WRITE, ahead);
	return NULL;
}

static struct sched_rq *pace_dispatch_awaited(struct pace *p, uint64_t now)
{
	struct sched_rq *rq = NULL;

	if (__builtin_expect(p->urgent.waiting, 0)) {
		rq = pace_dispatch_urgent(p, PACE_READ, now);
		if (!rq)
			rq = pace_dispatch_urgent(p, PACE_WRITE, now);
	}
	return rq ? rq : pace_dispatch_fair(p);
}

/* Returns a background write, if one may go; OWED: and only if that much is owed to them. */
static struct sched_rq *pace_dispatch_background(struct pace *p, bool owed)
{
	struct pace_flow_line *line = pace_ready(p, PACE_BACKGROUND);
	struct sched_rq *rq;
	uint64_t cost;

	if (!line || !pace_room_lets(&p->room, p->window.requests[PACE_WRITE_SIDE], p->now_ns))
		return NULL;
	cost = pace_cost_rq(p, TAILQ_FIRST(&line->fifo));
	if (owed && p->owed_ns < cost)
		return NULL;
	p->owed_ns -= p->owed_ns < cost ? p->owed_ns : cost;
	rq = pace_take(p, line, PACE_BACKGROUND, owed ? PACE_OWED : PACE_REST);
	/* Who comes later has not waited. */
	if (!pace_waits(p, PACE_BACKGROUND))
		p->owed_ns = 0;
	return rq;
}

/* RQ, which somebody waits for, went although background writes wait. */
static void pace_owe(struct pace *p, const struct sched_rq *rq)
{
	p->owed_ns += (uintptr_t)rq->priv[1] * p->floor / (100 - p->floor);
	p->owed_ns = p->owed_ns < PACE_OWED_NS ? p->owed_ns : PACE_OWED_NS;
}

static struct sched_rq *pace_dispatch(struct sched *s, uint64_t now)
{
	struct pace *p = (struct pace *)s;
	struct sched_rq *rq = NULL;

	p->now_ns = now;
	if (!p->flows.waiting) {
		p->cost.spare = true;
		return NULL;
	}
	if (p->owed_ns)
		rq = pace_dispatch_background(p, true);
	if (rq)
		return rq;
	rq = pace_dispatch_awaited(p, now);
	/* Writes that are kept back had their share: no others may take more in their place. */
	if (!rq && !pace_waits(p, PACE_WRITE))
		return pace_dispatch_background(p, false);
	if (!rq)
		return NULL;
	if (pace_waits(p, PACE_BACKGROUND))
		pace_owe(p, rq);
	return rq;
}

static void pace_take_steps(struct pace *p)
{
	p->window.step[PACE_READ_SIDE] = (uint8_t)pace_gain_step(&p->gain, PACE_READ_WINDOW);
	p->window.step[PACE_WRITE_SIDE] = (uint8_t)pace_gain_step(&p->gain, PACE_WRITE_WINDOW);
	p->window.half = pace_gain_half(&p->gain);
	pace_window_renew(&p->window, &p->lone);
}

/* Has the knobs tried, which only requests that others wait for have to do with. */
static void pace_try(struct pace *p, const struct sched_rq *rq, uint64_t latency_ns, uint64_t now)
{
	enum pace_op op = pace_op_of(rq);
	enum pace_side side = pace_window_side(op);
	struct pace_gain_event e = {
		.op = op,
		.nr_sectors = rq->nr_sectors,
		.latency_ns = latency_ns,
		.waits = op == PACE_READS
				 ? pace_waits(p, PACE_READ)
				 : pace_waits(p, PACE_WRITE) || pace_waits(p, PACE_BACKGROUND),
		.in_drive = p->window.requests[side],
		.waiting = p->flows.waiting,
		.now = now,
	};
	bool lengths;

	if (op == PACE_READS && p->gain.trying)
		e.lone_ns = pace_lone_of(&p->lone, op, rq->nr_sectors);
	lengths = pace_gain_lengths(&p->gain);
	if (pace_gain_completed(&p->gain, &e))
		pace_take_steps(p);
	/* The window follows the longest writes of late, but not those that are only tried. */
	if (!lengths && pace_gain_lengths(&p->gain))
		pace_lone_try(&p->lone, PACE_WRITES);
}

/* Has background writes pause where that leaves the cache room. */
static void pace_leave_room(struct pace *p, const struct sched_rq *rq, uint64_t now)
{
	/* A disk has one head: reads do not meet on a unit of it. */
	bool hold = p->gain.trying || p->gain.fixed[PACE_WRITE_WINDOW] || p->s.env.rotational;

	pace_room_completed(&p->room, rq->nr_sectors, rq->io_start_ns,
			    pace_waits(p, PACE_BACKGROUND), hold, now);
	/* A pause, and what goes to a cache, tell nothing of what the drive moves in the long run.
	 */
	p->cost.spare |= pace_room_works(&p->room);
}

static void pace_completed(struct sched *s, struct sched_rq *rq, uint64_t now)
{
	struct pace *p = (struct pace *)s;
	enum pace_op op = pace_op_of(rq);
	uint64_t ns = now > rq->io_start_ns ? now - rq->io_start_ns : 0, lone = 0;
	bool renew;

	/* Errors come at once, or after seconds. If such a latency were the shortest one, the
	 * window would let one request in at a time, for up to 20 s. */
	if (rq->flags & SCHED_RQ_UNTIMED) {
		p->cost.spare = true;
		return;
	}
	renew = pace_lone_completed(&p->lone, op, rq->nr_sectors, ns,
				    p->window.alone[pace_window_side(op)], now);
	if (pace_cost_completed(&p->cost, op, rq->nr_sectors, ns, now))
		pace_window_learned(&p->window);
	if (p->window.alone[pace_window_side(op)]) {
		lone = pace_lone_of(&p->lone, op, rq->nr_sectors);
		p->window.beside = !p->s.env.rotational && pace_waits(p, PACE_BACKGROUND);
	}
	renew |= pace_window_completed(&p->window, op, ns, lone, now);
	if (op == PACE_WRITES && pace_gain_tried(&p->gain)) {
		pace_lone_tried(&p->lone, op);
		renew = true;
	}
	if (__builtin_expect(renew, 0))
		pace_window_renew(&p->window, &p->lone);
	if (pace_gain_is_due(&p->gain, now))
		pace_try(p, rq, ns, now);
	if (pace_line_of(rq) == PACE_BACKGROUND)
		pace_leave_room(p, rq, now);
}

static uint64_t pace_next_wakeup(struct sched *s)
{
	const struct pace *p = (struct pace *)s;
	bool pause = pace_room_works(&p->room) && p->now_ns < p->room.until_ns;

	return pause && pace_waits(p, PACE_BACKGROUND) ? p->room.until_ns : SCHED_NEVER;
}

static void pace_finish(struct sched *s, struct sched_rq *rq)
{
	struct pace *p = (struct pace *)s;

	if (rq->priv[0])
		pace_window_leave(&p->window, pace_op_of(rq), (uintptr_t)rq->priv[1]);
	rq->priv[0] = NULL;
}

static bool pace_has_work(struct sched *s)
{
	return ((struct pace *)s)->flows.waiting;
}

static uint32_t pace_limit_depth(struct sched *s, const struct sched_rq *like)
{
	uint32_t limit = (uint32_t)((uint64_t)s->env.nr_requests * PACE_BACKGROUND_PERCENT / 100);

	if (pace_line_of(like) != PACE_BACKGROUND)
		return s->env.nr_requests;
	return limit ? limit : 1;
}

static uint32_t pace_weight(struct sched *s, const struct sched_rq *like)
{
	return pace_flow_weight(&((struct pace *)s)->flows, like->submitter);
}

static void pace_depth_changed(struct sched *s, uint32_t nr_requests)
{
	s->env.nr_requests = nr_requests;
}

static void pace_submitter_gone(struct sched *s, uint32_t submitter)
{
	pace_flow_leaves(&((struct pace *)s)->flows, submitter);
}

static int pace_set_weight(struct sched *s, uint32_t submitter, uint32_t weight)
{
	return pace_flow_weigh(&((struct pace *)s)->flows, submitter, weight);
}

/* Returns the length of background writes, in KiB. */
static uint64_t pace_chunk_kb(const struct pace *p)
{
	uint64_t kb = PACE_CHUNK_MAX_KB, lone, cost;
	unsigned step;

	if (p->chunk_kb)
		return p->chunk_kb;
	step = pace_gain_step(&p->gain, PACE_WRITE_CHUNK);
	lone = p->lone.low[PACE_READS];
	cost = p->cost.op[PACE_WRITES].slope * 2 >> PACE_COST_BITS;
	if (!lone || !cost)
		return kb << step;
	if (p->window.target_ns[PACE_READ_SIDE])
		lone = p->window.target_ns[PACE_READ_SIDE] / 4;
	while (kb > PACE_CHUNK_MIN_KB && kb * cost > lone)
		kb /= 2;
	while (kb >= PACE_CHUNK_MAX_KB && kb < PACE_CHUNK_MOST_KB &&
	       2 * kb * cost <= lone / PACE_CHUNK_PART)
		kb *= 2;
	kb <<= step;
	return kb < PACE_CHUNK_MOST_KB ? kb : PACE_CHUNK_MOST_KB;
}

static uint64_t pace_longest(struct sched *s, const struct sched_rq *like)
{
	if (like->op != SCHED_WRITE || pace_line_of(like) != PACE_BACKGROUND)
		return UINT64_MAX;
	return pace_chunk_kb((struct pace *)s) << 10;
}

static void pace_set_window(struct pace *p, enum pace_side side, enum pace_knob knob, int64_t us)
{
	p->window.target_ns[side] = (uint64_t)us * NSEC_PER_USEC;
	pace_gain_fix(&p->gain, knob, us);
	pace_take_steps(p);
}

static int pace_set(struct sched *s, unsigned tunable, int64_t value)
{
	struct pace *p = (struct pace *)s;

	if (tunable == READ_TARGET)
		pace_set_window(p, PACE_READ_SIDE, PACE_READ_WINDOW, value);
	else if (tunable == WRITE_WINDOW)
		pace_set_window(p, PACE_WRITE_SIDE, PACE_WRITE_WINDOW, value);
	else if (tunable == WRITE_FLOOR)
		p->floor = (uint64_t)value;
	else {
		p->chunk_kb = (uint64_t)value;
		pace_gain_fix(&p->gain, PACE_WRITE_CHUNK, value);
	}
	return 0;
}

static int64_t pace_get(struct sched *s, unsigned tunable)
{
	const struct pace *p = (struct pace *)s;
	enum pace_op kind = tunable < WRITE_LONE ? PACE_READS : PACE_WRITES;
	const struct pace_cost_op *op = &p->cost.op[kind];

	switch (tunable) {
	case READ_TARGET:
		return (int64_t)(p->window.target_ns[PACE_READ_SIDE] / NSEC_PER_USEC);
	case WRITE_WINDOW:
		return (int64_t)(p->window.target_ns[PACE_WRITE_SIDE] / NSEC_PER_USEC);
	case WRITE_FLOOR:
		return (int64_t)p->floor;
	case CHUNK:
		return (int64_t)p->chunk_kb;
	case READ_LONE:
		return (int64_t)p->lone.low[PACE_READS];
	case WRITE_LONE:
		return (int64_t)p->lone.low[PACE_WRITES];
	case READ_COST:
	case WRITE_COST:
		return (int64_t)(op->base >> PACE_COST_BITS);
	case CHUNK_NOW:
		return (int64_t)pace_chunk_kb(p);
	case PAUSE_NOW:
		return pace_room_works(&p->room) ? (int64_t)(p->room.pause_ns / NSEC_PER_USEC) : 0;
	default:
		return (int64_t)(op->slope * 2 >> PACE_COST_BITS);
	}
}

static uint64_t pace_read_target(struct sched *s)
{
	const struct pace *p = (struct pace *)s;
	uint64_t ns = p->window.ns[PACE_READS];

	return ns == UINT64_MAX ? 0 : ns; /* nothing is learned yet */
}

static unsigned pace_save(struct sched *s, uint64_t *values, uint64_t now)
{
	return pace_keep_save((struct pace *)s, values, now);
}

static void pace_load(struct sched *s, const uint64_t *values, uint64_t now)
{
	struct pace *p = (struct pace *)s;

	pace_keep_load(p, values, now);
	pace_take_steps(p);
}

static const char *const pace_gauges[] = {
	"read_window_ns",   "write_window_ns",	"reads_in_drive_ns", "writes_in_drive_ns",
	"write_rate_bytes", /* a second */
	"write_tokens_ns",  "read_window_step", "write_window_step", NULL,
};

/* Returns how many bytes of background writes the drive takes in a second, if it has nothing else
 * to do: the rate at which they leave then, as no rate is set. 0: not known yet. */
static int64_t pace_write_rate(const struct pace *p)
{
	uint64_t bytes = pace_chunk_kb(p) << 10;
	uint32_t sectors = (uint32_t)(bytes >> SCHED_SECTOR_SHIFT);

	if (!p->cost.op[PACE_WRITES].slope)
		return 0;
	return (int64_t)(bytes * NSEC_PER_SEC / pace_cost_of(&p->cost, PACE_WRITES, sectors));
}

static void pace_gauge(struct sched *s, int64_t *values)
{
	const struct pace *p = (struct pace *)s;
	uint64_t read = p->window.ns[PACE_READS];
	uint64_t write = p->window.ns[PACE_WRITES];

	/* Nothing is known at first: there is no window yet. */
	values[0] = read > INT64_MAX ? 0 : (int64_t)read;
	values[1] = write > INT64_MAX ? 0 : (int64_t)write;
	values[2] = (int64_t)p->window.cost[PACE_READ_SIDE];
	values[3] = (int64_t)p->window.cost[PACE_WRITE_SIDE];
	values[4] = pace_write_rate(p);
	values[5] = (int64_t)p->owed_ns;
	values[6] = p->window.step[PACE_READ_SIDE];
	values[7] = p->window.step[PACE_WRITE_SIDE];
}

const struct sched_ops sched_pace = {
	.name = "pace",
	.summary = "fair in time of the drive, gentle to reads: weir's own, for flash",
	.scope = SCHED_PER_LANE,
	.flags = SCHED_BY_SUBMITTER | SCHED_UNSIGNED | SCHED_DEADLINES,
	.tunables = pace_tunables,
	.reasons = pace_reasons,
	.gauges = pace_gauges,
	.gauge = pace_gauge,
	.init = pace_init,
	.exit = pace_exit,
	.insert = pace_insert,
	.find_merge = pace_find_merge,
	.dispatch = pace_dispatch,
	.completed = pace_completed,
	.finish = pace_finish,
	.next_wakeup = pace_next_wakeup,
	.limit_depth = pace_limit_depth,
	.weight = pace_weight,
	.longest = pace_longest,
	.depth_changed = pace_depth_changed,
	.submitter_gone = pace_submitter_gone,
	.set_weight = pace_set_weight,
	.has_work = pace_has_work,
	.read_target = pace_read_target,
	.state_version = 1,
	.save = pace_save,
	.valid = pace_keep_valid,
	.same = pace_keep_same,
	.load = pace_load,
	.set = pace_set,
	.get = pace_get,
};
