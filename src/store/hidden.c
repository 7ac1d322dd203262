/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hidden.c - counts the entries that a listing cannot name, as hidden.h explains. Owns the gaps.
 */
#include <errno.h>
#include <stdlib.h>

#include "base/check.h"
#include "store/hidden.h"

void hidden_free(struct hidden *h)
{
	free(h->gaps);
}

static int hidden_grow(struct hidden *h)
{
	uint32_t room = h->room ? 2 * h->room : 16;
	struct hidden_gap *gaps = realloc(h->gaps, room * sizeof(*gaps));

	if (!gaps)
		return -ENOMEM;
	h->gaps = gaps;
	h->room = room;
	return 0;
}

int hidden_miss(struct hidden *h, uint32_t block, bool unread)
{
	if (!h->open) {
		if (h->count == h->room && hidden_grow(h))
			return -ENOMEM;
		h->gaps[h->count++] = (struct hidden_gap){ block, block, false };
		h->open = true;
	}
	h->gaps[h->count - 1].unread |= unread;
	return 0;
}

void hidden_end_gap(struct hidden *h, uint32_t block)
{
	if (!h->open)
		return;
	CHECK(block > h->gaps[h->count - 1].from);
	h->gaps[h->count - 1].to = block;
	h->open = false;
}

/* The entries of one segment. */
struct hidden_entries {
	struct hidden *h;
	uint64_t start; /* position of the segment */
};

static int hidden_compare(const void *key, const void *member)
{
	const struct hidden_gap *gap = member;
	uint32_t block = *(const uint32_t *)key;

	return block < gap->from ? -1 : block >= gap->to;
}

static void hidden_entry(const uint64_t hash[2], const struct index_value *value, void *user)
{
	const struct hidden_entries *e = user;
	struct hidden *h = e->h;
	uint32_t block = (uint32_t)(value->position - e->start);
	const struct hidden_gap *gap =
		bsearch(&block, h->gaps, h->count, sizeof(*h->gaps), hidden_compare);

	(void)hash;
	if (gap && gap->unread)
		h->unread++;
	else if (gap)
		h->damaged++;
}

void hidden_count(struct hidden *h, const struct logs *ls, const struct layout *lay,
		  const struct segment *seg)
{
	struct hidden_entries e = { h, layout_position(lay, seg->number, 0) };

	CHECK(!h->open);
	if (h->count)
		logs_each_in(ls, seg, hidden_entry, &e);
	h->count = 0;
}

void hidden_forget(struct hidden *h)
{
	h->count = 0;
	h->open = false;
}
