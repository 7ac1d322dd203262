/* SPDX-License-Identifier: Apache-2.0 */
/*
 * read_parts.c - reads a value, and verifies it while the rest of it is on its way.
 *
 * Whole blocks are read straight into aligned memory of the caller. The others, and the tail of the
 * last block, are read into memory of the store's own and copied, so that nothing behind the value
 * is touched. A get with a deadline is read into the store's memory as a whole: when the deadline
 * comes, the operation ends, and the drive may still write.
 *
 * The drive reads the parts of a large value in any order. The checksum goes over them in the order
 * of the value, and takes each part as soon as all in front of it have arrived. So when the last
 * part arrives, usually only that one is left to verify. The bytes are the caller's only when all
 * have passed. This file owns the parts of each read, and runs on the loop's thread.
 */
#include "store/read_parts.h"

#include <errno.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/container.h"
#include "queue/loop.h"

/* A part has so many bytes. Shorter ones would not begin earlier: the queue hands ios of one run
 * down when they reach that number. Parts of writes are longer (log/batch_write.c). */
#define READ_PART_BYTES ((size_t)512 << 10)

static struct checksum_place read_parts_place(const struct weir_store *s,
					      const struct read_req *req)
{
	uint32_t block = layout_position_block(s->io.lay, req->value.position);

	return (struct checksum_place){ req->seg->number, block, req->seg->gen };
}

int read_parts_result(const struct read_req *req)
{
	CHECK(!req->busy);
	if (req->result)
		return req->result;
	CHECK(req->verified == req->count && !req->rest.left);
	/* Law payloads: the checksum of a value is compared on every read; other bytes are never
	 * handed out. */
	return req->sum == req->value.checksum ? 0 : -EBADMSG;
}

/* Copies the next N bytes of the value, which are at AT, to the caller if they are not there. */
static void read_parts_copy(struct read_req *req, const uint8_t *at, size_t n)
{
	if (req->own && at >= req->own && at < req->own + req->own_bytes)
		pieces_scatter(&req->rest, at, n);
	else
		pieces_skip(&req->rest, n);
}

/* Computes the checksum of PART, the next one of the value, and copies what is to be copied. */
static void read_parts_take(struct read_req *req, const struct read_part *part)
{
	for (uint32_t i = 0; i < part->count; i++) {
		const uint8_t *at = part->iov[i].iov_base;
		size_t n = part->iov[i].iov_len;

		n = n < req->rest.left ? n : req->rest.left;
		checksum_stream_add(&req->stream, at, n);
		read_parts_copy(req, at, n);
	}
}

/* Goes on with the checksum as far as the value has arrived. */
static void read_parts_verify(struct weir_store *s, struct read_req *req)
{
	const struct read_part *part = req->parts;

	/* This is faster for few bytes. */
	if (req->count == 1 && part->count == 1) {
		req->verified = 1;
		req->sum = checksum_data(&s->io.key, CHECKSUM_PAYLOAD, read_parts_place(s, req),
					 part->iov->iov_base, req->rest.left);
		read_parts_copy(req, part->iov->iov_base, req->rest.left);
		return;
	}
	if (!req->verified)
		checksum_stream_begin(&req->stream, &s->io.key, CHECKSUM_PAYLOAD,
				      read_parts_place(s, req));
	while (req->verified < req->count && req->parts[req->verified].arrived) {
		read_parts_take(req, &req->parts[req->verified++]);
		loop_keep_busy(s->io.q); /* many parts may have waited for this one */
	}
	if (req->verified == req->count)
		req->sum = checksum_stream_end(&req->stream);
}

static void read_parts_ended(struct sio *sio, int result)
{
	struct read_part *part = container_of(sio, struct read_part, sio);
	struct weir_store *s = container_of(sio->store, struct weir_store, io);
	struct read_req *req = part->req;

	CHECK(req->busy && !part->arrived);
	part->arrived = !result;
	if (result && !req->result) {
		req->result = sio_error(result);
		if (req->op)
			words_note_io(req->op, &sio->io);
	}
	/* Nobody waits for the bytes after an error or a deadline. */
	if (part->arrived && !req->result && req->op && part == &req->parts[req->verified])
		read_parts_verify(s, req);
	if (!--req->busy)
		req->done(s, req);
}

