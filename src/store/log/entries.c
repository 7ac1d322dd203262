/* SPDX-License-Identifier: Apache-2.0 */
/*
 * entries.c - changes the index, and counts its entries by log and by segment.
 *
 * Every change of a store's index is made here, so that the counts are always right. The live bytes
 * of a segment tell how much of it is garbage. This file runs on the loop's thread, or in recovery
 * before there is a loop.
 */
#include <stdlib.h>

#include "base/check.h"
#include "store/log/index_read.h"
#include "store/log/logs.h"

bool logs_find(const struct logs *ls, const uint64_t hash[2], struct index_value *value)
{
	return index_get(&ls->index, hash, value);
}

int logs_peek(const struct logs *ls, const uint64_t hash[2], struct index_value *value)
{
	return index_peek(&ls->index, hash, value);
}

void logs_prefetch(const struct logs *ls, const uint64_t (*hash)[2], size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		index_prefetch_head(&ls->index, hash[i]);
	for (i = 0; i < n; i++)
		index_prefetch_entry(&ls->index, hash[i]);
}

void logs_touch(struct logs *ls, const uint64_t hash[2], const struct index_value *value)
{
	struct index_value now;

	if (!(value->flags & INDEX_READ))
		(void)index_set_flags(&ls->index, hash, INDEX_READ, 0, &now);
}

struct segment *logs_segment_of(const struct logs *ls, const struct index_value *value)
{
	uint32_t n = layout_position_segment(ls->io->lay, value->position);

	CHECK(n < ls->segs.count);
	return &ls->segs.all[n];
}

uint32_t logs_stream_of(const struct segment *seg)
{
	CHECK(seg->log);
	return seg->log->stream;
}

struct log *entries_log(const struct logs *ls, const uint64_t hash[2])
{
	struct index_value value;

	return index_get(&ls->index, hash, &value) ? logs_segment_of(ls, &value)->log : NULL;
}

static void entries_gone(const struct logs *ls, const struct index_value *value)
{
	struct segment *seg = logs_segment_of(ls, value);
	struct log *l = seg->log;

	CHECK(l && l->entries > 0 && l->live_bytes >= value->length);
	l->entries--;
	l->live_bytes -= value->length;
	l->live_blocks -= layout_blocks(ls->io->lay, value->length);
	segment_remove_live(ls->io->lay, seg, value->length);
}

int entries_set(struct logs *ls, const uint64_t hash[2], const struct index_value *value)
{
	struct segment *seg = logs_segment_of(ls, value);
	struct index_value old;
	int err = index_replace(&ls->index, hash, value, &old);

	if (err < 0)
		return err;
	if (err)
		entries_gone(ls, &old);
	CHECK(seg->log);
	seg->log->entries++;
	seg->log->live_bytes += value->length;
	seg->log->live_blocks += layout_blocks(ls->io->lay, value->length);
	segment_add_live(ls->io->lay, seg, value->length);
	if (err && old.flags & INDEX_PINNED)
		hold_resize(ls, hash, value->length);
	return 0;
}

bool entries_remove(struct logs *ls, const uint64_t hash[2])
{
	struct index_value value;

	if (!index_remove(&ls->index, hash, &value))
		return false;
	entries_gone(ls, &value);
	hold_forget(ls, hash, &value);
	return true;
}

void entries_mark_damaged(struct logs *ls, const uint64_t hash[2], uint64_t position)
{
	struct index_value now;

	/* A newer value may have been put since the damaged one was read. */
	if (!logs_find(ls, hash, &now) || now.position != position)
		return;
	/* This thread changes the index itself, so this does not fail for a change under way. */
	CHECK(index_set_flags(&ls->index, hash, INDEX_DAMAGED, 0, &now) >= 0);
}

/* The entries in the positions of a segment, for a function. */
struct entries_range {
	uint64_t from, to;
	void (*fn)(const uint64_t hash[2], const struct index_value *value, void *user);
	void *user;
};

static void entries_if_in(const uint64_t hash[2], const struct index_value *value, void *user)
{
	const struct entries_range *range = user;

	if (value->position >= range->from && value->position < range->to)
		range->fn(hash, value, range->user);
}

void logs_each_in(const struct logs *ls, const struct segment *seg,
		  void (*fn)(const uint64_t hash[2], const struct index_value *value, void *user),
		  void *user)
{
	const struct layout *lay = ls->io->lay;
	uint64_t from = layout_position(lay, seg->number, 0);
	struct entries_range range = { from, from + lay->segment_blocks, fn, user };

	if (seg->live_bytes)
		index_each(&ls->index, entries_if_in, &range);
}

static void entries_stay_one(const uint64_t hash[2], const struct index_value *value, void *user)
{
	(void)value;
	hold_stay(user, hash);
}

void entries_stay(struct logs *ls, const struct segment *seg)
{
	logs_each_in(ls, seg, entries_stay_one, ls);
}

/* The entries that a segment loses. */
struct entries_lost {
	struct logs *ls;
	uint64_t from, to; /* positions */
	enum weir_leave reason;
};

