/* SPDX-License-Identifier: Apache-2.0 */
/*
 * learned_text.h - what schedulers have learned as lines of text: who learned it, of which device
 * and when, the numbers of each lane, and a checksum.
 *
 *     weir-learned 1
 *     scheduler pace 1                    with the version of its numbers
 *     device block 254:0, 1000204886016 bytes
 *     lanes 2                             of the queue
 *     saved 1790000000                    seconds since 1970
 *     lane 0 120 81920 ...                its number, how many follow, and these
 *     checksum 0123456789abcdef           of all lines above
 *
 * Owns nothing; any thread.
 */
#ifndef QUEUE_LEARNED_TEXT_H
#define QUEUE_LEARNED_TEXT_H

#include "queue/lane/lane.h"

struct learned_text {
	const struct sched_ops *ops;
	const struct weir_device *device;
	uint32_t lanes;
	uint64_t wall_ns;  /* clock_wall() */
	uint64_t saved_ns; /* when it was learned; reading sets it */
	struct learned *lane;
};

/* Writes T as text to *TEXT, which the caller frees. Returns 0 or -ENOMEM with words. */
int learned_text_write(const struct learned_text *t, char **text, size_t *length);

/* Reads LENGTH bytes of TEXT to the lanes of T, which says what is expected. Returns 0, or -errno
 * with words as weir_queue_load_state() does. */
int learned_text_read(struct learned_text *t, const char *text, size_t length);

#endif
