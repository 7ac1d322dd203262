/* SPDX-License-Identifier: Apache-2.0 */
/*
 * reclaim.c - garbage collection: frees the oldest segment of a log.
 *
 * The steps, each begun when the one before has ended: survivors are appended again; flush; free
 * mark over the header; flush; entries leave the index; running reads end; discard; free. victim.c
 * says which segment it is. Only one reclaim at a time has survivors, because all share the reserve
 * of free segments: it takes at most as much as it gives back. This file owns struct reclaim and
 * runs on the loop's thread.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "store/format/header.h"
#include "store/log/logs.h"
#include "store/log/reclaim.h"
#include "store/log/victim.h"

/* A free mark is tried so often to be written. */
#define RECLAIM_TRIES 3u

/* Notes that the segment will not be free soon: it is kept, or readers hold it. */
static void reclaim_not_soon(struct reclaim *r)
{
	struct logs *ls = r->survive.job.log->all;

	CHECK(ls->reclaiming >= r->soon);
	ls->reclaiming -= r->soon;
	r->soon = false;
}

/* Ends R, whether its segment is free or not. */
static struct segment *reclaim_end(struct reclaim *r)
{
	struct logs *ls = r->survive.job.log->all;
	struct segment *seg = job_end(&r->survive.job);

	CHECK(!r->surviving);
	reclaim_not_soon(r);
	TAILQ_REMOVE(&ls->reclaims, r, link);
	free(r);
	return seg;
}

static void reclaim_finish(struct job *job)
{
	struct log *l = job->log;
	bool out = reclaim_of(job)->out, ahead = reclaim_of(job)->ahead;
	struct segment *seg = reclaim_end(reclaim_of(job));

	l->all->evicted_segments++;
	l->evicted_segments++;
	l->all->fruitless += !ahead;
	l->all->reclaim_failed = false;
	marks_note_ended(l->all, false);
	if (out)
		segment_put_out(seg);
	else
		segment_free(&l->all->segs, seg);
	/* Every log may be waiting for space. */
	io_ask(l->io);
}

static void reclaim_discarded(struct job *job, int result)
{
	/* A discard is a hint: its result does not matter. */
	(void)result;
	reclaim_finish(job);
}

/*
 * Continues when the reads that were under way have ended.
 *
 * Law readers-first (reclaim_drop, job_continue): a segment is discarded and becomes free only when
 * all reads of it have ended; its header stays.
 */
static void reclaim_unread(struct job *job, int result)
{
	(void)result;
	CHECK(!job->seg->readers);
	/* The header stays, because it tells the epoch. */
	if (job->log->all->discards && !reclaim_of(job)->out)
		job_discard(job, 1, reclaim_discarded);
	else
		reclaim_finish(job);
}

static void reclaim_drop(struct job *job, const void *footer)
{
	/* What is left of a segment in which everything should survive could not be read. */
	entries_drop(job->log->all, job->seg, footer, job->bytes,
		     reclaim_of(job)->survive.rule.all ? WEIR_LEAVE_DAMAGED : WEIR_LEAVE_EVICTED);
	job_drop_memory(job);
	CHECK(!job->seg->live_bytes);
	segment_leave(job->seg);
	/* No new reads begin: nothing points to the segment any more. Those under way may take
	 * long, so the next segment of the log is reclaimed meanwhile. */
	if (job->seg->readers)
		reclaim_not_soon(reclaim_of(job));
	job_wait_unread(job, reclaim_unread);
}

static void reclaim_footer_read(struct job *job, int result)
{
	reclaim_drop(job, result ? NULL : job->buf);
}

/* Continues when the free mark is on the medium, or the segment is out of use. Only now may the
 * entries go: otherwise a delete would write no tombstone for a key that a crash brings back. */
static void reclaim_marked(struct job *job, int result)
{
	const struct layout *lay = job->log->io->lay;
	uint32_t blocks = job->seg->footer_blocks;

	CHECK(job->seg->state == SEGMENT_RECLAIMING);
	if (result)
		reclaim_end(reclaim_of(job));
	else if (!blocks || !job->seg->live_bytes ||
		 job_take_memory(job, (size_t)blocks << lay->block_shift))
		reclaim_drop(job, NULL);
	else
		job_read(job, lay->segment_blocks - blocks, reclaim_footer_read);
}

