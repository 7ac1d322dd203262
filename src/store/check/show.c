/* SPDX-License-Identifier: Apache-2.0 */
/*
 * show.c - goes through the structures of a store, and gives each to the program.
 *
 * A first pass finds which records are live. This file owns struct show and runs on the thread that
 * looks, which owns the queue's loop.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "store/check/content.h"
#include "store/check/live.h"
#include "store/check/show.h"

struct show {
	const struct weir_dump_opts *opts;
	struct medium m;
	struct content c;
	struct live live;
	uint64_t hash[2]; /* of opts->key */
	bool freed;	  /* the content is left over in a free segment */
};

static void show_super(const struct show *s, uint32_t n)
{
	static const char *const words[] = {
		[SUPER_VALID] = "valid",	   [SUPER_NONE] = "absent",
		[SUPER_VERSION] = "version",	   [SUPER_DAMAGED] = "damaged",
		[SUPER_UNREADABLE] = "unreadable",
	};
	const struct medium_copy *c = &s->m.copy[n];
	const struct super *super = &c->super;
	struct weir_dump_super d = {
		.size = sizeof(d), .copy = n + 1, .state = words[c->state], .offset = c->offset
	};

	if (c->state == SUPER_VALID) {
		d.counts = super->revision == s->m.super.revision &&
			   !memcmp(super->uuid, s->m.super.uuid, sizeof(super->uuid));
		memcpy(d.uuid, super->uuid, sizeof(d.uuid));
		d.revision = super->revision;
		d.epoch = super->epoch;
		d.created_ns = super->created_ns;
		d.device_bytes = super->layout.device_bytes;
		d.capacity_bytes = super->layout.capacity_bytes;
		d.segment_bytes = super->layout.segment_bytes;
		d.segments = super->layout.segments;
		d.block_bytes = super->layout.block_bytes;
		d.streams = super->streams;
		d.tenants = super->tenants;
		d.out_of_use = super->out_count;
	}
	d.device = s->m.super.device_index + 1;
	d.devices = s->m.super.device_count;
	d.path = weir_device_path(weir_queue_device(s->m.q));
	if (s->opts->super)
		s->opts->super(s->opts->user, &d);
}

/* Returns true if record R is the one that a get finds. */
static bool show_is_live(const struct show *s, const struct content_record *r)
{
	const struct live_key *key;

	if (s->freed || r->e.flags & DISK_TOMBSTONE)
		return false;
	key = live_find(&s->live, s->m.seg[s->c.number].h.stream, r->e.hash);
	return key && key->place >> 1 == layout_position(s->m.lay, s->c.number, r->e.block);
}

static const char *show_state(const struct medium_segment *seg)
{
	static const char *const words[] = {
		[MEDIUM_FREE] = "free",
		[MEDIUM_USED] = "used",
		[MEDIUM_DAMAGED] = "damaged",
		[MEDIUM_UNREADABLE] = "unreadable",
	};

	return seg->aside ? "set aside" : seg->out ? "out of use" : words[seg->state];
}

static void show_segment(const struct show *s)
{
	static const char *const footers[] = {
		[FOOTER_VALID] = "valid", [FOOTER_NONE] = "none", [FOOTER_DAMAGED] = "damaged"
	};
	const struct content *c = &s->c;
	const struct medium_segment *seg = &s->m.seg[c->number];
	bool used = seg->state == MEDIUM_USED;
	struct weir_dump_segment d = { .size = sizeof(d),
				       .segment = c->number,
				       .stream = used ? seg->h.stream : 0,
				       .state = show_state(seg),
				       .footer = used ? footers[c->footer] : "",
				       .offset = layout_offset(s->m.lay, c->number, 0),
				       .epoch = seg->h.gen.epoch,
				       .counter = seg->h.gen.counter,
				       .sequence = seg->h.sequence,
				       .time_ns = seg->h.time_ns,
				       .batches = c->batches,
				       .records = c->records,
				       .end_block = c->end,
				       .device = s->m.super.device_index + 1 };

	for (uint32_t n = 0; n < c->records; n++) {
		bool live = show_is_live(s, &c->record[n]);

		d.live_records += live;
		d.live_bytes += live ? c->record[n].e.length : 0;
	}
	if (s->opts->on_segment && !s->opts->key)
		s->opts->on_segment(s->opts->user, &d);
}

