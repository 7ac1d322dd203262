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

#include "base/check.h"
#include "base/clock.h"
#include "base/error.h"
#include "store/format/header.h"
#include "store/recover/conflict.h"
#include "store/recover/walk.h"

#define RECOVER_DEPTH 64u
#define RECOVER_FOOTER_DEPTH 16u
#define RECOVER_PAYLOAD_DEPTH 16u

struct recover {
	struct store_io *io;
	struct logs *ls;
	struct recover_counts *counts;
	struct found *found; /* log by log, oldest first */
	uint32_t count;
	uint32_t from; /* index in `found`: where the log that is read begins */
	struct conflict conflict;
	struct superio_found supers;
	struct super super; /* the epoch that this recovery writes */
	uint64_t epoch;
	uint64_t sequence;		  /* the highest that was seen */
	struct logpos mark[DISK_STREAMS]; /* the watermark of each log */
	struct found *verifying;
};

static void recover_place_header(struct syncio_many *m, uint64_t i, uint64_t *offset,
				 size_t *length)
{
	struct recover *r = m->user;

	*offset = layout_offset(r->io->lay, (uint32_t)i, 0);
	*length = r->io->lay->block_bytes;
}

/* Notes a used segment. A stream is in the superblock before anything is written to it. If both
 * copies have lost it, its segments tell that it exists. */
static int recover_used(struct recover *r, struct segment *seg, const struct header *h)
{
	CHECK(r->count < r->io->lay->segments);
	r->found[r->count].seg = seg;
	r->found[r->count++].stream = h->stream;
	if (h->stream >= r->super.streams)
		r->super.streams = h->stream + 1;
	if (logs_make(r->ls, r->super.streams))
		return -ENOMEM;
	segment_recover(seg, h->gen, logs_of_stream(r->ls, h->stream));
	return 0;
}

static int recover_header(struct syncio_many *m, uint64_t i, void *buf, int result)
{
	struct recover *r = m->user;
	struct segments *all = logs_segments(r->ls);
	struct segment *seg = &all->all[i];
	struct header h;

	CHECK(i < all->count && seg->number == i);
	if (result || !header_decode(&h, buf, seg->number, &r->io->key, r->io->super.uuid) ||
	    h.stream >= DISK_STREAMS) {
		/* Formatting wrote every header, so a missing one is damaged. The segment is used
		 * again like a free one. If it were left alone, it might be readable another time,
		 * and bring back records that were superseded meanwhile. */
		r->counts->bad_headers++;
		return 0;
	}
	/* Free marks count too: a segment that was freed in an earlier epoch still holds its
	 * batches, so its next generation must be one that it never had. */
	if (h.gen.epoch > r->epoch)
		r->epoch = h.gen.epoch;
	if (h.sequence > r->sequence)
		r->sequence = h.sequence;
	if (h.state == DISK_USED)
		return recover_used(r, seg, &h);
	segment_recover(seg, h.gen, NULL);
	segment_free(all, seg);
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
	struct syncio_many m = { .q = r->io->q,
				 .count = r->io->lay->segments,
				 .depth = RECOVER_DEPTH,
				 .op = WEIR_OP_READ,
				 .place = recover_place_header,
				 .done = recover_header,
				 .user = r };
	int err = syncio_many(&m);

	qsort(r->found, r->count, sizeof(*r->found), found_compare);
	return err;
}

/* Refuses an image in which NAME has its highest value. No store lives so long. */
static int recover_forged(const struct recover *r, const char *name)
{
	return error_set(-EBADMSG, "%s: damaged: no %s is left after the highest one",
			 weir_device_path(r->io->dev), name);
}

/* Refuses an image with more streams than segments suffice for: puts into some would wait for
 * ever. */
static int recover_check_streams(const struct recover *r)
{
	uint32_t most = layout_streams_max(r->io->lay);

	if (r->super.streams <= most)
		return 0;
	return error_set(-EBADMSG, "%s: damaged: %u streams, and %u segments are enough for %u",
			 weir_device_path(r->io->dev), r->super.streams, r->io->lay->segments,
			 most);
}

