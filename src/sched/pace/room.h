/* SPDX-License-Identifier: Apache-2.0 */
/*
 * room.h - leaves the drive's write cache some room, by pauses.
 *
 * A write that waits for a full cache makes a drive program even where reads wait: of two reads
 * that meet on a unit of its flash, one then waits for a program more. But as long as the cache
 * holds enough, the drive programs as fast without any new write. So when background writes have
 * become slow, none goes for some ms. Then they go as fast as the cache takes them, until they are
 * slow again. Nearly all of the time no write waits in the drive.
 *
 * Whether a drive is like that is tried: what goes after a pause must be half as fast again as
 * before it, and with pauses as much must move as without any.
 *
 * Owned by the instance; entered by the lane's owner.
 */
#ifndef PACE_ROOM_H
#define PACE_ROOM_H

#include <stdbool.h>
#include <stdint.h>

/* So many writes are in the drive after a pause: when the cache is full, they all wait. */
#define PACE_ROOM_IN_DRIVE 2u
/* Reads of late are the last 2^this. */
#define PACE_ROOM_MEET 6

enum pace_room_state {
	PACE_ROOM_RESTS, /* nothing is tried before next_ns */
	PACE_ROOM_FULL,	 /* looks at what moves without pauses */
	PACE_ROOM_PAUSE, /* no background write goes before until_ns */
	PACE_ROOM_BURST, /* they go until they are slow */
};

struct pace_room {
	enum pace_room_state state;
	uint64_t next_ns;    /* when it is tried, or looked at without pauses, again */
	uint64_t began_ns;   /* this state, or the pause before the burst; 0: nothing completed */
	uint64_t until_ns;   /* the end of the pause */
	uint64_t pause_ns;   /* its length */
	uint64_t most_ns;    /* and what it may be until next_ns */
	uint64_t sectors;    /* completed since began_ns */
	uint64_t requests;   /* of a burst: that left after the pause */
	uint64_t first_ns;   /* when the first of them completed, and the sum of the latencies */
	uint64_t latency_ns; /* of the first ones */
	uint64_t first_sectors;
	uint64_t full_rate; /* sectors a second without pauses, */
	uint64_t rate;	    /* and with them, of late; 0: not known */
	uint64_t read_ns;   /* the last read */
	uint32_t meet;	    /* of late, so many of 2^16 reads met another one in the drive */
	uint8_t rested, cycles;
};

/* A background write of NR_SECTORS that left at SENT_NS has completed at NOW; WAITS: more wait.
 * HOLD: nothing may be tried now. */
void pace_room_completed(struct pace_room *r, uint32_t nr_sectors, uint64_t sent_ns, bool waits,
			 bool hold, uint64_t now);

/* A read goes to the drive, where IN_DRIVE others are. */
static inline void pace_room_read(struct pace_room *r, uint32_t in_drive, uint64_t now)
{
	r->meet += (in_drive ? 1u << 16 >> PACE_ROOM_MEET : 0) - (r->meet >> PACE_ROOM_MEET);
	r->read_ns = now;
}

/* Returns true while there are pauses: what completes tells no cost. */
static inline bool pace_room_works(const struct pace_room *r)
{
	return r->state == PACE_ROOM_PAUSE || r->state == PACE_ROOM_BURST;
}

/* Returns true if a background write may go at NOW, when IN_DRIVE writes are in the drive. */
static inline bool pace_room_lets(const struct pace_room *r, uint32_t in_drive, uint64_t now)
{
	return !pace_room_works(r) || (now >= r->until_ns && in_drive < PACE_ROOM_IN_DRIVE);
}

#endif
