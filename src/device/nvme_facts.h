/* SPDX-License-Identifier: Apache-2.0 */
/*
 * nvme_facts.h - decodes an NVMe drive's Identify replies into facts. Pure: owns nothing, any
 * thread.
 */
#ifndef DEVICE_NVME_FACTS_H
#define DEVICE_NVME_FACTS_H

#include <libnvme.h>
#include <stdbool.h>
#include <stdint.h>

struct nvme_facts {
	uint64_t bytes;	     /* size of the namespace */
	uint64_t mdts_bytes; /* one command moves at most this; UINT64_MAX: no limit */
	uint32_t block;	     /* bytes of a logical block, a power of two */
};

/*
 * Reads the replies of a namespace and its controller, which are not trusted. Returns 0 with FACTS,
 * or -EOPNOTSUPP or -EINVAL with an error text that begins with PATH: a format with metadata, a
 * block size that weir does not support, or an impossible size.
 */
int nvme_facts(struct nvme_facts *facts, const struct nvme_id_ns *ns,
	       const struct nvme_id_ctrl *ctrl, const char *path);

/*
 * Returns the most that one command may move, in whole blocks: the smallest of MDTS_BYTES, the
 * kernel's HW_BYTES, SEGMENTS pages, and what the length field of a command can express. *NAME
 * becomes the name of the smallest.
 */
uint64_t nvme_transfer_max(uint64_t mdts_bytes, uint64_t hw_bytes, uint64_t segments,
			   uint32_t block, const char **name);

#endif
