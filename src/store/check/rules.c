/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rules.c - judges superblocks, headers, footers, batches and records.
 *
 * What a power cut or a killed process can leave is a note: the next open settles it. Everything
 * else is damage. A record that a footer strikes is judged no more, nor is a batch of such records
 * only: this is how a repair drops them.
 */
#include <string.h>

#include "base/check.h"
#include "store/check/find.h"
#include "store/check/rules.h"

static void rules_copy(struct check *k, uint32_t n)
{
	const struct medium_copy *c = &k->m.copy[n];
	static const char *const words[] = {
		[SUPER_NONE] = "there is no superblock",
		[SUPER_VERSION] = "it is of another format version",
		[SUPER_DAMAGED] = "it is damaged",
		[SUPER_UNREADABLE] = "it cannot be read",
	};

	if (c->state != SUPER_VALID) {
		find_device(k,
			    c->state == SUPER_UNREADABLE ? WEIR_FINDING_UNREADABLE
							 : WEIR_FINDING_SUPERBLOCK,
			    FIND_DAMAGE, c->offset, "superblock copy %u: %s", n + 1,
			    words[c->state]);
		return;
	}
	if (memcmp(c->super.uuid, k->m.super.uuid, sizeof(c->super.uuid)) != 0)
		find_device(k, WEIR_FINDING_SUPERBLOCK, FIND_DAMAGE, c->offset,
			    "superblock copy %u belongs to another store", n + 1);
	else if (c->super.revision < k->m.super.revision)
		find_device(k, WEIR_FINDING_SUPERBLOCK, FIND_NOTE, c->offset,
			    "superblock copy %u is older: revision %llu, and the other has %llu",
			    n + 1, (unsigned long long)c->super.revision,
			    (unsigned long long)k->m.super.revision);
}

/* Two copies of one revision must have the same contents. */
static bool rules_copies_differ(const struct medium *m)
{
	static struct disk_super a, b;

	if (m->copy[0].state != SUPER_VALID || m->copy[1].state != SUPER_VALID ||
	    m->copy[0].super.revision != m->copy[1].super.revision ||
	    memcmp(m->copy[0].super.uuid, m->copy[1].super.uuid, sizeof(m->super.uuid)) != 0)
		return false;
	super_encode(&a, &m->copy[0].super, 1);
	super_encode(&b, &m->copy[1].super, 1);
	return memcmp(&a, &b, sizeof(a)) != 0;
}

void rules_supers(struct check *k)
{
	const struct medium *m = &k->m;

	rules_copy(k, 0);
	rules_copy(k, 1);
	if (rules_copies_differ(m))
		find_device(k, WEIR_FINDING_SUPERBLOCK, FIND_DAMAGE, m->copy[1].offset,
			    "the superblock copies have one revision and different contents");
	if (m->newest.epoch > m->super.epoch)
		find_device(k, WEIR_FINDING_SUPERBLOCK, FIND_DAMAGE, m->copy[0].offset,
			    "the superblock's epoch is %llu, and a segment has %llu",
			    (unsigned long long)m->super.epoch,
			    (unsigned long long)m->newest.epoch);
}

/* Marks a segment to be freed. Its free mark must be newer than what is in it, which may be newer
 * than every header: the header that told so is damaged. */
static void rules_free(struct check *k, uint32_t number)
{
	struct generation gen;

	k->mark[number] |= CHECK_MARK_FREE;
	if (content_is_batch(&k->c, 1, &gen) && generation_compare(gen, k->m.newest) > 0)
		k->m.newest = gen;
}

