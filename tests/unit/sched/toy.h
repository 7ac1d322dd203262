/* SPDX-License-Identifier: Apache-2.0 */
/*
 * toy.h - a toy disk under a scheduler, in virtual time: one head, a fixed cost to move it, a cost
 * for each sector; and submitters that keep some requests going. For shares, not for latencies of
 * any real drive.
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
	uint64_t until_ns; /* begins nothing any more; 0: goes on */
	/* What came of it. */
	uint64_t done_sectors, busy_ns, longest_wait_ns, first_done_ns;
	/* The toy's. */
	uint64_t next_sector, ready_ns[TOY_SLOTS];
	bool out[TOY_SLOTS];
};

struct toy {
	unsigned depth;	    /* requests that the disk takes, to serve them one by one */
	uint64_t seek_ns;   /* unless it begins where the last one ended */
	uint64_t sector_ns; /* 512 bytes */
};

/* Runs N submitters from 0 to END_NS on the open rig. */
void toy_run(const struct toy *toy, struct toy_submitter *subs, unsigned n, uint64_t end_ns);

#endif
