/* SPDX-License-Identifier: Apache-2.0 */
/*
 * recover.c - recovery: reads the device and makes the store in memory.
 *
 * The steps are: flush; superblocks and segment headers; new epoch; footers; the walk of segments
 * that have no footer; the payloads that no flush covered; the index, in log order; new footers for
 * the walked segments. Only the superblocks and those footers are written. So a recovery that is
 * interrupted and run again finds what this one found.
 *
 * It runs on the opening thread, before the loop knows the store, and owns the list of segments
 * that it found.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "store/recover/recover.h"
#include "store/io/superio.h"
#include "store/io/syncio.h"
#include "store/recover/walk.h"

#define RECOVER_DEPTH 64u
#define RECOVER_FOOTER_DEPTH 16u
#define RECOVER_PAYLOAD_DEPTH 16u

struct recover {
	struct weir_store *s;
	struct found *found; /* log by log, oldest first */
	uint32_t count;
	uint32_t from; /* index in `found`: where the log that is read begins */
	struct conflict conflict;
	struct superio_found supers;
	struct segment_list damaged; /* their headers are damaged */
	uint64_t epoch;
	uint64_t sequence;		  /* the highest that was seen */
	struct logpos mark[DISK_STREAMS]; /* the watermark of each log */
	struct found *verifying;
};

static void recover_place_header(struct syncio_many *m, uint64_t i, uint64_t *offset,
				 size_t *length)
{
	struct recover *r = m->user;

	*offset = layout_offset(r->s->lay, (uint32_t)i, 0);
	*length = r->s->lay->block_bytes;
}

/* Notes a used segment. A stream is in the superblock before anything is written to it. If both
 * copies have lost it, its segments tell that it exists. */
static int recover_used(struct recover *r, struct segment *seg, uint32_t stream)
{
	struct weir_store *s = r->s;

	r->found[r->count].seg = seg;
	r->found[r->count++].stream = stream;
	if (stream >= s->super.streams)
		s->super.streams = stream + 1;
	if (logs_make(s, s->super.streams))
		return -ENOMEM;
	seg->log = s->logs[stream];
	return 0;
}

static int recover_header(struct syncio_many *m, uint64_t i, void *buf, int result)
{
	struct recover *r = m->user;
	struct weir_store *s = r->s;
	struct segment *seg = &s->segments[i];
	struct header h;

	seg->number = (uint32_t)i;
	if (result || !header_decode(&h, buf, seg->number, &s->checksum, s->super.uuid) ||
	    h.stream >= DISK_STREAMS) {
		/* Formatting wrote every header, so a missing one is damaged. The segment is used
		 * again like a free one. If it were left alone, it might be readable another time,
		 * and bring back records that were superseded meanwhile. */
		s->stats.recovered_bad_headers++;
		TAILQ_INSERT_TAIL(&r->damaged, seg, link);
		return 0;
	}
	/* Free marks count too: a segment that was freed in an earlier epoch still holds its
	 * batches, so its next generation must be one that it never had. */
	if (h.gen.epoch > r->epoch)
		r->epoch = h.gen.epoch;
	if (h.sequence > r->sequence)
		r->sequence = h.sequence;
	seg->gen = h.gen;
	if (h.state == DISK_USED)
		return recover_used(r, seg, h.stream);
	segment_free_add(s, seg);
	return 0;
}

static int found_compare(const void *a, const void *b)
{
	const struct found *x = a, *y = b;

	if (x->stream != y->stream)
		return x->stream < y->stream ? -1 : 1;
	return generation_compare(x->seg->gen, y->seg->gen);
}

static int recover_headers(struct recover *r)
{
	struct syncio_many m = { .q = r->s->q,
				 .count = r->s->lay->segments,
				 .depth = RECOVER_DEPTH,
				 .op = WEIR_OP_READ,
				 .place = recover_place_header,
				 .done = recover_header,
				 .user = r };
	int err = syncio_many(&m);

	qsort(r->found, r->count, sizeof(*r->found), found_compare);
	return err;
}

