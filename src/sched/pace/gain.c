/* SPDX-License-Identifier: Apache-2.0 */
/* gain.c - tries whether more in the drive moves more. See gain.h. */
#include "sched/pace/gain.h"

#include "base/nsec.h"

/* A turn counts at least so much time in which requests waited, and so many of these. Before, the
 * drive works off what the last turn let in, and the costs follow. */
#define GAIN_TURN_NS (10 * NSEC_PER_MSEC)
#define GAIN_TURN_REQUESTS 24u
#define GAIN_SETTLE_NS (4 * NSEC_PER_MSEC)
/* A turn that is longer says nothing: hardly anything waited, or pauses were long. */
#define GAIN_TURN_MOST_NS (500 * NSEC_PER_MSEC)
/* Turns of a trial. Fewer are enough if they differ by this percentage for each that is left out,
 * or if two more have changed the result by no more than the second percentage. */
#define GAIN_TURNS 8u
#define GAIN_CLEAR 12
#define GAIN_STEADY 8
/* No pause between two completions may be more than this part of a turn. */
#define GAIN_PAUSE_PART 4u
/* A pause is a stall if it is so many times as long as usual ones. Then whole ones count: from the
 * end of one to the end of another, which is at least the second part as long. */
#define GAIN_STALL_TIMES 16u
#define GAIN_STALL_PART 2u
/* More must move so much more, in percent ... */
#define GAIN_LEAST 10
/* ... and by this part of what reads become slower. */
#define GAIN_READS_PART 2
/* If a window moves less than this above half of it, in percent, twice the window cannot move
 * GAIN_LEAST more: each further request in the drive adds no more than the one before. But only if
 * so many times as much was in the drive, in percent. */
#define GAIN_BELOW 5
#define GAIN_DEEPER 120u
/* Reads of a turn that tell how slow they are. */
#define GAIN_READS 8u
/* The shortest rest, and how often it doubles; and how often after a result that was steady. */
#define GAIN_REST_NS (100 * NSEC_PER_MSEC)
#define GAIN_RESTS 6u
#define GAIN_RESTS_STEADY 8u
/* A steady result for reads counts as one after so many trials: in the first one the costs are not
 * learned yet, and the window is wider than it will be. Writes begin with few in the drive. */
#define GAIN_RESTED_LEAST 2u
/* Whether there is something to try is looked at so often. */
#define GAIN_LOOK_NS (NSEC_PER_MSEC / 4)
/* Nothing is tried on writes before: costs and the length of pieces are to be learned first. Pieces
 * of another length are tried still later. */
#define GAIN_WINDOW_NS (200 * NSEC_PER_MSEC)
#define GAIN_CHUNK_NS (10 * NSEC_PER_SEC)

static const uint8_t gain_most[PACE_KNOBS] = {
	[PACE_WRITE_WINDOW] = 6,
	[PACE_WRITE_CHUNK] = 5,
	[PACE_READ_WINDOW] = 4,
};

static bool gain_is_of(enum pace_knob knob, enum pace_op op)
{
	return (knob == PACE_READ_WINDOW) == (op == PACE_READS);
}

static void gain_begin_turn(struct pace_gain *g, const struct pace_gain_event *e)
{
	g->unsettled = e->in_drive + (g->knob == PACE_WRITE_CHUNK ? e->waiting : 0);
	g->began_ns = e->now;
	g->since_ns = g->pause_ns = 0;
	g->counted = g->skipped = (struct pace_arm){ 0 };
}

static void gain_begin(struct pace_gain *g, enum pace_knob knob, bool up,
		       const struct pace_gain_event *e)
{
	g->trying = true;
	g->up = up;
	g->below = false;
	g->knob = knob;
	g->low = (uint8_t)(up ? g->at[knob] : g->at[knob] - 1);
	g->turn = 0;
	g->arm[0] = g->arm[1] = (struct pace_arm){ 0 };
	gain_begin_turn(g, e);
}

/* Begins to try KNOB, which has rested. */
static void gain_start(struct pace_gain *g, enum pace_knob knob, const struct pace_gain_event *e)
{
	gain_begin(g, knob, g->at[knob] < gain_most[knob], e);
	g->below = knob == PACE_WRITE_WINDOW && !g->at[knob];
}

static void gain_rest(struct pace_gain *g, bool steady, const struct pace_gain_event *e)
{
	uint8_t *rested = &g->rested[g->knob];

	if (g->knob == PACE_READ_WINDOW && *rested < GAIN_RESTED_LEAST)
		steady = false;
	g->trying = false;
	if (g->knob == PACE_WRITE_CHUNK)
		g->tried = e->in_drive + e->waiting + 1;
	g->next_ns[g->knob] = e->now + (GAIN_REST_NS << (steady ? GAIN_RESTS_STEADY : *rested));
	g->look_ns = e->now;
	*rested = (uint8_t)(*rested + (*rested < GAIN_RESTS));
}

