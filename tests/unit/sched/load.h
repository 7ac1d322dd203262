/* SPDX-License-Identifier: Apache-2.0 */
/*
 * load.h - submitters that send without end, and a drive that serves one request after another:
 * who gets how much of it. On top of the rig; time is stepped, so that every run is the same.
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
	uint32_t nr[2]; /* sectors of its requests, in turn at random */
	bool sequential;
	unsigned backlog;	      /* requests that it has at any time */
	uint64_t think_ns;	      /* from an answer to the next request */
	uint64_t active_ns, pause_ns; /* 0: it never stops; else it sends so long, then not */
	/* What came of it. */
	uint64_t sectors, ended;
	uint64_t longest_ns; /* from one dispatch to the next */
	/* Its own. */
	uint64_t next_sector, last_ns;
	unsigned has;
	struct {
		uint64_t due;
	} later[64];
	unsigned nr_later;
};

struct drive {
	uint64_t fixed_ns, sector_ns; /* what a request takes */
	uint64_t seek_ns;	      /* more, if it is not where the last one ended */
	unsigned depth;
};

extern struct load load[LOAD_MAX];
extern unsigned loads;
extern uint64_t load_now;

/* Called after each dispatch, with the load and its sectors; may be NULL. */
extern void (*load_served)(unsigned of, uint64_t sectors);

/* Forgets all loads, and seeds the dice. */
void load_reset(uint64_t seed);
/* A number below N. */
uint64_t load_pick(uint64_t n);
/* A submitter that always has 8 random reads of 4 KiB waiting; change what differs. */
struct load *load_add(uint16_t prio);
/* Lets all of them run on DRIVE for so long. */
void load_run(const struct drive *drive, uint64_t ns);
/* The load has work for the drive: a request that waits or is there. */
bool load_backlogged(unsigned of);

#endif
