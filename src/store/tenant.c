/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tenant.c - decides which stream a tenant's new keys go to.
 *
 * The table is in the superblock. A new row, and a new stream with it, is used only when both
 * superblock copies are on the medium. There is one change at a time; others wait. This file owns
 * their list. It runs on the loop's thread.
 */
#include <errno.h>
#include <string.h>

#include "base/check.h"
#include "base/container.h"
#include "base/prng.h"
#include "queue/loop.h"
#include "store/tenants.h"

void tenant_init(struct weir_store *s)
{
	op_list_init(&s->tenants.waiting);
}

/* Returns the row of tenant ID; the number of rows: it has none. */
static uint32_t tenant_find(const struct weir_store *s, uint64_t id)
{
	uint32_t n;

	for (n = 0; n < s->io.super.tenants; n++)
		if (le64toh(s->io.super.tenant[n].tenant) == id)
			break;
	return n;
}

/* Returns true if STREAM is kept for the tenants that it has: it has a share, which others would
 * fill. Stream 0 is nobody's. */
static bool tenant_keeps(const struct weir_store *s, uint32_t stream)
{
	return stream && s->io.super.stream[stream].share;
}

/* Returns the stream for a new tenant: one of its own, or the emptiest that nobody keeps. */
static uint32_t tenant_stream(const struct weir_store *s)
{
	uint32_t n, best = 0;

	if (s->io.super.streams < layout_streams_max(s->io.lay))
		return s->io.super.streams;
	for (n = 1; n < s->io.super.streams; n++)
		if (!tenant_keeps(s, n) &&
		    logs_used_segments(s->logs, n) < logs_used_segments(s->logs, best))
			best = n;
	return best;
}

/* Returns how well STREAM suits the tenant with the hash ID. */
static uint64_t tenant_suits(uint64_t id, uint32_t stream)
{
	return prng_mix(id ^ prng_mix(stream));
}

/* Returns the stream of a tenant that has no row: of those that nobody keeps the one that suits the
 * hash ID of its name best. So when a stream gets a share only its tenants move. */
static uint32_t tenant_hashed_stream(const struct weir_store *s, uint64_t id)
{
	uint32_t best = 0;

	for (uint32_t n = 1; n < s->io.super.streams; n++)
		if (!tenant_keeps(s, n) && tenant_suits(id, n) > tenant_suits(id, best))
			best = n;
	return best;
}

/* Makes sure that NEXT, the superblock to be written, has STREAM. */
static void tenant_use_stream(struct weir_store *s, struct super *next, uint32_t stream)
{
	if (stream < next->streams)
		return;
	for (; next->streams <= stream; next->streams++)
		next->stream[next->streams] = (struct disk_stream){ .id = htole32(next->streams) };
	log_placement_assign(s->logs, next);
}

/* Adds a row for ASK to NEXT. */
static void tenant_row(struct weir_store *s, struct super *next, struct tenant_question *ask)
{
	uint32_t n = next->tenants++;

	CHECK(n < DISK_TENANTS);
	ask->stream = ask->wanted == TENANT_ANY_STREAM ? tenant_stream(s) : ask->wanted;
	ask->created = true;
	next->tenant[n] =
		(struct disk_tenant){ .tenant = htole64(ask->id), .stream = htole32(ask->stream) };
	memset(next->name[n], 0, sizeof(next->name[n]));
	memcpy(next->name[n], ask->name, ask->length);
	tenant_use_stream(s, next, ask->stream);
}

/* Changes row N of NEXT, whose tenant has another stream than ASK wants. */
static void tenant_move(struct weir_store *s, struct super *next, uint32_t n,
			struct tenant_question *ask)
{
	ask->stream = ask->wanted;
	next->tenant[n].stream = htole32(ask->stream);
	tenant_use_stream(s, next, ask->stream);
}

void tenant_continue(struct weir_store *s)
{
	struct weir_store_op *op;

	while (!superjob_busy(&s->io) && (op = op_list_pop(&s->tenants.waiting))) {
		const struct inner_op *inner = op_priv(op)->private;

		inner->run(s, op);
	}
}

