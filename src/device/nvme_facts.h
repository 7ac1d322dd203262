/* SPDX-License-Identifier: Apache-2.0 */
/*
 * nvme_facts.h - what an NVMe drive's Identify replies mean for weir. Pure: owns nothing, any
 * thread.
 */
#ifndef DEVICE_NVME_FACTS_H
#define DEVICE_NVME_FACTS_H

#include <libnvme.h>
#include <stdbool.h>
#include <stdint.h>

struct nvme_facts {
	uint64_t bytes;	     /* of the namespace */
	uint64_t mdts_bytes; /* one command moves at most this; UINT64_MAX: no limit */
	uint32_t block;	     /* bytes of a logical block, a power of two */
};

/*
 * Reads the replies of a namespace and its controller, which are not trusted. 0 with FACTS, or
 * -EOPNOTSUPP or -EINVAL with words that begin with PATH: a format with metadata, a block size
 * that weir does not do, a size that cannot be.
 */
int nvme_facts(struct nvme_facts *facts, const struct nvme_id_ns *ns,
	       const struct nvme_id_ctrl *ctrl, const char *path);

/*
 * The most that one command may move: the smallest of MDTS_BYTES, the kernel's HW_BYTES, SEGMENTS
 * pages and what the length of a command can say, in whole blocks. *NAME says which it was.
 */
uint64_t nvme_transfer_max(uint64_t mdts_bytes, uint64_t hw_bytes, uint64_t segments,
			   uint32_t block, const char **name);

#endif
