/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tenant.c - decides which stream a tenant's new keys go to.
 *
 * The table is in the superblock. A new row, and a new stream with it, is used only when both
 * superblock copies are on the medium. They are written one after the other, so that one is always
 * whole. There is one change at a time; others wait. This file owns the job. It runs on the loop's
 * thread, except for the blocking calls at the end.
 */
#include <errno.h>
#include <string.h>

#include <weir/tenant.h>

#include "base/error.h"
#include "base/opts.h"
#include "store/impl.h"

/* A store has one stream for each so many segments, because each stream has one open segment and
 * one that was begun ahead. */
#define TENANT_SEGMENTS 8u

/* The `private` of an OP_TENANT. */
struct tenant_question {
	const char *name;
	uint32_t length;
	uint32_t stream; /* the answer */
	bool created;
};

void tenant_init(struct weir_store *s)
{
	s->super_job.s = s;
	op_list_init(&s->super_job.waiting);
}

static uint64_t tenant_id(const struct weir_store *s, const struct tenant_question *ask)
{
	uint64_t hash[2];

	checksum_identity(&s->checksum, ask->name, ask->length, hash);
	return hash[0];
}

static bool tenant_find(const struct weir_store *s, uint64_t id, uint32_t *stream)
{
	uint32_t n;

	for (n = 0; n < s->super.tenants; n++)
		if (le64toh(s->super.tenant[n].tenant) == id) {
			*stream = le32toh(s->super.tenant[n].stream);
			return true;
		}
	return false;
}

static uint32_t tenant_streams_max(const struct weir_store *s)
{
	uint32_t most = s->lay->segments / TENANT_SEGMENTS;

	return most > DISK_STREAMS ? DISK_STREAMS : most ? most : 1;
}

/* Returns the stream for a new tenant: one of its own, or the emptiest. */
static uint32_t tenant_stream(const struct weir_store *s)
{
	uint32_t n, best = 0;

	if (s->super.streams < tenant_streams_max(s))
		return s->super.streams;
	for (n = 1; n < s->super.streams; n++)
		if (s->logs[n]->used_segments < s->logs[best]->used_segments)
			best = n;
	return best;
}

/* Adds a row for ASK to NEXT, the superblock to be written. */
static void tenant_row(struct weir_store *s, struct super *next, struct tenant_question *ask)
{
	uint32_t n = next->tenants++;

	ask->stream = tenant_stream(s);
	ask->created = true;
	next->tenant[n] = (struct disk_tenant){ .tenant = htole64(tenant_id(s, ask)),
						.stream = htole32(ask->stream) };
	memset(next->name[n], 0, sizeof(next->name[n]));
	memcpy(next->name[n], ask->name,
	       ask->length < DISK_NAME_BYTES ? ask->length : DISK_NAME_BYTES);
	if (ask->stream < next->streams)
		return;
	next->stream[ask->stream] = (struct disk_stream){ .id = htole32(ask->stream) };
	next->streams++;
	placing_assign(s, next);
}

/* Makes the superblock that is on both copies the current one. Other threads read some of it. */
static void tenant_install(struct weir_store *s, const struct super *next)
{
	memcpy(s->super.stream, next->stream, sizeof(s->super.stream));
	memcpy(s->super.tenant, next->tenant, sizeof(s->super.tenant));
	memcpy(s->super.name, next->name, sizeof(s->super.name));
	__atomic_store_n(&s->super.streams, next->streams, __ATOMIC_RELEASE);
	__atomic_store_n(&s->super.tenants, next->tenants, __ATOMIC_RELAXED);
	placing_apply(s, &s->super);
}

static void tenant_begin(struct weir_store *s, struct weir_store_op *op);

static void tenant_finish(struct super_job *job, int result)
{
	struct weir_store *s = job->s;
	struct weir_store_op *op = job->op;

	bufpool_put(&s->pool, job->buf, job->buf_bytes);
	job->buf = NULL;
	job->op = NULL;
	if (!result)
		tenant_install(s, &job->next);
	op_end(s, op, result);
	while (!job->op && (op = op_list_pop(&job->waiting)))
		tenant_begin(s, op);
}

static void tenant_write(struct super_job *job);

/* Returns the copy that is being written. */
static unsigned tenant_copy(const struct super_job *job)
{
	return (job->first + job->written) % 2;
}

static void tenant_flushed(struct flush_waiter *w, int result)
{
	struct super_job *job = container_of(w, struct super_job, flushed);

	if (result || ++job->written == 2)
		tenant_finish(job, result);
	else
		tenant_write(job);
}