/* A segment that is out of use is never freed. */
static void rules_out_of_use(struct check *k, const struct medium_segment *s)
{
	const struct find_place at = { 0, 1, NULL };

	find_segment(k, WEIR_FINDING_OUT_OF_USE, FIND_NOTE, at,
		     s->aside ? "out of use, and set aside: what its footer names counts"
			      : "out of use");
	if (!s->aside)
		return;
	if (s->state == MEDIUM_UNREADABLE)
		find_segment(k, WEIR_FINDING_UNREADABLE, FIND_DAMAGE, at,
			     "the segment's header cannot be read");
	else if (s->state != MEDIUM_USED)
		find_segment(k, WEIR_FINDING_HEADER, FIND_DAMAGE, at,
			     "the segment's header is damaged: entries in it are lost");
}

void rules_header(struct check *k, uint32_t number)
{
	const struct medium_segment *s = &k->m.seg[number];
	const struct find_place at = { 0, 1, NULL };
	struct generation gen;

	CHECK(k->c.number == number);
	if (s->out) {
		rules_out_of_use(k, s);
		return;
	}
	if (s->state == MEDIUM_UNREADABLE) {
		find_segment(k, WEIR_FINDING_UNREADABLE, FIND_DAMAGE, at,
			     "the segment's header cannot be read");
		return;
	}
	if (s->state == MEDIUM_DAMAGED) {
		find_segment(k, WEIR_FINDING_HEADER, FIND_DAMAGE, at,
			     "the segment's header is damaged: entries in it are lost");
		rules_free(k, number);
		return;
	}
	if (content_is_batch(&k->c, 1, &gen) && generation_compare(gen, s->h.gen) > 0) {
		find_segment(
			k, WEIR_FINDING_STALE_HEADER, FIND_DAMAGE, at,
			"the header is older than the batches behind it (%llu.%llu, %llu.%llu)",
			(unsigned long long)s->h.gen.epoch, (unsigned long long)s->h.gen.counter,
			(unsigned long long)gen.epoch, (unsigned long long)gen.counter);
		rules_free(k, number);
		return;
	}
	if (s->bad_strikes)
		find_segment(k, WEIR_FINDING_FOOTER, FIND_DAMAGE, at,
			     "the strikes in the segment's header are damaged: a record that "
			     "does not count may be back");
	if (s->state == MEDIUM_USED && s->h.stream >= k->m.super.streams)
		find_segment(k, WEIR_FINDING_STREAM, FIND_DAMAGE, at,
			     "the segment is of stream %u, and the superblock has %u streams",
			     s->h.stream, k->m.super.streams);
}

/* A segment without a footer: of the newest life, and no newer one of its log has one: then a power
 * cut can have left it so. */
static void rules_unsealed(struct check *k, uint32_t n)
{
	const struct content *c = &k->c;
	const struct header *h = &k->m.seg[c->number].h;
	const struct find_place at = { k->m.lay->segment_blocks - 1, 1, NULL };
	bool gone = h->gen.epoch < k->m.newest.epoch || n + 1 < k->last_sealed[h->stream];

	if (c->footer_unreadable)
		find_segment(k, WEIR_FINDING_UNREADABLE, FIND_DAMAGE, at,
			     "the segment's footer cannot be read");
	else if (c->footer == FOOTER_DAMAGED)
		find_segment(k, WEIR_FINDING_FOOTER, FIND_DAMAGE, at,
			     "the segment's footer is damaged");
	else if (k->m.seg[c->number].aside)
		find_segment(
			k, WEIR_FINDING_FOOTER, FIND_DAMAGE, at,
			"the segment, which was set aside, has no footer: what it held is lost");
	else if (c->batches && gone)
		find_segment(k, WEIR_FINDING_FOOTER, FIND_DAMAGE, at,
			     "the segment has no footer, and newer ones have");
	else if (c->batches)
		find_segment(k, WEIR_FINDING_UNSEALED, FIND_NOTE, at,
			     "the segment was not sealed: the next open does it");
	k->result->unsealed_segments += c->batches > 0;
}

