/* SPDX-License-Identifier: Apache-2.0 */
/*
 * validate.c - what may be submitted. Reads only what never changes while a queue is open; any
 * thread.
 */
#include "queue/validate.h"

#include <errno.h>

#include "base/error.h"
#include "device/device.h"
#include "queue/lane/lane.h"

static int validate_misaligned(const struct weir_queue *q, const char *what, uint64_t value)
{
	uint32_t block = q->block_mask + 1;

	return error_set(-EINVAL,
			 "%s: %s %llu is not a multiple of the %u-byte block: %llu bytes too many",
			 weir_device_path(q->dev), what, (unsigned long long)value, block,
			 (unsigned long long)(value & q->block_mask));
}

static int validate_check_range(const struct weir_queue *q, const struct weir_io *io)
{
	uint64_t capacity = q->info->capacity_bytes;

	if (io->offset & q->block_mask)
		return validate_misaligned(q, "offset", io->offset);
	if (io->length & q->block_mask)
		return validate_misaligned(q, "length", io->length);
	if (!io->length)
		return error_set(-EINVAL, "%s: an io of no length", weir_device_path(q->dev));
	if (io->offset > capacity || io->length > capacity - io->offset)
		return error_set(-ERANGE, "%s: %llu+%llu is beyond the end of the device (%llu)",
				 weir_device_path(q->dev), (unsigned long long)io->offset,
				 (unsigned long long)io->length, (unsigned long long)capacity);
	return 0;
}

static int validate_check_memory(const struct weir_queue *q, const struct weir_io *io)
{
	uint64_t length = 0;

	if (!io->iovcnt)
		return io->buf ? 0
			       : error_set(-EINVAL, "%s: an io without a buffer",
					   weir_device_path(q->dev));
	for (uint32_t i = 0; i < io->iovcnt; i++)
		length += io->iov[i].iov_len;
	if (length != io->length)
		return error_set(-EINVAL, "%s: %u pieces of memory hold %llu bytes, not %llu",
				 weir_device_path(q->dev), io->iovcnt, (unsigned long long)length,
				 (unsigned long long)io->length);
	return 0;
}

/* A placement update has no range: it closes a whole reclaim unit. */
static int validate_check_update(const struct weir_queue *q, const struct weir_io *io)
{
	if (io->offset || io->length)
		return error_set(-EINVAL, "%s: a placement update has no offset and no length",
				 weir_device_path(q->dev));
	if (device_read_only(q->dev))
		return error_set(-EROFS, "%s: opened read-only", weir_device_path(q->dev));
	if (!(q->engine_ops->flags & ENGINE_PLACEMENT_UPDATE))
		return error_set(-EOPNOTSUPP,
				 "%s: engine %s cannot update a placement id: it takes uring_cmd, "
				 "on a drive with FDP",
				 weir_device_path(q->dev), q->engine_ops->name);
	return device_check_placement(q->dev, io->placement);
}

int validate_io(const struct weir_queue *q, const struct weir_io *io)
{
	int err;

	if (io->op >= WEIR_OP_COUNT)
		return error_set(-EINVAL, "%s: no such operation: %u", weir_device_path(q->dev),
				 io->op);
	if (io->prio >> 13 > WEIR_PRIO_IDLE >> 13)
		return error_set(-EINVAL, "%s: no such priority class: %u",
				 weir_device_path(q->dev), io->prio >> 13);
	if (io->op == WEIR_OP_FLUSH)
		return 0;
	if (io->op == WEIR_OP_PLACEMENT_UPDATE)
		return validate_check_update(q, io);
	err = validate_check_range(q, io);
	if (err)
		return err;
	if (io->op != WEIR_OP_READ && device_read_only(q->dev))
		return error_set(-EROFS, "%s: opened read-only", weir_device_path(q->dev));
	if (io->op == WEIR_OP_WRITE && io->placement)
		err = device_check_placement(q->dev, io->placement);
	if (err)
		return err;
	if (io->op == WEIR_OP_READ || io->op == WEIR_OP_WRITE)
		return validate_check_memory(q, io);
	return 0;
}
