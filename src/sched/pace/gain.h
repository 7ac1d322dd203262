/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gain.h - how many times what lone latencies say the windows and the pieces of background writes
 * are, found by trying.
 *
 * The shortest latency says what a drive needs only where latencies are alike. On a file of a
 * virtual disk most take several times as long as the shortest one: a window of 1.5 times that
 * has one write at a time in the drive, which then idles. So each of these knobs is tried at two
 * steps, one twice the other, in turns of some 10 ms. The larger one stays if the drive moves more
 * with it, by a tenth and by a part of what reads become slower: nothing is held back of which
 * reads have nothing. A knob that has found its place rests, for longer and longer.
 *
 * A wider window for writes makes reads wait, for as long as it is tried. So it is tried only if
 * half a window moves less than a whole one.
 *
 * Owned by the instance; entered by the lane's owner.
 */
#ifndef PACE_GAIN_H
#define PACE_GAIN_H

#include <stdbool.h>
#include <stdint.h>

#include "sched/pace/cost.h"
#include "sched/pace/keep.h"

enum pace_knob { PACE_WRITE_WINDOW, PACE_WRITE_CHUNK, PACE_READ_WINDOW, PACE_KNOBS };

/* What happened at one of the two steps. */
struct pace_arm {
	uint64_t sectors, ns; /* completed, and the time that it took, while others waited */
	uint64_t completed, in_drive; /* requests, and the sum of what was in the drive at each */
	uint64_t reads, slow;	      /* reads, and their latencies in parts of lone ones << 8 */
};

struct pace_gain {
	uint8_t at[PACE_KNOBS];	      /* the step: a knob is 2^at times what lone latencies say */
	bool fixed[PACE_KNOBS];	      /* somebody said what it is: it is not tried */
	uint8_t rested[PACE_KNOBS];   /* how often it stayed where it is: it rests 2^this times */
	uint64_t next_ns[PACE_KNOBS]; /* when it is tried again */
	uint64_t look_ns;	      /* none is tried before */
	/* The trial: KNOB at LOW and at LOW + 1, in turns. */
	bool trying, up; /* up: it began from LOW */
	bool below;	 /* instead, at half of step LOW and at LOW, whether more may pay at all */
	enum pace_knob knob;
	uint8_t low, turn;
	uint32_t unsettled; /* completions until the drive has what this turn lets in */
	uint32_t tried;	    /* writes until the last pieces of a trial have gone; 0: they have */
	uint64_t began_ns;  /* the turn */
	uint64_t since_ns;  /* the last completion after which others waited; 0: none did */
	uint64_t pause_ns;  /* the longest one between two completions of this turn */
	/* this turn, and what of it came before the end of its first long pause */
	struct pace_arm counted, skipped;
	struct pace_arm arm[2];
	int64_t worth; /* of the larger step, after the last two turns; percent */
};

/* A request has completed. */
struct pace_gain_event {
	enum pace_op op;
	uint32_t nr_sectors;
	uint64_t latency_ns, lone_ns; /* lone_ns: of such a request; 0: not known */
	bool waits;		      /* others of its side wait for room in the drive */
	uint32_t in_drive;	      /* of its side */
	uint32_t waiting;	      /* in the scheduler */
	uint64_t now;
};

/* Returns true if a completion at NOW matters. */
static inline bool pace_gain_is_due(const struct pace_gain *g, uint64_t now)
{
	return g->trying || now >= g->look_ns;
}

/* Returns true if the steps may have changed. */
bool pace_gain_completed(struct pace_gain *g, const struct pace_gain_event *e);

/* Returns true while there may be writes of lengths that are only tried. */
static inline bool pace_gain_lengths(const struct pace_gain *g)
{
	return g->tried || (g->trying && g->knob == PACE_WRITE_CHUNK);
}

/* A write has completed. Returns true if it was the last of those. */
static inline bool pace_gain_tried(struct pace_gain *g)
{
	return g->tried && !(g->trying && g->knob == PACE_WRITE_CHUNK) && !--g->tried;
}

/* Returns the step that KNOB has now. */
static inline unsigned pace_gain_step(const struct pace_gain *g, enum pace_knob knob)
{
	if (g->trying && g->knob == knob && !g->below)
		return g->low + (g->turn & 1u);
	return g->at[knob];
}

/* Returns true while the window for writes is half of what its step says. */
static inline bool pace_gain_half(const struct pace_gain *g)
{
	return g->trying && g->below && !(g->turn & 1u);
}

/* Somebody sets KNOB (FIXED), or leaves it to pace. */
void pace_gain_fix(struct pace_gain *g, enum pace_knob knob, bool fixed);

/* The steps, and how long each knob still rests (keep.h). What somebody has set stays. */
void pace_gain_keep(struct pace_gain *g, struct pace_keep *k);

#endif