/* Returns true if everything before BLOCK of the segment was durable. */
static bool rules_durable(const struct check *k, uint32_t block)
{
	const struct header *h = &k->m.seg[k->c.number].h;
	struct logpos at = { h->gen, block };

	return k->c.footer == FOOTER_VALID || logpos_compare(at, k->durable[h->stream]) < 0;
}

static void rules_skipped(struct check *k)
{
	const struct content *c = &k->c;
	const struct find_place at = { c->skipped_at, 0, NULL };

	if (c->unreadable)
		find_segment(k, WEIR_FINDING_UNREADABLE, FIND_DAMAGE, at,
			     "%u blocks cannot be read", c->unreadable);
	if (!c->skipped)
		return;
	if (rules_durable(k, c->skipped_at))
		find_segment(k, WEIR_FINDING_BATCH, FIND_DAMAGE, at,
			     "%u blocks hold no batch, although what was there was durable",
			     c->skipped);
	else
		find_segment(k, WEIR_FINDING_BATCH, FIND_NOTE, at,
			     "%u blocks hold no batch: it was lost before it was durable",
			     c->skipped);
}

static bool rules_judged(const struct content *c, const struct content_batch *b)
{
	for (uint32_t n = 0; n < b->count; n++)
		if (!(c->record[b->first + n].flags & CONTENT_STRUCK))
			return true;
	return false;
}

/* Judges the place and the watermark of B. Returns the block behind it. */
static uint32_t rules_batch_order(struct check *k, const struct content_batch *b, uint32_t from)
{
	const struct find_place at = { b->h.place.block, b->h.blocks, NULL };
	struct logpos own = { b->h.place.gen, b->h.place.block };

	if (b->h.place.block < from)
		find_segment(k, WEIR_FINDING_ORDER, FIND_DAMAGE, at,
			     "the batch begins in front of block %u, where the one before ends",
			     from);
	if (b->h.place.block + b->h.blocks > k->c.end)
		find_segment(k, WEIR_FINDING_ORDER, FIND_DAMAGE, at,
			     "the batch ends behind block %u, where the footer says that all end",
			     k->c.end);
	if (logpos_compare(b->h.mark, own) > 0)
		find_segment(k, WEIR_FINDING_ORDER, FIND_DAMAGE, at,
			     "the batch's watermark is behind the batch");
	return b->h.place.block + b->h.blocks;
}

/* Sequence numbers rise in a log, except those of records that were appended again. They are
 * compared in one life. */
static void rules_sequence(struct check *k, const struct content_record *r)
{
	const struct header *h = &k->m.seg[k->c.number].h;
	const struct find_place at = { r->e.batch, 1, r };

	if (r->e.flags & DISK_AGAIN || r->flags & CONTENT_STRUCK || !r->e.sequence)
		return;
	if (h->gen.epoch != k->epoch)
		k->sequence = 0;
	k->epoch = h->gen.epoch;
	if (r->e.sequence <= k->sequence || r->e.sequence < h->sequence)
		find_segment(k, WEIR_FINDING_ORDER, FIND_DAMAGE, at,
			     "the record's sequence number %llu is not above %llu",
			     (unsigned long long)r->e.sequence,
			     (unsigned long long)(k->sequence > h->sequence ? k->sequence
									    : h->sequence));
	else
		k->sequence = r->e.sequence;
}

/* Returns true if no get looks for R on this device. A tombstone hides nothing there. */
static bool rules_is_misplaced(const struct content *c, const struct content_record *r)
{
	const struct super *super = &c->m->super;

	return !(r->flags & CONTENT_MISMATCH) && !(r->e.flags & DISK_TOMBSTONE) &&
	       r->e.hash[0] % super->device_count != super->device_index;
}

