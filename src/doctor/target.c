/* SPDX-License-Identifier: Apache-2.0 */
/*
 * target.c - finds out what the user named, and which block devices are parts of it. It is opened
 * for reading only: closing a block device that was open for writing makes the system look at it
 * anew.
 */
#include "doctor/target.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>

#include <weir/base.h>

#include "device/device.h"
#include "device/sysfs.h"
#include "doctor/gather.h"

static void target_add_block(struct doctor_target *t, dev_t dev)
{
	if (dev && !doctor_target_has_block(t, dev) && t->nr_blocks < TARGET_BLOCKS_MAX)
		t->blocks[t->nr_blocks++] = dev;
}

/* The partitions of t->disk are the folders in its own that have a number of their own. */
static void target_add_partitions(struct doctor_target *t)
{
	char dir[PATH_MAX], sub[PATH_MAX];
	struct dirent *entry;
	DIR *d;

	snprintf(dir, sizeof(dir), "%s/sys/block/%s", t->root, t->disk);
	d = opendir(dir);
	while (d && (entry = readdir(d))) {
		/* All partitions are named after their disk. */
		if (strncmp(entry->d_name, t->disk, strlen(t->disk)))
			continue;
		snprintf(sub, sizeof(sub), "/sys/block/%s/%s/dev", t->disk, entry->d_name);
		target_add_block(t, gather_dev(t->root, sub));
	}
	if (d)
		closedir(d);
}

/* The last part of where LINK below the root leads to. 0 or -errno. */
static int target_link_name(const struct doctor_target *t, const char *link, char *name)
{
	char path[PATH_MAX], real[PATH_MAX];

	snprintf(path, sizeof(path), "%s%s", t->root, link);
	if (!realpath(path, real))
		return -errno;
	if ((size_t)snprintf(name, TARGET_NAME, "%s", strrchr(real, '/') + 1) >= TARGET_NAME)
		return -ENAMETOOLONG;
	return 0;
}

bool doctor_disk_of(const char *root, dev_t dev, char disk[TARGET_NAME])
{
	char dir[PATH_MAX], *queue;

	disk[0] = '\0';
	if (sysfs_queue_dir_at(root, dev, dir, sizeof(dir)) < 0)
		return false;
	queue = strrchr(dir, '/');
	*queue = '\0';
	snprintf(disk, TARGET_NAME, "%s", strrchr(dir, '/') + 1);
	return true;
}

/* Fills in t->disk and t->part of block device DEV. */
static void target_find_disk(struct doctor_target *t, dev_t dev)
{
	char link[64];

	if (!doctor_disk_of(t->root, dev, t->disk))
		return;
	snprintf(link, sizeof(link), "/sys/dev/block/%u:%u", major(dev), minor(dev));
	if (target_link_name(t, link, t->part) < 0 || !strcmp(t->part, t->disk))
		t->part[0] = '\0';
}

/* From the character device's number to the disk beside it: ng0n1 and nvme0n1. */
static void target_find_ng(struct doctor_target *t, dev_t rdev)
{
	char link[64], name[TARGET_NAME], dir[PATH_MAX];

	snprintf(link, sizeof(link), "/sys/dev/char/%u:%u", major(rdev), minor(rdev));
	if (target_link_name(t, link, name) < 0 || !device_is_ng_name(name))
		return;
	t->ng = true;
	t->ng_dev = rdev;
	snprintf(t->disk, sizeof(t->disk), "nvme%.*s", TARGET_NAME - 5, name + 2);
	snprintf(dir, sizeof(dir), "/sys/block/%s/dev", t->disk);
	target_add_block(t, gather_dev(t->root, dir));
	target_add_partitions(t);
}

/* The character device beside an NVMe disk. */
static void target_find_beside(struct doctor_target *t)
{
	char dir[PATH_MAX], name[TARGET_NAME];

	if (strncmp(t->disk, "nvme", 4) || t->part[0])
		return;
	snprintf(name, sizeof(name), "ng%.*s", TARGET_NAME - 3, t->disk + 4);
	if (!device_is_ng_name(name))
		return;
	snprintf(dir, sizeof(dir), "/sys/class/nvme-generic/%s/dev", name);
	t->ng_dev = gather_dev(t->root, dir);
}

static void target_find_blocks(struct doctor_target *t)
{
	if (S_ISCHR(t->st.st_mode)) {
		target_find_ng(t, t->st.st_rdev);
	} else if (S_ISBLK(t->st.st_mode)) {
		t->block = true;
		target_find_disk(t, t->st.st_rdev);
		target_add_block(t, t->st.st_rdev);
		if (t->disk[0] && !t->part[0])
			target_add_partitions(t);
		target_find_beside(t);
	} else {
		target_find_disk(t, t->st.st_dev);
	}
}

void doctor_target_find(struct doctor_target *t, const char *path, const char *root)
{
	struct weir_device_opts opts = WEIR_DEVICE_OPTS_INIT;

	memset(t, 0, sizeof(*t));
	t->path = path;
	t->root = root;
	opts.flags = WEIR_DEVICE_READ_ONLY;
	t->open_err = weir_device_open(&t->dev, path, &opts);
	if (t->open_err < 0) {
		t->dev = NULL;
		snprintf(t->open_words, sizeof(t->open_words), "%s", weir_error());
	}
	t->null = t->dev && weir_device_info(t->dev)->kind == WEIR_DEVICE_NULL;
	if (t->null)
		return;
	if (stat(path, &t->st) < 0)
		t->stat_err = -errno;
	else
		target_find_blocks(t);
}

void doctor_target_drop(struct doctor_target *t)
{
	if (t->dev)
		weir_device_close(t->dev);
	t->dev = NULL;
}

bool doctor_target_has_block(const struct doctor_target *t, dev_t dev)
{
	for (size_t i = 0; i < t->nr_blocks; i++)
		if (t->blocks[i] == dev)
			return true;
	return false;
}

bool doctor_target_is(const struct doctor_target *t, const struct stat *st)
{
	if (S_ISBLK(st->st_mode))
		return doctor_target_has_block(t, st->st_rdev);
	if (S_ISCHR(st->st_mode))
		return t->ng_dev && st->st_rdev == t->ng_dev;
	return S_ISREG(t->st.st_mode) && st->st_dev == t->st.st_dev && st->st_ino == t->st.st_ino;
}