static void tenant_written(struct sio *sio, int result)
{
	struct super_job *job = container_of(sio, struct super_job, sio);

	/* The second copy stays untouched until the first is on the medium. If writing a copy
	 * fails, the next change begins with that copy, because the other one is then the only good
	 * one. */
	if (result) {
		job->first = tenant_copy(job);
		tenant_finish(job, result);
	} else {
		flush_wait(job->s, &job->flushed, tenant_flushed);
	}
}

static void tenant_write(struct super_job *job)
{
	unsigned copy = tenant_copy(job);

	memset(job->buf, 0, job->buf_bytes);
	super_encode(job->buf, &job->next, copy + 1);
	weir_io_write(&job->sio.io, job->next.layout.copy_offset[copy], job->buf, job->buf_bytes);
	sio_submit(job->s, &job->sio, tenant_written);
}

/* Gets memory for the job, and makes the log that the change may need. */
static int tenant_memory(struct super_job *job)
{
	struct weir_store *s = job->s;

	if (logs_make(s, job->next.streams))
		return -ENOMEM;
	job->buf_bytes = superio_bytes(weir_device_get_info(s->dev));
	job->buf = bufpool_get(&s->pool, job->buf_bytes);
	return job->buf ? 0 : -ENOMEM;
}

static void tenant_create(struct weir_store *s, struct weir_store_op *op)
{
	struct super_job *job = &s->super_job;

	/* A revision number is used once, even if writing it fails half-way. */
	__atomic_store_n(&s->super.revision, s->super.revision + 1, __ATOMIC_RELAXED);
	job->next = s->super;
	tenant_row(s, &job->next, op_priv(op)->private);
	if (tenant_memory(job)) {
		op_end(s, op, -ENOMEM);
		return;
	}
	job->op = op;
	job->written = 0;
	tenant_write(job);
}

static void tenant_begin(struct weir_store *s, struct weir_store_op *op)
{
	struct tenant_question *ask = op_priv(op)->private;
	uint64_t id = tenant_id(s, ask);

	if (tenant_find(s, id, &ask->stream)) {
		op_end(s, op, 0);
	} else if (s->super.tenants == DISK_TENANTS) {
		/* The table is full, so the hash of the name chooses the stream; that needs no
		 * row. */
		ask->stream = (uint32_t)(id % s->super.streams);
		op_end(s, op, 0);
	} else if (s->read_only || s->broken) {
		op_end(s, op, -EROFS);
	} else {
		tenant_create(s, op);
	}
}

void tenant_op(struct weir_store *s, struct weir_store_op *op)
{
	if (s->super_job.op)
		op_list_add(&s->super_job.waiting, op);
	else
		tenant_begin(s, op);
}

int weir_store_add_tenant(struct weir_store *s, const char *tenant, uint32_t *stream)
{
	const char *path = weir_device_path(weir_queue_device(s->q));
	size_t length = strnlen(tenant, WEIR_TENANT_NAME_MAX + 1);
	struct tenant_question ask = { .name = tenant, .length = (uint32_t)length };
	struct weir_store_op op = { .kind = OP_TENANT };
	int err = wait_allowed(s);

	op_priv(&op)->private = &ask;
	if (err)
		return err;
	if (!length || length > WEIR_TENANT_NAME_MAX)
		return error_set(-EINVAL, "%s: a tenant's name has 1 to %u bytes", path,
				 WEIR_TENANT_NAME_MAX);
	err = op_post(s, &op);
	if (!err)
		err = wait_op(s, &op);
	if (err == -EROFS && s->read_only)
		return error_set(err, "%s: knows no tenant \"%s\", and was opened read-only", path,
				 tenant);
	if (err)
		return error_sys(err, "%s: a new tenant", path);
	*stream = ask.stream;
	return ask.created;
}

struct row_question {
	uint32_t n;
	struct weir_store_tenant *info;
};

static int tenant_give_row(struct weir_store *s, void *user)
{
	const struct row_question *ask = user;

	if (ask->n >= s->super.tenants)
		return -ENOENT;
	memset(ask->info, 0, sizeof(*ask->info));
	ask->info->size = sizeof(*ask->info);
	ask->info->stream = le32toh(s->super.tenant[ask->n].stream);
	memcpy(ask->info->name, s->super.name[ask->n], DISK_NAME_BYTES);
	ask->info->name_len = (uint32_t)strnlen(ask->info->name, DISK_NAME_BYTES);
	return 0;
}

int weir_store_get_tenant(struct weir_store *s, uint32_t n, struct weir_store_tenant *info)
{
	struct weir_store_tenant all;
	struct row_question ask = { n, &all };
	int err = wait_call(s, tenant_give_row, &ask);

	if (err == -ENOENT)
		return error_set(err, "no tenant in row %u: the store's table has %u rows", n,
				 __atomic_load_n(&s->super.tenants, __ATOMIC_RELAXED));
	return err ? err : opts_give(info, info->size, &all, sizeof(all));
}
