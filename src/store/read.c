/* SPDX-License-Identifier: Apache-2.0 */
/*
 * read.c - get and exists.
 *
 * Whole blocks are read straight into aligned memory of the caller. The others, and the tail of the
 * last block, are read into memory of the store's own and copied, so that nothing behind the value
 * is touched. A get with a deadline is read into the store's memory as a whole: when the deadline
 * comes, the operation ends, and the drive may still write. This file owns the reads under way and
 * runs on the loop's thread.
 *
 * A value that fails its checksum is read once more, by a new command, before it counts as damaged:
 * some kernels lose a command and say that it succeeded (docs/nvme.md), and a link may garble one.
 */
#include <errno.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/container.h"
#include "store/store.h"

struct read_req {
	struct sio sio;
	LIST_ENTRY(read_req) link; /* those with a deadline */
	struct weir_store_op *op;  /* NULL: it has ended, because its deadline came */
	struct segment *seg;
	struct index_value value;
	uint8_t *own; /* memory of the store's for what is copied */
	size_t own_bytes;
	bool again; /* this is the second try */
	uint32_t count;
	struct iovec iov[]; /* where the device reads to */
};

static size_t read_pieces_next(void *user, const void **data)
{
	return pieces_next(user, data);
}

/* Returns true if the value that was read is the one that was put. */
static bool read_verify(const struct weir_store *s, const struct read_req *req)
{
	uint32_t block = layout_position_block(s->io.lay, req->value.position);
	struct checksum_place place = { req->seg->number, block, req->seg->gen };
	const struct weir_store_op *op = req->op;
	size_t length = req->value.length;
	struct pieces p = pieces_begin(op, length);
	uint64_t sum;

	/* Law payloads: the checksum of a value is compared on every read; other bytes are never
	 * handed out. */
	if (req->own_bytes >= length)
		sum = checksum_data(&s->io.key, CHECKSUM_PAYLOAD, place, req->own, length);
	else if (!op->nr_iov)
		sum = checksum_data(&s->io.key, CHECKSUM_PAYLOAD, place, op->buf, length);
	else
		sum = checksum_pieces(&s->io.key, CHECKSUM_PAYLOAD, place, read_pieces_next, &p);
	return sum == req->value.checksum;
}

/* Copies what was read into the store's memory to the caller's. */
static void read_copy(const struct read_req *req)
{
	struct pieces p = pieces_begin(req->op, req->value.length);

	for (uint32_t i = 0; i < req->count && req->own; i++) {
		const uint8_t *at = req->iov[i].iov_base;
		size_t n = req->iov[i].iov_len < p.left ? req->iov[i].iov_len : p.left;

		if (at >= req->own && at < req->own + req->own_bytes)
			pieces_scatter(&p, at, n);
		else
			pieces_skip(&p, n);
	}
}

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
	bufpool_put(&s->io.pool, req->own, req->own_bytes);
	logs_unpin(req->seg);
	free(req);
	return op;
}

static void read_submit(struct weir_store *s, struct read_req *req);

static void read_done(struct sio *sio, int result)
{
	struct read_req *req = container_of(sio, struct read_req, sio);
	struct weir_store *s = container_of(sio->store, struct weir_store, io);
	struct weir_store_op *op = req->op;

	if (!op) {
		read_end(s, req);
		return;
	}
	if (result) {
		words_note_io(op, &sio->io);
		op_end(&s->io, read_end(s, req), sio_error(result));
		return;
	}
	read_copy(req);
	if (!read_verify(s, req)) {
		if (!req->again) {
			req->again = true;
			s->reads.rereads++;
			read_submit(s, req);
			return;
		}
		s->reads.checksum_errors++;
		result = -EBADMSG;
	}
	op_end(&s->io, read_end(s, req), result);
}

/* Sets where the device reads to. The store's memory has room for all that is copied. */
static void read_plan(const struct store_io *io, struct read_req *req, bool copy_all)
{
	struct pieces p = pieces_begin(req->op, req->value.length);
	struct pieces_rule rule = io_rule(io);
	uint8_t *free = req->own;

	while (p.left) {
		struct pieces_run run = { .bytes = p.left };
		size_t n;

		if (!copy_all)
			run = pieces_run(&p, rule, SIZE_MAX);
		n = (run.bytes + rule.block - 1) & ~(rule.block - 1);
		req->iov[req->count++] = (struct iovec){ run.direct ? run.direct : free, n };
		free += run.direct ? 0 : n;
		pieces_skip(&p, run.bytes);
	}
	CHECK(free == req->own + req->own_bytes);
}

/* Takes the store's memory for REQ. Returns 0 or -ENOMEM. */
static int read_memory(struct weir_store *s, struct read_req *req)
{
	const struct layout *l = s->io.lay;
	size_t length = req->value.length;
	bool copy_all = req->op->deadline_ns != 0;

	req->own_bytes = copy_all ? (size_t)layout_blocks(l, length) << l->block_shift
				  : pieces_copied(pieces_begin(req->op, length), io_rule(&s->io));
	if (req->own_bytes) {
		req->own = bufpool_get(&s->io.pool, req->own_bytes);
		if (!req->own)
			return -ENOMEM;
	}
	read_plan(&s->io, req, copy_all);
	return 0;
}

static void read_submit(struct weir_store *s, struct read_req *req)
{
	const struct layout *l = s->io.lay;

	weir_io_readv(&req->sio.io, l->data_offset + (req->value.position << l->block_shift),
		      req->iov, req->count);
	req->sio.io.length = (uint64_t)layout_blocks(l, req->value.length) << l->block_shift;
	req->sio.io.prio = req->op->prio;
	req->sio.io.submitter = req->op->submitter;
	sio_submit(&s->io, &req->sio, read_done);
}

static int read_begin(struct weir_store *s, struct weir_store_op *op,
		      const struct index_value *value)
{
	/* Two runs begin in each piece at most, and one goes through to the next. */
	size_t iov = (2 * (size_t)pieces_count(op) + 1) * sizeof(struct iovec);
	struct read_req *req = calloc(1, sizeof(*req) + iov);

	if (!req)
		return -ENOMEM;
	req->op = op;
	req->value = *value;
	req->seg = logs_segment_of(s->logs, value);
	if (read_memory(s, req)) {
		free(req);
		return -ENOMEM;
	}
	CHECK(value->length <= op->capacity);
	if (op->deadline_ns)
		LIST_INSERT_HEAD(&s->reads.timed, req, link);
	logs_pin(req->seg);
	/* The segment is pinned now, so the lease has done its work. */
	if (value->flags & INDEX_PINNED)
		logs_end_lease(s->logs, op_priv(op)->hash);
	read_submit(s, req);
	return 0;
}

/* Ends the operation of REQ, whose deadline has come. The read goes on if the drive has it. */
static void read_expire(struct weir_store *s, struct read_req *req)
{
	struct weir_store_op *op = req->op;

	LIST_REMOVE(req, link);
	req->op = NULL;
	(void)weir_io_cancel(s->io.q, &req->sio.io);
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
