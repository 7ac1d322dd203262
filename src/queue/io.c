/* SPDX-License-Identifier: Apache-2.0 */
/*
 * io.c - preparing an io, and its result in words. Owns nothing; any thread.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <weir/io.h>

#include "engine/nvme_status.h"
#include "queue/lane/io_priv.h"

static const char *const op_names[WEIR_OP_COUNT] = {
	[WEIR_OP_READ] = "read",
	[WEIR_OP_WRITE] = "write",
	[WEIR_OP_FLUSH] = "flush",
	[WEIR_OP_DISCARD] = "discard",
	[WEIR_OP_WRITE_ZEROES] = "write zeroes",
	[WEIR_OP_PLACEMENT_UPDATE] = "placement update",
};

static void io_prepare(struct weir_io *io, enum weir_op op, uint64_t offset, uint64_t length)
{
	memset(io, 0, sizeof(*io));
	io->op = (uint8_t)op;
	io->offset = offset;
	io->length = length;
	io->prio = WEIR_PRIO_DEFAULT;
}

static void io_prepare_iov(struct weir_io *io, enum weir_op op, uint64_t offset,
			   const struct iovec *iov, uint32_t iovcnt)
{
	uint64_t length = 0;

	for (uint32_t i = 0; i < iovcnt; i++)
		length += iov[i].iov_len;
	io_prepare(io, op, offset, length);
	io->iov = iov;
	io->iovcnt = iovcnt;
}

void weir_io_read(struct weir_io *io, uint64_t offset, void *buf, uint64_t length)
{
	io_prepare(io, WEIR_OP_READ, offset, length);
	io->buf = buf;
}

void weir_io_write(struct weir_io *io, uint64_t offset, const void *buf, uint64_t length)
{
	io_prepare(io, WEIR_OP_WRITE, offset, length);
	/* One field serves both directions; a write never stores through it. */
	memcpy(&io->buf, &buf, sizeof(io->buf));
}

void weir_io_readv(struct weir_io *io, uint64_t offset, const struct iovec *iov, uint32_t iovcnt)
{
	io_prepare_iov(io, WEIR_OP_READ, offset, iov, iovcnt);
}

void weir_io_writev(struct weir_io *io, uint64_t offset, const struct iovec *iov, uint32_t iovcnt)
{
	io_prepare_iov(io, WEIR_OP_WRITE, offset, iov, iovcnt);
}

void weir_io_flush(struct weir_io *io)
{
	io_prepare(io, WEIR_OP_FLUSH, 0, 0);
}

void weir_io_discard(struct weir_io *io, uint64_t offset, uint64_t length)
{
	io_prepare(io, WEIR_OP_DISCARD, offset, length);
}

void weir_io_write_zeroes(struct weir_io *io, uint64_t offset, uint64_t length)
{
	io_prepare(io, WEIR_OP_WRITE_ZEROES, offset, length);
}

void weir_io_placement_update(struct weir_io *io, uint16_t placement)
{
	io_prepare(io, WEIR_OP_PLACEMENT_UPDATE, 0, 0);
	io->placement = placement;
}

/* The drive's own words up to their explanation, or the system's. */
static void io_describe_result(const struct weir_io *io, char *what, size_t size)
{
	const char *words = nvme_status_words(io->status);

	if (io->status)
		snprintf(what, size, "%.*s (SCT 0x%x SC 0x%x)%s%s", (int)strcspn(words, ":"), words,
			 io->status >> 8 & 7, io->status & 0xff,
			 nvme_status_may_retry(io->status) ? "" : ", do not retry",
			 nvme_status_unknown(io->status) ? ", outcome unknown" : "");
	else if (io->ring_lost)
		snprintf(what, size,
			 "the queue's io_uring ring is gone (%s), outcome unknown: close and "
			 "reopen the queue",
			 strerror(io->cause));
	else if (io->cause == ENODATA)
		snprintf(what, size, "medium error: the drive cannot %s these blocks (ENODATA)",
			 io->op == WEIR_OP_READ ? "read" : "write");
	else if (io->cause)
		snprintf(what, size, "Input/output error (%s)", strerror(io->cause));
	else if (io->result == -ENODEV || io->result == -ENXIO)
		snprintf(what, size, "the device was removed (%s)", strerror(-io->result));
	else if (io->result == -EMSGSIZE)
		snprintf(what, size, "needs more tags at once than there are (nr_requests)");
	else if (io->result == -ECANCELED)
		snprintf(what, size, "cancelled before the drive saw it");
	else if (io->result == -EINTR)
		snprintf(what, size, "cancelled (timeout or reset of the drive), outcome unknown");
	else
		snprintf(what, size, "%s", io->result ? strerror(-io->result) : "success");
}

/* Where on the device, or of which placement id. */
static void io_describe_place(const struct weir_io *io, char *at, size_t size)
{
	*at = 0;
	if (io->op == WEIR_OP_FLUSH)
		return;
	if (io->op == WEIR_OP_PLACEMENT_UPDATE) {
		snprintf(at, size, " of id %u", io->placement);
		return;
	}
	snprintf(at, size, " at 0x%llx+%llu", (unsigned long long)io->offset,
		 (unsigned long long)io->length);
	if (io->result && io_priv(io)->failed_offset != io->offset)
		snprintf(at + strlen(at), size - strlen(at), " (its part at 0x%llx)",
			 (unsigned long long)io_priv(io)->failed_offset);
}

const char *weir_io_strerror(const struct weir_io *io, char *buf, size_t size)
{
	const char *name = io->op < WEIR_OP_COUNT ? op_names[io->op] : "unknown operation";
	char at[96], what[256];

	io_describe_place(io, at, sizeof(at));
	io_describe_result(io, what, sizeof(what));
	snprintf(buf, size, "%s%s: %s", name, at, what);
	return buf;
}
