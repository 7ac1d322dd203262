/* SPDX-License-Identifier: Apache-2.0 */
/*
 * job.c - the steps of a job. The end of an io or a flush is only noted; the next step runs in the
 * turn. This file owns struct job and runs on the loop's thread.
 */
#include <errno.h>

#include "base/container.h"
#include "base/check.h"
#include "queue/loop.h"
#include "store/log/logs.h"

void job_init(struct job *job, struct log *l)
{
	CHECK(!job->log);
	job->log = l;
}

void job_begin(struct job *job, struct segment *seg)
{
	CHECK(!job->seg && !job->ended);
	job->seg = seg;
	job->log->jobs++;
}

struct segment *job_end(struct job *job)
{
	struct segment *seg = job->seg;

	CHECK(seg && !job->ended && job->log->jobs > 0);
	job_drop_memory(job);
	job->seg = NULL;
	job->log->jobs--;
	return seg;
}

int job_take_memory(struct job *job, size_t bytes)
{
	CHECK(!job->buf);
	job->buf = bufpool_get(&job->log->io->pool, bytes);
	if (!job->buf)
		return -ENOMEM;
	job->bytes = bytes;
	return 0;
}

void job_drop_memory(struct job *job)
{
	bufpool_put(&job->log->io->pool, job->buf, job->bytes);
	job->buf = NULL;
}

static void job_note(struct job *job, int result)
{
	CHECK(job->seg && !job->ended);
	job->result = result;
	job->ended = true;
	log_ask(job->log);
}

static void job_io_ended(struct sio *sio, int result)
{
	job_note(container_of(sio, struct job, sio), result);
}

static void job_flush_ended(struct flush_waiter *w, int result)
{
	job_note(container_of(w, struct job, flushed), result);
}

static void job_submit(struct job *job, void (*next)(struct job *job, int result))
{
	CHECK(job->seg && next);
	job->next = next;
	if (!job->awaited)
		urgency_of_reclaim(&job->sio.io);
	else if (loop_idles(job->log->io->q))
		urgency_of_begin(&job->sio.io);
	sio_submit(job->log->io, &job->sio, job_io_ended);
}

static uint64_t job_offset(const struct job *job, uint32_t block)
{
	return layout_offset(job->log->io->lay, job->seg->number, block);
}

void job_read_part(struct job *job, uint32_t block, size_t bytes,
		   void (*next)(struct job *job, int result))
{
	CHECK(job->buf && bytes <= job->bytes);
	weir_io_read(&job->sio.io, job_offset(job, block), job->buf, bytes);
	job_submit(job, next);
}

void job_read(struct job *job, uint32_t block, void (*next)(struct job *job, int result))
{
	job_read_part(job, block, job->bytes, next);
}

void job_read_at(struct job *job, uint64_t offset, void (*next)(struct job *job, int result))
{
	weir_io_read(&job->sio.io, offset, job->buf, job->bytes);
	job_submit(job, next);
}

void job_write_at(struct job *job, uint64_t offset, void (*next)(struct job *job, int result))
{
	weir_io_write(&job->sio.io, offset, job->buf, job->bytes);
	job_submit(job, next);
}

void job_write(struct job *job, uint32_t block, void (*next)(struct job *job, int result))
{
	job_write_at(job, job_offset(job, block), next);
}

void job_discard(struct job *job, uint32_t block, void (*next)(struct job *job, int result))
{
	const struct layout *l = job->log->io->lay;

	weir_io_discard(&job->sio.io, job_offset(job, block),
			l->segment_bytes - ((uint64_t)block << l->block_shift));
	job_submit(job, next);
}

void job_flush(struct job *job, void (*next)(struct job *job, int result))
{
	CHECK(job->seg && next);
	job->next = next;
	flush_wait(job->log->io, &job->flushed, job_flush_ended);
}

void job_join_flush(struct job *job, void (*next)(struct job *job, int result))
{
	CHECK(job->seg && next);
	job->next = next;
	flush_join(job->log->io, &job->flushed, job_flush_ended);
}

void job_wait_unread(struct job *job, void (*next)(struct job *job, int result))
{
	CHECK(job->seg && next && !job->ended);
	job->next = next;
	job->unread = true;
	log_ask(job->log);
}

void job_wait(struct job *job, void (*next)(struct job *job, int result))
{
	CHECK(job->seg && next && !job->ended);
	job->next = next;
}

void job_wake(struct job *job, int result)
{
	job_note(job, result);
}

void job_continue(struct job *job)
{
	if (job->unread && !job->seg->readers) {
		job->unread = false;
		job_note(job, 0);
	}
	if (!job->ended)
		return;
	CHECK(job->seg && !job->sio.busy && !job->flushed.fn);
	job->ended = false;
	job->next(job, job->result);
}
