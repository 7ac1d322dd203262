/* SPDX-License-Identifier: Apache-2.0 */
/*
 * superio.c - reads the two superblock copies, chooses one, and replaces them.
 *
 * It runs on the thread that opens or formats, before anybody else knows the store. It owns
 * nothing.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/error.h"
#include "base/parse.h"
#include "store/io/superio.h"
#include "store/io/syncio.h"

size_t superio_bytes(const struct weir_device_info *info)
{
	return info->logical_block_bytes > DISK_SUPER_BYTES ? info->logical_block_bytes
							    : DISK_SUPER_BYTES;
}

/* Reads one copy. The device may be too short to have it. */
static enum super_state superio_copy(struct weir_queue *q, uint64_t offset, uint32_t copy,
				     struct super *super, uint32_t *version)
{
	const struct weir_device_info *info = weir_device_get_info(weir_queue_device(q));
	size_t bytes = superio_bytes(info);
	enum super_state state;
	void *buf;

	if (offset + bytes > info->capacity_bytes)
		return SUPER_NONE;
	if (posix_memalign(&buf, 65536, bytes))
		return SUPER_UNREADABLE;
	if (syncio_read(q, offset, buf, bytes))
		state = SUPER_UNREADABLE;
	else
		state = super_decode(super, buf, copy, version);
	free(buf);
	return state;
}

/* Sets the most useful error if no copy is valid. */
static int superio_nothing(const char *path, const enum super_state state[2], uint32_t version)
{
	if (state[0] == SUPER_VERSION || state[1] == SUPER_VERSION)
		return error_set(-EPROTONOSUPPORT,
				 "%s: a weir store of format version %u, and this weir knows %u: "
				 "use the weir that made it",
				 path, version, DISK_VERSION);
	if (state[0] == SUPER_DAMAGED || state[1] == SUPER_DAMAGED)
		return error_set(-EBADMSG,
				 "%s: both superblock copies are damaged; restore the first or the "
				 "last 64 KiB from a backup, or format it anew",
				 path);
	if (state[0] == SUPER_UNREADABLE || state[1] == SUPER_UNREADABLE)
		return error_set(-EIO, "%s: neither superblock copy can be read: %s", path,
				 weir_error());
	return error_set(-EMEDIUMTYPE, "%s: not a weir store (weir format makes one)", path);
}

static int superio_check_size(const char *path, const struct super *super,
			      const struct weir_device_info *info)
{
	char is[32], was[32];

	if (info->capacity_bytes < super->layout.device_bytes)
		return error_set(-ENODATA,
				 "%s: truncated: it has %s (%llu bytes), and the store was made "
				 "on %s (%llu bytes); restore the missing end",
				 path, format_size(info->capacity_bytes, is, sizeof(is)),
				 (unsigned long long)info->capacity_bytes,
				 format_size(super->layout.device_bytes, was, sizeof(was)),
				 (unsigned long long)super->layout.device_bytes);
	if (super->layout.block_bytes % info->logical_block_bytes)
		return error_set(-EINVAL,
				 "%s: the store has blocks of %u bytes, and the device reads and "
				 "writes %u: copy it to a device with smaller blocks",
				 path, super->layout.block_bytes, info->logical_block_bytes);
	return 0;
}

int superio_read(struct weir_queue *q, struct super *super, struct superio_found *found)
{
	struct weir_device *dev = weir_queue_device(q);
	const struct weir_device_info *info = weir_device_get_info(dev);
	struct superio_found both;
	struct super copy[2];
	uint32_t version = 0;
	uint64_t second = layout_second_copy(info->capacity_bytes);
	int best;

	both.state[0] = superio_copy(q, 0, 1, &copy[0], &version);
	/* The first copy knows where the second one is, also if the device has grown. */
	if (both.state[0] == SUPER_VALID)
		second = copy[0].layout.copy_offset[1];
	both.state[1] = second ? superio_copy(q, second, 2, &copy[1], &version) : SUPER_NONE;
	/* A valid second copy with another UUID belongs to an older store on this device. */
	if (both.state[0] == SUPER_VALID && both.state[1] == SUPER_VALID &&
	    memcmp(copy[0].uuid, copy[1].uuid, sizeof(copy[0].uuid)) != 0)
		both.state[1] = SUPER_NONE;
	for (best = 0; best < 2; best++)
		both.revision[best] = both.state[best] == SUPER_VALID ? copy[best].revision : 0;
	if (both.state[0] != SUPER_VALID && both.state[1] != SUPER_VALID)
		return superio_nothing(weir_device_path(dev), both.state, version);
	best = both.state[0] != SUPER_VALID ||
	       (both.state[1] == SUPER_VALID && both.revision[1] > both.revision[0]);
	*super = copy[best];
	if (found)
		*found = both;
	return superio_check_size(weir_device_path(dev), super, info);
}

static int superio_write_copy(struct weir_queue *q, const struct super *super, unsigned copy)
{
	struct weir_device *dev = weir_queue_device(q);
	size_t bytes = superio_bytes(weir_device_get_info(dev));
	void *buf;
	int err;

	if (posix_memalign(&buf, 65536, bytes))
		return error_sys(-ENOMEM, "%s: writing the superblock", weir_device_path(dev));
	CHECK(bytes >= DISK_SUPER_BYTES && super->streams >= 1);
	memset(buf, 0, bytes);
	super_encode(buf, super, copy + 1);
	err = syncio_write(q, super->layout.copy_offset[copy], buf, bytes);
	/* The other copy stays untouched until this one is on the medium, so one is always
	 * whole. */
	if (!err)
		err = syncio_flush(q);
	free(buf);
	return err ? error_set(err, "%s (writing superblock copy %u)", weir_error(), copy + 1) : 0;
}

int superio_write(struct weir_queue *q, const struct super *super,
		  const struct superio_found *found)
{
	/* A copy has several sectors and can be torn, so the only good copy is written last. */
	unsigned first =
		found->state[0] == SUPER_VALID &&
		(found->state[1] != SUPER_VALID || found->revision[1] < found->revision[0]);
	int err;

	/* Either there is a good copy to keep, or there is none at all. */
	CHECK(found->state[!first] == SUPER_VALID || found->state[first] != SUPER_VALID);
	err = superio_write_copy(q, super, first);
	return err ? err : superio_write_copy(q, super, !first);
}
