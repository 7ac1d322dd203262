/* SPDX-License-Identifier: Apache-2.0 */
/*
 * place.h - which block devices a file or device is, has parts of, or lies on. A place is a plain
 * value: it owns nothing. Any thread.
 */
#ifndef DEVICE_PLACE_H
#define DEVICE_PLACE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>

#define PLACE_BLOCKS_MAX 64 /* a disk and its partitions */
#define PLACE_NAME 64	    /* as in /sys/block */

struct device_place {
	const char *root;      /* where /proc and /sys are; "" for the machine's own */
	struct stat st;	       /* the file or device */
	bool block, ng;	       /* a block device; an NVMe character device */
	char disk[PLACE_NAME]; /* what it is or lies on, in /sys/block; "": nothing there */
	char part[PLACE_NAME]; /* the partition that it is; "" for a whole disk */
	/* Block devices that are it, or a part of it: of a file there are none. */
	dev_t blocks[PLACE_BLOCKS_MAX];
	size_t nr_blocks;
	dev_t ng_dev; /* the character device beside them; 0: none */
};

/* Fills in P for what ST tells of, with the ROOT that is used from then on. */
void device_place_find(struct device_place *p, const struct stat *st, const char *root);

/* Is ST the place, a part of it, or another way to it? */
bool device_place_is(const struct device_place *p, const struct stat *st);

/* Is block device DEV the place, or a part of it? */
bool device_place_has_block(const struct device_place *p, dev_t dev);

/* Adds block device DEV to P, unless it is 0 or there already. False: there is no room. */
bool device_place_add_block(struct device_place *p, dev_t dev);

/* Adds disk NAME of /sys/block to P, with its partitions. */
void device_place_add_disk(struct device_place *p, const char *name);

/* The disk of block device DEV (which may be a part of it), as in /sys/block. False: none. */
bool device_disk_of(const char *root, dev_t dev, char disk[PLACE_NAME]);

/* What the kernel calls block device DEV ("sda1"). False: it knows none. */
bool device_block_name(const char *root, dev_t dev, char name[PLACE_NAME]);

/* The name of the character device beside NVMe disk DISK. False: it is none. */
bool device_ng_beside(const char *disk, char ng[PLACE_NAME]);

#endif
