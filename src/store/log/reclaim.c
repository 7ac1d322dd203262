/* SPDX-License-Identifier: Apache-2.0 */
/*
 * reclaim.c - taking the oldest segment of the log back.
 *
 * Steps, each begun when the one before has ended: flush; free mark over the header; flush; index
 * entries out; running reads gone; discard; free. What should survive would be appended again
 * before the first step. Owns the job; the loop's thread.
 */
#include <errno.h>
#include <string.h>

#include "store/impl.h"

/* JOB is over, done or not. */
static struct segment *reclaim_end(struct reclaim_job *job)
{
	struct segment *seg = job->seg;

	job->seg = NULL;
	job->log->s->reclaiming--;
	return seg;
}

static void reclaim_finish(struct reclaim_job *job)
{
	struct log *l = job->log;
	struct weir_store *s = l->s;
	s->stats.evicted_segments++;
	l->evicted_segments++;
	segment_free_add(s, reclaim_end(job));
	logs_kick(s);
	/* The one that begins it need not be the one whose segment it was. */
	log_kick(l);
}

static void reclaim_discarded(struct sio *sio, int result)
{
	/* A hint: it does not matter whether it was taken. */
	(void)result;
	reclaim_finish(container_of(sio, struct reclaim_job, sio));
}

/* Everything but the header, which must stay to tell the epoch. */
static void reclaim_discard(struct reclaim_job *job)
{
	struct weir_store *s = job->log->s;
	const struct layout *l = s->lay;

	if (!s->discards) {
		reclaim_finish(job);
		return;
	}
	weir_io_discard(&job->sio.io, layout_offset(l, job->seg->number, 1),
			l->segment_bytes - l->block_bytes);
	job->sio.io.flags = WEIR_IO_BACKGROUND;
	sio_submit(s, &job->sio, reclaim_discarded);
}

void reclaim_reader_gone(struct segment *seg)
{
	struct reclaim_job *job = seg->log ? &seg->log->reclaim : NULL;

	seg->readers--;
	if (!job || job->seg != seg || !job->waits_for_readers || seg->readers)
		return;
	job->waits_for_readers = false;
	reclaim_discard(job);
}

/* Drops what the footer at JOB's buffer names, if it is still the newest. */
static bool reclaim_by_footer(struct reclaim_job *job)
{
	struct weir_store *s = job->log->s;
	const struct layout *l = s->lay;
	const struct disk_entry *disk = job->buf;
	struct footer_entry e;
	struct footer f;
	uint32_t n;

	if (footer_peek(&f, (const uint8_t *)job->buf + job->buf_bytes - l->block_bytes,
			job->seg->number, job->seg->gen, l) != FOOTER_VALID ||
	    f.blocks != job->seg->footer_blocks || !footer_check(&f, job->buf, l, &s->checksum))
		return false;
	for (n = 0; n < f.count; n++) {
		footer_entry_decode(&e, &disk[n]);
		if (!(e.flags & DISK_TOMBSTONE))
			s->stats.evicted_entries += entries_remove_at(
				s, e.hash, layout_position(l, f.place.segment, e.block));
	}
	return true;
}

static void reclaim_drop(struct reclaim_job *job, bool footer)
{
	struct weir_store *s = job->log->s;

	if (!footer || !reclaim_by_footer(job))
		s->stats.evicted_entries += entries_sweep(s, job->seg);
	bufpool_put(&s->pool, job->buf, job->buf_bytes);
	job->buf = NULL;
	TAILQ_REMOVE(&job->log->segments, job->seg, link);
	job->log->used_segments--;
	/* No new reads come: nothing points here any more. */
	if (job->seg->readers)
		job->waits_for_readers = true;
	else
		reclaim_discard(job);
}

static void reclaim_footer_read(struct sio *sio, int result)
{
	reclaim_drop(container_of(sio, struct reclaim_job, sio), !result);
}

/* The free mark is on the medium: only now may entries go. Had they gone before, a delete would
 * have written no tombstone for a key that a crash brings back. */
