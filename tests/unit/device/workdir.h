/* SPDX-License-Identifier: Apache-2.0 */
/*
 * workdir.h - a folder for a test's files, in $TMPDIR or /tmp, removed with its contents at the
 * end.
 */
#ifndef TEST_WORKDIR_H
#define TEST_WORKDIR_H

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char workdir[512];

static inline int workdir_make(void)
{
	const char *tmp = getenv("TMPDIR");

	snprintf(workdir, sizeof(workdir), "%s/weir-test-XXXXXX", tmp && *tmp ? tmp : "/tmp");
	return mkdtemp(workdir) ? 0 : -1;
}

/* Returns the path of NAME in the folder; it is valid for this call and the next three. */
static inline const char *workdir_path(const char *name)
{
	static char paths[4][1024];
	static unsigned turn;
	char *path = paths[turn++ % 4];

	snprintf(path, sizeof(paths[0]), "%s/%s", workdir, name);
	return path;
}

static inline int workdir_remove(void)
{
	DIR *dir = opendir(workdir);
	struct dirent *entry;

	while (dir && (entry = readdir(dir)))
		if (strcmp(entry->d_name, ".") && strcmp(entry->d_name, ".."))
			unlinkat(dirfd(dir), entry->d_name, 0);
	if (dir)
		closedir(dir);
	return rmdir(workdir);
}

#endif
