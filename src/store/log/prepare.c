/* SPDX-License-Identifier: Apache-2.0 */
/*
 * prepare.c - begins segments: first the header is written, then flushed, then batches may follow.
 *
 * Segments are begun ahead of time, so that the log does not stop at the end of each. Their headers
 * are written at the same time and share flushes. Segments are opened in the order of their
 * generations. This file runs on the loop's thread.
 */
#include <errno.h>
#include <string.h>

#include "base/check.h"
#include "base/clock.h"
#include "store/format/header.h"
#include "store/log/logs.h"

/* Writes the header of JOB's segment into its memory. */
static void prepare_header(struct job *job)
{
	struct store_io *io = job->log->io;
	struct header h = { .gen = job->seg->gen,
			    .segment = job->seg->number,
			    .state = DISK_USED,
			    .stream = job->log->stream,
			    .sequence = job->log->all->sequence,
			    .time_ns = clock_wall() };

	CHECK(job->bytes == io->lay->block_bytes);
	memset(job->buf, 0, job->bytes);
	header_encode(job->buf, &h, &io->key, io->super.uuid);
}

static void prepare_flushed(struct job *job, int result)
{
	struct log *l = job->log;
	struct segment *seg = job_end(job);

	CHECK(seg->log == l);
	if (!result)
		segment_begun(seg);
	log_ask(l);
}

static void prepare_failed(struct job *job, int result)
{
	struct log *l = job->log;
	struct logs *ls = l->all;

	segment_retire(job_end(job));
	/* With few segments left, waiting for another one would never end: stop writing. */
	if (++ls->prepare_failures >= PREPARE_FAILURES_MAX ||
	    ls->prepare_failures >= ls->segs.count / 4)
		io_break(l->io, result);
	log_ask(l);
}

static void prepare_written(struct job *job, int result)
{
	uint32_t *tries = &job->log->begin_tries[job - job->log->begin];

	/* Each header that cannot be written costs a segment, and some of them the store. */
	if (result && ++*tries < PREPARE_TRIES && !job->log->io->broken) {
		job_write(job, 0, prepare_written);
		return;
	}
	*tries = 0;
	job_drop_memory(job);
	if (result) {
		prepare_failed(job, result);
		return;
	}
	/* Law header-first: a batch is written only when the header that gives its segment the
	 * generation is on the medium. Otherwise a recovery would meet it under the generation
	 * of a former life. */
	if (defer_begin(job->log))
		job_join_flush(job, prepare_flushed);
	else
		job_flush(job, prepare_flushed);
}

/* Returns an idle job. There is one, because ahead_count is below their number. */
static struct job *prepare_job(struct log *l)
{
	struct job *job = l->begin;

	while (job->seg)
		job++;
	CHECK(job < l->begin + PREPARE_AHEAD_MAX);
	return job;
}

static int prepare_begin(struct log *l, bool from_reserve)
{
	struct job *job = prepare_job(l);

	job->log = l;
	if (job_take_memory(job, l->io->lay->block_bytes))
		return -ENOMEM;
	job_begin(job, segment_take(&l->all->segs, l, from_reserve));
	l->all->prepare_first = logs_behind(l);
	marks_note_taken(l->all);
	prepare_header(job);
	l->written_bytes += job->bytes;
	job_write(job, 0, prepare_written);
	return 0;
}

uint32_t prepare_ahead_max(const struct logs *ls)
{
	const struct layout *lay = ls->io->lay;
	uint64_t many = 1 + PREPARE_AHEAD_BYTES / lay->segment_bytes;

	/* All logs together hold only a small part of the store. */
	if (many > lay->segments / 16 / ls->count)
		many = lay->segments / 16 / ls->count;
	return many > PREPARE_AHEAD_MAX ? PREPARE_AHEAD_MAX : (uint32_t)many;
}

/* Returns how many segments should be begun ahead now. */
static uint32_t prepare_wanted(const struct log *l)
{
	bool waits = l->pending.first && !(l->segs.open && pass_has_put_off(l));

	if (l->all->ahead_max > 1 && l->segs.open)
		return l->all->ahead_max;
	/* Where segments are few, they are begun only shortly before they are needed, and so is the
	 * first one of a log. */
	return waits || (l->survivors.first && !l->segs.open) ||
	       (l->segs.open && l->segs.open->used > l->io->lay->segment_blocks / 2);
}

/*
 * Returns true if the operation that L admits next may take a free segment of the reserve. The last
 * one is left to survivors: with it, a nearly empty segment becomes free.
 *
 * Law last-segment (prepare_segments): the last free segment is left to survivors, because moving
 * them gives back more.
 */
static bool prepare_from_reserve(const struct log *l)
{
	uint32_t left = l->all->segs.free_count;

	if (l->segs.ahead_count || l->segs.open)
		return false;
	if (l->survivors.first)
		return left;
	return left > 1 && l->pending.first && l->pending.first->kind == WEIR_STORE_DELETE;
}

/*
 * Begins a segment for survivors of L for which nothing will become free, because headers could not
 * be written: one of these is tried again.
 *
 * Law headers-again (prepare_again, reclaim_choose): what lives leaves the store for space only
 * when no segment is left whose header may be written after all.
 */
static int prepare_again(struct log *l)
{
	return segments_try_again(&l->all->segs) ? prepare_begin(l, true) : -ENOSPC;
}

static int prepare_segments(struct log *l, uint32_t wanted)
{
	const struct segments *all = &l->all->segs;
	int err = 0;

	while (!err && l->segs.ahead_count < wanted && all->free_count > SEGMENTS_RESERVED)
		err = prepare_begin(l, false);
	if (!err && prepare_from_reserve(l))
		err = prepare_begin(l, true);
	if (!err && l->survivors.first && !l->segs.ahead_count && !l->segs.open &&
	    reclaim_is_alone(l->all))
		err = prepare_again(l);
	return err;
}

static void prepare_log(struct log *l)
{
	uint32_t wanted;
	int err = 0;

	for (uint32_t i = 0; i < PREPARE_AHEAD_MAX && l->jobs; i++)
		job_run(&l->begin[i]);
	l->prepares = !l->io->broken && !l->io->read_only &&
		      (!l->all->closing || l->pending.first || l->survivors.first);
	if (!l->prepares)
		return;
	wanted = prepare_wanted(l);
	CHECK(wanted <= PREPARE_AHEAD_MAX && l->segs.ahead_count <= PREPARE_AHEAD_MAX);
	if (l->segs.ahead_count < wanted)
		err = prepare_segments(l, wanted);
	l->missing = wanted > l->segs.ahead_count ? wanted - l->segs.ahead_count : 0;
	/* The next operation tries again; those who wait now must not wait for ever. */
	if (err && !l->segs.open && (l->pending.first || l->survivors.first)) {
		l->fail = err;
		log_ask(l);
	}
}

/* Begins segments for the logs that asked, first for those behind the one that got the last. */
void logs_prepare(struct logs *ls)
{
	uint32_t first = ls->admits & ls->prepare_first, rest = ls->admits & ~ls->prepare_first;
	struct log *l;

	LOGS_IN(ls, l, first)
	prepare_log(l);
	LOGS_IN(ls, l, rest)
	prepare_log(l);
}
