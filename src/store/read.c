/* SPDX-License-Identifier: Apache-2.0 */
/*
 * read.c - get and exists.
 *
 * A value that fails its checksum is read once more, by new commands, before it counts as damaged:
 * some kernels lose a command and say that it succeeded (docs/nvme.md), and a link may garble one.
 * This file owns the reads under way and runs on the loop's thread; read_parts.c reads.
 */
#include <errno.h>

#include "base/check.h"
#include "store/read_drop.h"
#include "store/read_parts.h"

/*
 * Frees REQ, and returns its operation; NULL: that has ended.
 *
 * Law pinned-reads: a segment is not given away while a read of it is under way.
 */
static struct weir_store_op *read_end(struct weir_store *s, struct read_req *req)
{
	struct weir_store_op *op = req->op;

	if (op && op->deadline_ns)
		LIST_REMOVE(req, link);
	logs_unpin(req->seg);
	read_parts_free(s, req);
	return op;
}

static void read_done(struct weir_store *s, struct read_req *req)
{
	struct index_value value;
	struct weir_store_op *op;
	int result;

	if (!req->op) {
		read_end(s, req);
		return;
	}
	result = read_parts_result(req);
	if (result == -EBADMSG && !req->again) {
		req->again = true;
		s->reads.rereads++;
		read_parts_submit(s, req);
		return;
	}
	s->reads.checksum_errors += result == -EBADMSG;
	value = req->value;
	op = read_end(s, req);
	if (result == -EBADMSG && op->flags & WEIR_GET_DROP_DAMAGED)
		read_drop(s, op, &value);
	else
		op_end(&s->io, op, result);
}

static int read_begin(struct weir_store *s, struct weir_store_op *op,
		      const struct index_value *value)
{
	struct read_req *req;

	CHECK(value->length <= op->capacity);
	req = read_parts_new(s, op, value);
	if (!req)
		return -ENOMEM;
	req->done = read_done;
	if (op->deadline_ns)
		LIST_INSERT_HEAD(&s->reads.timed, req, link);
	op_priv(op)->log = logs_stream_of(req->seg);
	logs_pin(req->seg);
	logs_note_get(s->logs);
	/* The segment is pinned now, so the lease has done its work. */
	if (value->flags & INDEX_PINNED && !(op->flags & WEIR_GET_KEEP_LEASE))
		logs_end_lease(s->logs, op_priv(op)->hash);
	read_parts_submit(s, req);
	return 0;
}

/* Ends the operation of REQ, whose deadline has come. The reads go on that the drive has. */
static void read_expire(struct weir_store *s, struct read_req *req)
{
	struct weir_store_op *op = req->op;

	LIST_REMOVE(req, link);
	req->op = NULL;
	read_parts_cancel(s, req);
	/* A part may have failed; that is not why the operation ends. */
	op_priv(op)->noted = OP_NOTE_NONE;
	op_end(&s->io, op, -ETIMEDOUT);
}

void read_withdraw(struct weir_store *s, uint64_t now, uint64_t *next)
{
	struct read_req *req, *after;

	for (req = LIST_FIRST(&s->reads.timed); req; req = after) {
		after = LIST_NEXT(req, link);
		if (req->op->deadline_ns <= now)
			read_expire(s, req);
		else if (req->op->deadline_ns < *next)
			*next = req->op->deadline_ns;
	}
}

void read_get(struct weir_store *s, struct weir_store_op *op)
{
	struct index_value value;
	int err;

	if (!logs_find(s->logs, op_priv(op)->hash, &value)) {
		tally_miss(&s->io.tally, logs_reason(s->logs, op_priv(op)->hash));
		op_end(&s->io, op, -ENOENT);
		return;
	}
	CHECK(value.length);
	op->value_len = value.length;
	logs_touch(s->logs, op_priv(op)->hash, &value);
	err = value.length > op->capacity ? -EMSGSIZE : read_begin(s, op, &value);
	if (err)
		op_end(&s->io, op, err);
}

void read_exists(struct weir_store *s, struct weir_store_op *op)
{
	struct index_value value;
	bool found = logs_find(s->logs, op_priv(op)->hash, &value);

	if (found) {
		op->value_len = value.length;
		logs_touch(s->logs, op_priv(op)->hash, &value);
	}
	op_end(&s->io, op, found ? 0 : -ENOENT);
}
