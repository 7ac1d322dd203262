/* SPDX-License-Identifier: Apache-2.0 */
/*
 * headers.c - reads all segment headers, and begins a new epoch.
 *
 * Runs on the opening thread. It fills in the list of segments in use, which recover.c owns.
 */
#include <errno.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/error.h"
#include "queue/loop.h"
#include "store/format/header.h"
#include "store/recover/recovery.h"

#define HEADERS_DEPTH 64u

/* Returns true if segment NUMBER is left out of all steps. */
static bool headers_is_out(const struct recover *r, uint32_t number)
{
	return super_is_out(&r->super, number) && !super_is_aside(&r->super, number);
}

static void headers_place(struct syncio_many *m, uint64_t i, uint64_t *offset, size_t *length)
{
	struct recover *r = m->user;

	if (headers_is_out(r, (uint32_t)i))
		return;
	*offset = layout_offset(r->io->lay, (uint32_t)i, 0);
	*length = r->io->lay->block_bytes;
}

/* Notes a used segment. A stream is in the superblock before anything is written to it. If both
 * copies have lost it, its segments tell that it exists. */
static int headers_used(struct recover *r, struct segment *seg, const struct header *h, void *buf)
{
	int err;

	CHECK(r->count < r->io->lay->segments);
	r->found[r->count] = (struct found){ .seg = seg,
					     .stream = h->stream,
					     .aside = super_is_aside(&r->super, seg->number) };
	err = strike_read(r, &r->found[r->count++], buf, h->gen);
	if (err)
		return unread_segment(r, seg, "header", err);
	if (h->stream >= r->super.streams)
		r->super.streams = h->stream + 1;
	if (logs_make(r->ls, r->super.streams))
		return -ENOMEM;
	segment_recover(seg, h->gen, logs_of_stream(r->ls, h->stream));
	return 0;
}

/* Notes the generation and sequence number of a valid header. */
static void headers_note(struct recover *r, const struct header *h)
{
	r->headers++;
	/* Free marks count too: a segment that was freed in an earlier epoch still holds its
	 * batches, so its next generation must be one that it never had. */
	if (h->gen.epoch > r->epoch)
		r->epoch = h->gen.epoch;
	if (h->sequence > r->sequence)
		r->sequence = h->sequence;
}

/* Decodes the header of SEG at BUF. One that does not verify is read once more, because a drive or
 * a link may lose or garble a read, and a damaged header costs a whole segment. Returns 1 if it is
 * valid, 0 if it is damaged, or the error of the read. */
static int headers_decode(struct recover *r, const struct segment *seg, void *buf, struct header *h)
{
	const struct layout *l = r->io->lay;
	int err;

	if (header_decode(h, buf, seg->number, &r->io->key, r->io->super.uuid))
		return 1;
	r->counts->rereads++;
	err = syncio_read(r->io->q, layout_offset(l, seg->number, 0), buf, l->block_bytes);
	return err ? err : header_decode(h, buf, seg->number, &r->io->key, r->io->super.uuid);
}

/* Handles the header H of SEG at BUF, which is valid. */
static int headers_valid(struct recover *r, struct segment *seg, const struct header *h, void *buf)
{
	headers_note(r, h);
	if (h->state == DISK_USED)
		return headers_used(r, seg, h, buf);
	if (super_forget_aside(&r->super, seg->number)) {
		segment_put_out(seg);
		return 0;
	}
	segment_recover(seg, h->gen, NULL);
	segment_free(logs_segments(r->ls), seg);
	return 0;
}

/* Law damaged-header (headers_decode): a segment whose header is damaged, also at the second read,
 * is counted and used again like a free one. */
static int headers_one(struct syncio_many *m, uint64_t i, void *buf, int result)
{
	struct recover *r = m->user;
	struct segments *all = logs_segments(r->ls);
	struct segment *seg = &all->all[i];
	struct header h;
	int valid = 0;

	CHECK(i < all->count && seg->number == i);
	if (!buf) {
		segment_put_out(seg);
		return 0;
	}
	if (!result)
		valid = headers_decode(r, seg, buf, &h);
	if (result || valid < 0)
		return unread_segment(r, seg, "header", result ? result : valid);
	if (valid && h.stream < DISK_STREAMS)
		return headers_valid(r, seg, &h, buf);
	/* Formatting wrote every header, so a missing one is damaged. The segment is used again
	 * like a free one. If it were left alone, it might be readable another time, and bring back
	 * records that were superseded meanwhile. */
	r->counts->bad_headers++;
	if (super_forget_aside(&r->super, seg->number))
		segment_put_out(seg);
	return 0;
}

