/* SPDX-License-Identifier: Apache-2.0 */
/*
 * spend.h - the decisions of a write budget, for the store and for the simulation of `weir replay
 * --dry`.
 *
 * What is written is spent, and time pays it back: the budget of a day in a day. While less than
 * the budget of a day is spent, more may be written. So what was not used yesterday can be used
 * today, and N days never see more than N + 1 budgets. The last part of it is kept for keys that
 * were seen before, because those that were not are read again least often. Pure functions; own
 * nothing, any thread.
 */
#ifndef SPEND_H
#define SPEND_H

#include <stdbool.h>
#include <stdint.h>

#include "base/nsec.h"

#define SPEND_DAY_NS (86400ull * NSEC_PER_SEC)
/* One part of so many is kept for keys that were seen before. */
#define SPEND_KEPT_PART 8u

struct spend {
	uint64_t per_day; /* bytes; 0: there is no budget */
	uint64_t spent;	  /* bytes, at `time` */
	uint64_t time;	  /* ns; of any clock, but always of the same one */
};

/* Returns what PER_DAY bytes a day pay back in NS. */
static inline uint64_t spend_paid(uint64_t per_day, uint64_t ns)
{
	unsigned __int128 paid = (unsigned __int128)per_day * ns / (unsigned __int128)SPEND_DAY_NS;

	return paid > UINT64_MAX ? UINT64_MAX : (uint64_t)paid;
}

/* Pays back for the time until NOW. A clock that went back pays nothing. */
static inline void spend_advance(struct spend *s, uint64_t now)
{
	uint64_t paid;

	if (now <= s->time || !s->per_day) {
		s->time = now;
		return;
	}
	paid = spend_paid(s->per_day, now - s->time);
	if (paid >= s->spent) {
		s->spent = 0;
		s->time = now;
		return;
	}
	s->spent -= paid;
	/* What was less than a byte is paid the next time. */
	s->time +=
		(uint64_t)((unsigned __int128)paid * (unsigned __int128)SPEND_DAY_NS / s->per_day);
}

/* Notes that BYTES are written. */
static inline void spend_take(struct spend *s, uint64_t bytes)
{
	s->spent = bytes > UINT64_MAX - s->spent ? UINT64_MAX : s->spent + bytes;
}

/* Returns true if a key may be written, which was SEEN before or was not. */
static inline bool spend_admits(const struct spend *s, bool seen)
{
	return !s->per_day || s->spent < s->per_day - (seen ? 0 : s->per_day / SPEND_KEPT_PART);
}

#endif
