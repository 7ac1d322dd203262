/* SPDX-License-Identifier: Apache-2.0 */
/*
 * load.h - submitters that never stop, and a drive that serves one request after another: it
 * measures the share of each. It uses the rig; time advances in steps, so every run is the same.
 */
#ifndef LOAD_H
#define LOAD_H

#include "rig.h"

#define LOAD_MAX 1100
#define LOAD_IDS 4000

/* One submitter. */
struct load {
	uint32_t submitter;
	uint16_t prio;
	uint8_t op, flags;
	uint32_t nr[2]; /* two sizes of its requests in sectors, chosen at random */
	bool sequential;
	unsigned backlog;  /* number of requests that it always has outstanding */
	uint64_t think_ns; /* time from a completion to the next request */
	/* 0: it never stops; otherwise it sends for this time, then pauses */
	uint64_t active_ns, pause_ns;
	/* The results. */
	uint64_t sectors, ended;
	uint64_t longest_ns; /* longest time between two dispatches */
	/* Used by load.c only. */
	uint64_t next_sector, last_ns;
	unsigned has;
	struct {
		uint64_t due;
	} later[64];
	unsigned nr_later;
};

struct drive {
	/* time of a request: a fixed part and a part for each sector */
	uint64_t fixed_ns, sector_ns;
	/* additional time if a request does not begin where the last one ended */
	uint64_t seek_ns;
	unsigned depth;
};

extern struct load load[LOAD_MAX];
extern unsigned loads;
extern uint64_t load_now;

/* Called after each dispatch, with the number of the load and the sectors; may be NULL. */
extern void (*load_served)(unsigned of, uint64_t sectors);

/* Removes all loads, and seeds the random numbers. */
void load_reset(uint64_t seed);
/* Returns a random number below N. */
uint64_t load_pick(uint64_t n);
/*
 * Adds a submitter that always has 8 random reads of 4 KiB waiting. A test changes what it needs.
 */
struct load *load_add(uint16_t prio);
/* Runs all loads on DRIVE for NS. */
void load_run(const struct drive *drive, uint64_t ns);
/* Returns true if the load has a request that waits or is in the drive. */
bool load_backlogged(unsigned of);

#endif
