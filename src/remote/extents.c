/* SPDX-License-Identifier: Apache-2.0 */
/* extents.c - see extents.h. */
#include "remote/extents.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

#define WORD_BITS 64u

static uint64_t grains_of(uint64_t bytes)
{
	return (bytes + EXTENTS_GRAIN - 1) / EXTENTS_GRAIN;
}

static uint64_t extents_words(const struct extents *m)
{
	return m->grains / WORD_BITS + 1;
}

static void extents_set(struct extents *m, uint64_t from, uint64_t n, bool used)
{
	for (uint64_t end = from + n; from < end;) {
		uint64_t bit = from % WORD_BITS, left = end - from;
		uint64_t take = WORD_BITS - bit < left ? WORD_BITS - bit : left;
		uint64_t mask = (take == WORD_BITS ? UINT64_MAX : (1ull << take) - 1) << bit;

		if (used)
			m->used[from / WORD_BITS] |= mask;
		else
			m->used[from / WORD_BITS] &= ~mask;
		from += take;
	}
}

/* Returns the first grain from FROM on that is used, or not used, as USED says; the number of
 * grains if there is none. */
static uint64_t extents_next(const struct extents *m, uint64_t from, bool used)
{
	while (from < m->grains) {
		uint64_t word = m->used[from / WORD_BITS];
		uint64_t bits = (used ? word : ~word) >> from % WORD_BITS;

		if (bits)
			return from + (uint64_t)__builtin_ctzll(bits);
		from += WORD_BITS - from % WORD_BITS;
	}
	return m->grains;
}

int extents_make(struct extents *m, uint64_t bytes)
{
	m->grains = bytes / EXTENTS_GRAIN;
	m->used = calloc(extents_words(m), sizeof(*m->used));
	if (!m->used)
		return -ENOMEM;
	extents_set(m, m->grains, extents_words(m) * WORD_BITS - m->grains, true);
	return 0;
}

uint64_t extents_take(struct extents *m, uint64_t bytes)
{
	uint64_t n = grains_of(bytes), from = 0;

	if (!n)
		return 0;
	while ((from = extents_next(m, from, false)) < m->grains) {
		uint64_t end = extents_next(m, from, true);

		if (end - from >= n) {
			extents_set(m, from, n, true);
			return from * EXTENTS_GRAIN;
		}
		from = end;
	}
	return EXTENTS_NONE;
}

void extents_give(struct extents *m, uint64_t offset, uint64_t bytes)
{
	extents_set(m, offset / EXTENTS_GRAIN, grains_of(bytes), false);
}

void extents_free(struct extents *m)
{
	free(m->used);
	m->used = NULL;
}
