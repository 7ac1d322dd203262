/* SPDX-License-Identifier: Apache-2.0 */
/*
 * transfer.c - makes requests of operations, and results of answers. See remote.h.
 *
 * What the owner answers is not trusted: a length that is longer than the room for it is an error.
 */
#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "remote/remote.h"

static bool has_value(const struct weir_store_op *op)
{
	return op->kind == WEIR_STORE_PUT || op->kind == WEIR_STORE_GET;
}

/* Bytes of shared memory that OP needs. */
static uint64_t bytes_for(const struct weir_remote *r, const struct weir_store_op *op)
{
	if (op->kind == WEIR_STORE_PUT)
		return op->value_len;
	if (op->kind != WEIR_STORE_GET)
		return 0;
	return op->capacity < r->max_value ? op->capacity : r->max_value;
}

/* Copies up to LENGTH bytes between MEMORY and the pieces of OP. */
static void copy_value(const struct weir_store_op *op, uint8_t *memory, uint64_t length)
{
	struct iovec whole = { op->buf, length };
	const struct iovec *iov = op->nr_iov ? op->iov : &whole;
	uint32_t n = op->nr_iov ? op->nr_iov : 1;

	for (uint32_t i = 0; i < n && length; i++) {
		size_t part = iov[i].iov_len < length ? iov[i].iov_len : length;

		if (!part)
			continue;
		if (op->kind == WEIR_STORE_PUT)
			memcpy(memory, iov[i].iov_base, part);
		else
			memcpy(iov[i].iov_base, memory, part);
		memory += part;
		length -= part;
	}
}

/* Returns the time that OP still has; 0: it has no deadline. One that came during the copy is over
 * when the request arrives. */
static uint64_t left_of(const struct weir_store_op *op)
{
	uint64_t now = clock_now();

	if (!op->deadline_ns)
		return 0;
	return op->deadline_ns > now ? op->deadline_ns - now : 1;
}

static void write_request(struct weir_remote *r, const struct weir_store_op *op,
			  const struct remote_op *p, uint32_t tag)
{
	struct remote_link *l = &r->link;
	bool lease = op->kind == WEIR_STORE_EXISTS && op->flags & WEIR_REMOTE_LEASE;
	struct share_request request = {
		.kind = lease ? (uint32_t)SHARE_LEASE : op->kind,
		.flags = lease ? 0 : op->flags,
		.tag = tag,
		.key_len = op->kind == WEIR_STORE_SYNC ? 0 : op->key_len,
		.offset = p->offset,
		.length = p->bytes,
		.left_ns = left_of(op),
		.submitter = op->submitter,
		.prio = op->prio,
		.stream = op->stream,
	};

	memcpy(l->out + l->out_length, &request, sizeof(request));
	l->out_length += sizeof(request);
	if (!request.key_len)
		return;
	memcpy(l->out + l->out_length, op->key, op->key_len);
	l->out_length += op->key_len;
}

bool transfer_begin(struct weir_remote *r, struct weir_store_op *op, uint32_t tag)
{
	struct remote_op *p = remote_op(op);
	uint64_t bytes = bytes_for(r, op);
	uint64_t offset = extents_take(&r->link.room, bytes);

	if (offset == EXTENTS_NONE)
		return false;
	p->offset = offset;
	p->bytes = bytes;
	if (op->kind == WEIR_STORE_PUT)
		copy_value(op, r->arena.base + offset, bytes);
	write_request(r, op, p, tag);
	return true;
}

void transfer_end(struct weir_remote *r, struct weir_store_op *op, const struct share_answer *a)
{
	struct remote_op *p = remote_op(op);

	op->result = a->result > 0 ? -EPROTO : a->result;
	if (op->kind == WEIR_STORE_GET || op->kind == WEIR_STORE_EXISTS)
		op->value_len = a->length;
	if (op->kind == WEIR_STORE_GET && !op->result && a->length > p->bytes)
		op->result = -EPROTO;
	if (op->kind == WEIR_STORE_GET && !op->result)
		copy_value(op, r->arena.base + p->offset, a->length);
	extents_give(&r->link.room, p->offset, p->bytes);
	pthread_mutex_lock(&r->lock);
	r->operations++;
	if (has_value(op) && !op->result)
		r->bytes += op->value_len;
	pthread_mutex_unlock(&r->lock);
}
