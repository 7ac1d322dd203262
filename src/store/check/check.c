/* SPDX-License-Identifier: Apache-2.0 */
/*
 * check.c - goes through a store, log by log and segment by segment, and judges each.
 *
 * A first pass over the segments without a footer finds the watermarks. This file owns struct check
 * and runs on the thread that checks, which owns the queue's loop.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "store/check/check.h"
#include "store/check/find.h"
#include "store/check/rules.h"

int check_open(struct check *k, struct weir_queue *q, const struct weir_check_opts *opts,
	       struct weir_check_result *result)
{
	int err;

	memset(k, 0, sizeof(*k));
	k->q = q;
	k->opts = opts;
	k->result = result;
	err = medium_read(&k->m, q);
	if (err)
		return err;
	k->mark = calloc(k->m.lay->segments, sizeof(*k->mark));
	if (!k->mark)
		return error_sys(-ENOMEM, "%s: cannot check the store",
				 weir_device_path(weir_queue_device(q)));
	k->total_bytes = check_bytes(k);
	return 0;
}

uint64_t check_bytes(const struct check *k)
{
	return k->m.used * k->m.lay->segment_bytes;
}

void check_close(struct check *k)
{
	if (k->load.m)
		load_free(&k->load);
	content_free(&k->c);
	live_free(&k->live);
	medium_free(&k->m);
	free(k->mark);
	k->mark = NULL;
}

static void check_headers(struct check *k)
{
	for (uint32_t n = 0; n < k->m.lay->segments; n++) {
		content_reset(&k->c, &k->m, n);
		rules_header(k, n);
		k->result->segments++;
		k->result->used_segments += k->m.seg[n].state == MEDIUM_USED;
		k->result->free_segments += k->m.seg[n].state == MEDIUM_FREE;
	}
}

/* Returns true if segment NUMBER has a trailer of its own. */
static bool check_has_trailer(struct check *k, uint32_t number)
{
	content_reset(&k->c, &k->m, number);
	return content_trailer(&k->c) == FOOTER_VALID;
}

/* Finds the watermark of each log: the highest in its segments without a footer. */
static int check_watermarks(struct check *k)
{
	for (uint32_t n = 0; n < k->m.used; n++) {
		uint32_t number = k->m.order[n], stream = k->m.seg[number].h.stream;
		int err;

		if (check_has_trailer(k, number)) {
			k->last_sealed[stream] = n + 1;
			continue;
		}
		err = content_read(&k->c, &k->m, number, NULL);
		if (err)
			return err;
		for (uint32_t i = 0; i < k->c.batches; i++)
			if (logpos_compare(k->c.batch[i].h.mark, k->durable[stream]) > 0)
				k->durable[stream] = k->c.batch[i].h.mark;
	}
	return 0;
}

static void check_count(struct check *k)
{
	const struct content *c = &k->c;

	k->result->batches += c->batches;
	k->result->records += c->records;
	for (uint32_t n = 0; n < c->records; n++) {
		k->result->struck += c->record[n].flags & CONTENT_STRUCK ? 1 : 0;
		k->result->tombstones += c->record[n].e.flags & DISK_TOMBSTONE ? 1 : 0;
	}
}

static int check_note_live(struct check *k)
{
	const struct content *c = &k->c;
	const struct layout *l = k->m.lay;
	uint32_t stream = k->m.seg[c->number].h.stream;
	int err = 0;

	for (uint32_t n = 0; n < c->records && !err; n++)
		err = live_note(&k->live, stream, &c->record[n].e,
				layout_position(l, c->number, c->record[n].e.block));
	return err;
}

static void check_verify(struct check *k)
{
	for (uint32_t n = 0; n < k->c.records; n++) {
		if (k->c.record[n].e.flags & DISK_TOMBSTONE)
			continue;
		k->result->verified++;
		k->result->verified_bytes += content_verify(&k->c, n);
	}
}

/* Returns true if the content has records that a repair drops. */
static bool check_has_dropped(const struct content *c)
{
	for (uint32_t i = 0; i < c->batches; i++)
		for (uint32_t n = 0; n < c->batch[i].count; n++)
			if (rules_drops(c, &c->batch[i], &c->record[c->batch[i].first + n]))
				return true;
	return false;
}

/* Reads and judges used segment number N in the order. */
static int check_segment(struct check *k, uint32_t n, const uint8_t *whole)
{
	uint32_t number = k->m.order[n];
	int err = content_read(&k->c, &k->m, number, whole);

	if (err)
		return err;
	if (k->opts->data)
		check_verify(k);
	err = content_memory(&k->c, 0);
	if (err)
		return err;
	check_count(k);
	if (check_has_dropped(&k->c))
		k->mark[number] |= CHECK_MARK_STRIKE;
	rules_content(k, n);
	return content_memory(&k->c, check_note_live(k));
}

static void check_progress(struct check *k)
{
	k->done_bytes += k->m.lay->segment_bytes;
	if (k->opts->progress)
		k->opts->progress(k->opts->user, k->done_bytes, k->total_bytes);
}

/* Reads and judges each used segment that is not to be freed. Those to be freed are skipped, as
 * their header does not tell what belongs to them. */
static int check_segments(struct check *k)
{
	uint32_t n, begun = 0;
	int err = 0;

	for (n = 0; n < k->m.used && !err; n++) {
		const uint8_t *whole = NULL;
		uint32_t number = k->m.order[n];

		if (n && k->m.seg[number].h.stream != k->m.seg[k->m.order[n - 1]].h.stream)
			k->epoch = k->sequence = 0;
		for (; k->opts->data && begun < k->m.used && begun < n + LOAD_BUFFERS - 1; begun++)
			load_begin(&k->load, k->m.order[begun]);
		if (k->opts->data) {
			whole = load_wait(&k->load, number);
			if (begun < k->m.used)
				load_begin(&k->load, k->m.order[begun++]);
		}
		if (!(k->mark[number] & CHECK_MARK_FREE))
			err = check_segment(k, n, whole);
		check_progress(k);
	}
	return err;
}

static void check_count_live(struct check *k)
{
	for (uint64_t n = 0; n < k->live.room; n++) {
		const struct live_key *key = &k->live.keys[n];

		if (!(key->place & 1))
			continue;
		k->result->entries++;
		k->result->live_bytes += key->length;
	}
}

void check_absent(struct check *k, uint32_t n)
{
	k->result->absent++;
	find_absent(k, n);
}

int check_run(struct check *k)
{
	int err;

	k->result->devices++;
	rules_supers(k);
	if (!k->m.headers && k->m.damaged)
		return superpick_foreign(weir_device_path(weir_queue_device(k->q)));
	err = k->opts->data ? load_init(&k->load, &k->m) : 0;
	check_headers(k);
	if (!err)
		err = check_watermarks(k);
	if (!err)
		err = check_segments(k);
	if (k->load.m)
		load_free(&k->load);
	if (err)
		return error_sys(err, "%s: cannot check the store",
				 weir_device_path(weir_queue_device(k->q)));
	rules_conflicts(k);
	check_count_live(k);
	return 0;
}