/* Handles the result of writing the superblock with the new row. */
static void tenant_written(struct superjob *job, int result)
{
	struct weir_store *s = container_of(job->io, struct weir_store, io);
	struct weir_store_op *op = s->tenants.op;

	CHECK(op);
	s->tenants.op = NULL;
	if (!result) {
		log_placement_apply(s->logs);
		wear_install(&s->io.wear, s->io.super.write_budget, loop_now(s->io.q));
	}
	op_end(&s->io, op, result);
	tenant_continue(s);
}

void tenant_write(struct weir_store *s, struct weir_store_op *op, const struct super *next)
{
	CHECK(!s->tenants.op && !superjob_busy(&s->io));
	if (superjob_start(&s->io, next, tenant_written, NULL))
		op_end(&s->io, op, -ENOMEM);
	else
		s->tenants.op = op;
}

/* Adds the row of a tenant, or changes row N. */
static void tenant_change(struct weir_store *s, struct weir_store_op *op, uint32_t n)
{
	struct tenant_question *ask = op_priv(op)->private;
	struct super next = s->io.super;

	CHECK(ask->wanted == TENANT_ANY_STREAM || ask->wanted < layout_streams_max(s->io.lay));
	if (n < next.tenants)
		tenant_move(s, &next, n, ask);
	else
		tenant_row(s, &next, ask);
	/* The log of the stream must exist before anybody can know the stream. */
	if (logs_make(s->logs, next.streams))
		op_end(&s->io, op, -ENOMEM);
	else
		tenant_write(s, op, &next);
}

static void tenant_begin(struct weir_store *s, struct weir_store_op *op)
{
	struct tenant_question *ask = op_priv(op)->private;
	uint32_t n = tenant_find(s, ask->id);
	bool known = n < s->io.super.tenants;

	if (known)
		ask->stream = le32toh(s->io.super.tenant[n].stream);
	if (known && (!ask->replace || ask->stream == ask->wanted)) {
		op_end(&s->io, op, 0);
	} else if (!known && s->io.super.tenants == DISK_TENANTS) {
		ask->stream = tenant_hashed_stream(s, ask->id);
		op_end(&s->io, op, 0);
	} else if (s->io.read_only || s->io.broken) {
		op_end(&s->io, op, -EROFS);
	} else if (ask->length > DISK_NAME_BYTES) {
		op_end(&s->io, op, -ENAMETOOLONG);
	} else {
		tenant_change(s, op, n);
	}
}

bool tenant_waits(struct weir_store *s, struct weir_store_op *op)
{
	bool busy = superjob_busy(&s->io);

	if (busy)
		op_list_add(&s->tenants.waiting, op);
	return busy;
}

void tenant_run(struct weir_store *s, struct weir_store_op *op)
{
	if (!tenant_waits(s, op))
		tenant_begin(s, op);
}

/* Makes sure that NEXT has the stream of ASK. Returns 0, -ENOENT or -ENOMEM. */
static int tenant_need_stream(struct weir_store *s, struct super *next,
			      const struct share_question *ask)
{
	if (ask->stream < next->streams)
		return 0;
	if (!ask->make || ask->stream >= layout_streams_max(s->io.lay))
		return -ENOENT;
	tenant_use_stream(s, next, ask->stream);
	return logs_make(s->logs, next->streams) ? -ENOMEM : 0;
}

void tenant_run_share(struct weir_store *s, struct weir_store_op *op)
{
	const struct share_question *ask = op_priv(op)->private;
	struct super next = s->io.super;
	int err;

	if (tenant_waits(s, op))
		return;
	err = tenant_need_stream(s, &next, ask);
	if (!err && (s->io.read_only || s->io.broken))
		err = -EROFS;
	if (err) {
		op_end(&s->io, op, err);
		return;
	}
	next.stream[ask->stream].share = htole32(ask->percent);
	tenant_write(s, op, &next);
}
