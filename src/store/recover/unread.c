/* SPDX-License-Identifier: Apache-2.0 */
/*
 * unread.c - decides what becomes of a recovery when a read has failed for good.
 *
 * A read that fails says nothing about the bytes: they may all be there when the drive has been
 * reset, the cable has been changed, or the array is whole again. A store that went on without them
 * would write over them, and older versions of the same keys would count. So the recovery fails,
 * and nothing has been written. With the option `salvage` the segment is put out of use for good
 * instead, and the recovery begins again without it. It must begin again, because entries of the
 * segment may be in the index by then. Runs on the opening thread; owns the table of segments out
 * of use in the superblock to be written.
 */
#include <errno.h>

#include "base/check.h"
#include "base/error.h"
#include "store/recover/recovery.h"

/* Puts SEG out of use. */
static int unread_put_out(struct recover *r, const struct segment *seg)
{
	struct super *super = &r->super;

	r->again = true;
	/* What lives in a segment that is set aside is given up by the second failure only. */
	if (super_forget_aside(super, seg->number)) {
		r->given_up++;
		return 0;
	}
	if (super_is_out(super, seg->number))
		return 0;
	if (super->out_count == DISK_OUT_MAX)
		return error_set(-EIO,
				 "%s; %u segments are out of use by now, and no store can be "
				 "without more: replace the drive",
				 weir_error(), super->out_count);
	super_put_out(super, seg->number, false);
	r->given_up++;
	return 0;
}

int unread_unwritten(struct recover *r, const struct segment *seg, int err)
{
	if (err == -ENOMEM || err == -ENODEV)
		return err;
	if (r->salvage)
		return unread_put_out(r, seg);
	return error_set(err,
			 "%s. Records of segment %u do not count, and this cannot be noted: open "
			 "the store read-only, or give up what this segment holds (%s)",
			 weir_error(), seg->number, error_name(ERROR_SALVAGE));
}

/* Law failed-read (unread_put_out): a read that fails says nothing about the bytes: the open fails,
 * unless the segment is given up for good. */
int unread_segment(struct recover *r, const struct segment *seg, const char *what, int err)
{
	CHECK(err < 0 && seg->number < r->io->lay->segments);
	if (err == -ENOMEM || err == -ENODEV)
		return err;
	if (r->salvage)
		return unread_put_out(r, seg);
	return error_set(-EIO,
			 "%s (%s of segment %u). It may be intact, so nothing was written: try "
			 "again, or give up what this segment holds (%s)",
			 weir_error(), what, seg->number, error_name(ERROR_SALVAGE));
}
