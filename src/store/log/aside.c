/* SPDX-License-Identifier: Apache-2.0 */
/*
 * aside.c - sets a segment aside that cannot be freed, because entries that live in it could not be
 * read, and may be intact.
 *
 * It leaves its log and is out of use, but its entries stay in the index, and each get tries the
 * read again. Later lives find them by its footer. Of what else that footer names, and of what
 * leaves the segment later, the newer records lie behind it in its log. So before the next segment
 * of the log is freed, these entries are struck in the footer, when what supersedes them is on the
 * medium. A footer is valid before, while and after it is struck. Where a footer cannot be written,
 * the superblock says that it does not count: then the entries stay until the store is closed.
 *
 * This file owns struct aside and runs on the loop's thread.
 */
#include <errno.h>

#include "base/check.h"
#include "store/format/header.h"
#include "store/log/logs.h"
#include "store/log/reclaim.h"

/* A read or write is tried so often in all. */
#define ASIDE_TRIES 3u

static struct aside *aside_of(struct job *job)
{
	return &reclaim_of(job)->aside;
}

/* Returns true if entry E of SEG is what the index finds. */
static bool aside_lives(const struct footer_entry *e, const struct segment *seg, const void *user)
{
	const struct logs *ls = user;
	struct index_value value;

	return logs_find(ls, e->hash, &value) &&
	       value.position == layout_position(ls->io->lay, seg->number, e->block);
}

/* Strikes in memory what has left the segments of L that are set aside. Returns true if the medium
 * must be told. */
static bool aside_strike(const struct log *l)
{
	struct segment *seg;
	bool unwritten = false;

	TAILQ_FOREACH(seg, &l->segs.aside, link) {
		if (seg->named && seg->stale)
			segment_strike_dead(seg, aside_lives, l->all);
		unwritten |= seg->unwritten;
	}
	return unwritten;
}

/* Returns the segment whose footer must be written, or NULL. The one that is reclaimed is the
 * last. */
static struct segment *aside_next(struct job *job)
{
	struct segment *seg;

	TAILQ_FOREACH(seg, &job->log->segs.aside, link)
		if (seg->unwritten)
			return seg;
	return aside_of(job)->own ? job->seg : NULL;
}

static void aside_write(struct job *job);

static void aside_forgotten(struct job *job, int result)
{
	struct aside *a = aside_of(job);

	if (result) {
		a->next(job, result);
		return;
	}
	segment_unname(a->seg);
	aside_write(job);
}

/* Handles a footer that could not be written. That of the reclaimed segment does not count yet; if
 * another one does not say what has left, it must count no more. */
static void aside_unwritten(struct job *job)
{
	struct aside *a = aside_of(job);

	if (a->seg != job->seg) {
		out_forget(job, a->seg, aside_forgotten);
		return;
	}
	a->named = a->own = false;
	aside_write(job);
}

static void aside_written(struct job *job, int result)
{
	struct aside *a = aside_of(job);

	if (result && ++a->tries < ASIDE_TRIES && !job->log->io->broken) {
		job_write_at(job, job->sio.io.offset, aside_written);
		return;
	}
	job_drop_memory(job);
	if (result) {
		aside_unwritten(job);
		return;
	}
	segment_struck(a->seg);
	if (a->seg == job->seg)
		a->own = false;
	else
		a->unflushed = true;
	aside_write(job);
}

static void aside_flushed(struct job *job, int result);

/* Writes the next footer that must be written. That of the reclaimed segment comes last, and when
 * the others are on the medium: made from the index, it names no tombstones, and one of these may
 * have deleted what is struck there. */
static void aside_write(struct job *job)
{
	struct aside *a = aside_of(job);
	struct store_io *io = job->log->io;
	struct footer f;

	a->seg = aside_next(job);
	a->tries = 0;
	if (!a->seg) {
		a->next(job, 0);
		return;
	}
	if (a->seg == job->seg && a->unflushed) {
		job_flush(job, aside_flushed);
		return;
	}
	seal_footer(io, a->seg, &f, &job->buf);
	job->bytes = (size_t)f.blocks << io->lay->block_shift;
	if (!job->buf) {
		a->next(job, -ENOMEM);
		return;
	}
	job->log->written_bytes += job->bytes;
	job_write_at(job, layout_offset(io->lay, a->seg->number, f.place.block), aside_written);
}

/* Writes the footers when what must be there before is on the medium. */
static void aside_flushed(struct job *job, int result)
{
	struct aside *a = aside_of(job);

	a->unflushed = false;
	if (result)
		a->next(job, result);
	else
		aside_write(job);
}

void aside_settle(struct job *job, void (*next)(struct job *job, int result))
{
	struct aside *a = aside_of(job);

	CHECK(!a->own);
	a->next = next;
	/* Law aside-struck (aside_strike, aside_flushed): what has left a segment that is set aside
	 * is struck in its footer before what superseded it is freed, and after that was on the
	 * medium. */
	if (aside_strike(job->log))
		job_flush(job, aside_flushed);
	else
		next(job, 0);
}

/* Ends the preparation. */
static void aside_end(struct job *job, int result)
{
	struct aside *a = aside_of(job);

	job_drop_memory(job);
	if (result || !a->named)
		segment_drop_entries(job->seg);
	a->end(job, result);
}

/* Returns true if the memory of JOB has a footer of its segment. */
static bool aside_is_footer(const struct job *job)
{
	const struct store_io *io = job->log->io;
	const uint8_t *last = (const uint8_t *)job->buf + job->bytes - io->lay->block_bytes;
	const struct segment *seg = job->seg;
	struct footer f;

	return footer_peek(&f, last, seg->number, seg->gen, io->lay) == FOOTER_VALID &&
	       (size_t)f.blocks << io->lay->block_shift == job->bytes &&
	       footer_check(&f, job->buf, io->lay, &io->key);
}

