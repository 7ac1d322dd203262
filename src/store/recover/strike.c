/* SPDX-License-Identifier: Apache-2.0 */
/*
 * strike.c - keeps records out of all later lives that have lost a conflict, or were dropped.
 *
 * The footer of their segment says so. If a footer cannot be written, the strikes behind the
 * segment's header say it (format/strikes.h): one bad block, or a full filesystem, must not lock
 * the store, and the records must not come back. A segment whose records all count just stays
 * without a footer, as in a running store.
 *
 * Both a footer and strikes are on the medium before anything builds on them: the first batch of
 * this life is written after the flush of its segment's header, and a free mark after a flush. This
 * file runs on the opening thread and owns the strikes in memory.
 */
#include <errno.h>
#include <stdlib.h>

#include "base/error.h"
#include "store/format/header.h"
#include "store/recover/recovery.h"

/* Reads the header of FOUND, which has GEN, once more into BUF, and decodes its strikes. They stay
 * damaged if the header is another one now. */
static int strike_again(struct recover *r, const struct found *found, void *buf,
			struct generation gen, struct strikes *s, enum strikes_state *state)
{
	const struct store_io *io = r->io;
	uint32_t number = found->seg->number;
	struct header h;
	int err = syncio_read(io->q, layout_offset(io->lay, number, 0), buf, io->lay->block_bytes);

	r->counts->rereads++;
	if (!err && header_decode(&h, buf, number, &io->key, io->super.uuid) &&
	    !generation_compare(h.gen, gen))
		*state = strikes_decode(s, buf, number, gen, &io->key);
	return err;
}

int strike_read(struct recover *r, struct found *found, void *buf, struct generation gen)
{
	struct strikes s;
	enum strikes_state state = strikes_decode(&s, buf, found->seg->number, gen, &r->io->key);
	int err = 0;

	/* Without them records come back that were dropped, or that lost a conflict. So they count
	 * as damaged after two wrong reads, like the header. */
	if (state == STRIKES_DAMAGED)
		err = strike_again(r, found, buf, gen, &s, &state);
	/* They replaced a footer, and are counted as one. */
	r->counts->bad_footers += !err && state == STRIKES_DAMAGED;
	if (err || state != STRIKES_VALID)
		return err;
	found->strikes = malloc(sizeof(s));
	if (!found->strikes)
		return -ENOMEM;
	*found->strikes = s;
	return 0;
}

void strike_free(struct recover *r)
{
	for (uint32_t n = 0; n < r->count; n++) {
		free(r->found[n].strikes);
		r->found[n].strikes = NULL;
	}
}

/* Writes S into the header of SEG, which is read for that. */
static int strike_write(struct store_io *io, const struct segment *seg, const struct strikes *s)
{
	uint64_t offset = layout_offset(io->lay, seg->number, 0);
	size_t bytes = io->lay->block_bytes;
	struct header h;
	void *buf = bufpool_get(&io->pool, bytes);
	int err;

	if (!buf)
		return error_set(-ENOMEM, "%s: out of memory", weir_device_path(io->dev));
	err = syncio_read(io->q, offset, buf, bytes);
	if (!err && (!header_decode(&h, buf, seg->number, &io->key, io->super.uuid) ||
		     generation_compare(h.gen, seg->gen) != 0))
		err = error_set(-EIO, "%s: the header of segment %u has changed since it was read",
				weir_device_path(io->dev), seg->number);
	if (!err) {
		strikes_encode(buf, s, seg->number, seg->gen, &io->key);
		wear_spend(&io->wear, bytes);
		err = syncio_write(io->q, offset, buf, bytes);
	}
	bufpool_put(&io->pool, buf, bytes);
	return err;
}

/* Law unsealed: a footer that cannot be written costs nothing: what it should have left out or
 * struck is noted in the header, and the store opens. */
int strike_unwritten(struct recover *r, const struct found *found, const struct disk_entry *entries,
		     uint32_t count, int err)
{
	struct strikes s = { .count = 0 };

	if (err == -ENOMEM || err == -ENODEV)
		return error_set(err, "%s (the footer of segment %u)", weir_error(),
				 found->seg->number);
	r->counts->unsealed++;
	if (!found->struck && !found->dropped)
		return 0;
	if (found->strikes)
		s = *found->strikes;
	/* If there is no room, ERR is what the footer brought. */
	if (strikes_add(&s, entries, count))
		err = strike_write(r->io, found->seg, &s);
	/* Dropped records are dropped again by each later walk, unless their bytes change. */
	if (!err || (!found->struck && err != -ENOMEM && err != -ENODEV))
		return 0;
	return unread_unwritten(r, found->seg, err);
}

/* Law struck (conflict_strike): the record that has lost is struck on the medium before the one
 * that has won can leave. */
int strike_footers(struct recover *r)
{
	struct conflict_footer *f;
	int err = 0;

	while (!err && (f = conflict_next(&r->conflict))) {
		if (!r->io->read_only) {
			wear_spend(&r->io->wear, f->bytes);
			err = syncio_write(r->io->q, f->offset, f->buf, f->bytes);
		}
		if (err)
			err = strike_unwritten(r, f->of, f->buf, f->count, err);
		conflict_drop(&r->conflict, f);
	}
	return err;
}
