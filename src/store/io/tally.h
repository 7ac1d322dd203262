/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tally.h - counts operations for metrics: how long those of each stream took, and why keys were
 * missed.
 *
 * The loop counts puts and gets; any thread counts what it looked up. Any thread may read at any
 * time: all counters are atomics. io_free() frees what a tally has.
 */
#ifndef STORE_IO_TALLY_H
#define STORE_IO_TALLY_H

#include <stddef.h>
#include <stdint.h>

#include <weir/store.h>

#include "base/hist.h"
#include "store/format/format.h"

/* Why a get or a lookup did not find its key: enum weir_leave, or one of these. */
enum tally_miss {
	TALLY_UNKNOWN = 0, /* never put, or forgotten since it left */
	/* A lookup of a key behind the first one of its call that was missed. */
	TALLY_AFTER_GAP = WEIR_LEAVE_OUT_OF_USE + 1,
	TALLY_FAILED,	 /* a get: an io failed, or something else went wrong */
	TALLY_WITHDRAWN, /* a get: cancelled, or its deadline came */
	TALLY_TOO_SMALL, /* a get: the value is longer than the room for it */
	TALLY_MISSES,	 /* how many there are */
};

/* The puts and gets of a stream that ended well. */
struct tally_stream {
	uint64_t put_bytes, get_bytes;
	struct hist put, get; /* submitted -> ended */
};

struct tally {
	/* 18 KiB each. NULL: there is no such stream. The pointers are atomics. */
	struct tally_stream *stream[DISK_STREAMS];
	uint64_t misses[TALLY_MISSES];
	uint64_t failed_puts; /* without those of keys that are there already (IF_ABSENT) */
	uint64_t lookup_hits, lookup_misses[TALLY_MISSES];
};

/* Makes the counters of STREAM, unless there are some. Returns 0 or -ENOMEM. */
int tally_make(struct tally *t, uint32_t stream);
void tally_free(struct tally *t);
/* Returns the counters of STREAM, or NULL. Any thread. */
const struct tally_stream *tally_of(const struct tally *t, uint32_t stream);

/* Counts a put or get of STREAM, of BYTES, that has ended with RESULT after NS. Loop only. A get
 * that ends with -ENOENT is counted by tally_miss(), which knows the reason. */
void tally_put(struct tally *t, uint32_t stream, uint64_t bytes, uint64_t ns, int result);
void tally_get(struct tally *t, uint32_t stream, uint64_t bytes, uint64_t ns, int result);
/* Counts a get of a key that is not there. REASON is 0 or an enum weir_leave. Loop only. */
void tally_miss(struct tally *t, uint32_t reason);
/* Counts a call that looked up keys: HITS are there, MISSES are not, and the first of these is not
 * there for REASON, which is 0 or an enum weir_leave. Any thread. */
void tally_lookup(struct tally *t, uint64_t hits, uint64_t misses, uint32_t reason);

#endif
