/* SPDX-License-Identifier: Apache-2.0 */
/*
 * parts_equal.c - makes what all devices of a store note about tenants the same.
 *
 * Tenants, their streams and shares, the write budget and the marks of free segments are in the
 * superblock of each device. They differ after a life without one of the devices, or after a crash
 * between two writes. Then the device counts that was there last. What only another device knows is
 * added to all: a row is never taken back, so nobody has wanted it away. It runs on the opening
 * thread; each table belongs to the loop of its part.
 */
#include <errno.h>
#include <string.h>

#include "base/error.h"
#include "store/parts.h"
#include "store/tenants.h"

/* A row of a part's table of tenants, or one of its streams. */
struct equal_row {
	uint32_t n;
	uint64_t id;
	uint32_t stream, share;
	char name[DISK_NAME_BYTES];
};

/* Copies row N of the tenants. Runs on the loop of S. */
static int equal_copy_tenant(struct weir_store *s, void *user)
{
	struct equal_row *row = user;

	if (row->n >= s->io.super.tenants)
		return -ENOENT;
	row->id = le64toh(s->io.super.tenant[row->n].tenant);
	row->stream = le32toh(s->io.super.tenant[row->n].stream);
	memcpy(row->name, s->io.super.name[row->n], sizeof(row->name));
	return 0;
}

/* Copies the share of stream N. Runs on the loop of S. */
static int equal_copy_share(struct weir_store *s, void *user)
{
	struct equal_row *row = user;

	if (row->n >= s->io.super.streams)
		return -ENOENT;
	row->share = le32toh(s->io.super.stream[row->n].share);
	return 0;
}

static int equal_copy_budget(struct weir_store *s, void *user)
{
	*(uint64_t *)user = s->io.super.write_budget;
	return 0;
}

/* Gives the tenant of ROW to PART, which takes its stream if REPLACE. */
static int equal_give_tenant(struct weir_store *part, const struct equal_row *row, bool replace)
{
	struct tenant_question ask = { .inner = { tenant_run },
				       .id = row->id,
				       .name = row->name,
				       .length = (uint32_t)strnlen(row->name, sizeof(row->name)),
				       .wanted = row->stream,
				       .replace = replace };

	return row->stream < layout_streams_max(part->io.lay) ? wait_inner(part, &ask.inner) : 0;
}

/* Gives the other parts the tenants of FROM. */
static int equal_give_tenants(struct store_parts *parts, struct weir_store *from, bool replace)
{
	struct equal_row row = { 0 };
	struct weir_store *part;
	uint32_t n;
	int err = 0;

	for (; !err && !wait_call(from, equal_copy_tenant, &row); row.n++)
		PARTS_FOREACH(parts->first, part, n)
	if (part != from && !err)
		err = equal_give_tenant(part, &row, replace);
	return err;
}

/* Gives PART the share of ROW, unless it has it. */
static int equal_give_share(struct weir_store *part, const struct equal_row *row)
{
	struct share_question ask = { { tenant_run_share }, row->n, row->share, false };
	struct equal_row own = { .n = row->n };

	/* A stream that the part does not have has no share there. */
	if (wait_call(part, equal_copy_share, &own) || own.share == row->share)
		return 0;
	return wait_inner(part, &ask.inner);
}

/* Gives the other parts the shares that FROM has, from stream FIRST on. */
static int equal_give_shares(struct store_parts *parts, struct weir_store *from, uint32_t first)
{
	struct equal_row row = { .n = first };
	struct weir_store *part;
	uint32_t n;
	int err = 0;

	for (; !err && !wait_call(from, equal_copy_share, &row); row.n++)
		PARTS_FOREACH(parts->first, part, n)
	if (part != from && !err)
		err = equal_give_share(part, &row);
	return err;
}

static int equal_give_budget(struct store_parts *parts, struct weir_store *from)
{
	struct budget_question ask = { .inner = { budget_run_set } };
	struct weir_store *part;
	uint64_t own;
	uint32_t n;
	int err = wait_call(from, equal_copy_budget, &ask.bytes);

	PARTS_FOREACH(parts->first, part, n)
	{
		if (!err)
			err = wait_call(part, equal_copy_budget, &own);
		if (!err && own != ask.bytes)
			err = wait_inner(part, &ask.inner);
	}
	return err;
}

/* Gives the other parts what only PART knows: tenants, and the shares of streams that the newest
 * part did not have, which are FIRST and those behind it. */
static int equal_give_rest(struct store_parts *parts, struct weir_store *part, uint32_t first)
{
	int err = equal_give_tenants(parts, part, false);

	return err ? err : equal_give_shares(parts, part, first);
}

int parts_equal_make(struct store_parts *parts, struct weir_store *newest, bool own_marks)
{
	uint32_t n, streams = __atomic_load_n(&newest->io.super.streams, __ATOMIC_ACQUIRE);
	struct weir_store *part;
	int err;

	if (parts->first->io.read_only)
		return 0;
	err = equal_give_tenants(parts, newest, true);
	if (!err)
		err = equal_give_shares(parts, newest, 0);
	if (!err)
		err = equal_give_budget(parts, newest);
	if (!err)
		err = parts_marks_equal(parts, newest, own_marks);
	PARTS_FOREACH(parts->first, part, n)
	if (!err && part != newest)
		err = equal_give_rest(parts, part, streams);
	return err ? error_sys(err, "%s: cannot make the tenants of all devices the same",
			       weir_device_path(parts->first->io.dev))
		   : 0;
}