static void show_record(const struct show *s, const struct content_batch *b,
			const struct content_record *r)
{
	struct weir_dump_record d = { .size = sizeof(d),
				      .segment = s->c.number,
				      .batch_block = b->h.place.block,
				      .block = r->e.block,
				      .length = r->e.length,
				      .sequence = r->e.sequence,
				      .checksum = r->e.checksum,
				      .epoch = b->h.place.gen.epoch,
				      .time_ns = b->h.time_ns,
				      .hash = { r->e.hash[0], r->e.hash[1] },
				      .key = r->key,
				      .key_len = r->key ? r->e.key_len : 0,
				      .live = show_is_live(s, r),
				      .tombstone = r->e.flags & DISK_TOMBSTONE ? 1 : 0,
				      .struck = r->flags & CONTENT_STRUCK ? 1 : 0,
				      .again = r->e.flags & DISK_AGAIN ? 1 : 0,
				      .freed = s->freed,
				      .device = s->m.super.device_index + 1 };

	if (!s->freed)
		d.stream = s->m.seg[s->c.number].h.stream;
	if (r->e.block)
		d.offset = layout_offset(s->m.lay, s->c.number, r->e.block);
	if (d.struck)
		d.tombstone = 0;
	if (s->opts->on_record)
		s->opts->on_record(s->opts->user, &d);
}

static bool show_wants(const struct show *s, const struct content_record *r)
{
	return !s->opts->key || !memcmp(r->e.hash, s->hash, sizeof(s->hash));
}

static void show_batch(const struct show *s, const struct content_batch *b)
{
	static const char *const words[] = { [CONTENT_GOOD] = "valid",
					     [CONTENT_DAMAGED] = "damaged",
					     [CONTENT_UNREADABLE] = "unreadable" };
	struct weir_dump_batch d = { .size = sizeof(d),
				     .segment = s->c.number,
				     .block = b->h.place.block,
				     .blocks = b->h.blocks,
				     .records = b->count,
				     .state = words[b->state],
				     .offset =
					     layout_offset(s->m.lay, s->c.number, b->h.place.block),
				     .time_ns = b->h.time_ns,
				     .mark_epoch = b->h.mark.gen.epoch,
				     .mark_counter = b->h.mark.gen.counter,
				     .mark_block = b->h.mark.block,
				     .freed = s->freed,
				     .device = s->m.super.device_index + 1 };

	if (s->opts->one_batch && s->opts->batch != b->h.place.block)
		return;
	if (s->opts->on_batch && !s->opts->key)
		s->opts->on_batch(s->opts->user, &d);
	for (uint32_t n = b->first; n < b->first + b->count; n++)
		if (show_wants(s, &s->c.record[n]))
			show_record(s, b, &s->c.record[n]);
}

/* Reads segment NUMBER and shows it. */
static int show_content(struct show *s, uint32_t number)
{
	const struct medium_segment *seg = &s->m.seg[number];
	int err = 0;

	if (s->opts->one_segment && s->opts->segment != number)
		return 0;
	content_reset(&s->c, &s->m, number);
	s->freed = seg->state != MEDIUM_USED;
	if (seg->state == MEDIUM_USED && (!seg->out || seg->aside))
		err = content_read(&s->c, &s->m, number, NULL);
	else if (seg->state == MEDIUM_FREE && s->opts->freed)
		err = content_read_freed(&s->c, &s->m, number);
	if (err)
		return err;
	show_segment(s);
	for (uint32_t n = 0; n < s->c.batches; n++)
		show_batch(s, &s->c.batch[n]);
	return 0;
}

/* Finds which records are live. */
static int show_find_live(struct show *s)
{
	int err = 0;

	for (uint32_t i = 0; i < s->m.used && !err; i++) {
		uint32_t number = s->m.order[i];
		const struct content *c = &s->c;

		err = content_read(&s->c, &s->m, number, NULL);
		for (uint32_t n = 0; n < c->records && !err; n++)
			if (show_wants(s, &c->record[n]))
				err = live_note(
					&s->live, s->m.seg[number].h.stream, &c->record[n].e,
					layout_position(s->m.lay, number, c->record[n].e.block));
	}
	return err;
}

static int show_all(struct show *s)
{
	int err = show_find_live(s);
	uint32_t n;

	/* What was freed is older than what is used. */
	for (n = 0; n < s->m.lay->segments && !err; n++)
		if (s->m.seg[n].state != MEDIUM_USED || (s->m.seg[n].out && !s->m.seg[n].aside))
			err = show_content(s, n);
	for (n = 0; n < s->m.used && !err; n++)
		err = show_content(s, s->m.order[n]);
	return err;
}

int show_store(struct weir_queue *q, const struct weir_dump_opts *opts)
{
	struct show *s = calloc(1, sizeof(*s));
	int err;

	if (!s)
		return error_sys(-ENOMEM, "cannot look at the store");
	s->opts = opts;
	err = medium_read(&s->m, q);
	if (!err && opts->one_segment && opts->segment >= s->m.lay->segments)
		err = error_set(-EINVAL, "no segment %u: the store has %u", opts->segment,
				s->m.lay->segments);
	if (!err) {
		if (opts->key)
			checksum_identity(&s->m.key, opts->key, opts->key_len, s->hash);
		show_super(s, 0);
		show_super(s, 1);
		err = show_all(s);
		if (err)
			error_sys(err, "cannot look at the store");
	}
	content_free(&s->c);
	live_free(&s->live);
	medium_free(&s->m);
	free(s);
	return err;
}
