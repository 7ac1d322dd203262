/* SPDX-License-Identifier: Apache-2.0 */
/*
 * nvme_cmd.h - encodes NVMe commands for passthrough.
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

/* The largest length that a read, write or write-zeroes command can express. */
#define NVME_CMD_BLOCKS_MAX 65536u

/* What a command must do. */
struct nvme_cmd {
	uint64_t offset, length; /* bytes, whole blocks; not for a flush or an update */
	/* Bytes or iovecs; of a discard or a placement update: nvme_payload. */
	const void *memory;
	uint32_t pieces; /* number of iovecs in memory; 0: bytes */
	uint32_t nsid;
	uint32_t lba_shift;
	uint32_t timeout_ms; /* 0: the driver's own */
	uint16_t placement;  /* of a write (0: none) or of an update (any) */
	uint8_t op;	     /* enum weir_op */
	bool fua;	     /* of a write or a write-zeroes */
};

/* Fills in all of OUT. */
void nvme_cmd_build(struct nvme_uring_cmd *out, const struct nvme_cmd *cmd);

/* The memory of a command that says there what the command is about. */
union nvme_payload {
	struct nvme_dsm_range range; /* of a discard */
	uint16_t placement;	     /* of a placement update: a list of one id; little-endian */
};

/* Returns true if OP has such memory. */
static inline bool nvme_cmd_has_payload(uint8_t op)
{
	return op == WEIR_OP_DISCARD || op == WEIR_OP_PLACEMENT_UPDATE;
}

/* Fills in the memory of CMD, a discard or a placement update. */
void nvme_cmd_payload(union nvme_payload *payload, const struct nvme_cmd *cmd);

#endif
