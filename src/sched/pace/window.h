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

enum pace_side { PACE_READ_SIDE, PACE_WRITE_SIDE, PACE_SIDES };

struct pace_window {
	uint64_t cost[PACE_SIDES];	/* ns in the drive */
	uint32_t requests[PACE_SIDES];	/* and requests */
	uint64_t target_ns[PACE_SIDES]; /* 0: learned */
	uint32_t most;			/* writes in the drive, until the costs are learned */
	uint64_t alone_ns[PACE_SIDES];	/* when a request last was alone in the drive */
	/* the next request is to be alone, so that its latency is one without waiting */
	bool probing[PACE_SIDES];
	bool alone[PACE_SIDES]; /* the one in the drive is */
};

static inline enum pace_side pace_window_side(enum pace_op op)
{
	return op == PACE_READS ? PACE_READ_SIDE : PACE_WRITE_SIDE;
}

void pace_window_init(struct pace_window *w);

/* Returns how much of SIDE may be in the drive when a request of OP comes, in ns;
 * UINT64_MAX: nothing is known yet. */
uint64_t pace_window_ns(const struct pace_window *w, const struct pace_lone *l, enum pace_op op);

/* Returns true if a request of OP may enter the drive: the window is not full. */
static inline bool pace_window_room(const struct pace_window *w, const struct pace_lone *l,
				    enum pace_op op)
{
	enum pace_side side = pace_window_side(op);

	if (!w->requests[side])
		return true;
	if (w->probing[side] || (side == PACE_WRITE_SIDE && w->requests[side] >= w->most))
		return false;
	return w->cost[side] < pace_window_ns(w, l, op);
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

/* Has a request be alone soon if none was for long. Call it when one has completed. */
void pace_window_completed(struct pace_window *w, enum pace_op op, uint64_t now);

#endif