/* Counts an entry that has left with its segment, and tells the reason. */
static void entries_lose(const struct entries_lost *lost, const uint64_t hash[2], uint16_t flags)
{
	enum weir_leave reason = flags & INDEX_DAMAGED ? WEIR_LEAVE_DAMAGED : lost->reason;

	lost->ls->evicted_entries++;
	lost->ls->damaged_entries += reason == WEIR_LEAVE_DAMAGED;
	leave_note(lost->ls, hash, NULL, 0, reason);
}

/* Removes HASH if its value is at POSITION. */
static void entries_lose_at(const struct entries_lost *lost, const uint64_t hash[2],
			    uint64_t position)
{
	struct logs *ls = lost->ls;
	struct index_value value;

	if (!index_get(&ls->index, hash, &value) || value.position != position)
		return;
	entries_remove(ls, hash);
	entries_lose(lost, hash, value.flags);
}

static void entries_lose_if(const uint64_t hash[2], const struct index_value *value, void *user)
{
	const struct entries_lost *lost = user;

	if (value->position < lost->from || value->position >= lost->to)
		return;
	hold_break(lost->ls, hash);
	entries_lose(lost, hash, value->flags);
}

/* Removes all entries of SEG. It looks at the whole index. */
static void entries_sweep(struct entries_lost *lost, struct segment *seg)
{
	struct logs *ls = lost->ls;
	uint64_t bytes = ls->index.live_bytes, removed;

	index_each(&ls->index, entries_lose_if, lost);
	removed = index_sweep(&ls->index, lost->from, lost->to);
	bytes -= ls->index.live_bytes;
	CHECK(seg->log->entries >= removed && seg->log->live_bytes >= bytes);
	CHECK(seg->live_bytes == bytes && seg->log->live_blocks >= seg->live_blocks);
	seg->log->entries -= removed;
	seg->log->live_bytes -= bytes;
	seg->log->live_blocks -= seg->live_blocks;
	segment_clear_live(seg);
}

bool entries_footer(const struct logs *ls, const struct segment *seg, struct footer *f,
		    const void *buf, size_t bytes)
{
	const struct layout *lay = ls->io->lay;
	const uint8_t *last = (const uint8_t *)buf + bytes - lay->block_bytes;

	return footer_peek(f, last, seg->number, seg->gen, lay) == FOOTER_VALID &&
	       f->blocks == seg->footer_blocks && footer_check(f, buf, lay, &ls->io->key);
}

/* Removes the entries that the footer of SEG names (BYTES at BUF), if they are still the newest.
 * Returns false if this is not its footer. */
static bool entries_drop_by_footer(const struct entries_lost *lost, const struct segment *seg,
				   const void *buf, size_t bytes)
{
	const struct disk_entry *disk = buf;
	struct footer_entry e;
	struct footer f;

	if (!entries_footer(lost->ls, seg, &f, buf, bytes))
		return false;
	for (uint32_t n = 0; n < f.count; n++) {
		footer_entry_decode(&e, &disk[n]);
		if (!(e.flags & DISK_TOMBSTONE))
			entries_lose_at(lost, e.hash, lost->from + e.block);
	}
	return true;
}

/* Law no-strays (entries_lose_at): no entry of the index points into a segment that is free. */
void entries_drop(struct logs *ls, struct segment *seg, const void *footer, size_t bytes,
		  enum weir_leave reason)
{
	const struct layout *lay = ls->io->lay;
	uint64_t from = layout_position(lay, seg->number, 0);
	struct entries_lost lost = { ls, from, from + lay->segment_blocks, reason };

	if (!seg->live_bytes)
		return;
	/* Entries that were left here would point into the segment's next contents. */
	if (!footer || !entries_drop_by_footer(&lost, seg, footer, bytes) || seg->live_bytes)
		entries_sweep(&lost, seg);
}

/* The entries and live bytes, counted again from the index. */
struct entries_counts {
	const struct logs *ls;
	uint64_t *live;
	uint64_t entries[DISK_STREAMS], bytes[DISK_STREAMS];
};

static void entries_count(const uint64_t hash[2], const struct index_value *value, void *user)
{
	struct entries_counts *c = user;
	const struct segment *seg = logs_segment_of(c->ls, value);

	(void)hash;
	c->live[seg->number] += value->length;
	c->entries[seg->log->stream]++;
	c->bytes[seg->log->stream] += value->length;
}

bool entries_check(const struct logs *ls)
{
	struct entries_counts c = { .ls = ls, .live = calloc(ls->segs.count, sizeof(*c.live)) };
	bool right = c.live != NULL;
	const struct log *l;
	uint32_t i;

	if (!c.live)
		return false;
	index_each(&ls->index, entries_count, &c);
	for (i = 0; i < ls->segs.count; i++)
		right = right && c.live[i] == ls->segs.all[i].live_bytes;
	LOGS_FOREACH(ls, l, i)
	right = right && c.entries[i] == l->entries && c.bytes[i] == l->live_bytes;
	free(c.live);
	return right;
}
