/* SPDX-License-Identifier: Apache-2.0 */
/*
 * claims.c - finds out what the system uses a file or device for: mounts, swap, parts of other
 * devices, and owners of an exclusive open that these lists do not show. Owns nothing.
 */
#include "device/claims.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "device/gather.h"

/*
 * The state of a search: the place, and `above`, which is the place and all block devices that are
 * made of it or are other ways to it. Whoever uses one of these uses the place.
 */
struct claims_look {
	const struct device_place *place;
	struct device_place above;
	struct device_claims *claims;
};

/* Returns the value of the three octal digits at TEXT, or -1. */
static int claims_octal(const char *text)
{
	int value = 0;

	for (int i = 0; i < 3; i++) {
		if (text[i] < '0' || text[i] > '7')
			return -1;
		value = value * 8 + (text[i] - '0');
	}
	return value;
}

/* Replaces the kernel's \040 (a space) and similar codes in place. */
static void claims_unescape(char *text)
{
	char *out = text;

	for (const char *in = text; *in;) {
		int c = *in == '\\' ? claims_octal(in + 1) : -1;

		if (c < 0)
			*out++ = *in;
		else
			*out++ = (char)c;
		in += c < 0 ? 1 : 4;
	}
	*out = '\0';
}

/* Returns true if PATH, a file or a name in /dev, is the place, a part of it, or made of it. */
static bool claims_is_path(const struct claims_look *l, const char *path)
{
	struct stat st;

	if (path[0] != '/' || stat(path, &st) < 0)
		return false;
	return device_place_is(l->place, &st) || device_place_is(&l->above, &st);
}

/* Writes " (dm-0)" to TEXT if DEV is not the place itself but lies above it. */
static const char *claims_through(const struct claims_look *l, dev_t dev, char text[PLACE_NAME + 8])
{
	char name[PLACE_NAME];

	text[0] = '\0';
	if (!device_place_has_block(l->place, dev) && device_block_name(l->place->root, dev, name))
		snprintf(text, PLACE_NAME + 8, " (%s)", name);
	return text;
}

/*
 * Reads a line of mountinfo: "36 35 98:0 /root /mount/point options [more ...] - type source
 * options". A filesystem on several devices has a number of its own, so it is known by its source;
 * so is a filesystem in a file.
 */
static void claims_mount(struct claims_look *l, char *line)
{
	char point[PATH_MAX], source[PATH_MAX] = "", *dash = strstr(line, " - ");
	char through[PLACE_NAME + 8];
	unsigned maj, min;

	_Static_assert(PATH_MAX == 4096, "the widths below");
	if (sscanf(line, "%*d %*d %u:%u %*s %4095s", &maj, &min, point) != 3)
		return;
	if (dash && sscanf(dash, " - %*s %4095s", source) == 1)
		claims_unescape(source);
	if (!device_place_has_block(&l->above, makedev(maj, min)) && !claims_is_path(l, source))
		return;
	claims_unescape(point);
	device_names_add(&l->claims->mounts, "%.*s%s", NAMES_BYTES - PLACE_NAME - 8, point,
			 claims_through(l, makedev(maj, min), through));
}

/* Reads a line such as "/dev/sda2 partition 1024 0 -2" or "/swapfile file ...". */
static void claims_swap(struct claims_look *l, char *line)
{
	char name[PATH_MAX];

	if (sscanf(line, "%4095s", name) != 1)
		return;
	claims_unescape(name);
	if (claims_is_path(l, name))
		device_names_add(&l->claims->swaps, "%s", name);
}

static void claims_lines(struct claims_look *l, const char *file,
			 void (*look)(struct claims_look *, char *))
{
	char path[PATH_MAX], *line = NULL;
	size_t room = 0;
	FILE *in;

	snprintf(path, sizeof(path), "%s%s", l->place->root, file);
	in = fopen(path, "re");
	if (!in)
		return;
	while (getline(&line, &room, in) > 0)
		look(l, line);
	free(line);
	fclose(in);
}

static void claims_holder(struct claims_look *l, const char *holder)
{
	char path[PATH_MAX], name[64];

	device_place_add_disk(&l->above, holder);
	snprintf(path, sizeof(path), "/sys/block/%s/dm/name", holder);
	if (gather_line(l->place->root, path, name, sizeof(name)) < 0)
		device_names_add(&l->claims->holders, "%s", holder);
	else
		device_names_add(&l->claims->holders, "%s (%s)", holder, name);
}

/* Adds the devices that are made of block device DEV: dm-0, md0. */
static void claims_holders(struct claims_look *l, dev_t dev)
{
	char path[PATH_MAX];
	struct dirent *entry;
	DIR *dir;

	snprintf(path, sizeof(path), "%s/sys/dev/block/%u:%u/holders", l->place->root, major(dev),
		 minor(dev));
	dir = opendir(path);
	while (dir && (entry = readdir(dir)))
		if (entry->d_name[0] != '.')
			claims_holder(l, entry->d_name);
	if (dir)
		closedir(dir);
}

/* Returns true if somebody has an exclusive open of PATH. It tries an exclusive open itself, and
 * closes it at once. */
static bool claims_is_held(const char *path)
{
	int fd = open(path, O_RDONLY | O_EXCL | O_NONBLOCK | O_CLOEXEC);

	if (fd < 0)
		return errno == EBUSY;
	close(fd);
	return false;
}