/* Begins a new epoch: what is written from now on is newer than anything on the device. */
static int recover_epoch(struct recover *r)
{
	struct super *super = &r->s->super;

	super->epoch = (r->epoch > super->epoch ? r->epoch : super->epoch) + 1;
	if (r->s->read_only)
		return 0;
	super->revision++;
	placing_assign(r->s, super);
	return superio_write(r->s->q, super, &r->supers);
}

static void recover_place_trailer(struct syncio_many *m, uint64_t i, uint64_t *offset,
				  size_t *length)
{
	struct recover *r = m->user;
	const struct layout *l = r->s->lay;

	*offset = layout_offset(l, r->found[i].seg->number, l->segment_blocks - 1);
	*length = l->block_bytes;
}

static int recover_trailer(struct syncio_many *m, uint64_t i, void *buf, int result)
{
	struct recover *r = m->user;
	struct found *found = &r->found[i];
	struct segment *seg = found->seg;
	struct footer f = { 0 };

	found->footer = FOOTER_NONE;
	if (!result)
		found->footer = footer_peek(&f, buf, seg->number, seg->gen, r->s->lay);
	if (found->footer == FOOTER_VALID)
		found->footer_blocks = f.blocks;
	return 0;
}

static int recover_walk(struct recover *r, struct found *found)
{
	struct weir_store *s = r->s;
	struct walk_result result;
	int err = walk_segment(s, found->seg, &result);

	if (err)
		return err;
	found->walked = true;
	found->batches = result.batches;
	s->stats.recovered_open_segments += result.batches > 0;
	s->stats.recovered_bad_footers += found->footer == FOOTER_DAMAGED;
	s->stats.recovered_skipped_blocks += result.skipped;
	if (logpos_compare(result.mark, r->mark[found->stream]) > 0)
		r->mark[found->stream] = result.mark;
	if (result.sequence > r->sequence)
		r->sequence = result.sequence;
	return 0;
}

/* Finds out which segments have a footer, and walks the others. All of them are walked before any
 * entry counts, because the highest watermark may be in the last one. */
static int recover_trailers(struct recover *r)
{
	struct syncio_many m = { .q = r->s->q,
				 .count = r->count,
				 .depth = RECOVER_DEPTH,
				 .op = WEIR_OP_READ,
				 .place = recover_place_trailer,
				 .done = recover_trailer,
				 .user = r };
	uint32_t n;
	int err = syncio_many(&m);

	for (n = 0; n < r->count && !err; n++)
		if (r->found[n].footer != FOOTER_VALID)
			err = recover_walk(r, &r->found[n]);
	return err;
}

/* Returns true if the payload of entry E must be verified before E may supersede anything. */
static bool recover_unproved(const struct recover *r, const struct found *found,
			     const struct footer_entry *e)
{
	struct logpos at = { found->seg->gen, e->batch };

	return !(e->flags & DISK_TOMBSTONE) && logpos_compare(at, r->mark[found->stream]) >= 0;
}

static void recover_place_payload(struct syncio_many *m, uint64_t i, uint64_t *offset,
				  size_t *length)
{
	struct recover *r = m->user;
	const struct layout *l = r->s->lay;
	struct footer_entry e;

	footer_entry_decode(&e, &r->verifying->seg->entries[i]);
	if (!recover_unproved(r, r->verifying, &e))
		return;
	*offset = layout_offset(l, r->verifying->seg->number, e.block);
	*length = (size_t)layout_blocks(l, e.length) << l->block_shift;
}

static bool recover_is_payload(const struct recover *r, const struct footer_entry *e,
			       const void *buf)
{
	const struct segment *seg = r->verifying->seg;
	struct checksum_place place = { seg->number, e->block, seg->gen };

	return checksum_data(&r->s->checksum, CHECKSUM_PAYLOAD, place, buf, e->length) ==
	       e->checksum;
}

/* Reads a payload again: one failed read is not enough to give it up. read.c does the same. */
static bool recover_reread(struct recover *r, uint64_t i, const struct footer_entry *e, void *buf)
{
	struct syncio_many m = { .user = r };
	uint64_t offset = 0;
	size_t length = 0;

	recover_place_payload(&m, i, &offset, &length);
	r->s->stats.rereads++;
	return !syncio_read(r->s->q, offset, buf, length) && recover_is_payload(r, e, buf);
}

