/* SPDX-License-Identifier: Apache-2.0 */
/*
 * repair.c - drops what is damaged: frees segments, and strikes records in footers.
 *
 * Each write leaves the store valid: a free mark is a header of its own, and a footer is valid
 * before and after one of its entries is struck. So a repair may be interrupted at any write and
 * made again. It runs on the thread that checks, and owns nothing.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/error.h"
#include "store/check/check.h"
#include "store/check/rules.h"

/* Recovery might choose the copy of another store, so both are the store's own before it runs. */
int check_write_supers(struct check *k)
{
	struct medium *m = &k->m;
	struct superio_found found = { .unwritable = { false, false } };
	bool whole = true;
	uint32_t n;

	for (n = 0; n < 2; n++) {
		const struct medium_copy *c = &m->copy[n];

		found.state[n] = c->state;
		if (c->state == SUPER_VALID &&
		    memcmp(c->super.uuid, m->super.uuid, sizeof(m->super.uuid)) != 0)
			found.state[n] = SUPER_NONE;
		found.revision[n] = found.state[n] == SUPER_VALID ? c->super.revision : 0;
		whole = whole && found.state[n] == SUPER_VALID;
	}
	if (whole)
		return 0;
	m->super.revision++;
	return superio_write(k->q, &m->super, &found, true);
}

static int repair_free(struct check *k, uint32_t number, void *block)
{
	const struct layout *l = k->m.lay;
	struct header h = { .segment = number, .state = DISK_FREE };

	/* It is newer than everything in the segment, so that nothing behind it counts. */
	k->m.newest.counter++;
	h.gen = k->m.newest;
	memset(block, 0, l->block_bytes);
	header_encode(block, &h, &k->m.key, k->m.super.uuid);
	return syncio_write(k->q, layout_offset(l, number, 0), block, l->block_bytes);
}

int check_free_marked(struct check *k)
{
	const struct layout *l = k->m.lay;
	void *block;
	uint32_t n;
	int err = 0;

	if (posix_memalign(&block, 65536, l->block_bytes))
		return error_sys(-ENOMEM, "cannot repair the store");
	for (n = 0; n < l->segments && !err; n++) {
		if (!(k->mark[n] & CHECK_MARK_FREE))
			continue;
		err = repair_free(k, n, block);
		k->result->freed_segments += !err;
	}
	free(block);
	/* The open that follows flushes before it writes. */
	return err;
}

/* Strikes record N, and writes the blocks of the footer that hold its entry. The flags of an entry
 * lie in one sector. */
static int repair_strike(struct check *k, uint32_t n)
{
	struct content *c = &k->c;
	const struct layout *l = k->m.lay;
	size_t at = n * sizeof(struct disk_entry) + offsetof(struct disk_entry, flags);
	uint32_t block = (uint32_t)(at >> l->block_shift);

	CHECK(c->footer == FOOTER_VALID && n < c->f.count && block < c->f.blocks);
	footer_entry_strike((struct disk_entry *)c->footer_buf + n);
	CHECK(footer_check(&c->f, c->footer_buf, l, &k->m.key));
	k->result->dropped_records++;
	return syncio_write(k->q, layout_offset(l, c->number, c->f.place.block + block),
			    c->footer_buf + ((size_t)block << l->block_shift), l->block_bytes);
}

static int repair_segment(struct check *k, uint32_t number)
{
	struct content *c = &k->c;
	int err = content_read(c, &k->m, number, NULL);

	/* Without a footer it was freed, or could not be sealed. */
	if (err || c->footer != FOOTER_VALID)
		return err;
	for (uint32_t i = 0; i < c->batches && !err; i++) {
		const struct content_batch *b = &c->batch[i];

		for (uint32_t n = b->first; n < b->first + b->count && !err; n++) {
			if (k->opts->data)
				content_verify(c, n);
			if (rules_drops(c, b, &c->record[n]))
				err = repair_strike(k, n);
		}
	}
	return content_memory(c, err);
}

int check_strike_marked(struct check *k, const struct check *earlier)
{
	uint32_t n;
	int err = 0;

	CHECK(k->m.lay->segments == earlier->m.lay->segments);
	for (n = 0; n < k->m.used && !err; n++)
		if (earlier->mark[k->m.order[n]] & CHECK_MARK_STRIKE)
			err = repair_segment(k, k->m.order[n]);
	return err ? err : syncio_flush(k->q);
}
