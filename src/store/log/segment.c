/* SPDX-License-Identifier: Apache-2.0 */
/*
 * segment.c - segments: their states, their lists, and what is in them.
 *
 * No other file writes struct segment, struct segments or struct log_segments. Each change of a
 * state is checked: a segment that was freed too early would be written over while its records are
 * needed. This file runs on the loop's thread, or in recovery before there is a loop.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "store/log/logs.h"

#define SEGMENT_BIT(state) (1u << (state))

/* For each state, the states that may come before it. */
static const uint16_t segment_before[] = {
	[SEGMENT_FREE] = SEGMENT_BIT(SEGMENT_UNKNOWN) | SEGMENT_BIT(SEGMENT_RECLAIMING) |
			 SEGMENT_BIT(SEGMENT_RETIRED),
	[SEGMENT_BEGINNING] = SEGMENT_BIT(SEGMENT_FREE),
	[SEGMENT_BEGUN] = SEGMENT_BIT(SEGMENT_BEGINNING),
	[SEGMENT_OPEN] = SEGMENT_BIT(SEGMENT_BEGUN),
	[SEGMENT_CLOSED] = SEGMENT_BIT(SEGMENT_OPEN),
	[SEGMENT_SEALED] = SEGMENT_BIT(SEGMENT_UNKNOWN) | SEGMENT_BIT(SEGMENT_CLOSED) |
			   SEGMENT_BIT(SEGMENT_RECLAIMING),
	[SEGMENT_RECLAIMING] = SEGMENT_BIT(SEGMENT_SEALED),
	[SEGMENT_RETIRED] = SEGMENT_BIT(SEGMENT_BEGINNING) | SEGMENT_BIT(SEGMENT_UNKNOWN) |
			    SEGMENT_BIT(SEGMENT_RECLAIMING),
	[SEGMENT_ASIDE] = SEGMENT_BIT(SEGMENT_UNKNOWN) | SEGMENT_BIT(SEGMENT_RECLAIMING),
};

static void segment_become(struct segment *seg, enum segment_state state)
{
	CHECK(segment_before[state] & SEGMENT_BIT(seg->state));
	seg->state = (uint8_t)state;
}

int segments_init(struct segments *all, uint32_t count)
{
	TAILQ_INIT(&all->free);
	all->all = calloc(count, sizeof(*all->all));
	if (!all->all)
		return -ENOMEM;
	all->count = count;
	for (uint32_t n = 0; n < count; n++)
		all->all[n].number = n;
	return 0;
}

void segments_free(struct segments *all)
{
	for (uint32_t n = 0; n < all->count; n++)
		free(all->all[n].entries);
	free(all->all);
}

void segments_init_log(struct log_segments *of)
{
	TAILQ_INIT(&of->list);
	TAILQ_INIT(&of->ahead);
	TAILQ_INIT(&of->sealing);
	TAILQ_INIT(&of->aside);
}

struct generation segments_generation(struct segments *all)
{
	CHECK(all->epoch > 0);
	return (struct generation){ all->epoch, ++all->generations };
}

void segment_recover(struct segment *seg, struct generation gen, struct log *l)
{
	CHECK(seg->state == SEGMENT_UNKNOWN);
	seg->gen = gen;
	seg->log = l;
}

void segment_rewind(struct segment *seg)
{
	CHECK(seg->state == SEGMENT_UNKNOWN);
	seg->used = seg->end = 1;
	seg->records = 0;
}

void segment_set_end(struct segment *seg, uint32_t end)
{
	CHECK(seg->state == SEGMENT_UNKNOWN);
	seg->used = seg->end = end;
}

void segment_put_out(struct segment *seg)
{
	CHECK(seg->state == SEGMENT_UNKNOWN || seg->state == SEGMENT_RECLAIMING);
	CHECK(!seg->listed && !seg->readers && !seg->live_bytes);
	segment_become(seg, SEGMENT_RETIRED);
	seg->log = NULL;
	segment_drop_entries(seg);
}

static void segment_unlist(struct segment *seg);

void segment_put_aside(struct segment *seg, bool named)
{
	if (seg->listed)
		segment_unlist(seg);
	segment_become(seg, SEGMENT_ASIDE);
	seg->named = named;
	/* Entries may have left since the others were struck, or since an earlier life. */
	seg->stale = true;
	if (!named)
		segment_unname(seg);
	TAILQ_INSERT_TAIL(&seg->log->segs.aside, seg, link);
}

int segment_load_entries(struct segment *seg, const struct disk_entry *entries, uint32_t count)
{
	segment_drop_entries(seg);
	seg->records = 0;
	if (segment_reserve_entries(seg, count))
		return -ENOMEM;
	if (count)
		memcpy(seg->entries, entries, count * sizeof(*entries));
	seg->records = count;
	return 0;
}

void segment_unname(struct segment *seg)
{
	CHECK(seg->state == SEGMENT_ASIDE);
	seg->named = seg->unwritten = false;
	segment_drop_entries(seg);
}

