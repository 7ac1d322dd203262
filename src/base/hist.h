/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hist.h - a latency histogram: log-linear buckets, 32 for each power of two. All zeroes is an
 * empty histogram.
 *
 * One thread records; any thread may read at any time (relaxed atomics, which cost nothing on the
 * machines we know). A reader may see half of a record; the next time it sees all of it.
 */
#ifndef HIST_H
#define HIST_H

#include <stdint.h>

#include <weir/base.h>

#define HIST_SUB_BITS 5
#define HIST_SUB (1u << HIST_SUB_BITS)
/* Values of 2^40 ns (18 min) and more share the last bucket. */
#define HIST_MAX_BITS 40
#define HIST_BUCKETS ((HIST_MAX_BITS - HIST_SUB_BITS + 1) * HIST_SUB)

struct hist {
	uint64_t sum, max;
	uint64_t min_inverted; /* ~minimum, so that all zeroes is an empty histogram */
	uint64_t bucket[HIST_BUCKETS];
};

/* Returns the bucket that VALUE falls into. */
static inline uint32_t hist_bucket(uint64_t value)
{
	uint32_t shift;

	if (value < HIST_SUB)
		return (uint32_t)value;
	if (value >> HIST_MAX_BITS)
		return HIST_BUCKETS - 1;
	shift = 63u - (uint32_t)__builtin_clzll(value) - HIST_SUB_BITS;
	return (shift << HIST_SUB_BITS) + (uint32_t)(value >> shift);
}

/* Adds N to a counter that one thread writes and others may read. */
static inline void hist_add(uint64_t *counter, uint64_t n)
{
	__atomic_store_n(counter, __atomic_load_n(counter, __ATOMIC_RELAXED) + n, __ATOMIC_RELAXED);
}

/* Records VALUE. Owner only. */
static inline void hist_record(struct hist *h, uint64_t value)
{
	hist_add(&h->bucket[hist_bucket(value)], 1);
	hist_add(&h->sum, value);
	if (value > __atomic_load_n(&h->max, __ATOMIC_RELAXED))
		__atomic_store_n(&h->max, value, __ATOMIC_RELAXED);
	if (~value > __atomic_load_n(&h->min_inverted, __ATOMIC_RELAXED))
		__atomic_store_n(&h->min_inverted, ~value, __ATOMIC_RELAXED);
}

/* Adds the values of FROM to INTO, which the caller owns. */
void hist_merge(struct hist *into, const struct hist *from);

/* Returns the value in the middle of those that fall into bucket I. */
uint64_t hist_middle(uint32_t i);

/* Returns the smallest value that at least PERMILLE of 1000 recorded values do not exceed. It is
 * the upper end of a bucket, but never above the maximum. 0 if there are no values. */
uint64_t hist_permille(const struct hist *h, uint32_t permille);

/* Does the same for PART of WHOLE recorded values: 9999 of 10000. */
uint64_t hist_quantile(const struct hist *h, uint32_t part, uint32_t whole);

/* Fills in OUT, the statistics for users, from H. */
void hist_summary(const struct hist *h, struct weir_latency *out);

#endif
