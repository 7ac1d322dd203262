/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hist.c - computes statistics of histograms. It may read while another thread records.
 */
#include <string.h>

#include "base/hist.h"

static uint64_t hist_load(const uint64_t *counter)
{
	return __atomic_load_n(counter, __ATOMIC_RELAXED);
}

static void hist_raise(uint64_t *to, uint64_t value)
{
	if (value > *to)
		__atomic_store_n(to, value, __ATOMIC_RELAXED);
}

void hist_merge(struct hist *into, const struct hist *from)
{
	for (uint32_t i = 0; i < HIST_BUCKETS; i++)
		hist_add(&into->bucket[i], hist_load(&from->bucket[i]));
	hist_add(&into->sum, hist_load(&from->sum));
	hist_raise(&into->max, hist_load(&from->max));
	hist_raise(&into->min_inverted, hist_load(&from->min_inverted));
}

static uint64_t hist_count(const struct hist *h)
{
	uint64_t count = 0;

	for (uint32_t i = 0; i < HIST_BUCKETS; i++)
		count += hist_load(&h->bucket[i]);
	return count;
}

/* Returns the largest value that falls into bucket I. */
static uint64_t hist_upper_end(uint32_t i)
{
	uint32_t shift;

	if (i < HIST_SUB)
		return i;
	if (i == HIST_BUCKETS - 1)
		return UINT64_MAX;
	shift = (i >> HIST_SUB_BITS) - 1;
	return ((uint64_t)(i - (shift << HIST_SUB_BITS) + 1) << shift) - 1;
}

uint64_t hist_middle(uint32_t i)
{
	uint32_t shift = i < HIST_SUB ? 0 : (i >> HIST_SUB_BITS) - 1;

	return ((uint64_t)(i - (shift << HIST_SUB_BITS)) << shift) + ((1ull << shift) / 2);
}

uint64_t hist_permille(const struct hist *h, uint32_t permille)
{
	return hist_quantile(h, permille, 1000);
}

uint64_t hist_quantile(const struct hist *h, uint32_t part, uint32_t whole)
{
	uint64_t count = hist_count(h), rank, seen = 0, end, max;
	uint32_t i = 0;

	if (!count)
		return 0;
	rank = (uint64_t)(((unsigned __int128)count * part + whole - 1) / whole);
	if (!rank)
		rank = 1;
	while (i < HIST_BUCKETS - 1 && (seen += hist_load(&h->bucket[i])) < rank)
		i++;
	end = hist_upper_end(i);
	max = hist_load(&h->max);
	return end < max ? end : max;
}

void hist_summary(const struct hist *h, struct weir_latency *out)
{
	memset(out->reserved, 0, sizeof(out->reserved));
	out->count = hist_count(h);
	out->sum_ns = hist_load(&h->sum);
	out->min_ns = out->count ? ~hist_load(&h->min_inverted) : 0;
	out->max_ns = hist_load(&h->max);
	out->p50_ns = hist_permille(h, 500);
	out->p90_ns = hist_permille(h, 900);
	out->p99_ns = hist_permille(h, 990);
	out->p999_ns = hist_permille(h, 999);
}
