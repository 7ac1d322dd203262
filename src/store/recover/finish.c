/* SPDX-License-Identifier: Apache-2.0 */
/*
 * finish.c - ends a recovery: walked segments get footers, and every segment goes into its list.
 *
 * Runs on the opening thread and owns nothing.
 */
#include <errno.h>

#include "base/check.h"
#include "base/error.h"
#include "store/recover/recovery.h"

/* Writes the footer of a walked segment. The flush at the start of recovery has put its payloads on
 * the medium. The footer itself must be there before a watermark beyond it is written. The flush of
 * the next segment's header, before any batch, does that. */
static int finish_seal(struct recover *r, struct found *found)
{
	struct store_io *io = r->io;
	const struct segment *seg = found->seg;
	struct footer f;
	size_t bytes;
	void *buf;
	int err;

	CHECK(found->walked && found->batches);
	found->footer_blocks = 0;
	if (io->read_only)
		return 0;
	/* A writer always leaves room for the footer; a forged image might not. */
	if (!segment_fits(io->lay, seg, 0, 0, 0)) {
		error_set(-EBADMSG, "%s: segment %u has no room for a footer",
			  weir_device_path(io->dev), seg->number);
		return strike_unwritten(r, found, seg->entries, seg->records, -EBADMSG);
	}
	seal_footer(io, seg, &f, &buf);
	if (!buf)
		return error_set(-ENOMEM, "%s: out of memory", weir_device_path(io->dev));
	bytes = (size_t)f.blocks << io->lay->block_shift;
	wear_spend(&io->wear, bytes);
	err = syncio_write(io->q, layout_offset(io->lay, seg->number, f.place.block), buf, bytes);
	bufpool_put(&io->pool, buf, bytes);
	if (err)
		return strike_unwritten(r, found, seg->entries, seg->records, err);
	found->footer_blocks = f.blocks;
	return 0;
}

/* Frees the segments whose header is damaged. They come last in the free list, so that they are
 * overwritten last. */
static void finish_damaged(struct recover *r)
{
	struct segments *all = logs_segments(r->ls);

	for (uint32_t n = 0; n < all->count; n++)
		if (all->all[n].state == SEGMENT_UNKNOWN)
			segment_free(all, &all->all[n]);
}

/* A segment that is set aside without a footer, which was damaged, holds nothing any more. */
static void finish_aside(const struct found *found)
{
	if (found->footer_blocks)
		segment_put_aside(found->seg, true);
	else
		segment_put_out(found->seg);
}

/*
 * Puts every segment into its list. A used segment without a valid batch becomes free.
 *
 * Law never-append: nothing is appended to a segment that a recovery has found; a used one without
 * a valid batch becomes free.
 */
int finish_segments(struct recover *r)
{
	int err = 0;

	for (uint32_t n = 0; n < r->count && !err; n++) {
		struct found *found = &r->found[n];

		if (found->walked && found->batches)
			err = finish_seal(r, found);
		if (found->aside) {
			finish_aside(found);
		} else if (found->walked && !found->batches) {
			segment_drop_entries(found->seg);
			segment_free(logs_segments(r->ls), found->seg);
		} else {
			segment_recovered(found->seg, found->footer_blocks);
		}
	}
	if (!err)
		finish_damaged(r);
	return err;
}
