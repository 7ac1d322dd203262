/* SPDX-License-Identifier: Apache-2.0 */
/*
 * toy.h - a toy disk below a scheduler, in virtual time: one head, a fixed cost to move it, a cost
 * for each sector; and submitters that keep some requests outstanding. Made for shares, not for
 * the latencies of any real drive.
 */
#ifndef TOY_H
#define TOY_H

#include "rig.h"

#define TOY_SLOTS 32

struct toy_submitter {
	uint16_t prio;
	uint8_t op, flags;
	bool random;
	uint32_t sectors; /* of a request */
	unsigned depth;	  /* at most TOY_SLOTS at once */
	uint64_t think_ns;
	uint64_t until_ns; /* sends no request after this time; 0: never stops */
	/* The results. */
	uint64_t done_sectors, busy_ns, longest_wait_ns, first_done_ns;
	/* Used by toy.c only. */
	uint64_t next_sector, ready_ns[TOY_SLOTS];
	bool out[TOY_SLOTS];
};

struct toy {
	unsigned depth;	    /* requests that the disk accepts; it serves them one by one */
	uint64_t seek_ns;   /* time of a seek, unless a request begins where the last one ended */
	uint64_t sector_ns; /* time for 512 bytes */
};

/* Runs N submitters from 0 to END_NS on the open rig. */
void toy_run(const struct toy *toy, struct toy_submitter *subs, unsigned n, uint64_t end_ns);

#endif
