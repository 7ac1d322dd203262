/* SPDX-License-Identifier: Apache-2.0 */
/*
 * registry.h - the table of registered memory of a queue. All of it is under the queue's lock.
 *
 * memory.c adds ranges and removes them; each lane notes in `known` what it has of each piece.
 */
#ifndef REGISTRY_H
#define REGISTRY_H

#include "queue/lane/queue.h"

/* io_uring registers at most so many bytes as one buffer. */
#define PIECE_MAX (1ull << 30)

/* A piece of memory that an engine registers as one buffer. Its place in the table is the
 * buffer's number. */
struct piece {
	uintptr_t base;
	size_t length;
	uint32_t serial; /* of the change that brought it; 0: the place is free */
	uint32_t range;	 /* that it is of, by place */
	bool leaving;
};

/* A range of memory that the program registered. */
struct range {
	uintptr_t base;
	size_t length;
	uint32_t users;	 /* how often it is registered; 0: leaving, or free */
	uint32_t pieces; /* that are in the table */
	int error;	 /* of the first lane that failed, and its words */
	char reason[160];
};

/* What a lane has registered of the piece in one place of the table. */
struct lane_piece {
	uint32_t serial; /* the piece's, when it was taken; 0: none */
	int32_t result;
};

struct registry {
	struct piece piece[REGISTERED_MAX];
	struct range range[REGISTERED_MAX];
	uint32_t nr_pieces, nr_ranges; /* places that were ever used; nr_pieces is an atomic */
	struct lane_piece known[];     /* REGISTERED_MAX for each lane */
};

#endif
