/* SPDX-License-Identifier: Apache-2.0 */
/*
 * entries.c - the index and the books about it: how much of it lives in which log.
 *
 * Whoever changes the index of a store does it here. The loop's thread, or recovery before it.
 */
#include "store/impl.h"

static struct log *entries_where(const struct weir_store *s, const struct index_value *value)
{
	return s->segments[layout_position_segment(s->lay, value->position)].log;
}

struct log *entries_log(struct weir_store *s, const uint64_t hash[2])
{
	struct index_value value;

	return index_get(&s->index, hash, &value) ? entries_where(s, &value) : NULL;
}

static void entries_gone(const struct weir_store *s, const struct index_value *value)
{
	struct log *l = entries_where(s, value);

	l->entries--;
	l->live_bytes -= value->length;
}

int entries_set(struct weir_store *s, const uint64_t hash[2], const struct index_value *value)
{
	struct log *l = entries_where(s, value);
	struct index_value old;
	bool replaces = index_get(&s->index, hash, &old);
	int err = index_set(&s->index, hash, value);

	if (err)
		return err;
	if (replaces)
		entries_gone(s, &old);
	l->entries++;
	l->live_bytes += value->length;
	return 0;
}

bool entries_remove(struct weir_store *s, const uint64_t hash[2])
{
	struct index_value value;

	if (!index_get(&s->index, hash, &value))
		return false;
	entries_gone(s, &value);
	return index_remove(&s->index, hash);
}

bool entries_remove_at(struct weir_store *s, const uint64_t hash[2], uint64_t position)
{
	struct index_value value;

	if (!index_get(&s->index, hash, &value) || value.position != position)
		return false;
	entries_gone(s, &value);
	return index_remove(&s->index, hash);
}

uint64_t entries_sweep(struct weir_store *s, const struct segment *seg)
{
	uint64_t from = layout_position(s->lay, seg->number, 0), bytes = s->index.live_bytes;
	uint64_t removed = index_sweep(&s->index, from, from + s->lay->segment_blocks);

	seg->log->entries -= removed;
	seg->log->live_bytes -= bytes - s->index.live_bytes;
	return removed;
}