void segment_strike_dead(struct segment *seg,
			 bool (*lives)(const struct footer_entry *e, const struct segment *seg,
				       const void *user),
			 const void *user)
{
	struct footer_entry e;

	seg->stale = false;
	for (uint32_t n = 0; n < seg->records; n++) {
		footer_entry_decode(&e, &seg->entries[n]);
		if (!e.key_len || e.flags & DISK_TOMBSTONE || lives(&e, seg, user))
			continue;
		footer_entry_strike(&seg->entries[n]);
		seg->unwritten = true;
	}
}

void segment_struck(struct segment *seg)
{
	seg->unwritten = false;
}

static void segment_list(struct segment *seg)
{
	CHECK(!seg->listed);
	seg->listed = true;
	TAILQ_INSERT_TAIL(&seg->log->segs.list, seg, link);
	seg->log->segs.used++;
}

/* Returns the blocks of SEG that its batches and its footer left unused. */
static uint32_t segment_unused(const struct segment *seg)
{
	uint32_t blocks = seg->log->io->lay->segment_blocks;

	CHECK(seg->used <= blocks && seg->footer_blocks < blocks);
	return seg->used + seg->footer_blocks < blocks ? blocks - seg->used - seg->footer_blocks
						       : 0;
}

static void segment_count_sealed(struct segments *all, const struct segment *seg)
{
	all->sealed++;
	all->unused += segment_unused(seg);
}

void segment_recovered(struct segment *seg, uint32_t footer_blocks)
{
	CHECK(seg->state == SEGMENT_UNKNOWN);
	segment_become(seg, SEGMENT_SEALED);
	seg->footer_blocks = footer_blocks;
	segment_drop_entries(seg);
	segment_list(seg);
	segment_count_sealed(&seg->log->all->segs, seg);
}

void segment_free(struct segments *all, struct segment *seg)
{
	segment_become(seg, SEGMENT_FREE);
	CHECK(all->free_count < all->count);
	CHECK(!seg->listed && !seg->readers && !seg->batches && !seg->live_bytes);
	seg->log = NULL;
	seg->failed = seg->from_reserve = false;
	seg->used = seg->end = 1;
	seg->records = seg->footer_blocks = 0;
	TAILQ_INSERT_TAIL(&all->free, seg, link);
	all->free_count++;
}

struct segment *segment_take(struct segments *all, struct log *l, bool from_reserve)
{
	struct segment *seg = TAILQ_FIRST(&all->free);

	CHECK(seg && all->free_count > 0);
	segment_become(seg, SEGMENT_BEGINNING);
	TAILQ_REMOVE(&all->free, seg, link);
	all->free_count--;
	CHECK(TAILQ_EMPTY(&all->free) == !all->free_count);
	seg->log = l;
	seg->from_reserve = from_reserve;
	seg->gen = segments_generation(all);
	TAILQ_INSERT_TAIL(&l->segs.ahead, seg, link);
	l->segs.ahead_count++;
	return seg;
}

void segment_begun(struct segment *seg)
{
	segment_become(seg, SEGMENT_BEGUN);
}

static void segment_remove_ahead(struct log_segments *of, struct segment *seg)
{
	CHECK(of->ahead_count > 0);
	TAILQ_REMOVE(&of->ahead, seg, link);
	of->ahead_count--;
	CHECK(TAILQ_EMPTY(&of->ahead) == !of->ahead_count);
}

void segment_retire(struct segment *seg)
{
	segment_become(seg, SEGMENT_RETIRED);
	segment_remove_ahead(&seg->log->segs, seg);
}

bool segments_try_again(struct segments *all)
{
	struct segment *seg;

	for (uint32_t n = 0; !all->free_count && n < all->count; n++) {
		seg = &all->all[n];
		/* One that is out of use belongs to no log. */
		if (seg->state == SEGMENT_RETIRED && seg->log)
			segment_free(all, seg);
	}
	return all->free_count;
}

bool segment_is_ready(const struct log *l)
{
	const struct segment *seg = TAILQ_FIRST(&l->segs.ahead);

	return seg && seg->state == SEGMENT_BEGUN;
}

struct segment *segment_open(struct log *l)
{
	struct segment *seg = TAILQ_FIRST(&l->segs.ahead);
	const struct segment *last = TAILQ_LAST(&l->segs.list, segment_list);

	CHECK(seg && !l->segs.open);
	segment_become(seg, SEGMENT_OPEN);
	CHECK(!last || generation_compare(last->gen, seg->gen) < 0);
	segment_remove_ahead(&l->segs, seg);
	l->segs.open = seg;
	segment_list(seg);
	return seg;
}

void segment_close(struct segment *seg)
{
	struct log_segments *of = &seg->log->segs;

	segment_become(seg, SEGMENT_CLOSED);
	CHECK(of->open == seg);
	of->open = NULL;
	TAILQ_INSERT_TAIL(&of->sealing, seg, sealing);
}

void segment_seal(struct segments *all, struct segment *seg, uint32_t footer_blocks)
{
	struct log_segments *of = &seg->log->segs;

	segment_become(seg, SEGMENT_SEALED);
	CHECK(TAILQ_FIRST(&of->sealing) == seg && !seg->batches);
	CHECK(!seg->failed || (footer_blocks && all->failing > 0));
	TAILQ_REMOVE(&of->sealing, seg, sealing);
	all->failing -= seg->failed;
	seg->footer_blocks = footer_blocks;
	segment_drop_entries(seg);
	segment_count_sealed(all, seg);
}

