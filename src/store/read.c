/* SPDX-License-Identifier: Apache-2.0 */
/*
 * read.c - get and exists.
 *
 * Whole blocks are read straight into an aligned buffer of the caller. The tail of the last block
 * is read into a block of the store's own, so that nothing behind the value is touched. If the
 * buffer is not aligned, everything is read into the store's memory and copied. This file owns the
 * reads under way and runs on the loop's thread.
 *
 * A value that fails its checksum is read once more, by a new command, before it counts as damaged:
 * some kernels lose a command and say that it succeeded (docs/nvme.md), and a link may garble one.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/container.h"
#include "store/store.h"

struct read_req {
	struct sio sio;
	struct weir_store_op *op;
	struct segment *seg;
	struct index_value value;
	struct iovec iov[2];
	size_t direct; /* bytes that go straight into the caller's buffer */
	uint8_t *own;  /* memory of the store's for the rest */
	size_t own_bytes;
	bool again; /* this is the second try */
};

/* Returns true if the value that was read is the one that was put. */
static bool read_verify(const struct weir_store *s, const struct read_req *req)
{
	uint32_t block = layout_position_block(s->io.lay, req->value.position);
	struct checksum_place place = { req->seg->number, block, req->seg->gen };

	/* Law payloads: the checksum of a value is compared on every read; other bytes are never
	 * handed out. */
	return checksum_data(&s->io.key, CHECKSUM_PAYLOAD, place, req->op->buf,
			     req->value.length) == req->value.checksum;
}

static void read_submit(struct weir_store *s, struct read_req *req);

static void read_done(struct sio *sio, int result)
{
	struct read_req *req = container_of(sio, struct read_req, sio);
	struct weir_store *s = container_of(sio->store, struct weir_store, io);
	struct weir_store_op *op = req->op;

	if (!result && req->own)
		memcpy((uint8_t *)op->buf + req->direct, req->own, req->value.length - req->direct);
	if (result) {
		words_note_io(op, &sio->io);
		result = sio_error(result);
	} else if (!read_verify(s, req)) {
		if (!req->again) {
			req->again = true;
			s->reads.rereads++;
			read_submit(s, req);
			return;
		}
		s->reads.checksum_errors++;
		result = -EBADMSG;
	}
	bufpool_put(&s->io.pool, req->own, req->own_bytes);
	logs_unpin(req->seg);
	free(req);
	op_end(&s->io, op, result);
}

static int read_memory(struct weir_store *s, struct read_req *req)
{
	const struct layout *l = s->io.lay;
	size_t length = req->value.length;

	if (!((uintptr_t)req->op->buf & s->io.memory_mask))
		req->direct = length >> l->block_shift << l->block_shift;
	req->own_bytes = (size_t)layout_blocks(l, length - req->direct) << l->block_shift;
	if (req->own_bytes) {
		req->own = bufpool_get(&s->io.pool, req->own_bytes);
		if (!req->own)
			return -ENOMEM;
	}
	return 0;
}

static void read_submit(struct weir_store *s, struct read_req *req)
{
	const struct layout *l = s->io.lay;
	unsigned n = 0;

	if (req->direct)
		req->iov[n++] = (struct iovec){ req->op->buf, req->direct };
	if (req->own_bytes)
		req->iov[n++] = (struct iovec){ req->own, req->own_bytes };
	weir_io_readv(&req->sio.io, l->data_offset + (req->value.position << l->block_shift),
		      req->iov, n);
	req->sio.io.length = req->direct + req->own_bytes;
	req->sio.io.prio = req->op->prio;
	req->sio.io.submitter = req->op->submitter;
	sio_submit(&s->io, &req->sio, read_done);
}

static int read_begin(struct weir_store *s, struct weir_store_op *op,
		      const struct index_value *value)
{
	struct read_req *req = calloc(1, sizeof(*req));

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
	logs_pin(req->seg);
	/* The segment is pinned now, so the lease has done its work. */
	if (value->flags & INDEX_PINNED)
		logs_end_lease(s->logs, op_priv(op)->hash);
	read_submit(s, req);
	return 0;
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
