/* SPDX-License-Identifier: Apache-2.0 */
/*
 * load.h - reads whole segments, the next one while the caller works on the one before.
 */
#ifndef STORE_CHECK_LOAD_H
#define STORE_CHECK_LOAD_H

#include "store/check/medium.h"

#define LOAD_BUFFERS 2u

struct load_buffer {
	uint8_t *bytes;
	struct weir_io *ios; /* one for each piece */
	uint32_t segment;
	uint32_t begun; /* pieces that were submitted */
	int err;	/* of submitting */
};

struct load {
	const struct medium *m;
	struct load_buffer buffer[LOAD_BUFFERS];
	uint32_t pieces;
	uint32_t next; /* the buffer that load_begin() takes */
};

/* Takes memory for LOAD_BUFFERS segments. Returns 0 or -ENOMEM. */
int load_init(struct load *l, const struct medium *m);
/* Begins to read SEGMENT. At most LOAD_BUFFERS are under way or in use. */
void load_begin(struct load *l, uint32_t segment);
/* Waits for SEGMENT, the one that was begun first. Returns its bytes, valid until the second
 * load_begin() from now; NULL: some of it cannot be read. */
const uint8_t *load_wait(struct load *l, uint32_t segment);
/* Waits for what is under way, and frees all memory. */
void load_free(struct load *l);

#endif
