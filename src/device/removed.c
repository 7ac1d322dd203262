/* SPDX-License-Identifier: Apache-2.0 */
/*
 * removed.c - tells whether the device that was opened is still there. The errors of a removed
 * device do not say so: a block device has size 0 then, so that reads end short and writes find no
 * space; and an NVMe namespace without a controller looks like one whose controller is being reset.
 */
#include <errno.h>
#include <linux/fs.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "device/state.h"

#define REMOVED_SYSFS "/sys/dev"

/* Returns the inode of DEV's folder in sysfs, or 0 with errno. Unlike a device number, an inode of
 * sysfs is not used again soon. */
static uint64_t removed_inode(const struct weir_device *dev)
{
	const char *type = dev->info.kind == WEIR_DEVICE_BLOCK ? "block" : "char";
	char path[80];
	struct stat st;

	snprintf(path, sizeof(path), REMOVED_SYSFS "/%s/%u:%u", type, major(dev->rdev),
		 minor(dev->rdev));
	return stat(path, &st) < 0 ? 0 : (uint64_t)st.st_ino;
}

void device_remember(struct weir_device *dev)
{
	struct stat st;

	if ((dev->info.kind != WEIR_DEVICE_BLOCK && dev->info.kind != WEIR_DEVICE_NVME_CHAR) ||
	    fstat(dev->fd, &st) < 0)
		return;
	dev->rdev = st.st_rdev;
	dev->sysfs_inode = removed_inode(dev);
}

bool device_is_removed(const struct weir_device *dev)
{
	uint64_t inode, bytes;
	struct stat st;

	if (dev->info.kind == WEIR_DEVICE_BLOCK && dev->bytes &&
	    !ioctl(dev->fd, BLKGETSIZE64, &bytes) && !bytes)
		return true;
	if (!dev->sysfs_inode)
		return false;
	inode = removed_inode(dev);
	if (inode)
		return inode != dev->sysfs_inode;
	/* If there is no sysfs at all, nothing is known: the process may have changed its root. */
	return errno == ENOENT && !stat(REMOVED_SYSFS, &st);
}
