/* SPDX-License-Identifier: Apache-2.0 */
/*
 * window.h - how much may be in the drive at a time, in time of the drive, for reads and for all
 * others.
 *
 * Owned by the instance; entered by the lane's owner.
 */
#ifndef PACE_WINDOW_H
#define PACE_WINDOW_H

#include <stdbool.h>
#include <stdint.h>

#include "sched/pace/lone.h"

#define PACE_SAMPLES 8u
#define PACE_USUAL_BITS 8

enum pace_side { PACE_READ_SIDE, PACE_WRITE_SIDE, PACE_SIDES };

struct pace_window {
	/* how much of its side may be in the drive when a request of this operation comes, in ns;
	 * UINT64_MAX: nothing is known yet */
	uint64_t ns[PACE_OPS];
	uint64_t cost[PACE_SIDES];	/* ns in the drive */
	uint32_t requests[PACE_SIDES];	/* and requests */
	uint64_t target_ns[PACE_SIDES]; /* 0: learned */
	uint8_t step[PACE_SIDES];	/* what is learned counts 2^this times (gain.h) */
	bool half;			/* the window for writes is half of that (gain.h) */
	uint32_t most;			/* writes in the drive, until the costs are learned */
	uint64_t alone_ns[PACE_SIDES];	/* when requests last were alone in the drive */
	/* the next requests are to be alone, so that their latencies are without waiting */
	bool probing[PACE_SIDES];
	bool alone[PACE_SIDES]; /* the one in the drive is */
	bool beside;		/* background writes wait */
	/* latencies of writes that were alone, in parts of the shortest, << PACE_USUAL_BITS */
	uint32_t sample[PACE_SAMPLES];
	uint32_t samples[PACE_SIDES]; /* requests that were alone since the last result */
	uint32_t usual;		      /* and the median of writes */
};

static inline enum pace_side pace_window_side(enum pace_op op)
{
	return op == PACE_READS ? PACE_READ_SIDE : PACE_WRITE_SIDE;
}

void pace_window_init(struct pace_window *w);

/* Takes over what has changed: lone latencies, targets, steps, or the usual latency. */
void pace_window_renew(struct pace_window *w, const struct pace_lone *l);

/* Returns true if a request of OP may enter the drive: the window is not full. */
static inline bool pace_window_room(const struct pace_window *w, enum pace_op op)
{
	enum pace_side side = pace_window_side(op);

	if (!w->requests[side])
		return true;
	if (w->probing[side] || (side == PACE_WRITE_SIDE && w->requests[side] >= w->most))
		return false;
	/* Step n lets in 2^n requests at least. Where a usual latency is many times the shortest
	 * one, two windows may both let in one request: then a trial would say nothing (gain.h). */
	if (!(w->requests[side] >> w->step[side]))
		return true;
	return w->cost[side] < w->ns[op];
}

/* Returns true if the next request of OP is to be alone in the drive. */
static inline bool pace_window_probing(const struct pace_window *w, enum pace_op op)
{
	return w->probing[pace_window_side(op)];
}

static inline void pace_window_enter(struct pace_window *w, enum pace_op op, uint64_t cost)
{
	enum pace_side side = pace_window_side(op);

	w->cost[side] += cost;
	w->alone[side] = !w->requests[side]++;
}

static inline void pace_window_leave(struct pace_window *w, enum pace_op op, uint64_t cost)
{
	w->cost[pace_window_side(op)] -= cost;
	w->requests[pace_window_side(op)]--;
}

/* A period of learning is over: one write more may enter the drive. */
void pace_window_learned(struct pace_window *w);

/*
 * A request of OP, which took LATENCY_NS, has completed; LONE_NS: the shortest latency of such a
 * request. Has some be alone soon if none was for long. Returns true if the usual latency may have
 * changed.
 */
bool pace_window_completed(struct pace_window *w, enum pace_op op, uint64_t latency_ns,
			   uint64_t lone_ns, uint64_t now);

/* The usual latency of writes (keep.h). The first requests are to be alone all the same: that takes
 * some milliseconds, and tells what has changed. */
void pace_window_keep(struct pace_window *w, struct pace_keep *k);

#endif