/* Begins a new epoch: what is written from now on is newer than anything on the device. */
static int recover_epoch(struct recover *r)
{
	struct super *super = &r->super;
	int err = 0;

	if (r->epoch > super->epoch)
		super->epoch = r->epoch;
	if (super->epoch == UINT64_MAX)
		return recover_forged(r, "epoch");
	super->epoch++;
	if (!r->io->read_only) {
		super->revision++;
		log_placement_assign(r->ls, super);
		err = superio_write(r->io->q, super, &r->supers);
	}
	io_set_super(r->io, super);
	return err;
}

static void recover_place_trailer(struct syncio_many *m, uint64_t i, uint64_t *offset,
				  size_t *length)
{
	struct recover *r = m->user;
	const struct layout *l = r->io->lay;

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
		found->footer = footer_peek(&f, buf, seg->number, seg->gen, r->io->lay);
	if (found->footer == FOOTER_VALID)
		found->footer_blocks = f.blocks;
	return 0;
}

static int recover_walk(struct recover *r, struct found *found)
{
	struct store_io *io = r->io;
	struct walk_result result;
	int err = walk_segment(io, found->seg, &result);

	if (err)
		return err;
	found->walked = true;
	found->batches = result.batches;
	r->counts->open_segments += result.batches > 0;
	r->counts->bad_footers += found->footer == FOOTER_DAMAGED;
	r->counts->skipped_blocks += result.skipped;
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
	struct syncio_many m = { .q = r->io->q,
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
	const struct layout *l = r->io->lay;
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

	return checksum_data(&r->io->key, CHECKSUM_PAYLOAD, place, buf, e->length) == e->checksum;
}

/* Reads a payload again: one failed read is not enough to give it up. read.c does the same. */
static bool recover_reread(struct recover *r, uint64_t i, const struct footer_entry *e, void *buf)
{
	struct syncio_many m = { .user = r };
	uint64_t offset = 0;
	size_t length = 0;

	recover_place_payload(&m, i, &offset, &length);
	r->counts->rereads++;
	return !syncio_read(r->io->q, offset, buf, length) && recover_is_payload(r, e, buf);
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
	r->counts->dropped_records++;
	segment_strike_entry(seg, (uint32_t)i);
	return 0;
}

/* Verifies payloads beyond the watermark, which may never have reached the medium. Such a record
 * must not replace an older one that did. */
static int recover_verify(struct recover *r, struct found *found)
{
	struct syncio_many m = { .q = r->io->q,
				 .count = found->seg->records,
				 .depth = RECOVER_PAYLOAD_DEPTH,
				 .op = WEIR_OP_READ,
				 .place = recover_place_payload,
				 .done = recover_payload,
				 .user = r };

	CHECK(found->walked);
	r->verifying = found;
	return syncio_many(&m);
}

/* Applies entries to the index in log order: a later one supersedes an earlier one. */
static int recover_apply(struct recover *r, const struct segment *seg,
			 const struct disk_entry *entries, uint32_t count)
{
	struct store_io *io = r->io;
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
		value = (struct index_value){ layout_position(io->lay, seg->number, e.block),
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
	const struct layout *l = r->io->lay;

	if (found->walked)
		return;
	*offset = layout_offset(l, found->seg->number, l->segment_blocks - found->footer_blocks);
	*length = (size_t)found->footer_blocks << l->block_shift;
}

static int recover_footer(struct syncio_many *m, uint64_t i, void *buf, int result)
{
	struct recover *r = m->user;
	struct found *found = &r->found[r->from + i];
	const struct layout *l = r->io->lay;
	struct segment *seg = found->seg;
	struct footer f;
	uint8_t *last;

	if (found->walked)
		return recover_apply_walked(r, found);
	last = (uint8_t *)buf + ((size_t)(found->footer_blocks - 1) << l->block_shift);
	if (!result && footer_peek(&f, last, seg->number, seg->gen, l) == FOOTER_VALID &&
	    f.blocks == found->footer_blocks && footer_check(&f, buf, l, &r->io->key)) {
		segment_set_end(seg, f.end);
		return recover_apply(r, seg, buf, f.count);
	}
	found->footer = FOOTER_DAMAGED;
	result = recover_walk(r, found);
	return result ? result : recover_apply_walked(r, found);
}

/* Applies the segments of one log: COUNT of them, from r->from on. */
static int recover_log(struct recover *r, uint32_t count)
{
	struct syncio_many m = { .q = r->io->q,
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
	int err = conflict_init(&r->conflict, r->io, r->ls);

	for (; r->from < r->count && !err; r->from = end) {
		for (end = r->from + 1; end < r->count; end++)
			if (r->found[end].stream != r->found[r->from].stream)
				break;
		err = recover_log(r, end - r->from);
	}
	conflict_free(&r->conflict);
	r->counts->conflicts = r->conflict.count;
	return err;
}

/* Writes the footer of a walked segment. The flush at the start of recovery has put its payloads on
 * the medium. The footer itself must be there before a watermark beyond it is written. The flush of
 * the next segment's header, before any batch, does that. */
static int recover_seal(struct recover *r, struct found *found)
{
	struct store_io *io = r->io;
	const struct segment *seg = found->seg;
	struct footer f;
	size_t bytes;
	void *buf;
	int err;

	found->footer_blocks = 0;
	if (io->read_only)
		return 0;
	/* A writer always leaves room for the footer; a forged image might not. */
	if (!segment_fits(io->lay, seg, 0, 0, 0))
		return 0;
	seal_footer(io, seg, &f, &buf);
	if (!buf)
		return -ENOMEM;
	bytes = (size_t)f.blocks << io->lay->block_shift;
	err = syncio_write(io->q, layout_offset(io->lay, seg->number, f.place.block), buf, bytes);
	found->footer_blocks = f.blocks;
	bufpool_put(&io->pool, buf, bytes);
	return err;
}

/* Frees the segments whose header is damaged. They come last in the free list, so that they are
 * overwritten last. */
static void recover_damaged(struct recover *r)
{
	struct segments *all = logs_segments(r->ls);

	for (uint32_t n = 0; n < all->count; n++)
		if (all->all[n].state == SEGMENT_UNKNOWN)
			segment_free(all, &all->all[n]);
}

/* Puts every segment into its list. A used segment without a valid batch becomes free. */
static int recover_segments(struct recover *r)
{
	int err = 0;

	for (uint32_t n = 0; n < r->count && !err; n++) {
		struct found *found = &r->found[n];

		if (found->walked && found->batches)
			err = recover_seal(r, found);
		if (found->walked && !found->batches) {
			segment_drop_entries(found->seg);
			segment_free(logs_segments(r->ls), found->seg);
		} else {
			segment_recovered(found->seg, found->footer_blocks);
		}
	}
	if (!err)
		recover_damaged(r);
	return err;
}

static int recover_steps(struct recover *r)
{
	struct store_io *io = r->io;
	/* The data may still be in the drive's cache. Without a flush the next crash could lose it
	 * after the store has built on it. */
	int err = io->read_only ? 0 : syncio_flush(io->q);

	if (!err)
		err = recover_headers(r);
	if (!err)
		err = recover_check_streams(r);
	if (!err)
		err = recover_epoch(r);
	if (!err)
		err = recover_trailers(r);
	if (!err)
		err = recover_footers(r);
	if (!err && r->sequence == UINT64_MAX)
		err = recover_forged(r, "sequence number");
	if (!err)
		err = recover_segments(r);
	return err;
}

int recover_run(struct store_io *io, struct logs *ls, const struct superio_found *supers,
		struct recover_counts *counts)
{
	struct recover r = {
		.io = io, .ls = ls, .counts = counts, .supers = *supers, .super = io->super
	};
	uint64_t begin = clock_now();
	struct log_counts logs;
	int err;

	r.found = calloc(io->lay->segments, sizeof(*r.found));
	if (!r.found)
		return error_sys(-ENOMEM, "%s: recovery failed", weir_device_path(io->dev));
	err = recover_steps(&r);
	free(r.found);
	if (err == -ENOMEM)
		return error_sys(err, "%s: recovery failed", weir_device_path(io->dev));
	/* Any other error has words of its own, and they say which io failed. */
	if (err)
		return error_set(err, "%s (during recovery)", weir_error());
	logs_recovered(ls, r.sequence + 1);
	log_placement_apply(ls);
	logs_count(ls, &logs);
	counts->entries = logs.entries;
	counts->ns = clock_now() - begin;
	return 0;
}