/* Continues when both copies of the superblock say that the segment is out of use. That is as good
 * as a free mark: no later life reads it. */
static void reclaim_is_out(struct job *job, int result)
{
	if (result)
		io_break(job->log->io, result);
	else
		reclaim_of(job)->out = true;
	reclaim_marked(job, result);
}

/* Handles a free mark that cannot be written, because of RESULT. The segment can neither be used
 * again nor stay: whatever is behind it in its log must be reclaimed later than it. So it is put
 * out of use. One bad block must not lock the store. But a filesystem that is full has no bad
 * block. */
static void reclaim_put_out(struct job *job, int result)
{
	if (result == -ENOSPC || !out_has_room(job->log->all))
		reclaim_is_out(job, result);
	else
		out_add(job, false, reclaim_is_out);
}

/* Law free-mark (reclaim_marked): entries leave the index, and the next segment of the log may be
 * reclaimed, only when the free mark is on the medium. */
static void reclaim_mark_written(struct job *job, int result)
{
	if (result && ++reclaim_of(job)->tries < RECLAIM_TRIES && !job->log->io->broken) {
		job_write(job, 0, reclaim_mark_written);
		return;
	}
	job_drop_memory(job);
	if (result) {
		reclaim_put_out(job, result);
		return;
	}
	/* The log's next segment may be reclaimed only when this one cannot come back. Otherwise
	 * its records could be found without the newer ones that superseded them. */
	job_flush(job, reclaim_marked);
}

/* Returns true if an operation of L waits that reclaiming can let fail. One that waits for the next
 * pass may not need space. */
static bool reclaim_may_fail(const struct log *l)
{
	return l->pending.first && !pass_has_put_off(l);
}

/* Lets the oldest operation of each log fail, because of ERR or, with UNREAD, because entries could
 * not be read for which there is no other room. The next operation tries again; those who wait now
 * must not wait for ever. */
static void reclaim_fail(struct logs *ls, int err, bool unread)
{
	struct log *l;
	uint32_t i;

	ls->reclaim_failed = true;
	LOGS_FOREACH(ls, l, i)
	if (reclaim_may_fail(l)) {
		l->fail = err;
		l->fail_unread = unread;
	}
	io_ask(ls->io);
}

static void reclaim_failed(struct logs *ls, int err)
{
	reclaim_fail(ls, err, false);
}

/* Gives up: the segment stays as it is. */
static void reclaim_keep(struct job *job, int err)
{
	bool unread = reclaim_of(job)->survive.unread && err == -EIO;
	struct logs *ls = job->log->all;
	bool ahead = reclaim_of(job)->ahead;

	entries_stay(ls, job->seg);
	segment_keep(reclaim_end(reclaim_of(job)));
	marks_note_ended(ls, true);
	if (err && !ahead)
		reclaim_fail(ls, err, unread);
	/* Nobody may have waited for it. Who does by now tries by himself. */
	if (err && ahead)
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
		reclaim_keep(job, result ? 0 : -ENOMEM);
		return;
	}
	memset(job->buf, 0, job->bytes);
	header_encode(job->buf, &h, &io->key, io->super.uuid);
	job_write(job, 0, reclaim_mark_written);
}

/* Continues when both copies of the superblock say that the segment is out of use. */
static void reclaim_is_aside(struct job *job, int result)
{
	struct reclaim *r = reclaim_of(job);
	struct logs *ls = job->log->all;
	bool named = r->aside.named, ahead = r->ahead;
	struct segment *seg;

	if (result && job->log->io->broken) {
		reclaim_end(r);
		return;
	}
	if (result) {
		segment_drop_entries(job->seg);
		reclaim_keep(job, result);
		return;
	}
	entries_stay(ls, job->seg);
	seg = reclaim_end(r);
	segment_put_aside(seg, named);
	ls->fruitless += !ahead;
	ls->reclaim_failed = false;
	marks_note_ended(ls, false);
	io_ask(ls->io);
}