static void reclaim_marked(struct flush_waiter *w, int result)
{
	struct reclaim_job *job = container_of(w, struct reclaim_job, flushed);
	struct weir_store *s = job->log->s;
	const struct layout *l = s->lay;
	struct segment *seg = job->seg;

	if (result) {
		reclaim_end(job);
		return;
	}
	job->buf_bytes = (size_t)seg->footer_blocks << l->block_shift;
	job->buf = seg->no_footer ? NULL : bufpool_get(&s->pool, job->buf_bytes);
	if (!job->buf) {
		reclaim_drop(job, false);
		return;
	}
	weir_io_read(&job->sio.io,
		     layout_offset(l, seg->number, l->segment_blocks - seg->footer_blocks),
		     job->buf, job->buf_bytes);
	sio_submit(s, &job->sio, reclaim_footer_read);
}

static void reclaim_mark_written(struct sio *sio, int result)
{
	struct reclaim_job *job = container_of(sio, struct reclaim_job, sio);
	struct weir_store *s = sio->s;

	bufpool_put(&s->pool, job->buf, s->lay->block_bytes);
	job->buf = NULL;
	if (result) {
		reclaim_end(job);
		store_break(s, result);
		return;
	}
	/* The log's next segment may be reclaimed only when this one cannot come back: its older
	 * versions would be met without the newer ones that superseded them. */
	flush_wait(s, &job->flushed, reclaim_marked);
}

/* It is tried again with the next operation; those who wait for it need not wait for ever. */
static void reclaim_no_memory(struct weir_store *s)
{
	struct weir_store_op *op;
	struct log *l;
	uint32_t i;

	LOGS_FOREACH(s, l, i)
	{
		op = log_pop(l);
		if (op)
			op_end(s, op, -ENOMEM);
	}
	logs_kick(s);
}

static void reclaim_flushed(struct flush_waiter *w, int result)
{
	struct reclaim_job *job = container_of(w, struct reclaim_job, flushed);
	struct weir_store *s = job->log->s;
	struct header h = { .gen = { s->super.epoch, ++s->generations },
			    .segment = job->seg->number,
			    .state = DISK_FREE,
			    .previous = HEADER_NO_SEGMENT,
			    .sequence = s->sequence };

	if (!result)
		job->buf = bufpool_get(&s->pool, s->lay->block_bytes);
	if (!job->buf) {
		reclaim_end(job)->state = SEGMENT_SEALED;
		if (!result)
			reclaim_no_memory(s);
		return;
	}
	memset(job->buf, 0, s->lay->block_bytes);
	header_encode(job->buf, &h, &s->checksum, s->super.uuid);
	weir_io_write(&job->sio.io, layout_offset(s->lay, h.segment, 0), job->buf,
		      s->lay->block_bytes);
	sio_submit(s, &job->sio, reclaim_mark_written);
}

/* The log whose head goes next: the oldest of all. NULL: no head is sealed. */
static struct log *reclaim_choose(const struct weir_store *s)
{
	struct log *l, *best = NULL;
	uint32_t i;

	LOGS_FOREACH(s, l, i)
	{
		struct segment *head = TAILQ_FIRST(&l->segments);

		if (l->reclaim.seg || !head || head->state != SEGMENT_SEALED)
			continue;
		if (!best || generation_compare(head->gen, TAILQ_FIRST(&best->segments)->gen) < 0)
			best = l;
	}
	return best;
}

static void reclaim_begin(struct log *l)
{
	struct segment *seg = TAILQ_FIRST(&l->segments);

	seg->state = SEGMENT_RECLAIMING;
	l->reclaim.seg = seg;
	l->s->reclaiming++;
	/* What superseded its entries must be on the medium before they go. */
	flush_wait(l->s, &l->reclaim.flushed, reclaim_flushed);
}

void reclaim_start(struct weir_store *s, uint32_t missing)
{
	struct log *l;

	while (s->free_count + s->reclaiming < SEGMENTS_RESERVED + missing &&
	       (l = reclaim_choose(s)))
		reclaim_begin(l);
}
