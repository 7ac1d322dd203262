/* SPDX-License-Identifier: Apache-2.0 */
/*
 * keep.h - what pace has learned as numbers that outlive the instance: lone latencies, and what the
 * trials have found. These take seconds. Costs are not kept: they take some milliseconds, and those
 * of one load make another one settle elsewhere (docs/pace.md).
 *
 * Each file lists what it has learned once, with the range in which a value makes sense. The same
 * list writes the numbers and reads them back, so the two cannot differ. What comes back may be
 * anything: numbers out of range are refused as a whole.
 *
 * Owned by the instance; entered by the lane's owner.
 */
#ifndef PACE_KEEP_H
#define PACE_KEEP_H

#include <stdbool.h>
#include <stdint.h>

struct pace;

struct pace_keep {
	uint64_t *number; /* SCHED_STATE_MAX of them */
	unsigned at;
	bool load; /* else the numbers are written */
	bool good; /* all were in range so far */
	uint64_t now;
};

/* Writes VALUE as the next number, as the nearest one from LEAST to MOST, or reads it. */
static inline void pace_keep(struct pace_keep *k, uint64_t *value, uint64_t least, uint64_t most)
{
	uint64_t *number = &k->number[k->at++];

	if (!k->load)
		*number = *value < least ? least : *value > most ? most : *value;
	else if (*number < least || *number > most)
		k->good = false;
	else
		*value = *number;
}

/* sched_ops.save, valid, load and same of pace. */
unsigned pace_keep_save(struct pace *p, uint64_t *values, uint64_t now);
bool pace_keep_valid(const uint64_t *values, unsigned n);
void pace_keep_load(struct pace *p, const uint64_t *values, uint64_t now);
bool pace_keep_same(const uint64_t *a, const uint64_t *b);

#endif
