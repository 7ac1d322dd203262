/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hidden.h - counts the entries that a listing cannot name.
 *
 * Keys are only in the batch headers. If a header is damaged or cannot be read, its entries are in
 * the index all the same, from the footer. A listing notes the blocks between two valid batches as
 * a gap; the entries whose values lie there are hidden. The loop owns struct hidden during a step.
 */
#ifndef STORE_HIDDEN_H
#define STORE_HIDDEN_H

#include <stdbool.h>
#include <stdint.h>

#include "store/log/log.h"

/* Blocks [from, to) of a segment in which no batch header was found. */
struct hidden_gap {
	uint32_t from, to;
	bool unread; /* a block of it could not be read */
};

struct hidden {
	uint64_t damaged, unread; /* entries of the segments so far */
	struct hidden_gap *gaps;  /* of this segment, in order */
	uint32_t count, room;
	bool open; /* the last gap has no end yet */
};

void hidden_free(struct hidden *h);
/* Notes that no header was found at BLOCK; UNREAD: because it cannot be read. Returns 0 or
 * -ENOMEM. */
int hidden_miss(struct hidden *h, uint32_t block, bool unread);
/* Notes that a header was found at BLOCK, or that the segment ends there. */
void hidden_end_gap(struct hidden *h, uint32_t block);
/* Counts the entries of SEG in its gaps, and forgets these. It looks at the whole index if there is
 * a gap. */
void hidden_count(struct hidden *h, const struct logs *ls, const struct layout *lay,
		  const struct segment *seg);
/* Forgets the gaps of a segment that is gone. */
void hidden_forget(struct hidden *h);

#endif
