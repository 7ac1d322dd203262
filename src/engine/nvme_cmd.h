/* SPDX-License-Identifier: Apache-2.0 */
/*
 * nvme_cmd.h - NVMe commands as passthrough takes them: which bits go where.
 *
 * Pure: owns nothing, any thread. Callers have checked ranges and limits.
 */
#ifndef NVME_CMD_H
#define NVME_CMD_H

#include <linux/nvme_ioctl.h>
#include <nvme/types.h>
#include <stdbool.h>
#include <stdint.h>

#include <weir/io.h>

/* The most that the length of a read, write or write of zeroes can say. */
#define NVME_CMD_BLOCKS_MAX 65536u

/* What a command is to do. */
struct nvme_cmd {
	uint64_t offset, length; /* bytes, whole blocks; not for a flush or an update */
	const void *memory;	 /* bytes, or iovecs; of a discard or an update: nvme_payload */
	uint32_t pieces;	 /* so many iovecs in memory; 0: bytes */
	uint32_t nsid;
	uint32_t lba_shift;
	uint32_t timeout_ms; /* 0: the driver's own */
	uint16_t placement;  /* of a write, 0: none; of an update, any */
	uint8_t op;	     /* enum weir_op */
	bool fua;	     /* of a write, or a write of zeroes */
};

/* Fills in all of OUT. */
void nvme_cmd_build(struct nvme_uring_cmd *out, const struct nvme_cmd *cmd);

/* The memory of a command that names what it is about there. */
union nvme_payload {
	struct nvme_dsm_range range; /* of a discard */
	uint16_t placement;	     /* of a placement update: a list of one; little-endian */
};

/* Does OP have such memory? */
static inline bool nvme_cmd_has_payload(uint8_t op)
{
	return op == WEIR_OP_DISCARD || op == WEIR_OP_PLACEMENT_UPDATE;
}

/* Fills in what the memory of CMD, a discard or a placement update, is to hold. */
void nvme_cmd_payload(union nvme_payload *payload, const struct nvme_cmd *cmd);

#endif
