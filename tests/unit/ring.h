/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ring.h - finds the ring that a queue has opened, for tests that take it away.
 */
#ifndef TEST_RING_H
#define TEST_RING_H

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The highest descriptor of this process that is a ring, or -1. */
static inline int ring_find(void)
{
	DIR *dir = opendir("/proc/self/fd");
	struct dirent *entry;
	char target[64];
	int found = -1, fd;
	ssize_t n;

	while (dir && (entry = readdir(dir))) {
		fd = atoi(entry->d_name);
		n = readlinkat(dirfd(dir), entry->d_name, target, sizeof(target) - 1);
		if (n < 0)
			continue;
		target[n] = '\0';
		if (!strcmp(target, "anon_inode:[io_uring]") && fd > found)
			found = fd;
	}
	if (dir)
		closedir(dir);
	return found;
}

#endif
