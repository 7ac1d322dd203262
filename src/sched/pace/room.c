/* SPDX-License-Identifier: Apache-2.0 */
/* room.c - pauses that leave the write cache room. See room.h. */
#include "sched/pace/room.h"

#include "base/nsec.h"

/* The longest pause, and the first and shortest. */
#define ROOM_PAUSE_NS (4 * NSEC_PER_MSEC)
#define ROOM_PAUSE_LEAST_NS (1 * NSEC_PER_MSEC)
/* What moves without pauses is looked at for so long, and over so many requests. */
#define ROOM_FULL_NS (8 * NSEC_PER_MSEC)
#define ROOM_FULL_REQUESTS 24u
/* Looked at again after. */
#define ROOM_AGAIN_NS (5 * NSEC_PER_SEC)
/* So many writes after a pause tell how fast they are. */
#define ROOM_FIRST 8u
/* They must move this percentage of what moves without pauses. */
#define ROOM_FASTER 150u
/* A write is slow at this percentage of their latency. */
#define ROOM_SLOW 150u
/* A burst that is longer has not filled the cache: there was no need for a pause. */
#define ROOM_BURST_NS (100 * NSEC_PER_MSEC)
/* With pauses, this percentage must move, in a mean that each pause changes by this part. */
#define ROOM_PERCENT 98u
#define ROOM_RATE_PART 4
/* After so many pauses that paid the next rest is short again. */
#define ROOM_CYCLES 16u
/* The shortest rest, and how often it doubles. */
#define ROOM_REST_NS (20 * NSEC_PER_MSEC)
#define ROOM_RESTS 8u
/* Pauses only while so many of 2^16 reads meet others in the drive: who meets none waits for one
 * program anyway. */
#define ROOM_MEET (1u << 15)
/* And only while there was a read in this time. */
#define ROOM_READ_NS (100 * NSEC_PER_MSEC)

static void room_begin(struct pace_room *r, enum pace_room_state state, uint64_t now)
{
	r->state = state;
	r->began_ns = now;
	r->sectors = r->requests = r->latency_ns = r->first_sectors = 0;
}

static void room_rest(struct pace_room *r, uint64_t now)
{
	room_begin(r, PACE_ROOM_RESTS, now);
	r->next_ns = now + (ROOM_REST_NS << r->rested);
	r->rested = (uint8_t)(r->rested + (r->rested < ROOM_RESTS));
	r->pause_ns = 0;
	r->cycles = 0;
}

static void room_pause(struct pace_room *r, uint64_t now)
{
	if (!r->pause_ns)
		r->pause_ns = ROOM_PAUSE_LEAST_NS;
	room_begin(r, PACE_ROOM_PAUSE, now);
	r->until_ns = now + r->pause_ns;
}

static void room_full(struct pace_room *r, uint64_t now)
{
	if (now - r->began_ns < ROOM_FULL_NS || r->requests < ROOM_FULL_REQUESTS)
		return;
	r->full_rate = r->sectors * NSEC_PER_SEC / (now - r->began_ns);
	r->rate = 0;
	r->next_ns = now + ROOM_AGAIN_NS;
	r->most_ns = ROOM_PAUSE_NS;
	room_pause(r, now);
}

/* As much moves with pauses as without. Longer ones make the times rarer in which writes wait. */
static void room_pays(struct pace_room *r)
{
	if (r->cycles < ROOM_CYCLES)
		r->cycles++;
	else
		r->rested = 0;
	if (r->pause_ns < r->most_ns)
		r->pause_ns *= 2;
}

/* A pause and the burst after it are over. */
static void room_cycle(struct pace_room *r, uint64_t now)
{
	uint64_t rate = r->sectors * NSEC_PER_SEC / (now - r->began_ns);

	if (r->rate)
		rate = (rate + (ROOM_RATE_PART - 1) * r->rate) / ROOM_RATE_PART;
	r->rate = rate;
	if (rate * 100 >= r->full_rate * ROOM_PERCENT) {
		room_pays(r);
	} else if (r->pause_ns > ROOM_PAUSE_LEAST_NS) {
		/* the cache does not hold so much */
		r->pause_ns /= 2;
		r->most_ns = r->pause_ns;
		r->rate = 0;
	} else {
		room_rest(r, now);
		return;
	}
	if (now >= r->next_ns)
		room_begin(r, PACE_ROOM_FULL, now);
	else
		room_pause(r, now);
}

/* The first writes after a pause tell how fast the cache takes them. Returns false if that is not
 * much faster than without pauses. */
static bool room_first(struct pace_room *r, uint32_t nr_sectors, uint64_t latency, uint64_t now)
{
	r->latency_ns += latency;
	if (r->requests == 1)
		r->first_ns = now;
	else
		r->first_sectors += nr_sectors;
	return r->requests < ROOM_FIRST ||
	       r->first_sectors * NSEC_PER_SEC >=
		       r->full_rate * (now - r->first_ns) / 100 * ROOM_FASTER;
}

/* A write that left after the pause has completed. */
static void room_burst(struct pace_room *r, uint32_t nr_sectors, uint64_t latency, uint64_t now)
{
	if (++r->requests > ROOM_FIRST) {
		if (latency * ROOM_FIRST * 100 >= r->latency_ns * ROOM_SLOW)
			room_cycle(r, now);
		else if (now - r->until_ns > ROOM_BURST_NS)
			room_rest(r, now);
	} else if (!room_first(r, nr_sectors, latency, now)) {
		room_rest(r, now);
	}
}

/* Returns true if reads meet in the drive, of late. */
static bool room_is_wanted(const struct pace_room *r, uint64_t now)
{
	return r->meet >= ROOM_MEET && now - r->read_ns <= ROOM_READ_NS;
}

void pace_room_completed(struct pace_room *r, uint32_t nr_sectors, uint64_t sent_ns, bool waits,
			 bool hold, uint64_t now)
{
	if (!waits || hold || !room_is_wanted(r, now)) {
		if (r->state != PACE_ROOM_RESTS)
			room_begin(r, PACE_ROOM_FULL, now);
		return;
	}
	if (r->state == PACE_ROOM_RESTS) {
		if (now >= r->next_ns)
			room_begin(r, PACE_ROOM_FULL, now);
		return;
	}
	if (r->state == PACE_ROOM_PAUSE && now >= r->until_ns)
		r->state = PACE_ROOM_BURST;
	r->sectors += nr_sectors;
	if (r->state == PACE_ROOM_FULL) {
		r->requests++;
		room_full(r, now);
	} else if (r->state == PACE_ROOM_BURST && sent_ns >= r->until_ns) {
		room_burst(r, nr_sectors, now - sent_ns, now);
	}
}
