/* SPDX-License-Identifier: Apache-2.0 */
/*
 * payloads.c - verifies the payloads that no flush covered, and drops the records whose payload is
 * wrong.
 *
 * Runs on the opening thread and owns nothing.
 */
#include "base/check.h"
#include "store/recover/recovery.h"

#define PAYLOADS_DEPTH 16u

/* Returns true if A and B are of one log and one life. */
static bool payloads_of_one_life(const struct found *a, const struct found *b)
{
	return a->stream == b->stream && a->seg->gen.epoch == b->seg->gen.epoch;
}

/*
 * Returns the watermark of FOUND's log that was reached in the life of FOUND: what is in front of
 * it was covered by a flush.
 *
 * Watermarks of later lives do not count. They cover FOUND as well, because the recovery between
 * had verified it and dropped what was wrong. But if FOUND still has no footer, that recovery could
 * not write one, so each later one must drop the same records again.
 *
 * Law own-life (payloads_of_one_life): only watermarks of the life that wrote a record prove its
 * payload.
 */
static struct logpos payloads_mark(const struct recover *r, const struct found *found)
{
	const struct found *from = found, *end = r->found + r->count, *f;
	struct logpos mark = { { 0, 0 }, 0 };

	while (from > r->found && payloads_of_one_life(from - 1, found))
		from--;
	for (f = from; f < end && payloads_of_one_life(f, found); f++)
		if (f->walked && logpos_compare(f->mark, mark) > 0)
			mark = f->mark;
	return mark;
}

/* Returns true if the payload of entry E must be verified before E may supersede anything. */
static bool payloads_unproved(const struct recover *r, const struct footer_entry *e)
{
	struct logpos at = { r->verifying->seg->gen, e->batch };

	return !(e->flags & DISK_TOMBSTONE) && logpos_compare(at, r->mark) >= 0;
}

static void payloads_place(struct syncio_many *m, uint64_t i, uint64_t *offset, size_t *length)
{
	struct recover *r = m->user;
	const struct layout *l = r->io->lay;
	struct footer_entry e;

	footer_entry_decode(&e, &r->verifying->seg->entries[i]);
	if (!payloads_unproved(r, &e))
		return;
	*offset = layout_offset(l, r->verifying->seg->number, e.block);
	*length = (size_t)layout_blocks(l, e.length) << l->block_shift;
}

static bool payloads_match(const struct recover *r, const struct footer_entry *e, const void *buf)
{
	const struct segment *seg = r->verifying->seg;
	struct checksum_place place = { seg->number, e->block, seg->gen };

	return checksum_data(&r->io->key, CHECKSUM_PAYLOAD, place, buf, e->length) == e->checksum;
}

/* Reads a payload that was wrong again: a wrong read is not enough to give it up. read.c does the
 * same. Returns 0, or the error of the read; *RIGHT says whether the payload is right now. */
static int payloads_reread(struct recover *r, uint64_t i, const struct footer_entry *e, void *buf,
			   bool *right)
{
	struct syncio_many m = { .user = r };
	uint64_t offset = 0;
	size_t length = 0;
	int err;

	payloads_place(&m, i, &offset, &length);
	r->counts->rereads++;
	err = syncio_read(r->io->q, offset, buf, length);
	*right = !err && payloads_match(r, e, buf);
	return err;
}

/* Law verified-tail (payloads_unproved, payloads_verify): a record that no flush covered supersedes
 * nothing unless its payload verifies. */
static int payloads_one(struct syncio_many *m, uint64_t i, void *buf, int result)
{
	struct recover *r = m->user;
	struct segment *seg = r->verifying->seg;
	struct footer_entry e;
	bool right = false;

	if (!buf)
		return 0;
	footer_entry_decode(&e, &seg->entries[i]);
	if (!result && payloads_match(r, &e, buf))
		return 0;
	if (!result)
		result = payloads_reread(r, i, &e, buf, &right);
	if (result)
		return unread_segment(r, seg, "payload", result);
	if (right)
		return 0;
	r->counts->dropped_records++;
	r->verifying->dropped = true;
	segment_strike_entry(seg, (uint32_t)i);
	return 0;
}

/* Verifies payloads beyond the watermark, which may never have reached the medium. Such a record
 * must not replace an older one that did. */
int payloads_verify(struct recover *r, struct found *found)
{
	struct syncio_many m = { .q = r->io->q,
				 .count = found->seg->records,
				 .depth = PAYLOADS_DEPTH,
				 .op = WEIR_OP_READ,
				 .place = payloads_place,
				 .done = payloads_one,
				 .user = r };

	CHECK(found->walked);
	r->verifying = found;
	r->mark = payloads_mark(r, found);
	return syncio_many(&m);
}
