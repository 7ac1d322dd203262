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
#include <stdbool.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "device/below.h"
#include "device/state.h"

/* Opens what lies below, to lock it: for writing if DEV writes and that is allowed. */
static int backing_open_file(const struct weir_device *dev, const struct device_below *below)
{
	int fd = device_read_only(dev) ? -1 : device_below_open(below, O_RDWR);

	return fd < 0 ? device_below_open(below, O_RDONLY) : fd;
}

/*
 * Opens what lies below the block device of FD, for B. Returns true if there is something and it
 * was opened.
 */
static bool backing_open(struct weir_device *dev, struct device_backing *b, int fd)
{
	struct device_below below;

	if (!device_below_find(&below, fd))
		return false;
	b->part |= below.part;
	b->start += below.start;
	if (!b->length)
		b->length = below.length;
	b->fd = backing_open_file(dev, &below);
	if (b->fd < 0)
		device_add_note(dev,
				"%s, which lies below /dev/%s, cannot be opened from here to lock "
				"it: let nothing else write to that file",
				below.path, below.disk);
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