/* Continues when later lives will find in the segment what lives in it. */
static void reclaim_prepared(struct job *job, int result)
{
	if (result)
		reclaim_keep(job, result);
	else
		out_add(job, reclaim_of(job)->aside.named, reclaim_is_aside);
}

/* Handles a segment of which something could not be read: what lives in it may be intact. So it is
 * set aside, if the store can be without it. */
static void reclaim_unreadable(struct job *job)
{
	reclaim_not_soon(reclaim_of(job));
	if (out_has_room(job->log->all))
		aside_prepare(job, reclaim_prepared);
	else
		reclaim_keep(job, -EIO);
}

static void reclaim_settled(struct job *job, int result)
{
	/* Law survivors-first: what superseded the entries of a segment, and what of them was
	 * appended again, is on the medium before the free mark is written. */
	if (result)
		reclaim_keep(job, result);
	else
		job_flush(job, reclaim_flushed);
}

/* Learns how much the entries of a log take, from those that were moved. */
static void reclaim_weigh(struct log *l, const struct survive *v)
{
	if (v->payload_bytes)
		l->weight = (uint32_t)(v->cost_bytes * LOG_WEIGHT_ONE / v->payload_bytes);
}

/* Continues when all that survives is published. */
static void reclaim_survived(struct job *job, int result)
{
	struct reclaim *r = reclaim_of(job);
	struct logs *ls = job->log->all;

	CHECK(r->surviving && ls->surviving);
	r->surviving = ls->surviving = false;
	reclaim_weigh(job->log, &r->survive);
	if (!r->survive.rule.all)
		ls->rewrite_left = r->survive.rule.budget;
	/* Another reclaim may begin. */
	io_ask(ls->io);
	/* Law unread-stays (survivor_stays, survive_unread): a segment is not freed while an entry
	 * lives in it that a failed read has kept from being appended again. */
	if (result)
		reclaim_keep(job, result == -ECANCELED ? 0 : result);
	else if (r->survive.unread && job->seg->live_bytes)
		reclaim_unreadable(job);
	else
		aside_settle(job, reclaim_settled);
}

/* Finds out from the footer whether anything survives, because most of the headers need not be read
 * for that. */
static void reclaim_judge(struct job *job, int result)
{
	struct reclaim *r = reclaim_of(job);
	bool expected = result || survive_expected(job->log->all, job->seg, r->survive.rule,
						   job->buf, job->bytes);

	job_drop_memory(job);
	if (expected)
		survive_begin(&r->survive, reclaim_survived);
	else
		reclaim_survived(job, 0);
}

/* Takes care of the survivors of a segment in which something lives. */
static void reclaim_survivors(struct reclaim *r)
{
	struct job *job = &r->survive.job;
	const struct layout *lay = job->log->io->lay;
	uint32_t blocks = job->seg->footer_blocks;

	if (r->survive.rule.all || !blocks ||
	    job_take_memory(job, (size_t)blocks << lay->block_shift))
		survive_begin(&r->survive, reclaim_survived);
	else
		job_read(job, lay->segment_blocks - blocks, reclaim_judge);
}

/* Begins to reclaim the segment of V, AHEAD of need or for a log that needs space. Returns false if
 * there is no memory. */
static bool reclaim_begin(struct logs *ls, const struct victim *v, bool ahead)
{
	struct reclaim *r = calloc(1, sizeof(*r));

	if (!r)
		return false;
	CHECK(v->seg->state == SEGMENT_SEALED);
	segment_reclaim(v->seg);
	job_init(&r->survive.job, v->seg->log);
	job_begin(&r->survive.job, v->seg);
	marks_note_reclaim(ls);
	if (!ls->fruitless && !ahead) {
		ls->full = false;
		ls->hold_changes = hold_changes(ls);
	}
	r->survive.rule = v->rule;
	r->soon = true;
	r->ahead = ahead;
	ls->reclaiming++;
	TAILQ_INSERT_TAIL(&ls->reclaims, r, link);
	if (!v->seg->live_bytes) {
		aside_settle(&r->survive.job, reclaim_settled);
		return true;
	}
	CHECK(!ls->surviving);
	r->surviving = ls->surviving = true;
	reclaim_survivors(r);
	return true;
}