static int recover_payload(struct syncio_many *m, uint64_t i, void *buf, int result)
{
	struct recover *r = m->user;
	struct segment *seg = r->verifying->seg;
	struct footer_entry e;

	if (!buf)
		return 0;
	footer_entry_decode(&e, &seg->entries[i]);
	if (!result && (recover_is_payload(r, &e, buf) || recover_reread(r, i, &e, buf)))
		return 0;
	r->s->stats.recovered_dropped_records++;
	memset(&seg->entries[i], 0, sizeof(seg->entries[i]));
	return 0;
}

/* Verifies payloads beyond the watermark, which may never have reached the medium. Such a record
 * must not replace an older one that did. */
static int recover_verify(struct recover *r, struct found *found)
{
	struct syncio_many m = { .q = r->s->q,
				 .count = found->seg->records,
				 .depth = RECOVER_PAYLOAD_DEPTH,
				 .op = WEIR_OP_READ,
				 .place = recover_place_payload,
				 .done = recover_payload,
				 .user = r };

	r->verifying = found;
	return syncio_many(&m);
}

/* Applies entries to the index in log order: a later one supersedes an earlier one. */
static int recover_apply(struct recover *r, const struct segment *seg,
			 const struct disk_entry *entries, uint32_t count)
{
	struct weir_store *s = r->s;
	struct footer_entry e;
	uint32_t n;

	for (n = 0; n < count; n++) {
		struct index_value value;

		footer_entry_decode(&e, &entries[n]);
		if (!e.key_len)
			continue;
		if (e.sequence > r->sequence)
			r->sequence = e.sequence;
		if (e.flags & DISK_TOMBSTONE) {
			conflict_remove(&r->conflict, seg->log, e.hash);
			continue;
		}
		value = (struct index_value){ layout_position(s->lay, seg->number, e.block),
					      e.checksum, e.length, 0 };
		if (conflict_set(&r->conflict, seg->log, e.hash, &value))
			return -ENOMEM;
	}
	return 0;
}

static int recover_apply_walked(struct recover *r, struct found *found)
{
	int err = recover_verify(r, found);

	return err ? err : recover_apply(r, found->seg, found->seg->entries, found->seg->records);
}

static void recover_place_footer(struct syncio_many *m, uint64_t i, uint64_t *offset,
				 size_t *length)
{
	struct recover *r = m->user;
	struct found *found = &r->found[r->from + i];
	const struct layout *l = r->s->lay;

	if (found->walked)
		return;
	*offset = layout_offset(l, found->seg->number, l->segment_blocks - found->footer_blocks);
	*length = (size_t)found->footer_blocks << l->block_shift;
}

static int recover_footer(struct syncio_many *m, uint64_t i, void *buf, int result)
{
	struct recover *r = m->user;
	struct found *found = &r->found[r->from + i];
	const struct layout *l = r->s->lay;
	struct segment *seg = found->seg;
	struct footer f;
	uint8_t *last;

	if (found->walked)
		return recover_apply_walked(r, found);
	last = (uint8_t *)buf + ((size_t)(found->footer_blocks - 1) << l->block_shift);
	if (!result && footer_peek(&f, last, seg->number, seg->gen, l) == FOOTER_VALID &&
	    f.blocks == found->footer_blocks && footer_check(&f, buf, l, &r->s->checksum)) {
		seg->used = seg->end = f.end;
		seg->footer_blocks = f.blocks;
		return recover_apply(r, seg, buf, f.count);
	}
	found->footer = FOOTER_DAMAGED;
	result = recover_walk(r, found);
	return result ? result : recover_apply_walked(r, found);
}

/* Applies the segments of one log: COUNT of them, from r->from on. */
static int recover_log(struct recover *r, uint32_t count)
{
	struct syncio_many m = { .q = r->s->q,
				 .count = count,
				 .depth = RECOVER_FOOTER_DEPTH,
				 .op = WEIR_OP_READ,
				 .place = recover_place_footer,
				 .done = recover_footer,
				 .user = r };
	int err = syncio_many(&m);

	/* A record conflicts only with records of this log or of the logs read before it. */
	return err ? err : conflict_settle(&r->conflict, r->found, r->from + count);
}

