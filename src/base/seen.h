/* SPDX-License-Identifier: Apache-2.0 */
/*
 * seen.h - remembers which keys were seen lately: a table of short hashes of a fixed size.
 */
#ifndef SEEN_H
#define SEEN_H

#include <stdbool.h>
#include <stdint.h>

#define SEEN_BUCKET 16u		/* hashes; one line of the processor's cache */
#define SEEN_BUCKETS (1u << 16) /* so 1,048,576 keys in 4 MiB */

struct seen {
	uint32_t (*bucket)[SEEN_BUCKET]; /* the newest hash first; NULL: there is no table */
};

/* Makes the table, unless there is one. Returns 0 or -ENOMEM. */
int seen_init(struct seen *seen);
void seen_free(struct seen *seen);
/* Notes the key with HASH, and returns true if it was seen before. Once in 250 million it is taken
 * for another key. */
bool seen_note(const struct seen *seen, uint64_t hash);

#endif
