/* SPDX-License-Identifier: Apache-2.0 */
/*
 * nvme_cmd.c - encodes NVMe commands for passthrough.
 *
 * Pure: owns nothing, any thread. The fields of a command have the processor's byte order; the
 * driver changes it for the drive. Memory that the drive reads by itself is little-endian here.
 */
#include "engine/nvme_cmd.h"

#include <endian.h>
#include <string.h>

#define CDW12_FUA (1u << 30)
#define CDW12_PLACEMENT (2u << 20) /* directive type: data placement */
#define CDW13_DSPEC_SHIFT 16
#define CDW11_DEALLOCATE (1u << 2)

static void cmd_range(struct nvme_uring_cmd *out, const struct nvme_cmd *cmd)
{
	uint64_t block = cmd->offset >> cmd->lba_shift;

	out->cdw10 = (uint32_t)block;
	out->cdw11 = (uint32_t)(block >> 32);
	/* A length of 0 means one block. */
	out->cdw12 = (uint32_t)((cmd->length >> cmd->lba_shift) - 1) & 0xffff;
}

static void cmd_memory(struct nvme_uring_cmd *out, const struct nvme_cmd *cmd)
{
	out->addr = (uint64_t)(uintptr_t)cmd->memory;
	out->data_len = cmd->pieces ? cmd->pieces : (uint32_t)cmd->length;
}

static void cmd_write(struct nvme_uring_cmd *out, const struct nvme_cmd *cmd)
{
	cmd_range(out, cmd);
	cmd_memory(out, cmd);
	if (cmd->fua)
		out->cdw12 |= CDW12_FUA;
	if (!cmd->placement)
		return;
	out->cdw12 |= CDW12_PLACEMENT;
	out->cdw13 = (uint32_t)cmd->placement << CDW13_DSPEC_SHIFT;
}

static void cmd_write_zeroes(struct nvme_uring_cmd *out, const struct nvme_cmd *cmd)
{
	cmd_range(out, cmd);
	if (cmd->fua)
		out->cdw12 |= CDW12_FUA;
}

/* A count of 0 means one range. */
static void cmd_discard(struct nvme_uring_cmd *out, const struct nvme_cmd *cmd)
{
	out->cdw11 = CDW11_DEALLOCATE;
	out->addr = (uint64_t)(uintptr_t)cmd->memory;
	out->data_len = sizeof(struct nvme_dsm_range);
}

/* A count of 0 means one id; the count is the upper half of the word. */
static void cmd_update(struct nvme_uring_cmd *out, const struct nvme_cmd *cmd)
{
	out->cdw10 = NVME_IO_MGMT_SEND_RUH_UPDATE;
	out->addr = (uint64_t)(uintptr_t)cmd->memory;
	out->data_len = sizeof(uint16_t);
}

void nvme_cmd_build(struct nvme_uring_cmd *out, const struct nvme_cmd *cmd)
{
	memset(out, 0, sizeof(*out));
	out->nsid = cmd->nsid;
	out->timeout_ms = cmd->timeout_ms;
	switch (cmd->op) {
	case WEIR_OP_READ:
		out->opcode = nvme_cmd_read;
		cmd_range(out, cmd);
		cmd_memory(out, cmd);
		break;
	case WEIR_OP_WRITE:
		out->opcode = nvme_cmd_write;
		cmd_write(out, cmd);
		break;
	case WEIR_OP_DISCARD:
		out->opcode = nvme_cmd_dsm;
		cmd_discard(out, cmd);
		break;
	case WEIR_OP_WRITE_ZEROES:
		out->opcode = nvme_cmd_write_zeroes;
		cmd_write_zeroes(out, cmd);
		break;
	case WEIR_OP_PLACEMENT_UPDATE:
		out->opcode = nvme_cmd_io_mgmt_send;
		cmd_update(out, cmd);
		break;
	default:
		out->opcode = nvme_cmd_flush;
	}
}

void nvme_cmd_payload(union nvme_payload *payload, const struct nvme_cmd *cmd)
{
	if (cmd->op == WEIR_OP_PLACEMENT_UPDATE) {
		payload->placement = htole16(cmd->placement);
		return;
	}
	payload->range.cattr = 0;
	payload->range.nlb = htole32((uint32_t)(cmd->length >> cmd->lba_shift));
	payload->range.slba = htole64(cmd->offset >> cmd->lba_shift);
}
