/* SPDX-License-Identifier: Apache-2.0 */
/*
 * openers.c - looks for processes that have the target open.
 */
#include <ctype.h>
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
#include "doctor/target.h"

/*
 * Finds out what descriptor NAME in folder FD is. It only uses what the kernel has in memory,
 * because the file may be on a server that does not answer.
 */
static bool openers_stat(int fd, const char *name, struct stat *st)
{
	struct statx sx;

	if (statx(fd, name, AT_STATX_DONT_SYNC | AT_NO_AUTOMOUNT, STATX_TYPE | STATX_INO, &sx) < 0)
		return false;
	st->st_mode = sx.stx_mode;
	st->st_ino = sx.stx_ino;
	st->st_dev = makedev(sx.stx_dev_major, sx.stx_dev_minor);
	st->st_rdev = makedev(sx.stx_rdev_major, sx.stx_rdev_minor);
	return true;
}

/* Returns true if the process whose descriptors are in DIR has the target open. */
static bool openers_has(const struct doctor_target *t, DIR *dir)
{
	struct dirent *entry;
	struct stat st;

	while ((entry = readdir(dir)))
		if (isdigit((unsigned char)entry->d_name[0]) &&
		    openers_stat(dirfd(dir), entry->d_name, &st) && device_place_is(&t->at, &st))
			return true;
	return false;
}

static void openers_look(struct doctor_users *f, const struct doctor_target *t, const char *pid)
{
	char path[PATH_MAX], comm[32];
	DIR *dir;

	snprintf(path, sizeof(path), "%s/proc/%s/fd", t->root, pid);
	dir = opendir(path);
	if (!dir) {
		/* A process that has just ended has nothing open. */
		if (errno == EACCES || errno == EPERM)
			f->hidden++;
		return;
	}
	if (openers_has(t, dir)) {
		snprintf(path, sizeof(path), "/proc/%s/comm", pid);
		if (gather_line(t->root, path, comm, sizeof(comm)) < 0)
			device_names_add(&f->openers, "pid %s", pid);
		else
			device_names_add(&f->openers, "pid %s (%s)", pid, comm);
	}
	closedir(dir);
}

void doctor_find_openers(struct doctor_users *f, const struct doctor_target *t)
{
	char path[PATH_MAX];
	struct dirent *entry;
	DIR *dir;

	snprintf(path, sizeof(path), "%s/proc", t->root);
	dir = opendir(path);
	while (dir && (entry = readdir(dir)))
		if (isdigit((unsigned char)entry->d_name[0]) &&
		    strtol(entry->d_name, NULL, 10) != getpid())
			openers_look(f, t, entry->d_name);
	if (dir)
		closedir(dir);
}