void segment_reclaim(struct segment *seg)
{
	segment_become(seg, SEGMENT_RECLAIMING);
	CHECK(TAILQ_FIRST(&seg->log->segs.list) == seg);
}

void segment_keep(struct segment *seg)
{
	CHECK(seg->state == SEGMENT_RECLAIMING && seg->listed);
	segment_become(seg, SEGMENT_SEALED);
}

/* Takes SEG, the oldest one, out of its log. */
static void segment_unlist(struct segment *seg)
{
	struct log_segments *of = &seg->log->segs;
	struct segments *all = &seg->log->all->segs;

	CHECK(seg->state == SEGMENT_RECLAIMING && seg->listed);
	CHECK(all->sealed > 0 && all->unused >= segment_unused(seg));
	all->sealed--;
	all->unused -= segment_unused(seg);
	CHECK(TAILQ_FIRST(&of->list) == seg && of->used > 0);
	TAILQ_REMOVE(&of->list, seg, link);
	of->used--;
	CHECK(TAILQ_EMPTY(&of->list) == !of->used);
	seg->listed = false;
}

void segment_leave(struct segment *seg)
{
	CHECK(!seg->live_bytes);
	segment_unlist(seg);
}

uint32_t segment_place(struct segment *seg, uint32_t blocks)
{
	uint32_t at = seg->used;

	CHECK(seg->state == SEGMENT_OPEN);
	seg->used += blocks;
	return at;
}

void segment_write_begun(struct segment *seg)
{
	CHECK(seg->state == SEGMENT_OPEN);
	seg->batches++;
}

void segment_write_ended(struct segment *seg)
{
	CHECK(seg->batches > 0);
	seg->batches--;
}

void segment_fail(struct segments *all, struct segment *seg, uint32_t first, uint32_t count)
{
	CHECK(seg->state == SEGMENT_OPEN || seg->state == SEGMENT_CLOSED);
	CHECK(first + count <= seg->records);
	memset(seg->entries + first, 0, count * sizeof(*seg->entries));
	all->failing += !seg->failed;
	seg->failed = true;
}

void segment_publish(struct segment *seg, uint32_t end)
{
	CHECK(seg->end < end && end <= seg->used);
	seg->end = end;
}

void segment_open_to_puts(struct segment *seg)
{
	CHECK(seg->state == SEGMENT_OPEN);
	seg->from_reserve = false;
}

void segment_pin(struct segment *seg)
{
	CHECK(seg->state != SEGMENT_FREE);
	seg->readers++;
}

bool segment_unpin(struct segment *seg)
{
	CHECK(seg->readers > 0);
	seg->readers--;
	return !seg->readers && seg->state == SEGMENT_RECLAIMING;
}

int segment_reserve_entries(struct segment *seg, uint32_t more)
{
	uint32_t need = seg->records + more, room = seg->entries_room ? seg->entries_room : 64;
	struct disk_entry *entries;

	if (need <= seg->entries_room)
		return 0;
	while (room < need)
		room *= 2;
	entries = realloc(seg->entries, room * sizeof(*entries));
	if (!entries)
		return -ENOMEM;
	seg->entries = entries;
	seg->entries_room = room;
	return 0;
}

void segment_add_entry(struct segment *seg, const struct footer_entry *e)
{
	CHECK(seg->records < seg->entries_room);
	footer_entry_encode(&seg->entries[seg->records++], e);
}

void segment_strike_entry(struct segment *seg, uint32_t n)
{
	CHECK(n < seg->records);
	footer_entry_drop(&seg->entries[n]);
}

void segment_drop_entries(struct segment *seg)
{
	free(seg->entries);
	seg->entries = NULL;
	seg->entries_room = 0;
}

void segment_add_live(const struct layout *lay, struct segment *seg, uint64_t length)
{
	CHECK(seg->state != SEGMENT_FREE);
	seg->live_bytes += length;
	seg->live_blocks += layout_blocks(lay, length);
}

void segment_remove_live(const struct layout *lay, struct segment *seg, uint64_t length)
{
	uint32_t blocks = layout_blocks(lay, length);

	CHECK(seg->live_bytes >= length);
	CHECK(seg->live_blocks >= blocks);
	seg->live_bytes -= length;
	seg->live_blocks -= blocks;
	seg->stale = true;
	CHECK(!seg->live_bytes == !seg->live_blocks);
}

void segment_clear_live(struct segment *seg)
{
	seg->live_bytes = seg->live_blocks = 0;
}

/* Law footer-room: a record is admitted only where the footer that will name it still has room. */
bool segment_fits(const struct layout *l, const struct segment *seg, uint64_t header,
		  uint64_t payload, uint32_t n)
{
	return seg->used + layout_blocks(l, header) + payload +
		       layout_footer_blocks(l, (uint64_t)seg->records + n) <=
	       l->segment_blocks;
}
