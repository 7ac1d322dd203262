/* SPDX-License-Identifier: Apache-2.0 */
/*
 * superjob.c - replaces the superblock of an open store, copy by copy.
 *
 * A change becomes valid when both copies are on the medium. They are written one after the other,
 * so that one is always whole. This file owns the job and, while the store is open, the superblock
 * in memory. It runs on the loop's thread.
 */
#include <errno.h>
#include <string.h>

#include "base/container.h"
#include "base/check.h"
#include "store/io/io.h"

static void superjob_write(struct superjob *job);

/* Makes the tables of NEXT valid. Other threads read the counts. */
static void superjob_install(struct super *super, const struct super *next)
{
	/* Streams and tenants are never removed, because others know their numbers. */
	CHECK(next->streams >= super->streams && next->tenants >= super->tenants);
	/* A segment that is out of use stays so. */
	CHECK(next->out_count >= super->out_count && next->out_count <= DISK_OUT_MAX);
	memcpy(super->out, next->out, sizeof(super->out));
	super->out_count = next->out_count;
	super->out_aside = next->out_aside;
	memcpy(super->stream, next->stream, sizeof(super->stream));
	memcpy(super->tenant, next->tenant, sizeof(super->tenant));
	memcpy(super->name, next->name, sizeof(super->name));
	super->sequence_floor = next->sequence_floor;
	super->policy = next->policy;
	super->rewrite_percent = next->rewrite_percent;
	super->free_low = next->free_low;
	super->free_high = next->free_high;
	__atomic_store_n(&super->write_budget, next->write_budget, __ATOMIC_RELAXED);
	super->budget_spent = next->budget_spent;
	super->budget_time_ns = next->budget_time_ns;
	__atomic_store_n(&super->streams, next->streams, __ATOMIC_RELEASE);
	__atomic_store_n(&super->tenants, next->tenants, __ATOMIC_RELAXED);
}

static void superjob_finish(struct superjob *job, int result)
{
	struct store_io *io = job->io;

	CHECK(job->buf && job->written <= 2);
	bufpool_put(&io->pool, job->buf, job->bytes);
	job->buf = NULL;
	if (!result)
		superjob_install(&io->super, &job->next);
	job->done(job, result);
	/* Others may wait until the superblock can be changed again. */
	io_ask(io);
}

/* Returns the copy that is being written: 0 or 1. */
static unsigned superjob_copy(const struct superjob *job)
{
	return (job->first + job->written) % 2;
}

static void superjob_flushed(struct flush_waiter *w, int result)
{
	struct superjob *job = container_of(w, struct superjob, flushed);

	if (result || ++job->written == 2)
		superjob_finish(job, result);
	else
		superjob_write(job);
}

static void superjob_written(struct sio *sio, int result)
{
	struct superjob *job = container_of(sio, struct superjob, sio);

	/* Law copies-apart: one copy of the superblock is not touched until the other is on the
	 * medium. If writing a copy fails, the next change begins with that copy, because the
	 * other one is then the only good one. */
	if (result) {
		job->first = superjob_copy(job);
		superjob_finish(job, result);
	} else {
		flush_wait(job->io, &job->flushed, superjob_flushed);
		io_ask(job->io);
	}
}

static void superjob_write(struct superjob *job)
{
	unsigned copy = superjob_copy(job);

	memset(job->buf, 0, job->bytes);
	super_encode(job->buf, &job->next, copy + 1);
	weir_io_write(&job->sio.io, job->next.layout.copy_offset[copy], job->buf, job->bytes);
	sio_submit(job->io, &job->sio, superjob_written);
}

int superjob_start(struct store_io *io, const struct super *next,
		   void (*done)(struct superjob *job, int result), void *user)
{
	struct superjob *job = &io->superjob;

	CHECK(!job->buf);
	CHECK(next->streams <= DISK_STREAMS && next->tenants <= DISK_TENANTS);
	job->bytes = superio_bytes(weir_device_get_info(io->dev));
	job->buf = bufpool_get(&io->pool, job->bytes);
	if (!job->buf)
		return -ENOMEM;
	/* A revision number is used once, even if writing it fails half-way. */
	__atomic_store_n(&io->super.revision, io->super.revision + 1, __ATOMIC_RELAXED);
	job->next = *next;
	job->next.revision = io->super.revision;
	job->io = io;
	job->done = done;
	job->user = user;
	job->written = 0;
	superjob_write(job);
	return 0;
}

bool superjob_busy(const struct store_io *io)
{
	return io->superjob.buf != NULL;
}
