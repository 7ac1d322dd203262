/* SPDX-License-Identifier: Apache-2.0 */
/*
 * seal.c - closing a segment: all its batches written; flush; footer.
 *
 * Runs beside the batches of the next segment; one segment at a time, oldest first. Owns the
 * list of closed segments and the job; the loop's thread.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "store/impl.h"

void seal_close(struct log *l, struct segment *seg)
{
	seg->state = SEGMENT_CLOSED;
	if (l->open == seg)
		l->open = NULL;
	TAILQ_INSERT_TAIL(&l->sealing, seg, sealing);
	seal_kick(l);
}

/* Entries of batches that could not be written are empty, and left out. */
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

void seal_footer(struct weir_store *s, const struct segment *seg, struct footer *f, void **buf)
{
	f->count = seal_entries(seg, NULL);
	f->blocks = layout_footer_blocks(s->lay, f->count);
	f->end = seg->used;
	f->place.segment = seg->number;
	f->place.block = s->lay->segment_blocks - f->blocks;
	f->place.gen = seg->gen;
	*buf = bufpool_get(&s->pool, (size_t)f->blocks << s->lay->block_shift);
	if (!*buf)
		return;
	seal_entries(seg, *buf);
	footer_seal(*buf, f, s->lay, &s->checksum);
}

static void seal_finished(struct seal_job *job, bool footer)
{
	struct log *l = job->log;
	struct weir_store *s = l->s;
	struct segment *seg = job->seg;

	bufpool_put(&s->pool, job->buf, job->buf_bytes);
	job->buf = NULL;
	job->seg = NULL;
	/* Without a footer a recovery walks the segment, which is as good, unless it would find
	 * there what could not be written. */
	if (!footer && seg->failed) {
		store_break(s, -EIO);
		return;
	}
	TAILQ_REMOVE(&l->sealing, seg, sealing);
	seg->no_footer = !footer;
	seg->state = SEGMENT_SEALED;
	free(seg->entries);
	seg->entries = NULL;
	seg->entries_room = 0;
	logs_publish(s);
	seal_kick(l);
	segment_prepare(l);
	logs_kick(s);
	close_check(s);
}

static void seal_written(struct sio *sio, int result)
{
	seal_finished(container_of(sio, struct seal_job, sio), !result);
}

static void seal_flushed(struct flush_waiter *w, int result)
{
	struct seal_job *job = container_of(w, struct seal_job, flushed);
	struct weir_store *s = job->log->s;
	struct segment *seg = job->seg;
	struct footer f;

	if (result) {
		job->seg = NULL;
		close_check(s);
		return;
	}
	seal_footer(s, seg, &f, &job->buf);
	seg->footer_blocks = f.blocks;
	job->buf_bytes = (size_t)f.blocks << s->lay->block_shift;
	if (!job->buf) {
		seal_finished(job, false);
		return;
	}
	weir_io_write(&job->sio.io, layout_offset(s->lay, seg->number, f.place.block), job->buf,
		      job->buf_bytes);
	log_submit(job->log, &job->sio, seal_written);
}

void seal_kick(struct log *l)
{
	struct segment *seg = TAILQ_FIRST(&l->sealing);

	if (!seg || l->seal.seg || seg->batches || l->s->broken)
		return;
	l->seal.seg = seg;
	/* A footer vouches for every record that it names, so what it names must be on the medium
	 * before it: a recovery does not verify what a footer tells. */
	flush_wait(l->s, &l->seal.flushed, seal_flushed);
}
