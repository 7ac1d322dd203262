/* SPDX-License-Identifier: Apache-2.0 */
/*
 * seal.c - seals closed segments: all batches are written; flush; footer.
 *
 * This goes on while batches of the next segments are written. Each log seals one segment at a
 * time, the oldest first. A flush that the log needs anyway serves for it (defer.c). This file runs
 * on the loop's thread.
 */
#include <errno.h>

#include "base/check.h"
#include "store/log/logs.h"

/* So often a footer is tried without which the store has to stop. */
#define SEAL_TRIES 3u

/* Counts the entries of SEG, and copies them to TO unless that is NULL. Entries of failed batches
 * are empty and are left out. */
static uint32_t seal_entries(const struct segment *seg, struct disk_entry *to)
{
	uint32_t n, count = 0;

	for (n = 0; n < seg->records; n++) {
		if (!seg->entries[n].key_len)
			continue;
		if (to)
			to[count] = seg->entries[n];
		count++;
	}
	return count;
}

void seal_footer(struct store_io *io, const struct segment *seg, struct footer *f, void **buf)
{
	const struct layout *lay = io->lay;

	f->count = seal_entries(seg, NULL);
	f->blocks = layout_footer_blocks(lay, f->count);
	f->end = seg->used;
	f->place.segment = seg->number;
	f->place.block = lay->segment_blocks - f->blocks;
	f->place.gen = seg->gen;
	CHECK(f->place.block < lay->segment_blocks);
	*buf = bufpool_get(&io->pool, (size_t)f->blocks << lay->block_shift);
	if (!*buf)
		return;
	seal_entries(seg, *buf);
	footer_seal(*buf, f, lay, &io->key);
}

/* Seals the segment, with a footer of FOOTER_BLOCKS, or without one if that is 0, because of
 * RESULT. */
static void seal_finish(struct job *job, uint32_t footer_blocks, int result)
{
	struct log *l = job->log;
	struct segment *seg = job_end(job);

	/* A recovery walks a segment without a footer, which is as good, unless it would find a
	 * failed batch there. */
	if (!footer_blocks && seg->failed) {
		io_break(l->io, sio_error(result));
		return;
	}
	segment_seal(&l->all->segs, seg, footer_blocks);
	/* Batches of all logs may have waited for this footer, and logs without space may now
	 * reclaim this segment. */
	io_ask(l->io);
}

/* Returns the first block of the footer that JOB has in its memory. */
static uint32_t seal_place(const struct job *job)
{
	const struct layout *lay = job->log->io->lay;

	return lay->segment_blocks - (uint32_t)(job->bytes >> lay->block_shift);
}

static void seal_written(struct job *job, int result)
{
	struct log *l = job->log;

	/* A failed batch is left out by this footer only. */
	if (result && job->seg->failed && ++l->seal_tries < SEAL_TRIES && !l->io->broken) {
		job_write(job, seal_place(job), seal_written);
		return;
	}
	seal_finish(job, result ? 0 : (uint32_t)(job->bytes >> job->log->io->lay->block_shift),
		    result);
}

static void seal_write(struct job *job)
{
	struct log *l = job->log;
	struct footer f;

	CHECK(job->seg->state == SEGMENT_CLOSED && !job->seg->batches);
	seal_footer(l->io, job->seg, &f, &job->buf);
	job->bytes = (size_t)f.blocks << l->io->lay->block_shift;
	if (!job->buf) {
		seal_finish(job, 0, -ENOMEM);
		return;
	}
	l->written_bytes += job->bytes;
	l->seal_tries = 0;
	job_write(job, f.place.block, seal_written);
}

static void seal_flushed(struct job *job, int result)
{
	if (result)
		job_end(job);
	else
		seal_write(job);
}

/* Returns true if all batches of SEG are before MARK of its log. */
static bool seal_is_before(struct logpos mark, const struct segment *seg)
{
	struct logpos end = { seg->gen, seg->used };

	/* A failed batch, and all behind it, move no mark before there is a footer. */
	return logpos_compare(mark, end) >= 0;
}

static void seal_begin(struct log *l, struct segment *seg)
{
	bool covered = seal_is_before(l->mark.durable, seg);

	/* The end of a flush that runs asks all logs. */
	if (!covered &&
	    ((l->io->flusher.busy && seal_is_before(l->mark.covered, seg)) || defer_seal(l)))
		return;
	job_begin(&l->seal, seg);
	/* Law footer-last: a footer is written only when all batches of its segment have
	 * completed and a flush came after them, because a recovery does not verify the records
	 * that a footer names. */
	if (covered)
		seal_write(&l->seal);
	else
		job_flush(&l->seal, seal_flushed);
}

static void seal_log(struct log *l)
{
	struct segment *seg;

	job_run(&l->seal);
	seg = TAILQ_FIRST(&l->segs.sealing);
	if (seg && !l->seal.seg && !seg->batches && !l->io->broken)
		seal_begin(l, seg);
}

void logs_seal(struct logs *ls)
{
	uint32_t mask = ls->round;
	struct log *l;

	LOGS_IN(ls, l, mask)
	seal_log(l);
}
