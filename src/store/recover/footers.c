/* SPDX-License-Identifier: Apache-2.0 */
/*
 * footers.c - reads the footers of the segments in use, or walks those that have none, and applies
 * their entries to the index in log order.
 *
 * Runs on the opening thread and owns nothing.
 */
#include <errno.h>

#include "base/check.h"
#include "store/recover/recovery.h"
#include "store/recover/walk.h"

#define FOOTERS_TRAILER_DEPTH 64u
#define FOOTERS_DEPTH 16u

/* Reads BLOCKS of SEG from BLOCK on again. */
static int footers_again(const struct recover *r, const struct segment *seg, uint32_t block,
			 void *buf, uint32_t blocks)
{
	const struct layout *l = r->io->lay;

	return syncio_read(r->io->q, layout_offset(l, seg->number, block), buf,
			   (size_t)blocks << l->block_shift);
}

/* Handles a segment that is set aside and has no valid footer. It is not walked: its batches do not
 * tell which of their records were superseded. So nothing in it counts in this life, nor later. */
static void footers_no_more(struct recover *r, struct found *found)
{
	r->counts->bad_footers++;
	found->footer_blocks = 0;
	super_forget_aside(&r->super, found->seg->number);
}

static void footers_place_trailer(struct syncio_many *m, uint64_t i, uint64_t *offset,
				  size_t *length)
{
	struct recover *r = m->user;
	const struct layout *l = r->io->lay;

	*offset = layout_offset(l, r->found[i].seg->number, l->segment_blocks - 1);
	*length = l->block_bytes;
}

/*
 * Reads the trailer of FOUND once more, into BUF. One wrong read is not enough: a walk of the
 * segment would bring back records that the footer strikes or leaves out, and without its footer
 * nothing counts that a segment holds which is set aside.
 */
static int footers_trailer_again(struct recover *r, struct found *found, void *buf,
				 struct footer *f)
{
	const struct segment *seg = found->seg;
	enum footer_state was = found->footer;
	int err = footers_again(r, seg, r->io->lay->segment_blocks - 1, buf, 1);

	if (err)
		return err;
	found->footer = footer_peek(f, buf, seg->number, seg->gen, r->io->lay);
	/* A segment that was never sealed has no footer, and no read was wrong. */
	r->counts->rereads += was != FOOTER_NONE || found->footer != FOOTER_NONE;
	return 0;
}

static int footers_trailer(struct syncio_many *m, uint64_t i, void *buf, int result)
{
	struct recover *r = m->user;
	struct found *found = &r->found[i];
	struct segment *seg = found->seg;
	struct footer f = { 0 };

	if (!result) {
		found->footer = footer_peek(&f, buf, seg->number, seg->gen, r->io->lay);
		if (found->footer != FOOTER_VALID)
			result = footers_trailer_again(r, found, buf, &f);
	}
	if (result)
		return unread_segment(r, seg, "footer", result);
	if (found->footer == FOOTER_VALID)
		found->footer_blocks = f.blocks;
	else if (found->aside)
		footers_no_more(r, found);
	return 0;
}

static int footers_walk(struct recover *r, struct found *found)
{
	struct store_io *io = r->io;
	struct walk_result result;
	int err = walk_segment(io, found->seg, &result);

	if (err)
		return unread_segment(r, found->seg, "batches", err);
	strikes_apply(found->strikes, found->seg->entries, found->seg->records, true);
	found->walked = true;
	found->batches = result.batches;
	r->counts->open_segments += result.batches > 0;
	r->counts->bad_footers += found->footer == FOOTER_DAMAGED;
	r->counts->skipped_blocks += result.skipped;
	found->mark = result.mark;
	if (result.sequence > r->sequence)
		r->sequence = result.sequence;
	return 0;
}

/* Finds out which segments have a footer, and walks the others. All of them are walked before any
 * entry counts, because the highest watermark may be in the last one. */
int footers_find(struct recover *r)
{
	struct syncio_many m = { .q = r->io->q,
				 .count = r->count,
				 .depth = FOOTERS_TRAILER_DEPTH,
				 .op = WEIR_OP_READ,
				 .place = footers_place_trailer,
				 .done = footers_trailer,
				 .user = r };
	uint32_t n;
	int err = syncio_many(&m);

	for (n = 0; n < r->count && !err && !r->again; n++)
		if (r->found[n].footer != FOOTER_VALID && !r->found[n].aside)
			err = footers_walk(r, &r->found[n]);
	return err;
}

