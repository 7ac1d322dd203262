/* SPDX-License-Identifier: Apache-2.0 */
/*
 * overlap.c - finds what a file or device is made of, from stat() and sysfs. See overlap.h.
 *
 * Two partitions lie on one disk and do not overlap, so a common disk below both is not enough:
 * one of the two must itself be among the things that the other is made of.
 */
#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "cli/overlap.h"

#define OVERLAP_NODES 64 /* size limit for stacks of mapped devices; deeper ones are not seen */

enum node_kind { NODE_FILE, NODE_BLOCK, NODE_CHAR };

struct node {
	enum node_kind kind;
	dev_t dev;
	ino_t ino; /* inode, for files */
};

/* The nodes that one thing is made of. The first node is the thing itself. */
struct nodes {
	struct node node[OVERLAP_NODES];
	size_t count;
};

static bool nodes_have(const struct nodes *all, const struct node *node)
{
	for (size_t i = 0; i < all->count; i++)
		if (all->node[i].kind == node->kind && all->node[i].dev == node->dev &&
		    all->node[i].ino == node->ino)
			return true;
	return false;
}

/* Adds a node, unless the list contains it already or is full. */
static void nodes_add(struct nodes *all, enum node_kind kind, dev_t dev, ino_t ino)
{
	struct node node = { .kind = kind, .dev = dev, .ino = ino };

	if (all->count == OVERLAP_NODES || nodes_have(all, &node))
		return;
	all->node[all->count++] = node;
}

/* Reads the first line of DIR/NAME. */
static bool overlap_line(const char *dir, const char *name, char *line, size_t size)
{
	char path[PATH_MAX];
	FILE *in;
	bool ok;

	if (snprintf(path, sizeof(path), "%s/%s", dir, name) >= (int)sizeof(path))
		return false;
	in = fopen(path, "re");
	ok = in && fgets(line, (int)size, in);
	if (in)
		fclose(in);
	if (ok)
		line[strcspn(line, "\n")] = '\0';
	return ok;
}

/*
 * Adds block device DEV, unless sysfs has no device of that number, as for filesystems without a
 * device.
 */
static void nodes_add_block(struct nodes *all, dev_t dev)
{
	char dir[64];

	snprintf(dir, sizeof(dir), "/sys/dev/block/%u:%u", major(dev), minor(dev));
	if (!access(dir, F_OK))
		nodes_add(all, NODE_BLOCK, dev, 0);
}

/* Adds the block device whose number is in DIR/dev. */
static void nodes_add_numbered(struct nodes *all, const char *dir)
{
	char line[32];
	unsigned maj, min;

	if (overlap_line(dir, "dev", line, sizeof(line)) && sscanf(line, "%u:%u", &maj, &min) == 2)
		nodes_add_block(all, makedev(maj, min));
}

/* Adds the devices of which the device at the sysfs folder DIR is made. */
static void nodes_add_slaves(struct nodes *all, const char *dir)
{
	char path[PATH_MAX];
	struct dirent *entry;
	DIR *slaves;

	snprintf(path, sizeof(path), "%s/slaves", dir);
	slaves = opendir(path);
	while (slaves && (entry = readdir(slaves))) {
		if (entry->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "%s/slaves/%s", dir, entry->d_name);
		nodes_add_numbered(all, path);
	}
	if (slaves)
		closedir(slaves);
}

/*
 * Adds the block device of an NVMe namespace's character device, if there is one: both are the
 * same bytes.
 */
static void nodes_add_char(struct nodes *all, dev_t dev)
{
	char path[64], target[PATH_MAX], block[PATH_MAX];
	const char *name;
	ssize_t len;

	snprintf(path, sizeof(path), "/sys/dev/char/%u:%u", major(dev), minor(dev));
	len = readlink(path, target, sizeof(target) - 1);
	if (len < 0)
		return;
	target[len] = '\0';
	name = strrchr(target, '/');
	name = name ? name + 1 : target;
	if (strncmp(name, "ng", 2))
		return;
	snprintf(block, sizeof(block), "/sys/class/block/nvme%.64s", name + 2);
	nodes_add_numbered(all, block);
	nodes_add(all, NODE_CHAR, dev, 0);
}

static void nodes_add_stat(struct nodes *all, const struct stat *st)
{
	if (S_ISBLK(st->st_mode))
		nodes_add_block(all, st->st_rdev);
	else if (S_ISCHR(st->st_mode))
		nodes_add_char(all, st->st_rdev);
	else if (S_ISREG(st->st_mode))
		nodes_add(all, NODE_FILE, st->st_dev, st->st_ino);
}

/*
 * Adds the thing below block device DEV: the disk of a partition, the parts of a mapped device,
 * the file of a loop device.
 */
static void nodes_below_block(struct nodes *all, dev_t dev)
{
	char dir[64], up[80], line[PATH_MAX];
	struct stat st;

	snprintf(dir, sizeof(dir), "/sys/dev/block/%u:%u", major(dev), minor(dev));
	if (overlap_line(dir, "partition", line, sizeof(line))) {
		snprintf(up, sizeof(up), "%s/..", dir);
		nodes_add_numbered(all, up);
	}
	nodes_add_slaves(all, dir);
	if (overlap_line(dir, "loop/backing_file", line, sizeof(line)) && !stat(line, &st))
		nodes_add_stat(all, &st);
}

/*
 * Collects the thing that ST describes, and everything below it: with FILESYSTEMS also the devices
 * on which files lie.
 */
static void nodes_collect(struct nodes *all, const struct stat *st, bool filesystems)
{
	nodes_add_stat(all, st);
	for (size_t i = 0; i < all->count; i++) {
		if (all->node[i].kind == NODE_FILE && filesystems)
			nodes_add_block(all, all->node[i].dev);
		else if (all->node[i].kind == NODE_BLOCK)
			nodes_below_block(all, all->node[i].dev);
	}
}

bool overlap_stats(const struct stat *written, const struct stat *other)
{
	struct nodes target = { .count = 0 }, kept = { .count = 0 };

	nodes_collect(&target, written, false);
	nodes_collect(&kept, other, true);
	return (target.count && nodes_have(&kept, &target.node[0])) ||
	       (kept.count && nodes_have(&target, &kept.node[0]));
}

bool overlap_paths(const char *written, const char *other)
{
	struct stat target, kept;

	return !stat(written, &target) && !stat(other, &kept) && overlap_stats(&target, &kept);
}
