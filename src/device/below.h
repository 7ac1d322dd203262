/* SPDX-License-Identifier: Apache-2.0 */
/*
 * below.h - what a loop device or a partition shows, and where the bytes of a device really are.
 * Plain values; the caller owns the descriptors.
 */
#ifndef DEVICE_BELOW_H
#define DEVICE_BELOW_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

#include "device/place.h"

/* A range of the file or device that lies below a loop device. */
struct device_below {
	char disk[PLACE_NAME]; /* the loop device in /sys/block */
	char path[PATH_MAX];   /* of what lies below, as the kernel tells it */
	dev_t dev;	       /* the file, as stat() tells it */
	ino_t ino;
	dev_t rdev;	 /* what lies below is this block device; 0: a file */
	bool part;	 /* only the range is used */
	uint64_t start;	 /* in bytes */
	uint64_t length; /* 0: to the end */
};

/* Finds what lies below the loop device of FD, or below a partition of one. Returns false if FD is
 * no loop device. */
bool device_below_find(struct device_below *b, int fd);

/*
 * Opens what lies below with FLAGS of open(). Returns a descriptor, or -1: it may not be opened, or
 * B->path names something else. A loop device may have been made in another mount namespace, or its
 * file may have been deleted.
 */
int device_below_open(const struct device_below *b, int flags);

/* Where the bytes of a file or device are. Two names of the same bytes have the same origin. */
struct device_origin {
	dev_t dev;	/* number of the filesystem or, if INO is 0, of the block device */
	ino_t ino;	/* the file; 0: a block device */
	uint64_t start; /* the first byte there */
	uid_t uid;	/* to whom the file or device belongs */
};

/* Finds the origin of the file or device of FD: below loop devices, partitions, and an NVMe
 * character device. Returns 0 or -errno without an error text. */
int device_origin_find(struct device_origin *o, int fd);

#endif
