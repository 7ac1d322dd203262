/* SPDX-License-Identifier: Apache-2.0 */
/*
 * extents.h - which parts of the shared memory are in use. One thread owns them.
 *
 * A bit for each 4 KiB, and the first place that is long enough: so the memory that is touched
 * stays small while little is under way.
 */
#ifndef REMOTE_EXTENTS_H
#define REMOTE_EXTENTS_H

#include <stdint.h>

#define EXTENTS_GRAIN 4096u
#define EXTENTS_NONE UINT64_MAX

struct extents {
	uint64_t *used; /* a bit a grain; those behind the last grain are set */
	uint64_t grains;
};

/* Makes BYTES that are all free. Returns 0 or -ENOMEM. */
int extents_make(struct extents *m, uint64_t bytes);

/* Takes BYTES in one piece; returns where they begin, a multiple of EXTENTS_GRAIN, or EXTENTS_NONE.
 * 0 bytes are at 0 and take nothing. */
uint64_t extents_take(struct extents *m, uint64_t bytes);

/* Gives back what extents_take() gave for BYTES. */
void extents_give(struct extents *m, uint64_t offset, uint64_t bytes);

void extents_free(struct extents *m);

#endif
