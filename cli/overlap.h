/* SPDX-License-Identifier: Apache-2.0 */
/*
 * overlap.h - finds out whether two names mean the same bytes. It compares the things and not the
 * names: links, /dev/fd/N, a loop device and its file, a partition and its disk, the two nodes of
 * an NVMe namespace, a mapped device and its parts, a file and the device below its filesystem.
 * Owns nothing; any thread may call it.
 */
#ifndef OVERLAP_H
#define OVERLAP_H

#include <stdbool.h>

/*
 * Returns true if writing to the file A would change the file B, or the reverse. Terminals, pipes,
 * sockets and the like never overlap, and a path that does not exist overlaps nothing.
 */
bool overlap_paths(const char *a, const char *b);

/* Does the same as overlap_paths(), for the open file FD and a path ("-": standard input). */
bool overlap_fd(int fd, const char *path);

#endif