/* Returns how much larger MORE is than LESS, in percent of their mean. */
static int64_t gain_percent(uint64_t less, uint64_t more)
{
	uint64_t sum = less + more;

	return sum ? 200 * ((int64_t)more - (int64_t)less) / (int64_t)sum : 0;
}

/* Returns what the larger step is worth, in percent; above 0: it is better. */
static int64_t gain_worth(const struct pace_gain *g)
{
	const struct pace_arm *low = &g->arm[0], *high = &g->arm[1];
	int64_t moved = gain_percent(low->sectors * NSEC_PER_MSEC / low->ns,
				     high->sectors * NSEC_PER_MSEC / high->ns);
	int64_t slower = 0;

	if (g->below)
		return moved - GAIN_BELOW;
	if (low->reads >= GAIN_READS && high->reads >= GAIN_READS)
		slower = gain_percent(low->slow / low->reads, high->slow / high->reads);
	return moved - slower / GAIN_READS_PART - GAIN_LEAST;
}

/* Returns true if clearly more was in the drive with a whole window than with half of it. */
static bool gain_deeper(const struct pace_gain *g)
{
	const struct pace_arm *low = &g->arm[0], *high = &g->arm[1];

	return high->in_drive * low->completed * 100 >=
	       low->in_drive * high->completed * GAIN_DEEPER;
}

/* A window and half of it have been compared: tries a wider one if that may pay. */
static void gain_conclude_below(struct pace_gain *g, bool steady, const struct pace_gain_event *e)
{
	if (g->worth > 0 || !gain_deeper(g))
		gain_begin(g, g->knob, true, e);
	else
		gain_rest(g, steady, e);
}

/* The trial has ended: goes on where there may be something better, or rests. */
static void gain_conclude(struct pace_gain *g, bool steady, const struct pace_gain_event *e)
{
	uint8_t *at = &g->at[g->knob], was = *at;
	bool more = g->worth > 0;

	if (g->below) {
		gain_conclude_below(g, steady, e);
		return;
	}
	*at = (uint8_t)(g->low + more);
	if (*at != was)
		g->rested[g->knob] = 0;
	if (more && g->up && *at < gain_most[g->knob])
		gain_begin(g, g->knob, true, e);
	else if (!more && *at)
		gain_begin(g, g->knob, false, e);
	else
		gain_rest(g, steady, e);
}

/* Returns true if the drive stalls: its longest pause is many times as long as others. */
static bool gain_stalls(const struct pace_gain *g)
{
	return g->pause_ns * g->counted.completed >= g->counted.ns * GAIN_STALL_TIMES;
}

/* Adds this turn to its arm, from its first long pause on if the drive stalls. */
static void gain_add_turn(struct pace_gain *g)
{
	struct pace_arm *arm = &g->arm[g->turn & 1u];

	if (!gain_stalls(g))
		g->skipped = (struct pace_arm){ 0 };
	arm->ns += g->counted.ns - g->skipped.ns;
	arm->sectors += g->counted.sectors - g->skipped.sectors;
	arm->in_drive += g->counted.in_drive - g->skipped.in_drive;
	arm->completed += g->counted.completed - g->skipped.completed;
	arm->reads += g->counted.reads;
	arm->slow += g->counted.slow;
}

static void gain_end_turn(struct pace_gain *g, const struct pace_gain_event *e)
{
	int64_t worth, clear;
	bool steady;

	gain_add_turn(g);
	if (g->turn & 1u) {
		worth = gain_worth(g);
		clear = GAIN_CLEAR * (int64_t)(GAIN_TURNS - 1 - g->turn);
		steady = g->turn > 1 && worth - g->worth <= GAIN_STEADY &&
			 g->worth - worth <= GAIN_STEADY;
		g->worth = worth;
		if (steady || worth >= clear || worth <= -clear) {
			gain_conclude(g, steady, e);
			return;
		}
	}
	g->turn++;
	gain_begin_turn(g, e);
}

/* Returns true if the turn that a completion after a pause of NS would end is long enough. */
static bool gain_is_enough(const struct pace_gain *g, uint64_t ns)
{
	bool stalls = gain_stalls(g);
	uint64_t turn_ns = g->counted.ns - (stalls ? g->skipped.ns : 0);

	return turn_ns >= GAIN_TURN_NS && g->counted.completed >= GAIN_TURN_REQUESTS &&
	       turn_ns >= g->pause_ns * GAIN_PAUSE_PART &&
	       (!stalls || ns >= g->pause_ns / GAIN_STALL_PART ||
		turn_ns >= g->pause_ns * GAIN_PAUSE_PART * GAIN_STALL_PART);
}

