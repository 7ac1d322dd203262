/* SPDX-License-Identifier: Apache-2.0 */
/*
 * seen.c - remembers which keys were seen lately. Owns struct seen; the caller's thread.
 *
 * A bucket is a list, and a hash that is seen again moves to its front. So the one that was not
 * seen for the longest time is forgotten first.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/seen.h"

int seen_init(struct seen *seen)
{
	/* Pages that nothing was written to take no memory. */
	if (!seen->bucket)
		seen->bucket = calloc(SEEN_BUCKETS, sizeof(*seen->bucket));
	return seen->bucket ? 0 : -ENOMEM;
}

void seen_free(struct seen *seen)
{
	free(seen->bucket);
	seen->bucket = NULL;
}

bool seen_note(const struct seen *seen, uint64_t hash)
{
	uint32_t *bucket = seen->bucket[hash % SEEN_BUCKETS];
	uint32_t mark = (uint32_t)(hash >> 32), n;
	bool found;

	/* 0 is an empty place. */
	mark += !mark;
	for (n = 0; n < SEEN_BUCKET - 1 && bucket[n] != mark; n++)
		;
	found = bucket[n] == mark;
	memmove(bucket + 1, bucket, n * sizeof(*bucket));
	bucket[0] = mark;
	return found;
}
