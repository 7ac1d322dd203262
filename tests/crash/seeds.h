/* SPDX-License-Identifier: Apache-2.0 */
/*
 * seeds.h - the states of a store from which programs begin.
 */
#ifndef CRASH_SEEDS_H
#define CRASH_SEEDS_H

#include "run.h"

struct seed {
	const char *name;
	uint32_t devices, segments;    /* segments: of each device */
	void (*make)(struct run *run); /* begins with an open, empty store; NULL: that is all */
};

extern const struct seed seeds[];
extern const unsigned seed_count;
/* Returns how many of them are on one device: the first ones. */
unsigned seed_count_single(void);

/* Makes the state on the drive. RUN was zeroed; afterwards its store is closed, its cache holds the
 * image, and its model what is in it. Returns false if something was wrong. */
bool seed_make(struct run *run, const struct seed *seed);

#endif