/* Counts a completion of the side whose knob is tried. Returns true at the end of a turn. */
static bool gain_count(struct pace_gain *g, const struct pace_gain_event *e)
{
	uint64_t ns = 0;

	if (g->since_ns && e->now >= g->since_ns) {
		ns = e->now - g->since_ns;
		g->counted.ns += ns;
		g->counted.sectors += e->nr_sectors;
		g->counted.in_drive += e->in_drive;
		g->counted.completed++;
		if (ns > g->pause_ns * GAIN_STALL_PART)
			g->skipped = g->counted;
		g->pause_ns = ns > g->pause_ns ? ns : g->pause_ns;
	}
	g->since_ns = e->waits ? e->now : 0;
	return gain_is_enough(g, ns);
}

/* While a knob of writes is tried, reads take time of the drive that writes do not have. A turn
 * into which more of them happen to fall moves no less for that. */
static void gain_count_beside(struct pace_gain *g, const struct pace_gain_event *e, bool settled)
{
	if (settled && g->since_ns && g->knob != PACE_READ_WINDOW)
		g->counted.sectors += e->nr_sectors;
}

static bool gain_try(struct pace_gain *g, const struct pace_gain_event *e)
{
	bool settled = !g->unsettled && e->now - g->began_ns >= GAIN_SETTLE_NS;

	if (e->now - g->began_ns > GAIN_TURN_MOST_NS) {
		gain_rest(g, false, e);
		return true;
	}
	if (settled && e->op == PACE_READS && e->lone_ns) {
		g->counted.reads++;
		g->counted.slow += (e->latency_ns << 8) / e->lone_ns;
	}
	if (!gain_is_of(g->knob, e->op)) {
		gain_count_beside(g, e, settled);
		return false;
	}
	if (!settled) {
		g->unsettled -= g->unsettled > 0;
		return false;
	}
	if (!gain_count(g, e))
		return false;
	gain_end_turn(g, e);
	return true;
}

/* KNOB, which never was tried, is not tried for NS. */
static void gain_wait(struct pace_gain *g, enum pace_knob knob, uint64_t ns,
		      const struct pace_gain_event *e)
{
	if (!g->next_ns[knob] && e->waits && gain_is_of(knob, e->op))
		g->next_ns[knob] = e->now + ns;
}

bool pace_gain_completed(struct pace_gain *g, const struct pace_gain_event *e)
{
	if (g->trying)
		return gain_try(g, e);
	gain_wait(g, PACE_WRITE_WINDOW, GAIN_WINDOW_NS, e);
	gain_wait(g, PACE_WRITE_CHUNK, GAIN_CHUNK_NS, e);
	for (int i = 0; e->waits && i < PACE_KNOBS; i++) {
		enum pace_knob knob = (enum pace_knob)i;

		if (g->fixed[i] || e->now < g->next_ns[i] || !gain_is_of(knob, e->op))
			continue;
		gain_start(g, knob, e);
		return true;
	}
	g->look_ns = e->now + GAIN_LOOK_NS;
	return false;
}

void pace_gain_fix(struct pace_gain *g, enum pace_knob knob, bool fixed)
{
	if (g->trying && g->knob == knob)
		g->trying = false;
	g->fixed[knob] = fixed;
	if (fixed)
		g->at[knob] = 0;
}

static void gain_keep_knob(struct pace_gain *g, struct pace_keep *k, int knob)
{
	uint64_t at = g->at[knob], rested = g->rested[knob], rest = 0;

	if (g->next_ns[knob] > k->now)
		rest = g->next_ns[knob] - k->now;
	pace_keep(k, &at, 0, gain_most[knob]);
	pace_keep(k, &rested, 0, GAIN_RESTS);
	pace_keep(k, &rest, 0, GAIN_REST_NS << GAIN_RESTS_STEADY);
	if (!k->load || g->fixed[knob])
		return;
	g->at[knob] = (uint8_t)at;
	g->rested[knob] = (uint8_t)rested;
	g->next_ns[knob] = rest ? k->now + rest : 0;
}

void pace_gain_keep(struct pace_gain *g, struct pace_keep *k)
{
	for (int knob = 0; knob < PACE_KNOBS; knob++)
		gain_keep_knob(g, k, knob);
	if (!k->load)
		return;
	g->trying = false;
	g->look_ns = 0;
}
