/* SPDX-License-Identifier: Apache-2.0 */
/*
 * nvme_facts.c - decodes an NVMe drive's Identify replies into facts. Pure: owns nothing, any
 * thread.
 */
#include "device/nvme_facts.h"

#include <endian.h>
#include <errno.h>

#include "base/error.h"

/* MDTS counts in the controller's smallest pages. They have 4 KiB or more; the register that tells
 * their size cannot be read from here. */
#define FACTS_PAGE 4096u
#define FACTS_SHIFT_MIN 9u
#define FACTS_SHIFT_MAX 16u
/* The length of a read or write has 16 bits; 0 means one block. */
#define FACTS_BLOCKS_MAX 65536u

static int facts_block(const struct nvme_id_ns *ns, const char *path, uint32_t *block)
{
	const struct nvme_lbaf *format;
	unsigned metadata;
	uint8_t index;

	nvme_id_ns_flbas_to_lbaf_inuse(ns->flbas, &index);
	format = &ns->lbaf[index];
	metadata = le16toh(format->ms);
	if (metadata)
		return error_set(-EOPNOTSUPP,
				 "%s: its blocks have %u bytes of metadata each: format it with an "
				 "LBA format that has none (nvme id-ns -H lists them)",
				 path, metadata);
	if (format->ds < FACTS_SHIFT_MIN || format->ds > FACTS_SHIFT_MAX)
		return error_set(-EOPNOTSUPP, "%s: logical blocks of 2^%u bytes are not supported",
				 path, format->ds);
	*block = 1u << format->ds;
	return 0;
}

int nvme_facts(struct nvme_facts *facts, const struct nvme_id_ns *ns,
	       const struct nvme_id_ctrl *ctrl, const char *path)
{
	int err = facts_block(ns, path, &facts->block);

	if (err)
		return err;
	if (!ns->nsze)
		return error_set(-EINVAL, "%s: the drive says that this namespace has no blocks",
				 path);
	if (__builtin_mul_overflow(le64toh(ns->nsze), facts->block, &facts->bytes) ||
	    facts->bytes > INT64_MAX)
		return error_set(-EINVAL, "%s: the drive says that it has %llu blocks of %u bytes",
				 path, (unsigned long long)le64toh(ns->nsze), facts->block);
	facts->mdts_bytes = UINT64_MAX;
	if (ctrl->mdts && ctrl->mdts < 32)
		facts->mdts_bytes = (uint64_t)FACTS_PAGE << ctrl->mdts;
	return 0;
}

uint64_t nvme_transfer_max(uint64_t mdts_bytes, uint64_t hw_bytes, uint64_t segments,
			   uint32_t block, const char **name)
{
	const struct {
		uint64_t bytes;
		const char *name;
	} limits[] = {
		{ hw_bytes, "max_hw_sectors_kb" },
		{ segments < UINT32_MAX ? segments * FACTS_PAGE : UINT64_MAX, "max_segments" },
		{ mdts_bytes, "identify (MDTS)" },
		{ (uint64_t)FACTS_BLOCKS_MAX * block, "the command's length" },
	};
	size_t best = 0;

	for (size_t i = 1; i < sizeof(limits) / sizeof(limits[0]); i++)
		if (limits[i].bytes < limits[best].bytes)
			best = i;
	*name = limits[best].name;
	if (limits[best].bytes < block)
		return block;
	return limits[best].bytes - limits[best].bytes % block;
}
