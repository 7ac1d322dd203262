/* SPDX-License-Identifier: Apache-2.0 */
/*
 * walk.h - reads a segment without a footer, batch by batch.
 */
#ifndef WALK_H
#define WALK_H

#include "store/recover/recover.h"

/* What a walk found. */
struct walk_result {
	uint32_t batches;
	uint64_t skipped;   /* blocks between batches that belong to no batch */
	struct logpos mark; /* the highest durable watermark */
	uint64_t sequence;  /* the highest sequence number */
};

/*
 * Reads the batches of SEG, and sets its `entries` (for a new footer), `used` and `end`. It blocks,
 * and runs before the loop knows the store. Returns 0, -ENOMEM, or the error of a read; sets
 * weir_error().
 */
int walk_segment(struct store_io *io, struct segment *seg, struct walk_result *result);

#endif
