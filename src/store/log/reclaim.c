/* SPDX-License-Identifier: Apache-2.0 */
/*
 * reclaim.c - garbage collection: frees the oldest segment of a log.
 *
 * The steps, each begun when the one before has ended: flush; free mark over the header; flush;
 * entries leave the index; running reads end; discard; free. Records that are to survive would be
 * appended again before the first step. This file runs on the loop's thread.
 */
#include <errno.h>
#include <string.h>

#include "base/check.h"
#include "store/format/header.h"
#include "store/log/logs.h"

/* Ends JOB, whether its segment is free or not. */
static struct segment *reclaim_end(struct job *job)
{
	struct logs *ls = job->log->all;

	CHECK(ls->reclaiming > 0);
	ls->reclaiming--;
	return job_end(job);
}

static void reclaim_finish(struct job *job)
{
	struct log *l = job->log;

	l->all->evicted_segments++;
	l->evicted_segments++;
	segment_free(&l->all->segs, reclaim_end(job));
	/* Every log may be waiting for space. */
	io_ask(l->io);
}

static void reclaim_discarded(struct job *job, int result)
{
	/* A discard is a hint: its result does not matter. */
	(void)result;
	reclaim_finish(job);
}

/* Continues when the reads that were under way have ended. */
static void reclaim_unread(struct job *job, int result)
{
	(void)result;
	CHECK(!job->seg->readers);
	/* The header stays, because it tells the epoch. */
	if (job->log->all->discards)
		job_discard(job, 1, reclaim_discarded);
	else
		reclaim_finish(job);
}

static void reclaim_drop(struct job *job, const void *footer)
{
	entries_drop(job->log->all, job->seg, footer, job->bytes);
	job_drop_memory(job);
	CHECK(!job->seg->live_bytes);
	segment_leave(job->seg);
	/* No new reads begin: nothing points to the segment any more. */
	job_wait_unread(job, reclaim_unread);
}

static void reclaim_footer_read(struct job *job, int result)
{
	reclaim_drop(job, result ? NULL : job->buf);
}

/* Continues when the free mark is on the medium. Only now may the entries go: otherwise a delete
 * would write no tombstone for a key that a crash brings back. */
static void reclaim_marked(struct job *job, int result)
{
	const struct layout *lay = job->log->io->lay;
	uint32_t blocks = job->seg->footer_blocks;

	CHECK(job->seg->state == SEGMENT_RECLAIMING);
	if (result)
		reclaim_end(job);
	else if (!blocks || job_take_memory(job, (size_t)blocks << lay->block_shift))
		reclaim_drop(job, NULL);
	else
		job_read(job, lay->segment_blocks - blocks, reclaim_footer_read);
}

static void reclaim_mark_written(struct job *job, int result)
{
	job_drop_memory(job);
	if (result) {
		io_break(job->log->io, result);
		reclaim_end(job);
		return;
	}
	/* The log's next segment may be reclaimed only when this one cannot come back. Otherwise
	 * its records could be found without the newer ones that superseded them. */
	job_flush(job, reclaim_marked);
}

/* Lets the oldest operation of each log fail. The next operation tries again; those who wait now
 * must not wait for ever. */
static void reclaim_no_memory(struct logs *ls)
{
	struct log *l;
	uint32_t i;

	LOGS_FOREACH(ls, l, i)
	l->no_memory = l->pending.first != NULL;
	io_ask(ls->io);
}

static void reclaim_flushed(struct job *job, int result)
{
	struct logs *ls = job->log->all;
	struct store_io *io = job->log->io;
	struct header h = { .gen = segments_generation(&ls->segs),
			    .segment = job->seg->number,
			    .state = DISK_FREE,
			    .sequence = ls->sequence };

	if (result || job_take_memory(job, io->lay->block_bytes)) {
		segment_keep(reclaim_end(job));
		if (!result)
			reclaim_no_memory(ls);
		return;
	}
	memset(job->buf, 0, job->bytes);
	header_encode(job->buf, &h, &io->key, io->super.uuid);
	job_write(job, 0, reclaim_mark_written);
}

/* Returns true if SEG, the oldest segment of L, has batches that are not published. It may be
 * sealed all the same, while a failed batch of another log holds them back. */
static bool reclaim_is_too_early(const struct log *l, const struct segment *seg)
{
	const struct batch *b = STAILQ_FIRST(&l->batches);

	return b && b->seg == seg;
}

/* Returns the log whose oldest segment is the oldest of all. NULL: no oldest segment is sealed and
 * published. */
static struct log *reclaim_choose(const struct logs *ls)
{
	struct log *l, *best = NULL;
	uint32_t i;

	LOGS_FOREACH(ls, l, i)
	{
		struct segment *head = TAILQ_FIRST(&l->segs.list);

		if (l->reclaim.seg || !head || head->state != SEGMENT_SEALED ||
		    reclaim_is_too_early(l, head))
			continue;
		if (!best || generation_compare(head->gen, TAILQ_FIRST(&best->segs.list)->gen) < 0)
			best = l;
	}
	return best;
}

static void reclaim_begin(struct log *l)
{
	struct segment *seg = TAILQ_FIRST(&l->segs.list);

	CHECK(seg->state == SEGMENT_SEALED);
	segment_reclaim(seg);
	job_begin(&l->reclaim, seg);
	l->all->reclaiming++;
	/* The records that superseded its entries must be on the medium before these go. */
	job_flush(&l->reclaim, reclaim_flushed);
}

static void reclaim_log(struct log *l)
{
	const struct logs *ls = l->all;
	uint32_t enough = SEGMENTS_RESERVED + l->missing;

	job_run(&l->reclaim);
	while (l->prepares && ls->segs.free_count + ls->reclaiming < enough) {
		struct log *oldest = reclaim_choose(ls);

		if (!oldest)
			break;
		reclaim_begin(oldest);
	}
}

void logs_reclaim(struct logs *ls)
{
	uint32_t mask = ls->admits;
	struct log *l;

	LOGS_IN(ls, l, mask)
	reclaim_log(l);
}
