/* SPDX-License-Identifier: Apache-2.0 */
/*
 * below.c - finds what lies below a device. The kernel's answer counts (LOOP_GET_STATUS64), not the
 * path in sysfs, which may lead elsewhere in this mount namespace. Owns nothing; any thread.
 */
#include "device/below.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/loop.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "device/gather.h"

#define BELOW_SECTOR 512
#define BELOW_DEPTH_MAX 8 /* loop devices on loop devices */

/* Reads where block device RDEV begins on its disk, and its length. Returns false if it is no
 * partition. */
static bool below_partition(dev_t rdev, uint64_t *start, uint64_t *length)
{
	char path[64];
	int64_t first, sectors;

	snprintf(path, sizeof(path), "/sys/dev/block/%u:%u/start", major(rdev), minor(rdev));
	first = gather_number("", path);
	snprintf(path, sizeof(path), "/sys/dev/block/%u:%u/size", major(rdev), minor(rdev));
	sectors = gather_number("", path);
	if (first < 0 || sectors < 0)
		return false;
	*start = (uint64_t)first * BELOW_SECTOR;
	*length = (uint64_t)sectors * BELOW_SECTOR;
	return true;
}

bool device_below_find(struct device_below *b, int fd)
{
	char path[PATH_MAX];
	struct loop_info64 info;
	struct stat st;

	*b = (struct device_below){ 0 };
	if (fstat(fd, &st) < 0 || !S_ISBLK(st.st_mode) || !device_disk_of("", st.st_rdev, b->disk))
		return false;
	snprintf(path, sizeof(path), "/sys/block/%s/loop/backing_file", b->disk);
	if (gather_line("", path, b->path, sizeof(b->path)) < 0 ||
	    ioctl(fd, LOOP_GET_STATUS64, &info) < 0)
		return false;
	b->dev = (dev_t)info.lo_device;
	b->ino = (ino_t)info.lo_inode;
	b->rdev = (dev_t)info.lo_rdevice;
	b->part = below_partition(st.st_rdev, &b->start, &b->length);
	if (info.lo_offset || info.lo_sizelimit)
		b->part = true;
	b->start += info.lo_offset;
	if (!b->length)
		b->length = info.lo_sizelimit;
	return true;
}

int device_below_open(const struct device_below *b, int flags)
{
	int fd = open(b->path, flags | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	struct stat st;

	if (fd < 0)
		return -1;
	if (!fstat(fd, &st) && st.st_dev == b->dev && st.st_ino == b->ino)
		return fd;
	close(fd);
	return -1;
}

/* Fills in O for the file or device ST, which is no loop device. */
static void below_origin_of(struct device_origin *o, const struct stat *st)
{
	struct device_place place;
	char path[PLACE_NAME + 32];
	uint64_t start = 0, length;
	dev_t disk;

	o->dev = st->st_dev;
	o->ino = st->st_ino;
	o->uid = st->st_uid;
	if (!S_ISBLK(st->st_mode) && !S_ISCHR(st->st_mode))
		return;
	o->dev = st->st_rdev;
	o->ino = 0;
	device_place_find(&place, st, "");
	snprintf(path, sizeof(path), "/sys/block/%s/dev", place.disk);
	disk = place.disk[0] ? gather_dev("", path) : 0;
	if (place.ng && disk)
		o->dev = disk;
	if (place.block && disk && below_partition(st->st_rdev, &start, &length)) {
		o->dev = disk;
		o->start += start;
	}
}

/* Takes what the loop device B shows for the origin. */
static void below_origin_take(struct device_origin *o, const struct device_below *b)
{
	struct stat st;

	o->start += b->start;
	o->dev = b->rdev ? b->rdev : b->dev;
	o->ino = b->rdev ? 0 : b->ino;
	if (!stat(b->path, &st) && st.st_dev == b->dev && st.st_ino == b->ino)
		o->uid = st.st_uid;
}

int device_origin_find(struct device_origin *o, int fd)
{
	struct device_below below;
	struct stat st;
	int at = fd;

	*o = (struct device_origin){ 0 };
	if (fstat(fd, &st) < 0)
		return -errno;
	o->uid = st.st_uid;
	for (int depth = 0; depth < BELOW_DEPTH_MAX && at >= 0; depth++) {
		int next = -1;

		if (!device_below_find(&below, at)) {
			if (!fstat(at, &st))
				below_origin_of(o, &st);
		} else {
			below_origin_take(o, &below);
			if (below.rdev)
				next = device_below_open(&below, O_RDONLY);
		}
		if (at != fd)
			close(at);
		at = next;
	}
	if (at >= 0 && at != fd)
		close(at);
	return 0;
}