bool reclaim_is_alone(const struct logs *ls)
{
	const struct reclaim *first = TAILQ_FIRST(&ls->reclaims);

	return first && !TAILQ_NEXT(first, link);
}

/* Returns true if a delete waits for its position, and no put is in front of it. */
static bool reclaim_helps_delete(const struct logs *ls)
{
	const struct log *l;
	uint32_t i;

	LOGS_FOREACH(ls, l, i)
	if (l->pending.first && l->pending.first->kind == WEIR_STORE_DELETE)
		return true;
	return false;
}

/*
 * Returns true if reclaiming has won nothing for so long that all space must be held by pins.
 *
 * Law no-space (reclaim_log): a put fails with -ENOSPC only when reclaiming has gone round all
 * segments and freed nothing.
 *
 * Once it has failed, that stays so until something that was held is let go, or something is
 * admitted: to find it out again for each put would write all that is pinned twice.
 * A delete goes round again: it only needs the reserve to be whole.
 */
static bool reclaim_is_fruitless(struct logs *ls)
{
	if (ls->fruitless <= 2 * ls->segs.count)
		return false;
	if (ls->full && (reclaim_helps_delete(ls) || hold_changes(ls) != ls->hold_changes)) {
		ls->full = false;
		ls->fruitless = 0;
		return false;
	}
	ls->full = true;
	return true;
}

/* Returns true if all segments are free or out of use, so that none will become free: a small store
 * that gave most of its segments up. */
static bool reclaim_has_nothing(const struct logs *ls)
{
	const struct log *l;
	uint32_t i;

	LOGS_FOREACH(ls, l, i)
	if (l->segs.used || l->segs.ahead_count)
		return false;
	return TAILQ_EMPTY(&ls->reclaims);
}

/* Chooses the segment that is reclaimed next. If there is no place to move entries to, one may
 * come of the segments whose headers could not be written. */
static bool reclaim_choose(struct logs *ls, struct victim *v)
{
	bool chosen = victim_choose(ls, v);

	if (chosen && v->seg->live_blocks && !ls->segs.free_count && segments_try_again(&ls->segs))
		chosen = victim_choose(ls, v);
	return chosen;
}

/* Returns true if an operation waits that would fail now. Without one, to give up again would never
 * end. */
static bool reclaim_is_awaited(const struct logs *ls)
{
	const struct log *l;
	uint32_t i;

	LOGS_FOREACH(ls, l, i)
	if (reclaim_may_fail(l))
		return true;
	return false;
}

static void reclaim_log(struct log *l)
{
	struct logs *ls = l->all;
	uint32_t enough = SEGMENTS_RESERVED + l->missing;
	struct victim v;

	while (l->prepares && ls->segs.free_count + ls->reclaiming < enough) {
		if (ls->reclaim_failed && !reclaim_is_awaited(ls))
			break;
		if (reclaim_has_nothing(ls) || reclaim_is_fruitless(ls)) {
			reclaim_failed(ls, -ENOSPC);
			break;
		}
		if (!reclaim_choose(ls, &v))
			break;
		if (!reclaim_begin(ls, &v, false)) {
			reclaim_failed(ls, -ENOMEM);
			break;
		}
	}
}

/* Reclaims segments that nobody needs yet, as the marks ask for it. */
static void reclaim_ahead(struct logs *ls)
{
	struct victim v;

	while (marks_want(ls)) {
		if (!marks_allow(ls, reclaim_choose(ls, &v) ? &v : NULL))
			break;
		if (!reclaim_begin(ls, &v, true)) {
			marks_note_ended(ls, true);
			break;
		}
	}
}

void logs_reclaim(struct logs *ls)
{
	uint32_t mask = ls->admits;
	struct reclaim *r, *next;
	struct log *l;

	for (r = TAILQ_FIRST(&ls->reclaims); r; r = next) {
		next = TAILQ_NEXT(r, link);
		if (r->change.waits)
			out_run(r);
		else
			job_run(&r->survive.job);
	}
	LOGS_IN(ls, l, mask)
	{
		marks_watch(l);
		reclaim_log(l);
	}
	reclaim_ahead(ls);
}
