/* SPDX-License-Identifier: Apache-2.0 */
/*
 * place.c - finds the block devices that a file or device is, contains as parts, or lies on. Owns
 * nothing; any thread.
 */
#include "device/place.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>

#include "device/device.h"
#include "device/gather.h"
#include "device/sysfs.h"

bool device_place_add_block(struct device_place *p, dev_t dev)
{
	if (!dev || device_place_has_block(p, dev))
		return true;
	if (p->nr_blocks == PLACE_BLOCKS_MAX)
		return false;
	p->blocks[p->nr_blocks++] = dev;
	return true;
}

void device_place_add_disk(struct device_place *p, const char *name)
{
	char dir[PATH_MAX], sub[PATH_MAX];
	struct dirent *entry;
	DIR *d;

	snprintf(sub, sizeof(sub), "/sys/block/%s/dev", name);
	device_place_add_block(p, gather_dev(p->root, sub));
	snprintf(dir, sizeof(dir), "%s/sys/block/%s", p->root, name);
	d = opendir(dir);
	/* The partitions of a disk are the folders in the disk's folder that have a device number;
	 * their names begin with the disk's name. */
	while (d && (entry = readdir(d))) {
		if (strncmp(entry->d_name, name, strlen(name)))
			continue;
		snprintf(sub, sizeof(sub), "/sys/block/%s/%s/dev", name, entry->d_name);
		device_place_add_block(p, gather_dev(p->root, sub));
	}
	if (d)
		closedir(d);
}

/* Gets the last part of the path to which LINK, below the root, leads. Returns false if it leads
 * nowhere. */
static bool place_link_name(const char *root, const char *link, char name[PLACE_NAME])
{
	char path[PATH_MAX], real[PATH_MAX];

	name[0] = '\0';
	if (snprintf(path, sizeof(path), "%s%s", root, link) >= (int)sizeof(path) ||
	    !realpath(path, real))
		return false;
	if (snprintf(name, PLACE_NAME, "%s", strrchr(real, '/') + 1) < PLACE_NAME)
		return true;
	name[0] = '\0';
	return false;
}

bool device_block_name(const char *root, dev_t dev, char name[PLACE_NAME])
{
	char link[64];

	snprintf(link, sizeof(link), "/sys/dev/block/%u:%u", major(dev), minor(dev));
	return place_link_name(root, link, name);
}

bool device_disk_of(const char *root, dev_t dev, char disk[PLACE_NAME])
{
	char dir[PATH_MAX], *queue;

	disk[0] = '\0';
	if (sysfs_queue_dir_at(root, dev, dir, sizeof(dir)) < 0)
		return false;
	queue = strrchr(dir, '/');
	*queue = '\0';
	snprintf(disk, PLACE_NAME, "%s", strrchr(dir, '/') + 1);
	return true;
}

bool device_ng_beside(const char *disk, char ng[PLACE_NAME])
{
	ng[0] = '\0';
	if (strncmp(disk, "nvme", 4))
		return false;
	snprintf(ng, PLACE_NAME, "ng%.*s", PLACE_NAME - 3, disk + 4);
	if (device_is_ng_name(ng))
		return true;
	ng[0] = '\0';
	return false;
}

/* Finds the disk beside a character device from its number: ng0n1 and nvme0n1. */
static void place_find_ng(struct device_place *p, dev_t rdev)
{
	char link[64], name[PLACE_NAME];

	snprintf(link, sizeof(link), "/sys/dev/char/%u:%u", major(rdev), minor(rdev));
	if (!place_link_name(p->root, link, name) || !device_is_ng_name(name))
		return;
	p->ng = true;
	p->ng_dev = rdev;
	snprintf(p->disk, sizeof(p->disk), "nvme%.*s", PLACE_NAME - 5, name + 2);
	device_place_add_disk(p, p->disk);
}

static void place_find_block(struct device_place *p, dev_t rdev)
{
	char path[PATH_MAX], ng[PLACE_NAME];

	p->block = true;
	device_place_add_block(p, rdev);
	if (!device_disk_of(p->root, rdev, p->disk))
		return;
	if (device_block_name(p->root, rdev, p->part) && strcmp(p->part, p->disk) != 0)
		return;
	p->part[0] = '\0';
	device_place_add_disk(p, p->disk);
	if (!device_ng_beside(p->disk, ng))
		return;
	snprintf(path, sizeof(path), "/sys/class/nvme-generic/%s/dev", ng);
	p->ng_dev = gather_dev(p->root, path);
}

void device_place_find(struct device_place *p, const struct stat *st, const char *root)
{
	memset(p, 0, sizeof(*p));
	p->root = root;
	p->st = *st;
	if (S_ISCHR(st->st_mode))
		place_find_ng(p, st->st_rdev);
	else if (S_ISBLK(st->st_mode))
		place_find_block(p, st->st_rdev);
	else
		device_disk_of(root, st->st_dev, p->disk);
}

bool device_place_has_block(const struct device_place *p, dev_t dev)
{
	for (size_t i = 0; i < p->nr_blocks; i++)
		if (p->blocks[i] == dev)
			return true;
	return false;
}

bool device_place_is(const struct device_place *p, const struct stat *st)
{
	if (S_ISBLK(st->st_mode))
		return device_place_has_block(p, st->st_rdev);
	if (S_ISCHR(st->st_mode))
		return p->ng_dev && st->st_rdev == p->ng_dev;
	return S_ISREG(p->st.st_mode) && st->st_dev == p->st.st_dev && st->st_ino == p->st.st_ino;
}