/* Sets where the device reads a part to; the value goes on at *P, the store's memory at *FREE. */
static void read_parts_plan_one(const struct store_io *io, struct read_part *part, struct pieces *p,
				uint8_t **free, bool copy_all)
{
	struct pieces_rule rule = io_rule(io);

	while (p->left && part->bytes < READ_PART_BYTES) {
		size_t room = READ_PART_BYTES - part->bytes;
		struct pieces_run run = { .bytes = p->left < room ? p->left : room };
		size_t n;

		if (!copy_all)
			run = pieces_run(p, rule, room);
		n = (run.bytes + rule.block - 1) & ~(rule.block - 1);
		part->iov[part->count++] = (struct iovec){ run.direct ? run.direct : *free, n };
		part->bytes += (uint32_t)n;
		if (!run.direct)
			*free += n;
		pieces_skip(p, run.bytes);
	}
}

/* Sets where the device reads to. IOV has room for all pieces, and the store's memory for all that
 * is copied. */
static void read_parts_plan(const struct store_io *io, struct read_req *req, struct iovec *iov,
			    bool copy_all)
{
	struct pieces p = pieces_begin(req->op, req->value.length);
	uint8_t *free = req->own;

	for (uint32_t i = 0; i < req->count; i++) {
		struct read_part *part = &req->parts[i];

		*part = (struct read_part){ .req = req, .iov = iov };
		read_parts_plan_one(io, part, &p, &free, copy_all);
		iov += part->count;
	}
	/* Without own memory both are NULL, to which C adds nothing, not even 0. */
	CHECK(!p.left && free == (req->own ? req->own + req->own_bytes : NULL));
}

/* Takes the store's memory for REQ. Returns 0 or -ENOMEM. */
static int read_parts_memory(struct weir_store *s, struct read_req *req, bool copy_all)
{
	const struct layout *l = s->io.lay;
	size_t length = req->value.length;

	req->own_bytes = copy_all ? (size_t)layout_blocks(l, length) << l->block_shift
				  : pieces_copied(pieces_begin(req->op, length), io_rule(&s->io));
	if (!req->own_bytes)
		return 0;
	req->own = bufpool_get(&s->io.pool, req->own_bytes);
	return req->own ? 0 : -ENOMEM;
}

struct read_req *read_parts_new(struct weir_store *s, struct weir_store_op *op,
				const struct index_value *value)
{
	uint32_t count = (uint32_t)((value->length + READ_PART_BYTES - 1) / READ_PART_BYTES);
	size_t parts = sizeof(struct read_req) + count * sizeof(struct read_part);
	/* Two runs begin in each piece at most, one goes through to the next, and each part cuts
	 * one in two. */
	size_t iov = 2 * (size_t)pieces_count(op) + 1 + count;
	bool copy_all = op->deadline_ns != 0;
	struct read_req *req;
	void *memory;

	if (posix_memalign(&memory, _Alignof(struct read_req), parts + iov * sizeof(struct iovec)))
		return NULL;
	req = memory;
	req->op = op;
	req->seg = logs_segment_of(s->logs, value);
	req->value = *value;
	req->again = false;
	req->own = NULL;
	req->busy = 0;
	req->count = count;
	if (read_parts_memory(s, req, copy_all)) {
		free(req);
		return NULL;
	}
	read_parts_plan(&s->io, req, (struct iovec *)((char *)memory + parts), copy_all);
	return req;
}

void read_parts_free(struct weir_store *s, struct read_req *req)
{
	CHECK(!req->busy);
	bufpool_put(&s->io.pool, req->own, req->own_bytes);
	free(req);
}

void read_parts_submit(struct weir_store *s, struct read_req *req)
{
	const struct layout *l = s->io.lay;
	uint64_t at = l->data_offset + (req->value.position << l->block_shift);

	CHECK(!req->busy);
	req->result = 0;
	req->verified = 0;
	req->rest = pieces_begin(req->op, req->value.length);
	req->busy = req->count;
	for (uint32_t i = 0; i < req->count; i++) {
		struct read_part *part = &req->parts[i];
		struct weir_io *io = &part->sio.io;

		part->arrived = false;
		weir_io_readv(io, at, part->iov, part->count);
		io->length = part->bytes;
		urgency_of_get(io, req->op);
		at += part->bytes;
		sio_submit(&s->io, &part->sio, read_parts_ended);
	}
}

void read_parts_cancel(struct weir_store *s, struct read_req *req)
{
	for (uint32_t i = 0; i < req->count; i++)
		if (req->parts[i].sio.busy)
			(void)weir_io_cancel(s->io.q, &req->parts[i].sio.io);
}
