/* SPDX-License-Identifier: Apache-2.0 */
/*
 * narrow.h - how much is in the drive while gets come beside puts.
 *
 * What the drive has of the puts when a get comes is in front of the get, and no scheduler can
 * change that. So while the two are mixed, the drive has half of depth_bytes at a time, whatever it
 * is of. After a get others are expected: the window stays small for a number of bytes of puts, not
 * for a time, because a slow drive has more time between two gets.
 */
#ifndef STORE_LOG_NARROW_H
#define STORE_LOG_NARROW_H

#include <stdint.h>

struct logs;

struct narrow {
	uint64_t left; /* bytes of puts until the last get is forgotten */
};

/* A batch with BYTES of puts goes to the queue. */
void narrow_put(struct logs *ls, uint64_t bytes);
/* The queue has no batch with puts any more. */
void narrow_end(struct logs *ls);

#endif
