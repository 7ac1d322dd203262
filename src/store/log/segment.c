/* SPDX-License-Identifier: Apache-2.0 */
/*
 * segment.c - free segments, and beginning one.
 *
 * The next segments are begun ahead of time, so that the log does not stop where segments meet.
 * Headers are written beside one another and share flushes; segments are opened in the order of
 * their generations. Owns the free list and the jobs that begin; the loop's thread.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "store/impl.h"

void segment_free_add(struct weir_store *s, struct segment *seg)
{
	seg->state = SEGMENT_FREE;
	seg->log = NULL;
	seg->failed = seg->from_reserve = seg->no_footer = false;
	seg->used = seg->end = 1;
	seg->records = seg->footer_blocks = 0;
	TAILQ_INSERT_TAIL(&s->free, seg, link);
	s->free_count++;
}

int segment_entries_reserve(struct segment *seg, uint32_t more)
{
	uint32_t need = seg->records + more, room = seg->entries_room ? seg->entries_room : 64;
	struct disk_entry *entries;

	if (need <= seg->entries_room)
		return 0;
	while (room < need)
		room *= 2;
	entries = realloc(seg->entries, room * sizeof(*entries));
	if (!entries)
		return -ENOMEM;
	seg->entries = entries;
	seg->entries_room = room;
	return 0;
}

static uint64_t segment_previous(const struct log *l)
{
	struct segment *last = TAILQ_LAST(&l->ahead, segment_list);

	if (!last)
		last = TAILQ_LAST(&l->segments, segment_list);
	return last ? last->number : HEADER_NO_SEGMENT;
}

static uint64_t wall_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

/* The header of SEG as STATE, in JOB's buffer. */
static void begin_header(struct begin_job *job)
{
	struct weir_store *s = job->log->s;
	struct header h = { .gen = job->seg->gen,
			    .segment = job->seg->number,
			    .state = DISK_USED,
			    .stream = job->log->stream,
			    .previous = segment_previous(job->log),
			    .sequence = s->sequence,
			    .time_ns = wall_ns() };

	memset(job->buf, 0, s->lay->block_bytes);
	header_encode(job->buf, &h, &s->checksum, s->super.uuid);
}

static void begin_flushed(struct flush_waiter *w, int result)
{
	struct begin_job *job = container_of(w, struct begin_job, flushed);
	struct log *l = job->log;

	if (!result)
		job->seg->state = SEGMENT_BEGUN;
	job->seg = NULL;
	log_kick(l);
}

static void begin_failed(struct begin_job *job, int result)
{
	struct log *l = job->log;

	TAILQ_REMOVE(&l->ahead, job->seg, link);
	l->ahead_count--;
	job->seg->state = SEGMENT_RETIRED;
	job->seg = NULL;
	/* Few segments: puts would wait for one that never comes. */
	if (++l->s->begin_failures >= BEGIN_FAILURES_MAX ||
	    l->s->begin_failures >= l->s->lay->segments / 4)
		store_break(l->s, result);
	log_kick(l);
}

static void begin_written(struct sio *sio, int result)
{
	struct begin_job *job = container_of(sio, struct begin_job, sio);
	struct weir_store *s = sio->s;

	bufpool_put(&s->pool, job->buf, s->lay->block_bytes);
	job->buf = NULL;
	if (result) {
		begin_failed(job, result);
		return;
	}
	/* A batch must never reach the medium before the header that gives it its generation: it
	 * would be met under the generation of a former life. */
	flush_wait(s, &job->flushed, begin_flushed);
}

bool segment_beginning(const struct log *l)
{
	for (uint32_t i = 0; i < BEGIN_AHEAD_MAX; i++)
		if (l->begin[i].seg)
			return true;
	return false;
}

static struct begin_job *begin_job_free(struct log *l)
{
	struct begin_job *job = l->begin;

	/* There is one: ahead_count is below their number. */
	while (job->seg)
		job++;
	return job;
}

/* False where there is no memory for it now. */
static bool segment_begin(struct log *l, bool from_reserve)
{
	struct weir_store *s = l->s;
	struct begin_job *job = begin_job_free(l);
	struct segment *seg = TAILQ_FIRST(&s->free);

	job->buf = bufpool_get(&s->pool, s->lay->block_bytes);
	if (!job->buf) {
		/* Tried again with the next operation; this one need not wait for ever. */
		if (!l->open && l->pending.first) {
			op_end(s, log_pop(l), -ENOMEM);
			log_kick(l);
		}
		return false;
	}
	TAILQ_REMOVE(&s->free, seg, link);
	s->free_count--;
	seg->state = SEGMENT_BEGINNING;
	seg->log = l;
	seg->from_reserve = from_reserve;
	seg->gen = (struct generation){ s->super.epoch, ++s->generations };
	job->seg = seg;
	begin_header(job);
	TAILQ_INSERT_TAIL(&l->ahead, seg, link);
	l->ahead_count++;
	weir_io_write(&job->sio.io, layout_offset(s->lay, seg->number, 0), job->buf,
		      s->lay->block_bytes);
	log_submit(l, &job->sio, begin_written);
	return true;
}

struct segment *segment_open_next(struct log *l)
{
	struct segment *seg = TAILQ_FIRST(&l->ahead);

	/* One behind it may be ready earlier, but the order of generations is the log's. */
	if (!seg || seg->state != SEGMENT_BEGUN || !placing_ready(l))
		return NULL;
	TAILQ_REMOVE(&l->ahead, seg, link);
	l->ahead_count--;
	l->open = seg;
	seg->state = SEGMENT_OPEN;
	TAILQ_INSERT_TAIL(&l->segments, seg, link);
	l->used_segments++;
	return seg;
}

/* How many segments should be begun ahead now. */
static uint32_t segments_wanted(const struct log *l)
{
	const struct layout *lay = l->s->lay;
	uint64_t many = BEGIN_AHEAD_BYTES / lay->segment_bytes;

	/* All logs together hold no more than a small part of the store. */
	if (many > lay->segments / 16 / l->s->nr_logs)
		many = lay->segments / 16 / l->s->nr_logs;
	if (many > BEGIN_AHEAD_MAX)
		many = BEGIN_AHEAD_MAX;
	if (many > 1 && l->open)
		return (uint32_t)many;
	/* Large ones, and the first of all, no earlier than they are about to be needed. */
	return l->pending.first || (l->open && l->open->used > lay->segment_blocks / 2);
}

void segment_prepare(struct log *l)
{
	struct weir_store *s = l->s;
	bool tombstone = l->pending.first && l->pending.first->kind == WEIR_STORE_DELETE;
	uint32_t wanted = segments_wanted(l), missing;

	if (s->broken || s->read_only || (s->closing && !l->pending.first))
		return;
	while (l->ahead_count < wanted && s->free_count > SEGMENTS_RESERVED)
		if (!segment_begin(l, false))
			return;
	if (!l->ahead_count && !l->open && tombstone && s->free_count > 0)
		segment_begin(l, true);
	missing = wanted > l->ahead_count ? wanted - l->ahead_count : 0;
	reclaim_start(s, missing);
}
