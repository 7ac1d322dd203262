/* SPDX-License-Identifier: Apache-2.0 */
/*
 * claims.c - what the system has made of the target: mounts, swap, parts of other devices, and
 * whoever has a block device exclusively without being seen in these lists.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "doctor/gather.h"
#include "doctor/target.h"

/* The value of the three octal digits at TEXT, or -1. */
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

/* Undoes the kernel's \040 for a space and its like, in place. */
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

/* Is PATH, a name in /dev or of a file, the target or a part of it? */
static bool claims_is_path(const struct doctor_target *t, const char *path)
{
	struct stat st;

	return path[0] == '/' && !stat(path, &st) && doctor_target_is(t, &st);
}

/*
 * A line of mountinfo: "36 35 98:0 /root /mount/point options [more ...] - type source options".
 * Filesystems on several devices have a number of their own, and are known by their source.
 */
static void claims_mount(struct doctor_users *f, const struct doctor_target *t, char *line)
{
	char point[PATH_MAX], source[PATH_MAX] = "", *dash = strstr(line, " - ");
	unsigned maj, min;

	_Static_assert(PATH_MAX == 4096, "the widths below");
	if (sscanf(line, "%*d %*d %u:%u %*s %4095s", &maj, &min, point) != 3)
		return;
	if (dash && sscanf(dash, " - %*s %4095s", source) == 1)
		claims_unescape(source);
	if (!doctor_target_has_block(t, makedev(maj, min)) &&
	    (!t->nr_blocks || strncmp(source, "/dev/", 5) || !claims_is_path(t, source)))
		return;
	claims_unescape(point);
	doctor_name(&f->mounts, "%s", point);
}

/* "/dev/sda2 partition 1024 0 -2", or "/swapfile file ..." */
static void claims_swap(struct doctor_users *f, const struct doctor_target *t, char *line)
{
	char name[PATH_MAX];

	if (sscanf(line, "%4095s", name) != 1)
		return;
	claims_unescape(name);
	if (claims_is_path(t, name))
		doctor_name(&f->swaps, "%s", name);
}

static void claims_lines(struct doctor_users *f, const struct doctor_target *t, const char *file,
			 void (*look)(struct doctor_users *, const struct doctor_target *, char *))
{
	char path[PATH_MAX], *line = NULL;
	size_t room = 0;
	FILE *in;

	snprintf(path, sizeof(path), "%s%s", t->root, file);
	in = fopen(path, "re");
	if (!in)
		return;
	while (getline(&line, &room, in) > 0)
		look(f, t, line);
	free(line);
	fclose(in);
}

/* Devices that are made of block device DEV: dm-0, md0. */
static void claims_holders(struct doctor_users *f, const struct doctor_target *t, dev_t dev)
{
	char path[PATH_MAX], name_path[PATH_MAX], name[64];
	struct dirent *entry;
	DIR *dir;

	snprintf(path, sizeof(path), "%s/sys/dev/block/%u:%u/holders", t->root, major(dev),
		 minor(dev));
	dir = opendir(path);
	while (dir && (entry = readdir(dir))) {
		if (entry->d_name[0] == '.')
			continue;
		snprintf(name_path, sizeof(name_path), "/sys/block/%s/dm/name", entry->d_name);
		if (gather_line(t->root, name_path, name, sizeof(name)) < 0)
			doctor_name(&f->holders, "%s", entry->d_name);
		else
			doctor_name(&f->holders, "%s (%s)", entry->d_name, name);
	}
	if (dir)
		closedir(dir);
}

/* Loop devices on a file: no process has that open, the kernel has. */
static void claims_loops(struct doctor_users *f, const struct doctor_target *t)
{
	char path[PATH_MAX], backing[PATH_MAX];
	struct dirent *entry;
	DIR *dir;

	snprintf(path, sizeof(path), "%s/sys/block", t->root);
	dir = opendir(path);
	while (dir && (entry = readdir(dir))) {
		snprintf(path, sizeof(path), "/sys/block/%s/loop/backing_file", entry->d_name);
		if (!gather_line(t->root, path, backing, sizeof(backing)) &&
		    claims_is_path(t, backing))
			doctor_name(&f->holders, "/dev/%s", entry->d_name);
	}
	if (dir)
		closedir(dir);
}

/* An exclusive open succeeds only where nobody else has one; it is given back at once. */
static bool claims_is_claimed(const struct doctor_target *t)
{
	char beside[TARGET_NAME + 8];
	int fd;

	if (!t->block && !t->ng)
		return false;
	snprintf(beside, sizeof(beside), "/dev/%s", t->disk);
	fd = open(t->ng ? beside : t->path, O_RDONLY | O_EXCL | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return errno == EBUSY;
	close(fd);
	return false;
}

void doctor_find_claims(struct doctor_users *f, const struct doctor_target *t)
{
	claims_lines(f, t, "/proc/self/mountinfo", claims_mount);
	claims_lines(f, t, "/proc/swaps", claims_swap);
	for (size_t i = 0; i < t->nr_blocks; i++)
		claims_holders(f, t, t->blocks[i]);
	if (S_ISREG(t->st.st_mode))
		claims_loops(f, t);
	f->claimed = claims_is_claimed(t);
}
