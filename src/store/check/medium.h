/* SPDX-License-Identifier: Apache-2.0 */
/*
 * medium.h - the superblocks and segment headers of a store that nobody has open, as they are on
 * the device. Recovery is not asked: what it would make of them is not of interest here.
 */
#ifndef STORE_CHECK_MEDIUM_H
#define STORE_CHECK_MEDIUM_H

#include <stdbool.h>
#include <stdint.h>

#include "store/format/header.h"
#include "store/format/strikes.h"
#include "store/format/super.h"
#include "store/io/io.h"

#define MEDIUM_TRIES 3 /* reads of a place before it counts as unreadable */

enum medium_state {
	MEDIUM_FREE,
	MEDIUM_USED,
	MEDIUM_DAMAGED,	   /* it was read, and is no header of this segment */
	MEDIUM_UNREADABLE, /* it could not be read */
};

struct medium_segment {
	struct header h;	 /* if it is free or used */
	uint8_t state;		 /* enum medium_state */
	bool out;		 /* the superblock says that it is out of use */
	bool aside;		 /* ... and that what its footer names counts */
	bool bad_strikes;	 /* its strikes were read, and are not valid */
	struct strikes *strikes; /* NULL: none */
};

/* A superblock copy. */
struct medium_copy {
	enum super_state state;
	uint64_t offset; /* 0 for copy 2: there is no place for one */
	struct super super;
};

struct medium {
	struct weir_queue *q;
	const struct layout *lay; /* of the superblock that counts */
	struct checksum_key key;
	struct medium_copy copy[2];
	struct super super; /* the copy that counts */
	struct medium_segment *seg;
	uint32_t *order; /* numbers of the used segments, log by log, the oldest first */
	uint32_t used;
	uint32_t headers, damaged; /* valid headers, and those that are none */
	struct generation newest;  /* the highest of all headers, free marks included */
};

/* Reads the superblocks and headers of the device of Q into M. Returns 0, or -errno with
 * weir_error() set if there is no store. */
int medium_read(struct medium *m, struct weir_queue *q);
void medium_free(struct medium *m);

/* Reads LENGTH bytes at OFFSET, and tries again if that fails. Returns 0 or -errno. */
int medium_fetch(struct weir_queue *q, uint64_t offset, void *buf, size_t length);

#endif
