/* SPDX-License-Identifier: Apache-2.0 */
/*
 * superio.h - reading and writing the two superblock copies.
 */
#ifndef SUPERIO_H
#define SUPERIO_H

#include <stdbool.h>

#include <weir/queue.h>

#include "store/format/super.h"

/* What was found in both places. */
struct superio_found {
	enum super_state state[2];
	uint64_t revision[2];  /* of valid ones */
	uint32_t out_count[2]; /* of valid ones: segments out of use */
	uint32_t out_aside[2]; /* of valid ones: which of these are set aside */
	bool unwritable[2];    /* set by superio_write() */
};

/*
 * Reads the superblock of the device of Q: the valid copy with the highest revision. If the copies
 * belong to two stores, the segments tell which store counts. FOUND may be NULL. Returns 0,
 * -EMEDIUMTYPE, -EPROTONOSUPPORT, -EBADMSG, -ENODATA, -EINVAL or -EIO; sets weir_error().
 */
int superio_read(struct weir_queue *q, struct super *super, struct superio_found *found);

/* Returns the bytes of a copy on a device: whole logical blocks. */
size_t superio_bytes(const struct weir_device_info *info);

/*
 * Writes both copies, each flushed before the next one is touched. FOUND says what is there now:
 * the only good copy is written last. If one of them cannot be written and BOTH is false, the other
 * one is enough; then SUPER becomes what is on the medium, and FOUND says which copy it was.
 * Returns 0 or -errno; sets weir_error().
 */
int superio_write(struct weir_queue *q, struct super *super, struct superio_found *found,
		  bool both);

#endif