static void rules_payload(struct check *k, const struct content_record *r)
{
	const struct find_place at = { r->e.block, layout_blocks(k->m.lay, r->e.length), r };

	if (r->flags & CONTENT_UNREAD)
		find_segment(k, WEIR_FINDING_UNREADABLE, FIND_DAMAGE, at,
			     "the value cannot be read");
	else if (r->flags & CONTENT_WRONG && rules_durable(k, r->e.batch))
		find_segment(k, WEIR_FINDING_PAYLOAD, FIND_DAMAGE, at, "the value does not verify");
	else if (r->flags & CONTENT_WRONG)
		find_segment(k, WEIR_FINDING_PAYLOAD, FIND_NOTE, at,
			     "the value does not verify: it was lost before it was durable");
}

static void rules_misplaced(struct check *k, const struct content_record *r)
{
	const struct find_place at = { r->e.block, layout_blocks(k->m.lay, r->e.length), r };
	uint32_t count = k->m.super.device_count;

	if (rules_is_misplaced(&k->c, r))
		find_segment(k, WEIR_FINDING_MISPLACED, FIND_DAMAGE, at,
			     "the key belongs to device %u of the store, and this is device %u",
			     (uint32_t)(r->e.hash[0] % count) + 1, k->m.super.device_index + 1);
}

static void rules_record(struct check *k, const struct content_batch *b, uint32_t n)
{
	const struct content_record *r = &k->c.record[b->first + n];
	const struct find_place at = { b->h.place.block, 1, r };

	if (r->flags & CONTENT_STRUCK)
		return;
	if (r->flags & CONTENT_MISMATCH)
		find_segment(k, WEIR_FINDING_ENTRY, FIND_DAMAGE, at,
			     "the footer's entry contradicts the batch header");
	rules_misplaced(k, r);
	rules_payload(k, r);
	if (b->state == CONTENT_GOOD)
		rules_sequence(k, r);
}

static void rules_batch(struct check *k, const struct content_batch *b)
{
	const struct find_place at = { b->h.place.block, 1, NULL };

	if (!rules_judged(&k->c, b))
		return;
	if (b->state == CONTENT_UNREADABLE)
		find_segment(k, WEIR_FINDING_UNREADABLE, FIND_DAMAGE, at,
			     "the header of a batch of %u records cannot be read", b->count);
	if (b->state == CONTENT_DAMAGED)
		find_segment(k, WEIR_FINDING_BATCH, FIND_DAMAGE, at,
			     "the header of a batch is damaged: its %u keys are not known",
			     b->count);
	for (uint32_t n = 0; n < b->count; n++)
		rules_record(k, b, n);
}

bool rules_drops(const struct content *c, const struct content_batch *b,
		 const struct content_record *r)
{
	if (r->flags & CONTENT_STRUCK)
		return false;
	return b->state == CONTENT_DAMAGED || r->flags & (CONTENT_MISMATCH | CONTENT_WRONG) ||
	       rules_is_misplaced(c, r);
}

void rules_content(struct check *k, uint32_t n)
{
	const struct content *c = &k->c;
	uint32_t from = 1;

	if (c->footer != FOOTER_VALID)
		rules_unsealed(k, n);
	rules_skipped(k);
	for (uint32_t i = 0; i < c->batches; i++) {
		const struct content_batch *b = &c->batch[i];

		rules_batch(k, b);
		if (b->state == CONTENT_GOOD && rules_judged(c, b))
			from = rules_batch_order(k, b, from);
	}
}

void rules_conflicts(struct check *k)
{
	uint32_t stream, streams = k->m.super.streams;

	for (uint64_t n = 0; streams > 1 && n < k->live.room; n++) {
		const struct live_key *key = &k->live.keys[n];

		if (!(key->place & 1))
			continue;
		for (stream = key->stream + 1; stream < streams; stream++)
			if (live_find(&k->live, stream, key->hash))
				find_device(k, WEIR_FINDING_CONFLICT, FIND_NOTE,
					    k->m.lay->data_offset +
						    (key->place >> 1 << k->m.lay->block_shift),
					    "a key lives in streams %u and %u", key->stream,
					    stream);
	}
}