static int headers_compare(const void *a, const void *b)
{
	const struct found *x = a, *y = b;

	if (x->stream != y->stream)
		return x->stream < y->stream ? -1 : 1;
	return generation_compare(x->seg->gen, y->seg->gen);
}

int headers_read(struct recover *r)
{
	struct syncio_many m = { .q = r->io->q,
				 .count = r->io->lay->segments,
				 .depth = HEADERS_DEPTH,
				 .op = WEIR_OP_READ,
				 .place = headers_place,
				 .done = headers_one,
				 .user = r };
	int err = syncio_many(&m);

	qsort(r->found, r->count, sizeof(*r->found), headers_compare);
	if (err || r->again)
		return err;
	return r->headers ? 0 : superpick_foreign(weir_device_path(r->io->dev));
}

/* Refuses an image in which NAME has its highest value. No store lives so long. */
int headers_forged(const struct recover *r, const char *name)
{
	return error_set(-EBADMSG, "%s: damaged: no %s is left after the highest one",
			 weir_device_path(r->io->dev), name);
}

/* Refuses an image with more streams than segments suffice for: puts into some would wait for
 * ever. */
int headers_check_streams(struct recover *r)
{
	uint32_t most = layout_streams_max(r->io->lay);

	if (r->super.streams <= most)
		return 0;
	return error_set(-EBADMSG, "%s: damaged: %u streams, and %u segments are enough for %u",
			 weir_device_path(r->io->dev), r->super.streams, r->io->lay->segments,
			 most);
}

/* Begins a new epoch: what is written from now on is newer than anything on the device. */
/*
 * Returns the next revision. A copy that cannot be read now may be readable later, and must not win
 * then. It may be newer than the valid one, but only by what was never used, or by an epoch: a
 * change is used when both copies have it. So the revision is made larger than that of any earlier
 * epoch.
 *
 * Law revision-jump: a superblock copy that could not be read never wins over what is written now.
 */
static uint64_t headers_revision(const struct recover *r)
{
	uint64_t next = r->super.revision + 1, jump = r->super.epoch << 32;

	CHECK(r->super.epoch);
	if (r->supers.state[0] != SUPER_UNREADABLE && r->supers.state[1] != SUPER_UNREADABLE)
		return next;
	return jump >> 32 == r->super.epoch && jump > next ? jump : next;
}

/* Returns the number of copies that are not good. */
static uint32_t headers_bad_supers(const struct superio_found *supers)
{
	uint32_t bad = 0;

	for (unsigned n = 0; n < 2; n++)
		bad += supers->state[n] != SUPER_VALID || supers->unwritable[n];
	return bad;
}

/* Law new-epoch (headers_note): what a life writes has an epoch above all that the medium holds,
 * free marks included; both superblock copies have it before anything else is written. */
int headers_begin_epoch(struct recover *r)
{
	struct super *super = &r->super;
	int err = 0;

	if (r->epoch > super->epoch)
		super->epoch = r->epoch;
	if (r->epoch_floor > super->epoch)
		super->epoch = r->epoch_floor;
	if (super->epoch == UINT64_MAX)
		return headers_forged(r, "epoch");
	super->epoch++;
	/* All that could be read was read by now, so this is the highest number of any record. What
	 * is written later in this life is either found by the next recovery, or out of use or
	 * damaged; then the epoch of its segment tells that it is newer than what came before. So
	 * the floor need not be written more often. */
	super->sequence_floor = r->sequence;
	wear_begin(&r->io->wear, super, clock_wall(), loop_now(r->io->q));
	if (!r->io->read_only) {
		super->revision = headers_revision(r);
		log_placement_assign(r->ls, super);
		err = superio_write(r->io->q, super, &r->supers, r->given_up > 0);
	}
	if (err)
		return err;
	if (!r->io->read_only)
		wear_spend(&r->io->wear, 2 * superio_bytes(weir_device_get_info(r->io->dev)));
	r->counts->bad_supers = headers_bad_supers(&r->supers);
	io_set_super(r->io, super);
	/* The next change begins with the copy that is not good. */
	r->io->superjob.first = r->supers.unwritable[1];
	return 0;
}
