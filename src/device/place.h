/* SPDX-License-Identifier: Apache-2.0 */
/*
 * place.h - which block devices a file or device is, contains as parts, or lies on. A place is a
 * plain value: it owns nothing. Any thread.
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
	bool block, ng;	       /* it is a block device; it is an NVMe character device */
	char disk[PLACE_NAME]; /* the disk that it is or lies on, in /sys/block; "": none */
	char part[PLACE_NAME]; /* the partition that it is; "" for a whole disk */
	/* Block devices that are this place or a part of it. A file has none. */
	dev_t blocks[PLACE_BLOCKS_MAX];
	size_t nr_blocks;
	dev_t ng_dev; /* the character device beside these; 0: none */
};

/* Fills in P from ST. ROOT must stay valid as long as P is used. */
void device_place_find(struct device_place *p, const struct stat *st, const char *root);

/* Returns true if ST is the place, a part of it, or another way to it. */
bool device_place_is(const struct device_place *p, const struct stat *st);

/* Returns true if block device DEV is the place or a part of it. */
bool device_place_has_block(const struct device_place *p, dev_t dev);

/* Adds block device DEV to P, unless it is 0 or already there. Returns false if there is no
 * room. */
bool device_place_add_block(struct device_place *p, dev_t dev);

/* Adds disk NAME of /sys/block to P, with its partitions. */
void device_place_add_disk(struct device_place *p, const char *name);

/* Finds the disk of block device DEV (which may be a partition), as in /sys/block. Returns false if
 * there is none. */
bool device_disk_of(const char *root, dev_t dev, char disk[PLACE_NAME]);

/* Finds the kernel's name of block device DEV ("sda1"). Returns false if the kernel does not know
 * it. */
bool device_block_name(const char *root, dev_t dev, char name[PLACE_NAME]);

/* Makes the name of the character device beside NVMe disk DISK. Returns false if DISK is no NVMe
 * disk. */
bool device_ng_beside(const char *disk, char ng[PLACE_NAME]);

#endif
