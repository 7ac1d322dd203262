/* SPDX-License-Identifier: Apache-2.0 */
/*
 * direct.c - finds the logical block of a file or device, and whether direct I/O works on it and
 * with which alignment. It runs while a device is opened; one thread owns the device.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "device/state.h"
#include "device/sysfs.h"

#define DIRECT_ALIGN_MAX 65536u /* a larger value is no alignment, but a mistake */

static bool direct_sane(uint64_t align)
{
	return align && !(align & (align - 1)) && align <= DIRECT_ALIGN_MAX;
}

static void direct_find_block(struct weir_device *dev)
{
	uint64_t value;
	int block = 0;

	dev->block = DEVICE_BLOCK_MIN;
	dev->block_source = "default";
	if (dev->info.kind == WEIR_DEVICE_BLOCK && !ioctl(dev->fd, BLKSSZGET, &block)) {
		dev->block = (uint32_t)block;
		dev->block_source = "BLKSSZGET";
	} else if (dev->direct &&
		   !sysfs_read_number(dev->queue_dir, "logical_block_size", &value) &&
		   direct_sane(value)) {
		dev->block = (uint32_t)value;
		snprintf(dev->block_path, sizeof(dev->block_path), "%s/logical_block_size",
			 dev->queue_dir);
		dev->block_source = dev->block_path;
	}
}

static void direct_go_buffered(struct weir_device *dev)
{
	int flags = fcntl(dev->fd, F_GETFL);

	if (flags < 0 || fcntl(dev->fd, F_SETFL, flags & ~O_DIRECT) < 0)
		return;
	dev->direct = false;
}

/* Asks the filesystem for the alignment. Returns false if direct I/O does not work on this file. */
static bool direct_ask(struct weir_device *dev)
{
	struct statx sx = { 0 };

	dev->dio_offset = dev->dio_mem = dev->block;
	dev->dio_offset_source = dev->dio_mem_source = dev->block_source;
#ifdef STATX_DIOALIGN
	if (statx(dev->fd, "", AT_EMPTY_PATH, STATX_DIOALIGN, &sx) < 0 ||
	    !(sx.stx_mask & STATX_DIOALIGN))
		return true;
	if (!direct_sane(sx.stx_dio_offset_align) || !direct_sane(sx.stx_dio_mem_align))
		return false;
	dev->dio_offset = sx.stx_dio_offset_align;
	dev->dio_mem = sx.stx_dio_mem_align;
	dev->dio_offset_source = dev->dio_mem_source = "statx";
#endif
	return true;
}

/* Returns true if a direct read of one block works. If the file is too small to try, it counts as
 * working. */
static bool direct_try(const struct weir_device *dev, uint32_t block)
{
	void *buf;
	bool works;

	if (dev->bytes < block)
		return true;
	if (posix_memalign(&buf, DIRECT_ALIGN_MAX, block))
		return true;
	works = pread(dev->fd, buf, block, 0) >= 0 || (errno != EINVAL && errno != EOPNOTSUPP);
	free(buf);
	return works;
}

/* Finds the smallest alignment that works. Returns false if none does. */
static bool direct_find_align(struct weir_device *dev)
{
	if (!direct_ask(dev))
		return false;
	if (direct_try(dev, dev->dio_offset))
		return true;
	if (dev->dio_offset >= DEVICE_BLOCK_LARGE || !direct_try(dev, DEVICE_BLOCK_LARGE))
		return false;
	dev->dio_offset = dev->dio_mem = DEVICE_BLOCK_LARGE;
	dev->dio_offset_source = dev->dio_mem_source = "tried";
	return true;
}

int device_settle_direct(struct weir_device *dev)
{
	direct_find_block(dev);
	if (dev->direct && !direct_find_align(dev))
		direct_go_buffered(dev);
	if (!dev->direct) {
		if (dev->info.kind == WEIR_DEVICE_FILE) {
			dev->block = DEVICE_BLOCK_MIN;
			dev->block_source = "default";
		}
		dev->dio_offset = dev->dio_mem = 1;
		dev->dio_offset_source = dev->dio_mem_source = "buffered I/O";
	} else if (dev->dio_offset > dev->block) {
		dev->block = dev->dio_offset;
		dev->block_source = dev->dio_offset_source;
	}
	if (!direct_sane(dev->block))
		return error_set(-EOPNOTSUPP, "%s: logical blocks of %u bytes are not supported",
				 dev->path, dev->block);
	return 0;
}