/* Adds loop device NAME if it lies on the place. The kernel has that file open; no process does. */
static void claims_loop(struct claims_look *l, const char *name)
{
	char path[PATH_MAX], backing[PATH_MAX];

	snprintf(path, sizeof(path), "/sys/block/%s/loop/backing_file", name);
	if (gather_line(l->place->root, path, backing, sizeof(backing)) < 0 ||
	    !claims_is_path(l, backing))
		return;
	device_place_add_disk(&l->above, name);
	device_names_add(&l->claims->loops, "/dev/%s", name);
	snprintf(path, sizeof(path), "/dev/%s", name);
	if (!l->place->root[0] && claims_is_held(path))
		device_names_add(&l->claims->holders, "/dev/%s, which is in use", name);
}

/* Adds the same namespace reached through another controller: two disks with one worldwide name. */
static void claims_twin(struct claims_look *l, const char *name)
{
	char path[PATH_MAX], mine[256], its[256];

	if (strncmp(name, "nvme", 4) || !strcmp(name, l->place->disk))
		return;
	snprintf(path, sizeof(path), "/sys/block/%s/wwid", l->place->disk);
	if (gather_line(l->place->root, path, mine, sizeof(mine)) < 0 || !mine[0])
		return;
	snprintf(path, sizeof(path), "/sys/block/%s/wwid", name);
	if (gather_line(l->place->root, path, its, sizeof(its)) < 0 || strcmp(mine, its) != 0)
		return;
	device_place_add_disk(&l->above, name);
}

/* Looks at all disks of the machine. */
static void claims_disks(struct claims_look *l)
{
	bool whole =
		l->place->nr_blocks && !l->place->part[0] && !strncmp(l->place->disk, "nvme", 4);
	char path[PATH_MAX];
	struct dirent *entry;
	DIR *dir;

	snprintf(path, sizeof(path), "%s/sys/block", l->place->root);
	dir = opendir(path);
	while (dir && (entry = readdir(dir))) {
		claims_loop(l, entry->d_name);
		if (whole)
			claims_twin(l, entry->d_name);
	}
	if (dir)
		closedir(dir);
}

/* Finds the devices above the place, and the devices above those. */
static void claims_above(struct claims_look *l)
{
	char path[PATH_MAX];
	const struct device_place *p = l->place;

	l->above = *p;
	/* Whoever uses the whole disk uses its partitions as well. */
	snprintf(path, sizeof(path), "/sys/block/%s/dev", p->disk);
	if (p->part[0])
		device_place_add_block(&l->above, gather_dev(p->root, path));
	claims_disks(l);
	for (size_t i = 0; i < l->above.nr_blocks; i++)
		claims_holders(l, l->above.blocks[i]);
}

/*
 * Returns true if a filesystem of TYPE is mounted on NAME somewhere. A mount in another mount
 * namespace (of a container) is not visible here, but it has a folder for each device:
 * /sys/fs/ext4/sda1, /sys/fs/btrfs/UUID/devices/sda1.
 */
static bool claims_has_fs(const char *root, const char *type, const char *name)
{
	char path[PATH_MAX];
	struct dirent *entry;
	bool found;
	DIR *dir;

	snprintf(path, sizeof(path), "%s/sys/fs/%s/%s", root, type, name);
	found = !access(path, F_OK);
	if (found || strcmp(type, "btrfs") != 0)
		return found;
	snprintf(path, sizeof(path), "%s/sys/fs/btrfs", root);
	dir = opendir(path);
	while (dir && !found && (entry = readdir(dir))) {
		snprintf(path, sizeof(path), "%s/sys/fs/btrfs/%s/devices/%s", root, entry->d_name,
			 name);
		found = !access(path, F_OK);
	}
	if (dir)
		closedir(dir);
	return found;
}

static void claims_hidden_mounts(struct claims_look *l)
{
	static const char *const types[] = { "ext4",  "xfs", "btrfs", "f2fs",
					     "erofs", "jfs", "nilfs2" };
	char name[PLACE_NAME];

	for (size_t i = 0; i < l->above.nr_blocks; i++) {
		if (!device_block_name(l->place->root, l->above.blocks[i], name))
			continue;
		for (size_t t = 0; t < sizeof(types) / sizeof(types[0]); t++)
			if (claims_has_fs(l->place->root, types[t], name))
				device_names_add(&l->claims->mounts,
						 "a folder that cannot be seen from here (%s of "
						 "/dev/%s, in another mount namespace)",
						 types[t], name);
	}
}

void device_find_claims(struct device_claims *c, const struct device_place *p)
{
	struct claims_look look = { .place = p, .claims = c };

	memset(c, 0, sizeof(*c));
	claims_above(&look);
	claims_lines(&look, "/proc/self/mountinfo", claims_mount);
	if (!c->mounts.count)
		claims_hidden_mounts(&look);
	claims_lines(&look, "/proc/swaps", claims_swap);
}

bool device_is_claimed(const struct device_place *p, const char *path)
{
	char beside[PLACE_NAME + 8];

	snprintf(beside, sizeof(beside), "/dev/%s", p->disk);
	return (p->block || p->ng) && claims_is_held(p->ng ? beside : path);
}