/* Applies entries to the index in log order: a later one supersedes an earlier one. */
static int footers_apply_entries(struct recover *r, const struct segment *seg,
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

static int footers_apply_walked(struct recover *r, struct found *found)
{
	int err = payloads_verify(r, found);

	return err ? err
		   : footers_apply_entries(r, found->seg, found->seg->entries, found->seg->records);
}

static void footers_place(struct syncio_many *m, uint64_t i, uint64_t *offset, size_t *length)
{
	struct recover *r = m->user;
	struct found *found = &r->found[r->from + i];
	const struct layout *l = r->io->lay;

	if (found->walked || !found->footer_blocks)
		return;
	*offset = layout_offset(l, found->seg->number, l->segment_blocks - found->footer_blocks);
	*length = (size_t)found->footer_blocks << l->block_shift;
}

/* Returns true if BUF has the footer of FOUND, and decodes its trailer. */
static bool footers_valid(const struct recover *r, const struct found *found, const void *buf,
			  struct footer *f)
{
	const struct layout *l = r->io->lay;
	const uint8_t *last =
		(const uint8_t *)buf + ((size_t)(found->footer_blocks - 1) << l->block_shift);

	return footer_peek(f, last, found->seg->number, found->seg->gen, l) == FOOTER_VALID &&
	       f->blocks == found->footer_blocks && footer_check(f, buf, l, &r->io->key);
}

/* Applies the footer F of FOUND at BUF. */
static int footers_use(struct recover *r, struct found *found, void *buf, const struct footer *f)
{
	segment_set_end(found->seg, f->end);
	strikes_apply(found->strikes, buf, f->count, false);
	if (found->aside && segment_load_entries(found->seg, buf, f->count))
		return -ENOMEM;
	return footers_apply_entries(r, found->seg, buf, f->count);
}

/* Handles a footer that does not verify, after its trailer did: BUF has its memory. It is read once
 * more, as a trailer is. */
static int footers_one_again(struct recover *r, struct found *found, void *buf)
{
	struct footer f;
	int err = footers_again(r, found->seg, r->io->lay->segment_blocks - found->footer_blocks,
				buf, found->footer_blocks);

	r->counts->rereads++;
	if (err)
		return unread_segment(r, found->seg, "footer", err);
	if (footers_valid(r, found, buf, &f))
		return footers_use(r, found, buf, &f);
	if (found->aside) {
		footers_no_more(r, found);
		return 0;
	}
	found->footer = FOOTER_DAMAGED;
	err = footers_walk(r, found);
	return err || r->again ? err : footers_apply_walked(r, found);
}

/* Law damaged-footer (footers_trailer, footers_find): a segment whose footer is damaged or missing
 * is walked. */
static int footers_one(struct syncio_many *m, uint64_t i, void *buf, int result)
{
	struct recover *r = m->user;
	struct found *found = &r->found[r->from + i];
	const struct layout *l = r->io->lay;
	struct segment *seg = found->seg;
	struct footer f;

	if (found->walked)
		return footers_apply_walked(r, found);
	if (found->aside && !found->footer_blocks)
		return 0;
	CHECK(found->footer_blocks && found->footer_blocks < l->segment_blocks);
	if (result)
		return unread_segment(r, seg, "footer", result);
	if (footers_valid(r, found, buf, &f))
		return footers_use(r, found, buf, &f);
	return footers_one_again(r, found, buf);
}

/* Applies the segments of one log: COUNT of them, from r->from on. */
static int footers_log(struct recover *r, uint32_t count)
{
	struct syncio_many m = { .q = r->io->q,
				 .count = count,
				 .depth = FOOTERS_DEPTH,
				 .op = WEIR_OP_READ,
				 .place = footers_place,
				 .done = footers_one,
				 .user = r };
	int err = syncio_many(&m);

	if (err || r->again)
		return err;
	/* A record conflicts only with records of this log or of the logs read before it. */
	err = conflict_settle(&r->conflict, r->found, r->from + count);
	return err && r->conflict.unread ? unread_segment(r, r->conflict.unread, "footer", err)
					 : err;
}

int footers_apply(struct recover *r)
{
	uint32_t end;
	int err = conflict_init(&r->conflict, r->io, r->ls);

	for (; r->from < r->count && !err && !r->again; r->from = end) {
		for (end = r->from + 1; end < r->count; end++)
			if (r->found[end].stream != r->found[r->from].stream)
				break;
		err = footers_log(r, end - r->from);
	}
	r->counts->conflicts = r->conflict.count;
	return err;
}
