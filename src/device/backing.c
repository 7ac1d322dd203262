/* SPDX-License-Identifier: Apache-2.0 */
/*
 * backing.c - locks what lies below a loop device.
 *
 * A loop device and its backing file are two ways to the same bytes, and each has a lock of its
 * own. So whoever opens the loop device locks the file as well: with the lock that a store in the
 * file takes and, because several loop devices may show parts of one file, with a lock on the range
 * of bytes. A backing file may be a loop device itself. The device owns the descriptors.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/loop.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "device/gather.h"
#include "device/place.h"
#include "device/state.h"

#define BACKING_SECTOR 512

/* Adds to B where block device RDEV begins on its disk, if it is a partition. */
static void backing_add_partition(struct device_backing *b, dev_t rdev)
{
	char path[64];
	int64_t start, sectors;

	snprintf(path, sizeof(path), "/sys/dev/block/%u:%u/start", major(rdev), minor(rdev));
	start = gather_number("", path);
	snprintf(path, sizeof(path), "/sys/dev/block/%u:%u/size", major(rdev), minor(rdev));
	sectors = gather_number("", path);
	if (start < 0 || sectors < 0)
		return;
	b->part = true;
	b->start += (uint64_t)start * BACKING_SECTOR;
	b->length = (uint64_t)sectors * BACKING_SECTOR;
}

static void backing_add_range(struct device_backing *b, const struct loop_info64 *info)
{
	if (info->lo_offset || info->lo_sizelimit)
		b->part = true;
	b->start += info->lo_offset;
	if (!b->length)
		b->length = info->lo_sizelimit;
}

/* Opens PATH if it is the file that INFO names. A loop device may have been made in another mount
 * namespace, or its file may have been deleted. */
static int backing_open_file(const struct weir_device *dev, const char *path,
			     const struct loop_info64 *info)
{
	int flags = O_NONBLOCK | O_NOCTTY | O_CLOEXEC, fd = -1;
	struct stat st;

	if (!device_read_only(dev))
		fd = open(path, O_RDWR | flags);
	if (fd < 0)
		fd = open(path, O_RDONLY | flags);
	if (fd < 0)
		return -1;
	if (!fstat(fd, &st) && st.st_dev == info->lo_device && st.st_ino == info->lo_inode)
		return fd;
	close(fd);
	return -1;
}

/*
 * Opens what lies below the block device of FD, for B. Returns true if there is something and it
 * was opened.
 */
static bool backing_open(struct weir_device *dev, struct device_backing *b, int fd)
{
	char disk[PLACE_NAME], name[PATH_MAX], path[PATH_MAX];
	struct loop_info64 info;
	struct stat st;

	if (fstat(fd, &st) < 0 || !S_ISBLK(st.st_mode) || !device_disk_of("", st.st_rdev, disk))
		return false;
	snprintf(path, sizeof(path), "/sys/block/%s/loop/backing_file", disk);
	if (gather_line("", path, name, sizeof(name)) < 0 || ioctl(fd, LOOP_GET_STATUS64, &info))
		return false;
	backing_add_partition(b, st.st_rdev);
	backing_add_range(b, &info);
	b->fd = backing_open_file(dev, name, &info);
	if (b->fd < 0)
		device_add_note(dev,
				"%s, which lies below /dev/%s, cannot be opened from here to lock "
				"it: let nothing else write to that file",
				name, disk);
	return b->fd >= 0;
}

/* Opens all that lies below, once. */
static void backing_open_all(struct weir_device *dev)
{
	struct device_backing *b = dev->backings;

	if (dev->info.kind != WEIR_DEVICE_BLOCK || b->looked)
		return;
	b->looked = true;
	if (!backing_open(dev, b, dev->fd))
		return;
	for (size_t i = 1; i < DEVICE_BACKINGS; i++) {
		b = &dev->backings[i];
		b->part = dev->backings[i - 1].part;
		b->start = dev->backings[i - 1].start;
		b->length = dev->backings[i - 1].length;
		if (!backing_open(dev, b, dev->backings[i - 1].fd))
			return;
	}
}

/*
 * Locks the range of bytes that is used. Only users of loop devices take this lock, and only those
 * of different ranges of a file pass each other. A filesystem without such locks, or a file that
 * may not be written to, leaves it at the lock on the whole file.
 */
static int backing_lock_range(const struct weir_device *dev, const struct device_backing *b)
{
	struct flock range = {
		.l_type = device_read_only(dev) ? F_RDLCK : F_WRLCK,
		.l_whence = SEEK_SET,
		.l_start = (off_t)b->start,
		.l_len = (off_t)b->length,
	};

	return fcntl(b->fd, F_OFD_SETLK, &range) < 0 && (errno == EAGAIN || errno == EACCES)
		       ? -EBUSY
		       : 0;
}

static int backing_lock(const struct weir_device *dev, const struct device_backing *b)
{
	int mode = device_read_only(dev) || b->part ? LOCK_SH : LOCK_EX;

	if (flock(b->fd, mode | LOCK_NB) < 0 && errno == EWOULDBLOCK)
		return -EBUSY;
	return backing_lock_range(dev, b);
}

int device_backing_lock(struct weir_device *dev, struct stat *at)
{
	int err = 0;

	backing_open_all(dev);
	for (size_t i = 0; i < DEVICE_BACKINGS && dev->backings[i].fd >= 0 && !err; i++) {
		err = backing_lock(dev, &dev->backings[i]);
		if (err)
			(void)fstat(dev->backings[i].fd, at);
	}
	return err;
}

void device_backing_unlock(struct weir_device *dev)
{
	struct flock all = { .l_type = F_UNLCK, .l_whence = SEEK_SET };

	for (size_t i = 0; i < DEVICE_BACKINGS && dev->backings[i].fd >= 0; i++) {
		(void)flock(dev->backings[i].fd, LOCK_UN);
		(void)fcntl(dev->backings[i].fd, F_OFD_SETLK, &all);
	}
}