static void aside_footer_again(struct job *job, int result)
{
	aside_of(job)->named = !result && aside_is_footer(job);
	aside_end(job, 0);
}

/* Reads the footer again if the header can be read: a later life that cannot read them would not
 * open. */
static void aside_header_again(struct job *job, int result)
{
	struct aside *a = aside_of(job);
	const struct store_io *io = job->log->io;
	uint32_t blocks = layout_footer_blocks(io->lay, job->seg->records);
	struct header h;

	a->named = !result &&
		   header_decode(&h, job->buf, job->seg->number, &io->key, io->super.uuid) &&
		   !generation_compare(h.gen, job->seg->gen);
	job_drop_memory(job);
	if (!a->named)
		aside_end(job, 0);
	else if (job_take_memory(job, (size_t)blocks << io->lay->block_shift))
		aside_end(job, -ENOMEM);
	else
		job_read(job, io->lay->segment_blocks - blocks, aside_footer_again);
}

static void aside_on_medium(struct job *job, int result)
{
	if (result || !aside_of(job)->named)
		aside_end(job, result);
	else if (job_take_memory(job, job->log->io->lay->block_bytes))
		aside_end(job, -ENOMEM);
	else
		job_read(job, 0, aside_header_again);
}

static void aside_all_written(struct job *job, int result)
{
	if (result)
		aside_end(job, result);
	else
		job_flush(job, aside_on_medium);
}

/* Strikes in memory what does not live in the segment any more, and begins to write. */
static void aside_name(struct job *job)
{
	struct aside *a = aside_of(job);
	struct segment *seg = job->seg;

	job_drop_memory(job);
	/* A writer always leaves room for the footer; a forged image might not. */
	a->own = a->named =
		seg->records && seg->used + layout_footer_blocks(job->log->io->lay, seg->records) <=
					job->log->io->lay->segment_blocks;
	if (a->own)
		segment_strike_dead(seg, aside_lives, job->log->all);
	aside_strike(job->log);
	a->next = aside_all_written;
	/* What survived, and what superseded the struck entries, must be on the medium first. */
	job_flush(job, aside_flushed);
}

/* Adds the entry of HASH, which lives in a segment as VALUE, to the entries of its footer to be. */
static void aside_add(const uint64_t hash[2], const struct index_value *value, void *user)
{
	struct job *job = user;
	struct aside *a = aside_of(job);
	/* The index knows no more: the sequence number is 0, and the key is in some batch. */
	struct footer_entry e = { .hash = { hash[0], hash[1] },
				  .checksum = value->checksum,
				  .length = value->length,
				  .block =
					  layout_position_block(job->log->io->lay, value->position),
				  .batch = 1,
				  .key_len = 1 };

	if (!a->err)
		a->err = segment_reserve_entries(job->seg, 1);
	if (!a->err)
		segment_add_entry(job->seg, &e);
}

/* Takes the entries from the index, because the footer cannot be read. */
static void aside_collect(struct job *job)
{
	struct aside *a = aside_of(job);

	CHECK(!a->err);
	a->err = segment_load_entries(job->seg, NULL, 0);
	logs_each_in(job->log->all, job->seg, aside_add, job);
	if (a->err)
		aside_end(job, a->err);
	else
		aside_name(job);
}

/* Takes the entries over from the footer if it can be read. */
static void aside_footer_read(struct job *job, int result)
{
	struct aside *a = aside_of(job);
	struct segment *seg = job->seg;
	struct footer f;

	if (!result && entries_footer(job->log->all, seg, &f, job->buf, job->bytes)) {
		if (segment_load_entries(seg, job->buf, f.count))
			aside_end(job, -ENOMEM);
		else
			aside_name(job);
	} else if (++a->tries < ASIDE_TRIES) {
		job_read(job, job->log->io->lay->segment_blocks - seg->footer_blocks,
			 aside_footer_read);
	} else {
		aside_collect(job);
	}
}

static void aside_read_footer(struct job *job)
{
	const struct layout *lay = job->log->io->lay;
	uint32_t blocks = job->seg->footer_blocks;

	aside_of(job)->tries = 0;
	if (!blocks)
		aside_collect(job);
	else if (job_take_memory(job, (size_t)blocks << lay->block_shift))
		aside_end(job, -ENOMEM);
	else
		job_read(job, lay->segment_blocks - blocks, aside_footer_read);
}

/* Goes on if a copy of the superblock can be read. A drive that reads nothing has no bad segment,
 * and would lose one after the other. */
static void aside_probed(struct job *job, int result)
{
	struct aside *a = aside_of(job);

	if (result && ++a->copy < 2) {
		job_read_at(job, job->log->io->lay->copy_offset[a->copy], aside_probed);
		return;
	}
	job_drop_memory(job);
	if (result)
		aside_end(job, -EIO);
	else
		aside_read_footer(job);
}

void aside_prepare(struct job *job, void (*next)(struct job *job, int result))
{
	const struct store_io *io = job->log->io;
	struct aside *a = aside_of(job);

	*a = (struct aside){ .end = next };
	job_drop_memory(job);
	if (job_take_memory(job, superio_bytes(weir_device_get_info(io->dev))))
		aside_end(job, -ENOMEM);
	else
		job_read_at(job, io->lay->copy_offset[0], aside_probed);
}