static int recover_footers(struct recover *r)
{
	uint32_t end;
	int err = conflict_init(&r->conflict, r->s);

	for (; r->from < r->count && !err; r->from = end) {
		for (end = r->from + 1; end < r->count; end++)
			if (r->found[end].stream != r->found[r->from].stream)
				break;
		err = recover_log(r, end - r->from);
	}
	conflict_free(&r->conflict);
	return err;
}

/* Writes the footer of a walked segment. The flush at the start of recovery has put its payloads on
 * the medium. The footer itself must be there before a watermark beyond it is written. The flush of
 * the next segment's header, before any batch, does that. */
static int recover_seal(struct recover *r, struct segment *seg)
{
	struct weir_store *s = r->s;
	struct footer f;
	void *buf;
	int err;

	seg->no_footer = true;
	if (s->read_only)
		return 0;
	seal_footer(s, seg, &f, &buf);
	if (!buf)
		return -ENOMEM;
	if (f.end > f.place.block) {
		/* A writer always leaves room for the footer; a forged image might not. */
		bufpool_put(&s->pool, buf, (size_t)f.blocks << s->lay->block_shift);
		return 0;
	}
	err = syncio_write(s->q, layout_offset(s->lay, seg->number, f.place.block), buf,
			   (size_t)f.blocks << s->lay->block_shift);
	bufpool_put(&s->pool, buf, (size_t)f.blocks << s->lay->block_shift);
	seg->footer_blocks = f.blocks;
	seg->no_footer = false;
	return err;
}

/* Puts every segment into its list. A used segment without a valid batch becomes free. */
static int recover_segments(struct recover *r)
{
	struct weir_store *s = r->s;
	struct segment *seg;
	uint32_t n;
	int err = 0;

	for (n = 0; n < r->count && !err; n++) {
		seg = r->found[n].seg;
		if (r->found[n].walked && r->found[n].batches)
			err = recover_seal(r, seg);
		free(seg->entries);
		seg->entries = NULL;
		seg->entries_room = 0;
		if (r->found[n].walked && !r->found[n].batches) {
			segment_free_add(s, seg);
			continue;
		}
		seg->state = SEGMENT_SEALED;
		TAILQ_INSERT_TAIL(&seg->log->segments, seg, link);
		seg->log->used_segments++;
	}
	/* Damaged segments come last in the free list, so that they are overwritten last. */
	while ((seg = TAILQ_FIRST(&r->damaged))) {
		TAILQ_REMOVE(&r->damaged, seg, link);
		segment_free_add(s, seg);
	}
	return err;
}

static int recover_steps(struct recover *r)
{
	struct weir_store *s = r->s;
	/* The data may still be in the drive's cache. Without a flush the next crash could lose it
	 * after the store has built on it. */
	int err = s->read_only ? 0 : syncio_flush(s->q);

	if (!err)
		err = recover_headers(r);
	if (!err)
		err = recover_epoch(r);
	if (!err)
		err = recover_trailers(r);
	if (!err)
		err = recover_footers(r);
	if (!err)
		err = recover_segments(r);
	return err;
}

/* Marks everything found as published. It counts as durable only after a flush since this open. */
static void recover_published(struct weir_store *s)
{
	struct log *l;
	uint32_t i;

	LOGS_FOREACH(s, l, i)
	l->published = (struct logpos){ { s->super.epoch, 0 }, 0 };
}

int recover_run(struct weir_store *s, const struct superio_found *supers)
{
	struct recover r = { .s = s, .supers = *supers };
	uint64_t begin = clock_now();
	int err;

	TAILQ_INIT(&r.damaged);
	r.found = calloc(s->lay->segments, sizeof(*r.found));
	if (!r.found)
		return error_sys(-ENOMEM, "%s: recovery", weir_device_path(s->dev));
	err = recover_steps(&r);
	free(r.found);
	if (err)
		return error_sys(err, "%s: recovery", weir_device_path(s->dev));
	s->sequence = r.sequence + 1;
	recover_published(s);
	placing_apply(s, &s->super);
	s->stats.recovered_entries = s->index.entries;
	s->stats.recovery_ns = clock_now() - begin;
	return 0;
}
