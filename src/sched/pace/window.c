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

/* So many reads are alone beside a flood, where the shortest latency is not that of a lone read
 * anyway, and a line of reads grows meanwhile. */
#define WINDOW_BESIDE 3u

/* A usual latency is taken to be at most so many times the shortest one. */
#define WINDOW_USUAL_MOST (64u << PACE_USUAL_BITS)

/* So often requests are alone: otherwise nobody could tell a slow drive from a full one. */
#define WINDOW_ALONE_NS (5 * NSEC_PER_SEC)

void pace_window_init(struct pace_window *w)
{
	w->probing[PACE_READ_SIDE] = w->probing[PACE_WRITE_SIDE] = true;
	w->usual = 1u << PACE_USUAL_BITS;
	w->most = WINDOW_FIRST;
	for (int op = 0; op < PACE_OPS; op++)
		w->ns[op] = UINT64_MAX;
}

static uint64_t window_ns(const struct pace_window *w, const struct pace_lone *l, enum pace_op op)
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
	if (side == PACE_WRITE_SIDE)
		low = low * w->usual >> PACE_USUAL_BITS;
	low = low > WINDOW_LEAST_NS ? low : WINDOW_LEAST_NS;
	if (side == PACE_WRITE_SIDE && w->half)
		low /= 2;
	return low << w->step[side];
}

void pace_window_renew(struct pace_window *w, const struct pace_lone *l)
{
	for (int op = 0; op < PACE_OPS; op++)
		w->ns[op] = window_ns(w, l, (enum pace_op)op);
}

void pace_window_learned(struct pace_window *w)
{
	w->most += w->most < UINT32_MAX;
}

/* Sorts a sample in. Returns the median if there are enough, and begins anew, or 0. */
static uint32_t window_sample(struct pace_window *w, uint32_t sample)
{
	uint32_t at = w->samples[PACE_WRITE_SIDE];

	for (; at && w->sample[at - 1] > sample; at--)
		w->sample[at] = w->sample[at - 1];
	w->sample[at] = sample;
	return w->samples[PACE_WRITE_SIDE] + 1 < PACE_SAMPLES ? 0 : w->sample[PACE_SAMPLES / 2];
}

/* Returns true if the usual latency has changed. */
static bool window_was_alone(struct pace_window *w, enum pace_op op, uint64_t latency_ns,
			     uint64_t lone_ns, uint64_t now)
{
	enum pace_side side = pace_window_side(op);
	uint64_t times = lone_ns ? (latency_ns << PACE_USUAL_BITS) / lone_ns : 0;
	uint32_t usual = 0, was = w->usual;

	if (side == PACE_WRITE_SIDE) {
		times = times < WINDOW_USUAL_MOST ? times : WINDOW_USUAL_MOST;
		usual = window_sample(w, (uint32_t)times);
		w->usual = usual ? usual : w->usual;
	}
	if (++w->samples[side] <
	    (side == PACE_READ_SIDE && w->beside ? WINDOW_BESIDE : PACE_SAMPLES))
		return false;
	w->samples[side] = 0;
	w->alone_ns[side] = now;
	w->probing[side] = false;
	return w->usual != was;
}

bool pace_window_completed(struct pace_window *w, enum pace_op op, uint64_t latency_ns,
			   uint64_t lone_ns, uint64_t now)
{
	enum pace_side side = pace_window_side(op);

	if (w->alone[side])
		return window_was_alone(w, op, latency_ns, lone_ns, now);
	if (now - w->alone_ns[side] > WINDOW_ALONE_NS)
		w->probing[side] = true;
	return false;
}

void pace_window_keep(struct pace_window *w, struct pace_keep *k)
{
	uint64_t usual = w->usual;

	pace_keep(k, &usual, 1u << PACE_USUAL_BITS, WINDOW_USUAL_MOST);
	w->usual = (uint32_t)usual;
}
