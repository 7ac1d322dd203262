/* SPDX-License-Identifier: Apache-2.0 */
/* window.c - how much may be in the drive. See window.h. */
#include "sched/pace/window.h"

#include "base/nsec.h"

/*
 * The window is so many halves of the latency of a short read that is alone. More makes short
 * reads wait in the drive for long ones. Less leaves the drive idle now and then: random reads
 * meet on one of its units while others have none.
 */
#define WINDOW_READ_HALVES 9u
/*
 * But at least so many halves of the latency of a long one: with one in the drive, its link is idle
 * while its flash works. For writes it is the only rule: what a write waits for in the drive, the
 * scheduler cannot take back.
 */
#define WINDOW_LONG_HALVES 3u
/*
 * And at least this, unless somebody says otherwise: nobody feels it, and shorter latencies are the
 * time between two turns of the lane rather than that of a drive. A window of them would have each
 * turn hand over one request.
 */
#define WINDOW_LEAST_NS (10 * NSEC_PER_USEC)
/* Writes in the drive at the start. */
#define WINDOW_FIRST 2u

/* So often a request is alone: otherwise nobody could tell a slow drive from a full one. */
#define WINDOW_ALONE_NS (5 * NSEC_PER_SEC)

void pace_window_init(struct pace_window *w)
{
	w->probing[PACE_READ_SIDE] = w->probing[PACE_WRITE_SIDE] = true;
	w->most = WINDOW_FIRST;
}

uint64_t pace_window_ns(const struct pace_window *w, const struct pace_lone *l, enum pace_op op)
{
	enum pace_side side = pace_window_side(op);
	uint64_t low, high;

	if (w->target_ns[side])
		return w->target_ns[side];
	if (!l->low[op])
		return UINT64_MAX;
	high = l->high[op] * WINDOW_LONG_HALVES / 2;
	low = side == PACE_READ_SIDE ? l->low[op] * WINDOW_READ_HALVES / 2 : 0;
	low = low > high ? low : high;
	return low > WINDOW_LEAST_NS ? low : WINDOW_LEAST_NS;
}

void pace_window_learned(struct pace_window *w)
{
	w->most += w->most < UINT32_MAX;
}

void pace_window_completed(struct pace_window *w, enum pace_op op, uint64_t now)
{
	enum pace_side side = pace_window_side(op);

	if (w->alone[side]) {
		w->alone_ns[side] = now;
		w->probing[side] = false;
	} else if (now - w->alone_ns[side] > WINDOW_ALONE_NS) {
		w->probing[side] = true;
	}
}
